//! Waits for many descriptors at once: one epoll descriptor, and what is ready, oldest first.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

use crate::time::Duration;

/// Descriptors that are told of in one turn; the others wait for the next.
const READY_MAX: usize = 64;

/// Descriptors that are waited for, each with a number by which its owner knows it.
pub(super) struct Waiting {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    /// The numbers of those that are ready, the oldest last.
    ready: Vec<u64>,
}

impl Waiting {
    pub(super) fn new() -> io::Result<Waiting> {
        Ok(Waiting {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(READY_MAX),
            ready: Vec::with_capacity(READY_MAX),
        })
    }

    /// Waits from now on until there is something to read, or to hear of. It ends when the descriptor is closed.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, number: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(number);
        Ok(epoll::add(&self.epoll, fd, data, EventFlags::IN)?)
    }

    /// Waits for something else at a descriptor that was added.
    pub(super) fn change(
        &self,
        fd: BorrowedFd<'_>,
        number: u64,
        interest: EventFlags,
    ) -> io::Result<()> {
        let data = epoll::EventData::new_u64(number);
        Ok(epoll::modify(&self.epoll, fd, data, interest)?)
    }

    /// Waits until something is ready, or so long; `None`: however long. A long wait may end before its time.
    pub(super) fn wait(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        let timeout = at_most.map(first_part).map(timespec);
        self.events.clear();
        match epoll::wait(
            self.epoll.as_fd(),
            spare_capacity(&mut self.events),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let numbers = self.events.iter().rev();
        self.ready.extend(numbers.map(|event| event.data.u64()));
        Ok(())
    }

    /// The next that was found ready.
    pub(super) fn next(&mut self) -> Option<u64> {
        self.ready.pop()
    }
}

/// So much of a wait that its end is not missed: the kernel ends a wait up to a thousandth of it late, 100 ms at most
/// (`select_estimate_accuracy` of Linux), whatever slack the thread has asked for. A short one is waited for whole.
fn first_part(span: Duration) -> Duration {
    const SHORT: Duration = Duration::from_millis(100);
    if span <= SHORT { span } else { span / 8 * 7 }
}

fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(span.subsec_nanos()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::PipeFlags;

    #[test]
    fn a_long_wait_is_cut_so_that_the_kernel_does_not_miss_its_end() {
        for millis in [0, 1, 100, 101, 1_000, 60_000, 86_400_000] {
            let mut left = Duration::from_millis(millis);
            let mut parts = 0;
            while left > Duration::ZERO {
                let part = first_part(left);
                let late = (part / 1_000).min(Duration::from_millis(100));
                assert!(
                    part + late <= left || late <= Duration::from_micros(100),
                    "{left:?}"
                );
                left = left.saturating_sub(part + late);
                parts += 1;
            }
            assert!(parts <= 12, "{parts} parts of {millis} ms");
        }
    }

    #[test]
    fn what_is_ready_is_told_by_its_number_and_nothing_ends_the_wait_but_time() {
        let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
        let ((first, to_first), (second, to_second)) = (pipe(), pipe());
        let mut waiting = Waiting::new().unwrap();
        waiting.add(first.as_fd(), 1).unwrap();
        waiting.add(second.as_fd(), 2).unwrap();
        waiting.wait(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(waiting.next(), None);
        rustix::io::write(&to_second, b"x").unwrap();
        waiting.wait(None).unwrap();
        assert_eq!((waiting.next(), waiting.next()), (Some(2), None));
        // One that nobody can write to any more is ready too.
        waiting
            .change(second.as_fd(), 2, EventFlags::empty())
            .unwrap();
        drop(to_first);
        waiting.wait(None).unwrap();
        assert_eq!((waiting.next(), waiting.next()), (Some(1), None));
    }
}
