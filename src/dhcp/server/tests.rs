//! Tests of the DHCP server.
//!
//! The test language: `bench.at(secs).send(message)` hands a message to the server and gives what came of it, a
//! line each: what was decided, and each reply with where it went.

mod bench;
mod options;

use bench::*;

use super::*;
use crate::wire::dhcp::{BOOTREPLY, BROADCAST_FLAG};

const SILENCE: [&str; 0] = [];

#[test]
fn an_offer_holds_everything_in_order_when_nothing_is_asked_for() {
    let reply = Bench::new(config()).exchange(discover(1));
    let codes: Vec<u8> = reply.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 54, 51, 58, 59, 1, 3, 6, 125, 15]);
    assert_eq!(reply.op, BOOTREPLY);
    assert_eq!(reply.yiaddr, host(50));
    assert_eq!(
        reply.duration(code::LEASE_TIME),
        Ok(Duration::from_secs(100))
    );
    assert_eq!(reply.prefix_len(), Ok(24));
}

#[test]
fn a_request_list_leaves_out_what_it_does_not_name_but_for_the_forced_options() {
    let mut asks = discover(1);
    asks.options.push(code::PARAMETER_REQUEST_LIST, &[6, 1]);
    let reply = Bench::new(config()).exchange(asks);
    let codes: Vec<u8> = reply.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 54, 51, 58, 59, 1, 6, 125]);
}

#[test]
fn client_identifier_and_relay_information_come_back_the_latter_last() {
    let mut asks = discover(1);
    asks.giaddr = host(1);
    asks.options.push(82, b"\x01\x02p1");
    asks.options.push(61, b"\x01abcdef");
    let reply = Bench::new(config()).exchange(asks);
    let echoed: Vec<_> = reply.options.iter().skip(10).collect();
    assert_eq!(echoed, [(61, &b"\x01abcdef"[..]), (82, &b"\x01\x02p1"[..])]);
}

#[test]
fn replies_go_to_relay_address_broadcast_or_hardware_as_rfc_2131_says() {
    let mut bench = Bench::new(config());
    let mut asks = discover(1);
    assert_eq!(
        bench.send(asks.clone()),
        [
            "offered 10.1.0.50",
            "Offer to 10.1.0.50:68 at 08:00:0f:00:00:01"
        ]
    );
    asks.flags = BROADCAST_FLAG;
    assert_eq!(
        bench.send(asks.clone()),
        ["offered 10.1.0.50", "Offer to 255.255.255.255:68"]
    );
    asks.giaddr = host(1);
    assert_eq!(
        bench.send(asks),
        ["offered 10.1.0.50", "Offer to 10.1.0.1:67"]
    );
    bench.bind(1);
    assert_eq!(
        bench.send(renew(1, 50)),
        ["granted 10.1.0.50", "ACK to 10.1.0.50:68"]
    );
}

#[test]
fn a_refusal_is_broadcast_also_behind_a_relay() {
    let mut bench = Bench::new(config());
    let mut asks = init_reboot(1, Ipv4Addr::new(10, 7, 0, 1));
    let refused = "refused 10.7.0.1: address is of another subnet";
    assert_eq!(
        bench.send(asks.clone()),
        [refused, "NAK to 255.255.255.255:68"]
    );
    asks.giaddr = host(1);
    assert_eq!(bench.send(asks.clone()), [refused, "NAK to 10.1.0.1:67"]);
    let reply = bench.exchange(asks);
    assert!(reply.wants_broadcast());
    assert_eq!(
        reply.option(code::MESSAGE).unwrap().as_ref(),
        b"address is of another subnet"
    );
}

#[test]
fn selecting_takes_the_offer_and_nothing_else() {
    let mut bench = Bench::new(not_authoritative());
    let not_offered = [
        "refused 10.1.0.50: address was not offered",
        "NAK to 255.255.255.255:68",
    ];
    assert_eq!(bench.send(select(1, SERVER, 50)), not_offered);
    bench.send(discover(1));
    assert_eq!(
        bench.send(select(1, SERVER, 51)),
        [
            "refused 10.1.0.51: address was not offered",
            "NAK to 255.255.255.255:68"
        ]
    );
    assert_eq!(
        bench.send(select(1, SERVER, 50)),
        [
            "granted 10.1.0.50",
            "ACK to 10.1.0.50:68 at 08:00:0f:00:00:01"
        ]
    );
}

