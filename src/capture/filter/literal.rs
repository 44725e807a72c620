//! Reads the right side of a test as what its left side is.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::FilterError;
use super::expr::{Literal, Operand};
use super::field::{Field, Kind};
use super::token::{Token, TokenKind};

/// The value that `token` writes, for a test of `operand`.
pub(super) fn literal(text: &str, token: &Token, operand: Operand) -> Result<Literal, FilterError> {
    let span = token.span.clone();
    let quoted = if let TokenKind::Quoted(value) = &token.kind {
        Some(value)
    } else {
        None
    };
    let word = &text[span.clone()];
    let kind = operand.field.kind();
    if kind == Kind::Text {
        return match quoted {
            Some(value) => Ok(Literal::Bytes(value.clone())),
            None => Err(wants(operand.field, span, "is text and wants quotes")
                .suggesting(format!("\"{word}\""))),
        };
    }
    if let Some(value) = quoted {
        return Err(quotes_refused(operand, span, value));
    }
    if Field::named(word).is_some() {
        let problem = "two fields cannot be compared in this subset";
        return Err(FilterError::new(span, problem));
    }
    match kind {
        _ if operand.slice.is_some() => match bytes(word) {
            Some(bytes) => Ok(Literal::Bytes(bytes)),
            None => Err(FilterError::new(
                span,
                "bytes are pairs of hexadecimal digits with colons, for example 08:00:0f",
            )),
        },
        Kind::Number { bits } => number(operand.field, word, span, bits),
        Kind::Flag => match word {
            "true" | "True" | "TRUE" => Ok(Literal::Number(1)),
            "false" | "False" | "FALSE" => Ok(Literal::Number(0)),
            _ => match unsigned(word) {
                Some(number) => Ok(Literal::Number(u32::from(number != 0))),
                None => Err(wants(operand.field, span, "wants 1, 0, true or false")),
            },
        },
        Kind::Mac => match bytes(word).map(<[u8; 6]>::try_from) {
            Some(Ok(mac)) => Ok(Literal::Mac(mac)),
            _ => Err(wants(
                operand.field,
                span,
                "wants a MAC address, for example 08:00:0f:00:00:01",
            )),
        },
        Kind::Ipv4 => ipv4(word).ok_or_else(|| {
            wants(
                operand.field,
                span,
                "wants an IPv4 address, for example 10.1.0.1 or 10.1.0.0/24",
            )
        }),
        Kind::Text | Kind::Protocol => Err(FilterError::new(span, "no value can stand here")),
    }
}

fn quotes_refused(operand: Operand, span: Range<usize>, value: &[u8]) -> FilterError {
    let what = match operand.field.kind() {
        Kind::Number { .. } => "is a number and wants no quotes",
        Kind::Flag => "is true or false and wants no quotes",
        Kind::Ipv4 | Kind::Mac => "is an address and wants no quotes",
        Kind::Protocol | Kind::Text => "wants no quotes",
    };
    let error = wants(operand.field, span.clone(), what);
    let plain = str::from_utf8(value).unwrap_or_default();
    let token = Token {
        kind: TokenKind::Word,
        span: 0..plain.len(),
    };
    match literal(plain, &token, operand) {
        Ok(_) => error.suggesting(plain),
        Err(_) => error,
    }
}

fn number(field: Field, word: &str, span: Range<usize>, bits: u8) -> Result<Literal, FilterError> {
    let Some(number) = unsigned(word) else {
        return Err(wants(
            field,
            span,
            "wants a number, decimal or hexadecimal with 0x",
        ));
    };
    match u32::try_from(number) {
        Ok(number) if number >> (bits - 1) <= 1 => Ok(Literal::Number(number)),
        _ => {
            let problem = format!("is at most {}", u32::MAX >> (32 - bits));
            Err(wants(field, span, &problem))
        }
    }
}

fn wants(field: Field, span: Range<usize>, what: &str) -> FilterError {
    FilterError::new(span, format!("`{}` {what}", field.name()))
}

/// A number as Wireshark writes them: decimal, hexadecimal after `0x`, octal after `0`.
fn unsigned(word: &str) -> Option<u64> {
    let (digits, radix) = match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if word.len() > 1 && word.starts_with('0') => (word, 8),
        None => (word, 10),
    };
    let plain = digits.chars().all(|c| c.is_ascii_hexdigit());
    u64::from_str_radix(digits, radix).ok().filter(|_| plain)
}

/// Pairs of hexadecimal digits between colons, or between hyphens.
fn bytes(word: &str) -> Option<Vec<u8>> {
    let separator = if word.contains('-') { '-' } else { ':' };
    let pair = |pair: &str| match pair.as_bytes() {
        [a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            u8::from_str_radix(pair, 16).ok()
        }
        _ => None,
    };
    word.split(separator).map(pair).collect()
}

/// An address in dotted decimal, perhaps with the length of a prefix.
fn ipv4(word: &str) -> Option<Literal> {
    let (address, mask) = match word.split_once('/') {
        None => (word, u32::MAX),
        Some((address, len)) => {
            let plain = len.bytes().all(|byte| byte.is_ascii_digit());
            let len: u32 = len.parse().ok().filter(|len| plain && *len <= 32)?;
            (address, u32::MAX.checked_shl(32 - len).unwrap_or(0))
        }
    };
    let address: Ipv4Addr = address.parse().ok()?;
    Some(Literal::Ipv4 {
        address: address.to_bits(),
        mask,
    })
}
