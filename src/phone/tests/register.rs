//! From a running main image to an answer: call servers, prompts, redirects.

use super::bench::Bench;
use crate::app::StreamEnd;
use crate::time::Duration;
use crate::wire::reg::{Message, Reason, ResetKind, Target};

/// `Device Registration` of the bench's set, but for what is given.
pub(super) fn registration(stream: u64, pin: &str, rest: &str) -> String {
    format!(
        "{stream}: Device Registration, seq 1, mac 08:00:0f:00:00:01, pin {pin}, type 5360, \
         firmware 2.0, address 10.1.0.50, {rest}"
    )
}

pub(super) fn hard_reset() -> Message {
    let (kind, reason) = (ResetKind::Hard, Reason::SetDeleted);
    Message::Reset { kind, reason }
}

pub(super) fn redirect(to: &str) -> Message {
    let to = match to.parse() {
        Ok(address) => Target::Address(address),
        Err(_) => Target::Fqdn(to.to_owned()),
    };
    let dn = "2004".to_owned();
    Message::Redirect { to, dn }
}

#[test]
fn a_set_sends_its_stored_pin_or_null() {
    for (pin, sent) in [(None, "null"), (Some("***6000"), "***6000")] {
        let mut bench = Bench::of("5360", pin).connecting();
        bench.connected();
        assert_eq!(
            bench.take(),
            [
                "[Waiting for ACK... / ICP 10.9.0.10]".to_owned(),
                registration(1, sent, "redirects 0"),
            ]
        );
        assert_eq!(bench.own_deadline().unwrap().1, "acknowledgement");
    }
}

#[test]
fn a_prompted_set_shows_why_and_sends_what_is_typed_until_it_is_registered() {
    let mut bench = Bench::new().registering();
    bench.prompts(Reason::NoPin);
    assert_eq!(bench.own_deadline(), None);
    assert!(bench.types("*99"));
    bench.prompts(Reason::InvalidAccessCode);
    bench.wait(1_000);
    assert!(bench.types("***6000"));
    bench.saves("***6000");
    bench.registered(30);
    bench.says(Message::CommunicationsUp);
    assert_eq!(
        bench.timeline(),
        [
            "9.000 [Enter PIN / no PIN]",
            "9.000 Prompted { reason: \"no PIN\" }",
            "9.000 Typed { pin: \"*99\" }",
            "9.000 1: PIN Entry, seq 2, pin *99",
            "9.000 [Waiting for ACK... / ICP 10.9.0.10]",
            "9.000 [Enter PIN / invalid access code]",
            "9.000 Prompted { reason: \"invalid access code\" }",
            "1009.000 Typed { pin: \"***6000\" }",
            "1009.000 1: PIN Entry, seq 3, pin ***6000",
            "1009.000 [Waiting for ACK... / ICP 10.9.0.10]",
            "1009.000 PinSaved { pin: \"***6000\" }",
            "1009.000 [Waiting for COMMS... / ICP 10.9.0.10]",
            "1009.000 Registered { dn: \"6000\", element: 10.9.0.10 }",
            "1009.000 [DN 6000 / ICP 10.9.0.10]",
            "1009.000 InService { dn: \"6000\", element: 10.9.0.10 }",
        ]
    );
    assert_eq!(bench.pin(), Some("***6000"));
}

#[test]
fn a_typed_pin_is_kept_only_if_the_element_says_so_and_forgotten_when_it_says_so() {
    let mut bench = Bench::new().registering();
    bench.prompts(Reason::NoPin);
    bench.types("***6000");
    bench.registered(30);
    assert_eq!(bench.pin(), None);

    let mut bench = Bench::of("5360", Some("***6000")).registering();
    let reason = Reason::DnInUse;
    bench.says(Message::ClearPin { reason });
    bench.prompts(reason);
    assert_eq!(
        bench.take(),
        [
            "PinCleared",
            "[Enter PIN / DN in use by another set]",
            "Prompted { reason: \"DN in use by another set\" }",
        ]
    );
    assert_eq!(bench.pin(), None);
}

