//! A live run on interfaces of this machine, for `serve` and `phone`: what both do before and after it.

use std::io;
use std::path::Path;

use super::complain;
use super::exit::Exit;
use super::files::recorder;
use super::leases::Kept;
use super::live::{self, Machine, Pace, Terms};
use super::{OutputArgs, print};
use crate::os::{Clock, LiveError, date_nanos};
use crate::report::Style;
use crate::scenario::plan::Plan;
use crate::scenario::{Files, Listener, Outcome, Recorder, Run};

/// What is left of a run.
#[derive(Debug)]
pub(super) struct Ended<L> {
    pub(super) outcome: Outcome,
    pub(super) pace: Result<Pace, LiveError>,
    pub(super) listener: L,
    captured: io::Result<()>,
    /// Until all is told.
    _machine: Machine,
}

/// A run that has all it needs of the machine, and has not begun.
#[derive(Debug)]
pub(super) struct Prepared<'p> {
    pub(super) plan: &'p Plan,
    terms: Terms,
    machine: Machine,
    recorder: Recorder,
    /// Began with the capture's epoch.
    clock: Clock,
}

impl<'p> Prepared<'p> {
    /// Asks the machine for all that a run of this plan needs. Nothing has been told before, and a capture of that name
    /// is only replaced when all else is there.
    ///
    /// # Errors
    /// It refuses: that is said.
    pub(super) fn new(
        plan: &'p Plan,
        capture: Option<&Path>,
        terms: Terms,
    ) -> Result<Prepared<'p>, Exit> {
        let refused = |text: String| {
            complain(&format!("error: {text}"));
            Exit::MachineRefused
        };
        live::refusal(plan)
            .map_err(|reason| refused(format!("this machine cannot do it: {reason}")))?;
        let machine = live::open(plan, terms).map_err(|error| refused(why(&error)))?;
        let clock = Clock::start();
        let recorder = recorder(plan, capture, date_nanos())
            .map_err(|error| refused(format!("capture: {error}")))?;
        Ok(Prepared {
            plan,
            terms,
            machine,
            recorder,
            clock,
        })
    }

    /// Runs it.
    ///
    /// # Errors
    /// It could not begin: that is said.
    pub(super) fn run<L: Listener>(
        mut self,
        files: &Files,
        leases: Option<&mut Kept>,
        listener: L,
    ) -> Result<Ended<L>, Exit> {
        let mut run = Run::new(self.plan, files, self.recorder, listener).map_err(|error| {
            complain(&format!("error: {error}"));
            Exit::ScenarioWrong
        })?;
        if self.terms.stands {
            run.stand();
        }
        let with = (self.terms, &mut self.machine);
        let pace = live::drive(&mut run, leases, self.plan, &self.clock, with);
        let (outcome, captured, listener) = run.finish();
        Ok(Ended {
            outcome,
            pace,
            listener,
            captured,
            _machine: self.machine,
        })
    }
}

impl<L> Ended<L> {
    /// Says how the machine did, and gives the exit code where it failed.
    pub(super) fn machine(&self, output: &OutputArgs) -> Option<Exit> {
        if let Ok(pace) = &self.pace
            && !output.json
        {
            print(&pace.remarks());
            if let Some(path) = &output.capture {
                print(&format!(
                    "{} frames in {}\n",
                    self.outcome.frames,
                    path.display()
                ));
            }
        }
        if let Err(error) = &self.captured {
            complain(&format!("error: the capture is incomplete: {error}"));
        }
        if let Err(error) = &self.pace {
            let reason = self.outcome.stopped.as_ref().map(|it| it.reason.as_str());
            let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
            complain(&format!("error: {}{reason}", why(error)));
        }
        (self.captured.is_err() || self.pace.is_err()).then_some(Exit::MachineRefused)
    }
}

/// A machine's failure, with the way out where it is a lack of rights.
fn why(error: &LiveError) -> String {
    if let LiveError::Interface { source, .. } = error
        && source.kind() == io::ErrorKind::PermissionDenied
    {
        return format!("{error}: it needs CAP_NET_RAW; run as root, for example with sudo");
    }
    error.to_string()
}

/// How the text report of such a run looks.
pub(super) fn style(output: &OutputArgs) -> Style {
    use std::io::IsTerminal as _;
    Style {
        colour: io::stdout().is_terminal(),
        verbose: output.verbose,
    }
}