#[test]
fn an_offer_that_is_not_taken_is_free_again_at_once_or_after_a_minute() {
    let mut bench = Bench::new(ServerConfig {
        scopes: vec![pool(50, 50)],
        ..config()
    });
    bench.send(discover(1));
    assert_eq!(bench.send(discover(2)), ["exhausted"]);
    let other = Ipv4Addr::new(10, 1, 0, 3);
    assert_eq!(
        bench.send(select(1, other, 50)),
        ["ignored: the client chose another server"]
    );
    assert_eq!(bench.send(discover(2))[0], "offered 10.1.0.50");
    bench.at(59);
    assert_eq!(bench.send(discover(1)), ["exhausted"]);
    bench.at(60);
    assert_eq!(bench.send(discover(1))[0], "offered 10.1.0.50");
}

#[test]
fn an_offer_taken_late_is_granted_if_nobody_has_the_address() {
    let mut bench = Bench::new(ServerConfig {
        scopes: vec![pool(50, 50)],
        ..config()
    });
    bench.send(discover(1));
    bench.at(61).timeout();
    assert_eq!(bench.send(select(1, SERVER, 50))[0], "granted 10.1.0.50");
    bench.at(161).timeout();
    bench.bind(2);
    assert_eq!(
        bench.send(select(1, SERVER, 50))[0],
        "refused 10.1.0.50: address was not offered"
    );
}

#[test]
fn init_reboot_is_answered_for_what_is_known() {
    let mut bench = Bench::new(not_authoritative());
    let silence = |why| [format!("ignored: not authoritative, and {why}")];
    assert_eq!(
        bench.send(init_reboot(1, host(50))),
        silence("no record of this client")
    );
    bench.bind(1);
    assert_eq!(bench.send(init_reboot(1, host(50)))[0], "granted 10.1.0.50");
    assert_eq!(
        bench.send(init_reboot(1, host(51))),
        silence("client has another address")
    );
    assert_eq!(
        bench.send(init_reboot(1, Ipv4Addr::new(10, 7, 0, 1))),
        silence("address is of another subnet")
    );
}

#[test]
fn an_authoritative_server_refuses_what_is_not_so_and_takes_over_what_it_has_no_record_of() {
    let mut bench = Bench::new(config());
    bench.bind(1);
    let refused = |address, reason| {
        [
            format!("refused {address}: {reason}"),
            "NAK to 255.255.255.255:68".to_owned(),
        ]
    };
    assert_eq!(
        bench.send(init_reboot(1, host(51))),
        refused("10.1.0.51", "client has another address")
    );
    let taken = "address is not for this client";
    assert_eq!(bench.send(renew(2, 50)), refused("10.1.0.50", taken));
    assert_eq!(
        bench.send(init_reboot(2, host(9))),
        refused("10.1.0.9", taken)
    );
    assert_eq!(bench.send(renew(3, 77))[0], "granted 10.1.0.77");
}

#[test]
fn a_request_without_an_address_is_ignored() {
    let mut bench = Bench::new(config());
    let ask = message(1, MessageType::Request);
    assert_eq!(
        bench.send(ask),
        ["ignored: requests, and does not say which address"]
    );
}

#[test]
fn the_client_identifier_says_who_a_client_is() {
    let mut bench = Bench::new(config());
    let with = |n, id: &[u8]| {
        let mut asks = discover(n);
        asks.options.push(code::CLIENT_IDENTIFIER, id);
        asks
    };
    assert_eq!(bench.send(with(1, b"\0a"))[0], "offered 10.1.0.50");
    assert_eq!(bench.send(with(1, b"\0b"))[0], "offered 10.1.0.51");
    assert_eq!(bench.send(with(2, b"\0a"))[0], "offered 10.1.0.50");
    // Hardware type and address as identifier: the same client as without one.
    assert_eq!(bench.send(discover(9))[0], "offered 10.1.0.52");
    assert_eq!(
        bench.send(with(9, &[1, 8, 0, 0x0f, 0, 0, 9]))[0],
        "offered 10.1.0.52"
    );
}

#[test]
fn a_lease_ends_on_its_second_and_its_address_goes_to_its_client_first() {
    let mut bench = Bench::new(ServerConfig {
        scopes: vec![pool(50, 52)],
        ..config()
    });
    bench.bind(1);
    bench.at(10).bind(2);
    assert_eq!(
        bench.server.poll_timeout(),
        Some((secs(100), "lease expiry"))
    );
    assert_eq!(bench.at(99).timeout(), SILENCE);
    assert_eq!(bench.at(100).timeout(), ["expired 10.1.0.50"]);
    assert_eq!(bench.send(discover(3))[0], "offered 10.1.0.52");
    assert_eq!(bench.send(discover(1))[0], "offered 10.1.0.50");
}

