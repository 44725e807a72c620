//! From a running main image into service: connect, register, follow redirects, stay in service.
//!
//! The set tries the call servers that DHCP named in turn, and sends the first that it reaches its MAC and
//! its stored PIN or null (ST-2). It does as the element says: prompts its user, saves or clears its PIN,
//! goes to another element. In service it sends heartbeats. When it can't reach its element it shows
//! `Waiting for Link` and goes on trying (MV-2).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::boot::Provision;
use super::conversation::Conversation;
use super::machine::{Event, Phone, State};
use crate::app::{AppEffect, StreamEnd, StreamId};
use crate::outbox::{Outbox, PhoneEvent};
use crate::time::{Deadline, Duration, Instant};
use crate::wire::reg::{self, DeviceRegistration, Message, ResetKind, Target};

/// Redirects that one registration may follow (CL-8).
const REDIRECTS_MAX: u8 = 5;
/// Heartbeats in a row without an answer after which the element counts as lost.
const HEARTBEATS_UNANSWERED_MAX: u8 = 3;

/// A set whose main image runs.
#[derive(Debug)]
pub(super) struct Main {
    provision: Provision,
    version: String,
    /// The registration is a reset of the set's DN (ST-3), until one has succeeded.
    reset: bool,
    /// Which of the call servers is next.
    server: usize,
    /// How many redirects this registration has followed.
    redirects: u8,
    /// The element that it deals with, or tries to.
    element: Ipv4Addr,
    pub(super) phase: Phase,
}

/// Where the set stands with its element.
#[derive(Debug)]
pub(super) enum Phase {
    /// No carrier: nothing to do until it is back.
    NoCarrier,
    /// It tries again at this time.
    Waiting { until: Instant },
    /// Waiting for the TCP link.
    Connecting(Conversation),
    /// Waiting for the acknowledgement of its registration.
    Acknowledgement { with: Conversation, until: Instant },
    /// Its user is asked for a PIN.
    Prompting(Conversation),
    /// Waiting for communications.
    Communications {
        with: Conversation,
        until: Instant,
        service: Service,
    },
    InService {
        with: Conversation,
        service: Service,
        /// `None`: the element wants no heartbeats.
        heartbeat_at: Option<Instant>,
        unanswered: u8,
    },
}

/// What an acknowledged registration is.
#[derive(Debug, Clone)]
pub(super) struct Service {
    dn: String,
    /// Zero: none.
    heartbeat: Duration,
}

impl Service {
    fn next_heartbeat(&self, now: Instant) -> Option<Instant> {
        (!self.heartbeat.is_zero()).then(|| now + self.heartbeat)
    }
}

impl Phase {
    pub(super) fn deadline(&self) -> Deadline {
        match self {
            Phase::Waiting { until } => Some((*until, "try again")),
            Phase::Acknowledgement { until, .. } => Some((*until, "acknowledgement")),
            Phase::Communications { until, .. } => Some((*until, "communications")),
            Phase::InService { heartbeat_at, .. } => heartbeat_at.map(|at| (at, "heartbeat")),
            Phase::NoCarrier | Phase::Connecting(_) | Phase::Prompting(_) => None,
        }
    }

    /// The conversation on this connection, if it is the one that counts.
    pub(super) fn conversation(&mut self, stream: StreamId) -> Option<&mut Conversation> {
        let with = match self {
            Phase::NoCarrier | Phase::Waiting { .. } => return None,
            Phase::Connecting(with)
            | Phase::Prompting(with)
            | Phase::Acknowledgement { with, .. }
            | Phase::Communications { with, .. }
            | Phase::InService { with, .. } => with,
        };
        (with.stream == stream).then_some(with)
    }

    fn is_on(&self, stream: StreamId) -> bool {
        match self {
            Phase::NoCarrier | Phase::Waiting { .. } => false,
            Phase::Connecting(with)
            | Phase::Prompting(with)
            | Phase::Acknowledgement { with, .. }
            | Phase::Communications { with, .. }
            | Phase::InService { with, .. } => with.stream == stream,
        }
    }

