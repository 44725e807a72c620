//! Reading single values: of the right type, of the right form, or a problem at their place.
//!
//! A reader takes a value of the file and gives what it means. Where it cannot, it adds the problem and
//! gives `None`: whoever asked goes on without, so that the next problem is found as well.

use toml::Spanned;
use toml::de::DeValue;

use super::At;
use crate::scenario::placeholder::{self, misspelt_placeholder};
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::units::Wrong;

/// A value and its place.
pub(super) type Item<'t> = Spanned<DeValue<'t>>;

/// Text that is not empty.
pub(super) fn text(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let text = any_text(item, problems)?;
    if text.trim().is_empty() {
        problems.push(Problem::new(&item.span(), "this text is empty"));
        return None;
    }
    Some(text)
}

/// Text, which may be empty.
pub(super) fn any_text(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    if let DeValue::String(text) = item.get_ref() {
        return Some(text.clone().into_owned());
    }
    wrong_type(item, "text in quotes", problems)
}

/// A word of a command; one or the other placeholder may stand in it.
pub(super) fn command_word(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let text = any_text(item, problems)?;
    if let Some((wrong, meant)) = misspelt_placeholder(&text, placeholder::OF_FILES) {
        let problem = Problem::new(&item.span(), format!("`{{{wrong}}}` is no placeholder"));
        problems.push(problem.help(format!("did you mean `{{{meant}}}`?")));
    }
    Some(text)
}

/// Text of some form, for example a duration.
pub(super) fn parsed<T>(
    item: &Item<'_>,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Option<T> {
    let DeValue::String(text) = item.get_ref() else {
        problems.push(type_problem(item, "text in quotes").help(in_quotes(item, parse)));
        return None;
    };
    parse(text)
        .map_err(|wrong| {
            problems.push(Problem::new(&item.span(), wrong.message).help(wrong.help));
        })
        .ok()
}

/// The way out for a number that should be text: the same in quotes, or what it lacks.
pub(super) fn in_quotes<T>(
    item: &Item<'_>,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Option<String> {
    let digits = match item.get_ref() {
        DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
        DeValue::Float(digits) => digits.as_str(),
        DeValue::Integer(_)
        | DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => return None,
    };
    match parse(digits) {
        Ok(_) => Some(format!("did you mean `\"{digits}\"`?")),
        Err(wrong) => wrong.help,
    }
}

/// A reader of text of some form.
pub(super) fn of<T>(
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> impl Fn(&Item<'_>, &mut Problems) -> Option<T> {
    move |item, problems| parsed(item, problems, &parse)
}

/// `true` or `false`.
pub(super) fn boolean(item: &Item<'_>, problems: &mut Problems) -> Option<bool> {
    if let DeValue::Boolean(value) = item.get_ref() {
        return Some(*value);
    }
    wrong_type(item, "true or false", problems)
}

/// A whole number from `least` to `most`.
pub(super) fn number<T>(least: T, most: T) -> impl Fn(&Item<'_>, &mut Problems) -> Option<T>
where
    T: TryFrom<i64> + PartialOrd + std::fmt::Display,
{
    move |item, problems| {
        let DeValue::Integer(digits) = item.get_ref() else {
            return wrong_type(item, "a whole number", problems);
        };
        let value = i64::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .and_then(|value| T::try_from(value).ok())
            .filter(|value| *value >= least && *value <= most);
        if value.is_none() {
            let message = format!("{digits} is not a number from {least} to {most}");
            problems.push(Problem::new(&item.span(), message));
        }
        value
    }
}

/// One of a closed list of words.
pub(super) fn word<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&Item<'_>, &mut Problems) -> Option<T> {
    move |item, problems| {
        let text = any_text(item, problems)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            let problem = Problem::new(&item.span(), format!("`{text}` is not known here"));
            problems.push(problem.help(format!("write {}", one_of(&known))));
        }
        found.map(|(_, value)| *value)
    }
}

/// `a, b or c`.
fn one_of(words: &[String]) -> String {
    match words {
        [all @ .., before, last] => [all, &[format!("{before} or {last}")]].concat().join(", "),
        words => words.concat(),
    }
}

/// A list; entries that have a problem are left out.
pub(super) fn list<T>(
    read: impl Fn(&Item<'_>, &mut Problems) -> Option<T>,
) -> impl Fn(&Item<'_>, &mut Problems) -> Option<Vec<At<T>>> {
    move |item, problems| {
        if let DeValue::Array(items) = item.get_ref() {
            return Some(each(items.iter(), problems, &read));
        }
        wrong_type(item, "a list in [brackets]", problems)
    }
}

/// One thing, or a list of such things, which is not empty.
pub(super) fn one_or_more<T>(
    read: impl Fn(&Item<'_>, &mut Problems) -> Option<T>,
) -> impl Fn(&Item<'_>, &mut Problems) -> Option<Vec<At<T>>> {
    move |item, problems| {
        if let DeValue::Array(items) = item.get_ref() {
            if items.is_empty() {
                problems.push(Problem::new(&item.span(), "this list is empty"));
            }
            return Some(each(items.iter(), problems, &read));
        }
        Some(each(std::iter::once(item), problems, &read))
    }
}

fn each<'a, 't: 'a, T>(
    items: impl Iterator<Item = &'a Item<'t>>,
    problems: &mut Problems,
    read: impl Fn(&Item<'_>, &mut Problems) -> Option<T>,
) -> Vec<At<T>> {
    items
        .filter_map(|item| {
            let value = read(item, problems)?;
            Some(At::new(value, item.span()))
        })
        .collect()
}

/// A name or an address for it, as far as the file alone can tell: `"none"` is `None`.
pub(super) fn or_none<T>(
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> impl Fn(&Item<'_>, &mut Problems) -> Option<Option<T>> {
    of(move |text| match text {
        "none" => Ok(None),
        text => parse(text).map(Some),
    })
}

/// Adds the problem that a value has the wrong type.
pub(super) fn wrong_type<T>(item: &Item<'_>, wanted: &str, problems: &mut Problems) -> Option<T> {
    problems.push(type_problem(item, wanted));
    None
}

/// The problem that a value has the wrong type.
pub(super) fn type_problem(item: &Item<'_>, wanted: &str) -> Problem {
    let found = match item.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Problem::new(&item.span(), format!("expected {wanted}, found {found}"))
}
