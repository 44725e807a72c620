//! What the engine moves frames between: nodes with ports, and links.

use std::sync::Arc;

use crate::outbox::{DropReason, Outbox};
use crate::time::{Deadline, Duration, Instant};
use crate::wire::Frame;

/// One Ethernet port of a node, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u32);

/// What a node asks of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transmit {
    /// Send the frame out of one port.
    Port { port: PortId, frame: Frame },
    /// The same with a frame that the node itself has made: who watches the node sees it leave.
    Own { port: PortId, frame: Frame },
    /// Send the frame out of each of these ports but one; and a frame with other bytes, the same with another tag, out
    /// of each of further ports but the same one. Those without a cable are passed over.
    Flood {
        ports: Arc<[PortId]>,
        except: PortId,
        frame: Frame,
        also: Option<(Arc<[PortId]>, Frame)>,
    },
}

/// What a node hears: a small copy of what it takes to see of most frames that they don't concern it.
///
/// As the filter of a network interface card it stands in front of the node. The world keeps all ears side
/// by side, so that a broadcast costs a station that doesn't want it no look into that station's memory.
pub trait Ear: Copy {
    /// Why the node would drop this frame, doing nothing else; `None` if it must look itself.
    fn refuses(&self, frame: &Frame) -> Option<DropReason>;
}

/// Refuses nothing.
impl Ear for () {
    fn refuses(&self, _frame: &Frame) -> Option<DropReason> {
        None
    }
}

/// Anything with Ethernet ports: switch, gateway, host, TAP. It sees frames.
pub trait Node {
    type Ear: Ear;

    /// A frame arrived at a port.
    fn handle_frame(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &Frame,
        out: &mut Outbox<Transmit>,
    );

    /// The cable in a port brings a signal, or no longer does.
    fn handle_carrier(&mut self, now: Instant, port: PortId, up: bool, out: &mut Outbox<Transmit>);

    /// A deadline has passed. Calling it early does nothing.
    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<Transmit>);

    /// When the node next wants `handle_timeout`, and what for.
    fn poll_timeout(&self) -> Deadline;

    /// What the node hears, as of the last call of any of the above.
    fn ear(&self) -> Self::Ear;
}

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    A,
    B,
}

impl Side {
    /// The opposite end.
    pub const fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }
}

/// What a fault did to a frame that arrives all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The number of the fault, as whoever began it counts.
    pub fault: u32,
    pub did: Did,
}

/// One thing that a fault can do to a frame that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It arrives so much later than without the fault.
    Delayed(Duration),
    /// It is the second of two.
    Duplicated,
    /// This byte was changed; `mended`: the checksums fit.
    Corrupted { byte: u16, mended: bool },
}

/// A frame that faults have touched.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its bytes, if they are others than those that were sent.
    pub frame: Option<Frame>,
    /// In the order in which it was done.
    pub marks: Vec<Mark>,
}

/// What became of a frame that was put on a link: where chance plays, none or several copies arrive.
#[derive(Debug, Default)]
pub struct Carried {
    /// When each copy arrives at the other end, and what was done to it, if something was.
    pub arrivals: Vec<(Instant, Option<Box<Touched>>)>,
    /// Why the link dropped it, if it did.
    pub dropped: Option<DropReason>,
    /// The fault that dropped it, if one did.
    pub lost_by: Option<u32>,
}

/// A cable between two ports. It is told of each frame once, and says when it arrives.
pub trait Link {
    /// Takes a frame at one end and adds what becomes of it to `carried`, which is empty.
    fn carry(&mut self, now: Instant, from: Side, frame: &Frame, carried: &mut Carried);
}
