//! Faults in the timeline: what is done to frames and cables.

use std::time::Duration;

use super::fields::Fields;
use super::value::{Item, boolean, number, of, one_or_more, text, word};
use super::{At, keys};
use crate::scenario::plan::{Bitrate, Burst, Corruption, Impairment, Probability};
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::units;

/// What goes wrong, on the cables of these stations.
#[derive(Debug)]
pub(crate) enum Trouble {
    Fault(Box<Fault>),
    EndFault(At<String>),
    Flap(Flap),
    ChangeFile {
        server: At<String>,
        file: At<String>,
        change: FileChange,
    },
    JumpLeaseClock {
        server: At<String>,
        by: Duration,
    },
}

/// What becomes of a file that is served.
#[derive(Debug, Clone)]
pub(crate) enum FileChange {
    CutTo(usize),
    Made { version: String, bytes: usize },
}

#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) name: At<String>,
    pub(crate) on: On,
    pub(crate) from: bool,
    pub(crate) to: bool,
    pub(crate) does: Impairment,
    pub(crate) lasts: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Flap {
    pub(crate) on: On,
    pub(crate) times: u32,
    pub(crate) down: Duration,
    pub(crate) up: Duration,
}

/// Names of stations, groups and subnets, and the subnet that alone is meant.
#[derive(Debug)]
pub(crate) struct On {
    pub(crate) names: Vec<At<String>>,
    pub(crate) at: Option<At<String>>,
}

/// The action of this key, if it is a fault.
pub(super) fn trouble(key: &str, item: &Item<'_>, problems: &mut Problems) -> Option<Trouble> {
    match key {
        "fault" => fault(item, problems).map(Box::new).map(Trouble::Fault),
        "end-fault" => text(item, problems)
            .map(|name| At::new(name, item.span()))
            .map(Trouble::EndFault),
        "flap" => flap(item, problems).map(Trouble::Flap),
        "change-file" => change_file(item, problems),
        "jump-lease-clock" => {
            let mut fields = Fields::of(item, &keys::JUMP_LEASE_CLOCK, problems)?;
            let server = fields.required("server", problems, text);
            let by = fields.required("by", problems, of(units::duration));
            Some(Trouble::JumpLeaseClock {
                server: server?,
                by: by?.value,
            })
        }
        _ => None,
    }
}

/// Keys of a fault that do not say what it does.
const WHERE_AND_WHEN: &[&str] = &["name", "on", "at", "direction", "for"];

fn fault(item: &Item<'_>, problems: &mut Problems) -> Option<Fault> {
    let mut fields = Fields::of(item, &keys::FAULT, problems)?;
    let name = fields.required("name", problems, text);
    let on = on(&mut fields, problems);
    let ways = word(&[
        ("from", (true, false)),
        ("to", (false, true)),
        ("both", (true, true)),
    ]);
    let (from, to) = fields
        .optional("direction", problems, ways)
        .map_or((true, true), |ways| ways.value);
    let lasts = fields.optional("for", problems, of(units::duration));
    // All else has been read by now.
    if fields.present(keys::FAULT.keys).is_empty() && fields.unknown.is_empty() {
        let does = keys::FAULT.keys.iter().copied();
        let does: Vec<&str> = does.filter(|key| !WHERE_AND_WHEN.contains(key)).collect();
        let problem = Problem::new(&fields.span, "this fault does nothing");
        problems.push(problem.help(format!("give it one of {}", does.join(", "))));
    }
    let does = impairment(&mut fields, problems);
    Some(Fault {
        name: name?,
        on: on?,
        from,
        to,
        does,
        lasts: lasts.map(|time| time.value),
    })
}

