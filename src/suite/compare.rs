//! Two runs of one scenario beside each other: what differs, and whether that is worse.
//!
//! What differs is said in lines without measured times, so that it is the same each time; those lines are what is
//! [accepted](super::accepted). What chance decides in a live run is no difference:
//!
//! - heartbeats are not counted, only whether they are answered;
//! - a run ends with its last step, which is not the same moment each time: what one run has at its end and the other one
//!   had no time for is left out, and then so is the set's state at the end;
//! - times of answers differ where their medians do, by more than a tolerance and a fifth, and where there are five of
//!   both. Few scenarios have as many: so the times of all of them are compared together too.

use std::fmt;

use serde_json::Value;

use super::align::{Pair, align};
use super::answers::{Answers, differ, is_heartbeat};
use super::record::{By, Record, Said};
use super::result::{Status, Why};
use crate::time::Duration;
use crate::wire::reg::Message;

/// One of two runs.
#[derive(Debug)]
pub struct Side {
    pub status: Status,
    /// Why it did not pass.
    pub why: Vec<Why>,
    /// `None`: it left none.
    pub record: Option<Record>,
}

/// How run B is, beside run A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    Same,
    /// It could not be compared: one of them was skipped, or says nothing.
    Unknown,
    Different,
    /// The scenario passed in A and failed in B.
    Worse,
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Likeness::Same => "same",
            Likeness::Unknown => "not compared",
            Likeness::Different => "different",
            Likeness::Worse => "worse",
        })
    }
}

/// What came of comparing two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub likeness: Likeness,
    /// What differs, a line each.
    pub differences: Vec<String>,
    /// The first message that differs: the set, the number of its message from 1, and when, in nanoseconds of the run.
    pub first: Option<(String, usize, u64)>,
    /// Why it is not compared, or why B fails.
    pub why: Vec<String>,
}

impl Comparison {
    /// What differs is times, of many runs.
    pub fn of_times(differences: Vec<String>) -> Comparison {
        Comparison {
            likeness: Likeness::Different,
            differences,
            first: None,
            why: Vec::new(),
        }
    }
}

/// Compares two runs. `tolerance`: by how much a time may differ.
pub fn compare(a: &Side, b: &Side, tolerance: Duration) -> Comparison {
    let mut found = Comparison {
        likeness: Likeness::Same,
        differences: Vec::new(),
        first: None,
        why: Vec::new(),
    };
    let unknown = |side: &Side| {
        matches!(
            side.status,
            Status::Invalid | Status::Refused | Status::Broken
        )
    };
    let both_skipped = [a, b].iter().all(|side| side.status == Status::Skipped);
    if both_skipped || unknown(a) || unknown(b) {
        found.likeness = Likeness::Unknown;
        for (name, side) in [("A", a), ("B", b)]
            .iter()
            .filter(|(_, it)| !it.status.is_pass())
        {
            let why = side.why.first().map_or("", |why| why.text.as_str());
            found.why.push(format!("{name} is {}: {why}", side.status));
        }
        return found;
    }
    let (before, after) = (came_out(a), came_out(b));
    if before != after {
        found
            .differences
            .push(format!("outcome: {before} becomes {after}"));
        found.why = b.why.iter().map(|why| why.text.clone()).collect();
    }
    if let (Some(a), Some(b)) = (&a.record, &b.record) {
        records(a, b, tolerance, &mut found);
    }
    // After the outcome comes the set that went apart first: what follows from that comes later.
    let first = found.first.as_ref().map(|(phone, ..)| format!("{phone} "));
    found.differences.sort_by_key(|line| {
        let is_first = first.as_ref().is_some_and(|it| line.starts_with(it));
        (!line.starts_with("outcome: "), !is_first)
    });
    found.likeness = match (a.status.is_pass(), b.status) {
        (true, Status::Failed) => Likeness::Worse,
        _ if found.differences.is_empty() => Likeness::Same,
        _ => Likeness::Different,
    };
    found
}

