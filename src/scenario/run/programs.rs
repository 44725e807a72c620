//! The programs of kernel hosts, and of elements outside, in a run: started before the first step, watched to its end.

use std::collections::{BTreeMap, VecDeque};

use super::super::outcome::ProgramView;
use super::super::plan::{HostProgram, Plan, ProgramIs, StationId};
use crate::sim::{EdgeId, Ended, Halt, Program, ProgramEnd, ProgramId};
use crate::time::Duration;

/// How long a program may take until it is ready.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(20);
/// How long a program may take to end when it is asked to.
pub(super) const END_WITHIN: Duration = Duration::from_secs(5);

/// All of them, and what the driver is to do.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    of_stations: BTreeMap<StationId, StationProgram>,
    last: u32,
    wanted: VecDeque<Program>,
    halts: VecDeque<(ProgramId, Halt)>,
}

/// A station's program, as it was last started.
#[derive(Debug)]
struct StationProgram {
    id: ProgramId,
    state: State,
    /// Of those that have ended, in order.
    output: String,
}

#[derive(Debug)]
enum State {
    Starting,
    Ready,
    /// It was told to end.
    Ending,
    Ended(Ended),
}

impl State {
    fn is_running(&self) -> bool {
        match self {
            State::Starting | State::Ready | State::Ending => true,
            State::Ended(_) => false,
        }
    }
}

impl Programs {
    /// A new number.
    pub(super) fn number(&mut self) -> ProgramId {
        self.last += 1;
        ProgramId(self.last)
    }

    /// Has the driver start a program.
    pub(super) fn want(&mut self, program: Program) {
        self.wanted.push_back(program);
    }

    /// For the driver.
    pub(super) fn next_wanted(&mut self) -> Option<Program> {
        self.wanted.pop_front()
    }

    /// For the driver.
    pub(super) fn next_halt(&mut self) -> Option<(ProgramId, Halt)> {
        self.halts.pop_front()
    }

    /// Has a station's program end, if it runs.
    pub(super) fn halt(&mut self, station: StationId, halt: Halt) {
        let Some(program) = self.of_stations.get_mut(&station) else {
            return;
        };
        if program.state.is_running() {
            program.state = State::Ending;
            self.halts.push_back((program.id, halt));
        }
    }

    /// Starts a station's program with these files, unless it runs.
    pub(super) fn start(
        &mut self,
        (station, edge): (StationId, EdgeId),
        program: &HostProgram,
        files: Vec<(String, Vec<u8>)>,
    ) {
        let before = self.of_stations.get_mut(&station);
        if before.as_ref().is_some_and(|it| it.state.is_running()) {
            return;
        }
        let output = before.map(|it| std::mem::take(&mut it.output));
        let id = self.number();
        self.want(Program {
            environment: program.environment.clone(),
            ready: program.ready.clone(),
            files,
            ..Program::new(id, edge, program.command.clone())
        });
        let state = match program.ready {
            Some(_) => State::Starting,
            None => State::Ready,
        };
        let output = output.unwrap_or_default();
        self.of_stations
            .insert(station, StationProgram { id, state, output });
    }

    /// Hosts whose programs are not yet ready.
    pub(super) fn starting(&self) -> impl Iterator<Item = StationId> + '_ {
        let all = self.of_stations.iter();
        all.filter(|(_, program)| matches!(program.state, State::Starting))
            .map(|(host, _)| *host)
    }

    /// The driver says that a program is ready.
    pub(super) fn ready(&mut self, id: ProgramId) {
        if let Some((_, program)) = self.find(id)
            && matches!(program.state, State::Starting)
        {
            program.state = State::Ready;
        }
    }

    /// The driver says that a program has ended. One that should not have: whose, and what is wrong. A host's may end
    /// by itself once it is ready, an element's never.
    pub(super) fn ended(&mut self, id: ProgramId, end: ProgramEnd) -> Option<(StationId, String)> {
        let (host, program) = self.find(id)?;
        let wrong = match (&program.state, &end.how, host) {
            (_, Ended::WithTheRun, _) => None,
            (State::Starting, how, _) | (_, how @ Ended::NotStarted(_), _) => {
                Some(format!("is not ready: {how}"))
            }
            (State::Ready, how, StationId::Element(_)) => Some(format!("is gone: {how}")),
            (State::Ready | State::Ending | State::Ended(_), ..) => None,
        };
        program.output.push_str(&end.output);
        program.state = State::Ended(end.how);
        wrong.map(|wrong| (host, wrong))
    }

    fn find(&mut self, id: ProgramId) -> Option<(StationId, &mut StationProgram)> {
        let mut all = self.of_stations.iter_mut();
        all.find(|(_, program)| program.id == id)
            .map(|(host, program)| (*host, program))
    }

    /// Whether this is so of a host's program.
    pub(crate) fn is(&self, host: StationId, is: ProgramIs) -> bool {
        let state = self.of_stations.get(&host).map(|program| &program.state);
        match (is, state) {
            (ProgramIs::Running, Some(state)) => state.is_running(),
            (ProgramIs::NotRunning, Some(State::Ended(_)) | None) => true,
            (ProgramIs::Exited(wanted), Some(State::Ended(Ended::Status(status)))) => {
                *status == wanted
            }
            (ProgramIs::Running | ProgramIs::NotRunning | ProgramIs::Exited(_), _) => false,
        }
    }

    /// What a host's program does, in words.
    pub(crate) fn found(&self, host: StationId) -> String {
        match self.of_stations.get(&host).map(|program| &program.state) {
            None => "never started".to_owned(),
            Some(State::Starting) => "running, and not ready".to_owned(),
            Some(State::Ready | State::Ending) => "running".to_owned(),
            Some(State::Ended(how)) => how.to_string(),
        }
    }

    /// As the run leaves them.
    pub(super) fn views(self, plan: &Plan) -> Vec<ProgramView> {
        let found: Vec<String> = self
            .of_stations
            .keys()
            .map(|host| self.found(*host))
            .collect();
        let all = self.of_stations.into_iter().zip(found);
        all.map(|((host, program), found)| ProgramView {
            host: host.name(plan).to_owned(),
            found,
            output: program.output,
            log: None,
        })
        .collect()
    }
}
