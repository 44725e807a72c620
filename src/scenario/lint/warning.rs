//! A warning: what is odd in a scenario, what it would do to a run, and how to mend it.

use std::fmt;

use annotate_snippets::Level;

use crate::scenario::describe::counted;
use crate::scenario::problem::{Problem, Span, render_one, renderer};

/// Ids of warnings that a file can silence (`allow`): rules where there is one, else words.
pub(crate) const ALLOWABLE: &[&str] = &[
    "CL-1",
    "CL-2",
    "CL-3",
    "CL-4",
    "CL-5",
    "CL-6",
    "CL-7",
    "CL-8",
    "CL-9",
    "CL-10",
    "DV-1",
    "DV-2",
    "boot-files",
    "boot-server",
    "firmware-folder",
    "lonely-router",
    "no-steps",
    "no-vlan",
    "no-way",
    "several-servers",
];

/// Of the warning that an entry of `allow` silences nothing.
pub(super) const STALE_ALLOW: &str = "stale-allow";

/// Something that a scenario file may say, and that would not work as its reader expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// One of [`ALLOWABLE`], or `stale-allow`.
    pub id: &'static str,
    /// What is odd and where; its help is how to mend it.
    pub problem: Problem,
    /// What would happen in a run.
    pub effect: String,
}

/// The warnings of one file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Warnings(Vec<Warning>);

impl Warnings {
    pub(super) fn push(&mut self, warning: Warning) {
        self.0.push(warning);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.0.iter()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Warning) -> bool) {
        self.0.retain(keep);
    }

    /// In the order of the file.
    #[must_use]
    pub(super) fn sorted(mut self) -> Warnings {
        self.0.sort_by_key(|warning| warning.problem.span.start);
        self
    }

    /// The warnings as text for a terminal, an empty line between them. `path` is how the user knows the
    /// file, `text` what it holds. Of a place of many lines the first is shown.
    pub fn render(&self, path: &str, text: &str, colour: bool) -> String {
        let renderer = renderer(colour);
        let shown = self.0.iter().map(|warning| {
            let mut problem = warning.problem.clone();
            problem.span = first_line(problem.span, text);
            if let Some((span, _)) = &mut problem.context {
                *span = first_line(span.clone(), text);
            }
            let title = Level::WARNING.primary_title(problem.message.clone());
            let title = title.id(warning.id);
            let effect = Some(warning.effect.as_str());
            render_one(&renderer, title, &problem, effect, (path, text)) + "\n"
        });
        shown.collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Warnings {
    /// How many there are: `2 warnings`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(self.len() as u64, "warning"))
    }
}

fn first_line(span: Span, text: &str) -> Span {
    let line = text
        .get(span.clone())
        .and_then(|shown| shown.lines().next());
    span.start..line.map_or(span.end, |line| span.start + line.len())
}
