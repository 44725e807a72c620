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

use super::forms::Forms;
use super::registration::{Action, Request, Verdict, decide};
use crate::app::{App, AppEffect, Datagram, HostEvent, StreamEvent, StreamId};
use crate::outbox::{Decision, Outbox, TraceEvent};
use crate::time::{Deadline, Deadlines, Duration, Instant};
use crate::wire::Mac;
use crate::wire::reg::{Decoder, DeviceRegistration, Envelope, Message, PORT, Reason, ResetKind};

/// A connection without a Device Registration is closed after this time.
const REGISTRATION_WAIT: Duration = Duration::from_secs(30);
/// A prompted set that says nothing is let go after this time; its user has most likely gone away.
const PROMPT_WAIT: Duration = Duration::from_mins(30);
/// A set that was told to go, or that said goodbye, has this time to close the connection.
const LEAVE_WAIT: Duration = Duration::from_secs(10);

/// What an element is made from.
#[derive(Debug, Clone)]
pub struct ElementConfig {
    /// The element's name in the scenario.
    pub name: String,
    pub forms: Forms,
    /// How often a registered set says that it is there, in whole milliseconds. Zero: it need not.
    pub heartbeat: Duration,
}

/// An element. Its forms survive power; its connections do not.
#[derive(Debug)]
pub struct Element {
    config: ElementConfig,
    connections: BTreeMap<StreamId, Connection>,
    /// The connection of each set that is prompted or registered.
    by_mac: BTreeMap<Mac, StreamId>,
    deadlines: Deadlines<StreamId>,
}

#[derive(Debug)]
struct Connection {
    decoder: Decoder,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// For its Device Registration.
    Waiting,
    /// The user is to type a PIN.
    Prompted { mac: Mac, redirects: u8 },
    /// In service at this DN.
    Registered { mac: Mac, dn: String },
    /// Told to go: it closes the connection.
    Leaving,
    /// We have closed our side, and wait for the end.
    Closing,
}

impl Element {
    /// An element that has no power yet.
    pub fn new(config: ElementConfig) -> Element {
        Element {
            config,
            connections: BTreeMap::new(),
            by_mac: BTreeMap::new(),
            deadlines: Deadlines::default(),
        }
    }

    /// The element's name in the scenario.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What is programmed here, and which set is at which DN.
    pub fn forms(&self) -> &Forms {
        &self.config.forms
    }

    /// The same, to be changed. Sets in service learn nothing from a change (AD-6).
    pub fn forms_mut(&mut self) -> &mut Forms {
        &mut self.config.forms
    }

    /// The DN of this set in the database, in service or not.
    pub fn dn_of(&self, mac: Mac) -> Option<&str> {
        self.config.forms.dn_of(mac)
    }

    /// The set at this DN in the database, in service or not.
    pub fn mac_of(&self, dn: &str) -> Option<Mac> {
        self.config.forms.mac_of(dn)
    }

    /// Whether this set is in service here.
    pub fn connected(&self, mac: Mac) -> bool {
        let connection = self
            .by_mac
            .get(&mac)
            .and_then(|at| self.connections.get(at));
        connection.is_some_and(|at| matches!(at.state, State::Registered { .. }))
    }

