//! Scenarios: a file becomes a plan, a plan becomes a lab, a lab runs and gives an outcome.
//!
//! ```text
//! file ──read──▶ plan ──build──▶ lab ──run──▶ outcome
//!                                 │
//!                     watch (observer): views of sets, counts of frames, the capture
//! ```

pub mod plan;

mod build;
mod describe;
mod expect;
mod explain;
mod lab;
mod outcome;
mod recorder;
mod run;
mod tally;
mod watch;

pub use build::{BuildError, Files, firmware};
pub use outcome::{Outcome, Stopped, Verdict};
pub use recorder::{CaptureSink, DROPS, Recorder, VIRTUAL_EPOCH_NANOS};
pub use run::Run;
pub use watch::{Deaf, Listener, PhoneView};
