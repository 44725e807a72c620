//! In service and out of it: heartbeats, resets, errors, carrier, lease, connections that count no more.

use std::sync::Arc;

use super::bench::Bench;
use super::register::{hard_reset, redirect, registration};
use crate::app::{StreamEnd, StreamEvent, StreamId};
use crate::time::Duration;
use crate::wire::reg::{Envelope, Message, Reason, ResetKind};

#[test]
fn heartbeats_begin_an_interval_after_registered_however_late_communications_are() {
    let mut bench = Bench::new().registering();
    bench.registered(10);
    bench.wait(15);
    bench.says(Message::CommunicationsUp);
    bench.take();
    bench.wait(5);
    bench.says(Message::HeartbeatAnswer);
    bench.wait(10);
    let lines = bench.timeline();
    assert_eq!(
        lines,
        ["29.000 1: Heartbeat, seq 3", "39.000 1: Heartbeat, seq 4"]
    );
}

#[test]
fn three_heartbeats_without_an_answer_end_the_connection_an_interval_after_the_third() {
    let mut bench = Bench::new().in_service();
    bench.wait(30);
    bench.says(Message::HeartbeatAnswer);
    bench.take();
    bench.wait(120);
    assert_eq!(
        bench.timeline(),
        [
            "69.000 1: Heartbeat, seq 3",
            "99.000 1: Heartbeat, seq 4",
            "129.000 1: Heartbeat, seq 5",
            "159.000 Unregistered { reason: \"element does not answer heartbeats\" }",
            "159.000 1: RST",
            "159.000 [Waiting for Link]",
        ]
    );
    bench.wait(10);
    assert_eq!(
        bench.take(),
        ["Connecting { to: 10.9.0.10 }", "2: connect to 10.9.0.10"]
    );
}

#[test]
fn an_interval_of_zero_means_no_heartbeats() {
    let mut bench = Bench::new().registering();
    bench.registered(0);
    bench.says(Message::CommunicationsUp);
    bench.take();
    assert_eq!(bench.own_deadline(), None);
    bench.wait(3_000);
    assert_eq!(bench.timeline(), [""; 0]);
}

#[test]
fn communications_that_do_not_come_up_are_waited_for_thirty_seconds() {
    let mut bench = Bench::new().registering();
    bench.registered(60);
    bench.take();
    bench.wait(30);
    assert_eq!(
        bench.timeline(),
        [
            "39.000 1: RST",
            "39.000 ConnectFailed { to: 10.9.0.10, reason: \"element does not answer\" }",
            "39.000 [Waiting for Link]",
        ]
    );
}

#[test]
fn a_soft_reset_in_service_registers_again_at_the_first_call_server_at_once() {
    let mut bench = Bench::of("5360", Some("***6000")).in_service();
    let (kind, reason) = (ResetKind::Soft, Reason::MacDeleted);
    bench.says(Message::Reset { kind, reason });
    bench.connected();
    assert_eq!(
        bench.take(),
        [
            "Unregistered { reason: \"reset by its element: MAC deleted\" }".to_owned(),
            "1: FIN".to_owned(),
            "[Set 10.1.0.50 / ICP 10.9.0.10]".to_owned(),
            "Connecting { to: 10.9.0.10 }".to_owned(),
            "2: connect to 10.9.0.10".to_owned(),
            "[Waiting for ACK... / ICP 10.9.0.10]".to_owned(),
            registration(2, "***6000", "redirects 0"),
        ]
    );
}

#[test]
fn a_soft_reset_out_of_service_is_followed_by_a_pause() {
    let mut bench = Bench::new().registering();
    let (kind, reason) = (ResetKind::Soft, Reason::DnDeleted);
    bench.says(Message::Reset { kind, reason });
    assert_eq!(bench.display, "Waiting for Link");
    assert_eq!(bench.due().unwrap().0.min(10.0), bench.due().unwrap().0);
    assert_eq!(bench.own_deadline().unwrap().1, "try again");
}

