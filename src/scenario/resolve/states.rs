//! What has power and which cables are in, as the timeline goes: a step that would change nothing is a slip.
//!
//! Steps alone stop and start stations and pull cables, so all of this is known before a run. At the beginning
//! every cable is in, and every server, router and element has power.

use std::collections::BTreeMap;

use super::Resolver;
use crate::scenario::file::{self, At};
use crate::scenario::plan::{Action, ElementId, PhoneId, Powered, StationId};
use crate::scenario::problem::{Problem, Span};

/// What is not as it was at the beginning, and since which step.
#[derive(Debug, Default)]
pub(super) struct States {
    stopped: BTreeMap<Powered, Span>,
    unplugged: BTreeMap<PhoneId, Span>,
}

impl States {
    /// Follows an action of the file; one that changes nothing, or that cannot be done, is a problem.
    pub(super) fn follow(
        &mut self,
        resolver: &mut Resolver<'_>,
        (written, span): (&file::Action, &Span),
        action: &Action,
    ) {
        match (action, written) {
            (Action::Stop(station), file::Action::Stop(name)) => {
                if let Some(first) = self.stopped.get(station) {
                    let message = format!("{} has no power already", name.value);
                    let problem = Problem::new(&name.span, message);
                    resolver
                        .problems
                        .push(problem.context(first, "stopped here"));
                }
                self.stopped.insert(*station, name.span.clone());
            }
            (Action::Start(station), file::Action::Start(name)) => {
                let stopped = self.stopped.remove(station);
                if stopped.is_none() {
                    has_already(resolver, name, "has power");
                }
            }
            (Action::Unplug { phones }, file::Action::Unplug(names)) => {
                let Some(name) = names.first() else { return };
                for phone in phones {
                    let first = self.unplugged.insert(*phone, name.span.clone());
                    if let Some(first) = first {
                        let message = "this cable is out already";
                        let problem = Problem::new(&name.span, message);
                        resolver
                            .problems
                            .push(problem.context(&first, "pulled here"));
                        return;
                    }
                }
            }
            (Action::Plug { phones }, file::Action::Plug(names)) => {
                let before = self.unplugged.len();
                self.unplugged.retain(|phone, _| !phones.contains(phone));
                if let ([name, ..], true) = (
                    names.as_slice(),
                    before - self.unplugged.len() < phones.len(),
                ) {
                    has_already(resolver, name, "is plugged in");
                }
            }
            // It ends in a port, wherever the cable was.
            (Action::Move { phones, .. }, _) => {
                self.unplugged.retain(|phone, _| !phones.contains(phone));
            }
            (Action::Administer { at, .. }, file::Action::Admin(admin)) => {
                self.need_power(resolver, at, admin.place().unwrap_or(span));
            }
            (Action::MoveDns { from, to, .. }, file::Action::Admin(admin)) => {
                self.need_power(resolver, &[*from, *to], admin.place().unwrap_or(span));
            }
            _ => {}
        }
    }

    /// Nobody can work at an element without power.
    fn need_power(&self, resolver: &mut Resolver<'_>, elements: &[ElementId], span: &Span) {
        let stopped = |element: &ElementId| {
            let element_id = Powered::Station(StationId::Element(*element));
            let span = self.stopped.get(&element_id)?;
            Some((element.0, span))
        };
        if let Some((element, first)) = elements.iter().find_map(stopped) {
            let name = resolver.file.elements[element].name.as_ref();
            let name = name.map_or("the element", |name| &name.value);
            let message = format!("{name} has no power: nobody can program it");
            let problem = Problem::new(span, message);
            resolver
                .problems
                .push(problem.context(first, "stopped here"));
        }
    }
}

fn has_already(resolver: &mut Resolver<'_>, name: &At<String>, what: &str) {
    let message = format!("{} {what} already", name.value);
    resolver.problems.push(Problem::new(&name.span, message));
}
