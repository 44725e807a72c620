//! The DHCP relay agent of a gateway: what it hands on, to whom, and what it does not.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Lab, Probe, config, leg_mac, mac};
use crate::app::AppEffect;
use crate::ip::{ArpMode, Relay};
use crate::outbox::DropReason;
use crate::wire::dhcp::{BOOTREPLY, BOOTREQUEST, BROADCAST_FLAG, Message, MessageType, code};
use crate::wire::{Frame, Mac, ethernet, ipv4, udp};

const SET: Mac = Mac([8, 0, 0x0f, 0, 0, 1]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 50);
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const HERE: usize = 1;
const INFORMATION: &[u8] = b"\x01\x06port 7";

#[test]
fn a_request_goes_to_the_server_with_the_address_of_the_link_that_it_came_from() {
    let mut lab = lab();
    lab.inject(HERE, &request(&discover()));
    let (header, ip, ports, message) = relayed(&lab).unwrap();
    assert_eq!((header.dst, header.src), (mac(0), leg_mac(1, 1)));
    assert_eq!((ip.src, ip.dst), (RELAY, SERVER));
    assert_eq!((ports.src_port, ports.dst_port), (67, 67));
    let expected = with(discover(), |it| (it.giaddr, it.hops) = (RELAY, 1));
    assert_eq!(message, expected, "nothing else is changed");
    assert_eq!(lab.seen(0).len(), 1, "the server has it");
}

#[test]
fn a_request_goes_to_each_of_several_servers() {
    let other = Ipv4Addr::new(10, 2, 0, 51);
    let mut lab = lab_with(Some(Relay {
        servers: vec![SERVER, other],
        ..plain()
    }));
    let app = Probe {
        binds: vec![67],
        ..Probe::default()
    };
    lab.host(2, config(2, "10.2.0.51/24", "10.2.0.1"), app);
    lab.inject(HERE, &request(&discover()));
    let to_servers = sent(&lab).filter(|(header, ..)| header.src == leg_mac(1, 1));
    let to: Vec<_> = to_servers.map(|(_, ip, ..)| ip.dst).collect();
    assert_eq!(to, [SERVER, other]);
}

#[test]
fn the_address_of_the_first_relay_stays() {
    let mut lab = lab();
    let first = Ipv4Addr::new(10, 7, 0, 1);
    let asks = with(discover(), |it| (it.giaddr, it.hops) = (first, 3));
    lab.inject(HERE, &request(&asks));
    let (.., message) = relayed(&lab).unwrap();
    assert_eq!((message.giaddr, message.hops), (first, 4));
}

#[test]
fn a_request_that_was_relayed_16_times_goes_no_further() {
    for (hops, goes_on) in [(15, true), (16, false), (255, false)] {
        let mut lab = lab();
        lab.inject(HERE, &request(&with(discover(), |it| it.hops = hops)));
        assert_eq!(relayed(&lab).is_some(), goes_on, "{hops}");
        let dropped = lab.router(1).dropped();
        assert_eq!(dropped.contains_key(&DropReason::RelayedTooOften), !goes_on);
    }
}

#[test]
fn an_answer_goes_to_the_sets_mac_without_arp_or_to_all_if_it_asks_for_that() {
    let yours = Ipv4Addr::new(10, 1, 0, 60);
    for (flags, yiaddr, dst, dst_mac) in [
        (0, yours, yours, SET),
        (BROADCAST_FLAG, yours, Ipv4Addr::BROADCAST, Mac::BROADCAST),
        (
            0,
            Ipv4Addr::UNSPECIFIED,
            Ipv4Addr::BROADCAST,
            Mac::BROADCAST,
        ),
    ] {
        let mut lab = lab();
        let says = with(offer(), |it| (it.flags, it.yiaddr) = (flags, yiaddr));
        answer(&mut lab, RELAY, &says.encode());
        let (header, ip, ports, message) = delivered(&lab).unwrap();
        assert_eq!((header.dst, header.src), (dst_mac, leg_mac(1, 0)));
        assert_eq!((ip.src, ip.dst), (RELAY, dst));
        assert_eq!((ports.src_port, ports.dst_port), (67, 68));
        assert_eq!(message, says);
        assert!(lab.lines("who has 10.1.0.60").is_empty());
    }
}