    fn into_conversation(self) -> Option<Conversation> {
        match self {
            Phase::NoCarrier | Phase::Waiting { .. } => None,
            Phase::Connecting(with)
            | Phase::Prompting(with)
            | Phase::Acknowledgement { with, .. }
            | Phase::Communications { with, .. }
            | Phase::InService { with, .. } => Some(with),
        }
    }

    fn in_service(&self) -> bool {
        matches!(self, Phase::InService { .. })
    }
}

impl Main {
    pub(super) fn new(provision: Provision, version: String, reset: bool) -> Main {
        Main {
            provision,
            version,
            reset,
            server: 0,
            redirects: 0,
            element: Ipv4Addr::UNSPECIFIED,
            phase: Phase::NoCarrier,
        }
    }
}

impl Phone {
    /// Starts a registration from the beginning: at the next call server, with no redirect behind it.
    pub(super) fn begin_registration(
        &mut self,
        now: Instant,
        mut main: Main,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        main.redirects = 0;
        if !self.has_carrier() {
            main.phase = Phase::NoCarrier;
            return State::Main(main);
        }
        let servers = &main.provision.call_servers;
        let target = servers[main.server % servers.len()].clone();
        main.server = main.server.wrapping_add(1);
        self.connect(now, main, &target, out)
    }

    fn connect(
        &mut self,
        now: Instant,
        mut main: Main,
        target: &Target,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let Target::Address(element) = *target else {
            let reason = format!("{target} does not resolve");
            return self.connect_failed(now, main, reason, out);
        };
        main.element = element;
        // `Waiting for Link` stays until there is one.
        if self.screen.upper != WAITING_FOR_LINK {
            let set = format!("Set {}", main.provision.address);
            self.show(out, set, Phone::icp(element));
        }
        self.tell(out, PhoneEvent::Connecting { to: element });
        self.streams += 1;
        let stream = StreamId::opened(self.streams);
        out.push(AppEffect::Connect {
            stream,
            to: SocketAddrV4::new(element, reg::PORT),
        });
        main.phase = Phase::Connecting(Conversation::new(stream));
        State::Main(main)
    }

    /// The carrier of a set whose main image runs came or went. Its address stays (MV-2).
    pub(super) fn main_carrier(
        &mut self,
        now: Instant,
        mut main: Main,
        up: bool,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        if up {
            return self.begin_registration(now, main, out);
        }
        if main.phase.in_service() {
            self.unregistered("no LAN link", out);
        }
        let phase = std::mem::replace(&mut main.phase, Phase::NoCarrier);
        if let Some(with) = phase.into_conversation() {
            with.abort(out);
        }
        main.server = 0;
        State::Main(main)
    }

