//! Steps that do something to the network which no station of it would do by itself.

use std::sync::Arc;

use super::Run;
use crate::scenario::build::make;
use crate::scenario::lab::Who;
use crate::scenario::plan::{Action, FileChange, Place, Say};
use crate::scenario::watch::Listener;

impl<L: Listener> Run<'_, L> {
    /// A set or an element says something out of its turn.
    ///
    /// # Errors
    /// Why it can't, in words.
    pub(super) fn say(&mut self, say: &Say) -> Result<(), String> {
        let set = &self.plan.phones[say.set.0];
        let bytes = say.bytes.to_vec();
        let (who, to, said) = match say.by {
            None => {
                self.watch.oracle.disregard(say.set);
                let said = self
                    .lab
                    .with_phone(say.set, &mut self.watch, |phone, _, out| {
                        phone.say_bytes(bytes, out)
                    });
                (&set.name, "an element", said)
            }
            Some(element) => {
                let said = self
                    .lab
                    .with_element(element, &mut self.watch, |element, _, out| {
                        element.say_bytes(set.mac, bytes, out)
                    });
                let name = &self.plan.elements[element.0].name;
                (name, set.name.as_str(), said.unwrap_or(false))
            }
        };
        let why = || format!("{who} has no connection with {to} on which it could say that");
        said.then_some(()).ok_or_else(why)
    }

    /// A file changes, a clock jumps, a frame is sent. Of another action: nothing.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are not this file's"
    )]
    pub(super) fn disturb(&mut self, action: &Action) {
        let watch = &mut self.watch;
        match action {
            Action::ChangeFile {
                server,
                file,
                change,
            } => {
                let change = |before: &[u8]| -> Arc<[u8]> {
                    match change {
                        FileChange::CutTo(bytes) => before[..before.len().min(*bytes)].into(),
                        FileChange::Made(made) => make(made),
                    }
                };
                self.lab.change_file(*server, file, change, watch);
            }
            Action::JumpLeaseClock { server, by } => {
                // What was granted before ends at another time than clients and oracle think.
                watch.oracle.forget_leases();
                self.lab.jump_lease_clock(*server, *by, watch);
            }
            Action::Send(send) => match send.from {
                Place::Subnet(subnet) => {
                    let (switch, port) = self.lab.bare_port(subnet, watch);
                    let nobody = Who::Switch(subnet);
                    watch.learn_port(self.plan, (switch, port), subnet, nobody);
                    self.lab.arrive((switch, port), &send.frame, watch);
                }
                from => self.lab.send_from(from, &send.frame, watch),
            },
            _ => {}
        }
    }
}
