//! Tests of the DHCP client.
//!
//! The test language: `bench.start()`, `bench.reply(kind)` and `bench.timeout()` at `bench.now` give what came of
//! it in one line: what was sent and asked of the host, and what the owner is told.

mod bench;

use std::fmt::Write as _;

use bench::*;
use proptest::prelude::*;

use super::*;
use crate::wire::dhcp::code;

#[test]
fn the_transitions_are_those_of_the_golden_table() {
    let mut table = String::from(
        "# The DHCP client: in each state, what happens, what it does, and the next state.\n\
         # What a state has no line for is ignored; a reply that is ignored is traced.\n",
    );
    for state in STATES {
        writeln!(table).unwrap();
        for event in EVENTS {
            let mut bench = Bench::in_state(state);
            let before = bench.ignored;
            let Some(did) = bench.give(event) else {
                continue;
            };
            let next = name_of(&bench.client.state);
            if bench.ignored > before || did.is_empty() && next == state {
                continue;
            }
            writeln!(table, "{state:<10} | {event:<15} | {did} | {next}").unwrap();
        }
    }
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/golden/dhcp_client_transitions.txt"
    );
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    assert_eq!(table, std::fs::read_to_string(path).unwrap());
}

#[test]
fn each_state_has_its_deadline_and_its_name() {
    let due = |state| Bench::in_state(state).client.poll_timeout();
    let at = |secs, name| Some((Instant::ZERO + Duration::from_secs(secs), name));
    assert_eq!(due("IDLE"), None);
    assert_eq!(due("INIT"), at(1, "DHCP discovery"));
    assert_eq!(due("SELECTING"), at(4, "DHCP retransmission"));
    assert_eq!(due("REQUESTING"), at(4, "DHCP retransmission"));
    assert_eq!(due("BOUND"), at(4_000, "DHCP renewal (T1)"));
    assert_eq!(due("RENEWING"), at(4_000 + 1_500, "DHCP retransmission"));
    assert_eq!(due("REBINDING"), at(7_000 + 500, "DHCP retransmission"));
}

#[test]
fn discovers_come_after_4_8_16_32_and_64_seconds_for_ever_give_or_take_one() {
    let mut bench = Bench::new(Timing::default());
    bench.start();
    for expected in [4, 8, 16, 32, 64, 64, 64] {
        let before = bench.now;
        assert_eq!(bench.timeout(), "send Discover to 255.255.255.255");
        let waited = bench.now.since(before);
        let second = Duration::from_secs(1);
        let expected = Duration::from_secs(expected);
        assert!(
            (expected - second..=expected + second).contains(&waited),
            "{waited:?}"
        );
        assert_ne!(waited, expected, "chance has a say");
    }
}

#[test]
fn a_request_without_an_answer_is_sent_five_times_in_a_minute_and_then_it_begins_anew() {
    let mut bench = Bench::in_state("REQUESTING");
    for at in [4, 12, 28, 60] {
        assert_eq!(bench.timeout(), "send Request to 255.255.255.255");
        assert_eq!(bench.now, Instant::ZERO + Duration::from_secs(at));
    }
    assert_eq!(bench.timeout(), "tell lost: no answer to the request");
    assert_eq!(
        bench.timeout(),
        "send Discover to 255.255.255.255, tell discovering"
    );
}

#[test]
fn a_lease_is_asked_for_at_t1_then_at_half_of_what_is_left_and_of_all_at_t2_until_it_ends() {
    let mut bench = Bench::in_state("BOUND");
    let mut log = Vec::new();
    while bench.client.lease().is_some() {
        let did = bench.timeout();
        log.push(format!(
            "{} {did}",
            bench.now.since(Instant::ZERO).as_secs()
        ));
    }
    let to_server = "send Request to 10.1.0.2";
    let to_all = "send Request to 255.255.255.255";
    let expected = [
        (4_000, to_server),
        (5_500, to_server),
        (6_250, to_server),
        (6_625, to_server),
        (6_812, to_server),
        (6_906, to_server),
        (6_966, to_server),
        (7_000, to_all),
        (7_500, to_all),
        (7_750, to_all),
        (7_875, to_all),
        (7_937, to_all),
        (7_997, to_all),
        (8_000, "configure none, tell lost: lease expired"),
    ];
    assert_eq!(log, expected.map(|(at, did)| format!("{at} {did}")));
}

#[test]
fn the_lease_counts_from_the_first_request_however_late_the_answer() {
    let mut bench = Bench::in_state("REQUESTING");
    bench.timeout();
    bench.now += Duration::from_secs(3);
    bench.give("ACK");
    assert_eq!(
        bench.client.poll_timeout().unwrap().0,
        Instant::ZERO + Duration::from_secs(LEASE / 2)
    );
}