/// How a run came out, with the places that say why, and without what is measured.
fn came_out(side: &Side) -> String {
    let places = side
        .why
        .iter()
        .filter_map(|why| match (&why.rule, why.line) {
            (Some(rule), _) => Some(rule.clone()),
            (None, Some(line)) => Some(format!("line {line}")),
            (None, None) => None,
        });
    let mut places: Vec<String> = places.collect();
    places.dedup();
    match side.status.is_pass() || places.is_empty() {
        true if side.status.is_pass() => Status::Passed.to_string(),
        true => side.status.to_string(),
        false => format!("{} at {}", side.status, places.join(", ")),
    }
}

fn records(a: &Record, b: &Record, tolerance: Duration, found: &mut Comparison) {
    let nobody = Vec::new();
    let of_a = a.outcome["phones"].as_array().unwrap_or(&nobody);
    let of_b = b.outcome["phones"].as_array().unwrap_or(&nobody);
    for state in of_a {
        let name = state["name"].as_str().unwrap_or_default();
        let whole = messages(name, a, b, tolerance, found);
        let other = of_b.iter().find(|other| other["name"] == state["name"]);
        if let (true, Some(other)) = (whole, other) {
            states(name, state, other, found);
        }
    }
    let answers = (Answers::of(a), Answers::of(b));
    let times = other_times(&answers.0, &answers.1, tolerance);
    found.differences.extend(times);
}

/// Which answers take longer or shorter, a line each, of those that both have often enough.
pub fn other_times(a: &Answers, b: &Answers, tolerance: Duration) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, a, b) in a.beside(b) {
        if let (Some(a), Some(b)) = (a, b)
            && differ(a, b, tolerance)
        {
            let how = if a.median_ns < b.median_ns {
                "slower"
            } else {
                "faster"
            };
            lines.push(format!("{name}: {how}"));
        }
    }
    lines
}

/// Compares what a set and its elements said to each other. Whether both runs have all of it.
fn messages(
    phone: &str,
    a: &Record,
    b: &Record,
    tolerance: Duration,
    found: &mut Comparison,
) -> bool {
    let (said_a, said_b) = (sequence(a, phone), sequence(b, phone));
    let tokens = |said: &[&Said]| -> Vec<String> { said.iter().map(|said| token(said)).collect() };
    let (words_a, words_b) = (tokens(&said_a), tokens(&said_b));
    let mut pairs = align(&words_a, &words_b);
    let had_no_time = cut(
        &pairs,
        [&said_a, &said_b],
        [a.ended_ns(), b.ended_ns()],
        tolerance,
    );
    pairs.truncate(pairs.len() - had_no_time);
    let is_both = |pair: &Pair| matches!(pair, Pair::Both(..));
    for gap in pairs
        .chunk_by(|a, b| !is_both(a) && !is_both(b))
        .filter(|gap| !is_both(&gap[0]))
    {
        let only_a = gap.iter().filter_map(|pair| match pair {
            Pair::OnlyA(i) => Some(*i),
            Pair::OnlyB(_) | Pair::Both(..) => None,
        });
        let only_b = gap.iter().filter_map(|pair| match pair {
            Pair::OnlyB(j) => Some(*j),
            Pair::OnlyA(_) | Pair::Both(..) => None,
        });
        let (only_a, only_b): (Vec<usize>, Vec<usize>) = (only_a.collect(), only_b.collect());
        let at_ns = match (only_a.first(), only_b.first()) {
            (Some(i), _) => said_a[*i].at_ns,
            (None, Some(j)) => said_b[*j].at_ns,
            (None, None) => continue,
        };
        let place = only_a.first().or(only_b.first()).map_or(0, |n| n + 1);
        if found
            .first
            .as_ref()
            .is_none_or(|(_, _, first)| at_ns < *first)
        {
            found.first = Some((phone.to_owned(), place, at_ns));
        }
        // The same message with other words, where both go apart.
        let changed = match (only_a.first(), only_b.first()) {
            (Some(i), Some(j)) if is_alike(said_a[*i], said_b[*j]) => {
                let (before, after) = (&words_a[*i], &said_b[*j].text);
                let line = format!("{phone} {place}: ~ {before} becomes {after}");
                found.differences.push(line);
                1
            }
            _ => 0,
        };
        let lines = only_a[changed..].iter().map(|i| (i + 1, '-', &words_a[*i]));
        let lines = lines.chain(only_b[changed..].iter().map(|j| (j + 1, '+', &words_b[*j])));
        let lines = lines.map(|(n, sign, words)| format!("{phone} {n}: {sign} {words}"));
        found.differences.extend(lines);
    }
    match (unanswered(a, phone), unanswered(b, phone)) {
        (false, true) => found
            .differences
            .push(format!("{phone}: heartbeats are not answered")),
        (true, false) => found
            .differences
            .push(format!("{phone}: heartbeats are answered")),
        (true, true) | (false, false) => {}
    }
    had_no_time == 0
}

