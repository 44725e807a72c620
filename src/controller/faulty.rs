//! What an element with a fault does otherwise than one without.
//!
//! A layer on the way from a request to bytes, with nothing in it for an element without a fault:
//!
//! ```text
//!  stream ──▶ hears ──▶ request ──▶ decides ──▶ verdict ──▶ messages ──▶ says ──▶ bytes
//!                                                  └──▶ forms: has_mapped, has_lost_power
//!  trunks ──▶ says_on_trunks ──▶ bytes
//! ```
//!
//! What decides and answers stays as it is; a fault changes what goes in, or what comes out.

use std::collections::VecDeque;

use super::connections::Turn;
use super::element::{Effects, encode};
use super::fault::Fault;
use super::forms::Forms;
use super::registration::{Action, Request, Verdict, decide};
use crate::app::{AppEffect, StreamEvent, StreamId};
use crate::outbox::Out;
use crate::time::{Duration, Instant};
use crate::wire::Mac;
use crate::wire::reg::{HEADER_LEN, Message, Reason, ResetKind, Target};
use crate::wire::trunk;

/// The buffer for a PIN.
const PIN_BUFFER: usize = 16;
/// A set waits 30 s for an answer (`docs/registration-protocol.md`, Times).
const LATE: Duration = Duration::from_secs(35);
/// The table of connections.
const CONNECTIONS_MAX: u32 = 20;

/// A fault, and what it remembers.
#[derive(Debug)]
pub(super) struct Faulty {
    fault: Fault,
    /// The element's own address, where a redirect to itself leads.
    own: Target,
    /// The registration code that it was started with.
    first_code: String,
    /// The DN of the PIN that is being answered.
    asked: Option<String>,
    /// Connections that sets have opened since it has had power.
    accepted: u32,
    /// Messages said so far.
    said: u32,
    has_crashed: bool,
    /// Answers that wait, and when each is said: the earliest first.
    late: VecDeque<(Instant, StreamId, Vec<u8>)>,
}

/// What becomes of something that happened on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The element hears of it.
    Yes,
    /// It does not.
    No,
    /// It does not, and the connection has been aborted.
    Aborted,
}

impl Faulty {
    pub(super) fn new(fault: Fault, own: Target, forms: &Forms) -> Faulty {
        Faulty {
            fault,
            own,
            first_code: forms.access_codes().0.to_owned(),
            asked: None,
            accepted: 0,
            said: 0,
            has_crashed: false,
            late: VecDeque::new(),
        }
    }

    /// Something happens on a connection.
    pub(super) fn hears(
        &mut self,
        stream: StreamId,
        event: &StreamEvent<'_>,
        out: &mut Effects,
    ) -> Heard {
        let aborts = match event {
            // Its name is free already.
            StreamEvent::Ended(_) => return Heard::Yes,
            StreamEvent::PeerClosed if self.fault == Fault::HalfCloses => return Heard::No,
            StreamEvent::Accepted { .. } => {
                self.accepted += 1;
                let leaks = self.fault == Fault::LeaksConnections;
                self.has_crashed || (leaks && self.accepted > CONNECTIONS_MAX)
            }
            StreamEvent::Connected | StreamEvent::Received(_) | StreamEvent::PeerClosed => {
                self.has_crashed
            }
        };
        if aborts {
            out.push(AppEffect::Abort { stream });
            return Heard::Aborted;
        }
        Heard::Yes
    }

    /// The decision about a request.
    pub(super) fn decides(&mut self, forms: &Forms, request: &Request<'_>) -> Verdict {
        let pin = request.pin.map(|pin| self.reads(forms, pin));
        let pin = pin.as_deref();
        let is_long = pin.is_some_and(|pin| pin.len() > PIN_BUFFER);
        self.has_crashed |= self.fault == Fault::CrashesOnLongPin && is_long;
        let dn = pin
            .and_then(|pin| forms.split_pin(pin))
            .map(|(_, dn)| dn.to_owned());
        self.asked.clone_from(&dn);
        let request = Request {
            pin,
            reset: request.reset && self.fault != Fault::IgnoresReset,
            redirects: if self.fault == Fault::CountsNoRedirects {
                0
            } else {
                request.redirects
            },
            ..*request
        };
        let verdict = decide(forms, &request);
        let action = self.does(
            verdict.rule,
            verdict.action,
            dn,
            pin,
            forms.dn_of(request.mac),
        );
        Verdict { action, ..verdict }
    }

