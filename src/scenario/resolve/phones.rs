//! The sets: one a table, or many of them in numbers.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::Resolver;
use super::cluster::Codes;
use super::names::Named;
use crate::phone::supports_cluster;
use crate::scenario::file::{self, At};
use crate::scenario::plan::{Group, Model, Phone, PhoneId, SubnetId};
use crate::scenario::problem::{Problem, Span};
use crate::scenario::{template, units};
use crate::time::Duration;
use crate::wire::Mac;

/// The first MAC of the sets, of their maker's OUI: 08:00:0F, and 00:08:5D of the 6900 series.
const FIRST_MAC: Mac = Mac([0x08, 0x00, 0x0f, 0, 0, 1]);
const FIRST_MAC_6900: Mac = Mac([0x00, 0x08, 0x5d, 0, 0, 1]);
const MODEL: &str = "5360";
/// A user who knows the PIN by heart.
const DELAY: Duration = Duration::from_secs(2);

/// Every set, and the groups of those that were made in numbers. `codes` are all access codes there are.
pub(super) fn phones(resolver: &mut Resolver<'_>, codes: &[Codes]) -> (Vec<Phone>, Vec<Group>) {
    let mut phones: Vec<Phone> = Vec::new();
    let mut groups = Vec::new();
    for table in &resolver.file.phones {
        let first = phones.len();
        let count = table.count.as_ref().map(|count| count.value);
        if !check_names(resolver, table) {
            continue;
        }
        let at = table.at.as_ref();
        let at = at.and_then(|at| resolver.names.subnet(at, resolver.problems));
        for n in 1..=count.unwrap_or(1) {
            let before = resolver.problems.len();
            let phone = phone(resolver, codes, table, (n, phones.len()), at);
            phones.push(phone);
            if resolver.problems.len() > before {
                // What is wrong with this one is wrong with the others of its group.
                break;
            }
        }
        if count.is_some() {
            let range = first..phones.len();
            resolver.names.add(
                table.name.as_ref(),
                Named::Group(range.clone()),
                resolver.problems,
            );
            groups.push(Group {
                name: table
                    .name
                    .as_ref()
                    .map(|name| name.value.clone())
                    .unwrap_or_default(),
                phones: range,
            });
        }
    }
    (phones, groups)
}

/// `names` makes names for many. Says whether it does.
fn check_names(resolver: &mut Resolver<'_>, table: &file::Phone) -> bool {
    let Some(At { value, span }) = &table.names else {
        return true;
    };
    let problem = if table.count.is_none() {
        Problem::new(
            span,
            "`names` is for phones in numbers: there is no `count`",
        )
    } else if !template::counts(value) {
        let message = format!("`{value}` gives every phone of the group the same name");
        Problem::new(span, message).help("put {n} into it".to_owned())
    } else {
        return true;
    };
    resolver.problems.push(problem);
    false
}

/// Phone number `n` of its table, number `position` (from 0) of all.
fn phone(
    resolver: &mut Resolver<'_>,
    codes: &[Codes],
    table: &file::Phone,
    (n, position): (usize, usize),
    at: Option<SubnetId>,
) -> Phone {
    let name = name(resolver, table, n);
    if let Some(name) = &name {
        resolver.names.add(
            Some(name),
            Named::Phone(PhoneId(position)),
            resolver.problems,
        );
    } else {
        resolver
            .names
            .add(None, Named::Phone(PhoneId(position)), resolver.problems);
    }
    let name = name.map(|name| name.value).unwrap_or_default();
    let model = table.model.as_ref().map_or(MODEL, |model| &model.value);
    let given = table.mac.as_ref();
    let mac = given.map_or_else(
        || first_mac(model).plus(position as u64),
        |mac| mac.value.plus(n as u64 - 1),
    );
    let span: &Span = given.map_or(&table.span, |mac| &mac.span);
    resolver
        .stations
        .mac(name.clone(), mac, span, None, resolver.problems);
    let user = table.user.as_ref();
    let delay = user.and_then(|user| user.delay.as_ref());
    let typed = user.and_then(|user| user.pin.as_ref());
    Phone {
        name,
        model: boots(model),
        mac,
        at: at.unwrap_or(SubnetId(0)),
        user_pin: typed.and_then(|pin| pin_of(resolver, codes, table, pin, n)),
        user_delay: delay.map_or(DELAY, |delay| delay.value),
        stored_pin: table
            .stored_pin
            .as_ref()
            .and_then(|pin| pin_of(resolver, codes, table, pin, n)),
        call_server: table
            .call_server
            .as_ref()
            .and_then(|server| call_server(resolver, model, server)),
        dhcp: table.dhcp_client.clone().map(Arc::new),
        vlan: table.vlan.as_ref().map(|vlan| vlan.value),
        lldp: table.lldp.as_ref().map_or_else(
            || resolver.subnets.iter().any(|it| it.policy.is_some()),
            |lldp| lldp.value,
        ),
    }
}

