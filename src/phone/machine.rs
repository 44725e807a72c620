//! The set's machine: its states, what can happen, and who answers it.
//!
//! [`Phone::on`] is the whole machine at the top: power, carrier, and which half is at work. The first half
//! (`boot.rs`) leads from power-up to a running main image, the second (`register.rs`) from there into
//! service. A state is a variant that owns what only it needs; entering one state leaves nothing of the
//! other behind.

use std::net::Ipv4Addr;

use super::boot::Boot;
use super::memory::Memory;
use super::register::{Main, Phase};
use super::settings::PhoneSettings;
use crate::app::{App, AppEffect, Datagram, HostEvent, StreamEnd, StreamEvent, StreamId};
use crate::dhcp;
use crate::outbox::{Display, Outbox, PhoneEvent, TraceEvent};
use crate::rng::Rng;
use crate::tftp::client;
use crate::time::{Deadline, Instant, earlier};
use crate::wire::dhcp::CLIENT_PORT;
use crate::wire::reg;

/// A set. It stands on a host of its own.
#[derive(Debug)]
pub struct Phone {
    pub(super) settings: PhoneSettings,
    pub(super) memory: Memory,
    pub(super) state: State,
    /// The user holds `*` when the power comes (ST-3).
    star_held: bool,
    carrier: bool,
    /// What the display shows while there is a carrier.
    pub(super) screen: Display,
    /// What it shows.
    shown: Display,
    pub(super) dhcp: dhcp::Client,
    pub(super) tftp: client::Client,
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
    Dhcp(dhcp::ClientEvent),
    Tftp(client::ClientEvent),
    Connected(StreamId),
    Message(StreamId, reg::Message),
    /// The connection ended, or the peer says no more.
    Ended(StreamId, StreamEnd),
    /// Bytes that are no message.
    Nonsense(StreamId),
    /// The user typed a PIN and ended it with Superkey.
    Typed(String),
    Timeout,
}

impl Phone {
    /// A set without power. `rng` serves its DHCP and TFTP clients.
    pub fn new(settings: PhoneSettings, memory: Memory, rng: &mut Rng) -> Phone {
        let stream = |rng: &mut Rng| Rng::stream(rng.u64(), "client");
        Phone {
            dhcp: super::boot::dhcp_client(settings.mac, stream(rng)),
            tftp: super::boot::tftp_client(stream(rng)),
            settings,
            memory,
            state: State::Off,
            star_held: false,
            carrier: false,
            screen: Display::default(),
            shown: Display::default(),
            streams: 0,
        }
    }

    /// What survives power.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The user presses `*` before the power comes, and keeps it down (ST-3).
    pub fn hold_star(&mut self) {
        self.star_held = true;
    }

    /// The user types a PIN and ends it with Superkey. False: the set does not ask for one.
    pub fn enter_pin(&mut self, now: Instant, pin: &str, out: &mut Outbox<AppEffect>) -> bool {
        let asks = matches!(
            &self.state,
            State::Main(Main {
                phase: Phase::Prompting { .. },
                ..
            })
        );
        if asks {
            self.on(now, Event::Typed(pin.to_owned()), out);
        }
        asks
    }

    /// One event, whatever the state.
    fn on(&mut self, now: Instant, event: Event, out: &mut Outbox<AppEffect>) {
        let state = std::mem::replace(&mut self.state, State::Off);
        self.state = match (state, event) {
            (State::Off, _) => State::Off,
            (state, Event::Carrier(up)) => {
                self.tell(out, PhoneEvent::Carrier(up));
                let state = match state {
                    State::Boot(boot) if up => self.boot_with_carrier(now, boot, out),
                    State::Main(main) => self.main_carrier(now, main, up, out),
                    other => other,
                };
                self.refresh(out);
                state
            }
            // A lease that ran out or was refused ends whatever the set was doing (MV-11).
            (_, Event::Dhcp(dhcp::ClientEvent::Lost { reason })) => {
                self.tell(out, PhoneEvent::Unbound { reason });
                self.start_over(now, reason.to_owned(), out)
            }
            (State::Boot(boot), event) => self.boot(now, boot, event, out),
            (State::Main(main), event) => self.main(now, main, event, out),
            (State::Restarting { at }, Event::Timeout) if now >= at => self.power_up(now, out),
            (State::Restarting { at }, _) => State::Restarting { at },
        };
    }

