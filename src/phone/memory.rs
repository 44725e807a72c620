//! What survives a power cycle, and nothing else does.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::vlan::Vlan;

/// A set's lasting memory.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Memory {
    /// The stored PIN (DV-3); `None` is the null value (ST-2). A set that keeps none over a power-down
    /// (DV-2) has it here meanwhile.
    pub pin: Option<String>,
    /// The boot image in flash; `None`: only what the factory put there, whose version is unknown.
    pub flash: Option<FlashImage>,
    /// The call server that was programmed on the set by hand. Only a set that does not support registration
    /// across a cluster goes by it (DV-1).
    pub call_server: Option<Ipv4Addr>,
    /// The VLAN that was programmed on the set by hand.
    pub vlan: Option<Vlan>,
}

/// An image, as far as a set tells one from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlashImage {
    pub version: Arc<str>,
    pub bytes: u64,
    pub crc32: u32,
}
