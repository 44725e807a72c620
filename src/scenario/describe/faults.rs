//! Faults in words.

use crate::scenario::mix::Disturbance;
use crate::scenario::plan::{
    Cables, Fault, FileChange, Flap, Impairment, Place, Plan, Probability, Say, SendFrame,
};
use crate::scenario::units::{show_duration, show_rate, show_size};
use crate::sim::{Did, Mark};

impl Fault {
    /// `"bad line" on anna, both ways: loss 5 %`
    pub(in crate::scenario) fn describe(&self, plan: &Plan) -> String {
        let name = &plan.faults[self.id.0 as usize];
        let way = match (self.from, self.to) {
            (true, false) => "from it",
            (false, true) => "to it",
            _ => "both ways",
        };
        let on = self.on.describe(plan);
        format!("\"{name}\" on {on}, {way}: {}", impairment(&self.does))
    }
}

impl Flap {
    /// `the cable of anna out 3 times for 200 ms, in for 300 ms between`
    pub(in crate::scenario) fn describe(&self, plan: &Plan) -> String {
        let (down, up) = (show_duration(self.down), show_duration(self.up));
        let times = match self.times {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        let between = match self.times {
            1 => String::new(),
            _ => format!(", in for {up} between"),
        };
        let on = self.on.describe(plan);
        format!("the cable of {on} out {times} for {down}{between}")
    }
}

impl Disturbance {
    pub(in crate::scenario) fn describe(&self, plan: &Plan) -> String {
        match self {
            Disturbance::Fault(fault) => fault.describe(plan),
            Disturbance::Flap(flap) => flap.describe(plan),
            Disturbance::Cut(cut) => format!("{} without power", cut.station.name(plan)),
        }
    }
}

impl Cables {
    fn describe(&self, plan: &Plan) -> String {
        let name = |place: &Place| match place {
            Place::Phone(id) => plan.phones[id.0].name.clone(),
            Place::Host(id) => plan.hosts[id.0].name.clone(),
            Place::Element(id) => plan.elements[id.0].name.clone(),
            Place::Router(n) => plan.routers[*n].name.clone(),
            Place::Subnet(id) => format!("every station of {}", plan.subnets[id.0].name),
        };
        const SHOWN_MAX: usize = 4;
        let names: Vec<String> = self.of.iter().take(SHOWN_MAX).map(name).collect();
        let mut names = names.join(", ");
        if let Some(more) = self
            .of
            .len()
            .checked_sub(SHOWN_MAX)
            .filter(|more| *more > 0)
        {
            names.push_str(&format!(" and {more} more"));
        }
        match self.at {
            Some(at) => format!("{names} in {}", plan.subnets[at.0].name),
            None => names,
        }
    }
}

fn impairment(does: &Impairment) -> String {
    let mut parts = Vec::new();
    if does.loss > Probability::default() {
        parts.push(format!("loss {}", percent(does.loss)));
    }
    if let Some(burst) = does.burst {
        let (begins, ends) = (percent(burst.begins), percent(burst.ends));
        let loss = percent(burst.loss);
        parts.push(format!("bursts (begin {begins}, end {ends}, loss {loss})"));
    }
    if !does.delay.is_zero() {
        parts.push(format!("delay {}", show_duration(does.delay)));
    }
    if !does.jitter.is_zero() {
        let reorder = if does.reorder { ", reordering" } else { "" };
        parts.push(format!("jitter {}{reorder}", show_duration(does.jitter)));
    }
    if does.duplicate > Probability::default() {
        parts.push(format!("duplicates {}", percent(does.duplicate)));
    }
    if let Some(corrupt) = does.corrupt {
        let sums = if corrupt.mended { "mended" } else { "broken" };
        let rate = percent(corrupt.rate);
        parts.push(format!("damage {rate}, checksums {sums}"));
    }
    if does.rate.is_some() {
        let rate = show_rate(does.rate.map(|rate| rate.0));
        parts.push(format!("rate {rate}"));
    }
    if let Some(queue) = does.queue_bytes_max {
        parts.push(format!("queue {}", show_size(queue)));
    }
    parts.join(", ")
}

/// A file that changes while it is served.
pub(in crate::scenario) fn change(server: &str, file: &str, change: &FileChange) -> String {
    let becomes = match change {
        FileChange::CutTo(bytes) => format!("is cut to {}", show_size(*bytes)),
        FileChange::Made(made) => {
            let (version, size) = (&made.version, show_size(made.bytes));
            format!("is version {version} of {size} from now on")
        }
    };
    format!("{file} on {server} {becomes}")
}

/// A frame that a step sends: from where, and its bytes.
pub(in crate::scenario) fn send(plan: &Plan, send: &SendFrame) -> String {
    let from = Cables {
        of: vec![send.from],
        at: None,
    };
    let from = match send.from {
        Place::Subnet(id) => format!("a bare port of {}", plan.subnets[id.0].name),
        Place::Phone(_) | Place::Host(_) | Place::Element(_) | Place::Router(_) => {
            from.describe(plan)
        }
    };
    format!(
        "send {} bytes from {from}: {}",
        send.frame.len(),
        hex(&send.frame)
    )
}

/// What a step has a set or an element say.
pub(in crate::scenario) fn say(plan: &Plan, say: &Say) -> String {
    let set = &plan.phones[say.set.0].name;
    let (len, bytes) = (say.bytes.len(), hex(&say.bytes));
    match say.by {
        None => format!("say {len} bytes as {set} to its element: {bytes}"),
        Some(element) => {
            let element = &plan.elements[element.0].name;
            format!("say {len} bytes as {element} to {set}: {bytes}")
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `5 %`, `0.1 %`.
fn percent(probability: Probability) -> String {
    let (whole, rest) = (probability.0 / 10_000, probability.0 % 10_000);
    let text = format!("{whole}.{rest:04}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// What faults did to a frame, for a capture. `names`: by the faults' numbers.
pub(in crate::scenario) fn describe_marks(marks: &[Mark], names: &[String]) -> String {
    let each = marks.iter().map(|mark| {
        let name = names.get(mark.fault as usize).map_or("?", String::as_str);
        let did = match mark.did {
            Did::Delayed(time) => format!("delayed by {} us", time.as_micros()),
            Did::Duplicated => "a duplicate".to_owned(),
            Did::Corrupted { byte, mended } => {
                let sums = if mended { "mended" } else { "not mended" };
                format!("byte {byte} changed, checksums {sums}")
            }
        };
        format!("fault \"{name}\": {did}")
    });
    each.collect::<Vec<_>>().join(" · ")
}

/// A fault that begins, and how long it lasts if that is known.
pub(super) fn begin(plan: &Plan, fault: &Fault) -> String {
    let lasts = fault.lasts.map_or(String::new(), |time| {
        format!(", for {}", show_duration(time))
    });
    format!("fault {}{lasts}", fault.describe(plan))
}
