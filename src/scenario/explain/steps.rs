//! The timeline in words.

use std::fmt::{self, Write};

use super::{or_none, show_duration, subnet};
use crate::scenario::describe::show_dns;
use crate::scenario::plan::{
    Action, Control, Count, Exec, Expectation, Frames, PhoneId, PhoneIs, Plan, ProgramIs, Since,
    StationId, Step, StepKind, What, When,
};

pub(super) fn write(out: &mut String, plan: &Plan) -> fmt::Result {
    if !plan.steps.is_empty() {
        writeln!(out)?;
    }
    for (i, step) in plan.steps.iter().enumerate() {
        let Step { line, note, kind } = step;
        let what = match kind {
            StepKind::Act(act) => action(plan, act),
            StepKind::Expect { when, .. } => time(*when),
        };
        writeln!(out, "step {} (line {line}): {what}", i + 1)?;
        if let Some(note) = note {
            writeln!(out, "  note      {note}")?;
        }
        if let StepKind::Expect { expectations, .. } = kind {
            write_expectations(out, plan, expectations)?;
        }
    }
    Ok(())
}

/// Of phones that are expected to count only the first and the last are shown.
fn write_expectations(out: &mut String, plan: &Plan, all: &[Expectation]) -> fmt::Result {
    for alike in all.chunk_by(counts_on) {
        let ends: &[&Expectation] = match alike {
            [first, _, .., last] => &[first, last],
            [first, last] => &[first, last],
            [one] => &[one],
            [] => &[],
        };
        for expectation in ends {
            let what = expected(plan, &expectation.what);
            writeln!(out, "  line {}: {what}", expectation.line)?;
        }
        if alike.len() > 2 {
            let line = alike[0].line;
            writeln!(
                out,
                "  line {line}: and so on, {} phones in all",
                alike.len()
            )?;
        }
    }
    Ok(())
}

/// Whether the second is of the phone that follows the first one's, and from the same place of the file.
fn counts_on(before: &Expectation, after: &Expectation) -> bool {
    let what = (&before.what, &after.what);
    let (What::Phone { phones: a, is: x }, What::Phone { phones: b, is: y }) = what else {
        return false;
    };
    let follows = matches!((a.as_slice(), b.as_slice()), ([a], [b]) if a.0 + 1 == b.0);
    follows && before.line == after.line && std::mem::discriminant(x) == std::mem::discriminant(y)
}

fn action(plan: &Plan, action: &Action) -> String {
    let of = |phones: &[PhoneId]| names(plan, phones);
    match action {
        Action::PowerUp {
            phones,
            holding_star,
            over,
        } => {
            let star = if *holding_star { ", holding *" } else { "" };
            format!(
                "power up {}{star}, over {}",
                of(phones),
                show_duration(*over)
            )
        }
        Action::PowerDown { phones } => format!("power down {}", of(phones)),
        Action::Move { phones, to } => format!("move {} to {}", of(phones), subnet(plan, *to)),
        Action::Unplug { phones } => format!("unplug {}", of(phones)),
        Action::Plug { phones } => format!("plug {}", of(phones)),
        Action::EnterPin { phone, pin } => format!("type {pin} on {}", of(&[*phone])),
        Action::Wait(time) => format!("wait {}", show_duration(*time)),
        Action::Stop(station) => format!("stop {}", self::station(plan, *station)),
        Action::Start(station) => format!("start {}", self::station(plan, *station)),
        Action::Administer { at, operation } => {
            format!("at {}: {operation}", plan.element_names(at))
        }
        Action::MoveDns { dns, from, to } => format!(
            "move {} from {} to {}",
            show_dns(dns),
            plan.elements[from.0].name,
            plan.elements[to.0].name
        ),
        Action::Control(host, control) => {
            let control = match control {
                Control::Start => "start",
                Control::Stop => "stop",
                Control::Kill => "kill",
            };
            format!("{control} the program of {}", plan.hosts[host.0].name)
        }
        Action::Fault(_) | Action::EndFault(_) | Action::Flap(_) => action.describe(plan),
        Action::SetRecord { server, name, to } => {
            let to = to.map_or("no address".to_owned(), |to| to.to_string());
            format!("at {} give {name} {to}", plan.hosts[server.0].name)
        }
        Action::Exec(Exec {
            host,
            command,
            status,
            prints,
            within,
        }) => {
            let (host, command) = (&plan.hosts[host.0].name, command.join(" "));
            let within = show_duration(*within);
            let prints: String = prints
                .iter()
                .map(|text| format!(", prints \"{text}\""))
                .collect();
            format!("on {host} run `{command}`: ends within {within} with status {status}{prints}")
        }
    }
}

