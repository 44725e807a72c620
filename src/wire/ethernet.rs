//! Ethernet II frames with 802.1Q tags.
//!
//! ```text
//!  0               6              12      14
//! +---------------+---------------+-------+---------
//! |  destination  |    source     | type  | payload
//! +---------------+---------------+-------+---------
//!
//! with a tag (IEEE 802.1Q-2022, section 9.6):
//!  0               6              12      14      16      18
//! +---------------+---------------+-------+-------+-------+---------
//! |  destination  |    source     | 8100  |  TCI  | type  | payload
//! +---------------+---------------+-------+-------+-------+---------
//!                                  TCI: priority (3 bits), drop eligible (1), VLAN id (12)
//! ```
//!
//! One tag is read. A second tag, or a provider's tag (0x88a8), stays in the payload with its type in
//! [`Header::ethertype`]. The frame check sequence is no part of a frame here, nor is padding added: the
//! wire is not there, and a capture of a sender's own frames has none either.

use std::fmt;

use super::{DecodeError, Mac};

/// IPv4 (RFC 894).
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// ARP (RFC 826).
pub const ETHERTYPE_ARP: u16 = 0x0806;
/// A customer's VLAN tag (IEEE 802.1Q-2022, table 9-1).
pub const ETHERTYPE_VLAN: u16 = 0x8100;

/// Bytes of a header without a tag.
pub const HEADER_LEN: usize = 14;
/// Bytes that a tag adds.
const TAG_LEN: usize = 4;

/// An 802.1Q tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// Priority code point, 0 to 7; higher bits are not sent.
    pub pcp: u8,
    /// Drop eligible indicator.
    pub dei: bool,
    /// VLAN identifier, 0 to 4095; 0 says priority alone. Higher bits are not sent.
    pub vid: u16,
}

/// An Ethernet header with at most one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Who the frame is for.
    pub dst: Mac,
    /// Who sent it.
    pub src: Mac,
    /// The VLAN tag, if there is one.
    pub tag: Option<Tag>,
    /// What the payload is; below 0x0600 it is the payload's length in bytes (IEEE 802.3, section 3.2.6).
    pub ethertype: u16,
}

/// Reads a frame's header and gives the payload behind it, padding included.
///
/// Fails if the bytes end within the header.
pub fn decode(bytes: &[u8]) -> Result<(Header, &[u8]), DecodeError> {
    let Some((&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1], rest)) =
        bytes.split_first_chunk::<HEADER_LEN>()
    else {
        return Err(cut_short(bytes));
    };
    let mut header = Header {
        dst: Mac([d0, d1, d2, d3, d4, d5]),
        src: Mac([s0, s1, s2, s3, s4, s5]),
        tag: None,
        ethertype: u16::from_be_bytes([t0, t1]),
    };
    if header.ethertype != ETHERTYPE_VLAN {
        return Ok((header, rest));
    }
    let Some((&[c0, c1, t0, t1], payload)) = rest.split_first_chunk::<TAG_LEN>() else {
        return Err(cut_short(bytes));
    };
    header.tag = Some(Tag::from_tci(u16::from_be_bytes([c0, c1])));
    header.ethertype = u16::from_be_bytes([t0, t1]);
    Ok((header, payload))
}

fn cut_short(bytes: &[u8]) -> DecodeError {
    DecodeError::new("eth", bytes.len(), "ends within the header")
}

impl Header {
    /// Appends the header: 14 bytes, 18 with a tag.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.dst.0);
        out.extend_from_slice(&self.src.0);
        if let Some(tag) = self.tag {
            out.extend_from_slice(&ETHERTYPE_VLAN.to_be_bytes());
            out.extend_from_slice(&tag.tci().to_be_bytes());
        }
        out.extend_from_slice(&self.ethertype.to_be_bytes());
    }
}

