//! The programs of a run that are running, until each has ended.
//!
//! To start a program, and to end what it was enclosed in, takes the kernel milliseconds, on a busy machine many: both
//! are done [aside](Aside), while the run goes on.
//!
//! A program that a run waits for is ready when its output has a text, which is looked for as output comes, or when a
//! socket of its machine has a port, which is looked for every 20 ms: the kernel tells nobody.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::aside::Aside;
use super::enclosure::Enclosure;
use super::error::LiveError;
use super::listening::PortWatch;
use super::netns::Namespace;
use super::process::{Process, Started};
use crate::sim::{Ended, Halt, Program, ProgramEnd, ProgramId, Ready};
use crate::time::{Duration, Instant};

/// How often a port is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Programs {
    starting: BTreeMap<ProgramId, Starting>,
    running: BTreeMap<ProgramId, Running>,
    /// What programs that have ended left running.
    background: Vec<Enclosure>,
    /// Enclosures that are being ended.
    leaving: Vec<Aside<()>>,
}

#[derive(Debug)]
struct Starting {
    begun: Aside<Begun>,
    /// When its time is over.
    until: Option<Instant>,
    /// What is waited for.
    ready: Option<Ready>,
}

/// What came of starting a program, and what looks for its port.
type Begun = Result<(Started, Option<PortWatch>), LiveError>;

#[derive(Debug)]
struct Running {
    process: Process,
    /// When its time is over.
    until: Option<Instant>,
    /// The text in its output that is waited for.
    prints: Option<String>,
    /// The port that is waited for, and when it is next looked for.
    port: Option<(PortWatch, Instant)>,
}

impl Programs {
    /// Begins to start a program.
    ///
    /// # Errors
    /// The machine has no thread for that.
    pub(super) fn start(
        &mut self,
        now: Instant,
        wanted: Program,
        namespace: Option<&Arc<Namespace>>,
    ) -> Result<(), LiveError> {
        let (gone, left) = std::mem::take(&mut self.background)
            .into_iter()
            .partition(Enclosure::is_empty);
        self.background = left;
        self.end_aside(gone)?;
        let starting = Starting {
            until: wanted.within.map(|within| now + within),
            ready: wanted.ready.clone(),
            begun: {
                let (namespace, wanted) = (namespace.cloned(), wanted.clone());
                Aside::begin("start", move || begin(namespace.as_deref(), &wanted))?
            },
        };
        self.starting.insert(wanted.id, starting);
        Ok(())
    }

