//! An enclosure: a PID namespace around one program and all that it starts.
//!
//! ```text
//!   jackfield ── lifeline (pipe) ──▶ warden      PID 1 of the namespace: `cat` on the lifeline
//!       └─ child ────────────────▶ program       PID 2, with its descendants, in its process group and out of it
//! ```
//!
//! Process groups, sessions and parents can all be left; a PID namespace cannot. When its first process ends,
//! the kernel kills every other one in it. The warden is that first process:
//!
//! - It ends when the lifeline closes. The kernel closes it when this process ends, even by `kill -9`.
//! - It is killed when the enclosure is dropped; dropping returns when every process inside is gone.
//!
//! What a program asks of a daemon outside (docker, systemd-run) is not inside, and not killed. Inside, process
//! numbers are the enclosure's own: a program cannot signal those of another by number.
//!
//! Other ways that were looked at: PID 1 ignores signals for which it has no handler, so a program that is PID 1
//! itself would behave otherwise than on a machine. A fork of this process as the warden takes 45 ms with 1 GB
//! of phones in memory, which makes the run late; `cat` is spawned without a copy of it.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, PidfdFlags};
use rustix::thread::UnshareFlags;

use super::error::LiveError;
use super::netns::{self, Namespace};
use super::punctual::be_usual;

/// A program and all that it has started. Dropping it kills them all.
#[derive(Debug)]
pub(super) struct Enclosure {
    /// Its standard input is the lifeline.
    warden: Child,
    /// `None` where it could not be started.
    program: Option<Child>,
}

impl Enclosure {
    /// Starts `command` in a new enclosure, with the network and mounts of `namespace`.
    ///
    /// The inner error is that of a command that cannot be started, which is the user's affair.
    pub(super) fn start(
        namespace: &Namespace,
        command: &mut Command,
    ) -> Result<io::Result<Enclosure>, LiveError> {
        command.process_group(0);
        namespace.run(|| {
            // What this thread starts from here on is in the new PID namespace, the thread itself is not.
            netns::unshare(UnshareFlags::NEWPID, "make a PID namespace")?;
            be_usual();
            let warden = Command::new("cat")
                .current_dir("/")
                .process_group(0) // out of the terminal's: Ctrl-C is for jackfield alone
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map_err(|source| LiveError::Enclosure {
                    step: "start `cat`",
                    source,
                })?;
            let mut enclosure = Enclosure {
                warden,
                program: None,
            };
            Ok(command.spawn().map(|program| {
                enclosure.program = Some(program);
                enclosure
            }))
        })
    }

    /// The program's number; 0 where it could not be started.
    pub(super) fn pid(&self) -> u32 {
        self.program.as_ref().map_or(0, Child::id)
    }

    /// A descriptor that becomes readable when the program ends.
    pub(super) fn pidfd(&self) -> io::Result<OwnedFd> {
        let program = self.program.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let pid = Pid::from_child(program);
        Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
    }

    /// How the program ended; `None` while it goes on. What it left running is not asked for.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let program = self.program.as_mut().ok_or(io::ErrorKind::NotFound)?;
        program.try_wait()
    }

    /// Sends SIGTERM to the program's process group.
    pub(super) fn terminate(&self) {
        if let Some(program) = &self.program {
            // One that has ended meanwhile needs none.
            let group = Pid::from_child(program);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        }
    }

    /// Whether the program, which has ended, left nothing running.
    pub(super) fn is_empty(&self) -> bool {
        // What has lost its parent is the warden's child. A kernel that does not list children
        // (CONFIG_PROC_CHILDREN) leaves the enclosure to the end of the run.
        let warden = self.warden.id();
        let children = fs::read_to_string(format!("/proc/{warden}/task/{warden}/children"));
        children.is_ok_and(|children| children.split_whitespace().all(is_dead))
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        let _ = self.warden.kill();
        // The warden's end waits for all inside, and the program is not gone until its parent, which is this
        // process, has asked for its end: so the program comes first.
        if let Some(program) = &mut self.program {
            let _ = program.wait();
        }
        let _ = self.warden.wait();
    }
}

/// Whether a process is gone or waits to be reaped, which `cat` does not do.
fn is_dead(pid: &str) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    // proc_pid_stat(5): the state comes after the name, which is in parentheses and may contain any.
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| state.starts_with('Z'))
}
