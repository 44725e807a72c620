//! Leases that outlive the program: a storm of clients, `kill -9` in its middle, and what the next process knows.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jackfield::os::{Clock, PacketPort};
use jackfield::time::Instant;
use jackfield::wire::dhcp::{
    BOOTREQUEST, BROADCAST_FLAG, CLIENT_PORT, Message, MessageType, SERVER_PORT, code,
};
use jackfield::wire::{Mac, ethernet, ipv4, udp};

use super::super::support::Folder;
use super::machine;
use super::veth::{Cable, INTERFACE, Running, quiet_jackfield, run};

const CLIENTS: u32 = 1_000;
/// Clients that are on their way at a time.
const AT_ONCE: usize = 100;
/// An answer that takes longer is asked for again.
const PATIENCE: Duration = Duration::from_millis(500);
/// A storm that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(60);

const SCENARIO: &str = r#"
scenario = "Many clients"

[[subnet]]
name = "office"
prefix = "10.1.0.0/16"
gateway = { router = "r1" }
dhcp = { pool = "10.1.1.0 - 10.1.9.255", authoritative = false }
"#;

#[test]
fn no_acknowledged_lease_is_lost_by_kill_9_and_none_is_given_twice() {
    let test = "no_acknowledged_lease_is_lost_by_kill_9_and_none_is_given_twice";
    let Some(_alone) = machine(test) else { return };
    let cable = Cable::lay();
    let folder = Folder::new();
    fs::write(folder.path("many.toml"), SCENARIO).unwrap();
    let mut storm = Storm::new(&cable);
    for killed_at in [137, 411, 739] {
        let mut server = serve(&cable, &folder.path("many.toml"), &folder.path("leases"));
        storm.blow(killed_at);
        server.kill();
        storm.forget_what_is_under_way();
    }
    let server = serve(&cable, &folder.path("many.toml"), &folder.path("leases"));
    storm.blow(CLIENTS as usize);
    // Each of them asks for its own again, as after a power cycle. The server is not authoritative: it says nothing to
    // a client that it has no record of.
    let leases = storm.leases.clone();
    storm.confirm();
    assert_eq!(storm.leases, leases);
    let (code, said) = server.interrupt();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_server_whose_disk_is_full_gives_no_lease_and_ends() {
    let test = "a_server_whose_disk_is_full_gives_no_lease_and_ends";
    let Some(_alone) = machine(test) else { return };
    let cable = Cable::lay();
    let folder = Folder::new();
    fs::write(folder.path("many.toml"), SCENARIO).unwrap();
    run(
        &cable.near,
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "none", "/mnt"]),
    );
    let store = Path::new("/mnt/leases");
    let mut server = serve(&cable, &folder.path("many.toml"), store);
    let mut storm = Storm::new(&cable);
    storm.blow(5);
    run(
        &cable.near,
        Command::new("sh").args(["-c", "cat /dev/zero > /mnt/filling 2>&-; true"]),
    );
    storm.forget_what_is_under_way();
    let before = storm.leases.len();
    storm.blow_until(|_| server.0.try_wait().unwrap().is_some());
    let (code, said) = server.end();
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("the lease store /mnt/leases cannot be written: "),
        "{said}"
    );
    let not_given = "\ncould not be kept, and so not given: 10.1.";
    assert!(said.contains(not_given), "{said}");
    assert!(storm.leases.len() >= before);
    // With room again nothing is lost, and nothing given twice.
    run(&cable.near, Command::new("rm").arg("/mnt/filling"));
    storm.forget_what_is_under_way();
    let _server = serve(&cable, &folder.path("many.toml"), store);
    storm.blow(storm.leases.len() + 50);
    let leases = storm.leases.clone();
    storm.confirm();
    assert_eq!(storm.leases, leases);
}

#[test]
fn a_damaged_store_is_told_and_not_served_from() {
    let test = "a_damaged_store_is_told_and_not_served_from";
    let Some(_alone) = machine(test) else { return };
    let cable = Cable::lay();
    let folder = Folder::new();
    fs::write(folder.path("many.toml"), SCENARIO).unwrap();
    fs::write(folder.path("leases"), "no store at all\n".repeat(500)).unwrap();
    let mut server = serve(&cable, &folder.path("many.toml"), &folder.path("leases"));
    let (code, said) = server.end();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("leases cannot be read: "), "{said}");
}

fn serve(cable: &Cable, scenario: &Path, leases: &Path) -> Running {
    let (scenario, leases) = (scenario.display().to_string(), leases.display().to_string());
    let serve = [
        "serve",
        &scenario,
        "--interface",
        INTERFACE,
        "--leases",
        &leases,
    ];
    // A pipe that nobody reads would hold the server up when it is full.
    quiet_jackfield(&cable.near, &serve)
}

/// Many DHCP clients behind one port.
struct Storm {
    port: PacketPort,
    clock: Clock,
    /// What each client has been given by an ACK.
    leases: BTreeMap<u32, Ipv4Addr>,
    /// What each client waits for, and since when.
    waiting: BTreeMap<u32, (Step, Instant)>,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Step {
    Offer,
    /// Of this address by this server.
    Ack(Ipv4Addr, Ipv4Addr),
    /// That its address is still its own.
    Confirmed(Ipv4Addr),
}

impl Storm {
    fn new(cable: &Cable) -> Storm {
        Storm {
            port: cable.far.run(|| PacketPort::open(INTERFACE)).unwrap(),
            clock: Clock::start(),
            leases: BTreeMap::new(),
            waiting: BTreeMap::new(),
            buffer: vec![0; 65_536],
        }
    }

