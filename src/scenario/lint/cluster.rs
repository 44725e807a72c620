//! The cluster's programming: access codes, directory numbers, and the three look-ups that lead from one
//! element to another (CL-1 to CL-5, CL-8).
//!
//! What the file leaves out is derived, and right. So only forms that it gives are looked at, and whatever
//! other elements' numbers they should have.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lint, place, shown};
use crate::scenario::file::{self, At};
use crate::scenario::plan::{Element, ElementId, TrunkKind};
use crate::scenario::problem::{Problem, Span};

pub(super) fn look(lint: &mut Lint<'_>) {
    codes(lint);
    for own in 0..lint.plan.elements.len() {
        missing_numbers(lint, own);
        remote_numbers(lint, own);
        rows_of_digits(lint, own);
        cluster_elements(lint, own);
        networking(lint, own);
    }
    no_trunks(lint);
}

/// CL-4: one registration code and one replacement code in the whole cluster.
fn codes(lint: &mut Lint<'_>) {
    type Code = (
        &'static str,
        fn(&Element) -> &String,
        fn(&file::Element) -> Option<&At<String>>,
    );
    const CODES: [Code; 2] = [
        (
            "registration code",
            |element| &element.registration_code,
            |element| element.registration_code.as_ref(),
        ),
        (
            "replacement code",
            |element| &element.replacement_code,
            |element| element.replacement_code.as_ref(),
        ),
    ];
    for (what, planned, given) in CODES {
        let elements = &lint.plan.elements;
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for element in elements {
            *uses.entry(planned(element)).or_default() += 1;
        }
        // The code of most elements; of several the first element's that has one of them.
        let most = uses.values().max().copied().unwrap_or(0);
        let Some(usual) = elements.iter().find(|e| uses[planned(e).as_str()] == most) else {
            return;
        };
        for (element, file) in elements.iter().zip(&lint.file.elements) {
            let (code, right) = (planned(element), planned(usual));
            if code == right {
                continue;
            }
            let message = format!(
                "the {what} of {} is `{code}`, that of {} is `{right}`",
                element.name, usual.name
            );
            let span = place(given(file), &place(file.name.as_ref(), &file.span));
            let help = "write the codes in `[cluster]`, and none of an element's own".to_owned();
            let effect = format!(
                "a set whose PIN begins with `{right}` is prompted again at {}: invalid access code",
                element.name
            );
            lint.warn("CL-4", Problem::new(&span, message).help(help), effect);
        }
    }
}

/// CL-1: the numbers of other elements that are not in this element's Remote Directory Numbers.
fn missing_numbers(lint: &mut Lint<'_>, own: usize) {
    let (plan, file) = (lint.plan, lint.file);
    let element = &plan.elements[own];
    let Some(given) = &file.elements[own].remote else {
        return;
    };
    let known: BTreeSet<&str> = element.remote.iter().map(|(dn, _)| dn.as_str()).collect();
    for (other, other_file) in plan.elements.iter().zip(&file.elements) {
        if other.name == element.name {
            continue;
        }
        let dns = other.directory.iter().map(|(dn, _)| dn.as_str());
        let missing: Vec<&str> = dns.filter(|dn| !known.contains(dn)).collect();
        let Some(first) = missing.first() else {
            continue;
        };
        let (name, numbers) = (&element.name, shown(&missing));
        let message = format!(
            "the Remote Directory Numbers of {name} lack {numbers} of {}",
            other.name
        );
        let mut problem = Problem::new(&given.span, message);
        let holds = |entry: &&At<file::Entry>| entry.value.dns.iter().any(|dn| dn == first);
        if let Some(entry) = other_file.directory.iter().find(holds) {
            problem = problem.context(&entry.span, format!("in {}", other.name));
        }
        let digits = &other.ceid_digits;
        let help = format!("add {{ dn = \"{first}\", ceid = \"{digits}\" }} and the like");
        let effect = format!("{name} prompts a set that asks for such a number: unknown DN");
        lint.warn("CL-1", problem.help(help), effect);
    }
}

