//! Steps and expectations in words: what a reader would say.

mod faults;

use std::fmt;

pub(super) use faults::describe_marks;

use super::plan::{
    Action, Control, Count, ElementId, Frames, Group, PhoneId, PhoneIs, Plan, Powered, ProgramIs,
    Since, StationId, StepKind, What, When,
};
use super::units::show_duration;

impl Plan {
    /// How many expectations its steps have.
    pub fn expectations(&self) -> usize {
        let count = |step: &super::plan::Step| match &step.kind {
            StepKind::Expect { expectations, .. } => expectations.len(),
            StepKind::Act(_) => 0,
        };
        self.steps.iter().map(count).sum()
    }

    /// Elements by name.
    pub(super) fn element_names(&self, elements: &[ElementId]) -> String {
        let names = elements.iter().map(|id| self.elements[id.0].name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    /// Phones by name; a whole group in a row by the group's.
    fn phone_names(&self, phones: &[PhoneId]) -> String {
        let mut names = Vec::new();
        let mut rest = phones;
        while let Some((first, others)) = rest.split_first() {
            let begins = |group: &&Group| {
                let all = group.phones.clone().map(PhoneId);
                group.phones.start == first.0
                    && all.eq(rest.iter().copied().take(group.phones.len()))
            };
            match self.groups.iter().find(begins) {
                Some(group) => {
                    let count = counted(group.phones.len() as u64, "phone");
                    names.push(format!("{} ({count})", group.name));
                    rest = &rest[group.phones.len()..];
                }
                None => {
                    names.push(self.phones[first.0].name.clone());
                    rest = others;
                }
            }
        }
        names.join(", ")
    }
}

/// One DN, or a range as it was written.
pub(super) fn show_dns(dns: &[String]) -> String {
    match dns {
        [first, .., last] => format!("DNs {first}-{last}"),
        dns => format!("DN {}", dns.concat()),
    }
}

impl StepKind {
    /// The step in words: `move anna to branch`.
    pub fn describe(&self, plan: &Plan) -> String {
        match self {
            StepKind::Act(action) => action.describe(plan),
            StepKind::Expect { when, expectations } => {
                let count = expectations.len();
                let noun = if count == 1 { "thing" } else { "things" };
                format!("expect {count} {noun}, {when}")
            }
        }
    }
}

impl Action {
    /// The action in words; what it has besides, such as how long it takes, is left out.
    pub(super) fn describe(&self, plan: &Plan) -> String {
        match self {
            Action::PowerUp {
                phones,
                holding_star,
                ..
            } => {
                let star = if *holding_star { ", holding `*`" } else { "" };
                format!("power up {}{star}", plan.phone_names(phones))
            }
            Action::PowerDown { phones } => format!("power down {}", plan.phone_names(phones)),
            Action::Move { phones, to } => format!(
                "move {} to {}",
                plan.phone_names(phones),
                plan.subnets[to.0].name
            ),
            Action::Unplug { phones } => format!("unplug {}", plan.phone_names(phones)),
            Action::Plug { phones } => format!("plug in {}", plan.phone_names(phones)),
            Action::EnterPin { phone, pin } => {
                format!("{}'s user types {pin}", plan.phones[phone.0].name)
            }
            Action::Wait(time) => format!("wait {}", show_duration(*time)),
            Action::Stop(station) => format!("stop {}", station.name(plan)),
            Action::Start(station) => format!("start {}", station.name(plan)),
            Action::Administer { at, operation } => {
                format!("at {}: {operation}", plan.element_names(at))
            }
            Action::MoveDns { dns, from, to } => format!(
                "move {} from {} to {}",
                show_dns(dns),
                plan.elements[from.0].name,
                plan.elements[to.0].name
            ),
            Action::SetRecord { server, name, to } => {
                let server = &plan.hosts[server.0].name;
                match to {
                    Some(to) => format!("{server}: {name} is {to} from now on"),
                    None => format!("{server}: {name} is no name any more"),
                }
            }
            Action::Fault(fault) => faults::begin(plan, fault),
            Action::EndFault(fault) => format!("end fault \"{}\"", plan.faults[fault.0 as usize]),
            Action::Flap(flap) => flap.describe(plan),
            Action::ChangeFile {
                server,
                file,
                change,
            } => faults::change(&plan.hosts[server.0].name, file, change),
            Action::JumpLeaseClock { server, by } => {
                let name = &plan.hosts[server.0].name;
                format!("the clock of {name} jumps {} ahead", show_duration(*by))
            }
            Action::Send(send) => faults::send(plan, send),
            Action::Say(say) => faults::say(plan, say),
            Action::Exec(exec) => format!(
                "on {}: {}",
                plan.hosts[exec.host.0].name,
                exec.command.join(" ")
            ),
            Action::Control(host, control) => {
                let host = &plan.hosts[host.0].name;
                match control {
                    Control::Start => format!("start the program of {host}"),
                    Control::Stop => format!("stop the program of {host}"),
                    Control::Kill => format!("kill the program of {host}"),
                }
            }
        }
    }
}

impl StationId {
    /// Its name in the scenario.
    pub fn name(self, plan: &Plan) -> &str {
        match self {
            StationId::Host(host) => &plan.hosts[host.0].name,
            StationId::Element(element) => &plan.elements[element.0].name,
        }
    }
}

impl Powered {
    /// Its name in the scenario.
    pub fn name(self, plan: &Plan) -> &str {
        match self {
            Powered::Station(station) => station.name(plan),
            Powered::Router(n) => &plan.routers[n].name,
        }
    }
}

impl What {
    /// The expectation in words: what a reader would say.
    pub fn describe(&self, plan: &Plan, when: When) -> String {
        match self {
            What::Phone { phones, is } => {
                let of = match (phones.as_slice(), when) {
                    ([_], _) => "",
                    (_, When::Never(_)) => "any of ",
                    (_, When::Now | When::Within(_) | When::Throughout(_)) => "each of ",
                };
                format!("{of}{} {}", plan.phone_names(phones), is.describe(plan))
            }
            What::Mapped { element, dn, set } => {
                let element = &plan.elements[element.0].name;
                let of = set.map_or_else(|| "nobody".to_owned(), |set| set.name(plan));
                format!("at {element}, DN {dn} belongs to {of}")
            }
            What::Remote {
                element,
                dn,
                digits,
            } => {
                let element = &plan.elements[element.0].name;
                match digits {
                    Some(digits) => format!("at {element}, DN {dn} leads to CEID digits {digits}"),
                    None => format!("at {element}, DN {dn} leads nowhere"),
                }
            }
            What::Trunk { element, to, up } => {
                let (element, to) = (&plan.elements[element.0].name, &plan.elements[to.0].name);
                let state = if *up { "up" } else { "down" };
                format!("the trunk from {element} to {to} is {state}")
            }
            What::Frames(frames) => frames.describe(plan),
            What::Program { host, is } => {
                let host = &plan.hosts[host.0].name;
                match is {
                    ProgramIs::Running => format!("the program of {host} is running"),
                    ProgramIs::NotRunning => format!("the program of {host} is not running"),
                    ProgramIs::Exited(status) => {
                        format!("the program of {host} has ended with status {status}")
                    }
                }
            }
        }
    }
}

impl PhoneIs {
    fn describe(&self, plan: &Plan) -> String {
        match self {
            PhoneIs::Registered(Some(dn)) => format!("is registered at DN {dn}"),
            PhoneIs::Registered(None) => "is registered".to_owned(),
            PhoneIs::NotRegistered => "is not registered".to_owned(),
            PhoneIs::AtElement(element) => {
                format!("is in service at {}", plan.elements[element.0].name)
            }
            PhoneIs::Display(text) => format!("shows `{text}`"),
            PhoneIs::Address(Some(address)) => format!("has the address {address}"),
            PhoneIs::Address(None) => "has no address".to_owned(),
            PhoneIs::AddressIn(subnet) => {
                format!("has an address of {}", plan.subnets[subnet.0].name)
            }
            PhoneIs::InVlan(Some(vlan)) => format!("is in VLAN {vlan}"),
            PhoneIs::InVlan(None) => "tags no frames".to_owned(),
            PhoneIs::StoredPin(Some(pin)) => format!("has the PIN {pin} in its memory"),
            PhoneIs::StoredPin(None) => "has no PIN in its memory".to_owned(),
            PhoneIs::Prompt(text) => format!("was prompted: {text}"),
            PhoneIs::Neighbour(address, Some(state)) => {
                format!("has the neighbour {address} {state}")
            }
            PhoneIs::Neighbour(address, None) => format!("has no neighbour {address}"),
            PhoneIs::Flashed(times) => {
                format!(
                    "has written its flash memory {}",
                    counted(u64::from(*times), "time")
                )
            }
            PhoneIs::Redirects(count) => {
                format!("has followed {}", counted(u64::from(*count), "redirect"))
            }
        }
    }
}

impl Frames {
    /// The expectation in words.
    fn describe(&self, plan: &Plan) -> String {
        let count = match self.count {
            Count::AtLeast(n) => format!("at least {}", counted(n, "frame")),
            Count::AtMost(n) => format!("at most {}", counted(n, "frame")),
            Count::Exactly(n) => format!("exactly {}", counted(n, "frame")),
        };
        let on = match self.on {
            Some(subnet) => format!(" on {}", plan.subnets[subnet.0].name),
            None => String::new(),
        };
        let since = match self.since {
            Since::LastAction => "",
            Since::Start => " since the start",
        };
        format!("{count}{on}{since}: {}", self.filter)
    }

    /// The display filter with the interface: what to give tshark to see the same frames in the capture.
    pub fn tshark_filter(&self, plan: &Plan) -> String {
        match self.on {
            Some(subnet) => format!(
                "frame.interface_name == \"{}\" && ({})",
                plan.subnets[subnet.0].name, self.filter
            ),
            None if plan.faults.is_empty() => {
                format!("frame.interface_name != \"drops\" && ({})", self.filter)
            }
            None => format!(
                "frame.interface_name != \"drops\" && frame.interface_name != \"faults\" && ({})",
                self.filter
            ),
        }
    }
}

/// `1 frame`, `2 frames`.
pub fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Now => f.write_str("now"),
            When::Within(time) => write!(f, "within {}", show_duration(*time)),
            When::Throughout(time) => write!(f, "throughout {}", show_duration(*time)),
            When::Never(time) => write!(f, "never in {}", show_duration(*time)),
        }
    }
}
