//! `jackfield run`: one scenario, under the driver that the user asks for.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use serde_json::Value;

use super::exit::Exit;
use super::files::{capture_path, create, firmware_folder, keep_logs, read_scenario, recorder};
use super::live::{self, Machine, Pace, Terms};
use super::progress::Progress;
use super::{RunArgs, complain, faults, print, sweep};
use crate::lab::lay_dissector;
use crate::os::{Clock, LiveError, Settings, date_nanos};
use crate::report::{JsonLines, Style, TextReport, outcome_json, summary};
use crate::scenario::plan::Plan;
use crate::scenario::{
    self, Deaf, Files, Listener, Mix, Outcome, Recorder, Run, Settled, Stopped, VIRTUAL_EPOCH_NANOS,
};
use crate::sim::drive_virtual;
use crate::suite::RecordWriter;
use crate::time::Instant;

pub(super) fn run(args: &RunArgs) -> Exit {
    if let Some(seeds) = args.sweep {
        return sweep::sweep(args, seeds);
    }
    if let [_, second, ..] = args.scenarios.as_slice() {
        let second = second.display();
        complain(&format!(
            "error: one scenario is run at a time; {second} is another"
        ));
        return Exit::ScenarioWrong;
    }
    let shown = args.scenario().display().to_string();
    let mut scenario = match read_scenario(args.scenario()) {
        Ok(scenario) => scenario,
        Err(exit) => return exit,
    };
    let plan = &mut scenario.plan;
    plan.seed = args.seed.unwrap_or(plan.seed);
    if let Err(exit) = place(args, plan, &shown) {
        return exit;
    }
    let live = args.is_live();
    let files = match scenario::firmware(plan, |folder| firmware_folder(args.scenario(), folder)) {
        Ok(files) => files,
        Err(error) => {
            complain(&format!("error: {shown}: {error}"));
            return Exit::ScenarioWrong;
        }
    };
    if !args.quiet {
        let warnings = scenario.warnings(&files);
        if !warnings.is_empty() {
            complain(&format!("{warnings}: see jackfield check {shown}"));
        }
    }
    let mix = match args
        .fault_mix
        .then(|| mix(&mut scenario.plan, &files))
        .transpose()
    {
        Ok(mix) => mix,
        Err(why) => {
            complain(&format!("error: {shown}: {why}"));
            return Exit::ExpectationFailed;
        }
    };
    let plan = &scenario.plan;
    if let (Some((mix, _)), false) = (&mix, args.json) {
        print(&format!("faults of seed {}:\n", plan.seed));
        for line in mix.describe(plan) {
            print(&format!("  {line}\n"));
        }
    }
    let with = (&files, mix.as_ref());
    let style = Style {
        colour: io::stdout().is_terminal(),
        verbose: args.verbose,
    };
    let clock = if live { "live" } else { "virtual time" };
    match (args.quiet, args.json) {
        (true, _) => go(args, plan, with, style, Deaf),
        (false, true) => {
            let report = JsonLines::new(timeline(live));
            go(args, plan, with, style, report)
        }
        (false, false) => {
            let mut report = TextReport::new(plan, style, timeline(live));
            report.begin(plan, clock);
            go(args, plan, with, style, report)
        }
    }
}

/// Puts into the plan what the command line alone says, and asks the machine whether it can run it.
fn place(args: &RunArgs, plan: &mut Plan, shown: &str) -> Result<(), Exit> {
    let placed = args
        .controllers
        .replace(plan)
        .and_then(|()| faults::place(plan, &args.fault));
    let live = args.is_live();
    let placed = placed.and_then(|()| match scenario::needs_live(plan) {
        Some(reason) if !live => Err(format!("{reason}; run it with --live")),
        Some(_) | None => Ok(()),
    });
    placed.map_err(|reason| {
        complain(&format!("error: {shown}: {reason}"));
        Exit::ScenarioWrong
    })?;
    if live {
        let path =
            std::path::absolute(args.scenario()).unwrap_or_else(|_| args.scenario().to_owned());
        live::place_commands(plan, path.parent().unwrap_or(Path::new("/")));
        let kept = args.keep.then(|| live::keep_refusal(plan)).transpose();
        let refused = kept.map(drop).and_then(|()| {
            live::refusal(plan).map_err(|why| format!("this machine cannot run it live: {why}"))
        });
        refused.map_err(|reason| {
            complain(&format!("error: {reason}"));
            Exit::MachineRefused
        })?;
    }
    Ok(())
}