    /// A PIN as it is understood.
    fn reads(&self, forms: &Forms, pin: &str) -> String {
        let (code, _) = forms.access_codes();
        let is_known = forms.split_pin(pin).is_some();
        match (self.fault, pin.strip_prefix(&self.first_code)) {
            (Fault::KeepsOldCodes, Some(dn)) if !is_known => format!("{code}{dn}"),
            (Fault::ComparesOneCharacter, _) if !is_known && pin.starts_with(&code[..1]) => {
                format!("{code}{}", pin.trim_start_matches(&code[..1]))
            }
            (Fault::LosesStars, _) => match forms.split_pin(pin) {
                Some((_, dn)) => {
                    let code = &pin[..pin.len() - dn.len()];
                    let digits = dn.split(['*', '#']).next().unwrap_or_default();
                    format!("{code}{digits}")
                }
                None => pin.to_owned(),
            },
            _ => pin.to_owned(),
        }
    }

    /// What is done in place of what should be. `dn`: that of the PIN; `known`: that of the MAC.
    fn does(
        &self,
        rule: &str,
        action: Action,
        dn: Option<String>,
        pin: Option<&str>,
        known: Option<&str>,
    ) -> Action {
        let register = |dn: String| Action::Register {
            dn,
            save: pin.map(str::to_owned),
            because: "by its fault",
        };
        match (self.fault, rule, action, dn, known) {
            (Fault::PromptsProgrammed, "RG-11", ..) => Action::Prompt(Reason::NoPin),
            (Fault::IgnoresMac, "RG-4", ..) => Action::ClearAndPrompt(Reason::DnInUse),
            (Fault::GivesTakenDn, "RG-5", _, Some(dn), _)
            | (Fault::ReplacesWithoutMac, "RG-8", _, Some(dn), _) => register(dn),
            (Fault::PromptsReplacer, "RG-7", ..) => Action::Prompt(Reason::ReplacementNeedsMac),
            (Fault::TakesStalePin, "RG-12", Action::ClearAndPrompt(_), _, Some(known)) => {
                Action::Register {
                    dn: known.to_owned(),
                    save: None,
                    because: "by its fault",
                }
            }
            (Fault::PromptsForRemoteDn, _, Action::Redirect { .. }, ..) => {
                Action::Prompt(Reason::UnknownDn)
            }
            (Fault::RedirectsToItself, _, Action::Redirect { dn, save, .. }, ..) => {
                let to = self.own.clone();
                Action::Redirect { dn, save, to }
            }
            (_, _, action, ..) => action,
        }
    }

    /// A set was put at a DN where another was.
    pub(super) fn has_mapped(&self, forms: &mut Forms, dn: &str, replaced: Mac) {
        if self.fault == Fault::KeepsOldMac {
            forms.map(dn, replaced).expect("a set was at this DN");
        }
    }

    /// The element has no power any more. `forms` are what it finds when it has it again.
    pub(super) fn has_lost_power(&mut self, forms: &mut Forms) {
        self.accepted = 0;
        self.has_crashed = false;
        self.late.clear();
        if self.fault == Fault::ForgetsSetsOnRestart {
            let macs: Vec<Mac> = forms.sets().map(|(_, mac)| mac).collect();
            for mac in macs {
                forms.unmap(mac);
            }
        }
    }

    /// Says messages, in one piece.
    pub(super) fn says(
        &mut self,
        turn: Turn,
        messages: impl Iterator<Item = Message>,
        forms: &Forms,
        out: &mut Effects,
    ) {
        let stream = turn.stream;
        if self.has_crashed {
            return out.push(AppEffect::Abort { stream });
        }
        let messages = self.instead_of(messages.collect(), forms);
        if messages.is_empty() {
            return;
        }
        let is_answer = turn.sequence != 0 && messages != [Message::HeartbeatAnswer];
        let bytes = self.writes(turn.sequence, messages);
        if self.fault == Fault::AnswersLate && is_answer {
            return self.late.push_back((turn.now + LATE, stream, bytes));
        }
        out.push(AppEffect::SendStream { stream, bytes });
    }

