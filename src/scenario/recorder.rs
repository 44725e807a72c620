//! The run's capture: one interface a segment, one for what was dropped, comments where they help.
//!
//! A frame is recorded once on each segment that it crosses, when the segment's switch gets it. Directions
//! are those that the segment's router would note: what a router sent is outbound, all else inbound. A
//! write error ends the capture and is kept for the report; the run goes on.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use super::comments::Explainer;
use super::plan::{Plan, SubnetId};
use crate::capture::{CaptureWriter, Direction, Format, InterfaceId, Section};
use crate::outbox::DropReason;
use crate::time::{Duration, Instant};
use crate::wire::Frame;

/// Virtual runs begin at 2000-01-01 00:00 UTC.
pub const VIRTUAL_EPOCH_NANOS: u64 = 946_684_800_000_000_000;

/// The interface of a capture on which dropped frames are.
pub const DROPS: &str = "drops";

/// The interface on which a station's own end of its cable is, where faults have touched what it gets. Only captures
/// of scenarios with faults have it.
pub const FAULTS: &str = "faults";

/// Where a run's capture goes.
pub type CaptureSink = Box<dyn Write>;

/// Writes a run's capture, and numbers its frames as Wireshark will.
pub struct Recorder {
    file: Option<CaptureWriter<CaptureSink>>,
    segments: Vec<InterfaceId>,
    drops: Option<InterfaceId>,
    faults: Option<InterfaceId>,
    frames: u64,
    /// From the file's epoch to the beginning of the run.
    delay: Duration,
    error: Option<io::Error>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("frames", &self.frames)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recorder that only numbers frames.
    pub fn off() -> Recorder {
        Recorder {
            file: None,
            segments: Vec::new(),
            drops: None,
            faults: None,
            frames: 0,
            delay: Duration::ZERO,
            error: None,
        }
    }

    /// A recorder that writes to `out`. `epoch_nanos`: when the run begins, since 1970-01-01 UTC.
    pub fn new(
        plan: &Plan,
        format: Format,
        out: CaptureSink,
        epoch_nanos: u64,
    ) -> io::Result<Recorder> {
        let section = Section {
            application: concat!("jackfield ", env!("CARGO_PKG_VERSION")).to_owned(),
            comments: vec![
                format!("scenario: {}", plan.title),
                format!("seed: {}", plan.seed),
                format!("shows: {}", plan.shows.join(" ")),
            ],
            epoch_nanos,
        };
        let mut file = CaptureWriter::new(format, out, section)?;
        let mut segments = Vec::new();
        for subnet in &plan.subnets {
            let description = format!("segment {}/{}", subnet.prefix.address, subnet.prefix.len);
            segments.push(file.add_interface(&subnet.name, &description)?);
        }
        let drops =
            file.add_interface(DROPS, "frames that went no further, each with its reason")?;
        let faults = match plan.faults.is_empty() {
            true => None,
            false => Some(file.add_interface(
                FAULTS,
                "frames as stations get them from a cable with a fault",
            )?),
        };
        let names = super::comments::names(plan);
        file.name_resolution(&names.addresses, &names.macs)?;
        Ok(Recorder {
            file: Some(file),
            segments,
            drops: Some(drops),
            faults,
            frames: 0,
            delay: Duration::ZERO,
            error: None,
        })
    }

    /// The run begins so much later than the epoch says.
    pub fn begin_later(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Whether frames are written, and so comments are wanted.
    pub fn is_on(&self) -> bool {
        self.file.is_some()
    }

    /// Number of the frame that was recorded last, from 1; 0 before the first.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Records a frame on a segment. `marked`: what faults did to it.
    pub fn frame(
        &mut self,
        now: Instant,
        (on, direction): (SubnetId, Direction),
        frame: &Frame,
        marked: Option<String>,
        explainer: &mut Explainer,
    ) {
        self.frames += 1;
        if self.is_on() {
            let comment = match (marked, explainer.comment(on, frame)) {
                (Some(marked), Some(comment)) => Some(format!("{marked} · {comment}")),
                (marked, comment) => marked.or(comment),
            };
            let interface = self.segments.get(on.0).copied();
            self.write(interface, now, frame, direction, comment.as_deref());
        }
    }

    /// Records a frame that faults have touched on its way to the station called `who`.
    pub fn touched(&mut self, now: Instant, who: &str, marks: &str, frame: &Frame) {
        self.frames += 1;
        let comment = format!("to {who}: {marks}");
        self.write(self.faults, now, frame, Direction::Unknown, Some(&comment));
    }

    /// Records a frame that was dropped by the station called `who`, and the fault that did it, if one did.
    pub fn drop(
        &mut self,
        now: Instant,
        who: &str,
        (reason, fault): (DropReason, Option<&str>),
        frame: &Frame,
    ) {
        self.frames += 1;
        if self.is_on() {
            let rule = if reason == DropReason::ReversePath {
                " · MV-6"
            } else {
                ""
            };
            let fault = fault.map_or(String::new(), |fault| format!(" · {fault}"));
            let comment = format!("dropped at {who}: {reason}{rule}{fault}");
            let comment = Some(comment.as_str());
            self.write(self.drops, now, frame, Direction::Unknown, comment);
        }
    }

    /// From now on this address has this name.
    pub(super) fn name(&mut self, address: Ipv4Addr, name: &str) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.name_resolution(&[(address, name.to_owned())], &[]) {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.error = Some(error);
        self.file = None;
    }

    fn write(
        &mut self,
        interface: Option<InterfaceId>,
        now: Instant,
        frame: &Frame,
        direction: Direction,
        comment: Option<&str>,
    ) {
        let (Some(file), Some(interface)) = (&mut self.file, interface) else {
            return;
        };
        if let Err(error) = file.frame(interface, now + self.delay, frame, direction, comment) {
            self.fail(error);
        }
    }

    /// Writes out what is still buffered. An error means that the capture is incomplete.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match self.file.take() {
            Some(file) => file.finish()?.flush(),
            None => Ok(()),
        }
    }
}
