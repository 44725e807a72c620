//! The edge of the world: a node with one port, behind which stands something outside.
//!
//! What arrives waits here until the driver takes it to a TAP device or an interface; what comes in from
//! there the driver sends with [`super::World::transmit`].

use std::collections::VecDeque;

use super::node::{Node, PortId, Transmit};
use crate::outbox::Outbox;
use crate::time::{Deadline, Instant};
use crate::wire::Frame;

/// A node whose station is outside the world.
#[derive(Debug, Default)]
pub struct Edge {
    outward: VecDeque<Frame>,
}

impl Edge {
    /// The one port of an edge.
    pub const PORT: PortId = PortId(0);

    /// Takes the oldest frame that is on its way out.
    pub fn take(&mut self) -> Option<Frame> {
        self.outward.pop_front()
    }
}

impl Node for Edge {
    type Ear = ();

    fn handle_frame(
        &mut self,
        _now: Instant,
        _port: PortId,
        frame: &Frame,
        _out: &mut Outbox<Transmit>,
    ) {
        self.outward.push_back(frame.clone());
    }

    // A scenario pulls the cables of sets alone: that of an edge is always in.
    fn handle_carrier(&mut self, _: Instant, _: PortId, _: bool, _: &mut Outbox<Transmit>) {}

    fn handle_timeout(&mut self, _now: Instant, _out: &mut Outbox<Transmit>) {}

    fn poll_timeout(&self) -> Deadline {
        None
    }

    fn ear(&self) {}
}
