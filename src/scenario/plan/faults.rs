//! Faults of the timeline: what is done to frames, cables and power, where, and for how long.

use super::{ElementId, HostId, PhoneId, StationId, SubnetId};
pub use crate::fabric::{Bitrate, Burst, Corruption, Impairment, Probability};
use crate::time::Duration;

/// Index into [`super::Plan::faults`], the names of the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(pub u32);

/// Whose cables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Phone(PhoneId),
    Host(HostId),
    Element(ElementId),
    /// Index into the plan's routers: every cable of it.
    Router(usize),
    /// Every cable from a station of this segment to its switch.
    Subnet(SubnetId),
}

/// Cables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cables {
    pub of: Vec<Place>,
    /// Only those in this subnet.
    pub at: Option<SubnetId>,
}

/// A fault that changes what becomes of frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub id: FaultId,
    pub on: Cables,
    /// Whether frames from the station suffer, and those to it.
    pub from: bool,
    pub to: bool,
    pub does: Impairment,
    /// `None`: until a step ends it.
    pub lasts: Option<Duration>,
}

/// Cables that come out and go in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flap {
    pub on: Cables,
    /// At least once.
    pub times: u32,
    pub down: Duration,
    /// Between two times.
    pub up: Duration,
}

/// A station that loses power and gets it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub station: StationId,
    pub lasts: Duration,
}
