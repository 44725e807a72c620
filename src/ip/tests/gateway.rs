//! Gateways: forwarding, ICMP errors and their limits.

use super::{Lab, Probe, config, secs};
use crate::app::AppEffect;
use crate::ip::{
    ArpMode, Gateway, GatewayConfig, GatewayError, NeighbourSettings, ReversePath, Route, RouteTo,
};
use crate::outbox::DropReason;
use crate::rng::Rng;
use crate::wire::arp::{Arp, REQUEST};
use crate::wire::{Frame, Mac, ethernet, icmp, ipv4};

/// Hosts 10.1.0.50 and 10.2.0.50, and a gateway at the .1 of each: stations 0, 1 and 2.
pub(super) fn two_subnets() -> Lab {
    let mut lab = Lab::default();
    lab.linux(1, "10.1.0.50/24", "10.1.0.1");
    let app = Probe {
        binds: vec![69],
        echoes: true,
        ..Probe::default()
    };
    lab.host(2, config(1, "10.2.0.50/24", "10.2.0.1"), app);
    lab.gateway(
        &[
            (1, "10.1.0.1/24", ArpMode::Strict),
            (2, "10.2.0.1/24", ArpMode::Strict),
        ],
        &[],
    );
    lab.effect(0, AppEffect::Bind { port: 5000 });
    lab
}

#[test]
fn sources_are_checked_as_the_kernel_does_in_packets_and_in_arp() {
    // Of a station in segment 2: its own subnet's address, one of segment 1, one without a route.
    let sources = ["10.2.0.50", "10.1.0.50", "172.16.0.1"];
    for (check, passes) in [
        (ReversePath::Off, [true, true, true]),
        (ReversePath::Loose, [true, true, false]),
        (ReversePath::Strict, [true, false, false]),
    ] {
        for (src, passes) in sources.into_iter().zip(passes) {
            let mut lab = Lab {
                reverse_path: check,
                ..Lab::default()
            };
            let legs = [
                (1, "10.1.0.1/24", ArpMode::Strict),
                (2, "10.2.0.1/24", ArpMode::Strict),
            ];
            let gateway = lab.gateway(&legs, &[]);
            let refused = |lab: &Lab| {
                let dropped = lab.router(gateway).dropped();
                dropped.get(&DropReason::ReversePath).copied().unwrap_or(0)
            };
            lab.inject(2, &who_has("10.2.0.1", src));
            lab.run_for(secs(1));
            assert_eq!(refused(&lab) == 0, passes, "{check:?}: ARP from {src}");
            let packet = ping(src, "10.1.0.99", 64, b"");
            lab.inject(2, &framed(super::leg_mac(gateway, 1), &packet));
            lab.run_for(secs(1));
            let expected = if passes { 0 } else { 2 };
            assert_eq!(refused(&lab), expected, "{check:?}: a packet from {src}");
        }
    }
}

/// A request for `target`'s MAC.
fn who_has(target: &str, sender: &str) -> Frame {
    let mut bytes = Vec::new();
    ethernet::Header {
        dst: Mac::BROADCAST,
        src: super::mac(0),
        tag: None,
        ethertype: ethernet::ETHERTYPE_ARP,
    }
    .encode(&mut bytes);
    Arp {
        operation: REQUEST,
        sender_mac: super::mac(0),
        sender_ip: sender.parse().unwrap(),
        target_mac: Mac::ZERO,
        target_ip: target.parse().unwrap(),
    }
    .encode(&mut bytes);
    bytes.into()
}

/// An ICMP echo request, or another packet if the test changes it.
pub(super) fn ping(src: &str, dst: &str, ttl: u8, data: &[u8]) -> Vec<u8> {
    let header = ipv4::Header {
        tos: 0,
        id: 1,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        ttl,
        protocol: ipv4::ICMP,
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
    };
    let mut packet = Vec::new();
    header.encode(8 + data.len(), &mut packet);
    icmp::Message::EchoRequest {
        id: 1,
        seq: 1,
        data,
    }
    .encode(&mut packet);
    packet
}

