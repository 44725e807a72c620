//! What a DHCP client sends (RFC 2131 table 5), and how it reads a lease.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::state::{Asked, Held, Question};
use super::{ClientConfig, Lease};
use crate::app::AppEffect;
use crate::time::{Duration, Instant};
use crate::wire::Mac;
use crate::wire::dhcp::{
    BOOTREQUEST, BROADCAST_FLAG, CLIENT_PORT, Message, MessageType, SERVER_PORT, code,
};

/// DISCOVER.
pub(super) fn discover(mac: Mac, config: &ClientConfig, xid: u32, secs: u16) -> Message {
    let mut message = begin(mac, config, MessageType::Discover, xid, secs);
    set_broadcast(config, &mut message);
    if config.rapid_commit {
        message.options.push(code::RAPID_COMMIT, &[]);
    }
    push_wishes(config, &mut message);
    message
}

/// REQUEST for what was offered: with server identifier and address, without `ciaddr`.
pub(super) fn request(mac: Mac, config: &ClientConfig, asked: &Asked) -> Message {
    let mut message = begin(mac, config, MessageType::Request, asked.xid, asked.secs);
    set_broadcast(config, &mut message);
    message
        .options
        .push(code::SERVER_IDENTIFIER, &asked.server.octets());
    message
        .options
        .push(code::REQUESTED_ADDRESS, &asked.address.octets());
    push_wishes(config, &mut message);
    message
}

/// REQUEST for more time: with `ciaddr`, and neither server identifier nor requested address. The client
/// has an address and can be answered there.
pub(super) fn extend(mac: Mac, config: &ClientConfig, held: &Held, xid: u32, secs: u16) -> Message {
    let mut message = begin(mac, config, MessageType::Request, xid, secs);
    message.ciaddr = held.lease.address;
    push_wishes(config, &mut message);
    message
}

/// REQUEST for the address that it had before: without server identifier and `ciaddr`.
pub(super) fn reboot(mac: Mac, config: &ClientConfig, reboot: &Question, secs: u16) -> Message {
    let mut message = begin(mac, config, MessageType::Request, reboot.xid, secs);
    set_broadcast(config, &mut message);
    message
        .options
        .push(code::REQUESTED_ADDRESS, &reboot.address.octets());
    push_wishes(config, &mut message);
    message
}

/// DECLINE of an address that somebody else has: without `ciaddr`.
pub(super) fn decline(mac: Mac, config: &ClientConfig, lease: &Lease, xid: u32) -> Message {
    let mut message = begin(mac, config, MessageType::Decline, xid, 0);
    message
        .options
        .push(code::SERVER_IDENTIFIER, &lease.server.octets());
    message
        .options
        .push(code::REQUESTED_ADDRESS, &lease.address.octets());
    message
}

/// INFORM: with the address that it has, and no wish for another.
pub(super) fn inform(
    mac: Mac,
    config: &ClientConfig,
    address: Ipv4Addr,
    xid: u32,
    secs: u16,
) -> Message {
    let mut message = begin(mac, config, MessageType::Inform, xid, secs);
    message.ciaddr = address;
    push_wishes(config, &mut message);
    message
}

/// RELEASE.
pub(super) fn release(mac: Mac, config: &ClientConfig, held: &Held, xid: u32) -> Message {
    let mut message = begin(mac, config, MessageType::Release, xid, 0);
    message.ciaddr = held.lease.address;
    message
        .options
        .push(code::SERVER_IDENTIFIER, &held.lease.server.octets());
    message
}

/// Sends a message to one server.
pub(super) fn to_server(server: Ipv4Addr, message: &Message) -> AppEffect {
    AppEffect::Send {
        from_port: CLIENT_PORT,
        to: SocketAddrV4::new(server, SERVER_PORT),
        to_mac: None,
        payload: message.encode(),
    }
}

/// Sends a message to every server on the link.
pub(super) fn to_all(message: &Message) -> AppEffect {
    to_server(Ipv4Addr::BROADCAST, message)
}

/// The lease that an ACK grants, counted from `sent`.
///
/// T1 and T2 are the server's, or 0.5 and 0.875 of the lease if it gives none that are in order
/// (RFC 2131 section 4.4.5).
///
/// # Errors
/// Why the ACK grants nothing that can be used, as a lower-case fragment.
pub(super) fn read_lease(message: &Message, sent: Instant) -> Result<Held, &'static str> {
    let span = message
        .duration(code::LEASE_TIME)
        .map_err(|_| "ACK has no lease time")?;
    if span.is_zero() {
        return Err("ACK grants a lease of no time");
    }
    if message.yiaddr.is_unspecified() {
        return Err("ACK grants no address");
    }
    let server = message.address(code::SERVER_IDENTIFIER);
    let (mut renew, mut rebind) = (span / 2, span * 7 / 8);
    let given = (
        message.duration(code::RENEWAL_TIME),
        message.duration(code::REBINDING_TIME),
    );
    let given = (given.0.unwrap_or(renew), given.1.unwrap_or(rebind));
    if Duration::ZERO < given.0 && given.0 < given.1 && given.1 < span {
        (renew, rebind) = given;
    }
    let routers = message.addresses(code::ROUTER).unwrap_or_default();
    let lease = Lease {
        address: message.yiaddr,
        prefix_len: message.prefix_len().unwrap_or(32),
        router: routers.first().copied(),
        name_servers: message.addresses(code::NAME_SERVER).unwrap_or_default(),
        server: server.map_err(|_| "ACK does not name its server")?,
        lease: span,
    };
    Ok(Held {
        lease,
        renew_at: sent + renew,
        rebind_at: sent + rebind,
        expires_at: sent + span,
    })
}

fn begin(mac: Mac, config: &ClientConfig, kind: MessageType, xid: u32, secs: u16) -> Message {
    let mut message = Message::new(BOOTREQUEST, mac, xid);
    message.secs = secs;
    message.options.push(code::MESSAGE_TYPE, &[kind.as_u8()]);
    // "If the client uses a 'client identifier' in one message, it MUST use that same identifier in all subsequent
    // messages" (RFC 2131 section 2).
    if !config.client_id.is_empty() {
        message
            .options
            .push(code::CLIENT_IDENTIFIER, &config.client_id);
    }
    message
}

fn set_broadcast(config: &ClientConfig, message: &mut Message) {
    if config.broadcast {
        message.flags |= BROADCAST_FLAG;
    }
}

/// Options 60, 55 and 57. RFC 2131 section 4.3.6 wants the list in every REQUEST if it was in the DISCOVER.
fn push_wishes(config: &ClientConfig, message: &mut Message) {
    for (code, data) in [
        (code::VENDOR_CLASS, &config.vendor_class),
        (code::PARAMETER_REQUEST_LIST, &config.parameter_request_list),
    ] {
        if !data.is_empty() {
            message.options.push(code, data);
        }
    }
    if let Some(size) = config.max_message_size {
        message
            .options
            .push(code::MAX_MESSAGE_SIZE, &size.to_be_bytes());
    }
}
