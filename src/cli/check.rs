//! `jackfield check`: reads scenarios and says what is wrong with them, or odd.

use std::fs;
use std::io::IsTerminal as _;

use super::exit::Exit;
use super::files::firmware_folder;
use super::{CheckArgs, complain, print, unreadable};
use crate::scenario::{self, Scenario, counted};

pub(super) fn check(args: &CheckArgs) -> Exit {
    let colour = std::io::stderr().is_terminal();
    let mut worst = Exit::Passed;
    for path in &args.scenarios {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                worst = worst.max(unreadable(path, &error));
                continue;
            }
        };
        let shown = path.display().to_string();
        let scenario = match Scenario::read(&text) {
            Ok(scenario) => scenario,
            Err(problems) => {
                complain(&problems.render(&shown, &text, colour));
                worst = worst.max(Exit::ScenarioWrong);
                continue;
            }
        };
        let plan = &scenario.plan;
        let read = |folder: &str| firmware_folder(path, folder);
        let warnings = scenario.warnings(&scenario::readable_firmware(plan, read));
        if !warnings.is_empty() {
            complain(&warnings.render(&shown, &text, colour));
            if args.strict {
                worst = worst.max(Exit::ScenarioWrong);
            }
        }
        if args.explain {
            print(&scenario::explain(plan));
        } else {
            let steps = counted(plan.steps.len() as u64, "step");
            let expectations = counted(plan.expectations() as u64, "expectation");
            let mut line = format!("{shown}: {steps}, {expectations}");
            if !warnings.is_empty() {
                line += &format!(", {warnings}");
            }
            print(&(line + "\n"));
        }
    }
    worst
}
