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
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};

use super::leases::{Kept, Lasting};
use crate::os::{
    Clock, Interrupts, Lateness, LiveError, MachineRefusal, Namespace, Port, PortSettings,
    Settings, date_nanos, drive_live, is_root, prepare, probe,
};
use crate::scenario::plan::{Action, HostKind, Plan, StationId, StepKind};
use crate::scenario::{Listener, Run, show_duration};
use crate::time::{Duration, Instant};

/// How a live run is driven.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// How late a deadline may be met.
    pub(super) late_max: Duration,
    /// It goes on until it is interrupted.
    pub(super) stands: bool,
    /// Namespaces get names, and outlive the run.
    pub(super) keep: bool,
}

/// How the harness kept up with a live run.
#[derive(Debug)]
pub(super) struct Pace {
    lateness: Lateness,
    late_max: Duration,
    /// Hosts outside of which frames were lost on their way in, and how many.
    lost: Vec<(String, u64)>,
    /// The same of elements outside. A controller that sends more than is read is at fault itself.
    flooded: Vec<(String, u64)>,
    /// Frames that the machine did not take from the run, by host.
    refused: Vec<(String, u64)>,
    /// Frames that came in longer than a cable carries, by interface.
    oversized: Vec<(String, u64)>,
}

/// Whether the machine lets this plan run live.
///
/// # Errors
/// What it lacks, and how to get it.
pub(super) fn refusal(plan: &Plan) -> Result<(), MachineRefusal> {
    let has_interface = plan
        .outside()
        .any(|station| device(plan, station).is_some());
    match kernels(plan).next().is_some() {
        // In a user namespace of its own the run could not have the interface.
        true if has_interface => probe(),
        true => prepare(),
        false => Ok(()),
    }
}

/// Whether the namespaces of this plan can be kept. Asked before [`refusal`], which may make the user root of a user
/// namespace.
///
/// # Errors
/// What stands against it.
pub(super) fn keep_refusal(plan: &Plan) -> Result<(), String> {
    let mut names = kernels(plan).map(|station| kept_name(plan, station));
    if !is_root() && kernels(plan).next().is_some() {
        return Err("--keep needs root: run it with sudo, for example".to_owned());
    }
    match names.find(|name| Namespace::is_kept(name)) {
        Some(name) => Err(format!(
            "there is a namespace {name} already; `ip netns delete {name}` removes it"
        )),
        None => Ok(()),
    }
}

/// The interface of the machine that a station is.
fn device(plan: &Plan, station: StationId) -> Option<&str> {
    let StationId::Host(host) = station else {
        return None;
    };
    match &plan.hosts[host.0].kind {
        HostKind::Interface { device } => Some(device),
        HostKind::Kernel { .. }
        | HostKind::Tftp { .. }
        | HostKind::Dns { .. }
        | HostKind::Dhcp { .. } => None,
    }
}

/// The stations that are kernels of the machine, in namespaces of their own.
fn kernels(plan: &Plan) -> impl Iterator<Item = StationId> + '_ {
    plan.outside()
        .filter(|station| device(plan, *station).is_none())
}

/// Puts the folder of the scenario file in the place of `{scenario}` in the plan's commands, and the host's address in
/// that of `{address}`.
pub(super) fn place_commands(plan: &mut Plan, folder: &Path) {
    let folder = folder.display().to_string();
    let place = |command: &mut Vec<String>, address: Option<Ipv4Addr>| {
        let address = address
            .map(|address| address.to_string())
            .unwrap_or_default();
        for word in command {
            *word = word
                .replace("{scenario}", &folder)
                .replace("{address}", &address);
        }
    };
    let mut addresses = vec![None; plan.hosts.len()];
    for (host, kept) in plan.hosts.iter_mut().zip(&mut addresses) {
        if let HostKind::Kernel {
            address, program, ..
        } = &mut host.kind
        {
            *kept = *address;
            if let Some(program) = program {
                place(&mut program.command, *address);
            }
        }
    }
    for element in &mut plan.elements {
        let address = Some(element.address);
        if let Some(outside) = &mut element.outside {
            place(&mut outside.program.command, address);
            if let Some(driver) = &mut outside.driver {
                place(&mut driver.command, address);
            }
        }
    }
    for step in &mut plan.steps {
        if let StepKind::Act(Action::Exec(exec)) = &mut step.kind {
            place(&mut exec.command, addresses[exec.host.0]);
        }
    }
}

