//! The golden table: what a set does in each state about each event.

use std::fmt::Write as _;
use std::fs;

use super::super::machine::Event;
use super::bench::{ADDRESS, Bench, DHCP_SERVER, LEASE_SECS, MAC, TEXT, policy};
use super::vlan::TEXT_VLAN;
use crate::app::{StreamEnd, StreamEvent, StreamId};
use crate::dhcp::{ClientEvent as Dhcp, Lease};
use crate::tftp::client::{ClientEvent as Tftp, Image};
use crate::time::Duration;
use crate::wire::dhcp::{BOOTREPLY, Message as DhcpMessage, code};
use crate::wire::reg::{DeviceRegistration, Message, Reason, ResetKind};

const PATH: &str = "fixtures/golden/phone_transitions.txt";

/// Every state, in the order in which a set comes to it.
pub(super) const STATES: &[&str] = &[
    "First stage",
    "LAN link",
    "LLDP",
    "DHCP",
    "Releasing",
    "Boot image",
    "Flash",
    "Main image",
    "Starting main",
    "Connecting",
    "Waiting for ACK",
    "Prompting",
    "Waiting for COMMS",
    "In service",
    "In service, three heartbeats unanswered",
    "Waiting to try again",
    "No carrier",
    "Restarting",
];

#[test]
fn every_state_meets_every_event_as_the_table_says() {
    let mut table = String::from(
        "# What a set does in each state about each event, and the state that it comes to. Events with one outcome\n\
         # stand together. A line in brackets is the display, a number names a connection, `>` stands before what\n\
         # goes to DHCP, TFTP or the host. What a state has no line for is ignored; without power all is. Behind a\n\
         # state's name: what it waits for. Written by src/phone/tests/table.rs; BLESS=1 writes it anew.\n",
    );
    for state in STATES {
        let deadline = in_state(state).own_deadline();
        let deadline = deadline.map_or("no deadline of its own", |(_, name)| name);
        writeln!(table, "\n{state} ({deadline})").unwrap();
        for (did, names) in outcomes(state) {
            writeln!(table, "  {} {did}", names.join(", ")).unwrap();
        }
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(PATH, &table).unwrap();
    }
    let golden = fs::read_to_string(PATH).unwrap();
    assert!(table == golden, "BLESS=1 writes {PATH} anew");
}

/// What a state does about events, and which events these are: the next state, then what the set did. Events
/// with one outcome stand together, in the place of the first; where it names the event, `...` stands for that.
fn outcomes(state: &str) -> Vec<(String, Vec<String>)> {
    let mut outcomes: Vec<(String, Vec<String>)> = Vec::new();
    for (name, happens) in events() {
        let mut bench = in_state(state);
        bench.take();
        let before = bench.state();
        happens(&mut bench);
        let did = bench.take();
        if did.is_empty() && bench.state() == before {
            continue;
        }
        let mut outcome = format!("-> {}", bench.state());
        for line in did {
            let line = line.replace(&format!("{name} has no place"), "... has no place");
            let line = line.replace(&format!("{name} out of place"), "... out of place");
            write!(outcome, "\n      {line}").unwrap();
        }
        match outcomes.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => names.push(name),
            None => outcomes.push((outcome, vec![name])),
        }
    }
    outcomes
}

#[test]
fn every_state_can_be_left() {
    for state in STATES {
        let bench = in_state(state);
        let waits_for_someone = ["LAN link", "No carrier", "Prompting", "Connecting"];
        assert!(
            bench.due().is_some() || waits_for_someone.contains(state),
            "{state}"
        );
    }
}

/// To the RELEASE of its first address, since the ACK names a VLAN.
fn release(bench: &mut Bench) {
    bench.text = TEXT_VLAN;
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.ack();
}

/// A 5360 with a PIN in its memory that has come to this state.
pub(super) fn in_state(state: &str) -> Bench {
    let mut bench = Bench::of("5360", Some("***6000"));
    match state {
        "First stage" | "LAN link" => {
            bench.power_up();
            bench.carrier(state == "First stage");
            bench.wait(u64::from(state == "LAN link"));
        }
        "LLDP" => {
            bench.phone.settings.lldp = true;
            bench.power_up();
            bench.carrier(true);
            bench.wait(1);
        }
        "Releasing" => release(&mut bench),
        "DHCP" | "Boot image" | "Flash" | "Main image" | "Starting main" => {
            bench.power_up();
            bench.carrier(true);
            bench.wait(1);
            let steps: [fn(&mut Bench); 4] = [
                |bench| {
                    bench.offer();
                    bench.ack();
                },
                |bench| bench.file(b"boot 1.0\n"),
                |bench| bench.wait(2),
                |bench| bench.file(b"main 2.0\n"),
            ];
            for step in steps {
                if bench.state() != state {
                    step(&mut bench);
                }
            }
        }
        "Connecting" => bench = bench.connecting(),
        "Waiting for ACK" => bench = bench.registering(),
        "Prompting" => {
            bench = bench.registering();
            bench.prompts(Reason::NoPin);
        }
        "Waiting for COMMS" => {
            bench = bench.registering();
            bench.registered(30);
        }
        "In service" => bench = bench.in_service(),
        "In service, three heartbeats unanswered" => {
            bench = bench.in_service();
            bench.wait(90);
        }
        "Waiting to try again" => {
            bench = bench.connecting();
            bench.ended(StreamEnd::TimedOut);
        }
        "No carrier" => {
            bench = bench.in_service();
            bench.carrier(false);
        }
        "Restarting" => {
            bench = bench.in_service();
            bench.says(super::register::hard_reset());
        }
        other => panic!("{other}"),
    }
    assert!(state.starts_with(bench.state()), "{state}");
    bench
}

