//! jackfield: a packet-level test harness and network emulator for IP-phone registration.
//!
//! The modules, lowest layer first (`tests/architecture.rs` keeps the order):

/// The contract of anything that speaks over a host's IP stack.
pub mod app;
/// Captures: pcapng, display filters.
pub mod capture;
/// The reference controller.
pub mod controller;
/// DHCP: server, client, leases.
pub mod dhcp;
/// Ethernet: switch, link.
pub mod fabric;
/// IP: the neighbour machine, hosts, TCP, gateways.
pub mod ip;
/// The machine: clock, namespaces, TAP devices, programs. The only unsafe code.
pub mod os;
/// Effects, drops with their reasons, trace events.
pub mod outbox;
/// A set: boot, registration, display, memory.
pub mod phone;
/// Reports: text, JSON.
pub mod report;
/// Chance: named streams from the run's seed.
pub mod rng;
/// Scenarios: file → plan → lab → outcome.
pub mod scenario;
/// The engine: nodes, links, the event queue.
pub mod sim;
/// TFTP: server, client.
pub mod tftp;
/// Instants, deadlines.
pub mod time;
/// Bytes ⇄ structs, one file a protocol.
pub mod wire;
/// The command line.
pub mod cli;
