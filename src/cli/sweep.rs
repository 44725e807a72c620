//! `jackfield run --sweep`: scenarios under mixes of faults, a mix a seed, on every core.
//!
//! Each scenario first runs without a mix, which says how long it takes and which sets are owed service. Then each
//! seed runs each scenario. A run fails if it panics, breaks a rule of the oracle, or leaves a set without service
//! that is owed it; the command that replays it is printed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::files::{firmware_folder, read_scenario};
use super::{RunArgs, complain, print};
use crate::os::{Clock, cores, in_parallel};
use crate::scenario::plan::Plan;
use crate::scenario::{self, Deaf, Files, Mix, Outcome, Recorder, Run, Settled, counted};
use crate::sim::drive_virtual;
use crate::time::Instant;

/// A scenario, and how it ends without a mix.
pub(super) struct Prepared {
    path: PathBuf,
    pub(super) plan: Plan,
    files: Files,
}

/// What a run without a mix says of a scenario.
pub(super) fn calm_run(plan: &Plan, files: &Files) -> Result<Settled, String> {
    let outcome = shaken(plan, files, &Mix::default(), None)?;
    if let Some(violation) = &outcome.violation {
        return Err(format!("{} is broken without faults", violation.rule));
    }
    outcome.settled.ok_or_else(|| "it never settled".to_owned())
}

fn shaken(
    plan: &Plan,
    files: &Files,
    mix: &Mix,
    owed: Option<&Settled>,
) -> Result<Outcome, String> {
    let run = Run::new(plan, files, Recorder::off(), Deaf);
    let mut run = run.map_err(|error| error.to_string())?;
    run.shake(mix, owed);
    drive_virtual(&mut run, |_, _| {});
    let (outcome, _, _) = run.finish();
    Ok(outcome)
}

/// Runs a sweep over the scenarios and folders of the command line.
pub(super) fn sweep(args: &RunArgs, seeds: u64) -> Exit {
    let clock = Clock::start();
    let mut scenarios = Vec::new();
    let suite = [PathBuf::from("fixtures/scenarios")];
    let named = match args.scenarios.as_slice() {
        [] => suite.as_slice(),
        named => named,
    };
    for path in paths(named) {
        match prepare(&path) {
            Ok(Some(prepared)) => scenarios.push(prepared),
            Ok(None) => {}
            Err(exit) => return exit,
        }
    }
    let calm = done_on_every_core(&scenarios, |it| calm_run(&it.plan, &it.files));
    let mut jobs = Vec::new();
    for (scenario, calm) in scenarios.iter().zip(&calm) {
        match calm {
            Ok(settled) => {
                let first = args.seed.unwrap_or(1);
                let of = |seed| Job {
                    scenario,
                    settled,
                    seed,
                };
                jobs.extend((first..first.saturating_add(seeds)).map(of));
            }
            Err(why) => {
                complain(&format!("error: {}: {why}", scenario.path.display()));
                return Exit::ExpectationFailed;
            }
        }
    }
    // Seed by seed, so that an early end has seen every scenario.
    jobs.sort_by_key(|job| job.seed);
    let (mut done, mut failed) = (0, 0);
    let each = jobs.len().div_ceil(10).max(1);
    let total = jobs.len();
    in_parallel(cores(), &jobs, Job::fault, |n, fault| {
        done += 1;
        if let Some(fault) = fault {
            failed += 1;
            print(&format!("{}\n", jobs[n].report(&fault)));
        }
        if done % each == 0 && !args.quiet {
            let time = clock.now();
            complain(&format!(
                "{done} of {total} runs, {failed} failed, {time} s"
            ));
        }
    });
    print(&format!(
        "{} of {} with {}: {failed} failed\n",
        counted(total as u64, "run"),
        counted(scenarios.len() as u64, "scenario"),
        counted(seeds, "seed")
    ));
    match failed {
        0 => Exit::Passed,
        _ => Exit::ExpectationFailed,
    }
}

/// One run under a mix.
struct Job<'a> {
    scenario: &'a Prepared,
    settled: &'a Settled,
    seed: u64,
}

impl Job<'_> {
    /// What is wrong with it, if anything.
    fn fault(&self) -> Option<String> {
        let mut plan = self.scenario.plan.clone();
        plan.seed = self.seed;
        let mix = Mix::draw(&mut plan, self.settled.stepped - Instant::ZERO);
        let run = || shaken(&plan, &self.scenario.files, &mix, Some(self.settled));
        match catch_unwind(AssertUnwindSafe(run)) {
            Err(_) => Some("it panicked".to_owned()),
            Ok(Err(error)) => Some(error),
            Ok(Ok(outcome)) if outcome.withstood() => None,
            Ok(Ok(outcome)) => Some(complaint(&plan, &outcome)),
        }
    }

    fn report(&self, fault: &str) -> String {
        let (path, seed) = (self.scenario.path.display(), self.seed);
        format!("✗ {fault}\n    jackfield run {path} --seed {seed} --fault-mix")
    }
}

/// What is wrong with an outcome under a mix, in a sentence.
pub(super) fn complaint(plan: &Plan, outcome: &Outcome) -> String {
    if let Some(violation) = &outcome.violation {
        let set = violation.set.map(|set| plan.phones[set.0].name.as_str());
        let set = set.unwrap_or("the network");
        return format!("{}: {set} {}", violation.rule, violation.what);
    }
    let settled = outcome.settled.iter().flat_map(|it| &it.stranded);
    let names: Vec<&str> = settled
        .map(|phone| plan.phones[phone.0].name.as_str())
        .collect();
    let (names, end) = (names.join(", "), outcome.ended);
    format!("at {end} s, long after the last fault, without service: {names}")
}

fn done_on_every_core<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    in_parallel(cores(), items, work, |n, result| results[n] = Some(result));
    results.into_iter().flatten().collect()
}

/// Reads a scenario; `None` if it is for live runs.
fn prepare(path: &Path) -> Result<Option<Prepared>, Exit> {
    let scenario = read_scenario(path)?;
    if scenario::needs_live(&scenario.plan).is_some() {
        return Ok(None);
    }
    let plan = scenario.plan;
    let files = scenario::firmware(&plan, |folder| firmware_folder(path, folder));
    match files {
        Ok(files) => Ok(Some(Prepared {
            path: path.to_owned(),
            plan,
            files,
        })),
        Err(error) => {
            complain(&format!("error: {}: {error}", path.display()));
            Err(Exit::ScenarioWrong)
        }
    }
}

/// The files that are named, and those of folders that are.
fn paths(named: &[PathBuf]) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in named {
        let Ok(entries) = std::fs::read_dir(path) else {
            all.push(path.clone());
            continue;
        };
        let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        inside.retain(|path| path.extension().is_some_and(|it| it == "toml"));
        inside.sort();
        all.extend(inside);
    }
    all
}
