//! What survives a power cycle, and nothing else does.

/// A set's lasting memory.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Memory {
    /// The stored PIN (DV-3); `None` is the null value (ST-2).
    pub pin: Option<String>,
    /// The boot image in flash; `None`: only what the factory put there, whose version is unknown.
    pub flash: Option<FlashImage>,
}

/// An image, as far as a set tells one from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlashImage {
    pub version: String,
    pub bytes: u64,
    pub crc32: u32,
}
