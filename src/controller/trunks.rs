//! The trunks of an element: one connection to each element that it is joined to over IP, and what a
//! synchronisation says on them. `docs/trunk-protocol.md` is the protocol.
//!
//! ```text
//!  we open:    Connecting ── up, Hello ──▶ Open ── Keep-Alive every 15 s, 3 without an answer ──▶ aborted
//!  they open:  Introducing ── Hello ─────▶ Open ── nothing heard for 52.5 s ─────────────────────▶ aborted
//! ```
//!
//! The element with the lower CEID index opens, and opens again 10 s after a loss. Where DPNSS joins two
//! elements there is no standing connection: a synchronisation opens one (an errand) and closes it.

mod link;
mod synchronise;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::element::Effects;
use super::forms::{Forms, Trunk};
use crate::app::{AppEffect, StreamEvent, StreamId};
use crate::outbox::{TraceEvent, TrunkEvent};
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::trunk::{Message, PORT};
use link::{Link, State};
pub(super) use synchronise::Numbers;

/// Numbers of another element that may wait to be written: more than any element has.
const NUMBERS_MAX: usize = 200_000;
/// Between two Keep-Alives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Keep-Alives without an answer until the trunk is down.
const UNANSWERED_MAX: u32 = 3;
/// Whoever answers Keep-Alives hears one in this time, or the trunk is down.
const SILENCE_MAX: Duration = Duration::from_millis(52_500);
/// From the loss of a trunk until it is opened again.
const RETRY: Duration = Duration::from_secs(10);

/// What an element knows of its trunks besides its forms.
#[derive(Debug, Clone, Default)]
pub struct TrunkConfig {
    /// Its own CEID index.
    pub index: u16,
    /// Its own CEID digits.
    pub digits: String,
    /// Where each IP trunk leads, by ICP/PBX number.
    pub addresses: BTreeMap<u16, Ipv4Addr>,
}

/// All trunks of an element.
#[derive(Debug)]
pub(super) struct Trunks {
    config: TrunkConfig,
    /// Connections that this element has opened so far.
    opened: u64,
    links: BTreeMap<StreamId, Link>,
    /// The standing connection of each IP trunk that is up, by ICP/PBX number.
    up: BTreeMap<u16, StreamId>,
    deadlines: Deadlines<Timer>,
}

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The trunk to this ICP/PBX number is opened.
    Open(u16),
    /// A Keep-Alive is due, or overdue.
    KeepAlive(StreamId),
    /// What came in is written.
    Write(StreamId),
    /// The other element should have written what it was sent.
    Answer(StreamId),
}

impl Trunks {
    /// None is up yet.
    pub(super) fn new(config: TrunkConfig) -> Trunks {
        Trunks {
            config,
            opened: 0,
            links: BTreeMap::new(),
            up: BTreeMap::new(),
            deadlines: Deadlines::default(),
        }
    }

    /// The element has power: it listens, and opens what is its to open.
    pub(super) fn start(&mut self, now: Instant, forms: &Forms, out: &mut Effects) {
        if forms.cluster_elements().next().is_none() {
            return;
        }
        out.push(AppEffect::Listen { port: PORT });
        for (_, element) in forms.cluster_elements() {
            let is_ip = matches!(forms.trunk(element.icp), Some(Trunk::Ip(_)));
            if is_ip && self.config.index < element.ceid_index {
                self.deadlines.set(Timer::Open(element.icp), Some(now));
            }
        }
    }

    /// The element has no power: all connections are gone.
    pub(super) fn stop(&mut self) {
        self.links.clear();
        self.up.clear();
        self.deadlines = Deadlines::default();
    }

    /// Whether the IP trunk to this ICP/PBX number is up.
    pub(super) fn is_up(&self, icp: u16) -> bool {
        self.up.contains_key(&icp)
    }

    /// Whether an event of this connection is for the trunks.
    pub(super) fn takes(&self, stream: StreamId, event: &StreamEvent<'_>) -> bool {
        matches!(event, StreamEvent::Accepted { port: PORT, .. })
            || self.links.contains_key(&stream)
    }

