//! What is expected of phones, elements and frames.

use std::net::Ipv4Addr;

use toml::de::DeValue;

use super::fields::{Fields, entries};
use super::value::{
    Item, any_text, boolean, in_quotes, number, one_or_more, or_none, text, type_problem, word,
};
use super::{At, keys};
use crate::outbox::NeighbourState;
use crate::scenario::plan::{Count, Since};
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::units::{self, Wrong};

/// What is expected of one name, or of the frames.
#[derive(Debug)]
pub(crate) enum Expect {
    Of {
        name: At<String>,
        told: Vec<At<Told>>,
    },
    Frames(Vec<At<Frames>>),
}

/// One key of `expect.NAME`.
#[derive(Debug)]
pub(crate) enum Told {
    Registered(Option<String>),
    NotRegistered,
    Element(String),
    Display(String),
    Address(Option<Ipv4Addr>),
    Subnet(String),
    /// The VLAN of its frames.
    Vlan(Option<u16>),
    StoredPin(Option<String>),
    Prompt(String),
    Neighbour(Vec<(Ipv4Addr, At<Option<NeighbourState>>)>),
    Flashed(u32),
    Redirects(u32),
    /// DN and the name or MAC of the set that it is mapped to, in the forms of an element.
    Directory(Vec<(At<String>, At<String>)>),
    /// DN and the CEID digits that it leads to, in the forms of an element.
    Remote(Vec<(At<String>, Option<String>)>),
    /// Another element, and whether the IP trunk to it is up.
    Trunks(Vec<(At<String>, bool)>),
    /// Of the program of a kernel host.
    Running(bool),
    Exited(i32),
}

#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) on: Option<At<String>>,
    pub(crate) filter: At<String>,
    pub(crate) count: Count,
    pub(crate) since: Since,
}

/// Every name of the table, and the frames.
pub(super) fn expect(item: &Item<'_>, problems: &mut Problems) -> Vec<Expect> {
    let mut expect = Vec::new();
    refuse_empty(item, problems);
    for (name, item) in entries(item, problems) {
        let one = if name.value == "frames" {
            one_or_more(frames)(item, problems).map(Expect::Frames)
        } else {
            told(item, problems).map(|told| Expect::Of { name, told })
        };
        expect.extend(one);
    }
    expect
}

fn refuse_empty(item: &Item<'_>, problems: &mut Problems) {
    if matches!(item.get_ref(), DeValue::Table(table) if table.is_empty()) {
        problems.push(Problem::new(&item.span(), "this expects nothing"));
    }
}

fn told(item: &Item<'_>, problems: &mut Problems) -> Option<Vec<At<Told>>> {
    refuse_empty(item, problems);
    let fields = &mut Fields::of(item, &keys::EXPECT, problems)?;
    let all = [
        fields.optional("registered", problems, registered),
        fields.optional("element", problems, |item, problems| {
            text(item, problems).map(Told::Element)
        }),
        fields.optional("display", problems, |item, problems| {
            any_text(item, problems).map(Told::Display)
        }),
        fields.optional("address", problems, |item, problems| {
            or_none(units::address)(item, problems).map(Told::Address)
        }),
        fields.optional("subnet", problems, |item, problems| {
            text(item, problems).map(Told::Subnet)
        }),
        fields.optional("vlan", problems, vlan),
        fields.optional("stored-pin", problems, |item, problems| {
            or_none(any)(item, problems).map(Told::StoredPin)
        }),
        fields.optional("prompt", problems, |item, problems| {
            text(item, problems).map(Told::Prompt)
        }),
        fields.optional("neighbour", problems, neighbours),
        fields.optional("flashed", problems, |item, problems| {
            number(0, u32::MAX)(item, problems).map(Told::Flashed)
        }),
        fields.optional("redirects", problems, |item, problems| {
            number(0, u32::MAX)(item, problems).map(Told::Redirects)
        }),
        fields.optional("directory", problems, directory),
        fields.optional("remote", problems, remote),
        fields.optional("trunks", problems, trunks),
        fields.optional("running", problems, |item, problems| {
            boolean(item, problems).map(Told::Running)
        }),
        fields.optional("exited", problems, |item, problems| {
            number(0, 255)(item, problems).map(Told::Exited)
        }),
    ];
    let mut told: Vec<At<Told>> = all.into_iter().flatten().collect();
    told.sort_by_key(|told| told.span.start);
    Some(told)
}

/// A number, or `"none"`.
fn vlan(item: &Item<'_>, problems: &mut Problems) -> Option<Told> {
    if matches!(item.get_ref(), DeValue::String(text) if text == "none") {
        return Some(Told::Vlan(None));
    }
    number(0, 4095)(item, problems).map(|vlan| Told::Vlan(Some(vlan)))
}

