//! The pcapng writer (draft-ietf-opsawg-pcapng).
//!
//! ```text
//! section header      application, comments        new
//! interface           name, description            add_interface, at any time
//! name resolution     IPv4 and MAC names           name_resolution, before the frames it is for
//! enhanced packet     frame, direction, comment    frame
//! ```
//!
//! Little endian, nanoseconds, Ethernet. No option says what machine wrote the file.
//!
//! MAC names stand in records of type 3 (`nrb_record_eui48`), which tshark 4.0 skips: Wireshark shows the
//! IPv4 names (`-N n`), other readers both.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::net::Ipv4Addr;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::name_resolution::{
    Ipv4Record, NameResolutionBlock, Record, UnknownRecord,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgWriteError, PcapNgWriter};
use pcap_file::{DataLink, Endianness};

use super::writer::{Direction, InterfaceId, Section, unwrap_buffer};
use crate::time::Instant;
use crate::wire::Mac;

/// Record type of a MAC address's names (draft-ietf-opsawg-pcapng section 4.5).
const NRB_RECORD_EUI48: u16 = 3;
/// Records in one name resolution block. Readers hold a whole block in memory, and some limit its size.
const RECORDS_PER_BLOCK: usize = 1_000;

/// Packet flags, bits 0 and 1 (draft-ietf-opsawg-pcapng section 4.3.1).
const FLAGS_INBOUND: u32 = 0b01;
const FLAGS_OUTBOUND: u32 = 0b10;

/// A pcapng file being written.
pub struct Writer<W: Write> {
    file: PcapNgWriter<BufWriter<W>>,
    section: Section,
}

impl<W: Write> Writer<W> {
    /// Begins a file with its section header.
    pub fn new(out: W, section: Section) -> io::Result<Self> {
        let mut options = vec![SectionHeaderOption::UserApplication(Cow::Borrowed(
            &section.application,
        ))];
        for comment in &section.comments {
            let comment = CommonOption::Comment(Cow::Borrowed(comment));
            options.push(SectionHeaderOption::Common(comment));
        }
        let header = SectionHeaderBlock {
            endianness: Endianness::Little,
            options,
            ..SectionHeaderBlock::default()
        };
        let file = PcapNgWriter::with_section_header(BufWriter::new(out), header);
        Ok(Writer {
            file: file.map_err(io_error)?,
            section,
        })
    }

    /// Adds an Ethernet interface; frames on it may follow at any time. An empty description is left out.
    pub fn add_interface(&mut self, name: &str, description: &str) -> io::Result<InterfaceId> {
        let id = u32::try_from(self.file.interfaces().len())
            .map_err(|_| invalid("too many interfaces"))?;
        let mut options = vec![InterfaceDescriptionOption::IfName(name.into())];
        if !description.is_empty() {
            options.push(InterfaceDescriptionOption::IfDescription(
                description.into(),
            ));
        }
        options.push(InterfaceDescriptionOption::IfTsResol(
            InterfaceTsResolution::NANO,
        ));
        let block = InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            snaplen: 0,
            options,
        };
        self.file.write_pcapng_block(block).map_err(io_error)?;
        Ok(InterfaceId(id))
    }

    /// Gives addresses their names, for all frames that follow.
    ///
    /// Fails if a name is empty or holds a NUL.
    pub fn name_resolution(
        &mut self,
        hosts: &[(Ipv4Addr, String)],
        stations: &[(Mac, String)],
    ) -> io::Result<()> {
        let names = hosts.iter().map(|host| &host.1);
        for name in names.chain(stations.iter().map(|station| &station.1)) {
            if name.is_empty() || name.contains('\0') {
                return Err(invalid("a name of an address is empty or holds a NUL"));
            }
        }
        for hosts in hosts.chunks(RECORDS_PER_BLOCK) {
            self.name_block(hosts.iter().map(host_record).collect())?;
        }
        for stations in stations.chunks(RECORDS_PER_BLOCK) {
            self.name_block(stations.iter().map(station_record).collect())?;
        }
        Ok(())
    }

    fn name_block(&mut self, records: Vec<Record<'_>>) -> io::Result<()> {
        let block = NameResolutionBlock {
            records,
            options: Vec::new(),
        };
        self.file.write_pcapng_block(block).map_err(io_error)?;
        Ok(())
    }

    /// Writes a frame that passed `interface` at `at`.
    ///
    /// Fails for an interface of another file, for a comment above 65,535 bytes, and for a time that 64 bits
    /// of nanoseconds don't hold (the year 2554).
    pub fn frame(
        &mut self,
        interface: InterfaceId,
        at: Instant,
        frame: &[u8],
        direction: Direction,
        comment: Option<&str>,
    ) -> io::Result<()> {
        let flags = match direction {
            Direction::Inbound => Some(FLAGS_INBOUND),
            Direction::Outbound => Some(FLAGS_OUTBOUND),
            Direction::Unknown => None,
        };
        let comment = comment.map(|text| CommonOption::Comment(Cow::Borrowed(text)));
        let block = EnhancedPacketBlock {
            interface_id: interface.0,
            timestamp: self.section.since_1970(at),
            original_len: u32::try_from(frame.len()).map_err(|_| invalid("frame above 4 GiB"))?,
            data: Cow::Borrowed(frame),
            options: flags
                .map(EnhancedPacketOption::Flags)
                .into_iter()
                .chain(comment.map(EnhancedPacketOption::Common))
                .collect(),
        };
        self.file.write_pcapng_block(block).map_err(io_error)?;
        Ok(())
    }

    /// Writes out what is still buffered and gives the file back.
    pub fn finish(self) -> io::Result<W> {
        unwrap_buffer(self.file.into_inner())
    }
}

fn host_record((address, name): &(Ipv4Addr, String)) -> Record<'_> {
    Record::Ipv4(Ipv4Record {
        ip_addr: *address,
        names: vec![Cow::Borrowed(name)],
    })
}

fn station_record((mac, name): &(Mac, String)) -> Record<'_> {
    let mut value = mac.0.to_vec();
    value.extend_from_slice(name.as_bytes());
    value.push(0);
    Record::Unknown(UnknownRecord {
        type_: NRB_RECORD_EUI48,
        value: Cow::Owned(value),
    })
}

fn invalid(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

fn io_error(error: PcapNgWriteError) -> io::Error {
    if let PcapNgWriteError::Io(error) = error {
        error
    } else {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("section", &self.section)
            .field("interfaces", &self.file.interfaces().len())
            .finish_non_exhaustive()
    }
}
