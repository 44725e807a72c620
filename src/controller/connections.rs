//! The connections of an element: how far each conversation has come, which set it is with, and its deadline.
//!
//! Three tables that only change together: connections by stream, streams by MAC, deadlines by stream. A set
//! has one connection that is prompted or registered; each operation is O(log n).

use std::collections::BTreeMap;

use crate::app::StreamId;
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::reg::{Decoder, Envelope};
use crate::wire::{DecodeError, Mac};

/// A connection without a Device Registration is closed after this time.
const REGISTRATION_WAIT: Duration = Duration::from_secs(30);
/// A prompted set that says nothing is let go after this time; its user has most likely gone away.
const PROMPT_WAIT: Duration = Duration::from_mins(30);
/// A set that was told to go, or that said goodbye, has this time to close the connection.
const LEAVE_WAIT: Duration = Duration::from_secs(10);

/// When something is said, to whom, and in answer to which message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) now: Instant,
    pub(super) stream: StreamId,
    /// The number of the set's message; 0 where none is answered.
    pub(super) sequence: u32,
}

impl Turn {
    /// Said of one's own accord.
    pub(super) fn unasked(now: Instant, stream: StreamId) -> Turn {
        Turn {
            now,
            stream,
            sequence: 0,
        }
    }
}

/// How far a conversation has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// For its Device Registration.
    Waiting,
    /// The user is to type a PIN.
    Prompted { mac: Mac, redirects: u8 },
    /// In service at this DN.
    Registered { mac: Mac, dn: String },
    /// Told to go: it closes the connection.
    Leaving,
    /// We have closed our side, and wait for the end.
    Closing,
}

impl State {
    /// The set of a conversation that has come to the point of having one.
    pub(super) fn mac(&self) -> Option<Mac> {
        match self {
            State::Prompted { mac, .. } | State::Registered { mac, .. } => Some(*mac),
            State::Waiting | State::Leaving | State::Closing => None,
        }
    }
}

/// All connections of an element.
#[derive(Debug)]
pub(super) struct Connections {
    /// How long a registered set may be silent; `None`: for ever.
    silence_max: Option<Duration>,
    by_stream: BTreeMap<StreamId, Connection>,
    /// The connection of each set that is prompted or registered.
    by_mac: BTreeMap<Mac, StreamId>,
    deadlines: Deadlines<StreamId>,
}

#[derive(Debug)]
struct Connection {
    decoder: Decoder,
    state: State,
}

impl Connections {
    /// None yet. A registered set sends a heartbeat at this interval; zero: it need not.
    pub(super) fn new(heartbeat: Duration) -> Connections {
        // Three heartbeats missed, and half an interval for the way.
        let silence_max = (!heartbeat.is_zero()).then(|| heartbeat * 7 / 2);
        Connections {
            silence_max,
            by_stream: BTreeMap::new(),
            by_mac: BTreeMap::new(),
            deadlines: Deadlines::default(),
        }
    }

    /// A set connected.
    pub(super) fn accept(&mut self, now: Instant, stream: StreamId) {
        let connection = Connection {
            decoder: Decoder::default(),
            state: State::Waiting,
        };
        self.by_stream.insert(stream, connection);
        self.wait(now, stream);
    }

    /// How far the conversation has come, if there is one.
    pub(super) fn state(&self, stream: StreamId) -> Option<&State> {
        self.by_stream.get(&stream).map(|at| &at.state)
    }

    /// The connection of a set that is prompted or registered.
    pub(super) fn of(&self, mac: Mac) -> Option<StreamId> {
        self.by_mac.get(&mac).copied()
    }

    /// The next message of a conversation that goes on.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub(super) fn next_message(
        &mut self,
        stream: StreamId,
        bytes: &mut &[u8],
    ) -> Result<Option<Envelope>, DecodeError> {
        match self.by_stream.get_mut(&stream) {
            Some(at) if !matches!(at.state, State::Leaving | State::Closing) => {
                at.decoder.next(bytes)
            }
            _ => Ok(None),
        }
    }

    /// The conversation goes over to `state`, with the deadline that belongs to it.
    pub(super) fn enter(&mut self, now: Instant, stream: StreamId, state: State) {
        let Some(connection) = self.by_stream.get_mut(&stream) else {
            return;
        };
        let (before, after) = (connection.state.mac(), state.mac());
        connection.state = state;
        match (before, after) {
            (_, Some(mac)) => self.by_mac.insert(mac, stream),
            (Some(mac), None) => self.by_mac.remove(&mac),
            (None, None) => None,
        };
        self.wait(now, stream);
    }

    /// The set spoke: a prompted or registered one gets its time again.
    pub(super) fn heard(&mut self, now: Instant, stream: StreamId) {
        if self.state(stream).and_then(State::mac).is_some() {
            self.wait(now, stream);
        }
    }

    /// The connection is over.
    pub(super) fn forget(&mut self, stream: StreamId) {
        self.deadlines.set(stream, None);
        let connection = self.by_stream.remove(&stream);
        if let Some(mac) = connection.and_then(|at| at.state.mac()) {
            self.by_mac.remove(&mac);
        }
    }

    /// All connections are over.
    pub(super) fn clear(&mut self) {
        self.by_stream.clear();
        self.by_mac.clear();
        self.deadlines = Deadlines::default();
    }

    /// The earliest deadline.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Takes out the earliest deadline that has passed.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<StreamId> {
        self.deadlines.pop_due(now)
    }

    /// Begins the time that the conversation's state allows.
    fn wait(&mut self, now: Instant, stream: StreamId) {
        let span = self.state(stream).and_then(|state| match state {
            State::Waiting => Some(REGISTRATION_WAIT),
            State::Prompted { .. } => Some(PROMPT_WAIT),
            State::Registered { .. } => self.silence_max,
            State::Leaving | State::Closing => Some(LEAVE_WAIT),
        });
        self.deadlines.set(stream, span.map(|span| now + span));
    }

    /// Whether the three tables agree.
    #[cfg(test)]
    pub(super) fn are_consistent(&self) -> bool {
        let with_set = self
            .by_stream
            .values()
            .filter(|at| at.state.mac().is_some());
        with_set.count() == self.by_mac.len()
            && self
                .by_mac
                .iter()
                .all(|(mac, stream)| self.state(*stream).and_then(State::mac) == Some(*mac))
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.by_stream.len()
    }
}