fn any(text: &str) -> Result<String, Wrong> {
    Ok(text.to_owned())
}

/// A DN, or `true` for any, or `false`.
fn registered(item: &Item<'_>, problems: &mut Problems) -> Option<Told> {
    if let DeValue::Boolean(yes) = item.get_ref() {
        return Some(if *yes {
            Told::Registered(None)
        } else {
            Told::NotRegistered
        });
    }
    if let DeValue::String(_) = item.get_ref() {
        return text(item, problems).map(|dn| Told::Registered(Some(dn)));
    }
    let problem = type_problem(item, "a directory number in quotes, true or false");
    problems.push(problem.help(in_quotes(item, units::dn)));
    None
}

fn neighbours(item: &Item<'_>, problems: &mut Problems) -> Option<Told> {
    let mut neighbours = Vec::new();
    for (key, item) in entries(item, problems) {
        let address = match units::address(&key.value) {
            Ok(address) => Some(address),
            Err(wrong) => {
                problems.push(Problem::new(&key.span, wrong.message).help(wrong.help));
                None
            }
        };
        let state = or_none(neighbour_state)(item, problems);
        if let (Some(address), Some(state)) = (address, state) {
            neighbours.push((address, At::new(state, item.span())));
        }
    }
    Some(Told::Neighbour(neighbours))
}

fn neighbour_state(text: &str) -> Result<NeighbourState, Wrong> {
    let found = NeighbourState::ALL.iter().find(|(_, name)| *name == text);
    found.map(|(state, _)| *state).ok_or_else(|| {
        let names: Vec<&str> = NeighbourState::ALL.iter().map(|(_, name)| *name).collect();
        let help = format!("the states are {}, and none", names.join(", "));
        Wrong::new(format!("`{text}` is not a state of a neighbour"), &help)
    })
}

fn remote(item: &Item<'_>, problems: &mut Problems) -> Option<Told> {
    refuse_empty(item, problems);
    let mut remote = Vec::new();
    for (dn, digits) in entries(item, problems) {
        let digits = or_none(units::ceid_digits)(digits, problems);
        remote.extend(digits.map(|digits| (dn, digits)));
    }
    Some(Told::Remote(remote))
}

const TRUNK_STATES: &[(&str, bool)] = &[("up", true), ("down", false)];

fn trunks(item: &Item<'_>, problems: &mut Problems) -> Option<Told> {
    refuse_empty(item, problems);
    let mut trunks = Vec::new();
    for (name, state) in entries(item, problems) {
        let state = word(TRUNK_STATES)(state, problems);
        trunks.extend(state.map(|up| (name, up)));
    }
    Some(Told::Trunks(trunks))
}

fn directory(item: &Item<'_>, problems: &mut Problems) -> Option<Told> {
    let mut mapped = Vec::new();
    for (dn, item) in entries(item, problems) {
        if let Some(set) = text(item, problems) {
            mapped.push((dn, At::new(set, item.span())));
        }
    }
    Some(Told::Directory(mapped))
}

fn frames(item: &Item<'_>, problems: &mut Problems) -> Option<Frames> {
    const COUNTS: &[&str] = &["at-least", "at-most", "exactly"];
    const SINCE: &[(&str, Since)] = &[("start", Since::Start), ("last-action", Since::LastAction)];
    let mut fields = Fields::of(item, &keys::FRAMES, problems)?;
    let counts = fields.present(COUNTS);
    let on = fields.optional("on", problems, text);
    let filter = fields.required("filter", problems, text);
    let since = fields.optional("since", problems, word(SINCE));
    let mut count = |key, problems: &mut Problems| {
        let found = fields.optional(key, problems, number(0, u64::MAX));
        found.map(|count| count.value)
    };
    let at_least = count("at-least", problems).map(Count::AtLeast);
    let at_most = count("at-most", problems).map(Count::AtMost);
    let exactly = count("exactly", problems).map(Count::Exactly);
    match counts.as_slice() {
        [] if fields.is_misspelt(COUNTS) => {}
        [] => {
            let problem = Problem::new(&fields.span, "this does not say how many frames");
            problems.push(problem.label("needs `at-least`, `at-most` or `exactly`"));
        }
        [_] => {}
        [(first, place), (second, other), ..] => {
            let message = format!("one count is enough: this has `{first}` and `{second}`");
            problems.push(Problem::new(other, message).context(place, "the first"));
        }
    }
    Some(Frames {
        on,
        filter: filter?,
        count: at_least.or(at_most).or(exactly)?,
        since: since.map_or(Since::LastAction, |since| since.value),
    })
}
