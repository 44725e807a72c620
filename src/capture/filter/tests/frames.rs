//! Frames of many sorts, and the capture file that holds them.

/// The links that the frames alternate between.
pub(super) const INTERFACES: [&str; 2] = ["hq", "branch"];

const PHONE: [u8; 6] = [0x08, 0x00, 0x0f, 0, 0, 1];
const ROUTER: [u8; 6] = [0x02, 0, 0, 0, 0, 2];
const BROADCAST: [u8; 6] = [0xff; 6];
const A: [u8; 4] = [10, 1, 0, 50];
const R: [u8; 4] = [10, 1, 0, 1];
const S: [u8; 4] = [10, 9, 0, 10];
const ANY: [u8; 4] = [0; 4];
const ALL: [u8; 4] = [255; 4];

/// Whole frames, odd ones, and every truncation of some of them.
pub(super) fn all() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    frames.extend(arps());
    frames.extend(dhcps());
    frames.extend(transfers());
    frames.extend(errors());
    frames.extend(segments());
    frames.extend(registrations());
    frames.extend(odd());
    let cut: Vec<Vec<u8>> = [arps(), dhcps(), errors(), segments(), odd()]
        .iter()
        .flat_map(|group| &group[..2])
        .flat_map(|frame| (0..frame.len().min(330)).map(|len| frame[..len].to_vec()))
        .collect();
    frames.extend(cut);
    frames
}

fn arps() -> Vec<Vec<u8>> {
    let arp = |dst, op, sha: [u8; 6], spa, tha: [u8; 6], tpa| {
        ethernet(dst, sha, 0x0806, &arp(op, sha, spa, tha, tpa))
    };
    let mut padded = arp(BROADCAST, 1, PHONE, A, [0; 6], R);
    padded.resize(60, 0);
    let mut not_ipv4 = arp(BROADCAST, 1, PHONE, A, [0; 6], R);
    not_ipv4[16] = 0x86;
    let mut not_ethernet = arp(BROADCAST, 2, PHONE, A, [0; 6], R);
    not_ethernet[15] = 6;
    let mut short_addresses = arp(BROADCAST, 1, PHONE, A, [0; 6], R);
    short_addresses[18] = 4;
    vec![
        arp(BROADCAST, 1, PHONE, A, [0; 6], R),
        arp(BROADCAST, 9, PHONE, A, [0; 6], R),
        arp(PHONE, 2, ROUTER, R, PHONE, A),
        arp(BROADCAST, 1, PHONE, A, [0; 6], A),
        arp(BROADCAST, 2, PHONE, A, BROADCAST, A),
        arp(BROADCAST, 1, PHONE, ANY, [0; 6], A),
        arp(BROADCAST, 3, PHONE, A, [0; 6], A),
        padded,
        not_ipv4,
        not_ethernet,
        short_addresses,
    ]
}

