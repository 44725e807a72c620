//! The people in front of the sets: they type PINs.

use super::Run;
use crate::scenario::plan::PhoneId;
use crate::scenario::watch::Listener;

/// How often in a row a user types the PIN that the set asks for, before giving up.
const USER_TRIES: u32 = 3;

impl<L: Listener> Run<'_, L> {
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