/// Whether two messages are the same but for their words.
fn is_alike(a: &Said, b: &Said) -> bool {
    (a.by, &a.element, &a.name) == (b.by, &b.element, &b.name)
}

/// What was said, without heartbeats.
fn sequence<'a>(record: &'a Record, phone: &str) -> Vec<&'a Said> {
    let said = record.said.get(phone).into_iter().flatten();
    said.filter(|said| !is_heartbeat(&said.name)).collect()
}

fn token(said: &Said) -> String {
    let (element, text) = (&said.element, &said.text);
    match said.by {
        By::Set => format!("to {element}: {text}"),
        By::Element => format!("from {element}: {text}"),
        By::Nobody if element.is_empty() => text.clone(),
        By::Nobody => format!("{element}: {text}"),
    }
}

/// How many pairs at the end are there in one run only because the other one ended before: their first would have come
/// after its end.
fn cut(pairs: &[Pair], said: [&[&Said]; 2], ended_ns: [u64; 2], tolerance: Duration) -> usize {
    let is_both = |pair: &&Pair| matches!(pair, Pair::Both(..));
    let tail = pairs.iter().rev().take_while(|pair| !is_both(pair)).count();
    let last = match pairs[..pairs.len() - tail].last() {
        Some(Pair::Both(i, j)) => [said[0][*i].at_ns, said[1][*j].at_ns],
        Some(Pair::OnlyA(_) | Pair::OnlyB(_)) | None => [0, 0],
    };
    let tail_pairs = &pairs[pairs.len() - tail..];
    let (has, at_ns) = match tail_pairs.first() {
        Some(Pair::OnlyA(i)) => (0, said[0][*i].at_ns),
        Some(Pair::OnlyB(j)) => (1, said[1][*j].at_ns),
        Some(Pair::Both(..)) | None => return 0,
    };
    let of_one_run = tail_pairs
        .iter()
        .all(|pair| matches!((has, pair), (0, Pair::OnlyA(_)) | (1, Pair::OnlyB(_))));
    let gap_ns = at_ns.saturating_sub(last[has]);
    let left_ns = ended_ns[1 - has].saturating_sub(last[1 - has]);
    let tolerance_ns = u64::try_from(tolerance.as_nanos()).unwrap_or(u64::MAX);
    match of_one_run && left_ns <= gap_ns.saturating_add(tolerance_ns) {
        true => tail,
        false => 0,
    }
}

/// Whether a set waited for answers to heartbeats, other than the last one.
fn unanswered(record: &Record, phone: &str) -> bool {
    let said = record.said.get(phone);
    let count = |name: &str| {
        said.into_iter()
            .flatten()
            .filter(|it| it.name == name)
            .count()
    };
    count(Message::Heartbeat.name()) > count(Message::HeartbeatAnswer.name()) + 1
}

/// Compares a set as it is at the end.
fn states(phone: &str, a: &Value, b: &Value, found: &mut Comparison) {
    for (key, name) in [
        ("dn", "DN"),
        ("element", "element"),
        ("stored_pin", "stored PIN"),
        ("display", "display"),
    ] {
        if a[key] != b[key] {
            let (before, after) = (shown(&a[key]), shown(&b[key]));
            let line = format!("{phone} at the end: {name} {before} becomes {after}");
            found.differences.push(line);
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(lines) => {
            let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
            format!("`{}`", lines.join(" / "))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
