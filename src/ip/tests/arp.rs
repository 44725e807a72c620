//! ARP of hosts and gateways, in time: what was measured on Linux.

use super::{Lab, Probe, config, host_address, mac, secs};
use crate::app::AppEffect;
use crate::ip::{ArpMode, HostConfig, NeighbourSettings};
use crate::outbox::NeighbourState;
use crate::time::Duration;
use crate::wire::arp::{Arp, REPLY, REQUEST};
use crate::wire::ethernet::{ETHERTYPE_ARP, Header};
use crate::wire::{Frame, Mac};

fn arp_frame(dst: Mac, message: Arp) -> Frame {
    let mut bytes = Vec::new();
    let header = Header {
        dst,
        src: message.sender_mac,
        tag: None,
        ethertype: ETHERTYPE_ARP,
    };
    header.encode(&mut bytes);
    message.encode(&mut bytes);
    Frame::from(bytes)
}

fn message(operation: u16, sender: (Mac, &str), target: &str) -> Arp {
    Arp {
        operation,
        sender_mac: sender.0,
        sender_ip: sender.1.parse().unwrap(),
        target_mac: Mac::ZERO,
        target_ip: target.parse().unwrap(),
    }
}

fn state(lab: &Lab, host: usize, address: &str) -> Option<(NeighbourState, Option<Mac>)> {
    lab.at(host).neighbour(address.parse().unwrap())
}

#[test]
fn an_absent_neighbour_is_asked_for_three_times_and_there_is_no_negative_cache() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    lab.send(host, "10.1.0.99:9", "one");
    lab.run_for(Duration::from_millis(2500));
    lab.send(host, "10.1.0.99:9", "two");
    lab.run_for(secs(1));
    assert_eq!(lab.times("who-has"), [0.0, 1.0, 2.0]);
    assert_eq!(lab.times("neighbour 10.1.0.99 FAILED"), [3.0]);
    assert_eq!(
        lab.times("did not answer"),
        [3.0, 3.0],
        "both packets fail together"
    );
    assert_eq!(
        state(&lab, host, "10.1.0.99"),
        Some((NeighbourState::Failed, None))
    );
    lab.send(host, "10.1.0.99:9", "three");
    lab.run_for(secs(10));
    assert_eq!(lab.times("who-has"), [0.0, 1.0, 2.0, 3.5, 4.5, 5.5]);
    lab.run_for(secs(60));
    assert_eq!(state(&lab, host, "10.1.0.99"), None, "no longer shown");
}

#[test]
fn a_neighbour_that_vanishes_is_probed_when_it_is_used_again() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    let peer = lab.linux(0, "10.1.0.51/24", "");
    lab.send(host, "10.1.0.51:9", "hello");
    lab.unplug(peer, 0);
    lab.run_for(secs(50));
    let stale = lab.times("0 neighbour 10.1.0.51 STALE")[0];
    assert!((15.0..=45.0).contains(&stale), "{stale}");
    lab.log.clear();
    lab.send(host, "10.1.0.51:9", "lost");
    assert_eq!(
        lab.lines("0 > 10.1.0.50").len(),
        1,
        "it goes to the old MAC"
    );
    lab.run_for(secs(20));
    assert_eq!(lab.times("DELAY"), [50.0]);
    assert_eq!(lab.times("PROBE"), [55.0]);
    assert_eq!(lab.times("(unicast)"), [55.0, 56.0, 57.0]);
    assert_eq!(lab.times("FAILED"), [58.0]);
    assert!(lab.lines("drops").is_empty(), "it fails in silence");
    lab.send(host, "10.1.0.51:9", "asked for again");
    assert_eq!(lab.times("who-has"), [55.0, 56.0, 57.0, 70.0]);
}

#[test]
fn progress_of_tcp_spares_the_probe() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    let app = Probe {
        listens: vec![6800],
        echoes: true,
        ..Probe::default()
    };
    let peer = lab.host(0, config(1, "10.1.0.51/24", ""), app);
    let stream = lab.connect(host, "10.1.0.51:6800");
    for _ in 0..100 {
        lab.run_for(secs(3));
        let bytes = b"beat".to_vec();
        lab.effect(host, AppEffect::SendStream { stream, bytes });
    }
    assert_eq!(lab.times("who-has"), [0.0], "{:#?}", lab.lines("who-has"));
    assert!(lab.lines("0 neighbour 10.1.0.51 PROBE").is_empty());
    assert!(
        lab.lines("1 neighbour 10.1.0.50 PROBE").is_empty(),
        "station {peer}"
    );
}

#[test]
fn who_asks_for_us_is_learnt_as_stale_and_verified_when_used() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    lab.linux(0, "10.1.0.51/24", "");
    lab.send(host, "10.1.0.51:9", "hello");
    // The peer answers with port unreachable, which is its first use of what it learnt.
    assert_eq!(lab.lines("1 neighbour").len(), 2, "{:#?}", lab.log);
    assert!(lab.lines("1 neighbour")[0].contains("STALE"));
    assert!(lab.lines("1 neighbour")[1].contains("DELAY"));
    lab.run_for(secs(6));
    assert_eq!(
        lab.times("1 > arp").len() + lab.times("(unicast)").len(),
        3,
        "{:#?}",
        lab.log
    );
    assert_eq!(
        state(&lab, 1, "10.1.0.50").unwrap().0,
        NeighbourState::Reachable
    );
}

