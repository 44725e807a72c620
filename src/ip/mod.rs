//! IP: the neighbour machine, hosts, TCP, gateways.

mod arp;
mod endpoint;
mod icmp_error;
mod interface;
mod neighbour;
mod stack;

pub use neighbour::{AfterReachable, NeighbourSettings};
pub use stack::{Host, HostConfig};

#[cfg(test)]
mod tests;