    /// What is said in place of what should be.
    fn instead_of(&self, messages: Vec<Message>, forms: &Forms) -> Vec<Message> {
        let is_redirect = |it: &Message| matches!(it, Message::Redirect { .. });
        let redirects = messages.iter().any(is_redirect);
        let first = messages.last().and_then(|last| self.comes_first(last));
        let rest = messages
            .into_iter()
            .filter(|it| !self.leaves_out(it, redirects));
        let mut said: Vec<Message> = first.into_iter().chain(rest).collect();
        said.iter_mut().for_each(|it| self.words(it, forms));
        said
    }

    /// What is said before an answer that ends with `last`.
    fn comes_first(&self, last: &Message) -> Option<Message> {
        match (self.fault, last) {
            (Fault::ClearsPinAtDeletedMac, Message::Reset { reason, .. })
                if *reason == Reason::MacDeleted =>
            {
                Some(Message::ClearPin { reason: *reason })
            }
            (Fault::RegistersBeforeDeciding, Message::PinRequest { .. }) => {
                let dn = self.asked.clone().filter(|dn| !dn.is_empty())?;
                let heartbeat = Duration::from_secs(30);
                Some(Message::Registered { dn, heartbeat })
            }
            _ => None,
        }
    }

    /// Whether a message is not said. `redirects`: it comes with a redirect.
    fn leaves_out(&self, message: &Message, redirects: bool) -> bool {
        match (self.fault, message) {
            (Fault::SavesNoPin, Message::SavePin { .. }) => !redirects,
            (Fault::RedirectsWithoutSave, Message::SavePin { .. }) => redirects,
            (Fault::SaysNoCommunicationsUp, Message::CommunicationsUp)
            | (Fault::AnswersNoHeartbeats, Message::HeartbeatAnswer) => true,
            (
                Fault::KeepsReplacedInService,
                Message::ClearPin { reason } | Message::Reset { reason, .. },
            ) => *reason == Reason::Replaced,
            (Fault::KeepsDeletedDnInService, Message::Reset { reason, .. }) => {
                *reason == Reason::DnDeleted
            }
            (Fault::KeepsPinOfDeletedSet, Message::ClearPin { reason }) => {
                *reason == Reason::SetDeleted
            }
            _ => false,
        }
    }

    /// What a message says in place of what it should.
    fn words(&self, message: &mut Message, forms: &Forms) {
        match (self.fault, &mut *message) {
            (Fault::CutsLongPins, Message::SavePin { pin }) => pin.truncate(PIN_BUFFER),
            (Fault::OneReasonForAll, Message::PinRequest { reason }) => *reason = Reason::NoPin,
            (Fault::SaysDnOfAnother, Message::Registered { dn, .. }) => {
                if let Some(first) = forms.dns().next() {
                    first.clone_into(dn);
                }
            }
            (Fault::ResetsAtChangedDn, Message::DnChanged { .. }) => {
                let (kind, reason) = (ResetKind::Soft, Reason::DnDeleted);
                *message = Message::Reset { kind, reason };
            }
            _ => {}
        }
    }

    fn writes(&mut self, sequence: u32, messages: Vec<Message>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            self.said += 1;
            let sequence = if self.fault == Fault::NumbersItsOwnMessages {
                self.said
            } else {
                sequence
            };
            let start = bytes.len();
            bytes.extend(encode(sequence, [message]));
            if self.fault == Fault::CountsNoHeader {
                let fields = bytes.len() - start - HEADER_LEN;
                let length = u16::try_from(fields).expect("a message has at most 1024 bytes");
                bytes[start + 6..start + 8].copy_from_slice(&length.to_be_bytes());
            }
        }
        bytes
    }

    /// Hands on what the trunks do.
    pub(super) fn says_on_trunks(&self, mut done: Effects, out: &mut Effects) {
        for it in done.drain() {
            match it {
                Out::Effect(AppEffect::SendStream { bytes, .. })
                    if self.fault == Fault::AnswersNoKeepAlives
                        && bytes == trunk::Message::KeepAliveAnswer.encode() => {}
                Out::Effect(effect) => out.push(effect),
                Out::Trace(event) => out.trace(event),
            }
        }
    }

    /// When something is next said late.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.late.front().map(|(at, ..)| *at)
    }

    /// Says what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Effects) {
        while let Some((_, stream, bytes)) = self.late.pop_front_if(|(at, ..)| *at <= now) {
            out.push(AppEffect::SendStream { stream, bytes });
        }
    }
}