    /// Becomes readable when a program is started, or could not be; `None` once that is known.
    pub(super) fn start_done(&self, id: ProgramId) -> Option<BorrowedFd<'_>> {
        Some(self.starting.get(&id)?.begun.done())
    }

    /// Waits until a program is started. `Some`: it could not be.
    ///
    /// # Errors
    /// The machine refuses what any program needs.
    pub(super) fn started(
        &mut self,
        now: Instant,
        id: ProgramId,
    ) -> Result<Option<ProgramEnd>, LiveError> {
        let Some(starting) = self.starting.remove(&id) else {
            return Ok(None);
        };
        let Some(begun) = starting.begun.result() else {
            return Ok(None);
        };
        let (started, watch) = begun?;
        let process = match started {
            Started::Running(process) => process,
            Started::Not(reason) => {
                return Ok(Some(ProgramEnd {
                    how: Ended::NotStarted(reason),
                    output: String::new(),
                    answer: Vec::new(),
                }));
            }
        };
        let prints = match starting.ready {
            Some(Ready::Prints(text)) => Some(text),
            Some(Ready::Port(_)) | None => None,
        };
        let running = Running {
            process,
            until: starting.until,
            prints,
            port: watch.map(|watch| (watch, now)),
        };
        self.running.insert(id, running);
        Ok(None)
    }

    /// What to wait on: the program's end, and its output if there may be more.
    pub(super) fn descriptors(
        &self,
        id: ProgramId,
    ) -> Option<(BorrowedFd<'_>, Option<BorrowedFd<'_>>)> {
        let process = &self.running.get(&id)?.process;
        Some((process.end(), process.pipe()))
    }

    /// Takes a program's output. Whether the text that it was to print has come.
    pub(super) fn read_output(&mut self, id: ProgramId) -> bool {
        let Some(running) = self.running.get_mut(&id) else {
            return false;
        };
        running.process.read_output();
        let process = &mut running.process;
        running
            .prints
            .take_if(|text| process.has_said(text))
            .is_some()
    }

    /// Programs whose port is there now.
    pub(super) fn with_port(&mut self, now: Instant) -> Vec<ProgramId> {
        let mut ready = Vec::new();
        for (id, running) in &mut self.running {
            let pid = running.process.pid();
            let is_open = running.port.take_if(|(watch, look_at)| {
                if now < *look_at {
                    return false;
                }
                *look_at = now + LOOK_EVERY;
                watch.is_open(pid)
            });
            if is_open.is_some() {
                ready.push(*id);
            }
        }
        ready
    }

    /// When something is due by time alone.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let starting = self.starting.values().map(|starting| starting.until);
        let running = self.running.values().flat_map(|running| {
            let look_at = running.port.as_ref().map(|(_, look_at)| *look_at);
            [running.until, look_at]
        });
        starting.chain(running).flatten().min()
    }

    /// Has a program end that is started. `Some`: it has.
    pub(super) fn halt(&mut self, now: Instant, id: ProgramId, halt: Halt) -> Option<ProgramEnd> {
        match halt {
            Halt::Terminate(patience) => {
                let running = self.running.get_mut(&id)?;
                running.process.terminate();
                running.until = Some(now + patience);
                None
            }
            Halt::Kill => Some(self.running.remove(&id)?.process.kill(Ended::Signal)),
        }
    }

    /// Programs whose time is over.
    pub(super) fn overdue(&self, now: Instant) -> Vec<ProgramId> {
        let starting = self.starting.iter().map(|(id, it)| (id, it.until));
        let running = self.running.iter().map(|(id, it)| (id, it.until));
        let over = |(_, until): &(&ProgramId, Option<Instant>)| until.is_some_and(|it| now >= it);
        let overdue = starting.chain(running).filter(over);
        overdue.map(|(id, _)| *id).collect()
    }

    /// A program that has ended, or has now to be killed.
    ///
    /// # Errors
    /// The machine has no thread for what is left to do.
    pub(super) fn end(&mut self, id: ProgramId) -> Result<Option<ProgramEnd>, LiveError> {
        let Some(running) = self.running.remove(&id) else {
            return Ok(None);
        };
        let (end, enclosure) = match running.process.try_end() {
            Ok(ended) => ended,
            Err(process) => return Ok(Some(process.kill(Ended::OutOfTime))),
        };
        match enclosure.is_empty() {
            true => self.end_aside(vec![enclosure])?,
            false => self.background.push(enclosure),
        }
        Ok(Some(end))
    }

    /// Ends enclosures in which nothing runs any more.
    fn end_aside(&mut self, gone: Vec<Enclosure>) -> Result<(), LiveError> {
        self.leaving.retain(|leaving| !leaving.is_done());
        if !gone.is_empty() {
            self.leaving.push(Aside::begin("end", move || drop(gone))?);
        }
        Ok(())
    }

    /// Kills all that still run, and returns when nothing is left.
    pub(super) fn end_all(&mut self, now: Instant) -> Vec<(ProgramId, ProgramEnd)> {
        let starting: Vec<ProgramId> = self.starting.keys().copied().collect();
        let mut ended = Vec::new();
        for id in starting {
            // What the machine refuses now is no matter any more.
            if let Ok(Some(end)) = self.started(now, id) {
                ended.push((id, end));
            }
        }
        let all = std::mem::take(&mut self.running).into_iter();
        ended.extend(all.map(|(id, running)| (id, running.process.kill(Ended::WithTheRun))));
        self.background.clear();
        self.leaving.clear();
        ended
    }
}

/// Starts a program. `None`: behind an interface, where none can run.
fn begin(namespace: Option<&Namespace>, wanted: &Program) -> Begun {
    let Some(namespace) = namespace else {
        let reason = "no program runs behind an interface".to_owned();
        return Ok((Started::Not(reason), None));
    };
    for (name, content) in &wanted.files {
        namespace.write_file(name, content)?;
    }
    let watch = match wanted.ready {
        Some(Ready::Port(port)) => Some(namespace.run(|| Ok(PortWatch::here(port)))?),
        Some(Ready::Prints(_)) | None => None,
    };
    let question = wanted.input.as_deref();
    let started = Process::start(namespace, &wanted.command, &wanted.environment, question)?;
    Ok((started, watch))
}
