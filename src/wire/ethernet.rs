//! Ethernet II frames with 802.1Q tags.
