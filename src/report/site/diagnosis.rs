//! Where a set stopped, told from what was seen of it.

use std::net::Ipv4Addr;

use crate::outbox::PhoneEvent;

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
    /// Neighbours that do not answer ARP.
    pub(super) silent: Vec<Ipv4Addr>,
    /// The set's port, and the server, of the read request that is not answered yet.
    pub(super) asked: Option<(u16, Ipv4Addr)>,
    pub(super) boot_server: Option<Ipv4Addr>,
    pub(super) boot_server_answers: bool,
    pub(super) boot_error: Option<String>,
    pub(super) failed_file: Option<String>,
    /// The call server that was tried last.
    pub(super) element: Option<Ipv4Addr>,
    /// What came of the last try to reach a call server.
    pub(super) call: Option<Call>,
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
                self.is_bound = true;
                self.bound = Some((*address, *gateway));
            }
            PhoneEvent::Unbound { .. } | PhoneEvent::Released { .. } => self.is_bound = false,
            PhoneEvent::Downloaded { .. } => self.failed_file = None,
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
    pub(super) fn diagnosis(&self) -> Diagnosis {
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
