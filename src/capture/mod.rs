//! Captures: files that Wireshark reads, and display filters as Wireshark writes them.
//!
//! A run writes its frames through one [`CaptureWriter`], a pcapng file unless the user's file name asks for
//! a classic one. Other people's captures are read for the DHCP in them.

pub mod filter;
pub mod pcap;
pub mod pcapng;
mod read;
mod writer;

pub use read::{ReadError, each_ipv4, is_capture};
pub use writer::{CaptureWriter, Direction, Format, InterfaceId, Section};
