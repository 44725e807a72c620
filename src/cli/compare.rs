//! `jackfield compare`: two builds of a controller over the same scenarios and seeds, or two records of such runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::files::create;
use super::suite::{BuildArgs, Keep, RunnerArgs, SelectArgs, cases, record_path, run_all};
use super::test::RESULTS;
use super::{complain, faults, print};
use crate::os::Scratch;
use crate::scenario::{counted, read_duration};
use crate::suite::{
    self, Accepted, Answers, Comparison, Distribution, Likeness, Record, Side, Status, TestResult,
    Why, read_lines,
};
use crate::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The build to compare with: `reference`, `fault=[ELEMENT=]NAME`, `controller=[ELEMENT=]COMMAND`; or a folder that
    /// `jackfield test --record` wrote.
    a: String,
    /// The build that is compared, likewise.
    b: String,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    runner: RunnerArgs,
    /// The driver of a controller that is A.
    #[arg(long, value_name = "[ELEMENT=]COMMAND")]
    driver_a: Vec<String>,
    /// The driver of a controller that is B.
    #[arg(long, value_name = "[ELEMENT=]COMMAND")]
    driver_b: Vec<String>,
    /// By how much the median of a time may differ, besides a fifth of it.
    #[arg(long, value_name = "TIME", default_value = "250 ms", value_parser = read_duration)]
    tolerance: Duration,
    /// Differences that were accepted are in this file, and no differences any more.
    #[arg(long, value_name = "FILE")]
    accepted: Option<PathBuf>,
    /// Accept what differs: write that file anew.
    #[arg(long, requires = "accepted")]
    accept: bool,
    /// Keep the records of both, in DIR/a and DIR/b.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// JSON, one object a scenario.
    #[arg(long)]
    json: bool,
}

/// The runs of one build by scenario, with the rules that each shows.
type Runs = BTreeMap<String, (Vec<String>, Side)>;

/// A scenario's two runs, compared.
struct Compared {
    name: String,
    shows: Vec<String>,
    found: Comparison,
    /// Differences that were accepted.
    accepted: usize,
    /// Accepted differences that are there no more.
    gone: Vec<String>,
}

pub(super) fn compare(args: &CompareArgs) -> Exit {
    let mut accepted = match args.accepted.as_deref().map(read_accepted).transpose() {
        Ok(accepted) => accepted.unwrap_or_default(),
        Err(exit) => return exit,
    };
    let scratch = match Scratch::new() {
        Ok(scratch) => scratch,
        Err(error) => return refused(&error),
    };
    let folder = args.record.as_deref().unwrap_or(scratch.path());
    let a = sides(args, &args.a, &args.driver_a, &folder.join("a"));
    let a = match a {
        Ok(a) => a,
        Err(exit) => return exit,
    };
    let b = match sides(args, &args.b, &args.driver_b, &folder.join("b")) {
        Ok(b) => b,
        Err(exit) => return exit,
    };
    let answers = (all_answers(&a), all_answers(&b));
    let all = compare_all(args, a, b, &mut accepted);
    if args.accept
        && let Some(path) = &args.accepted
    {
        let text = accepted.write();
        let written = create(path).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            return refused(&error);
        }
    }
    match args.json {
        true => all.iter().for_each(|it| print(&it.json())),
        false => print(&report(&all, &answers)),
    }
    exit(&all)
}

fn refused(error: &io::Error) -> Exit {
    complain(&format!("error: {error}"));
    Exit::MachineRefused
}

/// The answers of all runs of one build.
fn all_answers(runs: &Runs) -> Answers {
    let mut answers = Answers::default();
    let records = runs.values().filter_map(|(_, side)| side.record.as_ref());
    records.for_each(|record| answers.add(&Answers::of(record)));
    answers
}

