//! Wireshark's display filters, as far as expectations on frames need them.
//!
//! [`Filter`] reads an expression and tests the values of a frame. [`Dissector`] says what values a frame
//! has; it is given all frames of a capture in their order, as tshark reads them, since what a frame is
//! may depend on the ones before it. The two together count what `tshark -Y` counts on the saved file,
//! in the version 4.0, whose semantics they copy. `docs/filters.md` is the description for users.
//!
//! ```text
//! text ── token ── parse ──► Filter ─┐
//!                                    ├─► matches: yes or no
//! frame ── dissect ───────► Fields ──┘
//! ```

mod dissect;
mod expr;
mod field;
mod fields;
mod literal;
mod parse;
mod token;

pub use dissect::Dissector;
pub use field::{FIELDS, Field, FieldInfo, Kind};
pub use fields::{Fields, Value};

use std::fmt;
use std::ops::Range;

use expr::Expr;

/// A display filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    text: String,
    expr: Expr,
}

impl Filter {
    /// Reads `text`.
    ///
    /// # Errors
    ///
    /// What is not of the subset, and comparisons that can never hold because of their kinds.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        Ok(Filter {
            text: text.to_owned(),
            expr: parse::parse(text)?,
        })
    }

    /// Whether the frame with these values satisfies the filter.
    pub fn matches(&self, fields: &Fields) -> bool {
        self.expr.matches(fields)
    }
}

impl fmt::Display for Filter {
    /// The text as it was read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// The bytes of the text that are wrong.
    pub span: Range<usize>,
    /// A lower-case fragment.
    pub problem: String,
    /// What may have been meant in their place.
    pub suggestion: Option<String>,
}

impl FilterError {
    fn new(span: Range<usize>, problem: impl Into<String>) -> FilterError {
        FilterError {
            span,
            problem: problem.into(),
            suggestion: None,
        }
    }

    fn suggesting(self, suggestion: impl Into<String>) -> FilterError {
        FilterError {
            suggestion: Some(suggestion.into()),
            ..self
        }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
