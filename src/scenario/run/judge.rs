//! The steps of a run that expect: looking, and judging.

use super::{Run, Stage, Then};
use crate::scenario::expect::{Place, Sight};
use crate::scenario::outcome::Verdict;
use crate::scenario::plan::{Expectation, StepKind, What, When};
use crate::scenario::watch::Listener;
use crate::time::Instant;

impl<L: Listener> Run<'_, L> {
    /// What drivers of elements outside have to say is asked for first; to look for a moment at which something is
    /// so, nothing has to be known yet.
    pub(super) fn begin_expecting(&mut self, when: When, expectations: &[Expectation]) -> Stage {
        let asks = self.asks(expectations);
        if !asks.is_empty() {
            self.outsiders.look_at(asks);
            self.ask_next();
            if !matches!(when, When::Within(_)) {
                return Stage::Asking(Then::Expect);
            }
        }
        self.expecting()
    }

    /// Begins to look at the present step's expectations.
    pub(super) fn expecting(&mut self) -> Stage {
        let StepKind::Expect { when, expectations } = &self.plan.steps[self.step].kind else {
            return self.next_step();
        };
        let when = *when;
        let now = self.lab.world.now();
        self.watch.changed = true;
        // What came and went before this step counts only where a moment is looked for.
        if !matches!(when, When::Within(_)) {
            self.watch.displays_seen();
        }
        Stage::Expecting {
            until: match when {
                When::Now => now,
                When::Within(time) | When::Throughout(time) | When::Never(time) => now + time,
            },
            blocked: 0,
            starts: vec![0; expectations.len()],
            counts: (0..expectations.len())
                .filter(|n| matches!(expectations[*n].what, What::Frames(_)))
                .collect(),
        }
    }

    /// Looks at the present step's expectations; the stage says whether the step is over.
    ///
    /// Most events change nothing, so the expectation that did not hold when last looked at comes first.
    pub(super) fn look(
        &mut self,
        until: Instant,
        mut blocked: usize,
        mut starts: Vec<usize>,
        counts: Vec<usize>,
    ) -> Stage {
        let plan = self.plan;
        let StepKind::Expect { when, expectations } = &plan.steps[self.step].kind else {
            return self.next_step();
        };
        let (sight, count) = (self.sight(*when), expectations.len());
        // Within: is there one that does not hold? Throughout: one that does not? Never: one that does?
        let mut order = (0..count).map(|n| (blocked + n) % count);
        let odd = order.find(|n| {
            let what = &expectations[*n].what;
            let holds = sight.holds(what, self.place(*n), &mut starts[*n]);
            holds == matches!(when, When::Never(_))
        });
        let over = match when {
            When::Now => true,
            When::Within(_) => {
                let is_lost = |n: &usize| sight.is_lost(&expectations[*n].what, self.place(*n));
                odd.is_none() || counts.iter().any(is_lost)
            }
            When::Throughout(_) | When::Never(_) => odd.is_some(),
        };
        if over {
            return self.judge(until, starts);
        }
        blocked = odd.unwrap_or(blocked);
        Stage::Expecting {
            until,
            blocked,
            starts,
            counts,
        }
    }

    /// Writes the verdicts of the present step, as its expectations hold at this moment.
    ///
    /// A step that fails before its time is up says what failed, and nothing of the rest: that was not
    /// decided yet.
    pub(super) fn judge(&mut self, until: Instant, mut starts: Vec<usize>) -> Stage {
        let plan = self.plan;
        let StepKind::Expect { when, expectations } = &plan.steps[self.step].kind else {
            return self.next_step();
        };
        let wanted = !matches!(when, When::Never(_));
        let sight = self.sight(*when);
        let passed: Vec<bool> = (expectations.iter().zip(&mut starts).enumerate())
            .map(|(n, (it, start))| sight.holds(&it.what, self.place(n), start) == wanted)
            .collect();
        let all = passed.iter().all(|passed| *passed);
        let early = !all && self.lab.world.now() < until;
        for (n, expectation) in expectations.iter().enumerate() {
            let failed = match when {
                When::Within(_) => {
                    let sight = self.sight(*when);
                    sight.is_lost(&expectation.what, self.place(n))
                }
                When::Now | When::Throughout(_) | When::Never(_) => !passed[n],
            };
            if early && !failed {
                continue;
            }
            let verdict = self.verdict(*when, expectation, n, passed[n], starts[n]);
            self.watch.listener.verdict(&verdict);
            self.verdicts.push(verdict);
        }
        match all || self.shaken.is_some() {
            true => self.next_step(),
            false => Stage::Done,
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
        let sight = self.sight(when);
        let at = self.place(n);
        let what = &expectation.what;
        let (frames, after) = match self.watch.tally.seen(at.step, at.expectation) {
            Some(seen) => (seen.numbers.clone(), seen.after),
            None => (vec![self.watch.recorder.frames()], 0),
        };
        Verdict {
            line: expectation.line,
            passed,
            expected: what.describe(self.plan, when),
            when: when.to_string(),
            found: if passed {
                String::new()
            } else {
                sight.found(what, at, start)
            },
            told: match what {
                What::Phone { phones, .. } if !passed => {
                    phones.get(start).and_then(|phone| sight.told(*phone))
                }
                What::Phone { .. }
                | What::Frames(_)
                | What::Mapped { .. }
                | What::Remote { .. }
                | What::Trunk { .. }
                | What::Program { .. } => None,
            },
            at: self.lab.world.now(),
            frames,
            after,
            filter: match what {
                What::Frames(frames) => Some(frames.tshark_filter(self.plan)),
                What::Phone { .. }
                | What::Mapped { .. }
                | What::Remote { .. }
                | What::Trunk { .. }
                | What::Program { .. } => None,
            },
        }
    }

    fn sight(&self, when: When) -> Sight<'_, L> {
        Sight {
            plan: self.plan,
            lab: &self.lab,
            watch: &self.watch,
            programs: &self.programs,
            outsiders: &self.outsiders,
            when,
        }
    }

    fn place(&self, expectation: usize) -> Place {
        Place {
            step: self.step,
            expectation,
        }
    }
}
