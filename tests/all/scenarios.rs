//! Every shipped scenario passes, whatever the seed, and is the same run each time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use jackfield::scenario::plan::ElementFault;
use jackfield::time::Instant;

use super::support::{
    RUNS, Ran, SHIPPED, Shipped, assert_golden, blessing, files, first_difference,
};

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

/// Live a scenario takes the time that it tells of.
#[test]
fn scenarios_that_take_longer_than_a_minute_are_listed() {
    let longer = RUNS.iter().filter(|(_, ran)| ran.is_long());
    let mut longer: Vec<_> = longer
        .map(|(it, ran)| (ran.outcome.ended, it.name.as_str()))
        .collect();
    longer.sort_unstable();
    let mut table = String::from(LONG_HEAD);
    for (ended, name) in longer {
        let minutes = ended.since(Instant::ZERO).as_secs().div_ceil(60);
        let link = format!("[{name}](../fixtures/scenarios/{name}.toml)");
        let _ = writeln!(table, "| {link} | {minutes} |");
    }
    assert_golden("docs/live-long.md", &table);
}

const LONG_HEAD: &str = "\
# Scenarios that take longer than a minute

Live they take the time that they tell of, which is why no test runs them so. `scripts/live-suite` does, all beside each
other, up to a length that it is given. A test writes this table.

| scenario | minutes, begun |
| --- | --- |
";

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

/// Each rule has a scenario that shows it; `docs/rules-shown.md` says which.
#[test]
fn every_rule_is_shown_by_a_scenario() {
    let rules = fs::read_to_string("docs/rules.md").unwrap();
    let (rules, _) = rules.split_once("\n## What every run").unwrap();
    let is_id = |word: &&str| {
        let number = word.split_once('-').map(|(_, number)| number.parse::<u8>());
        matches!(number, Some(Ok(_)))
    };
    let ids: Vec<&str> = (rules.lines())
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(is_id)
        .collect();
    let broken = patches();
    let mut table = String::from(TABLE_HEAD);
    let (mut without, mut unbroken) = (Vec::new(), Vec::new());
    for id in ids {
        let showing = SHIPPED
            .iter()
            .filter(|it| it.plan.shows.iter().any(|rule| rule == id));
        let links: Vec<String> = showing
            .map(|it| format!("[{}](../{})", it.name, it.path.display()))
            .collect();
        if links.is_empty() {
            without.push(id);
        }
        let patches = broken.iter().filter(|rule| *rule == id).count();
        let faults = ElementFault::all().filter(|it| it.rule() == id).count();
        if patches + faults == 0 {
            unbroken.push(id);
        }
        let scenarios = links.join(", ");
        table.push_str(&format!("| {id} | {scenarios} | {patches} | {faults} |\n"));
    }
    assert_golden("docs/rules-shown.md", &table);
    assert!(without.is_empty(), "no scenario shows {without:?}");
    assert!(unbroken.is_empty(), "nothing breaks {unbroken:?}");
}

const TABLE_HEAD: &str = "\
# Rules and the scenarios that show them

For each rule of [rules.md](rules.md): the scenarios whose `shows` names it, all of which pass; in how many ways
`scripts/break-rules` breaks it to see that they notice ([rules-broken.md](rules-broken.md)); and how many faults that the
reference controller can be started with break it ([faulty-builds.md](faulty-builds.md)). A test writes this table, and fails if
a rule has no scenario, or nothing breaks it.

| rule | scenarios | patches | faults |
| --- | --- | --- | --- |
";

/// The rule that each patch of `fixtures/mutants` breaks.
fn patches() -> Vec<String> {
    let heads = files("fixtures/mutants", "patch").into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let rule = text
            .strip_prefix("# ")
            .and_then(|head| head.split(" | ").next());
        rule.unwrap_or_else(|| panic!("{}: no rule", path.display()))
            .to_owned()
    });
    heads.collect()
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
