//! Results for a person: first what failed, and why.

use std::fmt::Write as _;

use super::result::{Counts, Status, TestResult};
use crate::scenario::counted;

/// A scenario that is done, as a line: `passed   0.12 s  subnet-move.toml`.
pub fn result_line(result: &TestResult) -> String {
    let took = result.took_ns as f64 / 1e9;
    format!("{:<8} {took:>6.2} s  {}\n", result.status, result.name)
}

/// All results: those that failed, then what else did not pass, each with its reasons; last, how many came out how.
pub fn suite_summary(results: &[TestResult], took_ns: u64) -> String {
    let mut text = String::new();
    for status in Status::ALL.into_iter().rev() {
        if status != Status::Passed {
            let such = results.iter().filter(|result| result.status == status);
            such.for_each(|result| add(&mut text, result));
        }
    }
    let (counts, took) = (Counts::of(results), took_ns as f64 / 1e9);
    let all = counted(counts.all() as u64, "scenario");
    let _ = writeln!(text, "{all} in {took:.2} s: {counts}");
    text
}

fn add(text: &mut String, result: &TestResult) {
    let _ = write!(text, "{} {}", result.status, result.name);
    if let Status::Skipped = result.status {
        let reasons: Vec<&str> = result.why.iter().map(|why| why.text.as_str()).collect();
        let _ = writeln!(text, ": {}", reasons.join("; "));
        return;
    }
    if !result.shows.is_empty() {
        let _ = write!(text, " · {}", result.shows.join(" "));
    }
    text.push('\n');
    if !result.title.is_empty() {
        let _ = writeln!(text, "  {}", result.title);
    }
    for why in &result.why {
        let place = match why.line {
            Some(line) => format!("{}:{line}: ", result.path),
            None => String::new(),
        };
        let rule = why
            .rule
            .as_ref()
            .map_or(String::new(), |rule| format!("{rule} broken: "));
        let why = why.text.trim_end().replace('\n', "\n  ");
        let _ = writeln!(text, "  {place}{rule}{why}");
    }
    for capture in &result.captures {
        let _ = writeln!(text, "  frames: {capture}");
    }
    if !result.again.is_empty() {
        let _ = writeln!(text, "  again: {}", result.again);
    }
    text.push('\n');
}
