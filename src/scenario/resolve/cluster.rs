//! The elements and their forms: as the file gives them, or derived from the whole cluster (CL-1, CL-2).

use std::collections::BTreeMap;

use super::Resolver;
use super::stations::place;
use crate::controller::check_access_codes;
use crate::scenario::file::{self, At};
use crate::scenario::plan::{Element, ElementId, Networking, SubnetId, TrunkKind};
use crate::scenario::problem::{Problem, Problems, Span};
use crate::time::Duration;
use crate::wire::Mac;

const REGISTRATION_CODE: &str = "***";
const REPLACEMENT_CODE: &str = "###";
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The two access codes of an element, or of the cluster.
pub(super) struct Codes {
    pub(super) registration: String,
    pub(super) replacement: String,
}

/// The codes of the cluster first, then those of each element, then those of steps that change them.
pub(super) fn codes(resolver: &mut Resolver<'_>) -> Vec<Codes> {
    let cluster = &resolver.file.cluster;
    let of = |registration: Option<&At<String>>, replacement: Option<&At<String>>| Codes {
        registration: registration
            .map_or(REGISTRATION_CODE, |code| &code.value)
            .to_owned(),
        replacement: replacement
            .map_or(REPLACEMENT_CODE, |code| &code.value)
            .to_owned(),
    };
    let (one, other) = (
        cluster.registration_code.as_ref(),
        cluster.replacement_code.as_ref(),
    );
    let mut all = vec![of(one, other)];
    check_codes(&all[0], other.or(one), resolver);
    for element in &resolver.file.elements {
        let (own_one, own_other) = (
            element.registration_code.as_ref(),
            element.replacement_code.as_ref(),
        );
        let codes = of(own_one.or(one), own_other.or(other));
        check_codes(&codes, own_other.or(own_one), resolver);
        all.push(codes);
    }
    // A PIN may also begin with a code that an element has only later (AD-6).
    for step in &resolver.file.steps {
        if let Some(file::StepKind::Act(file::Action::Admin(file::Admin::ChangeCodes(codes)))) =
            &step.kind
        {
            all.push(Codes {
                registration: codes.registration.value.clone(),
                replacement: codes.replacement.value.clone(),
            });
        }
    }
    all
}

/// Neither may begin the other (CL-4): a PIN would have two meanings.
fn check_codes(codes: &Codes, given: Option<&At<String>>, resolver: &mut Resolver<'_>) {
    let Some(At { span, .. }) = given else { return };
    let at = |code: &String| At::new(code.clone(), span.clone());
    let (registration, replacement) = (at(&codes.registration), at(&codes.replacement));
    check_alike(&registration, &replacement, resolver.problems);
}

/// `None` and a problem if one of the codes begins the other.
pub(super) fn check_alike(
    registration: &At<String>,
    replacement: &At<String>,
    problems: &mut Problems,
) -> Option<()> {
    let (one, other) = (&registration.value, &replacement.value);
    if check_access_codes(one, other).is_ok() {
        return Some(());
    }
    let message = format!(
        "registration code `{one}` and replacement code `{other}`: one begins the other (CL-4)"
    );
    let problem = Problem::new(&replacement.span, message);
    problems.push(problem.help("a PIN would have two meanings".to_owned()));
    None
}

/// Where the elements stand, and their MACs. Their forms follow when the phones are known.
pub(super) fn places(resolver: &mut Resolver<'_>) -> Vec<(SubnetId, Mac)> {
    let mut places = Vec::new();
    for element in &resolver.file.elements {
        let (at, address) = (element.at.as_ref(), element.address.as_ref());
        let mut found = (SubnetId(0), Mac::ZERO);
        if let Some(address) = address {
            let where_ = (resolver.subnets.as_slice(), &resolver.names);
            let subnet = place(at, Some(address), where_, resolver.problems);
            if let Some(at) = subnet {
                let who = element
                    .name
                    .as_ref()
                    .map_or("an element", |name| &name.value);
                let (subnet, given) = (&resolver.subnets[at.0], (address, element.mac.as_ref()));
                found = (
                    at,
                    resolver
                        .stations
                        .server(who, given, subnet, None, resolver.problems),
                );
            }
        }
        places.push(found);
    }
    places
}

