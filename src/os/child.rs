//! A child process that is this program again, run to its end: what it said, and how it ended.
//!
//! It dies with its parent, and is killed when its time is up.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, set_parent_process_death_signal};

use super::clock::Clock;
use crate::time::{Duration, Instant};

/// How a child ended, and what it said.
#[derive(Debug)]
pub struct ChildEnd {
    pub how: How,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// With this exit code.
    Exit(i32),
    /// Killed by the signal of this number.
    Signal(i32),
    /// Killed, as its time was up.
    OutOfTime,
}

/// Runs this program with other arguments, at most for the time `within`.
///
/// # Errors
/// The machine starts no process, or does not let it be watched.
pub fn run_self(arguments: &[String], within: Duration) -> io::Result<ChildEnd> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("jackfield").args(arguments);
    run(&mut command, within)
}

fn run(command: &mut Command, within: Duration) -> io::Result<ChildEnd> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // SAFETY: between fork and exec there is one system call, which allocates nothing.
    #[expect(
        unsafe_code,
        reason = "a child that outlives its parent would be left behind"
    )]
    unsafe {
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::TERM))?));
    }
    let mut child = command.spawn()?;
    let read = listen(&mut child, within);
    if !matches!(read, Ok((false, _, _))) {
        // It may have ended by itself just now.
        let _ = child.kill();
    }
    let status = child.wait()?;
    let (out_of_time, stdout, stderr) = read?;
    let how = match (out_of_time, status.code()) {
        (true, _) => How::OutOfTime,
        (false, Some(code)) => How::Exit(code),
        (false, None) => How::Signal(status.signal().unwrap_or(0)),
    };
    Ok(ChildEnd {
        how,
        stdout,
        stderr,
    })
}

/// Reads standard output and standard error to their ends, or until the time is up: whether it is.
fn listen(child: &mut Child, within: Duration) -> io::Result<(bool, Vec<u8>, Vec<u8>)> {
    let clock = Clock::start();
    let stdout = child.stdout.take().map(OwnedFd::from).map(File::from);
    let stderr = child.stderr.take().map(OwnedFd::from).map(File::from);
    let mut pipes = [(stdout, Vec::new()), (stderr, Vec::new())];
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let left = within.saturating_sub(clock.now().since(Instant::ZERO));
        let mut open: Vec<_> = pipes
            .iter_mut()
            .filter(|(pipe, _)| pipe.is_some())
            .collect();
        if open.is_empty() || left.is_zero() {
            let out_of_time = !open.is_empty();
            let [(_, stdout), (_, stderr)] = pipes;
            return Ok((out_of_time, stdout, stderr));
        }
        let mut polled: Vec<PollFd<'_>> = open
            .iter()
            .filter_map(|(pipe, _)| pipe.as_ref())
            .map(|pipe| PollFd::new(pipe, PollFlags::IN))
            .collect();
        let left = Timespec::try_from(left).ok();
        match poll(&mut polled, left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = polled.iter().map(|it| !it.revents().is_empty()).collect();
        for ((pipe, text), _) in open.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            let Some(reader) = pipe else { continue };
            match reader.read(&mut buffer)? {
                0 => *pipe = None,
                length => text.extend_from_slice(&buffer[..length]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_tells_what_it_said_and_how_it_ended() {
        let end = shell("echo out; echo err >&2; exit 3", 20);
        assert_eq!(end.how, How::Exit(3));
        assert_eq!(
            (end.stdout, end.stderr),
            (b"out\n".to_vec(), b"err\n".to_vec())
        );
        let end = shell("kill -9 $$", 20);
        assert_eq!(end.how, How::Signal(9));
    }

    #[test]
    fn more_than_a_pipe_holds_is_read_from_both() {
        let end = shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2", 20);
        assert_eq!((end.stdout.len(), end.stderr.len()), (300_000, 300_000));
    }

    #[test]
    fn a_child_that_is_over_its_time_is_killed() {
        let end = shell("echo begun; exec sleep 600", 1);
        assert_eq!((end.how, end.stdout), (How::OutOfTime, b"begun\n".to_vec()));
    }

    fn shell(script: &str, within_secs: u64) -> ChildEnd {
        let mut command = Command::new("sh");
        run(
            command.args(["-c", script]),
            Duration::from_secs(within_secs),
        )
        .unwrap()
    }
}
