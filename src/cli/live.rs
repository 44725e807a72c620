//! `jackfield run --live`: a run on the machine's clock, with its kernel behind TAP devices.
//!
//! ```text
//!   probe ──▶ ports, one a kernel host ──▶ clock starts ──▶ drive ──▶ was it on time?
//! ```
//!
//! The machine is asked before anything is written, so that a refusal leaves an earlier capture alone. A
//! scenario without kernel hosts needs no rights: it runs on the clock and touches nothing else.
//!
//! A live run is *invalid*, neither passed nor failed, where the harness was so late that what was seen says
//! nothing: a deadline was met past the bound, or frames of programs were lost because nobody read them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::os::{
    Clock, Interrupts, Lateness, LiveError, MachineRefusal, Port, PortSettings, Settings,
    drive_live, probe,
};
use crate::scenario::plan::{Action, Host, HostKind, Plan, StepKind};
use crate::scenario::{Listener, Run};
use crate::time::{Duration, Instant};

/// How the harness kept up with a live run.
#[derive(Debug)]
pub(super) struct Pace {
    lateness: Lateness,
    /// Kernel hosts of whose programs frames were lost, and how many.
    lost: Vec<(String, u64)>,
}

/// Whether the machine lets this plan run live.
///
/// # Errors
/// What it lacks, and how to get it.
pub(super) fn refusal(plan: &Plan) -> Result<(), MachineRefusal> {
    match plan.hosts.iter().any(is_kernel) {
        true => probe(),
        false => Ok(()),
    }
}

fn is_kernel(host: &Host) -> bool {
    matches!(host.kind, HostKind::Kernel { .. })
}

/// Puts the folder of the scenario file in the place of `{scenario}` in the plan's commands.
pub(super) fn place_commands(plan: &mut Plan, folder: &Path) {
    let folder = folder.display().to_string();
    for step in &mut plan.steps {
        if let StepKind::Act(Action::Exec(exec)) = &mut step.kind {
            for word in &mut exec.command {
                *word = word.replace("{scenario}", &folder);
            }
        }
    }
}

/// Drives a run to its end on the machine's clock. `prepared` is a clock that began with the capture's epoch.
///
/// # Errors
/// The machine failed in the middle, or the user ended the run.
pub(super) fn drive<L: Listener>(
    run: &mut Run<'_, L>,
    plan: &Plan,
    prepared: &Clock,
) -> Result<Pace, LiveError> {
    let interrupts = Interrupts::catch()?;
    let hosts: Vec<&Host> = run.edges().map(|host| &plan.hosts[host.0]).collect();
    let open = |host: &&Host| Port::open(&port_settings(plan, host));
    let mut ports: Vec<Port> = hosts.iter().map(open).collect::<Result<_, _>>()?;
    let settings = Settings {
        interrupts: Some(&interrupts),
        ..Settings::default()
    };
    run.begin_later(prepared.now().since(Instant::ZERO));
    let clock = Clock::start();
    let lateness = drive_live(run, &mut ports, &clock, &settings)?;
    let mut lost = Vec::new();
    for (host, port) in hosts.iter().zip(&ports) {
        // A scenario may delete `eth0`: then there is nothing to ask.
        let overruns = port.overruns().unwrap_or(0);
        if overruns > 0 {
            lost.push((host.name.clone(), overruns));
        }
    }
    Ok(Pace { lateness, lost })
}

fn port_settings(plan: &Plan, host: &Host) -> PortSettings {
    let subnet = &plan.subnets[host.at.0];
    let address = match host.kind {
        HostKind::Kernel { address } => address,
        HostKind::Tftp { .. } | HostKind::Dns { .. } | HostKind::Dhcp => None,
    };
    PortSettings {
        mac: host.mac,
        address: address.map(|address| (address, subnet.prefix.len)),
        gateway: address.and(subnet.gateway),
    }
}

