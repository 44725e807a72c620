//! Captures: files that Wireshark reads.
//!
//! A run writes its frames through one [`CaptureWriter`], a pcapng file unless the user's file name asks for
//! a classic one.

pub mod pcap;
pub mod pcapng;
mod writer;

pub use writer::{CaptureWriter, Direction, Format, InterfaceId, Section};
