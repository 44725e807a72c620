//! What came of one scenario of many.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Passed,
    /// It passed after it had failed, and so says little.
    Flaky,
    /// It was not tried, for a reason.
    Skipped,
    /// The machine was too late for the run to mean anything.
    Invalid,
    /// The machine has not what it needs.
    Refused,
    /// It has no outcome: it is no scenario, or its run ended without one.
    Broken,
    Failed,
}

impl Status {
    pub const ALL: [Status; 7] = [
        Status::Passed,
        Status::Flaky,
        Status::Skipped,
        Status::Invalid,
        Status::Refused,
        Status::Broken,
        Status::Failed,
    ];

    /// Whether the scenario has passed.
    pub fn is_pass(self) -> bool {
        matches!(self, Status::Passed | Status::Flaky)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Passed => "passed",
            Status::Flaky => "flaky",
            Status::Skipped => "skipped",
            Status::Invalid => "invalid",
            Status::Refused => "refused",
            Status::Broken => "broken",
            Status::Failed => "failed",
        })
    }
}

/// A scenario, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// Its path below its root, with `/` between folders.
    pub name: String,
    /// Its file, as this machine finds it.
    pub path: String,
    pub title: String,
    /// The rules that it shows.
    pub shows: Vec<String>,
    pub tags: Vec<String>,
    pub status: Status,
    /// Why it did not pass; empty where it did. Of a flaky one: why it had not passed before.
    pub why: Vec<Why>,
    /// How often it was run. 0: it was not.
    pub tries: u32,
    /// Nanoseconds on the machine's clock, all tries together.
    pub took_ns: u64,
    /// The command that runs it once more.
    pub again: String,
    /// Captures of tries that did not pass.
    pub captures: Vec<String>,
    /// What controllers under test have said in those tries.
    #[serde(default)]
    pub logs: Vec<String>,
}

/// One reason why a scenario did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Line of the scenario file, from 1, if it is about one.
    pub line: Option<u64>,
    /// The rule that was broken, if it is known: else it is one of those that the scenario shows.
    pub rule: Option<String>,
    pub text: String,
}

impl Why {
    /// A reason about no line.
    pub fn new(text: impl Into<String>) -> Why {
        Why {
            line: None,
            rule: None,
            text: text.into(),
        }
    }

    /// Why a run did not pass: `outcome` is that of `jackfield run --json`.
    pub fn of_outcome(outcome: &Value) -> Vec<Why> {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let mut all: Vec<Why> = outcome["skipped"]
            .as_str()
            .map(Why::new)
            .into_iter()
            .collect();
        for verdict in outcome["verdicts"].as_array().into_iter().flatten() {
            if verdict["passed"] == true {
                continue;
            }
            let (when, expected) = (text(&verdict["when"]), text(&verdict["expected"]));
            let (found, at) = (text(&verdict["found"]), seconds(&verdict["at_ns"]));
            all.push(Why {
                line: verdict["line"].as_u64(),
                rule: None,
                text: format!("expected {when}: {expected}; found {found} at {at} s"),
            });
        }
        let violation = &outcome["violation"];
        if violation.is_object() {
            let who = violation["who"].as_str().map(|who| format!("{who} "));
            let (who, what) = (who.unwrap_or_default(), text(&violation["what"]));
            all.push(Why {
                line: None,
                rule: violation["rule"].as_str().map(str::to_owned),
                text: format!("{who}{what}, at {} s", seconds(&violation["at_ns"])),
            });
        }
        let stopped = &outcome["stopped"];
        if stopped.is_object() {
            all.push(Why {
                line: stopped["line"].as_u64(),
                rule: None,
                text: format!("stopped: {}", text(&stopped["reason"])),
            });
        }
        all
    }
}

/// Nanoseconds as seconds with microseconds.
fn seconds(nanos: &Value) -> String {
    format!("{:.6}", nanos.as_u64().unwrap_or(0) as f64 / 1e9)
}

/// How many scenarios came out how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([usize; Status::ALL.len()]);

impl Counts {
    /// Of these results.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a TestResult>) -> Counts {
        let mut counts = Counts::default();
        for result in results {
            counts.0[result.status as usize] += 1;
        }
        counts
    }

    /// How many came out so.
    pub fn at(&self, status: Status) -> usize {
        self.0[status as usize]
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.0.iter().sum()
    }
}

impl fmt::Display for Counts {
    /// `60 passed, 1 failed, 1 skipped`; what there is none of is left out, but for those that passed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at(Status::Passed), Status::Passed)?;
        for status in Status::ALL.iter().skip(1).rev() {
            if self.at(*status) > 0 {
                write!(f, ", {} {status}", self.at(*status))?;
            }
        }
        Ok(())
    }
}
