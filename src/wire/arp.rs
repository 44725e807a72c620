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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use etherparse::{ArpOperation, ArpPacket};
    use proptest::prelude::*;

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for fixture in fixture::all("arp") {
            let arp = decode(&fixture.bytes).unwrap();
            assert_eq!(arp.to_string(), fixture.line, "{}", fixture.name);
            let padding = &fixture.bytes[LEN..];
            assert!(padding.iter().all(|byte| *byte == 0));
            assert_eq!(
                encoded(&arp),
                fixture.bytes[..LEN].to_vec(),
                "{}",
                fixture.name
            );
        }
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error_that_says_where() {
        for fixture in fixture::all("arp") {
            for len in 0..LEN {
                let error = decode(&fixture.bytes[..len]).unwrap_err();
                assert_eq!(error.offset, len, "{}", fixture.name);
            }
        }
    }

    #[test]
    fn a_message_about_other_kinds_of_addresses_is_an_error() {
        let message = fixture::all("arp").swap_remove(0).bytes;
        for place in 0..ETHERNET_IPV4.len() {
            let mut other = message.clone();
            other[place] ^= 1;
            let error = decode(&other).unwrap_err();
            assert_eq!(error.to_string(), "arp: not IPv4 over Ethernet at byte 0");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes: Vec<u8>, whole: [u8; LEN]) {
            let _ = decode(&bytes);
            let _ = decode(&[&ETHERNET_IPV4[..], &whole].concat()).unwrap().to_string();
        }

        #[test]
        fn a_message_survives_the_round_trip_and_etherparse_writes_the_same(
            operation: u16,
            sender_mac: [u8; 6],
            sender_ip: Ipv4Addr,
            target_mac: [u8; 6],
            target_ip: Ipv4Addr,
        ) {
            let arp = Arp {
                operation,
                sender_mac: Mac(sender_mac),
                sender_ip,
                target_mac: Mac(target_mac),
                target_ip,
            };
            let bytes = encoded(&arp);
            prop_assert_eq!(decode(&bytes), Ok(arp));
            let theirs = ArpPacket::new(
                etherparse::ArpHardwareId::ETHERNET,
                etherparse::EtherType::IPV4,
                ArpOperation(operation),
                &sender_mac,
                &sender_ip.octets(),
                &target_mac,
                &target_ip.octets(),
            );
            prop_assert_eq!(&bytes[..], &theirs.unwrap().to_bytes()[..]);
        }
    }

    fn encoded(arp: &Arp) -> Vec<u8> {
        let mut out = Vec::new();
        arp.encode(&mut out);
        out
    }
}