#[test]
fn when_all_addresses_had_a_client_the_one_longest_out_of_use_is_given() {
    let mut bench = Bench::new(ServerConfig {
        scopes: vec![pool(50, 52)],
        ..config()
    });
    for n in 1..=3 {
        bench.at(n).bind(n);
    }
    let release = |n: u64, last: u8| {
        let mut message = message(n, MessageType::Release);
        message.ciaddr = host(last);
        message
    };
    assert_eq!(bench.at(5).send(release(2, 51)), ["released 10.1.0.51"]);
    assert_eq!(bench.at(6).send(release(1, 50)), ["released 10.1.0.50"]);
    assert_eq!(
        bench.send(release(1, 52)),
        ["ignored: releases an address that it does not hold"]
    );
    assert_eq!(bench.send(discover(7))[0], "offered 10.1.0.51");
    assert_eq!(bench.send(discover(8))[0], "offered 10.1.0.50");
    assert_eq!(bench.send(discover(2)), ["exhausted"]);
}

#[test]
fn a_wanted_address_is_given_if_free() {
    let mut bench = Bench::new(config());
    let mut asks = discover(1);
    asks.options
        .push(code::REQUESTED_ADDRESS, &host(60).octets());
    assert_eq!(bench.send(asks)[0], "offered 10.1.0.60");
    let mut asks = discover(2);
    asks.options
        .push(code::REQUESTED_ADDRESS, &host(60).octets());
    assert_eq!(bench.send(asks)[0], "offered 10.1.0.50");
}

#[test]
fn a_declined_address_is_set_aside_for_a_day() {
    let mut bench = Bench::new(ServerConfig {
        scopes: vec![pool(50, 50)],
        ..config()
    });
    bench.bind(1);
    let mut decline = message(1, MessageType::Decline);
    decline
        .options
        .push(code::REQUESTED_ADDRESS, &host(50).octets());
    decline
        .options
        .push(code::SERVER_IDENTIFIER, &SERVER.octets());
    assert_eq!(bench.send(decline), ["declined 10.1.0.50"]);
    assert_eq!(bench.send(discover(1)), ["exhausted"]);
    assert_eq!(bench.at(86_400).send(discover(1))[0], "offered 10.1.0.50");
}

#[test]
fn a_reserved_address_is_its_clients_alone() {
    let mut scope = pool(50, 51);
    scope.reservations = BTreeMap::from([(mac(1), host(50)), (mac(2), host(9))]);
    let mut bench = Bench::new(ServerConfig {
        scopes: vec![scope],
        ..config()
    });
    assert_eq!(bench.send(discover(3))[0], "offered 10.1.0.51");
    assert_eq!(bench.send(discover(4)), ["exhausted"]);
    assert_eq!(bench.send(discover(1))[0], "offered 10.1.0.50");
    assert_eq!(bench.send(discover(2))[0], "offered 10.1.0.9");
    assert_eq!(bench.send(select(2, SERVER, 9))[0], "granted 10.1.0.9");
    assert_eq!(
        bench.send(init_reboot(1, host(52)))[0],
        "refused 10.1.0.52: client has another address"
    );
}

#[test]
fn inform_gets_settings_without_a_lease() {
    let mut bench = Bench::new(config());
    let mut asks = message(1, MessageType::Inform);
    asks.ciaddr = host(200);
    let reply = bench.exchange(asks.clone());
    assert_eq!(reply.message_type(), Ok(MessageType::Ack));
    assert!(reply.yiaddr.is_unspecified());
    assert_eq!(reply.option(code::LEASE_TIME), None);
    assert_eq!(reply.prefix_len(), Ok(24));
    assert_eq!(bench.send(asks), ["ACK to 10.1.0.200:68"]);
}

#[test]
fn the_scope_is_the_relays_else_the_clients_if_it_writes_to_the_server_else_the_servers() {
    let mut far = pool(50, 99);
    far.prefix.0 = Ipv4Addr::new(10, 2, 0, 0);
    far.pool = (Ipv4Addr::new(10, 2, 0, 50), Ipv4Addr::new(10, 2, 0, 99));
    let mut bench = Bench::new(ServerConfig {
        scopes: vec![far, pool(50, 99)],
        ..config()
    });
    let mut asks = discover(1);
    asks.giaddr = Ipv4Addr::new(10, 2, 0, 1);
    assert_eq!(bench.send(asks.clone())[0], "offered 10.2.0.50");
    asks.giaddr = Ipv4Addr::new(10, 3, 0, 1);
    assert_eq!(
        bench.send(asks),
        ["ignored: no scope for the client's subnet"]
    );
    assert_eq!(bench.send(discover(1))[0], "offered 10.1.0.50");
    let mut extend = message(1, MessageType::Request);
    extend.ciaddr = Ipv4Addr::new(10, 2, 0, 50);
    assert_eq!(
        bench.send(extend.clone())[0],
        "refused 10.2.0.50: address is of another subnet",
        "broadcast on the server's link"
    );
    assert_eq!(
        bench.send_to(SERVER, extend)[0],
        "granted 10.2.0.50",
        "renewal through a gateway"
    );
}

