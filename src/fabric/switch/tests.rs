//! What a switch does with frames: learn, forward, flood, part VLANs.

use super::*;
use crate::outbox::{Out, TraceEvent};
use crate::time::Duration;
use crate::wire::{ethernet, lldp};

const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);

#[test]
fn an_unknown_destination_is_flooded_in_its_vlan_and_a_learnt_one_is_not() {
    let mut switch = switch();
    assert_eq!(
        sent(&mut switch, 0, 0, &frame(B, A, None)),
        "flood 0 1 2 but 0"
    );
    assert_eq!(sent(&mut switch, 1, 1, &frame(A, B, None)), "port 0");
    assert_eq!(sent(&mut switch, 2, 0, &frame(B, A, None)), "port 1");
}

#[test]
fn a_broadcast_stays_in_its_vlan() {
    let mut switch = switch();
    assert_eq!(
        sent(&mut switch, 0, 3, &frame(Mac::BROADCAST, A, None)),
        "flood 3 but 3"
    );
}

#[test]
fn an_address_is_forgotten_after_300_seconds_and_when_its_port_loses_the_carrier() {
    let mut switch = switch();
    sent(&mut switch, 0, 0, &frame(B, A, None));
    assert_eq!(sent(&mut switch, 299, 1, &frame(A, B, None)), "port 0");
    assert_eq!(
        sent(&mut switch, 300, 1, &frame(A, B, None)),
        "flood 0 1 2 but 1"
    );
    sent(&mut switch, 301, 0, &frame(B, A, None));
    switch.handle_carrier(Instant::ZERO, PortId(0), false, &mut Outbox::default());
    assert_eq!(
        sent(&mut switch, 302, 1, &frame(A, B, None)),
        "flood 0 1 2 but 1"
    );
}

#[test]
fn an_address_that_shows_up_at_another_port_is_there_from_now_on() {
    let mut switch = switch();
    sent(&mut switch, 0, 0, &frame(B, A, None));
    sent(&mut switch, 1, 2, &frame(B, A, None));
    assert_eq!(sent(&mut switch, 2, 1, &frame(A, B, None)), "port 2");
}

#[test]
fn a_frame_back_to_the_port_it_came_from_is_dropped() {
    let mut switch = switch();
    sent(&mut switch, 0, 0, &frame(B, A, None));
    assert_eq!(
        sent(&mut switch, 1, 0, &frame(A, B, None)),
        "dropped: destination is behind the port it came from"
    );
}

#[test]
fn a_tag_is_taken_off_if_it_is_the_ports_own_or_a_priority_tag_and_refused_otherwise() {
    let mut switch = switch();
    for id in [0, 10] {
        let tagged = frame(B, A, Some(id));
        assert_eq!(sent(&mut switch, 0, 0, &tagged), "flood 0 1 2 but 0");
    }
    assert_eq!(
        sent(&mut switch, 0, 0, &frame(B, A, Some(20))),
        "dropped: VLAN not allowed at this port"
    );
}

#[test]
fn a_tag_is_put_in_and_taken_off_as_each_port_carries_the_vlan() {
    let mut switch = mixed();
    let from_trunk = |id| frame(Mac::BROADCAST, A, Some(id));
    assert_eq!(
        sent(&mut switch, 0, 3, &from_trunk(6 << 13 | 20)),
        "flood 2 and 1 3 (vlan 20, p 6) but 3"
    );
    assert_eq!(
        sent(&mut switch, 0, 2, &frame(Mac::BROADCAST, A, None)),
        "flood 2 and 1 3 (vlan 20, p 0) but 2"
    );
    assert_eq!(
        sent(&mut switch, 0, 1, &from_trunk(5 << 13)),
        "flood 0 1 and 3 (vlan 10, p 5) but 1"
    );
    assert_eq!(
        sent(&mut switch, 0, 3, &frame(Mac::BROADCAST, B, None)),
        "flood 3 but 3"
    );
}

#[test]
fn a_learnt_address_gets_the_frame_as_its_port_carries_the_vlan() {
    let mut switch = mixed();
    sent(&mut switch, 0, 1, &frame(B, A, Some(20)));
    sent(&mut switch, 0, 2, &frame(A, B, None));
    let to_a = frame(A, B, None);
    assert_eq!(sent(&mut switch, 1, 2, &to_a), "port 1 (vlan 20, p 0)");
    let to_b = frame(B, A, Some(20));
    assert_eq!(sent(&mut switch, 1, 1, &to_b), "port 2");
}

