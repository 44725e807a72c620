//! Results as JSON, one object a line: a head, a result for each scenario, an end.
//!
//! The end tells a run that was finished from one that was killed.

use serde::{Deserialize, Serialize};

use super::result::TestResult;
use super::shard::Shard;

/// The form of the lines; another number is another form.
const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line {
    Suite(Head),
    Test(TestResult),
    /// All scenarios of the head are done. `took_ns`: on the machine's clock.
    End {
        results: usize,
        took_ns: u64,
    },
}

/// What a run of many scenarios is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    version: u32,
    /// The shard, from 0, and how many there are; 0 and 1 where there are none.
    pub shard: u64,
    pub shards: u64,
    /// How many scenarios all shards have together.
    pub scenarios: usize,
    /// Of their names: shards of one run have the same.
    pub digest: String,
    /// Date of the beginning, in nanoseconds since 1970-01-01 UTC.
    pub began_ns: u64,
}

impl Head {
    /// A head. `shard`: `None` where all scenarios are run.
    pub fn new(shard: Option<Shard>, scenarios: usize, digest: String, began_ns: u64) -> Head {
        Head {
            version: VERSION,
            shard: shard.map_or(0, Shard::index),
            shards: shard.map_or(1, Shard::count),
            scenarios,
            digest,
            began_ns,
        }
    }
}

impl Line {
    /// As it is written, with its line break.
    pub fn json(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("all keys are text, and nothing refuses to be serialised") + "\n"
    }
}

/// Reads a file of results: its head, its results, and how long they took.
///
/// # Errors
/// Why it is none, or not a whole one.
pub fn read_lines(text: &str) -> Result<(Head, Vec<TestResult>, u64), String> {
    let mut lines = (1..).zip(text.lines()).map(|(number, line)| {
        serde_json::from_str(line).map_err(|error| format!("line {number} is no result: {error}"))
    });
    let head = match lines.next() {
        Some(Ok(Line::Suite(head))) if head.version == VERSION && head.shard < head.shards => head,
        Some(Ok(Line::Suite(head))) => {
            return Err(format!("its head is none of form {VERSION}: {head:?}"));
        }
        Some(Ok(Line::Test(_) | Line::End { .. })) => {
            return Err("its first line is no head".to_owned());
        }
        Some(Err(error)) => return Err(error),
        None => return Err("it is empty".to_owned()),
    };
    let mut results = Vec::new();
    for line in &mut lines {
        match line {
            Ok(Line::Test(result)) => results.push(result),
            Ok(Line::End {
                results: n,
                took_ns,
            }) if n == results.len() => {
                return match lines.next() {
                    None => Ok((head, results, took_ns)),
                    Some(_) => Err("something follows its end".to_owned()),
                };
            }
            Ok(Line::End { results: n, .. }) => {
                return Err(format!("it has {} results of {n}", results.len()));
            }
            Ok(Line::Suite(_)) => return Err("a second run begins in it".to_owned()),
            // A run that is killed leaves half a line.
            Err(_) => break,
        }
    }
    let found = results.len();
    Err(format!(
        "it ends after {found} results: its run was not finished"
    ))
}
