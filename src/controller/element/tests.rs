//! An element over its whole conversation with sets.

mod bench;
mod table;

use bench::*;
use proptest::prelude::*;

use super::*;
use crate::app::StreamEnd;

#[test]
fn rg_1_an_unknown_set_without_a_pin_is_prompted() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.registers(1, 1, None),
        [
            "RG-1 Prompt: no PIN",
            "1: PIN Request, seq 1, reason no PIN"
        ]
    );
    assert!(bench.element.in_service(mac(1)).is_none());
}

#[test]
fn rg_2_a_pin_with_no_access_code_is_asked_for_again_however_often() {
    let mut bench = Bench::new();
    bench.registers(1, 1, None);
    for n in 2..100 {
        assert_eq!(
            bench.types(1, n, "6000"),
            [
                "RG-2 Prompt: invalid access code".to_owned(),
                format!("1: PIN Request, seq {n}, reason invalid access code"),
            ]
        );
    }
    bench.types(1, 100, "");
    assert_eq!(bench.types(1, 101, "***6000").len(), 4);
}

#[test]
fn rg_3_a_typed_pin_of_a_free_dn_registers_and_is_saved() {
    let mut bench = Bench::new();
    bench.registers(1, 1, None);
    assert_eq!(
        bench.types(1, 2, "***6000"),
        [
            "RG-3 Registered { dn: \"6000\" }: no set at the DN",
            "1: Save PIN, seq 2, pin ***6000",
            "1: Registered, seq 2, dn 6000, heartbeat 30000 ms",
            "1: Communications Up, seq 2",
        ]
    );
    assert_eq!(bench.element.mac_of("6000"), Some(mac(1)));
    assert_eq!(bench.element.forms().dn_of(mac(1)), Some("6000"));
    assert!(bench.element.in_service(mac(1)).is_some());
}

#[test]
fn rg_4_rg_7_and_rg_11_a_set_that_is_known_comes_back_without_a_prompt() {
    for (pin, rule) in [
        (Some("***6000"), "RG-4"),
        (Some("###6000"), "RG-7"),
        (None, "RG-11"),
    ] {
        let mut bench = Bench::with_set(1, "6000");
        let said = bench.registers(1, 1, pin);
        assert!(said[0].starts_with(rule), "{said:?}");
        assert_eq!(
            said[1..],
            [
                "1: Registered, seq 1, dn 6000, heartbeat 30000 ms",
                "1: Communications Up, seq 1"
            ]
        );
    }
}

#[test]
fn rg_5_the_pin_of_another_sets_dn_is_cleared_and_asked_for_again() {
    let mut bench = Bench::with_set(2, "6000");
    assert_eq!(
        bench.registers(1, 1, Some("***6000")),
        [
            "RG-5 ClearAndPrompt: DN in use by another set",
            "1: Clear PIN, seq 1, reason DN in use by another set",
            "1: PIN Request, seq 1, reason DN in use by another set",
        ]
    );
}

#[test]
fn rg_6_the_replaced_set_is_reset_and_then_prompted() {
    let mut bench = Bench::with_set(2, "6000");
    bench.registers(2, 2, Some("###6000"));
    bench.registers(1, 1, None);
    assert_eq!(
        bench.types(1, 2, "###6000"),
        [
            "RG-6 Registered { dn: \"6000\" }: replaces the set at the DN",
            "1: Save PIN, seq 2, pin ###6000",
            "1: Registered, seq 2, dn 6000, heartbeat 30000 ms",
            "1: Communications Up, seq 2",
            "2: Clear PIN, seq 0, reason replaced by another set",
            "2: Reset, seq 0, soft, reason replaced by another set",
        ]
    );
    assert_eq!(bench.event(2, StreamEvent::PeerClosed), ["2: close"]);
    assert!(
        bench
            .event(2, StreamEvent::Ended(StreamEnd::Closed))
            .is_empty()
    );
    assert!(bench.registers(3, 2, None)[0].starts_with("RG-1 "));
    assert!(bench.element.in_service(mac(1)).is_some());
}

