//! Whether the driver waits awake or asleep.
//!
//! An answer to an answer is often there within microseconds, and so is a frame's next deadline on a short cable. To
//! fall asleep and be woken takes longer, up to 50 µs where a processor has gone idle. So the driver stays awake
//! for a moment after each frame. That is of use only while nobody else wants the processor: as soon as the kernel
//! takes it away for another, who may be the one that is to answer, the driver sleeps as others do, for a while.

#![expect(unsafe_code, reason = "getrusage(2)")]

use std::mem::MaybeUninit;

use crate::time::{Duration, Instant};

/// A deadline that is no further away is waited for awake.
const SHORT: Duration = Duration::from_micros(20);
/// How long to stay awake after a frame.
const AFTER_FRAME: Duration = Duration::from_micros(100);
/// How long to sleep as others do, after the processor was taken away.
const DECLINED: Duration = Duration::from_millis(20);

/// Whether to wait awake.
#[derive(Debug)]
pub(super) struct Vigil {
    awake_until: Instant,
    asleep_until: Instant,
    /// How often the kernel has taken the processor away.
    taken: i64,
}

impl Vigil {
    pub(super) fn new() -> Vigil {
        Vigil {
            awake_until: Instant::ZERO,
            asleep_until: Instant::ZERO,
            taken: times_taken(),
        }
    }

    /// A frame has come in.
    pub(super) fn frame(&mut self, now: Instant) {
        self.awake_until = now + AFTER_FRAME;
    }

    /// Whether to come back at once instead of sleeping until the deadline; `None`: until something comes in.
    pub(super) fn stays_awake(&mut self, now: Instant, deadline: Option<Instant>) -> bool {
        let is_short = deadline.is_some_and(|at| at.since(now) <= SHORT);
        if is_short || now >= self.awake_until || now < self.asleep_until {
            return is_short;
        }
        let before = std::mem::replace(&mut self.taken, times_taken());
        if self.taken == before {
            return true;
        }
        self.asleep_until = now + DECLINED;
        false
    }
}

/// How often the kernel has taken the processor from this thread for another (`ru_nivcsw`).
fn times_taken() -> i64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel fills a structure of this type; all zeros is one too, should it refuse.
    unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init().ru_nivcsw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_awake_after_a_frame_and_for_a_short_wait_and_else_sleeps() {
        let at = |micros| Instant::ZERO + Duration::from_micros(micros);
        let mut vigil = Vigil::new();
        assert!(!vigil.stays_awake(at(1_000), None));
        assert!(!vigil.stays_awake(at(1_000), Some(at(1_021))));
        assert!(vigil.stays_awake(at(1_000), Some(at(1_020))));
        vigil.frame(at(2_000));
        vigil.taken = times_taken();
        let awake = vigil.stays_awake(at(2_099), None);
        // The kernel may have taken the processor away in between, on any machine.
        assert!(awake || vigil.asleep_until == at(22_099));
        assert!(!vigil.stays_awake(at(2_100), None));
    }

    #[test]
    fn it_sleeps_for_a_while_once_the_processor_was_taken_away() {
        let at = |micros| Instant::ZERO + Duration::from_micros(micros);
        let mut vigil = Vigil::new();
        vigil.frame(at(1_000));
        vigil.taken -= 1;
        assert!(!vigil.stays_awake(at(1_000), None));
        vigil.frame(at(20_000));
        assert!(!vigil.stays_awake(at(20_000), None));
        assert!(vigil.stays_awake(at(20_000), Some(at(20_010))));
    }
}