#[test]
fn a_hard_reset_and_one_of_an_unknown_kind_boot_the_set_with_what_is_in_its_memory() {
    let unknown = Message::Reset {
        kind: ResetKind::Other(9),
        reason: Reason::SetDeleted,
    };
    for reset in [hard_reset(), unknown] {
        let mut bench = Bench::of("5360", Some("***6000")).in_service();
        bench.wait(5);
        bench.take();
        bench.says(reset);
        assert_eq!(
            bench.take(),
            [
                "Unregistered { reason: \"reset by its element: deleted from Multiline IP Sets\" }",
                "1: RST",
                "Restart { reason: \"reset by its element: deleted from Multiline IP Sets\" }",
                "Unbound { reason: \"starts over\" }",
                "> no address",
                "> unbind 68",
                "[]",
            ]
        );
        assert_eq!(bench.due(), Some((5.0, "restart")));
        bench.wait(5);
        assert_eq!(bench.display, "08:00:0F:00:00:01 / Booting: 1.0");
        bench.boot();
        assert_eq!(bench.pin(), Some("***6000"));
    }
}

#[test]
fn clear_pin_and_a_hard_reset_leave_a_set_that_registers_with_null() {
    let mut bench = Bench::of("5360", Some("***6000")).in_service();
    let reason = Reason::SetDeleted;
    bench.says(Message::ClearPin { reason });
    bench.says(hard_reset());
    bench.wait(5);
    bench.boot();
    bench.wait(1);
    bench.connected();
    assert_eq!(
        bench.take().pop().unwrap(),
        registration(2, "null", "redirects 0")
    );
}

#[test]
fn a_changed_dn_is_shown_and_changes_nothing_else() {
    let mut bench = Bench::of("5360", Some("***6000")).in_service();
    let before = bench.own_deadline();
    let dn = "6001".to_owned();
    bench.says(Message::DnChanged { dn });
    assert_eq!(
        bench.take(),
        [
            "[DN 6001 / ICP 10.9.0.10]",
            "InService { dn: \"6001\", element: 10.9.0.10 }"
        ]
    );
    assert_eq!(bench.own_deadline(), before);
    assert_eq!(bench.pin(), Some("***6000"));
}

#[test]
fn a_message_that_has_no_place_is_answered_by_an_error_and_a_pause_of_ten_seconds_at_least() {
    let mut bench = Bench::new().registering();
    Arc::make_mut(&mut bench.phone.settings.times).retry = Duration::from_secs(1);
    bench.says(Message::CommunicationsUp);
    assert_eq!(
        bench.take(),
        [
            "1: Error, seq 2, reason unexpected message, text \"Communications Up has no place here\"",
            "1: FIN",
            "ConnectFailed { to: 10.9.0.10, reason: \"element says Communications Up out of place\" }",
            "[Waiting for Link]",
        ]
    );
    bench.wait(9);
    assert_eq!(bench.state(), "Waiting to try again");
    bench.wait(1);
    assert_eq!(bench.state(), "Connecting");
}

#[test]
fn bytes_that_are_no_message_are_answered_by_an_error_with_sequence_0() {
    for (bytes, error) in [
        (
            &b"GET / HTTP/1.1"[..],
            "malformed message, text \"jfreg: does not begin with \\\"JF\\\" at byte 0\"",
        ),
        (
            b"JF\x02",
            "unsupported version, text \"jfreg: version is not 1 at byte 2\"",
        ),
    ] {
        let mut bench = Bench::new().in_service();
        bench.bytes(bytes);
        let lines = bench.take();
        assert_eq!(lines[0], format!("1: Error, seq 0, reason {error}"));
        assert_eq!(lines[1], "1: FIN");
        assert!(lines[2].starts_with("Unregistered { reason: \"element speaks nonsense"));
        // It reads no further.
        bench.bytes(b"more");
        assert!(bench.take().is_empty());
    }
}

#[test]
fn an_error_of_the_element_is_never_answered_by_an_error() {
    let mut bench = Bench::new().registering();
    Arc::make_mut(&mut bench.phone.settings.times).retry = Duration::from_secs(1);
    let (reason, text) = (Reason::TooManyRedirects, String::new());
    bench.says(Message::Error { reason, text });
    assert_eq!(
        bench.take(),
        [
            "1: FIN",
            "ConnectFailed { to: 10.9.0.10, reason: \"element reports an error: too many redirects\" }",
            "[Waiting for Link]",
        ]
    );
    bench.wait(9);
    assert_eq!(bench.state(), "Waiting to try again");
}

#[test]
fn a_type_that_the_set_does_not_know_is_ignored() {
    let mut bench = Bench::new().in_service();
    bench.says(Message::Unknown { kind: 200 });
    assert!(bench.take().is_empty());
    assert_eq!(bench.state(), "In service");
}