#[test]
fn an_answer_that_no_interface_has_relayed_ends_at_the_gateway() {
    let request = discover();
    let other = with(offer(), |it| it.giaddr = Ipv4Addr::new(10, 7, 0, 1));
    let none = with(offer(), |it| it.giaddr = Ipv4Addr::UNSPECIFIED);
    for says in [request, other, none] {
        let mut lab = lab();
        answer(&mut lab, RELAY, &says.encode());
        assert!(delivered(&lab).is_none(), "{says}");
        assert_eq!(lab.router(1).dropped()[&DropReason::NoListener], 1);
    }
}

#[test]
fn bytes_that_are_no_message_go_nowhere_and_are_counted() {
    let whole = discover().encode();
    for length in (0..whole.len()).step_by(7).filter(|at| *at < 244) {
        let mut lab = lab();
        lab.inject(HERE, &broadcast(67, &whole[..length]));
        answer(&mut lab, RELAY, &whole[..length]);
        assert!(relayed(&lab).is_none() && delivered(&lab).is_none());
        assert_eq!(lab.router(1).dropped()[&DropReason::Undecodable], 2);
    }
}

#[test]
fn other_broadcasts_are_not_relayed_nor_any_by_a_gateway_without_a_server() {
    let unwanted = |lab: &Lab| lab.router(1).dropped()[&DropReason::BroadcastNotWanted];
    let mut with = lab();
    with.inject(HERE, &broadcast(68, &discover().encode()));
    with.inject(HERE, &broadcast(67, &offer().encode()));
    assert_eq!(unwanted(&with), 2);
    let mut without = lab_with(None);
    without.inject(HERE, &request(&discover()));
    assert_eq!(unwanted(&without), 1);
    answer(&mut without, RELAY, &offer().encode());
    let refused = without.lines("10.2.0.1 > 10.2.0.50");
    assert!(relayed(&with).is_none() && relayed(&without).is_none());
    assert!(delivered(&without).is_none());
    assert_eq!(refused.len(), 0, "{refused:?}");
    assert_eq!(without.router(1).dropped()[&DropReason::NoListener], 1);
}

#[test]
fn option_82_is_added_last_comes_back_from_the_server_and_is_taken_off() {
    let mut lab = lab_with(Some(informing()));
    lab.inject(HERE, &request(&discover()));
    let (.., message) = relayed(&lab).unwrap();
    let expected = with(discover(), |it| {
        (it.giaddr, it.hops) = (RELAY, 1);
        it.options.push(82, INFORMATION);
    });
    assert_eq!(message, expected);
    answer(
        &mut lab,
        RELAY,
        &with(offer(), |it| it.options.push(82, INFORMATION)).encode(),
    );
    assert_eq!(delivered(&lab).unwrap().3, offer());
    // What another element has added is that one's to take off.
    let mut lab = lab_with(Some(informing()));
    let other = with(offer(), |it| it.options.push(82, b"\x01\x01x"));
    answer(&mut lab, RELAY, &other.encode());
    assert_eq!(delivered(&lab).unwrap().3, other);
}

#[test]
fn option_82_of_a_client_is_taken_from_a_trusted_link_alone_and_never_doubled() {
    let asks = with(discover(), |it| it.options.push(82, b"\x01\x01x"));
    let mut untrusted = lab_with(Some(informing()));
    untrusted.inject(HERE, &request(&asks));
    assert!(relayed(&untrusted).is_none());
    assert_eq!(
        untrusted.router(1).dropped()[&DropReason::RelayUntrusted],
        1
    );
    let mut trusted = lab_with(Some(Relay {
        trusts: true,
        ..informing()
    }));
    trusted.inject(HERE, &request(&asks));
    let (.., message) = relayed(&trusted).unwrap();
    assert_eq!(message.option(82).unwrap().as_ref(), b"\x01\x01x");
    // Behind another relay it is that one's matter.
    let first = Ipv4Addr::new(10, 7, 0, 1);
    let mut second = lab_with(Some(informing()));
    second.inject(HERE, &request(&with(asks, |it| it.giaddr = first)));
    let (.., message) = relayed(&second).unwrap();
    assert_eq!(message.option(82).unwrap().as_ref(), b"\x01\x01x");
}

#[test]
fn a_request_that_claims_to_come_from_this_relay_goes_no_further() {
    let mut lab = lab();
    lab.inject(HERE, &request(&with(discover(), |it| it.giaddr = RELAY)));
    assert!(relayed(&lab).is_none());
    assert_eq!(lab.router(1).dropped()[&DropReason::RelaySpoofed], 1);
}

