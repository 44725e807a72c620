//! What a step sends becomes a frame, or a message on a connection, byte for byte.

use std::net::Ipv4Addr;

use super::Resolver;
use crate::scenario::file::{Message, Payload, Registration, Send};
use crate::scenario::plan::{Action, Place, Say, SendFrame};
use crate::scenario::problem::Problem;
use crate::wire::{Mac, arp, checksums, ethernet, icmp, ipv4, udp};

/// The MAC of a port that is nobody's, unless the step gives another: locally administered.
const NOBODY: Mac = Mac([0x02, 0x0b, 0xad, 0, 0, 1]);
/// Time to live (RFC 1700).
const TTL: u8 = 64;

/// The action; `None` after a problem.
pub(super) fn act(resolver: &mut Resolver<'_>, send: &Send) -> Option<Action> {
    if let Message::Registration(said) = &send.message {
        return say(resolver, send, said);
    }
    let from = std::slice::from_ref(&send.from);
    let places = resolver
        .names
        .places(from, &resolver.routers, resolver.problems);
    let [from] = places.as_slice() else {
        if !places.is_empty() {
            let message = "one station sends, or one subnet's bare port";
            resolver
                .problems
                .push(Problem::new(&send.from.span, message));
        }
        return None;
    };
    let own = match from {
        Place::Phone(id) => resolver.macs.get(id.0).copied(),
        Place::Host(_) | Place::Element(_) | Place::Router(_) | Place::Subnet(_) => None,
    };
    let src = send.src_mac.or(own).unwrap_or(NOBODY);
    let mut frame = encode(send, src);
    patch(resolver, send, "frame", &mut frame)?;
    if send.mended {
        checksums::mend(&mut frame);
    }
    frame.truncate(send.cut.unwrap_or(usize::MAX));
    Some(Action::Send(SendFrame {
        from: *from,
        frame: frame.into(),
    }))
}

/// A message on the connection between a set and its element, from either end.
fn say(resolver: &mut Resolver<'_>, send: &Send, said: &Registration) -> Option<Action> {
    let (set, by) = match &said.to {
        None => (resolver.names.phone(&send.from, resolver.problems)?, None),
        Some(to) => {
            let element = resolver.names.element(&send.from, resolver.problems);
            let set = resolver.names.phone(to, resolver.problems);
            (set?, Some(element?))
        }
    };
    let mut bytes = said.envelope.encode();
    patch(resolver, send, "message", &mut bytes)?;
    bytes.truncate(send.cut.unwrap_or(usize::MAX));
    Some(Action::Say(Say {
        set,
        by,
        bytes: bytes.into(),
    }))
}

/// Changes bytes; `None` after a problem.
fn patch(resolver: &mut Resolver<'_>, send: &Send, what: &str, bytes: &mut [u8]) -> Option<()> {
    let len = bytes.len();
    for patch in &send.patches {
        let end = patch.at.value + patch.bytes.len();
        let Some(place) = bytes.get_mut(patch.at.value..end) else {
            let message = format!("the {what} has {len} bytes");
            resolver
                .problems
                .push(Problem::new(&patch.at.span, message));
            return None;
        };
        place.copy_from_slice(&patch.bytes);
    }
    Some(())
}

fn encode(send: &Send, src: Mac) -> Vec<u8> {
    let mut frame = Vec::new();
    let mut link = |ethertype| {
        let dst = send.dst_mac.unwrap_or(Mac::BROADCAST);
        let header = ethernet::Header {
            dst,
            src,
            tag: None,
            ethertype,
        };
        header.encode(&mut frame);
    };
    match &send.message {
        Message::Raw(bytes) => return bytes.clone(),
        // It has no frame of its own.
        Message::Registration(_) => {}
        Message::Arp {
            reply,
            sender_mac,
            sender,
            target_mac,
            target,
        } => {
            link(ethernet::ETHERTYPE_ARP);
            let arp = arp::Arp {
                operation: if *reply { arp::REPLY } else { arp::REQUEST },
                sender_mac: sender_mac.unwrap_or(src),
                sender_ip: *sender,
                target_mac: target_mac.unwrap_or(Mac::ZERO),
                target_ip: *target,
            };
            arp.encode(&mut frame);
        }
        Message::Udp {
            src: from,
            dst,
            payload,
        } => {
            link(ethernet::ETHERTYPE_IPV4);
            let header = udp::Header {
                src_port: from.1,
                dst_port: dst.1,
            };
            let payload = match payload {
                Payload::Bytes(bytes) => bytes.clone(),
                Payload::Dhcp(dhcp) => {
                    let mut message = dhcp.message.clone();
                    message.chaddr[..6].copy_from_slice(&dhcp.client.unwrap_or(src).0);
                    message.encode()
                }
            };
            let mut datagram = Vec::new();
            header.encode(from.0, dst.0, &payload, &mut datagram);
            packet((from.0, dst.0), ipv4::UDP, &datagram, &mut frame);
        }
        Message::Echo { src, dst, payload } => {
            link(ethernet::ETHERTYPE_IPV4);
            let echo = icmp::Message::EchoRequest {
                id: 1,
                seq: 1,
                data: payload,
            };
            let mut message = Vec::new();
            echo.encode(&mut message);
            packet((*src, *dst), ipv4::ICMP, &message, &mut frame);
        }
    }
    frame
}

fn packet((src, dst): (Ipv4Addr, Ipv4Addr), protocol: u8, payload: &[u8], out: &mut Vec<u8>) {
    let header = ipv4::Header {
        tos: 0,
        id: 0,
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        ttl: TTL,
        protocol,
        src,
        dst,
    };
    header.encode(payload.len(), out);
    out.extend_from_slice(payload);
}
