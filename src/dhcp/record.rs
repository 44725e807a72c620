//! A lease as a store keeps it: what has to outlive the program so that no address is given twice.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::time::Instant;
use crate::wire::Mac;

/// One address, who it belongs to, and until when. Offers are not kept: nobody relies on them yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRecord {
    pub address: Ipv4Addr,
    /// Option 61, else hardware type and address (RFC 2131 section 4.2).
    pub client: Arc<[u8]>,
    pub mac: Mac,
    pub state: LeaseState,
}

/// What the address is to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// The client's own until then.
    Leased { until: Instant },
    /// The client found it in use: nobody's until then.
    Declined { until: Instant },
    /// The client's no longer, since then.
    Ended { at: Instant },
}