/// What a live run has of the machine: a port for each station outside, and the signals that end it. While it lives a second
/// signal ends nothing: what the first has ended can be told in full.
#[derive(Debug)]
pub(super) struct Machine {
    stations: Vec<StationId>,
    ports: Vec<Port>,
    interrupts: Interrupts,
}

/// Opens all that a run of this plan needs, and gives namespaces their names where they are to be kept.
///
/// # Errors
/// The machine refuses one of them: none is kept.
pub(super) fn open(plan: &Plan, terms: Terms) -> Result<Machine, LiveError> {
    let interrupts = Interrupts::catch()?;
    let stations: Vec<StationId> = plan.outside().collect();
    let open = |station: &StationId| open_port(plan, *station);
    let ports: Vec<Port> = stations.iter().map(open).collect::<Result<_, _>>()?;
    if terms.keep {
        keep(plan, &stations, &ports)?;
    }
    Ok(Machine {
        stations,
        ports,
        interrupts,
    })
}

/// Drives a run to its end on the machine's clock. `prepared` is a clock that began with the capture's epoch.
///
/// # Errors
/// The machine failed in the middle, or the user ended the run.
pub(super) fn drive<L: Listener>(
    run: &mut Run<'_, L>,
    leases: Option<&mut Kept>,
    plan: &Plan,
    prepared: &Clock,
    (terms, machine): (Terms, &mut Machine),
) -> Result<Pace, LiveError> {
    let Machine {
        stations,
        ports,
        interrupts,
    } = machine;
    let settings = Settings {
        late_bound: terms.late_max,
        interrupts: Some(interrupts),
        stands: terms.stands,
    };
    run.begin_later(prepared.now().since(Instant::ZERO));
    let mut run = Lasting::new(run, leases, date_nanos());
    let driven = drive_live(&mut run, ports, &settings);
    let lateness = driven.map_err(|error| of_host(error, plan, stations))?;
    let (mut lost, mut flooded) = (Vec::new(), Vec::new());
    let (mut refused, mut oversized) = (Vec::new(), Vec::new());
    for (station, port) in stations.iter().zip(ports) {
        let name = station.name(plan);
        // A scenario may delete `eth0`: then there is nothing to ask.
        let overruns = port.overruns().unwrap_or(0);
        if overruns > 0 {
            let of = match station {
                StationId::Host(_) => &mut lost,
                StationId::Element(_) => &mut flooded,
            };
            of.push((name.to_owned(), overruns));
        }
        let dropped = port.counters().dropped;
        if dropped > 0 {
            refused.push((name.to_owned(), dropped));
        }
        let joined = port.oversized();
        if joined > 0 {
            oversized.push((name.to_owned(), joined));
        }
    }
    Ok(Pace {
        lateness,
        late_max: terms.late_max,
        lost,
        flooded,
        refused,
        oversized,
    })
}

/// The error with the name of the kernel host whose `eth0` it is about.
fn of_host(mut error: LiveError, plan: &Plan, stations: &[StationId]) -> LiveError {
    if let LiveError::Port {
        edge, interface, ..
    } = &mut error
        && device(plan, stations[*edge]).is_none()
    {
        *interface = format!("{interface} of {}", stations[*edge].name(plan));
    }
    error
}

