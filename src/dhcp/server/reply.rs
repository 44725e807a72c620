//! What a DHCP server answers, and where to (RFC 2131 sections 4.1 and 4.3, table 3).
//!
//! Options go out in one order: 53, 54, 51, 58, 59, 1, 3, 6, then the configured ones in theirs, then what
//! is echoed (61: RFC 6842; 82, last: RFC 3046 section 2.2). A parameter request list leaves out what the client
//! does not ask for, except 43, 60, 125 and 128 to 135: what the sets ask for is not known, and administrators make
//! their servers send these whether asked or not.
//!
//! What does not fit into the client's message size goes into `file` and `sname`, and what does not fit there either is
//! left out: [`Message::encode_within`].

use std::net::{Ipv4Addr, SocketAddrV4};

use super::request::Request;
use super::{Class, Scope};
use crate::app::AppEffect;
use crate::wire::dhcp::{
    BOOTREPLY, BROADCAST_FLAG, CLIENT_PORT, Message, MessageType, Options, SERVER_PORT, code,
};

/// The smallest `maximum DHCP message size` (RFC 2132 section 9.10).
const MESSAGE_SIZE_MIN: u16 = 576;
/// Bytes of an IP and a UDP header, which count in it.
const HEADERS: usize = 20 + 8;

/// Whether an option is sent when configured, whatever the client asks for.
const fn is_forced(code: u8) -> bool {
    matches!(
        code,
        code::VENDOR_SPECIFIC | code::VENDOR_CLASS | code::VENDOR_IDENTIFYING | 128..=135
    )
}

/// What the answers to one message go by.
pub(super) struct Answer<'a> {
    server: Ipv4Addr,
    scope: &'a Scope,
    class: Option<&'a Class>,
    request: &'a Message,
}

impl<'a> Answer<'a> {
    pub(super) fn to(request: &'a Request, server: Ipv4Addr, scope: &'a Scope) -> Answer<'a> {
        Answer {
            server,
            scope,
            class: request.class.map(|class| &scope.classes[class]),
            request: &request.message,
        }
    }

    /// An OFFER of `address`.
    pub(super) fn offer(&self, address: Ipv4Addr) -> AppEffect {
        let mut message = begin(self.server, self.request, MessageType::Offer);
        message.yiaddr = address;
        push_times(&mut message.options, self.scope);
        self.push_settings(&mut message.options);
        self.send(message)
    }

    /// An ACK that grants `address`.
    pub(super) fn ack(&self, address: Ipv4Addr) -> AppEffect {
        let mut message = begin(self.server, self.request, MessageType::Ack);
        message.ciaddr = self.request.ciaddr;
        message.yiaddr = address;
        push_times(&mut message.options, self.scope);
        self.push_settings(&mut message.options);
        self.send(message)
    }

    /// An ACK to a DISCOVER: "The server MUST include the Rapid Commit option" (RFC 4039 section 3.1).
    pub(super) fn rapid_ack(&self, address: Ipv4Addr) -> AppEffect {
        let mut message = begin(self.server, self.request, MessageType::Ack);
        message.yiaddr = address;
        message.options.push(code::RAPID_COMMIT, &[]);
        push_times(&mut message.options, self.scope);
        self.push_settings(&mut message.options);
        self.send(message)
    }

    /// An ACK to an INFORM: no address, no times (RFC 2131 section 4.3.5).
    pub(super) fn inform(&self) -> AppEffect {
        let mut message = begin(self.server, self.request, MessageType::Ack);
        message.ciaddr = self.request.ciaddr;
        self.push_settings(&mut message.options);
        // "unicasts the DHCPACK to the address in ciaddr", relay or not.
        let to = self.request.ciaddr;
        self.unicast(to, CLIENT_PORT, message)
    }

    /// A NAK; `reason` goes into option 56.
    pub(super) fn nak(&self, reason: &str) -> AppEffect {
        let mut message = begin(self.server, self.request, MessageType::Nak);
        message.options.push(code::MESSAGE, reason.as_bytes());
        if !message.giaddr.is_unspecified() {
            // RFC 2131 section 4.3.2: so that the relay broadcasts it: the client's address is not valid there.
            message.flags |= BROADCAST_FLAG;
        }
        self.send(message)
    }

    fn push_settings(&self, options: &mut Options) {
        let scope = self.scope;
        let of_class = self.class.map_or(&[][..], |class| &class.options);
        let of_scope = scope.options.iter();
        let of_scope = of_scope.filter(|(code, _)| of_class.iter().all(|(other, _)| other != code));
        let list = self.request.option(code::PARAMETER_REQUEST_LIST);
        let asked = |code: u8| list.as_ref().is_none_or(|list| list.contains(&code));
        let configured = |code| {
            let mut all = of_scope.clone().chain(of_class);
            all.any(|(other, _)| *other == code)
        };
        let mut push = |code, addresses: &[Ipv4Addr]| {
            // What the scope configures by hand stands in place of what it knows.
            if asked(code) && !addresses.is_empty() && !configured(code) {
                options.push_addresses(code, addresses);
            }
        };
        push(code::SUBNET_MASK, &[Ipv4Addr::from(scope.mask())]);
        push(code::ROUTER, scope.router.as_slice());
        push(code::NAME_SERVER, &scope.name_servers);
        for (code, data) in of_scope.chain(of_class) {
            if asked(*code) || is_forced(*code) {
                options.push(*code, data);
            }
        }
    }

    /// Sends an answer where RFC 2131 section 4.1 says.
    fn send(&self, message: Message) -> AppEffect {
        if !message.giaddr.is_unspecified() {
            let to = message.giaddr;
            return self.unicast(to, SERVER_PORT, message);
        }
        let is_nak = message.message_type() == Ok(MessageType::Nak);
        if !message.ciaddr.is_unspecified() && !is_nak {
            let to = message.ciaddr;
            return self.unicast(to, CLIENT_PORT, message);
        }
        let to_hardware =
            !message.yiaddr.is_unspecified() && (message.htype, message.hlen) == (1, 6);
        if to_hardware && !message.wants_broadcast() {
            return AppEffect::Send {
                from_port: SERVER_PORT,
                to: SocketAddrV4::new(message.yiaddr, CLIENT_PORT),
                to_mac: Some(message.mac()),
                payload: self.fit(message),
            };
        }
        self.unicast(Ipv4Addr::BROADCAST, CLIENT_PORT, message)
    }

    fn unicast(&self, to: Ipv4Addr, port: u16, message: Message) -> AppEffect {
        AppEffect::Send {
            from_port: SERVER_PORT,
            to: SocketAddrV4::new(to, port),
            to_mac: None,
            payload: self.fit(message),
        }
    }

    /// The bytes of a message, with what is echoed, within what the client takes: as much as it says (option 57),
    /// else what every client must (RFC 2131 section 2: 576 bytes of an IP datagram).
    fn fit(&self, mut message: Message) -> Vec<u8> {
        let mut echoes = Options::default();
        for code in [code::CLIENT_IDENTIFIER, code::RELAY_AGENT] {
            if let Some(data) = self.request.option(code) {
                echoes.push(code, &data);
            }
        }
        let takes = self.request.option(code::MAX_MESSAGE_SIZE);
        let takes = takes.and_then(|size| Some(u16::from_be_bytes(size.as_ref().try_into().ok()?)));
        let takes = takes.unwrap_or(MESSAGE_SIZE_MIN).max(MESSAGE_SIZE_MIN);
        message.encode_within(usize::from(takes) - HEADERS, &echoes)
    }
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
