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
mod faults;
mod file;
mod lab;
mod lint;
mod mix;
mod nearest;
mod needs;
mod oracle;
mod outcome;
mod placeholder;
pub mod plan;
mod problem;
mod recorder;
mod resolve;
mod run;
mod standing;
mod tally;
mod template;
mod units;
mod watch;

pub use build::{BuildError, Files, firmware, readable_firmware};
pub use describe::counted;
pub use explain::explain;
pub use file::read_rule;
pub use lint::{Warning, Warnings};
pub use mix::{Disturbance, Mix};
pub use outcome::{Evidence, Outcome, ProgramView, Settled, Stopped, Verdict, Violation};
pub use placeholder::misspelt_placeholder;
pub use problem::{Problem, Problems};
pub use recorder::{CaptureSink, DROPS, FAULTS, Recorder, VIRTUAL_EPOCH_NANOS};
pub use run::{FORMS_FILE, Run};
pub use standing::{PlugError, plug_in, standing};
pub use units::{read_duration, show_duration};
pub use watch::{Deaf, Listener, PhoneView, SetMessage};

pub use crate::dhcp::{LeaseRecord, LeaseState};
use plan::{Action, HostKind, Plan, StepKind};

/// A scenario file that was read: its plan, and the places that warnings point at.
#[derive(Debug)]
pub struct Scenario {
    pub plan: Plan,
    file: file::File,
}

impl Scenario {
    /// Reads a scenario file. Looks at nothing but its text.
    ///
    /// # Errors
    /// Every problem that the file has, in the order of the file. A file that is not even TOML is only
    /// told so: what its keys mean is looked at when they can be read.
    pub fn read(text: &str) -> Result<Scenario, Problems> {
        let mut problems = Problems::default();
        let file = file::parse(text, &mut problems);
        let scenario = file.and_then(|file| {
            let plan = resolve::plan(&file, text, &mut problems)?;
            Some(Scenario { plan, file })
        });
        match scenario {
            Some(scenario) if problems.is_empty() => Ok(scenario),
            Some(_) | None => Err(problems.sorted()),
        }
    }

    /// What would not work as a reader of the file expects, and is not allowed by it. `files` are the boot
    /// files, without those of servers whose folder can't be read.
    pub fn warnings(&self, files: &Files) -> Warnings {
        lint::warnings(&self.plan, &self.file, files)
    }
}

/// Whether a TOML file found among others is meant as a scenario: it is no TOML, or has a key of a scenario file.
pub fn is_meant_as_scenario(text: &str) -> bool {
    file::is_meant(text)
}

/// Why a plan can't run in virtual time, if it can't.
pub fn needs_live(plan: &Plan) -> Option<String> {
    let kernel = |kind: &HostKind| matches!(kind, HostKind::Kernel { .. });
    if let Some(host) = plan.hosts.iter().find(|host| kernel(&host.kind)) {
        let name = &host.name;
        return Some(format!("host `{name}` is a kernel of this machine"));
    }
    let exec = |kind: &StepKind| matches!(kind, StepKind::Act(Action::Exec(_)));
    let step = plan.steps.iter().find(|step| exec(&step.kind))?;
    Some(format!("the step of line {} runs a program", step.line))
}

/// The plan of a scenario file.
///
/// # Errors
/// As [`Scenario::read`].
pub fn read(text: &str) -> Result<Plan, Problems> {
    Scenario::read(text).map(|scenario| scenario.plan)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// Each file of `fixtures/broken` has its message beside it; `BLESS=1` writes those anew.
    #[test]
    fn a_broken_scenario_is_refused_with_its_message() {
        for path in files("fixtures/broken", "toml") {
            let text = fs::read_to_string(&path).unwrap();
            let shown = path.file_name().unwrap().to_str().unwrap();
            let problems = read(&text).expect_err(shown);
            check_golden(
                &path.with_extension("txt"),
                &problems.render(shown, &text, false),
            );
        }
    }

    #[test]
    fn the_shipped_scenarios_become_plans() {
        let mut paths = files("fixtures/scenarios", "toml");
        paths.extend(files("fixtures/scenarios/live", "toml"));
        for path in paths {
            let text = fs::read_to_string(&path).unwrap();
            if let Err(problems) = read(&text) {
                panic!(
                    "{}",
                    problems.render(&path.display().to_string(), &text, false)
                );
            }
        }
    }

    /// Of the documented examples, cut off anywhere, and with any one line left out.
    #[test]
    fn no_file_makes_the_reader_panic() {
        let text = documented_examples();
        let cut = (0..text.len()).filter_map(|end| text.get(..end).map(str::to_owned));
        let lines: Vec<&str> = text.lines().collect();
        let left_out = (0..lines.len()).map(|i| [&lines[..i], &lines[i + 1..]].concat().join("\n"));
        for text in cut.chain(left_out) {
            if let Err(problems) = read(&text) {
                assert!(problems.render("f", &text, true).contains("error"));
            }
        }
    }

    #[test]
    fn the_documented_examples_make_one_plan_that_shows_every_key() {
        let examples = documented_examples();
        let plan = read(&examples).unwrap_or_else(|problems| {
            panic!("{}", problems.render("docs/scenarios.md", &examples, false));
        });
        check_golden(
            "fixtures/golden/documented.plan.txt".as_ref(),
            &explain(&plan),
        );
    }

    #[test]
    fn a_plan_is_explained_with_every_default() {
        let text = fs::read_to_string("fixtures/scenarios/subnet-move.toml").unwrap();
        let explained = explain(&read(&text).unwrap());
        check_golden("fixtures/golden/subnet-move.plan.txt".as_ref(), &explained);
    }

    fn documented_examples() -> String {
        let page = fs::read_to_string("docs/scenarios.md").unwrap();
        let blocks = page.split("```toml\n").skip(1);
        blocks
            .filter_map(|block| block.split("```").next())
            .collect()
    }

    /// Compares with a file; `BLESS=1` writes it instead.
    fn check_golden(golden: &Path, found: &str) {
        if std::env::var_os("BLESS").is_some() {
            fs::write(golden, found).unwrap();
        }
        let expected = fs::read_to_string(golden).unwrap_or_default();
        assert_eq!(found, expected, "{}", golden.display());
    }

    fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|found| found == extension));
        paths.sort();
        paths
    }
}
