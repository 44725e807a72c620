//! Hosts: UDP, ping, ARP, power.

use super::{Lab, Probe, config, host_address, mac, secs};
use crate::app::AppEffect;
use crate::ip::connection::Connection;
use crate::ip::{Host, TcpSettings};
use crate::outbox::{DropReason, NeighbourState, Out, Outbox, TraceEvent};
use crate::sim::{Node, PortId};
use crate::wire::ethernet::Tag;
use crate::wire::{Frame, Mac, checksums};

#[test]
fn a_datagram_waits_for_arp_and_then_arrives() {
    let mut lab = Lab::default();
    let anna = lab.linux(0, "10.1.0.50/24", "");
    let app = Probe {
        binds: vec![69],
        echoes: true,
        ..Probe::default()
    };
    let bert = lab.host(0, config(1, "10.1.0.51/24", ""), app);
    lab.effect(anna, AppEffect::Bind { port: 5000 });
    lab.send(anna, "10.1.0.51:69", "hello");
    assert_eq!(lab.seen(bert), ["10.1.0.50:5000 > 10.1.0.51:69: hello"]);
    assert_eq!(lab.seen(anna), ["10.1.0.51:69 > 10.1.0.50:5000: hello"]);
    assert_eq!(lab.lines("who-has").len(), 1, "{:#?}", lab.log);
    let gateway = lab.at(anna).neighbour("10.1.0.51".parse().unwrap());
    assert_eq!(gateway, Some((NeighbourState::Reachable, Some(mac(1)))));
}

#[test]
fn a_host_without_an_address_sends_from_nobody_and_hears_any_destination() {
    let mut lab = Lab::default();
    let client = lab.host(
        0,
        config(0, "", ""),
        Probe {
            binds: vec![68],
            ..Probe::default()
        },
    );
    let server = lab.host(
        0,
        config(1, "10.1.0.1/24", ""),
        Probe {
            binds: vec![67],
            ..Probe::default()
        },
    );
    lab.effect(
        client,
        AppEffect::Send {
            from_port: 68,
            to: "255.255.255.255:67".parse().unwrap(),
            to_mac: None,
            payload: b"discover".to_vec(),
        },
    );
    assert_eq!(
        lab.seen(server),
        ["0.0.0.0:68 > 255.255.255.255:67: discover"]
    );
    lab.effect(
        server,
        AppEffect::Send {
            from_port: 67,
            to: "10.1.0.50:68".parse().unwrap(),
            to_mac: Some(mac(0)),
            payload: b"offer".to_vec(),
        },
    );
    assert_eq!(lab.seen(client), ["10.1.0.1:67 > 10.1.0.50:68: offer"]);
    lab.effect(
        client,
        AppEffect::Configure(Some(host_address("10.1.0.50/24", "10.1.0.1"))),
    );
    assert_eq!(
        lab.at(client).address(),
        Some(host_address("10.1.0.50/24", "10.1.0.1"))
    );
    lab.on_host(client, |host, now, out| host.power(now, false, out));
    assert_eq!(lab.at(client).address(), None);
}

/// Why a host at 10.1.0.50, bound to port 69, drops these bytes; `None` if it does not.
fn refusal(bytes: &[u8]) -> Option<DropReason> {
    let mut lab = Lab::default();
    let app = Probe {
        binds: vec![69],
        ..Probe::default()
    };
    lab.host(0, config(0, "10.1.0.50/24", ""), app);
    let mut reason = None;
    lab.on_host(0, |host, now, out| {
        let mut drops = Outbox::default();
        host.handle_frame(now, PortId(0), &Frame::from(bytes), &mut drops);
        for item in drops.drain() {
            match item {
                Out::Trace(TraceEvent::Dropped { reason: why, .. }) => reason = Some(why),
                Out::Trace(event) => out.trace(event),
                Out::Effect(effect) => out.push(effect),
            }
        }
    });
    reason
}