/// Has the namespaces of kernels outlive the run: all of them or none.
fn keep(plan: &Plan, stations: &[StationId], ports: &[Port]) -> Result<(), LiveError> {
    let mut kept: Vec<String> = Vec::new();
    for (station, port) in stations.iter().zip(ports) {
        if let Port::Tap(port) = port {
            let name = kept_name(plan, *station);
            if let Err(error) = port.keep(&name) {
                kept.iter().for_each(|name| Namespace::forget(name));
                return Err(error);
            }
            kept.push(name);
        }
    }
    Ok(())
}

/// The name of a namespace that is kept.
fn kept_name(plan: &Plan, station: StationId) -> String {
    format!("jackfield-{}", station.name(plan))
}

/// How to get at the namespaces that a run has left, and how to remove them.
pub(super) fn kept(plan: &Plan) -> String {
    let mut text = String::new();
    for name in kernels(plan).map(|station| kept_name(plan, station)) {
        let _ = writeln!(
            text,
            "kept: `ip netns exec {name} COMMAND`; `ip netns delete {name}` removes it"
        );
    }
    text
}

/// The port behind a station that is outside.
fn open_port(plan: &Plan, station: StationId) -> Result<Port, LiveError> {
    match device(plan, station) {
        Some(device) => Port::on_interface(device),
        None => Port::open(&port_settings(plan, station)),
    }
}

fn port_settings(plan: &Plan, station: StationId) -> PortSettings {
    let (at, mac, address) = match station {
        StationId::Element(element) => {
            let element = &plan.elements[element.0];
            (element.at, element.mac, Some(element.address))
        }
        StationId::Host(host) => {
            let host = &plan.hosts[host.0];
            let address = match host.kind {
                HostKind::Kernel { address, .. } => address,
                HostKind::Tftp { .. }
                | HostKind::Dns { .. }
                | HostKind::Dhcp { .. }
                | HostKind::Interface { .. } => None,
            };
            (host.at, host.mac, address)
        }
    };
    let subnet = &plan.subnets[at.0];
    PortSettings {
        mac,
        address: address.map(|address| (address, subnet.prefix.len)),
        gateway: address.and(subnet.gateway),
    }
}

impl Pace {
    /// Whether the harness kept up, so that the run counts.
    pub(super) fn is_valid(&self) -> bool {
        self.lateness.late == 0 && self.lost.is_empty()
    }

    /// What a controller under test has done that no machine could make good.
    pub(super) fn fault(&self) -> Option<String> {
        let (element, frames) = self.flooded.first()?;
        Some(format!(
            "the program of {element} sends frames faster than they are read: {frames} were lost"
        ))
    }

    /// For a person: a line, or why the run does not count.
    pub(super) fn summary(&self) -> String {
        let Lateness {
            worst,
            worst_at,
            late,
            deadlines,
        } = self.lateness;
        let (worst, bound) = (millis(worst), show_duration(self.late_max));
        let mut text = match self.is_valid() {
            true => format!("on time: at most {worst} ms late at {deadlines} deadlines\n"),
            false => "INVALID: this run counts as neither passed nor failed\n".to_owned(),
        };
        if late > 0 {
            let _ = writeln!(
                text,
                "  {late} of {deadlines} deadlines were met more than {bound} late, the worst {worst} ms \
                 at {worst_at} s: the machine is too busy"
            );
        }
        self.add_losses(&mut text);
        text
    }

    fn add_losses(&self, text: &mut String) {
        for (host, frames) in &self.lost {
            let _ = writeln!(
                text,
                "  {frames} frames of {host} were lost: they came faster than they were read"
            );
        }
        for (host, frames) in &self.refused {
            let _ = writeln!(
                text,
                "  {frames} frames to {host} were not taken: its interface was down, or its queue full"
            );
        }
        for (host, frames) in &self.oversized {
            let _ = writeln!(
                text,
                "  {frames} frames of {host} were dropped, as they were longer than its MTU: the kernel or the card \
                 joins frames (`ethtool -K {host} gro off` ends that)"
            );
        }
    }

