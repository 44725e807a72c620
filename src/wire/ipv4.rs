//! IPv4 packets (RFC 791), and the Internet checksum that the protocols above share (RFC 1071).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+-------+---------------+-------------------------------+
//! |   4   |  IHL  |      TOS      |         total length          |
//! +-------+-------+---------------+-----+-------------------------+
//! |        identification         |0 D M|    fragment offset      |
//! +---------------+---------------+-----+-------------------------+
//! |      TTL      |   protocol    |        header checksum        |
//! +---------------+---------------+-------------------------------+
//! |                         source address                        |
//! +---------------------------------------------------------------+
//! |                      destination address                      |
//! +---------------------------------------------------------------+
//! |                options, skipped; never written                |
//! +---------------------------------------------------------------+
//! ```
//!
//! Fragments are read as packets with their offset; nothing here joins them.

use std::fmt;
use std::net::Ipv4Addr;

use super::DecodeError;

/// Protocol: ICMP.
pub const ICMP: u8 = 1;
/// Protocol: TCP.
pub const TCP: u8 = 6;
/// Protocol: UDP.
pub const UDP: u8 = 17;

/// The `problem` of a [`DecodeError`] by which every codec says that a checksum is wrong.
pub const BAD_CHECKSUM: &str = "bad header checksum";

/// Bytes of a header without options.
pub const HEADER_LEN: usize = 20;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// An IPv4 header. Its lengths and checksum are written by `encode`, and were right where `decode` gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Type of service: DSCP and ECN (RFC 2474, RFC 3168).
    pub tos: u8,
    /// Identification, for joining fragments.
    pub id: u16,
    /// No router may fragment this packet.
    pub dont_fragment: bool,
    /// Not the last fragment.
    pub more_fragments: bool,
    /// Where this fragment's payload belongs, in units of 8 bytes; below 8192.
    pub fragment_offset: u16,
    /// Time to live, in hops.
    pub ttl: u8,
    /// What the payload is.
    pub protocol: u8,
    /// Who sent it.
    pub src: Ipv4Addr,
    /// Who it is for.
    pub dst: Ipv4Addr,
}

/// Reads a packet's header and gives its payload, without any Ethernet padding.
///
/// Fails if the version is not 4, if a length goes beyond the bytes or is below its least value, or if the
/// header's checksum is wrong ([`BAD_CHECKSUM`]). Options are skipped.
pub fn decode(bytes: &[u8]) -> Result<(Header, &[u8]), DecodeError> {
    let error = |offset, problem| Err(DecodeError::new("ip", offset, problem));
    let Some(fixed) = bytes.first_chunk::<HEADER_LEN>() else {
        return error(bytes.len(), "ends within the header");
    };
    if fixed[0] >> 4 != 4 {
        return error(0, "version is not 4");
    }
    let header_len = usize::from(fixed[0] & 0x0f) * 4;
    if header_len < HEADER_LEN {
        return error(0, "header length is below 20");
    }
    let Some(header) = bytes.get(..header_len) else {
        return error(bytes.len(), "ends within the options");
    };
    if checksum(&[header]) != 0 {
        return error(10, BAD_CHECKSUM);
    }
    let total_len = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    if total_len < header_len {
        return error(2, "total length is below the header's length");
    }
    let Some(payload) = bytes.get(header_len..total_len) else {
        return error(2, "total length goes beyond the frame");
    };
    Ok((Header::from_fixed(fixed), payload))
}

impl Header {
    fn from_fixed(fixed: &[u8; HEADER_LEN]) -> Header {
        let [
            _,
            tos,
            _,
            _,
            i0,
            i1,
            f0,
            f1,
            ttl,
            protocol,
            _,
            _,
            addresses @ ..,
        ] = *fixed;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        let fragment = u16::from_be_bytes([f0, f1]);
        Header {
            tos,
            id: u16::from_be_bytes([i0, i1]),
            dont_fragment: fragment & DONT_FRAGMENT != 0,
            more_fragments: fragment & MORE_FRAGMENTS != 0,
            fragment_offset: fragment & OFFSET_MASK,
            ttl,
            protocol,
            src: Ipv4Addr::new(s0, s1, s2, s3),
            dst: Ipv4Addr::new(d0, d1, d2, d3),
        }
    }

