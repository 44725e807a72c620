//! The steps of a run in which an administrator works at the elements.
//!
//! What an element refuses ends the run: nothing that follows would mean what it says.

use super::{Run, Stage};
use crate::controller::Done;
use crate::scenario::plan::{ElementId, Operation};
use crate::scenario::watch::Listener;

impl<L: Listener> Run<'_, L> {
    /// The same operation at each of these elements.
    pub(super) fn administer(&mut self, at: &[ElementId], operation: &Operation) -> Stage {
        if let (Some(shaken), Operation::Synchronise) = (&mut self.shaken, operation) {
            shaken.synchronised.extend(at);
        }
        for element in at {
            if let Err(why) = self.operate(*element, operation) {
                return self.stop(why);
            }
        }
        self.next_step()
    }

    /// DNs leave one element and come to another, each with its set (AD-7). The forms of Remote Directory
    /// Numbers follow by a synchronisation, and not before (CL-8).
    pub(super) fn move_dns(&mut self, dns: &[String], from: ElementId, to: ElementId) -> Stage {
        for dn in dns {
            let give = Operation::GiveDn { dn: dn.clone() };
            let taken = self.operate(from, &give).and_then(|Done { set: mac }| {
                let dn = dn.clone();
                self.operate(to, &Operation::TakeDn { dn, mac })
            });
            if let Err(why) = taken {
                return self.stop(why);
            }
        }
        self.next_step()
    }

    pub(super) fn operate(&mut self, at: ElementId, operation: &Operation) -> Result<Done, String> {
        let name = &self.plan.elements[at.0].name;
        let done = self
            .lab
            .with_element(at, &mut self.watch, |element, now, out| {
                element.administer(now, operation, out)
            });
        match done {
            Some(done) => done.map_err(|why| format!("{name} does not {operation}: {why}")),
            None => Err(format!("{name} has no power")),
        }
    }
}