/// The elements with their forms.
pub(super) fn elements(
    resolver: &mut Resolver<'_>,
    places: &[(SubnetId, Mac)],
    codes: &[Codes],
    macs: &[Mac],
) -> Vec<Element> {
    check_ceids(resolver);
    let directories = directories(resolver, macs);
    let heartbeat = resolver.file.cluster.heartbeat.as_ref();
    let heartbeat = heartbeat.map_or(HEARTBEAT, |heartbeat| heartbeat.value);
    let mut elements = Vec::new();
    for (i, element) in resolver.file.elements.iter().enumerate() {
        let address = element.address.as_ref().map(|address| address.value);
        let address = address.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED);
        let (ceid_index, ceid_digits) = ceid(element);
        elements.push(Element {
            name: element
                .name
                .as_ref()
                .map(|name| name.value.clone())
                .unwrap_or_default(),
            at: places[i].0,
            address,
            mac: places[i].1,
            fqdn: element.fqdn.as_ref().map(|fqdn| fqdn.value.clone()),
            ceid_index,
            ceid_digits,
            registration_code: codes[i + 1].registration.clone(),
            replacement_code: codes[i + 1].replacement.clone(),
            directory: directories[i].clone(),
            automatic: element.automatic.as_ref().map(|range| range.value.clone()),
            remote: remote(resolver, i, &directories),
            cluster: cluster(resolver, i),
            networking: networking(resolver, i),
            heartbeat,
            outside: None,
            fault: element.fault.as_ref().map(|fault| fault.value),
        });
    }
    elements
}

/// What joins pairs of elements, where the file says so; elsewhere it is an IP trunk.
pub(super) fn trunks(resolver: &mut Resolver<'_>) -> BTreeMap<(ElementId, ElementId), TrunkKind> {
    let mut trunks = BTreeMap::new();
    let mut seen: BTreeMap<(ElementId, ElementId), &Span> = BTreeMap::new();
    for At { value: trunk, span } in &resolver.file.cluster.trunks {
        let between = trunk.between.iter();
        let found = between.map(|name| resolver.names.element(name, resolver.problems));
        let Some([a, b]) = found
            .collect::<Option<Vec<_>>>()
            .as_deref()
            .map(|pair| match pair {
                [a, b] => [*a, *b],
                _ => [ElementId(0); 2],
            })
        else {
            continue;
        };
        let pair = (a.min(b), a.max(b));
        if let Some(first) = seen.insert(pair, span) {
            let problem = Problem::new(span, "these two elements are joined twice");
            resolver.problems.push(problem.context(first, "here first"));
        }
        trunks.insert(pair, trunk.kind);
    }
    trunks
}

/// Index and digits; placeholders where they could not be read.
fn ceid(element: &file::Element) -> (u16, String) {
    let ceid = element.ceid.as_ref();
    let index = ceid
        .and_then(|ceid| ceid.index.as_ref())
        .map(|index| index.value);
    let digits = ceid
        .and_then(|ceid| ceid.digits.as_ref())
        .map(|digits| digits.value.clone());
    (index.unwrap_or(1), digits.unwrap_or_default())
}

/// No two elements with the same index or the same digits.
fn check_ceids(resolver: &mut Resolver<'_>) {
    let mut seen: BTreeMap<String, (&str, &Span)> = BTreeMap::new();
    for element in &resolver.file.elements {
        let Some(ceid) = &element.ceid else { continue };
        let name = element
            .name
            .as_ref()
            .map_or("another element", |name| &name.value);
        let index = ceid.index.as_ref();
        let index = index.map(|at| (format!("index {} is that", at.value), &at.span));
        let digits = ceid.digits.as_ref();
        let digits = digits.map(|at| (format!("digits {} are those", at.value), &at.span));
        for (what, span) in [index, digits].into_iter().flatten() {
            if let Some((other, first)) = seen.get(&what) {
                let message = format!("the CEID {what} of {other}");
                let problem = Problem::new(span, message);
                resolver
                    .problems
                    .push(problem.context(first, format!("given to {other}")));
            } else {
                seen.insert(what, (name, span));
            }
        }
    }
}