#[test]
fn rg_8_the_replacement_code_needs_a_mac_at_the_dn() {
    let said = Bench::new().registers(1, 1, Some("###6000"));
    assert_eq!(
        said[0],
        "RG-8 Prompt: replacement code needs a MAC at the DN"
    );
}

#[test]
fn rg_9_a_remote_dn_is_saved_then_redirected_and_the_set_closes() {
    let mut bench = Bench::new();
    bench.registers(1, 1, None);
    assert_eq!(
        bench.types(1, 2, "***2004"),
        [
            "RG-9 Redirect { dn: \"2004\", to: \"10.9.0.20\" }: the DN is another element's",
            "1: Save PIN, seq 2, pin ***2004",
            "1: Redirect, seq 2, to 10.9.0.20, dn 2004",
        ]
    );
    assert_eq!(bench.element.forms().dn_of(mac(1)), None);
    assert_eq!(bench.after(9), [""; 0]);
    assert_eq!(bench.after(10), ["1: abort"]);
}

#[test]
fn rg_10_an_unknown_dn_is_asked_for_again_with_the_reason() {
    let said = Bench::new().registers(1, 1, Some("***9999"));
    assert_eq!(said[0], "RG-10 Prompt: unknown DN");
}

#[test]
fn rg_12_a_stored_pin_of_another_dn_is_cleared_and_a_typed_one_moves_the_set() {
    let mut bench = Bench::with_set(1, "6000");
    let said = bench.registers(1, 1, Some("***6001"));
    assert_eq!(said[0], "RG-12 ClearAndPrompt: PIN no longer valid");
    let said = bench.types(1, 2, "***6001");
    assert!(said[0].starts_with("RG-12 Registered"), "{said:?}");
    assert_eq!(bench.element.mac_of("6000"), None);
    assert_eq!(bench.element.mac_of("6001"), Some(mac(1)));
}

#[test]
fn rg_12_a_typed_pin_of_a_remote_dn_takes_the_set_away_from_its_dn_here() {
    let mut bench = Bench::with_set(1, "6000");
    bench.registers(1, 1, Some("***6001"));
    let said = bench.types(1, 2, "***2004");
    assert!(said[0].starts_with("RG-9 "), "{said:?}");
    assert_eq!(bench.element.forms().dn_of(mac(1)), None);
}

#[test]
fn rg_13_userless_devices_get_the_lowest_free_dns_until_none_is_left() {
    let mut bench = Bench::new();
    bench
        .element
        .forms_mut()
        .set_automatic("6100", "6101")
        .unwrap();
    assert_eq!(
        bench.registers(1, 1, Some("***"))[1],
        "1: Save PIN, seq 1, pin ***6100"
    );
    assert_eq!(
        bench.registers(2, 2, Some("***"))[1],
        "2: Save PIN, seq 1, pin ***6101"
    );
    assert_eq!(
        bench.registers(3, 3, Some("***"))[0],
        "RG-13 Prompt: no free DN in the automatic range"
    );
    assert_eq!(bench.element.mac_of("6101"), Some(mac(2)));
    // The second has not heard that it is to save its PIN, and asks as before.
    let said = bench.registers(4, 2, Some("***"));
    let save = "4: Save PIN, seq 1, pin ***6101";
    assert!(said.iter().any(|line| line == save), "{said:?}");
}

#[test]
fn rg_14_after_a_change_of_access_codes_a_set_stays_and_is_prompted_next_time() {
    let mut bench = Bench::with_set(1, "6000");
    bench.registers(1, 1, Some("***6000"));
    bench
        .element
        .forms_mut()
        .set_access_codes("*1", "*2")
        .unwrap();
    assert_eq!(
        bench.says(1, 2, Message::Heartbeat),
        ["1: Heartbeat Answer, seq 2"]
    );
    assert!(bench.registers(2, 1, Some("***6000"))[1].starts_with("RG-14 Prompt"));
    assert_eq!(
        bench.types(2, 2, "*16000")[1],
        "2: Save PIN, seq 2, pin *16000"
    );
}

