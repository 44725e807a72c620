//! What a step sends: a message of some kind, and bytes of it that are changed.

mod datagram;
mod registration;

use std::net::Ipv4Addr;

pub(crate) use self::datagram::DhcpMessage;
use self::datagram::{dhcp_message, tftp_message};
pub(crate) use self::registration::Registration;
use self::registration::registration;
use super::fields::Fields;
use super::value::{Item, any_text, list, number, of, text, word};
use super::{At, keys};
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::units;
use crate::wire::Mac;

#[derive(Debug)]
pub(crate) struct Send {
    /// A station, or a subnet: a port there of nobody's.
    pub(crate) from: At<String>,
    pub(crate) src_mac: Option<Mac>,
    pub(crate) dst_mac: Option<Mac>,
    pub(crate) message: Message,
    pub(crate) patches: Vec<Patch>,
    /// The frame ends after so many bytes.
    pub(crate) cut: Option<usize>,
    /// Whether checksums fit the changed bytes.
    pub(crate) mended: bool,
}

#[derive(Debug)]
pub(crate) enum Message {
    Arp {
        reply: bool,
        sender_mac: Option<Mac>,
        sender: Ipv4Addr,
        target_mac: Option<Mac>,
        target: Ipv4Addr,
    },
    Udp {
        src: (Ipv4Addr, u16),
        dst: (Ipv4Addr, u16),
        payload: Payload,
    },
    Echo {
        src: Ipv4Addr,
        dst: Ipv4Addr,
        payload: Vec<u8>,
    },
    /// A whole frame.
    Raw(Vec<u8>),
    /// On the connection between a set and its element.
    Registration(Registration),
}

/// What a datagram carries.
#[derive(Debug)]
pub(crate) enum Payload {
    Bytes(Vec<u8>),
    Dhcp(Box<DhcpMessage>),
}

/// Bytes that stand in place of others.
#[derive(Debug)]
pub(crate) struct Patch {
    /// From the first byte of the frame, or of the message on a connection.
    pub(crate) at: At<usize>,
    pub(crate) bytes: Vec<u8>,
}

pub(super) fn send(item: &Item<'_>, problems: &mut Problems) -> Option<Send> {
    let mut fields = Fields::of(item, &keys::SEND, problems)?;
    let from = fields.required("from", problems, text);
    let of_frames = fields.present(&["src-mac", "dst-mac", "checksums"]);
    let given = fields.present(&["arp", "udp", "echo", "raw", "registration"]);
    let message = match given.as_slice() {
        [] if !fields.unknown.is_empty() => None,
        [] => {
            let problem = Problem::new(&fields.span, "this sends nothing");
            problems.push(problem.label("needs `arp`, `udp`, `echo`, `raw` or `registration`"));
            None
        }
        [("arp", _)] => fields.optional("arp", problems, arp),
        [("udp", _)] => fields.optional("udp", problems, udp),
        [("echo", _)] => fields.optional("echo", problems, echo),
        [("registration", _)] => {
            if let Some((key, span)) = of_frames.first() {
                let message = format!("`{key}` is of a frame, and this is said on a connection");
                problems.push(Problem::new(span, message).help("take it out".to_owned()));
            }
            let message = fields.optional("registration", problems, registration);
            message.map(|At { value, span }| At::new(Message::Registration(value), span))
        }
        [_] => fields.optional(
            "raw",
            problems,
            |item: &Item<'_>, problems: &mut Problems| {
                of(units::hex)(item, problems).map(Message::Raw)
            },
        ),
        [_, (_, second), ..] => {
            let message = "a step sends one message";
            problems.push(Problem::new(second, message).help("make two steps of it".to_owned()));
            None
        }
    };
    let src_mac = fields.optional("src-mac", problems, of(any_mac));
    let dst_mac = fields.optional("dst-mac", problems, of(any_mac));
    let patches = fields.optional("patch", problems, list(patch));
    let cut = fields.optional("cut", problems, number(0_i64, 9_000));
    let checksums = word(&[("kept", false), ("mended", true)]);
    let mended = fields.optional("checksums", problems, checksums);
    let patches = patches.map(|patches| patches.value).unwrap_or_default();
    Some(Send {
        from: from?,
        src_mac: src_mac.map(|mac| mac.value),
        dst_mac: dst_mac.map(|mac| mac.value),
        message: message?.value,
        patches: patches.into_iter().map(|patch| patch.value).collect(),
        cut: cut.and_then(|cut| usize::try_from(cut.value).ok()),
        mended: mended.is_some_and(|it| it.value),
    })
}

