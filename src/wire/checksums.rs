//! Checksums of a frame whose bytes somebody has changed, made to fit again.
//!
//! This reads no message: it takes the frame for what its fields say, as far as they make sense, and leaves
//! the rest. So it works on frames that no codec would accept.

use super::{ethernet, ipv4};

/// Bytes of the checksum's place: in an IPv4 header, and in UDP, TCP and ICMP messages.
const IPV4_AT: usize = 10;
const UDP_AT: usize = 6;
const TCP_AT: usize = 16;
const ICMP_AT: usize = 2;

/// Writes the IPv4 header checksum anew, and that of the UDP, TCP or ICMP message behind it if it is in this
/// frame whole. A frame that is no IPv4 stays as it is; so does a UDP checksum of zero, which says that there is none.
pub fn mend(frame: &mut [u8]) {
    let Some((link, packet)) = frame.split_first_chunk_mut::<{ ethernet::HEADER_LEN }>() else {
        return;
    };
    let (kind, packet) = match [link[12], link[13]].map(u16::from) {
        [a, b] if a << 8 | b == ethernet::ETHERTYPE_VLAN => match packet.split_first_chunk_mut() {
            Some(([_, _, c, d], packet)) => (u16::from_be_bytes([*c, *d]), packet),
            None => return,
        },
        [a, b] => (a << 8 | b, packet),
    };
    if kind != ethernet::ETHERTYPE_IPV4 || packet.len() < ipv4::HEADER_LEN {
        return;
    }
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    if !(ipv4::HEADER_LEN..=packet.len()).contains(&header_len) {
        return;
    }
    let total = total.clamp(header_len, packet.len());
    let (header, payload) = packet[..total].split_at_mut(header_len);
    write(header, IPV4_AT, |header| ipv4::checksum(&[header]));
    let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    if is_fragment {
        return;
    }
    let len = u16::try_from(payload.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let pseudo = |message: &[u8]| {
        let protocol = [0, header[9]];
        ipv4::checksum(&[&header[12..20], &protocol, &len, message])
    };
    match header[9] {
        ipv4::UDP if payload.get(UDP_AT..UDP_AT + 2) == Some(&[0, 0]) => {}
        ipv4::UDP => write(payload, UDP_AT, |message| match pseudo(message) {
            0 => u16::MAX,
            sum => sum,
        }),
        ipv4::TCP => write(payload, TCP_AT, pseudo),
        ipv4::ICMP => write(payload, ICMP_AT, |message| ipv4::checksum(&[message])),
        _ => {}
    }
}

/// Writes the sum over all of `bytes`, the sum's own place taken for zero.
fn write(bytes: &mut [u8], at: usize, sum: impl Fn(&[u8]) -> u16) {
    if bytes.len() < at + 2 {
        return;
    }
    bytes[at..at + 2].fill(0);
    let sum = sum(bytes).to_be_bytes();
    bytes[at..at + 2].copy_from_slice(&sum);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Mac, tcp, udp};
    use std::net::Ipv4Addr;

    const SRC: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 50);
    const DST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 10);

    #[test]
    fn a_changed_datagram_is_taken_again_once_its_checksums_are_mended() {
        let mut frame = datagram();
        for at in [30, 44, 50] {
            frame[at] ^= 0x5a;
        }
        assert!(read(&frame).is_none());
        mend(&mut frame);
        assert_eq!(read(&frame).as_deref(), Some(&frame[42..]));
    }

    #[test]
    fn a_sound_frame_does_not_change() {
        let frame = datagram();
        let mut mended = frame.clone();
        mend(&mut mended);
        assert_eq!(mended, frame);
    }

    proptest! {
        #[test]
        fn no_frame_makes_it_panic(mut frame in proptest::collection::vec(any::<u8>(), 0..80), ip: bool) {
            if ip && frame.len() > 24 {
                frame[12..15].copy_from_slice(&[8, 0, 0x45]);
                frame[23] = [1, 6, 17][usize::from(frame[23]) % 3];
            }
            mend(&mut frame);
            if let Ok((link, packet)) = ethernet::decode(&frame)
                && link.ethertype == ethernet::ETHERTYPE_IPV4
                && let Ok((header, payload)) = ipv4::decode(packet)
                && header.protocol == ipv4::TCP
                && let Err(error) = tcp::decode(payload, header.src, header.dst)
            {
                prop_assert_ne!(error.problem, ipv4::BAD_CHECKSUM);
            }
        }
    }

    fn datagram() -> Vec<u8> {
        let link = ethernet::Header {
            dst: Mac([2; 6]),
            src: Mac([4; 6]),
            tag: None,
            ethertype: ethernet::ETHERTYPE_IPV4,
        };
        let ip = ipv4::Header {
            tos: 0,
            id: 7,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol: ipv4::UDP,
            src: SRC,
            dst: DST,
        };
        let udp = udp::Header {
            src_port: 4_000,
            dst_port: 69,
        };
        let (mut frame, payload) = (Vec::new(), b"some bytes");
        link.encode(&mut frame);
        ip.encode(8 + payload.len(), &mut frame);
        udp.encode(SRC, DST, payload, &mut frame);
        frame
    }

    fn read(frame: &[u8]) -> Option<Vec<u8>> {
        let (_, packet) = ethernet::decode(frame).ok()?;
        let (header, payload) = ipv4::decode(packet).ok()?;
        let (_, payload) = udp::decode(payload, header.src, header.dst).ok()?;
        Some(payload.to_vec())
    }
}
