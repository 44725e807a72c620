//! `jackfield test`: many scenarios, each in a process of its own, and one report.
//!
//! ```text
//!   discover ──▶ select ──▶ shard ──▶ those without a kernel, then those with: `jackfield run --json --quiet …`
//!                                          │ exit code, outcome
//!                                          ▼
//!                                     results ──▶ text, JUnit, JSON lines
//! ```
//!
//! A process each: what one scenario does to its process (namespaces, a crash) is nothing to another one, and one that
//! does not end is killed. Live runs come last, as they wait more than they work and must not be late: more of them go
//! at once.

mod case;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::discover::{Found, discover};
use super::exit::Exit;
use super::progress::SuiteProgress;
use super::{complain, print};
use crate::os::{Clock, cores, date_nanos, host_name, in_parallel};
use crate::scenario::read_duration;
use crate::suite::{
    Counts, Head, Line, Selection, Shard, Status, TestResult, digest, junit, result_line,
    suite_summary,
};
use crate::time::{Duration, Instant};
use case::Case;

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Scenario files, and folders to search for them. Without any: this folder.
    paths: Vec<PathBuf>,
    /// Only scenarios that show this rule, for example MV-2; can be given more than once, as the next two can.
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Only scenarios with this text in their name or title.
    #[arg(long, value_name = "TEXT")]
    name: Vec<String>,
    /// Only scenarios with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only part I of N, the same on every machine; `auto`: as Slurm or Kubernetes says.
    #[arg(long, value_name = "I/N", value_parser = read_shard)]
    shard: Option<Shard>,
    /// Say which scenarios there are, and run none.
    #[arg(long)]
    list: bool,
    /// How many run at once. Without it: as many as this machine has cores, and four times that of live ones.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// How often a scenario is run again that did not pass. One that then passes is told as flaky.
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// How long one run may take on this machine's clock.
    #[arg(long, value_name = "TIME", default_value = "5 min", value_parser = read_duration)]
    timeout: Duration,
    /// Skip scenarios that need this machine's kernel.
    #[arg(long)]
    no_live: bool,
    /// The seed of every scenario, in place of its own.
    #[arg(long)]
    seed: Option<u64>,
    /// Keep captures of what did not pass in this folder.
    #[arg(long, value_name = "DIR")]
    captures: Option<PathBuf>,
    #[command(flatten)]
    output: ResultArgs,
}