#[test]
fn a_vlan_that_a_port_does_not_carry_is_refused_there() {
    let mut switch = mixed();
    for (port, id) in [(0, 20), (1, 30), (2, 10), (3, 30), (3, 4095)] {
        assert_eq!(
            sent(&mut switch, 0, port, &frame(B, A, Some(id))),
            "dropped: VLAN not allowed at this port",
            "{id} at {port}"
        );
    }
}

#[test]
fn an_added_port_carries_its_voice_vlan() {
    let mut switch = mixed();
    let (access, voice) = (10, 20);
    assert_eq!(
        switch.add_port(PortMode::Voice { access, voice }),
        PortId(4)
    );
    assert_eq!(
        sent(&mut switch, 0, 2, &frame(Mac::BROADCAST, A, None)),
        "flood 2 and 1 3 4 (vlan 20, p 0) but 2"
    );
}

#[test]
fn a_port_that_is_added_takes_part() {
    let mut switch = switch();
    assert_eq!(switch.add_port(PortMode::Access(20)), PortId(4));
    assert_eq!(
        sent(&mut switch, 0, 3, &frame(Mac::BROADCAST, A, None)),
        "flood 3 4 but 3"
    );
}

#[test]
fn a_frame_cut_at_any_length_is_forwarded_or_dropped() {
    let whole = frame(B, A, Some(10));
    for length in 0..whole.len() {
        let cut: Frame = whole[..length].into();
        assert!(!sent(&mut switch(), 0, 0, &cut).is_empty());
    }
}

#[test]
fn a_set_that_is_heard_is_told_its_voice_vlan_three_times_and_then_every_half_minute() {
    let mut switch = telling();
    let set = lldp_of(lldp::CLASS_III, 60);
    assert_eq!(
        sent(&mut switch, 0, 1, &set),
        "own to 1: LLDP, chassis 4 02:00:00:00:00:0a, port 7 \"2\", ttl 120, name \"stack\", \
         capabilities 0x0004/0x0004, MED class 4 (0x0003), voice VLAN 20, p 6, DSCP 46"
    );
    assert_eq!(sent(&mut switch, 0, 1, &set), "", "it was told");
    assert_eq!(
        told(&mut switch, 100),
        [1, 2, 32],
        "until what it said holds no more"
    );
    sent(&mut switch, 200, 1, &set);
    switch.handle_carrier(Instant::ZERO, PortId(1), false, &mut Outbox::default());
    assert_eq!(told(&mut switch, 400), [0; 0]);
}

#[test]
fn a_set_that_comes_back_after_its_word_held_no_more_is_told_at_once() {
    let mut switch = telling();
    let is_told = |switch: &mut Switch, at_secs, ttl| {
        !sent(switch, at_secs, 1, &lldp_of(lldp::CLASS_III, ttl)).is_empty()
    };
    assert!(is_told(&mut switch, 0, 40));
    assert_eq!(told(&mut switch, 40), [1, 2, 32]);
    assert!(is_told(&mut switch, 50, 40), "it was silent for too long");
    assert_eq!(told(&mut switch, 54), [51, 52]);
    assert!(!is_told(&mut switch, 55, 0), "it says that it goes");
    assert!(is_told(&mut switch, 56, 40));
    assert_eq!(told(&mut switch, 60), [57, 58]);
    assert!(
        !is_told(&mut telling(), 0, 0),
        "it goes, and was never there"
    );
}

#[test]
fn nobody_is_told_anything_who_is_no_set_or_at_a_port_without_a_policy() {
    let mut switch = telling();
    let other_switch = lldp_of(lldp::CONNECTIVITY, 120);
    assert_eq!(sent(&mut switch, 0, 1, &other_switch), "");
    let set = lldp_of(lldp::CLASS_III, 120);
    assert_eq!(sent(&mut switch, 0, 0, &set), "");
    assert_eq!(switch.poll_timeout(), None);
    let cut: Frame = set[..20].into();
    assert_eq!(sent(&mut switch, 0, 1, &cut), "dropped: can't be decoded");
}

#[test]
fn what_is_for_the_other_end_of_a_cable_goes_no_further() {
    let mut switch = switch();
    let spanning_tree = frame(Mac([1, 0x80, 0xc2, 0, 0, 0]), A, None);
    assert_eq!(
        sent(&mut switch, 0, 0, &spanning_tree),
        "dropped: for the other end of the cable alone"
    );
    let further = frame(Mac([1, 0x80, 0xc2, 0, 0, 0x10]), A, None);
    assert_eq!(sent(&mut switch, 0, 0, &further), "flood 0 1 2 but 0");
}