    /// Appends the header of a packet with `payload_len` bytes of payload: 20 bytes, checksum included.
    ///
    /// A payload above 65,515 bytes can't be said in the length field, which then says 65,535.
    pub fn encode(&self, payload_len: usize, out: &mut Vec<u8>) {
        let total_len = u16::try_from(HEADER_LEN + payload_len).unwrap_or(u16::MAX);
        let fragment = self.fragment_offset & OFFSET_MASK
            | if self.dont_fragment { DONT_FRAGMENT } else { 0 }
            | if self.more_fragments {
                MORE_FRAGMENTS
            } else {
                0
            };
        let mut header = [0; HEADER_LEN];
        header[0] = 0x45;
        header[1] = self.tos;
        header[2..4].copy_from_slice(&total_len.to_be_bytes());
        header[4..6].copy_from_slice(&self.id.to_be_bytes());
        header[6..8].copy_from_slice(&fragment.to_be_bytes());
        header[8] = self.ttl;
        header[9] = self.protocol;
        header[12..16].copy_from_slice(&self.src.octets());
        header[16..20].copy_from_slice(&self.dst.octets());
        let sum = checksum(&[&header]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(&header);
    }
}

/// Makes `packet`, whose header is `header_len` bytes and complete, say its own length and this place in a
/// fragmented packet: `offset` in bytes, a multiple of 8. The checksum is computed anew; DF is off.
///
/// A packet above 65,535 bytes can't say its length, which then is 65,535.
pub fn set_fragment(packet: &mut [u8], header_len: usize, offset: u16, more: bool) {
    let total_len = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    let Some(header) = packet.get_mut(..header_len.max(HEADER_LEN)) else {
        return;
    };
    let fragment = (offset / 8) | if more { MORE_FRAGMENTS } else { 0 };
    header[2..4].copy_from_slice(&total_len.to_be_bytes());
    header[6..8].copy_from_slice(&fragment.to_be_bytes());
    header[10..12].fill(0);
    let sum = checksum(&[header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Takes one hop from the time to live of a packet that `decode` has accepted, and mends its checksum.
///
/// The checksum is mended, not computed anew (RFC 1624, equation 3), so a header damaged since it was read
/// stays recognisable. A packet with no hop left, or shorter than a header, stays as it is.
pub fn decrement_ttl(packet: &mut [u8]) {
    let Some(header) = packet.first_chunk_mut::<HEADER_LEN>() else {
        return;
    };
    let before = u16::from_be_bytes([header[8], header[9]]);
    header[8] = header[8].saturating_sub(1);
    let after = u16::from_be_bytes([header[8], header[9]]);
    let old = u16::from_be_bytes([header[10], header[11]]);
    // HC' = ~(~HC + ~m + m')
    let sum = complement(u64::from(!old) + u64::from(!before) + u64::from(after));
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// The Internet checksum (RFC 1071) of the bytes of `parts`, as if they stood in one row.
///
/// Over bytes that hold their own checksum it is 0 where that checksum is right.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut total = 0;
    let mut odd = false;
    for part in parts {
        let partial = sum(part);
        // Bytes at odd places weigh the other half of the word (RFC 1071 section 2 (B)).
        total += if odd {
            u64::from(fold(partial).swap_bytes())
        } else {
            partial
        };
        odd ^= part.len() % 2 == 1;
    }
    complement(total)
}

/// The sum over the pseudo header of UDP (RFC 768) and TCP (RFC 9293 section 3.1), to be added to [`sum`].
///
/// `len` counts the bytes of the protocol's header and payload.
pub fn pseudo_header_sum(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, len: usize) -> u64 {
    u64::from(src.to_bits()) + u64::from(dst.to_bits()) + u64::from(protocol) + len as u64
}

/// The sum of the 16-bit words of `bytes`; an odd last byte counts as if a zero followed.
pub fn sum(bytes: &[u8]) -> u64 {
    // Words are read with their bytes swapped, as usual processors have them, and the sum is swapped back
    // (RFC 1071 section 2 (B)). Words of 32 bits sum up like words of 16 once they are folded (section 2 (C)).
    let (steps, rest) = bytes.as_chunks::<8>();
    let (pairs, last) = rest.as_chunks::<2>();
    let mut total = 0;
    for step in steps {
        let words = u64::from_le_bytes(*step);
        total += (words >> 32) + (words & 0xffff_ffff);
    }
    for pair in pairs {
        total += u64::from(u16::from_le_bytes(*pair));
    }
    if let [byte] = last {
        total += u64::from(*byte);
    }
    u64::from(fold(total).swap_bytes())
}

/// The checksum field for a sum: folded to 16 bits and inverted.
pub fn complement(sum: u64) -> u16 {
    !fold(sum)
}

fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + (sum & 0xffff)) as u16
}

impl fmt::Display for Header {
    /// As tcpdump, in short: `10.1.0.50 > 10.1.0.1: UDP, ttl 64, id 7, flags [DF]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}: ", self.src, self.dst)?;
        match self.protocol {
            ICMP => f.write_str("ICMP")?,
            TCP => f.write_str("TCP")?,
            UDP => f.write_str("UDP")?,
            other => write!(f, "protocol {other}")?,
        }
        write!(f, ", ttl {}, id {}", self.ttl, self.id)?;
        if self.tos != 0 {
            write!(f, ", tos 0x{:02x}", self.tos)?;
        }
        if self.dont_fragment {
            f.write_str(", flags [DF]")?;
        }
        if self.more_fragments || self.fragment_offset != 0 {
            let more = if self.more_fragments { "+" } else { "" };
            write!(f, ", fragment at {}{more}", self.fragment_offset * 8)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use etherparse::{IpFragOffset, Ipv4Header};
    use proptest::prelude::*;

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for fixture in fixture::all("ipv4") {
            let (header, payload) = decode(&fixture.bytes).unwrap();
            let line = format!("{header}, payload {} bytes", payload.len());
            assert_eq!(line, fixture.line, "{}", fixture.name);
            let bytes = encoded(&header, payload);
            if fixture.name == "ipv4_options" {
                assert_eq!(bytes.len() + 4, fixture.bytes.len());
            } else {
                assert_eq!(bytes, fixture.bytes[..bytes.len()], "{}", fixture.name);
            }
        }
    }

    #[test]
    fn a_packet_cut_anywhere_is_an_error() {
        for fixture in fixture::all("ipv4") {
            let (_, payload) = decode(&fixture.bytes).unwrap();
            let offset = payload.as_ptr() as usize - fixture.bytes.as_ptr() as usize;
            for len in 0..offset + payload.len() {
                decode(&fixture.bytes[..len]).unwrap_err();
            }
        }
    }

    #[test]
    fn any_single_wrong_bit_in_the_header_is_an_error() {
        let packet = encoded(&HEADER, b"payload");
        for bit in 0..HEADER_LEN * 8 {
            let mut wrong = packet.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let error = decode(&wrong).unwrap_err();
            if bit / 8 != 0 {
                assert_eq!((error.problem, error.offset), (BAD_CHECKSUM, 10));
            }
        }
    }

    #[test]
    fn a_header_that_contradicts_itself_is_an_error_that_says_where() {
        let with = |place: usize, byte: u8| {
            let mut packet = encoded(&HEADER, b"payload");
            packet[place] = byte;
            packet[10..12].fill(0);
            let header_len = usize::from(packet[0] & 15) * 4;
            let sum = checksum(&[&packet[..header_len.min(packet.len())]]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            decode(&packet).unwrap_err().to_string()
        };
        assert_eq!(with(0, 0x65), "ip: version is not 4 at byte 0");
        assert_eq!(with(0, 0x44), "ip: header length is below 20 at byte 0");
        assert_eq!(with(0, 0x4f), "ip: ends within the options at byte 27");
        assert_eq!(
            with(3, 19),
            "ip: total length is below the header's length at byte 2"
        );
        assert_eq!(
            with(3, 28),
            "ip: total length goes beyond the frame at byte 2"
        );
    }

    #[test]
    fn a_payload_too_long_for_the_length_field_does_not_panic() {
        let mut out = Vec::new();
        HEADER.encode(usize::from(u16::MAX), &mut out);
        assert_eq!(out[2..4], [0xff, 0xff]);
    }

    #[test]
    fn a_packet_without_a_hop_left_or_cut_short_stays_as_it_is() {
        let mut packet = encoded(&Header { ttl: 0, ..HEADER }, b"");
        let before = packet.clone();
        decrement_ttl(&mut packet);
        assert_eq!(packet, before);
        decrement_ttl(&mut packet[..19]);
        assert_eq!(packet, before);
    }

    #[test]
    fn damage_is_still_seen_after_a_hop() {
        let mut packet = encoded(&HEADER, b"");
        packet[1] ^= 0x10;
        decrement_ttl(&mut packet);
        assert_eq!(decode(&packet).unwrap_err().problem, BAD_CHECKSUM);
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes: Vec<u8>, version_and_length in 0x43_u8..0x50) {
            let _ = decode(&bytes);
            let mut likely = [&[version_and_length][..], &bytes].concat();
            likely.resize(likely.len().max(60), 0);
            likely[10..12].fill(0);
            let sum = checksum(&[&likely[..usize::from(version_and_length & 15) * 4]]);
            likely[10..12].copy_from_slice(&sum.to_be_bytes());
            if let Ok((header, _)) = decode(&likely) {
                let _ = header.to_string();
            }
        }

        #[test]
        fn a_packet_survives_the_round_trip_and_etherparse_writes_the_same(
            header in any_header(), payload: Vec<u8>,
        ) {
            let bytes = encoded(&header, &payload);
            prop_assert_eq!(decode(&bytes), Ok((header, &payload[..])));
            let mut theirs = theirs(&header, payload.len());
            theirs.header_checksum = theirs.calc_header_checksum();
            prop_assert_eq!(&bytes[..HEADER_LEN], &theirs.to_bytes()[..]);
        }

        #[test]
        fn a_hop_leaves_the_checksum_that_a_new_header_would_have(header in any_header()) {
            prop_assume!(header.ttl > 0);
            let mut packet = encoded(&header, b"");
            decrement_ttl(&mut packet);
            let after = Header { ttl: header.ttl - 1, ..header };
            prop_assert_eq!(packet, encoded(&after, b""));
        }

        #[test]
        fn the_sum_is_the_one_of_the_textbook_however_the_bytes_are_cut(
            bytes: Vec<u8>, cuts in proptest::collection::vec(0..100_usize, 0..4),
        ) {
            let mut parts = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (part, tail) = rest.split_at(cut.min(rest.len()));
                parts.push(part);
                rest = tail;
            }
            parts.push(rest);
            prop_assert_eq!(checksum(&parts), textbook(&bytes));
        }
    }

    const HEADER: Header = Header {
        tos: 0xb8,
        id: 0x1234,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: UDP,
        src: Ipv4Addr::new(10, 1, 0, 50),
        dst: Ipv4Addr::new(10, 1, 0, 1),
    };

    fn any_header() -> impl Strategy<Value = Header> {
        let flags = (any::<bool>(), any::<bool>(), 0..=OFFSET_MASK);
        let bytes = (any::<u8>(), any::<u8>(), any::<u8>());
        let addresses = (any::<Ipv4Addr>(), any::<Ipv4Addr>());
        (any::<u16>(), flags, bytes, addresses).prop_map(|(id, flags, bytes, addresses)| Header {
            tos: bytes.0,
            id,
            dont_fragment: flags.0,
            more_fragments: flags.1,
            fragment_offset: flags.2,
            ttl: bytes.1,
            protocol: bytes.2,
            src: addresses.0,
            dst: addresses.1,
        })
    }

    fn theirs(header: &Header, payload_len: usize) -> Ipv4Header {
        let (src, dst) = (header.src.octets(), header.dst.octets());
        let len = u16::try_from(payload_len).unwrap();
        let mut theirs =
            Ipv4Header::new(len, header.ttl, header.protocol.into(), src, dst).unwrap();
        theirs.dscp = (header.tos >> 2).try_into().unwrap();
        theirs.ecn = (header.tos & 3).try_into().unwrap();
        theirs.identification = header.id;
        theirs.dont_fragment = header.dont_fragment;
        theirs.more_fragments = header.more_fragments;
        theirs.fragment_offset = IpFragOffset::try_new(header.fragment_offset).unwrap();
        theirs
    }

    /// RFC 1071 section 4.1, word by word.
    fn textbook(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    fn encoded(header: &Header, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        header.encode(payload.len(), &mut out);
        out.extend_from_slice(payload);
        out
    }
}