#[test]
fn a_message_that_option_82_would_make_too_long_goes_on_without_it() {
    for (len, added) in [(1_214, true), (1_215, false)] {
        let asks = with(discover(), |it| {
            let mut rest: usize = len - 3 - 1 - 2;
            while rest > 0 {
                let part = rest.min(250);
                it.options.push(200, &vec![0; part]);
                rest -= part;
            }
        });
        let mut lab = lab_with(Some(informing()));
        lab.inject(HERE, &request(&asks));
        let (.., message) = relayed(&lab).unwrap();
        assert_eq!(message.option(82).is_some(), added, "{len}");
    }
}

type Sent = (ethernet::Header, ipv4::Header, udp::Header, Message);

/// A server 10.2.0.50, station 0, and a gateway between its segment 2 and segment 1, station 1.
fn lab() -> Lab {
    lab_with(Some(plain()))
}

fn plain() -> Relay {
    Relay {
        servers: vec![SERVER],
        information: None,
        trusts: false,
    }
}

fn informing() -> Relay {
    Relay {
        information: Some(INFORMATION.to_vec()),
        ..plain()
    }
}

fn lab_with(relay: Option<Relay>) -> Lab {
    let mut lab = Lab {
        relay,
        ..Lab::default()
    };
    let app = Probe {
        binds: vec![67],
        ..Probe::default()
    };
    lab.host(2, config(0, "10.2.0.50/24", "10.2.0.1"), app);
    let legs = [
        (1, "10.1.0.1/24", ArpMode::Strict),
        (2, "10.2.0.1/24", ArpMode::Strict),
    ];
    lab.gateway(&legs, &[]);
    lab
}

fn discover() -> Message {
    let mut message = Message::new(BOOTREQUEST, SET, 7);
    let kind = MessageType::Discover.as_u8();
    message.options.push(code::MESSAGE_TYPE, &[kind]);
    message
}

fn offer() -> Message {
    let mut message = Message::new(BOOTREPLY, SET, 7);
    message.giaddr = RELAY;
    message.yiaddr = Ipv4Addr::new(10, 1, 0, 60);
    let kind = MessageType::Offer.as_u8();
    message.options.push(code::MESSAGE_TYPE, &[kind]);
    message
}

fn with(mut message: Message, change: impl FnOnce(&mut Message)) -> Message {
    change(&mut message);
    message
}

/// What a set without an address broadcasts.
fn request(message: &Message) -> Frame {
    broadcast(67, &message.encode())
}

fn broadcast(dst_port: u16, payload: &[u8]) -> Frame {
    let (src, dst) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    let mut datagram = Vec::new();
    let src_port = 68;
    udp::Header { src_port, dst_port }.encode(src, dst, payload, &mut datagram);
    let mut bytes = Vec::new();
    ethernet::Header {
        dst: Mac::BROADCAST,
        src: SET,
        tag: None,
        ethertype: ethernet::ETHERTYPE_IPV4,
    }
    .encode(&mut bytes);
    ipv4::Header {
        tos: 0,
        id: 1,
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: ipv4::UDP,
        src,
        dst,
    }
    .encode(datagram.len(), &mut bytes);
    bytes.extend_from_slice(&datagram);
    bytes.into()
}

/// The server sends this to the relay.
fn answer(lab: &mut Lab, to: Ipv4Addr, payload: &[u8]) {
    lab.effect(
        0,
        AppEffect::Send {
            from_port: 67,
            to: SocketAddrV4::new(to, 67),
            to_mac: None,
            payload: payload.to_vec(),
        },
    );
}

/// What the gateway has sent to the server's port.
fn relayed(lab: &Lab) -> Option<Sent> {
    sent(lab).find(|(header, _, ports, _)| header.src == leg_mac(1, 1) && ports.dst_port == 67)
}

/// What the gateway has sent to a client's port.
fn delivered(lab: &Lab) -> Option<Sent> {
    sent(lab).find(|(_, _, ports, _)| ports.dst_port == 68)
}

fn sent(lab: &Lab) -> impl Iterator<Item = Sent> {
    lab.sent.iter().filter_map(|(_, frame)| {
        let (header, packet) = ethernet::decode(frame).ok()?;
        let (ip, payload) = ipv4::decode(packet).ok()?;
        let (ports, payload) = udp::decode(payload, ip.src, ip.dst).ok()?;
        Some((header, ip, ports, Message::decode(payload).ok()?))
    })
}
