//! Ethernet: switches and links.