    /// One event of a set whose main image runs.
    pub(super) fn main(
        &mut self,
        now: Instant,
        mut main: Main,
        event: Event,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let answer_by = now + self.settings.times.answer;
        let phase = std::mem::replace(&mut main.phase, Phase::NoCarrier);
        main.phase = match (phase, event) {
            (Phase::Waiting { until }, Event::Timeout) if now >= until => {
                return self.begin_registration(now, main, out);
            }
            (Phase::Connecting(with), Event::Connected(stream)) if with.stream == stream => {
                self.register(&main, with, answer_by, out)
            }
            (phase, Event::Message(stream, message)) if phase.is_on(stream) => {
                return self.told(now, main, phase, message, out);
            }
            (Phase::Prompting(mut with), Event::Typed(pin)) => {
                self.tell(out, PhoneEvent::Typed { pin: pin.clone() });
                with.say(Message::PinEntry { pin }, out);
                self.show(out, "Waiting for ACK...", Phone::icp(main.element));
                let until = answer_by;
                Phase::Acknowledgement { with, until }
            }
            (
                Phase::Acknowledgement { until, with } | Phase::Communications { until, with, .. },
                Event::Timeout,
            ) if now >= until => {
                return self.lost(now, main, Some(with), "element does not answer", out);
            }
            (
                Phase::InService {
                    with,
                    service,
                    heartbeat_at,
                    unanswered,
                },
                Event::Timeout,
            ) if heartbeat_at.is_some_and(|at| now >= at) => {
                if unanswered >= HEARTBEATS_UNANSWERED_MAX {
                    let why = "heartbeats are not answered";
                    self.unregistered(why, out);
                    return self.lost(now, main, Some(with), why, out);
                }
                self.heartbeat(now, with, service, unanswered, out)
            }
            (phase, Event::Ended(stream, end)) if phase.is_on(stream) => {
                if phase.in_service() {
                    self.unregistered(end.as_str(), out);
                }
                // What the peer closed is closed from this side too; any other end leaves nothing to close.
                let with = phase.into_conversation();
                let with = with.filter(|_| end == StreamEnd::Closed);
                return self.lost(now, main, with, end.as_str(), out);
            }
            (phase, Event::Nonsense(stream)) if phase.is_on(stream) => {
                let with = phase.into_conversation();
                return self.lost(now, main, with, "element speaks nonsense", out);
            }
            // Everything else changes nothing here: a late segment, a lease renewed, a deadline of the clients.
            (phase, _) => phase,
        };
        State::Main(main)
    }

    /// TCP is up: the set says who it is (ST-2).
    fn register(
        &mut self,
        main: &Main,
        mut with: Conversation,
        until: Instant,
        out: &mut Outbox<AppEffect>,
    ) -> Phase {
        self.show(out, "Waiting for ACK...", Phone::icp(main.element));
        let registration = DeviceRegistration {
            mac: self.settings.mac,
            pin: self.memory.pin.clone(),
            device_type: self.settings.model.to_string(),
            firmware: main.version.clone(),
            address: main.provision.address,
            reset: main.reset,
            redirects: main.redirects,
        };
        with.say(Message::DeviceRegistration(registration), out);
        Phase::Acknowledgement { with, until }
    }

    /// Does what its element says.
    fn told(
        &mut self,
        now: Instant,
        mut main: Main,
        phase: Phase,
        message: Message,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let until = now + self.settings.times.answer;
        main.phase = match (phase, message) {
            (phase, Message::SavePin { pin }) => {
                self.memory.pin = Some(pin.clone());
                self.tell(out, PhoneEvent::PinSaved { pin });
                phase
            }
            (phase, Message::ClearPin { .. }) => {
                self.memory.pin = None;
                self.tell(out, PhoneEvent::PinCleared);
                phase
            }
            (Phase::Acknowledgement { with, .. }, Message::PinRequest { reason }) => {
                let reason = reason.to_string();
                self.show(out, "Enter PIN", reason.clone());
                self.tell(out, PhoneEvent::Prompted { reason });
                Phase::Prompting(with)
            }
            (Phase::Acknowledgement { with, .. }, Message::Redirect { to, dn }) => {
                with.close(out);
                return self.redirected(now, main, &to, dn, out);
            }
            (Phase::Acknowledgement { with, .. }, Message::Registered { dn, heartbeat }) => {
                main.reset = false;
                main.server = 0;
                self.show(out, "Waiting for COMMS...", Phone::icp(main.element));
                let element = main.element;
                self.tell(
                    out,
                    PhoneEvent::Registered {
                        dn: dn.clone(),
                        element,
                    },
                );
                let service = Service { dn, heartbeat };
                Phase::Communications {
                    with,
                    until,
                    service,
                }
            }
            (Phase::Communications { with, service, .. }, Message::CommunicationsUp) => {
                self.in_service(&main, &service, out);
                Phase::InService {
                    with,
                    heartbeat_at: service.next_heartbeat(now),
                    service,
                    unanswered: 0,
                }
            }
            (
                Phase::InService {
                    with,
                    service,
                    heartbeat_at,
                    ..
                },
                Message::HeartbeatAnswer,
            ) => Phase::InService {
                with,
                service,
                heartbeat_at,
                unanswered: 0,
            },
            (
                Phase::InService {
                    with,
                    mut service,
                    heartbeat_at,
                    unanswered,
                },
                Message::DnChanged { dn },
            ) => {
                service.dn = dn;
                self.in_service(&main, &service, out);
                Phase::InService {
                    with,
                    service,
                    heartbeat_at,
                    unanswered,
                }
            }
            (phase, Message::Reset { kind, reason }) => {
                return self.reset(now, main, phase, kind, &reason.to_string(), out);
            }
            (phase, Message::Error { reason, text }) => {
                if phase.in_service() {
                    self.unregistered("element reports an error", out);
                }
                let why = format!("element reports: {reason} {text}");
                let with = phase.into_conversation();
                return self.lost(now, main, with, why.trim_end(), out);
            }
            // A message out of place, or of a type that is not known, is passed over.
            (phase, _) => phase,
        };
        State::Main(main)
    }