#[test]
fn a_set_has_keys_for_digits_star_and_hash_alone_and_may_send_nothing() {
    let mut bench = Bench::new().registering();
    assert!(!bench.types("***6000"), "nobody asked");
    assert!(bench.take().is_empty());
    for (typed, sent) in [("", "empty"), ("abc", "empty"), ("*1#a 2", "*1#2")] {
        bench.prompts(Reason::NoPin);
        assert!(bench.types(typed));
        let lines = bench.take();
        assert!(
            lines
                .iter()
                .any(|line| line.ends_with(&format!("pin {sent}")))
        );
    }
    bench.prompts(Reason::NoPin);
    bench.types(&"1".repeat(40));
    let longest = format!("pin {}", "1".repeat(32));
    assert!(bench.take().iter().any(|line| line.ends_with(&longest)));
}

#[test]
fn a_redirect_is_followed_at_once_with_the_saved_pin_and_one_more_redirect() {
    let mut bench = Bench::new().registering();
    bench.prompts(Reason::NoPin);
    bench.types("***2004");
    bench.take();
    bench.saves("***2004");
    bench.says(redirect("10.9.0.30"));
    bench.connected();
    assert_eq!(
        bench.take(),
        [
            "PinSaved { pin: \"***2004\" }".to_owned(),
            "1: FIN".to_owned(),
            "Redirected { dn: \"2004\", to: \"10.9.0.30\" }".to_owned(),
            "[Set 10.1.0.50 / ICP 10.9.0.30]".to_owned(),
            "Connecting { to: 10.9.0.30 }".to_owned(),
            "2: connect to 10.9.0.30".to_owned(),
            "[Waiting for ACK... / ICP 10.9.0.30]".to_owned(),
            registration(2, "***2004", "redirects 1"),
        ]
    );
}

#[test]
fn a_sixth_redirect_is_not_followed_and_the_set_begins_again_with_none_behind_it() {
    let mut bench = Bench::new().registering();
    for _ in 0..5 {
        bench.says(redirect("10.9.0.30"));
        bench.connected();
    }
    bench.take();
    bench.says(redirect("10.9.0.30"));
    assert_eq!(
        bench.take(),
        [
            "6: FIN",
            "ConnectFailed { to: 10.9.0.30, reason: \"redirected to 10.9.0.30: too many redirects\" }",
            "[Waiting for Link / too many redirects]",
        ]
    );
    bench.wait(10);
    bench.connected();
    assert_eq!(
        bench.take().last().unwrap(),
        &registration(7, "null", "redirects 0")
    );
}

#[test]
fn call_servers_are_tried_in_turn_ten_seconds_apart_under_the_same_display() {
    let mut bench = Bench::new().connecting();
    for _ in 0..3 {
        bench.ended(StreamEnd::TimedOut);
        assert_eq!(bench.display, "Waiting for Link");
        assert_eq!(bench.own_deadline().unwrap().1, "try again");
        bench.wait(10);
    }
    assert_eq!(
        bench.timeline(),
        [
            "9.000 ConnectFailed { to: 10.9.0.10, reason: \"no answer\" }",
            "9.000 [Waiting for Link]",
            "19.000 Connecting { to: 10.9.0.11 }",
            "19.000 2: connect to 10.9.0.11",
            "19.000 ConnectFailed { to: 10.9.0.11, reason: \"no answer\" }",
            "29.000 Connecting { to: 10.9.0.10 }",
            "29.000 3: connect to 10.9.0.10",
            "29.000 ConnectFailed { to: 10.9.0.10, reason: \"no answer\" }",
            "39.000 Connecting { to: 10.9.0.11 }",
            "39.000 4: connect to 10.9.0.11",
        ]
    );
}

#[test]
fn an_element_that_does_not_answer_is_left_after_thirty_seconds() {
    for typed in [false, true] {
        let mut bench = Bench::new().registering();
        if typed {
            bench.prompts(Reason::NoPin);
            bench.types("***6000");
        }
        bench.take();
        bench.wait(30);
        let mut lines = bench.timeline();
        lines.retain(|line| !line.contains("nbound"));
        assert_eq!(
            lines,
            [
                "39.000 1: RST",
                "39.000 ConnectFailed { to: 10.9.0.10, reason: \"element does not answer\" }",
                "39.000 [Waiting for Link]",
            ]
        );
    }
}

