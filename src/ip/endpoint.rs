//! The part of a host below its apps: one interface, one address, and the decision what a frame is for.
//!
//! ```text
//!  frame ─▶ for this MAC? ─▶ ARP ───────────▶ neighbours, answers, conflicts
//!                │
//!                └─▶ IPv4 ─▶ for this address? ─▶ UDP ───▶ Received::Datagram
//!                                                 TCP ───▶ Received::Segment
//!                                                 ICMP ──▶ echo answered, Received::Unreachable
//! ```
//!
//! What is not for this host, or not for anybody on it, ends here with its reason. The two kinds of
//! frame that reach every host of a segment are refused by a look at a few bytes: ARP for others, and UDP
//! broadcasts to ports that nobody is bound to (before the checksums, so a damaged one counts as such).
//!
//! A host whose frames are tagged takes those of its VLAN alone; one without a tag takes priority tags too.
//!
//! Fragments wait until their packet is whole, which is then taken as if it had come in one frame.
//!
//! A host without an address takes UDP to its MAC whatever the destination address is, and sends from
//! 0.0.0.0 (RFC 2131 section 4.1).

mod receive;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::arp::Neighbours;
use super::ear::Ear;
use super::icmp_error::{Limits, TTL};
use super::interface::{Hop, Interface};
use super::neighbour::Hearing;
use super::reassembly::Reassembly;
use super::sieve::Sieve;
use crate::app::{Datagram, HostAddress};
use crate::outbox::{DropReason, Outbox};
use crate::sim::{PortId, Transmit};
use crate::time::Instant;
use crate::wire::arp::{self, Arp};
use crate::wire::ipv4::{self, BAD_CHECKSUM};
use crate::wire::tcp::Segment;
use crate::wire::{DecodeError, Frame, Mac, udp};

/// Bytes of the headers of a datagram.
const IP_AND_UDP_LEN: usize = 28;

/// What a frame brought for those above.
#[derive(Debug)]
pub(super) enum Received<'a> {
    /// All is done.
    Nothing,
    Datagram {
        app: u16,
        datagram: Datagram<'a>,
    },
    /// A TCP segment, and the IP packet that carries it.
    Segment {
        src: Ipv4Addr,
        dst: Ipv4Addr,
        segment: Segment<'a>,
        packet: &'a [u8],
    },
    /// From the other end of the cable.
    Lldp(&'a [u8]),
    /// An ICMP unreachable about a packet that this host sent.
    Unreachable {
        code: u8,
        quoted: &'a [u8],
    },
    /// Another station has this address, or is about to take it.
    Conflict(Ipv4Addr),
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Out(Hop),
    /// To this host itself.
    Back,
    NoRoute,
}

/// With as few bound ports as this it is worth forgetting those that were given back.
const FEW_PORTS: usize = 8;

/// A host below its apps.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) interface: Interface,
    address: Option<HostAddress>,
    /// The address that an app is probing for (RFC 5227 section 2.1).
    probing: Option<Ipv4Addr>,
    /// Which app each UDP port belongs to.
    ports: BTreeMap<u16, u16>,
    bound: Sieve,
    limits: Limits,
    next_id: u16,
    /// There while fragments wait.
    reassembly: Option<Box<Reassembly>>,
}

impl Endpoint {
    pub(super) fn new(mac: Mac, mtu: u16, neighbours: Neighbours, first_id: u16) -> Endpoint {
        Endpoint {
            interface: Interface::new(PortId(0), mac, mtu, neighbours),
            address: None,
            probing: None,
            ports: BTreeMap::new(),
            bound: Sieve::default(),
            limits: Limits::default(),
            next_id: first_id,
            reassembly: None,
        }
    }

    pub(super) fn address(&self) -> Option<HostAddress> {
        self.address
    }

    /// The host's own address; 0.0.0.0 if it has none.
    pub(super) fn own(&self) -> Ipv4Addr {
        self.address
            .map_or(Ipv4Addr::UNSPECIFIED, |host| host.address)
    }

    /// What of a segment's frames concerns the host at all.
    pub(super) fn ear(&self) -> Ear {
        if self.probing.is_some() {
            return Ear::OPEN;
        }
        let known = self.interface.neighbours.known();
        let (mac, vlan) = (self.interface.mac, self.interface.vlan());
        Ear::new((mac, vlan), self.own(), known, self.bound)
    }

    /// Gives the host its address. Neighbours of another subnet are forgotten.
    pub(super) fn configure(&mut self, address: Option<HostAddress>, out: &mut Outbox<Transmit>) {
        let link = |host: HostAddress| (host.address, host.prefix_len);
        if address.map(link) != self.address.map(link) {
            self.interface.neighbours.clear(out);
        }
        self.address = address;
        self.probing = None;
    }

    /// Power is gone: everything volatile goes with it.
    pub(super) fn clear(&mut self, out: &mut Outbox<Transmit>) {
        self.configure(None, out);
        self.interface.set_tag(None, out);
        self.interface.neighbours.clear(out);
        self.ports.clear();
        self.bound.clear();
        self.limits = Limits::default();
        if let Some(mut reassembly) = self.reassembly.take() {
            reassembly.clear(&mut |reason, frame| out.drop(reason, frame));
        }
    }

    pub(super) fn bind(&mut self, port: u16, app: u16) {
        self.ports.insert(port, app);
        self.bound.add(u32::from(port));
    }

    /// Gives the port back, if it is this app's.
    pub(super) fn unbind(&mut self, port: u16, app: u16) {
        if self.ports.get(&port) != Some(&app) {
            return;
        }
        self.ports.remove(&port);
        if self.ports.len() <= FEW_PORTS {
            self.bound.clear();
            for port in self.ports.keys() {
                self.bound.add(u32::from(*port));
            }
        }
    }