type Directory = Vec<(String, Option<Mac>)>;

/// The Telephone Directory of each element. A DN stands in one of them, once (CL-1).
fn directories(resolver: &mut Resolver<'_>, macs: &[Mac]) -> Vec<Directory> {
    let mut seen: BTreeMap<&str, (&str, &Span)> = BTreeMap::new();
    let mut directories = Vec::new();
    for element in &resolver.file.elements {
        let name = element
            .name
            .as_ref()
            .map_or("an element", |name| &name.value);
        let mut directory = Vec::new();
        for At { value: entry, span } in &element.directory {
            let phone = entry.phone.as_ref();
            let phone = phone.and_then(|phone| resolver.names.phone(phone, resolver.problems));
            let mac = entry.mac.or_else(|| macs.get(phone?.0).copied());
            let twice = entry
                .dns
                .iter()
                .find_map(|dn| Some((dn, seen.get(dn.as_str())?)));
            if let Some((dn, (other, first))) = twice {
                let message = format!("the directory number {dn} is programmed twice (CL-1)");
                let problem = Problem::new(span, message).label(format!("in {name}"));
                resolver
                    .problems
                    .push(problem.context(first, format!("in {other}")));
                continue;
            }
            for dn in &entry.dns {
                seen.insert(dn, (name, span));
                directory.push((dn.clone(), mac));
            }
        }
        directories.push(directory);
    }
    directories
}

/// Remote Directory Numbers: those of the file, or every other element's numbers.
fn remote(
    resolver: &mut Resolver<'_>,
    own: usize,
    directories: &[Directory],
) -> Vec<(String, String)> {
    let elements = &resolver.file.elements;
    let Some(given) = &elements[own].remote else {
        let others = directories.iter().enumerate().filter(|(i, _)| *i != own);
        return others
            .flat_map(|(i, directory)| {
                let (_, digits) = ceid(&elements[i]);
                directory
                    .iter()
                    .map(move |(dn, _)| (dn.clone(), digits.clone()))
            })
            .collect();
    };
    let mut remote = Vec::new();
    let mut seen: BTreeMap<&str, &Span> = BTreeMap::new();
    for At { value: entry, span } in &given.value {
        for dn in &entry.dns {
            if let Some(first) = seen.insert(dn, span) {
                let message = format!("the remote directory number {dn} is programmed twice");
                resolver
                    .problems
                    .push(Problem::new(span, message).context(first, "here first"));
                break;
            }
            remote.push((dn.clone(), entry.ceid.clone()));
        }
    }
    remote
}

/// Cluster Elements: those of the file, or every other element's digits and index.
fn cluster(resolver: &Resolver<'_>, own: usize) -> Vec<(String, u16)> {
    let elements = &resolver.file.elements;
    match &elements[own].cluster {
        Some(given) => (given.value.iter())
            .map(|entry| entry.value.clone())
            .collect(),
        None => others(elements, own)
            .map(ceid)
            .map(|(index, digits)| (digits, index))
            .collect(),
    }
}

/// ICP/PBX Networking: that of the file, or every other element's index, and its FQDN or address.
fn networking(resolver: &mut Resolver<'_>, own: usize) -> Vec<(u16, Networking)> {
    let elements = &resolver.file.elements;
    let Some(given) = &elements[own].networking else {
        return others(elements, own)
            .filter_map(|other| {
                let (index, _) = ceid(other);
                let address = match &other.fqdn {
                    Some(fqdn) => fqdn.value.clone(),
                    None => other.address.as_ref()?.value.to_string(),
                };
                Some((
                    index,
                    Networking {
                        address,
                        pbx_number: index,
                    },
                ))
            })
            .collect();
    };
    (given.value.iter())
        .filter_map(|At { value: entry, .. }| {
            let address = resolver.element_address_or_name(&entry.address)?;
            let pbx_number = entry.pbx;
            Some((
                entry.icp,
                Networking {
                    address,
                    pbx_number,
                },
            ))
        })
        .collect()
}

fn others(elements: &[file::Element], own: usize) -> impl Iterator<Item = &file::Element> {
    let others = elements.iter().enumerate().filter(move |(i, _)| *i != own);
    others.map(|(_, element)| element)
}
