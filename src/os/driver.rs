//! Drives a run on the machine's clock.
//!
//! ```text
//!        ┌────────────▶ advance(now) ─────────────┐
//!        │                                        ▼
//!   wait for a frame, a program,     frames in, programs' ends
//!   a signal, or the next deadline                │
//!        ▲                                        ▼
//!        └── programs ◀── frames out ◀── advance(now), if anything came
//! ```
//!
//! One thread, one epoll descriptor. What falls due is done before what comes in is taken, so that the run
//! sees both in the order of their times. Ports are read in batches: a flood at one of them delays neither
//! the others nor a deadline by more than a batch. What takes longer, to start a program and to tidy up behind one, is
//! done aside (`programs.rs`).
//!
//! A live run competes for the machine, and asks it for short turns soon (`punctual.rs`, `vigil.rs`). How late the
//! driver was at each deadline is measured and returned:
//! past a bound of its own choosing the caller calls the run invalid. Frames that wait in the kernel while the
//! driver is late carry the time at which they were read.

use std::io;
use std::os::fd::BorrowedFd;

use super::clock::Clock;
use super::error::LiveError;
use super::interrupts::Interrupts;
use super::port::Port;
use super::programs::Programs;
use super::punctual::be_punctual;
use super::vigil::Vigil;
use super::waiting::Waiting;
use crate::sim::{Drive, EdgeId, Next, ProgramId};
use crate::time::{Duration, Instant};
use crate::wire::Frame;

/// Frames read from one port before the run goes on.
const BATCH_FRAMES: usize = 64;
/// The longest frame that a TAP device gives: a program may raise the MTU as far as 65,521 bytes.
const FRAME_BYTES_MAX: usize = 65_536;

/// How a live run is driven.
#[derive(Debug)]
pub struct Settings<'a> {
    /// A deadline that is met later than this is counted in [`Lateness::late`].
    pub late_bound: Duration,
    /// What ends the run before its time.
    pub interrupts: Option<&'a Interrupts>,
    /// The run goes on until it is interrupted, which is its proper end.
    pub stands: bool,
}

impl Settings<'_> {
    /// The bound where the user gives none.
    pub const LATE_BOUND: Duration = Duration::from_millis(50);
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Settings {
            late_bound: Settings::LATE_BOUND,
            interrupts: None,
            stands: false,
        }
    }
}

/// How late the driver was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Lateness {
    /// The longest time between a deadline and the run being told of it.
    pub worst: Duration,
    /// When that was.
    pub worst_at: Instant,
    /// Deadlines met later than [`Settings::late_bound`].
    pub late: u64,
    /// Deadlines met.
    pub deadlines: u64,
}

impl Lateness {
    /// Notes that `now` the run is told of what it wanted `next`.
    fn note(&mut self, next: Next, now: Instant, bound: Duration) {
        let Next::At(at) = next else { return };
        if now < at {
            return; // something from outside came first
        }
        let late_by = now.since(at);
        self.deadlines += 1;
        self.late += u64::from(late_by > bound);
        if late_by > self.worst {
            (self.worst, self.worst_at) = (late_by, now);
        }
    }
}

/// Drives a run to its end on the machine's clock, with a port behind each of its edges, in their order.
///
/// The run's time zero is when everything is prepared. On return, and on every error, no program of the run is left.
///
/// # Errors
/// [`LiveError`]: the machine failed, or the user ended the run ([`LiveError::Stopped`]).
pub fn drive_live(
    run: &mut impl Drive,
    ports: &mut [Port],
    settings: &Settings<'_>,
) -> Result<Lateness, LiveError> {
    be_punctual();
    let mut driver = Driver::new(ports, settings)?;
    driver.clock = Clock::start();
    let ended = driver.go(run, settings);
    driver.end_programs(run);
    ended.map(|()| driver.lateness)
}

/// What an epoll event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Port(usize),
    Started(ProgramId),
    Output(ProgramId),
    End(ProgramId),
    Interrupt,
}

impl Source {
    const INTERRUPT: u64 = u64::MAX;
    /// With the program's number.
    const END: u64 = 1 << 62;
    const OUTPUT: u64 = 1 << 61;
    const STARTED: u64 = 1 << 60;

    /// The number by which it is waited for; that of a port is its index.
    fn number(self) -> u64 {
        match self {
            Source::Port(index) => index as u64,
            Source::Started(program) => Source::STARTED | u64::from(program.0),
            Source::Output(program) => Source::OUTPUT | u64::from(program.0),
            Source::End(program) => Source::END | u64::from(program.0),
            Source::Interrupt => Source::INTERRUPT,
        }
    }

