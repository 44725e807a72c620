//! One TCP connection: one smoltcp instance that knows nothing but this connection.
//!
//! smoltcp walks over all sockets of an interface for each packet. Here each connection is an interface
//! with one socket, and `tcp.rs` finds it by ports and peer, so that 100,000 of them cost a look-up a
//! segment. smoltcp sees IP packets: ARP, routes and everything else is the host's.
//!
//! What differs from a plain smoltcp socket:
//!
//! * Bytes that do not fit the send buffer wait in a backlog, and a close waits for the backlog.
//! * Time-outs are ours. smoltcp's own also ends connections that are merely idle, and sends RST.
//! * Nagle's algorithm is off: what an app sends at once is one segment if it fits.
//! * smoltcp counts microseconds. It is told the time rounded down, and its deadlines are compared in
//!   nanoseconds: at a deadline's own nanosecond it is due, before it is not. Should smoltcp ask for a
//!   moment that is not later than now, it is called again after [`NOT_AT_ONCE`].

mod wire;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant as Micros;
use smoltcp::wire::{HardwareAddress, IpCidr, IpEndpoint, IpListenEndpoint};

use crate::app::{StreamEnd, StreamId};
use crate::time::{Duration, Instant};
use crate::wire::tcp::{FIN, RST, SYN};
pub(super) use wire::Packets;
use wire::Wire;

/// smoltcp is not called twice at one moment for its own timers.
const NOT_AT_ONCE: Duration = Duration::from_millis(1);
/// More than smoltcp's delayed acknowledgement waits (10 ms), less than any other timer of its TIME-WAIT.
const PAST_DELAYED_ACK: Duration = Duration::from_millis(20);

/// How a host's TCP is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSettings {
    /// Bytes of a connection's receive buffer: the largest window that is offered.
    pub receive_buffer: usize,
    /// Bytes of a connection's send buffer: the most that is under way unacknowledged.
    pub send_buffer: usize,
    /// How long an attempt to connect goes unanswered before it ends as timed out. A half-open connection
    /// that a peer began is forgotten after as long.
    pub connect_timeout: Duration,
    /// How long sent bytes may go unacknowledged, with no segment from the peer at all, before the
    /// connection ends as timed out (RFC 9293 section 3.8.3). An idle connection never ends.
    pub data_timeout: Duration,
}

impl Default for TcpSettings {
    fn default() -> TcpSettings {
        TcpSettings {
            receive_buffer: 1024,
            send_buffer: 1024,
            connect_timeout: Duration::from_secs(10),
            data_timeout: Duration::from_secs(20),
        }
    }
}

/// What happened to a connection, for its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    Accepted,
    Connected,
    /// Bytes are in the buffer that was given.
    Received,
    PeerClosed,
    /// Over. Nothing follows.
    Ended(StreamEnd),
    /// Over before the app ever heard of it.
    Forgotten,
}

/// The connection as its app knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Our SYN goes unanswered, at the latest until then.
    Opening {
        until: Instant,
    },
    /// The peer's SYN is answered; its ACK is missing, at the latest until then.
    Accepting {
        until: Instant,
    },
    Open,
    /// The app knows that the peer has sent its last byte.
    PeerClosed,
    /// The app closed before the peer answered, with nothing to send: nothing more is said
    /// (RFC 9293 section 3.10.4).
    GivenUp,
}

/// One TCP connection.
pub(super) struct Connection {
    pub(super) app: u16,
    pub(super) stream: StreamId,
    pub(super) own: Ipv4Addr,
    phase: Phase,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    /// What the app sent and the send buffer has no room for.
    backlog: Vec<u8>,
    /// The app has closed; FIN follows the backlog.
    closed: bool,
    /// Since when the peer owes an acknowledgement and is silent.
    owed_since: Option<Instant>,
    reset: bool,
    data_timeout: Duration,
    mtu: u16,
    last_sent: LastSent,
}

/// What a mere acknowledgement after the last segment sent says again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastSent {
    /// The sequence number behind that segment.
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
}

/// What a new connection is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    pub(super) app: u16,
    pub(super) stream: StreamId,
    pub(super) own: SocketAddrV4,
    pub(super) peer: SocketAddrV4,
    pub(super) mtu: u16,
    /// For the first sequence number.
    pub(super) seed: u64,
}

impl Connection {
    /// A connection that sends its SYN when it is first polled. `None` if there can be none between
    /// these addresses.
    pub(super) fn connect(
        now: Instant,
        opening: &Opening,
        settings: &TcpSettings,
    ) -> Option<Connection> {
        let until = now + settings.connect_timeout;
        let mut connection = Connection::new(now, opening, settings, Phase::Opening { until })?;
        let socket = connection.sockets.get_mut::<Socket<'_>>(connection.handle);
        let context = connection.interface.context();
        socket
            .connect(context, endpoint(opening.peer), endpoint(opening.own))
            .ok()?;
        Some(connection)
    }

