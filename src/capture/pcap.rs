//! The classic pcap writer, for tools that know no better: frames and times, nothing else.
//!
//! Little endian, nanoseconds (magic 0xa1b23c4d), Ethernet. Times end in the year 2106: the field for the
//! seconds has 32 bits.

use std::io::{self, BufWriter, Write};

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapTsResolution, PcapWriteError, PcapWriter};
use pcap_file::{DataLink, Endianness};

use super::writer::{InterfaceId, Section, unwrap_buffer};
use crate::time::Instant;

/// The longest frame that the file promises to hold, in bytes; what tcpdump writes.
const SNAPLEN: u32 = 262_144;

/// A classic capture file being written.
#[derive(Debug)]
pub struct Writer<W: Write> {
    file: PcapWriter<BufWriter<W>>,
    section: Section,
    interfaces: u32,
}

impl<W: Write> Writer<W> {
    /// Begins a file. Of `section` only the epoch has a place in it.
    pub fn new(out: W, section: Section) -> io::Result<Self> {
        let header = PcapHeader {
            version_major: 2,
            version_minor: 4,
            ts_correction: 0,
            ts_accuracy: 0,
            snaplen: SNAPLEN,
            datalink: DataLink::ETHERNET,
            ts_resolution: PcapTsResolution::NanoSecond,
            endianness: Endianness::Little,
        };
        Ok(Writer {
            file: PcapWriter::with_header(BufWriter::new(out), header).map_err(io_error)?,
            section,
            interfaces: 0,
        })
    }

    /// Counts an interface; the file itself holds none.
    pub fn add_interface(&mut self) -> io::Result<InterfaceId> {
        let id = InterfaceId(self.interfaces);
        self.interfaces += 1;
        Ok(id)
    }

    /// Writes a frame.
    ///
    /// Fails above 262,144 bytes, and from the year 2106 on.
    pub fn frame(&mut self, at: Instant, frame: &[u8]) -> io::Result<()> {
        let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let packet = PcapPacket::new(self.section.since_1970(at), len, frame)
            .map_err(|error| io_error(error.into()))?;
        self.file.write_packet(&packet).map_err(io_error)?;
        Ok(())
    }

    /// Writes out what is still buffered and gives the file back.
    pub fn finish(self) -> io::Result<W> {
        unwrap_buffer(self.file.into_inner())
    }
}

fn io_error(error: PcapWriteError) -> io::Error {
    match error {
        PcapWriteError::Io(error) | PcapWriteError::FieldWriteFailed(_, error) => error,
        PcapWriteError::Validation(error) => io::Error::new(io::ErrorKind::InvalidInput, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_parser::parse_pcap;

    #[test]
    fn frames_are_read_back_with_their_nanoseconds() {
        let section = Section {
            epoch_nanos: 1_700_000_000_000_000_001,
            ..Section::default()
        };
        let mut file = Writer::new(Vec::new(), section).unwrap();
        file.frame(Instant::from_nanos(2_000_000_008), b"frame")
            .unwrap();
        file.frame(Instant::from_nanos(2_000_000_009), b"").unwrap();
        let bytes = file.finish().unwrap();
        let (rest, read) = parse_pcap(&bytes).unwrap();
        assert_eq!(rest, b"");
        assert!(read.header.is_nanosecond_precision());
        let frames: Vec<_> = read
            .blocks
            .iter()
            .map(|block| (block.ts_sec, block.ts_usec, block.data))
            .collect();
        assert_eq!(
            frames,
            [
                (1_700_000_002, 9, &b"frame"[..]),
                (1_700_000_002, 10, &b""[..])
            ]
        );
    }

    #[test]
    fn what_the_format_cannot_hold_is_an_error_and_not_a_panic() {
        let mut file = Writer::new(Vec::new(), Section::default()).unwrap();
        let too_long = vec![0; SNAPLEN as usize + 1];
        file.frame(Instant::ZERO, &too_long).unwrap_err();
        file.frame(Instant::from_nanos(u64::MAX), b"").unwrap_err();
    }
}