/// Where results go.
#[derive(Debug, Args)]
pub(super) struct ResultArgs {
    /// Write JUnit XML to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Write the results to this file, one JSON object a line: for `jackfield merge`.
    #[arg(long, value_name = "FILE")]
    pub(super) results: Option<PathBuf>,
    /// The same on standard output, in place of text.
    #[arg(long)]
    pub(super) json: bool,
    /// Say only what came of it.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

fn read_shard(text: &str) -> Result<Shard, String> {
    Shard::read(text, |name| std::env::var(name).ok()).map_err(|error| error.to_string())
}

pub(super) fn test(args: &TestArgs) -> Exit {
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() {
        &here[..]
    } else {
        &args.paths
    };
    let mut cases = match discover(paths) {
        Ok(found) => select(args, found),
        Err(exit) => return exit,
    };
    if cases.is_empty() {
        complain("error: there is no such scenario");
        return Exit::ScenarioWrong;
    }
    let names = cases.iter().map(|case| case.result.name.as_str());
    let head = Head::new(args.shard, cases.len(), digest(names), date_nanos());
    if let Some(shard) = args.shard {
        cases.retain(|case| shard.has(&case.result.name));
    }
    if args.list {
        let names = cases.iter().map(|case| case.result.name.clone() + "\n");
        print(&names.collect::<String>());
        return Exit::Passed;
    }
    let clock = Clock::start();
    let mut results = match run_all(args, cases, &head) {
        Ok(results) => results,
        Err(error) => {
            complain(&format!("error: {error}"));
            return Exit::MachineRefused;
        }
    };
    results.sort_by(|a, b| a.name.cmp(&b.name));
    finish(
        &args.output,
        &head,
        &results,
        nanos(clock.now().since(Instant::ZERO)),
    )
}

/// What is asked for, each with how it is run.
fn select(args: &TestArgs, found: Vec<Found>) -> Vec<Case> {
    let selection = Selection {
        rules: args.rule.clone(),
        names: args.name.clone(),
        tags: args.tag.clone(),
    };
    let wanted = found.into_iter().filter(|found| {
        let plan = found.scenario.as_ref().ok().map(|scenario| &scenario.plan);
        selection.has(&found.name, plan)
    });
    wanted.map(|found| Case::new(args, found)).collect()
}

/// Runs what can be run, and writes results as they come.
fn run_all(args: &TestArgs, cases: Vec<Case>, head: &Head) -> std::io::Result<Vec<TestResult>> {
    let mut written = match &args.output.results {
        Some(path) => Some(create(path)?),
        None => None,
    };
    let mut write = |line: Line| -> std::io::Result<()> {
        let line = line.json();
        if args.output.json {
            print(&line);
        }
        match &mut written {
            Some(file) => file.write_all(line.as_bytes()),
            None => Ok(()),
        }
    };
    write(Line::Suite(head.clone()))?;
    let clock = Clock::start();
    let tells = !args.output.json && !args.output.quiet;
    let mut progress = SuiteProgress::new(cases.len(), tells);
    let mut failed = Ok(());
    let (results, to_run): (Vec<Case>, Vec<Case>) =
        (cases.into_iter()).partition(|case| !case.result.why.is_empty());
    let mut results: Vec<TestResult> = results.into_iter().map(|case| case.result).collect();
    let mut done = |result: &TestResult| {
        progress.done(&result_line(result), result.status.is_pass());
        let wrote = write(Line::Test(result.clone()));
        if failed.is_ok() {
            failed = wrote;
        }
    };
    results.iter().for_each(&mut done);
    let (live, other): (Vec<Case>, Vec<Case>) = to_run.into_iter().partition(|case| case.live);
    for (cases, at_once) in [(other, cores()), (live, cores() * LIVE_AT_ONCE)] {
        let jobs = args.jobs.unwrap_or(at_once);
        in_parallel(
            jobs,
            &cases,
            |case| case.run(args),
            |_, result| {
                done(&result);
                results.push(result);
            },
        );
    }
    progress.clear();
    failed?;
    write(Line::End {
        results: results.len(),
        took_ns: nanos(clock.now().since(Instant::ZERO)),
    })?;
    Ok(results)
}

/// Live runs for each core: they wait for most of their time.
const LIVE_AT_ONCE: usize = 4;

/// Says what came of all, in each of the ways that are asked for.
pub(super) fn finish(args: &ResultArgs, head: &Head, results: &[TestResult], took_ns: u64) -> Exit {
    if !args.json {
        let blank = if args.quiet { "" } else { "\n" };
        print(&format!("{blank}{}", suite_summary(results, took_ns)));
    }
    if let Some(path) = &args.junit {
        let xml = junit(head, results, &host_name());
        let written = create(path).and_then(|mut file| file.write_all(xml.as_bytes()));
        if let Err(error) = written {
            complain(&format!("error: {error}"));
            return Exit::MachineRefused;
        }
    }
    exit(&Counts::of(results))
}

/// What the results come to. A failure says more of what is tested than all else, so it goes before.
fn exit(counts: &Counts) -> Exit {
    let order = [
        (Status::Failed, Exit::ExpectationFailed),
        (Status::Broken, Exit::ScenarioWrong),
        (Status::Refused, Exit::MachineRefused),
        (Status::Invalid, Exit::Invalid),
    ];
    let first = (order.iter()).find(|(status, _)| counts.at(*status) > 0);
    first.map_or(Exit::Passed, |(_, exit)| *exit)
}

/// Creates a file, and the folder that it is in.
pub(super) fn create(path: &Path) -> std::io::Result<fs::File> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let made = fs::create_dir_all(folder).and_then(|()| fs::File::create(path));
    made.map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