#[test]
fn st_3_a_set_that_was_reset_leaves_its_dn_and_is_prompted() {
    let mut bench = Bench::with_set(1, "6000");
    let device = DeviceRegistration {
        reset: true,
        ..device(1, None)
    };
    bench.connects(1);
    let said = bench.says(1, 1, Message::DeviceRegistration(device));
    assert_eq!(said[0], "RG-1 Prompt: no PIN");
    assert_eq!(bench.element.mac_of("6000"), None);
    assert!(bench.types(1, 2, "***6000")[0].starts_with("RG-3"));
}

#[test]
fn cl_8_the_sixth_redirect_is_refused_with_the_reason() {
    for (redirects, rule) in [(4, "RG-9"), (5, "CL-8"), (255, "CL-8")] {
        let mut bench = Bench::new();
        let device = DeviceRegistration {
            redirects,
            ..device(1, Some("***2004"))
        };
        bench.connects(1);
        let said = bench.says(1, 1, Message::DeviceRegistration(device));
        assert!(said[0].starts_with(rule), "{said:?}");
    }
    let mut bench = Bench::new();
    let device = DeviceRegistration {
        redirects: 5,
        ..device(1, Some("***2004"))
    };
    bench.connects(1);
    assert_eq!(
        bench.says(1, 1, Message::DeviceRegistration(device)),
        [
            "CL-8 Refused: too many redirects",
            "1: Error, seq 1, reason too many redirects, text \"too many redirects\"",
            "1: close",
        ]
    );
}

#[test]
fn a_set_that_misses_three_heartbeats_is_lost_but_keeps_its_dn() {
    let mut bench = Bench::with_set(1, "6000");
    bench.registers(1, 1, None);
    bench.after(60);
    bench.says(1, 2, Message::Heartbeat);
    assert_eq!(
        bench.element.poll_timeout(),
        Some((Instant::ZERO + Duration::from_secs(165), "silence of a set"))
    );
    assert!(bench.after(104).is_empty());
    assert_eq!(
        bench.after(1),
        ["lost 08:00:0f:00:00:01 at 6000", "1: abort"]
    );
    assert!(bench.element.in_service(mac(1)).is_none());
    assert_eq!(bench.element.forms().dn_of(mac(1)), Some("6000"));
    assert_eq!(bench.element.poll_timeout(), None);
}

#[test]
fn a_set_whose_connection_ends_is_lost_at_once() {
    let mut bench = Bench::with_set(1, "6000");
    bench.registers(1, 1, None);
    assert_eq!(
        bench.event(1, StreamEvent::Ended(StreamEnd::Reset)),
        ["lost 08:00:0f:00:00:01 at 6000"]
    );
    bench.registers(2, 1, None);
    assert_eq!(
        bench.event(2, StreamEvent::PeerClosed),
        ["lost 08:00:0f:00:00:01 at 6000", "2: close"]
    );
    assert!(
        bench
            .event(2, StreamEvent::Ended(StreamEnd::Closed))
            .is_empty()
    );
}

#[test]
fn a_second_connection_of_a_set_ends_the_first_and_outlives_it() {
    let mut bench = Bench::with_set(1, "6000");
    bench.registers(1, 1, None);
    assert_eq!(bench.registers(2, 1, None)[0], "1: abort");
    assert!(bench.element.in_service(mac(1)).is_some());
    // What the host still had to say about the first one does no harm.
    assert!(
        bench
            .event(1, StreamEvent::Ended(StreamEnd::Reset))
            .is_empty()
    );
    assert!(bench.element.in_service(mac(1)).is_some());
    assert_eq!(bench.element.connections.count(), 1);
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let mut bench = Bench::new();
    bench.connects(1);
    assert!(bench.after(29).is_empty());
    assert_eq!(
        bench.after(1),
        [
            "1: Error, seq 0, reason timed out, text \"timed out\"",
            "1: close"
        ]
    );
    assert_eq!(bench.after(10), ["1: abort"]);
    assert_eq!(bench.element.connections.count(), 0);
    assert!(bench.element.connections.are_consistent());
}

#[test]
fn a_prompted_set_has_half_an_hour_and_any_answer_begins_it_anew() {
    let mut bench = Bench::new();
    bench.registers(1, 1, None);
    assert!(bench.after(1799).is_empty());
    bench.types(1, 2, "1");
    assert!(bench.after(1799).is_empty());
    assert_eq!(bench.after(1)[1], "1: close");
}

