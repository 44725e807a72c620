//! The machine: its clock, namespaces, TAP devices, programs, signals, and the driver of a live run.
//!
//! The only module that touches the machine, and the only one with unsafe code. It knows a run by
//! [`Drive`](crate::sim::Drive) alone: nothing of protocols or scenarios.
//!
//! ```text
//!   drive_live ─┬─ Clock
//!               ├─ Port (one an edge) ─┬─ TapPort ── Namespace ── eth0, lo
//!               │                      └─ PacketPort ── an interface that exists
//!               └─ Programs ── Process ── Enclosure (PID namespace) ── the program and all that it starts
//! ```
//!
//! Nothing that is made here has a name on disk, so nothing is left when this process ends, however it ends; but for
//! what somebody asks to keep ([`Namespace::keep`], [`LeaseStore`]).

mod about;
mod aside;
mod child;
mod clock;
mod doctor;
mod driver;
mod enclosure;
mod error;
mod interface;
mod interfaces;
mod interrupts;
mod leases;
mod listening;
mod netns;
mod packet;
mod port;
mod probe;
mod process;
mod programs;
mod punctual;
mod scratch;
mod sockets;
mod tap;
mod userns;
mod vigil;
mod waiting;
mod workers;

pub use about::{cores, host_name};
pub use child::{ChildEnd, How, run_self};
pub use clock::{Clock, date_nanos};
pub use doctor::{Finding, Health, examine};
pub use driver::{Lateness, Settings, drive_live};
pub use error::LiveError;
pub use interfaces::describe_interfaces;
pub use interrupts::Interrupts;
pub use leases::{LeaseStore, LeaseStoreError, StoredLease, StoredState};
pub use netns::{FOLDER, Namespace};
pub use packet::PacketPort;
pub use port::{Port, PortCounters};
pub use probe::{MachineRefusal, prepare, probe};
pub use scratch::Scratch;
pub use sockets::{Attendant, SocketError, SocketSettings, host_on_sockets};
pub use tap::{PortSettings, TapPort};
pub use userns::is_root;
pub use workers::in_parallel;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
