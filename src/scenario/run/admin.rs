//! The steps of a run in which an administrator works at the elements.
//!
//! What an element refuses ends the run: nothing that follows would mean what it says. An element that is a program is
//! asked through its driver, which takes its time; the others do it at once.

use std::collections::VecDeque;

use super::{Run, Stage};
use crate::controller::{Done, Request};
use crate::scenario::plan::{ElementId, Operation, ProgramIs, StationId};
use crate::scenario::watch::Listener;
use crate::wire::Mac;

/// What is left to do of a step.
#[derive(Debug)]
pub(super) enum Task {
    Do(ElementId, Operation),
    /// A DN leaves one element and comes to another, with its set (AD-7). The forms of Remote Directory Numbers
    /// follow by a synchronisation, and not before (CL-8).
    Move {
        dn: String,
        from: ElementId,
        to: ElementId,
    },
}

impl Task {
    /// What comes first of it.
    fn operation(&self) -> (ElementId, Operation) {
        match self {
            Task::Do(at, operation) => (*at, operation.clone()),
            Task::Move { dn, from, .. } => (*from, Operation::GiveDn { dn: dn.clone() }),
        }
    }

    /// What comes after that was done for this set.
    fn rest(self, set: Option<Mac>) -> Option<Task> {
        match self {
            Task::Do(..) => None,
            Task::Move { dn, to, .. } => Some(Task::Do(to, Operation::TakeDn { dn, mac: set })),
        }
    }
}

impl<L: Listener> Run<'_, L> {
    /// The same operation at each of these elements.
    pub(super) fn administer(&mut self, at: &[ElementId], operation: &Operation) -> Stage {
        let tasks = at.iter().map(|at| Task::Do(*at, operation.clone()));
        self.administer_all(tasks.collect())
    }

    /// DNs become another element's.
    pub(super) fn move_dns(&mut self, dns: &[String], from: ElementId, to: ElementId) -> Stage {
        let task = |dn: &String| Task::Move {
            dn: dn.clone(),
            from,
            to,
        };
        self.administer_all(dns.iter().map(task).collect())
    }

    /// Does what can be done at once, to the end or to the first that a driver has to be asked.
    fn administer_all(&mut self, mut tasks: VecDeque<Task>) -> Stage {
        while let Some(task) = tasks.pop_front() {
            let (at, operation) = task.operation();
            if self.outside(at).is_some() {
                if self
                    .programs
                    .is(StationId::Element(at), ProgramIs::NotRunning)
                {
                    let name = &self.plan.elements[at.0].name;
                    return self.stop(format!("{name} has no power"));
                }
                tasks.push_front(task);
                self.outsiders.ask(at, Request::Do(operation));
                self.ask_next();
                return Stage::Administering(tasks);
            }
            match self.operate(at, &operation) {
                Ok(Done { set }) => {
                    if let Some(rest) = task.rest(set) {
                        tasks.push_front(rest);
                    }
                }
                Err(why) => return self.stop(why),
            }
        }
        self.next_step()
    }

    /// A driver has done the first of the tasks, for this set.
    pub(super) fn administered(&mut self, set: Option<Mac>) -> Stage {
        let Stage::Administering(tasks) = &mut self.stage else {
            return std::mem::replace(&mut self.stage, Stage::Done);
        };
        let mut tasks = std::mem::take(tasks);
        if let Some(rest) = tasks.pop_front().and_then(|task| task.rest(set)) {
            tasks.push_front(rest);
        }
        self.administer_all(tasks)
    }

    fn operate(&mut self, at: ElementId, operation: &Operation) -> Result<Done, String> {
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
