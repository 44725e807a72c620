//! The test language of an element: the sets that talk to it, and what it did, a line each.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::super::*;
use crate::controller::Trunk;
use crate::outbox::Out;
use crate::wire::reg::{Decoder, Target};

/// An element with 6000 and 6001, and 2004 at another one; and the sets that talk to it.
pub(super) struct Bench {
    pub(super) element: Element,
    pub(super) now: Instant,
}

impl Bench {
    pub(super) fn new() -> Bench {
        let mut forms = Forms::new("***", "###").unwrap();
        forms.add_dn("6000").unwrap();
        forms.add_dn("6001").unwrap();
        forms.set_remote("2004", Some("2")).unwrap();
        forms.set_cluster_element("2", 2, 2).unwrap();
        forms.set_trunk(2, Some(Trunk::Dpnss)).unwrap();
        let there = Target::Address(Ipv4Addr::new(10, 9, 0, 20));
        forms.set_networking(2, 2, Some(there)).unwrap();
        let element = Element::new(ElementConfig {
            forms,
            heartbeat: Duration::from_secs(30),
            trunks: TrunkConfig::default(),
        });
        Bench {
            element,
            now: Instant::ZERO,
        }
    }

    pub(super) fn with_set(set: u64, dn: &str) -> Bench {
        let mut bench = Bench::new();
        bench.element.forms_mut().map(dn, mac(set)).unwrap();
        bench
    }

    /// Connection 1, of set 1, has come to this state.
    pub(super) fn in_state(state: &str) -> Bench {
        let mut bench = Bench::new();
        bench.connects(1);
        match state {
            "Prompted" => bench.registers(1, 1, None),
            "Registered" => bench.registers(1, 1, Some("***6000")),
            "Leaving" => bench.registers(1, 1, Some("***2004")),
            "Closing" => bench.event(1, StreamEvent::PeerClosed),
            _ => Vec::new(),
        };
        bench
    }

    pub(super) fn connects(&mut self, n: u64) -> Vec<String> {
        let peer = SocketAddrV4::new(Ipv4Addr::new(10, 1, 0, 50), 40_000);
        self.event(n, StreamEvent::Accepted { peer, port: PORT })
    }

    /// Connection `n`: set `set` connects and says that it is there.
    pub(super) fn registers(&mut self, n: u64, set: u64, pin: Option<&str>) -> Vec<String> {
        if self.element.connections.state(StreamId(n)).is_none() {
            self.connects(n);
        }
        self.says(n, 1, Message::DeviceRegistration(device(set, pin)))
    }

    pub(super) fn types(&mut self, n: u64, sequence: u32, pin: &str) -> Vec<String> {
        let pin = pin.to_owned();
        self.says(n, sequence, Message::PinEntry { pin })
    }

    pub(super) fn says(&mut self, n: u64, sequence: u32, message: Message) -> Vec<String> {
        let bytes = Envelope::new(sequence, message).encode();
        self.event(n, StreamEvent::Received(&bytes))
    }

    pub(super) fn event(&mut self, n: u64, event: StreamEvent<'_>) -> Vec<String> {
        let mut out = Outbox::default();
        self.element
            .handle_stream(self.now, StreamId(n), event, &mut out);
        lines(&mut out)
    }

    pub(super) fn after(&mut self, secs: u64) -> Vec<String> {
        self.now += Duration::from_secs(secs);
        let mut out = Outbox::default();
        self.element.handle_timeout(self.now, &mut out);
        lines(&mut out)
    }
}

/// What an element did, a line each: a decision, or a connection's number and what was sent on it.
pub(super) fn lines(out: &mut Outbox<AppEffect>) -> Vec<String> {
    let mut lines = Vec::new();
    for item in out.drain() {
        match item {
            Out::Effect(AppEffect::SendStream { stream, bytes }) => {
                let (mut decoder, mut bytes) = (Decoder::default(), bytes.as_slice());
                while let Some(envelope) = decoder.next(&mut bytes).unwrap() {
                    lines.push(format!("{}: {envelope}", stream.0));
                }
            }
            Out::Effect(AppEffect::Close { stream }) => {
                lines.push(format!("{}: close", stream.0));
            }
            Out::Effect(AppEffect::Abort { stream }) => {
                lines.push(format!("{}: abort", stream.0));
            }
            Out::Effect(AppEffect::Listen { port }) => lines.push(format!("listen {port}")),
            Out::Trace(TraceEvent::Decision(made)) => {
                lines.push(format!("{} {:?}: {}", made.rule, made.answer, made.reason));
            }
            Out::Trace(TraceEvent::SetLost { mac, dn }) => {
                lines.push(format!("lost {mac} at {dn}"));
            }
            Out::Effect(other) => panic!("an element does not do {other:?}"),
            Out::Trace(other) => panic!("an element does not tell {other:?}"),
        }
    }
    lines
}

pub(super) fn device(set: u64, pin: Option<&str>) -> DeviceRegistration {
    DeviceRegistration {
        mac: mac(set),
        pin: pin.map(str::to_owned),
        device_type: "5360".to_owned(),
        firmware: "1.2.3".to_owned(),
        address: Ipv4Addr::new(10, 1, 0, 50),
        reset: false,
        redirects: 0,
    }
}

pub(super) fn mac(n: u64) -> Mac {
    Mac([8, 0, 0x0f, 0, 0, 0]).plus(n)
}
