//! One element as an app: it listens on TCP port 6800 and holds a conversation with each set.
//!
//! ```text
//!  Accepted ─▶ Waiting ── Device Registration ─▶ decide ─┬─▶ Registered ── 3 heartbeats missed ─▶ aborted
//!                 │ 30 s                         ▲       ├─▶ Leaving (redirected) ── 10 s ─▶ aborted
//!                 ▼                    PIN Entry │       │       ▲ Reset, for example RG-6
//!               Error, close                     └─ Prompted ── 30 min ─▶ Error, close
//! ```
//!
//! A set that types wrong PINs is prompted again each time, without a limit: the source has none. Bytes that
//! are no message, and messages that have no place, are answered by an Error and the end of the connection;
//! the DN database is not touched by that. A second connection of one MAC ends the first, which is most
//! likely half open: the set was moved or lost power.

use std::collections::BTreeMap;

use super::connections::{Connections, State, Turn};
use super::fault::Fault;
use super::faulty::{Faulty, Heard};
use super::forms::{Forms, Trunk};
use super::forms_data::FormsData;
use super::registration::{Action, Request, decide};
use super::trunks::{Numbers, TrunkConfig, Trunks};
use crate::app::{App, AppEffect, Datagram, HostEvent, StreamEvent, StreamId};
use crate::outbox::{Decision, Outbox, TraceEvent};
use crate::time::{Deadline, Duration, Instant, earlier};
use crate::wire::Mac;
use crate::wire::reg::{DeviceRegistration, Envelope, Message, PORT, Reason, ResetKind, Target};

/// What an element is made from.
#[derive(Debug, Clone)]
pub struct ElementConfig {
    pub forms: Forms,
    /// How often a registered set says that it is there, in whole milliseconds. Zero: it need not.
    pub heartbeat: Duration,
    pub trunks: TrunkConfig,
}

/// An element. Its forms survive power; its connections do not.
#[derive(Debug)]
pub struct Element {
    config: ElementConfig,
    connections: Connections,
    trunks: Trunks,
    /// Sets in service at DNs that have gone to another element, until a synchronisation says to which (AD-7).
    given: BTreeMap<String, Mac>,
    /// What it does wrong, if it was asked to.
    faulty: Option<Box<Faulty>>,
}

impl Element {
    /// An element that has no power yet.
    pub fn new(config: ElementConfig) -> Element {
        let connections = Connections::new(config.heartbeat);
        let trunks = Trunks::new(config.trunks.clone());
        Element {
            config,
            connections,
            trunks,
            given: BTreeMap::new(),
            faulty: None,
        }
    }

