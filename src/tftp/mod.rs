//! TFTP (RFC 1350, 2347, 2348, 2349, 7440): the server of a scenario and the client inside a set.
//!
//! The server is an app of its own; the client is a machine that a set owns. They share nothing but the
//! codec in `wire/`, so each can be held against foreign programs.

/// The client: one download at a time.
pub mod client;
/// The server: files in memory, one transfer a port.
pub mod server;

mod transfer;

#[cfg(test)]
mod pipe;
