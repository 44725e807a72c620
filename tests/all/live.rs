//! The live scenarios, where the machine allows it: the run's network with this kernel and its programs in it.

use std::process::Output;

use jackfield::os::probe;
use jackfield::scenario::plan::{Action, Plan, StepKind};

use super::support::{Folder, SHIPPED, Shipped, has_program, skipped};

/// The program's exit codes (`jackfield --help`).
const PASSED: i32 = 0;
const TOO_LATE: i32 = 4;

/// A busy machine may be too late for a run to count. It gets this many chances.
const TRIES: u32 = 3;

/// One after the other: each of them measures how late the machine is.
#[test]
fn every_live_scenario_passes() {
    let test = "every_live_scenario_passes";
    let live: Vec<&Shipped> = SHIPPED.iter().filter(|shipped| shipped.is_live()).collect();
    if live.is_empty() {
        return skipped(test, "no scenario needs --live");
    }
    if let Err(refusal) = probe() {
        return skipped(test, &refusal.to_string());
    }
    let mut failed = Vec::new();
    for shipped in live {
        let name = &shipped.name;
        if let Some(program) = missing_program(&shipped.plan) {
            skipped(test, &format!("{name}: no {program}"));
            continue;
        }
        let output = run(shipped);
        match output.status.code() {
            Some(PASSED) => {}
            Some(TOO_LATE) => skipped(test, &format!("{name}: the machine is too slow")),
            code => failed.push(format!("{name}: exit {code:?}\n{}", all_of(&output))),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn run(shipped: &Shipped) -> Output {
    let folder = Folder::new();
    let scenario = shipped.path.to_str().unwrap();
    let mut run = folder.jackfield(&["run", "--live", scenario]);
    let mut output = run.output().unwrap();
    for _ in 1..TRIES {
        if output.status.code() != Some(TOO_LATE) {
            break;
        }
        output = run.output().unwrap();
    }
    output
}

/// The first program of the scenario that this machine does not have.
fn missing_program(plan: &Plan) -> Option<&str> {
    let commands = plan.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Act(Action::Exec(exec)) => exec.command.first(),
        StepKind::Act(_) | StepKind::Expect { .. } => None,
    });
    let mut programs = commands.map(String::as_str);
    programs.find(|program| !program.contains("{scenario}") && !has_program(program))
}

fn all_of(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!("{stdout}{stderr}")
}
