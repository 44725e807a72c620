//! Placeholders in the commands of programs: `{scenario}`, `{address}`, and what else stands in braces there.
//!
//! Braces are also a shell's, awk's, JSON's. So what is no placeholder is left as it is, but for a slip of the hand:
//! braces around one word that is the name of a placeholder but for one letter, and no `$` or `%` before them.

use super::nearest::slip;

/// The placeholders of a command in a scenario file.
pub(super) const OF_FILES: &[&str] = &["scenario", "address"];

/// The first placeholder in `text` that is misspelt, and the one of `known` that was meant.
pub fn misspelt_placeholder<'t, 'k>(
    text: &'t str,
    known: &[&'k str],
) -> Option<(&'t str, &'k str)> {
    let mut ends = text.match_indices('}').map(|(end, _)| end);
    ends.find_map(|end| {
        let begin = text[..end].rfind('{')?;
        let word = &text[begin + 1..end];
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if known.contains(&word)
            || text[..begin].ends_with(['$', '%'])
            || !word.chars().all(is_word)
        {
            return None;
        }
        Some((word, slip(word, known.iter().copied())?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_told_from_braces_of_another_language() {
        let known = ["forms", "address", "name"];
        for (text, misspelt) in [
            ("--forms={form}", Some(("form", "forms"))),
            ("{address}:{Name}", Some(("Name", "name"))),
            ("${adress} {adress}", Some(("adress", "address"))),
            ("{{adress}}", Some(("adress", "address"))),
            ("{forms} {address} {name}", None),
            ("${adress} %{NAME}", None),
            ("{format}", None),
            ("{}", None),
            (r#"{"adress": 1}"#, None),
            ("awk '{ adress }' | awk '{print $1}'", None),
            ("adress} {adress", None),
            ("{dress} {file}", None),
        ] {
            assert_eq!(misspelt_placeholder(text, &known), misspelt, "{text}");
        }
    }
}
