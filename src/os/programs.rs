//! The programs of a run that are running, until each has ended.
//!
//! A program that a run waits for is ready when its output has a text, which is looked for as output comes, or when a
//! socket of its machine has a port, which is looked for every 20 ms: the kernel tells nobody.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::BorrowedFd;

use super::enclosure::Enclosure;
use super::error::LiveError;
use super::netns::Namespace;
use super::process::{Process, Started};
use crate::sim::{EdgeId, Ended, Halt, Program, ProgramEnd, ProgramId, Ready};
use crate::time::{Duration, Instant};

/// How often a port is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Programs {
    running: BTreeMap<ProgramId, Running>,
    /// What programs that have ended left running.
    background: Vec<Enclosure>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    edge: EdgeId,
    /// When its time is over.
    until: Option<Instant>,
    /// What is waited for.
    ready: Option<Ready>,
    /// When a port is next looked for.
    look_at: Instant,
}

impl Programs {
    /// Starts a program. `Some`: it could not be started.
    pub(super) fn start(
        &mut self,
        now: Instant,
        wanted: Program,
        namespace: Option<&Namespace>,
    ) -> Result<Option<ProgramEnd>, LiveError> {
        self.background.retain(|left| !left.is_empty());
        let started = match namespace {
            Some(namespace) => {
                for (name, content) in &wanted.files {
                    namespace.write_file(name, content)?;
                }
                let question = wanted.input.as_deref();
                Process::start(namespace, &wanted.command, &wanted.environment, question)?
            }
            None => Started::Not("no program runs behind an interface".to_owned()),
        };
        let process = match started {
            Started::Running(process) => process,
            Started::Not(reason) => {
                let how = Ended::NotStarted(reason);
                return Ok(Some(ProgramEnd {
                    how,
                    output: String::new(),
                    answer: Vec::new(),
                }));
            }
        };
        let running = Running {
            process,
            edge: wanted.edge,
            until: wanted.within.map(|within| now + within),
            ready: wanted.ready,
            look_at: now,
        };
        self.running.insert(wanted.id, running);
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
        let wanted = running.ready.take_if(|ready| match ready {
            Ready::Prints(text) => running.process.has_said(text),
            Ready::Port(_) => false,
        });
        wanted.is_some()
    }

    /// Programs whose port is there now.
    pub(super) fn with_port<'a>(
        &mut self,
        now: Instant,
        namespace: impl Fn(EdgeId) -> Option<&'a Namespace>,
    ) -> Result<Vec<ProgramId>, LiveError> {
        let mut ready = Vec::new();
        for (id, running) in &mut self.running {
            let Some(Ready::Port(port)) = running.ready else {
                continue;
            };
            if now < running.look_at {
                continue;
            }
            running.look_at = now + LOOK_EVERY;
            let Some(namespace) = namespace(running.edge) else {
                continue;
            };
            if namespace.run(|| Ok(has_port(port)))? {
                running.ready = None;
                ready.push(*id);
            }
        }
        Ok(ready)
    }

    /// When something is due by time alone.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = self.running.values().flat_map(|running| {
            let waits = matches!(running.ready, Some(Ready::Port(_)));
            [running.until, waits.then_some(running.look_at)]
        });
        due.flatten().min()
    }

    /// Has a program end. `Some`: it has.
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
        let over = |running: &Running| running.until.is_some_and(|until| now >= until);
        let overdue = self.running.iter().filter(|(_, running)| over(running));
        overdue.map(|(id, _)| *id).collect()
    }

    /// A program that has ended, or has now to be killed.
    pub(super) fn end(&mut self, id: ProgramId) -> Option<ProgramEnd> {
        let running = self.running.remove(&id)?;
        Some(match running.process.try_end() {
            Ok((end, left)) => {
                self.background.extend(left);
                end
            }
            Err(process) => process.kill(Ended::OutOfTime),
        })
    }

    /// Kills all that still run.
    pub(super) fn end_all(&mut self) -> Vec<(ProgramId, ProgramEnd)> {
        let all = std::mem::take(&mut self.running);
        let ended = all.into_iter();
        ended
            .map(|(id, running)| (id, running.process.kill(Ended::WithTheRun)))
            .collect()
    }
}

/// Whether a socket of the calling thread's network namespace has this local port (proc_pid_net(5)).
fn has_port(port: u16) -> bool {
    /// TCP_LISTEN, and what a UDP socket that is not connected has in the same place.
    const STATES: [(&str, &str); 4] =
        [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")];
    STATES.iter().any(|(table, wanted)| {
        let text = fs::read_to_string(format!("/proc/thread-self/net/{table}"));
        text.unwrap_or_default().lines().skip(1).any(|line| {
            let mut words = line.split_whitespace().skip(1);
            let local = words.next().and_then(|local| local.rsplit_once(':'));
            let state = words.nth(1);
            let number = local.and_then(|(_, number)| u16::from_str_radix(number, 16).ok());
            number == Some(port) && state == Some(wanted)
        })
    })
}
