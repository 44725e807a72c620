//! The machine: its clock, namespaces, TAP devices, programs, signals, and the driver of a live run.
//!
//! The only module that touches the machine, and the only one with unsafe code. It knows a run by
//! [`Drive`](crate::sim::Drive) alone: nothing of protocols or scenarios.
//!
//! ```text
//!   drive_live ─┬─ Clock
//!               ├─ Port (one an edge) ── Namespace ── eth0, lo
//!               └─ Process ── Enclosure (PID namespace) ── the program and all that it starts
//! ```
//!
//! Nothing that is made here has a name on disk, so nothing is left when this process ends, however it ends.

pub mod clock;
pub mod driver;
mod enclosure;
pub mod error;
mod interface;
pub mod interrupts;
pub mod netns;
mod probe;
mod process;
pub mod tap;

pub use probe::{MachineRefusal, probe};

#[cfg(test)]
mod tests;
