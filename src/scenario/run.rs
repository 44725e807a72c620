//! A run: a plan's steps against its lab, under whichever driver.
//!
//! Steps follow each other. A step begins when the one before has ended, at the very moment at which it
//! did, and before anything else that happens at that moment. Expectations are looked at after each event
//! that could have changed them. Users type their PINs here: they are not part of their sets.

use super::build::{BuildError, Files, build};
use super::expect::{Place, Sight};
use super::lab::{Lab, Station};
use super::outcome::{Outcome, Stopped, Verdict};
use super::plan::{Action, Exec, Expectation, HostId, PhoneId, Plan, StepKind, What, When};
use super::recorder::Recorder;
use super::tally::Tally;
use super::watch::{Listener, Watch};
use crate::sim::{Drive, Edge, EdgeId, End, Next, Program, ProgramEnd};
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::Frame;

/// From pulling a phone's cable until it is in its new port: a user walks.
const MOVE_TIME: Duration = Duration::from_secs(2);
/// How often in a row a user types the PIN that the set asks for, before giving up.
const USER_TRIES: u32 = 3;

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
    program: Option<Program>,
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
        /// For each expectation: the first of its phones that did not fit when last looked at.
        starts: Vec<usize>,
    },
    /// A program runs behind an edge.
    Program,
    Done,
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
        Ok(Run {
            plan,
            lab,
            watch,
            step: 0,
            stage: Stage::Begin,
            typing: Deadlines::default(),
            verdicts: Vec::new(),
            stopped: None,
            program: None,
        })
    }

    /// The kernel hosts of the run: edge `n` is the `n`th of them.
    pub fn edges(&self) -> impl Iterator<Item = HostId> + '_ {
        self.lab.edges.iter().map(|(host, _)| *host)
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
        let outcome = Outcome {
            verdicts: self.verdicts,
            stopped: self.stopped,
            ended: self.lab.world.now(),
            counters: self.lab.world.counters(),
            frames: self.watch.recorder.frames(),
            drops: self.watch.drops,
            phones: self.watch.phones,
        };
        (outcome, capture, self.watch.listener)
    }

    /// Begins and ends steps until one has to wait for something.
    fn settle(&mut self) {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Begin) {
                Stage::Begin => match self.plan.steps.get(self.step) {
                    Some(step) => {
                        let now = self.lab.world.now();
                        self.watch.listener.step(now, self.plan, step);
                        self.stage = match &step.kind {
                            StepKind::Act(action) => {
                                self.watch.tally.begin_action(self.plan, self.step);
                                self.begin(action)
                            }
                            StepKind::Expect { when, expectations } => {
                                self.begin_expecting(*when, expectations)
                            }
                        };
                    }
                    None => self.stage = Stage::Done,
                },
                Stage::Expecting { until, starts } if self.watch.changed => {
                    self.watch.changed = false;
                    self.stage = self.look(until, starts);
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
                    self.lab.power(self.lab.phones[phone.0].node, false, watch);
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
                if !self.enter_pin(*phone, pin) {
                    let name = &self.plan.phones[phone.0].name;
                    let display = &self.watch.phones[phone.0].display;
                    return self.stop(format!(
                        "{name} does not ask for a PIN; its display is `{display}`"
                    ));
                }
            }
            Action::Wait(time) => return Stage::Waiting { until: now + *time },
            Action::Stop(station) => self.lab.power(self.lab.station(*station), false, watch),
            Action::Start(station) => self.lab.power(self.lab.station(*station), true, watch),
            Action::Exec(exec) => return self.begin_program(exec),
        }
        self.next_step()
    }

    fn stop(&mut self, reason: String) -> Stage {
        let line = self.plan.steps[self.step].line;
        self.stopped = Some(Stopped { line, reason });
        Stage::Done
    }

    fn begin_program(&mut self, exec: &Exec) -> Stage {
        let edge = self.edges().position(|host| host == exec.host);
        let Some(edge) = edge else {
            return self.stop("a command runs on a kernel host only".to_owned());
        };
        self.program = Some(Program {
            edge: EdgeId(edge),
            command: exec.command.clone(),
            within: exec.within,
        });
        Stage::Program
    }

    /// Powers up the phones that are due.
    fn power_up_due(&mut self, done: usize, began: Instant) -> Stage {
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
    fn arrive(&mut self) -> Stage {
        if let StepKind::Act(Action::Move { phones, to }) = &self.plan.steps[self.step].kind {
            for phone in phones {
                self.watch
                    .explainer
                    .moved(self.plan.phones[phone.0].mac, *to);
                self.lab.plug_at(*phone, *to, &mut self.watch);
            }
        }
        self.next_step()
    }

    fn begin_expecting(&mut self, when: When, expectations: &[Expectation]) -> Stage {
        let now = self.lab.world.now();
        self.watch.changed = true;
        Stage::Expecting {
            until: match when {
                When::Now => now,
                When::Within(time) | When::Throughout(time) | When::Never(time) => now + time,
            },
            starts: vec![0; expectations.len()],
        }
    }

    /// Looks at the present step's expectations; the stage says whether the step is over.
    fn look(&mut self, until: Instant, mut starts: Vec<usize>) -> Stage {
        let plan = self.plan;
        let StepKind::Expect { when, expectations } = &plan.steps[self.step].kind else {
            return self.next_step();
        };
        let sight = self.sight();
        let mut holding = Vec::with_capacity(expectations.len());
        let mut lost = false;
        for (n, (expectation, start)) in expectations.iter().zip(&mut starts).enumerate() {
            let at = self.place(n);
            holding.push(sight.holds(&expectation.what, at, start));
            lost |= sight.is_lost(&expectation.what, at);
        }
        let all = holding.iter().all(|holds| *holds);
        let any = holding.iter().any(|holds| *holds);
        let over = match when {
            When::Now => true,
            When::Within(_) => all || lost,
            When::Throughout(_) => !all,
            When::Never(_) => any,
        };
        if over {
            self.judge(&holding, &starts)
        } else {
            Stage::Expecting { until, starts }
        }
    }

    /// The time of the present step's expectations has run out.
    fn time_is_up(&mut self, mut starts: Vec<usize>) -> Stage {
        let plan = self.plan;
        let StepKind::Expect { expectations, .. } = &plan.steps[self.step].kind else {
            return self.next_step();
        };
        let sight = self.sight();
        let mut holding = Vec::with_capacity(expectations.len());
        for (n, (expectation, start)) in expectations.iter().zip(&mut starts).enumerate() {
            holding.push(sight.holds(&expectation.what, self.place(n), start));
        }
        self.judge(&holding, &starts)
    }

    /// Writes the verdicts of the present step, given which of its expectations hold now.
    fn judge(&mut self, holding: &[bool], starts: &[usize]) -> Stage {
        let plan = self.plan;
        let StepKind::Expect { when, expectations } = &plan.steps[self.step].kind else {
            return self.next_step();
        };
        let wanted = !matches!(when, When::Never(_));
        let mut passed = true;
        for (n, expectation) in expectations.iter().enumerate() {
            let holds = holding[n] == wanted;
            passed &= holds;
            let verdict = self.verdict(*when, expectation, n, holds, starts[n]);
            self.watch.listener.verdict(&verdict);
            self.verdicts.push(verdict);
        }
        if passed {
            self.next_step()
        } else {
            Stage::Done
        }
    }

    fn verdict(
        &self,
        when: When,
        expectation: &Expectation,
        n: usize,
        passed: bool,
        start: usize,
    ) -> Verdict {
        let sight = self.sight();
        let at = self.place(n);
        let what = &expectation.what;
        let seen = self.watch.tally.seen(at.step, at.expectation);
        let frames = match (what, seen) {
            (What::Frames(_), Some(seen)) => seen.numbers.clone(),
            _ => vec![self.watch.recorder.frames()],
        };
        Verdict {
            line: expectation.line,
            passed,
            expected: what.describe(self.plan),
            when: when.to_string(),
            found: if passed {
                String::new()
            } else {
                sight.found(what, at, start)
            },
            at: self.lab.world.now(),
            frames,
            filter: match what {
                What::Frames(frames) => Some(frames.tshark_filter(self.plan)),
                What::Phone { .. } | What::Mapped { .. } => None,
            },
        }
    }

    fn sight(&self) -> Sight<'_, L> {
        Sight {
            plan: self.plan,
            lab: &self.lab,
            watch: &self.watch,
            throughout: matches!(
                self.plan.steps[self.step].kind,
                StepKind::Expect {
                    when: When::Throughout(_),
                    ..
                }
            ),
        }
    }

    fn place(&self, expectation: usize) -> Place {
        Place {
            step: self.step,
            expectation,
        }
    }

    /// When the step, or a user, next has something to do.
    fn deadline(&self) -> Option<Instant> {
        let step = match &self.stage {
            Stage::PoweringUp { next, .. } => Some(*next),
            Stage::Moving { until } | Stage::Waiting { until } => Some(*until),
            Stage::Expecting { until, .. } => Some(*until),
            Stage::Begin | Stage::Program | Stage::Done => None,
        };
        match (step, self.typing.next()) {
            (Some(step), Some(typing)) => Some(step.min(typing)),
            (step, typing) => step.or(typing),
        }
    }

    /// Nothing more happens at this moment: what waits for it is done.
    fn deadline_reached(&mut self) {
        let now = self.lab.world.now();
        while let Some(phone) = self.typing.pop_due(now) {
            let phone = PhoneId(phone);
            if let Some(pin) = &self.plan.phones[phone.0].user_pin {
                self.enter_pin(phone, pin);
            }
        }
        self.stage = match std::mem::replace(&mut self.stage, Stage::Begin) {
            Stage::PoweringUp { done, began, next } if next <= now => {
                self.power_up_due(done, began)
            }
            Stage::Moving { until } if until <= now => self.arrive(),
            Stage::Waiting { until } if until <= now => self.next_step(),
            Stage::Expecting { until, starts } if until <= now => self.time_is_up(starts),
            other => other,
        };
    }

    fn enter_pin(&mut self, phone: PhoneId, pin: &str) -> bool {
        self.lab
            .with_phone(phone, &mut self.watch, |phone, now, out| {
                phone.enter_pin(now, pin, out)
            })
    }

    /// Users whose sets have asked for a PIN begin to type.
    fn users_notice(&mut self) {
        let now = self.lab.world.now();
        while let Some(phone) = self.watch.prompted.pop() {
            let of = &self.plan.phones[phone.0];
            let prompts = self.watch.phones[phone.0].prompts;
            if of.user_pin.is_some() && prompts <= USER_TRIES {
                self.typing.set(phone.0, Some(now + of.user_delay));
            }
        }
    }

    fn edge_node(&mut self, edge: EdgeId) -> Option<crate::sim::NodeId> {
        self.lab.edges.get(edge.0).map(|(_, node)| *node)
    }
}

