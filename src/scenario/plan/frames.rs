//! Expectations on frames: which, and how many.

use super::SubnetId;

/// How many frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    /// The segment that they cross; `None`: any.
    pub on: Option<SubnetId>,
    /// A display filter.
    pub filter: String,
    pub count: Count,
    /// What is counted: since the last action, or since the run began.
    pub since: Since,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    AtLeast(u64),
    AtMost(u64),
    Exactly(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    LastAction,
    Start,
}
