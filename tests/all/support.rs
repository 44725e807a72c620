//! What the tests share: the shipped scenarios, a run of one, goldens, tshark, a folder that vanishes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::{env, fs};

use jackfield::capture::Format;
use jackfield::report::{Style, TextReport, summary};
use jackfield::scenario::plan::{Action, HostKind, Plan, StepKind};
use jackfield::scenario::{self, Outcome, Recorder, Run, VIRTUAL_EPOCH_NANOS};
use jackfield::sim::drive_virtual;
use jackfield::time::{Duration, Instant};

/// A scenario of `fixtures/scenarios`.
#[derive(Debug)]
pub(super) struct Shipped {
    pub(super) path: PathBuf,
    /// Its file's name without the ending.
    pub(super) name: String,
    pub(super) plan: Plan,
}

/// Every shipped scenario, by name.
pub(super) static SHIPPED: LazyLock<Vec<Shipped>> = LazyLock::new(|| {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let shown = path.display().to_string();
        let plan = scenario::read(&text)
            .unwrap_or_else(|problems| panic!("{}", problems.render(&shown, &text, false)));
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Shipped { path, name, plan }
    };
    let paths = files("fixtures/scenarios", "toml");
    paths.into_iter().map(read).collect()
});

/// The shipped scenarios that need no machine, each run once with its own seed.
pub(super) static RUNS: LazyLock<Vec<(&Shipped, Ran)>> = LazyLock::new(|| {
    let shipped = SHIPPED.iter().filter(|shipped| !shipped.is_live());
    shipped.map(|it| (it, it.run(it.plan.seed))).collect()
});

/// What a run left behind.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    /// The report, as text.
    pub(super) report: String,
    /// The bytes of its pcapng file.
    pub(super) capture: Vec<u8>,
}

impl Ran {
    /// Whether it takes longer than a minute: too long for a test on the machine's clock.
    pub(super) fn is_long(&self) -> bool {
        self.outcome.ended > Instant::ZERO + Duration::from_secs(60)
    }
}

impl Shipped {
    /// Whether it has a host or a step that needs the machine itself.
    pub(super) fn is_live(&self) -> bool {
        let kernel = |kind: &HostKind| matches!(kind, HostKind::Kernel { .. });
        let exec = |kind: &StepKind| matches!(kind, StepKind::Act(Action::Exec(_)));
        self.plan.hosts.iter().any(|host| kernel(&host.kind))
            || self.plan.steps.iter().any(|step| exec(&step.kind))
    }

    /// Runs it in virtual time.
    pub(super) fn run(&self, seed: u64) -> Ran {
        let plan = Plan {
            seed,
            ..self.plan.clone()
        };
        self.run_as(&plan)
    }

    /// Runs it in virtual time by another plan, which is like its own but for a few values.
    pub(super) fn run_as(&self, plan: &Plan) -> Ran {
        let beside = self.path.parent().unwrap();
        let files = scenario::firmware(plan, |folder| read_folder(&beside.join(folder))).unwrap();
        let style = Style {
            colour: false,
            verbose: true,
        };
        let (timeline, capture) = (Shared::default(), Shared::default());
        let to_capture = Box::new(capture.clone());
        let recorder =
            Recorder::new(plan, Format::Pcapng, to_capture, VIRTUAL_EPOCH_NANOS).unwrap();
        let mut report = TextReport::new(plan, style, timeline.clone());
        report.begin(plan, "virtual time");
        let mut run = Run::new(plan, &files, recorder, report).unwrap();
        drive_virtual(&mut run, |_, _| {});
        let (outcome, captured, listener) = run.finish();
        captured.unwrap();
        drop(listener);
        let mut report = String::from_utf8(timeline.take()).unwrap();
        report += &summary(
            plan,
            &outcome,
            &self.path.display().to_string(),
            None,
            style,
        );
        Ran {
            outcome,
            report,
            capture: capture.take(),
        }
    }
}

fn read_folder(folder: &Path) -> io::Result<BTreeMap<String, Arc<[u8]>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap();
        files.insert(name, fs::read(entry.path())?.into());
    }
    Ok(files)
}

/// Bytes that are written in one place and read in another.
#[derive(Debug, Default, Clone)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Shared {
    fn take(self) -> Vec<u8> {
        self.0.take()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The files of a folder with this ending, by name; none if there is no such folder.
pub(super) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    paths
}

/// Whether goldens are to be written anew.
pub(super) fn blessing() -> bool {
    env::var_os("BLESS").is_some()
}

/// Compares a text with its golden file.
pub(super) fn assert_golden(golden: impl AsRef<Path>, text: &str) {
    let golden = golden.as_ref();
    if blessing() {
        fs::write(golden, text).unwrap();
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    if let Some((number, (expected, found))) = first_difference(&expected, text) {
        panic!(
            "{}:{number}: expected\n  {expected}\nfound\n  {found}\n(scripts/bless writes it anew)",
            golden.display()
        );
    }
}

/// The number, from 1, of the first line in which two texts differ, and the two lines.
pub(super) fn first_difference<'a>(a: &'a str, b: &'a str) -> Option<(usize, (&'a str, &'a str))> {
    let end = ["(end)"];
    let lines = a.lines().chain(end).zip(b.lines().chain(end));
    (1..).zip(lines).find(|(_, (a, b))| a != b)
}

/// A folder of its own that vanishes when it is dropped. `fixtures` in it are the project's.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("jackfield-test-{}-{number}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        let fixtures = fs::canonicalize("fixtures").unwrap();
        std::os::unix::fs::symlink(fixtures, path.join("fixtures")).unwrap();
        Folder(path)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program, to be run in this folder.
    pub(super) fn jackfield(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jackfield"));
        command
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind in the temporary directory does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Says that a test was not done, and why.
#[expect(clippy::print_stderr, reason = "scripts/test counts these lines")]
pub(super) fn skipped(test: &str, reason: &str) {
    eprintln!("SKIPPED: {test}: {reason}");
}

/// Whether a program of this name can be run.
pub(super) fn has_program(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let name = Path::new(name);
    name.is_absolute() && name.exists()
        || env::split_paths(&path).any(|in_| in_.join(name).exists())
}
