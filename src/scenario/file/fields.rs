//! Reading tables: each key is known, asked for by name, and found at most once (TOML sees to that).

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::At;
use super::value::{Item, type_problem, wrong_type};
use crate::scenario::nearest::{did_you_mean, nearest};
use crate::scenario::problem::{Problem, Problems, Span};

/// A kind of table: how docs/scenarios.md calls it, and the keys that it may have.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) title: &'static str,
    pub(super) keys: &'static [&'static str],
}

/// A table that is being read.
pub(super) struct Fields<'a, 't> {
    shape: &'static Shape,
    /// The whole table, or its header.
    pub(super) span: Span,
    /// The keys that nobody has asked for yet, with their places.
    left: BTreeMap<&'a str, (Span, &'a Item<'t>)>,
    /// Keys that the shape does not know: what is missed later may have been meant by one of them.
    pub(super) unknown: Vec<&'a str>,
}

impl<'a, 't> Fields<'a, 't> {
    /// The table that `item` is, after a problem for each key that `shape` does not know.
    pub(super) fn of(
        item: &'a Item<'t>,
        shape: &'static Shape,
        problems: &mut Problems,
    ) -> Option<Fields<'a, 't>> {
        if let DeValue::Table(table) = item.get_ref() {
            return Some(Self::of_table(table, item.span(), shape, problems));
        }
        let known = format!("the keys are {}", shape.keys.join(", "));
        problems.push(type_problem(item, "a table").help(known));
        None
    }

    /// As [`Fields::of`], of a table.
    pub(super) fn of_table(
        table: &'a DeTable<'t>,
        span: Span,
        shape: &'static Shape,
        problems: &mut Problems,
    ) -> Fields<'a, 't> {
        let (mut left, mut unknown) = (BTreeMap::new(), Vec::new());
        for (key, item) in table {
            let (name, place) = (key.get_ref().as_ref(), key.span());
            if shape.keys.contains(&name) {
                left.insert(name, (place, item));
            } else {
                unknown.push(name);
                let message = format!("unknown key `{name}` in {}", shape.title);
                let known = format!("the keys are {}", shape.keys.join(", "));
                let help = did_you_mean(name, shape.keys.iter().copied()).unwrap_or(known);
                problems.push(Problem::new(&place, message).help(help));
            }
        }
        Fields {
            shape,
            span,
            left,
            unknown,
        }
    }

    /// The value of a key that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        problems: &mut Problems,
        read: impl Fn(&Item<'t>, &mut Problems) -> Option<T>,
    ) -> Option<At<T>> {
        let (_, item) = self.take(key)?;
        read(item, problems).map(|value| At::new(value, item.span()))
    }

    /// The value of a key that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &str,
        problems: &mut Problems,
        read: impl Fn(&Item<'t>, &mut Problems) -> Option<T>,
    ) -> Option<At<T>> {
        if !self.left.contains_key(key) && !self.is_misspelt(&[key]) {
            let message = format!("{} has no `{key}`", self.shape.title);
            problems.push(Problem::new(&self.span, message).label(format!("needs `{key}`")));
        }
        self.optional(key, problems, read)
    }

    /// Every value of a list of tables (`[[key]]`); none if there is no such key.
    pub(super) fn tables<T>(
        &mut self,
        key: &str,
        problems: &mut Problems,
        read: impl Fn(&Item<'t>, &mut Problems) -> Option<T>,
    ) -> Vec<T> {
        let Some((_, item)) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = item.get_ref() else {
            return wrong_type(item, &format!("a list of tables: [[{key}]]"), problems)
                .unwrap_or_default();
        };
        let read = |item| read(item, problems);
        items.iter().filter_map(read).collect()
    }

    /// Whether an unknown key may have been meant as one of these.
    pub(super) fn is_misspelt(&self, keys: &[&str]) -> bool {
        let meant = |unknown: &&str| nearest(unknown, keys.iter().copied()).is_some();
        self.unknown.iter().any(meant)
    }

    /// The key's place and its value.
    pub(super) fn take(&mut self, key: &str) -> Option<(Span, &'a Item<'t>)> {
        debug_assert!(self.shape.keys.contains(&key), "{key} is in the shape");
        self.left.remove(key)
    }

    /// Those of the keys that the table has and nobody has asked for yet, with their places.
    pub(super) fn present(&self, keys: &[&'static str]) -> Vec<(&'static str, Span)> {
        let place = |key: &&'static str| self.left.get(key).map(|(span, _)| (*key, span.clone()));
        keys.iter().filter_map(place).collect()
    }
}

/// The keys of a table whose keys are the user's own (names, addresses), in the order of the file.
pub(super) fn entries<'a, 't>(
    item: &'a Item<'t>,
    problems: &mut Problems,
) -> Vec<(At<String>, &'a Item<'t>)> {
    let DeValue::Table(table) = item.get_ref() else {
        return wrong_type(item, "a table", problems).unwrap_or_default();
    };
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, item)| (At::new(key.get_ref().to_string(), key.span()), item))
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    entries
}