impl<L: Listener> Drive for Run<'_, L> {
    fn advance(&mut self, now: Instant) -> Next {
        loop {
            self.users_notice();
            self.settle();
            if matches!(self.stage, Stage::Done) {
                return Next::Finished;
            }
            let due = match (self.lab.world.next(), self.deadline()) {
                (Some(event), Some(deadline)) => event.min(deadline),
                (Some(only), None) | (None, Some(only)) => only,
                (None, None) => return Next::Outside,
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
        self.program.take()
    }

    fn program_ended(&mut self, now: Instant, end: ProgramEnd) {
        self.advance(now);
        let StepKind::Act(Action::Exec(exec)) = &self.plan.steps[self.step].kind else {
            return;
        };
        let missing = exec.prints.iter().find(|text| !end.output.contains(*text));
        let command = exec.command.join(" ");
        let reason = match (end.status, missing) {
            (Some(status), None) if status == exec.status => {
                self.stage = self.next_step();
                return;
            }
            (Some(status), None) => format!("exit status {status}, expected {}", exec.status),
            (Some(_), Some(text)) => format!("its output lacks `{text}`"),
            (None, _) => "it was killed, ran out of time, or could not be started".to_owned(),
        };
        self.stage = self.stop(format!("`{command}`: {reason}\n{}", end.output));
    }
}
