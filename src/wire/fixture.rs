//! Reads `fixtures/wire/*.hex` for the tests of the codecs: a message a file, as hexadecimal digits and as the line
//! that it decodes to.

use std::fs;

/// A message as bytes and as text.
pub(super) struct Fixture {
    /// The file's name without its ending.
    pub(super) name: String,
    /// The message.
    pub(super) bytes: Vec<u8>,
    /// What it decodes to.
    pub(super) line: String,
}

/// The fixtures whose names begin with `protocol` and an underscore, in the order of their names; at least one.
pub(super) fn all(protocol: &str) -> Vec<Fixture> {
    let mut found = Vec::new();
    for entry in fs::read_dir("fixtures/wire").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name.starts_with(&format!("{protocol}_")) {
            found.push(read(name, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!found.is_empty(), "no fixture of {protocol}");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn read(name: &str, text: &str) -> Fixture {
    let mut bytes = Vec::new();
    let mut line = None;
    for row in text.lines().filter(|row| !row.starts_with('#')) {
        if let Some(decoded) = row.strip_prefix("= ") {
            line = Some(decoded.to_owned());
            continue;
        }
        for pair in row.as_bytes().chunks(2) {
            let digits = std::str::from_utf8(pair).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
        }
    }
    Fixture {
        name: name.to_owned(),
        bytes,
        line: line.unwrap_or_else(|| panic!("{name} has no line that begins with `= `")),
    }
}
