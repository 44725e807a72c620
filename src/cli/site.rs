//! A live run on interfaces of this machine, for `serve` and `phone`: what both do before and after it.

use std::io;
use std::path::Path;

use super::complain;
use super::exit::Exit;
use super::files::recorder;
use super::leases::Kept;
use super::live::{self, Pace, Terms};
use super::{OutputArgs, print};
use crate::os::{Clock, LiveError, date_nanos};
use crate::report::Style;
use crate::scenario::plan::Plan;
use crate::scenario::{Files, Listener, Outcome, Run};

/// What is left of a run.
#[derive(Debug)]
pub(super) struct Ended<L> {
    pub(super) outcome: Outcome,
    pub(super) pace: Result<Pace, LiveError>,
    pub(super) listener: L,
    captured: io::Result<()>,
}

/// Runs a plan live.
///
/// # Errors
/// It could not begin: that is said.
pub(super) fn run<L: Listener>(
    plan: &Plan,
    files: &Files,
    capture: Option<&Path>,
    terms: Terms,
    leases: Option<&mut Kept>,
    listener: L,
) -> Result<Ended<L>, Exit> {
    if let Err(reason) = live::refusal(plan) {
        complain(&format!("error: this machine cannot do it: {reason}"));
        return Err(Exit::MachineRefused);
    }
    let prepared = Clock::start();
    let recorder = recorder(plan, capture, date_nanos()).map_err(|error| {
        complain(&format!("error: capture: {error}"));
        Exit::MachineRefused
    })?;
    let mut run = Run::new(plan, files, recorder, listener).map_err(|error| {
        complain(&format!("error: {error}"));
        Exit::ScenarioWrong
    })?;
    if terms.stands {
        run.stand();
    }
    let pace = live::drive(&mut run, leases, plan, &prepared, terms);
    let (outcome, captured, listener) = run.finish();
    Ok(Ended {
        outcome,
        pace,
        listener,
        captured,
    })
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
