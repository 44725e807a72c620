//! One scenario of many: how it is run, once or again, and what came of it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::discover::Found;
use super::super::test::nanos;
use super::{BuildArgs, Keep, RunnerArgs};
use crate::os::{self, ChildEnd, Clock, How};
use crate::report::shell_word;
use crate::scenario::{needs_live, show_duration};
use crate::suite::{Status, TestResult, Why};
use crate::time::{Duration, Instant};

/// A scenario that is to be run.
#[derive(Debug)]
pub(in crate::cli) struct Case {
    pub(in crate::cli) result: TestResult,
    /// Runs on this machine's clock.
    pub(super) live: bool,
    /// Runs it with the reference controller in virtual time, where that tells how long it takes.
    rehearsal: Option<Vec<String>>,
    /// How long it takes with the reference controller, as far as that is known.
    pub(super) takes: Option<Duration>,
    /// The arguments of `jackfield` that run it, without those that say where its outcome goes.
    words: Vec<String>,
}

impl Case {
    /// The scenario with how it is run. One that is not is already decided: it has a reason.
    pub(super) fn new(found: Found, runner: &RunnerArgs, build: &BuildArgs) -> Case {
        let path = found.path.display().to_string();
        let mut result = TestResult {
            name: found.name,
            path: path.clone(),
            title: String::new(),
            shows: Vec::new(),
            tags: Vec::new(),
            status: Status::Broken,
            why: Vec::new(),
            tries: 0,
            took_ns: 0,
            again: String::new(),
            captures: Vec::new(),
            logs: Vec::new(),
        };
        let mut live = false;
        match found.scenario {
            Ok(scenario) => {
                let needs = needs_live(&scenario.plan);
                live = needs.is_some();
                if let (true, Some(needs)) = (runner.no_live, needs) {
                    result.status = Status::Skipped;
                    result.why = vec![Why::new(needs)];
                }
                result.title = scenario.plan.title;
                result.shows = scenario.plan.shows;
                result.tags = scenario.plan.tags;
            }
            Err(problems) => result.why = vec![Why::new(problems)],
        }
        let mut words = vec!["run".to_owned()];
        words.extend(runner.seed.map(|seed| format!("--seed={seed}")));
        // A name that begins with a dash is no option.
        let file = ["--".to_owned(), path];
        let is_outside = !build.controller.is_empty();
        let rehearsal = (is_outside && !live).then(|| [&words[..], &file].concat());
        if live {
            words.push("--live".to_owned());
        }
        live |= is_outside;
        words.extend(build.words());
        if let (true, Some(time)) = (live, &runner.late_max) {
            words.push(format!("--late-max={time}"));
        }
        words.extend(file);
        Case {
            result,
            live,
            rehearsal,
            takes: None,
            words,
        }
    }

    /// Whether it is known without a run how it comes out.
    pub(super) fn is_decided(&self) -> bool {
        !self.result.why.is_empty()
    }

    /// Runs a scenario until it passes, or has been tried often enough.
    pub(super) fn run(&self, runner: &RunnerArgs, keep: &Keep) -> TestResult {
        let clock = Clock::start();
        let mut result = self.result.clone();
        let mut has_failed = false;
        loop {
            result.tries += 1;
            let capture = keep.captures.as_ref();
            let capture = capture.map(|folder| capture_path(folder, &result));
            let (status, why, logs) = self.one_try(runner, keep, capture.as_deref());
            result.status = status;
            result.logs.extend(logs);
            if !why.is_empty() {
                result.why = why;
            }
            if let Some(capture) = capture.filter(|path| path.exists()) {
                let is_wanted = !matches!(status, Status::Passed | Status::Skipped);
                // What can't be removed is told of as if it were wanted.
                if is_wanted || fs::remove_file(&capture).is_err() {
                    result.captures.push(capture.display().to_string());
                }
            }
            let retries = match status {
                Status::Failed => keep.retries,
                Status::Invalid => keep.retries.max(keep.invalid_retries),
                Status::Passed
                | Status::Flaky
                | Status::Skipped
                | Status::Refused
                | Status::Broken => 0,
            };
            if result.tries > retries {
                break;
            }
            has_failed |= status == Status::Failed;
        }
        if result.status == Status::Passed {
            match has_failed {
                true => result.status = Status::Flaky,
                false => result.why.clear(),
            }
        } else {
            result.again = again(&self.words);
        }
        result.took_ns = nanos(clock.now().since(Instant::ZERO));
        result
    }

    /// How long it takes with the reference controller, where that is not the controller under test. `None`: it is, or that
    /// does not come to an end.
    pub(super) fn rehearse(&self, runner: &RunnerArgs) -> Option<Duration> {
        let mut words = self.rehearsal.clone()?;
        let options = ["--json", "--quiet", "--no-capture"].map(str::to_owned);
        words.splice(1..1, options);
        let end = os::run_self(&words, runner.timeout).ok()?;
        outcome(&end)["ended_ns"].as_u64().map(Duration::from_nanos)
    }