    /// The same element with a fault. `own`: what it takes for its own address.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault, own: Target) -> Element {
        self.faulty = Some(Box::new(Faulty::new(fault, own, &self.config.forms)));
        self
    }

    /// What is programmed here.
    pub fn forms(&self) -> &Forms {
        &self.config.forms
    }

    /// What is programmed here, to be changed. Sets in service learn nothing from a change (AD-6).
    pub(super) fn forms_mut(&mut self) -> &mut Forms {
        &mut self.config.forms
    }

    /// The set at this DN in the database, in service or not.
    pub fn mac_of(&self, dn: &str) -> Option<Mac> {
        self.config.forms.mac_of(dn)
    }

    /// The set at this DN in the database, or the one that stays there in service although the DN has gone to
    /// another element (AD-7).
    pub fn set_at(&self, dn: &str) -> Option<Mac> {
        self.mac_of(dn).or_else(|| self.given.get(dn).copied())
    }

    /// The DN of a set that is in service here, as the element last told it.
    pub fn in_service(&self, mac: Mac) -> Option<&str> {
        match self.connections.state(self.connections.of(mac)?)? {
            State::Registered { dn, .. } => Some(dn),
            State::Waiting | State::Prompted { .. } | State::Leaving | State::Closing => None,
        }
    }

    /// Says these bytes to a set that is prompted or registered, whatever they are; false if it has no such connection.
    pub fn say_bytes(&self, mac: Mac, bytes: Vec<u8>, out: &mut Effects) -> bool {
        let stream = self.connections.of(mac);
        if let Some(stream) = stream {
            out.push(AppEffect::SendStream { stream, bytes });
        }
        stream.is_some()
    }

    /// Whether the IP trunk to the element with this ICP/PBX number is up.
    pub fn trunk_is_up(&self, icp: u16) -> bool {
        self.trunks.is_up(icp)
    }

    /// The ICP/PBX number of each IP trunk, and whether it is up.
    pub(super) fn ip_trunks(&self) -> impl Iterator<Item = (u16, bool)> + '_ {
        let rows = self.config.forms.trunk_rows();
        let ip = rows.filter(|(_, trunk)| matches!(trunk, Trunk::Ip(_)));
        ip.map(|(icp, _)| (icp, self.trunk_is_up(icp)))
    }

    /// A DN has gone to another element, and a set is in service at it.
    pub(super) fn note_given(&mut self, dn: String, mac: Mac) {
        self.given.insert(dn, mac);
    }

    /// What outlives power are the forms as data (`docs/forms.schema.json`): an element starts with what those say.
    fn read_forms(&mut self) {
        let stored = FormsData::from(&self.config.forms);
        self.config.forms =
            Forms::try_from(&stored).expect("forms can be read as they are written");
    }

    /// Sends the DNs of this element to all others (CL-8).
    pub(super) fn synchronise(&mut self, now: Instant, out: &mut Effects) {
        self.trunks.synchronise(now, &self.config.forms, out);
    }

    /// Another element's DNs are written. Sets at those that were given to it start over, and are redirected.
    fn write(&mut self, now: Instant, numbers: &Numbers, out: &mut Effects) {
        let forms = &mut self.config.forms;
        let digits = forms.digits_of(numbers.icp).map(str::to_owned);
        let written = digits.map(|digits| forms.replace_remote(&digits, &numbers.dns));
        if !matches!(written, Some(Ok(()))) {
            return;
        }
        self.trunks.written(numbers, out);
        for dn in &numbers.dns {
            if let Some(mac) = self.given.remove(dn)
                && self.in_service(mac) == Some(dn)
            {
                let (kind, reason) = (ResetKind::Soft, Reason::DnMoved);
                self.send_away(now, mac, [Message::Reset { kind, reason }], out);
            }
        }
    }

    /// Something happened to a connection of the trunks.
    fn on_trunk(&mut self, now: Instant, event: (StreamId, StreamEvent<'_>), out: &mut Effects) {
        let forms = &self.config.forms;
        let Some(faulty) = &self.faulty else {
            return self.trunks.handle_stream(now, event, forms, out);
        };
        let mut done = Effects::default();
        self.trunks.handle_stream(now, event, forms, &mut done);
        faulty.says_on_trunks(done, out);
    }

    fn received(&mut self, now: Instant, stream: StreamId, mut bytes: &[u8], out: &mut Effects) {
        loop {
            match self.connections.next_message(stream, &mut bytes) {
                Ok(Some(envelope)) => {
                    let turn = Turn {
                        now,
                        stream,
                        sequence: envelope.sequence,
                    };
                    self.handle_message(turn, envelope.message, out);
                }
                Ok(None) => return,
                Err(error) => {
                    let turn = Turn::unasked(now, stream);
                    return self.refuse(turn, Reason::from(error), error.to_string(), out);
                }
            }
        }
    }

    fn handle_message(&mut self, turn: Turn, message: Message, out: &mut Effects) {
        let Some(state) = self.connections.state(turn.stream) else {
            return;
        };
        match (state, message) {
            (State::Waiting, Message::DeviceRegistration(device)) => {
                self.device_registration(turn, &device, out);
            }
            (State::Prompted { mac, redirects }, Message::PinEntry { pin }) => {
                let request = Request {
                    mac: *mac,
                    pin: Some(&pin),
                    typed_now: true,
                    reset: false,
                    redirects: *redirects,
                };
                self.answer(turn, &request, out);
            }
            (State::Prompted { .. } | State::Registered { .. }, Message::Heartbeat) => {
                self.say(turn, [Message::HeartbeatAnswer], out);
                self.connections.heard(turn.now, turn.stream);
            }
            // Types of a later edition of the protocol.
            (_, Message::Unknown { .. }) => self.connections.heard(turn.now, turn.stream),
            (_, Message::Error { .. }) => self.close(turn, out),
            (_, message) => {
                let text = format!("{} has no place here", message.name());
                self.refuse(turn, Reason::UnexpectedMessage, text, out);
            }
        }
    }

    fn device_registration(&mut self, turn: Turn, device: &DeviceRegistration, out: &mut Effects) {
        if let Some(before) = self.connections.of(device.mac) {
            self.connections.forget(before);
            out.push(AppEffect::Abort { stream: before });
        }
        let request = Request {
            mac: device.mac,
            pin: device.pin.as_deref(),
            typed_now: false,
            reset: device.reset,
            redirects: device.redirects,
        };
        self.answer(turn, &request, out);
    }

    /// Decides, says so, and does it.
    fn answer(&mut self, turn: Turn, request: &Request<'_>, out: &mut Effects) {
        let mac = request.mac;
        let forms = &self.config.forms;
        let verdict = match &mut self.faulty {
            None => decide(forms, request),
            Some(faulty) => faulty.decides(forms, request),
        };
        out.trace(TraceEvent::Decision(Decision {
            rule: verdict.rule,
            mac,
            pin: request.pin.map(str::to_owned),
            answer: verdict.answer(),
            reason: verdict.reason(),
        }));
        if verdict.releases {
            self.config.forms.unmap(mac);
        }
        let prompted = State::Prompted {
            mac,
            redirects: request.redirects,
        };
        match verdict.action {
            Action::Register { dn, save, .. } => self.register(turn, mac, dn, save, out),
            Action::Prompt(reason) => {
                self.say(turn, [Message::PinRequest { reason }], out);
                self.enter(turn, prompted);
            }
            Action::ClearAndPrompt(reason) => {
                let messages = [Message::ClearPin { reason }, Message::PinRequest { reason }];
                self.say(turn, messages, out);
                self.enter(turn, prompted);
            }
            Action::Redirect { dn, save, to } => {
                // RG-9: save first, so that the set can present its PIN at the other element.
                let messages = [Message::SavePin { pin: save }, Message::Redirect { to, dn }];
                self.say(turn, messages, out);
                self.enter(turn, State::Leaving);
            }
            Action::Refuse(reason) => self.refuse(turn, reason, reason.to_string(), out),
        }
    }

    fn register(
        &mut self,
        turn: Turn,
        mac: Mac,
        dn: String,
        save: Option<String>,
        out: &mut Effects,
    ) {
        let forms = &mut self.config.forms;
        // A DN of the automatic range comes into the Telephone Directory by being taken (RG-13).
        let mapped = forms.add_dn(&dn).and_then(|()| forms.map(&dn, mac));
        let replaced = mapped.expect("a verdict registers at a local or automatic DN");
        if let (Some(faulty), Some(replaced)) = (&self.faulty, replaced) {
            faulty.has_mapped(forms, &dn, replaced);
        }
        let save = save.map(|pin| Message::SavePin { pin });
        let registered = Message::Registered {
            dn: dn.clone(),
            heartbeat: self.config.heartbeat,
        };
        let then = [registered, Message::CommunicationsUp];
        self.say(turn, save.into_iter().chain(then), out);
        self.enter(turn, State::Registered { mac, dn });
        if let Some(replaced) = replaced {
            self.reset_replaced(turn.now, replaced, out);
        }
    }

    /// RG-6: the set that lost its DN is reset, and prompted when it comes back. Its PIN is cleared first:
    /// with the replacement code in it, two sets would take the DN from each other for ever.
    fn reset_replaced(&mut self, now: Instant, mac: Mac, out: &mut Effects) {
        let reason = Reason::Replaced;
        let reset = Message::Reset {
            kind: ResetKind::Soft,
            reason,
        };
        self.send_away(now, mac, [Message::ClearPin { reason }, reset], out);
    }

    /// Says this to a set that has a connection, which then closes it: the last message tells it to go.
    pub(super) fn send_away(
        &mut self,
        now: Instant,
        mac: Mac,
        messages: impl IntoIterator<Item = Message>,
        out: &mut Effects,
    ) {
        let Some(stream) = self.connections.of(mac) else {
            return;
        };
        let turn = Turn::unasked(now, stream);
        self.say(turn, messages, out);
        self.enter(turn, State::Leaving);
    }

    /// A set in service has another DN from now on, and learns it at once (AD-2).
    pub(super) fn rename(&mut self, now: Instant, mac: Mac, dn: String, out: &mut Effects) {
        let Some(stream) = self.connections.of(mac) else {
            return;
        };
        if self.in_service(mac).is_none() {
            return;
        }
        let turn = Turn::unasked(now, stream);
        self.say(turn, [Message::DnChanged { dn: dn.clone() }], out);
        self.enter(turn, State::Registered { mac, dn });
    }

    /// Says what is wrong and closes.
    fn refuse(&mut self, turn: Turn, reason: Reason, text: String, out: &mut Effects) {
        self.say(turn, [Message::Error { reason, text }], out);
        self.close(turn, out);
    }

    /// Sends messages as one piece.
    fn say(&mut self, turn: Turn, messages: impl IntoIterator<Item = Message>, out: &mut Effects) {
        let (stream, forms) = (turn.stream, &self.config.forms);
        match &mut self.faulty {
            None => out.push(AppEffect::SendStream {
                stream,
                bytes: encode(turn.sequence, messages),
            }),
            Some(faulty) => faulty.says(turn, messages.into_iter(), forms, out),
        }
    }

    fn close(&mut self, turn: Turn, out: &mut Effects) {
        let stream = turn.stream;
        self.trace_lost(stream, out);
        out.push(AppEffect::Close { stream });
        self.enter(turn, State::Closing);
    }

    fn enter(&mut self, turn: Turn, state: State) {
        self.connections.enter(turn.now, turn.stream, state);
    }

    fn trace_lost(&self, stream: StreamId, out: &mut Effects) {
        if let Some(State::Registered { mac, dn }) = self.connections.state(stream) {
            out.trace(TraceEvent::SetLost {
                mac: *mac,
                dn: dn.clone(),
            });
        }
    }

    fn timed_out(&mut self, now: Instant, stream: StreamId, out: &mut Effects) {
        match self.connections.state(stream) {
            Some(State::Waiting | State::Prompted { .. }) => {
                let reason = Reason::TimedOut;
                self.refuse(Turn::unasked(now, stream), reason, reason.to_string(), out);
            }
            Some(State::Registered { .. } | State::Leaving | State::Closing) => {
                self.trace_lost(stream, out);
                out.push(AppEffect::Abort { stream });
                self.connections.forget(stream);
            }
            None => {}
        }
    }
}

