//! tshark is the referee: the same values in every frame, the same count for every filter.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::super::{Dissector, FIELDS, Field, Filter, Kind, Value};
use super::{frames, pcapng};

/// Teaches tshark the registration protocol, and TFTP's other port.
const SCRIPT: &str = concat!(
    "lua_script:",
    env!("CARGO_MANIFEST_DIR"),
    "/scripts/jackfield.lua"
);

#[test]
fn every_frame_has_the_values_that_tshark_sees() {
    let frames = frames::all();
    let Some(capture) = Capture::write("values", &frames) else {
        return skipped("every_frame_has_the_values_that_tshark_sees");
    };
    let fields: Vec<Field> = compared_fields();
    let mut arguments: Vec<&str> = vec!["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"];
    for field in &fields {
        arguments.extend(["-e", field.name()]);
    }
    let output = capture.tshark(&arguments);
    let mut dissector = Dissector::new();
    let mut wrong = Vec::new();
    let mut lines = output.lines();
    for (number, frame) in frames.iter().enumerate() {
        let line = lines.next().expect("tshark prints a line a frame");
        let interface = pcapng::INTERFACES[number % pcapng::INTERFACES.len()];
        let ours = dissector.dissect(interface, frame);
        let mut seen: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        for (field, value) in ours.iter() {
            seen.entry(field).or_default().push(shown(value));
        }
        for (field, theirs) in fields.iter().zip(line.split('\t')) {
            let ours = seen.remove(field).unwrap_or_default().join("|");
            let theirs = normal(*field, theirs);
            if ours != theirs {
                wrong.push(format!(
                    "frame {} ({} bytes) {}: ours `{ours}`, tshark `{theirs}`",
                    number + 1,
                    frame.len(),
                    field.name(),
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// All that have values of their own.
fn compared_fields() -> Vec<Field> {
    FIELDS
        .iter()
        .filter(|row| row.field.sources() == (row.field, None))
        .map(|row| row.field)
        .collect()
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Present => "there".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Mac(mac) => mac.to_string(),
        Value::Ipv4(address) => address.to_string(),
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
    }
}

/// tshark's values of a field in a frame, written as [`shown`] does.
fn normal(field: Field, values: &str) -> String {
    if values.is_empty() {
        return String::new();
    }
    let one = |value: &str| match field.kind() {
        Kind::Protocol => "there".to_owned(),
        Kind::Number { .. } => match value.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).unwrap().to_string(),
            None => value.to_owned(),
        },
        Kind::Flag => u8::from(value == "1" || value == "True").to_string(),
        Kind::Mac | Kind::Ipv4 | Kind::Text => value.to_owned(),
    };
    let values: Vec<String> = values.split('|').map(one).collect();
    values.join("|")
}

#[test]
fn every_filter_counts_what_tshark_counts() {
    let frames = frames::all();
    let Some(capture) = Capture::write("counts", &frames) else {
        return skipped("every_filter_counts_what_tshark_counts");
    };
    let table: Vec<&str> = include_str!("filters.txt").lines().collect();
    let filters: Vec<Filter> = table
        .iter()
        .map(|text| Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
        .collect();
    let mut ours = vec![0_u32; filters.len()];
    let mut dissector = Dissector::new();
    for (number, frame) in frames.iter().enumerate() {
        let interface = pcapng::INTERFACES[number % pcapng::INTERFACES.len()];
        let fields = dissector.dissect(interface, frame);
        for (filter, count) in filters.iter().zip(&mut ours) {
            *count += u32::from(filter.matches(fields));
        }
    }
    let theirs = capture.counts(&table);
    let mut wrong = Vec::new();
    for ((filter, ours), theirs) in filters.iter().zip(ours).zip(theirs) {
        if ours != theirs {
            wrong.push(format!("{filter}: ours {ours}, tshark {theirs}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A capture file that vanishes with it.
struct Capture(PathBuf);

impl Capture {
    /// Writes the frames, if there is a tshark to read them.
    fn write(name: &str, frames: &[Vec<u8>]) -> Option<Capture> {
        Command::new("tshark").arg("--version").output().ok()?;
        let name = format!("jackfield-filter-{}-{name}.pcapng", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, pcapng::file(frames)).unwrap();
        Some(Capture(path))
    }

    fn tshark(&self, arguments: &[&str]) -> String {
        let output = Command::new("tshark")
            .args(["-n", "-r"])
            .arg(&self.0)
            .args(["-X", SCRIPT])
            .args(arguments)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tshark: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How many frames satisfy each filter, with few runs for many filters.
    fn counts(&self, filters: &[&str]) -> Vec<u32> {
        const COLUMNS_MAX: usize = 60;

        // A statistic has a column a filter, but it takes a comma for the end of one.
        let (listed, plain): (Vec<&str>, Vec<&str>) =
            filters.iter().partition(|filter| filter.contains(','));
        let mut counts = self.counts_by_script(&listed);
        for chunk in plain.chunks(COLUMNS_MAX) {
            let statistic = format!("io,stat,0,{}", chunk.join(","));
            let output = self.tshark(&["-q", "-z", &statistic]);
            counts.extend(chunk.iter().copied().zip(counts_of(&output)));
        }
        filters.iter().map(|filter| counts[filter]).collect()
    }

    /// Counts with a script. It cannot name fields that another script brings.
    fn counts_by_script<'a>(&self, filters: &[&'a str]) -> BTreeMap<&'a str, u32> {
        let mut script = String::new();
        for (number, filter) in filters.iter().enumerate() {
            writeln!(
                script,
                "do local count = 0
                local tap = Listener.new('frame', [==[{filter}]==])
                function tap.packet() count = count + 1 end
                function tap.draw() print('count', {number}, count) end end"
            )
            .unwrap();
        }
        let path = self.0.with_extension("lua");
        fs::write(&path, script).unwrap();
        let output = self.tshark(&["-q", "-X", &format!("lua_script:{}", path.display())]);
        // A file that stays behind in the temporary directory does no harm.
        let _ = fs::remove_file(&path);
        let mut counts = BTreeMap::new();
        for line in output.lines() {
            if let ["count", number, count] = line.split('\t').collect::<Vec<_>>()[..] {
                let number: usize = number.parse().unwrap();
                counts.insert(filters[number], count.parse().unwrap());
            }
        }
        counts
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // A file that stays behind in the temporary directory does no harm.
        let _ = fs::remove_file(&self.0);
    }
}

/// The frames of each column: of the statistic's one row, `| 0.0 <> 1.0 | frames | bytes | frames | ...`.
fn counts_of(statistic: &str) -> Vec<u32> {
    let row = statistic
        .lines()
        .find(|line| line.contains("<>"))
        .expect("tshark prints a row");
    row.split('|')
        .skip(2)
        .step_by(2)
        .filter_map(|cell| cell.trim().parse().ok())
        .collect()
}

#[expect(clippy::print_stderr, reason = "says that the test said nothing")]
fn skipped(test: &str) {
    eprintln!("SKIPPED: {test}: no tshark");
}