    /// A connection that answers the SYN it is polled with.
    pub(super) fn listen(
        now: Instant,
        opening: &Opening,
        settings: &TcpSettings,
    ) -> Option<Connection> {
        let until = now + settings.connect_timeout;
        let mut connection = Connection::new(now, opening, settings, Phase::Accepting { until })?;
        let IpEndpoint { addr, port } = endpoint(opening.own);
        let listen = IpListenEndpoint {
            addr: Some(addr),
            port,
        };
        connection.socket().listen(listen).ok()?;
        Some(connection)
    }

    fn new(
        now: Instant,
        opening: &Opening,
        settings: &TcpSettings,
        phase: Phase,
    ) -> Option<Connection> {
        let own = *opening.own.ip();
        // smoltcp panics at an own address that no station can have.
        if own.is_unspecified() || own.is_multicast() || own.is_broadcast() {
            return None;
        }
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = opening.seed;
        let mut wire = Wire {
            mtu: opening.mtu,
            incoming: None,
            outgoing: &mut Vec::new(),
        };
        let mut interface = Interface::new(config, &mut wire, micros(now));
        interface.update_ip_addrs(|addresses| {
            // Room for two is a constant of smoltcp's.
            let _ = addresses.push(IpCidr::new(own.into(), 32));
        });
        let buffer = |bytes| SocketBuffer::new(vec![0; bytes]);
        let mut socket = Socket::new(
            buffer(settings.receive_buffer),
            buffer(settings.send_buffer),
        );
        socket.set_nagle_enabled(false);
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        Some(Connection {
            app: opening.app,
            stream: opening.stream,
            own,
            phase,
            interface,
            sockets,
            handle,
            backlog: Vec::new(),
            closed: false,
            owed_since: None,
            reset: false,
            data_timeout: settings.data_timeout,
            mtu: opening.mtu,
            last_sent: LastSent::default(),
        })
    }

