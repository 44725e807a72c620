//! The test language of the DHCP client: what happens to it, in which state, and what came of it.

use std::net::SocketAddrV4;

use super::super::*;
use crate::outbox::Out;
use crate::wire::dhcp::code;

pub(super) const MAC: Mac = Mac([8, 0, 0x0f, 0, 0, 1]);
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 50);
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);
pub(super) const LEASE: u64 = 8_000;
pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) const STATES: [&str; 11] = [
    "IDLE",
    "INIT",
    "SELECTING",
    "REQUESTING",
    "BOUND",
    "RENEWING",
    "REBINDING",
    "INIT-REBOOT",
    "REBOOTING",
    "CHECKING",
    "INFORMING",
];
pub(super) const EVENTS: [&str; 13] = [
    "start",
    "OFFER",
    "poor OFFER",
    "ACK",
    "NAK",
    "timeout",
    "end of stage",
    "release",
    "stop",
    "reboot",
    "inform",
    "conflict",
    "rapid ACK",
];

pub(super) fn name_of(state: &State) -> &'static str {
    match state {
        State::Idle => "IDLE",
        State::Init { .. } => "INIT",
        State::Selecting(_) => "SELECTING",
        State::Requesting(_) => "REQUESTING",
        State::InitReboot { .. } => "INIT-REBOOT",
        State::Rebooting(_) => "REBOOTING",
        State::Checking(..) => "CHECKING",
        State::Informing(_) => "INFORMING",
        State::Bound(_) => "BOUND",
        State::Renewing(..) => "RENEWING",
        State::Rebinding(..) => "REBINDING",
    }
}

pub(super) struct Bench {
    pub(super) now: Instant,
    pub(super) client: Client,
    /// Of the message sent last.
    pub(super) xid: u32,
    pub(super) sent: Vec<Message>,
    pub(super) ignored: usize,
}

impl Bench {
    pub(super) fn new(timing: Timing) -> Bench {
        let config = ClientConfig {
            vendor_class: b"ipphone.mitel.com".to_vec(),
            parameter_request_list: vec![1, 3, 6],
            policy: |offer| match offer.option(43) {
                Some(_) => Ok(()),
                None => Err("no option 43".to_owned()),
            },
            broadcast: false,
            client_id: Vec::new(),
            max_message_size: None,
            rapid_commit: false,
            check: None,
            timing,
        };
        let client = Client::new(MAC, config, Rng::stream(1, "client"));
        Bench {
            now: Instant::ZERO,
            client,
            xid: 0,
            sent: Vec::new(),
            ignored: 0,
        }
    }

    pub(super) fn in_state(state: &str) -> Bench {
        let mut bench = Bench::new(Timing {
            jitter: Duration::ZERO,
            ..Timing::default()
        });
        let way: &[&str] = match state {
            "IDLE" => &[],
            "INIT" => &["start", "OFFER", "NAK"],
            "SELECTING" => &["start"],
            "REQUESTING" => &["start", "OFFER"],
            "BOUND" => &["start", "OFFER", "ACK"],
            "RENEWING" => &["start", "OFFER", "ACK", "timeout"],
            "INIT-REBOOT" => {
                bench.set(|config| config.timing.start_delay = (SECOND, SECOND));
                &["reboot"]
            }
            "REBOOTING" => &["reboot"],
            "CHECKING" => {
                bench.set(|config| config.check = Some(SECOND));
                &["start", "OFFER", "ACK"]
            }
            "INFORMING" => &["inform"],
            _ => &["start", "OFFER", "ACK", "timeout", "end of stage"],
        };
        for event in way {
            bench.give(event).unwrap();
        }
        assert_eq!(name_of(&bench.client.state), state);
        bench
    }

    pub(super) fn set(&mut self, change: impl FnOnce(&mut ClientConfig)) {
        let mut config = (*self.client.config).clone();
        change(&mut config);
        self.client.config = Arc::new(config);
    }

