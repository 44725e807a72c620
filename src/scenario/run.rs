//! A run: a plan's steps against its lab, under whichever driver.
//!
//! Steps follow each other. A step begins when the one before has ended, at the very moment at which it
//! did, and before anything else that happens at that moment. Expectations are looked at after each event
//! that could have changed them. Users type their PINs here: they are not part of their sets.

mod admin;
mod ask;
mod disturb;
mod drive;
mod judge;
mod outside;
mod programs;
mod sets;
mod shaken;
mod stations;

use std::collections::VecDeque;

use super::build::{BuildError, Files, build, outside_forms};
use super::faults::Faults;
use super::lab::Lab;
use super::outcome::{Outcome, Stopped, Verdict, Violation};
use super::plan::{
    Action, Control, ElementId, HostId, HostKind, PhoneId, Plan, ProgramIs, StationId, StepKind,
};
use super::recorder::Recorder;
use super::tally::Tally;
use super::watch::{Listener, Watch};
use crate::dhcp::LeaseRecord;
use crate::sim::{EdgeId, ProgramId};
use crate::time::{Deadlines, Duration, Instant};
use admin::Task;
pub use outside::FORMS_FILE;
pub(super) use outside::Outsiders;
pub(super) use programs::Programs;
use programs::READY_WITHIN;
use shaken::Shaken;

/// From pulling a phone's cable until it is in its new port: a user walks.
const MOVE_TIME: Duration = Duration::from_secs(2);

/// A plan that is being run.
#[derive(Debug)]
pub struct Run<'p, L> {
    plan: &'p Plan,
    lab: Lab,
    watch: Watch<L>,
    /// Index of the step that is being done.
    step: usize,
    stage: Stage,
    /// When each user has typed the PIN that the set asks for.
    typing: Deadlines<usize>,
    verdicts: Vec<Verdict>,
    stopped: Option<Stopped>,
    violation: Option<Violation>,
    /// Why it is neither passed nor failed.
    skipped: Option<String>,
    pub(super) programs: Programs,
    outsiders: Outsiders,
    /// The program of the present step.
    exec: Option<ProgramId>,
    /// After the last step it goes on until its driver ends it.
    stands: bool,
    faults: Faults,
    /// A mix of faults lies over it.
    shaken: Option<Box<Shaken>>,
}

/// How far the present step is.
#[derive(Debug)]
enum Stage {
    /// It has not begun.
    Begin,
    /// Phones get power, the next of them at `next`.
    PoweringUp {
        done: usize,
        began: Instant,
        next: Instant,
    },
    /// Phones are on their way to another port.
    Moving {
        until: Instant,
    },
    Waiting {
        until: Instant,
    },
    Expecting {
        until: Instant,
        /// The expectation that did not fit when last looked at.
        blocked: usize,
        /// For each expectation: the phone that decided when last looked at.
        starts: Vec<usize>,
        /// The expectations on frames: they alone can be lost before their time is up.
        counts: Vec<usize>,
    },
    /// A program runs behind an edge.
    Program,
    /// Programs of hosts are on their way to be ready: before the first step (`None`), or as a step wants.
    Starting {
        host: Option<StationId>,
        until: Instant,
    },
    /// The program of a station is on its way to its end.
    Ending(StationId),
    /// Drivers of elements are asked, before this.
    Asking(Then),
    /// The driver of an element does the first of this.
    Administering(VecDeque<Task>),
    /// All steps are done, and a shaken network is left alone. At `look` users come back.
    Settling {
        until: Instant,
        look: Instant,
    },
    /// All steps are done, and what stands there goes on serving.
    Standing,
    Done,
}

/// What comes when drivers have answered.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// The first step.
    Begin,
    /// The expectations of the present step.
    Expect,
    /// An element is stopped.
    Stop(ElementId),
    /// The run's end.
    End,
}

