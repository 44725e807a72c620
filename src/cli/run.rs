//! `jackfield run`: one scenario, under the driver that the user asks for.

use std::fs;
use std::io::{self, BufWriter, IsTerminal as _};
use std::path::Path;

use super::exit::Exit;
use super::files::{capture_path, create_capture, firmware_folder};
use super::progress::Progress;
use super::{RunArgs, complain, print, unreadable};
use crate::capture::Format;
use crate::report::{JsonLines, Style, TextReport, outcome_json, summary};
use crate::scenario::plan::{Action, HostKind, Plan, StepKind};
use crate::scenario::{
    self, CaptureSink, Deaf, Files, Listener, Outcome, Recorder, Run, VIRTUAL_EPOCH_NANOS,
};
use crate::sim::drive_virtual;

pub(super) fn run(args: &RunArgs) -> Exit {
    let text = match fs::read_to_string(&args.scenario) {
        Ok(text) => text,
        Err(error) => return unreadable(&args.scenario, &error),
    };
    let shown = args.scenario.display().to_string();
    let mut plan = match scenario::read(&text) {
        Ok(plan) => plan,
        Err(problems) => {
            let colour = io::stderr().is_terminal();
            complain(&problems.render(&shown, &text, colour));
            return Exit::ScenarioWrong;
        }
    };
    plan.seed = args.seed.unwrap_or(plan.seed);
    if !args.live
        && let Some(reason) = needs_live(&plan)
    {
        complain(&format!("error: {shown}: {reason}; run it with --live"));
        return Exit::ScenarioWrong;
    }
    let files = match scenario::firmware(&plan, |folder| firmware_folder(&args.scenario, folder)) {
        Ok(files) => files,
        Err(error) => {
            complain(&format!("error: {shown}: {error}"));
            return Exit::ScenarioWrong;
        }
    };
    let style = Style {
        colour: io::stdout().is_terminal(),
        verbose: args.verbose,
    };
    let clock = if args.live { "live" } else { "virtual time" };
    match (args.quiet, args.json) {
        (true, _) => go(args, &plan, &files, style, Deaf),
        (false, true) => {
            let report = JsonLines::new(BufWriter::new(io::stdout()));
            go(args, &plan, &files, style, report)
        }
        (false, false) => {
            let mut report = TextReport::new(&plan, style, BufWriter::new(io::stdout()));
            report.begin(&plan, clock);
            go(args, &plan, &files, style, report)
        }
    }
}

/// Why a plan can't run in virtual time, if it can't.
fn needs_live(plan: &Plan) -> Option<String> {
    let kernel = |kind: &HostKind| matches!(kind, HostKind::Kernel { .. });
    if let Some(host) = plan.hosts.iter().find(|host| kernel(&host.kind)) {
        let name = &host.name;
        return Some(format!("host `{name}` is a kernel of this machine"));
    }
    let exec = |kind: &StepKind| matches!(kind, StepKind::Act(Action::Exec(_)));
    let step = plan.steps.iter().find(|step| exec(&step.kind))?;
    Some(format!("the step of line {} runs a program", step.line))
}

/// Runs a plan and reports what came of it.
fn go(args: &RunArgs, plan: &Plan, files: &Files, style: Style, listener: impl Listener) -> Exit {
    let capture = capture_path(args);
    let epoch = VIRTUAL_EPOCH_NANOS;
    let recorder = match recorder(plan, capture.as_deref(), epoch) {
        Ok(recorder) => recorder,
        Err(error) => {
            complain(&format!("error: capture: {error}"));
            return Exit::MachineRefused;
        }
    };
    let mut run = match Run::new(plan, files, recorder, listener) {
        Ok(run) => run,
        Err(error) => {
            complain(&format!("error: {}: {error}", args.scenario.display()));
            return Exit::ScenarioWrong;
        }
    };
    let mut progress = Progress::new(plan.steps.len());
    drive_virtual(&mut run, |run, now| progress.tick(now, run.step()));
    progress.clear();
    let (outcome, captured, listener) = run.finish();
    // The timeline is written out before the summary.
    drop(listener);
    report(args, plan, &outcome, capture.as_deref(), style);
    if let Err(error) = captured {
        complain(&format!("error: the capture is incomplete: {error}"));
        return Exit::MachineRefused;
    }
    match outcome.passed() {
        true => Exit::Passed,
        false => Exit::ExpectationFailed,
    }
}

fn recorder(plan: &Plan, capture: Option<&Path>, epoch_nanos: u64) -> io::Result<Recorder> {
    let Some(path) = capture else {
        return Ok(Recorder::off());
    };
    let file = create_capture(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let out: CaptureSink = Box::new(file);
    Recorder::new(plan, Format::of(path), out, epoch_nanos)
}

fn report(args: &RunArgs, plan: &Plan, outcome: &Outcome, capture: Option<&Path>, style: Style) {
    let file = args.scenario.display().to_string();
    let capture = capture.map(|path| path.display().to_string());
    let capture = capture.as_deref();
    if args.json {
        let value = outcome_json(plan, outcome, &file, capture);
        print(&format!("{value}\n"));
    } else {
        print(&summary(plan, outcome, &file, capture, style));
    }
}