#[test]
fn t1_and_t2_are_the_servers_if_they_are_in_order() {
    let t1_of = |t1: u64, t2: u64| {
        let mut bench = Bench::in_state("REQUESTING");
        let mut ack = bench.message("ACK");
        ack.options
            .push_duration(code::RENEWAL_TIME, Duration::from_secs(t1));
        ack.options
            .push_duration(code::REBINDING_TIME, Duration::from_secs(t2));
        bench.receive(&ack.encode());
        bench
            .client
            .poll_timeout()
            .unwrap()
            .0
            .since(Instant::ZERO)
            .as_secs()
    };
    assert_eq!(t1_of(100, 200), 100);
    for (t1, t2) in [(200, 100), (100, LEASE), (0, 200)] {
        assert_eq!(t1_of(t1, t2), LEASE / 2);
    }
}

#[test]
fn an_ack_that_grants_nothing_is_ignored() {
    for (code, data) in [
        (code::LEASE_TIME, &[0; 4][..]),
        (code::LEASE_TIME, &[1]),
        (code::SERVER_IDENTIFIER, &[]),
    ] {
        let mut bench = Bench::in_state("REQUESTING");
        let mut ack = Message::new(BOOTREPLY, MAC, bench.xid);
        ack.yiaddr = ADDRESS;
        ack.options.push(code::MESSAGE_TYPE, &[5]);
        for (other, good) in bench.message("ACK").options.iter() {
            if other != code::MESSAGE_TYPE {
                ack.options
                    .push(other, if other == code { data } else { good });
            }
        }
        bench.receive(&ack.encode());
        assert_eq!(bench.ignored, 1);
        assert!(bench.client.lease().is_none());
    }
}

#[test]
fn replies_to_others_and_of_other_requests_are_ignored() {
    for spoil in [
        |message: &mut Message| message.xid ^= 1,
        |message: &mut Message| message.chaddr[5] ^= 1,
        |message: &mut Message| message.op = 1,
    ] {
        let mut bench = Bench::in_state("SELECTING");
        let mut offer = bench.message("OFFER");
        spoil(&mut offer);
        assert_eq!(bench.receive(&offer.encode()), "");
        assert_eq!(bench.ignored, 1);
    }
}

#[test]
fn a_reply_cut_short_anywhere_is_ignored_and_traced() {
    let whole = Bench::in_state("SELECTING").message("OFFER").encode();
    let end = whole.iter().rposition(|byte| *byte == code::END).unwrap();
    for length in 0..=end {
        let mut bench = Bench::in_state("SELECTING");
        assert_eq!(bench.receive(&whole[..length]), "", "{length}");
        assert_eq!(bench.ignored, 1);
    }
}

#[test]
fn what_it_sends_holds_what_rfc_2131_table_5_wants() {
    let sent = |state, event| {
        let mut bench = Bench::in_state(state);
        bench.give(event);
        bench.sent.pop().unwrap().to_string()
    };
    let client = "client 08:00:0f:00:00:01";
    let wishes = "60 \"ipphone.mitel.com\", 55 1 3 6";
    let without_xid = |line: String| {
        let (kind, rest) = line.split_once(", xid ").unwrap();
        format!("{kind}, {}", rest.split_once(", ").unwrap().1)
    };
    assert_eq!(
        without_xid(sent("IDLE", "start")),
        format!("DHCP Discover, {client}, options 53 Discover, {wishes}")
    );
    assert_eq!(
        without_xid(sent("SELECTING", "OFFER")),
        format!("DHCP Request, {client}, options 53 Request, 54 10.1.0.2, 50 10.1.0.50, {wishes}")
    );
    for (state, secs) in [
        ("BOUND", ""),
        ("RENEWING", "secs 1500, "),
        ("REBINDING", "secs 3500, "),
    ] {
        assert_eq!(
            without_xid(sent(state, "timeout")),
            format!("DHCP Request, {secs}{client}, has 10.1.0.50, options 53 Request, {wishes}")
        );
    }
    assert_eq!(
        without_xid(sent("BOUND", "release")),
        format!("DHCP Release, {client}, has 10.1.0.50, options 53 Release, 54 10.1.0.2")
    );
}

#[test]
fn an_address_that_somebody_else_has_is_declined_and_another_asked_for_after_ten_seconds() {
    let mut bench = Bench::in_state("CHECKING");
    assert_eq!(
        bench.give("conflict").unwrap(),
        "end probe, send Decline to 255.255.255.255, tell lost: another station has the address"
    );
    let sent = bench.sent.last().unwrap();
    assert_eq!(sent.ciaddr, Ipv4Addr::UNSPECIFIED);
    let codes: Vec<u8> = sent.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 54, 50], "table 5 forbids all else");
    assert_eq!(sent.address(50), Ok(ADDRESS));
    let due = bench.client.poll_timeout().unwrap().0;
    assert_eq!(due.since(bench.now), Duration::from_secs(10));
}

#[test]
fn an_address_that_nobody_else_has_is_taken_and_announced() {
    let mut bench = Bench::in_state("CHECKING");
    assert!(bench.client.lease().is_none());
    assert_eq!(
        bench.timeout(),
        "configure 10.1.0.50/24, announce 10.1.0.50, tell bound 10.1.0.50"
    );
}