/// A frame that station 1, at 10.1.0.51, sends when told to.
fn sent_by_peer(to: &str, command: impl FnOnce(&mut Lab, usize)) -> Vec<u8> {
    let mut lab = Lab::default();
    lab.linux(0, "10.1.0.50/24", "");
    let peer = lab.linux(0, "10.1.0.51/24", to);
    command(&mut lab, peer);
    let ip = |frame: &&Frame| frame[12..14] == [8, 0] && frame[6..12] == mac(peer).0;
    let mut frames = lab.sent.iter().map(|(_, frame)| frame);
    frames.find(ip).unwrap().to_vec()
}

#[test]
fn what_is_not_for_this_host_is_dropped_with_its_reason() {
    let datagram = |to: &str| sent_by_peer("", |lab, peer| lab.send(peer, to, "hello"));
    let good = datagram("10.1.0.50:69");
    assert_eq!(refusal(&good), None);
    assert_eq!(
        refusal(&datagram("10.1.0.50:70")),
        Some(DropReason::NoListener)
    );
    assert_eq!(refusal(&datagram("10.1.0.255:69")), None);
    assert_eq!(
        refusal(&datagram("10.1.0.255:70")),
        Some(DropReason::BroadcastNotWanted)
    );
    assert_eq!(refusal(&good[..13]), Some(DropReason::Undecodable));
    assert_eq!(refusal(&good[..40]), Some(DropReason::Undecodable));
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        refusal(&bytes)
    };
    assert_eq!(changed(5, 9), Some(DropReason::NotForThisMac));
    assert_eq!(changed(12, 0x86), Some(DropReason::UnknownProtocol));
    assert_eq!(changed(24, 0xff), Some(DropReason::BadChecksum), "of IP");
    assert_eq!(changed(44, 0xff), Some(DropReason::BadChecksum), "of UDP");
    let mut from_nobody = good.clone();
    from_nobody[26..30].fill(0);
    checksums::mend(&mut from_nobody);
    assert_eq!(refusal(&from_nobody), Some(DropReason::MartianSource));
    let mut tagged = good.clone();
    tagged.splice(12..12, [0x81, 0x00, 0xa0, 0x00]);
    assert_eq!(refusal(&tagged), None, "a priority tag");
    tagged[15] = 5;
    assert_eq!(refusal(&tagged), Some(DropReason::NotForThisVlan), "VLAN 5");
}

#[test]
fn a_tagged_host_speaks_and_hears_its_vlan_alone() {
    let mut lab = Lab::default();
    let tag = |vid| {
        let (pcp, dei) = (6, false);
        AppEffect::Tag(Some(Tag { pcp, dei, vid }))
    };
    let anna = lab.linux(0, "10.1.0.50/24", "");
    let app = Probe {
        binds: vec![69],
        echoes: true,
        ..Probe::default()
    };
    let bert = lab.host(0, config(1, "10.1.0.51/24", ""), app);
    lab.effect(anna, tag(20));
    lab.effect(anna, AppEffect::Bind { port: 5000 });
    lab.send(anna, "10.1.0.51:69", "alone");
    assert_eq!(lab.seen(bert), [""; 0], "bert is in no VLAN");
    lab.run_for(secs(5));
    assert_eq!(lab.lines("who-has 10.1.0.51 tell 10.1.0.50").len(), 3);
    lab.effect(bert, tag(20));
    lab.sent.clear();
    // Long enough to leave in fragments, each with the tag.
    lab.send(anna, "10.1.0.51:69", &"x".repeat(2_000));
    assert_eq!(lab.seen(bert).len(), 1);
    assert_eq!(lab.seen(anna).len(), 1, "and the answer");
    assert!(lab.sent.len() >= 6, "ARP, and two fragments each way");
    let tagged = |frame: &Frame| frame[12..16] == [0x81, 0, 0xc0, 20];
    assert!(lab.sent.iter().all(|(_, frame)| tagged(frame)));
    lab.effect(anna, AppEffect::Tag(None));
    let forgotten = lab.at(anna).neighbour("10.1.0.51".parse().unwrap());
    assert_eq!(forgotten, None, "a neighbour in the VLAN");
    lab.send(anna, "10.1.0.51:69", "untagged");
    assert_eq!(lab.seen(bert).len(), 1);
}

