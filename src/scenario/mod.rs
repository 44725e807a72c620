//! Scenarios: a file becomes a plan, a plan becomes a lab, a lab runs and gives an outcome.
//!
//! ```text
//! text ──file──▶ File (as written, with places) ──resolve──▶ Plan (checked, no choice left)
//!                                                             │ build
//!                          Outcome ◀──run──────────────────── Lab (nodes and cables)
//!                                      watch: views of sets, counts of frames, the capture
//! ```
//!
//! Reading collects every problem that it finds, so that a user sees all of them at once.

mod build;
mod comments;
mod describe;
mod expect;
mod explain;
mod file;
mod lab;
mod nearest;
mod outcome;
pub mod plan;
mod problem;
mod recorder;
mod resolve;
mod run;
mod tally;
mod template;
mod units;
mod watch;

pub use build::{BuildError, Files, firmware};
pub use explain::explain;
pub use outcome::{Outcome, Stopped, Verdict};
pub use problem::{Problem, Problems};
pub use recorder::{CaptureSink, DROPS, Recorder, VIRTUAL_EPOCH_NANOS};
pub use run::Run;
pub use watch::{Deaf, Listener, PhoneView};

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
    use std::path::PathBuf;

    use super::*;

    /// Each file of `fixtures/broken` has its message beside it; `BLESS=1` writes those anew.
    #[test]
    fn a_broken_scenario_is_refused_with_its_message() {
        let mut differing = Vec::new();
        for path in files("fixtures/broken", "toml") {
            let text = fs::read_to_string(&path).unwrap();
            let shown = path.file_name().unwrap().to_str().unwrap();
            let problems = match read(&text) {
                Ok(_) => "no problem\n".to_owned(),
                Err(problems) => problems.render(shown, &text, false),
            };
            let golden = path.with_extension("txt");
            if std::env::var_os("BLESS").is_some() {
                fs::write(&golden, &problems).unwrap();
            }
            if fs::read_to_string(&golden).unwrap_or_default() != problems {
                differing.push(format!("{}:\n{problems}", golden.display()));
            }
        }
        assert!(differing.is_empty(), "{}", differing.join("\n"));
    }

    #[test]
    fn the_shipped_scenarios_become_plans() {
        for path in files("fixtures/scenarios", "toml") {
            let text = fs::read_to_string(&path).unwrap();
            if let Err(problems) = read(&text) {
                panic!(
                    "{}",
                    problems.render(&path.display().to_string(), &text, false)
                );
            }
        }
    }

    fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|found| found == extension));
        paths.sort();
        paths
    }
}
