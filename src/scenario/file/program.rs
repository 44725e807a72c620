//! The program of a host: what is started, in which environment, and when it is ready.

use super::fields::{Fields, entries};
use super::keys;
use super::value::{Item, any_text, command_word, list, number, text};
use crate::scenario::plan::{HostProgram, Ready};
use crate::scenario::problem::{Problem, Problems};

/// The keys of a `[[host]]` that are about its program; `None` if it has none.
pub(super) fn program(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Option<HostProgram> {
    let given = fields.present(&["environment", "ready"]);
    let command = fields.optional("command", problems, list(command_word));
    let environment = fields.optional("environment", problems, environment);
    let ready = fields.optional("ready", problems, ready);
    let Some(command) = command else {
        for (key, place) in given {
            let message = format!("`{key}` is for a host with a `command`");
            problems.push(Problem::new(&place, message));
        }
        return None;
    };
    if command.value.is_empty() {
        problems.push(Problem::new(&command.span, "the command is empty"));
    }
    Some(HostProgram {
        command: command.value.into_iter().map(|word| word.value).collect(),
        environment: environment.map(|all| all.value).unwrap_or_default(),
        ready: ready.map(|ready| ready.value),
    })
}

fn environment(item: &Item<'_>, problems: &mut Problems) -> Option<Vec<(String, String)>> {
    let mut variables = Vec::new();
    for (name, item) in entries(item, problems) {
        if let Some(value) = any_text(item, problems) {
            variables.push((name.value, value));
        }
    }
    Some(variables)
}

fn ready(item: &Item<'_>, problems: &mut Problems) -> Option<Ready> {
    let mut fields = Fields::of(item, &keys::READY, problems)?;
    let given = fields.present(&["port", "prints"]).len();
    let port = fields.optional("port", problems, number(1, u16::MAX));
    let prints = fields.optional("prints", problems, text);
    if given != 1 {
        let problem = Problem::new(&fields.span, "a program is ready by one thing");
        problems.push(problem.label("needs `port` or `prints`"));
    }
    let port = port.map(|port| Ready::Port(port.value));
    port.or(prints.map(|text| Ready::Prints(text.value)))
}
