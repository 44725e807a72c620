//! Classes, reservations, rapid commit, probes, and answers that fit.

use super::*;
use crate::app::App as _;

const VENDOR: &[u8] = b"ipphone.mitel.com";

/// Sets have addresses and options of their own.
fn with_class() -> ServerConfig {
    let mut config = config();
    config.scopes[0].classes = vec![
        Class {
            vendor_class: b"MSFT 5.0".to_vec(),
            pool: None,
            options: Vec::new(),
        },
        Class {
            vendor_class: VENDOR.to_vec(),
            pool: Some((host(200), host(201))),
            options: vec![(15, b"sets.example.com".to_vec()), (43, vec![1, 1, 7])],
        },
    ];
    config
}

#[test]
fn a_class_is_told_by_option_60_and_has_its_own_addresses_and_options() {
    let mut bench = Bench::new(with_class());
    let of = |n, class: &[u8]| {
        let mut asks = discover(n);
        asks.options.push(code::VENDOR_CLASS, class);
        asks
    };
    let offer = bench.exchange(of(1, VENDOR));
    assert_eq!(offer.yiaddr, host(200));
    assert_eq!(offer.option(15).unwrap().as_ref(), b"sets.example.com");
    assert_eq!(offer.option(43).unwrap().as_ref(), [1, 1, 7]);
    assert!(offer.option(125).is_some());
    let offer = bench.exchange(of(2, b"MSFT 5.0"));
    assert_eq!(offer.yiaddr, host(50));
    assert_eq!(offer.option(15).unwrap().as_ref(), b"example.com");
    assert_eq!(bench.exchange(discover(3)).yiaddr, host(51));
    let nearly = bench.exchange(of(6, b"ipphone.mitel.com 2"));
    assert_eq!(nearly.yiaddr, host(52), "an exact match");
    assert_eq!(bench.exchange(of(4, VENDOR)).yiaddr, host(201));
    assert_eq!(bench.send(of(5, VENDOR)), ["exhausted"]);
}

#[test]
fn a_client_identifier_has_its_address_from_whatever_hardware_and_comes_back() {
    let mut config = config();
    config.scopes[0].client_reservations = BTreeMap::from([(b"\0desk".to_vec(), host(30))]);
    let mut bench = Bench::new(config);
    let with_id = |n| {
        let mut asks = discover(n);
        asks.options.push(code::CLIENT_IDENTIFIER, b"\0desk");
        asks
    };
    let offer = bench.exchange(with_id(1));
    assert_eq!(offer.yiaddr, host(30));
    assert_eq!(offer.option(61).unwrap().as_ref(), b"\0desk");
    assert_eq!(bench.exchange(with_id(2)).yiaddr, host(30));
    assert_eq!(bench.exchange(discover(3)).yiaddr, host(50));
}

#[test]
fn rapid_commit_takes_both_to_agree() {
    let mut asks = discover(1);
    asks.options.push(code::RAPID_COMMIT, &[]);
    let offer = Bench::new(config()).exchange(asks.clone());
    assert_eq!(offer.message_type(), Ok(MessageType::Offer));
    assert_eq!(offer.option(80), None);
    let mut config = config();
    config.scopes[0].rapid_commit = true;
    let mut bench = Bench::new(config);
    let ack = bench.exchange(asks);
    assert_eq!(ack.message_type(), Ok(MessageType::Ack));
    assert_eq!(ack.option(80).as_deref(), Some(&[][..]));
    assert_eq!(ack.yiaddr, host(50));
    assert!(ack.duration(code::LEASE_TIME).is_ok());
    let offer = bench.exchange(discover(2));
    assert_eq!(offer.message_type(), Ok(MessageType::Offer));
    // It is a lease, and runs out as one; the offer was none.
    assert_eq!(bench.at(200).timeout(), ["expired 10.1.0.50"]);
}

fn probing() -> ServerConfig {
    let mut config = config();
    config.scopes[0].probe = Some(Duration::from_secs(1));
    config
}

#[test]
fn an_offer_waits_for_a_probe_that_nobody_answers() {
    let mut bench = Bench::new(probing());
    assert_eq!(bench.send(discover(1)), ["ARP probe 10.1.0.50"]);
    // The client repeats itself: the network is asked once.
    assert_eq!(bench.send(discover(1)), SILENCE);
    let due = Some((secs(1), "address probe"));
    assert_eq!(bench.server.poll_timeout(), due);
    assert_eq!(
        bench.at(1).timeout(),
        [
            "end of probe 10.1.0.50",
            "offered 10.1.0.50",
            "Offer to 10.1.0.50:68 at 08:00:0f:00:00:01"
        ]
    );
    bench.send(select(1, SERVER, 50));
    // Its own address is not asked about: the client itself would answer.
    assert_eq!(bench.send(discover(1))[0], "offered 10.1.0.50");
}