impl Pace {
    /// Whether the harness kept up, so that the run counts.
    pub(super) fn is_valid(&self) -> bool {
        self.lateness.late == 0 && self.lost.is_empty()
    }

    /// For a person: a line, or why the run does not count.
    pub(super) fn summary(&self) -> String {
        let Lateness {
            worst,
            late,
            deadlines,
        } = self.lateness;
        let (worst, bound) = (millis(worst), millis(Settings::LATE_BOUND));
        if self.is_valid() {
            return format!("on time: at most {worst} ms late at {deadlines} deadlines\n");
        }
        let mut text = String::from("INVALID: this run counts as neither passed nor failed\n");
        if late > 0 {
            let _ = writeln!(
                text,
                "  {late} of {deadlines} deadlines were met more than {bound} ms late, the worst {worst} ms: \
                 the machine is too busy"
            );
        }
        for (host, frames) in &self.lost {
            let _ = writeln!(
                text,
                "  {frames} frames of {host} were lost: they came faster than they were read"
            );
        }
        text
    }

    /// For a program.
    pub(super) fn json(&self) -> Value {
        let lost = self.lost.iter();
        let lost = lost.map(|(host, frames)| (host.clone(), json!(frames)));
        json!({
            "valid": self.is_valid(),
            "worst_late_ns": nanos(self.lateness.worst),
            "bound_ns": nanos(Settings::LATE_BOUND),
            "deadlines": self.lateness.deadlines,
            "late": self.lateness.late,
            "lost": lost.collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// Milliseconds with two digits behind the point.
fn millis(span: Duration) -> String {
    format!("{:.2}", span.as_secs_f64() * 1e3)
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    const SCENARIO: &str = r#"
scenario = "Two kernels"

[[subnet]]
name = "office"
prefix = "10.1.0.0/24"
gateway = { router = "r1" }

[[host]]
name = "with"
kernel = true
address = "10.1.0.30"

[[host]]
name = "without"
at = "office"
kernel = true
mac = "02:00:00:00:00:77"

[[step]]
exec = { host = "with", command = ["sh", "{scenario}/a.sh", "-d={scenario}"] }
"#;

    #[test]
    fn a_port_has_the_address_and_gateway_only_of_a_host_that_has_an_address() {
        let plan = scenario::read(SCENARIO).unwrap();
        let with = port_settings(&plan, &plan.hosts[0]);
        assert_eq!(with.address, Some(([10, 1, 0, 30].into(), 24)));
        assert_eq!(with.gateway, Some([10, 1, 0, 1].into()));
        let without = port_settings(&plan, &plan.hosts[1]);
        assert_eq!((without.address, without.gateway), (None, None));
        assert_eq!(without.mac.to_string(), "02:00:00:00:00:77");
    }

    #[test]
    fn the_scenarios_folder_is_put_into_commands() {
        let mut plan = scenario::read(SCENARIO).unwrap();
        place_commands(&mut plan, Path::new("/opt/lab"));
        let StepKind::Act(Action::Exec(exec)) = &plan.steps[0].kind else {
            panic!("{:?}", plan.steps);
        };
        assert_eq!(exec.command, ["sh", "/opt/lab/a.sh", "-d=/opt/lab"]);
    }

    #[test]
    fn a_run_past_the_bound_or_with_lost_frames_does_not_count() {
        let mut pace = Pace {
            lateness: Lateness {
                worst: Duration::from_micros(1_234),
                late: 0,
                deadlines: 812,
            },
            lost: Vec::new(),
        };
        let on_time = "on time: at most 1.23 ms late at 812 deadlines\n";
        assert_eq!((pace.is_valid(), pace.summary().as_str()), (true, on_time));
        pace.lost.push(("laptop".to_owned(), 3));
        assert!(!pace.is_valid());
        pace.lost.clear();
        pace.lateness.late = 1;
        assert!(!pace.is_valid());
        assert!(pace.summary().starts_with("INVALID: "));
        assert_eq!(pace.json()["worst_late_ns"], 1_234_000);
    }
}