/// The mix of the plan's seed, and what a run without one came to.
fn mix(plan: &mut Plan, files: &Files) -> Result<(Mix, Settled), String> {
    let calm = sweep::calm_run(plan, files)?;
    let mix = Mix::draw(plan, calm.stepped - Instant::ZERO);
    Ok((mix, calm))
}

impl RunArgs {
    /// Whether the run goes by the machine's clock, as programs do.
    fn is_live(&self) -> bool {
        self.live || !self.controllers.is_empty()
    }
}

/// Runs a plan and reports what came of it.
fn go(
    args: &RunArgs,
    plan: &Plan,
    (files, mix): (&Files, Option<&(Mix, Settled)>),
    style: Style,
    listener: impl Listener,
) -> Exit {
    let capture = capture_path(args);
    let prepared = Clock::start();
    let (recorder, record) = match writers(args, plan, capture.as_deref()) {
        Ok(writers) => writers,
        Err(error) => {
            complain(&format!("error: {error}"));
            return Exit::MachineRefused;
        }
    };
    let mut run = match Run::new(plan, files, recorder, (listener, record)) {
        Ok(run) => run,
        Err(error) => {
            complain(&format!("error: {}: {error}", args.scenario().display()));
            return Exit::ScenarioWrong;
        }
    };
    if let Some(reason) = args.controllers.unused(plan) {
        run.skip(reason.to_owned());
    }
    if let Some((mix, owed)) = mix {
        run.shake(mix, Some(owed));
    }
    let (pace, machine) = drive(args, plan, &mut run, &prepared);
    let line = plan.steps.get(run.step()).map_or(0, |step| step.line);
    let (mut outcome, captured, (listener, record)) = run.finish();
    // The timeline is written out before the summary.
    drop(listener);
    if let Err(error) = &pace {
        let reason = error.to_string();
        outcome.stopped = Some(Stopped { line, reason });
    }
    let known = pace.as_ref().ok().and_then(Option::as_ref);
    if let Some(reason) = known.and_then(Pace::fault) {
        outcome.stopped.get_or_insert(Stopped { line, reason });
    }
    let logged = keep_logs(capture.as_deref(), &mut outcome);
    let shown = capture.as_deref().filter(|_| !args.json);
    if let Some(Err(error)) = shown.map(|capture| lay_dissector(capture, &outcome)) {
        complain(&format!(
            "warning: no script for Wireshark beside the capture: {error}"
        ));
    }
    let capture = capture.map(|path| path.display().to_string());
    let captured = captured.map(|()| capture.as_deref());
    let value = json(args, plan, &outcome, known, &captured);
    tell(
        args,
        plan,
        &outcome,
        known,
        (&value, captured.as_ref().ok().copied().flatten()),
        style,
    );
    if args.keep && machine.is_some() && !args.json {
        print(&live::kept(plan));
    }
    let recorded = record.map_or(Ok(()), |record| record.finish(&value));
    let captured = captured.map(drop);
    match are_whole([("capture", captured), ("log", logged), ("record", recorded)]) {
        true => exit(&pace, &outcome, mix.is_some()),
        false => Exit::MachineRefused,
    }
}

/// Drives a run to its end: how it kept up with the machine's clock, if it went by that, and what it had of the machine.
fn drive<L: Listener>(
    args: &RunArgs,
    plan: &Plan,
    run: &mut Run<'_, L>,
    prepared: &Clock,
) -> (Result<Option<Pace>, LiveError>, Option<Machine>) {
    // Nothing is started for a run that is skipped before it has begun.
    if run.skipped().is_some() {
        return (Ok(None), None);
    }
    if !args.is_live() {
        in_virtual_time(run, plan);
        return (Ok(None), None);
    }
    match live::open(plan, terms(args)) {
        Ok(mut machine) => {
            let with = (terms(args), &mut machine);
            let pace = live::drive(run, None, plan, prepared, with);
            (pace.map(Some), Some(machine))
        }
        Err(error) => (Err(error), None),
    }
}

