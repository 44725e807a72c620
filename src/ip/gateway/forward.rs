//! What a gateway does with IP packets: forward, answer, refuse.

use std::net::Ipv4Addr;

use super::Gateway;
use crate::ip::endpoint::why;
use crate::ip::icmp_error::{self, Problem, TTL};
use crate::ip::interface::{ETHERNET_LEN, Hop};
use crate::ip::neighbour::Waiting;
use crate::ip::tcp::reset_for;
use crate::outbox::{DropReason, Outbox};
use crate::sim::{Node, PortId, Transmit};
use crate::time::Instant;
use crate::wire::icmp::{self, Message};
use crate::wire::{Frame, Mac, ipv4, tcp, udp};

/// What became of a packet.
pub(super) enum Taken {
    /// All is done.
    Done,
    /// It is a fragment of a packet for the gateway itself.
    Fragment,
}

impl Gateway {
    pub(super) fn receive_ip(
        &mut self,
        now: Instant,
        number: u16,
        dst_mac: Mac,
        bytes: &[u8],
        out: &mut Outbox<Transmit>,
    ) -> Result<Taken, DropReason> {
        let (header, payload) = ipv4::decode(bytes).map_err(why)?;
        // `decode` has checked that the packet is this long.
        let packet = &bytes[..usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))];
        let leg = &self.legs[usize::from(number)];
        let to_all = header.dst.is_broadcast() || leg.is_subnet_broadcast(header.dst);
        if to_all {
            self.relay_request(now, number, (&header, payload), out)?;
            return Ok(Taken::Done);
        }
        if icmp_error::is_impossible_source(header.src)
            || header.src.is_unspecified()
            || leg.is_subnet_broadcast(header.src)
            || self.is_own(header.src)
        {
            return Err(DropReason::MartianSource);
        }
        if !self.comes_the_right_way(number, header.src) {
            return Err(DropReason::ReversePath);
        }
        if dst_mac.is_group() {
            // Unicast IP in a group's frame (RFC 1122 section 3.3.6).
            return Err(DropReason::NotForThisAddress);
        }
        if !self.is_own(header.dst) {
            self.forward(now, number, &header, packet, out)?;
        } else if header.more_fragments || header.fragment_offset != 0 {
            return Ok(Taken::Fragment);
        } else {
            self.receive_own(now, &header, payload, packet, out)?;
        }
        Ok(Taken::Done)
    }

    /// Takes a fragment for the gateway itself; a packet that is whole then is taken like any other.
    pub(super) fn join(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &Frame,
        packet: usize,
        out: &mut Outbox<Transmit>,
    ) -> Result<(), DropReason> {
        let mut reassembly = self.reassembly.take().unwrap_or_default();
        let mut drop = |reason, frame: &Frame| self.drop(reason, frame, out);
        let whole = reassembly.add(now, frame, packet, &mut drop);
        self.reassembly = Some(reassembly).filter(|reassembly| !reassembly.is_empty());
        if let Some(whole) = whole? {
            self.handle_frame(now, port, &whole, out);
        }
        Ok(())
    }

    /// Drops the fragments that have waited too long, and tells their senders.
    pub(super) fn expire_fragments(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        let Some(mut reassembly) = self.reassembly.take() else {
            return;
        };
        let first = reassembly.expire(now, &mut |reason, frame| self.drop(reason, frame, out));
        self.reassembly = Some(reassembly).filter(|reassembly| !reassembly.is_empty());
        for (frame, packet) in first {
            let packet = &frame[packet..];
            if let Ok((header, _)) = ipv4::decode(packet) {
                self.report(now, header.dst, Problem::FragmentsMissing, packet, out);
            }
        }
    }

    /// A packet for the gateway itself: it answers ping, relays DHCP, and has nothing else to offer.
    fn receive_own(
        &mut self,
        now: Instant,
        header: &ipv4::Header,
        payload: &[u8],
        packet: &[u8],
        out: &mut Outbox<Transmit>,
    ) -> Result<(), DropReason> {
        let (src, dst) = (header.src, header.dst);
        let refused = |code| Problem::Unreachable(code);
        match header.protocol {
            ipv4::ICMP => match icmp::decode(payload).map_err(why)? {
                Message::EchoRequest { id, seq, data } => {
                    let reply = Message::EchoReply { id, seq, data };
                    self.send_own(now, dst, src, ipv4::ICMP, 8 + data.len(), out, |bytes| {
                        reply.encode(bytes);
                    });
                    Ok(())
                }
                Message::EchoReply { .. }
                | Message::Unreachable { .. }
                | Message::TimeExceeded { .. }
                | Message::Other { .. } => Err(DropReason::NoListener),
            },
            ipv4::UDP => {
                let (ports, payload) = udp::decode(payload, src, dst).map_err(why)?;
                if let Some(relayed) = self.relay_reply(now, ports, payload, out) {
                    return relayed;
                }
                self.report(now, dst, refused(icmp::PORT_UNREACHABLE), packet, out);
                Err(DropReason::NoListener)
            }
            ipv4::TCP => {
                let segment = tcp::decode(payload, src, dst).map_err(why)?;
                if let Some(reset) = reset_for(&segment) {
                    self.send_own(now, dst, src, ipv4::TCP, 20, out, |bytes| {
                        reset.encode(dst, src, bytes);
                    });
                }
                Err(DropReason::NoListener)
            }
            _ => {
                self.report(now, dst, refused(icmp::PROTOCOL_UNREACHABLE), packet, out);
                Err(DropReason::UnknownProtocol)
            }
        }
    }

    fn forward(
        &mut self,
        now: Instant,
        ingress: u16,
        header: &ipv4::Header,
        packet: &[u8],
        out: &mut Outbox<Transmit>,
    ) -> Result<(), DropReason> {
        let from = self.legs[usize::from(ingress)].address;
        if is_confined(header.dst) || header.src.is_link_local() {
            return Err(DropReason::NoRoute);
        }
        let Some(target) = self.routes.lookup(header.dst) else {
            let problem = Problem::Unreachable(icmp::NET_UNREACHABLE);
            self.report(now, from, problem, packet, out);
            return Err(DropReason::NoRoute);
        };
        let leg = &mut self.legs[usize::from(target.interface)];
        if leg.is_subnet_broadcast(header.dst) {
            return Err(DropReason::NoRoute);
        }
        if header.ttl <= 1 {
            self.report(now, from, Problem::TtlExceeded, packet, out);
            return Err(DropReason::TtlExceeded);
        }
        let mtu = leg.interface.mtu;
        if packet.len() > usize::from(mtu) && header.dont_fragment {
            self.report(now, from, Problem::TooBig { mtu }, packet, out);
            return Err(DropReason::TooBig);
        }
        let hop = Hop::Neighbour(target.via.unwrap_or(header.dst));
        let write = |bytes: &mut Vec<u8>| {
            let start = bytes.len();
            bytes.extend_from_slice(packet);
            ipv4::decrement_ttl(&mut bytes[start..]);
        };
        leg.interface
            .send(now, leg.address, hop, Some(ingress), write, out);
        self.rearm(target.interface);
        self.forwarded += 1;
        Ok(())
    }

    /// Sends an ICMP error from `from` to the sender of `packet`, if one may be sent.
    fn report(
        &mut self,
        now: Instant,
        from: Ipv4Addr,
        problem: Problem,
        packet: &[u8],
        out: &mut Outbox<Transmit>,
    ) {
        let Ok((header, payload)) = ipv4::decode(packet) else {
            return;
        };
        if !icmp_error::may_report(&header, payload) || !self.limits.allow(now, header.src) {
            return;
        }
        self.next_id = self.next_id.wrapping_add(1);
        let id = self.next_id;
        self.send_routed(now, header.src, out, |bytes| {
            icmp_error::write(from, header.src, id, problem, packet, bytes);
        });
    }

    /// Sends a packet of the gateway's own; `write` appends its `len` bytes of payload.
    #[expect(clippy::too_many_arguments, reason = "a packet has that many parts")]
    pub(super) fn send_own(
        &mut self,
        now: Instant,
        src: Ipv4Addr,
        dst: Ipv4Addr,
        protocol: u8,
        len: usize,
        out: &mut Outbox<Transmit>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let header = self.own_header(src, dst, protocol);
        self.send_routed(now, dst, out, |bytes| {
            header.encode(len, bytes);
            write(bytes);
        });
    }

    /// The header of a packet of the gateway's own.
    pub(super) fn own_header(
        &mut self,
        src: Ipv4Addr,
        dst: Ipv4Addr,
        protocol: u8,
    ) -> ipv4::Header {
        self.next_id = self.next_id.wrapping_add(1);
        ipv4::Header {
            tos: 0,
            id: self.next_id,
            dont_fragment: protocol == ipv4::TCP,
            more_fragments: false,
            fragment_offset: 0,
            ttl: TTL,
            protocol,
            src,
            dst,
        }
    }

    /// Sends the packet that `write` appends towards `to`. Without a route it ends here.
    fn send_routed(
        &mut self,
        now: Instant,
        to: Ipv4Addr,
        out: &mut Outbox<Transmit>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let Some(target) = self.routes.lookup(to) else {
            // What it answers came in by an interface: there is one.
            if let Some(leg) = self.legs.first_mut() {
                leg.interface.refuse(DropReason::NoRoute, write, out);
                *self.dropped.entry(DropReason::NoRoute).or_default() += 1;
            }
            return;
        };
        let leg = &mut self.legs[usize::from(target.interface)];
        let hop = Hop::Neighbour(target.via.unwrap_or(to));
        leg.interface.send(now, leg.address, hop, None, write, out);
        self.rearm(target.interface);
    }

    /// A neighbour did not answer: each packet that waited is dropped, and its sender told.
    pub(super) fn fail(&mut self, now: Instant, waiting: &Waiting, out: &mut Outbox<Transmit>) {
        self.drop(DropReason::NeighbourFailed, &waiting.frame, out);
        if let Some(ingress) = waiting.ingress {
            let from = self.legs[usize::from(ingress)].address;
            let problem = Problem::Unreachable(icmp::HOST_UNREACHABLE);
            self.report(now, from, problem, &waiting.frame[ETHERNET_LEN..], out);
        }
    }
}

/// Destinations that no router forwards to: groups, the link-local block (RFC 3927 section 7), loopback,
/// "this network", class E.
fn is_confined(address: Ipv4Addr) -> bool {
    icmp_error::is_impossible_source(address) || address.is_link_local() || address.octets()[0] == 0
}
