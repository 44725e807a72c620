//! The set's machine: its states, what can happen, and who answers it.
//!
//! [`Phone::on`] is the whole machine at the top: power, carrier, lease, and which half is at work. The first
//! half (`boot.rs`) leads from power-up to a running main image, the second (`register.rs`) from there into
//! service. A state is a variant that owns what only it needs; entering one state leaves nothing of the
//! other behind. `fixtures/golden/phone_transitions.txt` lists what every state does about every event.

use super::boot::Boot;
use super::display::Screen;
use super::lldp;
use super::memory::Memory;
use super::phase::{Main, Phase};
use super::provision;
use super::register::Leave;
use super::settings::PhoneSettings;
use super::vlan::{Vlan, VlanSource};
use crate::app::{App, AppEffect, Datagram, HostEvent, StreamEnd, StreamEvent, StreamId};
use crate::dhcp;
use crate::dns::resolver::{Found, Resolver};
use crate::outbox::{Outbox, PhoneEvent, TraceEvent};
use crate::rng::Rng;
use crate::tftp::client;
use crate::time::{Deadline, Instant, earlier};
use crate::wire::DecodeError;
use crate::wire::dhcp::CLIENT_PORT;
use crate::wire::dns::PORT as DNS_PORT;
use crate::wire::reg;

/// The longest PIN that a set takes (`docs/registration-protocol.md`, field 2).
const PIN_LEN_MAX: usize = 32;

/// A set. It stands on a host of its own.
#[derive(Debug)]
pub struct Phone {
    pub(super) settings: PhoneSettings,
    pub(super) memory: Memory,
    pub(super) state: State,
    /// The user holds `*` when the power comes (ST-3).
    star_held: bool,
    pub(super) carrier: bool,
    /// What the display shows while there is a carrier.
    pub(super) screen: Screen,
    /// What it shows.
    pub(super) shown: Screen,
    /// What its frames are tagged with, and who told it.
    pub(super) vlan: Option<(Vlan, VlanSource)>,
    pub(super) rng: Rng,
    pub(super) dhcp: dhcp::Client,
    /// There from the first download until the last server may no longer repeat its last block.
    pub(super) tftp: Option<Box<client::Client>>,
    /// There as soon as it has a name to resolve.
    pub(super) dns: Option<Box<Resolver>>,
    /// There while it says who it is by LLDP.
    pub(super) lldp: Option<Box<lldp::Speaker>>,
    /// How many connections it has opened; each gets a name of its own.
    pub(super) streams: u64,
}

/// Where a set stands.
#[derive(Debug)]
pub(super) enum State {
    Off,
    Boot(Boot),
    Main(Main),
    /// It starts over at this time.
    Restarting {
        at: Instant,
    },
}

/// What can happen to a set that has power.
#[derive(Debug)]
pub(super) enum Event {
    Carrier(bool),
    /// Its switch says how its frames are to be tagged (LLDP-MED).
    Policy(Vlan),
    Dhcp(dhcp::ClientEvent),
    Tftp(client::ClientEvent),
    /// The search for an element's address is over.
    Found(Found),
    Connected(StreamId),
    Message(StreamId, reg::Message),
    /// Bytes that are no message.
    Nonsense(StreamId, DecodeError),
    /// The element says no more.
    PeerClosed(StreamId),
    /// The connection is gone.
    Ended(StreamId, StreamEnd),
    /// The user typed a PIN and ended it with Superkey.
    Typed(String),
    Timeout,
}

impl State {
    /// Whether the set has an address and goes by it.
    fn has_address(&self) -> bool {
        match self {
            State::Off | State::Restarting { .. } => false,
            State::Boot(boot) => boot.has_address(),
            State::Main(_) => true,
        }
    }
}

impl Phone {
    /// A set without power. `rng` serves its DHCP and TFTP clients.
    pub fn new(settings: PhoneSettings, memory: Memory, rng: &mut Rng) -> Phone {
        let mut stream = || Rng::stream(rng.u64(), "client");
        Phone {
            dhcp: provision::dhcp_client(settings.mac, stream()),
            rng: stream(),
            tftp: None,
            dns: None,
            settings,
            memory,
            state: State::Off,
            star_held: false,
            carrier: false,
            screen: Screen::Dark,
            shown: Screen::Dark,
            vlan: None,
            lldp: None,
            streams: 0,
        }
    }

    /// What survives power.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The user presses `*` before the power comes, and keeps it down (ST-3). A restart without a power-down
    /// takes no notice of it.
    pub fn hold_star(&mut self) {
        self.star_held = true;
    }

