//! Faults of the timeline: names become cables, and a fault ends only what has begun.

use super::Resolver;
use crate::scenario::file::{At, FileChange, On, Trouble};
use crate::scenario::plan::{self, Action, Cables, Fault, FaultId, Flap};
use crate::scenario::problem::Problem;

/// The action; `None` after a problem.
pub(super) fn act(resolver: &mut Resolver<'_>, trouble: &Trouble) -> Option<Action> {
    Some(match trouble {
        Trouble::Fault(fault) => {
            let on = cables(resolver, &fault.on);
            let id = named(resolver, &fault.name.value).unwrap_or_else(|| {
                resolver.faults.push(fault.name.value.clone());
                FaultId(u32::try_from(resolver.faults.len() - 1).unwrap_or(u32::MAX))
            });
            Action::Fault(Box::new(Fault {
                id,
                on: on?,
                from: fault.from,
                to: fault.to,
                does: fault.does,
                lasts: fault.lasts,
            }))
        }
        Trouble::EndFault(name) => match named(resolver, &name.value) {
            Some(fault) => Action::EndFault(fault),
            None => return never_began(resolver, name),
        },
        Trouble::ChangeFile {
            server,
            file,
            change,
        } => {
            let boot_servers = resolver.file.tftp.len();
            Action::ChangeFile {
                server: resolver
                    .names
                    .boot_server(server, boot_servers, resolver.problems)?,
                file: file.value.clone(),
                change: match change {
                    FileChange::CutTo(bytes) => plan::FileChange::CutTo(*bytes),
                    FileChange::Made { version, bytes } => plan::FileChange::Made(plan::MadeFile {
                        name: file.value.clone(),
                        version: version.clone(),
                        bytes: *bytes,
                    }),
                },
            }
        }
        Trouble::JumpLeaseClock { server, by } => {
            let (file, problems) = (resolver.file, &mut *resolver.problems);
            Action::JumpLeaseClock {
                server: resolver.names.dhcp_server(server, file, problems)?,
                by: *by,
            }
        }
        Trouble::Flap(flap) => Action::Flap(Flap {
            on: cables(resolver, &flap.on)?,
            times: flap.times,
            down: flap.down,
            up: flap.up,
        }),
    })
}

/// The fault of this name, if a step before has begun one.
fn named(resolver: &Resolver<'_>, name: &str) -> Option<FaultId> {
    let at = resolver.faults.iter().position(|known| known == name)?;
    u32::try_from(at).ok().map(FaultId)
}

fn never_began(resolver: &mut Resolver<'_>, name: &At<String>) -> Option<Action> {
    let message = format!("no fault named `{}` has begun", name.value);
    let problem = Problem::new(&name.span, message);
    let known = resolver.faults.join("`, `");
    let help = match known.as_str() {
        "" => "a step `fault` begins one".to_owned(),
        known => format!("there are `{known}`"),
    };
    resolver.problems.push(problem.help(help));
    None
}

fn cables(resolver: &mut Resolver<'_>, on: &On) -> Option<Cables> {
    let of = resolver
        .names
        .places(&on.names, &resolver.routers, resolver.problems);
    let at = on.at.as_ref();
    let at = at.map(|name| resolver.names.subnet(name, resolver.problems));
    Some(Cables {
        of,
        at: match at {
            Some(found) => Some(found?),
            None => None,
        },
    })
}
