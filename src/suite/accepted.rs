//! Differences that somebody has looked at and accepted: a text file, reviewed as a snapshot is.
//!
//! ```text
//! [dn-in-use.toml]
//! anna 4: - from mivb-a: PIN Request, reason DN in use
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The accepted differences, by scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted(BTreeMap<String, BTreeSet<String>>);

const HEAD: &str =
    "# Differences that are accepted. `jackfield compare --accept` writes this file anew.\n";

impl Accepted {
    /// Reads a file.
    ///
    /// # Errors
    /// A line belongs to no scenario: its number, from 1.
    pub fn read(text: &str) -> Result<Accepted, usize> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut name = None;
        for (number, line) in (1_usize..).zip(text.lines()) {
            let heading = line.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            if let Some(heading) = heading {
                all.entry(heading.to_owned()).or_default();
                name = Some(heading.to_owned());
            } else if !line.is_empty() && !line.starts_with('#') {
                let name = name.as_ref().ok_or(number)?;
                all.entry(name.clone()).or_default().insert(line.to_owned());
            }
        }
        Ok(Accepted(all))
    }

    /// The file's text.
    pub fn write(&self) -> String {
        let mut text = HEAD.to_owned();
        for (name, lines) in self.0.iter().filter(|(_, lines)| !lines.is_empty()) {
            let _ = writeln!(text, "\n[{name}]");
            lines.iter().for_each(|line| text.extend([line, "\n"]));
        }
        text
    }

    /// Accepts these differences of a scenario, and no other ones.
    pub fn set(&mut self, name: &str, differences: &[String]) {
        let lines = differences.iter().cloned().collect();
        self.0.insert(name.to_owned(), lines);
    }

    /// Takes the accepted ones out of the differences of a scenario: how many, and which of those that are accepted were
    /// not there.
    pub fn take(&self, name: &str, differences: &mut Vec<String>) -> (usize, Vec<String>) {
        let Some(accepted) = self.0.get(name) else {
            return (0, Vec::new());
        };
        let is_gone = |line: &&String| !differences.contains(line);
        let gone = accepted.iter().filter(is_gone).cloned().collect();
        let before = differences.len();
        differences.retain(|line| !accepted.contains(line));
        (before - differences.len(), gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_read_back_and_no_difference_any_more() {
        let mut accepted = Accepted::default();
        let lines = ["anna 1: - a".to_owned(), "anna 2: + b".to_owned()];
        accepted.set("x/a.toml", &lines);
        let accepted = Accepted::read(&accepted.write()).unwrap();
        let mut found = vec!["anna 2: + b".to_owned(), "anna 3: + c".to_owned()];
        let (taken, gone) = accepted.take("x/a.toml", &mut found);
        assert_eq!((taken, gone), (1, vec!["anna 1: - a".to_owned()]));
        assert_eq!(found, ["anna 3: + c"]);
        assert_eq!(accepted.take("other.toml", &mut found), (0, Vec::new()));
        assert_eq!(Accepted::read("# text\nno heading"), Err(2));
    }
}