    /// Lets `event` happen; `None` if it can't in this state.
    pub(super) fn give(&mut self, event: &str) -> Option<String> {
        Some(match event {
            "start" => self.start(),
            "release" => self.act(|client, now, out| {
                client.release(now, out);
                None
            }),
            "reboot" => self.act(|client, now, out| client.reboot(now, ADDRESS, out)),
            "inform" => self.act(|client, now, out| client.inform(now, ADDRESS, out)),
            "conflict" => self.act(|client, now, out| client.handle_conflict(now, ADDRESS, out)),
            "stop" => self.act(|client, now, out| {
                client.stop(now, out);
                None
            }),
            "timeout" => {
                self.client.poll_timeout()?;
                self.timeout()
            }
            "end of stage" => {
                let held = self.client.state.held()?;
                self.now = match name_of(&self.client.state) {
                    "RENEWING" => held.rebind_at,
                    "REBINDING" => held.expires_at,
                    _ => return None,
                };
                // The question is still open: the stage ends at the same instant or before.
                if let State::Renewing(_, query) | State::Rebinding(_, query) =
                    &mut self.client.state
                {
                    query.resend_at = self.now;
                }
                self.act(Client::handle_timeout)
            }
            reply => {
                let bytes = self.message(reply).encode();
                self.receive(&bytes)
            }
        })
    }

    pub(super) fn start(&mut self) -> String {
        self.act(Client::start)
    }

    /// Goes on to the next deadline.
    pub(super) fn timeout(&mut self) -> String {
        self.now = self.client.poll_timeout().unwrap().0;
        self.act(Client::handle_timeout)
    }

    pub(super) fn receive(&mut self, payload: &[u8]) -> String {
        let from = SocketAddrV4::new(SERVER, 67);
        let to = SocketAddrV4::new(ADDRESS, 68);
        self.act(|client, now, out| {
            client.handle_datagram(now, &Datagram { from, to, payload }, out)
        })
    }

    pub(super) fn message(&self, kind: &str) -> Message {
        let mut message = Message::new(BOOTREPLY, MAC, self.xid);
        message.yiaddr = ADDRESS;
        let number = match kind {
            "ACK" | "rapid ACK" => 5,
            "NAK" => 6,
            _ => 2,
        };
        message.options.push(code::MESSAGE_TYPE, &[number]);
        message
            .options
            .push(code::SERVER_IDENTIFIER, &SERVER.octets());
        message
            .options
            .push_duration(code::LEASE_TIME, Duration::from_secs(LEASE));
        message.options.push(code::SUBNET_MASK, &[255, 255, 255, 0]);
        if kind == "rapid ACK" {
            message.options.push(code::RAPID_COMMIT, &[]);
        }
        if kind != "poor OFFER" {
            message.options.push(43, b"x");
        }
        message
    }

    pub(super) fn act(
        &mut self,
        action: impl FnOnce(&mut Client, Instant, &mut Outbox<AppEffect>) -> Option<ClientEvent>,
    ) -> String {
        let mut out = Outbox::default();
        let event = action(&mut self.client, self.now, &mut out);
        let mut did = Vec::new();
        for out in out.drain() {
            match out {
                Out::Effect(AppEffect::Send { to, payload, .. }) => {
                    let message = Message::decode(&payload).unwrap();
                    did.push(format!(
                        "send {} to {}",
                        message.message_type().unwrap(),
                        to.ip()
                    ));
                    self.xid = message.xid;
                    self.sent.push(message);
                }
                Out::Effect(AppEffect::Configure(Some(host))) => {
                    did.push(format!("configure {}/{}", host.address, host.prefix_len));
                }
                Out::Effect(AppEffect::Configure(None)) => did.push("configure none".to_owned()),
                Out::Effect(AppEffect::Bind { port }) => did.push(format!("bind {port}")),
                Out::Effect(AppEffect::Unbind { port }) => did.push(format!("unbind {port}")),
                Out::Effect(AppEffect::ArpProbe(address)) => did.push(format!("probe {address}")),
                Out::Effect(AppEffect::ArpAnnounce(address)) => {
                    did.push(format!("announce {address}"));
                }
                Out::Effect(AppEffect::ProbeEnd(_)) => did.push("end probe".to_owned()),
                Out::Effect(other) => panic!("{other:?}"),
                Out::Trace(_) => self.ignored += 1,
            }
        }
        if let Some(event) = event {
            did.push(format!("tell {}", tell(&event)));
        }
        did.join(", ")
    }
}

pub(super) fn tell(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Discovering => "discovering".to_owned(),
        ClientEvent::OfferRefused { reason, count, .. } => {
            format!("offer {count} refused: {reason}")
        }
        ClientEvent::OfferAccepted { count, .. } => format!("offer {count} accepted"),
        ClientEvent::Bound(lease, _) => format!("bound {}", lease.address),
        ClientEvent::Informed(_) => "informed".to_owned(),
        ClientEvent::Renewed(lease) => format!("renewed {}", lease.address),
        ClientEvent::Lost { reason } => format!("lost: {reason}"),
    }
}
