//! What an administrator does: names become elements and MACs, and what never can be done is refused.

use super::Resolver;
use super::cluster::check_alike;
use crate::scenario::file::{Admin, At, ChangeCodes, SetName};
use crate::scenario::plan::{Action, ElementId, Operation, SetKey};
use crate::wire::Mac;

/// The action; `None` after a problem.
pub(super) fn act(resolver: &mut Resolver<'_>, admin: &Admin) -> Option<Action> {
    let one = |element: ElementId, operation| Action::Administer {
        at: vec![element],
        operation,
    };
    Some(match admin {
        Admin::DeleteDn { element, dn } => one(
            resolver.element(element)?,
            Operation::DeleteDn { dn: dn.clone() },
        ),
        Admin::ChangeDn { element, dn, to } => one(
            resolver.element(element)?,
            Operation::ChangeDn {
                dn: dn.clone(),
                to: to.clone(),
            },
        ),
        Admin::DeleteMac { element, set } => {
            let (element, set) = (resolver.element(element), key(resolver, set));
            match set? {
                SetKey::Mac(mac) => one(element?, Operation::DeleteMac { mac }),
                SetKey::Dn(_) => return None,
            }
        }
        Admin::DeleteSet { element, set } => {
            let (element, set) = (resolver.element(element), key(resolver, set));
            one(element?, Operation::DeleteSet(set?))
        }
        Admin::Synchronise(names) => {
            let found = names.iter().map(|name| resolver.element(name));
            Action::Administer {
                at: found.collect::<Option<Vec<_>>>()?,
                operation: Operation::Synchronise {},
            }
        }
        Admin::ChangeCodes(codes) => change_codes(resolver, codes)?,
        Admin::MoveDn { dns, from, to } => {
            let (from, to) = (resolver.element(from), resolver.element(to));
            Action::MoveDns {
                dns: dns.clone(),
                from: from?,
                to: to?,
            }
        }
    })
}

fn change_codes(resolver: &mut Resolver<'_>, codes: &ChangeCodes) -> Option<Action> {
    let ChangeCodes {
        elements,
        registration,
        replacement,
    } = codes;
    check_alike(registration, replacement, resolver.problems)?;
    let at = match elements {
        None => (0..resolver.file.elements.len()).map(ElementId).collect(),
        Some(names) => {
            let found = names.iter().map(|name| resolver.element(name));
            found.collect::<Option<Vec<_>>>()?
        }
    };
    let operation = Operation::ChangeCodes {
        registration: registration.value.clone(),
        replacement: replacement.value.clone(),
    };
    Some(Action::Administer { at, operation })
}

fn key(resolver: &mut Resolver<'_>, set: &SetName) -> Option<SetKey> {
    Some(match set {
        SetName::Dn(dn) => SetKey::Dn(dn.clone()),
        SetName::Mac(mac) => SetKey::Mac(*mac),
        SetName::Phone(name) => SetKey::Mac(resolver.mac_of(name)?),
    })
}

impl Resolver<'_> {
    fn element(&mut self, name: &At<String>) -> Option<ElementId> {
        self.names.element(name, self.problems)
    }

    /// The MAC of the phone of this name.
    fn mac_of(&mut self, name: &At<String>) -> Option<Mac> {
        let phone = self.names.phone(name, self.problems)?;
        self.macs.get(phone.0).copied()
    }
}