impl Tag {
    fn from_tci(tci: u16) -> Tag {
        Tag {
            pcp: (tci >> 13) as u8,
            dei: tci & 0x1000 != 0,
            vid: tci & 0x0fff,
        }
    }

    fn tci(self) -> u16 {
        u16::from(self.pcp & 7) << 13 | u16::from(self.dei) << 12 | self.vid & 0x0fff
    }
}

impl fmt::Display for Header {
    /// As `tcpdump -e`: `02:..:01 > ff:..:ff, vlan 100, p 5, ethertype ARP (0x0806)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}, ", self.src, self.dst)?;
        if let Some(tag) = self.tag {
            let dei = if tag.dei { ", DEI" } else { "" };
            write!(f, "vlan {}, p {}{dei}, ", tag.vid, tag.pcp)?;
        }
        match self.ethertype {
            ETHERTYPE_IPV4 => f.write_str("ethertype IPv4 (0x0800)"),
            ETHERTYPE_ARP => f.write_str("ethertype ARP (0x0806)"),
            ETHERTYPE_VLAN => f.write_str("ethertype 802.1Q (0x8100)"),
            length @ ..0x0600 => write!(f, "802.3, length {length}"),
            other => write!(f, "ethertype 0x{other:04x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use etherparse::{EtherType, Ethernet2Header, SingleVlanHeader, VlanId, VlanPcp};
    use proptest::prelude::*;

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for fixture in fixture::all("ethernet") {
            let (header, payload) = decode(&fixture.bytes).unwrap();
            let line = format!("{header}, payload {} bytes", payload.len());
            assert_eq!(line, fixture.line, "{}", fixture.name);
            assert_eq!(encoded(&header, payload), fixture.bytes, "{}", fixture.name);
        }
    }

    #[test]
    fn a_frame_cut_within_its_header_is_an_error_that_says_where() {
        for fixture in fixture::all("ethernet") {
            let (_, payload) = decode(&fixture.bytes).unwrap();
            let header_len = fixture.bytes.len() - payload.len();
            for len in 0..fixture.bytes.len() {
                let decoded = decode(&fixture.bytes[..len]);
                assert_eq!(decoded.is_ok(), len >= header_len, "{}", fixture.name);
            }
        }
        let error = decode(&[0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "eth: ends within the header at byte 5");
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic_and_what_decodes_is_kept(
            addresses: [u8; 12],
            ethertype in prop_oneof![Just(ETHERTYPE_VLAN), any::<u16>()],
            rest: Vec<u8>,
        ) {
            let bytes = [&addresses[..], &ethertype.to_be_bytes(), &rest].concat();
            if let Ok((header, payload)) = decode(&bytes) {
                prop_assert_eq!(encoded(&header, payload), bytes);
                let _ = header.to_string();
            }
            let _ = decode(&rest);
        }

        #[test]
        fn etherparse_writes_the_same_header(
            dst: [u8; 6], src: [u8; 6], pcp in 0..8_u8, dei: bool, vid in 0..4096_u16, ethertype: u16,
        ) {
            let tag = Tag { pcp, dei, vid };
            let header = Header { dst: Mac(dst), src: Mac(src), tag: Some(tag), ethertype };
            let mut theirs = Vec::new();
            let outer = Ethernet2Header {
                source: src,
                destination: dst,
                ether_type: EtherType::VLAN_TAGGED_FRAME,
            };
            outer.write(&mut theirs).unwrap();
            let inner = SingleVlanHeader {
                pcp: VlanPcp::try_new(pcp).unwrap(),
                drop_eligible_indicator: dei,
                vlan_id: VlanId::try_new(vid).unwrap(),
                ether_type: EtherType(ethertype),
            };
            inner.write(&mut theirs).unwrap();
            prop_assert_eq!(encoded(&header, &[]), theirs);
        }
    }

    fn encoded(header: &Header, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        header.encode(&mut out);
        out.extend_from_slice(payload);
        out
    }
}
