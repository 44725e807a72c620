//! The report for a program: JSON, one object a line; the last one is the outcome.

use std::io::Write;

use serde_json::{Value, json};

use super::words::{Line, line};
use super::{Remarks, rules};
use crate::outbox::TraceEvent;
use crate::scenario::plan::{Plan, Step};
use crate::scenario::{Listener, Outcome, Verdict, Violation};
use crate::time::Instant;

/// Writes each event, step and verdict of a run as a line.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    /// Lines to `out`; what can't be written is lost silently, as on a closed pipe.
    pub fn new(out: W) -> JsonLines<W> {
        JsonLines { out }
    }

    fn write(&mut self, value: &Value) {
        let _ = writeln!(self.out, "{value}");
    }
}

impl<W: Write> Remarks for JsonLines<W> {
    fn remark(&mut self, now: Instant, who: &str, line: Line) {
        let (kind, text) = match line {
            Line::Says(text) => ("event", text),
            Line::Trouble(text) => ("trouble", text),
            Line::Detail(text) => ("detail", text),
            Line::Display(upper, lower) => {
                let display = [upper, lower];
                let at = now.as_nanos();
                return self
                    .write(&json!({"type": "display", "at_ns": at, "who": who, "lines": display}));
            }
        };
        self.write(&json!({"type": kind, "at_ns": now.as_nanos(), "who": who, "text": text}));
    }
}

impl<W: Write> Listener for JsonLines<W> {
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent) {
        self.remark(now, who, line(event));
    }

    fn step(&mut self, now: Instant, plan: &Plan, step: &Step) {
        let text = step.kind.describe(plan);
        let at = now.as_nanos();
        self.write(&json!({"type": "step", "at_ns": at, "line": step.line, "text": text}));
    }

    fn verdict(&mut self, verdict: &Verdict) {
        let mut value = verdict_json(verdict);
        value["type"] = json!("verdict");
        self.write(&value);
    }
}

fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "line": verdict.line,
        "passed": verdict.passed,
        "when": verdict.when,
        "expected": verdict.expected,
        "found": verdict.found,
        "told": verdict.told,
        "at_ns": verdict.at.as_nanos(),
        "frames": verdict.frames,
        "after_frame": verdict.after,
        "filter": verdict.filter,
    })
}

fn violation_json(plan: &Plan, violation: &Violation) -> Value {
    let evidence = violation.evidence.iter().map(|it| {
        let text = line(&it.event).into_text();
        json!({"at_ns": it.at.as_nanos(), "text": text})
    });
    json!({
        "at_ns": violation.at.as_nanos(),
        "rule": violation.rule,
        "who": violation.set.map(|set| &plan.phones[set.0].name),
        "what": violation.what,
        "evidence": evidence.collect::<Vec<_>>(),
    })
}

/// The outcome as one object.
pub fn outcome_json(plan: &Plan, outcome: &Outcome, file: &str, capture: Option<&str>) -> Value {
    let phones = plan.phones.iter().zip(&outcome.phones);
    let phones = phones.map(|(phone, view)| {
        let registered = view.registered.as_ref();
        json!({
            "name": phone.name,
            "mac": phone.mac.to_string(),
            "display": [view.display.upper, view.display.lower],
            "address": view.address.map(|address| address.to_string()),
            "dn": registered.map(|(dn, _)| dn),
            "element": registered.map(|(_, element)| element.to_string()),
            "stored_pin": view.stored_pin,
        })
    });
    let drops = outcome.drops.iter();
    let drops = drops.map(|(reason, count)| (reason.to_string(), json!(count)));
    let programs = outcome.programs.iter();
    let programs = programs.map(|program| {
        json!({
            "host": program.host,
            "found": program.found,
            "output": program.output,
            "log": program.log,
        })
    });
    let rules = rules::at_stake(plan, outcome).into_iter();
    let rules = rules.map(|id| json!({"id": id, "says": rules::says(id)}));
    let faults = plan.elements.iter().filter_map(|element| {
        let (name, fault) = (&element.name, element.fault?);
        Some(json!({"element": name, "fault": fault.name(), "rule": fault.rule()}))
    });
    let stopped = outcome.stopped.as_ref();
    let violation = outcome.violation.as_ref();
    json!({
        "type": "outcome",
        "scenario": file,
        "title": plan.title,
        "shows": plan.shows,
        "faults": faults.collect::<Vec<_>>(),
        "seed": plan.seed,
        "passed": outcome.passed(),
        "verdicts": outcome.verdicts.iter().map(verdict_json).collect::<Vec<_>>(),
        "stopped": stopped.map(|stopped| json!({"line": stopped.line, "reason": stopped.reason})),
        "skipped": outcome.skipped,
        "violation": violation.map(|violation| violation_json(plan, violation)),
        "rules": rules.collect::<Vec<_>>(),
        "ended_ns": outcome.ended.as_nanos(),
        "frames": outcome.frames,
        "events": outcome.counters.events,
        "drops": drops.collect::<serde_json::Map<_, _>>(),
        "phones": phones.collect::<Vec<_>>(),
        "programs": programs.collect::<Vec<_>>(),
        "capture": capture,
    })
}
