//! A message of the registration protocol.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::scenario::file::fields::Fields;
use crate::scenario::file::value::{Item, any_text, number, of, text, word};
use crate::scenario::file::{At, keys};
use crate::scenario::problem::{Problem, Problems, Span};
use crate::scenario::units;
use crate::wire::Mac;
use crate::wire::reg::{DeviceRegistration, Envelope, Message, Reason, ResetKind, Target};

use super::any_mac;

/// A message, and the set that an element says it to.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) to: Option<At<String>>,
    pub(crate) envelope: Envelope,
}

/// Each message's word, and the fields that it must have.
const MESSAGES: &[(&str, &[&str])] = &[
    ("device-registration", &["mac"]),
    ("pin-request", &["reason"]),
    ("pin-entry", &["pin"]),
    ("save-pin", &["pin"]),
    ("clear-pin", &["reason"]),
    ("redirect", &["target", "dn"]),
    ("registered", &["dn", "heartbeat"]),
    ("communications-up", &[]),
    ("heartbeat", &[]),
    ("heartbeat-answer", &[]),
    ("reset", &["reset", "reason"]),
    ("dn-changed", &["dn"]),
    ("error", &["reason"]),
];

/// Fields that a message may have besides.
fn may_have(message: &str) -> &'static [&'static str] {
    match message {
        "device-registration" => &["pin", "device-type", "firmware", "address", "redirects"],
        "error" => &["text"],
        _ => &[],
    }
}

pub(super) fn registration(item: &Item<'_>, problems: &mut Problems) -> Option<Registration> {
    let mut fields = Fields::of(item, &keys::REGISTRATION, problems)?;
    let name = fields.required("message", problems, message_name)?;
    let to = fields.optional("to", problems, text);
    let sequence = fields.optional("sequence", problems, number(0, u32::MAX));
    check_fields(&fields, &name, problems);
    let message = message(name.value.0, &mut fields, problems)?;
    Some(Registration {
        to,
        envelope: Envelope::new(sequence.map_or(0, |it| it.value), message),
    })
}

type Named = (&'static str, &'static [&'static str]);

fn message_name(item: &Item<'_>, problems: &mut Problems) -> Option<Named> {
    let given = any_text(item, problems)?;
    let found = MESSAGES.iter().find(|(name, _)| *name == given);
    if found.is_none() {
        let names: Vec<&str> = MESSAGES.iter().map(|(name, _)| *name).collect();
        let message = format!("`{given}` is no message of the registration protocol");
        let help = format!("the messages are {}", names.join(", "));
        problems.push(Problem::new(&item.span(), message).help(help));
    }
    found.copied()
}

/// Says which field is missing, and which has no place.
fn check_fields(fields: &Fields<'_, '_>, name: &At<Named>, problems: &mut Problems) {
    let (name, must) = name.value;
    let given: Vec<(&str, Span)> = fields.present(keys::REGISTRATION.keys);
    for wanted in must {
        if !given.iter().any(|(key, _)| key == wanted) && fields.unknown.is_empty() {
            let problem = Problem::new(&fields.span, format!("{name} has no `{wanted}`"));
            problems.push(problem.label(format!("needs `{wanted}`")));
        }
    }
    for (key, span) in &given {
        if !must.contains(key) && !may_have(name).contains(key) {
            let problem = Problem::new(span, format!("{name} has no field `{key}`"));
            problems.push(problem.help("take it out".to_owned()));
        }
    }
}

/// What the fields say; `None` where one is missing or cannot be read.
struct Given {
    mac: Option<Mac>,
    pin: Option<String>,
    device_type: Option<String>,
    firmware: Option<String>,
    address: Option<Ipv4Addr>,
    redirects: Option<u8>,
    reason: Option<Reason>,
    dn: Option<String>,
    heartbeat: Option<Duration>,
    target: Option<Target>,
    reset: Option<ResetKind>,
    text: Option<String>,
}

impl Given {
    fn read(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Given {
        const RESETS: &[(&str, ResetKind)] =
            &[("soft", ResetKind::Soft), ("hard", ResetKind::Hard)];
        fn value<T>(given: Option<At<T>>) -> Option<T> {
            given.map(|given| given.value)
        }
        Given {
            mac: value(fields.optional("mac", problems, of(any_mac))),
            pin: value(fields.optional("pin", problems, any_text)),
            device_type: value(fields.optional("device-type", problems, text)),
            firmware: value(fields.optional("firmware", problems, text)),
            address: value(fields.optional("address", problems, of(units::address))),
            redirects: value(fields.optional("redirects", problems, number(0, u8::MAX))),
            reason: value(fields.optional("reason", problems, reason)),
            dn: value(fields.optional("dn", problems, of(units::dn))),
            heartbeat: value(fields.optional("heartbeat", problems, of(units::duration))),
            target: value(fields.optional("target", problems, text)).map(|text| {
                let address = text.parse().map(Target::Address);
                address.unwrap_or(Target::Fqdn(text))
            }),
            reset: value(fields.optional("reset", problems, word(RESETS))),
            text: value(fields.optional("text", problems, any_text)),
        }
    }
}

fn message(name: &str, fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Option<Message> {
    let given = Given::read(fields, problems);
    Some(match name {
        "device-registration" => Message::DeviceRegistration(DeviceRegistration {
            mac: given.mac?,
            pin: given.pin.filter(|pin| !pin.is_empty()),
            device_type: given.device_type.unwrap_or_else(|| "5360".to_owned()),
            firmware: given.firmware.unwrap_or_else(|| "1.0".to_owned()),
            address: given.address.unwrap_or(Ipv4Addr::UNSPECIFIED),
            reset: false,
            redirects: given.redirects.unwrap_or_default(),
        }),
        "pin-request" => Message::PinRequest {
            reason: given.reason?,
        },
        "pin-entry" => Message::PinEntry { pin: given.pin? },
        "save-pin" => Message::SavePin { pin: given.pin? },
        "clear-pin" => Message::ClearPin {
            reason: given.reason?,
        },
        "redirect" => Message::Redirect {
            to: given.target?,
            dn: given.dn?,
        },
        "registered" => Message::Registered {
            dn: given.dn?,
            heartbeat: given.heartbeat?,
        },
        "communications-up" => Message::CommunicationsUp,
        "heartbeat" => Message::Heartbeat,
        "heartbeat-answer" => Message::HeartbeatAnswer,
        "reset" => Message::Reset {
            kind: given.reset?,
            reason: given.reason?,
        },
        "dn-changed" => Message::DnChanged { dn: given.dn? },
        _ => Message::Error {
            reason: given.reason?,
            text: given.text.unwrap_or_default(),
        },
    })
}

/// One of the list, by its words.
fn reason(item: &Item<'_>, problems: &mut Problems) -> Option<Reason> {
    let given = any_text(item, problems)?;
    let found = Reason::ALL.iter().find(|(_, _, words)| *words == given);
    if found.is_none() {
        let message = format!("`{given}` is no reason of the registration protocol");
        let help = "docs/registration-protocol.md lists them, for example \"unknown DN\"";
        problems.push(Problem::new(&item.span(), message).help(help.to_owned()));
    }
    found.map(|(reason, ..)| *reason)
}