    /// New clients ask until so many in all have a lease.
    fn blow(&mut self, until: usize) {
        self.blow_until(|storm| storm.leases.len() >= until);
    }

    fn blow_until(&mut self, mut over: impl FnMut(&Storm) -> bool) {
        let began = self.clock.now();
        while !over(self) {
            let now = self.clock.now();
            assert!(now.since(began) < LIMIT, "{} leases", self.leases.len());
            let new: Vec<u32> = (0..CLIENTS)
                .filter(|n| !self.leases.contains_key(n) && !self.waiting.contains_key(n))
                .take(AT_ONCE.saturating_sub(self.waiting.len()))
                .collect();
            for client in new {
                self.ask(client, Step::Offer);
            }
            self.turn();
        }
    }

    /// Each client with a lease asks whether it still has it.
    fn confirm(&mut self) {
        let began = self.clock.now();
        let mut left: Vec<(u32, Ipv4Addr)> = std::mem::take(&mut self.leases).into_iter().collect();
        let wanted = left.len();
        self.waiting.clear();
        while self.leases.len() < wanted {
            assert!(
                self.clock.now().since(began) < LIMIT,
                "{} of {wanted}",
                self.leases.len()
            );
            while self.waiting.len() < AT_ONCE
                && let Some((client, address)) = left.pop()
            {
                self.ask(client, Step::Confirmed(address));
            }
            self.turn();
        }
    }

    /// The server is gone: whoever waited begins anew.
    fn forget_what_is_under_way(&mut self) {
        self.waiting.clear();
    }

    /// Takes what has come, and asks again where nothing did.
    fn turn(&mut self) {
        while let Some(length) = self.port.receive(&mut self.buffer).unwrap() {
            let frame = self.buffer[..length].to_vec();
            if let Some(message) = answer_in(&frame) {
                self.answered(&message);
            }
        }
        let now = self.clock.now();
        let late = self
            .waiting
            .iter()
            .filter(|(_, (_, since))| now.since(*since) > PATIENCE);
        let late: Vec<(u32, Step)> = late.map(|(client, (step, _))| (*client, *step)).collect();
        for (client, step) in late {
            self.ask(client, step);
        }
        std::thread::yield_now();
    }

    fn answered(&mut self, message: &Message) {
        let client = message.xid;
        let Some((step, _)) = self.waiting.get(&client).copied() else {
            return;
        };
        match (step, message.message_type().unwrap()) {
            (Step::Offer, MessageType::Offer) => {
                let server = message.address(code::SERVER_IDENTIFIER).unwrap();
                self.ask(client, Step::Ack(message.yiaddr, server));
            }
            (Step::Ack(address, _) | Step::Confirmed(address), MessageType::Ack) => {
                assert_eq!(message.yiaddr, address);
                let holder = self.leases.iter().find(|(_, of)| **of == address);
                assert_eq!(holder, None, "{address} is given twice");
                self.waiting.remove(&client);
                self.leases.insert(client, address);
            }
            // The offer was made before the server was killed.
            (Step::Ack(..), MessageType::Nak) => self.ask(client, Step::Offer),
            (Step::Confirmed(address), MessageType::Nak) => {
                panic!("{address} was acknowledged, and is lost")
            }
            _ => {}
        }
    }

    fn ask(&mut self, client: u32, step: Step) {
        let [_, _, high, low] = client.to_be_bytes();
        let mac = Mac([2, 0, 0, 1, high, low]);
        let mut message = Message::new(BOOTREQUEST, mac, client);
        message.flags = BROADCAST_FLAG;
        let kind = match step {
            Step::Offer => MessageType::Discover,
            Step::Ack(..) | Step::Confirmed(_) => MessageType::Request,
        };
        message.options.push(code::MESSAGE_TYPE, &[kind.as_u8()]);
        match step {
            Step::Offer => {}
            Step::Ack(address, server) => {
                message
                    .options
                    .push(code::REQUESTED_ADDRESS, &address.octets());
                message
                    .options
                    .push(code::SERVER_IDENTIFIER, &server.octets());
            }
            Step::Confirmed(address) => {
                message
                    .options
                    .push(code::REQUESTED_ADDRESS, &address.octets());
            }
        }
        self.port.send(&broadcast(mac, &message.encode())).unwrap();
        self.waiting.insert(client, (step, self.clock.now()));
    }
}

/// A frame of a client without an address, to all.
fn broadcast(from: Mac, payload: &[u8]) -> Vec<u8> {
    let (src, dst) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    let mut datagram = Vec::new();
    let ports = udp::Header {
        src_port: CLIENT_PORT,
        dst_port: SERVER_PORT,
    };
    ports.encode(src, dst, payload, &mut datagram);
    let mut frame = Vec::new();
    let header = ethernet::Header {
        dst: Mac::BROADCAST,
        src: from,
        tag: None,
        ethertype: ethernet::ETHERTYPE_IPV4,
    };
    header.encode(&mut frame);
    let packet = ipv4::Header {
        tos: 0,
        id: 0,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: ipv4::UDP,
        src,
        dst,
    };
    packet.encode(datagram.len(), &mut frame);
    frame.extend(datagram);
    frame
}

/// The DHCP message to a client that is in a frame.
fn answer_in(frame: &[u8]) -> Option<Message> {
    let (header, rest) = ethernet::decode(frame).ok()?;
    (header.ethertype == ethernet::ETHERTYPE_IPV4).then_some(())?;
    let (ip, rest) = ipv4::decode(rest).ok()?;
    let (udp, payload) = udp::decode(rest, ip.src, ip.dst).ok()?;
    (udp.dst_port == CLIENT_PORT).then_some(())?;
    Message::decode(payload).ok()
}
