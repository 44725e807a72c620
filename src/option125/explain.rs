//! What a value says, in words: shortly, or byte by byte.

use std::fmt::Write as _;

use super::{Code, Found, hex, hex_with};
use crate::wire::vendor::{Decoded, ENTERPRISE, Layout, Severity, Source, encode_43, encode_125};

/// What a value says: its text, its tags, what is wrong, and whether a set takes it.
pub fn decode(found: &Found) -> String {
    let decoded = found.decoded();
    let mut out = heading(found, &decoded);
    if let Some((_, text)) = &decoded.text {
        line(&mut out, format_args!("  text       {text}"));
    }
    for tag in &decoded.tags {
        line(&mut out, format_args!("  {:<10} {}", tag.name, tag.value));
    }
    for defect in &decoded.defects {
        let word = severity(defect.severity).0;
        line(
            &mut out,
            format_args!("  {word:<10} {defect}; {}", defect.mend),
        );
    }
    verdict(&mut out, &decoded);
    out
}

/// The same byte by byte: what each stands for, each defect with its place and its mend.
pub fn explain(found: &Found) -> String {
    let decoded = found.decoded();
    let mut out = heading(found, &decoded);
    line(&mut out, format_args!(""));
    for Row { at, bytes, means } in rows(found, &decoded) {
        const SHOWN_MAX: usize = 8;
        let shown = &bytes[..bytes.len().min(SHOWN_MAX)];
        let more = if shown.len() < bytes.len() {
            " …"
        } else {
            ""
        };
        let digits = hex_with(shown, " ") + more;
        line(&mut out, format_args!("  {at:>3}  {digits:<25}  {means}"));
    }
    line(&mut out, format_args!(""));
    for defect in &decoded.defects {
        let (word, effect) = severity(defect.severity);
        let (at, problem, mend) = (defect.offset, &defect.problem, &defect.mend);
        line(&mut out, format_args!("  {word}: byte {at}: {problem}"));
        line(&mut out, format_args!("        {effect}"));
        line(&mut out, format_args!("        mend: {mend}"));
    }
    verdict(&mut out, &decoded);
    if let Some(mended) = mended(found.code, &decoded) {
        line(&mut out, format_args!("  mended: {}", hex(&mended)));
    }
    out
}

fn heading(found: &Found, decoded: &Decoded) -> String {
    let place = found.place.iter().map(|place| format!("{place}: "));
    let place: String = place.collect();
    let (number, length) = (found.code.number(), found.value.len());
    let noun = if length == 1 { "byte" } else { "bytes" };
    format!(
        "{place}option {number}, {length} {noun}, {}\n",
        layout(found, decoded)
    )
}

/// How the text stands in its option.
fn layout(found: &Found, decoded: &Decoded) -> String {
    let begins = decoded.text.as_ref().map(|(at, _)| *at);
    match decoded.source {
        Source::Option125Sub(n) => format!("layout B: in sub-option {n}"),
        Source::Option43Sub(n) => format!("in sub-option {n}"),
        Source::Option125 if begins.is_none() => "no text".to_owned(),
        Source::Option125 if is_c(found, decoded) => "layout C: without data-len".to_owned(),
        Source::Option125 => "layout A: the text alone".to_owned(),
        Source::Option43 | Source::Old => "the text alone".to_owned(),
    }
}

/// Whether the text follows the enterprise number at once.
fn is_c(found: &Found, decoded: &Decoded) -> bool {
    let begins = decoded.text.as_ref().map_or(0, |(at, _)| *at);
    found.code == Code::Option125 && found.value[..begins].ends_with(&ENTERPRISE.to_be_bytes())
}

/// A word for how bad it is, and what a set does.
fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Note => ("note", "allowed"),
        Severity::Warning => ("warning", "a set takes no notice of this part"),
        Severity::Fatal => ("error", "a set refuses the whole option"),
    }
}

fn verdict(out: &mut String, decoded: &Decoded) {
    match decoded.accept() {
        Ok(chosen) => {
            let source = chosen.source;
            line(
                out,
                format_args!("  taken: a set shows `Using option {source}`"),
            );
        }
        Err(refusal) => line(out, format_args!("  refused: {refusal}")),
    }
}

/// The bytes that a set takes in place of these, if what could be read of them is enough.
fn mended(code: Code, decoded: &Decoded) -> Option<Vec<u8>> {
    let whole = decoded.settings.call_srv.is_some() && !decoded.settings.sw_tftp.is_empty();
    let odd = decoded
        .defects
        .iter()
        .any(|it| it.severity != Severity::Note);
    if !whole || !odd {
        return None;
    }
    let layout = match decoded.source {
        Source::Option125Sub(n) | Source::Option43Sub(n) => Layout::SubOption(n),
        Source::Option125 | Source::Option43 | Source::Old => Layout::Raw,
    };
    match code {
        Code::Option125 => encode_125(&decoded.settings, layout).ok(),
        Code::Option43 => encode_43(&decoded.settings, layout).ok(),
    }
}