#[test]
fn gratuitous_arp_changes_what_is_known_and_teaches_nothing_new() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    let claim = |sender| {
        let request = message(REQUEST, (sender, "10.1.0.51"), "10.1.0.51");
        arp_frame(Mac::BROADCAST, request)
    };
    lab.inject(0, &claim(mac(7)));
    assert_eq!(state(&lab, host, "10.1.0.51"), None);
    lab.linux(0, "10.1.0.51/24", "");
    lab.send(host, "10.1.0.51:9", "hello");
    assert_eq!(
        state(&lab, host, "10.1.0.51").unwrap().0,
        NeighbourState::Reachable
    );
    lab.inject(0, &claim(mac(8)));
    let expected = Some((NeighbourState::Stale, Some(mac(8))));
    assert_eq!(
        state(&lab, host, "10.1.0.51"),
        expected,
        "also within the locktime"
    );
    let mut reply = message(REPLY, (mac(9), "10.1.0.51"), "10.1.0.50");
    reply.target_mac = mac(0);
    lab.inject(0, &arp_frame(mac(0), reply));
    assert_eq!(
        state(&lab, host, "10.1.0.51"),
        expected,
        "of several answers the first counts"
    );
    lab.run_for(secs(1));
    lab.inject(0, &arp_frame(mac(0), reply));
    let expected = Some((NeighbourState::Reachable, Some(mac(9))));
    assert_eq!(state(&lab, host, "10.1.0.51"), expected);
}

#[test]
fn a_probe_is_answered_and_not_learnt_and_a_conflict_is_told() {
    let mut lab = Lab::default();
    let owner = lab.linux(0, "10.1.0.50/24", "");
    let newcomer = lab.host(0, config(1, "", ""), Probe::default());
    let address = "10.1.0.50".parse().unwrap();
    lab.effect(newcomer, AppEffect::ArpProbe(address));
    assert_eq!(lab.seen(newcomer), ["AddressConflict(10.1.0.50)"]);
    assert!(lab.lines("neighbour").is_empty());
    lab.effect(
        newcomer,
        AppEffect::Configure(Some(host_address("10.1.0.50/24", ""))),
    );
    lab.effect(newcomer, AppEffect::ArpAnnounce(address));
    assert_eq!(lab.seen(owner), ["AddressConflict(10.1.0.50)"]);
}

#[test]
fn the_set_keeps_its_gateway_for_thirty_seconds_even_without_carrier() {
    let mut lab = Lab::default();
    let phone = HostConfig {
        neighbours: NeighbourSettings::phone(),
        ..config(0, "10.1.0.50/24", "10.1.0.1")
    };
    let phone = lab.host(0, phone, Probe::default());
    lab.gateway(&[(0, "10.1.0.1/24", ArpMode::Strict)], &[]);
    lab.send(phone, "10.9.0.10:9", "hello");
    let known = state(&lab, phone, "10.1.0.1");
    assert_eq!(known.unwrap().0, NeighbourState::Reachable);
    lab.run_for(secs(10));
    lab.unplug(phone, 0);
    lab.plug(phone, 0, 1);
    assert_eq!(state(&lab, phone, "10.1.0.1"), known);
    lab.send(phone, "10.9.0.10:9", "into the void");
    // The gateway asked for the set at 5 s, to verify what it had learnt: that confirms it to the set.
    assert_eq!(
        lab.times("who-has 10.1.0.50 tell 10.1.0.1 (unicast)"),
        [5.0]
    );
    lab.run_for(Duration::from_secs(25) - Duration::from_nanos(1));
    assert_eq!(state(&lab, phone, "10.1.0.1"), known);
    lab.run_for(Duration::from_nanos(1));
    assert_eq!(state(&lab, phone, "10.1.0.1"), None);
    lab.send(phone, "10.9.0.10:9", "asked for again");
    lab.run_for(secs(5));
    assert_eq!(
        lab.times("who-has 10.1.0.1").len(),
        4,
        "one before, three after: {:#?}",
        lab.log
    );
    assert!(
        lab.lines("0 > who-has 10.1.0.1 tell 10.1.0.50 (unicast)")
            .is_empty()
    );
}

#[test]
fn a_linux_host_forgets_its_neighbours_with_the_carrier() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    lab.linux(0, "10.1.0.51/24", "");
    lab.send(host, "10.1.0.51:9", "hello");
    lab.send(host, "10.1.0.99:9", "waits");
    lab.unplug(host, 0);
    assert_eq!(state(&lab, host, "10.1.0.51"), None);
    assert_eq!(lab.times("link down"), [0.0]);
    assert_eq!(lab.seen(host), ["Carrier(false)"]);
}
