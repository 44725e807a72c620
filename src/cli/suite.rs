//! Many scenarios of one build of a controller: which they are, and how all of them are run.
//!
//! ```text
//!   discover ──▶ select ──▶ cases ──▶ rehearsals ──▶ those in virtual time ──▶ live ones: `jackfield run --json …`
//!                                                          │ exit code, outcome    │
//!                                                          └───────▶ results ◀─────┘
//! ```
//!
//! A process each: what one scenario does to its process (namespaces, a crash) is nothing to another one, and one that
//! does not end is killed. Live runs come last, as they wait more than they work and must not be late: many of them go
//! at once, and nothing else. The longest begin first, so that all end soon after each other; how long each takes with a
//! controller under test is rehearsed in virtual time.

mod case;

use std::cmp::Reverse;
use std::path::PathBuf;

use clap::Args;

use super::complain;
use super::controllers::Assigned;
use super::discover::{Found, discover};
use super::exit::Exit;
use super::faults;
use super::progress::SuiteProgress;
use crate::os::{cores, in_parallel};
use crate::scenario::{read_duration, read_rule};
use crate::suite::{Selection, TestResult, result_line};
use crate::time::Duration;
pub(super) use case::{Case, record_path};

/// Which scenarios.
#[derive(Debug, Clone, Args)]
pub(super) struct SelectArgs {
    /// Scenario files, and folders to search for them. Without any: this folder.
    paths: Vec<PathBuf>,
    /// Only scenarios that show this rule, for example MV-2; can be given more than once, as the next two can.
    #[arg(long, value_name = "RULE", value_parser = read_rule)]
    rule: Vec<String>,
    /// Only scenarios with this text in their name or title.
    #[arg(long, value_name = "TEXT")]
    name: Vec<String>,
    /// Only scenarios with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

/// How they are run.
#[derive(Debug, Clone, Args)]
pub(super) struct RunnerArgs {
    /// How many run at once. Without it: as many as this machine has cores, and 16 times that of live ones.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// How long one run may take on this machine's clock. With a controller under test at least two minutes more than the
    /// longest scenario that is run.
    #[arg(long, value_name = "TIME", default_value = "5 min", value_parser = read_duration)]
    timeout: Duration,
    /// Skip scenarios that need this machine's kernel.
    #[arg(long)]
    no_live: bool,
    /// With a controller under test: skip scenarios that take longer than this with the reference controller.
    #[arg(long, value_name = "TIME", default_value = "90 s", value_parser = read_duration)]
    longest: Duration,
    /// How late the harness may meet a deadline of a live run before the run is invalid. Without it: 50 ms.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    late_max: Option<String>,
    /// The seed of every scenario, in place of its own.
    #[arg(long)]
    seed: Option<u64>,
}

impl RunnerArgs {
    /// How long one run may take. One of a controller under test is not cut off while it takes no longer than is wanted.
    fn run_max(&self, is_outside: bool) -> Duration {
        let least = self.longest + Duration::from_mins(2);
        if is_outside {
            self.timeout.max(least)
        } else {
            self.timeout
        }
    }
}

/// A build of a controller, in the place of elements: as `jackfield run` has it.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct BuildArgs {
    /// A program in the place of an element, or of every element: see docs/controller-under-test.md.
    #[arg(long, value_name = "[ELEMENT=]COMMAND", value_parser = assigned)]
    pub(super) controller: Vec<String>,
    /// The command that carries an administrator's operations to such a program.
    #[arg(long, value_name = "[ELEMENT=]COMMAND", requires = "controller", value_parser = assigned)]
    pub(super) driver: Vec<String>,
    /// How long a controller may take to be ready. Without it: 20 s.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) ready_within: Option<String>,
    /// How long a driver may take for one operation. Without it: 10 s.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) driver_within: Option<String>,
    /// A fault of the reference controller; `jackfield faults` lists them.
    #[arg(long, value_name = "[ELEMENT=]NAME", value_parser = fault)]
    pub(super) fault: Vec<String>,
}

/// What is kept of runs, and how often they are tried.
#[derive(Debug, Clone, Default)]
pub(super) struct Keep {
    pub(super) retries: u32,
    /// How often at least what was invalid.
    pub(super) invalid_retries: u32,
    /// Captures of what did not pass.
    pub(super) captures: Option<PathBuf>,
    /// What sets and elements say to each other.
    pub(super) records: Option<PathBuf>,
}

