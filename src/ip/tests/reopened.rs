//! A SYN for a connection that is up.

use super::secs;
use super::tcp::{connected, say};
use crate::wire::{ipv4, tcp};

#[test]
fn a_peer_that_lost_its_memory_connects_again_from_the_same_port() {
    let (mut lab, client, server, stream) = connected();
    say(&mut lab, client, stream, b"hello");
    lab.run_for(secs(1));
    lab.on_host(client, |host, now, out| {
        host.power(now, false, out);
        host.power(now, true, out);
        // From the same port, as an equal set would.
        host.tcp.last_port -= 1;
    });
    lab.run_for(secs(50));
    lab.sent.clear();
    lab.connect(client, "10.1.0.10:6800");
    lab.run_for(secs(2));
    let accepted = "accepted 10.1.0.50 at 6800";
    let reset = "ended: connection reset";
    assert_eq!(
        lab.seen(client),
        ["connected", "received hello", "Stop", "connected"]
    );
    assert_eq!(
        lab.seen(server),
        [accepted, "received hello", reset, accepted]
    );
    let tcp = lab.sent.iter().filter(|(_, frame)| frame[23] == 6);
    let flags: Vec<u8> = tcp.map(|(_, frame)| frame[47]).collect();
    assert_eq!(
        flags,
        [0x02, 0x10, 0x04, 0x02, 0x12, 0x10],
        "SYN, challenge ACK, RST; a second later SYN, SYN and ACK, ACK"
    );
}

/// A network that delivers the first SYN twice.
#[test]
fn a_syn_that_comes_again_leaves_the_connection_as_it_is() {
    let (mut lab, client, server, stream) = connected();
    say(&mut lab, client, stream, b"one");
    let mut frames = lab.sent.iter().map(|(_, frame)| frame);
    let syn = frames.find(|frame| frame[23] == 6).unwrap().clone();
    lab.sent.clear();
    lab.inject(0, &syn);
    let (_, challenge) = &lab.sent[0];
    let (ip, payload) = ipv4::decode(&challenge[14..]).unwrap();
    let challenge = tcp::decode(payload, ip.src, ip.dst).unwrap();
    let (_, again) = ipv4::decode(&syn[14..]).unwrap();
    let first = u32::from_be_bytes(again[4..8].try_into().unwrap());
    assert_eq!((challenge.flags, challenge.window), (0x10, 1024));
    assert_eq!(challenge.ack, first.wrapping_add(1 + 3));
    assert_eq!(lab.sent.len(), 1, "nobody answers it");
    say(&mut lab, client, stream, b"two");
    assert_eq!(
        lab.seen(client),
        ["connected", "received one", "received two"]
    );
    assert_eq!(lab.seen(server)[1..], ["received one", "received two"]);
}
