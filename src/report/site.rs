//! What one set meets on a network that is not ours: each step as it happens, and what would mend the one that failed.
//!
//! The set itself tells little of what it hears. This report reads the frames as well: every offer with all that is
//! wrong in it, whatever the set makes of it, and every answer of the boot server.

use std::net::Ipv4Addr;

use super::Remarks;
use super::words::Line;
use crate::outbox::{NeighbourState, PhoneEvent, TraceEvent};
use crate::scenario::plan::{Plan, Step};
use crate::scenario::{Listener, Verdict, show_duration};
use crate::time::Instant;
use crate::wire::dhcp::{self, MessageType, code};
use crate::wire::tftp::{self, BLKSIZE_DEFAULT};
use crate::wire::vendor::{self, CallServers, Decoded, Severity};
use crate::wire::{Frame, Mac, ethernet, ipv4, udp};

/// A report that adds what the frames say, and keeps what a diagnosis needs.
#[derive(Debug)]
pub struct SiteReport<L> {
    inner: L,
    who: String,
    mac: Mac,
    found: Found,
}

/// Where a set stopped, and what would mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// A sentence without its full stop.
    pub stopped: String,
    /// The same.
    pub mend: String,
}

/// What has been seen so far.
#[derive(Debug, Default)]
struct Found {
    /// A frame of anybody else.
    heard: bool,
    discovers: u32,
    /// Server, and why its last offer is of no use, if so.
    offers: Vec<(Ipv4Addr, Option<String>)>,
    nak: Option<String>,
    /// It has an address.
    is_bound: bool,
    /// Its address and gateway, or those that it had last.
    bound: Option<(Ipv4Addr, Option<Ipv4Addr>)>,
    /// Neighbours that do not answer ARP.
    silent: Vec<Ipv4Addr>,
    /// The set's port, and the server, of the read request that is not answered yet.
    asked: Option<(u16, Ipv4Addr)>,
    boot_server: Option<Ipv4Addr>,
    boot_server_answers: bool,
    boot_error: Option<String>,
    loaded: Vec<String>,
    failed_file: Option<String>,
    /// The call server that was tried last.
    element: Option<Ipv4Addr>,
    /// What came of the last try to reach a call server.
    call: Option<Call>,
    display: String,
    in_service: bool,
}

/// What came of a try to reach a call server.
#[derive(Debug)]
enum Call {
    /// Nothing yet.
    Open,
    /// It asks for a PIN, for this reason.
    Prompts(String),
    /// No connection, for this reason.
    Fails(Ipv4Addr, String),
    /// Its name has no address, for this reason.
    Unresolved(String),
    /// It ends the registration, for this reason.
    Refuses(String),
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
                self.found.boot_error = Some(error);
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

impl Found {
    fn note(&mut self, event: &PhoneEvent) {
        match event {
            PhoneEvent::Bound {
                address, gateway, ..
            } => {
                self.is_bound = true;
                self.bound = Some((*address, *gateway));
            }
            PhoneEvent::Unbound { .. } | PhoneEvent::Released { .. } => self.is_bound = false,
            PhoneEvent::Downloaded { file, .. } => {
                self.loaded.push(file.clone());
                self.failed_file = None;
            }
            PhoneEvent::DownloadFailed { file, .. } => self.failed_file = Some(file.clone()),
            PhoneEvent::Connecting { to } => {
                self.element = Some(*to);
                self.call = Some(Call::Open);
            }
            PhoneEvent::ConnectFailed { to, reason } => {
                self.call = Some(match to.is_unspecified() {
                    true => Call::Unresolved(reason.clone()),
                    false => Call::Fails(*to, reason.clone()),
                });
            }
            PhoneEvent::Prompted { reason } => self.call = Some(Call::Prompts(reason.clone())),
            PhoneEvent::Typed { .. } => self.call = Some(Call::Open),
            PhoneEvent::Unregistered { reason } => {
                self.in_service = false;
                self.call = Some(Call::Refuses(reason.clone()));
            }
            PhoneEvent::InService { .. } => self.in_service = true,
            PhoneEvent::Display(display) => self.display = display.to_string(),
            PhoneEvent::PowerUp { .. }
            | PhoneEvent::PowerDown
            | PhoneEvent::Carrier(_)
            | PhoneEvent::OfferRefused { .. }
            | PhoneEvent::EntersVlan { .. }
            | PhoneEvent::Flash { .. }
            | PhoneEvent::PinSaved { .. }
            | PhoneEvent::PinCleared
            | PhoneEvent::Redirected { .. }
            | PhoneEvent::Registered { .. }
            | PhoneEvent::Restart { .. } => {}
        }
    }

