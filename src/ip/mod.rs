//! IP: the neighbour machine, hosts, TCP, gateways.

mod arp;
mod connection;
mod endpoint;
mod gateway;
mod icmp_error;
mod interface;
mod neighbour;
mod stack;
mod tcp;

pub use connection::TcpSettings;
pub use gateway::{
    ArpMode, Gateway, GatewayConfig, GatewayError, GatewayInterface, Route, RouteTo,
};
pub use neighbour::{AfterReachable, NeighbourSettings};
pub use stack::{Host, HostConfig};

#[cfg(test)]
mod tests;