fn impairment(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Impairment {
    let mut share = |key: &str, problems: &mut Problems| {
        let value = fields.optional(key, problems, of(units::probability));
        value.map_or(Probability::default(), |it| it.value)
    };
    let loss = share("loss", problems);
    let duplicate = share("duplicate", problems);
    let mut time = |key: &str, problems: &mut Problems| {
        let value = fields.optional(key, problems, of(units::duration));
        value.map(|it| it.value)
    };
    let delay = time("delay", problems);
    let jitter = time("jitter", problems);
    let reorder = fields.optional("reorder", problems, boolean);
    if let (Some(reorder), None) = (&reorder, jitter) {
        let message = "`reorder` says what `jitter` may do, and there is none";
        problems.push(Problem::new(&reorder.span, message));
    }
    let burst = fields.optional("burst", problems, burst);
    let corrupt = fields.optional("corrupt", problems, corruption);
    let rate = fields.optional("rate", problems, of(units::rate));
    let queue = fields.optional("queue", problems, of(units::size));
    Impairment {
        loss,
        burst: burst.map(|it| it.value),
        delay: delay.unwrap_or_default(),
        jitter: jitter.unwrap_or_default(),
        reorder: reorder.is_some_and(|it| it.value),
        duplicate,
        corrupt: corrupt.map(|it| it.value),
        rate: rate.and_then(|it| it.value).map(Bitrate),
        queue_bytes_max: queue.map(|it| it.value),
    }
}

fn burst(item: &Item<'_>, problems: &mut Problems) -> Option<Burst> {
    let mut fields = Fields::of(item, &keys::BURST, problems)?;
    let begins = fields.required("begins", problems, of(units::probability));
    let ends = fields.required("ends", problems, of(units::probability));
    let loss = fields.optional("loss", problems, of(units::probability));
    Some(Burst {
        begins: begins?.value,
        ends: ends?.value,
        loss: loss.map_or(Probability::ONE, |loss| loss.value),
    })
}

fn corruption(item: &Item<'_>, problems: &mut Problems) -> Option<Corruption> {
    let mut fields = Fields::of(item, &keys::CORRUPT, problems)?;
    let rate = fields.required("rate", problems, of(units::probability));
    let checksums = word(&[("broken", false), ("mended", true)]);
    let mended = fields.optional("checksums", problems, checksums);
    Some(Corruption {
        rate: rate?.value,
        mended: mended.is_some_and(|it| it.value),
    })
}

fn flap(item: &Item<'_>, problems: &mut Problems) -> Option<Flap> {
    let mut fields = Fields::of(item, &keys::FLAP, problems)?;
    let on = on(&mut fields, problems);
    let times = fields.optional("times", problems, number(1, 10_000));
    let down = fields.required("down", problems, of(units::duration));
    let up = fields.optional("up", problems, of(units::duration));
    let down = down?.value;
    Some(Flap {
        on: on?,
        times: times.map_or(1, |it| it.value),
        down,
        up: up.map_or(down, |it| it.value),
    })
}

fn change_file(item: &Item<'_>, problems: &mut Problems) -> Option<Trouble> {
    let mut fields = Fields::of(item, &keys::CHANGE_FILE, problems)?;
    let server = fields.required("server", problems, text);
    let file = fields.required("file", problems, text);
    let cut = fields.optional("cut-to", problems, of(units::size));
    let version = fields.optional("version", problems, text);
    let size = fields.optional("size", problems, of(units::size));
    let change = match (cut, version, size) {
        (Some(cut), None, None) => Some(FileChange::CutTo(cut.value)),
        (None, Some(version), Some(size)) => Some(FileChange::Made {
            version: version.value,
            bytes: size.value,
        }),
        _ => {
            let message = "the file is cut, or another one is put in its place";
            let problem = Problem::new(&fields.span, message);
            problems.push(problem.label("needs `cut-to`, or `version` and `size`"));
            None
        }
    };
    Some(Trouble::ChangeFile {
        server: server?,
        file: file?,
        change: change?,
    })
}

fn on(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Option<On> {
    let names = fields.required("on", problems, one_or_more(text));
    let at = fields.optional("at", problems, text);
    Some(On {
        names: names?.value,
        at,
    })
}
