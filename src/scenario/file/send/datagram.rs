//! What a datagram carries, if it is a message of DHCP or TFTP.

use crate::scenario::file::fields::Fields;
use crate::scenario::file::value::{Item, any_text, boolean, number, of, text, word};
use crate::scenario::file::{At, dhcp, keys};
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::units;
use crate::wire::dhcp::{BOOTREPLY, BOOTREQUEST, BROADCAST_FLAG, Message, MessageType, code};
use crate::wire::{Mac, tftp};

use super::any_mac;

/// A DHCP message; `client`: the MAC that it is from or for, if it is not that of the frame.
#[derive(Debug)]
pub(crate) struct DhcpMessage {
    pub(crate) client: Option<Mac>,
    pub(crate) message: Message,
}

const DHCP_KINDS: &[(&str, MessageType)] = &[
    ("discover", MessageType::Discover),
    ("offer", MessageType::Offer),
    ("request", MessageType::Request),
    ("decline", MessageType::Decline),
    ("ack", MessageType::Ack),
    ("nak", MessageType::Nak),
    ("release", MessageType::Release),
    ("inform", MessageType::Inform),
];

/// Options in the order of their keys here: 53, 50, 54, then those that are written as bytes, in the order of their codes.
pub(super) fn dhcp_message(item: &Item<'_>, problems: &mut Problems) -> Option<DhcpMessage> {
    let mut fields = Fields::of(item, &keys::DHCP_MESSAGE, problems)?;
    let kind = fields.required("message", problems, word(DHCP_KINDS));
    let client = fields.optional("client", problems, of(any_mac));
    let xid = fields.optional("xid", problems, number(0, u32::MAX));
    let broadcast = fields.optional("broadcast", problems, boolean);
    let mut address = |key: &str, problems: &mut Problems| {
        let value = fields.optional(key, problems, of(units::address));
        value.map(|value| value.value)
    };
    let ciaddr = address("ciaddr", problems);
    let yiaddr = address("yiaddr", problems);
    let giaddr = address("giaddr", problems);
    let requested = address("requested", problems);
    let server = address("server", problems);
    let raw = fields.optional("options", problems, dhcp::raw_options);
    let kind = kind?.value;
    let op = match kind {
        MessageType::Offer | MessageType::Ack | MessageType::Nak => BOOTREPLY,
        MessageType::Discover
        | MessageType::Request
        | MessageType::Decline
        | MessageType::Release
        | MessageType::Inform
        | MessageType::Other(_) => BOOTREQUEST,
    };
    let client = client.map(|mac| mac.value);
    let xid = xid.map_or(1, |xid| xid.value);
    let mut message = Message::new(op, Mac::ZERO, xid);
    if broadcast.is_some_and(|yes| yes.value) {
        message.flags = BROADCAST_FLAG;
    }
    for (field, given) in [
        (&mut message.ciaddr, ciaddr),
        (&mut message.yiaddr, yiaddr),
        (&mut message.giaddr, giaddr),
    ] {
        *field = given.unwrap_or(*field);
    }
    let options = &mut message.options;
    options.push(code::MESSAGE_TYPE, &[kind.as_u8()]);
    for (code, given) in [
        (code::REQUESTED_ADDRESS, requested),
        (code::SERVER_IDENTIFIER, server),
    ] {
        if let Some(address) = given {
            options.push_addresses(code, &[address]);
        }
    }
    let mut raw = raw.map(|raw| raw.value).unwrap_or_default();
    raw.sort_by_key(|(code, _)| code.value);
    for (code, bytes) in raw {
        options.push(code.value, &bytes);
    }
    Some(DhcpMessage { client, message })
}

/// The bytes of a TFTP message (RFC 1350 section 5).
pub(super) fn tftp_message(item: &Item<'_>, problems: &mut Problems) -> Option<Vec<u8>> {
    const KINDS: &[&str] = &["read", "data", "ack", "error"];
    let mut fields = Fields::of(item, &keys::TFTP_MESSAGE, problems)?;
    let given = fields.present(KINDS);
    let read = fields.optional("read", problems, text);
    let mut number_of = |key: &str, problems: &mut Problems| {
        let value = fields.optional(key, problems, number(0, u16::MAX));
        value.map(|value| value.value)
    };
    let data = number_of("data", problems);
    let ack = number_of("ack", problems);
    let error = number_of("error", problems);
    let hex = fields.optional("hex", problems, of(units::hex));
    let behind = fields.optional("text", problems, any_text);
    let places = [
        hex.as_ref().map(|it| it.span.clone()),
        behind.as_ref().map(|it| it.span.clone()),
    ];
    let mut rest = hex.map(|hex| hex.value).unwrap_or_default();
    rest.extend(behind.into_iter().flat_map(|it| it.value.into_bytes()));
    match given.as_slice() {
        [("read" | "ack", _)] => {
            if let Some(place) = places.into_iter().flatten().next() {
                let message = "nothing follows in this message";
                problems.push(Problem::new(&place, message).help("take it out".to_owned()));
            }
        }
        [_] => {}
        [] if !fields.unknown.is_empty() => {}
        [] | [_, _, ..] => {
            let problem = Problem::new(&fields.span, "which TFTP message is it?");
            problems.push(problem.label("needs one of `read`, `data`, `ack` and `error`"));
        }
    }
    let name = read.map(|At { value, .. }| value.into_bytes());
    let message = match (&name, data, ack, error) {
        (Some(file), ..) => tftp::Message::ReadRequest(tftp::Request {
            file,
            mode: b"octet",
            options: Vec::new(),
        }),
        (None, Some(block), ..) => tftp::Message::Data {
            block,
            payload: &rest,
        },
        (None, None, Some(block), _) => tftp::Message::Ack { block },
        (None, None, None, code) => tftp::Message::Error {
            code: tftp::ErrorCode(code?),
            message: &rest,
        },
    };
    Some(message.encode())
}
