//! Many scenarios: which of them are run here, what came of each, and all of it as one report.
//!
//! ```text
//!  files ──select──▶ those asked for ──shard──▶ those of this machine ──▶ results ─┬─▶ text
//!                                                                                  ├─▶ JUnit
//!                                     results of other machines ──merge────────────┴─▶ JSON lines
//! ```
//!
//! Nothing here runs a scenario or looks at the machine: that is `cli`.

mod accepted;
mod align;
mod answers;
mod compare;
mod junit;
mod lines;
mod merge;
mod record;
mod result;
mod select;
mod shard;
mod text;

pub use accepted::Accepted;
pub use answers::{Answers, Distribution};
pub use compare::{Comparison, Likeness, Side, compare, other_times};
pub use junit::junit;
pub use lines::{Head, Line, read_lines};
pub use merge::{Merged, Part, merge};
pub use record::{By, Record, RecordWriter, Said};
pub use result::{Counts, Status, TestResult, Why};
pub use select::Selection;
pub use shard::{Shard, ShardError, digest};
pub use text::{result_line, suite_summary};