fn arp(item: &Item<'_>, problems: &mut Problems) -> Option<Message> {
    let mut fields = Fields::of(item, &keys::ARP, problems)?;
    let reply = word(&[("request", false), ("reply", true)]);
    let reply = fields.required("operation", problems, reply);
    let sender_mac = fields.optional("sender-mac", problems, of(any_mac));
    let sender = fields.required("sender", problems, of(units::address));
    let target_mac = fields.optional("target-mac", problems, of(any_mac));
    let target = fields.required("target", problems, of(units::address));
    Some(Message::Arp {
        reply: reply?.value,
        sender_mac: sender_mac.map(|mac| mac.value),
        sender: sender?.value,
        target_mac: target_mac.map(|mac| mac.value),
        target: target?.value,
    })
}

fn udp(item: &Item<'_>, problems: &mut Problems) -> Option<Message> {
    let mut fields = Fields::of(item, &keys::UDP, problems)?;
    let port = number(0_i64, 65_535);
    let src = fields.required("src", problems, of(units::address));
    let src_port = fields.required("src-port", problems, &port);
    let dst = fields.required("dst", problems, of(units::address));
    let dst_port = fields.required("dst-port", problems, &port);
    let given = fields.present(&["hex", "text", "dhcp", "tftp"]);
    let dhcp = fields.optional("dhcp", problems, dhcp_message);
    let tftp = fields.optional("tftp", problems, tftp_message);
    let bytes = payload(&mut fields, problems);
    let is_message = |(key, _): &&(&str, _)| ["dhcp", "tftp"].contains(key);
    if let (Some((_, first)), true) = (given.iter().find(is_message), given.len() > 1) {
        let message = "a datagram carries one message, or bytes";
        problems.push(Problem::new(first, message).help("take one of them out".to_owned()));
    }
    let payload = match (dhcp, tftp) {
        (Some(message), _) => Payload::Dhcp(Box::new(message.value)),
        (None, Some(message)) => Payload::Bytes(message.value),
        (None, None) => Payload::Bytes(bytes),
    };
    let port = |port: At<i64>| u16::try_from(port.value).ok();
    Some(Message::Udp {
        src: (src?.value, port(src_port?)?),
        dst: (dst?.value, port(dst_port?)?),
        payload,
    })
}

fn echo(item: &Item<'_>, problems: &mut Problems) -> Option<Message> {
    let mut fields = Fields::of(item, &keys::ECHO, problems)?;
    let src = fields.required("src", problems, of(units::address));
    let dst = fields.required("dst", problems, of(units::address));
    let payload = payload(&mut fields, problems);
    Some(Message::Echo {
        src: src?.value,
        dst: dst?.value,
        payload,
    })
}

/// `hex`, `text`, or both one behind the other.
fn payload(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Vec<u8> {
    let hex = fields.optional("hex", problems, of(units::hex));
    let text = fields.optional("text", problems, any_text);
    let mut payload = hex.map(|hex| hex.value).unwrap_or_default();
    payload.extend(text.into_iter().flat_map(|text| text.value.into_bytes()));
    payload
}

fn patch(item: &Item<'_>, problems: &mut Problems) -> Option<Patch> {
    let mut fields = Fields::of(item, &keys::PATCH, problems)?;
    let at = fields.required("at", problems, number(0_i64, 9_000));
    let bytes = fields.required("hex", problems, of(units::hex));
    let at = at?;
    Some(Patch {
        at: At::new(usize::try_from(at.value).ok()?, at.span),
        bytes: bytes?.value,
    })
}

/// Any MAC: what is sent may be wrong.
fn any_mac(text: &str) -> Result<Mac, units::Wrong> {
    text.parse().map_err(|()| {
        let message = format!("`{text}` is not a MAC address");
        units::Wrong::new(message, "six pairs of hexadecimal digits")
    })
}