#[test]
fn an_address_that_somebody_answers_from_is_set_aside_and_the_next_is_probed() {
    let mut bench = Bench::new(probing());
    let mut asks = discover(1);
    asks.giaddr = host(1);
    // ARP does not reach behind the relay.
    assert_eq!(bench.send(asks), ["echo probe 10.1.0.50"]);
    assert_eq!(
        bench.conflict(50),
        [
            "end of probe 10.1.0.50",
            "in use 10.1.0.50",
            "echo probe 10.1.0.51"
        ]
    );
    assert_eq!(bench.conflict(50), SILENCE);
    assert_eq!(bench.at(1).timeout()[1], "offered 10.1.0.51");
    assert_eq!(bench.send(discover(2)), ["ARP probe 10.1.0.52"]);
}

#[test]
fn a_client_that_chose_another_server_gets_no_late_offer() {
    let mut bench = Bench::new(probing());
    bench.send(discover(1));
    bench.send(select(1, host(9), 50));
    assert_eq!(bench.at(1).timeout(), ["end of probe 10.1.0.50"]);
}

#[test]
fn more_than_576_bytes_go_on_in_file_and_sname_unless_the_client_allows_more() {
    let mut config = config();
    let lens = [
        (43, 180),
        (125, 50),
        (150, 60),
        (151, 60),
        (152, 20),
        (153, 30),
    ];
    config.scopes[0].options = lens.map(|(code, len)| (code, vec![code; len])).to_vec();
    let mut asks = discover(1);
    asks.giaddr = host(1);
    asks.options.push(82, b"\x01\x02p1");
    let mut bench = Bench::new(config);
    let reply = bench.exchange(asks.clone());
    for (code, len) in lens {
        assert_eq!(reply.option(code).unwrap().as_ref(), vec![code; len]);
    }
    assert_eq!(reply.option(code::OVERLOAD).unwrap().as_ref(), [3]);
    // Option 82 keeps its place at the end of the options field.
    let last = reply.options.iter().last().map(|(code, _)| code);
    assert_eq!(last, Some(82));
    assert!(reply.encode().len() + 28 <= 576);
    let allows = 1_400_u16.to_be_bytes();
    asks.options.push(code::MAX_MESSAGE_SIZE, &allows);
    let reply = bench.exchange(asks);
    assert_eq!(reply.option(code::OVERLOAD), None);
    assert_eq!(reply.option(153).unwrap().len(), 30);
}

#[test]
fn what_a_server_must_not_send_is_in_none_of_its_answers() {
    let full = |mut asks: Message| {
        asks.options
            .push(code::PARAMETER_REQUEST_LIST, &[1, 3, 50, 55, 57]);
        asks.options.push(code::MAX_MESSAGE_SIZE, &[2, 64]);
        asks
    };
    let mut bench = Bench::new(config());
    let offer = bench.exchange(full(discover(1)));
    let ack = bench.exchange(full(select(1, SERVER, 50)));
    let nak = bench.exchange(full(select(1, SERVER, 60)));
    for answer in [&offer, &ack, &nak] {
        for code in [
            code::REQUESTED_ADDRESS,
            code::PARAMETER_REQUEST_LIST,
            code::MAX_MESSAGE_SIZE,
        ] {
            assert_eq!(answer.option(code), None, "{answer}");
        }
    }
    assert!(ack.option(code::LEASE_TIME).is_some());
    let codes: Vec<u8> = nak.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 54, 56]);
    assert_eq!((nak.sname, nak.file), ([0; 64], [0; 128]));
}

#[test]
fn what_fits_nowhere_is_left_out_and_a_long_option_goes_in_parts() {
    let mut config = config();
    config.scopes[0].options = vec![(43, vec![1; 250]), (125, vec![2; 400]), (150, vec![3; 9])];
    let mut bench = Bench::new(config);
    let mut asks = discover(1);
    let reply = bench.exchange(asks.clone());
    assert_eq!(reply.option(43).unwrap().len(), 250);
    assert_eq!(reply.option(125), None, "neither part without the other");
    assert_eq!(reply.option(150).unwrap().as_ref(), [3; 9]);
    let allows = 1_500_u16.to_be_bytes();
    asks.options.push(code::MAX_MESSAGE_SIZE, &allows);
    let reply = bench.exchange(asks);
    assert_eq!(reply.option(125).unwrap().as_ref(), [2; 400]);
}
