//! A lab of hosts, gateways and hubs without latency, and what the tests look at.
//!
//! A segment is a hub: what one station sends on it, all others on it receive at the same moment. The lab
//! writes down every frame, drop and neighbour change as a line of text.

mod arp;
mod fragments;
mod fuzz;
mod gateway;
mod gateway_arp;
mod host;
mod moved;
mod neighbour;
mod relay;
mod reopened;
mod tcp;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{
    ArpMode, Ear, Gateway, GatewayConfig, GatewayInterface, Host, HostConfig, NeighbourSettings,
    ReversePath, Route, TcpSettings,
};
use crate::app::{App, AppEffect, Datagram, HostAddress, HostEvent, StreamEvent, StreamId};
use crate::outbox::{Out, Outbox, TraceEvent};
use crate::rng::Rng;
use crate::sim::{Node, PortId, Transmit};
use crate::time::{Deadline, Duration, Instant};
use crate::wire::{self, Frame, Mac, ethernet, icmp, ipv4, udp};

/// An app that writes down what happens, and does what the test says.
#[derive(Debug, Default)]
pub(super) struct Probe {
    pub(super) binds: Vec<u16>,
    pub(super) listens: Vec<u16>,
    /// Sends back what it receives, and closes when the peer does.
    pub(super) echoes: bool,
    /// Connects again as soon as a connection has ended.
    pub(super) stubborn: Option<SocketAddrV4>,
    /// Breaks a connection off when bytes arrive.
    pub(super) aborts: bool,
    pub(super) seen: Vec<String>,
    opened: u64,
}

impl Probe {
    fn note(&mut self, now: Instant, what: String) {
        self.seen.push(format!("{now} {what}"));
    }

    pub(super) fn connect(&mut self, to: SocketAddrV4, out: &mut Outbox<AppEffect>) -> StreamId {
        let stream = StreamId::opened(self.opened);
        self.opened += 1;
        out.push(AppEffect::Connect { stream, to });
        stream
    }
}

impl App for Probe {
    fn handle_host(&mut self, now: Instant, event: HostEvent, out: &mut Outbox<AppEffect>) {
        if event == HostEvent::Start {
            for port in self.binds.clone() {
                out.push(AppEffect::Bind { port });
            }
            for port in self.listens.clone() {
                out.push(AppEffect::Listen { port });
            }
        } else if event != HostEvent::Carrier(true) {
            self.note(now, format!("{event:?}"));
        }
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        let text = String::from_utf8_lossy(datagram.payload).into_owned();
        self.note(now, format!("{} > {}: {text}", datagram.from, datagram.to));
        if self.echoes {
            out.push(AppEffect::Send {
                from_port: datagram.to.port(),
                to: datagram.from,
                to_mac: None,
                payload: datagram.payload.to_vec(),
            });
        }
    }

    fn handle_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        event: StreamEvent<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        let line = match event {
            StreamEvent::Accepted { peer, port } => format!("accepted {} at {port}", peer.ip()),
            StreamEvent::Connected => "connected".to_owned(),
            StreamEvent::Received(bytes) if bytes.len() > 40 => {
                format!("received {} bytes", bytes.len())
            }
            StreamEvent::Received(bytes) => format!("received {}", String::from_utf8_lossy(bytes)),
            StreamEvent::PeerClosed => "peer closed".to_owned(),
            StreamEvent::Ended(end) => format!("ended: {}", end.as_str()),
        };
        self.note(now, line);
        match event {
            StreamEvent::Received(bytes) if self.echoes => {
                let bytes = bytes.to_vec();
                out.push(AppEffect::SendStream { stream, bytes });
            }
            StreamEvent::Received(_) if self.aborts => out.push(AppEffect::Abort { stream }),
            StreamEvent::PeerClosed if self.echoes => out.push(AppEffect::Close { stream }),
            StreamEvent::Ended(_) => {
                if let Some(to) = self.stubborn {
                    self.connect(to, out);
                }
            }
            StreamEvent::Accepted { .. }
            | StreamEvent::Connected
            | StreamEvent::Received(_)
            | StreamEvent::PeerClosed => {}
        }
    }

    fn handle_lldp(&mut self, now: Instant, message: &[u8], _out: &mut Outbox<AppEffect>) {
        self.note(now, format!("LLDP {}", String::from_utf8_lossy(message)));
    }

    fn handle_timeout(&mut self, _now: Instant, _out: &mut Outbox<AppEffect>) {}

    fn poll_timeout(&self) -> Deadline {
        None
    }
}

