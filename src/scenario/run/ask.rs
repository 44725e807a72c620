//! The steps of a run at elements that are programs: how they start and stop, and what their drivers are asked.

use super::outside::Call;
use super::{READY_WITHIN, Run, Stage, Then};
use crate::controller::{
    Answer, DataError, Forms, FormsData, Request, read_forms, read_operations, read_trunks,
};
use crate::outbox::{Administered, TraceEvent};
use crate::scenario::nearest::slip;
use crate::scenario::needs::{Need, needs};
use crate::scenario::outcome::Violation;
use crate::scenario::plan::{
    Control, ElementId, Expectation, Operation, Outside, ProgramIs, StationId, What,
};
use crate::scenario::watch::Listener;
use crate::sim::{Ended, Observer as _, Program, ProgramEnd, ProgramId};
use crate::time::Duration;
use crate::wire::Mac;

impl<L: Listener> Run<'_, L> {
    /// The program in an element's place.
    pub(super) fn outside(&self, element: ElementId) -> Option<&Outside> {
        self.plan.elements[element.0].outside.as_ref()
    }

    /// Skips the run if an element has no driver for what a step needs of it, or one that does not know it.
    pub(super) fn skip_if_unmet(
        &mut self,
        knows: impl Fn(&Self, Need) -> Result<(), &'static str>,
    ) {
        for need in needs(self.plan) {
            if let Err(why) = knows(self, need) {
                let name = &self.plan.elements[need.element.0].name;
                let (line, request) = (need.line, need.request);
                self.skip(format!("line {line} needs `{request}` of {name}, {why}"));
                return;
            }
        }
    }

    /// Skips the run: it ends when it is next asked what to do.
    pub fn skip(&mut self, reason: String) {
        self.skipped.get_or_insert(reason);
    }

    /// Gives the next element power, or begins with the first step when all have it.
    pub(super) fn raise_next(&mut self) -> Stage {
        while let Some(element) = self.outsiders.raise.pop() {
            if self.outside(element).is_some() {
                return self.start_outside(element, None);
            }
            let node = self.lab.station(StationId::Element(element));
            self.lab.power(node, true, &mut self.watch);
        }
        let elements = (0..self.plan.elements.len()).map(ElementId);
        let driven = |element: &ElementId| {
            self.outside(*element)
                .is_some_and(|outside| outside.driver.is_some())
        };
        let driven: Vec<ElementId> = elements.filter(driven).collect();
        for element in driven {
            self.outsiders.ask(element, Request::Operations);
        }
        self.wait_for_answers(Then::Begin)
    }

    /// All that was asked is to be answered first.
    pub(super) fn wait_for_answers(&mut self, then: Then) -> Stage {
        self.ask_next();
        Stage::Asking(then)
    }

    /// The steps are over. What an element has in its forms is looked at once more.
    pub(super) fn last_look(&mut self) -> Stage {
        for element in (0..self.plan.elements.len()).map(ElementId) {
            let runs = self
                .programs
                .is(StationId::Element(element), ProgramIs::Running);
            if runs && self.outsiders.knows(element, "show-forms") {
                self.outsiders.ask(element, Request::ShowForms);
            }
        }
        self.wait_for_answers(Then::End)
    }

    /// What an expectation looks at that drivers alone know.
    pub(super) fn asks(&self, expectations: &[Expectation]) -> Vec<(ElementId, Request)> {
        let mut asks = Vec::new();
        for expectation in expectations {
            let ask = match &expectation.what {
                What::Mapped { element, .. } | What::Remote { element, .. } => {
                    (*element, Request::ShowForms)
                }
                What::Trunk { element, .. } => (*element, Request::ShowTrunks),
                What::Phone { .. } | What::Frames(_) | What::Program { .. } => continue,
            };
            if self.outside(ask.0).is_some() && !asks.contains(&ask) {
                asks.push(ask);
            }
        }
        asks
    }

    /// Starts the next driver that is to be asked, if none is at work.
    pub(super) fn ask_next(&mut self) {
        let Some((element, request)) = self.outsiders.next() else {
            return;
        };
        let driver = self.outside(element).and_then(|it| it.driver.clone());
        let edge = self.edge_of(StationId::Element(element));
        let (Some(driver), Some(edge)) = (driver, edge) else {
            let name = &self.plan.elements[element.0].name;
            let request = request.name();
            return self.skip(format!("`{request}` of {name}, which has no driver"));
        };
        let id = self.programs.number();
        self.programs.want(Program {
            input: Some(request.to_json().to_string().into_bytes()),
            within: Some(driver.within),
            ..Program::new(id, edge, driver.command)
        });
        self.outsiders.started(id, element, request);
    }

    /// Whether a program that has ended was a driver; then its answer is taken.
    pub(super) fn driver_ended(&mut self, id: ProgramId, end: &ProgramEnd) -> bool {
        let now = self.lab.world.now();
        let Some(call) = self.outsiders.ended(now, id) else {
            return false;
        };
        if end.how == Ended::WithTheRun || matches!(self.stage, Stage::Done) {
            return true;
        }
        let answer = match &end.how {
            Ended::Status(status) => Answer::read(*status, &end.answer),
            how @ (Ended::Signal | Ended::OutOfTime | Ended::WithTheRun | Ended::NotStarted(_)) => {
                Err(how.to_string())
            }
        };
        if let Err(why) = answer.and_then(|answer| self.answered(&call, answer)) {
            let name = &self.plan.elements[call.element.0].name;
            let output = end.output.trim_end();
            let said = if output.is_empty() {
                ""
            } else {
                "; it said:\n"
            };
            let request = call.request.name();
            self.stage = self.stop(format!(
                "the driver of {name} failed at `{request}`: {why}{said}{output}"
            ));
        }
        self.ask_next();
        true
    }

    /// What a driver has answered.
    fn answered(&mut self, call: &Call, answer: Answer) -> Result<(), String> {
        let element = call.element;
        let value = match answer {
            Answer::Done(value) => value,
            Answer::Refused(why) => {
                return match &call.request {
                    Request::Do(operation) => {
                        self.note(element, operation, None, Some(why.clone()));
                        let name = &self.plan.elements[element.0].name;
                        self.stage = self.stop(format!("{name} does not {operation}: {why}"));
                        Ok(())
                    }
                    Request::Operations | Request::ShowForms | Request::ShowTrunks => {
                        Err(format!("refused: {why}"))
                    }
                };
            }
            Answer::Unsupported(why) => {
                let name = &self.plan.elements[element.0].name;
                let request = call.request.name();
                self.skip(format!("{name} has no `{request}`: {why}"));
                return Ok(());
            }
        };
        match &call.request {
            Request::Operations => {
                let operations = read_operations(&value)?;
                check_spelling(&operations)?;
                self.outsiders.learn_operations(element, operations);
                self.skip_if_unmet(|run, need| {
                    match need.element != element || run.outsiders.knows(element, need.request) {
                        true => Ok(()),
                        false => Err("whose driver does not know it"),
                    }
                });
            }
            Request::ShowForms => self.learn_forms(call, read_forms(&value)?)?,
            Request::ShowTrunks => {
                let up = read_trunks(&value)?;
                self.outsiders.learn_trunks(call, up);
            }
            Request::Do(operation) => {
                let set = crate::controller::read_set(&value)?;
                self.note(element, operation, set, None);
                self.stage = self.administered(set);
            }
        }
        Ok(())
    }

    /// The forms of an element are held against RG-3: a set is at one DN.
    fn learn_forms(&mut self, call: &Call, data: FormsData) -> Result<(), String> {
        match Forms::try_from(&data) {
            Ok(forms) => self.outsiders.learn_forms(call, data, forms),
            Err(DataError::TwoDns(mac)) => {
                let name = &self.plan.elements[call.element.0].name;
                let set = self.plan.phones.iter().position(|phone| phone.mac == mac);
                self.violation.get_or_insert(Violation {
                    at: self.lab.world.now(),
                    set: set.map(crate::scenario::plan::PhoneId),
                    rule: "RG-3",
                    what: format!("is at two DNs in the forms of {name}: {mac}"),
                    evidence: Vec::new(),
                });
                self.stage = Stage::Done;
            }
            Err(error) => return Err(format!("`forms`: {error}")),
        }
        Ok(())
    }

    /// Tells what an administrator has done at an element outside.
    fn note(
        &mut self,
        element: ElementId,
        operation: &Operation,
        set: Option<Mac>,
        refused: Option<String>,
    ) {
        let node = self.lab.station(StationId::Element(element));
        let now = self.lab.world.now();
        let event = TraceEvent::Administered(Administered {
            rule: operation.rule(),
            what: operation.to_string(),
            set,
            refused,
        });
        self.watch.event(now, node, event);
    }

    /// An element outside is to lose power, once a driver that is at work has answered.
    pub(super) fn stop_outside(&mut self, element: ElementId) -> Stage {
        let station = StationId::Element(element);
        if self.programs.is(station, ProgramIs::NotRunning) {
            return self.next_step();
        }
        self.wait_for_answers(Then::Stop(element))
    }

    /// Its cable brings no signal any more, and its program is told to end. Its disk survives that, so what it has written
    /// there: this is a test of that too.
    pub(super) fn cut_off(&mut self, element: ElementId) -> Stage {
        let link = self.lab.element_link(element);
        self.lab.world.unplug(link, &mut self.watch);
        let station = StationId::Element(element);
        self.control(station, Control::Stop);
        Stage::Ending(station)
    }

    /// An element outside gets power, before the first step or (`Some`) as a step wants.
    pub(super) fn start_outside(&mut self, element: ElementId, step: Option<StationId>) -> Stage {
        let link = self.lab.element_link(element);
        self.lab.world.plug(link, &mut self.watch);
        let station = StationId::Element(element);
        self.control(station, Control::Start);
        Stage::Starting {
            host: step,
            until: self.lab.world.now() + self.ready_within(station),
        }
    }

    /// How long the program of a station may take to be ready.
    pub(super) fn ready_within(&self, station: StationId) -> Duration {
        match station {
            StationId::Element(element) => self
                .outside(element)
                .map_or(READY_WITHIN, |outside| outside.ready_within),
            StationId::Host(_) => READY_WITHIN,
        }
    }
}

/// A build may know requests of its own. One whose name is nearly that of a request that the build does not name is a slip
/// of the hand, and would have the scenarios that need it skipped.
fn check_spelling(operations: &[String]) -> Result<(), String> {
    let missing = Request::NAMES
        .into_iter()
        .filter(|name| !operations.iter().any(|it| it == name));
    for name in operations {
        if !Request::NAMES.contains(&name.as_str())
            && let Some(meant) = slip(name, missing.clone())
        {
            return Err(format!(
                "`operations`: `{name}` is no request; did you mean `{meant}`?"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_misspelt_is_told_from_one_of_the_builds_own() {
        let check = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            check_spelling(&names)
        };
        assert_eq!(
            check(&["show-trunks", "show-form"]),
            Err("`operations`: `show-form` is no request; did you mean `show-forms`?".to_owned())
        );
        assert_eq!(check(&["show-forms", "show-form", "reboot"]), Ok(()));
        assert_eq!(check(&["change-pin", "show-links", "move-dn"]), Ok(()));
    }
}
