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
