//! A set: what it does from power-up to service, as seen on the wire and on its display.
//!
//! ```text
//!  power ─▶ first stage ─▶ LAN link ─▶ DHCP ─▶ boot image ─▶ (flash) ─▶ main image ─▶ main runs
//!                                                                                       │
//!         ┌── retry ──┐                                                 ▼
//!         └─ Connecting ◀──────────── redirect, reset, lost ──────── register
//!                │ TCP up                                               ▲
//!                ▼                                                      │
//!           Waiting for ACK ─▶ Waiting for COMMS ─▶ in service ─────────┘
//!                └─▶ prompt ─┘
//! ```
//!
//! A set that loses the carrier loses its connection, and keeps its address: when a carrier is back, in
//! whatever subnet, it registers again with the address that it has. It asks DHCP again only when its lease
//! says so, or after a power cycle. Rules ST-1 to ST-3 and the set's side of RG and MV are here; what an
//! element decides is not.

mod boot;
mod conversation;
mod display;
mod lldp;
mod machine;
mod memory;
mod phase;
mod provision;
mod register;
mod settings;
mod told;
mod vlan;

pub use machine::Phone;
pub use memory::{FlashImage, Memory};
pub use settings::{PhoneSettings, PhoneTimes, keeps_pin, supports_cluster};
pub use vlan::Vlan;

#[cfg(test)]
mod tests;
