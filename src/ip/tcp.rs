//! A host's TCP connections: which there are, whose they are, and which is due next.
//!
//! A connection is found by its ports and peer; the host has one address, so that is its four-tuple. It
//! is made by an app's connect or by a SYN to a port that an app listens on, and released when it is
//! over:
//!
//! * on reset, time-out or error, at once;
//! * when both sides have closed and this side closed last (LAST-ACK), when its FIN is acknowledged;
//! * when this side closed first, on entering TIME-WAIT: the app hears that the connection has ended, and
//!   of the connection only a few bytes stay for [`LINGER`], enough to acknowledge a FIN that the peer
//!   sends again. A new SYN from the same port of the peer takes their place.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::connection::{Connection, LastSent, Opening, TcpSettings};
use crate::app::StreamId;
use crate::rng::Rng;
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::ipv4;
use crate::wire::tcp::{ACK, FIN, RST, SYN, Segment};

/// How long the end of a connection is remembered, as smoltcp has it; RFC 9293 section 3.4.2 wants 4 minutes.
const LINGER: Duration = Duration::from_secs(10);

/// Linux's `ip_local_port_range`.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// Connections that a host has at a time: some more than sets that a scenario gives one element.
const CONNECTIONS_MAX: usize = 1 << 17;

/// What tells a host's connections apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tuple {
    pub(super) peer: SocketAddrV4,
    pub(super) port: u16,
}

impl Tuple {
    /// The connection of a segment that came from `src`.
    pub(super) fn of_received(src: Ipv4Addr, segment: &Segment<'_>) -> Tuple {
        Tuple {
            peer: SocketAddrV4::new(src, segment.src_port),
            port: segment.dst_port,
        }
    }

    /// The protocol (TCP or UDP) and ports of a packet that this host sent, of which at least those are there.
    pub(super) fn of_sent(packet: &[u8]) -> Option<(u8, Tuple)> {
        let header = packet.first_chunk::<20>()?;
        let [.., d0, d1, d2, d3] = *header;
        let header_len = usize::from(header[0] & 0x0f) * 4;
        let ports = packet.get(header_len..)?.first_chunk::<4>()?;
        let [s0, s1, p0, p1] = *ports;
        let peer = Ipv4Addr::new(d0, d1, d2, d3);
        let tuple = Tuple {
            peer: SocketAddrV4::new(peer, u16::from_be_bytes([p0, p1])),
            port: u16::from_be_bytes([s0, s1]),
        };
        matches!(header[9], ipv4::TCP | ipv4::UDP).then_some((header[9], tuple))
    }
}

/// A host's TCP.
#[derive(Debug)]
pub(super) struct Tcp {
    settings: TcpSettings,
    rng: Rng,
    mtu: u16,
    /// Which app listens on each port.
    listeners: BTreeMap<u16, u16>,
    // Boxed, for a tree's nodes have room for eleven.
    connections: BTreeMap<Tuple, Box<Connection>>,
    /// [`CONNECTIONS_MAX`]; less in tests.
    pub(super) connections_max: usize,
    streams: BTreeMap<(u16, StreamId), Tuple>,
    /// What is left of connections in TIME-WAIT.
    lingering: BTreeMap<Tuple, LastSent>,
    deadlines: Deadlines<Tuple>,
    accepted: u64,
    /// The last ephemeral port given; 0 before the first.
    pub(super) last_port: u16,
}

impl Tcp {
    pub(super) fn new(settings: TcpSettings, mtu: u16, rng: Rng) -> Tcp {
        Tcp {
            settings,
            rng,
            mtu,
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            connections_max: CONNECTIONS_MAX,
            streams: BTreeMap::new(),
            lingering: BTreeMap::new(),
            deadlines: Deadlines::default(),
            accepted: 0,
            last_port: 0,
        }
    }

    pub(super) fn listen(&mut self, port: u16, app: u16) {
        self.listeners.insert(port, app);
    }

    /// Forgets everything; no peer is told.
    pub(super) fn clear(&mut self) {
        self.listeners.clear();
        self.connections.clear();
        self.streams.clear();
        self.lingering.clear();
        self.deadlines = Deadlines::default();
    }

    /// Makes a connection that has yet to send its SYN; `None` if none is possible.
    pub(super) fn connect(
        &mut self,
        now: Instant,
        app: u16,
        stream: StreamId,
        own: Ipv4Addr,
        peer: SocketAddrV4,
    ) -> Option<Tuple> {
        let tuple = self.free_tuple(peer)?;
        let opening = Opening {
            app,
            stream,
            own: SocketAddrV4::new(own, tuple.port),
            peer,
            mtu: self.mtu,
            seed: self.rng.u64(),
        };
        let connection = Connection::connect(now, &opening, &self.settings)?;
        self.insert(tuple, connection);
        Some(tuple)
    }

    /// Whether there is no room for one more connection.
    pub(super) fn is_full(&self) -> bool {
        self.connections.len() >= self.connections_max
    }

    /// Makes a connection for a SYN, if somebody listens on its port.
    pub(super) fn accept(&mut self, now: Instant, own: Ipv4Addr, tuple: Tuple) -> bool {
        let Some(&app) = self.listeners.get(&tuple.port) else {
            return false;
        };
        let opening = Opening {
            app,
            stream: StreamId::accepted(self.accepted),
            own: SocketAddrV4::new(own, tuple.port),
            peer: tuple.peer,
            mtu: self.mtu,
            seed: self.rng.u64(),
        };
        self.accepted += 1;
        let Some(connection) = Connection::listen(now, &opening, &self.settings) else {
            return false;
        };
        self.lingering.remove(&tuple);
        self.insert(tuple, connection);
        true
    }

