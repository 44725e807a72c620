//! Steps that do something to the network which no station of it would do by itself.

use std::sync::Arc;

use super::Run;
use crate::scenario::build::make;
use crate::scenario::lab::Who;
use crate::scenario::plan::{Action, FileChange, Place};
use crate::scenario::watch::Listener;

impl<L: Listener> Run<'_, L> {
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
