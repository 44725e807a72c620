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

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_parser::PcapBlockOwned;
    use pcap_parser::pcapng::{Block, PcapNGOption, PcapNGSlice};
    use pcap_parser::traits::PcapNGPacketBlock;
    use std::fmt::Write as _;
    use std::process::{Command, Stdio};

    /// A broadcast UDP datagram from 10.1.0.50 port 68 to 10.1.0.1 port 67, without data.
    const FRAME: [u8; 42] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x32, 8, 0, // Ethernet
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0x66, 0x9b, 10, 1, 0, 50, 10, 1, 0, 1, // IPv4
        0, 68, 0, 67, 0, 8, 0, 0, // UDP
    ];

    #[test]
    fn every_block_is_read_back_as_it_was_written() {
        assert_eq!(
            read_back(&sample()),
            "\
section, little endian
  4: jackfield 0.1.0
  1: A phone is moved
  1: seed 7
interface 1, snaplen 0
  2: hq
  3: the switch's uplink
  9: [9]
interface 1, snaplen 0
  2: branch
  9: [9]
names
  1: [10, 1, 0, 50] anna
  1: [10, 1, 0, 1] gateway
names
  3: [2, 0, 0, 0, 0, 50] anna
frame on 0 at 1700000000000000001, 42 of 42 bytes
  2: [1, 0, 0, 0]
  1: asks for \u{201c}its\u{201d} gateway \u{b7} MV-3
frame on 1 at 1700000012003051999, 3 of 3 bytes
  2: [2, 0, 0, 0]
frame on 1 at 1700000012003051999, 0 of 0 bytes
"
        );
    }

    #[test]
    fn two_equal_runs_write_equal_files() {
        assert_eq!(sample(), sample());
    }

    #[test]
    fn many_names_are_spread_over_blocks_and_none_is_lost() {
        let hosts: Vec<_> = (0..2_500)
            .map(|n| (Ipv4Addr::from_bits(n), format!("phone-{n}")))
            .collect();
        let mut file = Writer::new(Vec::new(), Section::default()).unwrap();
        file.name_resolution(&hosts, &[]).unwrap();
        let text = read_back(&file.finish().unwrap());
        assert_eq!(text.matches("names\n").count(), 3);
        assert_eq!(text.matches(" phone-").count(), 2_500);
    }

    #[test]
    fn what_the_format_cannot_hold_is_an_error_and_not_a_panic() {
        let mut file = Writer::new(Vec::new(), Section::default()).unwrap();
        let nowhere = InterfaceId(0);
        let write = |file: &mut Writer<Vec<u8>>, at, comment| {
            file.frame(nowhere, at, b"x", Direction::Unknown, comment)
        };
        write(&mut file, Instant::ZERO, None).unwrap_err();
        file.add_interface("here", "").unwrap();
        write(&mut file, Instant::ZERO, None).unwrap();
        let long = "c".repeat(65_536);
        write(&mut file, Instant::ZERO, Some(&long)).unwrap_err();
        for name in ["", "a\0b"] {
            let host = (Ipv4Addr::LOCALHOST, name.to_owned());
            file.name_resolution(&[host], &[]).unwrap_err();
        }
        let text = read_back(&file.finish().unwrap());
        assert_eq!(text.matches("frame on").count(), 1, "{text}");

        let late = Section {
            epoch_nanos: u64::MAX,
            ..Section::default()
        };
        let mut file = Writer::new(Vec::new(), late).unwrap();
        file.add_interface("here", "").unwrap();
        write(&mut file, Instant::from_nanos(1), None).unwrap_err();
    }

    #[test]
    fn an_error_of_the_disk_reaches_the_caller() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut file = Writer::new(Full, Section::default()).unwrap();
        let lan = file.add_interface("lan", "").unwrap();
        let big = vec![0; 100_000];
        let error = file.frame(lan, Instant::ZERO, &big, Direction::Unknown, None);
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);

        let file = Writer::new(Full, Section::default()).unwrap();
        let error = file.finish().map(|_| ());
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn tshark_shows_interfaces_comments_times_and_names() {
        let fields = [
            "frame.interface_name",
            "frame.interface_description",
            "frame.comment",
            "frame.time_epoch",
            "frame.packet_flags_direction",
            "ip.src_host",
            "ip.dst_host",
            "frame.len",
        ];
        let mut tshark = Command::new("tshark");
        tshark.args(["-r", "-", "-N", "n", "-T", "fields", "-E", "separator=|"]);
        tshark.args(fields.iter().flat_map(|field| ["-e", field]));
        tshark.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = match tshark.stderr(Stdio::null()).spawn() {
            Ok(running) => running,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = "tshark_shows_interfaces_comments_times_and_names";
                eprintln!("SKIPPED: {name}: no tshark");
                return;
            }
            Err(error) => panic!("tshark: {error}"),
        };
        let mut input = running.stdin.take().unwrap();
        input.write_all(&sample()).unwrap();
        drop(input);
        let output = running.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "\
hq|the switch's uplink|asks for \u{201c}its\u{201d} gateway \u{b7} MV-3|1700000000.000000001|0x00000001|anna|gateway|42
branch|||1700000012.003051999|0x00000002|||3
branch|||1700000012.003051999||||0
"
        );
    }

    fn sample() -> Vec<u8> {
        let section = Section {
            application: "jackfield 0.1.0".to_owned(),
            comments: vec!["A phone is moved".to_owned(), "seed 7".to_owned()],
            epoch_nanos: 1_700_000_000_000_000_000,
        };
        let mut file = Writer::new(Vec::new(), section).unwrap();
        let hq = file.add_interface("hq", "the switch's uplink").unwrap();
        let branch = file.add_interface("branch", "").unwrap();
        let hosts = [
            (Ipv4Addr::new(10, 1, 0, 50), "anna".to_owned()),
            (Ipv4Addr::new(10, 1, 0, 1), "gateway".to_owned()),
        ];
        let stations = [(Mac([2, 0, 0, 0, 0, 50]), "anna".to_owned())];
        file.name_resolution(&hosts, &stations).unwrap();
        let comment = "asks for \u{201c}its\u{201d} gateway \u{b7} MV-3";
        let first = Instant::from_nanos(1);
        let then = Instant::from_nanos(12_003_051_999);
        file.frame(hq, first, &FRAME, Direction::Inbound, Some(comment))
            .unwrap();
        file.frame(branch, then, &FRAME[..3], Direction::Outbound, None)
            .unwrap();
        file.frame(branch, then, &[], Direction::Unknown, None)
            .unwrap();
        file.finish().unwrap()
    }

    /// What another reader sees, as text.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a block of any other kind is a fault"
    )]
    fn read_back(bytes: &[u8]) -> String {
        let capture = PcapNGSlice::from_slice(bytes).unwrap();
        let mut text = String::new();
        for block in capture {
            let PcapBlockOwned::NG(block) = block.unwrap() else {
                panic!("not a pcapng block");
            };
            match block {
                Block::SectionHeader(block) => {
                    assert!(!block.big_endian());
                    text += "section, little endian\n";
                    write_options(&mut text, &block.options);
                }
                Block::InterfaceDescription(block) => {
                    let linktype = block.linktype.0;
                    writeln!(text, "interface {linktype}, snaplen {}", block.snaplen).unwrap();
                    write_options(&mut text, &block.options);
                }
                Block::NameResolution(block) => {
                    text += "names\n";
                    for record in block.nr.iter().filter(|record| record.record_type.0 != 0) {
                        let at = if record.record_type.0 == 1 { 4 } else { 6 };
                        let (address, name) = record.record_value.split_at(at);
                        let name = std::str::from_utf8(name).unwrap().trim_end_matches('\0');
                        let kind = record.record_type.0;
                        writeln!(text, "  {kind}: {address:?} {name}").unwrap();
                    }
                }
                Block::EnhancedPacket(block) => {
                    let at = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
                    let (held, len) = (block.packet_data().len(), block.origlen);
                    writeln!(
                        text,
                        "frame on {} at {at}, {held} of {len} bytes",
                        block.if_id
                    )
                    .unwrap();
                    write_options(&mut text, &block.options);
                }
                other => panic!("not written here: {other:?}"),
            }
        }
        text
    }

    /// A text as text; anything with control characters as numbers.
    fn write_options(text: &mut String, options: &[PcapNGOption<'_>]) {
        for option in options.iter().filter(|option| option.code.0 != 0) {
            let value = option.as_bytes().unwrap();
            write!(text, "  {}: ", option.code.0).unwrap();
            match std::str::from_utf8(value) {
                Ok(line) if !line.contains(char::is_control) => writeln!(text, "{line}"),
                _ => writeln!(text, "{value:?}"),
            }
            .unwrap();
        }
    }
}
