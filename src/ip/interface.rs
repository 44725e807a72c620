//! One Ethernet interface: its MAC, its neighbours, and the way out.
//!
//! A packet leaves through [`Interface::send`]: to a MAC that the caller knows, or to a neighbour whose
//! MAC is looked up and, if unknown, asked for while the packet waits. A frame is built in a buffer that
//! is used again, and copied once into the frame that travels. An interface in a VLAN puts its tag into each.

use std::net::Ipv4Addr;

use super::arp::Neighbours;
use super::fragment::fragments;
use super::neighbour::{Action, Hearing, Waiting};
use crate::outbox::{DropReason, Outbox};
use crate::sim::{PortId, Transmit};
use crate::time::Instant;
use crate::wire::arp::{self, Arp};
use crate::wire::ethernet::{self, ETHERTYPE_ARP, ETHERTYPE_IPV4, Tag};
use crate::wire::{Frame, Mac, ipv4, lldp};

/// Bytes of an Ethernet header without a tag.
pub(super) const ETHERNET_LEN: usize = 14;
/// Bytes that a tag adds.
const TAG_LEN: usize = 4;

/// The buffer is given back after a larger frame: with 100,000 hosts, kept buffers are what they cost.
const SCRATCH_KEPT_BYTES_MAX: usize = 256;

/// Whom a packet is handed to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hop {
    Mac(Mac),
    Neighbour(Ipv4Addr),
}

/// One Ethernet interface.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) port: PortId,
    pub(super) mac: Mac,
    /// Bytes of the largest IP packet.
    pub(super) mtu: u16,
    /// What all of its frames are tagged with.
    tag: Option<Tag>,
    pub(super) neighbours: Neighbours,
    scratch: Vec<u8>,
}

impl Interface {
    pub(super) fn new(port: PortId, mac: Mac, mtu: u16, neighbours: Neighbours) -> Interface {
        Interface {
            port,
            mac,
            mtu,
            tag: None,
            neighbours,
            scratch: Vec::new(),
        }
    }

    /// Tags all frames from now on, or no more. Who was a neighbour in another VLAN is none here.
    pub(super) fn set_tag(&mut self, tag: Option<Tag>, out: &mut Outbox<Transmit>) {
        if self.tag != tag {
            self.neighbours.clear(out);
        }
        self.tag = tag;
    }

    /// The VLAN that its frames are of; 0: they have no tag, or a priority tag.
    pub(super) fn vlan(&self) -> u16 {
        self.tag.map_or(0, |tag| tag.vid)
    }

    /// Bytes before the packet in each of its frames.
    pub(super) fn header_len(&self) -> usize {
        ETHERNET_LEN + self.tag.map_or(0, |_| TAG_LEN)
    }

    /// Sends the IP packet that `write` appends. `own` is the address that ARP requests come from,
    /// `ingress` the interface by which a forwarded packet came in. A packet that is too long for the link leaves in
    /// fragments, unless its DF flag forbids it.
    pub(super) fn send(
        &mut self,
        now: Instant,
        own: Ipv4Addr,
        hop: Hop,
        ingress: Option<u16>,
        write: impl FnOnce(&mut Vec<u8>),
        out: &mut Outbox<Transmit>,
    ) {
        let mut failed = Vec::new();
        let (mac, unresolved) = match hop {
            Hop::Mac(mac) => (Some(mac), Ipv4Addr::UNSPECIFIED),
            Hop::Neighbour(address) => {
                let (mac, action) = self.neighbours.mac_for_use(now, address, out);
                self.perform(own, address, action, &mut failed, out);
                (mac, address)
            }
        };
        let dst = mac.unwrap_or(Mac::ZERO);
        let frame = self.frame(dst, ETHERTYPE_IPV4, write);
        let mut go = |frame, interface: &mut Interface| match mac {
            Some(_) => interface.transmit(frame, out),
            None => {
                let waiting = Waiting { frame, ingress };
                interface.neighbours.wait(unresolved, waiting, out);
            }
        };
        if frame.len() <= self.header_len() + usize::from(self.mtu) {
            return go(frame, self);
        }
        let pieces = self.pieces(&frame[self.header_len()..]);
        for piece in &pieces {
            let piece = self.frame(dst, ETHERTYPE_IPV4, |bytes| bytes.extend_from_slice(piece));
            go(piece, self);
        }
        if pieces.is_empty() {
            out.drop(DropReason::TooBig, &frame);
        }
    }