fn dhcps() -> Vec<Vec<u8>> {
    let discover: &[u8] = &[53, 1, 1, 55, 4, 1, 3, 43, 125];
    let class: &[u8] = b"\x3c\x11ipphone.mitel.com";
    let offer: &[u8] = &[
        53, 1, 2, 54, 4, 10, 9, 0, 10, 51, 4, 0, 0, 0x70, 0x80, 1, 4, 255, 255, 255, 0,
    ];
    let request: &[u8] = &[53, 1, 3, 50, 4, 10, 1, 0, 50, 54, 4, 10, 9, 0, 10];
    let config: &[u8] = b"\x7d\x1e\x00\x00\x04\x03\x19id:ipphone.mitel.com;a=b\x00";
    let end: &[u8] = &[255];
    let from_phone = |options: &[&[u8]]| {
        let message = dhcp(1, ANY, ANY, &options.concat());
        let packet = ipv4(ANY, ALL, 17, &udp(68, 67, &message));
        ethernet(BROADCAST, PHONE, 0x0800, &packet)
    };
    let to_phone = |options: &[&[u8]]| {
        let message = dhcp(2, A, R, &options.concat());
        let packet = ipv4(R, A, 17, &udp(67, 68, &message));
        ethernet(PHONE, ROUTER, 0x0800, &packet)
    };
    let relayed = dhcp(1, ANY, R, &[discover, class, end].concat());
    let mut overloaded = dhcp(1, ANY, ANY, &[&[53, 1, 1, 52, 1, 3], end].concat());
    overloaded[108..116].copy_from_slice(&[51, 4, 0, 0, 0, 9, 255, 0]);
    overloaded[44..52].copy_from_slice(&[50, 4, 10, 1, 0, 77, 255, 0]);
    let mut no_cookie = dhcp(1, ANY, ANY, &[discover, end].concat());
    no_cookie[236] = 0;
    let mut other_hardware = dhcp(1, ANY, ANY, &[discover, end].concat());
    other_hardware[1] = 6;
    let mut long_hardware = dhcp(1, ANY, ANY, &[discover, end].concat());
    long_hardware[2] = 16;
    let raw = |message: &[u8]| {
        ethernet(
            BROADCAST,
            PHONE,
            0x0800,
            &ipv4(ANY, ALL, 17, &udp(68, 67, message)),
        )
    };
    vec![
        from_phone(&[discover, class, end]),
        to_phone(&[offer, config, end]),
        from_phone(&[request, class, end]),
        to_phone(&[&[53, 1, 5, 51, 4, 0, 0, 0, 60], end]),
        to_phone(&[&[53, 1, 6], end]),
        from_phone(&[&[53, 1, 1, 0, 0, 0, 12, 2, b'h', b'q'], end, &[0, 0, 0]]),
        from_phone(&[&[53, 1, 1, 60, 18], b"ipphone.mitel.com\0", end]),
        from_phone(&[&[53, 1, 1, 60, 5], b"a\0b\xe4c", end]),
        from_phone(&[&[53, 1, 1, 60, 0], end]),
        from_phone(&[&[53, 2, 1, 1, 51, 3, 0, 0, 9, 50, 5, 10, 0, 0, 1, 1], end]),
        from_phone(&[
            &[53, 0, 51, 5, 0, 0, 9, 1, 1, 54, 8, 1, 2, 3, 4, 5, 6, 7, 8],
            end,
        ]),
        from_phone(&[&[53, 1, 1, 51, 8, 0, 0, 0, 1, 0, 0, 0, 2], end]),
        from_phone(&[&[53, 1, 3, 50, 3, 10, 1, 0, 54, 0], end]),
        from_phone(&[&[53, 1, 1, 12, 40, b'x']]),
        from_phone(&[&[53, 1, 1, 53, 1, 3, 60, 2, b'o', b'k']]),
        from_phone(&[
            &[
                43, 4, 1, 2, 3, 4, 82, 6, 1, 4, 1, 2, 3, 4, 61, 7, 1, 2, 3, 4, 5, 6, 7, 53, 1, 8,
            ],
            end,
        ]),
        raw(&relayed),
        raw(&overloaded),
        raw(&no_cookie),
        raw(&other_hardware),
        raw(&long_hardware),
        raw(&[1, 1, 6, 0]),
        raw(&[]),
        ethernet(
            ROUTER,
            PHONE,
            0x0800,
            &ipv4(A, S, 17, &udp(68, 1067, &relayed)),
        ),
        ethernet(
            ROUTER,
            PHONE,
            0x0800,
            &ipv4(R, S, 17, &udp(67, 67, &relayed)),
        ),
    ]
}