/// Compares run with run, by scenario.
fn compare_all(args: &CompareArgs, a: Runs, mut b: Runs, accepted: &mut Accepted) -> Vec<Compared> {
    let of_a = a.into_iter().map(|(name, (shows, side))| {
        let other = b.remove(&name).map(|(_, side)| side);
        (name, shows, side, other.unwrap_or_else(|| missing("B")))
    });
    let mut pairs: Vec<_> = of_a.collect();
    let only_b = b.into_iter();
    pairs.extend(only_b.map(|(name, (shows, side))| (name, shows, missing("A"), side)));
    let compared = pairs.into_iter().map(|(name, shows, a, b)| {
        let mut found = suite::compare(&a, &b, args.tolerance);
        if args.accept && found.likeness != Likeness::Unknown {
            accepted.set(&name, &found.differences);
        }
        let (n, gone) = accepted.take(&name, &mut found.differences);
        if n > 0 && found.differences.is_empty() {
            found.likeness = Likeness::Same;
        }
        Compared {
            name,
            shows,
            found,
            accepted: n,
            gone,
        }
    });
    compared.collect()
}

fn read_accepted(path: &Path) -> Result<Accepted, Exit> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // There is none before the first difference is accepted.
        Err(_) => return Ok(Accepted::default()),
    };
    Accepted::read(&text).map_err(|line| {
        let path = path.display();
        complain(&format!("error: {path}:{line}: it belongs to no scenario"));
        Exit::ScenarioWrong
    })
}

/// The runs of one build by scenario, with the rules that each shows: as recorded, else made now and recorded in
/// `folder`.
fn sides(args: &CompareArgs, what: &str, driver: &[String], folder: &Path) -> Result<Runs, Exit> {
    let mut build = BuildArgs {
        driver: driver.to_vec(),
        ..BuildArgs::default()
    };
    match what.split_once('=') {
        None if what == "reference" => {}
        Some(("fault", fault)) => {
            faults::read(fault).map_err(|why| {
                complain(&format!("error: {what}: {why}"));
                Exit::ScenarioWrong
            })?;
            build.fault.push(fault.to_owned());
        }
        Some(("controller", command)) => build.controller.push(command.to_owned()),
        Some(_) | None if Path::new(what).is_dir() => return recorded(Path::new(what)),
        Some(_) | None => {
            complain(&format!(
                "error: `{what}` is neither `reference`, `fault=NAME`, `controller=COMMAND` nor a folder of records"
            ));
            return Err(Exit::ScenarioWrong);
        }
    }
    let cases = cases(&args.select, &args.runner, &build)?;
    let keep = Keep {
        records: Some(folder.to_owned()),
        ..Keep::default()
    };
    let results = run_all(cases, &args.runner, &keep, false, |_| {});
    Ok(with_records(results, folder))
}

/// The runs that are recorded in a folder.
fn recorded(folder: &Path) -> Result<Runs, Exit> {
    let path = folder.join(RESULTS);
    let text = fs::read_to_string(&path).map_err(|error| error.to_string());
    match text.and_then(|text| read_lines(&text)) {
        Ok((_, results, _)) => Ok(with_records(results, folder)),
        Err(error) => {
            complain(&format!("error: {}: {error}", path.display()));
            Err(Exit::ScenarioWrong)
        }
    }
}

fn with_records(results: Vec<TestResult>, folder: &Path) -> Runs {
    let with_record = |result: TestResult| {
        let mut side = Side {
            status: result.status,
            why: result.why,
            record: None,
        };
        // A run that was killed, or not even begun, has none; one that passed does.
        let text = fs::read_to_string(record_path(folder, &result.name));
        match text
            .map_err(|error| error.to_string())
            .and_then(|text| Record::read(&text))
        {
            Ok(record) => side.record = Some(record),
            Err(error) if side.status.is_pass() => {
                side.status = Status::Broken;
                side.why = vec![Why::new(format!("its record: {error}"))];
            }
            Err(_) => {}
        }
        (result.name, (result.shows, side))
    };
    results.into_iter().map(with_record).collect()
}

fn missing(name: &str) -> Side {
    Side {
        status: Status::Broken,
        why: vec![Why::new(format!("{name} has not run it"))],
        record: None,
    }
}

