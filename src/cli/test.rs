//! `jackfield test`: many scenarios, and one report.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::files::create;
use super::suite::{BuildArgs, Case, Keep, RunnerArgs, SelectArgs, cases, run_all};
use super::{complain, print};
use crate::os::{Clock, date_nanos, host_name};
use crate::suite::{Counts, Head, Line, Shard, Status, TestResult, digest, junit, suite_summary};
use crate::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Only part I of N, the same on every machine; `auto`: as Slurm or Kubernetes says.
    #[arg(long, value_name = "I/N", value_parser = read_shard)]
    shard: Option<Shard>,
    /// Say which scenarios there are, and run none.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    build: BuildArgs,
    #[command(flatten)]
    runner: RunnerArgs,
    /// How often a scenario is run again that did not pass. One that then passes is told as flaky.
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// Keep captures of what did not pass in this folder.
    #[arg(long, value_name = "DIR")]
    captures: Option<PathBuf>,
    /// Record all runs in this folder: for `jackfield compare`.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
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
    let mut cases = match cases(&args.select, &args.runner, &args.build) {
        Ok(cases) => cases,
        Err(exit) => return exit,
    };
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
    match run_and_write(args, cases, &head) {
        Ok((results, took_ns)) => finish(&args.output, &head, &results, took_ns),
        Err(error) => {
            complain(&format!("error: {error}"));
            Exit::MachineRefused
        }
    }
}

/// Runs scenarios and writes results as they come: the results, and how long they took in nanoseconds.
fn run_and_write(
    args: &TestArgs,
    cases: Vec<Case>,
    head: &Head,
) -> io::Result<(Vec<TestResult>, u64)> {
    let clock = Clock::start();
    let output = &args.output;
    let mut files: Vec<File> = Vec::new();
    if let Some(path) = &output.results {
        files.push(create(path)?);
    }
    if let Some(folder) = &args.record {
        files.push(create(&folder.join(RESULTS))?);
    }
    let mut write = |line: Line| -> io::Result<()> {
        let line = line.json();
        if output.json {
            print(&line);
        }
        let mut files = files.iter_mut();
        files.try_for_each(|file| file.write_all(line.as_bytes()))
    };
    write(Line::Suite(head.clone()))?;
    let keep = Keep {
        retries: args.retries,
        invalid_retries: 0,
        captures: args.captures.clone(),
        records: args.record.clone(),
    };
    let mut written = Ok(());
    let tells = !output.json && !output.quiet;
    let results = run_all(cases, &args.runner, &keep, tells, |result| {
        let wrote = write(Line::Test(result.clone()));
        if written.is_ok() {
            written = wrote;
        }
    });
    written?;
    let took_ns = nanos(clock.now().since(Instant::ZERO));
    write(Line::End {
        results: results.len(),
        took_ns,
    })?;
    Ok((results, took_ns))
}

/// The results in a folder of records.
pub(super) const RESULTS: &str = "results.jsonl";

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

/// What the results come to. A failure says more of what is tested than all else, so it goes before. Where all were
/// skipped nothing has passed; a shard that has none at all has nothing to pass.
fn exit(counts: &Counts) -> Exit {
    let order = [
        (Status::Failed, Exit::ExpectationFailed),
        (Status::Broken, Exit::ScenarioWrong),
        (Status::Refused, Exit::MachineRefused),
        (Status::Invalid, Exit::Invalid),
    ];
    let first = (order.iter()).find(|(status, _)| counts.at(*status) > 0);
    let skipped = counts.at(Status::Skipped);
    match first {
        Some((_, exit)) => *exit,
        None if skipped > 0 && skipped == counts.all() => Exit::Skipped,
        None => Exit::Passed,
    }
}

pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
