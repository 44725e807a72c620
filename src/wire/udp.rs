//! UDP datagrams (RFC 768).
//!
//! ```text
//!  0       2       4       6       8
//! +-------+-------+-------+-------+---------
//! |  src  |  dst  |  len  |  sum  | payload
//! +-------+-------+-------+-------+---------
//! ```
//!
//! The checksum covers the addresses of the IP packet too, so both ways want them.

use std::fmt;
use std::net::Ipv4Addr;

use super::DecodeError;
use super::ipv4::{self, BAD_CHECKSUM};

/// Bytes of a header.
const HEADER_LEN: usize = 8;

/// A UDP header. Its length and checksum are written by `encode`, and were right where `decode` gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The sender's port.
    pub src_port: u16,
    /// The receiver's port.
    pub dst_port: u16,
}

/// Reads a datagram that came from `src` to `dst`, and gives its payload; bytes beyond its length are ignored.
///
/// Fails if the length is below 8 or beyond the bytes, or if the checksum is wrong ([`BAD_CHECKSUM`]).
/// A checksum of zero says that the sender made none (RFC 768).
pub fn decode(bytes: &[u8], src: Ipv4Addr, dst: Ipv4Addr) -> Result<(Header, &[u8]), DecodeError> {
    let error = |offset, problem| Err(DecodeError::new("udp", offset, problem));
    let Some(&[s0, s1, d0, d1, l0, l1, c0, c1]) = bytes.first_chunk::<HEADER_LEN>() else {
        return error(bytes.len(), "ends within the header");
    };
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if len < HEADER_LEN {
        return error(4, "length is below 8");
    }
    let Some(datagram) = bytes.get(..len) else {
        return error(4, "length goes beyond the packet");
    };
    if [c0, c1] != [0, 0] {
        let pseudo = ipv4::pseudo_header_sum(src, dst, ipv4::UDP, len);
        if ipv4::complement(pseudo + ipv4::sum(datagram)) != 0 {
            return error(6, BAD_CHECKSUM);
        }
    }
    let header = Header {
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
    };
    Ok((header, &datagram[HEADER_LEN..]))
}

impl Header {
    /// Appends a datagram from `src` to `dst`: header with checksum, then `payload`.
    ///
    /// A payload above 65,527 bytes can't be said in the length field, which then says 65,535.
    pub fn encode(&self, src: Ipv4Addr, dst: Ipv4Addr, payload: &[u8], out: &mut Vec<u8>) {
        let len = HEADER_LEN + payload.len();
        let field = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        let [s0, s1] = self.src_port.to_be_bytes();
        let [d0, d1] = self.dst_port.to_be_bytes();
        let mut header = [s0, s1, d0, d1, field[0], field[1], 0, 0];
        let pseudo = ipv4::pseudo_header_sum(src, dst, ipv4::UDP, len);
        let sum = match ipv4::complement(pseudo + ipv4::sum(&header) + ipv4::sum(payload)) {
            // Zero would say that there is no checksum (RFC 768).
            0 => 0xffff,
            sum => sum,
        };
        header[6..].copy_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
    }
}

impl fmt::Display for Header {
    /// The ports: `68 > 67`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.src_port, self.dst_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use etherparse::{UdpHeader, UdpSlice};
    use proptest::prelude::*;

    const SRC: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 50);
    const DST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 10);

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for fixture in fixture::all("udp") {
            let (packet, bytes) = ipv4::decode(&fixture.bytes).unwrap();
            let (header, payload) = decode(bytes, packet.src, packet.dst).unwrap();
            let line = format!("{packet}; {header}, payload {} bytes", payload.len());
            assert_eq!(line, fixture.line, "{}", fixture.name);
            let mut again = encoded(&header, packet.src, packet.dst, payload);
            if fixture.name == "udp_no_checksum" {
                again[6..8].fill(0);
            }
            assert_eq!(again, bytes, "{}", fixture.name);
        }
    }

    #[test]
    fn a_datagram_cut_anywhere_is_an_error_that_says_where() {
        let bytes = encoded(&PORTS, SRC, DST, b"payload");
        for len in 0..bytes.len() {
            let error = decode(&bytes[..len], SRC, DST).unwrap_err();
            assert_eq!(error.offset, if len < HEADER_LEN { len } else { 4 });
        }
    }

    #[test]
    fn any_single_wrong_bit_is_an_error() {
        let bytes = encoded(&PORTS, SRC, DST, b"payload");
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let error = decode(&wrong, SRC, DST).unwrap_err();
            if !(4..6).contains(&(bit / 8)) {
                assert_eq!((error.problem, error.offset), (BAD_CHECKSUM, 6));
            }
        }
        decode(&bytes, SRC, SRC).unwrap_err();
    }

    #[test]
    fn bytes_beyond_the_length_are_ignored() {
        let mut bytes = encoded(&PORTS, SRC, DST, b"payload");
        bytes.extend_from_slice(b"more");
        assert_eq!(decode(&bytes, SRC, DST), Ok((PORTS, &b"payload"[..])));
    }

    #[test]
    fn a_checksum_that_comes_out_as_zero_is_sent_as_all_ones() {
        let mut payload = [0; 2];
        let without = encoded(&PORTS, SRC, DST, &payload);
        payload.copy_from_slice(&without[6..8]);
        let bytes = encoded(&PORTS, SRC, DST, &payload);
        assert_eq!(bytes[6..8], [0xff, 0xff]);
        assert_eq!(decode(&bytes, SRC, DST), Ok((PORTS, &payload[..])));
    }

    #[test]
    fn a_payload_too_long_for_the_length_field_does_not_panic() {
        let bytes = encoded(&PORTS, SRC, DST, &[0; 65_536]);
        assert_eq!(bytes[4..6], [0xff, 0xff]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(ports: [u8; 4], len in 0..40_u8, rest: Vec<u8>) {
            let bytes = [&ports[..], &[0, len, 0, 0], &rest].concat();
            let decoded = decode(&bytes, SRC, DST);
            prop_assert_eq!(decoded.is_ok(), (8..=bytes.len()).contains(&usize::from(len)));
            let _ = decode(&rest, SRC, DST);
        }

        #[test]
        fn a_datagram_survives_the_round_trip_and_etherparse_writes_the_same(
            src_port: u16, dst_port: u16, src: Ipv4Addr, dst: Ipv4Addr, payload: Vec<u8>,
        ) {
            let header = Header { src_port, dst_port };
            let bytes = encoded(&header, src, dst, &payload);
            prop_assert_eq!(decode(&bytes, src, dst), Ok((header, &payload[..])));
            let len = u16::try_from(bytes.len()).unwrap();
            let mut theirs = UdpHeader {
                source_port: src_port,
                destination_port: dst_port,
                length: len,
                checksum: 0,
            };
            let (src, dst) = (src.octets(), dst.octets());
            theirs.checksum = theirs.calc_checksum_ipv4_raw(src, dst, &payload).unwrap();
            prop_assert_eq!(&bytes[..HEADER_LEN], &theirs.to_bytes()[..]);
            prop_assert_eq!(UdpSlice::from_slice(&bytes).unwrap().payload(), &payload[..]);
        }
    }

    const PORTS: Header = Header {
        src_port: 68,
        dst_port: 67,
    };

    fn encoded(header: &Header, src: Ipv4Addr, dst: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        header.encode(src, dst, payload, &mut out);
        out
    }
}
