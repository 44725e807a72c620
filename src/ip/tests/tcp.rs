//! TCP: connections from beginning to end, and all the ways in which they fail.

use super::{Lab, Probe, config, golden, host_address, secs};
use crate::app::{AppEffect, StreamId};
use crate::ip::ArpMode;
use crate::outbox::DropReason;
use crate::rng::Rng;
use crate::time::Duration;

/// A client at 10.1.0.50, an echo server at 10.1.0.10:6800, and a connection between them.
pub(super) fn connected() -> (Lab, usize, usize, StreamId) {
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

pub(super) fn say(lab: &mut Lab, host: usize, stream: StreamId, bytes: &[u8]) {
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
fn a_host_that_is_full_drops_a_syn_and_takes_the_next_when_there_is_room() {
    let (mut lab, client, server, first) = connected();
    lab.on_host(server, |host, _, _| host.tcp.connections_max = 1);
    lab.connect(client, "10.1.0.10:6800");
    assert_eq!(lab.seen(client), ["connected"]);
    let full = DropReason::ConnectionsFull.as_str();
    assert!(lab.lines(full).len() == 1, "{:#?}", lab.log);
    lab.effect(client, AppEffect::Close { stream: first });
    lab.run_for(secs(5));
    let ended = ["peer closed", "ended: connection closed", "connected"];
    assert_eq!(lab.seen(client)[1..], ended);
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
fn nothing_follows_an_abort_even_if_it_arrived_before() {
    let mut lab = Lab::default();
    let client = lab.linux(0, "10.1.0.50/24", "");
    let app = Probe {
        listens: vec![6800],
        aborts: true,
        ..Probe::default()
    };
    let server = lab.host(0, config(1, "10.1.0.10/24", ""), app);
    // Bytes and FIN arrive in one segment.
    lab.on_host(client, |host, now, out| {
        host.with_app(now, 0, out, |app, effects| {
            let stream = app.connect("10.1.0.10:6800".parse().unwrap(), effects);
            let bytes = b"bye".to_vec();
            effects.push(AppEffect::SendStream { stream, bytes });
            effects.push(AppEffect::Close { stream });
        });
    });
    lab.run_for(secs(1));
    assert_eq!(
        lab.seen(server),
        ["accepted 10.1.0.50 at 6800", "received bye"]
    );
    assert_eq!(lab.seen(client), ["connected", "ended: connection reset"]);
}

#[test]
fn odd_nanoseconds_make_no_connection_busy() {
    // The lab checks after each call that a station's next deadline lies later than now.
    let (mut lab, client, _, _) = connected();
    lab.run_for(Duration::from_nanos(1_234_999));
    lab.losing = Some((4, Rng::stream(1, "loss")));
    let stream = lab.connect(client, "10.1.0.10:6800");
    say(&mut lab, client, stream, &[7; 5000]);
    lab.run_for(Duration::from_nanos(60_000_000_999));
    assert!(lab.sent.len() < 200, "{}", lab.sent.len());
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

/// A client at 10.1.0.50, an echo server at 10.2.0.10, and a gateway between them: stations 0, 1, 2.
fn routed() -> Lab {
    let mut lab = Lab::default();
    lab.linux(1, "10.1.0.50/24", "10.1.0.1");
    echo_server(&mut lab, 2, "10.2.0.10/24", "10.2.0.1");
    let strict = ArpMode::Strict;
    lab.gateway(
        &[(1, "10.1.0.1/24", strict), (2, "10.2.0.1/24", strict)],
        &[],
    );
    lab
}

#[test]
fn a_gateway_that_finds_no_host_ends_the_attempt_but_not_a_connection() {
    let mut lab = routed();
    lab.connect(0, "10.2.0.99:6800");
    lab.run_for(secs(5));
    assert_eq!(lab.at(0).app(0).seen, ["3.000000 ended: host unreachable"]);
    lab.connect(0, "192.0.2.1:6800");
    assert_eq!(
        lab.seen(0).last(),
        Some(&"ended: host unreachable"),
        "no route at the gateway"
    );

    let stream = lab.connect(0, "10.2.0.10:6800");
    assert_eq!(lab.seen(0).last(), Some(&"connected"));
    lab.unplug(1, 0);
    // The gateway forgets the server with its carrier, and so asks at once.
    lab.unplug(2, 1);
    lab.plug(2, 1, 2);
    say(&mut lab, 0, stream, b"hello?");
    lab.run_for(secs(4));
    assert!(
        !lab.lines("2 > 10.1.0.1 > 10.1.0.50 unreachable (host")
            .is_empty()
    );
    assert_eq!(lab.seen(0).last(), Some(&"connected"), "a soft error");
    lab.plug(1, 0, 2);
    lab.run_for(secs(20));
    assert_eq!(lab.seen(0).last(), Some(&"received hello?"));
}

#[test]
fn bytes_cross_a_link_that_loses_every_tenth_frame() {
    for seed in 0..20 {
        let (mut lab, client, server, stream) = connected();
        lab.losing = Some((10, Rng::stream(seed, "loss")));
        say(&mut lab, client, stream, &[7; 10_000]);
        lab.effect(client, AppEffect::Close { stream });
        lab.run_for(secs(600));
        for host in [client, server] {
            assert_eq!(
                lab.seen(host).last(),
                Some(&"ended: connection closed"),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn a_fin_that_comes_again_after_the_end_is_acknowledged() {
    let (mut lab, client, server, stream) = connected();
    lab.effect(client, AppEffect::Close { stream });
    assert_eq!(lab.seen(server).last(), Some(&"ended: connection closed"));
    let mut frames = lab.sent.iter().map(|(_, frame)| frame);
    let fin = frames.rfind(|frame| frame[..6] == super::mac(0).0 && frame[47] & 1 == 1);
    let fin = fin.unwrap().clone();
    lab.unplug(server, 0);
    lab.run_for(secs(5));
    lab.sent.clear();
    lab.inject(0, &fin);
    assert_eq!(lab.sent.len(), 1);
    assert_eq!(lab.sent[0].1[47], 0x10, "ACK, not RST");
    lab.run_for(secs(10));
    lab.sent.clear();
    lab.inject(0, &fin);
    assert_eq!(
        lab.sent[0].1[47], 0x04,
        "ten seconds later nobody remembers"
    );
}

#[test]
fn resets_follow_rfc_9293() {
    let (mut lab, client, _, _) = connected();
    let syn = lab
        .sent
        .iter()
        .map(|(_, frame)| frame)
        .find(|frame| frame[23] == 6);
    let syn = syn.unwrap().to_vec();
    let segment = |port: u8, flags: u8| {
        let tcp = crate::wire::tcp::Segment {
            src_port: 4000,
            dst_port: 6700 + u16::from(port),
            seq: 1000,
            ack: 2000,
            flags,
            window: 100,
            options: &[],
            payload: b"abc",
        };
        let mut packet = Vec::new();
        let (src, dst) = ("10.1.0.50".parse().unwrap(), "10.1.0.10".parse().unwrap());
        let header = crate::wire::ipv4::decode(&syn[14..]).unwrap().0;
        header.encode(23, &mut packet);
        tcp.encode(src, dst, &mut packet);
        crate::wire::Frame::from([&syn[..14], &packet].concat())
    };
    let mut answer = |frame: &crate::wire::Frame| {
        lab.sent.clear();
        let server = frame.clone();
        lab.on_host(1, |host, now, out| {
            use crate::sim::{Node, PortId};
            host.handle_frame(now, PortId(0), &server, out);
        });
        let sent = lab.sent.first().map(|(_, frame)| frame[38..48].to_vec());
        sent.map(|tcp| {
            let number = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().unwrap());
            (number(0), number(4), tcp[9])
        })
    };
    assert_eq!(
        answer(&segment(0, 0x10)),
        Some((2000, 0, 0x04)),
        "ACK: <SEQ=SEG.ACK><RST>"
    );
    assert_eq!(
        answer(&segment(0, 0x02)),
        Some((0, 1004, 0x14)),
        "SYN: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><RST,ACK>"
    );
    assert_eq!(answer(&segment(0, 0x04)), None, "RST is not answered");
    assert_eq!(
        answer(&segment(100, 0x10)),
        Some((2000, 0, 0x04)),
        "an ACK opens nothing"
    );
    assert_eq!(lab.seen(client), ["connected"]);
}

#[test]
fn half_open_connections_are_forgotten() {
    let (mut lab, _, server, _) = connected();
    lab.unplug(0, 0);
    let syn = lab
        .sent
        .iter()
        .map(|(_, frame)| frame)
        .find(|frame| frame[23] == 6);
    let (header, payload) = crate::wire::ipv4::decode(&syn.unwrap()[14..]).unwrap();
    let mut tcp = crate::wire::tcp::decode(payload, header.src, header.dst).unwrap();
    tcp.src_port = 4000;
    let mut bytes = syn.unwrap()[..14].to_vec();
    header.encode(payload.len(), &mut bytes);
    tcp.encode(header.src, header.dst, &mut bytes);
    let frame = crate::wire::Frame::from(bytes);
    lab.sent.clear();
    lab.inject(0, &frame);
    lab.run_for(secs(60));
    let answers = lab
        .sent
        .iter()
        .filter(|(_, frame)| frame[23] == 6 && frame[47] == 0x12);
    assert_eq!(answers.count(), 4, "at 0, 1, 3 and 7 s");
    assert_eq!(
        lab.seen(server),
        ["accepted 10.1.0.50 at 6800"],
        "the first one, and no other"
    );
}

#[test]
fn closing_before_the_answer_gives_the_attempt_up() {
    let mut lab = Lab::default();
    let client = lab.linux(0, "10.1.0.50/24", "");
    let stream = lab.connect(client, "10.1.0.99:6800");
    lab.effect(client, AppEffect::Close { stream });
    assert_eq!(lab.seen(client), ["ended: connection closed"]);
    lab.run_for(secs(30));
    assert!(lab.lines("[R").is_empty(), "{:#?}", lab.log);
    assert_eq!(lab.seen(client).len(), 1);
}