/// What stands in the lab.
#[derive(Debug)]
pub(super) enum Station {
    Host(Box<Host<Probe>>),
    Gateway(Box<Gateway>),
}

impl Station {
    fn node(&mut self) -> &mut dyn Node<Ear = Ear> {
        match self {
            Station::Host(host) => host.as_mut(),
            Station::Gateway(gateway) => gateway.as_mut(),
        }
    }
}

/// Stations on segments, and what happened.
#[derive(Debug, Default)]
pub(super) struct Lab {
    pub(super) now: Instant,
    pub(super) stations: Vec<Station>,
    /// What the gateways made from now on check.
    pub(super) reverse_path: ReversePath,
    /// Where all interfaces of the gateways made from now on relay DHCP to.
    pub(super) relay: Option<super::Relay>,
    /// The ports on each segment.
    segments: Vec<Vec<(usize, u32)>>,
    in_flight: VecDeque<(usize, u32, Frame)>,
    /// `0.000000 2 > who has 10.1.0.1, tell 10.1.0.50`: the time, the station, what it did.
    pub(super) log: Vec<String>,
    /// The frames sent, for byte comparisons.
    pub(super) sent: Vec<(Instant, Frame)>,
    /// Loses one frame in so many, by this stream of chance.
    pub(super) losing: Option<(u64, Rng)>,
}

impl Lab {
    /// Adds a host on a segment, with power and carrier. Its MAC ends in its number.
    pub(super) fn host(&mut self, segment: usize, config: HostConfig, app: Probe) -> usize {
        let number = self.stations.len();
        let host = Host::new(config, vec![app]);
        self.stations.push(Station::Host(Box::new(host)));
        self.plug(number, 0, segment);
        self.on_host(number, |host, now, out| host.power(now, true, out));
        number
    }

    /// The usual host: an address such as `10.1.0.50/24`, a gateway, Linux's neighbours.
    pub(super) fn linux(&mut self, segment: usize, address: &str, gateway: &str) -> usize {
        let config = config(self.stations.len(), address, gateway);
        self.host(segment, config, Probe::default())
    }

    /// A gateway with an interface on each of these segments, such as `(1, "10.1.0.1/24", mode)`.
    pub(super) fn gateway(&mut self, legs: &[(usize, &str, ArpMode)], routes: &[Route]) -> usize {
        let number = self.stations.len();
        let interfaces = legs.iter().zip(0..).map(|((_, address, arp), leg)| {
            let address = host_address(address, "");
            GatewayInterface {
                mac: leg_mac(number, leg),
                address: address.address,
                prefix_len: address.prefix_len,
                arp: *arp,
                reverse_path: self.reverse_path,
                relay: self.relay.clone(),
            }
        });
        let config = GatewayConfig {
            interfaces: interfaces.collect(),
            routes: routes.to_vec(),
            neighbours: NeighbourSettings::linux(),
            mtu: 1500,
            rng: Rng::stream(1, "gateway"),
        };
        let gateway = Gateway::new(config).unwrap();
        self.stations.push(Station::Gateway(Box::new(gateway)));
        for (port, (segment, ..)) in (0..).zip(legs) {
            self.plug(number, port, *segment);
        }
        number
    }

    pub(super) fn router(&self, number: usize) -> &Gateway {
        match &self.stations[number] {
            Station::Gateway(gateway) => gateway,
            Station::Host(_) => panic!("station {number} is a host"),
        }
    }

    pub(super) fn plug(&mut self, station: usize, port: u32, segment: usize) {
        while self.segments.len() <= segment {
            self.segments.push(Vec::new());
        }
        self.segments[segment].push((station, port));
        self.on_node(station, |node, now, out| {
            node.handle_carrier(now, PortId(port), true, out);
        });
    }

    pub(super) fn unplug(&mut self, station: usize, port: u32) {
        for segment in &mut self.segments {
            segment.retain(|end| *end != (station, port));
        }
        self.on_node(station, |node, now, out| {
            node.handle_carrier(now, PortId(port), false, out);
        });
    }

