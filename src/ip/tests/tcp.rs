//! TCP: connections from beginning to end, and all the ways in which they fail.

use super::{Lab, Probe, config, golden, host_address, secs};
use crate::app::{AppEffect, StreamId};
use crate::time::Duration;

/// A client at 10.1.0.50, an echo server at 10.1.0.10:6800, and a connection between them.
fn connected() -> (Lab, usize, usize, StreamId) {
    let mut lab = Lab::default();
    let client = lab.linux(0, "10.1.0.50/24", "");
    let server = echo_server(&mut lab, 0, "10.1.0.10/24", "");
    let stream = lab.connect(client, "10.1.0.10:6800");
    (lab, client, server, stream)
}

fn echo_server(lab: &mut Lab, segment: usize, address: &str, gateway: &str) -> usize {
    let app = Probe {
        listens: vec![6800],
        echoes: true,
        ..Probe::default()
    };
    let config = config(lab.stations.len(), address, gateway);
    lab.host(segment, config, app)
}

fn say(lab: &mut Lab, host: usize, stream: StreamId, bytes: &[u8]) {
    let bytes = bytes.to_vec();
    lab.effect(host, AppEffect::SendStream { stream, bytes });
}

#[test]
fn a_connection_opens_carries_bytes_and_closes() {
    let (mut lab, client, server, stream) = connected();
    assert_eq!(lab.seen(client), ["connected"]);
    assert_eq!(lab.seen(server), ["accepted 10.1.0.50 at 6800"]);
    say(&mut lab, client, stream, b"hello");
    lab.effect(client, AppEffect::Close { stream });
    lab.run_for(secs(1));
    assert_eq!(
        lab.seen(client),
        [
            "connected",
            "received hello",
            "peer closed",
            "ended: connection closed"
        ]
    );
    assert_eq!(
        lab.seen(server),
        [
            "accepted 10.1.0.50 at 6800",
            "received hello",
            "peer closed",
            "ended: connection closed"
        ]
    );
    lab.run_for(secs(60));
    assert!(lab.lines("drops").is_empty(), "{:#?}", lab.log);
    golden(
        "tcp_connection.txt",
        "A connection over an idle hub: opens, carries five bytes to and fro, and is closed by station 0.",
        &lab.lines("6800"),
    );
}

#[test]
fn more_than_the_buffers_hold_arrives_whole() {
    let (mut lab, client, server, stream) = connected();
    say(&mut lab, client, stream, &[7; 20_000]);
    lab.effect(client, AppEffect::Close { stream });
    lab.run_for(secs(5));
    for host in [client, server] {
        let bytes: usize = lab
            .seen(host)
            .iter()
            .filter_map(|line| line.strip_prefix("received "))
            .map(|rest| {
                rest.strip_suffix(" bytes")
                    .unwrap()
                    .parse::<usize>()
                    .unwrap()
            })
            .sum();
        assert_eq!(bytes, 20_000);
        assert_eq!(lab.seen(host).last(), Some(&"ended: connection closed"));
    }
}

#[test]
fn each_send_is_a_segment_of_its_own() {
    let (mut lab, client, _, stream) = connected();
    let bytes = |text: &[u8]| text.to_vec();
    lab.on_host(client, |host, now, out| {
        host.with_app(now, 0, out, |_, effects| {
            for text in [b"one", b"two", b"six"] {
                let bytes = bytes(text);
                effects.push(AppEffect::SendStream { stream, bytes });
            }
        });
    });
    let pushed = lab.lines(" > 6800: Flags [P.]");
    assert_eq!(pushed.len(), 3, "{pushed:#?}");
}

#[test]
fn a_closed_port_refuses() {
    let mut lab = Lab::default();
    let client = lab.linux(0, "10.1.0.50/24", "");
    lab.linux(0, "10.1.0.10/24", "");
    lab.connect(client, "10.1.0.10:6800");
    assert_eq!(
        lab.at(client).app(0).seen,
        ["0.000000 ended: connection reset"]
    );
}

#[test]
fn a_connection_to_an_absent_host_ends_after_three_seconds() {
    let mut lab = Lab::default();
    let client = lab.linux(0, "10.1.0.50/24", "");
    lab.connect(client, "10.1.0.99:6800");
    lab.run_for(secs(10));
    assert_eq!(
        lab.at(client).app(0).seen,
        ["3.000000 ended: host unreachable"]
    );
    assert_eq!(
        lab.times("> arp").len() + lab.times("who-has").len(),
        3,
        "{:#?}",
        lab.log
    );
}

