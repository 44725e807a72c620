//! Texts that count: `desk-{n}`, `***{6000+n}`, `{n:4}`.
//!
//! `{n}` is the phone's number in its group, from 1; `{6000+n}` that number added to another; `:4` fills up
//! with zeros to four digits. There is nothing else between braces.

/// Why a text is no template: a lower-case fragment.
pub(super) type Wrong = String;

/// The text for phone number `n`.
///
/// # Errors
/// A brace without its partner, or something between braces that is not `[BASE+]n[:WIDTH]`.
pub(super) fn fill(text: &str, n: usize) -> Result<String, Wrong> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        filled.push_str(&rest[..open]);
        let inner = rest[open..]
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let Some((inner, after)) = inner else {
            return Err(format!("a brace has no partner in `{text}`"));
        };
        filled.push_str(&number(inner, n)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Whether the text counts at all.
pub(super) fn counts(text: &str) -> bool {
    text.contains('{')
}

fn number(inner: &str, n: usize) -> Result<String, Wrong> {
    let wrong = || format!("`{{{inner}}}` is not `{{n}}`, `{{6000+n}}` or `{{n:4}}`");
    let (sum, width) = match inner.split_once(':') {
        Some((sum, width)) => (sum, width.parse::<usize>().map_err(|_| wrong())?),
        None => (inner, 0),
    };
    let base = match sum.split_once('+') {
        Some((base, "n")) => base.parse::<usize>().map_err(|_| wrong())?,
        None if sum == "n" => 0,
        Some(_) | None => return Err(wrong()),
    };
    if width > 20 {
        return Err(wrong());
    }
    let value = base.checked_add(n).ok_or_else(wrong)?;
    Ok(format!("{value:0width$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_counts_where_its_braces_say_so() {
        assert_eq!(fill("desk-{n}", 7).unwrap(), "desk-7");
        assert_eq!(fill("***{6000+n}", 7).unwrap(), "***6007");
        assert_eq!(fill("{n:4}/{n}", 7).unwrap(), "0007/7");
        assert_eq!(fill("plain", 7).unwrap(), "plain");
    }

    #[test]
    fn anything_else_between_braces_is_refused() {
        for text in ["{", "}", "{m}", "{n+6000}", "{+n}", "{n:}", "{}", "a}b{n}"] {
            assert!(fill(text, 1).is_err(), "{text}");
        }
    }
}