impl Compared {
    fn json(&self) -> String {
        let first = self.found.first.as_ref();
        let value = json!({
            "type": "comparison",
            "name": self.name,
            "shows": self.shows,
            "verdict": self.found.likeness.to_string(),
            "differences": self.found.differences,
            "first": first.map(|(phone, message, at_ns)| json!({"phone": phone, "message": message, "at_ns": at_ns})),
            "why": self.found.why,
            "accepted": self.accepted,
            "gone": self.gone,
        });
        format!("{value}\n")
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}", self.found.likeness, self.name);
        if !self.shows.is_empty() {
            let _ = write!(text, " · {}", self.shows.join(" "));
        }
        text.push('\n');
        if let Some((phone, message, at_ns)) = &self.found.first {
            let at = Instant::ZERO + Duration::from_nanos(*at_ns);
            let _ = writeln!(text, "  first: message {message} of {phone}, at {at} s");
        }
        let lines = self
            .found
            .why
            .iter()
            .map(|why| why.trim_end().replace('\n', "\n  "));
        let hidden = self.found.differences.len().saturating_sub(LINES_SHOWN);
        let differences = self.found.differences.iter().take(LINES_SHOWN).cloned();
        for line in differences.chain(lines) {
            let _ = writeln!(text, "  {line}");
        }
        if hidden > 0 {
            let hidden = counted(hidden as u64, "more difference");
            let _ = writeln!(text, "  and {hidden}: --json has them all");
        }
        text + "\n"
    }
}

/// Differences of one scenario that are shown.
const LINES_SHOWN: usize = 12;

fn report(all: &[Compared], answers: &(Answers, Answers)) -> String {
    let mut text = String::new();
    for likeness in [Likeness::Worse, Likeness::Different, Likeness::Unknown] {
        let such = all.iter().filter(|it| it.found.likeness == likeness);
        such.for_each(|it| text += &it.text());
    }
    for it in all.iter().filter(|it| !it.gone.is_empty()) {
        let _ = writeln!(text, "accepted, and not there any more: {}", it.name);
        it.gone
            .iter()
            .for_each(|line| text.extend(["  ", line, "\n"]));
    }
    let _ = writeln!(
        text,
        "{:<52} {:>30} {:>30}",
        "answers: median, p90 (ms), n", "A", "B"
    );
    for (name, a, b) in answers.0.beside(&answers.1) {
        let _ = writeln!(text, "{name:<52} {:>30} {:>30}", shown(a), shown(b));
    }
    let count = |likeness| {
        all.iter()
            .filter(|it| it.found.likeness == likeness)
            .count()
    };
    let _ = write!(
        text,
        "\n{}: {} same",
        counted(all.len() as u64, "scenario"),
        count(Likeness::Same)
    );
    for likeness in [Likeness::Worse, Likeness::Different, Likeness::Unknown] {
        if count(likeness) > 0 {
            let _ = write!(text, ", {} {likeness}", count(likeness));
        }
    }
    let accepted: usize = all.iter().map(|it| it.accepted).sum();
    if accepted > 0 {
        let accepted = counted(accepted as u64, "difference");
        let _ = write!(text, "; {accepted} accepted");
    }
    text + "\n"
}

fn shown(times: Option<Distribution>) -> String {
    let millis = |nanos: u64| nanos as f64 / 1e6;
    times.map_or("-".to_owned(), |it| {
        format!(
            "{:.2} {:.2} {:>5}",
            millis(it.median_ns),
            millis(it.p90_ns),
            it.n
        )
    })
}

/// A difference goes before what could not be compared; two that were both skipped are no fault.
fn exit(all: &[Compared]) -> Exit {
    let is = |likeness| all.iter().any(|it| it.found.likeness == likeness);
    match is(Likeness::Worse) || is(Likeness::Different) {
        true => Exit::ExpectationFailed,
        false if all.iter().any(Compared::says_nothing) => Exit::Invalid,
        false => Exit::Passed,
    }
}

impl Compared {
    /// Whether it should have been compared, and was not.
    fn says_nothing(&self) -> bool {
        let skipped = |why: &String| why.contains(" is skipped: ");
        self.found.likeness == Likeness::Unknown && !self.found.why.iter().all(skipped)
    }
}
