//! The run's observer: what each set looks like now, which frames were seen, what was dropped.
//!
//! Everything that expectations, captures and reports know comes through here, in the order in which it
//! happens. The watch changes nothing in the world.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::build::Meets;
use super::comments::Explainer;
use super::describe::describe_marks;
use super::lab::{Lab, Who};
use super::oracle::Oracle;
use super::outcome::Verdict;
use super::plan::{ElementId, PhoneId, Plan, Step, SubnetId};
use super::recorder::Recorder;
use super::tally::Tally;
use crate::capture::Direction;
use crate::outbox::{Display, DropReason, PhoneEvent, TraceEvent};
use crate::sim::{End, Mark, NodeId, Observer, PortId};
use crate::time::Instant;
use crate::wire::reg::Envelope;
use crate::wire::{Frame, Mac, ethernet};

/// Whoever wants to be told what happens, as it happens: a report.
pub trait Listener {
    /// Something happened at the station called `who`.
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent);

    /// A step begins.
    fn step(&mut self, now: Instant, plan: &Plan, step: &Step);

    /// An expectation was decided.
    fn verdict(&mut self, verdict: &Verdict);

    /// A frame crossed a segment.
    fn frame(&mut self, _now: Instant, _frame: &Frame) {}

    /// A set or an element said something to the other, on the set's segment.
    fn message(&mut self, _now: Instant, _message: &SetMessage<'_>) {}
}

/// What passes between a set and an element: once, however it was cut into segments, or repeated.
#[derive(Debug, Clone, Copy)]
pub struct SetMessage<'a> {
    pub phone: PhoneId,
    /// The set says it; else the element.
    pub from_set: bool,
    pub element: Ipv4Addr,
    pub envelope: &'a Envelope,
}

/// Two listeners, each of which is told everything.
impl<A: Listener, B: Listener> Listener for (A, B) {
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent) {
        self.0.event(now, who, event);
        self.1.event(now, who, event);
    }

    fn step(&mut self, now: Instant, plan: &Plan, step: &Step) {
        self.0.step(now, plan, step);
        self.1.step(now, plan, step);
    }

    fn verdict(&mut self, verdict: &Verdict) {
        self.0.verdict(verdict);
        self.1.verdict(verdict);
    }

    fn frame(&mut self, now: Instant, frame: &Frame) {
        self.0.frame(now, frame);
        self.1.frame(now, frame);
    }

    fn message(&mut self, now: Instant, message: &SetMessage<'_>) {
        self.0.message(now, message);
        self.1.message(now, message);
    }
}

/// A listener that may not be there.
impl<L: Listener> Listener for Option<L> {
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent) {
        self.iter_mut().for_each(|it| it.event(now, who, event));
    }

    fn step(&mut self, now: Instant, plan: &Plan, step: &Step) {
        self.iter_mut().for_each(|it| it.step(now, plan, step));
    }

    fn verdict(&mut self, verdict: &Verdict) {
        self.iter_mut().for_each(|it| it.verdict(verdict));
    }

    fn frame(&mut self, now: Instant, frame: &Frame) {
        self.iter_mut().for_each(|it| it.frame(now, frame));
    }

    fn message(&mut self, now: Instant, message: &SetMessage<'_>) {
        self.iter_mut().for_each(|it| it.message(now, message));
    }
}

/// A listener that does not listen.
#[derive(Debug, Default, Clone, Copy)]
pub struct Deaf;

impl Listener for Deaf {
    fn event(&mut self, _now: Instant, _who: &str, _event: &TraceEvent) {}

    fn step(&mut self, _now: Instant, _plan: &Plan, _step: &Step) {}

    fn verdict(&mut self, _verdict: &Verdict) {}
}

