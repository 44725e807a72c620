//! The programs of kernel hosts in a run: started before the first step, watched to the run's end.

use std::collections::{BTreeMap, VecDeque};

use super::super::outcome::ProgramView;
use super::super::plan::{Control, HostId, HostKind, Plan, ProgramIs};
use crate::sim::{EdgeId, Ended, Halt, Program, ProgramEnd, ProgramId};
use crate::time::Duration;

/// How long a program may take until it is ready.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(20);
/// How long a program may take to end when it is asked to.
const END_WITHIN: Duration = Duration::from_secs(5);

/// All of them, and what the driver is to do.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    of_hosts: BTreeMap<HostId, HostProgram>,
    last: u32,
    wanted: VecDeque<Program>,
    halts: VecDeque<(ProgramId, Halt)>,
}

/// A host's program, as it was last started.
#[derive(Debug)]
struct HostProgram {
    id: ProgramId,
    state: State,
    /// Of the one that has ended last.
    output: String,
}

#[derive(Debug)]
enum State {
    Starting,
    Ready,
    Ended(Ended),
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

    /// Starts, stops or kills a host's program. Does nothing to one that is as wanted already.
    pub(super) fn control(&mut self, plan: &Plan, edge: EdgeId, host: HostId, control: Control) {
        let runs = self.running(host);
        match (control, runs) {
            (Control::Start, None) => self.start(plan, edge, host),
            (Control::Stop, Some(id)) => {
                self.halts.push_back((id, Halt::Terminate(END_WITHIN)));
            }
            (Control::Kill, Some(id)) => self.halts.push_back((id, Halt::Kill)),
            (Control::Start, Some(_)) | (Control::Stop | Control::Kill, None) => {}
        }
    }

    fn start(&mut self, plan: &Plan, edge: EdgeId, host: HostId) {
        let HostKind::Kernel {
            program: Some(program),
            ..
        } = &plan.hosts[host.0].kind
        else {
            return;
        };
        let id = self.number();
        self.want(Program {
            id,
            edge,
            command: program.command.clone(),
            environment: program.environment.clone(),
            within: None,
            ready: program.ready.clone(),
        });
        let state = match program.ready {
            Some(_) => State::Starting,
            None => State::Ready,
        };
        let output = String::new();
        self.of_hosts
            .insert(host, HostProgram { id, state, output });
    }

    fn running(&self, host: HostId) -> Option<ProgramId> {
        let program = self.of_hosts.get(&host)?;
        match program.state {
            State::Starting | State::Ready => Some(program.id),
            State::Ended(_) => None,
        }
    }

    /// Hosts whose programs are not yet ready.
    pub(super) fn starting(&self) -> impl Iterator<Item = HostId> + '_ {
        let all = self.of_hosts.iter();
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

    /// The driver says that a program has ended. Of a host's program that was not ready yet: whose, and how.
    pub(super) fn ended(&mut self, id: ProgramId, end: ProgramEnd) -> Option<(HostId, String)> {
        let (host, program) = self.find(id)?;
        let was_starting = matches!(program.state, State::Starting);
        let failed =
            was_starting && end.how != Ended::WithTheRun || matches!(end.how, Ended::NotStarted(_));
        let how = describe(&end.how);
        program.output = end.output;
        program.state = State::Ended(end.how);
        failed.then_some((host, how))
    }

    fn find(&mut self, id: ProgramId) -> Option<(HostId, &mut HostProgram)> {
        let mut all = self.of_hosts.iter_mut();
        all.find(|(_, program)| program.id == id)
            .map(|(host, program)| (*host, program))
    }

    /// Whether this is so of a host's program.
    pub(crate) fn is(&self, host: HostId, is: ProgramIs) -> bool {
        let state = self.of_hosts.get(&host).map(|program| &program.state);
        match (is, state) {
            (ProgramIs::Running, Some(State::Starting | State::Ready)) => true,
            (ProgramIs::NotRunning, Some(State::Ended(_)) | None) => true,
            (ProgramIs::Exited(wanted), Some(State::Ended(Ended::Status(status)))) => {
                *status == wanted
            }
            (ProgramIs::Running | ProgramIs::NotRunning | ProgramIs::Exited(_), _) => false,
        }
    }

    /// What a host's program does, in words.
    pub(crate) fn found(&self, host: HostId) -> String {
        match self.of_hosts.get(&host).map(|program| &program.state) {
            None => "never started".to_owned(),
            Some(State::Starting) => "running, and not ready".to_owned(),
            Some(State::Ready) => "running".to_owned(),
            Some(State::Ended(how)) => describe(how),
        }
    }

    /// As the run leaves them.
    pub(super) fn views(self, plan: &Plan) -> Vec<ProgramView> {
        let found: Vec<String> = self.of_hosts.keys().map(|host| self.found(*host)).collect();
        let all = self.of_hosts.into_iter().zip(found);
        all.map(|((host, program), found)| ProgramView {
            host: plan.hosts[host.0].name.clone(),
            found,
            output: program.output,
        })
        .collect()
    }
}

/// How a program ended, in words.
fn describe(how: &Ended) -> String {
    match how {
        Ended::Status(status) => format!("ended with status {status}"),
        Ended::Signal => "ended by a signal".to_owned(),
        Ended::OutOfTime => "killed, as it did not end in its time".to_owned(),
        Ended::WithTheRun => "ended with the run".to_owned(),
        Ended::NotStarted(reason) => reason.clone(),
    }
}
