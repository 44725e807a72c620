//! The reference controller with each of its faults: a scenario that shows the rule fails, and its report names the rule.

use std::fmt::Write as _;

use jackfield::scenario::Outcome;
use jackfield::scenario::plan::{ElementFault, Plan};

use super::support::{Ran, SHIPPED, Shipped, assert_golden};

#[test]
fn each_fault_fails_a_scenario_of_its_rule_whose_report_names_the_rule() {
    let mut table = String::from(TABLE_HEAD);
    let mut missed = Vec::new();
    for fault in ElementFault::all() {
        let Some((shipped, ran)) = caught(fault) else {
            missed.push(format!("{fault} ({})", fault.rule()));
            continue;
        };
        let named = format!("\n  {:<6} ", fault.rule());
        assert!(ran.report.contains(&named), "{fault}:\n{}", ran.report);
        let (does, rule, name) = (fault.does(), fault.rule(), &shipped.name);
        let path = shipped.path.display();
        let said = first_failure(&ran.outcome, &shipped.plan);
        writeln!(
            table,
            "| `{fault}` | {does} | {rule} | [{name}](../{path}) | {said} |"
        )
        .unwrap();
    }
    assert!(missed.is_empty(), "no scenario notices {missed:?}");
    assert_golden("docs/faulty-builds.md", &table);
}

/// The first scenario that fails with this fault in all its elements, of those that show its rule; the smallest
/// are tried first.
fn caught(fault: ElementFault) -> Option<(&'static Shipped, Ran)> {
    let shows = |it: &&Shipped| it.plan.shows.iter().any(|rule| rule == fault.rule());
    let mut showing: Vec<&Shipped> = SHIPPED
        .iter()
        .filter(|it| !it.is_live())
        .filter(shows)
        .collect();
    showing.sort_by_key(|it| (it.plan.phones.len(), it.plan.elements.len()));
    showing.into_iter().find_map(|shipped| {
        let mut plan = shipped.plan.clone();
        for element in &mut plan.elements {
            element.fault = Some(fault);
        }
        let ran = shipped.run_as(&plan);
        (!ran.outcome.passed()).then_some((shipped, ran))
    })
}

/// What a report says first of what went wrong, as a cell of a table.
fn first_failure(outcome: &Outcome, plan: &Plan) -> String {
    let failed = outcome.verdicts.iter().find(|it| !it.passed);
    let said = match (&outcome.violation, failed, &outcome.stopped) {
        (Some(violation), ..) => {
            let set = violation.set.map_or("", |set| &plan.phones[set.0].name);
            format!("{set} {}", violation.what)
        }
        (None, Some(it), _) => format!("{}: {}; found {}", it.when, it.expected, it.found),
        (None, None, Some(stopped)) => stopped.reason.clone(),
        (None, None, None) => panic!("it passed"),
    };
    format!("`` {} ``", said.trim().replace('|', "\\|"))
}

const TABLE_HEAD: &str = "\
# Faulty builds

The reference controller can be started with a fault: a mistake that a controller build may well have. So a suite of
scenarios shows that it notices, and a reader sees what a failure looks like.

```sh
jackfield run fixtures/scenarios/replace-a-phone.toml --fault keeps-the-old-mac
jackfield run fixtures/scenarios/subnet-move.toml --fault mivb-b=redirects-to-itself
```

`jackfield faults` lists them. Each breaks one rule of [rules.md](rules.md); below is the smallest scenario of that rule that
fails when all its elements have the fault, and what its report says first of what went wrong. A test writes this table, and
fails if a fault is noticed by no scenario of its rule, or the report does not name the rule.

No fault is: a message that is spread over many segments, or shares one with others. Sets have to read both (PR-1). A
length that is wrong is one.

| fault | what the element does | rule | caught by | what the report says |
| --- | --- | --- | --- | --- |
";
