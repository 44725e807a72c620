//! What a set does as its element says: the set's side of `docs/registration-protocol.md`.
//!
//! A message that has no place at this point is answered by an Error, and ends the connection. Save PIN,
//! Clear PIN, Reset and Error have a place at any point of a conversation, and so has a message of a type that
//! the set does not know, which it ignores.

use std::sync::Arc;

use super::conversation::Conversation;
use super::display::Screen;
use super::machine::{Phone, State};
use super::phase::{Heartbeats, Main, Phase};
use super::register::Leave;
use crate::app::AppEffect;
use crate::outbox::{Outbox, PhoneEvent};
use crate::time::{Duration, Instant};
use crate::wire::reg::{Message, Reason, ResetKind, Target};

/// Redirects that one registration may follow (CL-8).
const REDIRECTS_MAX: u8 = 5;

impl Phone {
    /// Does what its element says.
    pub(super) fn told(
        &mut self,
        now: Instant,
        mut main: Main,
        phase: Phase,
        message: Message,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        main.phase = match (phase, message) {
            (phase, Message::SavePin { pin }) => {
                self.memory.pin = Some(pin.clone());
                self.tell(PhoneEvent::PinSaved { pin }, out);
                phase
            }
            (phase, Message::ClearPin { .. }) => {
                self.forget_pin(out);
                phase
            }
            (Phase::Acknowledgement { with, .. }, Message::PinRequest { reason }) => {
                self.prompt(with, reason, out)
            }
            (Phase::Acknowledgement { with, .. }, Message::Redirect { to, dn }) => {
                return self.redirected(now, main, with, &to, dn, out);
            }
            (Phase::Acknowledgement { with, .. }, Message::Registered { dn, heartbeat }) => {
                main.reset = false;
                main.server = 0;
                self.registered(now, with, dn, heartbeat, out)
            }
            (
                Phase::Communications {
                    with,
                    heartbeats,
                    dn,
                    ..
                },
                Message::CommunicationsUp,
            ) => {
                self.in_service(&with, dn, out);
                Phase::InService { with, heartbeats }
            }
            (Phase::InService { with, heartbeats }, Message::DnChanged { dn }) => {
                self.in_service(&with, dn.into(), out);
                Phase::InService { with, heartbeats }
            }
            (
                mut phase @ (Phase::Communications { .. } | Phase::InService { .. }),
                Message::HeartbeatAnswer,
            ) => {
                phase.answered();
                phase
            }
            (phase, Message::Reset { kind, reason }) => {
                return self.reset(now, main, phase, kind, reason, out);
            }
            (phase, Message::Error { reason, text }) => {
                let reason = reason.to_string();
                let mut why = format!("element reports an error: {reason}");
                // The text often says no more than the reason.
                if !text.is_empty() && text != reason {
                    why = format!("{why}, {text}");
                }
                return self.refused(now, main, phase, why, out, Conversation::close);
            }
            // Of a later edition of the protocol.
            (phase, Message::Unknown { .. }) => phase,
            (phase, message) => {
                let why = format!("element says {} out of place", message.name());
                return self.refused(now, main, phase, why, out, |with, out| {
                    with.refuse(&message, out);
                });
            }
        };
        State::Main(main)
    }

    fn prompt(&mut self, with: Conversation, reason: Reason, out: &mut Outbox<AppEffect>) -> Phase {
        self.show(Screen::EnterPin(reason), out);
        let reason = reason.to_string();
        self.tell(PhoneEvent::Prompted { reason }, out);
        Phase::Prompting(with)
    }

    fn registered(
        &mut self,
        now: Instant,
        with: Conversation,
        dn: String,
        heartbeat: Duration,
        out: &mut Outbox<AppEffect>,
    ) -> Phase {
        let element = with.element;
        self.show(Screen::WaitingForComms { element }, out);
        let phase = Phase::Communications {
            with,
            heartbeats: Heartbeats::new(now, heartbeat),
            dn: dn.as_str().into(),
            until: now + self.settings.times.answer,
        };
        self.tell(PhoneEvent::Registered { dn, element }, out);
        phase
    }

    fn in_service(&mut self, with: &Conversation, dn: Arc<str>, out: &mut Outbox<AppEffect>) {
        let element = with.element;
        let in_service = PhoneEvent::InService {
            dn: dn.to_string(),
            element,
        };
        self.show(Screen::InService { dn, element }, out);
        self.say_who(out);
        self.tell(in_service, out);
    }

    /// Goes to another element, up to five times a registration (CL-8). A set that does not support
    /// registration across a cluster goes nowhere, and shows the failure (DV-1).
    fn redirected(
        &mut self,
        now: Instant,
        mut main: Main,
        with: Conversation,
        to: &Target,
        dn: String,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let element = with.element;
        with.close(out);
        if !self.settings.supports_cluster() {
            let model = &self.settings.model;
            let reason = format!("redirected to {to}, which a {model} does not follow");
            let screen = Screen::RedirectIgnored(to.to_string().into());
            return self.failed(now, main, element, reason, screen, out);
        }
        if main.redirects >= REDIRECTS_MAX {
            let reason = format!("redirected to {to}: too many redirects");
            return self.not_reached(now, main, element, reason, out);
        }
        let redirected = PhoneEvent::Redirected {
            dn,
            to: to.to_string(),
        };
        self.tell(redirected, out);
        main.redirects += 1;
        self.connect(now, main, to, out)
    }

    /// Soft: registers again, at once if it was in service. Hard, or a kind that is not known: boots as after a
    /// power cycle, with what is in its memory.
    fn reset(
        &mut self,
        now: Instant,
        main: Main,
        phase: Phase,
        kind: ResetKind,
        reason: Reason,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let why = format!("reset by its element: {reason}");
        match kind {
            ResetKind::Soft if phase.in_service() => {
                self.leave(phase, Leave::Close, &why, out);
                self.begin_registration(now, main, out)
            }
            // A set that is reset each time it registers must not fill the network.
            ResetKind::Soft => self.lost(now, main, phase, Leave::Close, &why, out),
            ResetKind::Hard | ResetKind::Other(_) => {
                // The stack that would wait for the end of a FIN is gone in a moment.
                self.leave(phase, Leave::Abort, &why, out);
                if !self.settings.keeps_pin() {
                    self.forget_pin(out);
                }
                self.start_over(now, Screen::Dark, why, out)
            }
        }
    }
}
