//! What an administrator does at the elements: actions of the timeline.

use super::fields::Fields;
use super::value::{Item, of, one_or_more, text};
use super::{At, keys};
use crate::scenario::problem::{Problem, Problems, Span};
use crate::scenario::units;
use crate::wire::Mac;

/// What is done, at the element of this name.
#[derive(Debug)]
pub(crate) enum Admin {
    DeleteDn {
        element: At<String>,
        dn: String,
    },
    ChangeDn {
        element: At<String>,
        dn: String,
        to: String,
    },
    DeleteMac {
        element: At<String>,
        set: SetName,
    },
    DeleteSet {
        element: At<String>,
        set: SetName,
    },
    ChangeCodes(ChangeCodes),
    MoveDn {
        dns: Vec<String>,
        from: At<String>,
        to: At<String>,
    },
    /// Elements whose numbers the others get.
    Synchronise(Vec<At<String>>),
}

impl Admin {
    /// Where it says at which element.
    pub(crate) fn place(&self) -> Option<&Span> {
        Some(match self {
            Admin::DeleteDn { element, .. }
            | Admin::ChangeDn { element, .. }
            | Admin::DeleteMac { element, .. }
            | Admin::DeleteSet { element, .. }
            | Admin::MoveDn { from: element, .. } => &element.span,
            Admin::ChangeCodes(codes) => &codes.registration.span,
            Admin::Synchronise(elements) => &elements.first()?.span,
        })
    }
}

/// New access codes for these elements, or for all.
#[derive(Debug)]
pub(crate) struct ChangeCodes {
    pub(crate) elements: Option<Vec<At<String>>>,
    pub(crate) registration: At<String>,
    pub(crate) replacement: At<String>,
}

/// How a set is named in a form.
#[derive(Debug)]
pub(crate) enum SetName {
    Dn(String),
    Mac(Mac),
    Phone(At<String>),
}

/// The action of this key, if it is one of an administrator.
pub(super) fn admin(key: &str, item: &Item<'_>, problems: &mut Problems) -> Option<Admin> {
    match key {
        "delete-dn" => delete_dn(item, problems),
        "change-dn" => change_dn(item, problems),
        "delete-mac" => {
            let mut fields = Fields::of(item, &keys::DELETE_MAC, problems)?;
            let element = fields.required("element", problems, text);
            let set = set_name(&mut fields, &["mac", "phone"], problems);
            Some(Admin::DeleteMac {
                element: element?,
                set: set?,
            })
        }
        "delete-set" => {
            let mut fields = Fields::of(item, &keys::DELETE_SET, problems)?;
            let element = fields.required("element", problems, text);
            let set = set_name(&mut fields, &["dn", "mac", "phone"], problems);
            Some(Admin::DeleteSet {
                element: element?,
                set: set?,
            })
        }
        "change-codes" => change_codes(item, problems),
        "move-dn" => move_dn(item, problems),
        "synchronise" => one_or_more(text)(item, problems).map(Admin::Synchronise),
        _ => None,
    }
}

fn delete_dn(item: &Item<'_>, problems: &mut Problems) -> Option<Admin> {
    let mut fields = Fields::of(item, &keys::DELETE_DN, problems)?;
    let element = fields.required("element", problems, text);
    let dn = fields.required("dn", problems, of(units::dn));
    Some(Admin::DeleteDn {
        element: element?,
        dn: dn?.value,
    })
}

fn change_dn(item: &Item<'_>, problems: &mut Problems) -> Option<Admin> {
    let mut fields = Fields::of(item, &keys::CHANGE_DN, problems)?;
    let element = fields.required("element", problems, text);
    let dn = fields.required("dn", problems, of(units::dn));
    let to = fields.required("to", problems, of(units::dn));
    let (dn, to) = (dn?, to?);
    if dn.value == to.value {
        let message = format!("DN {} has that number already", dn.value);
        problems.push(Problem::new(&to.span, message));
    }
    Some(Admin::ChangeDn {
        element: element?,
        dn: dn.value,
        to: to.value,
    })
}

fn change_codes(item: &Item<'_>, problems: &mut Problems) -> Option<Admin> {
    let mut fields = Fields::of(item, &keys::CHANGE_CODES, problems)?;
    let elements = fields.optional("element", problems, one_or_more(text));
    let registration = fields.required("registration-code", problems, of(units::access_code));
    let replacement = fields.required("replacement-code", problems, of(units::access_code));
    Some(Admin::ChangeCodes(ChangeCodes {
        elements: elements.map(|elements| elements.value),
        registration: registration?,
        replacement: replacement?,
    }))
}

fn move_dn(item: &Item<'_>, problems: &mut Problems) -> Option<Admin> {
    let mut fields = Fields::of(item, &keys::MOVE_DN, problems)?;
    let dns = fields.required("dn", problems, of(units::dns));
    let from = fields.required("from", problems, text);
    let to = fields.required("to", problems, text);
    let (from, to) = (from?, to?);
    if from.value == to.value {
        let message = format!("a move from {0} to {0} is none", from.value);
        problems.push(Problem::new(&to.span, message));
    }
    Some(Admin::MoveDn {
        dns: dns?.value,
        from,
        to,
    })
}

/// The one of these keys that the table has.
fn set_name(
    fields: &mut Fields<'_, '_>,
    keys: &[&'static str],
    problems: &mut Problems,
) -> Option<SetName> {
    match fields.present(keys).as_slice() {
        [] if !fields.unknown.is_empty() => {}
        [] => {
            let problem = Problem::new(&fields.span, "this does not say which set");
            problems.push(problem.label(format!("needs `{}`", keys.join("` or `"))));
        }
        [_] => {}
        [_, (_, second), ..] => {
            let message = format!("give one of `{}`", keys.join("`, `"));
            problems.push(Problem::new(second, message));
        }
    }
    let dn = keys.contains(&"dn").then_some("dn");
    let dn = dn.and_then(|key| fields.optional(key, problems, of(units::dn)));
    let mac = fields.optional("mac", problems, of(units::mac));
    let phone = fields.optional("phone", problems, text);
    let dn = dn.map(|dn| SetName::Dn(dn.value));
    let mac = mac.map(|mac| SetName::Mac(mac.value));
    dn.or(mac).or(phone.map(SetName::Phone))
}
