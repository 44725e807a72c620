//! `jackfield serve`: a scenario's servers on interfaces of this machine, until somebody ends them.

use super::exit::Exit;
use super::files::{firmware_folder, read_scenario};
use super::leases::Kept;
use super::live::Terms;
use super::run::timeline;
use super::site::{Prepared, style};
use super::{ServeArgs, complain, print};
use crate::os::Settings;
use crate::report::{JsonLines, Remarks, ServedReport, TextReport};
use crate::scenario::{self, Deaf, Files, Listener, plug_in, standing};

pub(super) fn serve(args: &ServeArgs) -> Exit {
    let mut plan = match read_scenario(&args.scenario) {
        Ok(scenario) => standing(scenario.plan),
        Err(exit) => return exit,
    };
    for wanted in &args.interface {
        let (segment, device) = match wanted.split_once('=') {
            Some((segment, device)) => (Some(segment), device),
            None => (args.segment.as_deref(), wanted.as_str()),
        };
        if let Err(error) = plug_in(&mut plan, segment, device) {
            complain(&format!("error: {}: {error}", args.scenario.display()));
            return Exit::ScenarioWrong;
        }
    }
    let files = match scenario::firmware(&plan, |folder| firmware_folder(&args.scenario, folder)) {
        Ok(files) => files,
        Err(error) => {
            complain(&format!("error: {}: {error}", args.scenario.display()));
            return Exit::ScenarioWrong;
        }
    };
    let mut kept = match args.leases.as_deref().map(Kept::open).transpose() {
        Ok(kept) => kept,
        Err(error) => {
            complain(&format!("error: {error}"));
            return Exit::MachineRefused;
        }
    };
    let terms = Terms {
        late_max: Settings::LATE_BOUND,
        stands: true,
        keep: false,
    };
    let prepared = match Prepared::new(&plan, args.output.capture.as_deref(), terms) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let with = (prepared, &files, kept.as_mut());
    if args.quiet {
        go(args, with, Deaf)
    } else if args.output.json {
        go(args, with, JsonLines::new(timeline(true)))
    } else {
        let mut report = TextReport::new(&plan, style(&args.output), timeline(true));
        let on = args.interface.join(", ");
        report.begin(&plan, &format!("serving on {on}"));
        go(args, with, report)
    }
}

fn go(
    args: &ServeArgs,
    (prepared, files, mut kept): (Prepared<'_>, &Files, Option<&mut Kept>),
    report: impl Listener + Remarks,
) -> Exit {
    let report = ServedReport::new(report);
    let ended = match prepared.run(files, kept.as_deref_mut(), report) {
        Ok(ended) => ended,
        Err(exit) => return exit,
    };
    let mut served = ended.listener.served().clone();
    if let Some(kept) = kept {
        served.take_back(std::mem::take(&mut kept.not_given));
    }
    if args.output.json {
        let mut value = served.json(&ended.outcome);
        if let Ok(pace) = &ended.pace {
            value["live"] = pace.json();
        }
        print(&format!("{value}\n"));
    } else {
        print(&served.summary(&ended.outcome));
    }
    let exit = ended.machine(&args.output).unwrap_or(Exit::Passed);
    if let Some(line) = served.not_given_line() {
        complain(&line);
    }
    exit
}
