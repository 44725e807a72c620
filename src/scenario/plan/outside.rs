//! An element whose controller is a program of the machine (docs/controller-under-test.md).

use super::HostProgram;
use crate::time::Duration;

/// The program that stands in an element's place: live only, and named on the command line alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// It runs in a namespace of its own, at the element's address and MAC, and is ready when its port is open.
    pub program: HostProgram,
    /// How long it may take to be ready, each time that it is started.
    pub ready_within: Duration,
    /// Who carries an administrator's operations to it; `None`: nobody.
    pub driver: Option<Driver>,
}

/// A command that is started once for each operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// Program and arguments.
    pub command: Vec<String>,
    /// How long it may take.
    pub within: Duration,
}