    /// The user types a PIN, possibly nothing, and ends it with Superkey. False: the set does not ask for one.
    ///
    /// A set has keys for `0` to `9`, `*` and `#`; it takes no other characters, and no more than 32.
    pub fn enter_pin(&mut self, now: Instant, pin: &str, out: &mut Outbox<AppEffect>) -> bool {
        let State::Main(Main {
            phase: Phase::Prompting(_),
            ..
        }) = &self.state
        else {
            return false;
        };
        let is_key = |c: &char| c.is_ascii_digit() || matches!(c, '*' | '#');
        let pin = pin.chars().filter(is_key).take(PIN_LEN_MAX).collect();
        self.on(now, Event::Typed(pin), out);
        true
    }

    /// One event, whatever the state.
    pub(super) fn on(&mut self, now: Instant, event: Event, out: &mut Outbox<AppEffect>) {
        let state = std::mem::replace(&mut self.state, State::Off);
        self.state = match (state, event) {
            (State::Off, _) => State::Off,
            (state, Event::Dhcp(event)) if state.has_address() => {
                self.lease_of(now, state, event, out)
            }
            (State::Boot(boot), event) => self.boot(now, boot, event, out),
            (State::Main(main), event) => self.main(now, main, event, out),
            (State::Restarting { at }, Event::Timeout) if now >= at => {
                self.begin_boot(now, false, out)
            }
            (State::Restarting { at }, _) => State::Restarting { at },
        };
    }

    /// A lease that ran out or was refused ends whatever the set was doing (MV-11), and so does another address:
    /// the connections from the old one are gone. A server that changes it on renewal breaks RFC 2131.
    fn lease_of(
        &mut self,
        now: Instant,
        state: State,
        event: dhcp::ClientEvent,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let reason = match event {
            dhcp::ClientEvent::Lost { reason } => reason,
            dhcp::ClientEvent::Bound(..) => "DHCP server changed the address",
            dhcp::ClientEvent::Renewed(_)
            | dhcp::ClientEvent::Discovering
            | dhcp::ClientEvent::OfferRefused { .. }
            | dhcp::ClientEvent::OfferAccepted { .. } => return state,
        };
        if let State::Main(main) = state {
            self.leave(main.phase, Leave::Abort, reason, out);
        }
        self.tell(PhoneEvent::Unbound { reason }, out);
        self.dhcp.stop(now, out);
        self.start_over(now, Screen::Dark, reason.to_owned(), out)
    }

    /// Gives up what it was doing and boots again after a while, with what is in its memory.
    pub(super) fn start_over(
        &mut self,
        now: Instant,
        screen: Screen,
        reason: String,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        self.tell(PhoneEvent::Restart { reason }, out);
        if self.dhcp.lease().is_some() {
            let reason = "starts over";
            self.tell(PhoneEvent::Unbound { reason }, out);
        }
        self.dhcp.stop(now, out);
        if let Some(mut tftp) = self.tftp.take() {
            tftp.stop(out);
        }
        if let Some(mut dns) = self.dns.take() {
            dns.stop(out);
        }
        self.show(screen, out);
        State::Restarting {
            at: now + self.settings.times.restart,
        }
    }

