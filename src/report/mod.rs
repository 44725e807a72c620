//! Reports: what a run tells its user, as text or as JSON.

mod json;
mod rules;
mod served;
mod site;
mod text;
mod words;

pub use json::{JsonLines, outcome_json};
pub use served::{Served, ServedReport};
pub use site::{Diagnosis, SiteReport};
pub use text::{DISSECTOR, Style, TextReport, dissector_of, shell_word, summary};
pub use words::Line;

use crate::outbox::TraceEvent;
use crate::scenario::Deaf;
use crate::time::Instant;

/// A report that takes lines which are no event of the run.
pub trait Remarks {
    /// Something to tell about the station called `who`.
    fn remark(&mut self, now: Instant, who: &str, line: Line);

    /// Whether nobody will read it: then it need not be worded.
    fn is_deaf(&self) -> bool {
        false
    }
}

/// An event in words, without a time.
pub fn event_text(event: &TraceEvent) -> String {
    words::line(event).into_text()
}

impl Remarks for Deaf {
    fn remark(&mut self, _now: Instant, _who: &str, _line: Line) {}

    fn is_deaf(&self) -> bool {
        true
    }
}
