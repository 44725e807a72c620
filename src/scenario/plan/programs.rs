//! Programs of the machine: those that a step runs, and those that stand on a kernel host.

use super::HostId;
pub use crate::sim::Ready;
use crate::time::Duration;

/// A command on a kernel host.
#[derive(Debug, Clone, PartialEq)]
pub struct Exec {
    pub host: HostId,
    /// Program and arguments, with no shell between. `{scenario}` in them is the folder of the scenario file, and
    /// `{address}` the host's address.
    pub command: Vec<String>,
    /// The exit status that it must end with.
    pub status: i32,
    /// Texts that its output must contain.
    pub prints: Vec<String>,
    /// The time that it may take.
    pub within: Duration,
}

/// The program of a kernel host: it runs from before the first step on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProgram {
    /// As of [`Exec::command`].
    pub command: Vec<String>,
    /// Variables besides the harness's own: name, value.
    pub environment: Vec<(String, String)>,
    /// What tells that it is ready; `None`: it is at once.
    pub ready: Option<Ready>,
}

/// What a step does to a host's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Waits until it is ready.
    Start,
    /// SIGTERM; waits for its end.
    Stop,
    /// SIGKILL to it and all that it has started.
    Kill,
}

/// One thing that can be told of a host's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramIs {
    Running,
    NotRunning,
    /// It has ended by itself, or after SIGTERM, with this status.
    Exited(i32),
}
