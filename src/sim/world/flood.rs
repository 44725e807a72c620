//! A frame to many ports at once.

use std::sync::Arc;

use super::{End, Event, NodeId, Observer, World, touched_arrival};
use crate::sim::node::{Link, Node, PortId};
use crate::time::Instant;
use crate::wire::Frame;

impl<N: Node, L: Link> World<N, L> {
    /// Sends a frame out of many ports: those with a cable, as a switch does. Whether any has one. Neighbouring
    /// ports at which it arrives at one instant share an event.
    pub(super) fn flood(
        &mut self,
        id: NodeId,
        ports: &Arc<[PortId]>,
        except: PortId,
        frame: &Frame,
        observer: &mut impl Observer,
    ) -> bool {
        let mut together: Option<Instant> = None;
        let mut anywhere = false;
        for port in ports.iter().copied().filter(|port| *port != except) {
            if self.cable_in(id, port).is_none() {
                continue;
            }
            anywhere = true;
            let Some(flight) = self.put_on_cable(End { node: id, port }, frame, observer) else {
                continue;
            };
            let mut arrivals = std::mem::take(&mut self.carried.arrivals);
            for (at, touched) in arrivals.drain(..) {
                if let Some(touched) = touched {
                    self.push_flights(together.take(), frame);
                    let event = touched_arrival(frame, flight, *touched);
                    self.queue.push(at, event);
                    continue;
                }
                if together.is_some_and(|then| then != at) {
                    self.push_flights(together, frame);
                }
                together = Some(at);
                self.flood.push(flight);
            }
            self.carried.arrivals = arrivals;
        }
        self.push_flights(together, frame);
        anywhere
    }

    fn push_flights(&mut self, at: Option<Instant>, frame: &Frame) {
        let Some(at) = at else { return };
        let flights = self.flood.drain(..).collect();
        let frame = frame.clone();
        self.queue.push(at, Event::DeliverMany { frame, flights });
    }
}
