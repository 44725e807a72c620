//! The timeline: what is done, and what is expected.

use std::time::Duration;

use toml::de::DeValue;

use super::admin::{Admin, admin};
use super::dns::{SetRecord, set_record};
use super::expect::{Expect, expect};
use super::faults::{Trouble, trouble};
use super::fields::Fields;
use super::send::{Send, send};
use super::value::{Item, command_word, list, number, of, one_or_more, parsed, text, word};
use super::{At, keys};
use crate::scenario::plan::When;
use crate::scenario::problem::{Problem, Problems, Span};
use crate::scenario::units;

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) span: Span,
    pub(crate) note: Option<String>,
    pub(crate) kind: Option<StepKind>,
}

#[derive(Debug)]
pub(crate) enum StepKind {
    Act(Action),
    Expect { when: When, expect: Vec<Expect> },
}

/// Names of phones or groups.
type Names = Vec<At<String>>;

#[derive(Debug)]
pub(crate) enum Action {
    PowerUp {
        phones: Names,
        holding_star: bool,
        over: Duration,
    },
    PowerDown(Names),
    Move {
        phones: Names,
        to: At<String>,
    },
    Unplug(Names),
    Plug(Names),
    EnterPin {
        phone: At<String>,
        pin: At<String>,
    },
    Wait(Duration),
    Stop(At<String>),
    Start(At<String>),
    Kill(At<String>),
    SetRecord(SetRecord),
    Exec(Exec),
    Admin(Admin),
    Trouble(Trouble),
    Send(Box<Send>),
}

#[derive(Debug)]
pub(crate) struct Exec {
    pub(crate) host: At<String>,
    pub(crate) command: Vec<String>,
    pub(crate) status: i32,
    pub(crate) prints: Vec<String>,
    pub(crate) within: Duration,
}

pub(super) fn step(item: &Item<'_>, problems: &mut Problems) -> Option<Step> {
    let mut fields = Fields::of(item, &keys::STEP, problems)?;
    let note = fields.optional("note", problems, text);
    let mut parts = fields.present(&keys::actions());
    parts.extend(fields.present(&["expect"]));
    parts.sort_by_key(|(_, place)| place.start);
    let kind = match parts.as_slice() {
        [] if !fields.unknown.is_empty() => None,
        [] => {
            let problem = Problem::new(&fields.span, "this step does nothing and expects nothing");
            let actions = keys::actions().join(", ");
            problems.push(problem.help(format!("a step has one of {actions}, or `expect`")));
            None
        }
        [("expect", _)] => expectation(&mut fields, problems),
        [(key, _)] => {
            refuse_times(&fields, problems);
            action(key, &mut fields, problems).map(StepKind::Act)
        }
        [(first, place), (second, other), ..] => {
            let message =
                format!("a step has one action or `expect`: this has `{first}` and `{second}`");
            let problem = Problem::new(other, message).context(place, "the first");
            problems.push(problem.help("make two steps of it".to_owned()));
            None
        }
    };
    Some(Step {
        span: fields.span,
        note: note.map(|note| note.value),
        kind,
    })
}

const TIMES: &[&str] = &["within", "throughout", "never"];

/// Only expectations take time.
fn refuse_times(fields: &Fields<'_, '_>, problems: &mut Problems) {
    for (key, place) in fields.present(TIMES) {
        let message = format!("`{key}` belongs to a step with `expect`");
        problems.push(Problem::new(&place, message));
    }
}