    /// For a person, of a run that is not judged by it: a line, and what was lost.
    pub(super) fn remarks(&self) -> String {
        let mut text = format!(
            "at most {} ms late at {} deadlines\n",
            millis(self.lateness.worst),
            self.lateness.deadlines
        );
        self.add_losses(&mut text);
        text
    }

    /// For a program.
    pub(super) fn json(&self) -> Value {
        let by_host = |all: &[(String, u64)]| {
            let all = all
                .iter()
                .map(|(host, frames)| (host.clone(), json!(frames)));
            Value::Object(all.collect())
        };
        json!({
            "valid": self.is_valid(),
            "worst_late_ns": nanos(self.lateness.worst),
            "worst_at_ns": self.lateness.worst_at.as_nanos(),
            "bound_ns": nanos(self.late_max),
            "deadlines": self.lateness.deadlines,
            "late": self.lateness.late,
            "lost": by_host(&[self.lost.as_slice(), &self.flooded].concat()),
            "refused": by_host(&self.refused),
            "oversized": by_host(&self.oversized),
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
    use crate::scenario::plan::HostId;

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
exec = { host = "with", command = ["sh", "{scenario}/a.sh", "-d={scenario}", "{address}"] }
"#;

    #[test]
    fn a_port_has_the_address_and_gateway_only_of_a_host_that_has_an_address() {
        let plan = scenario::read(SCENARIO).unwrap();
        let with = port_settings(&plan, StationId::Host(HostId(0)));
        assert_eq!(with.address, Some(([10, 1, 0, 30].into(), 24)));
        assert_eq!(with.gateway, Some([10, 1, 0, 1].into()));
        let without = port_settings(&plan, StationId::Host(HostId(1)));
        assert_eq!((without.address, without.gateway), (None, None));
        assert_eq!(without.mac.to_string(), "02:00:00:00:00:77");
    }

    #[test]
    fn an_interface_that_fails_is_named_with_its_host_if_it_is_a_kernels() {
        let mut plan = scenario::read(SCENARIO).unwrap();
        scenario::plug_in(&mut plan, Some("office"), "eth7").unwrap();
        let stations: Vec<StationId> = plan.outside().collect();
        let said = |edge, interface: &str| {
            let error = LiveError::Port {
                edge,
                interface: interface.to_owned(),
                source: std::io::ErrorKind::NotFound.into(),
            };
            of_host(error, &plan, &stations).to_string()
        };
        let of_kernel = "the interface eth0 of without failed: entity not found";
        assert_eq!(said(1, "eth0"), of_kernel);
        let of_machine = "the interface eth7 failed: entity not found";
        assert_eq!(said(2, "eth7"), of_machine);
    }

    #[test]
    fn the_scenarios_folder_is_put_into_commands() {
        let mut plan = scenario::read(SCENARIO).unwrap();
        place_commands(&mut plan, Path::new("/opt/lab"));
        let StepKind::Act(Action::Exec(exec)) = &plan.steps[0].kind else {
            panic!("{:?}", plan.steps);
        };
        assert_eq!(
            exec.command,
            ["sh", "/opt/lab/a.sh", "-d=/opt/lab", "10.1.0.30"]
        );
    }

    #[test]
    fn a_run_past_the_bound_or_with_lost_frames_does_not_count() {
        let mut pace = Pace {
            lateness: Lateness {
                worst: Duration::from_micros(1_234),
                worst_at: Instant::ZERO,
                late: 0,
                deadlines: 812,
            },
            late_max: Settings::LATE_BOUND,
            lost: Vec::new(),
            flooded: Vec::new(),
            refused: Vec::new(),
            oversized: Vec::new(),
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
        pace.oversized.push(("eth1".to_owned(), 7));
        assert!(pace.remarks().contains("7 frames of eth1 were dropped"));
        assert_eq!(pace.json()["oversized"]["eth1"], 7);
    }
}