#[test]
fn the_reset_flag_stays_through_redirects_and_new_tries_until_the_set_is_registered() {
    let mut bench = Bench::of("5360", Some("***6000"));
    bench.phone.hold_star();
    let mut bench = bench.connecting();
    bench.connected();
    let sent = |bench: &mut Bench| bench.take().pop().unwrap();
    assert_eq!(
        sent(&mut bench),
        registration(1, "null", "redirects 0, reset")
    );
    bench.says(redirect("10.9.0.30"));
    bench.connected();
    assert_eq!(
        sent(&mut bench),
        registration(2, "null", "redirects 1, reset")
    );
    bench.ended(StreamEnd::Reset);
    bench.wait(10);
    bench.connected();
    assert_eq!(
        sent(&mut bench),
        registration(3, "null", "redirects 0, reset")
    );
    bench.registered(30);
    bench.ended(StreamEnd::Reset);
    bench.wait(10);
    bench.connected();
    assert_eq!(sent(&mut bench), registration(4, "null", "redirects 0"));
}

#[test]
fn a_name_that_does_not_resolve_is_said_and_tried_again() {
    let mut bench = Bench::new();
    bench.text = "id:ipphone.mitel.com;call_srv=cmivb.example.com;sw_tftp=10.9.0.20";
    bench.power_up();
    bench.carrier(true);
    bench.boot();
    bench.take();
    bench.wait(1);
    let failed = "ConnectFailed { to: 0.0.0.0, reason: \"cmivb.example.com does not resolve: no name server answers\" }";
    assert_eq!(
        bench.take(),
        [
            "[MAIN 2.0 / BOOT 1.0]",
            failed,
            "[No name server / cmivb.example.com]"
        ]
    );
    bench.wait(10);
    assert!(bench.take().contains(&failed.to_owned()));

    let mut bench = Bench::new().registering();
    bench.says(redirect("cmivb.example.com"));
    assert_eq!(
        bench.take(),
        [
            "1: FIN",
            "Redirected { dn: \"2004\", to: \"cmivb.example.com\" }",
            failed,
            "[No name server / cmivb.example.com]",
        ]
    );
    assert_eq!(bench.own_deadline().unwrap().1, "try again");
}

#[test]
fn sets_outside_the_cluster_go_by_their_programmed_call_server_and_follow_no_redirect() {
    for model in ["4025IP", "5485", "6500"] {
        let mut bench = Bench::of(model, None);
        bench.phone.memory.call_server = Some("10.9.0.77".parse().unwrap());
        let mut bench = bench.connecting();
        bench.connected();
        assert_eq!(bench.display, "Waiting for ACK... / ICP 10.9.0.77");
        bench.take();
        bench.says(redirect("10.9.0.30"));
        let lines = bench.take();
        assert_eq!(lines[0], "1: FIN");
        assert!(
            lines[1].contains("redirected to 10.9.0.30, which a"),
            "{lines:?}"
        );
        assert_eq!(bench.display, "Redirect ignored / 10.9.0.30");
        bench.wait(10);
        assert!(bench.take().contains(&"2: connect to 10.9.0.77".to_owned()));
    }
}

#[test]
fn a_set_outside_the_cluster_that_nobody_programmed_says_so_and_goes_on_looking() {
    let mut bench = Bench::of("4015IP", None);
    bench.power_up();
    bench.carrier(true);
    bench.boot();
    bench.take();
    for _ in 0..2 {
        bench.wait(11);
        let lines = bench.take().join("\n");
        assert!(lines.contains("no call server is programmed"), "{lines}");
        assert_eq!(bench.display, "No call server / is programmed");
        assert_eq!(bench.own_deadline().unwrap().1, "try again");
    }
}

#[test]
fn messages_may_come_in_any_segments() {
    let mut all = Vec::new();
    for message in [
        Message::SavePin {
            pin: "***6000".to_owned(),
        },
        Message::Registered {
            dn: "6000".to_owned(),
            heartbeat: Duration::from_secs(30),
        },
        Message::CommunicationsUp,
    ] {
        all.extend(crate::wire::reg::Envelope::new(1, message).encode());
    }
    for size in [1, 2, 7, 13, all.len()] {
        let mut bench = Bench::new().registering();
        for segment in all.chunks(size) {
            bench.bytes(segment);
        }
        assert_eq!(bench.state(), "In service");
        assert_eq!(bench.pin(), Some("***6000"));
    }
}
