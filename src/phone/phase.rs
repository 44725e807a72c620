//! Where a set whose main image runs stands with its element, and what each such phase owns.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::conversation::Conversation;
use super::provision::Provision;
use crate::app::{AppEffect, StreamId};
use crate::outbox::Outbox;
use crate::time::{Deadline, Duration, Instant, earlier};
use crate::wire::reg::Message;

/// Heartbeats in a row without an answer after which the element counts as lost.
const HEARTBEATS_UNANSWERED_MAX: u8 = 3;

/// A set whose main image runs.
#[derive(Debug)]
pub(super) struct Main {
    pub(super) provision: Provision,
    /// Of the main image.
    pub(super) version: Arc<str>,
    /// The registration is a reset of the set's DN (ST-3), until one has succeeded.
    pub(super) reset: bool,
    /// Which of the call servers is next.
    pub(super) server: u8,
    /// How many redirects this registration has followed.
    pub(super) redirects: u8,
    pub(super) phase: Phase,
}

/// Where the set stands with its element.
#[derive(Debug)]
pub(super) enum Phase {
    /// No carrier: nothing to do until it is back.
    NoCarrier,
    /// It tries again at this time.
    Waiting { until: Instant },
    /// Waiting for the address of the element of this name (CL-9).
    Resolving { name: Arc<str> },
    /// Waiting for the TCP link. How long is for TCP to say.
    Connecting(Conversation),
    /// Waiting for the acknowledgement of its registration, or another answer.
    Acknowledgement { with: Conversation, until: Instant },
    /// Its user is asked for a PIN.
    Prompting(Conversation),
    /// Registered; waiting for communications.
    Communications {
        with: Conversation,
        heartbeats: Heartbeats,
        dn: Arc<str>,
        until: Instant,
    },
    InService {
        with: Conversation,
        heartbeats: Heartbeats,
    },
}

/// The heartbeats of a registered set.
#[derive(Debug)]
pub(super) struct Heartbeats {
    /// Zero: the element wants none.
    interval: Duration,
    next_at: Instant,
    unanswered: u8,
}

impl Main {
    pub(super) fn new(provision: Provision, version: Arc<str>, reset: bool) -> Main {
        Main {
            provision,
            version,
            reset,
            server: 0,
            redirects: 0,
            phase: Phase::NoCarrier,
        }
    }
}

impl Phase {
    pub(super) fn deadline(&self) -> Deadline {
        match self {
            Phase::Waiting { until } => Some((*until, "try again")),
            Phase::Acknowledgement { until, .. } => Some((*until, "acknowledgement")),
            Phase::Communications {
                until, heartbeats, ..
            } => earlier(Some((*until, "communications")), heartbeats.deadline()),
            Phase::InService { heartbeats, .. } => heartbeats.deadline(),
            Phase::NoCarrier
            | Phase::Resolving { .. }
            | Phase::Connecting(_)
            | Phase::Prompting(_) => None,
        }
    }

    /// The conversation on this connection, if it is the one that counts, and up.
    pub(super) fn conversation(&mut self, stream: StreamId) -> Option<&mut Conversation> {
        let with = match self {
            Phase::NoCarrier
            | Phase::Waiting { .. }
            | Phase::Resolving { .. }
            | Phase::Connecting(_) => return None,
            Phase::Prompting(with)
            | Phase::Acknowledgement { with, .. }
            | Phase::Communications { with, .. }
            | Phase::InService { with, .. } => with,
        };
        (with.stream == stream).then_some(with)
    }

    /// Its connection, if TCP is up.
    pub(super) fn connected(&self) -> Option<StreamId> {
        match self {
            Phase::NoCarrier
            | Phase::Waiting { .. }
            | Phase::Resolving { .. }
            | Phase::Connecting(_) => None,
            Phase::Prompting(with)
            | Phase::Acknowledgement { with, .. }
            | Phase::Communications { with, .. }
            | Phase::InService { with, .. } => Some(with.stream),
        }
    }

    pub(super) fn is_on(&self, stream: StreamId) -> bool {
        self.with().is_some_and(|with| with.stream == stream)
    }

    fn with(&self) -> Option<&Conversation> {
        match self {
            Phase::NoCarrier | Phase::Waiting { .. } | Phase::Resolving { .. } => None,
            Phase::Connecting(with)
            | Phase::Prompting(with)
            | Phase::Acknowledgement { with, .. }
            | Phase::Communications { with, .. }
            | Phase::InService { with, .. } => Some(with),
        }
    }

    pub(super) fn into_conversation(self) -> Option<Conversation> {
        match self {
            Phase::NoCarrier | Phase::Waiting { .. } | Phase::Resolving { .. } => None,
            Phase::Connecting(with)
            | Phase::Prompting(with)
            | Phase::Acknowledgement { with, .. }
            | Phase::Communications { with, .. }
            | Phase::InService { with, .. } => Some(with),
        }
    }

    /// The element that the set deals with, or tries to.
    pub(super) fn element(&self) -> Ipv4Addr {
        self.with()
            .map_or(Ipv4Addr::UNSPECIFIED, |with| with.element)
    }

    pub(super) fn in_service(&self) -> bool {
        matches!(self, Phase::InService { .. })
    }

    /// The element has answered a heartbeat.
    pub(super) fn answered(&mut self) {
        if let Phase::Communications { heartbeats, .. } | Phase::InService { heartbeats, .. } = self
        {
            heartbeats.unanswered = 0;
        }
    }

    /// The heartbeats, if one is due.
    pub(super) fn beating(&mut self, now: Instant) -> Option<(&mut Conversation, &mut Heartbeats)> {
        let (with, heartbeats) = match self {
            Phase::Communications {
                with, heartbeats, ..
            }
            | Phase::InService { with, heartbeats } => (with, heartbeats),
            Phase::NoCarrier
            | Phase::Waiting { .. }
            | Phase::Resolving { .. }
            | Phase::Connecting(_)
            | Phase::Acknowledgement { .. }
            | Phase::Prompting(_) => return None,
        };
        let due = heartbeats.deadline().is_some_and(|(at, _)| now >= at);
        due.then_some((with, heartbeats))
    }

    /// The phase's name in the golden table.
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        match self {
            Phase::NoCarrier => "No carrier",
            Phase::Waiting { .. } | Phase::Resolving { .. } => "Waiting to try again",
            Phase::Connecting(_) => "Connecting",
            Phase::Acknowledgement { .. } => "Waiting for ACK",
            Phase::Prompting(_) => "Prompting",
            Phase::Communications { .. } => "Waiting for COMMS",
            Phase::InService { .. } => "In service",
        }
    }
}

impl Heartbeats {
    /// From Registered on: the first is due an interval later.
    pub(super) fn new(now: Instant, interval: Duration) -> Heartbeats {
        Heartbeats {
            interval,
            next_at: now + interval,
            unanswered: 0,
        }
    }

    fn deadline(&self) -> Deadline {
        (!self.interval.is_zero()).then_some((self.next_at, "heartbeat"))
    }

    /// Sends the next. False: three have had no answer, and the element counts as lost.
    pub(super) fn beat(
        &mut self,
        now: Instant,
        with: &mut Conversation,
        out: &mut Outbox<AppEffect>,
    ) -> bool {
        if self.unanswered >= HEARTBEATS_UNANSWERED_MAX {
            return false;
        }
        with.say(Message::Heartbeat, out);
        self.unanswered += 1;
        self.next_at = now + self.interval;
        true
    }
}
