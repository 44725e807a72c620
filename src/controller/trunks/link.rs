//! One connection to another element, and how far it has come.

use std::collections::VecDeque;

use crate::controller::element::Effects;
use crate::outbox::{TraceEvent, TrunkEvent};
use crate::wire::trunk::Decoder;

/// A connection to another element.
#[derive(Debug)]
pub(super) struct Link {
    /// The other element's address, as reports show it.
    pub(super) peer: String,
    pub(super) state: State,
    pub(super) decoder: Decoder,
    /// DNs that have come in of a synchronisation that is not all here.
    pub(super) incoming: Vec<String>,
    /// Synchronisations that are all here, and not written yet.
    pub(super) unwritten: VecDeque<Vec<String>>,
    /// How many DNs each synchronisation had of which the other element has not yet said that it is written.
    pub(super) sent: VecDeque<usize>,
}

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum State {
    /// TCP is not up yet.
    Connecting { icp: u16 },
    /// The other element has opened it, and has not said who it is.
    Introducing,
    /// Both know who the other is.
    Open {
        icp: u16,
        /// The CEID digits of the other element if it opened the connection: then it sends Keep-Alives.
        from: Option<String>,
        /// Keep-Alives since the last answer.
        unanswered: u32,
    },
    /// Opened for one synchronisation, of these DNs.
    Errand { dns: Vec<String> },
}

impl State {
    /// We opened it.
    pub(super) fn opened(icp: u16) -> State {
        State::Open {
            icp,
            from: None,
            unanswered: 0,
        }
    }

    /// The element with these CEID digits opened it.
    pub(super) fn accepted(icp: u16, digits: String) -> State {
        State::Open {
            icp,
            from: Some(digits),
            unanswered: 0,
        }
    }
}

impl Link {
    /// The connection is over: what the other element has not said to be written is not synchronised.
    pub(super) fn tell_unwritten(&self, reason: &str, out: &mut Effects) {
        for dns in &self.sent {
            out.trace(TraceEvent::Trunk(TrunkEvent::NotSynchronised {
                to: self.peer.clone(),
                dns: *dns,
                reason: reason.to_owned(),
            }));
        }
    }

    /// DNs that wait here for something.
    pub(super) fn waiting(&self) -> usize {
        let all = self.unwritten.iter().chain([&self.incoming]);
        all.map(Vec::len).sum()
    }

    /// A connection that has just begun.
    pub(super) fn new(peer: String, state: State) -> Link {
        Link {
            peer,
            state,
            decoder: Decoder::default(),
            incoming: Vec::new(),
            unwritten: VecDeque::new(),
            sent: VecDeque::new(),
        }
    }
}
