//! The test language: a set on a bench, and the network round it as a script.
//!
//! Each command (`power_up`, `offer`, `file`, `says`, `wait` and so on) hands one thing to the set at
//! `bench.now`. What the set did is noted in lines: `take` gives those since it was last called, `timeline`
//! the same with their times. A display stands in brackets; a connection is named by its number.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::super::machine::{Phone, State};
use super::super::{Memory, PhoneSettings, PhoneTimes};
use crate::app::{App as _, AppEffect, Datagram, HostEvent, StreamEnd, StreamEvent, StreamId};
use crate::outbox::{Out, Outbox, PhoneEvent, TraceEvent};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREPLY, CLIENT_PORT, Message, MessageType, SERVER_PORT, code};
use crate::wire::reg::{Envelope, Message as Reg, Reason};
use crate::wire::{lldp, tftp};

pub(super) const MAC: Mac = Mac([8, 0, 0x0f, 0, 0, 1]);
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 50);
pub(super) const DHCP_SERVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);
/// The lease, in seconds: T1 is half of it, and T2 seven eighths.
pub(super) const LEASE_SECS: u64 = 8_000;
/// A configuration with two call servers.
pub(super) const TEXT: &str = "id:ipphone.mitel.com;call_srv=10.9.0.10,10.9.0.11;sw_tftp=10.9.0.20";
pub(super) const TFTP_SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 20);
/// The TFTP server's port of a transfer.
const TID: u16 = 50_000;

pub(super) struct Bench {
    pub(super) now: Instant,
    pub(super) phone: Phone,
    /// What DHCP says in option 43.
    pub(super) text: &'static str,
    /// The two lines of the display, joined by ` / `.
    pub(super) display: String,
    lines: Vec<(Instant, String)>,
    xid: u32,
    /// From where the set asked for its last file.
    pub(super) local_port: u16,
    /// The connection that it opened last.
    pub(super) stream: StreamId,
    sequence: u32,
}

impl Bench {
    /// A 5360 without PIN and power.
    pub(super) fn new() -> Bench {
        Bench::of("5360", None)
    }

    /// A set of this model with this PIN in its memory, without power.
    pub(super) fn of(model: &str, pin: Option<&str>) -> Bench {
        let settings = PhoneSettings {
            mac: MAC,
            model: model.into(),
            boot_file: "Boot.bin".into(),
            main_file: "Main.bin".into(),
            lldp: false,
            times: PhoneTimes::default().into(),
        };
        let memory = Memory {
            pin: pin.map(str::to_owned),
            ..Memory::default()
        };
        Bench {
            now: Instant::ZERO,
            phone: Phone::new(settings, memory, &mut Rng::stream(1, "set")),
            text: TEXT,
            display: String::new(),
            lines: Vec::new(),
            xid: 0,
            local_port: 0,
            stream: StreamId::opened(0),
            sequence: 0,
        }
    }

    /// The same with power and a carrier, when its main image has begun to connect.
    pub(super) fn connecting(mut self) -> Bench {
        self.power_up();
        self.carrier(true);
        self.boot();
        self.wait(6);
        assert_eq!(self.state(), "Connecting");
        self.take();
        self
    }

    /// The same, when it has said who it is.
    pub(super) fn registering(self) -> Bench {
        let mut bench = self.connecting();
        bench.connected();
        bench.take();
        bench
    }

    /// The same in service as 6000, with a heartbeat every 30 s.
    pub(super) fn in_service(self) -> Bench {
        let mut bench = self.registering();
        bench.registered(30);
        bench.says(Reg::CommunicationsUp);
        assert_eq!(bench.state(), "In service");
        bench.take();
        bench
    }

    // What happens to the set.

    pub(super) fn power_up(&mut self) {
        self.call(|phone, now, out| phone.handle_host(now, HostEvent::Start, out));
    }

    pub(super) fn power_down(&mut self) {
        self.call(|phone, now, out| phone.handle_host(now, HostEvent::Stop, out));
    }

    pub(super) fn carrier(&mut self, up: bool) {
        self.call(|phone, now, out| phone.handle_host(now, HostEvent::Carrier(up), out));
    }

    /// Its switch says this by LLDP.
    pub(super) fn lldp(&mut self, message: &[u8]) {
        self.call(|phone, now, out| phone.handle_lldp(now, message, out));
    }

    pub(super) fn types(&mut self, pin: &str) -> bool {
        let mut asked = false;
        self.call(|phone, now, out| asked = phone.enter_pin(now, pin, out));
        asked
    }

