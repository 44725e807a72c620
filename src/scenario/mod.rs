//! Scenarios: a file becomes a plan, a plan becomes a lab, a lab runs and gives an outcome.
//!
//! ```text
//!   text ──file──▶ File (as written, with places) ──resolve──▶ Plan (checked, no choice left)
//! ```
//!
//! Both steps collect every problem that they find, so that a user sees all of them at once.

mod explain;
mod file;
mod nearest;
pub mod plan;
mod problem;
mod resolve;
mod template;
mod units;

pub use explain::explain;
pub use problem::{Problem, Problems};

use plan::Plan;

/// Reads a scenario file. Looks at nothing but its text.
///
/// # Errors
/// Every problem that the file has, in the order of the file. A file that is not even TOML is only
/// told so: what its keys mean is looked at when they can be read.
pub fn read(text: &str) -> Result<Plan, Problems> {
    let mut problems = Problems::default();
    let file = file::parse(text, &mut problems);
    let plan = file.and_then(|file| resolve::plan(&file, text, &mut problems));
    match plan {
        Some(plan) if problems.is_empty() => Ok(plan),
        Some(_) | None => Err(problems.sorted()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_shipped_scenarios_become_plans() {
        for entry in fs::read_dir("fixtures/scenarios").unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            if let Err(problems) = read(&text) {
                panic!(
                    "{}",
                    problems.render(&path.display().to_string(), &text, false)
                );
            }
        }
    }
}
