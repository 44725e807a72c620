//! Results as JUnit XML, which build servers read.
//!
//! JUnit itself has no schema. What is written here is valid by the two that are in use, of Apache Ant's reports and of
//! Jenkins (`fixtures/ci/junit.xsd` is what both allow): one `testsuite` a folder of scenarios, one `testcase` a scenario.
//! A flaky one has passed; Ant's schema has no word for it, so it stands among the suite's properties.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::lines::Head;
use super::result::{Counts, Status, TestResult, Why};

/// The results as a document. `host`: the machine's name.
pub fn junit(head: &Head, results: &[TestResult], host: &str) -> String {
    let mut folders: BTreeMap<&str, Vec<&TestResult>> = BTreeMap::new();
    for result in results {
        let folder = result
            .name
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        folders.entry(folder).or_default().push(result);
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (id, (folder, results)) in folders.iter().enumerate() {
        suite(&mut xml, id, folder, results, head, host);
    }
    xml += "</testsuites>\n";
    xml
}

fn suite(
    xml: &mut String,
    id: usize,
    folder: &str,
    results: &[&TestResult],
    head: &Head,
    host: &str,
) {
    let counts = Counts::of(results.iter().copied());
    let errors = [Status::Invalid, Status::Refused, Status::Broken].map(|it| counts.at(it));
    let took: u64 = results.iter().map(|result| result.took_ns).sum();
    let name = class(folder);
    let attributes = [
        ("id", id.to_string()),
        ("package", name.clone()),
        ("name", name.clone()),
        ("hostname", host.to_owned()),
        ("timestamp", timestamp(head.began_ns)),
        ("tests", counts.all().to_string()),
        ("failures", counts.at(Status::Failed).to_string()),
        ("errors", errors.iter().sum::<usize>().to_string()),
        ("skipped", counts.at(Status::Skipped).to_string()),
        ("time", seconds(took)),
    ];
    element(xml, "  <testsuite", &attributes, ">\n    <properties>\n");
    for result in results.iter().filter(|it| it.status == Status::Flaky) {
        let attributes = [("name", "flaky".to_owned()), ("value", result.name.clone())];
        element(xml, "      <property", &attributes, "/>\n");
    }
    *xml += "    </properties>\n";
    for result in results {
        case(xml, &name, result);
    }
    *xml += "    <system-out/>\n    <system-err/>\n  </testsuite>\n";
}

fn case(xml: &mut String, class: &str, result: &TestResult) {
    let name = result.name.rsplit('/').next().unwrap_or_default();
    let attributes = [
        ("classname", class.to_owned()),
        ("name", name.to_owned()),
        ("time", seconds(result.took_ns)),
    ];
    let tag = match result.status {
        Status::Passed | Status::Flaky => {
            return element(xml, "    <testcase", &attributes, "/>\n");
        }
        Status::Skipped => "skipped",
        Status::Failed => "failure",
        Status::Invalid | Status::Refused | Status::Broken => "error",
    };
    element(xml, "    <testcase", &attributes, ">\n");
    let first = result.why.first().map_or("", |why| why.text.as_str());
    let mut attributes = vec![("message", first.to_owned())];
    if result.status != Status::Skipped {
        attributes.push(("type", rules(result)));
    }
    element(xml, &format!("      <{tag}"), &attributes, ">");
    let mut text = result.title.clone();
    for Why {
        line, text: why, ..
    } in &result.why
    {
        let place = line.map_or(String::new(), |line| format!(":{line}"));
        let _ = write!(text, "\n{}{place}: {why}", result.path);
    }
    for capture in &result.captures {
        let _ = write!(text, "\nframes: {capture}");
    }
    for log in &result.logs {
        let _ = write!(text, "\nlog: {log}");
    }
    if !result.again.is_empty() {
        let _ = write!(text, "\nagain: {}", result.again);
    }
    let _ = writeln!(
        xml,
        "{}</{tag}>\n    </testcase>",
        escaped(text.trim_start())
    );
}

/// The rules that are broken, else those that the scenario shows; without any, what went wrong in a word.
fn rules(result: &TestResult) -> String {
    let broken: Vec<&str> = result
        .why
        .iter()
        .filter_map(|it| it.rule.as_deref())
        .collect();
    match (broken.is_empty(), result.shows.is_empty()) {
        (false, _) => broken.join(" "),
        (true, false) => result.shows.join(" "),
        (true, true) => result.status.to_string(),
    }
}

/// A folder as build servers group by it: `jackfield.live.slow`.
fn class(folder: &str) -> String {
    let parts = folder.split('/').filter(|part| !part.is_empty());
    let parts = parts.map(|part| part.replace('.', "_"));
    let all: Vec<String> = std::iter::once("jackfield".to_owned())
        .chain(parts)
        .collect();
    all.join(".")
}

fn element(xml: &mut String, open: &str, attributes: &[(&str, String)], close: &str) {
    *xml += open;
    for (name, value) in attributes {
        let _ = write!(xml, " {name}=\"{}\"", escaped(value));
    }
    *xml += close;
}

fn seconds(nanos: u64) -> String {
    format!("{:.3}", nanos as f64 / 1e9)
}

/// Text as it may stand in XML (XML 1.0, sections 2.2 and 2.4). A character that may not stand there becomes `?`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' | '\t' => escaped.push(c),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A date as ISO 8601 in UTC without a zone, as the schema wants it: `2026-11-28T06:44:19`.
fn timestamp(nanos: u64) -> String {
    let secs = nanos / 1_000_000_000;
    let (days, second) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of the Gregorian calendar, of so many days after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (secs, date) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_798_761_599, "2026-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            assert_eq!(timestamp(secs * 1_000_000_000), date);
        }
    }

    #[test]
    fn no_text_breaks_the_document() {
        assert_eq!(
            escaped("a<b> & \"c\"\n\u{1b}[0m\u{0}"),
            "a&lt;b&gt; &amp; &quot;c&quot;\n?[0m?"
        );
        assert_eq!(class(""), "jackfield");
        assert_eq!(class("live/v1.2"), "jackfield.live.v1_2");
    }
}
