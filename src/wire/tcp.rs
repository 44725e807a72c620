//! TCP segments, as far as captures and filters read them (RFC 9293 section 3.1).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +-------------------------------+-------------------------------+
//! |                        sequence number                        |
//! +---------------------------------------------------------------+
//! |                    acknowledgement number                     |
//! +-------+-------+---------------+-------------------------------+
//! | words |   0   |C E U A P R S F|            window             |
//! +-------+-------+---------------+-------------------------------+
//! |           checksum            |        urgent pointer         |
//! +-------------------------------+-------------------------------+
//! |            options, filled with zero to whole words           |
//! +---------------------------------------------------------------+
//! ```
//!
//! The reserved bits and the urgent pointer are not read, and written as zero. Connections are not made
//! here.

use std::fmt;
use std::net::Ipv4Addr;

use super::DecodeError;
use super::ipv4::{self, BAD_CHECKSUM};

/// No more data will come.
pub const FIN: u8 = 0x01;
/// Opens a connection.
pub const SYN: u8 = 0x02;
/// Breaks a connection off.
pub const RST: u8 = 0x04;
/// Hand over what has come so far.
pub const PSH: u8 = 0x08;
/// The acknowledgement number counts.
pub const ACK: u8 = 0x10;

/// Bytes of a header without options.
const HEADER_LEN: usize = 20;
/// Most bytes of options that the length field, in words of four bytes, has room for.
const OPTIONS_LEN_MAX: usize = 40;

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The sender's port.
    pub src_port: u16,
    /// The receiver's port.
    pub dst_port: u16,
    /// The first payload byte's number in the stream.
    pub seq: u32,
    /// The next byte expected from the other side.
    pub ack: u32,
    /// [`FIN`], [`SYN`] and so on, joined by `|`; the bits above them are URG, ECE and CWR (RFC 3168).
    pub flags: u8,
    /// Bytes that may be sent, before scaling (RFC 7323 section 2).
    pub window: u16,
    /// Options as they stand, padding included.
    pub options: &'a [u8],
    /// What the segment carries.
    pub payload: &'a [u8],
}