pub(super) fn framed(dst: Mac, packet: &[u8]) -> Frame {
    let mut bytes = Vec::new();
    let (src, ethertype) = (super::mac(0), ethernet::ETHERTYPE_IPV4);
    ethernet::Header {
        dst,
        src,
        tag: None,
        ethertype,
    }
    .encode(&mut bytes);
    bytes.extend_from_slice(packet);
    Frame::from(bytes)
}

/// The MAC of the gateway's first interface, where the gateway is station 2.
pub(super) fn gateway_mac() -> Mac {
    super::leg_mac(2, 0)
}

#[test]
fn a_datagram_crosses_and_is_counted() {
    let mut lab = two_subnets();
    lab.send(0, "10.2.0.50:69", "hello");
    assert_eq!(lab.seen(1), ["10.1.0.50:5000 > 10.2.0.50:69: hello"]);
    assert_eq!(lab.seen(0), ["10.2.0.50:69 > 10.1.0.50:5000: hello"]);
    assert_eq!(lab.router(2).forwarded(), 2);
    assert!(lab.router(2).dropped().is_empty());
    let ttls: Vec<u8> = lab
        .sent
        .iter()
        .filter(|(_, frame)| frame[12] == 8 && frame[13] == 0)
        .map(|(_, frame)| frame[22])
        .collect();
    assert_eq!(ttls, [64, 63, 64, 63]);
}

#[test]
fn a_gateway_without_power_passes_nothing_and_has_forgotten_its_neighbours() {
    let mut lab = two_subnets();
    lab.send(0, "10.2.0.50:69", "before");
    lab.send(0, "10.2.0.99:9", "waits");
    lab.power_gateway(2, false);
    assert_eq!(lab.router(2).dropped()[&DropReason::NotReady], 1);
    assert_eq!(
        lab.router(2).neighbour(1, "10.2.0.50".parse().unwrap()),
        None
    );
    let forwarded = lab.router(2).forwarded();
    lab.send(0, "10.2.0.50:69", "in the dark");
    lab.run_for(secs(5));
    assert_eq!(lab.router(2).forwarded(), forwarded);
    assert!(lab.router(2).dropped()[&DropReason::NotReady] > 1);
    assert!(lab.lines("unreachable").is_empty(), "{:#?}", lab.log);
    lab.power_gateway(2, true);
    lab.send(0, "10.2.0.50:69", "after");
    let seen = ["before", "after"].map(|text| format!("10.1.0.50:5000 > 10.2.0.50:69: {text}"));
    assert_eq!(lab.seen(1), seen);
    assert_eq!(lab.times("who-has 10.2.0.50 tell 10.2.0.1"), [0.0, 5.0]);
}

#[test]
fn an_absent_host_is_reported_after_three_seconds_in_order_of_arrival() {
    let mut lab = two_subnets();
    lab.send(0, "10.2.0.99:9", "a");
    lab.run_for(secs(1));
    lab.send(0, "10.2.0.99:9", "b");
    lab.run_for(secs(9));
    assert_eq!(
        lab.times("who-has 10.2.0.99 tell 10.2.0.1"),
        [0.0, 1.0, 2.0]
    );
    let errors = lab.lines("2 > 10.1.0.1 > 10.1.0.50 unreachable (host, code 1)");
    assert_eq!(errors.len(), 2, "{:#?}", lab.log);
    assert!(errors.iter().all(|line| line.starts_with("3.000000")));
    let packets: Vec<&Frame> = lab
        .sent
        .iter()
        .map(|(_, frame)| frame)
        .filter(|frame| frame[23] == 1)
        .collect();
    for (frame, text) in packets.iter().zip(["a", "b"]) {
        assert_eq!((frame[15], frame[22]), (0xc0, 64), "TOS and TTL");
        assert_eq!(
            u16::from_be_bytes([frame[20], frame[21]]),
            0,
            "may be fragmented"
        );
        let quoted = &frame[42..];
        assert_eq!(quoted[8], 63, "the TTL is decremented already");
        assert!(
            quoted.ends_with(text.as_bytes()),
            "the whole packet is quoted"
        );
    }
    assert_eq!(lab.router(2).dropped()[&DropReason::NeighbourFailed], 2);
}

