//! Programs on hosts: begun by a step, and waited for.

use super::programs::READY_WITHIN;
use super::{Run, Stage};
use crate::scenario::plan::{Exec, StationId};
use crate::scenario::units::show_duration;
use crate::scenario::watch::Listener;
use crate::sim::{EdgeId, Program};

impl<L: Listener> Run<'_, L> {
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
}
