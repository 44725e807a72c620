//! The scenario file as written: every value of the right type and form, with its place; names not yet
//! looked up, defaults not yet filled in.
//!
//! A field that is `None` was left out, or had a problem that is already told. Strict: an unknown key is a
//! problem. The tables and their keys are listed in [`keys`].

mod admin;
mod cluster;
mod dhcp;
mod dns;
mod expect;
mod faults;
mod fields;
mod keys;
mod network;
mod program;
mod send;
mod steps;
mod value;

pub(super) use admin::{Admin, ChangeCodes, SetName};
pub(super) use cluster::{Cluster, Element, Entry, Phone};
pub(super) use dhcp::{ClientOptions, Dhcp, Layout};
pub(super) use dns::Dns;
pub(super) use expect::{Expect, Frames, Told};
pub(super) use faults::{FileChange, On, Trouble};
pub(super) use network::{Cable, Host, LldpMed, Router, Subnet, Tftp};
pub(super) use send::{Message, Payload, Registration, Send};
pub(super) use steps::{Action, Step, StepKind};

use toml::de::DeTable;

use super::lint;
use super::nearest::did_you_mean;
use super::problem::{Problem, Problems, Span};
use super::units::Wrong;
use fields::Fields;

/// A value and its place in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl<T> At<T> {
    pub(super) fn new(value: T, span: Span) -> At<T> {
        At { value, span }
    }
}

/// A scenario file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) title: Option<At<String>>,
    pub(super) shows: Vec<At<String>>,
    pub(super) tags: Vec<At<String>>,
    /// Ids of the warnings that the file silences.
    pub(super) allow: Vec<At<String>>,
    pub(super) seed: Option<At<u64>>,
    pub(super) subnets: Vec<Subnet>,
    pub(super) routers: Vec<Router>,
    pub(super) tftp: Vec<Tftp>,
    pub(super) dns: Vec<Dns>,
    pub(super) hosts: Vec<Host>,
    pub(super) cluster: Cluster,
    pub(super) elements: Vec<Element>,
    pub(super) phones: Vec<Phone>,
    pub(super) steps: Vec<Step>,
    /// Some table of it was not known, and may have held names.
    pub(super) incomplete: bool,
}

/// Reads the file's text. `None` if it is not TOML: then the problems are those of the TOML alone.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<File> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        problems.push(Problem::new(
            &span,
            format!("not TOML: {}", error.message()),
        ));
    }
    if !errors.is_empty() {
        return None;
    }
    let mut file = Fields::of_table(table.get_ref(), 0..0, &keys::FILE, problems);
    let title = file.required("scenario", problems, value::text);
    let shows = file.optional("shows", problems, value::list(value::of(rule)));
    let tags = file.optional("tags", problems, value::list(value::of(name)));
    let allow = file.optional("allow", problems, value::list(value::of(warning)));
    Some(File {
        title,
        shows: shows.map(|shows| shows.value).unwrap_or_default(),
        tags: tags.map(|tags| tags.value).unwrap_or_default(),
        allow: allow.map(|allow| allow.value).unwrap_or_default(),
        seed: file.optional("seed", problems, value::number(0, u64::MAX)),
        subnets: file.tables("subnet", problems, network::subnet),
        routers: file.tables("router", problems, network::router),
        tftp: file.tables("tftp", problems, network::tftp),
        dns: file.tables("dns", problems, dns::dns),
        hosts: file.tables("host", problems, network::host),
        cluster: file
            .optional("cluster", problems, cluster::cluster)
            .map(|cluster| cluster.value)
            .unwrap_or_default(),
        elements: file.tables("element", problems, cluster::element),
        phones: file.tables("phone", problems, cluster::phone),
        steps: file.tables("step", problems, steps::step),
        incomplete: !file.unknown.is_empty(),
    })
}

/// Whether this is no TOML, or has a key of a scenario file.
pub(super) fn is_meant(text: &str) -> bool {
    match DeTable::parse(text) {
        Ok(table) => {
            (table.get_ref().keys()).any(|key| keys::FILE.keys.contains(&&**key.get_ref()))
        }
        Err(_) => true,
    }
}

/// The families of rules, and how many rules each has.
const RULES: &[(&str, u32)] = &[
    ("CL", 10),
    ("DV", 3),
    ("ST", 3),
    ("RG", 14),
    ("AD", 7),
    ("MV", 11),
    ("PR", 6),
];

/// The id of a rule, for example `MV-2`.
///
/// # Errors
/// There is no such rule, in a sentence.
pub fn read_rule(text: &str) -> Result<String, String> {
    rule(text).map_err(Wrong::into_sentence)
}

fn rule(text: &str) -> Result<String, Wrong> {
    let ids = || {
        RULES
            .iter()
            .flat_map(|(family, last)| (1..=*last).map(move |n| format!("{family}-{n}")))
    };
    if ids().any(|id| id == text) {
        return Ok(text.to_owned());
    }
    let all: Vec<String> = ids().collect();
    let families: Vec<String> = RULES
        .iter()
        .map(|(family, last)| format!("{family}-1 to {family}-{last}"))
        .collect();
    let help = did_you_mean(text, all.iter().map(String::as_str))
        .unwrap_or_else(|| format!("the rules are {}", families.join(", ")));
    Err(Wrong::new(format!("there is no rule `{text}`"), &help))
}

/// The id of a warning that can be silenced.
fn warning(text: &str) -> Result<String, Wrong> {
    if lint::ALLOWABLE.contains(&text) {
        return Ok(text.to_owned());
    }
    let help = did_you_mean(text, lint::ALLOWABLE.iter().copied())
        .unwrap_or_else(|| format!("the warnings are {}", lint::ALLOWABLE.join(", ")));
    Err(Wrong::new(format!("there is no warning `{text}`"), &help))
}

/// A station's or a subnet's name: letters, digits, `-` and `_`.
fn name(text: &str) -> Result<String, Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || !text.chars().all(allowed) {
        let help = "a name is made of letters, digits, `-` and `_`";
        return Err(Wrong::new(format!("`{text}` can't be a name"), help));
    }
    if ["frames", "none"].contains(&text) {
        let message = format!("`{text}` can't be a name: it has a meaning of its own");
        return Err(Wrong::new(message, "take another name"));
    }
    Ok(text.to_owned())
}