fn action(key: &str, fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Option<Action> {
    let (_, item) = fields.take(key)?;
    let phones = |problems: &mut Problems| one_or_more(text)(item, problems);
    let name = |problems: &mut Problems| Some(At::new(text(item, problems)?, item.span()));
    match key {
        "power-up" => power_up(item, problems),
        "power-down" => phones(problems).map(Action::PowerDown),
        "unplug" => phones(problems).map(Action::Unplug),
        "plug" => phones(problems).map(Action::Plug),
        "move" => moved(item, problems),
        "enter-pin" => enter_pin(item, problems),
        "wait" => parsed(item, problems, units::duration).map(Action::Wait),
        "stop" => name(problems).map(Action::Stop),
        "start" => name(problems).map(Action::Start),
        "kill" => name(problems).map(Action::Kill),
        "set-record" => set_record(item, problems).map(Action::SetRecord),
        "exec" => exec(item, problems).map(Action::Exec),
        "send" => send(item, problems).map(Box::new).map(Action::Send),
        "fault" | "end-fault" | "flap" | "change-file" | "jump-lease-clock" => {
            trouble(key, item, problems).map(Action::Trouble)
        }
        key => admin(key, item, problems).map(Action::Admin),
    }
}

/// Phones, or a table of phones and how they are powered up.
fn power_up(item: &Item<'_>, problems: &mut Problems) -> Option<Action> {
    if !matches!(item.get_ref(), DeValue::Table(_)) {
        return one_or_more(text)(item, problems).map(|phones| Action::PowerUp {
            phones,
            holding_star: false,
            over: Duration::ZERO,
        });
    }
    let mut fields = Fields::of(item, &keys::POWER_UP, problems)?;
    let phones = fields.required("phones", problems, one_or_more(text));
    let holding = fields.optional("holding", problems, word(&[("*", true)]));
    let over = fields.optional("over", problems, of(units::duration));
    Some(Action::PowerUp {
        phones: phones?.value,
        holding_star: holding.is_some(),
        over: over.map_or(Duration::ZERO, |over| over.value),
    })
}

fn moved(item: &Item<'_>, problems: &mut Problems) -> Option<Action> {
    let mut fields = Fields::of(item, &keys::MOVE, problems)?;
    let given = fields.present(&["phone", "phones"]);
    let one = fields.optional("phone", problems, one_or_more(text));
    let many = fields.optional("phones", problems, one_or_more(text));
    let to = fields.required("to", problems, text);
    match given.as_slice() {
        [] => {
            let problem = Problem::new(&fields.span, "move has no `phone`");
            problems.push(problem.label("needs `phone` or `phones`"));
        }
        [_] => {}
        [_, (_, second), ..] => {
            let message = "give `phone` or `phones`, not both";
            problems.push(Problem::new(second, message));
        }
    }
    Some(Action::Move {
        phones: one.or(many)?.value,
        to: to?,
    })
}

fn enter_pin(item: &Item<'_>, problems: &mut Problems) -> Option<Action> {
    let mut fields = Fields::of(item, &keys::ENTER_PIN, problems)?;
    let phone = fields.required("phone", problems, text);
    let pin = fields.required("pin", problems, text);
    Some(Action::EnterPin {
        phone: phone?,
        pin: pin?,
    })
}

fn exec(item: &Item<'_>, problems: &mut Problems) -> Option<Exec> {
    /// Enough for a DHCP client; a command that takes longer says so.
    const WITHIN: Duration = Duration::from_secs(20);
    let mut fields = Fields::of(item, &keys::EXEC, problems)?;
    let host = fields.required("host", problems, text);
    let command = fields.required("command", problems, list(command_word));
    let status = fields.optional("status", problems, number(0, 255));
    let prints = fields.optional("prints", problems, one_or_more(text));
    let within = fields.optional("within", problems, of(units::duration));
    let command = command?;
    if command.value.is_empty() {
        problems.push(Problem::new(&command.span, "the command is empty"));
    }
    let texts = |list: Names| list.into_iter().map(|text| text.value).collect();
    Some(Exec {
        host: host?,
        command: texts(command.value),
        status: status.map_or(0, |status| status.value),
        prints: prints.map(|prints| texts(prints.value)).unwrap_or_default(),
        within: within.map_or(WITHIN, |within| within.value),
    })
}

fn expectation(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Option<StepKind> {
    let times = fields.present(TIMES);
    let within = fields.optional("within", problems, of(units::duration));
    let throughout = fields.optional("throughout", problems, of(units::duration));
    let never = fields.optional("never", problems, of(units::duration));
    if let [(first, place), (second, other), ..] = times.as_slice() {
        let message = format!("an expectation has one time: this has `{first}` and `{second}`");
        problems.push(Problem::new(other, message).context(place, "the first"));
    }
    let when = match (within, throughout, never) {
        (Some(time), _, _) => When::Within(time.value),
        (_, Some(time), _) => When::Throughout(time.value),
        (_, _, Some(time)) => When::Never(time.value),
        (None, None, None) => When::Now,
    };
    let (_, item) = fields.take("expect")?;
    let expect = expect(item, problems);
    Some(StepKind::Expect { when, expect })
}
