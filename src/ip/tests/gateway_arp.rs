//! ARP at a gateway: for which addresses it answers, when, and whom it learns from.

use super::gateway::*;
use super::*;
use crate::wire::arp::{Arp, REQUEST};

/// Asks on segment 1 who has these addresses; gives the times of the answers in milliseconds.
fn proxy_answers(targets: &[&str], count: usize) -> Vec<f64> {
    let mut lab = Lab::default();
    lab.linux(1, "10.1.0.50/24", "");
    let mode = ArpMode::Proxy;
    lab.gateway(&[(1, "10.1.0.1/24", mode), (2, "10.2.0.1/24", mode)], &[]);
    for target in targets.iter().cycle().take(count) {
        let request = Arp {
            operation: REQUEST,
            sender_mac: mac(0),
            sender_ip: "10.1.0.50".parse().unwrap(),
            target_mac: Mac::ZERO,
            target_ip: target.parse().unwrap(),
        };
        let mut bytes = Vec::new();
        let (dst, src, ethertype) = (Mac::BROADCAST, mac(0), ethernet::ETHERTYPE_ARP);
        ethernet::Header {
            dst,
            src,
            tag: None,
            ethertype,
        }
        .encode(&mut bytes);
        request.encode(&mut bytes);
        lab.inject(1, &Frame::from(bytes));
    }
    lab.run_for(secs(2));
    lab.times("is-at")
        .into_iter()
        .map(|time| time * 1000.0)
        .collect()
}

#[test]
fn a_proxy_answers_for_what_is_elsewhere_within_800_ms() {
    assert_eq!(
        proxy_answers(&["10.1.0.1", "10.2.0.1"], 2),
        [0.0, 0.0],
        "its own, at once"
    );
    assert!(
        proxy_answers(&["10.1.0.99", "192.0.2.1"], 2).is_empty(),
        "same link, no route"
    );
    let times = proxy_answers(&["10.2.0.50", "10.2.0.99"], 30);
    assert_eq!(times.len(), 30);
    assert!(
        times.iter().all(|time| (0.0..=800.0).contains(time)),
        "{times:?}"
    );
    assert!(times.iter().any(|time| *time > 100.0));
}

#[test]
fn a_proxy_puts_off_65_answers_and_no_more() {
    assert_eq!(proxy_answers(&["10.2.0.50"], 64).len(), 64);
    assert_eq!(proxy_answers(&["10.2.0.50"], 200).len(), 65);
}

#[test]
fn time_between_answers_passes_and_the_gateway_rests() {
    let mut lab = two_subnets();
    lab.send(0, "10.2.0.50:69", "hello");
    lab.run_for(Duration::from_secs(3600));
    let probes = lab.lines("(unicast)").len();
    assert!(probes < 20, "an idle network is quiet: {probes}");
}

/// Whether a gateway 10.2.0.1 (on segment 2, with 10.1.0.1 on segment 1) answers this ARP request, and
/// learns its sender.
fn asked(arp: ArpMode, dst: Mac, sender: &str, target: &str) -> (bool, bool) {
    let mut lab = Lab::default();
    lab.gateway(&[(2, "10.2.0.1/24", arp), (1, "10.1.0.1/24", arp)], &[]);
    let request = Arp {
        operation: REQUEST,
        sender_mac: mac(9),
        sender_ip: sender.parse().unwrap(),
        target_mac: Mac::ZERO,
        target_ip: target.parse().unwrap(),
    };
    let mut bytes = Vec::new();
    let (src, ethertype) = (mac(9), ethernet::ETHERTYPE_ARP);
    ethernet::Header {
        dst,
        src,
        tag: None,
        ethertype,
    }
    .encode(&mut bytes);
    request.encode(&mut bytes);
    lab.inject(2, &Frame::from(bytes));
    let answer = lab.sent.first();
    if let Some((_, frame)) = answer {
        assert_eq!(frame[..6], mac(9).0, "the answer is for who asked");
        assert_eq!(
            frame[22..28],
            leg_mac(0, 0).0,
            "the MAC is the ingress interface's"
        );
    }
    let learnt = lab.router(0).neighbour(0, request.sender_ip);
    (answer.is_some(), learnt.is_some())
}

#[test]
fn it_answers_arp_as_linux_does() {
    use ArpMode::{AnyOwnAddress, Strict};
    let all = Mac::BROADCAST;
    let own_mac = leg_mac(0, 0);
    let host = "10.2.0.10";
    assert_eq!(asked(AnyOwnAddress, all, host, "10.2.0.1"), (true, true));
    assert_eq!(asked(Strict, all, host, "10.2.0.1"), (true, true));
    assert_eq!(
        asked(Strict, own_mac, host, "10.2.0.1"),
        (true, true),
        "unicast"
    );
    assert_eq!(
        asked(Strict, mac(7), host, "10.2.0.1"),
        (false, false),
        "foreign MAC"
    );
    assert_eq!(
        asked(AnyOwnAddress, all, host, "10.2.0.99"),
        (false, false),
        "another host"
    );
    assert_eq!(
        asked(AnyOwnAddress, all, host, "10.1.0.1"),
        (true, true),
        "its other interface"
    );
    assert_eq!(asked(Strict, all, host, "10.1.0.1"), (false, false));
    assert_eq!(
        asked(Strict, all, "10.1.0.50", "10.2.0.1"),
        (true, true),
        "sender off the subnet"
    );
    assert_eq!(
        asked(Strict, all, "0.0.0.0", "10.2.0.1"),
        (true, false),
        "a probe"
    );
    assert_eq!(
        asked(Strict, all, "10.2.0.1", "10.2.0.1"),
        (false, false),
        "its own is not defended"
    );
    assert_eq!(
        asked(Strict, all, host, "10.2.0.0"),
        (false, false),
        "network"
    );
    assert_eq!(
        asked(Strict, all, host, "10.2.0.255"),
        (false, false),
        "broadcast"
    );
    assert_eq!(
        asked(Strict, all, host, host),
        (false, false),
        "gratuitous, not known"
    );
}
