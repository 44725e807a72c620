//! A recorded run: what each set and its elements said to each other, and what came of it. JSON, one object a line.
//!
//! The first line is the head, the last one the outcome, as `jackfield run --json` has it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::outbox::{PhoneEvent, TraceEvent};
use crate::scenario::plan::{Plan, Step};
use crate::scenario::{Listener, SetMessage, Verdict};
use crate::time::Instant;

/// The form of the lines; another number is another form.
const VERSION: u32 = 1;

/// What was said, or a set noticed, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Nanoseconds since the run's start.
    pub at_ns: u64,
    pub phone: String,
    pub by: By,
    /// The element: its name, or its address if the scenario has none there.
    pub element: String,
    /// The message's name, such as `Save PIN`.
    pub name: String,
    /// The whole message in words, without its number: `Save PIN, pin ***6000`.
    pub text: String,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    Set,
    Element,
    /// Nobody: the set has no connection, or loses it.
    Nobody,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Record {
        version: u32,
        title: String,
        seed: u64,
        live: bool,
    },
    Said(Said),
}

/// Writes a run's record while it goes on.
#[derive(Debug)]
pub struct RecordWriter<W> {
    out: W,
    phones: Vec<String>,
    elements: BTreeMap<Ipv4Addr, String>,
    /// The first thing that went wrong.
    error: Option<io::Error>,
}

impl<W: Write> RecordWriter<W> {
    /// A record to `out`, of a run that is live or in virtual time.
    pub fn new(plan: &Plan, live: bool, out: W) -> RecordWriter<W> {
        let elements = plan.elements.iter();
        let mut writer = RecordWriter {
            out,
            phones: plan.phones.iter().map(|phone| phone.name.clone()).collect(),
            elements: elements.map(|it| (it.address, it.name.clone())).collect(),
            error: None,
        };
        writer.write(&Line::Record {
            version: VERSION,
            title: plan.title.clone(),
            seed: plan.seed,
            live,
        });
        writer
    }

    /// Ends the record with the run's outcome.
    ///
    /// # Errors
    /// The record is not whole.
    pub fn finish(mut self, outcome: &Value) -> io::Result<()> {
        self.write(outcome);
        match self.error {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn write(&mut self, line: &impl Serialize) {
        if self.error.is_some() {
            return;
        }
        let written = serde_json::to_writer(&mut self.out, line).map_err(io::Error::from);
        self.error = written.and_then(|()| self.out.write_all(b"\n")).err();
    }

    fn element(&self, address: Ipv4Addr) -> String {
        let name = self.elements.get(&address);
        name.cloned().unwrap_or_else(|| address.to_string())
    }
}

impl<W: Write> Listener for RecordWriter<W> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all else that a set does is seen in what it says"
    )]
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent) {
        let TraceEvent::Phone(event) = event else {
            return;
        };
        let (element, name, text) = match event {
            PhoneEvent::ConnectFailed { to, reason } => (
                self.element(*to),
                "no connection",
                format!("no connection: {reason}"),
            ),
            PhoneEvent::Unregistered { reason } => (
                String::new(),
                "out of service",
                format!("out of service: {reason}"),
            ),
            _ => return,
        };
        self.write(&Line::Said(Said {
            at_ns: now.as_nanos(),
            phone: who.to_owned(),
            by: By::Nobody,
            element,
            name: name.to_owned(),
            text,
        }));
    }

    fn step(&mut self, _now: Instant, _plan: &Plan, _step: &Step) {}

    fn verdict(&mut self, _verdict: &Verdict) {}

    fn message(&mut self, now: Instant, message: &SetMessage<'_>) {
        let said = Said {
            at_ns: now.as_nanos(),
            phone: self.phones[message.phone.0].clone(),
            by: if message.from_set {
                By::Set
            } else {
                By::Element
            },
            element: self.element(message.element),
            name: message.envelope.message.name().to_owned(),
            text: format!("{:#}", message.envelope),
        };
        self.write(&Line::Said(said));
    }
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub seed: u64,
    /// By phone, in order.
    pub said: BTreeMap<String, Vec<Said>>,
    /// As `jackfield run --json` has it.
    pub outcome: Value,
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// Why it is none, or not a whole one.
    pub fn read(text: &str) -> Result<Record, String> {
        let mut lines = text.lines();
        let head = lines.next().ok_or("it is empty")?;
        let seed = match serde_json::from_str(head) {
            Ok(Line::Record { version, seed, .. }) if version == VERSION => seed,
            Ok(_) | Err(_) => return Err(format!("it is no record of form {VERSION}")),
        };
        let mut said: BTreeMap<String, Vec<Said>> = BTreeMap::new();
        let last = lines.next_back().ok_or("its run was not finished")?;
        for (number, line) in (2..).zip(lines) {
            match serde_json::from_str(line) {
                Ok(Line::Said(it)) => said.entry(it.phone.clone()).or_default().push(it),
                Ok(Line::Record { .. }) => return Err("a second record begins in it".to_owned()),
                Err(error) => return Err(format!("line {number}: {error}")),
            }
        }
        let outcome: Value = serde_json::from_str(last).unwrap_or_default();
        match outcome["type"] == "outcome" {
            true => Ok(Record {
                seed,
                said,
                outcome,
            }),
            false => Err("its run was not finished".to_owned()),
        }
    }

    /// When the run ended, in nanoseconds since its start.
    pub fn ended_ns(&self) -> u64 {
        self.outcome["ended_ns"].as_u64().unwrap_or(0)
    }
}