    /// It takes so long with the reference controller. What takes longer than is wanted is skipped.
    pub(super) fn learn_length(&mut self, takes: Option<Duration>, runner: &RunnerArgs) {
        self.takes = takes;
        if let Some(takes) = takes.filter(|takes| *takes > runner.longest) {
            let (takes, longest) = (takes.as_secs_f64(), show_duration(runner.longest));
            self.result.status = Status::Skipped;
            self.result.why = vec![Why::new(format!(
                "it takes {takes:.1} s, more than {longest}"
            ))];
        }
    }

    /// Runs it once: how it came out, why, and where the logs of its programs are.
    fn one_try(
        &self,
        runner: &RunnerArgs,
        keep: &Keep,
        capture: Option<&Path>,
    ) -> (Status, Vec<Why>, Vec<String>) {
        let mut words = self.words.clone();
        let mut options = vec!["--json".to_owned(), "--quiet".to_owned()];
        match capture {
            Some(path) => options.push(format!("--capture={}", path.display())),
            None => options.push("--no-capture".to_owned()),
        }
        if let Some(folder) = &keep.records {
            let path = record_path(folder, &self.result.name);
            options.push(format!("--record={}", path.display()));
        }
        words.splice(1..1, options);
        let timeout = runner.run_max(self.rehearsal.is_some());
        match os::run_self(&words, timeout) {
            Ok(end) => {
                let (status, why) = judge(&end, timeout);
                (status, why, logs(&outcome(&end)))
            }
            Err(error) => {
                let why = vec![Why::new(error.to_string())];
                (Status::Refused, why, Vec::new())
            }
        }
    }
}

/// What the end of `jackfield run --json --quiet` says.
fn judge(end: &ChildEnd, timeout: Duration) -> (Status, Vec<Why>) {
    let outcome = outcome(end);
    let mut why = Why::of_outcome(&outcome);
    let status = match end.how {
        How::Exit(0) => return (Status::Passed, Vec::new()),
        How::Exit(1) => Status::Failed,
        How::Exit(3) => Status::Refused,
        How::Exit(5) => Status::Skipped,
        How::Exit(4) => {
            why.insert(0, Why::new(lateness(&outcome["live"])));
            Status::Invalid
        }
        How::Exit(_) => Status::Broken,
        How::Signal(signal) => {
            why.push(Why::new(format!("its run was killed by signal {signal}")));
            Status::Broken
        }
        How::OutOfTime => {
            let time = show_duration(timeout);
            why.push(Why::new(format!(
                "killed, as it was still running after {time}"
            )));
            Status::Failed
        }
    };
    let complaint = String::from_utf8_lossy(&end.stderr);
    if !complaint.trim().is_empty() {
        why.push(Why::new(complaint.trim()));
    }
    if why.is_empty() {
        why.push(Why::new("its run ended without an outcome"));
    }
    (status, why)
}

/// The last line of `jackfield run --json`; null if there is none.
fn outcome(end: &ChildEnd) -> Value {
    let said = String::from_utf8_lossy(&end.stdout);
    let last = said.lines().last();
    let outcome = last.and_then(|line| serde_json::from_str(line).ok());
    outcome.unwrap_or_default()
}

/// The files in which what its programs said was kept.
fn logs(outcome: &Value) -> Vec<String> {
    let programs = outcome["programs"].as_array().into_iter().flatten();
    let logs = programs.filter_map(|program| program["log"].as_str());
    logs.map(str::to_owned).collect()
}

/// Why a live run does not count: its object `live` of JSON.
fn lateness(live: &Value) -> String {
    let mut text = String::from("the machine was too late for this run to count");
    let [late, worst, at] = ["late", "worst_late_ns", "worst_at_ns"].map(|key| live[key].as_u64());
    if let (Some(late @ 1..), Some(worst), Some(at)) = (late, worst, at) {
        let (worst, at) = (worst as f64 / 1e6, at as f64 / 1e9);
        let _ = write!(
            text,
            ": {late} deadlines, the worst by {worst:.2} ms at {at:.3} s"
        );
    }
    for (host, frames) in live["lost"].as_object().into_iter().flatten() {
        let _ = write!(text, "; {frames} frames of {host} were lost");
    }
    text
}

/// Where the capture of the present try goes: `DIR/folder/name.pcapng`, of a later one `name.try-2.pcapng`.
fn capture_path(folder: &Path, result: &TestResult) -> PathBuf {
    let name = result.name.strip_suffix(".toml").unwrap_or(&result.name);
    folder.join(match result.tries {
        1 => format!("{name}.pcapng"),
        n => format!("{name}.try-{n}.pcapng"),
    })
}

/// Where the record of a scenario is: `DIR/folder/name.jsonl`.
pub(in crate::cli) fn record_path(folder: &Path, name: &str) -> PathBuf {
    let name = name.strip_suffix(".toml").unwrap_or(name);
    folder.join(format!("{name}.jsonl"))
}

fn again(run: &[String]) -> String {
    let words: Vec<String> = (run.iter().filter(|word| *word != "--"))
        .map(|word| shell_word(word))
        .collect();
    format!("jackfield {}", words.join(" "))
}
