//! The test language of the DHCP server, and the messages of its clients.

use std::net::SocketAddrV4;

use super::super::*;
use crate::outbox::Out;

pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);

pub(super) fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 1, 0, last)
}

pub(super) fn mac(n: u64) -> Mac {
    Mac([8, 0, 0x0f, 0, 0, 0]).plus(n)
}

pub(super) fn secs(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

pub(super) fn pool(first: u8, last: u8) -> Scope {
    Scope {
        pool: (host(first), host(last)),
        ..config().scopes.remove(0)
    }
}

pub(super) fn config() -> ServerConfig {
    ServerConfig {
        address: SERVER,
        scopes: vec![Scope {
            prefix: (host(0), 24),
            authoritative: true,
            pool: (host(50), host(99)),
            router: Some(host(1)),
            name_servers: vec![host(3)],
            lease: Duration::from_secs(100),
            renew: Some(Duration::from_secs(40)),
            rebind: Some(Duration::from_secs(80)),
            options: vec![
                (125, b"\0\0\x04\x03\x03id:".to_vec()),
                (15, b"example.com".to_vec()),
            ],
            reservations: BTreeMap::new(),
            client_reservations: BTreeMap::new(),
            classes: Vec::new(),
            rapid_commit: false,
            probe: None,
        }],
    }
}

/// One that is not the only server of its subnet.
pub(super) fn not_authoritative() -> ServerConfig {
    let mut config = config();
    config.scopes[0].authoritative = false;
    config
}

pub(super) fn message(n: u64, kind: MessageType) -> Message {
    let mut message = Message::new(BOOTREQUEST, mac(n), 1);
    message.options.push(code::MESSAGE_TYPE, &[kind.as_u8()]);
    message
}

pub(super) fn discover(n: u64) -> Message {
    message(n, MessageType::Discover)
}

pub(super) fn select(n: u64, server: Ipv4Addr, last: u8) -> Message {
    let mut message = message(n, MessageType::Request);
    message
        .options
        .push(code::SERVER_IDENTIFIER, &server.octets());
    message
        .options
        .push(code::REQUESTED_ADDRESS, &host(last).octets());
    message
}

pub(super) fn init_reboot(n: u64, address: Ipv4Addr) -> Message {
    let mut message = message(n, MessageType::Request);
    message
        .options
        .push(code::REQUESTED_ADDRESS, &address.octets());
    message
}

/// Renewing or rebinding.
pub(super) fn renew(n: u64, last: u8) -> Message {
    let mut message = message(n, MessageType::Request);
    message.ciaddr = host(last);
    message
}

pub(super) struct Bench {
    now: Instant,
    pub(super) server: DhcpServer,
}

impl Bench {
    pub(super) fn new(config: ServerConfig) -> Bench {
        Bench {
            now: Instant::ZERO,
            server: DhcpServer::new(config),
        }
    }

    pub(super) fn at(&mut self, at: u64) -> &mut Bench {
        self.now = secs(at);
        self
    }

    pub(super) fn send(&mut self, message: Message) -> Vec<String> {
        self.send_to(Ipv4Addr::BROADCAST, message)
    }

    pub(super) fn send_to(&mut self, to: Ipv4Addr, message: Message) -> Vec<String> {
        self.send_bytes(to, &message.encode())
    }

    pub(super) fn send_bytes(&mut self, to: Ipv4Addr, payload: &[u8]) -> Vec<String> {
        let (from, to) = (
            SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
            SocketAddrV4::new(to, 67),
        );
        let mut out = Outbox::default();
        self.server
            .handle_datagram(self.now, &Datagram { from, to, payload }, &mut out);
        lines(out)
    }

    pub(super) fn timeout(&mut self) -> Vec<String> {
        let mut out = Outbox::default();
        self.server.handle_timeout(self.now, &mut out);
        lines(out)
    }

    /// Somebody answers a probe.
    pub(super) fn conflict(&mut self, last: u8) -> Vec<String> {
        let mut out = Outbox::default();
        let event = HostEvent::AddressConflict(host(last));
        self.server.handle_host(self.now, event, &mut out);
        lines(out)
    }

    /// The one reply to a message.
    pub(super) fn exchange(&mut self, message: Message) -> Message {
        let (from, to) = (
            SocketAddrV4::new(host(1), 68),
            SocketAddrV4::new(SERVER, 67),
        );
        let payload = &message.encode();
        let mut out = Outbox::default();
        self.server
            .handle_datagram(self.now, &Datagram { from, to, payload }, &mut out);
        let replies: Vec<Message> = out.drain().filter_map(reply).collect();
        assert_eq!(replies.len(), 1, "{message}");
        replies[0].clone()
    }

    pub(super) fn bind(&mut self, n: u64) {
        let offer = self.exchange(discover(n));
        let line = &self.send(select(n, SERVER, offer.yiaddr.octets()[3]))[0];
        assert_eq!(*line, format!("granted {}", offer.yiaddr));
    }
}

fn reply(out: Out<AppEffect>) -> Option<Message> {
    match out {
        Out::Effect(AppEffect::Send {
            from_port: 67,
            payload,
            ..
        }) => Some(Message::decode(&payload).unwrap()),
        Out::Effect(other) => panic!("{other:?}"),
        Out::Trace(_) => None,
    }
}

fn lines(mut out: Outbox<AppEffect>) -> Vec<String> {
    let line = |out| match out {
        Out::Effect(AppEffect::Send {
            to,
            to_mac,
            ref payload,
            ..
        }) => {
            let kind = Message::decode(payload).unwrap().message_type().unwrap();
            let at = to_mac.map_or(String::new(), |mac| format!(" at {mac}"));
            format!("{kind} to {to}{at}")
        }
        Out::Trace(TraceEvent::Lease(event)) => decision(event),
        Out::Effect(AppEffect::ArpProbe(address)) => format!("ARP probe {address}"),
        Out::Effect(AppEffect::EchoProbe(address)) => format!("echo probe {address}"),
        Out::Effect(AppEffect::ProbeEnd(address)) => format!("end of probe {address}"),
        Out::Effect(other) => panic!("{other:?}"),
        Out::Trace(other) => panic!("{other:?}"),
    };
    out.drain().map(line).collect()
}

fn decision(event: LeaseEvent) -> String {
    match event {
        LeaseEvent::Offered { address, .. } => format!("offered {address}"),
        LeaseEvent::Granted { address, .. } => format!("granted {address}"),
        LeaseEvent::Refused {
            address, reason, ..
        } => format!("refused {address}: {reason}"),
        LeaseEvent::Released { address, .. } => format!("released {address}"),
        LeaseEvent::Declined { address, .. } => format!("declined {address}"),
        LeaseEvent::InUse { address, .. } => format!("in use {address}"),
        LeaseEvent::Expired { address, .. } => format!("expired {address}"),
        LeaseEvent::Exhausted { .. } => "exhausted".to_owned(),
        LeaseEvent::Ignored { reason, .. } => format!("ignored: {reason}"),
    }
}