fn transfers() -> Vec<Vec<u8>> {
    let up = |src, dst, message: &[u8]| {
        ethernet(
            ROUTER,
            PHONE,
            0x0800,
            &ipv4(A, S, 17, &udp(src, dst, message)),
        )
    };
    let down = |src, dst, message: &[u8]| {
        ethernet(
            PHONE,
            ROUTER,
            0x0800,
            &ipv4(S, A, 17, &udp(src, dst, message)),
        )
    };
    let read: &[u8] = b"\0\x01fw/main.bin\0octet\0";
    let read_options: &[u8] = b"\0\x01fw/boot.bin\0octet\0blksize\x001468\0";
    vec![
        up(3000, 69, read),
        down(40000, 3000, b"\0\x03\0\x01hello"),
        up(3000, 40000, b"\0\x04\0\x01"),
        down(40001, 3000, b"\0\x03\0\x02other port"),
        up(3001, 69, b"\0\x01lost.bin\0octet\0"),
        up(3001, 69, b"\0\x01lost.bin\0octet\0"),
        down(40002, 3001, b"\0\x05\0\x01not found\0"),
        up(3001, 69, b"\0\x01again.bin\0octet\0"),
        down(40003, 3001, b"\0\x03\0\x01x"),
        down(40002, 3001, b"\0\x03\0\x02late"),
        up(3002, 20001, read_options),
        down(40004, 3002, b"\0\x06blksize\x001468\0"),
        up(3002, 40004, b"\0\x04\0\0"),
        down(40004, 3002, &[&[0, 3, 0, 1][..], &[7; 300]].concat()),
        up(3002, 40004, b"\0\x04\0\x01"),
        down(69, 3003, b"\0\x03\0\x01no request"),
        up(3004, 69, b"\0\x04\0\x01"),
        down(40005, 3004, b"\0\x04\0\x01"),
        up(3005, 69, b"\0\x01no end"),
        up(3006, 69, b"\0\x01name\0no mode end"),
        up(3007, 69, b"\0\x02up.bin\0octet\0"),
        down(40006, 3007, b"\0\x04\0\0"),
        up(3008, 69, b"\0\x01from69.bin\0octet\0"),
        down(69, 3008, b"\0\x03\0\x01from 69"),
        up(3008, 69, b"\0\x04\0\x01"),
        up(3009, 20001, b"\0\x05\0\x02error first\0"),
        down(20001, 3010, b"\0\x05\0\x02no end"),
        up(3011, 69, b"\0\x09\0\x02strange"),
        up(3012, 69, b""),
        up(3013, 69, b"\0"),
        up(3014, 69, b"\0\x05\0"),
        up(3015, 5555, b"\0\x01heuristic\0octet\0"),
        down(40007, 3015, b"\0\x03\0\x01learnt"),
        up(3016, 69, b"\0\x01umlaut\xe4.bin\0octet\0"),
        up(69, 69, read),
        up(69, 20001, read),
        up(20001, 69, read),
        up(67, 69, read),
        up(3017, 69, b"\0\x01x\0OCTET\0"),
        up(3018, 69, b"\0\x01x\0binary\0"),
        down(40018, 3018, b"\0\x03\0\x01bad mode"),
        ethernet(
            PHONE,
            ROUTER,
            0x0800,
            &ipv4(R, A, 17, &udp(40008, 3000, b"\0\x03\0\x01")),
        ),
    ]
}

fn errors() -> Vec<Vec<u8>> {
    let error = |kind, code, quoted: &[u8]| {
        ethernet(
            PHONE,
            ROUTER,
            0x0800,
            &ipv4(R, A, 1, &icmp(kind, code, quoted)),
        )
    };
    let read = ipv4(A, S, 17, &udp(3100, 69, b"\0\x01lost.bin\0octet\0"));
    let discover = ipv4(ANY, S, 17, &udp(68, 67, &dhcp(1, ANY, R, &[53, 1, 1, 255])));
    let syn = ipv4(A, S, 6, &tcp(4000, 6800, 0x02, &[]));
    let data = ipv4(A, S, 6, &tcp(4000, 6800, 0x18, b"some bytes"));
    let inner = ipv4(R, A, 1, &icmp(3, 1, &read));
    let mut lengths = icmp(3, 4, &read);
    lengths[5] = 6;
    let mut fragment = ipv4(A, S, 17, &udp(3100, 5000, b"first part"));
    fragment[6] = 0x20;
    let mut later = fragment.clone();
    later[7] = 2;
    vec![
        error(11, 0, &read),
        error(3, 1, &syn),
        error(3, 3, &read[..28]),
        error(3, 1, &syn[..28]),
        error(3, 1, &data),
        error(3, 1, &discover),
        error(5, 1, &read),
        error(4, 0, &read),
        error(12, 0, &read),
        error(11, 0, &inner),
        error(3, 1, &[]),
        error(3, 0, &read[..20]),
        error(3, 0, &fragment[..28]),
        error(3, 0, &later[..28]),
        error(3, 0, &read[..26]),
        ethernet(PHONE, ROUTER, 0x0800, &ipv4(R, A, 1, &lengths)),
        ethernet(
            PHONE,
            ROUTER,
            0x0800,
            &ipv4(S, A, 17, &udp(40100, 3100, b"\0\x03\0\x01")),
        ),
        ethernet(
            ROUTER,
            PHONE,
            0x0800,
            &ipv4(A, R, 1, &icmp(8, 0, b"ping ping ping ping")),
        ),
        ethernet(
            PHONE,
            ROUTER,
            0x0800,
            &ipv4(R, A, 1, &icmp(0, 0, b"ping ping ping ping")),
        ),
        ethernet(PHONE, ROUTER, 0x0800, &ipv4(R, A, 1, &icmp(9, 0, &read))),
    ]
}

