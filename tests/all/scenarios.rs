//! Every shipped scenario passes, whatever the seed, and is the same run each time.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::support::{RUNS, Ran, SHIPPED, Shipped, blessing, files, first_difference};

#[test]
fn every_scenario_passes() {
    assert_passed(RUNS.iter().map(|(shipped, ran)| (*shipped, ran)));
}

#[test]
fn every_scenario_passes_with_another_seed() {
    for (shipped, _) in RUNS.iter() {
        let seed = shipped.plan.seed.wrapping_add(77);
        let again = shipped.run(seed);
        assert_passed([(*shipped, &again)]);
    }
}

#[test]
fn a_scenario_runs_the_same_each_time() {
    for (shipped, first) in RUNS.iter() {
        let name = &shipped.name;
        let second = shipped.run(shipped.plan.seed);
        if let Some((line, (first, second))) = first_difference(&first.report, &second.report) {
            panic!("{name}: line {line} of the report:\n  {first}\n  {second}");
        }
        assert_eq!(first.outcome, second.outcome, "{name}");
        assert_same_bytes(name, &first.capture, &second.capture);
    }
}

/// The shipped scenarios whose captures are committed: small ones, that people look up first.
const REFERENCES: &[&str] = &["first-registration", "move-to-proxy-arp", "subnet-move"];

#[test]
fn a_fresh_run_reproduces_the_reference_captures() {
    let folder = Path::new("captures/reference");
    for (shipped, ran) in RUNS
        .iter()
        .filter(|(it, _)| REFERENCES.contains(&it.name.as_str()))
    {
        let path = folder.join(&shipped.name).with_extension("pcapng");
        if blessing() {
            fs::create_dir_all(folder).unwrap();
            fs::write(&path, &ran.capture).unwrap();
        }
        assert_same_bytes(&shipped.name, &fs::read(&path).unwrap(), &ran.capture);
        let size = ran.capture.len();
        assert!(
            size <= REFERENCE_BYTES_MAX,
            "{}: {size} bytes",
            shipped.name
        );
    }
    let committed = files("captures/reference", "pcapng");
    let names = committed
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), REFERENCES);
}

/// A reference capture is in every clone: it has to stay small.
const REFERENCE_BYTES_MAX: usize = 700 << 10;

/// A reader finds a scenario by the rules that it shows, and a rule in `docs/rules.md`.
#[test]
fn every_scenario_names_the_rules_that_it_shows_once_each() {
    let rules = fs::read_to_string("docs/rules.md").unwrap();
    for Shipped { name, plan, .. } in SHIPPED.iter() {
        let once: BTreeSet<&String> = plan.shows.iter().collect();
        assert_eq!(once.len(), plan.shows.len(), "{name}: {:?}", plan.shows);
        for rule in once {
            assert!(
                rules.contains(&format!("| {rule} |")),
                "docs/rules.md lacks {rule}"
            );
        }
        assert!(plan.expectations() > 0, "{name} expects nothing");
    }
}

fn assert_passed<'a>(runs: impl IntoIterator<Item = (&'a Shipped, &'a Ran)>) {
    let failed: Vec<String> = runs
        .into_iter()
        .filter(|(shipped, ran)| !ran.outcome.passed() || is_cut_short(shipped, ran))
        .map(|(shipped, ran)| format!("{}:\n{}", shipped.path.display(), ran.report))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Whether a run ended before its last expectation was looked at.
fn is_cut_short(shipped: &Shipped, ran: &Ran) -> bool {
    ran.outcome.verdicts.len() != shipped.plan.expectations()
}

fn assert_same_bytes(name: &str, a: &[u8], b: &[u8]) {
    let at = a.iter().zip(b).position(|(a, b)| a != b);
    if let Some(at) = at {
        panic!("{name}: the captures differ from byte {at} on");
    }
    assert_eq!(a.len(), b.len(), "{name}: one capture goes on");
}