    fn redirected(
        &mut self,
        now: Instant,
        mut main: Main,
        to: &Target,
        dn: String,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        self.tell(
            out,
            PhoneEvent::Redirected {
                dn,
                to: to.to_string(),
            },
        );
        if main.redirects >= REDIRECTS_MAX {
            let reason = "too many redirects".to_owned();
            return self.connect_failed(now, main, reason, out);
        }
        main.redirects += 1;
        self.connect(now, main, to, out)
    }

    /// Soft: registers again. Hard: boots as after a power cycle, with what is in its memory.
    fn reset(
        &mut self,
        now: Instant,
        main: Main,
        phase: Phase,
        kind: ResetKind,
        reason: &str,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        if phase.in_service() {
            self.unregistered(reason, out);
        }
        if let Some(with) = phase.into_conversation() {
            with.close(out);
        }
        match kind {
            ResetKind::Soft => self.begin_registration(now, main, out),
            ResetKind::Hard | ResetKind::Other(_) => {
                self.start_over(now, format!("reset by its element: {reason}"), out)
            }
        }
    }

    /// The connection is of no more use: the set tries again after a while.
    fn lost(
        &mut self,
        now: Instant,
        main: Main,
        with: Option<Conversation>,
        reason: &str,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        if let Some(with) = with {
            with.close(out);
        }
        self.connect_failed(now, main, reason.to_owned(), out)
    }

    fn connect_failed(
        &mut self,
        now: Instant,
        mut main: Main,
        reason: String,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        self.show(out, WAITING_FOR_LINK, "");
        let to = main.element;
        self.tell(out, PhoneEvent::ConnectFailed { to, reason });
        let until = now + self.settings.times.retry;
        main.phase = Phase::Waiting { until };
        State::Main(main)
    }

    fn heartbeat(
        &mut self,
        now: Instant,
        mut with: Conversation,
        service: Service,
        unanswered: u8,
        out: &mut Outbox<AppEffect>,
    ) -> Phase {
        with.say(Message::Heartbeat, out);
        Phase::InService {
            with,
            heartbeat_at: service.next_heartbeat(now),
            service,
            unanswered: unanswered + 1,
        }
    }

    fn in_service(&mut self, main: &Main, service: &Service, out: &mut Outbox<AppEffect>) {
        self.show(out, format!("DN {}", service.dn), Phone::icp(main.element));
        let (dn, element) = (service.dn.clone(), main.element);
        self.tell(out, PhoneEvent::InService { dn, element });
    }

    fn unregistered(&self, reason: &str, out: &mut Outbox<AppEffect>) {
        let reason = reason.to_owned();
        self.tell(out, PhoneEvent::Unregistered { reason });
    }
}

/// What a set shows that has no TCP link to its element (MV-2).
const WAITING_FOR_LINK: &str = "Waiting for Link";
