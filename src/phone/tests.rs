//! Tests of the set: alone with a scripted network, no host and no time but the script's.

mod bench;
mod boot;
mod chance;
mod register;
mod service;
mod table;
mod vlan;
