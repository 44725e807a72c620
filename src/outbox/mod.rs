//! The one door through which a machine acts: effects, drops and trace events, in order.
//!
//! A machine (a node or an app) is called with an outbox that its caller owns and pushes what it wants
//! done. Nothing is discarded anywhere else: a frame that ends without being delivered leaves through
//! [`Outbox::drop`], with a reason from a closed list.

mod drop_reason;
mod trace;

pub use drop_reason::DropReason;
pub use trace::{
    Administered, Answer, Decision, Display, DownloadEvent, LeaseEvent, NeighbourState, PhoneEvent,
    TraceEvent, TrunkEvent,
};

use crate::wire::Frame;

/// One thing that a machine did.
#[derive(Debug, Clone)]
pub enum Out<E> {
    /// Something its caller must carry out.
    Effect(E),
    /// Something that happened, for whoever watches the run.
    Trace(TraceEvent),
}

/// What a machine did during one call, in order. `E` is what its caller can carry out for it.
#[derive(Debug)]
pub struct Outbox<E> {
    items: Vec<Out<E>>,
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Outbox { items: Vec::new() }
    }
}

impl<E> Outbox<E> {
    /// Asks the caller to carry out `effect`.
    pub fn push(&mut self, effect: E) {
        self.items.push(Out::Effect(effect));
    }

    /// Says that something happened.
    pub fn trace(&mut self, event: TraceEvent) {
        self.items.push(Out::Trace(event));
    }

    /// Ends a frame's way here, for `reason`.
    pub fn drop(&mut self, reason: DropReason, frame: &Frame) {
        self.trace(TraceEvent::Dropped {
            reason,
            frame: frame.clone(),
        });
    }

    /// Takes out everything, oldest first. The room stays, so an outbox that is used again does not allocate.
    pub fn drain(&mut self) -> impl Iterator<Item = Out<E>> + '_ {
        self.items.drain(..)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
