//! ARP for IPv4 over Ethernet (RFC 826).
//!
//! ```text
//!  0       2       4   5   6       8               14          18              24          28
//! +-------+-------+---+---+-------+---------------+-----------+---------------+-----------+
//! | hw 1  | 0800  | 6 | 4 |  op   |  sender MAC   | sender IP |  target MAC   | target IP |
//! +-------+-------+---+---+-------+---------------+-----------+---------------+-----------+
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use super::{DecodeError, Mac};

/// Operation: who has this address (RFC 826).
pub const REQUEST: u16 = 1;
/// Operation: I have it (RFC 826).
pub const REPLY: u16 = 2;

/// Bytes of a message.
const LEN: usize = 28;
/// Ethernet, IPv4, addresses of six and four bytes: the first six bytes of every message read here.
const ETHERNET_IPV4: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];

/// An ARP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// [`REQUEST`], [`REPLY`], or another code as it came.
    pub operation: u16,
    /// Who sends.
    pub sender_mac: Mac,
    /// The sender's address; 0.0.0.0 in a probe (RFC 5227 section 2.1.1).
    pub sender_ip: Ipv4Addr,
    /// Who it is for; unknown, and by custom zero, in a request.
    pub target_mac: Mac,
    /// The address asked for, or the address of who asked.
    pub target_ip: Ipv4Addr,
}

/// Reads a message; bytes behind it (Ethernet padding) are ignored.
///
/// Fails if the bytes end early, or if it is not about IPv4 over Ethernet.
pub fn decode(bytes: &[u8]) -> Result<Arp, DecodeError> {
    let Some(message) = bytes.first_chunk::<LEN>() else {
        return Err(DecodeError::new(
            "arp",
            bytes.len(),
            "ends within the message",
        ));
    };
    if !message.starts_with(&ETHERNET_IPV4) {
        return Err(DecodeError::new("arp", 0, "not IPv4 over Ethernet"));
    }
    let [_, _, _, _, _, _, o0, o1, addresses @ ..] = *message;
    let [m0, m1, m2, m3, m4, m5, i0, i1, i2, i3, target @ ..] = addresses;
    let [n0, n1, n2, n3, n4, n5, j0, j1, j2, j3] = target;
    Ok(Arp {
        operation: u16::from_be_bytes([o0, o1]),
        sender_mac: Mac([m0, m1, m2, m3, m4, m5]),
        sender_ip: Ipv4Addr::new(i0, i1, i2, i3),
        target_mac: Mac([n0, n1, n2, n3, n4, n5]),
        target_ip: Ipv4Addr::new(j0, j1, j2, j3),
    })
}

impl Arp {
    /// Appends the message: 28 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&ETHERNET_IPV4);
        out.extend_from_slice(&self.operation.to_be_bytes());
        out.extend_from_slice(&self.sender_mac.0);
        out.extend_from_slice(&self.sender_ip.octets());
        out.extend_from_slice(&self.target_mac.0);
        out.extend_from_slice(&self.target_ip.octets());
    }
}

impl fmt::Display for Arp {
    /// As tcpdump: `who-has 10.1.0.1 tell 10.1.0.50`, `10.1.0.1 is-at 02:00:00:00:00:01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            REQUEST => write!(f, "who-has {} tell {}", self.target_ip, self.sender_ip),
            REPLY => write!(f, "{} is-at {}", self.sender_ip, self.sender_mac),
            other => write!(
                f,
                "operation {other} from {} ({}) to {} ({})",
                self.sender_ip, self.sender_mac, self.target_ip, self.target_mac
            ),
        }
    }
}
