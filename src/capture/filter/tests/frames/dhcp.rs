//! DHCP messages, right and wrong.

use super::{A, ALL, ANY, BROADCAST, PHONE, R, ROUTER, S, ethernet, ipv4, udp};

pub(super) fn messages() -> Vec<Vec<u8>> {
    [well_known(), odd()].concat()
}

fn well_known() -> Vec<Vec<u8>> {
    let discover: &[u8] = &[53, 1, 1, 55, 4, 1, 3, 43, 125];
    let class: &[u8] = b"\x3c\x11ipphone.mitel.com";
    let offer: &[u8] = &[
        53, 1, 2, 54, 4, 10, 9, 0, 10, 51, 4, 0, 0, 0x70, 0x80, 1, 4, 255, 255, 255, 0,
    ];
    let request: &[u8] = &[53, 1, 3, 50, 4, 10, 1, 0, 50, 54, 4, 10, 9, 0, 10];
    let config: &[u8] = b"\x7d\x1e\x00\x00\x04\x03\x19id:ipphone.mitel.com;a=b\x00";
    let end: &[u8] = &[255];
    let from_phone = |options: &[&[u8]]| {
        let message = message(1, ANY, ANY, &options.concat());
        let packet = ipv4(ANY, ALL, 17, &udp(68, 67, &message));
        ethernet(BROADCAST, PHONE, 0x0800, &packet)
    };
    let to_phone = |options: &[&[u8]]| {
        let message = message(2, A, R, &options.concat());
        let packet = ipv4(R, A, 17, &udp(67, 68, &message));
        ethernet(PHONE, ROUTER, 0x0800, &packet)
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
    ]
}

fn odd() -> Vec<Vec<u8>> {
    let discover: &[u8] = &[53, 1, 1, 55, 4, 1, 3, 43, 125];
    let end: &[u8] = &[255];
    let relayed = message(1, ANY, R, &[discover, end].concat());
    let mut overloaded = message(1, ANY, ANY, &[&[53, 1, 1, 52, 1, 3], end].concat());
    overloaded[108..116].copy_from_slice(&[51, 4, 0, 0, 0, 9, 255, 0]);
    overloaded[44..52].copy_from_slice(&[50, 4, 10, 1, 0, 77, 255, 0]);
    let mut no_cookie = message(1, ANY, ANY, &[discover, end].concat());
    no_cookie[236] = 0;
    let mut other_hardware = message(1, ANY, ANY, &[discover, end].concat());
    other_hardware[1] = 6;
    let mut long_hardware = message(1, ANY, ANY, &[discover, end].concat());
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

pub(super) fn message(op: u8, your: [u8; 4], relay: [u8; 4], options: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 240];
    message[..8].copy_from_slice(&[op, 1, 6, 0, 0x12, 0x34, 0x56, 0x78]);
    message[16..20].copy_from_slice(&your);
    message[24..28].copy_from_slice(&relay);
    message[28..34].copy_from_slice(&PHONE);
    message[236..].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
    message.extend_from_slice(options);
    message
}