#[test]
fn without_a_route_the_network_is_unreachable_at_once() {
    let mut lab = Lab::default();
    let client = lab.linux(0, "10.1.0.50/24", "");
    let nobody = lab.host(0, config(1, "", ""), Probe::default());
    lab.connect(client, "10.9.0.10:6800");
    lab.connect(nobody, "10.9.0.10:6800");
    for host in [client, nobody] {
        assert_eq!(
            lab.at(host).app(0).seen,
            ["0.000000 ended: network unreachable"]
        );
    }
}

#[test]
fn an_app_that_connects_again_at_once_does_not_stop_time() {
    let mut lab = Lab::default();
    let client = lab.linux(0, "10.1.0.50/24", "");
    let to = "10.9.0.10:6800".parse().unwrap();
    lab.on_host(client, |host, now, out| {
        host.with_app(now, 0, out, |app, effects| {
            app.stubborn = Some(to);
            app.connect(to, effects);
        });
    });
    lab.run_for(Duration::from_millis(2));
    let seen = lab.seen(client).len();
    assert!((10_000..20_000).contains(&seen), "{seen}");
}

#[test]
fn a_silent_peer_times_the_attempt_out() {
    let mut lab = Lab::default();
    let client = lab.linux(0, "10.1.0.50/24", "");
    let server = lab.linux(0, "10.1.0.10/24", "");
    lab.send(client, "10.1.0.10:9", "so that ARP is done");
    lab.on_host(server, |host, now, out| host.power(now, false, out));
    lab.connect(client, "10.1.0.10:6800");
    lab.run_for(secs(60));
    assert_eq!(lab.at(client).app(0).seen, ["10.000000 ended: no answer"]);
    assert_eq!(
        lab.times(&format!("{client} > 10.1.0.50 > 10.1.0.10 ")),
        [0.0, 0.0, 1.0, 3.0, 7.0]
    );
    assert!(lab.lines("[R").is_empty(), "{:#?}", lab.log);
}

#[test]
fn sent_bytes_that_nobody_acknowledges_time_the_connection_out() {
    let (mut lab, client, server, stream) = connected();
    lab.run_for(secs(100));
    assert_eq!(lab.seen(client), ["connected"], "an idle connection stays");
    lab.on_host(server, |host, now, out| host.power(now, false, out));
    say(&mut lab, client, stream, b"anybody there?");
    lab.run_for(secs(100));
    assert_eq!(
        lab.at(client).app(0).seen.last().unwrap(),
        "120.000000 ended: no answer"
    );
}

#[test]
fn a_peer_that_lost_its_memory_resets() {
    let (mut lab, client, server, stream) = connected();
    lab.on_host(server, |host, now, out| {
        host.power(now, false, out);
        host.power(now, true, out);
    });
    say(&mut lab, client, stream, b"hello again");
    lab.run_for(secs(1));
    assert_eq!(lab.seen(client), ["connected", "ended: connection reset"]);
}

#[test]
fn abort_resets_the_peer_and_says_nothing_here() {
    let (mut lab, client, server, stream) = connected();
    lab.effect(client, AppEffect::Abort { stream });
    assert_eq!(lab.seen(client), ["connected"]);
    assert_eq!(
        lab.seen(server),
        ["accepted 10.1.0.50 at 6800", "ended: connection reset"]
    );
}

#[test]
fn another_address_ends_the_connections() {
    let (mut lab, client, _, _) = connected();
    let renewed = host_address("10.1.0.50/24", "10.1.0.1");
    lab.effect(client, AppEffect::Configure(Some(renewed)));
    assert_eq!(lab.seen(client), ["connected"]);
    lab.effect(client, AppEffect::Configure(None));
    assert_eq!(
        lab.seen(client),
        ["connected", "ended: network unreachable"]
    );
}

#[test]
fn a_host_connects_to_itself() {
    let mut lab = Lab::default();
    let server = echo_server(&mut lab, 0, "10.1.0.10/24", "");
    lab.connect(server, "10.1.0.10:6800");
    assert_eq!(
        lab.seen(server),
        ["connected", "accepted 10.1.0.10 at 6800"]
    );
    assert!(lab.sent.is_empty());
}
