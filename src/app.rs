//! The contract of anything that speaks over a host's IP stack: it sees datagrams and streams.
//!
//! An app never sees a frame, a socket or a clock. Its host calls it with what arrived and the time, and
//! carries out the effects that it pushes. The same app stands on a host of the emulated network in
//! virtual time and behind real frames when live.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::outbox::Outbox;
use crate::time::{Deadline, Instant};
use crate::wire::Mac;
use crate::wire::ethernet::Tag;

/// A UDP datagram that arrived. Ports and addresses as in its headers.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    pub payload: &'a [u8],
}

/// A TCP connection of one app on one host.
///
/// The app names those that it opens ([`StreamId::opened`]); the host names those that it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl StreamId {
    const ACCEPTED: u64 = 1 << 63;

    /// The `n`th connection that an app opens. An app never uses a number twice.
    pub const fn opened(n: u64) -> StreamId {
        StreamId(n & !Self::ACCEPTED)
    }

    /// The `n`th connection that a host accepted.
    pub const fn accepted(n: u64) -> StreamId {
        StreamId(n | Self::ACCEPTED)
    }
}

/// What happened to a TCP connection.
#[derive(Debug, Clone, Copy)]
pub enum StreamEvent<'a> {
    /// A peer connected to a port that the app listens on.
    Accepted { peer: SocketAddrV4, port: u16 },
    /// A connection that the app opened is up.
    Connected,
    /// Bytes arrived, in order.
    Received(&'a [u8]),
    /// The peer has sent its last byte. The app may still send; it closes when done.
    PeerClosed,
    /// The connection is over, and its name is free. Nothing follows.
    Ended(StreamEnd),
}

/// How a TCP connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// Closed by both sides.
    Closed,
    /// Reset by the peer, or refused (RST in answer to SYN).
    Reset,
    /// No answer within the time that TCP allows.
    TimedOut,
    /// ARP failed, or a gateway said that host or network is unreachable (errno EHOSTUNREACH).
    HostUnreachable,
    /// The host has no address or no route to there (errno ENETUNREACH).
    NetworkUnreachable,
}

impl StreamEnd {
    /// In words: a lower-case fragment.
    pub const fn as_str(self) -> &'static str {
        match self {
            StreamEnd::Closed => "connection closed",
            StreamEnd::Reset => "connection reset",
            StreamEnd::TimedOut => "no answer",
            StreamEnd::HostUnreachable => "host unreachable",
            StreamEnd::NetworkUnreachable => "network unreachable",
        }
    }
}

/// What happens to a host besides traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostEvent {
    /// The host has power: the app begins, with nothing remembered but what it holds in its own memory.
    Start,
    /// The host lost power. What the app holds is gone but for what survives power; it pushes nothing but trace events.
    Stop,
    /// The cable brings a signal, or no longer does. The host keeps its addresses either way.
    Carrier(bool),
    /// Another station answered the ARP probe for, or announced, this address (RFC 5227).
    AddressConflict(Ipv4Addr),
    /// A datagram that the app sent from this UDP port came to one where nobody listens (ICMP port unreachable).
    Refused { from_port: u16, to: SocketAddrV4 },
}

/// A host's IPv4 settings on its one interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostAddress {
    pub address: Ipv4Addr,
    /// 0 to 32.
    pub prefix_len: u8,
    pub gateway: Option<Ipv4Addr>,
}

/// What an app asks of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppEffect {
    /// From now on datagrams to this UDP port are this app's.
    Bind {
        port: u16,
    },
    /// No longer.
    Unbind {
        port: u16,
    },
    /// Sends a datagram. A host without an address sends from 0.0.0.0.
    Send {
        from_port: u16,
        to: SocketAddrV4,
        /// The link-layer destination, if ARP must not be asked for it: a DHCP server unicasts to a client
        /// that cannot yet answer ARP (RFC 2131 section 4.1). Broadcast addresses need none.
        to_mac: Option<Mac>,
        payload: Vec<u8>,
    },
    /// From now on TCP connections to this port are accepted for this app.
    Listen {
        port: u16,
    },
    /// Opens a connection.
    Connect {
        stream: StreamId,
        to: SocketAddrV4,
    },
    /// Sends bytes on a connection; they wait in the host until TCP takes them.
    SendStream {
        stream: StreamId,
        bytes: Vec<u8>,
    },
    /// No more bytes to send: FIN after what waits.
    Close {
        stream: StreamId,
    },
    /// RST, at once. No event follows.
    Abort {
        stream: StreamId,
    },
    /// Gives the host its address, or takes it away; connections from another address are aborted.
    Configure(Option<HostAddress>),
    /// From now on all frames of the host have this tag (IEEE 802.1Q), and it takes none of another VLAN; or they have
    /// none. A host that gets power has none.
    Tag(Option<Tag>),
    /// Sends an LLDP message to the other end of the cable, never with a tag.
    SendLldp(Vec<u8>),
    /// Sends an ARP probe or announcement for this address (RFC 5227 section 1.1).
    ArpProbe(Ipv4Addr),
    ArpAnnounce(Ipv4Addr),
}

/// Anything that speaks over a host's IP stack.
pub trait App {
    /// Something happened to the host.
    fn handle_host(&mut self, now: Instant, event: HostEvent, out: &mut Outbox<AppEffect>);

    /// A datagram arrived at a port that the app is bound to.
    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    );

    /// Something happened to one of the app's connections.
    fn handle_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        event: StreamEvent<'_>,
        out: &mut Outbox<AppEffect>,
    );

    /// The other end of the cable sent this LLDP message, which need not be one. Most apps take no notice.
    fn handle_lldp(&mut self, _now: Instant, _message: &[u8], _out: &mut Outbox<AppEffect>) {}

    /// A deadline has passed. Calling it early does nothing.
    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<AppEffect>);

    /// When the app next wants `handle_timeout`, and what for.
    fn poll_timeout(&self) -> Deadline;
}
