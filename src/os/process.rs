//! A program of a run, on a machine behind an edge.
//!
//! Its standard output and standard error are one pipe, so that lines come in the order in which they were
//! written; its standard input is empty. No shell stands between. A program that is asked something has the question
//! on its standard input, and its standard output is a file of its own, the answer: neither can fill up a pipe.
//!
//! A program has ended when its first process has. What that left in the background goes on to the end of the
//! run (a server that makes itself a daemon is of use only so), but its output goes nowhere any more. A program
//! that is over its time is killed with everything that it has started.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};

use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use super::enclosure::Enclosure;
use super::error::LiveError;
use super::netns::Namespace;
use crate::sim::{Ended, ProgramEnd};

/// How much of a program's output is kept: the last bytes of it.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// What came of starting a program.
#[derive(Debug)]
pub(super) enum Started {
    Running(Process),
    /// It could not be started, for this reason.
    Not(String),
}

/// A program that is running.
#[derive(Debug)]
pub(super) struct Process {
    enclosure: Enclosure,
    pidfd: OwnedFd,
    /// `None` when the program has closed its end.
    pipe: Option<OwnedFd>,
    output: Output,
    /// The standard output of a program that was asked something.
    answer: Option<File>,
}

impl Process {
    /// Starts program and arguments in a namespace, with a question on its standard input if there is one.
    ///
    /// # Errors
    /// Where the machine refuses what any program needs. A program that is not there is no error.
    pub(super) fn start(
        namespace: &Namespace,
        words: &[String],
        environment: &[(String, String)],
        question: Option<&[u8]>,
    ) -> Result<Started, LiveError> {
        let Some((name, arguments)) = words.split_first() else {
            return Ok(Started::Not("no program is named".to_owned()));
        };
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
        rustix::io::ioctl_fionbio(&reader, true).map_err(failed)?;
        let mut command = Command::new(name);
        command
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let mut answer = None;
        match question {
            Some(question) => {
                let file = namespace.unnamed_file()?;
                let input = question_file(namespace, question)?;
                let output = file.try_clone().map_err(failed)?;
                command.stdin(input).stdout(output).stderr(writer);
                answer = Some(file);
            }
            None => {
                let errors = writer.try_clone().map_err(failed)?;
                command.stdin(Stdio::null()).stdout(writer).stderr(errors);
            }
        }
        let started = Enclosure::start(namespace, &mut command)?;
        // The command holds the pipe's other end; without it the pipe ends when the program closes it.
        drop(command);
        let enclosure = match started {
            Ok(enclosure) => enclosure,
            Err(error) => {
                let reason = if error.kind() == io::ErrorKind::NotFound {
                    format!("the program `{name}` is not on this machine")
                } else {
                    format!("cannot start `{name}`: {error}")
                };
                return Ok(Started::Not(reason));
            }
        };
        let pidfd = enclosure.pidfd().map_err(failed)?;
        Ok(Started::Running(Process {
            enclosure,
            pidfd,
            pipe: Some(reader),
            output: Output::default(),
            answer,
        }))
    }

    /// Becomes readable when the program ends.
    pub(super) fn end(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Becomes readable when there is output. `None` when there will be no more.
    pub(super) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Takes the output that is there.
    pub(super) fn read_output(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let mut chunk = [0; 4096];
        // A program that writes without end must not hold the run up.
        for _ in 0..OUTPUT_BYTES_MAX / chunk.len() {
            match rustix::io::read(pipe, &mut chunk) {
                Ok(0) => {
                    self.pipe = None;
                    return;
                }
                Ok(length) => self.output.push(&chunk[..length]),
                Err(Errno::INTR) => {}
                // Nothing there at present; a pipe has no other errors.
                Err(_) => return,
            }
        }
    }

    /// How the program ended, if it has, and its enclosure, in which it may have left something running.
    ///
    /// # Errors
    /// Gives the program back while it runs.
    pub(super) fn try_end(mut self) -> Result<(ProgramEnd, Enclosure), Box<Process>> {
        let Ok(Some(status)) = self.enclosure.try_wait() else {
            return Err(Box::new(self));
        };
        self.read_output();
        let end = ProgramEnd {
            how: status.code().map_or(Ended::Signal, Ended::Status),
            output: self.output.text(),
            answer: self.answer.take().map(content).unwrap_or_default(),
        };
        Ok((end, self.enclosure))
    }

    /// Whether this text is in the output that was read so far and is kept.
    pub(super) fn has_said(&mut self, text: &str) -> bool {
        self.output.text().contains(text)
    }

    /// Its number, as this process sees it.
    pub(super) fn pid(&self) -> u32 {
        self.enclosure.pid()
    }

    /// Sends SIGTERM to the program's process group.
    pub(super) fn terminate(&self) {
        self.enclosure.terminate();
    }

    /// Kills the program and all that it has started; `how` says why.
    pub(super) fn kill(mut self, how: Ended) -> ProgramEnd {
        self.read_output();
        drop(self.enclosure);
        ProgramEnd {
            how,
            output: self.output.text(),
            answer: self.answer.take().map(content).unwrap_or_default(),
        }
    }
}

/// A file with this content, to be read from its beginning.
fn question_file(namespace: &Namespace, question: &[u8]) -> Result<File, LiveError> {
    let mut file = namespace.unnamed_file()?;
    file.write_all(question).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(file)
}

/// All of a file. What cannot be read is no part of an answer.
fn content(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    if file.rewind().is_ok() {
        let _ = file.read_to_end(&mut bytes);
    }
    bytes
}

fn failed(source: impl Into<io::Error>) -> LiveError {
    LiveError::Enclosure {
        step: "make a pipe",
        source: source.into(),
    }
}

/// The last bytes of a program's output.
#[derive(Debug, Default)]
struct Output {
    kept: VecDeque<u8>,
    left_out_bytes: u64,
}

impl Output {
    fn push(&mut self, bytes: &[u8]) {
        self.kept.extend(bytes);
        let excess = self.kept.len().saturating_sub(OUTPUT_BYTES_MAX);
        self.kept.drain(..excess);
        self.left_out_bytes += excess as u64;
    }

    /// As text; bytes that are no UTF-8 become replacement characters.
    fn text(&mut self) -> String {
        let text = String::from_utf8_lossy(self.kept.make_contiguous());
        if self.left_out_bytes == 0 {
            return text.into_owned();
        }
        format!(
            "[{} bytes before this are left out]\n{text}",
            self.left_out_bytes
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_output_the_end_is_kept_and_the_rest_is_counted() {
        let mut output = Output::default();
        output.push(b"first");
        assert_eq!(output.text(), "first");
        output.push(&[b'.'; OUTPUT_BYTES_MAX]);
        output.push(b"last\xff");
        let text = output.text();
        assert!(text.starts_with("[10 bytes before this are left out]\n..."));
        assert!(text.ends_with("...last\u{fffd}"));
    }
}
