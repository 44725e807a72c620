//! A mix of faults, drawn from a seed: what a sweep lays over a scenario.
//!
//! | what | how much |
//! | --- | --- |
//! | disturbances | 1 to 6, half of them in the first minute, the others at any time of the scenario |
//! | each lasts | 0.5 s to 60 s |
//! | on frames | one to three of loss, bursts, delay with jitter, duplicates, damage, a narrow line |
//! | on cables | out and in again, 1 to 5 times, for 50 ms to 20 s |
//! | on power | a server, a router or an element is off for 1 s to 60 s |
//!
//! Damage leaves checksums broken: a message that is wrong and sound at once may break any rule, and no set or
//! server could tell.

use super::plan::{
    Action, Bitrate, Burst, Cables, Corruption, Cut, ElementId, Fault, FaultId, Flap, HostId,
    HostKind, Impairment, PhoneId, Place, Plan, Powered, Probability, StationId, StepKind,
    SubnetId,
};
use super::units::show_duration;
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// Something that happens to a network by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disturbance {
    Fault(Fault),
    Flap(Flap),
    Cut(Cut),
}

/// Disturbances, and when each begins.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Mix(pub Vec<(Instant, Disturbance)>);

const MILLIS: u64 = 1_000;
/// The first time of a scenario, in which most of it happens.
const EARLY: Duration = Duration::from_secs(60);

impl Mix {
    /// Draws a mix from the plan's seed, for a scenario that takes `length`. The names of its faults are added to
    /// the plan's.
    pub fn draw(plan: &mut Plan, length: Duration) -> Mix {
        let mut rng = Rng::stream(plan.seed, "fault mix");
        let count = 1 + rng.below(6);
        let draw_one = |n| {
            let most = match n % 2 {
                0 => length.min(EARLY),
                _ => length,
            };
            let at = Instant::ZERO + rng.duration(Duration::ZERO, most);
            (at, disturbance(plan, &mut rng))
        };
        Mix((0..count).map(draw_one).collect())
    }

    /// When the last of it has ended.
    pub fn ends(&self) -> Instant {
        let ends = self.0.iter().map(|(at, it)| *at + it.lasts());
        ends.max().unwrap_or(Instant::ZERO)
    }

    /// A line for each disturbance: when, for how long, what.
    pub fn describe(&self, plan: &Plan) -> Vec<String> {
        let line = |(at, it): &(Instant, Disturbance)| {
            let time = show_duration(it.lasts());
            format!("at {at} s, for {time}: {}", it.describe(plan))
        };
        self.0.iter().map(line).collect()
    }
}

impl Disturbance {
    fn lasts(&self) -> Duration {
        match self {
            Disturbance::Fault(fault) => fault.lasts.unwrap_or_default(),
            Disturbance::Flap(flap) => (flap.down + flap.up) * flap.times,
            Disturbance::Cut(cut) => cut.lasts,
        }
    }
}

fn disturbance(plan: &mut Plan, rng: &mut Rng) -> Disturbance {
    match rng.below(8) {
        0 => Disturbance::Flap(Flap {
            on: place(plan, rng),
            times: 1 + rng.below(5) as u32,
            down: millis(rng, 50, 20_000),
            up: millis(rng, 50, 5_000),
        }),
        1 => match station(plan, rng) {
            Some(station) => Disturbance::Cut(Cut {
                station,
                lasts: millis(rng, 1_000, 60_000),
            }),
            None => fault(plan, rng),
        },
        _ => fault(plan, rng),
    }
}

fn fault(plan: &mut Plan, rng: &mut Rng) -> Disturbance {
    let on = place(plan, rng);
    let id = FaultId(u32::try_from(plan.faults.len()).unwrap_or(u32::MAX));
    plan.faults.push(format!("mix-{}", id.0 + 1));
    let mut does = Impairment::default();
    for _ in 0..=rng.below(3) {
        worsen(&mut does, rng);
    }
    let way = rng.below(3);
    Disturbance::Fault(Fault {
        id,
        on,
        from: way != 1,
        to: way != 2,
        does,
        lasts: Some(millis(rng, 500, 60_000)),
    })
}

fn worsen(does: &mut Impairment, rng: &mut Rng) {
    match rng.below(6) {
        0 => does.loss = percent(rng, &[1, 5, 20, 50, 100]),
        1 => {
            does.burst = Some(Burst {
                begins: percent(rng, &[1, 3, 10]),
                ends: percent(rng, &[5, 20, 50]),
                loss: percent(rng, &[50, 100]),
            });
        }
        2 => {
            does.delay = millis(rng, 0, 500);
            does.jitter = millis(rng, 0, 300);
            does.reorder = rng.below(2) == 0;
        }
        3 => does.duplicate = percent(rng, &[1, 10, 50, 100]),
        4 => {
            does.corrupt = Some(Corruption {
                rate: percent(rng, &[1, 5, 20]),
                mended: false,
            });
        }
        _ => {
            does.rate = Some(Bitrate(64_000 << rng.below(6)));
            does.queue_bytes_max = Some(2_048 << rng.below(6));
        }
    }
}

/// A set, a router, a server, an element or a whole subnet.
fn place(plan: &Plan, rng: &mut Rng) -> Cables {
    let any = |count: usize, rng: &mut Rng| rng.below(count as u64) as usize;
    let place = match rng.below(6) {
        0 | 1 if !plan.phones.is_empty() => Place::Phone(PhoneId(any(plan.phones.len(), rng))),
        2 if !plan.routers.is_empty() => Place::Router(any(plan.routers.len(), rng)),
        3 if !plan.hosts.is_empty() => Place::Host(HostId(any(plan.hosts.len(), rng))),
        4 if !plan.elements.is_empty() => Place::Element(ElementId(any(plan.elements.len(), rng))),
        _ => Place::Subnet(SubnetId(any(plan.subnets.len(), rng))),
    };
    Cables {
        of: vec![place],
        at: None,
    }
}

/// A server, a router, or an element at which no administrator works.
fn station(plan: &Plan, rng: &mut Rng) -> Option<Powered> {
    let is_work = |kind: &StepKind| {
        matches!(
            kind,
            StepKind::Act(Action::Administer { .. } | Action::MoveDns { .. })
        )
    };
    let hosts = (0..).map(HostId).zip(&plan.hosts);
    let servers = hosts.filter(|(_, host)| match host.kind {
        HostKind::Tftp { .. } | HostKind::Dns { .. } | HostKind::Dhcp { .. } => true,
        HostKind::Kernel { .. } | HostKind::Interface { .. } => false,
    });
    let servers = servers.map(|(id, _)| Powered::Station(StationId::Host(id)));
    let routers = (0..plan.routers.len()).map(Powered::Router);
    let mut all: Vec<Powered> = servers.chain(routers).collect();
    if !plan.steps.iter().any(|step| is_work(&step.kind)) {
        let elements = (0..plan.elements.len()).map(ElementId);
        all.extend(elements.map(|id| Powered::Station(StationId::Element(id))));
    }
    let at = usize::try_from(rng.below(all.len() as u64)).ok()?;
    all.get(at).copied()
}

fn percent(rng: &mut Rng, of: &[u32]) -> Probability {
    let at = rng.below(of.len() as u64) as usize;
    Probability(of[at] * 10_000)
}

/// Between two times in milliseconds, short ones more often.
fn millis(rng: &mut Rng, low: u64, high: u64) -> Duration {
    let most = low + rng.below(high - low + 1);
    let nanos = 1_000_000 * (low + rng.below(most - low + 1));
    Duration::from_nanos(nanos.max(MILLIS))
}