/// Some bytes that belong together.
pub(super) struct Row<'a> {
    at: usize,
    pub(super) bytes: &'a [u8],
    means: String,
}

/// All bytes of a value, in order.
pub(super) fn rows<'a>(found: &'a Found, decoded: &Decoded) -> Vec<Row<'a>> {
    let value = found.value.as_slice();
    let Some((begins, text)) = &decoded.text else {
        return before(value, value.len(), found.code);
    };
    // A text with bytes that are not UTF-8 is longer in UTF-8 than in its option.
    let ends = text_end(value, *begins, decoded, text);
    let mut rows = before(value, *begins, found.code);
    rows.extend(tags(value, *begins, ends));
    if ends < value.len() {
        rows.push(Row {
            at: ends,
            bytes: &value[ends..],
            means: "behind the text".to_owned(),
        });
    }
    rows
}

/// Where the text ends in its option: after the length that stands in front of it, if that is right.
fn text_end(value: &[u8], begins: usize, decoded: &Decoded, text: &str) -> usize {
    let has_length = match decoded.source {
        Source::Option125Sub(_) | Source::Option43Sub(_) => true,
        Source::Option125 => !value[..begins].ends_with(&ENTERPRISE.to_be_bytes()),
        Source::Option43 | Source::Old => false,
    };
    let length = begins.checked_sub(1).and_then(|at| value.get(at));
    match length {
        Some(length) if has_length => (begins + usize::from(*length)).min(value.len()),
        Some(_) | None if text.is_empty() => begins,
        Some(_) | None => value.len(),
    }
}

/// What stands in front of the text: enterprise numbers, lengths, sub-options.
fn before(value: &[u8], begins: usize, code: Code) -> Vec<Row<'_>> {
    let mut rows = Rows {
        value,
        begins,
        rows: Vec::new(),
        at: 0,
    };
    if code == Code::Option125 {
        while rows.left() >= 4 {
            let bytes = rows.take(4, |bytes| {
                let number = bytes
                    .iter()
                    .fold(0, |sum: u32, byte| sum << 8 | u32::from(*byte));
                let whose = if number == ENTERPRISE {
                    ", the sets' maker"
                } else {
                    ""
                };
                format!("enterprise {number}{whose}")
            });
            let ours = bytes == ENTERPRISE.to_be_bytes();
            if rows.left() == 0 {
                break;
            }
            let length = rows.take(1, |bytes| format!("data-len {}", bytes[0]));
            if ours {
                break;
            }
            rows.take(usize::from(length[0]), |_| {
                "data of another maker".to_owned()
            });
        }
    }
    while rows.left() >= 2 {
        rows.take(1, |bytes| format!("sub-option {}", bytes[0]));
        let length = rows.take(1, |bytes| format!("its length {}", bytes[0]));
        if rows.left() > 0 {
            rows.take(usize::from(length[0]), |_| {
                "data of this sub-option".to_owned()
            });
        }
    }
    let left = rows.left();
    if left > 0 {
        rows.take(left, |_| "not known".to_owned());
    }
    rows.rows
}

/// Rows that are being made, up to where the text begins.
struct Rows<'a> {
    value: &'a [u8],
    begins: usize,
    rows: Vec<Row<'a>>,
    at: usize,
}

impl<'a> Rows<'a> {
    fn left(&self) -> usize {
        self.begins - self.at
    }

    /// The next bytes, fewer if there are not so many.
    fn take(&mut self, count: usize, means: impl Fn(&[u8]) -> String) -> &'a [u8] {
        let bytes = &self.value[self.at..self.at + count.min(self.left())];
        if !bytes.is_empty() {
            self.rows.push(Row {
                at: self.at,
                bytes,
                means: means(bytes),
            });
        }
        self.at += bytes.len();
        bytes
    }
}

/// The text, a row for each tag.
fn tags(value: &[u8], begins: usize, ends: usize) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut at = begins;
    for part in value[begins..ends].split_inclusive(|byte| *byte == b';') {
        let text = String::from_utf8_lossy(part);
        let name = text.trim_start_matches(' ').split(['=', ';', ' ']).next();
        let means = name
            .and_then(meaning)
            .map_or(String::new(), |means| format!("  ({means})"));
        rows.push(Row {
            at,
            bytes: part,
            means: format!("{text}{means}"),
        });
        at += part.len();
    }
    rows
}

/// What a tag is, with the option that it comes from.
fn meaning(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "id:ipphone.mitel.com" => "what every configuration begins with",
        "sw_tftp" => "boot server, old option 128",
        "call_srv" => "call servers, old option 129",
        "ipa_srv" => "analysis server, old option 131",
        "vlan" => "voice VLAN, old option 132",
        "l2p" => "802.1p priority, old option 133",
        "dscp" => "DiffServ code point, old option 134",
        "app_proxy" => "application proxy, old option 135",
        _ => return None,
    })
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "{text}");
    while out.ends_with(" \n") {
        out.truncate(out.len() - 2);
        out.push('\n');
    }
}