#[test]
fn nonsense_is_answered_by_an_error_and_the_end() {
    let mut bench = Bench::with_set(1, "6000");
    bench.connects(1);
    assert_eq!(
        bench.event(1, StreamEvent::Received(b"GET / HTTP/1.1\r\n\r\n")),
        [
            "1: Error, seq 0, reason malformed message, text \"jfreg: does not begin with \\\"JF\\\" at byte 0\"",
            "1: close"
        ]
    );
    assert!(bench.event(1, StreamEvent::Received(b"more")).is_empty());
    bench.connects(2);
    let version_2 = bench.event(2, StreamEvent::Received(b"JF\x02"));
    assert!(version_2[0].contains("unsupported version"));
    bench.registers(3, 1, None);
    assert_eq!(
        bench.says(3, 2, Message::CommunicationsUp),
        [
            "3: Error, seq 2, reason unexpected message, text \"Communications Up has no place here\"",
            "lost 08:00:0f:00:00:01 at 6000",
            "3: close"
        ]
    );
}

#[test]
fn messages_of_a_later_edition_are_ignored_and_an_error_is_the_end() {
    let mut bench = Bench::new();
    bench.registers(1, 1, None);
    assert!(bench.says(1, 2, Message::Unknown { kind: 200 }).is_empty());
    let error = Message::Error {
        reason: Reason::Other(7),
        text: String::new(),
    };
    assert_eq!(bench.says(1, 3, error), ["1: close"]);
}

#[test]
fn an_element_that_lost_power_keeps_its_forms_and_no_connection() {
    let mut bench = Bench::with_set(1, "6000");
    bench.registers(1, 1, None);
    let mut out = Outbox::default();
    bench
        .element
        .handle_host(bench.now, HostEvent::Stop, &mut out);
    assert!(out.is_empty());
    assert_eq!(bench.element.poll_timeout(), None);
    assert!(bench.element.in_service(mac(1)).is_none());
    assert_eq!(bench.element.forms().dn_of(mac(1)), Some("6000"));
    bench
        .element
        .handle_host(bench.now, HostEvent::Start, &mut out);
    assert_eq!(lines(&mut out), ["listen 6800", "listen 6810"]);
}

/// Quick, unless a look-up walks over all sets or all DNs.
#[test]
fn a_hundred_thousand_sets_get_the_lowest_free_dns_and_say_that_they_are_there() {
    let mut bench = Bench::new();
    let forms = bench.element.forms_mut();
    forms.set_automatic("1000000", "1099999").unwrap();
    for n in 0..100_000 {
        let said = bench.registers(n, n, Some("***"));
        assert_eq!(said.len(), 4);
    }
    bench.after(30);
    for n in 0..100_000 {
        assert_eq!(bench.says(n, 2, Message::Heartbeat).len(), 1);
    }
    assert_eq!(bench.element.mac_of("1099999"), Some(mac(99_999)));
    assert_eq!(bench.after(105).len(), 200_000);
    assert_eq!(bench.element.connections.count(), 0);
}

proptest! {
    #[test]
    fn no_bytes_and_no_order_of_events_panic(
        steps in proptest::collection::vec((0..4_u64, 0..12_u8, any::<Vec<u8>>()), 0..60)
    ) {
        let mut bench = Bench::new();
        for (n, what, bytes) in steps {
            match what {
                0 => bench.event(n, StreamEvent::Received(&bytes)),
                1 => bench.registers(n, n % 2, Some("###6000")),
                2 => bench.registers(n, n % 2, Some("***6000")),
                3 => bench.registers(n, n % 2, None),
                4 => bench.types(n, 2, "***6001"),
                5 => bench.types(n, 3, "###6000"),
                6 => bench.says(n, 4, Message::Heartbeat),
                7 => bench.event(n, StreamEvent::PeerClosed),
                8 => bench.event(n, StreamEvent::Ended(StreamEnd::Reset)),
                9 => bench.after(40),
                10 => bench.types(n, 5, "***2004"),
                _ => bench.after(2000),
            };
            prop_assert!(bench.element.connections.are_consistent());
        }
    }
}
