//! Reads `fixtures/wire/*.hex` for the tests of the codecs: a message a file, as hexadecimal digits, with comments behind
//! `#`, and below them, behind `= `, as the line that it decodes to.

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
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name.starts_with(&format!("{protocol}_")) {
            let (bytes, line) = read(&fs::read_to_string(&path).unwrap());
            found.push(Fixture { name, bytes, line });
        }
    }
    assert!(!found.is_empty(), "no fixture of {protocol}");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Compares the line of each of those fixtures with what `decoded` makes of its bytes. `BLESS=1` writes the lines anew.
pub(super) fn check(protocol: &str, decoded: impl Fn(&[u8]) -> String) {
    for Fixture { name, bytes, line } in all(protocol) {
        let found = decoded(&bytes);
        if std::env::var_os("BLESS").is_none() {
            assert_eq!(found, line, "{name}");
            continue;
        }
        let path = format!("fixtures/wire/{name}.hex");
        let text = fs::read_to_string(&path).unwrap();
        let (hex, _) = text.split_once("\n= ").unwrap();
        fs::write(path, format!("{hex}\n= {found}\n")).unwrap();
    }
}

/// A message's bytes and its line.
pub(super) fn read(text: &str) -> (Vec<u8>, String) {
    let (hex, line) = text.split_once("\n= ").unwrap();
    let rows = hex.lines().map(|row| row.split('#').next().unwrap());
    let line = line.strip_suffix('\n').unwrap();
    (unhex(&rows.collect::<String>()), line.to_owned())
}

/// The bytes of hexadecimal digits, with blanks between them or not.
pub(super) fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs
        .map(|pair| u8::from_str_radix(&pair, 16).unwrap())
        .collect()
}