    pub(super) fn at(&self, number: usize) -> &Host<Probe> {
        match &self.stations[number] {
            Station::Host(host) => host,
            Station::Gateway(_) => panic!("station {number} is a gateway"),
        }
    }

    pub(super) fn on_host(
        &mut self,
        number: usize,
        f: impl FnOnce(&mut Host<Probe>, Instant, &mut Outbox<Transmit>),
    ) {
        let mut out = Outbox::default();
        match &mut self.stations[number] {
            Station::Host(host) => f(host, self.now, &mut out),
            Station::Gateway(_) => panic!("station {number} is a gateway"),
        }
        self.collect(number, &mut out);
        self.settle();
    }

    /// Gives a gateway power, or takes it.
    pub(super) fn power_gateway(&mut self, number: usize, on: bool) {
        let mut out = Outbox::default();
        match &mut self.stations[number] {
            Station::Gateway(gateway) => gateway.power(on, &mut out),
            Station::Host(_) => panic!("station {number} is a host"),
        }
        self.collect(number, &mut out);
        self.settle();
    }

    /// Has a host's app push effects.
    pub(super) fn effect(&mut self, number: usize, effect: AppEffect) {
        self.on_host(number, |host, now, out| {
            host.with_app(now, 0, out, |_, effects| effects.push(effect));
        });
    }

    pub(super) fn connect(&mut self, number: usize, to: &str) -> StreamId {
        let to = to.parse().unwrap();
        let mut stream = None;
        self.on_host(number, |host, now, out| {
            stream = Some(host.with_app(now, 0, out, |app, effects| app.connect(to, effects)));
        });
        stream.unwrap()
    }

    pub(super) fn send(&mut self, number: usize, to: &str, payload: &str) {
        let to = to.parse().unwrap();
        self.effect(
            number,
            AppEffect::Send {
                from_port: 5000,
                to,
                to_mac: None,
                payload: payload.as_bytes().to_vec(),
            },
        );
    }

    /// Puts a frame on a segment, as if a station outside the lab had sent it.
    pub(super) fn inject(&mut self, segment: usize, frame: &Frame) {
        for (station, port) in self.segments[segment].clone() {
            self.on_node(station, |node, now, out| {
                node.handle_frame(now, PortId(port), frame, out);
            });
        }
    }

    fn on_node(
        &mut self,
        number: usize,
        f: impl FnOnce(&mut dyn Node<Ear = Ear>, Instant, &mut Outbox<Transmit>),
    ) {
        let mut out = Outbox::default();
        f(self.stations[number].node(), self.now, &mut out);
        self.collect(number, &mut out);
        self.settle();
    }

