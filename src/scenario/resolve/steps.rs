//! The timeline: names become stations, filters are read, lines are noted.

use super::Resolver;
use super::cluster::Codes;
use super::names::{Named, no_program};
use super::states::States;
use crate::capture::filter::Filter;
use crate::scenario::file::{self, At, Expect, Told};
use crate::scenario::plan::{
    Action, Control, ElementId, Exec, Expectation, Frames, HostId, PhoneId, PhoneIs, Powered,
    ProgramIs, Set, Step, StepKind, What,
};
use crate::scenario::problem::{Problem, Span};
use crate::scenario::{template, units};

/// Every step of the file.
pub(super) fn steps(resolver: &mut Resolver<'_>, codes: &[Codes]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut states = States::default();
    for step in &resolver.file.steps {
        let kind = match &step.kind {
            Some(file::StepKind::Act(written)) => {
                let action = act(resolver, codes, written);
                if let Some(action) = &action {
                    states.follow(resolver, (written, &step.span), action);
                }
                action.map(StepKind::Act)
            }
            Some(file::StepKind::Expect { when, expect }) => {
                let mut expectations = Vec::new();
                for expect in expect {
                    expected(resolver, expect, &mut expectations);
                }
                Some(StepKind::Expect {
                    when: *when,
                    expectations,
                })
            }
            None => None,
        };
        steps.extend(kind.map(|kind| Step {
            line: resolver.line(&step.span),
            note: step.note.clone(),
            kind,
        }));
    }
    steps
}

fn act(resolver: &mut Resolver<'_>, codes: &[Codes], action: &file::Action) -> Option<Action> {
    use file::Action as As;
    let problems = &mut *resolver.problems;
    let names = &resolver.names;
    Some(match action {
        As::PowerUp {
            phones,
            holding_star,
            over,
        } => Action::PowerUp {
            phones: names.phones(phones, problems),
            holding_star: *holding_star,
            over: *over,
        },
        As::PowerDown(phones) => Action::PowerDown {
            phones: names.phones(phones, problems),
        },
        As::Move { phones, to } => Action::Move {
            phones: names.phones(phones, problems),
            to: names.subnet(to, problems)?,
        },
        As::Unplug(phones) => Action::Unplug {
            phones: names.phones(phones, problems),
        },
        As::Plug(phones) => Action::Plug {
            phones: names.phones(phones, problems),
        },
        As::EnterPin { phone, pin } => {
            let phone = names.phone(phone, problems);
            let pin = resolver.pin(pin, codes);
            Action::EnterPin {
                phone: phone?,
                pin: pin?,
            }
        }
        As::Wait(time) => Action::Wait(*time),
        As::Admin(admin) => super::admin::act(resolver, admin)?,
        As::Send(send) => super::send::act(resolver, send)?,
        As::Trouble(trouble) => super::faults::act(resolver, trouble)?,
        As::Stop(station) => match program(resolver, station) {
            Some(host) => Action::Control(host, Control::Stop),
            None => Action::Stop(powered(resolver, station)?),
        },
        As::Start(station) => match program(resolver, station) {
            Some(host) => Action::Control(host, Control::Start),
            None => Action::Start(powered(resolver, station)?),
        },
        As::Kill(name) => match program(resolver, name) {
            Some(host) => Action::Control(host, Control::Kill),
            None => return nothing_to_kill(resolver, name),
        },
        As::SetRecord(set) => {
            let found = names.dns_server(&set.server, resolver.file, problems);
            let to = match set.to.value.as_str() {
                "none" => None,
                _ => Some(resolver.element_address(&set.to)?),
            };
            Action::SetRecord {
                server: found?.0,
                name: set.name.value.clone(),
                to,
            }
        }
        As::Exec(exec) => Action::Exec(Exec {
            host: names.kernel(&exec.host, problems)?,
            command: exec.command.clone(),
            status: exec.status,
            prints: exec.prints.clone(),
            within: exec.within,
        }),
    })
}

fn powered(resolver: &mut Resolver<'_>, name: &At<String>) -> Option<Powered> {
    let (routers, problems) = (&resolver.routers, &mut *resolver.problems);
    resolver.names.powered(name, routers, problems)
}

fn nothing_to_kill(resolver: &mut Resolver<'_>, name: &At<String>) -> Option<Action> {
    resolver.names.kernel(name, resolver.problems)?;
    resolver.problems.push(no_program(name));
    None
}

/// The kernel host of this name, if it has a program.
fn program(resolver: &Resolver<'_>, name: &At<String>) -> Option<HostId> {
    let host = resolver.names.kernel_if_any(name)?;
    let position = host.0.checked_sub(resolver.file.tftp.len())?;
    let of = resolver.file.hosts.get(position)?;
    of.program.as_ref().map(|_| host)
}

