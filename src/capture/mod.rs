//! Captures: files that Wireshark reads, and display filters as Wireshark writes them.
//!
//! A run writes its frames through one [`CaptureWriter`], a pcapng file unless the user's file name asks for
//! a classic one.

pub mod filter;
pub mod pcap;
pub mod pcapng;
mod writer;

pub use writer::{CaptureWriter, Direction, Format, InterfaceId, Section};
