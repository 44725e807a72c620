//! The way in: what a frame is for, and why it goes no further.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Endpoint, Received, hearing, why};
use crate::app::Datagram;
use crate::ip::ear::Heading;
use crate::ip::icmp_error::{self, Problem};
use crate::outbox::{DropReason, Outbox};
use crate::sim::Transmit;
use crate::time::Instant;
use crate::wire::arp::{self, Arp};
use crate::wire::icmp::{self, Message};
use crate::wire::{Frame, Mac, ethernet, ipv4, lldp, tcp, udp};

impl Endpoint {
    /// Takes a frame; `Err` says why it goes no further. A frame to this host itself is given to `back`.
    pub(in crate::ip) fn receive<'a>(
        &mut self,
        now: Instant,
        frame: &'a Frame,
        back: &mut Vec<Frame>,
        out: &mut Outbox<Transmit>,
    ) -> Result<Received<'a>, DropReason> {
        let heading = Heading::of(frame).ok_or(DropReason::Undecodable)?;
        if let Some(reason) = self.refusal(&heading) {
            return Err(reason);
        }
        let (header, payload) = ethernet::decode(frame).map_err(why)?;
        match header.ethertype {
            ethernet::ETHERTYPE_ARP => self.receive_arp(now, header.dst, payload, out),
            ethernet::ETHERTYPE_IPV4 => {
                self.receive_ip(now, (header.src, header.dst), (frame, payload), back, out)
            }
            lldp::ETHERTYPE => Ok(Received::Lldp(payload)),
            _ => Err(DropReason::UnknownProtocol),
        }
    }

    fn refusal(&self, heading: &Heading) -> Option<DropReason> {
        let own = self.own();
        heading.refusal(
            (self.interface.mac, self.interface.vlan()),
            |address| address == own || self.is_probing(address),
            |address| self.interface.neighbours.knows(address),
            |port| self.ports.contains_key(&port),
        )
    }

    fn receive_arp<'a>(
        &mut self,
        now: Instant,
        dst: Mac,
        bytes: &'a [u8],
        out: &mut Outbox<Transmit>,
    ) -> Result<Received<'a>, DropReason> {
        let own = self.own();
        let message = arp::decode(bytes).map_err(why)?;
        if message.sender_mac == self.interface.mac {
            return Err(DropReason::ArpNotForUs);
        }
        if message.sender_mac.is_group() {
            // No station has such a MAC (RFC 1812 section 3.3.2).
            return Err(DropReason::MartianSource);
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
        if !sender.is_unspecified() && (Some(sender) == own || self.is_probing(sender)) {
            return Some(sender);
        }
        let probe = message.operation == arp::REQUEST && sender.is_unspecified();
        let target = message.target_ip;
        (probe && self.is_probing(target)).then_some(target)
    }

    fn receive_ip<'a>(
        &mut self,
        now: Instant,
        (src_mac, dst_mac): (Mac, Mac),
        (frame, bytes): (&Frame, &'a [u8]),
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
        // Who has no address yet speaks to all (RFC 1122 section 3.2.1.3 (a)); anything else from nobody Linux drops.
        let from_nobody = header.src.is_unspecified() && !to_all && self.address.is_some();
        if icmp_error::is_impossible_source(header.src)
            || from_nobody
            || self.is_subnet_broadcast(header.src)
            || src_is_us && src_mac != self.interface.mac
        {
            return Err(DropReason::MartianSource);
        }
        if header.more_fragments || header.fragment_offset != 0 {
            back.extend(self.join(now, frame, frame.len() - bytes.len(), out)?);
            return Ok(Received::Nothing);
        }
        // `decode` has checked that the packet is this long.
        let packet = &bytes[..usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))];
        let to_us_alone = !to_all && !dst_mac.is_group() && self.address.is_some();
        match header.protocol {
            ipv4::UDP => {
                let (ports, payload) = udp::decode(payload, header.src, header.dst).map_err(why)?;
                let Some(&app) = self.ports.get(&ports.dst_port) else {
                    let problem = Problem::Unreachable(icmp::PORT_UNREACHABLE);
                    self.report(now, problem, packet, to_us_alone, back, out);
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
                let problem = Problem::Unreachable(icmp::PROTOCOL_UNREACHABLE);
                self.report(now, problem, packet, to_us_alone, back, out);
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
            Message::EchoReply { .. } if self.is_probing(header.src) => {
                Ok(Received::Conflict(header.src))
            }
            Message::EchoReply { .. } => Ok(Received::Nothing),
            Message::EchoRequest { .. } | Message::TimeExceeded { .. } | Message::Other { .. } => {
                Err(DropReason::NoListener)
            }
        }
    }

    /// Takes a fragment; gives the whole packet, as a frame, if this was the last that was missing.
    fn join(
        &mut self,
        now: Instant,
        frame: &Frame,
        packet: usize,
        out: &mut Outbox<Transmit>,
    ) -> Result<Option<Frame>, DropReason> {
        let mut reassembly = self.reassembly.take().unwrap_or_default();
        let mut drop = |reason, frame: &Frame| out.drop(reason, frame);
        let whole = reassembly.add(now, frame, packet, &mut drop);
        self.reassembly = Some(reassembly).filter(|reassembly| !reassembly.is_empty());
        whole
    }

    /// Drops the fragments that have waited too long, and tells their senders (RFC 1122 section 3.3.2).
    pub(in crate::ip) fn expire_fragments(
        &mut self,
        now: Instant,
        back: &mut Vec<Frame>,
        out: &mut Outbox<Transmit>,
    ) {
        let Some(mut reassembly) = self.reassembly.take() else {
            return;
        };
        let first = reassembly.expire(now, &mut |reason, frame| out.drop(reason, frame));
        self.reassembly = Some(reassembly).filter(|reassembly| !reassembly.is_empty());
        for (frame, packet) in first {
            let to_us_alone = frame.first_chunk() == Some(&self.interface.mac.0);
            let problem = Problem::FragmentsMissing;
            self.report(now, problem, &frame[packet..], to_us_alone, back, out);
        }
    }

    /// Sends an ICMP error about a packet that came to this host alone, if one may be sent.
    fn report(
        &mut self,
        now: Instant,
        problem: Problem,
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
            icmp_error::write(own, header.src, id, problem, packet, bytes);
        }));
    }
}
