//! The machine's clock, as time since the run began.
//!
//! The one place that reads a clock. It is the monotonic one: setting the wall clock does not move it, and
//! it stands still while the machine is suspended.

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
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one reading of the machine's clock"
)]
fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