/// What can be told of a set from outside.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PhoneView {
    pub powered: bool,
    pub display: Display,
    /// What its display has shown since expectations were last looked at, the present text last; empty if
    /// nothing new. Several texts can come at one moment, and each of them has been there.
    pub displays: Vec<Display>,
    pub address: Option<Ipv4Addr>,
    /// DN and element, while in service.
    pub registered: Option<(String, Ipv4Addr)>,
    pub stored_pin: Option<String>,
    /// The reason of its last prompt since power-up.
    pub prompt: Option<String>,
    /// How often it has prompted since power-up, or since it was last in service.
    pub prompts: u32,
    /// Redirects since power-up.
    pub redirects: u32,
    /// How often its flash memory was written since the run began.
    pub flashed: u32,
}

/// The run's observer.
#[derive(Debug)]
pub(super) struct Watch<L> {
    pub phones: Vec<PhoneView>,
    pub tally: Tally,
    pub recorder: Recorder,
    /// How often each reason ended a frame's way.
    pub drops: BTreeMap<DropReason, u64>,
    /// Sets that have prompted their users since this was last emptied.
    pub prompted: Vec<PhoneId>,
    /// Sets with something in `displays`.
    shown: Vec<PhoneId>,
    /// Something has happened that an expectation could look at.
    pub changed: bool,
    pub explainer: Explainer,
    pub oracle: Oracle,
    pub listener: L,
    names: Vec<String>,
    who: Vec<Who>,
    macs: Vec<Mac>,
    phone_names: Vec<String>,
    fault_names: Vec<String>,
    /// What faults did to the frame that comes next at a switch, or that goes no further.
    marked: Option<String>,
    /// For each segment: which of its ports lead to a router.
    routers: BTreeSet<End>,
    /// The segments of each port of a switch; by node, then by port. Empty for what is no switch.
    segments: Vec<Vec<Option<Carries>>>,
}

/// The segments of a port.
#[derive(Debug, Clone)]
struct Carries {
    untagged: SubnetId,
    /// By VLAN.
    tagged: Box<[(u16, SubnetId)]>,
}

impl Carries {
    /// The segment that a frame belongs to: that of its VLAN, if the port carries it; else where the port is.
    fn of(&self, frame: &Frame) -> SubnetId {
        if self.tagged.is_empty() {
            return self.untagged;
        }
        let tag = ethernet::decode(frame)
            .ok()
            .and_then(|(header, _)| header.tag);
        let is_its = |(vlan, _): &&(u16, SubnetId)| tag.is_some_and(|tag| tag.vid == *vlan);
        let carried = self.tagged.iter().find(is_its);
        carried.map_or(self.untagged, |(_, segment)| *segment)
    }
}

impl<L: Listener> Watch<L> {
    /// A watch over a plan's lab before anything has happened.
    pub(super) fn new(plan: &Plan, tally: Tally, recorder: Recorder, listener: L) -> Watch<L> {
        let phones = plan.phones.iter().map(|phone| PhoneView {
            stored_pin: phone.stored_pin.clone(),
            ..PhoneView::default()
        });
        Watch {
            phones: phones.collect(),
            tally,
            recorder,
            drops: BTreeMap::new(),
            prompted: Vec::new(),
            shown: Vec::new(),
            changed: true,
            explainer: Explainer::new(plan),
            oracle: Oracle::new(plan),
            listener,
            names: Vec::new(),
            who: Vec::new(),
            macs: plan.phones.iter().map(|phone| phone.mac).collect(),
            phone_names: plan.phones.iter().map(|phone| phone.name.clone()).collect(),
            fault_names: plan.faults.clone(),
            marked: None,
            routers: BTreeSet::new(),
            segments: Vec::new(),
        }
    }

    /// Tells the watch who the lab's nodes are.
    fn learn_stations(&mut self, plan: &Plan, lab: &Lab) {
        self.who.clone_from(&lab.who);
        self.names = lab.who.iter().map(|who| who.name(plan)).collect();
        self.segments = vec![Vec::new(); lab.who.len()];
        for (index, segment) in lab.segments.iter().enumerate() {
            for (port, station) in (0..).zip(&segment.ports) {
                if let Some(NodeId(node)) = station {
                    let who = self.who[*node as usize];
                    let port = (segment.node, PortId(port));
                    self.learn_port(plan, port, SubnetId(index), who);
                }
                if let Some(NodeId(node)) = station
                    && matches!(self.who[*node as usize], Who::Router(_))
                {
                    let port = PortId(port);
                    let node = segment.node;
                    self.routers.insert(End { node, port });
                }
            }
        }
    }

