//! What is wrong with a scenario file, where, and what would be right.
//!
//! A problem points at a range of bytes of the file's text. It is shown as a compiler shows it: the
//! message, the place, the line with a mark under the wrong part, and the way out where there is one.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, Title};

/// A range of bytes of the file's text.
pub(super) type Span = Range<usize>;

/// Something wrong in a scenario file: the user's fault, in the user's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub span: Span,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What the mark under the place says; empty where the message says it all.
    pub label: String,
    /// Another place that belongs to it, for example where a name was used first.
    pub context: Option<(Span, String)>,
    /// The way out.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at a place.
    pub fn new(span: &Span, message: impl Into<String>) -> Problem {
        Problem {
            span: span.clone(),
            message: message.into(),
            label: String::new(),
            context: None,
            help: None,
        }
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    #[must_use]
    pub fn context(mut self, span: &Span, label: impl Into<String>) -> Problem {
        self.context = Some((span.clone(), label.into()));
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<Option<String>>) -> Problem {
        self.help = help.into();
        self
    }
}

/// Every problem of one file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// In the order of the file.
    #[must_use]
    pub fn sorted(mut self) -> Problems {
        self.0.sort_by_key(|problem| problem.span.start);
        self
    }

    /// The problems as text for a terminal, an empty line between them. `path` is how the user knows the
    /// file, `text` what it holds.
    pub fn render(&self, path: &str, text: &str, colour: bool) -> String {
        let renderer = renderer(colour);
        let mut shown = String::new();
        for problem in &self.0 {
            if !shown.is_empty() {
                shown.push('\n');
            }
            let title = Level::ERROR.primary_title(problem.message.as_str());
            shown.push_str(&render_one(&renderer, title, problem, None, (path, text)));
            shown.push('\n');
        }
        shown
    }
}

pub(super) fn renderer(colour: bool) -> Renderer {
    if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
}

/// One problem under its title. `effect` is what it would do to a run.
pub(super) fn render_one(
    renderer: &Renderer,
    title: Title<'_>,
    problem: &Problem,
    effect: Option<&str>,
    (path, text): (&str, &str),
) -> String {
    let mut snippet = Snippet::source(text).path(path).annotation(
        AnnotationKind::Primary
            .span(problem.span.clone())
            .label(problem.label.as_str()),
    );
    if let Some((span, label)) = &problem.context {
        let context = AnnotationKind::Context.span(span.clone());
        snippet = snippet.annotation(context.label(label.as_str()));
    }
    let mut group = title.element(snippet);
    if let Some(effect) = effect {
        group = group.element(Level::NOTE.message(effect));
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}
