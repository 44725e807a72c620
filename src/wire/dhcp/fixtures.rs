//! Messages in files for the tests: `fixtures/wire/NAME_*.hex` holds a comment line `# what it is`, lines of
//! hex, and the line `= decoded`. With `BLESS=1` in the environment the last is written anew.

use std::fs;
use std::path::PathBuf;

/// Calls `use_bytes` with the bytes of every fixture of `name`.
pub(crate) fn each(name: &str, mut use_bytes: impl FnMut(&[u8])) {
    for path in files(name) {
        use_bytes(&bytes_of(&fs::read_to_string(path).unwrap()));
    }
}

/// Compares `decoded(bytes)` with the last line of every fixture of `name`; gives their number.
pub(crate) fn check(name: &str, decoded: impl Fn(&[u8]) -> String) -> usize {
    let files = files(name);
    for path in &files {
        let text = fs::read_to_string(path).unwrap();
        let found = format!("= {}", decoded(&bytes_of(&text)));
        let (head, expected) = text.trim_end().rsplit_once('\n').unwrap();
        if std::env::var_os("BLESS").is_some() {
            fs::write(path, format!("{head}\n{found}\n")).unwrap();
        } else {
            assert_eq!(found, expected, "{}", path.display());
        }
    }
    files.len()
}

fn files(name: &str) -> Vec<PathBuf> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/wire");
    let paths = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let prefix = format!("{name}_");
    let ours = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&prefix)
    };
    let mut paths: Vec<PathBuf> = paths.filter(ours).collect();
    paths.sort();
    paths
}

fn bytes_of(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with(['#', '=']));
    let digits: Vec<char> = lines
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs
        .map(|pair| u8::from_str_radix(&pair, 16).unwrap())
        .collect()
}
