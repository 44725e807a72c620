//! IP: where frames become datagrams and streams.
//!
//! ```text
//!   stack       a host: apps, and the queue of what they ask for
//!   tcp         a host's connections          connection   one of them (smoltcp)
//!   endpoint    a host below its apps: one address, UDP, ICMP
//!   gateway     a router: routes, forwarding, proxy ARP, DHCP relay
//!   icmp_error  what may be reported, and how often
//!   interface   one Ethernet port: frames in and out
//!   fragment    cuts a packet into fragments        reassembly   joins them
//!   arp         its neighbour table           neighbour    the machine of one neighbour
//! ```
//!
//! Hosts and gateways share what stands below `icmp_error`. Linux's behaviour is the model, as measured; where this
//! differs, the file says so.

mod arp;
mod connection;
mod ear;
mod endpoint;
mod fragment;
mod gateway;
mod icmp_error;
mod interface;
mod neighbour;
mod reassembly;
mod sieve;
mod stack;
mod tcp;

pub use connection::TcpSettings;
pub use ear::Ear;
pub use gateway::{
    ArpMode, Gateway, GatewayConfig, GatewayError, GatewayInterface, Relay, ReversePath, Route,
    RouteTo,
};
pub use neighbour::{AfterReachable, NeighbourSettings};
pub use stack::{Host, HostConfig};

#[cfg(test)]
mod tests;
