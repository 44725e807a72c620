//! Faults on request: which there are, and which element of a plan has one (`docs/faulty-builds.md`).

use std::fmt::Write as _;

use super::exit::Exit;
use super::print;
use crate::scenario::plan::{ElementFault, Plan};

/// Lists every fault, the rule that it breaks, and what it does.
pub(super) fn faults() -> Exit {
    let width = ElementFault::all().map(|fault| fault.name().len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for fault in ElementFault::all() {
        let (name, rule) = (fault.name(), fault.rule());
        let _ = writeln!(text, "{name:<width$}  {rule:<5}  {}", fault.does());
    }
    print(&text);
    Exit::Passed
}

/// What `[ELEMENT=]NAME` asks for: the element, if it names one, and its fault.
///
/// # Errors
/// There is no such fault.
pub(super) fn read(text: &str) -> Result<(Option<&str>, ElementFault), String> {
    let (at, name) = match text.split_once('=') {
        Some((at, name)) => (Some(at), name),
        None => (None, text),
    };
    let fault = name.parse::<ElementFault>();
    Ok((at, fault.map_err(|why| why.to_string())?))
}

/// Gives elements of a plan what was asked for: `ELEMENT=NAME`, or `NAME` for all of them.
///
/// # Errors
/// There is no such fault, or no such element.
pub(super) fn place(plan: &mut Plan, asked: &[String]) -> Result<(), String> {
    for text in asked {
        let (at, fault) = read(text).map_err(|why| format!("--fault {text}: {why}"))?;
        let elements = plan.elements.iter_mut();
        let mut here = elements
            .filter(|it| at.is_none_or(|at| it.name == at))
            .peekable();
        if here.peek().is_none() {
            let what = at.map_or("no element".to_owned(), |at| format!("no element `{at}`"));
            return Err(format!("--fault {text}: the scenario has {what}"));
        }
        here.for_each(|element| element.fault = Some(fault));
    }
    Ok(())
}
