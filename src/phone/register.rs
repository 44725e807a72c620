//! From a running main image into service: connect, register, stay in service.
//!
//! The set tries the call servers that DHCP named in turn, one a try, and sends the first that it reaches its
//! MAC and its stored PIN or null (ST-2). What it does as its element says is in `told.rs`. In service it sends
//! heartbeats. When it has no element it shows `Waiting for Link` and goes on trying (MV-2), from the first
//! call server again if it was in service.
//!
//! Events of any connection but the one that counts are ignored: the set has ended those.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::conversation::Conversation;
use super::display::Screen;
use super::machine::{Event, Phone, State};
use super::phase::{Main, Phase};
use crate::app::{AppEffect, StreamId};
use crate::dns::resolver::{Found, Resolver};
use crate::outbox::{Outbox, PhoneEvent};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::reg::{self, DeviceRegistration, Message, Target};

/// The shortest pause after an Error (`docs/registration-protocol.md`, Times).
const ERROR_PAUSE_MIN: Duration = Duration::from_secs(10);

/// How a connection that is of no more use is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// FIN.
    Close,
    /// RST.
    Abort,
    /// It is gone already.
    Gone,
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
        if !self.carrier {
            main.phase = Phase::NoCarrier;
            return State::Main(main);
        }
        let Some(target) = self.call_server(&main) else {
            let (to, reason) = (Ipv4Addr::UNSPECIFIED, "no call server is programmed");
            return self.failed(now, main, to, reason.to_owned(), Screen::NoCallServer, out);
        };
        main.server = main.server.wrapping_add(1);
        self.connect(now, main, &target, out)
    }

    /// The next call server to try: of those that DHCP named, or the one that was programmed by hand (DV-1).
    fn call_server(&self, main: &Main) -> Option<Target> {
        if !self.settings.supports_cluster() {
            return self.memory.call_server.map(Target::Address);
        }
        let servers = &main.provision.call_servers;
        servers
            .get(usize::from(main.server) % servers.len().max(1))
            .cloned()
    }

    pub(super) fn connect(
        &mut self,
        now: Instant,
        mut main: Main,
        target: &Target,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let element = match target {
            Target::Address(element) => *element,
            Target::Fqdn(name) => return self.resolve(now, main, name.as_str().into(), out),
        };
        // `Waiting for Link` stays until there is one.
        if !self.screen.waits_for_link() {
            let set = main.provision.address;
            self.show(Screen::Connecting { set, element }, out);
        }
        self.tell(PhoneEvent::Connecting { to: element }, out);
        self.streams += 1;
        let stream = StreamId::opened(self.streams);
        let to = SocketAddrV4::new(element, reg::PORT);
        out.push(AppEffect::Connect { stream, to });
        main.phase = Phase::Connecting(Conversation::new(stream, element));
        State::Main(main)
    }

    /// Asks the name servers that DHCP named for the address of an element (CL-9).
    fn resolve(
        &mut self,
        now: Instant,
        mut main: Main,
        name: Arc<str>,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let seed = self.rng.u64();
        let dns = self.dns.get_or_insert_with(|| {
            let rng = Rng::stream(seed, "resolver");
            Box::new(Resolver::new(rng))
        });
        // They stay as long as the address does (MV-2).
        let servers = self.dhcp.lease().map(|lease| &lease.name_servers[..]);
        let found = dns.start(now, &name, servers.unwrap_or_default(), out);
        if let Some(found) = found {
            return self.resolved(now, main, &name, found, out);
        }
        // As below: `Waiting for Link` stays until there is one.
        if !self.screen.waits_for_link() {
            self.show(Screen::Resolving(name.clone()), out);
        }
        main.phase = Phase::Resolving { name };
        State::Main(main)
    }

    fn resolved(
        &mut self,
        now: Instant,
        mut main: Main,
        name: &Arc<str>,
        found: Found,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let (screen, why) = match found {
            Found::Address(element) => {
                return self.connect(now, main, &Target::Address(element), out);
            }
            Found::NoSuchName => (Screen::NameNotFound(name.clone()), "no such name"),
            Found::NoAnswer => (Screen::NoNameServer(name.clone()), "no name server answers"),
        };
        let reason = format!("{name} does not resolve: {why}");
        let to = Ipv4Addr::UNSPECIFIED;
        self.tell(PhoneEvent::ConnectFailed { to, reason }, out);
        if found == Found::NoSuchName || !self.screen.waits_for_link() {
            self.show(screen, out);
        }
        let until = now + self.settings.times.retry;
        main.phase = Phase::Waiting { until };
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
        let phase = std::mem::replace(&mut main.phase, Phase::NoCarrier);
        main.phase = match (phase, event) {
            // The address stays (MV-2).
            (phase, Event::Carrier(false)) => {
                self.leave(phase, Leave::Abort, "no LAN link", out);
                if let Some(dns) = &mut self.dns {
                    dns.stop(out);
                }
                main.server = 0;
                Phase::NoCarrier
            }
            (Phase::NoCarrier, Event::Carrier(true)) => {
                return self.begin_registration(now, main, out);
            }
            (Phase::Waiting { until }, Event::Timeout) if now >= until => {
                return self.begin_registration(now, main, out);
            }
            (Phase::Resolving { name }, Event::Found(found)) => {
                return self.resolved(now, main, &name, found, out);
            }
            (Phase::Connecting(with), Event::Connected(stream)) if with.stream == stream => {
                self.register(now, &main, with, out)
            }
            (phase, Event::Message(stream, message)) if phase.is_on(stream) => {
                return self.told(now, main, phase, message, out);
            }
            (Phase::Prompting(mut with), Event::Typed(pin)) => {
                let element = with.element;
                self.tell(PhoneEvent::Typed { pin: pin.clone() }, out);
                with.say(Message::PinEntry { pin }, out);
                self.show(Screen::WaitingForAck { element }, out);
                let until = now + self.settings.times.answer;
                Phase::Acknowledgement { with, until }
            }
            (
                phase
                @ (Phase::Acknowledgement { until, .. } | Phase::Communications { until, .. }),
                Event::Timeout,
            ) if now >= until => {
                let why = "element does not answer";
                return self.lost(now, main, phase, Leave::Abort, why, out);
            }
            (mut phase, Event::Timeout) => {
                let alive = match phase.beating(now) {
                    Some((with, heartbeats)) => heartbeats.beat(now, with, out),
                    None => true,
                };
                if !alive {
                    let why = "element does not answer heartbeats";
                    return self.lost(now, main, phase, Leave::Abort, why, out);
                }
                phase
            }
            (phase, Event::PeerClosed(stream)) if phase.is_on(stream) => {
                let why = "element closed the connection";
                return self.lost(now, main, phase, Leave::Close, why, out);
            }
            (phase, Event::Ended(stream, end)) if phase.is_on(stream) => {
                return self.lost(now, main, phase, Leave::Gone, end.as_str(), out);
            }
            (phase, Event::Nonsense(stream, error)) if phase.is_on(stream) => {
                let why = format!("element speaks nonsense: {error}");
                return self.refused(now, main, phase, why, out, |with, out| {
                    with.refuse_bytes(error, out);
                });
            }
            // Everything else changes nothing here: an event of an older connection, a carrier that is there
            // already, the end of a download, a PIN that nobody asked for.
            (phase, _) => phase,
        };
        State::Main(main)
    }

    /// TCP is up: the set says who it is (ST-2).
    fn register(
        &mut self,
        now: Instant,
        main: &Main,
        mut with: Conversation,
        out: &mut Outbox<AppEffect>,
    ) -> Phase {
        let element = with.element;
        self.show(Screen::WaitingForAck { element }, out);
        let registration = DeviceRegistration {
            mac: self.settings.mac,
            pin: self.memory.pin.clone(),
            device_type: self.settings.model.to_string(),
            firmware: main.version.to_string(),
            address: main.provision.address,
            reset: main.reset,
            redirects: main.redirects,
        };
        with.say(Message::DeviceRegistration(registration), out);
        let until = now + self.settings.times.answer;
        Phase::Acknowledgement { with, until }
    }

    /// Says these bytes to its element, whatever they are and out of their turn; false if it has no connection.
    pub fn say_bytes(&self, bytes: Vec<u8>, out: &mut Outbox<AppEffect>) -> bool {
        let State::Main(main) = &self.state else {
            return false;
        };
        let stream = main.phase.connected();
        if let Some(stream) = stream {
            out.push(AppEffect::SendStream { stream, bytes });
        }
        stream.is_some()
    }

    /// Leaves the connection; a set in service is so no longer.
    pub(super) fn leave(
        &mut self,
        phase: Phase,
        how: Leave,
        reason: &str,
        out: &mut Outbox<AppEffect>,
    ) {
        if phase.in_service() {
            let reason = reason.to_owned();
            self.tell(PhoneEvent::Unregistered { reason }, out);
        }
        match (phase.into_conversation(), how) {
            (Some(with), Leave::Close) => with.close(out),
            (Some(with), Leave::Abort) => with.abort(out),
            (Some(_), Leave::Gone) | (None, _) => {}
        }
    }

    /// The connection is of no more use: the set tries again after a while.
    pub(super) fn lost(
        &mut self,
        now: Instant,
        main: Main,
        phase: Phase,
        how: Leave,
        reason: &str,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let was_in_service = phase.in_service();
        let element = phase.element();
        self.leave(phase, how, reason, out);
        if was_in_service {
            let pause = self.settings.times.retry;
            return self.pause(now, main, pause, out);
        }
        self.not_reached(now, main, element, reason.to_owned(), out)
    }

    /// An Error ends the connection, the set's or the element's: the set tries again, but not too soon.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        main: Main,
        phase: Phase,
        reason: String,
        out: &mut Outbox<AppEffect>,
        end: impl FnOnce(Conversation, &mut Outbox<AppEffect>),
    ) -> State {
        let to = phase.element();
        let event = match phase.in_service() {
            true => PhoneEvent::Unregistered { reason },
            false => PhoneEvent::ConnectFailed { to, reason },
        };
        if let Some(with) = phase.into_conversation() {
            end(with, out);
        }
        self.tell(event, out);
        let pause = self.settings.times.retry.max(ERROR_PAUSE_MIN);
        self.pause(now, main, pause, out)
    }

    pub(super) fn not_reached(
        &mut self,
        now: Instant,
        main: Main,
        to: Ipv4Addr,
        reason: String,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        self.failed(now, main, to, reason, Screen::WaitingForLink, out)
    }

    /// This try led to no element, which the screen says until the next.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        mut main: Main,
        to: Ipv4Addr,
        reason: String,
        screen: Screen,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        self.tell(PhoneEvent::ConnectFailed { to, reason }, out);
        self.show(screen, out);
        let until = now + self.settings.times.retry;
        main.phase = Phase::Waiting { until };
        State::Main(main)
    }

    pub(super) fn pause(
        &mut self,
        now: Instant,
        mut main: Main,
        pause: Duration,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        if !matches!(self.screen, Screen::Refused(_)) {
            self.show(Screen::WaitingForLink, out);
        }
        main.phase = Phase::Waiting { until: now + pause };
        State::Main(main)
    }
}
