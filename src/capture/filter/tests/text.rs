//! The language: what is refused and how it is said, and that no text and no bytes lead to a panic.

use std::fmt::Write;
use std::path::Path;

use proptest::prelude::*;

use super::super::{Dissector, FIELDS, Filter, Kind};
use super::frames;

#[test]
fn a_refusal_names_the_place_and_what_may_have_been_meant() {
    let mut told =
        "# Filters that are refused: the place, and why (src/capture/filter).\n".to_owned();
    for text in include_str!("refused.txt").lines() {
        let error = Filter::parse(text).expect_err(text);
        let marks = "^".repeat(error.span.len().max(1));
        let start = error.span.start;
        write!(told, "\n{text}\n{:start$}{marks} {error}\n", "").unwrap();
    }
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/golden/filter_errors.txt"
    );
    let golden = snapbox::Data::read_from(Path::new(golden), None).raw();
    snapbox::Assert::new()
        .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
        .eq(told, golden);
}

#[test]
fn the_guide_shows_the_table_of_fields() {
    let mut table = "| field | values | meaning |\n|---|---|---|\n".to_owned();
    for row in FIELDS {
        let values = match row.kind {
            Kind::Protocol => "protocol".to_owned(),
            Kind::Number { bits } => format!("number, {bits} bits"),
            Kind::Flag => "true or false".to_owned(),
            Kind::Mac => "MAC address".to_owned(),
            Kind::Ipv4 => "IPv4 address".to_owned(),
            Kind::Text => "text".to_owned(),
        };
        writeln!(table, "| `{}` | {values} | {} |", row.name, row.meaning).unwrap();
    }
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/filters.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    assert!(guide.contains(&table), "docs/filters.md lacks:\n{table}");
}

#[test]
fn every_example_of_the_guide_is_a_filter() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/filters.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let examples = guide.split("```filter\n").skip(1);
    let examples: Vec<&str> = examples
        .filter_map(|rest| rest.split("```").next())
        .flat_map(str::lines)
        .collect();
    assert!(examples.len() >= 10);
    for text in examples {
        Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for opening in ["(", "!", "not ", "!("] {
        let error = Filter::parse(&opening.repeat(100_000)).unwrap_err();
        assert_eq!(error.problem, "nests deeper than 50");
    }
}

#[test]
fn a_long_chain_is_a_filter() {
    let chain = vec!["arp"; 10_000].join(" && ");
    let filter = Filter::parse(&chain).unwrap();
    let mut dissector = Dissector::new();
    assert!(!filter.matches(dissector.dissect("hq", &[])));
}

/// Words that filters are made of, well and badly put together.
fn soup() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        (0..FIELDS.len()).prop_map(|row| FIELDS[row].name.to_owned()),
        prop::sample::select(
            &[
                "==",
                "!=",
                "<",
                ">=",
                "eq",
                "&&",
                "||",
                "!",
                "and",
                "or",
                "not",
                "in",
                "contains",
                "(",
                ")",
                "{",
                "}",
                ",",
                "..",
                "[0:3]",
                "[-1]",
                "[",
                "]",
                "1",
                "0x10",
                "true",
                "10.1.0.1",
                "10.0.0.0/8",
                "08:00:0f",
                "08:00:0f:00:00:01",
                "\"text\"",
                "\"",
                "é",
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(word, 0..8).prop_map(|words| words.join(" "))
}

/// A well-formed frame with some bytes changed, perhaps cut short.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let frame = prop::sample::select(frames::all());
    (frame, changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut frame, changes, end, whole)| {
            if !frame.is_empty() {
                for (at, byte) in changes {
                    let at = at.index(frame.len());
                    frame[at] = byte;
                }
                if !whole {
                    frame.truncate(end.index(frame.len()));
                }
            }
            frame
        },
    )
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_an_error_within_it(text in prop_oneof![soup(), any::<String>()]) {
        match Filter::parse(&text) {
            Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
            Err(error) => prop_assert!(text.get(error.span).is_some()),
        }
    }

    #[test]
    fn any_bytes_can_be_dissected(
        frames in prop::collection::vec(
            prop_oneof![prop::collection::vec(any::<u8>(), 0..200), damaged()],
            1..8,
        ),
        text in soup(),
    ) {
        let filter = Filter::parse(&text);
        let mut dissector = Dissector::new();
        for frame in frames {
            let fields = dissector.dissect("hq", &frame);
            if let Ok(filter) = &filter {
                filter.matches(fields);
            }
        }
    }
}