#[test]
fn one_destination_gets_six_errors_of_a_burst() {
    let mut lab = two_subnets();
    for _ in 0..100 {
        lab.send(0, "10.2.0.99:9", "burst");
    }
    lab.run_for(secs(5));
    assert_eq!(lab.lines("unreachable (host").len(), 6);
    assert_eq!(lab.router(2).dropped()[&DropReason::NeighbourFailed], 100);
}

#[test]
fn of_four_hundred_packets_the_newest_256_wait() {
    let mut lab = two_subnets();
    lab.unplug(1, 0);
    for number in 0..400 {
        lab.send(0, "10.2.0.50:69", &number.to_string());
    }
    lab.plug(1, 0, 2);
    lab.run_for(secs(2));
    let seen = lab.seen(1);
    assert_eq!(seen.len(), 257, "and one for the carrier");
    assert!(seen[1].ends_with(": 144") && seen[256].ends_with(": 399"));
    assert_eq!(
        lab.router(2).dropped()[&DropReason::NeighbourQueueFull],
        144
    );
}

#[test]
fn no_route_no_hops_and_too_much_are_answered() {
    let mut lab = two_subnets();
    lab.send(0, "192.0.2.1:9", "nowhere");
    assert_eq!(
        lab.lines("2 > 10.1.0.1 > 10.1.0.50 unreachable (network, code 0)")
            .len(),
        1
    );
    lab.inject(
        1,
        &framed(
            gateway_mac(),
            &ping("10.1.0.50", "10.2.0.50", 1, b"last hop"),
        ),
    );
    assert_eq!(lab.lines("2 > 10.1.0.1 > 10.1.0.50 time exceeded").len(), 1);
    lab.inject(
        1,
        &framed(
            gateway_mac(),
            &ping("10.1.0.50", "10.2.0.50", 64, &[0; 1500]),
        ),
    );
    assert_eq!(
        lab.lines("2 > 10.1.0.1 > 10.1.0.50 unreachable (need to fragment, code 4)")
            .len(),
        1
    );
    let (_, error) = lab.sent.last().unwrap();
    assert_eq!(error.len(), 14 + 576);
    assert_eq!(error[38..42], [0, 0, 0x05, 0xdc], "the next hop's MTU");
    let reasons: Vec<DropReason> = lab.router(2).dropped().into_keys().collect();
    assert_eq!(
        reasons,
        [
            DropReason::TtlExceeded,
            DropReason::NoRoute,
            DropReason::TooBig
        ]
    );
}

#[test]
fn an_answer_that_has_no_way_back_is_dropped_with_its_reason() {
    let mut lab = two_subnets();
    let lost = ping("192.0.2.9", "10.1.0.1", 64, b"");
    lab.inject(1, &framed(gateway_mac(), &lost));
    let dropped: Vec<_> = lab.router(2).dropped().into_iter().collect();
    assert_eq!(dropped, [(DropReason::NoRoute, 1)]);
    let answers = lab.lines("drops 10.1.0.1 > 192.0.2.9 echo reply");
    assert_eq!(answers.len(), 1, "{:#?}", lab.log);
}