    /// At a port of a switch in this segment somebody stands.
    pub(super) fn learn_port(
        &mut self,
        plan: &Plan,
        (switch, port): (NodeId, PortId),
        segment: SubnetId,
        who: Who,
    ) {
        let tagged = who.carries(plan, segment).into_iter();
        let tagged = tagged.map(|id| (plan.subnets[id.0].vlan, id)).collect();
        let ports = &mut self.segments[switch.0 as usize];
        let index = port.0 as usize;
        if ports.len() <= index {
            ports.resize(index + 1, None);
        }
        ports[index] = Some(Carries {
            untagged: segment,
            tagged,
        });
    }

    /// Expectations have been looked at: what displays have shown so far has been seen.
    pub(super) fn displays_seen(&mut self) {
        for phone in self.shown.drain(..) {
            self.phones[phone.0].displays.clear();
        }
    }

    fn phone_did(&mut self, phone: PhoneId, event: &PhoneEvent) {
        if self.recorder.is_on() {
            self.explainer.phone_did(self.macs[phone.0], event);
        }
        let view = &mut self.phones[phone.0];
        match event {
            PhoneEvent::PowerUp { .. } => {
                view.powered = true;
                view.prompt = None;
                view.prompts = 0;
                view.redirects = 0;
            }
            PhoneEvent::PowerDown => {
                view.powered = false;
                view.address = None;
                view.registered = None;
            }
            PhoneEvent::Display(display) => {
                view.display.clone_from(display);
                if view.displays.is_empty() {
                    self.shown.push(phone);
                }
                view.displays.push(display.clone());
            }
            PhoneEvent::Bound { address, .. } => {
                view.address = Some(*address);
                self.recorder.name(*address, &self.phone_names[phone.0]);
            }
            PhoneEvent::Unbound { .. } | PhoneEvent::Released { .. } => view.address = None,
            PhoneEvent::Flash { written, .. } => view.flashed += u32::from(*written),
            PhoneEvent::Prompted { reason } => {
                view.prompt = Some(reason.clone());
                view.prompts += 1;
                self.prompted.push(phone);
            }
            PhoneEvent::PinSaved { pin } => view.stored_pin = Some(pin.clone()),
            PhoneEvent::PinCleared => view.stored_pin = None,
            PhoneEvent::Redirected { .. } => view.redirects += 1,
            PhoneEvent::InService { dn, element } => {
                view.registered = Some((dn.clone(), *element));
                view.prompts = 0;
            }
            PhoneEvent::Unregistered { .. } => view.registered = None,
            PhoneEvent::Carrier(_)
            | PhoneEvent::OfferRefused { .. }
            | PhoneEvent::EntersVlan { .. }
            | PhoneEvent::Downloaded { .. }
            | PhoneEvent::DownloadFailed { .. }
            | PhoneEvent::Connecting { .. }
            | PhoneEvent::ConnectFailed { .. }
            | PhoneEvent::Typed { .. }
            | PhoneEvent::Registered { .. }
            | PhoneEvent::Restart { .. } => {}
        }
    }
}

impl<L: Listener> Meets for Watch<L> {
    fn meet(&mut self, plan: &Plan, lab: &Lab) {
        self.learn_stations(plan, lab);
    }
}