    fn of(number: u64) -> Source {
        let program = ProgramId(number as u32);
        match number {
            Source::INTERRUPT => Source::Interrupt,
            _ if number & Source::END != 0 => Source::End(program),
            _ if number & Source::OUTPUT != 0 => Source::Output(program),
            _ if number & Source::STARTED != 0 => Source::Started(program),
            index => Source::Port(index as usize),
        }
    }
}

struct Driver<'a> {
    ports: &'a mut [Port],
    clock: Clock,
    interrupts: Option<&'a Interrupts>,
    waiting: Waiting,
    buffer: Vec<u8>,
    programs: Programs,
    lateness: Lateness,
    vigil: Vigil,
}

impl<'a> Driver<'a> {
    fn new(ports: &'a mut [Port], settings: &Settings<'a>) -> Result<Driver<'a>, LiveError> {
        let driver = Driver {
            ports,
            clock: Clock::start(),
            interrupts: settings.interrupts,
            waiting: Waiting::new().map_err(wait_failed)?,
            buffer: vec![0; FRAME_BYTES_MAX],
            programs: Programs::default(),
            lateness: Lateness::default(),
            vigil: Vigil::new(),
        };
        for (index, port) in driver.ports.iter().enumerate() {
            driver.watch(port.fd(), Source::Port(index))?;
        }
        if let Some(interrupts) = driver.interrupts {
            driver.watch(interrupts.fd(), Source::Interrupt)?;
        }
        Ok(driver)
    }

    /// Drives the run to its end.
    fn go(&mut self, run: &mut impl Drive, settings: &Settings<'_>) -> Result<(), LiveError> {
        let mut next = Next::At(Instant::ZERO);
        let mut stopped = false;
        loop {
            let now = self.clock.now();
            self.lateness.note(next, now, settings.late_bound);
            next = run.advance(now);
            if next != Next::Finished {
                match self.take_in(run, now) {
                    Ok(true) => next = run.advance(now),
                    Ok(false) => {}
                    Err(LiveError::Stopped { .. }) if settings.stands => stopped = true,
                    Err(error) => return Err(error),
                }
            }
            run.keep_promises()
                .map_err(|reason| LiveError::Promises { reason })?;
            self.send_out(run)?;
            match (next, settings.stands) {
                _ if stopped => return Ok(()),
                (Next::Finished, true) => return Err(LiveError::Ended),
                (Next::Finished, false) => return Ok(()),
                (Next::At(_) | Next::Outside, _) => {}
            }
            if !self.tend_programs(run)? {
                self.wait(next)?;
            }
        }
    }

    fn watch(&self, fd: BorrowedFd<'_>, source: Source) -> Result<(), LiveError> {
        let added = self.waiting.add(fd, source.number());
        added.map_err(wait_failed)
    }

    /// Gives the run what has come in since the last turn. Whether there was anything.
    fn take_in(&mut self, run: &mut impl Drive, now: Instant) -> Result<bool, LiveError> {
        let mut came = false;
        let mut ended = Vec::new();
        while let Some(number) = self.waiting.next() {
            match Source::of(number) {
                Source::Port(index) => came |= self.read_port(run, now, index)?,
                Source::Started(program) => came |= self.finish_start(run, now, program)?,
                Source::Output(program) => {
                    if self.programs.read_output(program) {
                        run.program_ready(now, program);
                        came = true;
                    }
                }
                Source::End(program) => ended.push(program),
                Source::Interrupt => {
                    let signal = self.interrupts.and_then(Interrupts::caught);
                    return Err(LiveError::Stopped {
                        signal: signal.unwrap_or("a signal"),
                    });
                }
            }
        }
        ended.extend(self.programs.overdue(now));
        for program in ended {
            came |= self.finish_start(run, now, program)?;
            if let Some(end) = self.programs.end(program)? {
                run.program_ended(now, program, end);
                came = true;
            }
        }
        for program in self.programs.with_port(now) {
            run.program_ready(now, program);
            came = true;
        }
        Ok(came)
    }

    /// Reads a batch from one port. Whether there was a frame.
    fn read_port(
        &mut self,
        run: &mut impl Drive,
        now: Instant,
        index: usize,
    ) -> Result<bool, LiveError> {
        let port = &mut self.ports[index];
        for count in 0..BATCH_FRAMES {
            let received = port.receive(&mut self.buffer);
            let received = received.map_err(|source| port_failed(index, port, source))?;
            let Some(length) = received else {
                return Ok(count > 0);
            };
            self.vigil.frame(now);
            let frame = Frame::from(&self.buffer[..length]);
            run.frame_in(now, EdgeId(index), &frame);
        }
        Ok(true)
    }

    /// Gives the machine what is on its way out.
    fn send_out(&mut self, run: &mut impl Drive) -> Result<(), LiveError> {
        for (index, port) in self.ports.iter_mut().enumerate() {
            while let Some(frame) = run.frame_out(EdgeId(index)) {
                let sent = port.send(&frame);
                sent.map_err(|source| port_failed(index, port, source))?;
            }
        }
        Ok(())
    }

    /// Starts and ends the programs that the run wants started and ended. Whether the run must be asked again at once.
    fn tend_programs(&mut self, run: &mut impl Drive) -> Result<bool, LiveError> {
        let mut told = false;
        while let Some((program, halt)) = run.halt() {
            let now = self.clock.now();
            told |= self.finish_start(run, now, program)?;
            if let Some(end) = self.programs.halt(now, program, halt) {
                run.program_ended(now, program, end);
                told = true;
            }
        }
        while let Some(wanted) = run.program() {
            let (id, now) = (wanted.id, self.clock.now());
            let namespace = self.ports[wanted.edge.0].namespace();
            self.programs.start(now, wanted, namespace)?;
            if let Some(done) = self.programs.start_done(id) {
                self.watch(done, Source::Started(id))?;
            }
        }
        Ok(told)
    }

    /// Waits until a program is started, if it is not yet. Whether the run was told that it could not be.
    fn finish_start(
        &mut self,
        run: &mut impl Drive,
        now: Instant,
        id: ProgramId,
    ) -> Result<bool, LiveError> {
        if self.programs.start_done(id).is_none() {
            return Ok(false);
        }
        if let Some(end) = self.programs.started(now, id)? {
            run.program_ended(now, id, end);
            return Ok(true);
        }
        if let Some((end, output)) = self.programs.descriptors(id) {
            self.watch(end, Source::End(id))?;
            if let Some(output) = output {
                self.watch(output, Source::Output(id))?;
            }
        }
        Ok(false)
    }

    /// The run is over: so are its programs.
    fn end_programs(&mut self, run: &mut impl Drive) {
        let now = self.clock.now();
        for (program, end) in self.programs.end_all(now) {
            run.program_ended(now, program, end);
        }
    }

    /// Waits until something comes in, or the run or the program's time is due. A short wait ends at once: the caller
    /// comes again until it is over.
    fn wait(&mut self, next: Next) -> Result<(), LiveError> {
        let wanted = match next {
            Next::At(at) => Some(at),
            Next::Outside | Next::Finished => None,
        };
        let until = wanted.into_iter().chain(self.programs.deadline()).min();
        let now = self.clock.now();
        let timeout = match self.vigil.stays_awake(now, until) {
            true => Some(Duration::ZERO),
            false => until.map(|at| at.since(now)),
        };
        self.waiting.wait(timeout).map_err(wait_failed)
    }
}

