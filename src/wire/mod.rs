//! Bytes ⇄ structs, one file a protocol, pure.
//!
//! Each codec has `decode(&[u8]) -> Result<T, DecodeError>` and `encode`, and never panics on any input.
//! Code points that it does not know are kept.

pub mod arp;
pub mod checksums;
pub mod dhcp;
pub mod dns;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod lldp;
pub mod reg;
pub mod tcp;
pub mod tftp;
pub mod trunk;
pub mod udp;
pub mod vendor;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// An Ethernet frame without its frame check sequence. Cheap to clone; the bytes never change.
///
/// A frame is alive in queues long after its sender has gone on, and a switch sends one to many ports:
/// the one allocation a frame is shared by all of them.
pub type Frame = Arc<[u8]>;

/// A 48-bit MAC address.
#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The broadcast address ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: Mac = Mac([0xff; 6]);
    /// All zero: an unknown address in ARP requests (RFC 826).
    pub const ZERO: Mac = Mac([0; 6]);

    /// Whether the group bit is set: multicast or broadcast (IEEE 802).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The address `n` places further, wrapping within 48 bits.
    pub fn plus(self, n: u64) -> Mac {
        let mut bytes = [0; 8];
        bytes[2..].copy_from_slice(&self.0);
        let sum = u64::from_be_bytes(bytes).wrapping_add(n).to_be_bytes();
        let mut mac = [0; 6];
        mac.copy_from_slice(&sum[2..]);
        Mac(mac)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Mac {
    type Err = ();

    /// Six pairs of hexadecimal digits between colons or hyphens.
    fn from_str(text: &str) -> Result<Mac, ()> {
        let mut mac = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut mac {
            // `from_str_radix` alone would take a sign.
            let is_pair = |part: &&str| part.len() == 2 && !part.starts_with('+');
            let part = parts.next().filter(is_pair).ok_or(())?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| ())?;
        }
        if parts.next().is_some() {
            return Err(());
        }
        Ok(Mac(mac))
    }
}

/// Why bytes are not a message: what was read, where, and what is wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{protocol}: {problem} at byte {offset}")]
pub struct DecodeError {
    /// The protocol's name as Wireshark has it, for example `dhcp`.
    pub protocol: &'static str,
    /// Offset from the first byte of the protocol's own bytes.
    pub offset: usize,
    /// A lower-case fragment, for example `option 51 has length 3, wants 4`.
    pub problem: &'static str,
}

impl DecodeError {
    /// An error of `protocol` at byte `offset`.
    pub const fn new(protocol: &'static str, offset: usize, problem: &'static str) -> DecodeError {
        DecodeError {
            protocol,
            offset,
            problem,
        }
    }
}

#[cfg(test)]
mod fixture;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_six_pairs_of_hexadecimal_digits() {
        let mac = Mac([0x08, 0x00, 0x0f, 0xab, 0x00, 0x01]);
        assert_eq!("08:00:0f:ab:00:01".parse(), Ok(mac));
        assert_eq!("08-00-0F-AB-00-01".parse(), Ok(mac));
        for wrong in [
            "",
            "08:00:0f:ab:00",
            "08:00:0f:ab:00:01:02",
            "8:00:0f:ab:00:01",
            "+8:00:0f:ab:00:01",
            "08:00:0f:ab:00:0g",
            "\u{e9}:00:0f:ab:00:01",
        ] {
            assert_eq!(wrong.parse::<Mac>(), Err(()), "{wrong}");
        }
    }
}
