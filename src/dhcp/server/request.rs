//! Who asks a DHCP server for what, and what may speak against it.

use std::net::Ipv4Addr;

use super::super::lease::{Asker, ClientKey};
use super::Scope;
use crate::wire::dhcp::{Message, code};

/// One message, and who sent it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) message: Message,
    pub(super) asker: Asker,
    /// The class of the scope that the client is of, by its place among them.
    pub(super) class: Option<usize>,
}

impl Request {
    pub(super) fn new(message: Message, scope: &Scope) -> Request {
        let class = scope.class_of(&message);
        Request {
            asker: Asker {
                client: client_key(&message),
                mac: message.mac(),
                pool: class.map_or(0, |class| scope.pool_of_class(class)),
            },
            class,
            message,
        }
    }
}

/// Which of its states a client sends a REQUEST from (RFC 2131 table 4), and the address that it names.
pub(super) enum RequestKind {
    /// It chose the offer of this server.
    Selecting { server: Ipv4Addr, address: Ipv4Addr },
    /// It would like its old address back, without an offer.
    InitReboot { address: Ipv4Addr },
    /// It wants more time on its address: renewing if sent to a server, rebinding if broadcast.
    Extending { address: Ipv4Addr },
}

/// What speaks against a client's having the address that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objection {
    NotOffered,
    OtherSubnet,
    OtherAddress,
    NotForClient,
    NoRecord,
}

impl Objection {
    /// For a NAK.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Objection::NotOffered => "address was not offered",
            Objection::OtherSubnet => "address is of another subnet",
            Objection::OtherAddress => "client has another address",
            Objection::NotForClient => "address is not for this client",
            Objection::NoRecord => "no record of this client",
        }
    }

    /// For saying nothing, where another server may know better.
    pub(super) const fn reason_for_silence(self) -> &'static str {
        match self {
            Objection::NotOffered => "address was not offered",
            Objection::OtherSubnet => "not authoritative, and address is of another subnet",
            Objection::OtherAddress => "not authoritative, and client has another address",
            Objection::NotForClient => "not authoritative, and address is not for this client",
            Objection::NoRecord => "not authoritative, and no record of this client",
        }
    }
}

/// Tells the REQUESTs apart by what they hold (RFC 2131 section 4.3.6, table 4).
pub(super) fn request_kind(message: &Message) -> Result<RequestKind, &'static str> {
    let server = message.address(code::SERVER_IDENTIFIER).ok();
    let requested = message.address(code::REQUESTED_ADDRESS).ok();
    match (server, requested, message.ciaddr) {
        (Some(server), Some(address), _) => Ok(RequestKind::Selecting { server, address }),
        (None, Some(address), Ipv4Addr::UNSPECIFIED) => Ok(RequestKind::InitReboot { address }),
        (_, None, Ipv4Addr::UNSPECIFIED) => Err("requests, and does not say which address"),
        (_, _, address) => Ok(RequestKind::Extending { address }),
    }
}

/// Who a client is (RFC 2131 section 4.2). A client identifier is mostly hardware type and address, so a
/// client that sends one only at times stays the same.
fn client_key(message: &Message) -> ClientKey {
    match message.option(code::CLIENT_IDENTIFIER) {
        Some(identifier) if !identifier.is_empty() => ClientKey(identifier.as_ref().into()),
        _ => {
            let length = usize::from(message.hlen).min(message.chaddr.len());
            let mut key = vec![message.htype];
            key.extend_from_slice(&message.chaddr[..length]);
            ClientKey(key.into())
        }
    }
}