fn station(plan: &Plan, station: StationId) -> &str {
    match station {
        StationId::Host(host) => &plan.hosts[host.0].name,
        StationId::Element(element) => &plan.elements[element.0].name,
    }
}

fn time(when: When) -> String {
    match when {
        When::Now => "expect now".to_owned(),
        When::Within(time) => format!("expect within {}", show_duration(time)),
        When::Throughout(time) => format!("expect throughout {}", show_duration(time)),
        When::Never(time) => format!("expect never, for {}", show_duration(time)),
    }
}

fn expected(plan: &Plan, what: &What) -> String {
    match what {
        What::Phone { phones, is } => format!("{}: {}", names(plan, phones), told(plan, is)),
        What::Mapped { element, dn, set } => {
            let set = or_none(set.map(|set| set.name(plan)));
            format!("{}: {dn} belongs to {set}", plan.elements[element.0].name)
        }
        What::Remote {
            element,
            dn,
            digits,
        } => {
            let (element, digits) = (&plan.elements[element.0].name, or_none(digits.as_ref()));
            format!("{element}: {dn} leads to CEID digits {digits}")
        }
        What::Trunk { element, to, up } => {
            let (element, to) = (&plan.elements[element.0].name, &plan.elements[to.0].name);
            let state = if *up { "up" } else { "down" };
            format!("{element}: trunk to {to} {state}")
        }
        What::Program { host, is } => {
            let is = match is {
                ProgramIs::Running => "running".to_owned(),
                ProgramIs::NotRunning => "not running".to_owned(),
                ProgramIs::Exited(status) => format!("ended with status {status}"),
            };
            format!("the program of {}: {is}", plan.hosts[host.0].name)
        }
        What::Frames(Frames {
            on,
            filter,
            count,
            since,
        }) => {
            let on = on.map_or("all subnets", |on| subnet(plan, on));
            let count = match count {
                Count::AtLeast(n) => format!("at least {n}"),
                Count::AtMost(n) => format!("at most {n}"),
                Count::Exactly(n) => format!("exactly {n}"),
            };
            let since = match since {
                Since::LastAction => "the last action",
                Since::Start => "the start",
            };
            format!("frames on {on} since {since}: {count} of `{filter}`")
        }
    }
}

fn told(plan: &Plan, is: &PhoneIs) -> String {
    match is {
        PhoneIs::Registered(Some(dn)) => format!("registered as {dn}"),
        PhoneIs::Registered(None) => "registered".to_owned(),
        PhoneIs::NotRegistered => "not registered".to_owned(),
        PhoneIs::AtElement(element) => format!("at element {}", plan.elements[element.0].name),
        PhoneIs::Display(text) => format!("display `{text}`"),
        PhoneIs::Address(address) => format!("address {}", or_none(*address)),
        PhoneIs::AddressIn(at) => format!("address of subnet {}", subnet(plan, *at)),
        PhoneIs::StoredPin(pin) => format!("stored PIN {}", or_none(pin.as_ref())),
        PhoneIs::Prompt(text) => format!("prompted with `{text}`"),
        PhoneIs::Neighbour(address, state) => format!("neighbour {address} {}", or_none(*state)),
        PhoneIs::Flashed(times) => format!("flashed {times}"),
        PhoneIs::Redirects(count) => format!("redirects {count}"),
    }
}

/// Names of phones; of a whole group its own.
fn names(plan: &Plan, phones: &[PhoneId]) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut rest = phones;
    while let Some((first, others)) = rest.split_first() {
        let whole = plan.groups.iter().find(|group| {
            let all = group.phones.clone().map(PhoneId);
            group.phones.start == first.0
                && rest.len() >= group.phones.len()
                && all.eq(rest[..group.phones.len()].iter().copied())
        });
        match whole {
            Some(group) => {
                names.push(&group.name);
                rest = &rest[group.phones.len()..];
            }
            None => {
                names.push(&plan.phones[first.0].name);
                rest = others;
            }
        }
    }
    names.join(", ")
}