#[test]
fn the_old_address_is_asked_for_without_server_identifier_and_given_up_after_five_requests() {
    let mut bench = Bench::in_state("REBOOTING");
    let sent = bench.sent.last().unwrap();
    assert_eq!(sent.ciaddr, Ipv4Addr::UNSPECIFIED);
    let codes: Vec<u8> = sent.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 50, 60, 55]);
    for _ in 0..4 {
        assert_eq!(bench.timeout(), "send Request to 255.255.255.255");
    }
    assert_eq!(bench.timeout(), "tell lost: no answer to the request");
}

#[test]
fn a_request_has_the_secs_of_the_discover_that_was_answered() {
    let mut bench = Bench::in_state("SELECTING");
    bench.timeout();
    assert_eq!(bench.sent.last().unwrap().secs, 4);
    bench.now += Duration::from_secs(3);
    bench.give("OFFER");
    bench.timeout();
    let requests = &bench.sent[bench.sent.len() - 2..];
    assert!(requests.iter().all(|request| request.secs == 4));
}

#[test]
fn a_renewal_counts_its_secs_from_t1_and_goes_on_counting_past_t2() {
    let mut bench = Bench::in_state("BOUND");
    let asked = bench.sent.len();
    while bench.client.lease().is_some() {
        bench.timeout();
    }
    let secs: Vec<u16> = bench.sent[asked..].iter().map(|it| it.secs).collect();
    let renewing = [0, 1_500, 2_250, 2_625, 2_812, 2_906, 2_966];
    let rebinding = [3_000, 3_500, 3_750, 3_875, 3_937, 3_997];
    assert_eq!(secs, [&renewing[..], &rebinding].concat());
    // The next one begins at 0.
    let mut bench = Bench::in_state("REBINDING");
    bench.give("ACK").unwrap();
    bench.timeout();
    assert_eq!(bench.sent.last().unwrap().secs, 0);
}

#[test]
fn an_inform_has_the_clients_address_and_ends_with_its_ack() {
    let mut bench = Bench::in_state("INFORMING");
    let sent = bench.sent.last().unwrap();
    assert_eq!(sent.ciaddr, ADDRESS);
    let codes: Vec<u8> = sent.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 60, 55]);
    assert_eq!(bench.give("ACK").unwrap(), "unbind 68, tell informed");
}

#[test]
fn an_ack_to_a_discover_is_taken_if_both_sides_want_it() {
    let mut bench = Bench::in_state("SELECTING");
    assert_eq!(bench.give("rapid ACK").unwrap(), "");
    let mut bench = Bench::in_state("IDLE");
    bench.set(|config| config.rapid_commit = true);
    bench.start();
    assert!(bench.sent[0].option(code::RAPID_COMMIT).is_some());
    assert_eq!(
        bench.give("ACK").unwrap(),
        "",
        "without the option it is no answer"
    );
    assert_eq!(
        bench.give("rapid ACK").unwrap(),
        "configure 10.1.0.50/24, tell bound 10.1.0.50"
    );
}

#[test]
fn a_client_identifier_is_in_every_message_and_the_message_size_where_options_are_asked_for() {
    for (state, event, size) in [
        ("IDLE", "start", true),
        ("SELECTING", "OFFER", true),
        ("BOUND", "timeout", true),
        ("BOUND", "release", false),
        ("CHECKING", "conflict", false),
        ("IDLE", "reboot", true),
        ("IDLE", "inform", true),
    ] {
        let mut bench = Bench::in_state(state);
        bench.set(|config| {
            config.client_id = b"\0desk".to_vec();
            config.max_message_size = Some(1_400);
        });
        bench.give(event);
        let sent = bench.sent.last().unwrap();
        assert_eq!(sent.option(61).as_deref(), Some(&b"\0desk"[..]), "{event}");
        assert_eq!(sent.option(57).is_some(), size, "{event}");
    }
}

#[test]
fn after_a_power_down_it_starts_as_if_new() {
    let mut bench = Bench::in_state("RENEWING");
    bench.client.power_down();
    assert_eq!(bench.client.poll_timeout(), None);
    assert_eq!(
        bench.start(),
        "bind 68, send Discover to 255.255.255.255, tell discovering"
    );
}

#[test]
fn called_early_it_does_nothing() {
    for state in STATES {
        let mut bench = Bench::in_state(state);
        let mut out = Outbox::default();
        assert_eq!(bench.client.handle_timeout(bench.now, &mut out), None);
        assert!(out.is_empty());
    }
}

proptest! {
    #[test]
    fn random_replies_never_panic(
        state in 0..STATES.len(),
        noise in proptest::collection::vec(any::<u8>(), 0..120),
        at in 0..340_usize,
    ) {
        let mut bench = Bench::in_state(STATES[state]);
        let mut bytes = bench.message("ACK").encode();
        bytes.truncate(at);
        bytes.extend(noise);
        bench.receive(&bytes);
    }
}
