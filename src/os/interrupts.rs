//! SIGINT and SIGTERM as something to wait for, so that a live run ends cleanly.
//!
//! The handlers only note the signal and write to an event descriptor. Signals are not blocked (a program that
//! is started would inherit that), and handlers do not outlive an exec: programs see the usual defaults.

#![expect(unsafe_code, reason = "signal handlers are installed through libc")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::event::EventfdFlags;

use super::error::LiveError;

const SIGNALS: [(libc::c_int, &str); 2] = [(libc::SIGINT, "SIGINT"), (libc::SIGTERM, "SIGTERM")];
/// No descriptor, and no signal.
const NONE: i32 = -1;

/// The event descriptor that the handlers write to.
static WAKE: AtomicI32 = AtomicI32::new(NONE);
/// The last signal that came.
static CAUGHT: AtomicI32 = AtomicI32::new(NONE);

/// While this lives, SIGINT and SIGTERM do not end the process. There is at most one.
#[derive(Debug)]
pub struct Interrupts {
    event: OwnedFd,
    before: Vec<(libc::c_int, libc::sigaction)>,
}

impl Interrupts {
    /// Catches the two signals from now on.
    ///
    /// # Errors
    /// [`LiveError::Signals`]: somebody else catches them already, or the machine refuses.
    pub fn catch() -> Result<Interrupts, LiveError> {
        let failed = |source| LiveError::Signals { source };
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let event = rustix::event::eventfd(0, flags).map_err(|errno| failed(errno.into()))?;
        WAKE.compare_exchange(NONE, event.as_raw_fd(), Ordering::SeqCst, Ordering::SeqCst)
            .map_err(|_| failed(io::ErrorKind::ResourceBusy.into()))?;
        CAUGHT.store(NONE, Ordering::SeqCst);
        let mut interrupts = Interrupts {
            event,
            before: Vec::new(),
        };
        for (signal, _) in SIGNALS {
            let before = install(signal).map_err(failed)?;
            interrupts.before.push((signal, before));
        }
        Ok(interrupts)
    }

    /// The name of the signal that came, if one has.
    pub fn caught(&self) -> Option<&'static str> {
        let caught = CAUGHT.load(Ordering::SeqCst);
        let (_, name) = SIGNALS.iter().find(|(signal, _)| *signal == caught)?;
        Some(name)
    }

    /// The descriptor to wait on: readable when a signal has come, and from then on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        for (signal, before) in &self.before {
            // SAFETY: puts back what `install` found.
            unsafe { libc::sigaction(*signal, before, ptr::null_mut()) };
        }
        WAKE.store(NONE, Ordering::SeqCst);
    }
}

/// Installs the handler for one signal; gives what was there before.
fn install(signal: libc::c_int) -> io::Result<libc::sigaction> {
    let handler: extern "C" fn(libc::c_int) = note;
    // SAFETY: an all-zero sigaction is valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    let mut before = action;
    // SAFETY: both pointers are to structures on this stack; the handler makes one system call.
    if unsafe { libc::sigaction(signal, &raw const action, &raw mut before) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(before)
}

/// The handler. rustix makes the system call itself and leaves `errno` alone.
extern "C" fn note(signal: libc::c_int) {
    CAUGHT.store(signal, Ordering::SeqCst);
    let fd = WAKE.load(Ordering::SeqCst);
    if fd != NONE {
        // SAFETY: the descriptor is open while WAKE names it.
        let event = unsafe { BorrowedFd::borrow_raw(fd) };
        let _ = rustix::io::write(event, &1_u64.to_ne_bytes());
    }
}