impl<L: Listener> Observer for Watch<L> {
    fn event(&mut self, now: Instant, node: NodeId, event: TraceEvent) {
        self.changed |= matches!(
            event,
            TraceEvent::Phone(_)
                | TraceEvent::Neighbour { .. }
                | TraceEvent::Decision(_)
                | TraceEvent::Administered(_)
                | TraceEvent::Trunk(_)
        );
        match &event {
            TraceEvent::Dropped { reason, frame } => {
                return self.refused(now, node, *reason, frame);
            }
            TraceEvent::Decision(decision) => {
                if self.recorder.is_on() {
                    self.explainer.decided(decision);
                }
            }
            TraceEvent::Phone(did) => {
                if let Some(Who::Phone(phone)) = self.who.get(node.0 as usize) {
                    self.phone_did(*phone, did);
                }
            }
            TraceEvent::Neighbour { .. }
            | TraceEvent::Lease(_)
            | TraceEvent::Served(_)
            | TraceEvent::Administered(_)
            | TraceEvent::Trunk(_)
            | TraceEvent::SetLost { .. } => {}
        }
        let name = self.names.get(node.0 as usize);
        let name = name.map_or("?", String::as_str);
        self.listener.event(now, name, &event);
        let set = match self.who.get(node.0 as usize) {
            Some(Who::Phone(phone)) => Some(*phone),
            Some(_) | None => None,
        };
        self.oracle.event(now, node, set, event);
    }

    fn refused(&mut self, now: Instant, node: NodeId, reason: DropReason, frame: &Frame) {
        *self.drops.entry(reason).or_default() += 1;
        if reason.is_routine() {
            return;
        }
        let name = self.names.get(node.0 as usize);
        let name = name.map_or("?", String::as_str);
        let fault = self.marked.take();
        self.recorder
            .drop(now, name, (reason, fault.as_deref()), frame);
        let frame = frame.clone();
        let event = TraceEvent::Dropped { reason, frame };
        self.listener.event(now, name, &event);
    }

    fn frame(&mut self, now: Instant, at: End, frame: &Frame) {
        let ports = self.segments.get(at.node.0 as usize);
        let on = ports.and_then(|ports| ports.get(at.port.0 as usize));
        let Some(on) = on.and_then(|on| Some(on.as_ref()?.of(frame))) else {
            return;
        };
        let direction = if self.recorder.is_on() && self.routers.contains(&at) {
            Direction::Outbound
        } else {
            Direction::Inbound
        };
        let marked = self.marked.take();
        self.recorder
            .frame(now, (on, direction), frame, marked, &mut self.explainer);
        self.changed |= self.tally.count(on, self.recorder.frames(), frame);
        self.listener.frame(now, frame);
        let listener = &mut self.listener;
        (self.oracle).frame(now, frame, |message| listener.message(now, message));
    }

    fn touched(&mut self, now: Instant, at: End, frame: &Frame, marks: &[Mark]) {
        if !self.recorder.is_on() {
            return;
        }
        let text = describe_marks(marks, &self.fault_names);
        let is_switch = |ports: &Vec<_>| !ports.is_empty();
        if self.segments.get(at.node.0 as usize).is_some_and(is_switch) {
            self.marked = Some(text);
            return;
        }
        // The switch saw it before it was touched: what the station gets is told apart.
        let name = self.names.get(at.node.0 as usize);
        let name = name.map_or("?", String::as_str);
        self.recorder.touched(now, name, &text, frame);
    }

    fn lost_by(&mut self, fault: u32) {
        if self.recorder.is_on() {
            let name = self.fault_names.get(fault as usize);
            self.marked = Some(format!("fault \"{}\"", name.map_or("?", String::as_str)));
        }
    }
}

impl Who {
    /// The name in the plan.
    pub(super) fn name(self, plan: &Plan) -> String {
        match self {
            Who::Switch(SubnetId(n)) => format!("switch {}", plan.subnets[n].switch),
            Who::Router(n) => plan.routers[n].name.clone(),
            Who::Host(host) => plan.hosts[host.0].name.clone(),
            Who::Element(ElementId(n)) => plan.elements[n].name.clone(),
            Who::Phone(PhoneId(n)) => plan.phones[n].name.clone(),
        }
    }
}
