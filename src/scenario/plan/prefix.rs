//! An IPv4 prefix: what is in it, and what is beside it.

use std::fmt;
use std::net::Ipv4Addr;

/// An IPv4 prefix, host bits zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    pub address: Ipv4Addr,
    /// 0 to 32.
    pub len: u8,
}

impl Prefix {
    /// The prefix of this length that `address` is in.
    pub fn of(address: Ipv4Addr, len: u8) -> Prefix {
        let mask = u32::MAX
            .checked_shl(32 - u32::from(len.min(32)))
            .unwrap_or(0);
        Prefix {
            address: Ipv4Addr::from(u32::from(address) & mask),
            len,
        }
    }

    /// Whether `address` is in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        Prefix::of(address, self.len).address == self.address
    }

    /// Whether the two have an address in common.
    pub fn overlaps(self, other: Prefix) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    /// Its last address: the one for directed broadcast.
    pub fn last(self) -> Ipv4Addr {
        let host_bits = u32::MAX.checked_shr(u32::from(self.len)).unwrap_or(0);
        Ipv4Addr::from(u32::from(self.address) | host_bits)
    }

    /// Its `n`th address, 0 being the network itself; `None` if it does not reach so far.
    pub fn nth(self, n: u32) -> Option<Ipv4Addr> {
        let address = u32::from(self.address).checked_add(n).map(Ipv4Addr::from);
        address.filter(|address| self.contains(*address))
    }
}

impl fmt::Display for Prefix {
    /// `10.1.0.0/24`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}
