//! The machine's clock, as time since the run began.
//!
//! The one place that reads a clock. It is the monotonic one: setting the wall clock does not move it, and
//! it stands still while the machine is suspended. The wall clock is read once, for the date in a capture.

use crate::time::{Duration, Instant};

/// A running clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: std::time::Instant,
}

impl Clock {
    /// A clock that stands at [`Instant::ZERO`] now.
    pub fn start() -> Clock {
        Clock { began: monotonic() }
    }

    /// The time since the clock was started.
    pub fn now(&self) -> Instant {
        let passed: Duration = monotonic().duration_since(self.began);
        Instant::ZERO + passed
    }

    /// Sleeps until the clock stands there, if it does not yet.
    pub(super) fn wait_until(&self, at: Instant) {
        loop {
            let left = at.since(self.now());
            let Ok(left) = rustix::thread::Timespec::try_from(left) else {
                return;
            };
            if left.tv_sec == 0 && left.tv_nsec == 0 {
                return;
            }
            let _ = rustix::thread::nanosleep(&left);
        }
    }
}

/// The date, in nanoseconds since 1970-01-01 UTC; 0 on a machine whose date is before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reading of the machine's date"
)]
pub fn date_nanos() -> u64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_1970.map_or(0, |passed| {
        u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one reading of the machine's clock"
)]
fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
