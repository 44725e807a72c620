//! What a run does with stations: their power, and the programs that stand there.

use super::programs::END_WITHIN;
use super::{READY_WITHIN, Run, Stage};
use crate::scenario::plan::{Control, Exec, HostId, Powered, StationId};
use crate::scenario::units::show_duration;
use crate::scenario::watch::Listener;
use crate::sim::{EdgeId, Halt, Program};

impl<L: Listener> Run<'_, L> {
    /// A station or a router loses power.
    pub(super) fn stop_station(&mut self, powered: Powered) -> Stage {
        if let Powered::Station(StationId::Element(element)) = powered
            && self.outside(element).is_some()
        {
            return self.stop_outside(element);
        }
        self.lab.stop(powered, &mut self.watch);
        self.next_step()
    }

    /// A station or a router gets power.
    pub(super) fn start_station(&mut self, powered: Powered) -> Stage {
        if let Powered::Station(station @ StationId::Element(element)) = powered
            && self.outside(element).is_some()
        {
            return self.start_outside(element, Some(station));
        }
        self.lab.start(powered, &mut self.watch);
        self.next_step()
    }

    /// Starts or ends the program of a host, and waits for that.
    pub(super) fn control_host(&mut self, host: HostId, control: Control) -> Stage {
        let station = StationId::Host(host);
        self.control(station, control);
        match control {
            Control::Start => Stage::Starting {
                host: Some(station),
                until: self.lab.world.now() + READY_WITHIN,
            },
            Control::Stop | Control::Kill => Stage::Ending(station),
        }
    }

    /// Programs have taken too long.
    pub(super) fn not_ready(&mut self) -> Stage {
        let hosts = self.programs.starting();
        let time = hosts.map(|host| self.ready_within(host)).max();
        let hosts: Vec<&str> = self
            .programs
            .starting()
            .map(|host| host.name(self.plan))
            .collect();
        let hosts = hosts.join(", ");
        let time = show_duration(time.unwrap_or(READY_WITHIN));
        self.stop(format!("the program of {hosts} is not ready after {time}"))
    }

    pub(super) fn begin_program(&mut self, exec: &Exec) -> Stage {
        let Some(edge) = self.edge_of(StationId::Host(exec.host)) else {
            return self.stop("a command runs on a kernel host only".to_owned());
        };
        let id = self.programs.number();
        self.exec = Some(id);
        self.programs.want(Program {
            within: Some(exec.within),
            ..Program::new(id, edge, exec.command.clone())
        });
        Stage::Program
    }

    pub(super) fn edge_of(&self, station: StationId) -> Option<EdgeId> {
        self.edges().position(|it| it == station).map(EdgeId)
    }

    /// Starts or ends a station's program. Does nothing to one that is as wanted already.
    pub(super) fn control(&mut self, station: StationId, control: Control) {
        let (Some(edge), Some(program)) = (self.edge_of(station), self.plan.program(station))
        else {
            return;
        };
        match control {
            Control::Start => {
                let files = self.outsiders.files(station);
                self.programs.start((station, edge), program, files);
            }
            Control::Stop => self.programs.halt(station, Halt::Terminate(END_WITHIN)),
            Control::Kill => self.programs.halt(station, Halt::Kill),
        }
    }
}
