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
/// The urgent pointer counts.
pub const URG: u8 = 0x20;
/// Congestion was seen (RFC 3168).
pub const ECE: u8 = 0x40;
/// The congestion window was made smaller (RFC 3168).
pub const CWR: u8 = 0x80;

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
    /// [`FIN`], [`SYN`] and so on, joined by `|`.
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