    /// Something happened to a connection.
    pub(super) fn handle_stream(
        &mut self,
        now: Instant,
        (stream, event): (StreamId, StreamEvent<'_>),
        forms: &Forms,
        out: &mut Effects,
    ) {
        match event {
            StreamEvent::Accepted { peer, .. } => {
                let link = Link::new(peer.ip().to_string(), State::Introducing);
                self.links.insert(stream, link);
                let until = Some(now + SILENCE_MAX);
                self.deadlines.set(Timer::KeepAlive(stream), until);
            }
            StreamEvent::Connected => self.connected(now, stream, out),
            StreamEvent::Received(bytes) => self.received(now, stream, bytes, forms, out),
            StreamEvent::PeerClosed => {
                out.push(AppEffect::Close { stream });
                self.lose(now, stream, "closed by the other element", out);
            }
            StreamEvent::Ended(end) => self.lose(now, stream, end.as_str(), out),
        }
    }

    /// When a trunk next has something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Does what is due. DNs that are to be written are given back.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Effects) -> Option<Numbers> {
        while let Some(timer) = self.deadlines.pop_due(now) {
            match timer {
                Timer::Open(icp) => {
                    if let Some(address) = self.config.addresses.get(&icp) {
                        self.open(State::Connecting { icp }, *address, out);
                    }
                }
                Timer::KeepAlive(stream) => self.keep_alive(now, stream, out),
                Timer::Write(stream) => {
                    let numbers = self.take_numbers(now, stream);
                    if numbers.is_some() {
                        return numbers;
                    }
                }
                Timer::Answer(stream) => self.fail(now, stream, "no answer", out),
            }
        }
        None
    }

    fn open(&mut self, state: State, address: Ipv4Addr, out: &mut Effects) -> StreamId {
        self.opened += 1;
        let stream = StreamId::opened(self.opened);
        self.links
            .insert(stream, Link::new(address.to_string(), state));
        let to = SocketAddrV4::new(address, PORT);
        out.push(AppEffect::Connect { stream, to });
        stream
    }

    /// TCP is up: the element says who it is.
    fn connected(&mut self, now: Instant, stream: StreamId, out: &mut Effects) {
        let Some(link) = self.links.get_mut(&stream) else {
            return;
        };
        let digits = self.config.digits.clone();
        say(stream, &Message::Hello { digits }, out);
        match &link.state {
            State::Connecting { icp } => {
                let icp = *icp;
                link.state = State::opened(icp);
                let until = Some(now + KEEP_ALIVE);
                self.deadlines.set(Timer::KeepAlive(stream), until);
                self.is_now_up(icp, stream, out);
            }
            State::Errand { .. } => self.send_numbers(now, stream, out),
            State::Introducing | State::Open { .. } => {}
        }
    }

    /// A standing connection replaces an older one, which is most likely half open.
    fn is_now_up(&mut self, icp: u16, stream: StreamId, out: &mut Effects) {
        if let Some(before) = self.up.insert(icp, stream) {
            if let Some(link) = self.forget(before) {
                link.tell_unwritten("replaced by a new connection", out);
            }
            out.push(AppEffect::Abort { stream: before });
        }
        if let Some(link) = self.links.get(&stream) {
            let to = link.peer.clone();
            out.trace(TraceEvent::Trunk(TrunkEvent::Up { to }));
        }
    }

    fn received(
        &mut self,
        now: Instant,
        stream: StreamId,
        bytes: &[u8],
        forms: &Forms,
        out: &mut Effects,
    ) {
        if let Some(link) = self.links.get_mut(&stream) {
            link.decoder.push(bytes);
        }
        // A message may end the connection.
        while let Some(link) = self.links.get_mut(&stream) {
            match link.decoder.message() {
                Ok(Some(message)) => self.handle_message(now, stream, message, forms, out),
                Ok(None) => return,
                Err(error) => return self.fail(now, stream, &error.to_string(), out),
            }
        }
    }

