//! The faults that are at work in a lab: which cables they are on, and when they end.
//!
//! A fault stands on the cables that are there when it begins: a set that is moved leaves it behind. Each
//! direction of each cable has a stream of chance of its own for each fault, which goes on where it was when
//! the fault begins again.

use std::collections::BTreeMap;

use super::lab::{Cabled, Lab};
use super::mix::Disturbance;
use super::plan::{Cut, Fault, FaultId, Flap, PhoneId, Plan, Powered};
use crate::rng::Rng;
use crate::sim::{LinkId, Observer, Side};
use crate::time::{Deadlines, Instant};

/// All that is at work.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The cables of each fault, and the end that sends what it works on.
    active: BTreeMap<FaultId, Vec<(LinkId, Side)>>,
    /// Of faults that have ended, by fault, cable and whether from the station.
    streams: BTreeMap<(FaultId, LinkId, bool), Rng>,
    flaps: Vec<Flapping>,
    cuts: Vec<Powered>,
    /// What begins at its own time, apart from the steps.
    mix: Vec<Disturbance>,
    due: Deadlines<Due>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Ends(FaultId),
    Flaps(usize),
    Returns(usize),
    Begins(usize),
}

/// A cable that comes out and goes in.
#[derive(Debug)]
struct Flapping {
    link: LinkId,
    /// The set whose cable it is.
    phone: Option<PhoneId>,
    is_out: bool,
    /// How often it still comes out.
    left: u32,
    flap: Flap,
}

impl Faults {
    /// Disturbances that begin at their own times.
    pub(super) fn plan_mix(&mut self, mix: &[(Instant, Disturbance)]) {
        for (at, disturbance) in mix {
            self.due.set(Due::Begins(self.mix.len()), Some(*at));
            self.mix.push(disturbance.clone());
        }
    }

    /// When something next has to be done.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.next()
    }

    /// Does what is due.
    pub(super) fn act(&mut self, plan: &Plan, lab: &mut Lab, observer: &mut impl Observer) {
        let now = lab.world.now();
        while let Some(due) = self.due.pop_due(now) {
            match due {
                Due::Ends(fault) => self.end(lab, fault),
                Due::Flaps(n) => self.flap_on(lab, n, observer),
                Due::Returns(n) => {
                    let station = self.cuts[n];
                    if !lab.stopped.contains(&station) {
                        lab.power(lab.powered(station), true, observer);
                    }
                }
                Due::Begins(n) => match self.mix[n].clone() {
                    Disturbance::Fault(fault) => self.begin(plan, lab, &fault),
                    Disturbance::Flap(flap) => self.flap(lab, &flap, observer),
                    Disturbance::Cut(cut) => self.cut(lab, cut, observer),
                },
            }
        }
    }

    /// A fault begins; one that is at work already begins anew.
    pub(super) fn begin(&mut self, plan: &Plan, lab: &mut Lab, fault: &Fault) {
        self.end(lab, fault.id);
        let name = &plan.faults[fault.id.0 as usize];
        let mut on = Vec::new();
        for cable in lab.cables_of(&fault.on) {
            for (side, wanted) in [(Side::A, fault.from), (Side::B, fault.to)] {
                if !wanted {
                    continue;
                }
                let is_from = side == Side::A;
                let stream = self.streams.remove(&(fault.id, cable.link, is_from));
                let stream = stream.unwrap_or_else(|| {
                    let way = if is_from { "from" } else { "to" };
                    let who = lab.who[cable.node.0 as usize].name(plan);
                    let subnet = &plan.subnets[cable.subnet.0].name;
                    Rng::stream(plan.seed, &format!("fault {name} {way} {who} in {subnet}"))
                });
                let link = lab.world.link_mut(cable.link);
                link.impair(side, fault.id.0, fault.does, stream);
                on.push((cable.link, side));
            }
        }
        self.active.insert(fault.id, on);
        let ends = fault.lasts.map(|time| lab.world.now() + time);
        self.due.set(Due::Ends(fault.id), ends);
    }

    /// A fault ends. No effect if it is not at work.
    pub(super) fn end(&mut self, lab: &mut Lab, fault: FaultId) {
        self.due.set(Due::Ends(fault), None);
        for (link, side) in self.active.remove(&fault).into_iter().flatten() {
            if let Some(stream) = lab.world.link_mut(link).mend(side, fault.0) {
                let key = (fault, link, side == Side::A);
                self.streams.insert(key, stream);
            }
        }
    }

    /// Cables come out, for the first time.
    pub(super) fn flap(&mut self, lab: &mut Lab, flap: &Flap, observer: &mut impl Observer) {
        for Cabled { link, phone, .. } in lab.cables_of(&flap.on) {
            let n = self.flaps.len();
            self.flaps.push(Flapping {
                link,
                phone,
                is_out: false,
                left: flap.times,
                flap: flap.clone(),
            });
            self.flap_on(lab, n, observer);
        }
    }

    fn flap_on(&mut self, lab: &mut Lab, n: usize, observer: &mut impl Observer) {
        let now = lab.world.now();
        let it = &mut self.flaps[n];
        if it.is_out {
            it.is_out = false;
            // Somebody may have pulled it in the meantime, or have taken it elsewhere.
            if lab.belongs_in(it.link, it.phone) {
                lab.world.plug(it.link, observer);
            }
            if it.left > 0 {
                self.due.set(Due::Flaps(n), Some(now + it.flap.up));
            }
            return;
        }
        it.is_out = true;
        it.left -= 1;
        lab.world.unplug(it.link, observer);
        self.due.set(Due::Flaps(n), Some(now + it.flap.down));
    }

    /// A station or a router loses power for a time.
    pub(super) fn cut(&mut self, lab: &mut Lab, cut: Cut, observer: &mut impl Observer) {
        lab.power(lab.powered(cut.station), false, observer);
        let returns = lab.world.now() + cut.lasts;
        self.due.set(Due::Returns(self.cuts.len()), Some(returns));
        self.cuts.push(cut.station);
    }
}