type Happens = Box<dyn Fn(&mut Bench)>;

fn events() -> Vec<(String, Happens)> {
    let mut events: Vec<(String, Happens)> = Vec::new();
    let mut add = |name: &str, happens: Happens| events.push((name.to_owned(), happens));
    add("power down", Box::new(Bench::power_down));
    add("carrier lost", Box::new(|bench| bench.carrier(false)));
    add("carrier back", Box::new(|bench| bench.carrier(true)));
    add("its deadline", Box::new(deadline));
    add(
        "the switch names a VLAN",
        Box::new(|bench| bench.lldp(&policy(20, true))),
    );
    for (name, event) in dhcp_events() {
        let event = move || Event::Dhcp(event.clone());
        add(name, Box::new(move |bench| give(bench, event())));
    }
    for (name, event) in tftp_events() {
        let event = move || Event::Tftp(event.clone());
        add(name, Box::new(move |bench| give(bench, event())));
    }
    add(
        "the user types a PIN",
        Box::new(|bench| {
            bench.types("***6001");
        }),
    );
    add("TCP up", Box::new(Bench::connected));
    for message in messages() {
        let name = if let Message::Reset { kind, .. } = &message {
            format!("Reset ({kind:?})")
        } else {
            message.name().to_owned()
        };
        add(&name, Box::new(move |bench| bench.says(message.clone())));
    }
    add(
        "bytes that are no message",
        Box::new(|bench| bench.bytes(b"?")),
    );
    add(
        "element closes",
        Box::new(|bench| {
            bench.stream_event(bench.stream, StreamEvent::PeerClosed);
        }),
    );
    add(
        "connection gone",
        Box::new(|bench| bench.ended(StreamEnd::TimedOut)),
    );
    add(
        "an older connection gone",
        Box::new(|bench| {
            bench.stream_event(StreamId::opened(99), StreamEvent::Ended(StreamEnd::Reset));
        }),
    );
    events
}

fn give(bench: &mut Bench, event: Event) {
    bench.call(|phone, now, out| phone.on(now, event, out));
}

/// The set's own deadline passes; its clients have no part in this.
fn deadline(bench: &mut Bench) {
    if let Some((at, _)) = bench.own_deadline() {
        bench.now = at;
        give(bench, Event::Timeout);
    }
}

fn dhcp_events() -> [(&'static str, Dhcp); 7] {
    let lease = Lease {
        address: ADDRESS,
        prefix_len: 24,
        router: None,
        name_servers: Vec::new(),
        server: DHCP_SERVER,
        lease: Duration::from_secs(LEASE_SECS),
    };
    let mut ack = DhcpMessage::new(BOOTREPLY, MAC, 0);
    let mut sends_on = ack.clone();
    ack.options.push(code::VENDOR_SPECIFIC, TEXT.as_bytes());
    let text = TEXT_VLAN.as_bytes();
    sends_on.options.push(code::VENDOR_SPECIFIC, text);
    let refused = Dhcp::OfferRefused {
        server: DHCP_SERVER,
        reason: "no TFTP server".to_owned(),
        count: 1,
    };
    let accepted = Dhcp::OfferAccepted {
        server: DHCP_SERVER,
        count: 2,
    };
    [
        ("DHCP: discovering", Dhcp::Discovering),
        ("DHCP: offer refused", refused),
        ("DHCP: offer taken", accepted),
        ("DHCP: bound", Dhcp::Bound(lease.clone(), Box::new(ack))),
        (
            "DHCP: bound, with another VLAN",
            Dhcp::Bound(lease.clone(), Box::new(sends_on)),
        ),
        ("DHCP: renewed", Dhcp::Renewed(lease)),
        ("DHCP: lost", Dhcp::Lost { reason: "refused" }),
    ]
}

fn tftp_events() -> [(&'static str, Tftp); 3] {
    let image = Image {
        bytes: 9,
        crc32: 0,
        head: b"image 3.0\n".to_vec(),
        port: 69,
    };
    let reason = "no answer".to_owned();
    [
        ("TFTP: another attempt", Tftp::Attempt { n: 2, port: 69 }),
        ("TFTP: image loaded", Tftp::Done(image)),
        ("TFTP: failed", Tftp::Failed { reason }),
    ]
}

fn messages() -> Vec<Message> {
    let reason = Reason::DnDeleted;
    let dn = || "6001".to_owned();
    let pin = || "***6001".to_owned();
    let registration = DeviceRegistration {
        mac: MAC,
        pin: None,
        device_type: String::new(),
        firmware: String::new(),
        address: ADDRESS,
        reset: false,
        redirects: 0,
    };
    let reset = |kind| Message::Reset { kind, reason };
    vec![
        Message::PinRequest { reason },
        Message::SavePin { pin: pin() },
        Message::ClearPin { reason },
        super::register::redirect("10.9.0.30"),
        Message::Registered {
            dn: dn(),
            heartbeat: Duration::from_secs(30),
        },
        Message::CommunicationsUp,
        Message::HeartbeatAnswer,
        Message::DnChanged { dn: dn() },
        reset(ResetKind::Soft),
        reset(ResetKind::Hard),
        reset(ResetKind::Other(9)),
        Message::Error {
            reason,
            text: String::new(),
        },
        Message::Unknown { kind: 200 },
        Message::DeviceRegistration(registration),
        Message::PinEntry { pin: pin() },
        Message::Heartbeat,
    ]
}
