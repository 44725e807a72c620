//! Files that a run reads and writes: firmware folders, captures.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::Exit;
use super::{RunArgs, complain, unreadable};
use crate::capture::Format;
use crate::lab::read_folder;
use crate::scenario::plan::Plan;
use crate::scenario::{CaptureSink, Outcome, Recorder, Scenario};

/// Every file of a firmware folder, which is named relative to the scenario file.
pub(super) fn firmware_folder(
    scenario: &Path,
    folder: &str,
) -> io::Result<BTreeMap<String, Arc<[u8]>>> {
    let beside = scenario.parent().unwrap_or(Path::new(""));
    read_folder(&beside.join(folder))
}

/// Where the capture of a run goes; `None`: nowhere.
pub(super) fn capture_path(args: &RunArgs) -> Option<PathBuf> {
    if args.no_capture {
        return None;
    }
    let default = || {
        // Only the last ending goes: `office.v1.toml` and `office.v2.toml` have a capture each.
        let mut name = args.scenario().file_stem().unwrap_or_default().to_owned();
        name.push(".pcapng");
        Path::new("captures").join(name)
    };
    Some(args.capture.clone().unwrap_or_else(default))
}

/// Reads a scenario; what is wrong with it is said.
pub(super) fn read_scenario(path: &Path) -> Result<Scenario, Exit> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Scenario::read(&text).map_err(|problems| {
        let colour = io::stderr().is_terminal();
        complain(&problems.render(&path.display().to_string(), &text, colour));
        Exit::ScenarioWrong
    })
}

/// The recorder of a run whose capture goes to `capture`, and which begins at `epoch_nanos` since 1970-01-01 UTC.
pub(super) fn recorder(
    plan: &Plan,
    capture: Option<&Path>,
    epoch_nanos: u64,
) -> io::Result<Recorder> {
    let Some(path) = capture else {
        return Ok(Recorder::off());
    };
    let out: CaptureSink = Box::new(create(path)?);
    Recorder::new(plan, Format::of(path), out, epoch_nanos)
}

/// Keeps what programs of a run that has not passed have said, beside its capture, in a file for each that has said
/// anything: `NAME.HOST.log`.
pub(super) fn keep_logs(capture: Option<&Path>, outcome: &mut Outcome) -> io::Result<()> {
    let Some(capture) = capture.filter(|_| !outcome.passed()) else {
        return Ok(());
    };
    let programs = outcome.programs.iter_mut();
    for program in programs.filter(|program| !program.output.is_empty()) {
        let path = capture.with_extension(format!("{}.log", program.host));
        create(&path)?.write_all(program.output.as_bytes())?;
        program.log = Some(path.display().to_string());
    }
    Ok(())
}

/// Creates a file, and the folder that it is in. An error names it.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let made = fs::create_dir_all(folder).and_then(|()| File::create(path));
    made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
