//! Counts of frames for expectations: each display filter of the plan, evaluated as frames go by.
//!
//! Only the filters that the coming expectations look at are evaluated. A frame is dissected once for all of
//! them, and also while there are none, since later frames of a conversation are known by earlier ones; in a
//! plan without an expectation on frames a frame costs nothing here.

use super::plan::{Expectation, Plan, Since, StepKind, SubnetId, What};
use crate::capture::filter::{Dissector, Filter, FilterError};
use crate::wire::Frame;

/// Frame numbers that a count keeps, from the first: enough to look them up.
const NUMBERS_KEPT: usize = 10;

/// All counts of a plan.
#[derive(Debug)]
pub(super) struct Tally {
    counters: Vec<Counter>,
    /// The counters that are evaluated now.
    active: Vec<usize>,
    /// Reads frames, and remembers what later frames need; one a segment, since a frame crosses several.
    dissectors: Vec<Dissector>,
    subnets: Vec<String>,
}

/// The frames of one expectation.
#[derive(Debug)]
struct Counter {
    step: usize,
    expectation: usize,
    filter: Filter,
    on: Option<SubnetId>,
    since: Since,
    seen: Seen,
}

/// Frames that matched.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub count: u64,
    /// Number of the last frame before counting began.
    pub after: u64,
    /// Numbers in the capture of the first few.
    pub numbers: Vec<u64>,
}

impl Tally {
    /// Counters for every expectation of the plan on frames.
    pub(super) fn new(plan: &Plan) -> Result<Tally, FilterError> {
        let mut counters = Vec::new();
        for (step, expectation, what) in frame_expectations(plan) {
            counters.push(Counter {
                step,
                expectation,
                filter: Filter::parse(&what.filter)?,
                on: what.on,
                since: what.since,
                seen: Seen::default(),
            });
        }
        let subnets: Vec<String> = plan.subnets.iter().map(|s| s.name.clone()).collect();
        let mut tally = Tally {
            counters,
            active: Vec::new(),
            dissectors: subnets.iter().map(|_| Dissector::default()).collect(),
            subnets,
        };
        tally.begin_action(plan, 0, 0);
        Ok(tally)
    }

    /// An action begins at `step`, after `frames` frames: what counts since the last action counts from 0.
    pub(super) fn begin_action(&mut self, plan: &Plan, step: usize, frames: u64) {
        let is_action = |n: &usize| matches!(plan.steps[*n].kind, StepKind::Act(_));
        let next_action = (step + 1..plan.steps.len()).find(is_action);
        let coming = step..next_action.unwrap_or(plan.steps.len());
        self.active.clear();
        for (index, counter) in self.counters.iter_mut().enumerate() {
            match counter.since {
                Since::Start => self.active.push(index),
                Since::LastAction if coming.contains(&counter.step) => {
                    counter.seen = Seen {
                        after: frames,
                        ..Seen::default()
                    };
                    self.active.push(index);
                }
                Since::LastAction => {}
            }
        }
    }

    /// Counts a frame; whether any count changed.
    pub(super) fn count(&mut self, on: SubnetId, number: u64, frame: &Frame) -> bool {
        if self.counters.is_empty() {
            return false;
        }
        let fields = self.dissectors[on.0].dissect(&self.subnets[on.0], frame);
        let mut changed = false;
        for index in &self.active {
            let counter = &mut self.counters[*index];
            if counter.on.is_none_or(|only| only == on) && counter.filter.matches(fields) {
                counter.seen.count += 1;
                if counter.seen.numbers.len() < NUMBERS_KEPT {
                    counter.seen.numbers.push(number);
                }
                changed = true;
            }
        }
        changed
    }

    /// What was counted for an expectation.
    pub(super) fn seen(&self, step: usize, expectation: usize) -> Option<&Seen> {
        let is_it = |c: &&Counter| c.step == step && c.expectation == expectation;
        self.counters
            .iter()
            .find(is_it)
            .map(|counter| &counter.seen)
    }
}

/// Step, place within the step, and expectation, of every expectation on frames.
fn frame_expectations(plan: &Plan) -> impl Iterator<Item = (usize, usize, &super::plan::Frames)> {
    plan.steps.iter().enumerate().flat_map(|(step, it)| {
        let expectations: &[Expectation] = match &it.kind {
            StepKind::Expect { expectations, .. } => expectations,
            StepKind::Act(_) => &[],
        };
        let numbered = expectations.iter().enumerate();
        numbered.filter_map(move |(n, expectation)| match &expectation.what {
            What::Frames(frames) => Some((step, n, frames)),
            What::Phone { .. }
            | What::Mapped { .. }
            | What::Remote { .. }
            | What::Trunk { .. }
            | What::Program { .. } => None,
        })
    })
}
