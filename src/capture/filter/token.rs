//! Cuts a filter's text into tokens.

use std::ops::Range;

use super::FilterError;
use super::expr::Relation;

/// A token and the bytes of the text that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A field's name, a number or an address.
    Word,
    /// Text in quotes, its escapes resolved.
    Quoted(Vec<u8>),
    /// What stands between brackets.
    Slice,
    Relation(Relation),
    And,
    Or,
    Not,
    In,
    Contains,
    Open,
    Close,
    SetOpen,
    SetClose,
    Comma,
    DotDot,
    End,
}

/// Symbols, the longer before those that they begin with.
const SYMBOLS: &[(&str, TokenKind)] = &[
    ("==", TokenKind::Relation(Relation::Equal)),
    ("!=", TokenKind::Relation(Relation::NotEqual)),
    ("<=", TokenKind::Relation(Relation::LessOrEqual)),
    (">=", TokenKind::Relation(Relation::GreaterOrEqual)),
    ("<", TokenKind::Relation(Relation::Less)),
    (">", TokenKind::Relation(Relation::Greater)),
    ("&&", TokenKind::And),
    ("||", TokenKind::Or),
    ("!", TokenKind::Not),
    ("(", TokenKind::Open),
    (")", TokenKind::Close),
    ("{", TokenKind::SetOpen),
    ("}", TokenKind::SetClose),
    (",", TokenKind::Comma),
    ("..", TokenKind::DotDot),
];

/// What Wireshark or habit has and this subset has not, with what to write instead.
const REFUSED: &[(&str, Option<&str>)] = &[
    ("===", Some("==")),
    ("!==", Some("!=")),
    ("~=", Some("!=")),
    ("=", Some("==")),
    ("&", Some("&&")),
    ("|", Some("||")),
    ("~", None),
    ("^", None),
    ("'", Some("\"")),
];

/// The tokens of `text`, the last of them [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let token = token(text, at, first)?;
        at = token.span.end;
        tokens.push(token);
    }
    tokens.push(Token {
        kind: TokenKind::End,
        span: at..at,
    });
    Ok(tokens)
}

/// The token that begins with `first` at byte `at`.
fn token(text: &str, at: usize, first: char) -> Result<Token, FilterError> {
    let rest = &text[at..];
    let made = |kind, len| {
        Ok(Token {
            kind,
            span: at..at + len,
        })
    };
    if first == '"' {
        return quoted(text, at);
    }
    if first == '[' {
        return match rest.find(']') {
            Some(close) => made(TokenKind::Slice, close + 1),
            None => Err(FilterError::new(at..text.len(), "`[` without its `]`")),
        };
    }
    let word = &rest[..word_len(rest)];
    if !word.is_empty() {
        return made(keyword(word).unwrap_or(TokenKind::Word), word.len());
    }
    let refused = REFUSED.iter().find(|(symbol, _)| rest.starts_with(symbol));
    let known = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol));
    match (known, refused) {
        (Some((symbol, kind)), None) => made(kind.clone(), symbol.len()),
        (Some((symbol, kind)), Some((longer, _))) if longer.len() <= symbol.len() => {
            made(kind.clone(), symbol.len())
        }
        (_, Some((symbol, instead))) => {
            let problem = format!("`{symbol}` is not in this subset");
            let error = FilterError::new(at..at + symbol.len(), problem);
            Err(match instead {
                Some(instead) => error.suggesting(*instead),
                None => error,
            })
        }
        (None, None) => Err(FilterError::new(
            at..at + first.len_utf8(),
            format!("`{}` has no meaning here", first.escape_default()),
        )),
    }
}

/// How many bytes of `rest` belong to the word that it begins with. Two dots end a word: `1..5` is a range.
fn word_len(rest: &str) -> usize {
    let belongs = |c: char| c.is_ascii_alphanumeric() || "_.:-/".contains(c);
    let len = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    rest[..len].find("..").unwrap_or(len)
}

fn keyword(word: &str) -> Option<TokenKind> {
    Some(match word {
        "and" => TokenKind::And,
        "or" => TokenKind::Or,
        "not" => TokenKind::Not,
        "in" => TokenKind::In,
        "contains" => TokenKind::Contains,
        "eq" => TokenKind::Relation(Relation::Equal),
        "ne" => TokenKind::Relation(Relation::NotEqual),
        "lt" => TokenKind::Relation(Relation::Less),
        "gt" => TokenKind::Relation(Relation::Greater),
        "le" => TokenKind::Relation(Relation::LessOrEqual),
        "ge" => TokenKind::Relation(Relation::GreaterOrEqual),
        _ => return None,
    })
}

/// The text in quotes that begins at byte `at`.
fn quoted(text: &str, at: usize) -> Result<Token, FilterError> {
    let mut value = Vec::new();
    let mut chars = text[at + 1..].char_indices();
    while let Some((offset, c)) = chars.next() {
        let here = at + 1 + offset;
        match c {
            '"' => {
                return Ok(Token {
                    kind: TokenKind::Quoted(value),
                    span: at..here + 1,
                });
            }
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\'))) => value.push(c as u8),
                Some((_, 'n')) => value.push(b'\n'),
                Some((_, 'r')) => value.push(b'\r'),
                Some((_, 't')) => value.push(b'\t'),
                Some((_, other)) => {
                    return Err(FilterError::new(
                        here..here + 1 + other.len_utf8(),
                        "after `\\` stands one of \" \\ n r t",
                    ));
                }
                None => break,
            },
            c => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(FilterError::new(
        at..text.len(),
        "text without its closing quote",
    ))
}