impl<'p, L: Listener> Run<'p, L> {
    /// A run at its beginning: everything but the phones has power.
    pub fn new(
        plan: &'p Plan,
        files: &Files,
        recorder: Recorder,
        listener: L,
    ) -> Result<Run<'p, L>, BuildError> {
        let mut watch = Watch::new(plan, Tally::new(plan)?, recorder, listener);
        let lab = build(plan, files, &mut watch)?;
        let mut run = Run {
            plan,
            lab,
            watch,
            step: 0,
            stage: Stage::Starting {
                host: None,
                until: Instant::ZERO + READY_WITHIN,
            },
            typing: Deadlines::default(),
            verdicts: Vec::new(),
            stopped: None,
            violation: None,
            skipped: None,
            programs: Programs::default(),
            outsiders: Outsiders::new(plan, outside_forms(plan)?),
            exec: None,
            stands: false,
            faults: Faults::default(),
            shaken: None,
        };
        for (n, host) in plan.hosts.iter().enumerate() {
            if let HostKind::Kernel {
                program: Some(_), ..
            } = host.kind
            {
                run.control(StationId::Host(HostId(n)), Control::Start);
            }
        }
        run.skip_if_unmet(|run, need| {
            let outside = run.outside(need.element);
            match outside.is_some_and(|outside| outside.driver.is_some()) {
                true => Ok(()),
                false => Err("which has no driver"),
            }
        });
        Ok(run)
    }

    /// After the last step the run goes on until its driver ends it.
    pub fn stand(&mut self) {
        self.stands = true;
    }

    /// Gives the DHCP servers leases of an earlier run, and has changes noted from now on. How many were taken.
    pub fn keep_leases(&mut self, records: &[LeaseRecord]) -> usize {
        self.lab.keep_leases(records, &mut self.watch)
    }

    /// Each change of a lease since this was last called: to be kept before any frame goes out.
    pub fn lease_changes(&mut self) -> Vec<LeaseRecord> {
        self.lab.lease_changes(&mut self.watch)
    }

    /// The stations outside the run: edge `n` is the `n`th of them.
    pub fn edges(&self) -> impl Iterator<Item = StationId> + '_ {
        self.lab.edges.iter().map(|(station, _)| *station)
    }

    /// Why the run is neither passed nor failed, if that is known before it has begun: then it need not be driven.
    pub fn skipped(&self) -> Option<&str> {
        self.skipped.as_deref()
    }

    /// The run begins only now, so much later than its capture's epoch says.
    pub fn begin_later(&mut self, delay: Duration) {
        self.watch.recorder.begin_later(delay);
    }

    /// Which step is being done, from 0.
    pub fn step(&self) -> usize {
        self.step
    }

    /// How much the world has done.
    pub fn counters(&self) -> crate::sim::Counters {
        self.lab.world.counters()
    }

    /// Ends the run where it stands, and says what it came to.
    pub fn finish(mut self) -> (Outcome, std::io::Result<()>, L) {
        let capture = self.watch.recorder.finish();
        let settled = self.settled();
        let outcome = Outcome {
            settled,
            verdicts: self.verdicts,
            stopped: self.stopped,
            violation: self.violation,
            skipped: self.skipped,
            ended: self.lab.world.now(),
            counters: self.lab.world.counters(),
            frames: self.watch.recorder.frames(),
            drops: self.watch.drops,
            phones: self.watch.phones,
            programs: self.programs.views(self.plan),
        };
        (outcome, capture, self.watch.listener)
    }

    /// Begins and ends steps until one has to wait for something.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other stage waits")]
    fn settle(&mut self) {
        if self.skipped.is_some() {
            self.stage = Stage::Done;
            return;
        }
        if !self.watch.changed && !matches!(self.stage, Stage::Begin) {
            return self.watch.displays_seen();
        }
        loop {
            match std::mem::replace(&mut self.stage, Stage::Begin) {
                Stage::Begin => match self.plan.steps.get(self.step) {
                    Some(step) => {
                        let now = self.lab.world.now();
                        self.watch.listener.step(now, self.plan, step);
                        self.stage = match &step.kind {
                            StepKind::Act(action) => {
                                self.watch.displays_seen();
                                let frames = self.watch.recorder.frames();
                                self.watch.tally.begin_action(self.plan, self.step, frames);
                                self.begin(action)
                            }
                            StepKind::Expect { when, expectations } => {
                                self.begin_expecting(*when, expectations)
                            }
                        };
                    }
                    None if self.stands => self.stage = Stage::Standing,
                    None if self.shaken.is_some() => self.stage = self.calm_down(),
                    None => self.stage = self.last_look(),
                },
                Stage::Starting { host, .. } if self.programs.starting().next().is_none() => {
                    self.stage = match host {
                        None => self.raise_next(),
                        Some(_) => self.next_step(),
                    };
                }
                Stage::Ending(station) if self.programs.is(station, ProgramIs::NotRunning) => {
                    self.stage = self.next_step();
                }
                Stage::Asking(then) if self.outsiders.is_idle() => {
                    self.stage = match then {
                        Then::Begin => Stage::Begin,
                        Then::Expect => self.expecting(),
                        Then::Stop(element) => self.cut_off(element),
                        Then::End => Stage::Done,
                    };
                }
                Stage::Expecting {
                    until,
                    blocked,
                    starts,
                    counts,
                } if self.watch.changed => {
                    self.watch.changed = false;
                    self.stage = self.look(until, blocked, starts, counts);
                }
                waiting => {
                    self.watch.displays_seen();
                    self.stage = waiting;
                    return;
                }
            }
            if matches!(self.stage, Stage::Done) {
                return;
            }
        }
    }

    fn next_step(&mut self) -> Stage {
        self.step += 1;
        self.outsiders.look_away();
        Stage::Begin
    }

    fn begin(&mut self, action: &Action) -> Stage {
        let now = self.lab.world.now();
        let watch = &mut self.watch;
        match action {
            Action::PowerUp { .. } => {
                return Stage::PoweringUp {
                    done: 0,
                    began: now,
                    next: now,
                };
            }
            Action::PowerDown { phones } => {
                for phone in phones {
                    self.typing.set(phone.0, None);
                    self.lab.power_down(*phone, watch);
                }
            }
            Action::Move { phones, .. } => {
                for phone in phones {
                    self.lab.unplug(*phone, watch);
                }
                let until = now + MOVE_TIME;
                return Stage::Moving { until };
            }
            Action::Unplug { phones } => {
                for phone in phones {
                    self.lab.unplug(*phone, watch);
                }
            }
            Action::Plug { phones } => {
                for phone in phones {
                    self.lab.plug(*phone, watch);
                }
            }
            Action::EnterPin { phone, pin } => {
                if let Some(shaken) = &mut self.shaken {
                    shaken.pins.insert(*phone, pin.clone());
                }
                if !self.enter_pin(*phone, pin) {
                    let name = &self.plan.phones[phone.0].name;
                    let display = &self.watch.phones[phone.0].display;
                    return self.stop(format!(
                        "{name} does not ask for a PIN; its display is `{display}`"
                    ));
                }
            }
            Action::Wait(time) => return Stage::Waiting { until: now + *time },
            Action::Stop(station) => return self.stop_station(*station),
            Action::Start(station) => return self.start_station(*station),
            Action::Fault(fault) => self.faults.begin(self.plan, &mut self.lab, fault),
            Action::EndFault(fault) => self.faults.end(&mut self.lab, *fault),
            Action::Flap(flap) => self.faults.flap(&mut self.lab, flap, watch),
            Action::Say(say) => {
                if let Err(reason) = self.say(say) {
                    return self.stop(reason);
                }
            }
            Action::ChangeFile { .. } | Action::JumpLeaseClock { .. } | Action::Send(_) => {
                self.disturb(action);
            }
            Action::Administer { at, operation } => return self.administer(at, operation),
            Action::MoveDns { dns, from, to } => return self.move_dns(dns, *from, *to),
            Action::SetRecord { server, name, to } => {
                self.lab.set_record(*server, name, *to, watch);
            }
            Action::Exec(exec) => return self.begin_program(exec),
            Action::Control(host, control) => return self.control_host(*host, *control),
        }
        self.next_step()
    }

    fn stop(&mut self, reason: String) -> Stage {
        if self.shaken.is_some() {
            return self.next_step();
        }
        let line = self.plan.steps.get(self.step).map_or(0, |step| step.line);
        self.stopped = Some(Stopped { line, reason });
        Stage::Done
    }

    /// When the step, or a user, next has something to do.
    fn deadline(&self) -> Option<Instant> {
        let step = match &self.stage {
            Stage::PoweringUp { next, .. } => Some(*next),
            Stage::Moving { until } | Stage::Waiting { until } => Some(*until),
            Stage::Expecting { until, .. } => Some(*until),
            Stage::Starting { until, .. } => Some(*until),
            Stage::Settling { look, .. } => Some(*look),
            Stage::Begin
            | Stage::Program
            | Stage::Ending(_)
            | Stage::Asking(_)
            | Stage::Administering(_)
            | Stage::Standing
            | Stage::Done => None,
        };
        let others = [
            self.typing.next(),
            self.faults.next(),
            self.outsiders.next_deadline(),
        ];
        others.into_iter().chain([step]).flatten().min()
    }

    /// Nothing more happens at this moment: what waits for it is done.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "every other stage goes on waiting"
    )]
    fn deadline_reached(&mut self) {
        let now = self.lab.world.now();
        self.faults.act(self.plan, &mut self.lab, &mut self.watch);
        self.users_type();
        self.outsiders.handle_timeout(now);
        self.ask_next();
        self.stage = match std::mem::replace(&mut self.stage, Stage::Begin) {
            Stage::PoweringUp { done, began, next } if next <= now => {
                self.power_up_due(done, began)
            }
            Stage::Moving { until } if until <= now => self.arrive(),
            Stage::Waiting { until } if until <= now => self.next_step(),
            Stage::Starting { until, .. } if until <= now => self.not_ready(),
            Stage::Settling { until, look } if look <= now => self.look_again(until),
            Stage::Expecting { until, starts, .. } if until <= now => self.judge(until, starts),
            other => other,
        };
    }

    /// Asks the oracle, which ends a run that breaks a rule.
    fn consult(&mut self) {
        let now = self.lab.world.now();
        let (oracle, lab) = (&mut self.watch.oracle, &self.lab);
        let is_over = matches!(self.stage, Stage::Done);
        if !is_over && !oracle.is_due(now) && !oracle.has_seen_one() {
            return;
        }
        if is_over || oracle.is_due(now) {
            oracle.sweep(now, self.plan, lab, &self.watch.phones);
        }
        let node = |phone: PhoneId| lab.phones[phone.0].node;
        if let Some(violation) = oracle.take_violation(self.plan, node) {
            self.violation.get_or_insert(violation);
            self.stage = Stage::Done;
        }
    }

    fn edge_node(&mut self, edge: EdgeId) -> Option<crate::sim::NodeId> {
        self.lab.edges.get(edge.0).map(|(_, node)| *node)
    }
}

#[cfg(test)]
mod tests;
