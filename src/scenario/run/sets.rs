//! What a run does with sets: power, cables, and users who type.

use super::{Run, Stage};
use crate::scenario::lab::Who;
use crate::scenario::plan::{Action, PhoneId, StepKind};
use crate::scenario::watch::Listener;
use crate::time::Instant;

/// How often in a row a user types the PIN that the set asks for, before giving up.
const USER_TRIES: u32 = 3;

impl<L: Listener> Run<'_, L> {
    /// Powers up the phones that are due.
    pub(super) fn power_up_due(&mut self, done: usize, began: Instant) -> Stage {
        let now = self.lab.world.now();
        let StepKind::Act(Action::PowerUp {
            phones,
            holding_star,
            over,
        }) = &self.plan.steps[self.step].kind
        else {
            return self.next_step();
        };
        let gap = *over / u32::try_from(phones.len().max(1)).unwrap_or(u32::MAX);
        let mut done = done;
        let mut next = began + gap * u32::try_from(done).unwrap_or(u32::MAX);
        while let Some(phone) = phones.get(done) {
            if next > now {
                return Stage::PoweringUp { done, began, next };
            }
            if *holding_star {
                self.lab
                    .with_phone(*phone, &mut self.watch, |phone, _, _| phone.hold_star());
            }
            let node = self.lab.phones[phone.0].node;
            self.lab.power(node, true, &mut self.watch);
            done += 1;
            next += gap;
        }
        self.next_step()
    }

    /// Plugs in the phones that were on their way.
    pub(super) fn arrive(&mut self) -> Stage {
        if let StepKind::Act(Action::Move { phones, to }) = &self.plan.steps[self.step].kind {
            for phone in phones {
                self.lab.plug_at(*phone, *to, &mut self.watch);
                let (node, jack) = (self.lab.segments[to.0].node, self.lab.phones[phone.0]);
                let who = Who::Phone(*phone);
                self.watch
                    .learn_port(self.plan, (node, jack.port), *to, who);
            }
        }
        self.next_step()
    }

    pub(super) fn enter_pin(&mut self, phone: PhoneId, pin: &str) -> bool {
        self.lab
            .with_phone(phone, &mut self.watch, |phone, now, out| {
                phone.enter_pin(now, pin, out)
            })
    }

    /// Users whose sets have asked for a PIN begin to type.
    pub(super) fn users_notice(&mut self) {
        let now = self.lab.world.now();
        while let Some(phone) = self.watch.prompted.pop() {
            let of = &self.plan.phones[phone.0];
            let prompts = self.watch.phones[phone.0].prompts;
            if of.user_pin.is_some() && prompts <= USER_TRIES {
                self.typing.set(phone.0, Some(now + of.user_delay));
            }
        }
    }

    /// Users whose time has come have typed.
    pub(super) fn users_type(&mut self) {
        let now = self.lab.world.now();
        while let Some(phone) = self.typing.pop_due(now) {
            let phone = PhoneId(phone);
            if let Some(pin) = &self.plan.phones[phone.0].user_pin {
                self.enter_pin(phone, pin);
            }
        }
    }
}
