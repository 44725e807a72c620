//! The elements of a run that are programs: in which order they start, what their drivers are asked and have said.
//!
//! Drivers are asked one thing at a time, in order, so that an operation is done before the look at what it did.

use std::collections::{BTreeMap, VecDeque};

use crate::controller::{Forms, FormsData, Request};
use crate::scenario::plan::{ElementId, Plan, StationId};
use crate::sim::ProgramId;
use crate::time::{Duration, Instant};

/// The file with its forms that an element outside finds.
pub const FORMS_FILE: &str = "forms.json";
/// How long after an answer an expectation that still waits has it asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Outsiders {
    /// Elements that have no power yet, the next one last.
    pub(super) raise: Vec<ElementId>,
    /// The forms that an element finds when it is started first. From then on the file is its own.
    forms: BTreeMap<ElementId, FormsData>,
    said: BTreeMap<ElementId, Said>,
    waiting: VecDeque<(ElementId, Request)>,
    pub(super) running: Option<Call>,
    /// What the present step looks at.
    watched: Vec<(ElementId, Request)>,
    ask_at: Option<Instant>,
}

/// A driver at work.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) program: ProgramId,
    pub(super) element: ElementId,
    pub(super) request: Request,
    /// It was asked before the step that looks at the answer began.
    is_stale: bool,
}

/// What a driver has said of its element.
#[derive(Debug, Default)]
struct Said {
    operations: Vec<String>,
    forms: Option<(FormsData, Forms)>,
    /// The ICP/PBX numbers of trunks that are up.
    trunks: Option<Vec<u16>>,
}

impl Outsiders {
    /// Those of a plan, with the forms that each begins with. The element with the lowest CEID index is started last:
    /// it opens the trunks to the others, and would find nobody.
    pub(super) fn new(plan: &Plan, forms: BTreeMap<ElementId, FormsData>) -> Outsiders {
        let mut raise = Vec::new();
        if !forms.is_empty() {
            raise.extend((0..plan.elements.len()).map(ElementId));
            raise.sort_by_key(|element| plan.elements[element.0].ceid_index);
        }
        Outsiders {
            raise,
            forms,
            ..Outsiders::default()
        }
    }

    /// The files that a station's program finds when it is started now.
    pub(super) fn files(&mut self, station: StationId) -> Vec<(String, Vec<u8>)> {
        let StationId::Element(element) = station else {
            return Vec::new();
        };
        let forms = self.forms.remove(&element);
        let text = forms.map(|forms| serde_json::to_string_pretty(&forms).unwrap_or_default());
        text.map(|text| (FORMS_FILE.to_owned(), text.into_bytes()))
            .into_iter()
            .collect()
    }

    /// Whether this element's driver knows a request.
    pub(super) fn knows(&self, element: ElementId, request: &str) -> bool {
        let said = self.said.get(&element);
        said.is_some_and(|said| said.operations.iter().any(|name| name == request))
    }

    /// Has a driver asked, after all that waits.
    pub(super) fn ask(&mut self, element: ElementId, request: Request) {
        self.waiting.push_back((element, request));
    }

    /// Has drivers asked now, and again until [`Outsiders::look_away`]. What they have said before is forgotten.
    pub(super) fn look_at(&mut self, asks: Vec<(ElementId, Request)>) {
        for said in self.said.values_mut() {
            said.forms = None;
            said.trunks = None;
        }
        if let Some(call) = &mut self.running {
            call.is_stale = true;
        }
        self.waiting.extend(asks.iter().cloned());
        self.watched = asks;
    }

    /// Nobody looks any more.
    pub(super) fn look_away(&mut self) {
        self.watched.clear();
        self.ask_at = None;
        // An administrator's operation is always waited for.
        self.waiting.clear();
    }

    /// Whether everything that was asked is answered.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }

    /// What is to be asked next, if no driver is at work.
    pub(super) fn next(&mut self) -> Option<(ElementId, Request)> {
        match self.running {
            Some(_) => None,
            None => self.waiting.pop_front(),
        }
    }

    /// A driver has been started.
    pub(super) fn started(&mut self, program: ProgramId, element: ElementId, request: Request) {
        self.running = Some(Call {
            program,
            element,
            request,
            is_stale: false,
        });
    }

    /// The call of a driver that has ended now; `None`: this program is no driver.
    pub(super) fn ended(&mut self, now: Instant, program: ProgramId) -> Option<Call> {
        let call = self.running.take_if(|call| call.program == program)?;
        if self.waiting.is_empty() && !self.watched.is_empty() {
            self.ask_at = Some(now + ASK_AGAIN);
        }
        Some(call)
    }

    /// When drivers are asked again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Asks again what the present step looks at, if that is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.ask_at.take_if(|at| *at <= now).is_some() {
            self.waiting.extend(self.watched.iter().cloned());
        }
    }

    pub(super) fn learn_operations(&mut self, element: ElementId, operations: Vec<String>) {
        self.said.entry(element).or_default().operations = operations;
    }

    pub(super) fn learn_forms(&mut self, call: &Call, data: FormsData, forms: Forms) {
        if !call.is_stale {
            self.said.entry(call.element).or_default().forms = Some((data, forms));
        }
    }

    pub(super) fn learn_trunks(&mut self, call: &Call, up: Vec<u16>) {
        if !call.is_stale {
            self.said.entry(call.element).or_default().trunks = Some(up);
        }
    }

    /// The forms of an element, as its driver has said since the present step began.
    pub(crate) fn forms_of(&self, element: ElementId) -> Option<&Forms> {
        let said = self.said.get(&element)?;
        said.forms.as_ref().map(|(_, forms)| forms)
    }

    /// Whether an element's trunk to this ICP/PBX number is up, likewise.
    pub(crate) fn trunk_is_up(&self, element: ElementId, icp: u16) -> Option<bool> {
        let up = self.said.get(&element)?.trunks.as_ref()?;
        Some(up.contains(&icp))
    }
}