    /// Where it stopped. What was reached last is looked at first.
    fn diagnosis(&self) -> Diagnosis {
        let (stopped, mend) = self
            .at_the_element()
            .or_else(|| self.at_a_silent_neighbour())
            .or_else(|| self.at_the_boot_server())
            .unwrap_or_else(|| self.at_dhcp());
        Diagnosis { stopped, mend }
    }

    fn at_the_element(&self) -> Option<(String, String)> {
        let element = self
            .element
            .map_or("the call server".to_owned(), |it| it.to_string());
        let (stopped, mend) = match self.call.as_ref()? {
            Call::Prompts(reason) => (
                format!("{element} asks for a PIN ({reason})"),
                "give the PIN that a user would type, code and DN, with --pin, for example --pin '***6000'".to_owned(),
            ),
            Call::Fails(..) if !self.silent.is_empty() => return None,
            Call::Fails(to, reason) => (
                format!("no connection to the call server {to}: {reason}"),
                format!(
                    "see that the call server runs at {to}, that its network has a route back to this one, and \
                     that no filter stands between"
                ),
            ),
            Call::Unresolved(reason) => (
                format!("the call server's name {reason}"),
                "see that the DHCP server names a name server (option 6), and that it answers and knows the name; or \
                 have option 125 give an address in place of the name"
                    .to_owned(),
            ),
            Call::Open => does_not_register(&element, "it says nothing"),
            Call::Refuses(reason) => does_not_register(&element, reason),
        };
        Some((stopped, mend))
    }

    /// Nothing is sent to who does not answer ARP: so this comes before what answers are there.
    fn at_a_silent_neighbour(&self) -> Option<(String, String)> {
        let (_, gateway) = self.bound?;
        let silent = *self.silent.last()?;
        Some(if Some(silent) == gateway {
            (
                format!("the gateway {silent} does not answer ARP"),
                format!(
                    "nobody has {silent} here: see the router option (3) of the DHCP server, and the router"
                ),
            )
        } else {
            (
                format!("{silent} does not answer ARP"),
                format!(
                    "nobody has {silent} here: see the addresses in the DHCP server's option 125 (sw_tftp, call_srv) \
                     and its name servers (option 6)"
                ),
            )
        })
    }

    fn at_the_boot_server(&self) -> Option<(String, String)> {
        let (address, _) = self.bound?;
        let server = self.boot_server?;
        let file = self.failed_file.as_deref().unwrap_or("the next image");
        if let Some(error) = &self.boot_error {
            return Some((
                format!("the boot server {server} does not give {file}: {error}"),
                format!("put {file} into the folder that the TFTP server serves, readable by it"),
            ));
        }
        Some(match self.boot_server_answers {
            true => (
                format!("the download of {file} from {server} does not come to its end"),
                "look for lost frames, and for fragments that a filter drops".to_owned(),
            ),
            false => (
                format!("the boot server {server} does not answer on ports 20001 and 69"),
                format!(
                    "see that a TFTP server runs at {server}, that its network has a route back to {address}, and \
                     that no filter stands between"
                ),
            ),
        })
    }

