//! What a DHCP server is told: its subnets, and what their clients get.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::time::Duration;
use crate::wire::Mac;
use crate::wire::dhcp::{Message, code};

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
    /// The same by client identifier (option 61, as on the wire), which comes before the MAC.
    pub client_reservations: BTreeMap<Vec<u8>, Ipv4Addr>,
    /// Clients that get something else, by their option 60. The first that fits is a client's.
    pub classes: Vec<Class>,
    /// Whether a client that asks for it gets its address without an offer (RFC 4039).
    pub rapid_commit: bool,
    /// How long the server waits for somebody to answer from an address before it offers it; `None`: it does
    /// not ask.
    pub probe: Option<Duration>,
}

/// Clients of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Their option 60: "by an exact match" (RFC 2131 section 4.3.1).
    pub vendor_class: Vec<u8>,
    /// Their own addresses, first and last; `None`: those of everybody. Pools do not overlap.
    pub pool: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Options in place of the scope's of the same code, or besides.
    pub options: Vec<(u8, Vec<u8>)>,
}

impl Scope {
    /// Whether an address is of this subnet.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        let mask = self.mask();
        u32::from(address) & mask == u32::from(self.prefix.0) & mask
    }

    /// The class of the client that sent this.
    pub(super) fn class_of(&self, message: &Message) -> Option<usize> {
        if self.classes.is_empty() {
            return None;
        }
        let sent = message.option(code::VENDOR_CLASS)?;
        let mut classes = self.classes.iter();
        classes.position(|class| *sent == class.vendor_class)
    }

    /// Which of the scope's pools a class has: that of everybody, then those of classes that have one.
    pub(super) fn pool_of_class(&self, class: usize) -> usize {
        let own = self.classes[class].pool.is_some();
        let up_to = self.classes.iter().take(class + usize::from(own));
        if own {
            up_to.filter(|class| class.pool.is_some()).count()
        } else {
            0
        }
    }

    /// The subnet mask as a number.
    pub fn mask(&self) -> u32 {
        let host_bits = 32 - u32::from(self.prefix.1.min(32));
        u32::MAX.checked_shl(host_bits).unwrap_or(0)
    }
}
