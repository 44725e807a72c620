//! Asks the kernel to run the driver's thread soon after its deadlines, and gives programs back what is usual.
//!
//! | asked for | usual | here |
//! | --- | --- | --- |
//! | how much later than asked for a sleep may end (PR_SET_TIMERSLACK(2const)) | 50 µs | 1 ns |
//! | how long a turn on a busy processor is (`sched_runtime` of sched_setattr(2)) | some ms | 0.1 ms |
//!
//! The first is the latency of a cable. Who asks for short turns gets no more of the processor than others, but gets it
//! sooner: beside four endless loops on two processors the worst lateness of a run went from 10 to 98 ms down to 4 to
//! 41 ms. Kernels before 6.12 take no notice of it. None of it needs rights; what is refused is done without, and how
//! late the driver is gets measured anyway.

#![expect(unsafe_code, reason = "sched_getattr(2), sched_setattr(2)")]

use std::num::NonZeroU64;

use rustix::thread::set_current_timer_slack;

const SLACK_NANOS: NonZeroU64 = NonZeroU64::MIN;
const USUAL_SLACK_NANOS: NonZeroU64 = NonZeroU64::new(50_000).expect("it is not zero");
/// The shortest that the kernel takes.
const TURN_NANOS: u64 = 100_000;
/// What this thread starts has none of this (SCHED_FLAG_RESET_ON_FORK).
const RESET_ON_FORK: u64 = 1;

/// Has the calling thread run soon after its deadlines.
pub(super) fn be_punctual() {
    let _ = set_current_timer_slack(Some(SLACK_NANOS));
    let Some(mut attributes) = attributes() else {
        return;
    };
    // Whoever has given the process a policy of his own knows why.
    if attributes.sched_policy == libc::SCHED_OTHER as u32 {
        attributes.sched_flags |= RESET_ON_FORK;
        attributes.sched_runtime = TURN_NANOS;
        // SAFETY: the kernel reads a structure of the size that it names.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    }
}

/// Gives the calling thread, and the programs that it starts, timers as they are elsewhere: the one thing of these
/// that is inherited.
pub(super) fn be_usual() {
    let _ = set_current_timer_slack(Some(USUAL_SLACK_NANOS));
}

/// How the kernel schedules the calling thread.
fn attributes() -> Option<libc::sched_attr> {
    // SAFETY: all zeros are such a structure; the kernel writes no more than the size that it is given.
    unsafe {
        let mut attributes: libc::sched_attr = std::mem::zeroed();
        let size = size_of_val(&attributes) as libc::c_uint;
        let result = libc::syscall(
            libc::SYS_sched_getattr,
            0,
            &raw mut attributes,
            size,
            0 as libc::c_uint,
        );
        (result == 0).then_some(attributes)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_punctual_thread_keeps_its_policy_and_nice_value_and_starts_usual_ones() {
        let (before, punctual, started) = thread::spawn(|| {
            let before = attributes().unwrap();
            be_punctual();
            let started = thread::spawn(|| attributes().unwrap()).join().unwrap();
            (before, attributes().unwrap(), started)
        })
        .join()
        .unwrap();
        let policy = |it: &libc::sched_attr| (it.sched_policy, it.sched_nice);
        assert_eq!(policy(&punctual), policy(&before));
        assert_eq!(policy(&started), policy(&before));
        // A kernel before 6.12 has no turns that can be asked for, and says 0.
        assert!([TURN_NANOS, 0].contains(&punctual.sched_runtime));
        assert_eq!(started.sched_runtime, before.sched_runtime);
    }

    #[test]
    fn a_punctual_thread_can_be_made_usual() {
        let slacks = thread::spawn(|| {
            be_punctual();
            let punctual = rustix::thread::current_timer_slack().unwrap();
            be_usual();
            (punctual, rustix::thread::current_timer_slack().unwrap())
        });
        assert_eq!(slacks.join().unwrap(), (1, 50_000));
    }
}
