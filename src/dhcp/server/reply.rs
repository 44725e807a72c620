//! What a DHCP server answers, and where to (RFC 2131 sections 4.1 and 4.3, table 3).
//!
//! Options go out in one order: 53, 54, 51, 58, 59, 1, 3, 6, then the configured ones in theirs, then what
//! is echoed (61: RFC 6842; 82, last: RFC 3046 section 2.2). A parameter request list leaves out what the client
//! does not ask for, except 43, 60 and 125: what the sets ask for is not known, and administrators make
//! their servers send these whether asked or not.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::Scope;
use crate::app::AppEffect;
use crate::wire::dhcp::{
    BOOTREPLY, BROADCAST_FLAG, CLIENT_PORT, Message, MessageType, Options, SERVER_PORT, code,
};

/// Options that are sent when configured, whatever the client asks for.
const FORCED: [u8; 3] = [
    code::VENDOR_SPECIFIC,
    code::VENDOR_CLASS,
    code::VENDOR_IDENTIFYING,
];

/// An OFFER of `address`.
pub(super) fn offer(
    server: Ipv4Addr,
    scope: &Scope,
    request: &Message,
    address: Ipv4Addr,
) -> AppEffect {
    let mut message = begin(server, request, MessageType::Offer);
    message.yiaddr = address;
    push_times(&mut message.options, scope);
    push_settings(&mut message.options, scope, request);
    push_echoes(&mut message.options, request);
    send(message)
}

/// An ACK that grants `address`.
pub(super) fn ack(
    server: Ipv4Addr,
    scope: &Scope,
    request: &Message,
    address: Ipv4Addr,
) -> AppEffect {
    let mut message = begin(server, request, MessageType::Ack);
    message.ciaddr = request.ciaddr;
    message.yiaddr = address;
    push_times(&mut message.options, scope);
    push_settings(&mut message.options, scope, request);
    push_echoes(&mut message.options, request);
    send(message)
}

/// An ACK to an INFORM: no address, no times (RFC 2131 section 4.3.5).
pub(super) fn inform(server: Ipv4Addr, scope: &Scope, request: &Message) -> AppEffect {
    let mut message = begin(server, request, MessageType::Ack);
    message.ciaddr = request.ciaddr;
    push_settings(&mut message.options, scope, request);
    push_echoes(&mut message.options, request);
    if message.giaddr.is_unspecified() {
        return send(message);
    }
    // "unicasts the DHCPACK to the address in ciaddr", relay or not.
    unicast(request.ciaddr, CLIENT_PORT, &message)
}

/// A NAK; `reason` goes into option 56.
pub(super) fn nak(server: Ipv4Addr, request: &Message, reason: &str) -> AppEffect {
    let mut message = begin(server, request, MessageType::Nak);
    message.options.push(code::MESSAGE, reason.as_bytes());
    push_echoes(&mut message.options, request);
    if !message.giaddr.is_unspecified() {
        // RFC 2131 section 4.3.2: so that the relay broadcasts it: the client's address is not valid there.
        message.flags |= BROADCAST_FLAG;
    }
    send(message)
}

/// The fields that every answer shares (RFC 2131 table 3), with options 53 and 54.
fn begin(server: Ipv4Addr, request: &Message, kind: MessageType) -> Message {
    let mut message = Message::new(BOOTREPLY, request.mac(), request.xid);
    message.htype = request.htype;
    message.hlen = request.hlen;
    message.chaddr = request.chaddr;
    message.flags = request.flags;
    message.giaddr = request.giaddr;
    message.options.push(code::MESSAGE_TYPE, &[kind.as_u8()]);
    message
        .options
        .push(code::SERVER_IDENTIFIER, &server.octets());
    message
}

fn push_times(options: &mut Options, scope: &Scope) {
    options.push_duration(code::LEASE_TIME, scope.lease);
    for (code, span) in [
        (code::RENEWAL_TIME, scope.renew),
        (code::REBINDING_TIME, scope.rebind),
    ] {
        if let Some(span) = span {
            options.push_duration(code, span);
        }
    }
}

fn push_settings(options: &mut Options, scope: &Scope, request: &Message) {
    let list = request.option(code::PARAMETER_REQUEST_LIST);
    let asked = |code: u8| list.as_ref().is_none_or(|list| list.contains(&code));
    let configured = |code| scope.options.iter().any(|(other, _)| *other == code);
    let mut push = |code, addresses: &[Ipv4Addr]| {
        // What the scope configures by hand stands in place of what it knows.
        if asked(code) && !addresses.is_empty() && !configured(code) {
            options.push_addresses(code, addresses);
        }
    };
    push(code::SUBNET_MASK, &[Ipv4Addr::from(scope.mask())]);
    push(code::ROUTER, scope.router.as_slice());
    push(code::NAME_SERVER, &scope.name_servers);
    for (code, data) in &scope.options {
        if asked(*code) || FORCED.contains(code) {
            options.push(*code, data);
        }
    }
}

fn push_echoes(options: &mut Options, request: &Message) {
    for code in [code::CLIENT_IDENTIFIER, code::RELAY_AGENT] {
        if let Some(data) = request.option(code) {
            options.push(code, &data);
        }
    }
}

/// Sends an answer where RFC 2131 section 4.1 says.
fn send(message: Message) -> AppEffect {
    if !message.giaddr.is_unspecified() {
        return unicast(message.giaddr, SERVER_PORT, &message);
    }
    if !message.ciaddr.is_unspecified() {
        return unicast(message.ciaddr, CLIENT_PORT, &message);
    }
    let to_hardware = !message.yiaddr.is_unspecified() && (message.htype, message.hlen) == (1, 6);
    if to_hardware && !message.wants_broadcast() {
        return AppEffect::Send {
            from_port: SERVER_PORT,
            to: SocketAddrV4::new(message.yiaddr, CLIENT_PORT),
            to_mac: Some(message.mac()),
            payload: message.encode(),
        };
    }
    unicast(Ipv4Addr::BROADCAST, CLIENT_PORT, &message)
}

fn unicast(to: Ipv4Addr, port: u16, message: &Message) -> AppEffect {
    AppEffect::Send {
        from_port: SERVER_PORT,
        to: SocketAddrV4::new(to, port),
        to_mac: None,
        payload: message.encode(),
    }
}