/// A switch that tells sets at port 1.
fn telling() -> Switch {
    let mut switch = mixed();
    let policy = lldp::Policy {
        application: lldp::VOICE,
        unknown: false,
        tagged: true,
        reserved: false,
        vlan: 20,
        priority: 6,
        dscp: 46,
    };
    let system_name = "stack".to_owned();
    let says = Advertisement {
        chassis: A,
        system_name,
        policy,
    };
    switch.advertise(PortId(1), says.into());
    switch
}

fn lldp_of(class: u8, ttl: u16) -> Frame {
    let class = lldp::Tlv::MedCapabilities {
        capabilities: lldp::MED_CAPABILITIES,
        class,
    };
    let message = lldp::Lldpdu {
        chassis: lldp::Id::chassis_mac(B),
        port: lldp::Id::port_mac(B),
        ttl,
        // A message that says that the others hold no more has no other elements.
        tlvs: (ttl > 0).then_some(class).into_iter().collect(),
    };
    let mut bytes = [lldp::NEAREST_BRIDGE.0, B.0].concat();
    bytes.extend(lldp::ETHERTYPE.to_be_bytes());
    message.encode(&mut bytes);
    bytes.into()
}

/// The seconds at which it says something until then.
fn told(switch: &mut Switch, until_secs: u64) -> Vec<u64> {
    let mut told = Vec::new();
    while let Some((at, _)) = switch.poll_timeout() {
        if at > Instant::ZERO + Duration::from_secs(until_secs) {
            break;
        }
        let mut out = Outbox::default();
        switch.handle_timeout(at, &mut out);
        told.extend(out.drain().map(|_| at.since(Instant::ZERO).as_secs()));
    }
    told
}

/// Port 0 in VLAN 10; port 1 too, with voice VLAN 20; port 2 in VLAN 20; port 3 a trunk of both, native VLAN 1.
fn mixed() -> Switch {
    Switch::new(vec![
        PortMode::Access(10),
        PortMode::Voice {
            access: 10,
            voice: 20,
        },
        PortMode::Access(20),
        PortMode::Trunk {
            native: 1,
            tagged: [10, 20].into(),
        },
    ])
}

/// Ports 0 to 2 in VLAN 10, port 3 in VLAN 20.
fn switch() -> Switch {
    Switch::new([10, 10, 10, 20].map(PortMode::Access).to_vec())
}

fn frame(dst: Mac, src: Mac, vlan: Option<u16>) -> Frame {
    let mut bytes = [dst.0, src.0].concat();
    if let Some(vlan) = vlan {
        bytes.extend(ETHERTYPE_VLAN.to_be_bytes());
        bytes.extend(vlan.to_be_bytes());
    }
    bytes.extend([0x08, 0x00]);
    bytes.extend([0; 46]);
    bytes.into()
}

/// What the switch did with a frame: to which ports it went, and the tag that it has there.
fn sent(switch: &mut Switch, at_secs: u64, port: u32, frame: &Frame) -> String {
    let now = Instant::ZERO + Duration::from_secs(at_secs);
    let mut out = Outbox::default();
    switch.handle_frame(now, PortId(port), frame, &mut out);
    let line = |out| match out {
        Out::Effect(Transmit::Port { port, frame }) => format!("port {}{}", port.0, tag(&frame)),
        Out::Effect(Transmit::Own { port, frame }) => {
            let message = lldp::decode(&frame[14..]).unwrap();
            format!("own to {}: {message}", port.0)
        }
        Out::Effect(Transmit::Flood {
            ports,
            except,
            frame,
            also,
        }) => {
            let mut line = format!("flood{}{}", numbers(&ports), tag(&frame));
            if let Some((ports, frame)) = also {
                line += &format!(" and{}{}", numbers(&ports), tag(&frame));
            }
            format!("{line} but {}", except.0)
        }
        Out::Trace(TraceEvent::Dropped { reason, .. }) => format!("dropped: {reason}"),
        Out::Trace(other) => format!("{other:?}"),
    };
    out.drain().map(line).collect::<Vec<_>>().join(", ")
}

fn numbers(ports: &[PortId]) -> String {
    ports.iter().map(|port| format!(" {}", port.0)).collect()
}

/// The tag of a frame, which is whole but for that.
fn tag(frame: &Frame) -> String {
    match ethernet::decode(frame) {
        Ok((header, payload)) => {
            if payload.len() == 46 {
                assert_eq!(header.ethertype, ethernet::ETHERTYPE_IPV4);
            }
            let tag = header.tag;
            tag.map_or_else(String::new, |tag| {
                format!(" (vlan {}, p {})", tag.vid, tag.pcp)
            })
        }
        Err(_) => String::new(),
    }
}
