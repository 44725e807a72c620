//! The timeline in words.

use std::fmt::{self, Write};

use super::show_duration;
use crate::scenario::plan::{Action, Expectation, Plan, Since, Step, StepKind, What, When};

pub(super) fn write(out: &mut String, plan: &Plan) -> fmt::Result {
    if !plan.steps.is_empty() {
        writeln!(out)?;
    }
    for (i, step) in plan.steps.iter().enumerate() {
        let Step { line, note, kind } = step;
        let what = match kind {
            StepKind::Act(act) => action(plan, act),
            StepKind::Expect { when, .. } => format!("expect {when}"),
        };
        writeln!(out, "step {} (line {line}): {what}", i + 1)?;
        if let Some(note) = note {
            writeln!(out, "  note      {note}")?;
        }
        if let StepKind::Expect { when, expectations } = kind {
            write_expectations(out, plan, expectations, *when)?;
        }
    }
    Ok(())
}

/// Of phones that are expected to count only the first and the last are shown.
fn write_expectations(
    out: &mut String,
    plan: &Plan,
    all: &[Expectation],
    when: When,
) -> fmt::Result {
    for alike in all.chunk_by(counts_on) {
        let ends: &[&Expectation] = match alike {
            [first, _, .., last] => &[first, last],
            [first, last] => &[first, last],
            [one] => &[one],
            [] => &[],
        };
        for expectation in ends {
            let what = expected(plan, &expectation.what, when);
            writeln!(out, "  line {}: {what}", expectation.line)?;
        }
        if alike.len() > 2 {
            let line = alike[0].line;
            writeln!(
                out,
                "  line {line}: and so on, {} phones in all",
                alike.len()
            )?;
        }
    }
    Ok(())
}

/// Whether the second is of the phone that follows the first one's, and from the same place of the file.
fn counts_on(before: &Expectation, after: &Expectation) -> bool {
    let what = (&before.what, &after.what);
    let (What::Phone { phones: a, is: x }, What::Phone { phones: b, is: y }) = what else {
        return false;
    };
    let follows = matches!((a.as_slice(), b.as_slice()), ([a], [b]) if a.0 + 1 == b.0);
    follows && before.line == after.line && std::mem::discriminant(x) == std::mem::discriminant(y)
}

/// The action in words, and what a report leaves out of it.
fn action(plan: &Plan, action: &Action) -> String {
    let what = action.describe(plan);
    if let Action::PowerUp { over, .. } = action {
        return format!("{what}, over {}", show_duration(*over));
    }
    let Action::Exec(exec) = action else {
        return what;
    };
    let prints = exec
        .prints
        .iter()
        .map(|text| format!(", prints \"{text}\""));
    format!(
        "{what}: ends within {} with status {}{}",
        show_duration(exec.within),
        exec.status,
        prints.collect::<String>()
    )
}

/// The expectation in words, and the defaults that a report leaves out of it.
fn expected(plan: &Plan, what: &What, when: When) -> String {
    let words = what.describe(plan, when);
    let What::Frames(frames) = what else {
        return words;
    };
    let on = match frames.on {
        Some(_) => "",
        None => ", on all subnets",
    };
    let since = match frames.since {
        Since::LastAction => ", since the last action",
        Since::Start => "",
    };
    format!("{words}{on}{since}")
}