fn segments() -> Vec<Vec<u8>> {
    let up = |flags, data: &[u8]| {
        ethernet(
            ROUTER,
            PHONE,
            0x0800,
            &ipv4(A, S, 6, &tcp(4000, 6801, flags, data)),
        )
    };
    let down = |flags, data: &[u8]| {
        ethernet(
            PHONE,
            ROUTER,
            0x0800,
            &ipv4(S, A, 6, &tcp(6801, 4000, flags, data)),
        )
    };
    let mut padded = up(0x10, &[]);
    padded.resize(60, 0);
    let mut options = tcp(4001, 6801, 0x02, &[2, 4, 5, 180]);
    options[12] = 0x60;
    let mut short_header = tcp(4002, 6801, 0x02, &[]);
    short_header[12] = 0x40;
    let mut long_header = tcp(4003, 6801, 0x02, &[]);
    long_header[12] = 0xf0;
    let mut reserved = tcp(4004, 6801, 0xff, &[]);
    reserved[12] = 0x5f;
    let wrapped = |segment: &[u8]| ethernet(ROUTER, PHONE, 0x0800, &ipv4(A, S, 6, segment));
    vec![
        up(0x18, b"hello"),
        wrapped(&options),
        up(0x02, &[]),
        down(0x12, &[]),
        up(0x10, &[]),
        down(0x18, b"answer"),
        up(0x11, &[]),
        down(0x04, &[]),
        padded,
        wrapped(&short_header),
        wrapped(&long_header),
        wrapped(&reserved),
        tagged(5, 7, &up(0x02, &[])),
        tagged(0, 4095, &tagged(7, 1, &down(0x12, &[]))),
        tagged(6, 200, &arps()[0]),
    ]
}

/// Streams of the registration protocol: whole messages, cut ones, lost and repeated segments.
fn registrations() -> Vec<Vec<u8>> {
    let register = jfreg(
        1,
        1,
        &[
            &[1, 6, 8, 0, 15, 0, 0, 1, 2, 7],
            b"***6000\x03\x045360\x04\x031.2",
            &[5, 4, 10, 1, 0, 50, 12, 1, 0],
        ],
    );
    let null_pin = jfreg(1, 1, &[&[1, 6, 8, 0, 15, 0, 0, 1, 2, 0, 12, 1, 2]]);
    let registered = jfreg(7, 1, &[b"\x07\x046000", &[9, 4, 0, 0, 0x75, 0x30]]);
    let up = jfreg(8, 0, &[]);
    let heartbeat = jfreg(9, 2, &[]);
    let answer = jfreg(10, 2, &[]);
    let redirect = jfreg(6, 1, &[&[5, 4, 10, 9, 0, 11, 7, 4], b"6001"]);
    let redirect_name = jfreg(6, 1, &[b"\x06\x0bmivb.exam.pl\x07\x046001"]);
    let no_pin = jfreg(2, 1, &[&[8, 2, 0, 1]]);
    let reset = jfreg(11, 0, &[&[11, 1, 1, 8, 2, 0, 16]]);
    let foreign = jfreg(77, 3, &[&[1, 6, 8, 0, 15, 0, 0, 1, 200, 1, 0]]);
    let wrong_lens = jfreg(7, 4, &[&[9, 3, 0, 0, 1, 7, 2, b'a', 0xe4, 1, 0, 8, 9, 1]]);
    let mut other_version = up.clone();
    other_version[2] = 2;
    let mut too_long = up.clone();
    too_long[6] = 0xff;
    let two = [&registered[..], &up].concat();
    let garbage: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

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
    stream.down(&mut frames, &wrong_lens);
    stream.down(&mut frames, &other_version);
    stream.down(&mut frames, &registered);

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

    let mut bad = Conversation::new(50_003);
    bad.up(&mut frames, &register);
    bad.down(&mut frames, garbage);
    bad.down(&mut frames, &up);
    bad.down(&mut frames, &too_long);
    bad.down(&mut frames, &garbage[..8]);
    bad.down(&mut frames, &garbage[8..]);
    bad.down(&mut frames, &[&up[..], garbage].concat());
    bad.down(&mut frames, &up);
    frames
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

fn odd() -> Vec<Vec<u8>> {
    let packet = ipv4(A, S, 17, &udp(5000, 5001, b"data"));
    let changed = |at: usize, value: u8| {
        let mut packet = packet.clone();
        packet[at] = value;
        ethernet(ROUTER, PHONE, 0x0800, &packet)
    };
    let mut with_options = packet.clone();
    with_options.splice(20..20, [1, 1, 1, 0]);
    with_options[0] = 0x46;
    with_options[3] += 4;
    let mut padded = ethernet(ROUTER, PHONE, 0x0800, &packet);
    padded.resize(60, 0xaa);
    vec![
        tagged(3, 9, &ethernet(ROUTER, PHONE, 0x0800, &with_options)),
        tagged(3, 9, &padded),
        ethernet(ROUTER, PHONE, 0x0800, &packet),
        ethernet(ROUTER, PHONE, 0x0800, &with_options),
        padded,
        changed(0, 0x44),
        changed(0, 0x35),
        changed(0, 0x65),
        changed(0, 0x4f),
        changed(3, 0),
        changed(3, 19),
        changed(3, 22),
        changed(3, 200),
        changed(1, 0xb8),
        changed(5, 99),
        changed(6, 0x40),
        changed(7, 1),
        changed(8, 0),
        changed(9, 132),
        changed(25, 7),
        changed(25, 0),
        changed(25, 9),
        changed(24, 9),
        changed(23, 53),
        ethernet(ROUTER, PHONE, 0x0026, &packet),
        ethernet(ROUTER, PHONE, 0x05ff, &packet),
        ethernet(ROUTER, PHONE, 0x88cc, b"\x02\x07\x04\x08\0\x0f\0\0\x01"),
        ethernet(ROUTER, PHONE, 0x0800, &[]),
        tagged(1, 3, &ethernet(ROUTER, PHONE, 0x0026, &[0x42; 38])),
    ]
}

fn ethernet(dst: [u8; 6], src: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    [&dst[..], &src, &kind.to_be_bytes(), payload].concat()
}

/// `frame` with a tag put in.
fn tagged(priority: u16, vlan: u16, frame: &[u8]) -> Vec<u8> {
    let control = (priority << 13 | vlan).to_be_bytes();
    [&frame[..12], &[0x81, 0], &control, &frame[12..]].concat()
}

fn arp(op: u8, sha: [u8; 6], spa: [u8; 4], tha: [u8; 6], tpa: [u8; 4]) -> Vec<u8> {
    [&[0, 1, 8, 0, 6, 4, 0, op][..], &sha, &spa, &tha, &tpa].concat()
}

fn ipv4(src: [u8; 4], dst: [u8; 4], proto: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let fixed = [0x45, 0, len[0], len[1], 0, 1, 0, 0, 64, proto, 0, 0];
    [&fixed[..], &src, &dst, payload].concat()
}

fn icmp(kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    [&[kind, code, 0, 0, 0, 0, 0, 0][..], rest].concat()
}

fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap();
    let words = [src, dst, len, 0].map(u16::to_be_bytes);
    [words.as_flattened(), payload].concat()
}

