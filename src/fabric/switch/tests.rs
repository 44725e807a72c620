//! What a switch does with frames: learn, forward, flood, part VLANs.

use super::*;
use crate::outbox::{Out, TraceEvent};

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

/// What the switch did with a frame, checking that it left untagged.
fn sent(switch: &mut Switch, at_secs: u64, port: u32, frame: &Frame) -> String {
    let now = Instant::ZERO + Duration::from_secs(at_secs);
    let mut out = Outbox::default();
    switch.handle_frame(now, PortId(port), frame, &mut out);
    let untagged = |frame: &Frame| assert_eq!(frame[12..14], [0x08, 0x00]);
    let line = |out| match out {
        Out::Effect(Transmit::Port { port, frame }) => {
            untagged(&frame);
            format!("port {}", port.0)
        }
        Out::Effect(Transmit::Flood {
            ports,
            except,
            frame,
        }) => {
            if frame.len() >= 14 {
                untagged(&frame);
            }
            let ports: String = ports.iter().map(|port| format!("{} ", port.0)).collect();
            format!("flood {ports}but {}", except.0)
        }
        Out::Trace(TraceEvent::Dropped { reason, .. }) => format!("dropped: {reason}"),
        Out::Trace(other) => format!("{other:?}"),
    };
    out.drain().map(line).collect::<Vec<_>>().join(", ")
}