#[test]
fn lldp_is_heard_and_said_without_a_tag_in_any_vlan() {
    let mut lab = Lab::default();
    let [anna, bert] = [0, 1].map(|number| lab.host(0, config(number, "", ""), Probe::default()));
    let (pcp, dei, vid) = (6, false, 20);
    lab.effect(anna, AppEffect::Tag(Some(Tag { pcp, dei, vid })));
    lab.effect(anna, AppEffect::SendLldp(b"first".to_vec()));
    lab.effect(bert, AppEffect::SendLldp(b"second".to_vec()));
    assert_eq!(lab.seen(bert), ["LLDP first"]);
    assert_eq!(lab.seen(anna), ["LLDP second"]);
    assert!(
        lab.sent
            .iter()
            .all(|(_, frame)| frame[12..14] == [0x88, 0xcc])
    );
}

#[test]
fn an_unknown_port_is_reported_to_one_sender_but_not_to_a_broadcast() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    lab.linux(0, "10.1.0.51/24", "");
    lab.send(host, "10.1.0.51:9", "discard");
    assert_eq!(
        lab.lines("10.1.0.51 > 10.1.0.50 unreachable (port, code 3)")
            .len(),
        1
    );
    lab.sent.clear();
    lab.send(host, "10.1.0.255:9", "to all");
    lab.send(host, "255.255.255.255:9", "to all");
    assert_eq!(lab.sent.len(), 2, "{:#?}", lab.log);
    assert!(
        lab.sent
            .iter()
            .all(|(_, frame)| frame[..6] == Mac::BROADCAST.0)
    );
}

#[test]
fn arp_for_others_is_refused_unless_its_sender_is_known() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    lab.linux(0, "10.1.0.51/24", "");
    lab.send(host, "10.1.0.99:9", "who is there?");
    assert_eq!(lab.at(1).neighbour("10.1.0.50".parse().unwrap()), None);
    let request = lab.sent[0].1.to_vec();
    assert_eq!(refusal(&request), Some(DropReason::ArpNotForUs));
}

#[test]
fn a_host_without_power_is_deaf_and_forgets() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    lab.linux(0, "10.1.0.51/24", "");
    lab.send(host, "10.1.0.51:9", "hello");
    lab.on_host(host, |host, now, out| host.power(now, false, out));
    assert_eq!(lab.seen(host), ["Stop"]);
    assert_eq!(lab.at(host).neighbour("10.1.0.51".parse().unwrap()), None);
    lab.send(1, "10.1.0.50:69", "anybody there?");
    lab.run_for(secs(60));
    assert!(!lab.lines("0 drops").is_empty());
    assert!(
        lab.lines("0 drops")
            .iter()
            .all(|line| line.ends_with("no address or no power"))
    );
    lab.on_host(host, |host, now, out| host.power(now, true, out));
    let by_hand = Some(host_address("10.1.0.50/24", ""));
    assert_eq!(lab.at(host).address(), by_hand, "set by hand, it survives");
}

#[test]
fn a_packet_that_is_too_big_stays_here() {
    let mut lab = Lab::default();
    let host = lab.linux(0, "10.1.0.50/24", "");
    lab.send(host, "255.255.255.255:9", &"x".repeat(65_507));
    assert_eq!(lab.sent.len(), 45);
    lab.send(host, "255.255.255.255:9", &"x".repeat(65_508));
    assert_eq!(lab.sent.len(), 45);
    assert_eq!(lab.lines("larger than the link's MTU").len(), 1);
}

#[test]
fn hosts_and_connections_are_small() {
    // Each of a host's tables of deadlines holds one without a tree.
    assert!(size_of::<Host<()>>() <= 880, "{}", size_of::<Host<()>>());
    let settings = TcpSettings::default();
    let buffers = settings.receive_buffer + settings.send_buffer;
    // The socket itself is in a vector of one.
    let socket = size_of::<smoltcp::iface::SocketStorage<'_>>();
    let connection = size_of::<Connection>() + socket + buffers;
    assert!(connection < 4 * 1024, "{connection}");
}
