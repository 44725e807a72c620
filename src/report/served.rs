//! What a standing network has served: counted as it happens, for the summary at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Remarks;
use super::words::Line;
use crate::outbox::{Answer, DropReason, LeaseEvent, TraceEvent};
use crate::scenario::plan::{Plan, Step};
use crate::scenario::{Listener, Outcome, Verdict, counted};
use crate::time::Instant;
use crate::wire::{Frame, Mac};

/// A report that tells leases, downloads and registrations whether details are asked for or not, and counts them.
#[derive(Debug)]
pub struct ServedReport<L> {
    inner: L,
    served: Served,
}

/// How much was served.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Served {
    /// ACKs of DHCP, renewals too.
    pub leases: u64,
    /// MACs that have had one.
    pub clients: BTreeSet<Mac>,
    /// Requests that were refused, or for which no address was left.
    pub refusals: u64,
    /// Downloads that came to their end, and those that did not.
    pub files: u64,
    pub failed_files: u64,
    /// Bytes of the files that came to their end.
    pub bytes: u64,
    /// The DN that each set was last registered at.
    pub registered: BTreeMap<Mac, String>,
}

impl<L: Listener + Remarks> ServedReport<L> {
    /// A report that has counted nothing yet.
    pub fn new(inner: L) -> ServedReport<L> {
        ServedReport {
            inner,
            served: Served::default(),
        }
    }

    /// What was served so far.
    pub fn served(&self) -> &Served {
        &self.served
    }
}

impl Served {
    fn note(&mut self, event: &TraceEvent) {
        match event {
            TraceEvent::Lease(LeaseEvent::Granted { mac, .. }) => {
                self.leases += 1;
                self.clients.insert(*mac);
            }
            TraceEvent::Lease(LeaseEvent::Refused { .. } | LeaseEvent::Exhausted { .. }) => {
                self.refusals += 1;
            }
            TraceEvent::Served(download) => match &download.outcome {
                Ok(bytes) => {
                    self.files += 1;
                    self.bytes += bytes;
                }
                Err(_) => self.failed_files += 1,
            },
            TraceEvent::Decision(decision) => {
                if let Answer::Registered { dn } = &decision.answer {
                    self.registered.insert(decision.mac, dn.clone());
                }
            }
            TraceEvent::Lease(_)
            | TraceEvent::Dropped { .. }
            | TraceEvent::Neighbour { .. }
            | TraceEvent::SetLost { .. }
            | TraceEvent::Administered(_)
            | TraceEvent::Trunk(_)
            | TraceEvent::Phone(_) => {}
        }
    }

    /// For a person: a few lines.
    pub fn summary(&self, outcome: &Outcome) -> String {
        let mut text = format!(
            "\nserved for {} s: {} to {}, {} ({}), {} registered\n",
            outcome.ended,
            counted(self.leases, "lease"),
            counted(self.clients.len() as u64, "client"),
            counted(self.files, "file"),
            counted(self.bytes, "byte"),
            counted(self.registered.len() as u64, "set")
        );
        if self.refusals + self.failed_files > 0 {
            let _ = writeln!(
                text,
                "not served: {} for an address, {}",
                counted(self.refusals, "request"),
                counted(self.failed_files, "file")
            );
        }
        let drops = outcome
            .drops
            .iter()
            .filter(|(reason, _)| !DropReason::is_routine(**reason));
        let drops: Vec<String> = drops.map(|(reason, n)| format!("{n} {reason}")).collect();
        if !drops.is_empty() {
            let _ = writeln!(text, "not delivered: {}", drops.join(", "));
        }
        text
    }

    /// For a program.
    pub fn json(&self, outcome: &Outcome) -> Value {
        let registered = self.registered.iter();
        let registered = registered.map(|(mac, dn)| (mac.to_string(), json!(dn)));
        json!({
            "type": "served",
            "ended_ns": outcome.ended.as_nanos(),
            "frames": outcome.frames,
            "leases": self.leases,
            "clients": self.clients.len(),
            "refusals": self.refusals,
            "files": self.files,
            "failed_files": self.failed_files,
            "bytes": self.bytes,
            "registered": registered.collect::<serde_json::Map<_, _>>(),
        })
    }
}

impl<L: Listener + Remarks> Listener for ServedReport<L> {
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent) {
        self.served.note(event);
        let told_anyway = match event {
            TraceEvent::Lease(event) => !matches!(event, LeaseEvent::Offered { .. }),
            TraceEvent::Served(_) => true,
            TraceEvent::Dropped { .. }
            | TraceEvent::Neighbour { .. }
            | TraceEvent::Decision(_)
            | TraceEvent::SetLost { .. }
            | TraceEvent::Administered(_)
            | TraceEvent::Trunk(_)
            | TraceEvent::Phone(_) => false,
        };
        if told_anyway
            && !self.inner.is_deaf()
            && let Line::Detail(text) = super::words::line(event)
        {
            return self.inner.remark(now, who, Line::Says(text));
        }
        self.inner.event(now, who, event);
    }

    fn step(&mut self, now: Instant, plan: &Plan, step: &Step) {
        self.inner.step(now, plan, step);
    }

    fn verdict(&mut self, verdict: &Verdict) {
        self.inner.verdict(verdict);
    }

    fn frame(&mut self, now: Instant, frame: &Frame) {
        self.inner.frame(now, frame);
    }
}