/// Checks a time, which is handed on as it is written.
fn duration(text: &str) -> Result<String, String> {
    read_duration(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

/// Checks a command, which is handed on as it is written.
fn assigned(text: &str) -> Result<String, String> {
    text.parse::<Assigned>().map(|_| text.to_owned())
}

/// Checks a fault, which is handed on as it is written.
fn fault(text: &str) -> Result<String, String> {
    faults::read(text).map(|_| text.to_owned())
}

impl BuildArgs {
    /// As `jackfield run` takes them.
    fn words(&self) -> Vec<String> {
        let lists = [
            ("--controller", &self.controller),
            ("--driver", &self.driver),
            ("--fault", &self.fault),
        ];
        let lists = lists.into_iter();
        let mut words: Vec<String> = lists
            .flat_map(|(option, values)| values.iter().map(move |it| format!("{option}={it}")))
            .collect();
        let times = [
            ("--ready-within", &self.ready_within),
            ("--driver-within", &self.driver_within),
        ];
        for (option, time) in times {
            words.extend(time.iter().map(|time| format!("{option}={time}")));
        }
        words
    }
}

/// The scenarios that are asked for, each with how it is run; there is at least one.
pub(super) fn cases(
    select: &SelectArgs,
    runner: &RunnerArgs,
    build: &BuildArgs,
) -> Result<Vec<Case>, Exit> {
    let here = vec![PathBuf::from(".")];
    let paths = match select.paths.is_empty() {
        true => &here,
        false => &select.paths,
    };
    let selection = Selection {
        rules: select.rule.clone(),
        names: select.name.clone(),
        tags: select.tag.clone(),
    };
    let is_wanted = |found: &Found| {
        let plan = found.scenario.as_ref().ok().map(|scenario| &scenario.plan);
        selection.has(&found.name, plan)
    };
    let wanted = discover(paths)?.into_iter().filter(is_wanted);
    let cases: Vec<Case> = wanted.map(|it| Case::new(it, runner, build)).collect();
    if cases.is_empty() {
        let such = match selection == Selection::default() {
            true => "no scenario",
            false => "no such scenario",
        };
        let paths = paths.iter().map(|path| path.display().to_string());
        let paths: Vec<String> = paths.collect();
        complain(&format!("error: there is {such} in {}", paths.join(", ")));
        return Err(Exit::ScenarioWrong);
    }
    Ok(cases)
}

/// Runs what can be run, and tells `done` of each result as it comes. `tells`: also the user, a line each. The results
/// are in the order of their names.
pub(super) fn run_all(
    cases: Vec<Case>,
    runner: &RunnerArgs,
    keep: &Keep,
    tells: bool,
    mut done: impl FnMut(&TestResult),
) -> Vec<TestResult> {
    let mut progress = SuiteProgress::new(cases.len(), tells);
    let (decided, to_run): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(Case::is_decided);
    let (mut live, other): (Vec<Case>, Vec<Case>) = to_run.into_iter().partition(|case| case.live);
    rehearse(&mut live, runner);
    let (too_long, live): (Vec<Case>, Vec<Case>) = live.into_iter().partition(Case::is_decided);
    let mut results = Vec::new();
    let mut add = |result: TestResult| {
        progress.done(&result_line(&result), result.status.is_pass());
        done(&result);
        results.push(result);
    };
    let decided = decided.into_iter().chain(too_long);
    decided.for_each(|case| add(case.result));
    let run = |case: &Case| case.run(runner, keep);
    for (cases, at_once, apart) in [
        (other, cores(), Duration::ZERO),
        (live, cores() * LIVE_AT_ONCE, LIVE_APART),
    ] {
        let jobs = runner.jobs.unwrap_or(at_once);
        in_parallel(jobs, apart, &cases, run, |_, result| add(result));
    }
    progress.clear();
    results.sort_by(|a, b| a.name.cmp(&b.name));
    results
}

/// Finds out how long live runs take, and puts the longest first.
fn rehearse(live: &mut [Case], runner: &RunnerArgs) {
    let jobs = runner.jobs.unwrap_or(usize::MAX).min(cores());
    let mut lengths = vec![None; live.len()];
    in_parallel(
        jobs,
        Duration::ZERO,
        live,
        |case| case.rehearse(runner),
        |index, takes| lengths[index] = takes,
    );
    for (case, takes) in live.iter_mut().zip(lengths) {
        case.learn_length(takes, runner);
    }
    // One of which it is not known may be the longest.
    live.sort_by_key(|case| Reverse(case.takes.unwrap_or(Duration::MAX)));
}

/// Live runs for each core: they wait for most of their time.
const LIVE_AT_ONCE: usize = 16;
/// From the beginning of one to that of the next. It is work to begin: namespaces are made, programs are started.
const LIVE_APART: Duration = Duration::from_millis(100);
