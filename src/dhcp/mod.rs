//! DHCP: server, client, leases.

mod client;
mod lease;
mod server;

pub use client::{Client, ClientConfig, ClientEvent, Lease, Timing};
pub use lease::{ClientKey, Expired, Hold, Lease as HeldLease, Leases};
pub use server::{DhcpServer, Scope, ServerConfig};

#[cfg(test)]
mod tests;
