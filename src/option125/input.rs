//! What somebody types or pastes: hexadecimal digits in whatever way, or the configuration text itself.

use super::{Code, Found};
use crate::wire::vendor::{ENTERPRISE, TEXT_43_RAW_MAX, TEXT_125_MAX};

/// Why an input is neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    #[error("there is nothing to read")]
    Empty,
    #[error(
        "`{character}` at character {at} is no hexadecimal digit, and no text begins with `id:`"
    )]
    NotHex { character: char, at: usize },
    #[error("`{word}` has an odd number of digits")]
    OddDigits { word: String },
    #[error(
        "the option says that it has {says} bytes, and {found} follow: it is cut, or more stands behind it"
    )]
    Length { says: u8, found: usize },
    #[error("text is {length} bytes long, an option holds {TEXT_43_RAW_MAX}")]
    TooLong { length: usize },
}

/// The value that a text means. Text that has `=` or begins with `id:` is a configuration, as if sent in option 125,
/// layout A, or in option 43 if it is too long for that; all else is hexadecimal. `code` is what the user says that it is of; without it, bytes are of option
/// 43 if they begin with the text, or with a sub-option that holds it, else of option 125. The option's own code
/// and length may stand in front.
///
/// # Errors
/// If it can't be read in either way.
pub fn parse(text: &str, code: Option<Code>) -> Result<Found, InputError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InputError::Empty);
    }
    if text.starts_with("id:") || text.contains('=') {
        return of_text(text, code);
    }
    let mut value = bytes(text)?;
    if let ([125, says, rest @ ..], None) = (value.as_slice(), code)
        && rest.starts_with(&ENTERPRISE.to_be_bytes())
        && rest.len() != usize::from(*says)
    {
        let (says, found) = (*says, rest.len());
        return Err(InputError::Length { says, found });
    }
    let code = code.unwrap_or_else(|| {
        let option = |code: u8| [code, (value.len().saturating_sub(2)) as u8];
        if value.starts_with(&option(125)) {
            value.drain(..2);
            Code::Option125
        } else if value.starts_with(&option(43)) {
            value.drain(..2);
            Code::Option43
        } else if is_43(&value) {
            Code::Option43
        } else {
            Code::Option125
        }
    });
    Ok(Found {
        place: None,
        code,
        value,
    })
}

fn of_text(text: &str, code: Option<Code>) -> Result<Found, InputError> {
    let length = text.len();
    if length > TEXT_43_RAW_MAX {
        return Err(InputError::TooLong { length });
    }
    let fits = length <= TEXT_125_MAX;
    let usual = if fits {
        Code::Option125
    } else {
        Code::Option43
    };
    let code = code.unwrap_or(usual);
    let mut value = match code {
        Code::Option125 => [&ENTERPRISE.to_be_bytes()[..], &[length as u8]].concat(), // at most 255
        Code::Option43 => Vec::new(),
    };
    value.extend(text.bytes());
    Ok(Found {
        place: None,
        code,
        value,
    })
}

/// Whether bytes that begin with no enterprise number are a text, or a sub-option with one.
fn is_43(value: &[u8]) -> bool {
    let text = |bytes: &[u8]| bytes.starts_with(b"id:");
    !value.starts_with(&ENTERPRISE.to_be_bytes())
        && (text(value) || value.get(2..).is_some_and(text))
}

/// Digits in pairs, with or without spaces, colons, hyphens, points, commas and `0x` or `\x` between. Between
/// separators one digit is a byte, as dhclient writes it.
fn bytes(text: &str) -> Result<Vec<u8>, InputError> {
    let separates = |c: char| c.is_whitespace() || matches!(c, ':' | '-' | '.' | ',' | ';' | '\\');
    let mut next = 0;
    let pieces = text.split_inclusive(separates).map(|piece| {
        let at = next;
        next += piece.len();
        (at, piece.trim_end_matches(separates))
    });
    // Each with its place.
    let words: Vec<(usize, &str)> = pieces.filter(|(_, word)| !word.is_empty()).collect();
    let mut bytes = Vec::new();
    for (at, word) in &words {
        let digits = ["0x", "0X", "x", "X"]
            .iter()
            .find_map(|prefix| word.strip_prefix(prefix))
            .unwrap_or(word);
        let mut odd = digits
            .char_indices()
            .filter(|(_, c)| !c.is_ascii_hexdigit());
        if let Some((n, character)) = odd.next() {
            let before = &text[..at + word.len() - digits.len() + n];
            let at = before.chars().count() + 1;
            return Err(InputError::NotHex { character, at });
        }
        let digits: Vec<u8> = digits
            .chars()
            .filter_map(|c| Some(c.to_digit(16)? as u8))
            .collect();
        match digits.as_slice() {
            [one] if words.len() > 1 => bytes.push(*one),
            digits if digits.len().is_multiple_of(2) => {
                bytes.extend(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]));
            }
            _ => {
                let word = (*word).to_owned();
                return Err(InputError::OddDigits { word });
            }
        }
    }
    if bytes.is_empty() {
        return Err(InputError::Empty);
    }
    Ok(bytes)
}
