//! Tests of the warnings. Each file of `fixtures/lint` has its warnings beside it; `BLESS=1` writes those anew.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::*;
use crate::scenario::{Scenario, readable_firmware};

#[test]
fn each_condition_is_told_with_its_place_its_effect_and_its_mend() {
    let mut told = BTreeSet::new();
    for path in fixtures() {
        let text = fs::read_to_string(&path).unwrap();
        let shown = path.file_name().unwrap().to_str().unwrap();
        let warnings = warnings_of(&text);
        for warning in warnings.iter() {
            told.insert(warning.id);
            assert!(!warning.effect.is_empty(), "{shown}");
            assert!(warning.problem.help.is_some(), "{shown}: {warning:?}");
        }
        let golden = path.with_extension("txt");
        let found = warnings.render(shown, &text, false);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(found, expected, "{}", golden.display());
    }
    assert_eq!(told, all_ids());
}

#[test]
fn what_a_file_allows_is_not_told() {
    for path in fixtures() {
        let text = fs::read_to_string(&path).unwrap();
        let shown = path.display();
        let ids: BTreeSet<&str> = warnings_of(&text).iter().map(|it| it.id).collect();
        if ids.contains(warning::STALE_ALLOW) {
            continue;
        }
        let (title, rest) = text.split_once('\n').unwrap();
        let allowed = format!("{title}\nallow = {}\n{rest}", list(&ids));
        assert!(warnings_of(&allowed).is_empty(), "{shown}");
    }
}

#[test]
fn the_documented_warnings_are_those_that_are_given() {
    let text = fs::read_to_string("docs/warnings.md").unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let ids = rows.filter_map(|row| Some(row.split_once(" |")?.0));
    let documented: BTreeSet<&str> = ids.filter(|id| !["id", "---"].contains(id)).collect();
    assert_eq!(documented, all_ids());
}

fn all_ids() -> BTreeSet<&'static str> {
    let stale = std::iter::once(warning::STALE_ALLOW);
    ALLOWABLE.iter().copied().chain(stale).collect()
}

fn warnings_of(text: &str) -> Warnings {
    let scenario = Scenario::read(text)
        .unwrap_or_else(|problems| panic!("{}", problems.render("test", text, false)));
    let nothing = |_: &str| Err(io::ErrorKind::NotFound.into());
    scenario.warnings(&readable_firmware(&scenario.plan, nothing))
}

fn list(ids: &BTreeSet<&str>) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

fn fixtures() -> Vec<PathBuf> {
    let entries = fs::read_dir("fixtures/lint").unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == "toml"));
    paths.sort();
    paths
}
