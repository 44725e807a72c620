//! An enclosure: a PID namespace around one program and all that it starts.
//!
//! ```text
//!   jackfield ── lifeline (pipe) ──▶ warden        PID 1 of the namespace: a fork that only reads the lifeline
//!       └─ child ────────────────▶ program         PID 2, with its descendants, in process group and out of it
//! ```
//!
//! Process groups, sessions and parents can all be left; a PID namespace cannot. When its first process ends,
//! the kernel kills every other one in it. The warden is that first process:
//!
//! - It ends when the lifeline closes. The kernel closes it when this process ends, even by `kill -9`.
//! - It is killed when the enclosure is dropped; dropping returns when every process inside is gone.
//! - It stands in for init: orphans become its children, and are reaped.
//!
//! What a program asks of a daemon outside (docker, systemd-run) is not inside, and not killed.
//!
//! A program could also be PID 1 itself, but PID 1 ignores signals that it has no handler for: programs would
//! behave otherwise than on a machine.
//!
//! The warden never runs another program, so it may do only what is allowed between fork and exec in a process
//! with threads: system calls. It closes every descriptor but its own, or wardens would hold each other's
//! lifelines open.

#![expect(
    unsafe_code,
    reason = "fork, and the system calls of the forked warden"
)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use rustix::thread::UnshareFlags;

use super::error::LiveError;
use super::netns::{self, Namespace};

/// What the lifeline carries when the warden shall leave once it is alone.
const LEAVE_WHEN_ALONE: u8 = 1;

/// A program and all that it has started. Dropping it kills them all.
#[derive(Debug)]
pub(super) struct Enclosure {
    warden: Warden,
    program: Child,
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
            // What this thread forks from here on is in the new PID namespace, the thread itself is not.
            netns::unshare(UnshareFlags::NEWPID, "make a PID namespace")?;
            let warden = Warden::fork().map_err(failed("fork"))?;
            Ok(command.spawn().map(|program| Enclosure { warden, program }))
        })
    }

    /// A descriptor that becomes readable when the program ends.
    pub(super) fn pidfd(&self) -> io::Result<OwnedFd> {
        let pid = Pid::from_child(&self.program);
        Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
    }

    /// How the program ended; `None` while it goes on. What it left running is not asked for.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.program.try_wait()
    }

    /// Lets the enclosure end by itself if the program, which has ended, left nothing running.
    ///
    /// # Errors
    /// Where the warden is gone.
    pub(super) fn leave_when_alone(&self) -> io::Result<()> {
        rustix::io::write(&self.warden.lifeline, &[LEAVE_WHEN_ALONE])?;
        Ok(())
    }

    /// Whether the enclosure has ended by itself.
    pub(super) fn is_over(&mut self) -> bool {
        self.warden.is_over()
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        self.warden.kill();
        // The warden's end waits for every process inside, and for this one until it is reaped: first the
        // program, then, as a field is dropped after this, the warden.
        let _ = self.program.wait();
    }
}

/// The first process of an enclosure.
#[derive(Debug)]
struct Warden {
    pid: Pid,
    lifeline: OwnedFd,
    reaped: bool,
}

impl Warden {
    /// Forks the warden from the calling thread, which has a new PID namespace for its children.
    fn fork() -> io::Result<Warden> {
        let (reader, lifeline) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        // SAFETY: the child does nothing but `watch`, which makes system calls only.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            watch(reader.as_raw_fd());
        }
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Warden {
            pid: Pid::from_raw(pid).expect("fork gave a positive number"),
            lifeline,
            reaped: false,
        })
    }

    fn kill(&mut self) {
        if !self.reaped {
            // It may have ended by itself: then it is still there to be reaped, and the signal has no effect.
            let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        }
    }

    fn is_over(&mut self) -> bool {
        if !self.reaped {
            let ended = rustix::process::waitpid(Some(self.pid), WaitOptions::NOHANG);
            self.reaped = !matches!(ended, Ok(None));
        }
        self.reaped
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.kill();
        while !self.reaped {
            let ended = rustix::process::waitpid(Some(self.pid), WaitOptions::empty());
            self.reaped = !matches!(ended, Err(Errno::INTR));
        }
    }
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> LiveError {
    move |source| LiveError::Enclosure { step, source }
}

/// The warden's life. System calls only: it runs in a fork of a process with threads.
fn watch(lifeline: RawFd) -> ! {
    // SAFETY: plain system calls on numbers; the one pointer is to a byte on this stack.
    unsafe {
        // Out of the terminal's process group: Ctrl-C is for jackfield alone.
        libc::setsid();
        // Orphans are reaped by the kernel.
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        let alone = libc::dup2(lifeline, 0) == 0
            && libc::syscall(libc::SYS_close_range, 1, libc::c_uint::MAX, 0) == 0;
        if !alone {
            libc::_exit(1);
        }
        loop {
            let mut order = 0_u8;
            match libc::read(0, (&raw mut order).cast(), 1) {
                // Signal 0 to everybody else: an error where there is nobody.
                1 if libc::kill(-1, 0) == 0 => {}
                -1 if *libc::__errno_location() == libc::EINTR => {}
                _ => libc::_exit(0),
            }
        }
    }
}