pub(super) type Effects = Outbox<AppEffect>;

impl App for Element {
    fn handle_host(&mut self, now: Instant, event: HostEvent, out: &mut Effects) {
        match event {
            HostEvent::Start => {
                self.read_forms();
                out.push(AppEffect::Listen { port: PORT });
                self.trunks.start(now, &self.config.forms, out);
            }
            HostEvent::Stop => {
                self.connections.clear();
                self.trunks.stop();
                self.given.clear();
                if let Some(faulty) = &mut self.faulty {
                    faulty.has_lost_power(&mut self.config.forms);
                }
            }
            HostEvent::Carrier(_) | HostEvent::AddressConflict(_) | HostEvent::Refused { .. } => {}
        }
    }

    fn handle_datagram(&mut self, _now: Instant, _datagram: &Datagram<'_>, _out: &mut Effects) {}

    fn handle_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        event: StreamEvent<'_>,
        out: &mut Effects,
    ) {
        if self.trunks.takes(stream, &event) {
            return self.on_trunk(now, (stream, event), out);
        }
        let heard = match &mut self.faulty {
            None => Heard::Yes,
            Some(faulty) => faulty.hears(stream, &event, out),
        };
        match heard {
            Heard::Yes => {}
            Heard::No => return,
            Heard::Aborted => return self.connections.forget(stream),
        }
        match event {
            StreamEvent::Accepted { .. } => self.connections.accept(now, stream),
            StreamEvent::Connected => {}
            StreamEvent::Received(bytes) => self.received(now, stream, bytes, out),
            StreamEvent::PeerClosed => match self.connections.state(stream) {
                Some(State::Closing) | None => {}
                Some(_) => self.close(Turn::unasked(now, stream), out),
            },
            StreamEvent::Ended(_) => {
                self.trace_lost(stream, out);
                self.connections.forget(stream);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Effects) {
        while let Some(stream) = self.connections.pop_due(now) {
            self.timed_out(now, stream, out);
        }
        if let Some(faulty) = &mut self.faulty {
            faulty.handle_timeout(now, out);
        }
        while let Some(numbers) = self.trunks.handle_timeout(now, out) {
            self.write(now, &numbers, out);
        }
    }

    fn poll_timeout(&self) -> Deadline {
        let set = self.connections.next_deadline();
        let trunk = self.trunks.next_deadline();
        let faulty = self.faulty.as_ref().and_then(|it| it.next_deadline());
        let ours = earlier(
            set.map(|at| (at, "silence of a set")),
            trunk.map(|at| (at, "trunk")),
        );
        earlier(ours, faulty.map(|at| (at, "late answer")))
    }
}

/// Messages as one piece.
pub(super) fn encode(sequence: u32, messages: impl IntoIterator<Item = Message>) -> Vec<u8> {
    let messages = messages.into_iter();
    let encoded = messages.flat_map(|message| Envelope::new(sequence, message).encode());
    encoded.collect()
}

#[cfg(test)]
mod tests;