    /// Whether the peer has not answered our SYN yet.
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.phase, Phase::Opening { .. })
    }

    /// If both sides know each other's first sequence number, which RFC 9293 section 3.3.2 calls a synchronized state:
    /// what was sent last.
    pub(super) fn synchronized(&mut self) -> Option<LastSent> {
        is_synchronized(self.socket().state()).then_some(self.last_sent)
    }

    /// Takes bytes to send.
    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        if self.closed {
            return;
        }
        if self.backlog.is_empty() {
            self.backlog = bytes;
        } else {
            self.backlog.extend_from_slice(&bytes);
        }
    }

    /// No more bytes will be sent.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Breaks off a connection that the peer knows of: the next poll sends RST (RFC 9293 section 3.10.5).
    pub(super) fn abort(&mut self) {
        self.socket().abort();
    }

    /// Takes a segment's IP packet, lets smoltcp do what is due, and appends the IP packets it sends.
    /// True if the peer acknowledged something new.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        incoming: Option<&[u8]>,
        outgoing: &mut Vec<u8>,
    ) -> bool {
        let start = outgoing.len();
        if self.closed && self.backlog.is_empty() && self.socket().state() == State::SynSent {
            self.phase = Phase::GivenUp;
            return false;
        }
        self.feed();
        let before = (self.socket().state(), self.socket().send_queue());
        self.run(now, incoming, outgoing);
        let after = (self.socket().state(), self.socket().send_queue());
        self.reset |= after.0 == State::Closed && incoming.is_some_and(is_reset);
        // What was acknowledged made room.
        while self.feed() {
            self.run(now, None, outgoing);
        }
        if after.0 == State::TimeWait && before.0 != State::TimeWait {
            // The peer's FIN is acknowledged at once, for nothing is kept that could do it later.
            self.run(now + PAST_DELAYED_ACK, None, outgoing);
        }
        self.note_sent(&outgoing[start..]);
        self.note_owed(now, incoming.is_some());
        let waited = matches!(
            before.0,
            State::SynSent | State::SynReceived | State::FinWait1 | State::Closing | State::LastAck
        );
        incoming.is_some() && (after.1 < before.1 || waited && after.0 != before.0)
    }

    /// The next thing that the app must hear, until there is nothing more; bytes go into `received`.
    pub(super) fn next_event(&mut self, received: &mut Vec<u8>) -> Option<Happened> {
        let reset = self.reset;
        let phase = self.phase;
        let socket = self.socket();
        let state = socket.state();
        let up = is_synchronized(state);
        match phase {
            Phase::Opening { .. } if up => {
                self.phase = Phase::Open;
                return Some(Happened::Connected);
            }
            Phase::Accepting { .. } if up => {
                self.phase = Phase::Open;
                return Some(Happened::Accepted);
            }
            Phase::Accepting { .. } if matches!(state, State::Closed | State::Listen) => {
                return Some(Happened::Forgotten);
            }
            Phase::Opening { .. } if state == State::Closed => {
                return Some(Happened::Ended(StreamEnd::Reset));
            }
            Phase::Opening { .. } | Phase::Accepting { .. } => return None,
            Phase::GivenUp => return Some(Happened::Ended(StreamEnd::Closed)),
            Phase::Open | Phase::PeerClosed => {}
        }
        if socket.can_recv() {
            received.clear();
            while let Ok(1..) = socket.recv(|bytes| {
                received.extend_from_slice(bytes);
                (bytes.len(), bytes.len())
            }) {}
            return Some(Happened::Received);
        }
        let finished = matches!(
            state,
            State::CloseWait | State::Closing | State::LastAck | State::TimeWait
        );
        if phase == Phase::Open && finished {
            self.phase = Phase::PeerClosed;
            return Some(Happened::PeerClosed);
        }
        let end = match state {
            State::Closed if reset => StreamEnd::Reset,
            State::Closed | State::TimeWait => StreamEnd::Closed,
            State::Listen
            | State::SynSent
            | State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck => return None,
        };
        Some(Happened::Ended(end))
    }

    /// How the connection ends if its time is over at `now`.
    pub(super) fn timed_out(&self, now: Instant) -> Option<Happened> {
        let (until, end) = self.time_limit()?;
        (until <= now).then_some(end)
    }

    /// When it next wants to be polled, later than `now`.
    pub(super) fn deadline(&mut self, now: Instant) -> Option<Instant> {
        let limit = self.time_limit().map(|(until, _)| until);
        let asked = self.interface.poll_at(micros(now), &self.sockets);
        let asked = asked.map(|at| {
            let nanos = u64::try_from(at.total_micros())
                .unwrap_or(0)
                .saturating_mul(1000);
            let at = Instant::from_nanos(nanos);
            if at > now { at } else { now + NOT_AT_ONCE }
        });
        [limit, asked].into_iter().flatten().min()
    }

    /// If the connection is in TIME-WAIT: what was sent last.
    pub(super) fn lingering(&mut self) -> Option<LastSent> {
        (self.socket().state() == State::TimeWait).then_some(self.last_sent)
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut::<Socket<'static>>(self.handle)
    }

    fn time_limit(&self) -> Option<(Instant, Happened)> {
        match self.phase {
            Phase::Opening { until } => Some((until, Happened::Ended(StreamEnd::TimedOut))),
            Phase::Accepting { until } => Some((until, Happened::Forgotten)),
            Phase::GivenUp => None,
            Phase::Open | Phase::PeerClosed => self.owed_since.map(|since| {
                (
                    since + self.data_timeout,
                    Happened::Ended(StreamEnd::TimedOut),
                )
            }),
        }
    }

    /// Moves the backlog into the send buffer as far as there is room, and closes behind it.
    fn feed(&mut self) -> bool {
        let mut moved = false;
        if !self.backlog.is_empty() && self.socket().can_send() {
            let backlog = std::mem::take(&mut self.backlog);
            let taken = self.socket().send_slice(&backlog).unwrap_or(0);
            moved = taken > 0;
            if taken < backlog.len() {
                self.backlog = backlog;
                self.backlog.drain(..taken);
            }
        }
        if self.closed && self.backlog.is_empty() && self.socket().may_send() {
            self.socket().close();
            moved = true;
        }
        moved
    }

    fn run(&mut self, now: Instant, incoming: Option<&[u8]>, outgoing: &mut Vec<u8>) {
        let mut wire = Wire {
            mtu: self.mtu,
            incoming,
            outgoing,
        };
        self.interface
            .poll(micros(now), &mut wire, &mut self.sockets);
    }

    fn note_sent(&mut self, packets: &[u8]) {
        for packet in Packets(packets) {
            if let Some(&[a, b, c, d, e, f, g, h, words, flags, w0, w1]) =
                packet.get(24..).and_then(<[u8]>::first_chunk::<12>)
            {
                let payload = packet
                    .len()
                    .saturating_sub(20 + usize::from(words >> 4) * 4);
                let flags = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
                let len = flags + payload as u32;
                self.last_sent = LastSent {
                    seq: u32::from_be_bytes([a, b, c, d]).wrapping_add(len),
                    ack: u32::from_be_bytes([e, f, g, h]),
                    window: u16::from_be_bytes([w0, w1]),
                };
            }
        }
    }

    fn note_owed(&mut self, now: Instant, heard: bool) {
        let socket = self.socket();
        let owed = socket.send_queue() > 0
            || matches!(
                socket.state(),
                State::FinWait1 | State::Closing | State::LastAck
            );
        self.owed_since = match self.owed_since {
            Some(since) if owed && !heard => Some(since),
            _ => owed.then_some(now),
        };
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("stream", &self.stream)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

/// Whether an IP packet that the host has decoded is a TCP segment with RST.
fn is_reset(packet: &[u8]) -> bool {
    let header_len = packet
        .first()
        .map_or(0, |byte| usize::from(byte & 0x0f) * 4);
    packet
        .get(header_len + 13)
        .is_some_and(|flags| flags & RST != 0)
}

fn is_synchronized(state: State) -> bool {
    !matches!(
        state,
        State::Closed | State::Listen | State::SynSent | State::SynReceived
    )
}

fn micros(now: Instant) -> Micros {
    Micros::from_micros(i64::try_from(now.as_nanos() / 1000).unwrap_or(i64::MAX))
}

fn endpoint(address: SocketAddrV4) -> IpEndpoint {
    IpEndpoint::new((*address.ip()).into(), address.port())
}
