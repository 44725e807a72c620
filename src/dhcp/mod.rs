//! DHCP (RFC 2131): a server, a client, and the store of leases.
//!
//! The server is an app of its own. The client is a machine that a phone or a host owns and drives. Neither
//! has a socket: the host they stand on carries their datagrams, in virtual time or on a real link. They
//! share nothing but the messages of `wire/dhcp`; what the sets' options mean is in `wire/vendor`.

mod client;
mod lease;
mod record;
mod server;

pub use client::{Client, ClientConfig, ClientEvent, Lease, Timing};
pub use record::{LeaseRecord, LeaseState};
pub use server::{Class, DhcpServer, Scope, ServerConfig};

#[cfg(test)]
mod tests;