/// Reads a segment that came from `src` to `dst`; the bytes are the whole payload of the IP packet.
///
/// Fails if the header's length is below 20 or beyond the bytes, or if the checksum is wrong
/// ([`BAD_CHECKSUM`]).
pub fn decode(bytes: &[u8], src: Ipv4Addr, dst: Ipv4Addr) -> Result<Segment<'_>, DecodeError> {
    let error = |offset, problem| Err(DecodeError::new("tcp", offset, problem));
    let Some(fixed) = bytes.first_chunk::<HEADER_LEN>() else {
        return error(bytes.len(), "ends within the header");
    };
    let header_len = usize::from(fixed[12] >> 4) * 4;
    if header_len < HEADER_LEN {
        return error(12, "header length is below 20");
    }
    let Some((header, payload)) = bytes.split_at_checked(header_len) else {
        return error(12, "header length goes beyond the packet");
    };
    let pseudo = ipv4::pseudo_header_sum(src, dst, ipv4::TCP, bytes.len());
    if ipv4::complement(pseudo + ipv4::sum(bytes)) != 0 {
        return error(16, BAD_CHECKSUM);
    }
    let [
        s0,
        s1,
        d0,
        d1,
        q0,
        q1,
        q2,
        q3,
        a0,
        a1,
        a2,
        a3,
        _,
        flags,
        w0,
        w1,
        ..,
    ] = *fixed;
    Ok(Segment {
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        seq: u32::from_be_bytes([q0, q1, q2, q3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        window: u16::from_be_bytes([w0, w1]),
        options: &header[HEADER_LEN..],
        payload,
    })
}

impl Segment<'_> {
    /// Appends the segment as sent from `src` to `dst`, checksum included.
    ///
    /// Options are filled with zero (end of options) to whole words; beyond 40 bytes they are cut off.
    pub fn encode(&self, src: Ipv4Addr, dst: Ipv4Addr, out: &mut Vec<u8>) {
        let start = out.len();
        let options = &self.options[..self.options.len().min(OPTIONS_LEN_MAX)];
        let header_len = (HEADER_LEN + options.len()).next_multiple_of(4);
        out.extend_from_slice(&self.src_port.to_be_bytes());
        out.extend_from_slice(&self.dst_port.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.ack.to_be_bytes());
        out.extend_from_slice(&[((header_len / 4) << 4) as u8, self.flags]);
        out.extend_from_slice(&self.window.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(options);
        out.resize(start + header_len, 0);
        out.extend_from_slice(self.payload);
        let segment = &out[start..];
        let pseudo = ipv4::pseudo_header_sum(src, dst, ipv4::TCP, segment.len());
        let sum = ipv4::complement(pseudo + ipv4::sum(segment));
        out[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
    }
}

impl fmt::Display for Segment<'_> {
    /// As tcpdump: `40000 > 6800: Flags [P.], seq 1:21, ack 1, win 502, length 20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}: Flags [", self.src_port, self.dst_port)?;
        for (bit, letter) in "FSRP.UEW".chars().enumerate() {
            if self.flags >> bit & 1 == 1 {
                write!(f, "{letter}")?;
            }
        }
        write!(f, "], seq {}", self.seq)?;
        if !self.payload.is_empty() {
            write!(f, ":{}", self.seq.wrapping_add(self.payload.len() as u32))?;
        }
        if self.flags & ACK != 0 {
            write!(f, ", ack {}", self.ack)?;
        }
        write!(f, ", win {}, length {}", self.window, self.payload.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use etherparse::{TcpHeader, TcpSlice};
    use proptest::prelude::*;

    const SRC: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 50);
    const DST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 10);

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for fixture in fixture::all("tcp") {
            let (packet, bytes) = ipv4::decode(&fixture.bytes).unwrap();
            let segment = decode(bytes, packet.src, packet.dst).unwrap();
            assert_eq!(
                format!("{packet}; {segment}"),
                fixture.line,
                "{}",
                fixture.name
            );
            let again = encoded(&segment, packet.src, packet.dst);
            assert_eq!(again, bytes, "{}", fixture.name);
        }
    }

    #[test]
    fn a_segment_cut_anywhere_is_an_error() {
        for fixture in fixture::all("tcp") {
            let (packet, bytes) = ipv4::decode(&fixture.bytes).unwrap();
            for len in 0..bytes.len() {
                decode(&bytes[..len], packet.src, packet.dst).unwrap_err();
            }
        }
    }

    #[test]
    fn any_single_wrong_bit_is_an_error() {
        let bytes = encoded(&SEGMENT, SRC, DST);
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let error = decode(&wrong, SRC, DST).unwrap_err();
            if bit / 8 != 12 {
                assert_eq!((error.problem, error.offset), (BAD_CHECKSUM, 16));
            }
        }
        decode(&bytes, SRC, SRC).unwrap_err();
    }

    #[test]
    fn a_header_length_that_cannot_be_is_an_error_that_says_where() {
        let mut bytes = encoded(&SEGMENT, SRC, DST);
        bytes[12] = 0x40;
        let error = decode(&bytes, SRC, DST).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tcp: header length is below 20 at byte 12"
        );
        bytes[12] = 0xf0;
        let error = decode(&bytes, SRC, DST).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tcp: header length goes beyond the packet at byte 12"
        );
    }

    #[test]
    fn options_are_filled_to_whole_words_and_cut_at_forty_bytes() {
        for (given, sent) in [(0, 0), (1, 4), (4, 4), (39, 40), (41, 40)] {
            let options = vec![1; given];
            let segment = Segment {
                options: &options,
                ..SEGMENT
            };
            let bytes = encoded(&segment, SRC, DST);
            let read = decode(&bytes, SRC, DST).unwrap();
            assert_eq!(read.options.len(), sent);
            assert!(read.options.starts_with(&options[..given.min(40)]));
            assert_eq!(read.payload, SEGMENT.payload);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(mut bytes: Vec<u8>, words in 0..16_u8) {
            let _ = decode(&bytes, SRC, DST);
            bytes.resize(bytes.len().max(HEADER_LEN), 0);
            bytes[12] = words << 4;
            bytes[16..18].fill(0);
            let pseudo = ipv4::pseudo_header_sum(SRC, DST, ipv4::TCP, bytes.len());
            let sum = ipv4::complement(pseudo + ipv4::sum(&bytes));
            bytes[16..18].copy_from_slice(&sum.to_be_bytes());
            let fits = (HEADER_LEN..=bytes.len()).contains(&(usize::from(words) * 4));
            let decoded = decode(&bytes, SRC, DST);
            prop_assert_eq!(decoded.is_ok(), fits);
            let _ = decoded.map(|segment| segment.to_string());
        }

        #[test]
        fn a_segment_survives_the_round_trip_and_etherparse_agrees_on_it(
            ports: (u16, u16), numbers: (u32, u32), flags: u8, window: u16,
            words in proptest::collection::vec(any::<[u8; 4]>(), 0..=10), payload: Vec<u8>,
        ) {
            let options = words.concat();
            let segment = Segment {
                src_port: ports.0,
                dst_port: ports.1,
                seq: numbers.0,
                ack: numbers.1,
                flags,
                window,
                options: &options,
                payload: &payload,
            };
            let bytes = encoded(&segment, SRC, DST);
            prop_assert_eq!(decode(&bytes, SRC, DST), Ok(segment));

            let theirs = TcpSlice::from_slice(&bytes).unwrap();
            prop_assert_eq!(theirs.payload(), &payload[..]);
            let header: TcpHeader = theirs.to_header();
            let (src, dst) = (SRC.octets(), DST.octets());
            let sum = header.calc_checksum_ipv4_raw(src, dst, &payload).unwrap();
            prop_assert_eq!(sum, header.checksum);
            prop_assert_eq!(&header.to_bytes()[..], &bytes[..HEADER_LEN + options.len()]);
        }
    }

    const SEGMENT: Segment<'static> = Segment {
        src_port: 40_000,
        dst_port: 6_800,
        seq: 1,
        ack: 2,
        flags: PSH | ACK,
        window: 1_000,
        options: &[],
        payload: b"register",
    };

    fn encoded(segment: &Segment<'_>, src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
        let mut out = Vec::new();
        segment.encode(src, dst, &mut out);
        out
    }
}