fn expected(resolver: &mut Resolver<'_>, expect: &Expect, all: &mut Vec<Expectation>) {
    match expect {
        Expect::Frames(frames) => {
            for At { value, span } in frames {
                let line = resolver.line(span);
                let what = frames_of(resolver, value);
                all.extend(what.map(|what| Expectation { line, what }));
            }
        }
        Expect::Of { name, told } => {
            let Some(subject) = resolver.names.subject(name, resolver.problems) else {
                return;
            };
            let subject = subject.clone();
            for told in told {
                let line = resolver.line(&told.span);
                let what = match &subject {
                    Named::Phone(phone) => of_phones(resolver, &[*phone], told, false),
                    Named::Group(range) => {
                        let phones: Vec<PhoneId> = range.clone().map(PhoneId).collect();
                        of_phones(resolver, &phones, told, true)
                    }
                    Named::Element(element) => of_element(resolver, *element, told),
                    Named::Kernel(_) => of_program(resolver, name, told).into_iter().collect(),
                    Named::Subnet(_) | Named::Router | Named::Host(_) => Vec::new(),
                };
                all.extend(what.into_iter().map(|what| Expectation { line, what }));
            }
        }
    }
}

/// What is told of phones. A group may count: then each of its phones has an expectation of its own.
fn of_phones(
    resolver: &mut Resolver<'_>,
    phones: &[PhoneId],
    told: &At<Told>,
    group: bool,
) -> Vec<What> {
    let each = |is: PhoneIs| What::Phone {
        phones: phones.to_vec(),
        is,
    };
    let span = &told.span;
    let one = match &told.value {
        Told::Registered(Some(dn)) => {
            return counted(resolver, phones, dn, (span, group), |text| {
                units::dn(text).map(|dn| PhoneIs::Registered(Some(dn)))
            });
        }
        Told::StoredPin(Some(pin)) => {
            return counted(resolver, phones, pin, (span, group), |text| {
                units::pin(text).map(|pin| PhoneIs::StoredPin(Some(pin)))
            });
        }
        Told::Neighbour(neighbours) => {
            let is =
                |(address, state): &(_, At<Option<_>>)| PhoneIs::Neighbour(*address, state.value);
            return neighbours.iter().map(is).map(each).collect();
        }
        Told::Directory(_) | Told::Remote(_) | Told::Trunks(_) => {
            let message = "this is told of an element, not of a phone";
            resolver.problems.push(Problem::new(span, message));
            None
        }
        Told::Running(_) | Told::Exited(_) => {
            let message = "`running` and `exited` are told of a kernel host; this is a phone";
            resolver.problems.push(Problem::new(span, message));
            None
        }
        Told::Registered(None) => Some(PhoneIs::Registered(None)),
        Told::NotRegistered => Some(PhoneIs::NotRegistered),
        Told::Element(name) => {
            let name = At::new(name.clone(), span.clone());
            resolver
                .names
                .element(&name, resolver.problems)
                .map(PhoneIs::AtElement)
        }
        Told::Display(text) => Some(PhoneIs::Display(text.clone())),
        Told::Address(address) => Some(PhoneIs::Address(*address)),
        Told::Subnet(name) => {
            let name = At::new(name.clone(), span.clone());
            resolver
                .names
                .subnet(&name, resolver.problems)
                .map(PhoneIs::AddressIn)
        }
        Told::Vlan(vlan) => Some(PhoneIs::InVlan(*vlan)),
        Told::StoredPin(None) => Some(PhoneIs::StoredPin(None)),
        Told::Prompt(text) => Some(PhoneIs::Prompt(text.clone())),
        Told::Flashed(count) => Some(PhoneIs::Flashed(*count)),
        Told::Redirects(count) => Some(PhoneIs::Redirects(*count)),
    };
    one.map(each).into_iter().collect()
}

fn counted(
    resolver: &mut Resolver<'_>,
    phones: &[PhoneId],
    text: &str,
    (span, group): (&Span, bool),
    is: impl Fn(&str) -> Result<PhoneIs, units::Wrong>,
) -> Vec<What> {
    let told = |phones: Vec<PhoneId>, text: &str| is(text).map(|is| What::Phone { phones, is });
    let mut all = Vec::new();
    let results: Vec<_> = if group && template::counts(text) {
        let text = At::new(text.to_owned(), span.clone());
        let mut results = Vec::new();
        for (n, phone) in (1..).zip(phones) {
            let Some(filled) = resolver.filled(&text, n) else {
                return Vec::new();
            };
            results.push(told(vec![*phone], &filled));
        }
        results
    } else {
        vec![told(phones.to_vec(), text)]
    };
    for result in results {
        match result {
            Ok(what) => all.push(what),
            Err(wrong) => {
                resolver
                    .problems
                    .push(Problem::new(span, wrong.message).help(wrong.help));
                break;
            }
        }
    }
    all
}

