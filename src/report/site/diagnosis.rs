//! Where a set stopped, told from what was seen of it.

use std::net::Ipv4Addr;

use crate::app::StreamEnd;
use crate::outbox::{NeighbourState, PhoneEvent};
use crate::wire::reg::{PORT, Reason};

/// Why there is no connection to a call server that the set begins to call.
const JUST_BEGUN: &str = "the set has just begun to call it";

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
pub(super) struct Found {
    /// A frame of anybody else.
    pub(super) heard: bool,
    pub(super) discovers: u32,
    /// Server, and why its last offer is of no use, if so.
    pub(super) offers: Vec<(Ipv4Addr, Option<String>)>,
    pub(super) nak: Option<String>,
    /// It has an address.
    pub(super) is_bound: bool,
    /// Its address and gateway, or those that it had last.
    pub(super) bound: Option<(Ipv4Addr, Option<Ipv4Addr>)>,
    /// Where a packet of the set was to go that it had no route for.
    pub(super) unroutable: Option<Ipv4Addr>,
    /// Neighbours that do not answer ARP.
    silent: Vec<Ipv4Addr>,
    /// The set's port, and the server, of the read request that is not answered yet.
    pub(super) asked: Option<(u16, Ipv4Addr)>,
    pub(super) boot_server: Option<Ipv4Addr>,
    /// The file that the set asked for last.
    pub(super) boot_file: String,
    pub(super) boot_server_answers: bool,
    /// The file that the boot server does not give, and what it says.
    pub(super) boot_error: Option<(String, String)>,
    pub(super) failed_file: Option<String>,
    /// The call server that was tried last.
    pub(super) element: Option<Ipv4Addr>,
    /// SYNs to it that nobody has answered.
    pub(super) syns: u32,
    /// It has answered the SYN of the last try.
    pub(super) connected: bool,
    /// What came of the last try to reach a call server.
    pub(super) call: Option<Call>,
    /// A call server asked for a PIN, at any time.
    pub(super) was_asked: bool,
    /// The PIN that the user typed last.
    pub(super) typed: Option<String>,
    pub(super) display: String,
    pub(super) in_service: bool,
}