    fn at_dhcp(&self) -> (String, String) {
        if self.is_bound {
            return (
                format!("the set shows `{}`", self.display),
                "give it more time with --within".to_owned(),
            );
        }
        if self.offers.is_empty() && !self.heard {
            return (
                "nothing at all is heard on the interface".to_owned(),
                "see that it is up, and its cable in (`jackfield doctor` lists the interfaces)"
                    .to_owned(),
            );
        }
        if self.offers.is_empty() {
            return (
                format!("no DHCP server answered {} requests", self.discovers),
                "see that this port is in the right VLAN, and that the VLAN has a DHCP server with a free address, \
                 or a router that relays to one"
                    .to_owned(),
            );
        }
        let refused: Vec<String> = self.offers.iter().filter_map(refusal_of).collect();
        if refused.len() == self.offers.len() {
            return (
                format!("no offer is of use to a set: {}", refused.join("; ")),
                "have the DHCP server send option 125: 00 00 04 03, a byte with the length of the text, and the text \
                 id:ipphone.mitel.com;call_srv=ADDRESS;sw_tftp=ADDRESS"
                    .to_owned(),
            );
        }
        let nak = self
            .nak
            .as_deref()
            .unwrap_or("it does not answer the request");
        (
            format!("an offer was accepted, and the server did not keep it: {nak}"),
            "see the DHCP server's log, and whether there are two of them".to_owned(),
        )
    }
}

fn does_not_register(element: &str, reason: &str) -> (String, String) {
    (
        format!("{element} is reached, and does not register the set: {reason}"),
        "see what the call server logs about this MAC, and whether it has a licence and a DN for it".to_owned(),
    )
}

fn refusal_of(offer: &(Ipv4Addr, Option<String>)) -> Option<String> {
    let (server, reason) = offer;
    Some(format!("{server}: {}", reason.as_ref()?))
}

impl<L: Listener + Remarks> Listener for SiteReport<L> {
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent) {
        match event {
            TraceEvent::Phone(event) => self.found.note(event),
            TraceEvent::Neighbour { address, state, .. } => {
                self.found.silent.retain(|it| it != address);
                if *state == Some(NeighbourState::Failed) {
                    self.found.silent.push(*address);
                }
            }
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
        let Ok((header, rest)) = ethernet::decode(frame) else {
            return;
        };
        let ours = header.src == self.mac;
        self.found.heard |= !ours;
        if header.ethertype != ethernet::ETHERTYPE_IPV4 {
            return;
        }
        let Ok((ip, rest)) = ipv4::decode(rest) else {
            return;
        };
        if ip.protocol == ipv4::UDP
            && let Ok((udp, payload)) = udp::decode(rest, ip.src, ip.dst)
        {
            self.datagram(now, ours, &ip, &udp, payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn a_prompt_is_told_only_while_it_stands() {
        let mut found = reached();
        found.note(&PhoneEvent::Prompted {
            reason: "no PIN".to_owned(),
        });
        assert_eq!(
            found.diagnosis().stopped,
            "10.9.0.10 asks for a PIN (no PIN)"
        );
        found.note(&PhoneEvent::ConnectFailed {
            to: ELEMENT,
            reason: "no answer".to_owned(),
        });
        assert_eq!(
            found.diagnosis().stopped,
            "no connection to the call server 10.9.0.10: no answer"
        );
        found.note(&PhoneEvent::Connecting { to: ELEMENT });
        assert_eq!(
            found.diagnosis().stopped,
            "10.9.0.10 is reached, and does not register the set: it says nothing"
        );
    }

    #[test]
    fn a_name_without_an_address_is_not_held_against_the_boot_server() {
        let mut found = Found {
            bound: Some((Ipv4Addr::new(10, 1, 0, 50), None)),
            boot_server: Some(ELEMENT),
            boot_server_answers: true,
            ..Found::default()
        };
        found.note(&PhoneEvent::ConnectFailed {
            to: Ipv4Addr::UNSPECIFIED,
            reason: "a.example does not resolve: no such name".to_owned(),
        });
        let Diagnosis { stopped, mend } = found.diagnosis();
        assert_eq!(
            stopped,
            "the call server's name a.example does not resolve: no such name"
        );
        assert!(mend.contains("option 6"), "{mend}");
    }

    #[test]
    fn who_does_not_answer_arp_is_named_also_while_the_set_starts_over() {
        let gateway = Ipv4Addr::new(10, 1, 0, 1);
        let mut found = Found::default();
        found.note(&PhoneEvent::Bound {
            address: Ipv4Addr::new(10, 1, 0, 50),
            prefix_len: 24,
            gateway: Some(gateway),
            server: ELEMENT,
            lease: Duration::from_secs(60),
        });
        found.silent.push(ELEMENT);
        let stopped = |found: &Found| found.diagnosis().stopped;
        assert_eq!(stopped(&found), "10.9.0.10 does not answer ARP");
        found.note(&PhoneEvent::Unbound {
            reason: "starts over",
        });
        assert_eq!(stopped(&found), "10.9.0.10 does not answer ARP");
        found.silent.push(gateway);
        assert_eq!(stopped(&found), "the gateway 10.1.0.1 does not answer ARP");
    }

    const ELEMENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 10);

    fn reached() -> Found {
        let mut found = Found::default();
        found.note(&PhoneEvent::Connecting { to: ELEMENT });
        found
    }
}