#[test]
fn cl_10_each_subnet_of_a_domain_has_its_own_pool_options_and_authority() {
    let mut far = pool(50, 50);
    far.prefix.0 = Ipv4Addr::new(10, 2, 0, 0);
    far.pool = (Ipv4Addr::new(10, 2, 0, 50), Ipv4Addr::new(10, 2, 0, 50));
    far.router = Some(Ipv4Addr::new(10, 2, 0, 1));
    far.authoritative = false;
    // The server stands in neither of its subnets.
    let mut bench = Bench::new(ServerConfig {
        address: Ipv4Addr::new(10, 9, 0, 5),
        scopes: vec![pool(50, 50), far],
    });
    let relayed = |mut message: Message, net: u8| {
        message.giaddr = Ipv4Addr::new(10, net, 0, 1);
        message
    };
    let from = |n: u64, net: u8| relayed(discover(n), net);
    for (n, net) in [(1, 1), (2, 2)] {
        let offer = bench.exchange(from(n, net));
        assert_eq!(offer.yiaddr, Ipv4Addr::new(10, net, 0, 50));
        assert_eq!(
            offer.addresses(code::ROUTER),
            Ok(vec![Ipv4Addr::new(10, net, 0, 1)])
        );
        assert_eq!(
            bench.send(from(n, net))[1],
            format!("Offer to 10.{net}.0.1:67")
        );
    }
    assert_eq!(bench.send(from(3, 2)), ["exhausted"]);
    assert_eq!(
        bench.send(discover(4)),
        ["ignored: no scope for the client's subnet"],
        "a broadcast on the server's own link"
    );
    let reboot = |net: u8| relayed(init_reboot(5, Ipv4Addr::new(10, 7, 0, 1)), net);
    assert_eq!(
        bench.send(reboot(1)),
        [
            "refused 10.7.0.1: address is of another subnet",
            "NAK to 10.1.0.1:67"
        ]
    );
    assert_eq!(
        bench.send(reboot(2)),
        ["ignored: not authoritative, and address is of another subnet"]
    );
}

#[test]
fn what_is_no_sound_request_is_ignored_and_told() {
    let mut bench = Bench::new(config());
    let mut reply = discover(1);
    reply.op = BOOTREPLY;
    assert_eq!(bench.send(reply), ["ignored: not a request of a client"]);
    let bootp = Message::new(BOOTREQUEST, mac(1), 1);
    assert_eq!(
        bench.send(bootp),
        ["ignored: no message type: BOOTP is not served"]
    );
    assert_eq!(
        bench.send(message(1, MessageType::Ack)),
        ["ignored: not a message for servers"]
    );
    let whole = discover(1).encode();
    for length in 0..=243 {
        let lines = bench.send_bytes(Ipv4Addr::BROADCAST, &whole[..length]);
        assert!(lines[0].starts_with("ignored: "), "{lines:?}");
    }
}

#[test]
fn a_hundred_thousand_clients_get_an_address_each() {
    let mut scope = pool(50, 99);
    scope.prefix = (Ipv4Addr::new(10, 64, 0, 0), 14);
    scope.pool = (
        Ipv4Addr::new(10, 64, 0, 10),
        Ipv4Addr::new(10, 67, 255, 254),
    );
    let address = Ipv4Addr::new(10, 64, 0, 2);
    let mut bench = Bench::new(ServerConfig {
        address,
        scopes: vec![scope],
    });
    let clients = 100_000;
    for n in 0..clients {
        let offer = bench.exchange(discover(n));
        let mut request = message(n, MessageType::Request);
        request
            .options
            .push(code::SERVER_IDENTIFIER, &address.octets());
        request
            .options
            .push(code::REQUESTED_ADDRESS, &offer.yiaddr.octets());
        let ack = bench.exchange(request);
        assert_eq!(ack.message_type(), Ok(MessageType::Ack));
    }
    let (_, leases) = bench.server.scopes().next().unwrap();
    assert_eq!(leases.iter().count() as u64, clients);
    assert_eq!(bench.at(100).timeout().len() as u64, clients);
}