    /// Gives up what it was doing and boots again after a while.
    pub(super) fn start_over(
        &mut self,
        now: Instant,
        reason: String,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        self.tell(out, PhoneEvent::Restart { reason });
        self.halt(now, out);
        State::Restarting {
            at: now + self.settings.times.restart,
        }
    }

    /// Ends all that runs over the network, and gives the address up.
    fn halt(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        self.dhcp.stop(now, out);
        self.tftp.stop(out);
    }

    fn power_up(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> State {
        let star = std::mem::take(&mut self.star_held);
        self.tell(out, PhoneEvent::PowerUp { holding_star: star });
        if star && self.memory.pin.take().is_some() {
            self.tell(out, PhoneEvent::PinCleared);
        }
        self.begin_boot(now, star, out)
    }

    /// Puts two lines on the display; without a carrier the set shows that instead.
    pub(super) fn show(
        &mut self,
        out: &mut Outbox<AppEffect>,
        upper: impl Into<String>,
        lower: impl Into<String>,
    ) {
        self.screen = Display::new(upper, lower);
        self.refresh(out);
    }

    fn refresh(&mut self, out: &mut Outbox<AppEffect>) {
        let now_shown = match self.carrier {
            true => self.screen.clone(),
            false => Display::new("Waiting for LAN link", "to come up"),
        };
        if now_shown != self.shown {
            self.shown.clone_from(&now_shown);
            self.tell(out, PhoneEvent::Display(now_shown));
        }
    }

    pub(super) fn has_carrier(&self) -> bool {
        self.carrier
    }

    pub(super) fn tell(&self, out: &mut Outbox<AppEffect>, event: PhoneEvent) {
        out.trace(TraceEvent::Phone(event));
    }
}

impl App for Phone {
    fn handle_host(&mut self, now: Instant, event: HostEvent, out: &mut Outbox<AppEffect>) {
        match event {
            HostEvent::Start => {
                self.state = self.power_up(now, out);
            }
            HostEvent::Stop => {
                self.halt(now, out);
                self.state = State::Off;
                self.carrier = false;
                self.screen = Display::default();
                self.shown = Display::default();
                self.tell(out, PhoneEvent::PowerDown);
                self.tell(out, PhoneEvent::Display(Display::default()));
            }
            HostEvent::Carrier(up) => {
                self.carrier = up;
                self.on(now, Event::Carrier(up), out);
            }
            // No source says what a set does about it: it goes on.
            HostEvent::AddressConflict(_) => {}
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
        } else {
            let event = self.tftp.handle_datagram(now, datagram, out);
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
            StreamEvent::PeerClosed => self.on(now, Event::Ended(stream, StreamEnd::Closed), out),
            StreamEvent::Ended(end) => self.on(now, Event::Ended(stream, end), out),
            // A set listens on no port.
            StreamEvent::Accepted { .. } => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        if let Some(event) = self.dhcp.handle_timeout(now, out) {
            self.on(now, Event::Dhcp(event), out);
        }
        if let Some(event) = self.tftp.handle_timeout(now, out) {
            self.on(now, Event::Tftp(event), out);
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
        let clients = earlier(self.dhcp.poll_timeout(), self.tftp.poll_timeout());
        earlier(own, clients)
    }
}

impl Phone {
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
            let Some(conversation) = main.phase.conversation(stream) else {
                return;
            };
            let event = match conversation.hear(&mut bytes) {
                Ok(Some(message)) => Event::Message(stream, message),
                Ok(None) => return,
                Err(_) => Event::Nonsense(stream),
            };
            self.on(now, event, out);
        }
    }

    /// The address of the element that it deals with, for displays.
    pub(super) fn icp(address: Ipv4Addr) -> String {
        format!("ICP {address}")
    }
}