    fn received(&mut self, now: Instant, stream: StreamId, mut bytes: &[u8], out: &mut Effects) {
        // A message can end the conversation, so the connection is looked up for each.
        while let Some(connection) = self.connections.get_mut(&stream) {
            if matches!(connection.state, State::Leaving | State::Closing) {
                return;
            }
            match connection.decoder.next(&mut bytes) {
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
        let Some(connection) = self.connections.get(&turn.stream) else {
            return;
        };
        match (&connection.state, message) {
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
                say(turn, [Message::HeartbeatAnswer], out);
                self.heard(turn);
            }
            // Types of a later edition of the protocol.
            (_, Message::Unknown { .. }) => self.heard(turn),
            (_, Message::Error { .. }) => self.close(turn, out),
            (_, message) => {
                let text = format!("{} has no place here", message.name());
                self.refuse(turn, Reason::UnexpectedMessage, text, out);
            }
        }
    }

    fn device_registration(&mut self, turn: Turn, device: &DeviceRegistration, out: &mut Effects) {
        if let Some(before) = self.by_mac.get(&device.mac).copied() {
            self.forget(before);
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
        let verdict = decide(&self.config.forms, request);
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
                say(turn, [Message::PinRequest { reason }], out);
                self.enter(turn, prompted);
            }
            Action::ClearAndPrompt(reason) => {
                let messages = [Message::ClearPin { reason }, Message::PinRequest { reason }];
                say(turn, messages, out);
                self.enter(turn, prompted);
            }
            Action::Redirect { dn, save, to } => {
                // RG-9: save first, so that the set can present its PIN at the other element.
                let messages = [Message::SavePin { pin: save }, Message::Redirect { to, dn }];
                say(turn, messages, out);
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
        let save = save.map(|pin| Message::SavePin { pin });
        let registered = Message::Registered {
            dn: dn.clone(),
            heartbeat: self.config.heartbeat,
        };
        let messages = save
            .into_iter()
            .chain([registered, Message::CommunicationsUp]);
        say(turn, messages, out);
        self.enter(turn, State::Registered { mac, dn });
        if let Some(replaced) = replaced {
            self.reset_replaced(turn.now, replaced, out);
        }
    }

    /// RG-6: the set that lost its DN is reset, and prompted when it comes back. Its PIN is cleared first:
    /// with the replacement code in it, two sets would take the DN from each other for ever.
    fn reset_replaced(&mut self, now: Instant, mac: Mac, out: &mut Effects) {
        let Some(stream) = self.by_mac.get(&mac).copied() else {
            return;
        };
        let turn = Turn::unasked(now, stream);
        let reason = Reason::Replaced;
        let kind = ResetKind::Soft;
        let messages = [
            Message::ClearPin { reason },
            Message::Reset { kind, reason },
        ];
        say(turn, messages, out);
        self.enter(turn, State::Leaving);
    }

    /// Says what is wrong and closes.
    fn refuse(&mut self, turn: Turn, reason: Reason, text: String, out: &mut Effects) {
        say(turn, [Message::Error { reason, text }], out);
        self.close(turn, out);
    }

    fn close(&mut self, turn: Turn, out: &mut Effects) {
        let stream = turn.stream;
        self.trace_lost(stream, out);
        out.push(AppEffect::Close { stream });
        self.enter(turn, State::Closing);
    }

    /// The connection goes over to `state`, with the deadline that belongs to it.
    fn enter(&mut self, turn: Turn, state: State) {
        let Some(connection) = self.connections.get_mut(&turn.stream) else {
            return;
        };
        let (before, after) = (mac_of(&connection.state), mac_of(&state));
        connection.state = state;
        match (before, after) {
            (_, Some(mac)) => self.by_mac.insert(mac, turn.stream),
            (Some(mac), None) => self.by_mac.remove(&mac),
            (None, None) => None,
        };
        self.set_deadline(turn);
    }

    /// The set spoke: a prompted or registered one gets its time again.
    fn heard(&mut self, turn: Turn) {
        let state = self.connections.get(&turn.stream).map(|at| &at.state);
        if state.and_then(mac_of).is_some() {
            self.set_deadline(turn);
        }
    }

    fn set_deadline(&mut self, turn: Turn) {
        let Some(connection) = self.connections.get(&turn.stream) else {
            return;
        };
        let wait = match connection.state {
            State::Waiting => Some(REGISTRATION_WAIT),
            State::Prompted { .. } => Some(PROMPT_WAIT),
            State::Registered { .. } => silence_max(self.config.heartbeat),
            State::Leaving | State::Closing => Some(LEAVE_WAIT),
        };
        self.deadlines
            .set(turn.stream, wait.map(|wait| turn.now + wait));
    }

    /// Takes a connection out of all tables.
    fn forget(&mut self, stream: StreamId) {
        self.deadlines.set(stream, None);
        let connection = self.connections.remove(&stream);
        if let Some(mac) = connection.and_then(|at| mac_of(&at.state)) {
            self.by_mac.remove(&mac);
        }
    }

    fn trace_lost(&self, stream: StreamId, out: &mut Effects) {
        let state = self.connections.get(&stream).map(|at| &at.state);
        if let Some(State::Registered { mac, dn }) = state {
            out.trace(TraceEvent::SetLost {
                mac: *mac,
                dn: dn.clone(),
            });
        }
    }

    fn timed_out(&mut self, now: Instant, stream: StreamId, out: &mut Effects) {
        let Some(connection) = self.connections.get(&stream) else {
            return;
        };
        match connection.state {
            State::Waiting | State::Prompted { .. } => {
                let reason = Reason::TimedOut;
                self.refuse(Turn::unasked(now, stream), reason, reason.to_string(), out);
            }
            State::Registered { .. } | State::Leaving | State::Closing => {
                self.trace_lost(stream, out);
                out.push(AppEffect::Abort { stream });
                self.forget(stream);
            }
        }
    }
}

/// When something is said, to whom, and in answer to which message.
#[derive(Debug, Clone, Copy)]
struct Turn {
    now: Instant,
    stream: StreamId,
    /// The number of the set's message; 0 where none is answered.
    sequence: u32,
}

impl Turn {
    fn unasked(now: Instant, stream: StreamId) -> Turn {
        Turn {
            now,
            stream,
            sequence: 0,
        }
    }
}

type Effects = Outbox<AppEffect>;

impl App for Element {
    fn handle_host(&mut self, _now: Instant, event: HostEvent, out: &mut Effects) {
        match event {
            HostEvent::Start => out.push(AppEffect::Listen { port: PORT }),
            HostEvent::Stop => {
                self.connections.clear();
                self.by_mac.clear();
                self.deadlines = Deadlines::default();
            }
            HostEvent::Carrier(_) | HostEvent::AddressConflict(_) => {}
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
        match event {
            StreamEvent::Accepted { .. } => {
                let connection = Connection {
                    decoder: Decoder::default(),
                    state: State::Waiting,
                };
                self.connections.insert(stream, connection);
                self.set_deadline(Turn::unasked(now, stream));
            }
            StreamEvent::Connected => {}
            StreamEvent::Received(bytes) => self.received(now, stream, bytes, out),
            StreamEvent::PeerClosed => {
                let state = self.connections.get(&stream).map(|at| &at.state);
                if state.is_some_and(|state| *state != State::Closing) {
                    self.close(Turn::unasked(now, stream), out);
                }
            }
            StreamEvent::Ended(_) => {
                self.trace_lost(stream, out);
                self.forget(stream);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Effects) {
        while let Some(stream) = self.deadlines.pop_due(now) {
            self.timed_out(now, stream, out);
        }
    }

    fn poll_timeout(&self) -> Deadline {
        self.deadlines.next().map(|at| (at, "silence of a set"))
    }
}

/// The set of a conversation that has come to the point of having one.
fn mac_of(state: &State) -> Option<Mac> {
    match state {
        State::Prompted { mac, .. } | State::Registered { mac, .. } => Some(*mac),
        State::Waiting | State::Leaving | State::Closing => None,
    }
}

/// How long a registered set may be silent: three heartbeats missed, and half an interval for the way.
fn silence_max(heartbeat: Duration) -> Option<Duration> {
    (!heartbeat.is_zero()).then(|| heartbeat * 7 / 2)
}

/// Sends messages as one piece.
fn say(turn: Turn, messages: impl IntoIterator<Item = Message>, out: &mut Effects) {
    let bytes = messages
        .into_iter()
        .flat_map(|message| Envelope::new(turn.sequence, message).encode())
        .collect();
    out.push(AppEffect::SendStream {
        stream: turn.stream,
        bytes,
    });
}
