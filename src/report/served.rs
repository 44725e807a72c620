//! What a standing network has served: counted as it happens, for the summary at its end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::Remarks;
use super::words::Line;
use crate::outbox::{Answer, DropReason, LeaseEvent, TraceEvent};
use crate::scenario::plan::{HostKind, Plan, Step};
use crate::scenario::{Listener, Outcome, Verdict, counted};
use crate::time::Instant;
use crate::wire::{Frame, Mac, dhcp, dns, reg};

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
    /// MACs that have had one, and how many ACKs.
    pub clients: BTreeMap<Mac, u64>,
    /// Leases that were told of and not given, as they could not be kept: address and client.
    pub not_given: Vec<(Ipv4Addr, Mac)>,
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

    /// Tells of the leases that a file had: how many, and how many of them run.
    pub fn leases_read(&mut self, file: &str, leases: usize, current: usize) {
        let leases = counted(leases as u64, "lease");
        let text = format!("{leases} from {file}, {current} of them current");
        self.inner.remark(Instant::ZERO, "serve", Line::Says(text));
    }

    /// Tells who serves from now on: DHCP, TFTP, DNS, elements, each in the scenario's order.
    pub fn ready(&mut self, plan: &Plan) {
        for (who, text) in servers(plan) {
            self.inner.remark(Instant::ZERO, who, Line::Says(text));
        }
    }

    /// What was served so far.
    pub fn served(&self) -> &Served {
        &self.served
    }
}

/// Who serves what, and where.
fn servers(plan: &Plan) -> Vec<(&str, String)> {
    let (mut of_dhcp, mut of_tftp, mut of_dns) = (Vec::new(), Vec::new(), Vec::new());
    for host in &plan.hosts {
        let name = host.name.as_str();
        match &host.kind {
            HostKind::Dhcp { address } => {
                let subnets = plan.served_by(*address);
                let subnets = subnets.map(|(id, _)| plan.subnets[id.0].name.as_str());
                let subnets = subnets.collect::<Vec<_>>().join(", ");
                let port = dhcp::SERVER_PORT;
                of_dhcp.push((
                    name,
                    format!("serves DHCP at {address}:{port} for {subnets}"),
                ));
            }
            HostKind::Tftp { address, ports, .. } => {
                let places = ports.iter().map(|port| format!("{address}:{port}"));
                let places = places.collect::<Vec<_>>().join(" and ");
                of_tftp.push((name, format!("serves TFTP at {places}")));
            }
            HostKind::Dns { address, .. } => {
                of_dns.push((name, format!("serves DNS at {address}:{}", dns::PORT)));
            }
            HostKind::Kernel { .. } | HostKind::Interface { .. } => {}
        }
    }
    let elements = plan.elements.iter().map(|element| {
        let (address, port) = (element.address, reg::PORT);
        let text = format!("registers sets at {address}:{port}");
        (element.name.as_str(), text)
    });
    [of_dhcp, of_tftp, of_dns]
        .into_iter()
        .flatten()
        .chain(elements)
        .collect()
}