#[test]
fn no_error_is_sent_about_an_error_a_later_fragment_or_a_broadcast() {
    let mut lab = two_subnets();
    let mut error = ping("10.1.0.50", "192.0.2.1", 64, &[0; 28]);
    error.truncate(20);
    icmp::Message::Unreachable {
        code: 1,
        quoted: &[0; 28],
    }
    .encode(&mut error);
    let header = |fragment_offset, dst: &str| {
        let header = ipv4::Header {
            tos: 0,
            id: 1,
            dont_fragment: false,
            more_fragments: true,
            fragment_offset,
            ttl: 64,
            protocol: ipv4::UDP,
            src: "10.1.0.50".parse().unwrap(),
            dst: dst.parse().unwrap(),
        };
        let mut packet = Vec::new();
        header.encode(0, &mut packet);
        packet
    };
    lab.inject(1, &framed(gateway_mac(), &error));
    lab.inject(1, &framed(gateway_mac(), &header(1, "192.0.2.1")));
    lab.inject(1, &framed(Mac::BROADCAST, &header(0, "10.1.0.255")));
    lab.inject(1, &framed(Mac::BROADCAST, &header(0, "192.0.2.1")));
    lab.inject(1, &framed(gateway_mac(), &header(0, "10.2.0.255")));
    lab.inject(1, &framed(gateway_mac(), &header(0, "169.254.1.1")));
    lab.inject(1, &framed(gateway_mac(), &header(0, "224.0.0.1")));
    assert!(lab.sent.is_empty(), "{:#?}", lab.log);
    lab.inject(1, &framed(gateway_mac(), &header(0, "192.0.2.1")));
    assert_eq!(
        lab.lines("unreachable (network").len(),
        1,
        "a first fragment is answered"
    );
}

#[test]
fn it_answers_ping_on_all_its_addresses_and_refuses_the_rest() {
    let mut lab = two_subnets();
    for own in ["10.1.0.1", "10.2.0.1"] {
        lab.inject(
            1,
            &framed(gateway_mac(), &ping("10.1.0.50", own, 64, b"ping")),
        );
        assert_eq!(lab.lines(&format!("{own} > 10.1.0.50 echo reply")).len(), 1);
    }
    lab.send(0, "10.2.0.1:161", "snmp?");
    assert_eq!(
        lab.lines("10.2.0.1 > 10.1.0.50 unreachable (port, code 3)")
            .len(),
        1
    );
    lab.connect(0, "10.1.0.1:22");
    let refused = "Refused { from_port: 5000, to: 10.2.0.1:161 }";
    assert_eq!(lab.seen(0), [refused, "ended: connection reset"]);
}

#[test]
fn impossible_sources_go_no_further() {
    let mut lab = two_subnets();
    for src in [
        "127.0.0.1",
        "224.0.0.5",
        "10.2.0.1",
        "10.1.0.255",
        "255.255.255.255",
        "0.0.0.0",
    ] {
        lab.inject(1, &framed(gateway_mac(), &ping(src, "10.2.0.50", 64, b"")));
    }
    assert!(lab.sent.is_empty(), "{:#?}", lab.log);
    assert_eq!(lab.router(2).dropped()[&DropReason::MartianSource], 6);
}

#[test]
fn a_static_route_leads_through_another_gateway() {
    let mut lab = Lab::default();
    lab.linux(1, "10.1.0.50/24", "10.1.0.1");
    lab.linux(2, "10.2.0.50/24", "10.2.0.1");
    let route = |prefix: &str, prefix_len, via: &str| Route {
        prefix: prefix.parse().unwrap(),
        prefix_len,
        to: RouteTo::Via(via.parse().unwrap()),
    };
    let strict = ArpMode::Strict;
    lab.gateway(
        &[(1, "10.1.0.1/24", strict), (3, "10.3.0.1/30", strict)],
        &[route("0.0.0.0", 0, "10.3.0.2")],
    );
    lab.gateway(
        &[(3, "10.3.0.2/30", strict), (2, "10.2.0.1/24", strict)],
        &[route("10.1.0.0", 16, "10.3.0.1")],
    );
    lab.connect(0, "10.2.0.50:6800");
    assert_eq!(lab.seen(0), ["ended: connection reset"], "{:#?}", lab.log);
    let config = GatewayConfig {
        interfaces: Vec::new(),
        routes: vec![route("0.0.0.0", 0, "10.3.0.2")],
        neighbours: NeighbourSettings::linux(),
        mtu: 1500,
        rng: Rng::stream(1, "gateway"),
    };
    let error = Gateway::new(config).unwrap_err();
    assert_eq!(error, GatewayError::NoLinkTo("10.3.0.2".parse().unwrap()));
    assert_eq!(
        error.to_string(),
        "10.3.0.2 is on none of the gateway's links"
    );
}
