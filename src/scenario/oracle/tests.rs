//! Each rule of the oracle, broken once by what it is shown, and its neighbours that are no fault.

use super::*;
use crate::outbox::LeaseEvent;
use crate::scenario::read;
use crate::wire::reg::{DeviceRegistration, Envelope, Message, Reason, Target};

const ANNA: Mac = Mac([0x08, 0x00, 0x0f, 0, 0, 1]);
const ELEMENT: Mac = Mac([2, 0, 10, 1, 0, 10]);
const SET_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 50);
const ELEMENT_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 10);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);

const PLACE: &str = r#"
scenario = "One set, one element"

[[subnet]]
name = "office"
prefix = "10.1.0.0/24"
dhcp = { pool = "10.1.0.50 - 10.1.0.99", call_srv = "mivb-a" }

[[element]]
name = "mivb-a"
address = "10.1.0.10"
ceid = { index = 1, digits = "1" }
directory = ["6000-6009"]

[[phone]]
name = "anna"
at = "office"
memory = { pin = "***6000" }
"#;

#[test]
fn a_set_sends_the_pin_that_it_had_or_was_told_to_save() {
    let mut wire = Wire::new();
    wire.connect();
    wire.set_says(device(Some("***6000"), 0));
    wire.set_is_told(save("***6001"));
    // It was lost behind the switch: the set goes on with what it has.
    wire.connect();
    wire.set_says(device(Some("***6000"), 0));
    wire.set_is_told(save("***6001"));
    wire.set_did(PhoneEvent::PinSaved {
        pin: "***6001".to_owned(),
    });
    wire.connect();
    wire.set_says(device(Some("***6001"), 0));
    assert_eq!(wire.broken(), None);
}

#[test]
fn a_reset_of_a_set_that_has_started_anew_acknowledges_nothing() {
    let mut wire = Wire::new();
    // Numbers that lie before 0, which stands where no acknowledgement is.
    wire.seq[1] = u32::MAX - 1000;
    wire.connect();
    wire.set_is_told(save("***6001"));
    wire.send(0, tcp::RST, &[]);
    wire.send(0, tcp::RST | tcp::ACK, &[]);
    wire.connect();
    wire.set_says(device(Some("***6000"), 0));
    assert_eq!(wire.broken(), None);
}

#[test]
fn a_pin_that_nobody_told_it_to_save_is_noticed_when_it_is_sent_and_when_it_is_saved() {
    let mut wire = Wire::new();
    wire.connect();
    wire.set_says(device(Some("***6009"), 0));
    assert_eq!(wire.broken(), Some("DV-3"));
    let mut wire = Wire::new();
    let pin = "***6009".to_owned();
    wire.set_did(PhoneEvent::PinSaved { pin });
    assert_eq!(wire.broken(), Some("DV-3"));
}

#[test]
fn a_cleared_pin_must_not_be_sent_once_the_set_has_acknowledged_the_order() {
    let clear = Message::ClearPin {
        reason: Reason::DnInUse,
    };
    let mut wire = Wire::new();
    wire.connect();
    wire.set_is_told(clear.clone());
    // The order was lost behind the switch: the set knows nothing of it.
    wire.connect();
    wire.set_says(device(Some("***6000"), 0));
    assert_eq!(wire.broken(), None);
    wire.set_is_told(clear.clone());
    wire.set_acknowledges();
    wire.connect();
    wire.set_says(device(Some("***6000"), 0));
    assert_eq!(wire.broken(), Some("RG-5"));
    let mut wire = Wire::new();
    wire.connect();
    wire.set_is_told(clear);
    wire.set_acknowledges();
    wire.set_is_told(save("***6000"));
    wire.set_acknowledges();
    wire.connect();
    wire.set_says(device(Some("***6000"), 0));
    assert_eq!(wire.broken(), None, "it was told to save it again");
}

#[test]
fn a_sixth_redirect_in_one_registration_is_one_too_many() {
    let mut wire = Wire::new();
    for redirects in 0..6 {
        wire.connect();
        wire.set_says(device(None, redirects));
        assert_eq!(wire.broken(), None);
        wire.set_is_told(Message::Redirect {
            to: Target::Address(ELEMENT_ADDRESS),
            dn: "6000".to_owned(),
        });
    }
    assert_eq!(wire.broken(), Some("CL-8"));
}