/// CL-1 and CL-8: what this element's Remote Directory Numbers say, and where the numbers really are.
fn remote_numbers(lint: &mut Lint<'_>, own: usize) {
    let (plan, file) = (lint.plan, lint.file);
    let element = &plan.elements[own];
    let given = file.elements[own].remote.iter();
    for At { value: entry, span } in given.flat_map(|list| &list.value) {
        let leads_to = owner(lint, &entry.ceid);
        let target = leads_to.map_or("no element", |other| &plan.elements[other].name);
        let (mut at_home, mut nowhere) = (Vec::new(), Vec::new());
        let mut elsewhere: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for dn in entry.dns.iter().map(String::as_str) {
            match lint.primaries.get(dn) {
                Some(primary) if *primary == own => at_home.push(dn),
                Some(primary) if Some(*primary) == leads_to => {}
                // That the digits lead to no element is told by itself.
                Some(_) if leads_to.is_none() => {}
                Some(primary) => elsewhere.entry(*primary).or_default().push(dn),
                None => nowhere.push(dn),
            }
        }
        let name = &element.name;
        if !at_home.is_empty() {
            let message = format!("{} of {name} is a number of its own too", shown(&at_home));
            let problem = Problem::new(span, message).help("take it out of `remote`".to_owned());
            let effect = format!("{name} takes it for its own, and never looks it up");
            lint.warn("CL-1", problem, effect);
        }
        if !nowhere.is_empty() {
            let message = format!("{} is no element's number", shown(&nowhere));
            let help = format!("put it into the `directory` of {target}, or take it out here");
            let problem = Problem::new(span, message).help(help);
            if let Some(back) = leads_to.and_then(|next| goes_round(lint, nowhere[0], own, next)) {
                let effect = format!(
                    "{name} sends a set that asks for it to {target}, and {back} sends it back: after 5 \
                     redirects it gives up"
                );
                lint.warn("CL-8", problem, effect);
            } else {
                let effect = format!(
                    "{name} sends a set that asks for it to {target}, which does not have it either"
                );
                lint.warn("CL-1", problem, effect);
            }
        }
        for (primary, dns) in elsewhere {
            let primary = &plan.elements[primary];
            let message = format!(
                "{} belongs to {}, and {name} takes it for one of {target}",
                shown(&dns),
                primary.name
            );
            let help = format!("CEID digits {} lead there", primary.ceid_digits);
            let effect = match leads_to.and_then(|next| goes_round(lint, dns[0], own, next)) {
                Some(back) => format!(
                    "a set that asks for it is sent to {target}, and {back} sends it back: after 5 redirects \
                     it gives up"
                ),
                None => format!("a set that asks for it is sent to {target} first"),
            };
            let problem = Problem::new(span, message).help(help);
            lint.warn("CL-8", problem, effect);
        }
    }
}

/// The element that sends a set back to one where it was, if it asks for `dn` at `next` after `own`.
fn goes_round<'a>(lint: &Lint<'a>, dn: &str, own: usize, mut next: usize) -> Option<&'a String> {
    let elements = &lint.plan.elements;
    let mut seen = BTreeSet::from([own]);
    while seen.insert(next) {
        let element = &elements[next];
        let (_, digits) = element.remote.iter().find(|(remote, _)| remote == dn)?;
        let further = owner(lint, digits)?;
        if seen.contains(&further) {
            return Some(&element.name);
        }
        next = further;
    }
    None
}

/// CL-2, first look-up: CEID digits of Remote Directory Numbers that Cluster Elements does not have.
fn rows_of_digits(lint: &mut Lint<'_>, own: usize) {
    let (plan, file) = (lint.plan, lint.file);
    let (element, given) = (&plan.elements[own], &file.elements[own]);
    let Some(rows) = given.cluster.as_ref() else {
        let remote = given.remote.iter().flat_map(|list| &list.value);
        let unknown = remote.filter(|entry| owner(lint, &entry.value.ceid).is_none());
        let unknown: Vec<(String, Span)> = unknown
            .map(|entry| (entry.value.ceid.clone(), entry.span.clone()))
            .collect();
        for (digits, span) in unknown {
            no_row(lint, own, &digits, &span);
        }
        return;
    };
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (_, digits) in &element.remote {
        let has_row = rows.value.iter().any(|row| row.value.0 == *digits);
        if has_row || !told.insert(digits) {
            continue;
        }
        let remote = given.remote.iter().flat_map(|list| &list.value);
        let mut remote = remote.filter(|entry| entry.value.ceid == *digits);
        let span = remote.next().map_or(&rows.span, |entry| &entry.span);
        no_row(lint, own, digits, &span.clone());
    }
}

fn no_row(lint: &mut Lint<'_>, own: usize, digits: &str, span: &Span) {
    let name = &lint.plan.elements[own].name;
    let message = format!("the Cluster Elements of {name} have no CEID digits {digits}");
    let help = format!("add a row {{ ceid = \"{digits}\", icp = … }} to its `cluster`");
    let effect =
        "a set that asks for such a number is prompted: no ICP/PBX number for the CEID digits";
    lint.warn("CL-2", Problem::new(span, message).help(help), effect);
}

