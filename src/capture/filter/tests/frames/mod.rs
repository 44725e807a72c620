//! Frames of many sorts.

mod dhcp;
mod registration;

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
    frames.extend(dhcp::messages());
    frames.extend(transfers());
    frames.extend(errors());
    frames.extend(segments());
    frames.extend(registration::streams());
    frames.extend(odd());
    frames.extend(lldp());
    let cut: Vec<Vec<u8>> = [
        arps(),
        dhcp::messages(),
        errors(),
        segments(),
        odd(),
        lldp(),
    ]
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
    let discover = ipv4(
        ANY,
        S,
        17,
        &udp(68, 67, &dhcp::message(1, ANY, R, &[53, 1, 1, 255])),
    );
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

/// What a switch and a set say: chassis, port, time to live, name, capabilities, those of MED, and a policy.
fn lldp() -> Vec<Vec<u8>> {
    const NEAREST_BRIDGE: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
    let message = |name: &[u8], policy: [u8; 4]| {
        let name = [&[10, name.len() as u8], name].concat();
        let first = *b"\x02\x07\x04\x02\x02\0\0\0\x01\x04\x02\x073\x06\x02\0\x78";
        let can = *b"\x0e\x04\0\x04\0\x04\xfe\x07\0\x12\xbb\x01\0\x03\x04";
        let med = [&b"\xfe\x08\0\x12\xbb\x02"[..], &policy].concat();
        [&first[..], &name, &can, &med, &[0, 0]].concat()
    };
    let frame = |payload: &[u8]| ethernet(NEAREST_BRIDGE, PHONE, 0x88cc, payload);
    let switch = frame(&message(b"stack", [1, 0x40, 0x29, 0xae]));
    let mut padded = switch.clone();
    padded.resize(100, 0);
    vec![
        switch,
        frame(&message(b"regDN 500206,MINET_6920", [1, 0x80, 0, 0])),
        frame(&message(b"other", [2, 0, 0, 24])),
        padded,
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