    /// The app that this UDP port belongs to.
    pub(super) fn bound_to(&self, port: u16) -> Option<u16> {
        self.ports.get(&port).copied()
    }

    /// When fragments have waited for long enough.
    pub(super) fn fragments_deadline(&self) -> Option<Instant> {
        self.reassembly.as_ref()?.deadline()
    }

    /// Sends an ARP probe: from nobody, so that nobody learns from it (RFC 5227 section 2.1.1).
    pub(super) fn probe(&mut self, address: Ipv4Addr, out: &mut Outbox<Transmit>) {
        self.probing = Some(address);
        self.ask_about(address, Ipv4Addr::UNSPECIFIED, out);
    }

    /// Sends an ARP announcement (RFC 5227 section 2.3).
    pub(super) fn announce(&mut self, address: Ipv4Addr, out: &mut Outbox<Transmit>) {
        self.ask_about(address, address, out);
    }

    fn ask_about(&mut self, target: Ipv4Addr, sender: Ipv4Addr, out: &mut Outbox<Transmit>) {
        let request = Arp {
            operation: arp::REQUEST,
            sender_mac: self.interface.mac,
            sender_ip: sender,
            target_mac: Mac::ZERO,
            target_ip: target,
        };
        self.interface.send_arp(Mac::BROADCAST, request, out);
    }

    /// Where a packet for `to` goes.
    pub(super) fn way(&self, to: Ipv4Addr) -> Way {
        if to.is_broadcast() || self.is_subnet_broadcast(to) {
            return Way::Out(Hop::Mac(Mac::BROADCAST));
        }
        if to.is_multicast() {
            return Way::Out(Hop::Mac(multicast_mac(to)));
        }
        match self.address {
            Some(host) if host.address == to => Way::Back,
            Some(host) if same_subnet(host.address, to, host.prefix_len) => {
                Way::Out(Hop::Neighbour(to))
            }
            Some(HostAddress {
                gateway: Some(gateway),
                ..
            }) => Way::Out(Hop::Neighbour(gateway)),
            _ => Way::NoRoute,
        }
    }

    fn is_subnet_broadcast(&self, to: Ipv4Addr) -> bool {
        self.address.is_some_and(|host| {
            host.prefix_len < 31
                && same_subnet(host.address, to, host.prefix_len)
                && to.to_bits() | mask(host.prefix_len) == u32::MAX
        })
    }

    /// Sends a datagram. Gives it back as a frame if it is for this host itself.
    pub(super) fn send_datagram(
        &mut self,
        now: Instant,
        from_port: u16,
        to: SocketAddrV4,
        to_mac: Option<Mac>,
        payload: &[u8],
        out: &mut Outbox<Transmit>,
    ) -> Option<Frame> {
        let mut header = self.header(ipv4::UDP, *to.ip());
        // As Linux does: a datagram that must be cut anyway may be cut again on its way.
        header.dont_fragment = IP_AND_UDP_LEN + payload.len() <= usize::from(self.interface.mtu);
        let ports = udp::Header {
            src_port: from_port,
            dst_port: to.port(),
        };
        let way = to_mac.map_or_else(|| self.way(*to.ip()), |mac| Way::Out(Hop::Mac(mac)));
        self.send(now, way, out, |bytes| {
            header.encode(8 + payload.len(), bytes);
            ports.encode(header.src, header.dst, payload, bytes);
        })
    }

    /// Sends an IP packet the way it goes. Gives it back as a frame if it is for this host itself.
    pub(super) fn send(
        &mut self,
        now: Instant,
        way: Way,
        out: &mut Outbox<Transmit>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<Frame> {
        match way {
            Way::Out(hop) => self.interface.send(now, self.own(), hop, None, write, out),
            Way::NoRoute => self.interface.refuse(DropReason::NoRoute, write, out),
            Way::Back => return Some(self.interface.loop_back(write)),
        }
        None
    }

    /// The header of a packet as Linux sends it: TTL 64, not to be fragmented.
    pub(super) fn header(&mut self, protocol: u8, dst: Ipv4Addr) -> ipv4::Header {
        self.next_id = self.next_id.wrapping_add(1);
        ipv4::Header {
            tos: 0,
            id: self.next_id,
            dont_fragment: true,
            more_fragments: false,
            fragment_offset: 0,
            ttl: TTL,
            protocol,
            src: self.own(),
            dst,
        }
    }
}

/// What an ARP message says about its sender, to a station that it asks (`asks_us`) or not.
pub(super) fn hearing(message: &Arp, dst: Mac, asks_us: bool) -> Hearing {
    let about_itself = message.sender_ip == message.target_ip;
    let replies = message.operation == arp::REPLY;
    if asks_us {
        Hearing::AsksUs
    } else if about_itself && (!replies || message.target_mac == message.sender_mac) {
        // Linux takes a reply for gratuitous only if it names its own MAC twice.
        Hearing::Gratuitous
    } else if replies && !dst.is_group() {
        Hearing::Reply
    } else {
        Hearing::Other
    }
}

/// Why bytes that can't be decoded go no further.
pub(super) fn why(error: DecodeError) -> DropReason {
    if error.problem == BAD_CHECKSUM {
        DropReason::BadChecksum
    } else {
        DropReason::Undecodable
    }
}

pub(super) fn mask(prefix_len: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix_len.min(32)))
        .unwrap_or(0)
}

pub(super) fn same_subnet(a: Ipv4Addr, b: Ipv4Addr, prefix_len: u8) -> bool {
    (a.to_bits() ^ b.to_bits()) & mask(prefix_len) == 0
}

/// RFC 1112 section 6.4.
fn multicast_mac(group: Ipv4Addr) -> Mac {
    let [_, b, c, d] = group.octets();
    Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}