/// What writes the frames, and the record if there is one.
fn writers(
    args: &RunArgs,
    plan: &Plan,
    capture: Option<&Path>,
) -> io::Result<(Recorder, Option<RecordWriter<BufWriter<File>>>)> {
    let epoch = match args.is_live() {
        true => date_nanos(),
        false => VIRTUAL_EPOCH_NANOS,
    };
    let of_capture = |error| io::Error::other(format!("capture: {error}"));
    let recorder = recorder(plan, capture, epoch).map_err(of_capture)?;
    let record = args.record.as_ref().map(|path| create(path)).transpose()?;
    let record = record.map(|file| RecordWriter::new(plan, args.is_live(), BufWriter::new(file)));
    Ok((recorder, record))
}

/// Whether files were written to their ends. The first that was not is told of.
fn are_whole(files: [(&str, io::Result<()>); 3]) -> bool {
    let all: io::Result<()> = files.into_iter().try_for_each(|(what, written)| {
        written.map_err(|error| io::Error::other(format!("the {what} is incomplete: {error}")))
    });
    if let Err(error) = &all {
        complain(&format!("error: {error}"));
    }
    all.is_ok()
}

fn exit(pace: &Result<Option<Pace>, LiveError>, outcome: &Outcome, shaken: bool) -> Exit {
    let fault = pace.as_ref().ok().and_then(|pace| pace.as_ref()?.fault());
    match pace {
        Err(_) => Exit::MachineRefused,
        Ok(_) if fault.is_some() => Exit::ExpectationFailed,
        Ok(_) if outcome.skipped.is_some() => Exit::Skipped,
        Ok(Some(pace)) if !pace.is_valid() => Exit::Invalid,
        Ok(_) if shaken && outcome.withstood() => Exit::Passed,
        Ok(_) if !shaken && outcome.passed() => Exit::Passed,
        Ok(_) => Exit::ExpectationFailed,
    }
}

/// Says what came of a run.
fn tell(
    args: &RunArgs,
    plan: &Plan,
    outcome: &Outcome,
    pace: Option<&Pace>,
    (value, capture): (&Value, Option<&str>),
    style: Style,
) {
    if args.json {
        print(&format!("{value}\n"));
    } else {
        print(&summary(
            plan,
            outcome,
            &args.scenario().display().to_string(),
            capture,
            style,
        ));
        print(&pace.map(Pace::summary).unwrap_or_default());
    }
    if args.fault_mix && !args.json {
        print(&match outcome.withstood() {
            true => {
                "under these faults: no rule broken, and every set that ought to be is in service\n"
                    .to_owned()
            }
            false => format!(
                "✗ under these faults: {}\n",
                sweep::complaint(plan, outcome)
            ),
        });
    }
}

fn in_virtual_time<L: Listener>(run: &mut Run<'_, L>, plan: &Plan) {
    let mut progress = Progress::new(plan.steps.len());
    drive_virtual(run, |run, now| progress.tick(now, run.step()));
    progress.clear();
}

fn terms(args: &RunArgs) -> Terms {
    Terms {
        late_max: args.late_max.unwrap_or(Settings::LATE_BOUND),
        stands: false,
        keep: args.keep,
    }
}

/// The outcome as JSON. `captured`: where the capture is, or why it is incomplete.
fn json(
    args: &RunArgs,
    plan: &Plan,
    outcome: &Outcome,
    pace: Option<&Pace>,
    captured: &io::Result<Option<&str>>,
) -> Value {
    let file = args.scenario().display().to_string();
    let capture = captured.as_ref().ok().copied().flatten();
    let mut value = outcome_json(plan, outcome, &file, capture);
    if let Err(error) = captured {
        value["capture_error"] = error.to_string().into();
    }
    if let Some(pace) = pace {
        value["live"] = pace.json();
    }
    value
}

/// Where the timeline goes: to a watcher line by line, at the speed of the run; all else in bulk.
pub(super) fn timeline(live: bool) -> Box<dyn Write> {
    match live {
        true => Box::new(io::stdout()),
        false => Box::new(BufWriter::new(io::stdout())),
    }
}