    fn insert(&mut self, tuple: Tuple, connection: Connection) {
        let name = (connection.app, connection.stream);
        self.streams.insert(name, tuple);
        self.connections.insert(tuple, Box::new(connection));
    }

    /// A port from the ephemeral range from which there is no connection to `peer`.
    fn free_tuple(&mut self, peer: SocketAddrV4) -> Option<Tuple> {
        let (first, count) = (*EPHEMERAL.start(), EPHEMERAL.len() as u64);
        if self.last_port == 0 {
            self.last_port = first + self.rng.below(count) as u16;
        }
        for _ in EPHEMERAL {
            self.last_port = if self.last_port == *EPHEMERAL.end() {
                first
            } else {
                self.last_port + 1
            };
            let port = self.last_port;
            let tuple = Tuple { peer, port };
            if !self.connections.contains_key(&tuple) && !self.lingering.contains_key(&tuple) {
                return Some(tuple);
            }
        }
        None
    }

    pub(super) fn get(&mut self, tuple: Tuple) -> Option<&mut Connection> {
        self.connections.get_mut(&tuple).map(Box::as_mut)
    }

    /// The connection that an app calls by this name.
    pub(super) fn named(&self, app: u16, stream: StreamId) -> Option<Tuple> {
        self.streams.get(&(app, stream)).copied()
    }

    /// The connections from another address than this one.
    pub(super) fn not_from(&self, own: Ipv4Addr) -> Vec<Tuple> {
        let others = self.connections.iter();
        others
            .filter(|(_, connection)| connection.own != own)
            .map(|(tuple, _)| *tuple)
            .collect()
    }

    /// Notes when the connection wants to be polled again.
    pub(super) fn arm(&mut self, now: Instant, tuple: Tuple) {
        if let Some(connection) = self.connections.get_mut(&tuple) {
            let deadline = connection.deadline(now);
            self.deadlines.set(tuple, deadline);
        }
    }

    /// Releases a connection that is over; gives its app and name.
    pub(super) fn release(&mut self, now: Instant, tuple: Tuple) -> Option<(u16, StreamId)> {
        let mut connection = self.connections.remove(&tuple)?;
        self.deadlines.set(tuple, None);
        if let Some(last) = connection.lingering() {
            self.lingering.insert(tuple, last);
            self.deadlines.set(tuple, Some(now + LINGER));
        }
        let name = (connection.app, connection.stream);
        self.streams.remove(&name);
        Some(name)
    }

    /// The next connection that wants to be polled now.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Tuple> {
        loop {
            let tuple = self.deadlines.pop_due(now)?;
            if self.lingering.remove(&tuple).is_none() {
                return Some(tuple);
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The answer to a segment of no connection; `None` if it gets none.
    pub(super) fn answer_stray(
        &mut self,
        tuple: Tuple,
        segment: &Segment<'_>,
    ) -> Option<Segment<'static>> {
        let Some(&last) = self.lingering.get(&tuple) else {
            return reset_for(segment);
        };
        if segment.flags & RST != 0 {
            // TIME-WAIT ends (RFC 9293 section 3.10.7.4).
            self.lingering.remove(&tuple);
            self.deadlines.set(tuple, None);
            return None;
        }
        // The peer's FIN again. Nothing is due to a mere acknowledgement: two stations would acknowledge
        // each other for ever.
        (sequence_len(segment) > 0).then(|| acknowledgement(segment, last))
    }

    /// The answer to a SYN for a connection that is up, whatever its sequence number: a challenge ACK (RFC 5961
    /// section 4.2). A peer that has lost the connection, and opens it again from the same port, answers it with RST
    /// (RFC 9293 section 3.10.7.3), and its next SYN finds the port free. smoltcp drops such a SYN.
    pub(super) fn challenge(
        &mut self,
        tuple: Tuple,
        segment: &Segment<'_>,
    ) -> Option<Segment<'static>> {
        let last = self.get(tuple)?.synchronized()?;
        Some(acknowledgement(segment, last))
    }
}

/// A mere acknowledgement that says what was said last.
fn acknowledgement(segment: &Segment<'_>, last: LastSent) -> Segment<'static> {
    Segment {
        window: last.window,
        ..answer(segment, last.seq, last.ack, ACK)
    }
}

/// The RST for a segment that belongs to no connection (RFC 9293 section 3.10.7.1); none for RST.
pub(super) fn reset_for(segment: &Segment<'_>) -> Option<Segment<'static>> {
    if segment.flags & RST != 0 || segment.src_port == 0 {
        None
    } else if segment.flags & ACK != 0 {
        Some(answer(segment, segment.ack, 0, RST))
    } else {
        let ack = segment.seq.wrapping_add(sequence_len(segment));
        Some(answer(segment, 0, ack, RST | ACK))
    }
}

fn answer(segment: &Segment<'_>, seq: u32, ack: u32, flags: u8) -> Segment<'static> {
    Segment {
        src_port: segment.dst_port,
        dst_port: segment.src_port,
        seq,
        ack,
        flags,
        window: 0,
        options: &[],
        payload: &[],
    }
}

/// Sequence numbers that a segment takes (RFC 9293 section 3.4).
fn sequence_len(segment: &Segment<'_>) -> u32 {
    let flags = u32::from(segment.flags & SYN != 0) + u32::from(segment.flags & FIN != 0);
    segment.payload.len() as u32 + flags
}
