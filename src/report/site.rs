//! What one set meets on a network that is not ours: each step as it happens, and what would mend the one that failed.
//!
//! The set itself tells little of what it hears. This report reads the frames as well: every offer with all that is
//! wrong in it, whatever the set makes of it, and every answer of the boot server.

mod diagnosis;

use std::net::Ipv4Addr;

pub use diagnosis::Diagnosis;
use diagnosis::Found;

use super::Remarks;
use super::words::Line;
use crate::outbox::{DropReason, TraceEvent};
use crate::scenario::plan::{Plan, Step};
use crate::scenario::{Listener, Verdict, show_duration};
use crate::time::Instant;
use crate::wire::dhcp::{self, MessageType, code};
use crate::wire::tftp::{self, BLKSIZE_DEFAULT};
use crate::wire::vendor::{self, CallServers, Decoded, Severity};
use crate::wire::{Frame, Mac, ethernet, ipv4, reg, tcp, udp};

/// A report that adds what the frames say, and keeps what a diagnosis needs.
#[derive(Debug)]
pub struct SiteReport<L> {
    inner: L,
    who: String,
    mac: Mac,
    found: Found,
}

impl<L: Listener + Remarks> SiteReport<L> {
    /// A report about the set called `who` with this MAC.
    pub fn new(inner: L, who: &str, mac: Mac) -> SiteReport<L> {
        SiteReport {
            inner,
            who: who.to_owned(),
            mac,
            found: Found::default(),
        }
    }

    /// Whether a call server asked for a PIN.
    pub fn was_asked(&self) -> bool {
        self.found.was_asked
    }

    /// Where it stopped; `None`: it is in service.
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        (!self.found.in_service).then(|| self.found.diagnosis())
    }

    fn says(&mut self, now: Instant, text: String) {
        self.inner.remark(now, &self.who, Line::Says(text));
    }

    fn trouble(&mut self, now: Instant, text: String) {
        self.inner.remark(now, &self.who, Line::Trouble(text));
    }

    /// A UDP datagram to or from the set.
    fn datagram(
        &mut self,
        now: Instant,
        ours: bool,
        ip: &ipv4::Header,
        udp: &udp::Header,
        payload: &[u8],
    ) {
        let ports = (udp.src_port, udp.dst_port);
        if ports.0 == dhcp::SERVER_PORT || ports.1 == dhcp::SERVER_PORT {
            if let Ok(message) = dhcp::Message::decode(payload)
                && message.mac() == self.mac
            {
                self.dhcp(now, ours, &message);
            }
        } else if ours {
            if let Ok(tftp::Message::ReadRequest(request)) = tftp::Message::decode(payload) {
                self.read_request(now, (udp.src_port, ip.dst, udp.dst_port), &request);
            }
        } else if self.found.asked == Some((udp.dst_port, ip.src)) {
            self.boot_answer(now, (ip.src, udp.src_port), payload);
        }
    }

    /// A TCP segment to or from the set: only those that open a connection to its call server tell anything.
    fn segment(&mut self, ours: bool, ip: &ipv4::Header, segment: &tcp::Segment<'_>) {
        let (element, port) = match ours {
            true => (ip.dst, segment.dst_port),
            false => (ip.src, segment.src_port),
        };
        if segment.flags & tcp::SYN != 0 && port == reg::PORT && self.found.element == Some(element)
        {
            self.found.note_syn(!ours);
        }
    }

    fn dhcp(&mut self, now: Instant, ours: bool, message: &dhcp::Message) {
        let server = message.address(code::SERVER_IDENTIFIER);
        let server = server.unwrap_or(Ipv4Addr::UNSPECIFIED);
        match message.message_type() {
            Ok(MessageType::Discover) if ours => self.found.discovers += 1,
            Ok(MessageType::Offer) if !ours => self.offer(now, server, message),
            Ok(MessageType::Nak) if !ours => {
                let reason = message.option(code::MESSAGE);
                let reason = reason.map_or("no reason given".to_owned(), |text| {
                    String::from_utf8_lossy(&text).into_owned()
                });
                self.found.nak = Some(reason.clone());
                self.trouble(now, format!("{server} refuses the address: {reason}"));
            }
            _ => {}
        }
    }

    /// An offer in full: address, configuration, and each thing that is wrong with it.
    fn offer(&mut self, now: Instant, server: Ipv4Addr, offer: &dhcp::Message) {
        let address = offer.yiaddr;
        let prefix = offer
            .prefix_len()
            .map_or("no mask".to_owned(), |len| format!("/{len}"));
        let router = offer.addresses(code::ROUTER).ok();
        let router = router.and_then(|all| all.first().copied());
        let router = router.map_or("no gateway".to_owned(), |it| format!("gateway {it}"));
        let lease = offer.duration(code::LEASE_TIME);
        let lease = lease.map_or("no lease time".to_owned(), |it| {
            format!("for {}", show_duration(it))
        });
        self.says(
            now,
            format!("{server} offers {address}{prefix}, {router}, {lease}"),
        );
        for decoded in vendor::decode_all(offer) {
            let option = decoded.source;
            self.says(now, format!("  option {option}: {}", settings(&decoded)));
            for defect in &decoded.defects {
                let effect = match defect.severity {
                    Severity::Note => "allowed",
                    Severity::Warning => "a set takes no notice of that part",
                    Severity::Fatal => "a set refuses the whole option",
                };
                self.trouble(now, format!("  option {option}: {defect}: {effect}"));
            }
        }
        let refusal = match vendor::choose(offer) {
            Ok(chosen) => {
                self.says(
                    now,
                    format!("  would do: option {} names its servers", chosen.source),
                );
                None
            }
            Err(refusal) => Some(refusal.to_string()),
        };
        self.found.offers.retain(|(of, _)| *of != server);
        self.found.offers.push((server, refusal));
    }

    fn read_request(
        &mut self,
        now: Instant,
        way: (u16, Ipv4Addr, u16),
        request: &tftp::Request<'_>,
    ) {
        let (from, server, port) = way;
        let again = self.found.asked == Some((from, server));
        self.found.asked = Some((from, server));
        self.found.boot_server = Some(server);
        if again {
            return;
        }
        let file = String::from_utf8_lossy(request.file).into_owned();
        self.found.boot_file.clone_from(&file);
        let block = request.options.iter().find(|option| option.is("blksize"));
        let block = block.and_then(tftp::TftpOption::as_number);
        let block = block.unwrap_or(u64::from(BLKSIZE_DEFAULT));
        self.says(
            now,
            format!("asks {server} port {port} for {file}, in blocks of {block} bytes"),
        );
    }

    /// The boot server's first answer to a request.
    fn boot_answer(&mut self, now: Instant, from: (Ipv4Addr, u16), payload: &[u8]) {
        let (server, port) = from;
        let answered = match tftp::Message::decode(payload) {
            Ok(tftp::Message::OptionAck(options)) => {
                let block = options.iter().find(|option| option.is("blksize"));
                let block = block.and_then(tftp::TftpOption::as_number);
                let block = block.unwrap_or(u64::from(BLKSIZE_DEFAULT));
                format!("{server} answers from port {port}, in blocks of {block} bytes")
            }
            Ok(tftp::Message::Data { .. }) => format!(
                "{server} answers from port {port}, without options: in blocks of {BLKSIZE_DEFAULT} bytes"
            ),
            Ok(tftp::Message::Error { code, message }) => {
                let text = String::from_utf8_lossy(message);
                let error = format!("error {}, {text}", code.0);
                self.trouble(now, format!("{server} answers: {error}"));
                self.found.boot_error = Some((self.found.boot_file.clone(), error));
                return;
            }
            _ => return,
        };
        self.found.boot_server_answers = true;
        self.found.asked = None;
        self.says(now, answered);
    }
}