    /// Time passes, and each deadline on the way.
    pub(super) fn wait(&mut self, secs: u64) {
        let until = self.now + Duration::from_secs(secs);
        while let Some((at, _)) = self.phone.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = at;
            self.call(|phone, now, out| phone.handle_timeout(now, out));
        }
        self.now = until;
    }

    /// DHCP offers and grants an address, and TFTP has a boot and a main image, all at once.
    pub(super) fn boot(&mut self) {
        self.wait(1);
        self.offer();
        self.ack();
        self.file(b"boot 1.0\n");
        if self.state() == "Flash" {
            self.wait(2);
        }
        self.file(b"main 2.0\n");
        assert_eq!(self.state(), "Starting main");
    }

    pub(super) fn offer(&mut self) {
        self.reply(MessageType::Offer, self.text);
    }

    pub(super) fn ack(&mut self) {
        self.reply(MessageType::Ack, self.text);
    }

    pub(super) fn nak(&mut self) {
        self.reply(MessageType::Nak, "");
    }

    /// A DHCP message that answers the set's last, with this text in option 43.
    pub(super) fn reply(&mut self, kind: MessageType, text: &str) {
        let mut message = Message::new(BOOTREPLY, MAC, self.xid);
        message.yiaddr = ADDRESS;
        let options = &mut message.options;
        options.push(code::MESSAGE_TYPE, &[kind.as_u8()]);
        options.push_addresses(code::SERVER_IDENTIFIER, &[DHCP_SERVER]);
        options.push_duration(code::LEASE_TIME, Duration::from_secs(LEASE_SECS));
        options.push(code::SUBNET_MASK, &[255, 255, 255, 0]);
        if !text.is_empty() {
            options.push(code::VENDOR_SPECIFIC, text.as_bytes());
        }
        self.datagram(DHCP_SERVER, SERVER_PORT, CLIENT_PORT, &message.encode());
    }

    /// The file that the set asked for, of less than a block.
    pub(super) fn file(&mut self, content: &[u8]) {
        let (block, payload) = (1, content);
        self.tftp(&tftp::Message::Data { block, payload });
    }

    pub(super) fn no_such_file(&mut self) {
        let (code, message) = (tftp::ErrorCode::NOT_FOUND, &b"no such file"[..]);
        self.tftp(&tftp::Message::Error { code, message });
    }

    fn tftp(&mut self, message: &tftp::Message<'_>) {
        self.datagram(TFTP_SERVER, TID, self.local_port, &message.encode());
    }

    pub(super) fn datagram(&mut self, from: Ipv4Addr, from_port: u16, port: u16, payload: &[u8]) {
        let datagram = Datagram {
            from: SocketAddrV4::new(from, from_port),
            to: SocketAddrV4::new(ADDRESS, port),
            payload,
        };
        self.call(|phone, now, out| phone.handle_datagram(now, &datagram, out));
    }

    pub(super) fn connected(&mut self) {
        self.stream_event(self.stream, StreamEvent::Connected);
    }

    /// The element says something on the connection that the set opened last.
    pub(super) fn says(&mut self, message: Reg) {
        let bytes = Envelope::new(self.sequence, message).encode();
        self.bytes(&bytes);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.stream_event(self.stream, StreamEvent::Received(bytes));
    }

    pub(super) fn ended(&mut self, end: StreamEnd) {
        self.stream_event(self.stream, StreamEvent::Ended(end));
    }

    pub(super) fn stream_event(&mut self, stream: StreamId, event: StreamEvent<'_>) {
        self.call(|phone, now, out| phone.handle_stream(now, stream, event, out));
    }

    pub(super) fn prompts(&mut self, reason: Reason) {
        self.says(Reg::PinRequest { reason });
    }

    pub(super) fn saves(&mut self, pin: &str) {
        self.says(Reg::SavePin {
            pin: pin.to_owned(),
        });
    }

    /// Registered as 6000, with a heartbeat interval.
    pub(super) fn registered(&mut self, heartbeat_secs: u64) {
        self.says(Reg::Registered {
            dn: "6000".to_owned(),
            heartbeat: Duration::from_secs(heartbeat_secs),
        });
    }

    // What the set did.

    /// The lines since this was last called.
    pub(super) fn take(&mut self) -> Vec<String> {
        self.lines.drain(..).map(|(_, line)| line).collect()
    }

    /// The same, each after its time.
    pub(super) fn timed(&mut self) -> Vec<String> {
        let lines = self.lines.drain(..);
        lines
            .map(|(at, line)| format!("{} {line}", millis(at)))
            .collect()
    }

    /// The same, each after its time; what TFTP and DHCP sent is left out.
    pub(super) fn timeline(&mut self) -> Vec<String> {
        let lines = self.lines.drain(..);
        let lines = lines.filter(|(_, line)| !line.starts_with(['>', '(']));
        lines
            .map(|(at, line)| format!("{} {line}", millis(at)))
            .collect()
    }

    /// The displays since `take` or `timeline` was last called, each after its time.
    pub(super) fn displays(&mut self) -> Vec<String> {
        let mut lines = self.timeline();
        lines.retain(|line| line.contains('['));
        lines
    }

    /// The next deadline: how many seconds from now, and its name.
    pub(super) fn due(&self) -> Option<(f64, &'static str)> {
        let (at, name) = self.phone.poll_timeout()?;
        Some((at.since(self.now).as_secs_f64(), name))
    }

    /// The next deadline of the set itself, whatever its clients wait for.
    pub(super) fn own_deadline(&self) -> Option<(Instant, &'static str)> {
        match &self.phone.state {
            State::Off => None,
            State::Boot(boot) => boot.deadline(),
            State::Main(main) => main.phase.deadline(),
            State::Restarting { at } => Some((*at, "restart")),
        }
    }

    pub(super) fn state(&self) -> &'static str {
        match &self.phone.state {
            State::Off => "Off",
            State::Boot(boot) => boot.name(),
            State::Main(main) => main.phase.name(),
            State::Restarting { .. } => "Restarting",
        }
    }

    pub(super) fn pin(&self) -> Option<&str> {
        self.phone.memory.pin.as_deref()
    }

    /// Calls the set and notes what it does.
    pub(super) fn call(&mut self, act: impl FnOnce(&mut Phone, Instant, &mut Outbox<AppEffect>)) {
        let mut out = Outbox::default();
        act(&mut self.phone, self.now, &mut out);
        let did: Vec<Out<AppEffect>> = out.drain().collect();
        for one in did {
            let line = match one {
                Out::Effect(effect) => self.effect(effect),
                Out::Trace(TraceEvent::Phone(PhoneEvent::Display(display))) => {
                    self.display = display.to_string();
                    format!("[{display}]")
                }
                Out::Trace(TraceEvent::Phone(event)) => format!("{event:?}"),
                Out::Trace(event) => format!("({event:?})"),
            };
            self.lines.push((self.now, line));
        }
    }

    fn effect(&mut self, effect: AppEffect) -> String {
        match effect {
            AppEffect::Send {
                from_port: CLIENT_PORT,
                payload,
                ..
            } => {
                let message = Message::decode(&payload).unwrap();
                self.xid = message.xid;
                format!("> DHCP {:?}", message.message_type().unwrap())
            }
            AppEffect::Send {
                from_port, payload, ..
            } => {
                let message = tftp::Message::decode(&payload).unwrap();
                if let tftp::Message::ReadRequest(_) = message {
                    self.local_port = from_port;
                }
                format!("> {from_port} {message}")
            }
            AppEffect::Connect { stream, to } => {
                self.stream = stream;
                format!("{}: connect to {}", stream.0, to.ip())
            }
            AppEffect::SendStream { stream, bytes } => {
                let (envelope, length) = crate::wire::reg::decode(&bytes).unwrap().unwrap();
                assert_eq!(length, bytes.len());
                self.sequence = envelope.sequence;
                format!("{}: {envelope}", stream.0)
            }
            AppEffect::Close { stream } => format!("{}: FIN", stream.0),
            AppEffect::Abort { stream } => format!("{}: RST", stream.0),
            AppEffect::Bind { port } => format!("> bind {port}"),
            AppEffect::Unbind { port } => format!("> unbind {port}"),
            AppEffect::Configure(Some(address)) => format!("> address {}", address.address),
            AppEffect::Configure(None) => "> no address".to_owned(),
            AppEffect::Tag(Some(tag)) => format!("> tag vlan {}, p {}", tag.vid, tag.pcp),
            AppEffect::SendLldp(message) => format!("> {}", lldp::decode(&message).unwrap()),
            AppEffect::Tag(None) => "> no tag".to_owned(),
            AppEffect::Listen { .. } | AppEffect::ArpProbe(_) | AppEffect::ArpAnnounce(_) => {
                panic!("a set never asks for {effect:?}")
            }
        }
    }
}

/// What a switch says: a voice policy of this VLAN with priority 6, or that frames have no tag.
pub(super) fn policy(vlan: u16, tagged: bool) -> Vec<u8> {
    let policy = lldp::Policy {
        application: lldp::VOICE,
        unknown: false,
        tagged,
        reserved: false,
        vlan,
        priority: 6,
        dscp: 46,
    };
    let message = lldp::Lldpdu {
        chassis: lldp::Id::local_port("switch"),
        port: lldp::Id::local_port("1"),
        ttl: 120,
        tlvs: vec![lldp::Tlv::MedPolicy(policy)],
    };
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

fn millis(at: Instant) -> String {
    let millis = at.since(Instant::ZERO).as_millis();
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
