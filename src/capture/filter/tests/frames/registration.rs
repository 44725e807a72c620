//! Connections of the registration protocol.

use super::{A, PHONE, ROUTER, S, ethernet, ipv4, tcp};

/// Whole messages, cut ones, lost and repeated segments, and what is no message.
pub(super) fn streams() -> Vec<Vec<u8>> {
    [whole_and_cut(), repeated_and_lost(), bad()].concat()
}

fn whole_and_cut() -> Vec<Vec<u8>> {
    let register = register();
    let two = [registered(), jfreg(8, 0, &[])].concat();
    let heartbeat = jfreg(9, 2, &[]);
    let answer = jfreg(10, 2, &[]);
    let redirect = jfreg(6, 1, &[&[5, 4, 10, 9, 0, 11, 7, 4], b"6001"]);
    let redirect_name = jfreg(6, 1, &[b"\x06\x0bmivb.exam.pl\x07\x046001"]);
    let no_pin = jfreg(2, 1, &[&[8, 2, 0, 1]]);
    let reset = jfreg(11, 0, &[&[11, 1, 1, 8, 2, 0, 16]]);
    let foreign = jfreg(77, 3, &[&[1, 6, 8, 0, 15, 0, 0, 1, 200, 1, 0]]);
    let null_pin = jfreg(1, 1, &[&[1, 6, 8, 0, 15, 0, 0, 1, 2, 0, 12, 1, 2]]);

    let mut frames = Vec::new();
    let mut stream = Conversation::new(50_000);
    stream.open(&mut frames);
    stream.up(&mut frames, &register);
    stream.down(&mut frames, &two);
    stream.up(&mut frames, &heartbeat);
    stream.down(&mut frames, &answer);
    stream.down(&mut frames, &redirect);
    stream.down(&mut frames, &redirect_name);
    stream.down(&mut frames, &no_pin);
    stream.up(&mut frames, &foreign);
    stream.down(&mut frames, &reset);
    for at in [1, 5, 11, 12, 13, register.len() - 1] {
        stream.up(&mut frames, &register[..at]);
        stream.up(&mut frames, &register[at..]);
    }
    stream.down(&mut frames, &two[..10]);
    stream.down(&mut frames, &two[10..30]);
    stream.down(&mut frames, &two[30..]);
    stream.up(&mut frames, &null_pin);
    frames
}

fn repeated_and_lost() -> Vec<Vec<u8>> {
    let register = register();
    let registered = registered();
    let heartbeat = jfreg(9, 2, &[]);

    let mut frames = Vec::new();
    let mut repeated = Conversation::new(50_001);
    repeated.open(&mut frames);
    repeated.up(&mut frames, &register);
    frames.extend(frames.last().cloned());
    repeated.down(&mut frames, &registered);
    frames.extend(frames.last().cloned());
    repeated.up(&mut frames, &heartbeat[..6]);
    frames.extend(frames.last().cloned());
    repeated.up(&mut frames, &heartbeat[6..]);
    frames.extend(frames.last().cloned());

    let mut lossy = Conversation::new(50_002);
    lossy.open(&mut frames);
    lossy.up(&mut Vec::new(), &register);
    lossy.up(&mut frames, &heartbeat);
    lossy.up(&mut frames, &heartbeat[..5]);
    lossy.up(&mut Vec::new(), &heartbeat[5..]);
    lossy.up(&mut frames, &heartbeat);
    lossy.open(&mut frames);
    lossy.up(&mut frames, &register);
    frames
}

fn bad() -> Vec<Vec<u8>> {
    let up = jfreg(8, 0, &[]);
    let wrong_lens = jfreg(7, 4, &[&[9, 3, 0, 0, 1, 7, 2, b'a', 0xe4, 1, 0, 8, 9, 1]]);
    let mut other_version = up.clone();
    other_version[2] = 2;
    let mut too_long = up.clone();
    too_long[6] = 0xff;
    let garbage: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

    let mut frames = Vec::new();
    let mut bad = Conversation::new(50_003);
    bad.up(&mut frames, &register());
    bad.down(&mut frames, &wrong_lens);
    bad.down(&mut frames, &other_version);
    bad.down(&mut frames, &registered());
    bad.down(&mut frames, garbage);
    bad.down(&mut frames, &up);
    bad.down(&mut frames, &too_long);
    bad.down(&mut frames, &garbage[..8]);
    bad.down(&mut frames, &garbage[8..]);
    bad.down(&mut frames, &[&up[..], garbage].concat());
    bad.down(&mut frames, &up);
    frames
}

fn register() -> Vec<u8> {
    jfreg(
        1,
        1,
        &[
            &[1, 6, 8, 0, 15, 0, 0, 1, 2, 7],
            b"***6000\x03\x045360\x04\x031.2",
            &[5, 4, 10, 1, 0, 50, 12, 1, 0],
        ],
    )
}

fn registered() -> Vec<u8> {
    jfreg(7, 1, &[b"\x07\x046000", &[9, 4, 0, 0, 0x75, 0x30]])
}

/// A connection of a phone to port 6800.
struct Conversation {
    port: u16,
    up: u32,
    down: u32,
}

impl Conversation {
    fn new(port: u16) -> Conversation {
        Conversation {
            port,
            up: 1000,
            down: u32::MAX - 20,
        }
    }

    fn open(&mut self, frames: &mut Vec<Vec<u8>>) {
        self.up += 100_000;
        self.down = self.down.wrapping_add(100_000);
        self.push(frames, true, 0x02, &[]);
        self.up += 1;
        self.push(frames, false, 0x12, &[]);
        self.down = self.down.wrapping_add(1);
    }

    fn up(&mut self, frames: &mut Vec<Vec<u8>>, data: &[u8]) {
        self.push(frames, true, 0x18, data);
        self.up += u32::try_from(data.len()).unwrap();
    }

    fn down(&mut self, frames: &mut Vec<Vec<u8>>, data: &[u8]) {
        self.push(frames, false, 0x18, data);
        let len = u32::try_from(data.len()).unwrap();
        self.down = self.down.wrapping_add(len);
    }

    fn push(&self, frames: &mut Vec<Vec<u8>>, up: bool, flags: u8, data: &[u8]) {
        let (src, dst) = if up {
            (self.port, 6800)
        } else {
            (6800, self.port)
        };
        let (own, other) = if up {
            (self.up, self.down)
        } else {
            (self.down, self.up)
        };
        let mut segment = tcp(src, dst, flags, data);
        segment[4..8].copy_from_slice(&own.to_be_bytes());
        segment[8..12].copy_from_slice(&other.to_be_bytes());
        frames.push(if up {
            ethernet(ROUTER, PHONE, 0x0800, &ipv4(A, S, 6, &segment))
        } else {
            ethernet(PHONE, ROUTER, 0x0800, &ipv4(S, A, 6, &segment))
        });
    }
}

fn jfreg(kind: u8, sequence: u8, fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.concat();
    let len = u16::try_from(12 + fields.len()).unwrap().to_be_bytes();
    let header = [b'J', b'F', 1, kind, 0, 0, len[0], len[1], 0, 0, 0, sequence];
    [&header[..], &fields].concat()
}