    /// Lets time pass.
    pub(super) fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let due = (0..self.stations.len())
                .filter_map(|number| Some((self.stations[number].node().poll_timeout()?.0, number)))
                .min();
            let Some((at, number)) = due.filter(|(at, _)| *at <= end) else {
                break;
            };
            assert!(at >= self.now, "time goes back at station {number}");
            self.now = at;
            self.on_node(number, |node, now, out| node.handle_timeout(now, out));
            let next = self.stations[number].node().poll_timeout();
            assert!(
                next.is_none_or(|(next, _)| next > at),
                "station {number} is busy at {at} with {next:?}"
            );
        }
        self.now = end;
    }

    fn settle(&mut self) {
        while let Some((station, port, frame)) = self.in_flight.pop_front() {
            if let Some((one_in, rng)) = &mut self.losing
                && rng.below(*one_in) == 0
            {
                continue;
            }
            let on = |segment: &&Vec<(usize, u32)>| segment.contains(&(station, port));
            let Some(segment) = self.segments.iter().find(on).cloned() else {
                continue;
            };
            for (other, its_port) in segment {
                if other != station {
                    let mut out = Outbox::default();
                    let node = self.stations[other].node();
                    node.handle_frame(self.now, PortId(its_port), &frame, &mut out);
                    self.collect(other, &mut out);
                }
            }
        }
    }

    fn collect(&mut self, station: usize, out: &mut Outbox<Transmit>) {
        for item in out.drain() {
            let what = match item {
                Out::Effect(Transmit::Port { port, frame }) => {
                    let line = format!("> {}", describe(&frame));
                    self.sent.push((self.now, frame.clone()));
                    self.in_flight.push_back((station, port.0, frame));
                    line
                }
                Out::Effect(Transmit::Flood { .. } | Transmit::Own { .. }) => {
                    unreachable!("only switches do")
                }
                Out::Trace(TraceEvent::Dropped { reason, frame }) => {
                    if reason.is_routine() {
                        continue;
                    }
                    format!("drops {}: {reason}", describe(&frame))
                }
                Out::Trace(TraceEvent::Neighbour {
                    address,
                    state,
                    mac,
                    ..
                }) => {
                    let mac = mac.map_or(String::new(), |mac| format!(" {mac}"));
                    match state {
                        Some(state) => format!("neighbour {address} {state}{mac}"),
                        None => format!("neighbour {address} forgotten"),
                    }
                }
                Out::Trace(other) => format!("{other:?}"),
            };
            self.log.push(format!("{} {station} {what}", self.now));
        }
    }

    /// The lines that contain `part`.
    pub(super) fn lines(&self, part: &str) -> Vec<&str> {
        let lines = self.log.iter().map(String::as_str);
        lines.filter(|line| line.contains(part)).collect()
    }

    /// The times, in seconds, of the lines that contain `part`.
    pub(super) fn times(&self, part: &str) -> Vec<f64> {
        let lines = self.lines(part).into_iter();
        let time = |line: &str| line.split(' ').next().unwrap().parse::<f64>();
        lines.map(|line| time(line).unwrap()).collect()
    }

    /// What a host's app has seen, without the times.
    pub(super) fn seen(&self, number: usize) -> Vec<&str> {
        let seen = self.at(number).app(0).seen.iter();
        seen.map(|line| line.split_once(' ').unwrap().1).collect()
    }
}

/// A frame in one line, by the decoders' own words.
fn describe(frame: &Frame) -> String {
    let Ok((header, payload)) = ethernet::decode(frame) else {
        return "bad frame".to_owned();
    };
    if header.ethertype == ethernet::ETHERTYPE_ARP {
        let unicast = if header.dst == Mac::BROADCAST {
            ""
        } else {
            " (unicast)"
        };
        return wire::arp::decode(payload)
            .map_or("bad ARP".to_owned(), |arp| format!("{arp}{unicast}"));
    }
    let Ok((ip, payload)) = ipv4::decode(payload) else {
        return "bad packet".to_owned();
    };
    let what = match ip.protocol {
        ipv4::UDP => udp::decode(payload, ip.src, ip.dst).map(|(udp, _)| udp.to_string()),
        ipv4::TCP => wire::tcp::decode(payload, ip.src, ip.dst).map(|tcp| tcp.to_string()),
        _ => icmp::decode(payload).map(|icmp| icmp.to_string()),
    };
    format!("{} > {} {}", ip.src, ip.dst, what.unwrap_or_default())
}

pub(super) fn mac(number: usize) -> Mac {
    Mac([0x02, 0, 0, 0, 0, 0]).plus(number as u64)
}

/// The MAC of a gateway's interface.
pub(super) fn leg_mac(number: usize, leg: usize) -> Mac {
    mac((number + 1) * 0x100 + leg)
}

/// `10.1.0.50/24`, and a gateway or an empty text.
pub(super) fn host_address(address: &str, gateway: &str) -> HostAddress {
    let (address, prefix_len) = address.split_once('/').unwrap();
    HostAddress {
        address: address.parse().unwrap(),
        prefix_len: prefix_len.parse().unwrap(),
        gateway: gateway.parse::<Ipv4Addr>().ok(),
    }
}

pub(super) fn config(number: usize, address: &str, gateway: &str) -> HostConfig {
    HostConfig {
        mac: mac(number),
        address: (!address.is_empty()).then(|| host_address(address, gateway)),
        neighbours: NeighbourSettings::linux(),
        tcp: TcpSettings::default(),
        mtu: 1500,
        rng: Rng::stream(1, &format!("host {number}")),
    }
}

pub(super) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Compares lines with a file under fixtures/golden; `BLESS=1` writes it anew.
pub(super) fn golden(name: &str, title: &str, lines: &[impl AsRef<str>]) {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    let text = format!("# {title}\n{}\n", lines.join("\n"));
    let path = format!("fixtures/golden/{name}");
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all("fixtures/golden").unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{path} differs");
}
