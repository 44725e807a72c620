//! What a scenario needs of elements that are programs: the requests that their drivers must know.

use super::plan::{Action, ElementId, Expectation, Operation, Plan, StepKind, What};

/// A request that a step makes of an element outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// Line of the step or the expectation, from 1.
    pub line: usize,
    pub element: ElementId,
    /// Its name ([`crate::controller::Request::NAMES`]).
    pub request: &'static str,
}

/// All of them, in the order of the steps.
pub(super) fn needs(plan: &Plan) -> Vec<Need> {
    let mut needs = Vec::new();
    for step in &plan.steps {
        match &step.kind {
            StepKind::Act(action) => {
                let of_action = of_action(plan, action);
                needs.extend(of_action.into_iter().map(|(element, request)| Need {
                    line: step.line,
                    element,
                    request,
                }));
            }
            StepKind::Expect { expectations, .. } => {
                needs.extend(expectations.iter().flat_map(of_expectation));
            }
        }
    }
    needs.retain(|need| plan.elements[need.element.0].outside.is_some());
    needs
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "no other action is an administrator's"
)]
fn of_action(plan: &Plan, action: &Action) -> Vec<(ElementId, &'static str)> {
    match action {
        // Whoever is synchronised takes part: the numbers come over the trunk protocol.
        Action::Administer {
            operation: operation @ Operation::Synchronise {},
            ..
        } => {
            let all = (0..plan.elements.len()).map(ElementId);
            all.map(|element| (element, operation.name())).collect()
        }
        Action::Administer { at, operation } => at
            .iter()
            .map(|element| (*element, operation.name()))
            .collect(),
        Action::MoveDns { from, to, .. } => vec![(*from, "give-dn"), (*to, "take-dn")],
        // No driver knows it: what a program says on its connections is its own.
        Action::Say(say) => say.by.map(|element| (element, "say")).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn of_expectation(expectation: &Expectation) -> Vec<Need> {
    let of = |element: ElementId, request| Need {
        line: expectation.line,
        element,
        request,
    };
    match expectation.what {
        What::Mapped { element, .. } | What::Remote { element, .. } => {
            vec![of(element, "show-forms")]
        }
        // Both ends speak the trunk protocol, or the trunk is never up.
        What::Trunk { element, to, .. } => vec![
            of(element, "show-trunks"),
            of(element, "synchronise"),
            of(to, "synchronise"),
        ],
        What::Phone { .. } | What::Frames(_) | What::Program { .. } => Vec::new(),
    }
}
