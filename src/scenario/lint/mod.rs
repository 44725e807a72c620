//! Warnings: what a scenario file may say, and what would not work as its reader expects.
//!
//! A file that is wrong is refused (`resolve`). One that is right may still describe a cluster that is badly
//! programmed, a network that leads nowhere, or a device that can't do what is asked of it. Each such
//! condition has an id, a rule's where there is one (CL-1 to CL-10, DV-1, DV-2). The plan says what is so, the
//! file where it stands. A scenario that stages a fault says so (`allow`), and is not warned.
//!
//! Nothing here changes a plan, and nothing here looks at the machine: boot files are handed in.

mod cluster;
mod devices;
mod files;
mod names;
mod network;
mod stays;
mod vlans;
mod warning;

pub(super) use warning::ALLOWABLE;
pub use warning::{Warning, Warnings};

use std::collections::BTreeMap;

use super::build::Files;
use super::explain::runs;
use super::file::{At, File};
use super::plan::Plan;
use super::problem::{Problem, Span};
use super::units;
use stays::Stays;

/// What the parts work with.
struct Lint<'a> {
    plan: &'a Plan,
    file: &'a File,
    /// A boot server whose folder could not be read is not among them.
    files: &'a Files,
    /// The element in whose Telephone Directory or range of automatic numbers a DN stands, by index.
    primaries: BTreeMap<String, usize>,
    stays: Stays,
    found: Warnings,
}

/// The warnings of a plan and of the file that it was made of, in the order of the file.
pub(super) fn warnings(plan: &Plan, file: &File, files: &Files) -> Warnings {
    let directories = plan.elements.iter().enumerate().flat_map(|(i, element)| {
        let dns = element.directory.iter();
        dns.map(move |(dn, _)| (dn.clone(), i))
    });
    let automatic = file.elements.iter().enumerate().flat_map(|(i, element)| {
        let ends = element.automatic.as_ref().map(|range| &range.value);
        let dns = ends.and_then(|(first, last)| units::dns(&format!("{first}-{last}")).ok());
        dns.into_iter().flatten().map(move |dn| (dn, i))
    });
    let mut primaries: BTreeMap<String, usize> = automatic.collect();
    primaries.extend(directories);
    let mut lint = Lint {
        plan,
        file,
        files,
        primaries,
        stays: Stays::of(plan, file),
        found: Warnings::default(),
    };
    cluster::look(&mut lint);
    devices::look(&mut lint);
    network::look(&mut lint);
    names::look(&mut lint);
    files::look(&mut lint);
    vlans::look(&mut lint);
    silenced(lint.found, &file.allow).sorted()
}

/// Without those that the file allows; with one for each entry of `allow` that silences nothing.
fn silenced(mut found: Warnings, allow: &[At<String>]) -> Warnings {
    let mut stale = Warnings::default();
    for (i, At { value: id, span }) in allow.iter().enumerate() {
        let again = allow[..i].iter().any(|before| before.value == *id);
        if again || !found.iter().any(|warning| warning.id == id) {
            let message = format!("`{id}` silences nothing");
            stale.push(Warning {
                id: warning::STALE_ALLOW,
                problem: Problem::new(span, message).help("take it out of `allow`".to_owned()),
                effect: "a fault that comes later would not be told".to_owned(),
            });
        }
    }
    found.retain(|warning| !allow.iter().any(|id| id.value == warning.id));
    for warning in stale.iter() {
        found.push(warning.clone());
    }
    found
}

impl Lint<'_> {
    fn warn(&mut self, id: &'static str, problem: Problem, effect: impl Into<String>) {
        debug_assert!(ALLOWABLE.contains(&id), "{id} can be silenced");
        self.found.push(Warning {
            id,
            problem,
            effect: effect.into(),
        });
    }
}

/// Directory numbers in few words: `7000`, `7000-7249`, `7000, 7002 and 14 others`.
fn shown(dns: &[&str]) -> String {
    const SHOWN_MAX: usize = 3;
    let each: Vec<(String, ())> = dns.iter().map(|dn| ((*dn).to_owned(), ())).collect();
    let runs: Vec<String> = runs(&each).into_iter().map(|(run, ())| run).collect();
    match runs.as_slice() {
        [one] => one.clone(),
        [all @ .., last] if runs.len() <= SHOWN_MAX => format!("{} and {last}", all.join(", ")),
        [first, second, ..] => format!("{first}, {second} and others, {} in all", dns.len()),
        [] => "no number".to_owned(),
    }
}

/// Where a value stands; the place of what it belongs to if it was left out.
fn place<T>(value: Option<&At<T>>, or: &Span) -> Span {
    value.map_or(or, |value| &value.span).clone()
}

#[cfg(test)]
mod tests;