/// CL-2 and CL-5: rows of Cluster Elements that lead no further.
fn cluster_elements(lint: &mut Lint<'_>, own: usize) {
    let (plan, file) = (lint.plan, lint.file);
    let element = &plan.elements[own];
    let given = file.elements[own].cluster.iter();
    for At {
        value: (digits, icp),
        span,
    } in given.flat_map(|list| &list.value)
    {
        if owner(lint, digits).is_none() {
            let message = format!("no element has the CEID digits {digits}");
            let problem = Problem::new(span, message).label("leads to nobody");
            let effect = "there is no trunk to such an element: a set that is looked up by this row is \
                          prompted";
            let help = "write the `digits` of an element's `ceid`".to_owned();
            lint.warn("CL-5", problem.help(help), effect);
        } else if !element.networking.iter().any(|(row, _)| row == icp) {
            let name = &element.name;
            let message = format!("the ICP/PBX Networking of {name} has no ICP/PBX number {icp}");
            let help =
                format!("add a row {{ icp = {icp}, address = …, pbx = … }} to its `networking`");
            let effect = "a set that is looked up by this row is prompted: no address for the ICP/PBX \
                          number";
            lint.warn("CL-2", Problem::new(span, message).help(help), effect);
        }
    }
    // With derived Cluster Elements a row for every other element is wanted.
    let derived = file.elements[own].cluster.is_none();
    let Some(rows) = file.elements[own].networking.as_ref().filter(|_| derived) else {
        return;
    };
    for (digits, icp) in &element.cluster {
        if element.networking.iter().any(|(row, _)| row == icp) {
            continue;
        }
        let other = owner(lint, digits).map_or("an element", |other| &plan.elements[other].name);
        let name = &element.name;
        let message = format!(
            "the ICP/PBX Networking of {name} has no ICP/PBX number {icp}, which is {other}"
        );
        let help = format!("add {{ icp = {icp}, address = \"{other}\", pbx = {icp} }}");
        let effect = format!(
            "a set that asks {name} for a number of {other} is prompted: no address for the ICP/PBX number"
        );
        let problem = Problem::new(&rows.span, message).help(help);
        lint.warn("CL-2", problem, effect);
    }
}

/// CL-2 and CL-3: rows of ICP/PBX Networking that name another element than Cluster Elements do.
fn networking(lint: &mut Lint<'_>, own: usize) {
    let (plan, file) = (lint.plan, lint.file);
    let element = &plan.elements[own];
    let given = file.elements[own].networking.iter();
    for At { value: row, span } in given.flat_map(|list| &list.value) {
        let leads_here = |(_, icp): &&(String, u16)| *icp == row.icp;
        let digits = element.cluster.iter().find(leads_here);
        let Some(found) = digits.and_then(|(digits, _)| owner(lint, digits)) else {
            continue;
        };
        let (other, other_file) = (&plan.elements[found], &file.elements[found]);
        if row.pbx != other.ceid_index {
            let message = format!(
                "PBX number {} is not the CEID index of {}",
                row.pbx, other.name
            );
            let ceid = other_file.ceid.as_ref();
            let index = place(ceid.and_then(|ceid| ceid.index.as_ref()), &other_file.span);
            let problem = Problem::new(span, message)
                .context(&index, format!("its CEID index is {}", other.ceid_index))
                .help(format!("write pbx = {}", other.ceid_index));
            let effect = "the look-up ends there, and a set that asks for one of its numbers is \
                          prompted: PBX number differs from the CEID index";
            lint.warn("CL-3", problem, effect);
        }
        let named = element.networking.iter().find(|(icp, _)| *icp == row.icp);
        let address = named.and_then(|(_, named)| named.address.parse().ok());
        // An IP trunk knows where it leads, whatever the form says (CL-5).
        let by_form = plan.trunk(ElementId(own), ElementId(found)) == TrunkKind::Dpnss;
        if by_form && address.is_some_and(|address: std::net::Ipv4Addr| address != other.address) {
            let message = format!("this is not the address of {}", other.name);
            let problem = Problem::new(&row.address.span, message)
                .help(format!("write address = \"{}\"", other.name));
            let effect = format!("sets that look for {} are sent here", other.name);
            lint.warn("CL-2", problem, effect);
        }
    }
}

/// CL-5: elements that nothing joins, one of which looks for numbers of the other.
fn no_trunks(lint: &mut Lint<'_>) {
    let (plan, file) = (lint.plan, lint.file);
    for At { value: given, span } in &file.cluster.trunks {
        if given.kind != TrunkKind::None {
            continue;
        }
        let ends = given.between.iter();
        let named = |name: &At<String>| plan.elements.iter().position(|it| it.name == name.value);
        let ends: Vec<usize> = ends.filter_map(named).collect();
        let [a, b] = ends.as_slice() else { continue };
        for (own, other) in [(*a, *b), (*b, *a)] {
            let (own, other) = (&plan.elements[own], &plan.elements[other]);
            let remote = own.remote.iter();
            let leads_there = remote.filter(|(_, digits)| *digits == other.ceid_digits);
            let dns: Vec<&str> = leads_there.map(|(dn, _)| dn.as_str()).collect();
            if dns.is_empty() {
                continue;
            }
            let (own, other) = (&own.name, &other.name);
            let message = format!("no trunk joins {own} to {other}, which has {}", shown(&dns));
            let help = "join them by a trunk of kind `ip` or `dpnss`".to_owned();
            let effect = format!(
                "a set that asks {own} for such a number is prompted: no trunk to the DN's element"
            );
            lint.warn("CL-5", Problem::new(span, message).help(help), effect);
        }
    }
}

/// The element that has these CEID digits.
pub(super) fn owner(lint: &Lint<'_>, digits: &str) -> Option<usize> {
    let mut elements = lint.plan.elements.iter();
    elements.position(|element| element.ceid_digits == digits)
}
