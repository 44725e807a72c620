//! The steps of a run that expect: looking, and judging.

use super::{Run, Stage};
use crate::scenario::expect::{Place, Sight};
use crate::scenario::outcome::Verdict;
use crate::scenario::plan::{Expectation, StepKind, What, When};
use crate::scenario::watch::Listener;
use crate::time::Instant;

impl<L: Listener> Run<'_, L> {
    pub(super) fn begin_expecting(&mut self, when: When, expectations: &[Expectation]) -> Stage {
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
            starts: vec![0; expectations.len()],
        }
    }

    /// Looks at the present step's expectations; the stage says whether the step is over.
    pub(super) fn look(&mut self, until: Instant, mut starts: Vec<usize>) -> Stage {
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
    pub(super) fn time_is_up(&mut self, mut starts: Vec<usize>) -> Stage {
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
}
