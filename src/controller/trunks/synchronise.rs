//! A synchronisation: an element's DNs become rows of Remote Directory Numbers at the others (CL-8).

use std::net::Ipv4Addr;

use super::link::State;
use super::{Timer, Trunks, say};
use crate::app::{AppEffect, StreamId};
use crate::controller::element::Effects;
use crate::controller::forms::{Forms, Trunk};
use crate::outbox::{TraceEvent, TrunkEvent};
use crate::time::{Duration, Instant};
use crate::wire::reg::Target;
use crate::wire::trunk::{self, Message};

/// From the last DN until all of them are in the form.
const WRITING: Duration = Duration::from_secs(2);
/// Synchronisations of one element that may wait here at once.
const UNWRITTEN_MAX: usize = 16;
/// The other element has said in this time that they are.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// DNs that another element has said are its own, now to be written.
#[derive(Debug)]
pub(in crate::controller) struct Numbers {
    pub(in crate::controller) icp: u16,
    pub(in crate::controller) dns: Vec<String>,
    stream: StreamId,
}

impl Trunks {
    /// Sends this element's DNs to all others.
    pub(in crate::controller) fn synchronise(
        &mut self,
        now: Instant,
        forms: &Forms,
        out: &mut Effects,
    ) {
        let dns: Vec<String> = forms.dns().map(str::to_owned).collect();
        for (digits, element) in forms.cluster_elements() {
            let way = match forms.trunk(element.icp) {
                None => Err("no trunk leads there"),
                Some(Trunk::Ip(_)) => match self.up.get(&element.icp) {
                    None => Err("the trunk is down"),
                    Some(stream) => Ok(Way::Trunk(*stream)),
                },
                Some(Trunk::Dpnss) => dpnss_address(forms, element.icp).map(Way::Errand),
            };
            match way {
                Ok(Way::Trunk(stream)) => self.send(now, stream, &dns, out),
                Ok(Way::Errand(address)) => {
                    let state = State::Errand { dns: dns.clone() };
                    let stream = self.open(state, address, out);
                    self.sent(now, stream, dns.len());
                }
                Err(reason) => {
                    out.trace(TraceEvent::Trunk(TrunkEvent::NotSynchronised {
                        to: format!("the element of CEID digits {digits}"),
                        dns: dns.len(),
                        reason: reason.to_owned(),
                    }));
                }
            }
        }
    }

    /// The connection of an errand is up.
    pub(super) fn send_numbers(&mut self, now: Instant, stream: StreamId, out: &mut Effects) {
        let Some(link) = self.links.get_mut(&stream) else {
            return;
        };
        if let State::Errand { dns } = &mut link.state {
            let dns = std::mem::take(dns);
            self.send(now, stream, &dns, out);
        }
    }

    fn send(&mut self, now: Instant, stream: StreamId, dns: &[String], out: &mut Effects) {
        let bytes = trunk::numbers(dns);
        out.push(AppEffect::SendStream { stream, bytes });
        self.sent(now, stream, dns.len());
    }

    fn sent(&mut self, now: Instant, stream: StreamId, dns: usize) {
        if let Some(link) = self.links.get_mut(&stream) {
            link.sent.push_back(dns);
            let until = Some(now + ANSWER_WAIT);
            self.deadlines.set(Timer::Answer(stream), until);
        }
    }

    /// All DNs are here: they are written after a while.
    pub(super) fn numbers_end(
        &mut self,
        now: Instant,
        stream: StreamId,
        count: u32,
        out: &mut Effects,
    ) {
        let Some(link) = self.links.get_mut(&stream) else {
            return;
        };
        if u32::try_from(link.incoming.len()) != Ok(count) {
            return self.fail(now, stream, "the count of its numbers is wrong", out);
        }
        if link.unwritten.len() == UNWRITTEN_MAX {
            return self.fail(now, stream, "too many synchronisations at once", out);
        }
        let dns = std::mem::take(&mut link.incoming);
        link.unwritten.push_back(dns);
        if link.unwritten.len() == 1 {
            let until = Some(now + WRITING);
            self.deadlines.set(Timer::Write(stream), until);
        }
        self.heard(now, stream);
    }

    /// The oldest synchronisation that has come in over this connection; the next one's writing begins.
    pub(super) fn take_numbers(&mut self, now: Instant, stream: StreamId) -> Option<Numbers> {
        let link = self.links.get_mut(&stream)?;
        let State::Open { icp, .. } = link.state else {
            return None;
        };
        let dns = link.unwritten.pop_front()?;
        if !link.unwritten.is_empty() {
            let until = Some(now + WRITING);
            self.deadlines.set(Timer::Write(stream), until);
        }
        Some(Numbers { icp, dns, stream })
    }

    /// The DNs are in the form: the other element is told.
    pub(in crate::controller) fn written(&mut self, numbers: &Numbers, out: &mut Effects) {
        let Some(link) = self.links.get(&numbers.stream) else {
            return;
        };
        out.trace(TraceEvent::Trunk(TrunkEvent::Written {
            from: link.peer.clone(),
            dns: numbers.dns.len(),
        }));
        let count = u32::try_from(numbers.dns.len()).unwrap_or(u32::MAX);
        say(numbers.stream, &Message::Written { count }, out);
    }

    /// The other element has written what it was sent.
    pub(super) fn is_written(
        &mut self,
        now: Instant,
        stream: StreamId,
        count: u32,
        out: &mut Effects,
    ) {
        let Some(link) = self.links.get_mut(&stream) else {
            return;
        };
        let dns = match link.sent.front() {
            Some(dns) if u32::try_from(*dns) == Ok(count) => *dns,
            Some(_) | None => {
                return self.fail(now, stream, "it has written another count of numbers", out);
            }
        };
        link.sent.pop_front();
        let to = link.peer.clone();
        out.trace(TraceEvent::Trunk(TrunkEvent::Synchronised { to, dns }));
        let until = (!link.sent.is_empty()).then(|| now + ANSWER_WAIT);
        self.deadlines.set(Timer::Answer(stream), until);
        if matches!(link.state, State::Errand { .. }) {
            out.push(AppEffect::Close { stream });
            self.forget(stream);
        } else {
            self.heard(now, stream);
        }
    }
}

/// How DNs get to another element.
enum Way {
    Trunk(StreamId),
    Errand(Ipv4Addr),
}

/// With DPNSS the element knows only what its form says (CL-5).
fn dpnss_address(forms: &Forms, icp: u16) -> Result<Ipv4Addr, &'static str> {
    match forms
        .networking(icp)
        .and_then(|entry| entry.address.as_ref())
    {
        Some(Target::Address(address)) => Ok(*address),
        Some(Target::Fqdn(_)) => Err("an element resolves no names"),
        None => Err("ICP/PBX Networking has no address"),
    }
}
