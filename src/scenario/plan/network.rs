//! The network of a plan: subnets with their cables and DHCP, routers.

use std::net::Ipv4Addr;

use super::{ArpMode, Policy, Prefix, ReversePath, SubnetId};
use crate::dhcp::Class;
use crate::ip::Relay;
use crate::time::Duration;
use crate::wire::Mac;

/// One segment: an Ethernet broadcast domain with one IPv4 prefix, on a switch of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Subnet {
    pub name: String,
    pub prefix: Prefix,
    /// Name of the switch whose VLAN it is: its own name, unless it shares one.
    pub switch: String,
    /// 1 to 4094.
    pub vlan: u16,
    /// Subnets of the same switch whose VLANs the ports of its sets carry too, tagged.
    pub voice: Vec<SubnetId>,
    /// How its switch tells the sets to tag and mark, by LLDP-MED.
    pub policy: Option<Policy>,
    /// The default gateway of its stations: a router's interface in this subnet.
    pub gateway: Option<Ipv4Addr>,
    /// How its cables are.
    pub cable: Cable,
    /// Of each server, in the order of the file.
    pub dhcp: Vec<Dhcp>,
}

/// Latency and rate of a cable, each way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cable {
    pub latency: Duration,
    /// Bits a second; `None` is without limit.
    pub rate: Option<u64>,
    /// Bytes that may wait for the transmitter.
    pub queue_bytes: usize,
}

/// What a subnet's stations get by DHCP. Subnets with the same server are one DHCP domain (CL-10).
#[derive(Debug, Clone, PartialEq)]
pub struct Dhcp {
    /// Address of the host that serves it, and server identifier. If it is of another subnet, the gateway relays.
    pub server: Ipv4Addr,
    /// First and last address given out.
    pub pool: (Ipv4Addr, Ipv4Addr),
    pub router: Option<Ipv4Addr>,
    pub name_servers: Vec<Ipv4Addr>,
    pub lease: Duration,
    /// T1 and T2; `None`: half and seven eighths of the lease (RFC 2131 section 4.4.5).
    pub renew: Option<Duration>,
    pub rebind: Option<Duration>,
    pub authoritative: bool,
    /// Whole options as sent, after the ones that the fields above make: 125, 43, 60 and others.
    pub options: Vec<(u8, Vec<u8>)>,
    pub reservations: Vec<(Mac, Ipv4Addr)>,
    /// By client identifier, as option 61 has it.
    pub client_reservations: Vec<(Vec<u8>, Ipv4Addr)>,
    pub classes: Vec<Class>,
    /// Whether a client that asks for it gets its address without an offer (RFC 4039).
    pub rapid_commit: bool,
    /// How long the server waits for an answer from an address before it offers it; `None`: it does not ask.
    pub probe: Option<Duration>,
}

/// A router with its interfaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Router {
    pub name: String,
    pub interfaces: Vec<RouterInterface>,
    /// Static routes, those of the file or, where it names none, the shortest ways to every subnet.
    pub routes: Vec<Route>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RouterInterface {
    pub subnet: SubnetId,
    pub address: Ipv4Addr,
    pub mac: Mac,
    pub arp: ArpMode,
    pub reverse_path: ReversePath,
    /// Whether and how it relays what DHCP clients broadcast here.
    pub relay: Option<Relay>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub to: Prefix,
    pub via: Ipv4Addr,
}