    /// The fragments of a packet that is too long for the link; none if it must not be cut.
    fn pieces(&self, packet: &[u8]) -> Vec<Vec<u8>> {
        match ipv4::decode(packet) {
            Ok((header, _)) if !header.dont_fragment => fragments(packet, self.mtu),
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    /// Ends a packet's way here, for want of a way out of this interface.
    pub(super) fn refuse(
        &mut self,
        reason: DropReason,
        write: impl FnOnce(&mut Vec<u8>),
        out: &mut Outbox<Transmit>,
    ) {
        let frame = self.frame(Mac::ZERO, ETHERTYPE_IPV4, write);
        out.drop(reason, &frame);
    }

    /// A packet from this station to itself.
    pub(super) fn loop_back(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Frame {
        self.frame(self.mac, ETHERTYPE_IPV4, write)
    }

    /// Sends an LLDP message, which never has a tag.
    pub(super) fn send_lldp(&mut self, message: &[u8], out: &mut Outbox<Transmit>) {
        let tag = self.tag.take();
        let write = |bytes: &mut Vec<u8>| bytes.extend_from_slice(message);
        let frame = self.frame(lldp::NEAREST_BRIDGE, lldp::ETHERTYPE, write);
        self.tag = tag;
        self.transmit(frame, out);
    }

    /// Sends an ARP message.
    pub(super) fn send_arp(&mut self, to: Mac, message: Arp, out: &mut Outbox<Transmit>) {
        let frame = self.frame(to, ETHERTYPE_ARP, |bytes| message.encode(bytes));
        self.transmit(frame, out);
    }

    /// Answers an ARP request for `address` with this interface's MAC.
    pub(super) fn answer_arp(&mut self, request: &Arp, out: &mut Outbox<Transmit>) {
        let reply = Arp {
            operation: arp::REPLY,
            sender_mac: self.mac,
            sender_ip: request.target_ip,
            target_mac: request.sender_mac,
            target_ip: request.sender_ip,
        };
        self.send_arp(request.sender_mac, reply, out);
    }

    /// An ARP message told who has its sender's address.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        own: Ipv4Addr,
        message: &Arp,
        hearing: Hearing,
        out: &mut Outbox<Transmit>,
    ) {
        let sender = message.sender_ip;
        let action = self
            .neighbours
            .hear(now, sender, message.sender_mac, hearing, out);
        self.perform(own, sender, action, &mut Vec::new(), out);
    }

    /// Carries out what is due. What waited for neighbours that don't answer is added to `failed`,
    /// in order of arrival.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        own: Ipv4Addr,
        failed: &mut Vec<Waiting>,
        out: &mut Outbox<Transmit>,
    ) {
        while let Some((address, action)) = self.neighbours.pop_due(now, out) {
            self.perform(own, address, action, failed, out);
        }
    }

    fn perform(
        &mut self,
        own: Ipv4Addr,
        address: Ipv4Addr,
        action: Action,
        failed: &mut Vec<Waiting>,
        out: &mut Outbox<Transmit>,
    ) {
        match action {
            Action::Nothing => {}
            Action::AskAll => self.ask(Mac::BROADCAST, own, address, out),
            Action::Ask(mac) => self.ask(mac, own, address, out),
            Action::Deliver(mac, queue) => {
                for waiting in queue.into_frames() {
                    let packet = &waiting.frame[self.header_len()..];
                    let frame = self.frame(mac, ETHERTYPE_IPV4, |bytes| {
                        bytes.extend_from_slice(packet);
                    });
                    self.transmit(frame, out);
                }
            }
            Action::Fail(queue) => failed.extend(queue.into_frames()),
            // Only the loss of the carrier discards, and the table sees to that itself.
            Action::Discard(_) => {}
        }
    }

    fn ask(&mut self, to: Mac, own: Ipv4Addr, address: Ipv4Addr, out: &mut Outbox<Transmit>) {
        let request = Arp {
            operation: arp::REQUEST,
            sender_mac: self.mac,
            sender_ip: own,
            target_mac: Mac::ZERO,
            target_ip: address,
        };
        self.send_arp(to, request, out);
    }

    fn frame(&mut self, dst: Mac, ethertype: u16, write: impl FnOnce(&mut Vec<u8>)) -> Frame {
        let header = ethernet::Header {
            dst,
            src: self.mac,
            tag: self.tag,
            ethertype,
        };
        self.scratch.clear();
        header.encode(&mut self.scratch);
        write(&mut self.scratch);
        let frame = Frame::from(&self.scratch[..]);
        if self.scratch.capacity() > SCRATCH_KEPT_BYTES_MAX {
            self.scratch = Vec::new();
        }
        frame
    }

    fn transmit(&self, frame: Frame, out: &mut Outbox<Transmit>) {
        let port = self.port;
        out.push(Transmit::Port { port, frame });
    }
}
