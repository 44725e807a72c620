//! What a driver drives: a run that is told the time, and says when it next wants to be.
//!
//! There are two drivers. The one in this module goes from event to event without waiting: virtual time.
//! The one in `os` waits on the machine's clock and carries frames and programs between the run and the
//! machine. A run cannot tell which of them it is under.

use std::fmt;

use crate::time::{Duration, Instant};
use crate::wire::Frame;

/// Index of an edge of the run, in the order in which the run lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeId(pub usize);

/// What a run wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// To be called at this time, or earlier if something comes from outside.
    At(Instant),
    /// Nothing but what comes from outside.
    Outside,
    /// It is over.
    Finished,
}

/// The number of a program that a run has started. A run never uses one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u32);

/// A command that a run wants started behind one of its edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub id: ProgramId,
    pub edge: EdgeId,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables that it has besides the driver's own: name, value.
    pub environment: Vec<(String, String)>,
    /// The time that it may take; then it is killed. `None`: as long as the run goes on.
    pub within: Option<Duration>,
    /// What the run waits for; `None`: for nothing.
    pub ready: Option<Ready>,
    /// Files that are there when it starts, in a folder that all programs behind this edge share and no other
    /// sees: name, content.
    pub files: Vec<(String, Vec<u8>)>,
    /// What is on its standard input; `None`: nothing. Where there is something, what it writes to its standard
    /// output is its answer, and no part of its output.
    pub input: Option<Vec<u8>>,
}

impl Program {
    /// A command for which nothing else is wanted.
    pub fn new(id: ProgramId, edge: EdgeId, command: Vec<String>) -> Program {
        Program {
            id,
            edge,
            command,
            environment: Vec::new(),
            within: None,
            ready: None,
            files: Vec::new(),
            input: None,
        }
    }
}

/// What tells that a program is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// This text is in its output.
    Prints(String),
    /// A socket of its machine has this port: TCP and listening, or UDP.
    Port(u16),
}

/// What a run wants done to a program that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// SIGTERM; it is killed if it still runs after this time.
    Terminate(Duration),
    /// Killed at once, with all that it has started.
    Kill,
}

/// What became of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramEnd {
    pub how: Ended,
    /// Standard output and standard error, as they came.
    pub output: String,
    /// The standard output of one with [`Program::input`].
    pub answer: Vec<u8>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit status.
    Status(i32),
    /// By a signal that was not the driver's.
    Signal,
    /// It was over its time, and was killed.
    OutOfTime,
    /// It was still running when the run ended, and was killed.
    WithTheRun,
    /// It was never started, for this reason.
    NotStarted(String),
}

impl fmt::Display for Ended {
    /// In words: a lower-case fragment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Status(status) => write!(f, "ended with status {status}"),
            Ended::Signal => f.write_str("ended by a signal"),
            Ended::OutOfTime => f.write_str("killed, as it did not end in its time"),
            Ended::WithTheRun => f.write_str("ended with the run"),
            Ended::NotStarted(reason) => f.write_str(reason),
        }
    }
}

/// A run, as a driver sees it.
pub trait Drive {
    /// Does all that is due at `now` or before. Time never goes back.
    fn advance(&mut self, now: Instant) -> Next;

    /// A frame that came in at an edge.
    fn frame_in(&mut self, now: Instant, edge: EdgeId, frame: &Frame);

    /// The oldest frame on its way out at an edge.
    fn frame_out(&mut self, edge: EdgeId) -> Option<Frame>;

    /// Makes lasting what the frames on their way out promise. Called before any of them leaves.
    ///
    /// # Errors
    /// It cannot, for this reason: none of them may leave.
    fn keep_promises(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// The next program that the run wants started.
    fn program(&mut self) -> Option<Program>;

    /// The next program that the run wants ended.
    fn halt(&mut self) -> Option<(ProgramId, Halt)>;

    /// A program is ready.
    fn program_ready(&mut self, now: Instant, program: ProgramId);

    /// A program has ended. Those that are running when the run is over end then.
    fn program_ended(&mut self, now: Instant, program: ProgramId, end: ProgramEnd);
}

/// Drives a run in virtual time to its end. Nothing comes from outside.
///
/// `tick` is called before each moment at which something happens, for a progress bar.
pub fn drive_virtual<R: Drive>(run: &mut R, mut tick: impl FnMut(&R, Instant)) {
    let mut now = Instant::ZERO;
    loop {
        tick(run, now);
        match run.advance(now) {
            Next::At(at) => now = now.max(at),
            Next::Outside | Next::Finished => return,
        }
    }
}
