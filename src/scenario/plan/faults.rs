//! Faults of the timeline: what is done to frames, cables and power, where, and for how long.

use std::sync::Arc;

use super::{ElementId, HostId, MadeFile, PhoneId, Powered, SubnetId};
pub use crate::fabric::{Bitrate, Burst, Corruption, Impairment, Probability};
use crate::time::Duration;
use crate::wire::Frame;

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

/// What becomes of a file while it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// Bytes that are left.
    CutTo(usize),
    /// Another one in its place.
    Made(MadeFile),
}

/// A frame that a step sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendFrame {
    /// Who seems to send it: out of a station's first port, or from a port of a subnet that is nobody's.
    pub from: Place,
    pub frame: Frame,
}

/// Bytes that one end of the connection between a set and its element sends, out of its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    pub set: PhoneId,
    /// The element, if it is not the set that says it.
    pub by: Option<ElementId>,
    pub bytes: Arc<[u8]>,
}

/// A station or a router that loses power and gets it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub station: Powered,
    pub lasts: Duration,
}