impl Served {
    fn note(&mut self, event: &TraceEvent) {
        match event {
            TraceEvent::Lease(LeaseEvent::Granted { mac, .. }) => {
                self.leases += 1;
                *self.clients.entry(*mac).or_default() += 1;
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

    /// These leases were told of, but their ACKs have never left: they could not be kept.
    pub fn take_back(&mut self, leases: Vec<(Ipv4Addr, Mac)>) {
        for (_, mac) in &leases {
            self.leases = self.leases.saturating_sub(1);
            if let Some(given) = self.clients.get_mut(mac) {
                *given = given.saturating_sub(1);
            }
        }
        self.clients.retain(|_, given| *given > 0);
        self.not_given = leases;
    }

    /// For a person: which leases were not given, if there are any.
    pub fn not_given_line(&self) -> Option<String> {
        const NAMED_MAX: usize = 5;
        let (named, rest) = self.not_given.split_at(self.not_given.len().min(NAMED_MAX));
        let named = named
            .iter()
            .map(|(address, mac)| format!("{address} to {mac}"));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match rest.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let any = !self.not_given.is_empty();
        any.then(|| format!("could not be kept, and so not given: {named}{more}"))
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
        if !self.not_given.is_empty() {
            let leases = counted(self.not_given.len() as u64, "lease");
            let _ = writeln!(text, "not given: {leases} that could not be kept");
        }
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
        let not_given = self.not_given.iter();
        let not_given = not_given
            .map(|(address, mac)| json!({"address": address.to_string(), "mac": mac.to_string()}));
        json!({
            "type": "served",
            "ended_ns": outcome.ended.as_nanos(),
            "frames": outcome.frames,
            "leases": self.leases,
            "clients": self.clients.len(),
            "not_given": not_given.collect::<Vec<_>>(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::JsonLines;
    use crate::scenario::{Deaf, Files, Recorder, Run, read, standing};
    use crate::time::Duration;

    #[test]
    fn who_serves_is_told_before_anything_else_a_line_each() {
        let text = include_str!("../../fixtures/scenarios/live/host-program.toml");
        let dns = "[[dns]]\nname = \"names\"\naddress = \"10.9.0.53\"\nrecords = { \"mivb-a.test\" = \"10.9.0.10\" }\n";
        let office = "gateway = { router = \"r1\" }\ndhcp = { server = \"10.1.0.3\", pool = \"10.1.0.50 - 10.1.0.59\" }";
        let text = text.replacen("gateway = { router = \"r1\" }", office, 1);
        let plan = standing(read(&format!("{text}\n{dns}")).unwrap());
        let mut out = Vec::new();
        let mut report = ServedReport::new(JsonLines::new(&mut out));
        report.leases_read("leases.redb", 3, 2);
        report.ready(&plan);
        let lines = String::from_utf8(out).unwrap();
        let lines = lines.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (&line["type"], &line["at_ns"]),
                (&json!("event"), &json!(0))
            );
            let word = |key: &str| line[key].as_str().unwrap().to_owned();
            format!("{}: {}", word("who"), word("text"))
        });
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                "serve: 3 leases from leases.redb, 2 of them current",
                "dhcp.office: serves DHCP at 10.1.0.3:67 for office",
                "firmware: serves TFTP at 10.9.0.20:20001 and 10.9.0.20:69",
                "names: serves DNS at 10.9.0.53:53",
                "mivb-a: registers sets at 10.9.0.10:6800",
            ]
        );
    }

    #[test]
    fn a_lease_that_could_not_be_kept_counts_as_not_given() {
        let address = |last| Ipv4Addr::new(10, 1, 0, last);
        let (anna, ben) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
        let mut report = ServedReport::new(Deaf);
        for (mac, address) in [(anna, address(50)), (ben, address(51)), (anna, address(50))] {
            let lease = Duration::from_secs(60);
            let granted = LeaseEvent::Granted {
                mac,
                address,
                lease,
            };
            report.event(Instant::ZERO, "dhcp.office", &TraceEvent::Lease(granted));
        }
        let mut served = report.served().clone();
        assert_eq!(served.not_given_line(), None);
        // The last two are one batch: one of them renews.
        served.take_back(vec![(address(51), ben), (address(50), anna)]);
        let plan = read(
            "scenario = \"s\"\nsubnet = [{ name = \"a\", prefix = \"10.1.0.0/24\", gateway = \"none\" }]",
        );
        let plan = plan.unwrap();
        let run = Run::new(&plan, &Files::new(), Recorder::off(), Deaf).unwrap();
        let (outcome, ..) = run.finish();
        let summary = served.summary(&outcome);
        assert!(summary.contains(": 1 lease to 1 client, "), "{summary}");
        let line = "\nnot given: 2 leases that could not be kept\n";
        assert!(summary.contains(line), "{summary}");
        assert_eq!(
            served.not_given_line().unwrap(),
            "could not be kept, and so not given: 10.1.0.51 to 02:00:00:00:00:02, 10.1.0.50 to 02:00:00:00:00:01"
        );
        assert_eq!(
            served.json(&outcome)["not_given"][0]["address"],
            "10.1.0.51"
        );
    }
}
