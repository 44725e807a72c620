//! Where the configuration text stands in option 125 or 43.

use std::ops::Range;

use super::{Defect, ENTERPRISE, Layout, Severity};

/// The text's place, and what is wrong around it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) layout: Layout,
    pub(super) text: Option<Range<usize>>,
    pub(super) defects: Vec<Defect>,
}

const TEXT_BEGINS: &[u8] = b"id:";

/// Option 125: entries of enterprise number, data-len, data (RFC 3925 section 4); the first of ours counts.
pub(super) fn in_125(value: &[u8]) -> Found {
    let mut at = 0;
    while let Some((enterprise, after)) = value[at..].split_first_chunk::<4>() {
        if u32::from_be_bytes(*enterprise) == ENTERPRISE {
            return in_entry(value, at + 4);
        }
        let Some((data_len, _)) = after.split_first() else {
            break;
        };
        at = (at + 5 + usize::from(*data_len)).min(value.len());
    }
    let problem = format!("no entry of enterprise {ENTERPRISE}");
    let mend = "begin with 00 00 04 03, then data-len and the text";
    Found {
        layout: Layout::Raw,
        text: None,
        defects: vec![fatal(0, problem, mend)],
    }
}

/// Option 43: the text, or sub-options (RFC 2132 section 8.4).
pub(super) fn in_43(value: &[u8]) -> Found {
    if value.is_empty() {
        let defects = vec![fatal(0, "option is empty".to_owned(), "send the text")];
        return Found {
            layout: Layout::Raw,
            text: None,
            defects,
        };
    }
    in_data(value, 0..value.len())
}

/// Our entry of option 125, from its data-len on.
fn in_entry(value: &[u8], at: usize) -> Found {
    if value[at..].starts_with(TEXT_BEGINS) {
        let problem = "data-len is missing: the text follows the enterprise number".to_owned();
        let follow = value.len() - at;
        let mend = format!("insert data-len {follow} ({follow:02x}) here");
        let text = Some(at..value.len());
        return Found {
            layout: Layout::Raw,
            text,
            defects: vec![fatal(at, problem, mend)],
        };
    }
    let Some(data_len) = value.get(at) else {
        let problem = "option ends before data-len".to_owned();
        return Found {
            layout: Layout::Raw,
            text: None,
            defects: vec![fatal(at, problem, "add data-len and the text")],
        };
    };
    let (start, data_len) = (at + 1, usize::from(*data_len));
    let follow = value.len() - start;
    let end = start + data_len.min(follow);
    let mut found = in_data(value, start..end);
    let problem = || format!("data-len is {data_len}, but {follow} bytes follow");
    if data_len > follow {
        found.defects.push(fatal(at, problem(), write(follow)));
    } else if !are_entries(&value[end..]) {
        found.defects.push(Defect {
            offset: at,
            problem: problem(),
            mend: write(follow),
            severity: Severity::Warning,
        });
    }
    found
}

/// Text or sub-options, in this part of the value.
///
/// Where nothing begins with `id:`, it is sub-options if these fill the part to the byte, else text.
fn in_data(value: &[u8], part: Range<usize>) -> Found {
    let raw = |text| Found {
        layout: Layout::Raw,
        text: Some(text),
        defects: Vec::new(),
    };
    if value[part.clone()].starts_with(TEXT_BEGINS) {
        return raw(part);
    }
    let mut first = None;
    let mut at = part.start;
    let fills = loop {
        let (number, start, length) = match value[at..part.end] {
            [] | [255, ..] => break true,
            // Padding (RFC 2132 section 8.4).
            [0, ..] => {
                at += 1;
                continue;
            }
            [_] => break false,
            [number, length, ..] => (number, at + 2, usize::from(length)),
        };
        let follow = part.end - start;
        let end = start + length.min(follow);
        if value[start..end].starts_with(TEXT_BEGINS) {
            return in_sub_option(number, start..end, length, follow);
        }
        if length > follow {
            break false;
        }
        first = first.or(Some((number, start..end)));
        at = end;
    };
    match first {
        Some((number, text)) if fills => Found {
            layout: Layout::SubOption(number),
            text: Some(text),
            defects: Vec::new(),
        },
        Some(_) | None => raw(part),
    }
}

fn in_sub_option(number: u8, text: Range<usize>, length: usize, follow: usize) -> Found {
    let mut defects = Vec::new();
    if length > follow {
        let problem =
            format!("length of sub-option {number} is {length}, but {follow} bytes follow");
        defects.push(fatal(text.start - 1, problem, write(follow)));
    }
    Found {
        layout: Layout::SubOption(number),
        text: Some(text),
        defects,
    }
}

/// Whether these bytes are whole entries of option 125, or none.
fn are_entries(mut bytes: &[u8]) -> bool {
    while let Some((head, after)) = bytes.split_first_chunk::<5>() {
        match after.get(usize::from(head[4])..) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    bytes.is_empty()
}

/// The mend of a length.
fn write(length: usize) -> String {
    format!("write {length} ({length:02x}) here")
}

fn fatal(offset: usize, problem: String, mend: impl Into<String>) -> Defect {
    Defect {
        offset,
        problem,
        mend: mend.into(),
        severity: Severity::Fatal,
    }
}
