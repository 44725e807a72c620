//! `scripts/jackfield.lua` shows the trunk protocol in tshark as its codec reads it, and leaves other traffic alone.

use std::fs;
use std::path::Path;

use etherparse::PacketBuilder;
use jackfield::wire::trunk::{Decoder, Message, PORT};

use super::captures::tshark;
use super::support::{Folder, RUNS, has_program, skipped};

/// What tshark says of each frame: the payload, which decides what is expected, and what the script makes of it.
const FIELDS: [&str; 7] = [
    "tcp.payload",
    "_ws.col.Protocol",
    "jftrunk.type",
    "jftrunk.ceid",
    "jftrunk.dn",
    "jftrunk.count",
    "_ws.expert.message",
];

#[test]
fn tshark_shows_the_trunks_of_a_scenario_as_the_codec_reads_them() {
    let test = "tshark_shows_the_trunks_of_a_scenario_as_the_codec_reads_them";
    if !has_program("tshark") {
        return skipped(test, "no tshark");
    }
    let folder = Folder::new();
    let mut kinds = [0; 6];
    for name in ["trunks", "dns-moved"] {
        let (_, ran) = RUNS.iter().find(|(it, _)| it.name == name).unwrap();
        let path = folder.path("trunks.pcapng");
        fs::write(&path, &ran.capture).unwrap();
        for frame in shown(&path, &format!("tcp.port == {PORT} && tcp.len > 0")) {
            let payload = bytes_of(&frame[0]);
            let mut decoder = Decoder::default();
            decoder.push(&payload);
            let messages: Vec<Message> =
                std::iter::from_fn(|| decoder.message().unwrap()).collect();
            // The last is the capture's own comment on the frame, if it has one.
            assert_eq!(frame[1..6], row(&messages)[..5], "{name}: {payload:02x?}");
            messages.iter().for_each(|it| kinds[kind(it) - 1] += 1);
        }
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}

#[test]
fn tshark_joins_trunk_messages_and_takes_nothing_else_for_one() {
    let test = "tshark_joins_trunk_messages_and_takes_nothing_else_for_one";
    if !has_program("tshark") {
        return skipped(test, "no tshark");
    }
    let numbers = Message::Numbers {
        dns: vec!["6000".to_owned(), "*1#".to_owned()],
    };
    let end = Message::NumbersEnd { count: 2 };
    let (whole, hello) = (
        [numbers.encode(), end.encode()].concat(),
        b"JT\x01\x01\x00\x08\x011",
    );
    let none = ["TCP", "", "", "", "", ""];
    let web = ["HTTP", "", "", "", "", r"GET / HTTP/1.1\r\n"];
    let bad = |fields: [&str; 4], expert: &str| {
        let [kind, ceid, dn, count] = fields;
        ["jftrunk", kind, ceid, dn, count, expert].map(str::to_owned)
    };
    let cases: Vec<(u16, &[u8], [String; 6])> = vec![
        // In two segments, and in one byte's and the rest's.
        (PORT, &whole[..9], none.map(str::to_owned)),
        (PORT, &whole[9..], row(&[numbers.clone(), end.clone()])),
        (PORT, &hello[..1], none.map(str::to_owned)),
        (
            PORT,
            &hello[1..],
            row(&[Message::Hello {
                digits: "1".to_owned(),
            }]),
        ),
        (PORT, b"JT\x01\x63\x00\x07\x00", bad(["99", "", "", ""], "")),
        // Messages that are none.
        (
            PORT,
            b"JT\x02\x02\x00\x06",
            bad(["", "", "", ""], "does not begin with \"JT\" and version 1"),
        ),
        (
            PORT,
            b"JT\x01\x04\x00\x0c\x0460009",
            bad(
                ["4", "", "6000", ""],
                "a number has 1 to 7 characters, all in the message",
            ),
        ),
        (
            PORT,
            b"JT\x01\x01\x00\x08\x01*",
            bad(["1", "*", "", ""], "not a number: *"),
        ),
        (
            PORT,
            b"JT\x01\x05\x00\x07\x00",
            bad(["5", "", "", ""], "a count has 4 bytes"),
        ),
        (
            PORT,
            b"JT\x01\x02\x00\x05",
            bad(["2", "", "", ""], "a message has 6 to 1024 bytes"),
        ),
        // Other traffic on this port, and a message on another.
        (
            PORT,
            b"JF\x01\x08\x00\x0c\x00\x00\x00\x01",
            none.map(str::to_owned),
        ),
        (PORT, b"GET / HTTP/1.1\r\n\r\n", web.map(str::to_owned)),
        (PORT + 1, hello, none.map(str::to_owned)),
    ];
    all_show(&cases);
}

/// Segments to a port, and what tshark is to show of each.
fn all_show(cases: &[(u16, &[u8], [String; 6])]) {
    let folder = Folder::new();
    let path = folder.path("made.pcap");
    let segments = cases.iter().map(|(port, payload, _)| (*port, *payload));
    fs::write(&path, capture_of(segments)).unwrap();
    let found = shown(&path, "tcp");
    assert_eq!(found.len(), cases.len());
    for (frame, (port, payload, expected)) in found.iter().zip(cases) {
        assert_eq!(frame[1..], *expected, "{port}: {payload:02x?}");
    }
}

/// What tshark is to say of a frame that ends these messages.
fn row(messages: &[Message]) -> [String; 6] {
    let joined = |values: Vec<String>| values.join("|");
    let (mut ceids, mut dns, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for message in messages {
        match message {
            Message::Hello { digits } => ceids.push(digits.clone()),
            Message::Numbers { dns: some } => dns.extend(some.iter().cloned()),
            Message::NumbersEnd { count } | Message::Written { count } => {
                counts.push(count.to_string());
            }
            Message::KeepAlive | Message::KeepAliveAnswer | Message::Unknown { .. } => {}
        }
    }
    let kinds = messages.iter().map(|it| kind(it).to_string()).collect();
    let [kinds, ceids, dns, counts] = [kinds, ceids, dns, counts].map(joined);
    [
        "jftrunk".to_owned(),
        kinds,
        ceids,
        dns,
        counts,
        String::new(),
    ]
}

/// The type in docs/trunk-protocol.md.
fn kind(message: &Message) -> usize {
    match message {
        Message::Hello { .. } => 1,
        Message::KeepAlive => 2,
        Message::KeepAliveAnswer => 3,
        Message::Numbers { .. } => 4,
        Message::NumbersEnd { .. } => 5,
        Message::Written { .. } => 6,
        Message::Unknown { kind } => usize::from(*kind),
    }
}

/// The values of [`FIELDS`] of each frame that satisfies a filter.
fn shown(capture: &Path, filter: &str) -> Vec<Vec<String>> {
    let options = "-T fields -E occurrence=a -E aggregator=|".split(' ');
    let fields = FIELDS.iter().flat_map(|field| ["-e", field]);
    let arguments = options.chain(fields).chain(["-Y", filter]);
    let arguments: Vec<String> = arguments.map(str::to_owned).collect();
    let output = tshark(capture, &arguments);
    let values = |line: &str| line.split('\t').map(str::to_owned).collect();
    output.lines().map(values).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let pairs = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// A classic capture of segments that follow each other, those to each port on a connection of their own.
fn capture_of<'a>(segments: impl Iterator<Item = (u16, &'a [u8])>) -> Vec<u8> {
    /// Magic, version 2.4, no time zone, snap length, Ethernet.
    const HEADER: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0xffff, 1];
    let mut capture: Vec<u8> = HEADER.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut sent = 0;
    for (port, payload) in segments {
        let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4([10, 1, 0, 10], [10, 1, 0, 11], 64)
            .tcp(50_000, port, 1 + sent, 65_535)
            .ack(1);
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).unwrap();
        let length = u32::try_from(frame.len()).unwrap();
        for word in [0, sent, length, length] {
            capture.extend(word.to_le_bytes());
        }
        capture.extend(frame);
        sent += u32::try_from(payload.len()).unwrap();
    }
    capture
}