fn port_failed(edge: usize, port: &Port, source: io::Error) -> LiveError {
    let interface = port.interface().to_owned();
    LiveError::Port {
        edge,
        interface,
        source,
    }
}

fn wait_failed(source: io::Error) -> LiveError {
    LiveError::Wait { source }
}

#[cfg(test)]
mod tests {
    use super::super::toy::Toy;
    use super::*;

    #[test]
    fn a_run_that_stands_and_ends_by_itself_is_an_error() {
        let stands = Settings {
            stands: true,
            ..Settings::default()
        };
        // A toy without programs is over at once.
        let ended = drive_live(&mut Toy::default(), &mut [], &stands);
        assert!(matches!(ended, Err(LiveError::Ended)), "{ended:?}");
        drive_live(&mut Toy::default(), &mut [], &Settings::default()).unwrap();
    }

    #[test]
    fn only_deadlines_that_have_come_count_and_only_past_the_bound_as_late() {
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        let bound = Duration::from_millis(50);
        let mut lateness = Lateness::default();
        lateness.note(Next::At(at(100)), at(99), bound); // a frame came first
        lateness.note(Next::Outside, at(500), bound);
        lateness.note(Next::At(at(100)), at(150), bound);
        lateness.note(Next::At(at(200)), at(270), bound);
        lateness.note(Next::At(at(300)), at(300), bound);
        assert_eq!(
            lateness,
            Lateness {
                worst: Duration::from_millis(70),
                worst_at: at(270),
                late: 1,
                deadlines: 3,
            }
        );
    }
}
