//! What a run came to.

use std::collections::BTreeMap;

use super::plan::PhoneId;
use super::watch::PhoneView;
use crate::outbox::{DropReason, TraceEvent};
use crate::sim::Counters;
use crate::time::Instant;

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// One for each expectation that was decided, in order. After a step of which one failed, the run stopped.
    pub verdicts: Vec<Verdict>,
    /// Why the run stopped before its last step, if it did for another reason than an expectation.
    pub stopped: Option<Stopped>,
    /// What the oracle found: the run stopped there.
    pub violation: Option<Violation>,
    /// Why it is neither passed nor failed: an element that is a program cannot do what the scenario needs.
    pub skipped: Option<String>,
    /// When the run ended.
    pub ended: Instant,
    pub counters: Counters,
    /// Frames that the capture has.
    pub frames: u64,
    pub drops: BTreeMap<DropReason, u64>,
    /// By phone, as at the end.
    pub phones: Vec<PhoneView>,
    /// The programs of kernel hosts, and of elements outside.
    pub programs: Vec<ProgramView>,
    /// How a run under a mix of faults ended; of any other run `None`.
    pub settled: Option<Settled>,
}

/// Who has service in the end of a run that was left alone after its steps and faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Sets in service, with their DNs.
    pub in_service: Vec<(PhoneId, String)>,
    /// Sets that ought to be, and are not.
    pub stranded: Vec<PhoneId>,
    /// When the last step ended.
    pub stepped: Instant,
}

/// The program of a station, as the run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramView {
    pub host: String,
    /// What it did last, in words.
    pub found: String,
    /// Standard output and standard error, as they came: the last of them, each time that it was started.
    pub output: String,
    /// The file in which that was kept, if it was.
    pub log: Option<String>,
}

/// A step that could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Line of the scenario file, from 1.
    pub line: usize,
    pub reason: String,
}

/// A rule that every run keeps was broken.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    pub at: Instant,
    /// The set that it is about, if about one.
    pub set: Option<PhoneId>,
    /// For example `RG-5`.
    pub rule: &'static str,
    /// What happened, to be read behind the set's name: a lower-case fragment.
    pub what: String,
    /// What happened to that set before, oldest first.
    pub evidence: Vec<Evidence>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    pub at: Instant,
    pub event: TraceEvent,
}

/// How one expectation came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Line of the scenario file, from 1.
    pub line: usize,
    pub passed: bool,
    /// What was expected, in words.
    pub expected: String,
    /// Its kind of time, in words: `within 30 s`.
    pub when: String,
    /// What was found when it was decided; empty where it passed.
    pub found: String,
    /// What an element said last to the set that it is about, who and when; `None` where it passed, is about no
    /// set, or nothing was said.
    pub told: Option<String>,
    /// When it was decided.
    pub at: Instant,
    /// Frames of the capture that prove it; for what is not about frames, the last one before it was decided.
    pub frames: Vec<u64>,
    /// Of an expectation on frames: the number of the last frame before counting began.
    pub after: u64,
    /// The display filter that shows those frames, and like ones before, in the capture.
    pub filter: Option<String>,
}

impl Outcome {
    /// Whether every step was done, every expectation held, and no rule was broken.
    pub fn passed(&self) -> bool {
        self.skipped.is_none()
            && self.stopped.is_none()
            && self.violation.is_none()
            && self.verdicts.iter().all(|verdict| verdict.passed)
    }
}
