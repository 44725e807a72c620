//! Reports: what a run tells its user, as text or as JSON.

mod json;
mod text;
mod words;

pub use json::{JsonLines, outcome_json};
pub use text::{Style, TextReport, summary};