fn of_program(resolver: &mut Resolver<'_>, name: &At<String>, told: &At<Told>) -> Option<What> {
    let is = if let Told::Running(running) = told.value {
        match running {
            true => ProgramIs::Running,
            false => ProgramIs::NotRunning,
        }
    } else if let Told::Exited(status) = told.value {
        ProgramIs::Exited(status)
    } else {
        let problem = Problem::new(&told.span, "this is not told of a kernel host");
        let help = "of a kernel host: `running`, `exited`".to_owned();
        resolver.problems.push(problem.help(help));
        return None;
    };
    let host = program(resolver, name);
    if host.is_none() {
        resolver.problems.push(no_program(name));
    }
    Some(What::Program { host: host?, is })
}

fn of_element(resolver: &mut Resolver<'_>, element: ElementId, told: &At<Told>) -> Vec<What> {
    let mapped = match &told.value {
        Told::Directory(mapped) => mapped,
        Told::Remote(remote) => return remote_of(resolver, element, remote),
        Told::Trunks(trunks) => {
            let found = trunks.iter().filter_map(|(name, up)| {
                let to = resolver.names.element(name, resolver.problems)?;
                let up = *up;
                Some(What::Trunk { element, to, up })
            });
            return found.collect();
        }
        Told::Registered(_)
        | Told::NotRegistered
        | Told::Element(_)
        | Told::Display(_)
        | Told::Address(_)
        | Told::Subnet(_)
        | Told::Vlan(_)
        | Told::StoredPin(_)
        | Told::Prompt(_)
        | Told::Neighbour(_)
        | Told::Flashed(_)
        | Told::Redirects(_)
        | Told::Running(_)
        | Told::Exited(_) => {
            let message = "this is not told of an element";
            let problem = Problem::new(&told.span, message);
            let help = "of an element: `directory`, `remote`, `trunks`";
            resolver.problems.push(problem.help(help.to_owned()));
            return Vec::new();
        }
    };
    let mut all = Vec::new();
    for (dn, set) in mapped {
        if let Err(wrong) = units::dn(&dn.value) {
            resolver
                .problems
                .push(Problem::new(&dn.span, wrong.message).help(wrong.help));
            continue;
        }
        let set = match set.value.as_str() {
            "none" => None,
            text => match units::mac(text) {
                Ok(mac) => Some(Set::Mac(mac)),
                Err(_) => match resolver.names.phone(set, resolver.problems) {
                    Some(phone) => Some(Set::Phone(phone)),
                    None => continue,
                },
            },
        };
        all.push(What::Mapped {
            element,
            dn: dn.value.clone(),
            set,
        });
    }
    all
}

fn remote_of(
    resolver: &mut Resolver<'_>,
    element: ElementId,
    remote: &[(At<String>, Option<String>)],
) -> Vec<What> {
    let mut all = Vec::new();
    for (dn, digits) in remote {
        match units::dn(&dn.value) {
            Ok(dn) => all.push(What::Remote {
                element,
                dn,
                digits: digits.clone(),
            }),
            Err(wrong) => {
                let problem = Problem::new(&dn.span, wrong.message);
                resolver.problems.push(problem.help(wrong.help));
            }
        }
    }
    all
}

fn frames_of(resolver: &mut Resolver<'_>, frames: &file::Frames) -> Option<What> {
    let on = frames.on.as_ref();
    let found = on.and_then(|on| resolver.names.subnet(on, resolver.problems));
    check_filter(resolver, &frames.filter);
    Some(What::Frames(Frames {
        on: if on.is_some() { Some(found?) } else { None },
        filter: frames.filter.value.clone(),
        count: frames.count,
        since: frames.since,
    }))
}

/// What is wrong with a filter is marked inside its quotes.
fn check_filter(resolver: &mut Resolver<'_>, filter: &At<String>) {
    let At { value, span } = filter;
    if let Err(wrong) = Filter::parse(value) {
        let source = resolver.text.get(span.clone()).unwrap_or_default();
        // Where the quotes hold escapes the text is not found as it stands: then all of it is marked.
        let place = source.find(value.as_str()).map_or(span.clone(), |quote| {
            let start = span.start + quote;
            start + wrong.span.start..start + wrong.span.end
        });
        let help = wrong
            .suggestion
            .map(|meant| format!("did you mean `{meant}`?"));
        let message = format!("in this filter: {}", wrong.problem);
        resolver
            .problems
            .push(Problem::new(&place, message).help(help));
    }
}
