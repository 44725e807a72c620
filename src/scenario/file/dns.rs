//! The tables of names: DNS servers, and the step that changes a record.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::fields::{Fields, entries};
use super::value::{Item, of, parsed, text};
use super::{At, keys, name};
use crate::scenario::problem::{Problem, Problems, Span};
use crate::scenario::units;
use crate::wire::Mac;

#[derive(Debug)]
pub(crate) struct Dns {
    pub(crate) span: Span,
    pub(crate) name: Option<At<String>>,
    pub(crate) at: Option<At<String>>,
    pub(crate) address: Option<At<Ipv4Addr>>,
    pub(crate) mac: Option<At<Mac>>,
    pub(crate) ttl: Option<At<Duration>>,
    pub(crate) delay: Option<At<Duration>>,
    /// FQDNs, and addresses or names of elements.
    pub(crate) records: Vec<(At<String>, At<String>)>,
}

/// What a record is from now on.
#[derive(Debug)]
pub(crate) struct SetRecord {
    pub(crate) server: At<String>,
    pub(crate) name: At<String>,
    /// An address, the name of an element, or `none`.
    pub(crate) to: At<String>,
}

pub(super) fn dns(item: &Item<'_>, problems: &mut Problems) -> Option<Dns> {
    let mut fields = Fields::of(item, &keys::DNS, problems)?;
    let records = fields.optional("records", problems, records);
    Some(Dns {
        span: fields.span.clone(),
        name: fields.required("name", problems, of(name)),
        at: fields.optional("at", problems, text),
        address: fields.required("address", problems, of(units::address)),
        mac: fields.optional("mac", problems, of(units::mac)),
        ttl: fields.optional("ttl", problems, of(units::duration)),
        delay: fields.optional("delay", problems, of(units::duration)),
        records: records.map(|records| records.value).unwrap_or_default(),
    })
}

fn records(item: &Item<'_>, problems: &mut Problems) -> Option<Vec<(At<String>, At<String>)>> {
    let mut records = Vec::new();
    for (key, item) in entries(item, problems) {
        let name = match units::fqdn(&key.value) {
            Ok(name) => Some(At::new(name, key.span)),
            Err(wrong) => {
                problems.push(Problem::new(&key.span, wrong.message).help(wrong.help));
                None
            }
        };
        let value = text(item, problems).map(|value| At::new(value, item.span()));
        records.extend(name.zip(value));
    }
    Some(records)
}

pub(super) fn set_record(item: &Item<'_>, problems: &mut Problems) -> Option<SetRecord> {
    let mut fields = Fields::of(item, &keys::SET_RECORD, problems)?;
    let server = fields.required("server", problems, text);
    let name = fields.required(
        "name",
        problems,
        |item: &Item<'_>, problems: &mut Problems| parsed(item, problems, units::fqdn),
    );
    let to = fields.required("to", problems, text);
    Some(SetRecord {
        server: server?,
        name: name?,
        to: to?,
    })
}
