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
//! A host without an address takes UDP to its MAC whatever the destination address is, and sends from
//! 0.0.0.0 (RFC 2131 section 4.1).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::arp::Neighbours;
use super::icmp_error::{self, Limits, Problem, TTL};
use super::interface::{Hop, Interface};
use super::neighbour::Hearing;
use crate::app::{Datagram, HostAddress};
use crate::outbox::{DropReason, Outbox};
use crate::sim::{PortId, Transmit};
use crate::time::Instant;
use crate::wire::arp::{self, Arp};
use crate::wire::icmp::{self, Message};
use crate::wire::ipv4::{self, BAD_CHECKSUM};
use crate::wire::tcp::Segment;
use crate::wire::{DecodeError, Frame, Mac, ethernet, tcp, udp};

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

/// A host below its apps.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) interface: Interface,
    address: Option<HostAddress>,
    /// The address that an app is probing for (RFC 5227 section 2.1).
    probing: Option<Ipv4Addr>,
    /// Which app each UDP port belongs to.
    ports: BTreeMap<u16, u16>,
    limits: Limits,
    next_id: u16,
}

impl Endpoint {
    pub(super) fn new(mac: Mac, mtu: u16, neighbours: Neighbours, first_id: u16) -> Endpoint {
        Endpoint {
            interface: Interface::new(PortId(0), mac, mtu, neighbours),
            address: None,
            probing: None,
            ports: BTreeMap::new(),
            limits: Limits::default(),
            next_id: first_id,
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
        self.interface.neighbours.clear(out);
        self.ports.clear();
        self.limits = Limits::default();
    }

    pub(super) fn bind(&mut self, port: u16, app: u16) {
        self.ports.insert(port, app);
    }

    /// Gives the port back, if it is this app's.
    pub(super) fn unbind(&mut self, port: u16, app: u16) {
        if self.ports.get(&port) == Some(&app) {
            self.ports.remove(&port);
        }
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
        let header = self.header(ipv4::UDP, *to.ip());
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

    /// Takes a frame; `Err` says why it goes no further. A frame to this host itself is given to `back`.
    pub(super) fn receive<'a>(
        &mut self,
        now: Instant,
        frame: &'a Frame,
        back: &mut Vec<Frame>,
        out: &mut Outbox<Transmit>,
    ) -> Result<Received<'a>, DropReason> {
        let Some((&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1], rest)) =
            frame.split_first_chunk::<14>()
        else {
            return Err(DropReason::Undecodable);
        };
        let dst = Mac([d0, d1, d2, d3, d4, d5]);
        let src = Mac([s0, s1, s2, s3, s4, s5]);
        if dst != self.interface.mac && !dst.is_group() {
            return Err(DropReason::NotForThisMac);
        }
        match u16::from_be_bytes([t0, t1]) {
            ethernet::ETHERTYPE_ARP => self.receive_arp(now, dst, rest, out),
            ethernet::ETHERTYPE_IPV4 => {
                if dst.is_group() && self.nobody_is_bound(rest) {
                    return Err(DropReason::NoListener);
                }
                self.receive_ip(now, (src, dst), rest, back, out)
            }
            _ => {
                // A priority tag names no VLAN (IEEE 802.1Q-2022 section 9.3); any other is not for us.
                let (header, payload) = ethernet::decode(frame).map_err(why)?;
                match (header.tag, header.ethertype) {
                    (Some(tag), _) if tag.vid != 0 => Err(DropReason::UnknownProtocol),
                    (Some(_), ethernet::ETHERTYPE_ARP) => self.receive_arp(now, dst, payload, out),
                    (Some(_), ethernet::ETHERTYPE_IPV4) => {
                        self.receive_ip(now, (src, dst), payload, back, out)
                    }
                    _ => Err(DropReason::UnknownProtocol),
                }
            }
        }
    }

    /// Whether these are the first bytes of an unfragmented UDP datagram to a port that is nobody's.
    fn nobody_is_bound(&self, packet: &[u8]) -> bool {
        let Some(&[0x45, _, _, _, _, _, f0, f1, _, ipv4::UDP, ..]) = packet.first_chunk::<20>()
        else {
            return false;
        };
        let port = packet
            .get(22..24)
            .map(|port| u16::from_be_bytes([port[0], port[1]]));
        let whole = u16::from_be_bytes([f0, f1]) & 0x3fff == 0;
        whole && port.is_some_and(|port| !self.ports.contains_key(&port))
    }

    fn receive_arp<'a>(
        &mut self,
        now: Instant,
        dst: Mac,
        bytes: &'a [u8],
        out: &mut Outbox<Transmit>,
    ) -> Result<Received<'a>, DropReason> {
        let own = self.own();
        // Most of a segment's ARP asks a stranger's question about another stranger.
        if let (Some(&[a, b, c, d]), Some(&[e, f, g, h])) = (
            bytes.get(14..).and_then(<[u8]>::first_chunk::<4>),
            bytes.get(24..).and_then(<[u8]>::first_chunk::<4>),
        ) {
            let (sender, target) = (Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h));
            let ours = |address| address == own || Some(address) == self.probing;
            if !ours(target) && !ours(sender) && !self.interface.neighbours.knows(sender) {
                return Err(DropReason::ArpNotForUs);
            }
        }
        let message = arp::decode(bytes).map_err(why)?;
        if message.sender_mac == self.interface.mac {
            return Err(DropReason::ArpNotForUs);
        }
        if let Some(address) = self.conflict(&message) {
            return Ok(Received::Conflict(address));
        }
        let asks_us = message.operation == arp::REQUEST && message.target_ip == own;
        if message.sender_ip.is_unspecified() {
            // A probe: answered, not learnt from (RFC 5227 section 2.1.1).
            if !asks_us || own.is_unspecified() {
                return Err(DropReason::ArpNotForUs);
            }
            self.interface.answer_arp(&message, out);
            return Ok(Received::Nothing);
        }
        if own.is_unspecified() || icmp_error::is_impossible_source(message.sender_ip) {
            return Err(DropReason::ArpNotForUs);
        }
        let hearing = hearing(&message, dst, asks_us);
        self.interface.hear(now, own, &message, hearing, out);
        if asks_us {
            self.interface.answer_arp(&message, out);
        }
        Ok(Received::Nothing)
    }

    /// The address of ours that another station shows to have, or to probe for as we do
    /// (RFC 5227 sections 2.1.1 and 2.4).
    fn conflict(&self, message: &Arp) -> Option<Ipv4Addr> {
        let own = self.address.map(|host| host.address);
        let sender = message.sender_ip;
        if !sender.is_unspecified() && (Some(sender) == own || Some(sender) == self.probing) {
            return Some(sender);
        }
        let probe = message.operation == arp::REQUEST && sender.is_unspecified();
        self.probing
            .filter(|address| probe && *address == message.target_ip)
    }

    fn receive_ip<'a>(
        &mut self,
        now: Instant,
        (src_mac, dst_mac): (Mac, Mac),
        bytes: &'a [u8],
        back: &mut Vec<Frame>,
        out: &mut Outbox<Transmit>,
    ) -> Result<Received<'a>, DropReason> {
        let (header, payload) = ipv4::decode(bytes).map_err(why)?;
        let to_all = header.dst.is_broadcast() || self.is_subnet_broadcast(header.dst);
        match self.address {
            Some(host) if header.dst != host.address && !to_all => {
                return Err(DropReason::NotForThisAddress);
            }
            None if header.protocol != ipv4::UDP => return Err(DropReason::NotReady),
            Some(_) | None => {}
        }
        let src_is_us = self.address.is_some_and(|host| host.address == header.src);
        if icmp_error::is_impossible_source(header.src)
            || self.is_subnet_broadcast(header.src)
            || src_is_us && src_mac != self.interface.mac
        {
            return Err(DropReason::MartianSource);
        }
        if header.more_fragments || header.fragment_offset != 0 {
            return Err(DropReason::Fragment);
        }
        // `decode` has checked that the packet is this long.
        let packet = &bytes[..usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))];
        let to_us_alone = !to_all && !dst_mac.is_group() && self.address.is_some();
        match header.protocol {
            ipv4::UDP => {
                let (ports, payload) = udp::decode(payload, header.src, header.dst).map_err(why)?;
                let Some(&app) = self.ports.get(&ports.dst_port) else {
                    self.report(now, icmp::PORT_UNREACHABLE, packet, to_us_alone, back, out);
                    return Err(DropReason::NoListener);
                };
                let datagram = Datagram {
                    from: SocketAddrV4::new(header.src, ports.src_port),
                    to: SocketAddrV4::new(header.dst, ports.dst_port),
                    payload,
                };
                Ok(Received::Datagram { app, datagram })
            }
            ipv4::TCP if !to_us_alone => Err(DropReason::NotForThisAddress),
            ipv4::TCP => {
                let segment = tcp::decode(payload, header.src, header.dst).map_err(why)?;
                let (src, dst) = (header.src, header.dst);
                Ok(Received::Segment {
                    src,
                    dst,
                    segment,
                    packet,
                })
            }
            ipv4::ICMP => self.receive_icmp(now, &header, payload, to_us_alone, back, out),
            _ => {
                self.report(
                    now,
                    icmp::PROTOCOL_UNREACHABLE,
                    packet,
                    to_us_alone,
                    back,
                    out,
                );
                Err(DropReason::UnknownProtocol)
            }
        }
    }

    fn receive_icmp<'a>(
        &mut self,
        now: Instant,
        header: &ipv4::Header,
        bytes: &'a [u8],
        to_us_alone: bool,
        back: &mut Vec<Frame>,
        out: &mut Outbox<Transmit>,
    ) -> Result<Received<'a>, DropReason> {
        match icmp::decode(bytes).map_err(why)? {
            // Linux answers no echo request to all (`icmp_echo_ignore_broadcasts`).
            Message::EchoRequest { id, seq, data } if to_us_alone => {
                let reply = Message::EchoReply { id, seq, data };
                let mut answer = self.header(ipv4::ICMP, header.src);
                answer.dont_fragment = false;
                answer.tos = header.tos;
                let way = self.way(header.src);
                back.extend(self.send(now, way, out, |packet| {
                    answer.encode(8 + data.len(), packet);
                    reply.encode(packet);
                }));
                Ok(Received::Nothing)
            }
            Message::Unreachable { code, quoted } => Ok(Received::Unreachable { code, quoted }),
            Message::EchoReply { .. } => Ok(Received::Nothing),
            Message::EchoRequest { .. } | Message::TimeExceeded { .. } | Message::Other { .. } => {
                Err(DropReason::NoListener)
            }
        }
    }

    /// Sends an ICMP unreachable about a packet that came to this host alone, if one may be sent.
    fn report(
        &mut self,
        now: Instant,
        code: u8,
        packet: &[u8],
        to_us_alone: bool,
        back: &mut Vec<Frame>,
        out: &mut Outbox<Transmit>,
    ) {
        let Ok((header, payload)) = ipv4::decode(packet) else {
            return;
        };
        if !to_us_alone
            || !icmp_error::may_report(&header, payload)
            || !self.limits.allow(now, header.src)
        {
            return;
        }
        let (own, id) = (header.dst, self.header(ipv4::ICMP, header.src).id);
        let way = self.way(header.src);
        back.extend(self.send(now, way, out, |bytes| {
            icmp_error::write(
                own,
                header.src,
                id,
                Problem::Unreachable(code),
                packet,
                bytes,
            );
        }));
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