fn tcp(src: u16, dst: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let words = [src, dst, 0, 1, 0, 1].map(u16::to_be_bytes);
    let rest = [0x50, flags, 1, 0, 0, 0, 0, 0];
    [words.as_flattened(), &rest, payload].concat()
}

fn dhcp(op: u8, your: [u8; 4], relay: [u8; 4], options: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 240];
    message[..8].copy_from_slice(&[op, 1, 6, 0, 0x12, 0x34, 0x56, 0x78]);
    message[16..20].copy_from_slice(&your);
    message[24..28].copy_from_slice(&relay);
    message[28..34].copy_from_slice(&PHONE);
    message[236..].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
    message.extend_from_slice(options);
    message
}

/// A pcapng file of these frames, seen on [`INTERFACES`] in turn.
pub(super) fn pcapng(frames: &[Vec<u8>]) -> Vec<u8> {
    const SECTION: u32 = 0x0a0d_0d0a;
    const INTERFACE: u32 = 1;
    const PACKET: u32 = 6;

    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut file = block(SECTION, words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    for name in INTERFACES {
        let mut body: Vec<u8> = words(&[1, 0]);
        body.extend([2, 0, u8::try_from(name.len()).unwrap(), 0]);
        body.extend(name.as_bytes());
        file.extend(block(INTERFACE, body));
    }
    for (number, frame) in frames.iter().enumerate() {
        let len = u32::try_from(frame.len()).unwrap();
        let interface = u32::try_from(number % INTERFACES.len()).unwrap();
        let micros = u32::try_from(number * 10_000).unwrap();
        let mut body: Vec<u8> = words(&[interface, 0, micros, len, len]);
        body.extend(frame);
        file.extend(block(PACKET, body));
    }
    file
}

fn block(kind: u32, mut body: Vec<u8>) -> Vec<u8> {
    body.resize(body.len().next_multiple_of(4), 0);
    let len = u32::try_from(12 + body.len()).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &len, &body, &len].concat()
}
