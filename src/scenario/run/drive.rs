//! A run as its driver sees it: time, frames at the edges, programs.

use super::super::lab::Station;
use super::super::plan::{Action, Exec, StepKind};
use super::super::units::show_duration;
use super::super::watch::Listener;
use super::{Run, Stage};
use crate::sim::{Drive, Edge, EdgeId, End, Ended, Halt, Next, Program, ProgramEnd, ProgramId};
use crate::time::Instant;
use crate::wire::Frame;

impl<L: Listener> Drive for Run<'_, L> {
    fn advance(&mut self, now: Instant) -> Next {
        loop {
            self.users_notice();
            self.settle();
            self.consult();
            if matches!(self.stage, Stage::Done) {
                return Next::Finished;
            }
            let due = match (self.lab.world.next(), self.deadline()) {
                (Some(event), Some(deadline)) => event.min(deadline),
                (Some(only), None) | (None, Some(only)) => only,
                (None, None) => {
                    // Time goes on all the same: what comes from outside next comes at its own time.
                    self.lab.world.step(now, &mut self.watch);
                    return Next::Outside;
                }
            };
            if due > now {
                self.lab.world.step(now, &mut self.watch);
                return Next::At(due);
            }
            if !self.lab.world.step(due, &mut self.watch) {
                self.deadline_reached();
            }
        }
    }

    fn frame_in(&mut self, now: Instant, edge: EdgeId, frame: &Frame) {
        let Some(node) = self.edge_node(edge) else {
            return;
        };
        self.advance(now);
        let port = Edge::PORT;
        self.lab
            .world
            .transmit(End { node, port }, frame, &mut self.watch);
    }

    fn frame_out(&mut self, edge: EdgeId) -> Option<Frame> {
        let node = self.edge_node(edge)?;
        self.lab
            .world
            .with(node, &mut self.watch, |station, _, _| match station {
                Station::Edge(edge) => edge.take(),
                Station::Switch(_) | Station::Gateway(_) | Station::Host(_) => None,
            })
    }

    fn program(&mut self) -> Option<Program> {
        self.programs.next_wanted()
    }

    fn halt(&mut self) -> Option<(ProgramId, Halt)> {
        self.programs.next_halt()
    }

    fn program_ready(&mut self, now: Instant, program: ProgramId) {
        self.advance(now);
        self.programs.ready(program);
        self.watch.changed = true;
    }

    fn program_ended(&mut self, now: Instant, program: ProgramId, end: ProgramEnd) {
        self.advance(now);
        self.watch.changed = true;
        if self.exec != Some(program) {
            if self.driver_ended(program, &end) {
                return;
            }
            if let Some((station, wrong)) = self.programs.ended(program, end) {
                let name = station.name(self.plan);
                self.stage = self.stop(format!("the program of {name} {wrong}"));
            }
            return;
        }
        self.exec = None;
        if !matches!(self.stage, Stage::Program) {
            return;
        }
        let StepKind::Act(Action::Exec(exec)) = &self.plan.steps[self.step].kind else {
            return;
        };
        self.stage = match fault(exec, &end) {
            None => self.next_step(),
            Some(fault) => {
                let command = exec.command.join(" ");
                let output = end.output.trim_end();
                let said = if output.is_empty() {
                    ""
                } else {
                    "; it said:\n"
                };
                self.stop(format!("`{command}`: {fault}{said}{output}"))
            }
        };
    }
}

/// What is wrong with a command's end, if anything is.
fn fault(exec: &Exec, end: &ProgramEnd) -> Option<String> {
    match &end.how {
        Ended::Status(status) if *status != exec.status => {
            Some(format!("exit status {status}, expected {}", exec.status))
        }
        Ended::Status(_) => {
            let missing = exec.prints.iter().find(|text| !end.output.contains(*text));
            missing.map(|text| format!("its output lacks `{text}`"))
        }
        Ended::Signal => Some("killed by a signal".to_owned()),
        Ended::OutOfTime => {
            let time = show_duration(exec.within);
            Some(format!("killed, as it was still running after {time}"))
        }
        Ended::WithTheRun => Some("still running when the run ended".to_owned()),
        Ended::NotStarted(reason) => Some(reason.clone()),
    }
}
