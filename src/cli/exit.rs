//! The program's exit codes.

use std::process::ExitCode;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    Passed,
    /// Of a run; of `option125`, that a set refuses it.
    ExpectationFailed,
    /// Also for wrong arguments, as clap has it.
    ScenarioWrong,
    MachineRefused,
    /// Live: the machine was too late for the run to mean anything.
    Invalid,
    /// A controller under test cannot do what the scenario needs: neither passed nor failed. Of many scenarios: all were
    /// skipped.
    Skipped,
}

/// The exit codes, for `--help`.
pub(super) const HELP: &str = "Exit codes: 0 passed, 1 an expectation failed or a set refuses the option, 2 the scenario or the \
arguments are wrong, 3 the machine refused (rights, a device, a disk) or a signal ended a live run, 4 a live run was too late to count, \
5 skipped: a controller under test cannot do what the scenario needs, or of many scenarios all were skipped.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Passed => 0,
            Exit::ExpectationFailed => 1,
            Exit::ScenarioWrong => 2,
            Exit::MachineRefused => 3,
            Exit::Invalid => 4,
            Exit::Skipped => 5,
        })
    }
}