    fn handle_message(
        &mut self,
        now: Instant,
        stream: StreamId,
        message: Message,
        forms: &Forms,
        out: &mut Effects,
    ) {
        let Some(link) = self.links.get_mut(&stream) else {
            return;
        };
        let waiting = link.waiting();
        match (&mut link.state, message) {
            (State::Introducing, Message::Hello { digits }) => {
                let Some(element) = forms.cluster_element(&digits) else {
                    return self.fail(now, stream, "its CEID digits are not known", out);
                };
                link.state = State::accepted(element.icp, digits);
                if matches!(forms.trunk(element.icp), Some(Trunk::Ip(_))) {
                    self.is_now_up(element.icp, stream, out);
                }
            }
            (State::Open { unanswered, .. }, Message::KeepAliveAnswer) => *unanswered = 0,
            (State::Open { from: Some(_), .. }, Message::KeepAlive) => {
                say(stream, &Message::KeepAliveAnswer, out);
            }
            (State::Open { .. } | State::Errand { .. }, Message::Written { count }) => {
                return self.is_written(now, stream, count, out);
            }
            (State::Open { .. }, Message::Numbers { dns }) if waiting + dns.len() > NUMBERS_MAX => {
                return self.fail(now, stream, "too many numbers", out);
            }
            (State::Open { .. }, Message::Numbers { dns }) => link.incoming.extend(dns),
            (State::Open { .. }, Message::NumbersEnd { count }) => {
                return self.numbers_end(now, stream, count, out);
            }
            (_, Message::Unknown { .. }) => {}
            (_, message) => {
                let why = format!("{message} has no place here");
                return self.fail(now, stream, &why, out);
            }
        }
        self.heard(now, stream);
    }

    /// Whoever answers Keep-Alives waits for the next.
    fn heard(&mut self, now: Instant, stream: StreamId) {
        let state = self.links.get(&stream).map(|link| &link.state);
        if let Some(State::Open { from: Some(_), .. }) = state {
            let until = Some(now + SILENCE_MAX);
            self.deadlines.set(Timer::KeepAlive(stream), until);
        }
    }

    fn keep_alive(&mut self, now: Instant, stream: StreamId, out: &mut Effects) {
        let Some(link) = self.links.get_mut(&stream) else {
            return;
        };
        match &mut link.state {
            State::Open {
                from: None,
                unanswered,
                ..
            } if *unanswered < UNANSWERED_MAX => {
                *unanswered += 1;
                say(stream, &Message::KeepAlive, out);
                let until = Some(now + KEEP_ALIVE);
                self.deadlines.set(Timer::KeepAlive(stream), until);
            }
            State::Open { .. } | State::Introducing => {
                self.fail(now, stream, "no sign of life", out);
            }
            State::Connecting { .. } | State::Errand { .. } => {}
        }
    }

    /// Ends a connection that is of no more use.
    fn fail(&mut self, now: Instant, stream: StreamId, reason: &str, out: &mut Effects) {
        out.push(AppEffect::Abort { stream });
        self.lose(now, stream, reason, out);
    }

    /// A connection is over: a standing one is opened again, by the element whose part that is.
    fn lose(&mut self, now: Instant, stream: StreamId, reason: &str, out: &mut Effects) {
        let Some(link) = self.forget(stream) else {
            return;
        };
        link.tell_unwritten(reason, out);
        let Link { peer, state, .. } = link;
        let (icp, opens) = match state {
            State::Connecting { icp } => (icp, true),
            State::Open { icp, from, .. } => (icp, from.is_none()),
            State::Introducing | State::Errand { .. } => return,
        };
        if opens {
            self.deadlines.set(Timer::Open(icp), Some(now + RETRY));
        }
        if self.up.get(&icp) == Some(&stream) {
            self.up.remove(&icp);
            let reason = reason.to_owned();
            out.trace(TraceEvent::Trunk(TrunkEvent::Down { to: peer, reason }));
        }
    }

    fn forget(&mut self, stream: StreamId) -> Option<Link> {
        for timer in [
            Timer::KeepAlive(stream),
            Timer::Write(stream),
            Timer::Answer(stream),
        ] {
            self.deadlines.set(timer, None);
        }
        self.links.remove(&stream)
    }
}

fn say(stream: StreamId, message: &Message, out: &mut Effects) {
    let bytes = message.encode();
    out.push(AppEffect::SendStream { stream, bytes });
}

#[cfg(test)]
mod tests;