/// The values of a configuration, in a row.
fn settings(decoded: &Decoded) -> String {
    let settings = &decoded.settings;
    let list = |all: &[Ipv4Addr]| {
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        all.join(" ")
    };
    let mut words = vec![match &settings.call_srv {
        None => "no call server".to_owned(),
        Some(CallServers::Addresses(all)) => format!("call server {}", list(all)),
        Some(CallServers::Name(name)) => format!("call server {name}"),
    }];
    words.push(match settings.sw_tftp.as_slice() {
        [] => "no boot server".to_owned(),
        all => format!("boot server {}", list(all)),
    });
    words.extend(match (settings.vlan, settings.l2p) {
        (Some(id), Some(l2p)) => Some(format!("VLAN {id}, priority {}", l2p.default)),
        (Some(id), None) => Some(format!(
            "VLAN {id} (without a priority: it stays where it is)"
        )),
        (None, _) => None,
    });
    words.join(", ")
}

/// The IP packet of a frame.
fn ip_of(frame: &Frame) -> Option<(ipv4::Header, &[u8])> {
    let (header, rest) = ethernet::decode(frame).ok()?;
    let is_ip = header.ethertype == ethernet::ETHERTYPE_IPV4;
    is_ip.then(|| ipv4::decode(rest).ok()).flatten()
}

impl<L: Listener + Remarks> Listener for SiteReport<L> {
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent) {
        match event {
            TraceEvent::Phone(event) => self.found.note(event),
            TraceEvent::Neighbour { address, state, .. } => {
                self.found.note_neighbour(*address, *state);
            }
            TraceEvent::Dropped {
                reason: DropReason::NoRoute,
                frame,
            } => self.found.unroutable = ip_of(frame).map(|(ip, _)| ip.dst),
            TraceEvent::Dropped { .. }
            | TraceEvent::Lease(_)
            | TraceEvent::Served(_)
            | TraceEvent::Decision(_)
            | TraceEvent::Administered(_)
            | TraceEvent::Trunk(_)
            | TraceEvent::SetLost { .. } => {}
        }
        self.inner.event(now, who, event);
    }

    fn step(&mut self, now: Instant, plan: &Plan, step: &Step) {
        self.inner.step(now, plan, step);
    }

    fn verdict(&mut self, verdict: &Verdict) {
        self.inner.verdict(verdict);
    }

    fn frame(&mut self, now: Instant, frame: &Frame) {
        let ours = frame.get(6..12) == Some(&self.mac.0[..]);
        self.found.heard |= !ours;
        let Some((ip, rest)) = ip_of(frame) else {
            return;
        };
        if ip.protocol == ipv4::UDP
            && let Ok((udp, payload)) = udp::decode(rest, ip.src, ip.dst)
        {
            self.datagram(now, ours, &ip, &udp, payload);
        }
        if ip.protocol == ipv4::TCP
            && let Ok(segment) = tcp::decode(rest, ip.src, ip.dst)
        {
            self.segment(ours, &ip, &segment);
        }
    }
}
