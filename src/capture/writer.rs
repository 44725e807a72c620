//! What is common to the two capture formats: the small interface through which a run writes either.
//!
//! Bytes depend on nothing but the calls: no host name, no clock, no byte order of the machine. Two runs that
//! make the same calls write equal files.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use super::{pcap, pcapng};
use crate::time::{Duration, Instant};
use crate::wire::Mac;

/// What the file says about the run as a whole.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Section {
    /// The program and its version: `jackfield 0.1.0`.
    pub application: String,
    /// One line each: the scenario's title, its seed.
    pub comments: Vec<String>,
    /// When the run began, in nanoseconds since 1970-01-01 UTC; a fixed date where time is virtual.
    pub epoch_nanos: u64,
}

impl Section {
    /// The instant's place in the calendar, as time since 1970-01-01 UTC.
    pub(super) fn since_1970(&self, at: Instant) -> Duration {
        Duration::from_nanos(self.epoch_nanos) + Duration::from_nanos(at.as_nanos())
    }
}

/// An interface of a capture file; good for the writer that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceId(pub(super) u32);

/// Which way a frame went, as its interface sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The interface received it.
    Inbound,
    /// The interface sent it.
    Outbound,
    /// Not said.
    Unknown,
}

/// A capture file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// pcapng: interfaces, names, comments, directions.
    Pcapng,
    /// Classic pcap: frames and their times alone.
    Pcap,
}

impl Format {
    /// The format that a file's ending asks for: `.pcap` is classic, all else pcapng.
    pub fn of(file: &Path) -> Format {
        match file.extension() {
            Some(ending) if ending.eq_ignore_ascii_case("pcap") => Format::Pcap,
            _ => Format::Pcapng,
        }
    }
}

/// A capture file being written, in either format. What the format can't hold is left out.
///
/// After an error the file may end in the middle of a frame and must not be written on.
#[derive(Debug)]
pub enum CaptureWriter<W: Write> {
    /// A pcapng file.
    Pcapng(pcapng::Writer<W>),
    /// A classic file.
    Pcap(pcap::Writer<W>),
}

impl<W: Write> CaptureWriter<W> {
    /// Begins a file. Writes are buffered here, so `out` need not be.
    pub fn new(format: Format, out: W, section: Section) -> io::Result<Self> {
        Ok(match format {
            Format::Pcapng => CaptureWriter::Pcapng(pcapng::Writer::new(out, section)?),
            Format::Pcap => CaptureWriter::Pcap(pcap::Writer::new(out, section)?),
        })
    }

    /// Adds an Ethernet interface; frames on it may follow at any time.
    pub fn add_interface(&mut self, name: &str, description: &str) -> io::Result<InterfaceId> {
        match self {
            CaptureWriter::Pcapng(file) => file.add_interface(name, description),
            CaptureWriter::Pcap(file) => file.add_interface(),
        }
    }

    /// Gives addresses their names, for all frames that follow.
    ///
    /// Fails if a name is empty or holds a NUL.
    pub fn name_resolution(
        &mut self,
        hosts: &[(Ipv4Addr, String)],
        stations: &[(Mac, String)],
    ) -> io::Result<()> {
        match self {
            CaptureWriter::Pcapng(file) => file.name_resolution(hosts, stations),
            CaptureWriter::Pcap(_) => Ok(()),
        }
    }

    /// Writes a frame that passed `interface` at `at`.
    pub fn frame(
        &mut self,
        interface: InterfaceId,
        at: Instant,
        frame: &[u8],
        direction: Direction,
        comment: Option<&str>,
    ) -> io::Result<()> {
        match self {
            CaptureWriter::Pcapng(file) => file.frame(interface, at, frame, direction, comment),
            CaptureWriter::Pcap(file) => file.frame(at, frame),
        }
    }

    /// Writes out what is still buffered and gives the file back.
    pub fn finish(self) -> io::Result<W> {
        match self {
            CaptureWriter::Pcapng(file) => file.finish(),
            CaptureWriter::Pcap(file) => file.finish(),
        }
    }
}

/// Flushes a buffer and what is under it, and gives the latter back.
pub(super) fn unwrap_buffer<W: Write>(buffer: io::BufWriter<W>) -> io::Result<W> {
    let mut out = buffer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    out.flush()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ending_pcap_asks_for_a_classic_file() {
        for (file, format) in [
            ("run.pcap", Format::Pcap),
            ("run.PCAP", Format::Pcap),
            ("run.pcapng", Format::Pcapng),
            ("run", Format::Pcapng),
            ("pcap/run.cap", Format::Pcapng),
        ] {
            assert_eq!(Format::of(Path::new(file)), format, "{file}");
        }
    }

    #[test]
    fn both_formats_are_written_through_the_same_calls() {
        for (format, magic) in [
            (Format::Pcapng, [0x0a, 0x0d, 0x0d, 0x0a]),
            (Format::Pcap, [0x4d, 0x3c, 0xb2, 0xa1]),
        ] {
            let mut file = CaptureWriter::new(format, Vec::new(), Section::default()).unwrap();
            let first = file.add_interface("a", "").unwrap();
            let second = file.add_interface("b", "").unwrap();
            assert_ne!(first, second);
            let host = (Ipv4Addr::LOCALHOST, "me".to_owned());
            file.name_resolution(&[host], &[]).unwrap();
            let frame = b"\x02frame that stands out";
            file.frame(second, Instant::ZERO, frame, Direction::Inbound, Some("c"))
                .unwrap();
            let bytes = file.finish().unwrap();
            assert!(bytes.starts_with(&magic), "{format:?}");
            assert!(bytes.windows(frame.len()).any(|window| window == frame));
        }
    }
}