#[test]
fn an_address_of_our_servers_must_be_leased_to_the_set_that_takes_it() {
    let bound = |server| PhoneEvent::Bound {
        address: SET_ADDRESS,
        prefix_len: 24,
        gateway: None,
        server,
        lease: Duration::from_secs(60),
    };
    let mut wire = Wire::new();
    wire.set_did(bound(Ipv4Addr::new(10, 1, 0, 3)));
    assert_eq!(wire.broken(), None, "a stranger's lease is not known here");
    wire.leased(ANNA);
    wire.set_did(bound(SERVER));
    assert_eq!(wire.broken(), None);
    let mut wire = Wire::new();
    wire.leased(ELEMENT);
    wire.set_did(bound(SERVER));
    assert_eq!(wire.broken(), Some("ST-1"));
    let mut wire = Wire::new();
    wire.leased(ANNA);
    wire.leased(ELEMENT);
    assert_eq!(wire.broken(), Some("ST-1"), "it is leased to two at once");
}

#[test]
fn what_led_to_it_is_told_of_that_set_alone() {
    let mut wire = Wire::new();
    wire.leased(ANNA);
    wire.connect();
    wire.set_says(device(Some("***6009"), 0));
    let violation = wire.take_violation().unwrap();
    assert_eq!(violation.set, Some(PhoneId(0)));
    assert_eq!(violation.evidence.len(), 1);
    assert!(violation.what.contains("***6009"), "{}", violation.what);
}

/// The oracle, and the wire that it reads.
struct Wire {
    plan: Plan,
    oracle: Oracle,
    port: u16,
    /// Next bytes of the set and of the element.
    seq: [u32; 2],
}

impl Wire {
    fn new() -> Wire {
        let plan = read(PLACE).unwrap();
        let oracle = Oracle::new(&plan);
        Wire {
            plan,
            oracle,
            port: 40_000,
            seq: [100, 900],
        }
    }

    fn connect(&mut self) {
        self.port += 1;
        for way in [0, 1] {
            self.send(way, tcp::SYN, &[]);
            self.seq[way] += 1;
        }
    }

    fn set_says(&mut self, message: Message) {
        self.say(0, message);
    }

    fn set_is_told(&mut self, message: Message) {
        self.say(1, message);
    }

    fn set_acknowledges(&mut self) {
        self.send(0, tcp::ACK, &[]);
    }

    fn say(&mut self, way: usize, message: Message) {
        let bytes = Envelope::new(1, message).encode();
        // The set has not seen what it was just told.
        self.send(way, 0, &bytes);
        self.seq[way] += bytes.len() as u32;
    }

    fn send(&mut self, way: usize, flags: u8, payload: &[u8]) {
        let ends = [
            (ANNA, SET_ADDRESS, self.port),
            (ELEMENT, ELEMENT_ADDRESS, reg::PORT),
        ];
        let (from, to) = (ends[way], ends[1 - way]);
        let segment = tcp::Segment {
            src_port: from.2,
            dst_port: to.2,
            seq: self.seq[way],
            ack: if flags & tcp::ACK != 0 {
                self.seq[1 - way]
            } else {
                0
            },
            flags,
            window: 1000,
            options: &[],
            payload,
        };
        let mut bytes = Vec::new();
        ethernet::Header {
            dst: to.0,
            src: from.0,
            tag: None,
            ethertype: ethernet::ETHERTYPE_IPV4,
        }
        .encode(&mut bytes);
        let ip = ipv4::Header {
            tos: 0,
            id: 1,
            dont_fragment: true,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol: ipv4::TCP,
            src: from.1,
            dst: to.1,
        };
        ip.encode(20 + payload.len(), &mut bytes);
        segment.encode(from.1, to.1, &mut bytes);
        self.oracle.frame(Instant::ZERO, &bytes.into(), |_| {});
    }

    fn set_did(&mut self, event: PhoneEvent) {
        let event = TraceEvent::Phone(event);
        self.oracle
            .event(Instant::ZERO, NodeId(1), Some(PhoneId(0)), event);
    }

    fn leased(&mut self, mac: Mac) {
        let event = TraceEvent::Lease(LeaseEvent::Granted {
            mac,
            address: SET_ADDRESS,
            lease: Duration::from_secs(60),
        });
        self.oracle.event(Instant::ZERO, NodeId(0), None, event);
    }

    fn take_violation(&mut self) -> Option<Violation> {
        self.oracle.take_violation(&self.plan, |_| NodeId(1))
    }

    fn broken(&mut self) -> Option<&'static str> {
        self.take_violation().map(|violation| violation.rule)
    }
}

fn save(pin: &str) -> Message {
    Message::SavePin {
        pin: pin.to_owned(),
    }
}

fn device(pin: Option<&str>, redirects: u8) -> Message {
    Message::DeviceRegistration(DeviceRegistration {
        mac: ANNA,
        pin: pin.map(str::to_owned),
        device_type: "5360".to_owned(),
        firmware: "1.0".to_owned(),
        address: SET_ADDRESS,
        reset: false,
        redirects,
    })
}
