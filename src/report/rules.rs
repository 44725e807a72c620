//! What a failed run may have broken: ids of rules, and what each of them says.

use crate::scenario::Outcome;
use crate::scenario::plan::Plan;

/// The rules as the documentation tells of them.
const DOCUMENT: &str = include_str!("../../docs/rules.md");

/// The rule that the oracle saw broken; else, if something else failed, those that the scenario shows.
pub(super) fn at_stake<'a>(plan: &'a Plan, outcome: &'a Outcome) -> Vec<&'a str> {
    match &outcome.violation {
        _ if outcome.passed() => Vec::new(),
        Some(violation) => vec![violation.rule],
        None => plan.shows.iter().map(String::as_str).collect(),
    }
}

/// What a rule says: `MV-8` has `Moved back after MV-2: it registers again by itself`. Empty for an id that is none.
pub(super) fn says(id: &str) -> String {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| "));
    let mut rows = rows.filter_map(|row| row.strip_suffix(" |")?.split_once(" | "));
    let row = rows.find(|(found, _)| *found == id);
    row.map_or_else(String::new, |(_, says)| says.replace(" | ", ": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_what_its_row_says() {
        assert_eq!(
            says("AD-6"),
            "The access codes are changed: sets in service stay; at their next registration RG-14"
        );
        assert_eq!(says("RG-1"), "unknown MAC, no PIN: prompt");
        assert_eq!(says("XY-1"), "");
    }
}
