//! The plan in words.

use super::plan::Plan;

/// The plan, with every default filled in.
pub fn explain(plan: &Plan) -> String {
    format!("{plan:#?}")
}