#[test]
fn a_connection_that_the_element_closes_is_closed_and_one_that_is_gone_is_not() {
    let mut bench = Bench::new().in_service();
    bench.stream_event(bench.stream, StreamEvent::PeerClosed);
    assert_eq!(
        bench.take(),
        [
            "Unregistered { reason: \"element closed the connection\" }",
            "1: FIN",
            "[Waiting for Link]",
        ]
    );
    bench.ended(StreamEnd::Closed);
    assert!(bench.take().is_empty());

    let mut bench = Bench::new().in_service();
    bench.ended(StreamEnd::Reset);
    assert_eq!(
        bench.take(),
        [
            "Unregistered { reason: \"connection reset\" }",
            "[Waiting for Link]"
        ]
    );
}

#[test]
fn events_of_an_older_connection_are_ignored() {
    let mut bench = Bench::new().registering();
    let old = bench.stream;
    bench.says(redirect("10.9.0.30"));
    bench.connected();
    bench.take();
    let error = Message::Error {
        reason: Reason::TimedOut,
        text: String::new(),
    };
    let error = Envelope::new(0, error).encode();
    for event in [
        StreamEvent::Connected,
        StreamEvent::Received(&error),
        StreamEvent::Received(b"nonsense"),
        StreamEvent::PeerClosed,
        StreamEvent::Ended(StreamEnd::Reset),
    ] {
        bench.stream_event(old, event);
        bench.stream_event(StreamId::accepted(1), event);
    }
    assert!(bench.take().is_empty());
    assert_eq!(bench.state(), "Waiting for ACK");
}

#[test]
fn a_set_that_loses_its_carrier_keeps_its_address_and_registers_again_when_it_is_back() {
    let mut bench = Bench::of("5360", Some("***6000")).in_service();
    bench.carrier(false);
    bench.wait(100);
    bench.carrier(true);
    bench.connected();
    let mut lines = bench.timeline();
    assert_eq!(
        lines.pop().unwrap(),
        "109.000 ".to_owned() + &registration(2, "***6000", "redirects 0")
    );
    assert_eq!(
        lines,
        [
            "9.000 Carrier(false)",
            "9.000 Unregistered { reason: \"no LAN link\" }",
            "9.000 1: RST",
            "9.000 [Waiting for LAN link / to come up]",
            "109.000 Carrier(true)",
            "109.000 [Set 10.1.0.50 / ICP 10.9.0.10]",
            "109.000 Connecting { to: 10.9.0.10 }",
            "109.000 2: connect to 10.9.0.10",
            "109.000 [Waiting for ACK... / ICP 10.9.0.10]",
        ]
    );
}

#[test]
fn a_set_that_waits_for_its_link_says_so_again_after_its_carrier_was_away() {
    let mut bench = Bench::new().connecting();
    bench.ended(StreamEnd::HostUnreachable);
    bench.carrier(false);
    bench.carrier(true);
    assert_eq!(bench.display, "Waiting for Link");
    assert_eq!(bench.state(), "Connecting");
}

#[test]
fn a_lease_that_runs_out_in_service_sends_the_set_back_to_the_beginning() {
    let mut bench = Bench::new().registering();
    bench.registered(0);
    bench.says(Message::CommunicationsUp);
    bench.wait(5);
    bench.take();
    bench.wait(8_000);
    assert_eq!(
        bench.timeline(),
        [
            "8001.000 Unregistered { reason: \"lease expired\" }",
            "8001.000 1: RST",
            "8001.000 Unbound { reason: \"lease expired\" }",
            "8001.000 Restart { reason: \"lease expired\" }",
            "8001.000 []",
            "8006.000 [08:00:0F:00:00:01 / Booting: 1.0]",
            "8007.000 [Waiting for DHCP]",
            "8007.000 [DHCP: Discovery]",
        ]
    );
}

#[test]
fn a_lease_that_is_renewed_changes_nothing() {
    let mut bench = Bench::new().registering();
    bench.registered(0);
    bench.says(Message::CommunicationsUp);
    bench.wait(4_000);
    bench.take();
    bench.ack();
    assert!(bench.take().is_empty());
    bench.wait(7_900);
    assert_eq!(bench.state(), "In service");
}

#[test]
fn the_tftp_client_is_gone_once_no_server_can_repeat_its_last_block() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.boot();
    bench.wait(3);
    assert_eq!(bench.state(), "Connecting");
    assert!(bench.phone.tftp.is_some());
    bench.wait(1);
    assert!(bench.phone.tftp.is_none());
}

/// 100,000 sets share one process.
#[test]
fn a_set_is_small() {
    let size = size_of::<super::super::Phone>();
    assert!(size <= 608, "{size} bytes");
}
