//! jackfield: a packet-level test harness and network emulator for IP-phone registration.
//!
//! The modules, lowest layer first; none uses one that comes after it (`tests/architecture.rs`).

/// Instants, deadlines.
pub mod time;

/// Chance: named streams from the run's seed.
pub mod rng;

/// Bytes ⇄ structs, one file a protocol.
pub mod wire;

/// Effects, drops with their reasons, trace events.
pub mod outbox;

/// The contract of anything that speaks over a host's IP stack.
pub mod app;

/// The engine: nodes, links, the event queue.
pub mod sim;

/// Ethernet: switch, link.
pub mod fabric;

/// IP: the neighbour machine, hosts, TCP, gateways.
pub mod ip;

/// DHCP: server, client, leases.
pub mod dhcp;

/// Names: server, resolver.
pub mod dns;

/// TFTP: server, client.
pub mod tftp;

/// A set: boot, registration, display, memory.
pub mod phone;

/// The reference controller.
pub mod controller;

/// Captures: pcapng, display filters.
pub mod capture;

/// Options 125 and 43 as a tool: words ⇄ bytes, lines for DHCP servers.
pub mod option125;

/// The machine: clock, namespaces, TAP devices, programs. The only unsafe code.
pub mod os;

/// Scenarios: file → plan → lab → outcome.
pub mod scenario;

/// Reports: text, JSON.
pub mod report;

/// A scenario as a Rust test.
pub mod lab;

/// Many scenarios: shards, results, JUnit, two builds beside each other.
pub mod suite;

/// The command line.
pub mod cli;

pub use lab::{Lab, LabError, Ran};
