//! A progress bar on standard error, where a run takes longer than a second.

use std::io::{IsTerminal as _, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use super::print;
use crate::os::Clock;
use crate::time::{Duration, Instant};

/// A run shorter than this shows no bar.
const SHOW_AFTER: Duration = Duration::from_secs(1);
/// The machine's clock is read once in so many ticks.
const TICKS_A_LOOK: u32 = 4_096;

/// The steps of a run as a bar. On anything but a terminal it shows nothing.
#[derive(Debug)]
pub(super) struct Progress {
    clock: Clock,
    ticks: u32,
    steps: usize,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(steps: usize) -> Progress {
        Progress {
            clock: Clock::start(),
            ticks: 0,
            steps,
            bar: None,
        }
    }

    /// The run is at `now` of its own time, in this step.
    pub(super) fn tick(&mut self, now: Instant, step: usize) {
        self.ticks = self.ticks.wrapping_add(1);
        if !self.ticks.is_multiple_of(TICKS_A_LOOK) {
            return;
        }
        let due = self.clock.now() >= Instant::ZERO + SHOW_AFTER;
        if self.bar.is_none() && due && stderr().is_terminal() {
            let bar = ProgressBar::new(self.steps as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} step {pos} of {len}, {msg}") {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(step as u64);
            bar.set_message(format!("{now} s"));
        }
    }

    /// Takes the bar away.
    pub(super) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Many scenarios: a bar on a terminal, with a line above it for each that did not pass; elsewhere a line for each.
#[derive(Debug)]
pub(super) struct SuiteProgress {
    bar: Option<ProgressBar>,
    /// Lines are wanted.
    tells: bool,
}

impl SuiteProgress {
    pub(super) fn new(scenarios: usize, tells: bool) -> SuiteProgress {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(scenarios as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len}, {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        SuiteProgress { bar, tells }
    }

    /// One more is done.
    pub(super) fn done(&mut self, line: &str, passed: bool) {
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                if self.tells && !passed {
                    bar.suspend(|| print(line));
                }
            }
            None if self.tells => print(line),
            None => {}
        }
    }

    /// Takes the bar away.
    pub(super) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