/// The call server of a set that goes by no other (DV-1).
fn call_server(resolver: &mut Resolver<'_>, model: &str, server: &At<String>) -> Option<Ipv4Addr> {
    if supports_cluster(model) {
        let message = format!("a {model} goes by the call server of DHCP");
        let help = "take `call_srv` out; it is for 4000-series sets, the 5485 and the 6500";
        let problem = Problem::new(&server.span, message).help(help.to_owned());
        resolver.problems.push(problem);
        return None;
    }
    resolver.element_address(server)
}

fn first_mac(model: &str) -> Mac {
    let series_6900 = model.len() >= 4 && model.starts_with("69");
    if series_6900 {
        FIRST_MAC_6900
    } else {
        FIRST_MAC
    }
}

fn name(resolver: &mut Resolver<'_>, table: &file::Phone, n: usize) -> Option<At<String>> {
    let group = table.name.as_ref()?;
    if table.count.is_none() {
        return Some(group.clone());
    }
    let Some(names) = &table.names else {
        return Some(At::new(format!("{}-{n}", group.value), group.span.clone()));
    };
    let filled = resolver.filled(names, n)?;
    Some(At::new(filled, names.span.clone()))
}

/// The PIN of phone `n`; only phones in numbers count.
fn pin_of(
    resolver: &mut Resolver<'_>,
    codes: &[Codes],
    table: &file::Phone,
    pin: &At<String>,
    n: usize,
) -> Option<String> {
    let filled = match table.count {
        Some(_) => resolver.filled(pin, n)?,
        None => pin.value.clone(),
    };
    resolver.pin(&At::new(filled, pin.span.clone()), codes)
}

impl Resolver<'_> {
    /// A text with its numbers filled in for phone `n` of a group.
    pub(super) fn filled(&mut self, text: &At<String>, n: usize) -> Option<String> {
        template::fill(&text.value, n)
            .map_err(|wrong| {
                let help = "{n} is the phone's number in its group, from 1".to_owned();
                self.problems
                    .push(Problem::new(&text.span, wrong).help(help));
            })
            .ok()
    }

    /// A PIN that can be typed. One of digits alone that begins with no access code is a slip: what is
    /// meant to be refused has a wrong code, not none. Where the file has no element, nobody knows the codes.
    pub(super) fn pin(&mut self, pin: &At<String>, codes: &[Codes]) -> Option<String> {
        let At { value, span } = pin;
        if let Err(wrong) = units::pin(value) {
            self.problems
                .push(Problem::new(span, wrong.message).help(wrong.help));
            return None;
        }
        let digits_alone = value.chars().all(|c| c.is_ascii_digit());
        let begins = |code: &String| value.starts_with(code.as_str());
        if digits_alone
            && !self.file.elements.is_empty()
            && !codes
                .iter()
                .any(|codes| begins(&codes.registration) || begins(&codes.replacement))
        {
            let help = codes
                .first()
                .map(|codes| format!("did you mean `{}{value}`?", codes.registration));
            let message = format!("the PIN `{value}` begins with no access code");
            self.problems.push(Problem::new(span, message).help(help));
            return None;
        }
        Some(value.clone())
    }
}

/// The boot files of a 5360 are known; those of other models are assumed to be called alike.
fn boots(name: &str) -> Model {
    let stem = if name == "5360" { "Ip5360" } else { name };
    Model {
        name: name.to_owned(),
        boot_file: format!("Boot{stem}.bin"),
        main_file: format!("Main{stem}.bin"),
    }
}
