//! `jackfield check`: reads scenarios and says what is wrong with them.

use std::fs;
use std::io::IsTerminal as _;

use super::exit::Exit;
use super::{CheckArgs, complain, print, unreadable};
use crate::scenario;

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
        match scenario::read(&text) {
            Ok(plan) if args.explain => print(&scenario::explain(&plan)),
            Ok(plan) => print(&format!(
                "{shown}: {} steps, {} expectations\n",
                plan.steps.len(),
                plan.expectations()
            )),
            Err(problems) => {
                complain(&problems.render(&shown, &text, colour));
                worst = worst.max(Exit::ScenarioWrong);
            }
        }
    }
    worst
}