    fn power_up(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> State {
        let holding_star = std::mem::take(&mut self.star_held);
        self.tell(PhoneEvent::PowerUp { holding_star }, out);
        if holding_star {
            self.forget_pin(out);
        }
        self.begin_boot(now, holding_star, out)
    }

    /// All that is volatile is gone, and nobody is told: there is no power to tell them.
    fn power_down(&mut self, out: &mut Outbox<AppEffect>) {
        self.dhcp.power_down();
        self.tftp = None;
        self.dns = None;
        self.vlan = None;
        self.lldp = None;
        self.state = State::Off;
        self.carrier = false;
        if !self.settings.keeps_pin() {
            self.forget_pin(out);
        }
        self.tell(PhoneEvent::PowerDown, out);
        self.show(Screen::Dark, out);
    }

    /// The memory holds no PIN from now on.
    pub(super) fn forget_pin(&mut self, out: &mut Outbox<AppEffect>) {
        if self.memory.pin.take().is_some() {
            self.tell(PhoneEvent::PinCleared, out);
        }
    }

    pub(super) fn tell(&self, event: PhoneEvent, out: &mut Outbox<AppEffect>) {
        out.trace(TraceEvent::Phone(event));
    }

    /// Reads the messages out of what arrived on a connection, one event each.
    fn received(
        &mut self,
        now: Instant,
        stream: StreamId,
        mut bytes: &[u8],
        out: &mut Outbox<AppEffect>,
    ) {
        loop {
            let State::Main(main) = &mut self.state else {
                return;
            };
            let Some(with) = main.phase.conversation(stream) else {
                return;
            };
            let event = match with.hear(&mut bytes) {
                Ok(Some(message)) => Event::Message(stream, message),
                Ok(None) => return,
                Err(error) => Event::Nonsense(stream, error),
            };
            self.on(now, event, out);
        }
    }
}

impl App for Phone {
    fn handle_host(&mut self, now: Instant, event: HostEvent, out: &mut Outbox<AppEffect>) {
        match event {
            HostEvent::Start => self.state = self.power_up(now, out),
            HostEvent::Stop => self.power_down(out),
            HostEvent::Carrier(up) if up != self.carrier => {
                self.carrier = up;
                self.tell(PhoneEvent::Carrier(up), out);
                self.lldp = None;
                if up && self.looks_at_link() {
                    self.begin_lldp(now, out);
                }
                self.on(now, Event::Carrier(up), out);
                self.refresh(out);
            }
            HostEvent::Refused { from_port, to } => {
                let tftp = self.tftp.as_mut();
                let event = tftp.and_then(|tftp| tftp.handle_refusal(now, from_port, to, out));
                if let Some(event) = event {
                    self.on(now, Event::Tftp(event), out);
                }
                let dns = self.dns.as_mut();
                let found = dns.and_then(|dns| dns.handle_refusal(now, from_port, to, out));
                if let Some(found) = found {
                    self.on(now, Event::Found(found), out);
                }
            }
            // No source says what a set does about a conflict: it goes on.
            HostEvent::Carrier(_) | HostEvent::AddressConflict(_) => {}
        }
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        let event = if datagram.to.port() == CLIENT_PORT {
            let event = self.dhcp.handle_datagram(now, datagram, out);
            event.map(Event::Dhcp)
        } else if datagram.from.port() == DNS_PORT {
            let dns = self.dns.as_mut();
            let found = dns.and_then(|dns| dns.handle_datagram(now, datagram, out));
            found.map(Event::Found)
        } else {
            let tftp = self.tftp.as_mut();
            let event = tftp.and_then(|tftp| tftp.handle_datagram(now, datagram, out));
            event.map(Event::Tftp)
        };
        if let Some(event) = event {
            self.on(now, event, out);
        }
    }

    fn handle_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        event: StreamEvent<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        match event {
            StreamEvent::Connected => self.on(now, Event::Connected(stream), out),
            StreamEvent::Received(bytes) => self.received(now, stream, bytes, out),
            StreamEvent::PeerClosed => self.on(now, Event::PeerClosed(stream), out),
            StreamEvent::Ended(end) => self.on(now, Event::Ended(stream, end), out),
            // A set listens on no port.
            StreamEvent::Accepted { .. } => {}
        }
    }

    fn handle_lldp(&mut self, now: Instant, message: &[u8], out: &mut Outbox<AppEffect>) {
        self.hear_lldp(now, message, out);
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        self.speak(now, out);
        if let Some(event) = self.dhcp.handle_timeout(now, out) {
            self.on(now, Event::Dhcp(event), out);
        }
        if let Some(tftp) = &mut self.tftp {
            let event = tftp.handle_timeout(now, out);
            // With nothing under way and nobody to answer any more it has done its work.
            if event.is_none() && tftp.poll_timeout().is_none() {
                self.tftp = None;
            }
            if let Some(event) = event {
                self.on(now, Event::Tftp(event), out);
            }
        }
        let dns = self.dns.as_mut();
        if let Some(found) = dns.and_then(|dns| dns.handle_timeout(now, out)) {
            self.on(now, Event::Found(found), out);
        }
        self.on(now, Event::Timeout, out);
    }

    fn poll_timeout(&self) -> Deadline {
        let own = match &self.state {
            State::Off => None,
            State::Boot(boot) => boot.deadline(),
            State::Main(main) => main.phase.deadline(),
            State::Restarting { at } => Some((*at, "restart")),
        };
        let tftp = self.tftp.as_ref().and_then(|tftp| tftp.poll_timeout());
        let dns = self.dns.as_ref().and_then(|dns| dns.poll_timeout());
        let own = earlier(earlier(own, dns), self.lldp_deadline());
        earlier(own, earlier(self.dhcp.poll_timeout(), tftp))
    }
}