/// What came of a try to reach a call server.
#[derive(Debug)]
pub(super) enum Call {
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

impl Found {
    /// Notes what the set did.
    pub(super) fn note(&mut self, event: &PhoneEvent) {
        match event {
            PhoneEvent::Bound {
                address, gateway, ..
            } => {
                let lease = Some((*address, *gateway));
                if self.bound != lease {
                    self.silent.clear();
                }
                self.is_bound = true;
                self.unroutable = None;
                self.bound = lease;
            }
            PhoneEvent::Unbound { .. } | PhoneEvent::Released { .. } => self.is_bound = false,
            PhoneEvent::Downloaded { file, .. } => self.has_loaded(file),
            PhoneEvent::DownloadFailed { file, .. } => self.failed_file = Some(file.clone()),
            PhoneEvent::Connecting { to } => {
                if self.element != Some(*to) {
                    self.syns = 0;
                }
                self.element = Some(*to);
                self.connected = false;
                self.call = Some(Call::Open);
            }
            PhoneEvent::ConnectFailed { to, reason } => {
                if reason == StreamEnd::NetworkUnreachable.as_str() {
                    self.unroutable = Some(*to);
                }
                self.call = Some(match to.is_unspecified() {
                    true => Call::Unresolved(reason.clone()),
                    false => Call::Fails(*to, reason.clone()),
                });
            }
            PhoneEvent::Prompted { reason } => {
                self.was_asked = true;
                self.call = Some(Call::Prompts(reason.clone()));
            }
            PhoneEvent::Typed { pin } => {
                self.typed = Some(pin.clone());
                self.call = Some(Call::Open);
            }
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

    fn has_loaded(&mut self, file: &str) {
        self.failed_file.take_if(|failed| failed == file);
        self.boot_error.take_if(|(refused, _)| refused == file);
    }

    /// Notes what became of a neighbour. One that is asked for again is as silent as it was.
    pub(super) fn note_neighbour(&mut self, address: Ipv4Addr, state: Option<NeighbourState>) {
        use NeighbourState as Is;
        match state {
            Some(Is::Failed) if !self.silent.contains(&address) => self.silent.push(address),
            Some(Is::Failed | Is::Incomplete) | None => {}
            Some(Is::Reachable | Is::Stale | Is::Delay | Is::Probe) => {
                self.silent.retain(|it| *it != address);
            }
        }
    }

    /// Notes a SYN of the set to a call server, or a call server's answer to one.
    pub(super) fn note_syn(&mut self, is_answer: bool) {
        self.connected = is_answer;
        self.syns = if is_answer { 0 } else { self.syns + 1 };
    }

    /// Where it stopped. What was reached last is looked at first.
    pub(super) fn diagnosis(&self) -> Diagnosis {
        let (stopped, mend) = self
            .at_the_element()
            .or_else(|| self.at_a_missing_gateway())
            .or_else(|| self.at_a_silent_neighbour())
            .or_else(|| self.at_the_boot_server())
            .unwrap_or_else(|| self.at_dhcp());
        Diagnosis { stopped, mend }
    }

    fn at_the_element(&self) -> Option<(String, String)> {
        let element = self
            .element
            .map_or("the call server".to_owned(), |it| it.to_string());
        Some(match self.call.as_ref()? {
            Call::Prompts(reason) => self.at_a_prompt(&element, reason),
            Call::Unresolved(reason) => (
                format!("the call server's name {reason}"),
                "see that the DHCP server names a name server (option 6), and that it answers and knows the name; or \
                 have option 125 give an address in place of the name"
                    .to_owned(),
            ),
            Call::Refuses(reason) => does_not_register(&element, reason),
            Call::Open if self.connected => does_not_register(&element, "it says nothing"),
            Call::Fails(_, reason) if self.connected => does_not_register(&element, reason),
            Call::Fails(..) | Call::Open if self.silent_next_hop().is_some() => return None,
            Call::Open => self.at_a_connection(&element, JUST_BEGUN),
            Call::Fails(_, reason) if reason == StreamEnd::NetworkUnreachable.as_str() => self
                .at_a_missing_gateway()
                .unwrap_or_else(|| self.at_a_connection(&element, reason)),
            Call::Fails(to, reason) => self.at_a_connection(&to.to_string(), reason),
        })
    }

    /// A call server asks for a PIN: for the first time, or again.
    fn at_a_prompt(&self, element: &str, reason: &str) -> (String, String) {
        let first = reason == Reason::NoPin.to_string();
        let Some(pin) = self.typed.as_ref().filter(|_| !first) else {
            return (
                format!("{element} asks for a PIN ({reason})"),
                "give the PIN that a user would type, code and DN, with --pin, for example --pin '***6000'".to_owned(),
            );
        };
        let known = Reason::ALL.iter().find(|(.., words)| *words == reason);
        let mend = match known.map(|(reason, ..)| reason) {
            Some(Reason::InvalidAccessCode) => {
                "give --pin a PIN that begins with an access code of the call server"
            }
            Some(Reason::UnknownDn) => {
                "give --pin another DN, or program this one in the call server"
            }
            Some(Reason::DnInUse) => {
                "give --pin a DN that no set has, or the replacement code before this one"
            }
            Some(Reason::ReplacementNeedsMac) => {
                "give --pin the registration code before this DN, as no set has it"
            }
            _ => "see in the call server what it has of this DN",
        };
        (
            format!("{element} refuses the PIN {pin} ({reason})"),
            mend.to_owned(),
        )
    }

    /// No connection, for a reason that no other sentence is for.
    fn at_a_connection(&self, to: &str, reason: &str) -> (String, String) {
        if reason == StreamEnd::Reset.as_str() {
            return (
                format!("nothing listens on port {PORT} at {to}: connection refused"),
                format!(
                    "start the call server at {to}, or have call_srv in option 125 name where it runs; or a filter on \
                     the way refuses the port"
                ),
            );
        }
        let waits = [JUST_BEGUN, StreamEnd::TimedOut.as_str()].contains(&reason);
        let reason = match self.syns {
            1 if waits => "no answer to 1 SYN".to_owned(),
            2.. if waits => format!("no answer to {} SYNs", self.syns),
            _ => reason.to_owned(),
        };
        (
            format!("no connection to the call server {to}: {reason}"),
            format!(
                "see that the call server runs at {to}, that its network has a route back to this one, and that no \
                 filter stands between"
            ),
        )
    }

    /// The lease has no gateway, and the set had to go beyond its subnet.
    fn at_a_missing_gateway(&self) -> Option<(String, String)> {
        let (address, gateway) = self.bound?;
        let to = self.unroutable.filter(|_| gateway.is_none())?;
        Some((
            format!("DHCP gave no gateway (option 3), and {to} is not in the subnet of {address}"),
            "have the DHCP server send option 3 with a router of this subnet".to_owned(),
        ))
    }

    /// Who does not answer ARP, and is the way to a server that the set looks for; before it has sent anything to one,
    /// whoever it is.
    fn silent_next_hop(&self) -> Option<Ipv4Addr> {
        let (_, gateway) = self.bound?;
        let servers = [self.element, self.boot_server];
        let mut hops = [gateway].into_iter().chain(servers).flatten();
        hops.find(|hop| self.silent.contains(hop)).or_else(|| {
            let last = self.silent.last().copied();
            last.filter(|_| servers == [None, None])
        })
    }

    /// Nothing is sent to who does not answer ARP: so this comes before what answers are there.
    fn at_a_silent_neighbour(&self) -> Option<(String, String)> {
        let (_, gateway) = self.bound?;
        let silent = self.silent_next_hop()?;
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
        let file = self.failed_file.as_ref().unwrap_or(&self.boot_file);
        if let Some((file, error)) = &self.boot_error {
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
        found.note_syn(true);
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
        found.note(&bound(Some(gateway)));
        found.note_neighbour(ELEMENT, Some(NeighbourState::Failed));
        let stopped = |found: &Found| found.diagnosis().stopped;
        assert_eq!(stopped(&found), "10.9.0.10 does not answer ARP");
        found.note(&PhoneEvent::Unbound {
            reason: "starts over",
        });
        assert_eq!(stopped(&found), "10.9.0.10 does not answer ARP");
        found.note_neighbour(gateway, Some(NeighbourState::Failed));
        assert_eq!(stopped(&found), "the gateway 10.1.0.1 does not answer ARP");
    }

    #[test]
    fn who_is_asked_for_again_is_silent_until_it_answers_and_others_hide_nothing() {
        use NeighbourState as Is;
        let name_server = Ipv4Addr::new(10, 1, 0, 53);
        let mut found = Found::default();
        let stopped = |found: &Found| found.diagnosis().stopped;
        found.note(&bound(None));
        found.note_neighbour(name_server, Some(Is::Failed));
        assert_eq!(stopped(&found), "10.1.0.53 does not answer ARP");
        found.note(&PhoneEvent::Connecting { to: ELEMENT });
        found.note(&fails("no answer"));
        let none = "no connection to the call server 10.9.0.10: no answer";
        assert_eq!(stopped(&found), none);
        for state in [Some(Is::Failed), Some(Is::Incomplete), None] {
            found.note_neighbour(ELEMENT, state);
            assert_eq!(stopped(&found), "10.9.0.10 does not answer ARP");
        }
        found.note(&PhoneEvent::Connecting { to: ELEMENT });
        assert_eq!(stopped(&found), "10.9.0.10 does not answer ARP");
        found.note_neighbour(ELEMENT, Some(Is::Reachable));
        found.note(&fails("no answer"));
        assert_eq!(stopped(&found), none);
    }

    #[test]
    fn a_call_server_is_reached_only_when_it_has_answered_a_syn() {
        let mut found = reached();
        let stopped = |found: &Found| found.diagnosis().stopped;
        let none = "no connection to the call server 10.9.0.10: ";
        assert_eq!(stopped(&found), format!("{none}{JUST_BEGUN}"));
        found.note_syn(false);
        assert_eq!(stopped(&found), format!("{none}no answer to 1 SYN"));
        found.note_syn(false);
        assert_eq!(stopped(&found), format!("{none}no answer to 2 SYNs"));
        found.note(&fails("no answer"));
        assert_eq!(stopped(&found), format!("{none}no answer to 2 SYNs"));
        found.note(&PhoneEvent::Connecting { to: ELEMENT });
        found.note_syn(false);
        assert_eq!(stopped(&found), format!("{none}no answer to 3 SYNs"));
        found.note_syn(true);
        found.note(&fails("element does not answer"));
        let end = "is reached, and does not register the set: element does not answer";
        assert_eq!(stopped(&found), format!("10.9.0.10 {end}"));
    }

    #[test]
    fn a_pin_that_was_typed_is_refused_and_not_asked_for() {
        let mut found = reached();
        let prompted = |reason: Reason| PhoneEvent::Prompted {
            reason: reason.to_string(),
        };
        found.note(&prompted(Reason::NoPin));
        let pin = "***9999".to_owned();
        found.note(&PhoneEvent::Typed { pin });
        found.note(&prompted(Reason::UnknownDn));
        let Diagnosis { stopped, mend } = found.diagnosis();
        assert_eq!(stopped, "10.9.0.10 refuses the PIN ***9999 (unknown DN)");
        assert!(mend.contains("another DN"), "{mend}");
        found.note(&prompted(Reason::InvalidAccessCode));
        let Diagnosis { mend, .. } = found.diagnosis();
        assert!(mend.contains("access code"), "{mend}");
    }

    #[test]
    fn no_gateway_and_a_closed_port_have_sentences_of_their_own() {
        let mut found = reached();
        found.note(&fails("connection reset"));
        let Diagnosis { stopped, mend } = found.diagnosis();
        let closed = "nothing listens on port 6800 at 10.9.0.10: connection refused";
        assert_eq!(stopped, closed);
        assert!(mend.contains("call_srv"), "{mend}");
        found.note(&bound(None));
        found.note(&fails("network unreachable"));
        let without =
            "DHCP gave no gateway (option 3), and 10.9.0.10 is not in the subnet of 10.1.0.50";
        assert_eq!(found.diagnosis().stopped, without);
        // The boot server is behind a gateway too.
        found.call = None;
        assert_eq!(found.diagnosis().stopped, without);
        found.note(&bound(Some(Ipv4Addr::new(10, 1, 0, 1))));
        found.note(&fails("network unreachable"));
        assert_ne!(found.diagnosis().stopped, without);
    }

    #[test]
    fn the_file_that_is_not_given_is_named_also_before_the_set_gives_up() {
        let mut found = Found {
            boot_server: Some(ELEMENT),
            boot_file: "MainIp5360.bin".to_owned(),
            boot_error: Some(("MainIp5360.bin".to_owned(), "error 1, none".to_owned())),
            ..Found::default()
        };
        found.note(&bound(None));
        let Diagnosis { stopped, mend } = found.diagnosis();
        let end = "does not give MainIp5360.bin: error 1, none";
        assert_eq!(stopped, format!("the boot server 10.9.0.10 {end}"));
        assert!(mend.starts_with("put MainIp5360.bin into"), "{mend}");
        // The set starts over.
        let (file, bytes, port) = ("BootIp5360.bin".to_owned(), 1, 69);
        found.boot_file.clone_from(&file);
        found.note(&PhoneEvent::Downloaded { file, bytes, port });
        let again = found.diagnosis();
        assert_eq!((again.stopped, again.mend), (stopped, mend));
    }

    const ELEMENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 10);

    fn reached() -> Found {
        let mut found = Found::default();
        found.note(&PhoneEvent::Connecting { to: ELEMENT });
        found
    }

    fn bound(gateway: Option<Ipv4Addr>) -> PhoneEvent {
        PhoneEvent::Bound {
            address: Ipv4Addr::new(10, 1, 0, 50),
            prefix_len: 24,
            gateway,
            server: ELEMENT,
            lease: Duration::from_secs(60),
        }
    }

    fn fails(reason: &str) -> PhoneEvent {
        PhoneEvent::ConnectFailed {
            to: ELEMENT,
            reason: reason.to_owned(),
        }
    }
}
