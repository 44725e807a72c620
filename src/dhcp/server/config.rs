//! What a DHCP server is told: its subnets, and what their clients get.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::time::Duration;
use crate::wire::Mac;

/// What a server is told.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The server identifier: the address of its host.
    pub address: Ipv4Addr,
    /// In any order; prefixes do not overlap.
    pub scopes: Vec<Scope>,
}

/// One subnet and what its clients are told.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Network and prefix length.
    pub prefix: (Ipv4Addr, u8),
    /// Whether the server is the only one of this subnet, and so says no.
    pub authoritative: bool,
    /// First and last address to give.
    pub pool: (Ipv4Addr, Ipv4Addr),
    pub router: Option<Ipv4Addr>,
    pub name_servers: Vec<Ipv4Addr>,
    pub lease: Duration,
    /// T1; if none is sent, clients take half of the lease (RFC 2131 section 4.4.5).
    pub renew: Option<Duration>,
    /// T2; if none is sent, clients take 0.875 of the lease.
    pub rebind: Option<Duration>,
    /// More options, as they go on the wire, in this order.
    pub options: Vec<(u8, Vec<u8>)>,
    /// Addresses kept for one client each; of the prefix, in the pool or not.
    pub reservations: BTreeMap<Mac, Ipv4Addr>,
}

impl Scope {
    /// Whether an address is of this subnet.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        let mask = self.mask();
        u32::from(address) & mask == u32::from(self.prefix.0) & mask
    }

    /// The subnet mask as a number.
    pub fn mask(&self) -> u32 {
        let host_bits = 32 - u32::from(self.prefix.1.min(32));
        u32::MAX.checked_shl(host_bits).unwrap_or(0)
    }
}
