//! A scenario as a Rust test: read, run in virtual time, looked at.
//!
//! It is what `jackfield run` does without `--live`: no rights, no network, no waiting, and the same run for the same
//! seed. docs/library.md shows a crate that uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::capture::Format;
use crate::report::{DISSECTOR, Style, TextReport, dissector_of, summary};
use crate::scenario::plan::Plan;
use crate::scenario::{
    self, BuildError, CaptureSink, Outcome, PhoneView, Problems, Recorder, Run, Scenario,
    VIRTUAL_EPOCH_NANOS,
};
use crate::sim::drive_virtual;

/// A network with phones, elements and servers, and what happens to them.
///
/// ```
/// use jackfield::Lab;
///
/// let lab = Lab::from_toml(r#"
/// scenario = "A set without an element to register with says so"
///
/// [[subnet]]
/// name = "office"
/// prefix = "10.1.0.0/24"
/// dhcp = { call_srv = "10.1.0.10", sw_tftp = "10.1.0.20" }
///
/// [[phone]]
/// name = "anna"
/// model = "5360"
/// at = "office"
///
/// [[step]]
/// power-up = "anna"
///
/// [[step]]
/// within = "60 s"
/// expect.anna = { registered = false, address = "10.1.0.50" }
/// "#)?;
/// let ran = lab.seed(7).run()?;
/// ran.assert_passed();
/// assert_eq!(ran.phone("anna").unwrap().address, Some([10, 1, 0, 50].into()));
/// # Ok::<(), jackfield::LabError>(())
/// ```
#[derive(Debug)]
pub struct Lab {
    plan: Plan,
    /// What the scenario is called in reports.
    file: String,
    /// Where its firmware folders are.
    folder: PathBuf,
    capture: Option<PathBuf>,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Every verdict, and every set as it was at the end.
    pub outcome: Outcome,
    plan: Plan,
    report: String,
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The scenario is wrong: every problem, with its place.
    #[error("{0}")]
    Scenario(String),
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    /// It has a kernel host or an `exec` step, which need `jackfield run --live`.
    #[error("{0}: it needs a live run")]
    NeedsLive(String),
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Lab {
    /// The lab of a scenario that stands in a text. A firmware folder that it names is beside the present folder.
    ///
    /// # Errors
    /// [`LabError::Scenario`].
    pub fn from_toml(text: &str) -> Result<Lab, LabError> {
        Lab::new(text, "scenario", Path::new(""))
    }

    /// The lab of a scenario file.
    ///
    /// # Errors
    /// [`LabError::Scenario`], or [`LabError::File`] if it cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Lab, LabError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Lab::new(&text, &file, path.parent().unwrap_or(Path::new(""))),
            Err(source) => Err(LabError::File { path: file, source }),
        }
    }

    fn new(text: &str, file: &str, folder: &Path) -> Result<Lab, LabError> {
        let wrong = |problems: Problems| LabError::Scenario(problems.render(file, text, false));
        Ok(Lab {
            plan: Scenario::read(text).map_err(wrong)?.plan,
            file: file.to_owned(),
            folder: folder.to_owned(),
            capture: None,
        })
    }

    /// Another seed than the scenario's.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Lab {
        self.plan.seed = seed;
        self
    }

    /// Writes the frames to this file: pcapng, or classic pcap if it ends in `.pcap`.
    #[must_use]
    pub fn capture(mut self, path: impl Into<PathBuf>) -> Lab {
        self.capture = Some(path.into());
        self
    }

    /// Runs it to its end, in virtual time.
    ///
    /// # Errors
    /// It could not be run. An expectation that fails is no error: it is in the [outcome](Ran::outcome).
    pub fn run(self) -> Result<Ran, LabError> {
        let plan = &self.plan;
        if let Some(reason) = scenario::needs_live(plan) {
            return Err(LabError::NeedsLive(reason));
        }
        let files = scenario::firmware(plan, |folder| read_folder(&self.folder.join(folder)))?;
        let recorder = self.recorder()?;
        let style = Style {
            colour: false,
            verbose: false,
        };
        let mut text = Vec::new();
        let mut report = TextReport::new(plan, style, &mut text);
        report.begin(plan, "virtual time");
        let mut run = Run::new(plan, &files, recorder, report)?;
        drive_virtual(&mut run, |_, _| {});
        let (outcome, captured, report) = run.finish();
        drop(report);
        if let (Err(source), Some(path)) = (captured, &self.capture) {
            return Err(file_error(path, source));
        }
        if let Some(capture) = &self.capture {
            // Without it the report's commands show less; the run is what it is.
            let _ = lay_dissector(capture, &outcome);
        }
        let capture = self.capture.as_ref().map(|path| path.display().to_string());
        let mut report = String::from_utf8_lossy(&text).into_owned();
        report += &summary(plan, &outcome, &self.file, capture.as_deref(), style);
        Ok(Ran {
            outcome,
            plan: self.plan,
            report,
        })
    }

    fn recorder(&self) -> Result<Recorder, LabError> {
        let Some(path) = &self.capture else {
            return Ok(Recorder::off());
        };
        let opened = std::fs::File::create(path).and_then(|file| {
            let out: CaptureSink = Box::new(file);
            Recorder::new(&self.plan, Format::of(path), out, VIRTUAL_EPOCH_NANOS)
        });
        opened.map_err(|source| file_error(path, source))
    }
}

fn file_error(path: &Path, source: io::Error) -> LabError {
    LabError::File {
        path: path.display().to_string(),
        source,
    }
}

impl Ran {
    /// Whether every step was done, every expectation held, and no rule was broken.
    pub fn passed(&self) -> bool {
        self.outcome.passed()
    }

    /// Fails the test, with the whole report, if it has not passed.
    ///
    /// # Panics
    /// It has not passed.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "\n{}", self.report);
    }

    /// A set as it was at the end, by its name in the scenario.
    pub fn phone(&self, name: &str) -> Option<&PhoneView> {
        let mut phones = self.plan.phones.iter().zip(&self.outcome.phones);
        let found = phones.find(|(phone, _)| phone.name == name);
        found.map(|(_, view)| view)
    }
}

impl fmt::Display for Ran {
    /// The report, as `jackfield run` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report)
    }
}

/// Lays Wireshark's script beside the capture of a run whose report has commands that need it. A capture that is no file, but
/// say a pipe, has no place beside it. A file of that name that is there stays.
///
/// # Errors
/// It cannot be written, or another file has its name.
pub(crate) fn lay_dissector(capture: &Path, outcome: &Outcome) -> io::Result<()> {
    let is_shown = outcome.verdicts.iter().any(|verdict| !verdict.passed);
    if !is_shown || !capture.is_file() {
        return Ok(());
    }
    let path = dissector_of(capture);
    let told = |error: io::Error| io::Error::other(format!("{}: {error}", path.display()));
    match std::fs::File::create_new(&path) {
        Ok(mut file) => file.write_all(DISSECTOR.as_bytes()).map_err(told),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match std::fs::read(&path).map_err(told)? == DISSECTOR.as_bytes() {
                true => Ok(()),
                false => Err(told(io::Error::other(
                    "another file, perhaps of another version, has this name",
                ))),
            }
        }
        Err(error) => Err(told(error)),
    }
}

/// Every file of a folder, by name.
pub(crate) fn read_folder(folder: &Path) -> io::Result<BTreeMap<String, Arc<[u8]>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, std::fs::read(entry.path())?.into());
        }
    }
    Ok(files)
}
