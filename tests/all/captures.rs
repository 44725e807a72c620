//! tshark is the referee of every capture: sound frames, readable names, and the same counts.
//!
//! tshark reads each capture once: it prints a line a frame, and then one statistic with a column a filter.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use jackfield::capture::filter::{Dissector, Filter};
use jackfield::scenario::plan::{Action, Expectation, Frames, Plan, StepKind, What};
use jackfield::scenario::{DROPS, FAULTS};
use pcap_parser::traits::PcapNGPacketBlock as _;
use pcap_parser::{Block, PcapBlockOwned, PcapNGSlice};

use super::support::{Folder, RUNS, Ran, Shipped, files, has_program, skipped};

/// What is asked of tshark for each frame.
const FIELDS: [&str; 11] = [
    "frame.interface_name",
    "frame.comment",
    "ip.src",
    "ip.src_host",
    "_ws.malformed",
    "_ws.expert.severity",
    "_ws.expert.group",
    "_ws.expert.message",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
];

/// A frame is in the capture once for each segment that it crosses. Wireshark takes all but the first for TCP
/// retransmissions, and does not look into those; without its analysis it looks into each.
const EACH_SEGMENT_FOR_ITSELF: &str = "tcp.analyze_sequence_numbers:FALSE";

/// Wireshark's numbers (epan/proto.h).
const SEVERITY_ERROR: &str = "8388608";
const GROUP_CHECKSUM: &str = "16777216";
const GROUP_MALFORMED: &str = "117440512";
const CHECKSUM_BAD: &str = "0";

/// Comments on frames that are wrong on purpose: a DHCP offer, what a fault has touched, and what was dropped for it.
const STAGED: [&str; 4] = [
    "will refuse this offer: ",
    "fault \"",
    "bad checksum",
    "can't be decoded",
];

#[test]
fn tshark_finds_every_capture_sound_and_counts_what_we_count() {
    let test = "tshark_finds_every_capture_sound_and_counts_what_we_count";
    if !has_program("tshark") {
        return skipped(test, "no tshark");
    }
    let folder = Folder::new();
    let mut wrong = Vec::new();
    for (shipped, ran) in RUNS.iter() {
        let path = folder.path(&format!("{}.pcapng", shipped.name));
        fs::write(&path, &ran.capture).unwrap();
        let filters = Expected::of(&shipped.plan);
        let tshark = Tshark::read(&path, filters.iter().map(|it| it.filter.as_str()));
        let capture = Capture::parse(&ran.capture);
        let mut faults = match is_damaged(&shipped.plan) {
            true => Vec::new(),
            false => faults(&tshark),
        };
        faults.extend(unreadable(&shipped.plan, &tshark, &capture));
        faults.extend(miscounted(&filters, &tshark, &capture, ran));
        wrong.extend(faults.iter().map(|it| format!("{}: {it}", shipped.name)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn tshark_finds_the_reference_captures_sound() {
    if !has_program("tshark") {
        return skipped("tshark_finds_the_reference_captures_sound", "no tshark");
    }
    for path in files("captures/reference", "pcapng") {
        let faults = faults(&Tshark::read(&path, []));
        assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
    }
}

/// MV-3 on the wire: a moved set asks for the gateway that it had, and nobody there has that address.
#[test]
fn a_moved_set_asks_for_its_old_gateway_and_nobody_answers() {
    let test = "a_moved_set_asks_for_its_old_gateway_and_nobody_answers";
    if !has_program("tshark") {
        return skipped(test, "no tshark");
    }
    let (_, ran) = run_of("subnet-move");
    let folder = Folder::new();
    let path = folder.path("subnet-move.pcapng");
    fs::write(&path, &ran.capture).unwrap();
    let on_branch = "frame.interface_name == \"branch\" && arp";
    let filters = [
        format!(
            "{on_branch}.opcode == 1 && arp.dst.proto_ipv4 == 10.1.0.1 && arp.src.proto_ipv4 == 10.1.0.50"
        ),
        format!("{on_branch}.opcode == 2 && arp.src.proto_ipv4 == 10.1.0.1"),
        format!("{on_branch}.opcode == 2 && arp.src.proto_ipv4 == 10.2.0.1"),
    ];
    let counts = Tshark::read(&path, filters.iter().map(String::as_str)).counts;
    assert!(counts[0] >= 3, "requests: {counts:?}");
    assert_eq!(counts[1], 0, "answers: {counts:?}");
    assert!(
        counts[2] > 0,
        "the branch's own gateway answers: {counts:?}"
    );
}

/// On the very frame with which it is lost.
#[test]
fn a_capture_says_where_each_kind_of_move_loses_its_way() {
    let test = "a_capture_says_where_each_kind_of_move_loses_its_way";
    if !has_program("tshark") {
        return skipped(test, "no tshark");
    }
    let left = "r1 asks for anna, which has left hq: the way back ends here";
    for (name, interface, words) in [
        ("move-to-proxy-arp", "hq", format!("{left} · MV-4")),
        ("move-to-shared-mac", "hq", format!("{left} · MV-5")),
        (
            "move-to-source-check",
            "drops",
            "dropped at r1: source address belongs behind another interface · MV-6".to_owned(),
        ),
        (
            "move-between-vlans",
            "second-floor",
            "nobody in second-floor has that address".to_owned(),
        ),
        (
            "moved-until-refused",
            "branch",
            "anna may not use its address here and starts over · MV-11".to_owned(),
        ),
    ] {
        let (_, ran) = run_of(name);
        let folder = Folder::new();
        let path = folder.path("move.pcapng");
        fs::write(&path, &ran.capture).unwrap();
        let filter = format!(
            "frame.interface_name == \"{interface}\" && frame.comment contains \"{words}\""
        );
        let counts = Tshark::read(&path, [filter.as_str()]).counts;
        assert!(counts[0] > 0, "{name}");
    }
}

/// What faults did to a frame stands on it: where it was sent, on `faults` where it was received, or on `drops`.
#[test]
fn tshark_shows_which_fault_did_what_to_a_frame() {
    let test = "tshark_shows_which_fault_did_what_to_a_frame";
    if !has_program("tshark") {
        return skipped(test, "no tshark");
    }
    let (_, ran) = run_of("bad-line");
    let folder = Folder::new();
    let path = folder.path("bad-line.pcapng");
    fs::write(&path, &ran.capture).unwrap();
    let of = |interface: &str, comment: &str| {
        format!("frame.interface_name == \"{interface}\" && frame.comment contains \"{comment}\"")
    };
    let filters = [
        of("drops", "lost by a fault · fault \\\"bad cable\\\""),
        of("office", "fault \\\"bad cable\\\": a duplicate"),
        of("faults", "fault \\\"long way\\\": delayed by"),
        of("faults", "fault \\\"bad cable\\\": byte"),
    ];
    let counts = Tshark::read(&path, filters.iter().map(String::as_str)).counts;
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

/// Ways in which a registration does not go as its user thinks: the reason is on the set's display, as the scenario
/// expects, and in the comment on the frame that tells it.
#[test]
fn the_reason_of_each_failure_is_in_a_comment_of_the_capture() {
    for (scenario, comment) in [
        (
            "redirect-loop",
            "mivb-b refuses anna: too many redirects · CL-8",
        ),
        (
            "element-down-during-redirect",
            "mivb-a redirects anna to DN 7000's element (mivb-b, 10.1.0.11): the DN is another element's · RG-9",
        ),
        (
            "codes-that-differ",
            "mivb-b prompts anna for a PIN: access code of the stored PIN not valid here · RG-14",
        ),
        (
            "failed-look-ups",
            "mivb-a prompts set-3 for a PIN: PBX number differs from the CEID index · RG-10",
        ),
        (
            "failed-look-ups",
            "mivb-a prompts set-4 for a PIN: no trunk to the DN's element · RG-10",
        ),
        (
            "dn-moved-without-synchronisation",
            "mivb-b refuses anna: too many redirects · CL-8",
        ),
        (
            "one-pin-typed-twice",
            "mivb-a prompts anna for a PIN: DN in use by another set · RG-5",
        ),
        (
            "long-and-short-pins",
            "mivb-a registers longest at DN 12345*#: replaces the set at the DN · RG-6",
        ),
        (
            "pin-typed-while-moving",
            "mivb-a prompts anna for a PIN: no PIN · RG-1",
        ),
        (
            "deleted-while-down",
            "mivb-a prompts set-1 for a PIN: unknown DN · RG-10",
        ),
        (
            "deleted-while-down",
            "mivb-a prompts rita for a PIN: replacement code needs a MAC at the DN · RG-8",
        ),
    ] {
        let (_, ran) = run_of(scenario);
        let mut places = ran.capture.windows(comment.len());
        let found = places.any(|bytes| bytes == comment.as_bytes());
        assert!(found, "{scenario}: no comment says {comment}");
    }
}

fn run_of(name: &str) -> &'static (&'static Shipped, Ran) {
    RUNS.iter().find(|(it, _)| it.name == name).unwrap()
}

/// Whether a scenario damages frames: by a fault, after which a router hands them on and knows of nothing, or by what
/// it sends.
fn is_damaged(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| match &step.kind {
        StepKind::Act(Action::Fault(fault)) => fault.does.corrupt.is_some(),
        StepKind::Act(Action::Send(_) | Action::Say(_)) => true,
        StepKind::Act(_) | StepKind::Expect { .. } => false,
    })
}

/// What tshark finds wrong with a capture.
pub(super) fn faults_of(capture: &Path) -> Vec<String> {
    faults(&Tshark::read(capture, []))
}

/// What is wrong with the frames themselves. What a capture says of itself to be wrong was staged.
fn faults(tshark: &Tshark) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, frame) in (1..).zip(&tshark.frames) {
        let says = |text: &&str| frame["frame.comment"].contains(text);
        if STAGED.iter().any(says) {
            continue;
        }
        let mut fault = |what: &str| faults.push(format!("frame {number}: {what}: {frame:?}"));
        if !frame["_ws.malformed"].is_empty() {
            fault("malformed");
        }
        for checksum in ["ip", "tcp", "udp"].map(|layer| format!("{layer}.checksum.status")) {
            if values(&frame[checksum.as_str()]).any(|status| status == CHECKSUM_BAD) {
                fault("bad checksum");
            }
        }
        let severe = values(&frame["_ws.expert.severity"]).any(|it| it == SEVERITY_ERROR);
        let group = values(&frame["_ws.expert.group"])
            .any(|it| [GROUP_CHECKSUM, GROUP_MALFORMED].contains(&it));
        if severe || group {
            fault("an expert's complaint");
        }
    }
    faults
}

/// What a reader of the capture would miss: interfaces, names, comments.
fn unreadable(plan: &Plan, tshark: &Tshark, capture: &Capture) -> Vec<String> {
    let mut wrong = Vec::new();
    let segments = plan.subnets.iter().map(|subnet| subnet.name.as_str());
    let with_faults = (!plan.faults.is_empty()).then_some(FAULTS);
    let expected: Vec<&str> = segments.chain([DROPS]).chain(with_faults).collect();
    if capture.interfaces != expected {
        wrong.push(format!("interfaces: {:?}", capture.interfaces));
    }
    if tshark.frames.len() != capture.frames.len() {
        let (theirs, ours) = (tshark.frames.len(), capture.frames.len());
        wrong.push(format!("tshark sees {theirs} frames of {ours}"));
    }
    for (frame, (interface, _)) in tshark.frames.iter().zip(&capture.frames) {
        if frame["frame.interface_name"] != capture.interfaces[*interface] {
            wrong.push(format!("interface of {frame:?}"));
        }
    }
    if tshark
        .frames
        .iter()
        .all(|it| it["frame.comment"].is_empty())
    {
        wrong.push("no frame has a comment".to_owned());
    }
    let addresses = plan
        .elements
        .iter()
        .map(|it| (it.address.to_string(), &it.name));
    let names: BTreeMap<String, &String> = addresses.collect();
    for frame in &tshark.frames {
        let source = values(&frame["ip.src"]).next().unwrap_or_default();
        let shown = values(&frame["ip.src_host"]).next().unwrap_or_default();
        if names.get(source).is_some_and(|name| *name != shown) {
            wrong.push(format!("{source} has no name: {frame:?}"));
        }
    }
    wrong
}

/// The filters for which this project's engine counts other frames than tshark.
fn miscounted(filters: &[Expected], tshark: &Tshark, capture: &Capture, ran: &Ran) -> Vec<String> {
    let ours = capture.matching(filters);
    let mut wrong = Vec::new();
    for ((expected, ours), theirs) in filters.iter().zip(&ours).zip(&tshark.counts) {
        let filter = &expected.filter;
        if ours.len() as u64 != *theirs {
            wrong.push(format!("{filter}: ours {}, tshark {theirs}", ours.len()));
        }
        let verdict = ran
            .outcome
            .verdicts
            .iter()
            .find(|it| it.line == expected.line && it.filter.as_ref() == Some(filter));
        let named = verdict
            .map(|verdict| verdict.frames.as_slice())
            .unwrap_or_default();
        if let Some(number) = named.iter().find(|number| !ours.contains(number)) {
            wrong.push(format!(
                "{filter}: the report names frame {number}, which is none"
            ));
        }
    }
    wrong
}

/// An expectation on frames: its line, and its filter as tshark is told it.
#[derive(Debug)]
struct Expected {
    line: usize,
    filter: String,
}

impl Expected {
    fn of(plan: &Plan) -> Vec<Expected> {
        let steps = plan.steps.iter().flat_map(|step| match &step.kind {
            StepKind::Expect { expectations, .. } => expectations.as_slice(),
            StepKind::Act(_) => &[],
        });
        let expected = |it: &Expectation| match &it.what {
            What::Frames(frames) => Some(Expected {
                line: it.line,
                filter: Frames::tshark_filter(frames, plan),
            }),
            What::Phone { .. }
            | What::Mapped { .. }
            | What::Remote { .. }
            | What::Trunk { .. }
            | What::Program { .. } => None,
        };
        steps.filter_map(expected).collect()
    }
}

/// A capture, as another reader than Wireshark sees it.
#[derive(Debug, Default)]
struct Capture {
    interfaces: Vec<String>,
    /// Index of the interface, and the bytes.
    frames: Vec<(usize, Vec<u8>)>,
}

impl Capture {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "only two kinds of block matter here"
    )]
    fn parse(bytes: &[u8]) -> Capture {
        const IF_NAME: u16 = 2;
        let mut capture = Capture::default();
        for block in PcapNGSlice::from_slice(bytes).unwrap() {
            match block.unwrap() {
                PcapBlockOwned::NG(Block::InterfaceDescription(it)) => {
                    let name = it.options.iter().find(|option| option.code.0 == IF_NAME);
                    let name = name.unwrap().as_bytes().unwrap();
                    capture
                        .interfaces
                        .push(String::from_utf8(name.to_vec()).unwrap());
                }
                PcapBlockOwned::NG(Block::EnhancedPacket(it)) => {
                    let bytes = it.packet_data().to_vec();
                    capture.frames.push((it.if_id as usize, bytes));
                }
                _ => {}
            }
        }
        capture
    }

    /// The numbers, from 1, of the frames that satisfy each filter, by this project's own engine. As in a run, each
    /// segment is read for itself.
    fn matching(&self, filters: &[Expected]) -> Vec<BTreeSet<u64>> {
        let parse = |it: &Expected| Filter::parse(&it.filter).unwrap();
        let parsed: Vec<Filter> = filters.iter().map(parse).collect();
        let mut matching = vec![BTreeSet::new(); filters.len()];
        let mut dissectors = self
            .interfaces
            .iter()
            .map(|_| Dissector::new())
            .collect::<Vec<_>>();
        for (number, (interface, frame)) in (1..).zip(&self.frames) {
            let fields = dissectors[*interface].dissect(&self.interfaces[*interface], frame);
            for (filter, numbers) in parsed.iter().zip(&mut matching) {
                if filter.matches(fields) {
                    numbers.insert(number);
                }
            }
        }
        matching
    }
}

/// What tshark says of a capture.
#[derive(Debug)]
struct Tshark {
    /// The fields of each frame; several values of one field are parted by `|`.
    frames: Vec<BTreeMap<&'static str, String>>,
    /// How many frames satisfy each filter.
    counts: Vec<u64>,
}

impl Tshark {
    fn read<'a>(capture: &Path, filters: impl IntoIterator<Item = &'a str>) -> Tshark {
        let filters: Vec<&str> = filters.into_iter().collect();
        // A statistic takes a comma for the end of a filter.
        let plain: Vec<&str> = filters
            .iter()
            .copied()
            .filter(|it| !it.contains(','))
            .collect();
        let mut arguments: Vec<String> = [
            "-N",
            "n",
            "-T",
            "fields",
            "-E",
            "occurrence=a",
            "-E",
            "aggregator=|",
        ]
        .map(str::to_owned)
        .to_vec();
        for field in FIELDS {
            arguments.extend(["-e".to_owned(), field.to_owned()]);
        }
        if !plain.is_empty() {
            arguments.extend(["-z".to_owned(), format!("io,stat,0,{}", plain.join(","))]);
        }
        let output = tshark(capture, &arguments);
        let (frames, statistic) = output.split_once("\n\n====").unwrap_or((&output, ""));
        let columns = frames_of_columns(statistic, plain.len());
        let columns: BTreeMap<&str, u64> = plain.into_iter().zip(columns).collect();
        let count = |filter: &&str| {
            columns.get(filter).copied().unwrap_or_else(|| {
                let only = ["-Y".to_owned(), (*filter).to_owned()];
                tshark(capture, &only).lines().count() as u64
            })
        };
        Tshark {
            frames: frames.lines().map(fields_of).collect(),
            counts: filters.iter().map(count).collect(),
        }
    }
}

pub(super) fn tshark(capture: &Path, arguments: &[String]) -> String {
    let output = Command::new("tshark")
        .args(["-X", "lua_script:scripts/jackfield.lua"])
        .args(["-o", EACH_SEGMENT_FOR_ITSELF])
        .args(
            ["ip", "tcp", "udp"]
                .iter()
                .flat_map(|layer| ["-o".to_owned(), format!("{layer}.check_checksum:TRUE")]),
        )
        .arg("-r")
        .arg(capture)
        .args(arguments)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: tshark: {complaint}",
        capture.display()
    );
    String::from_utf8(output.stdout).unwrap()
}

fn fields_of(line: &str) -> BTreeMap<&'static str, String> {
    let values = line.split('\t').map(str::to_owned);
    let fields: BTreeMap<_, _> = FIELDS.into_iter().zip(values).collect();
    assert_eq!(fields.len(), FIELDS.len(), "{line}");
    fields
}

/// Of the statistic's one row, `| 0.0 <> 45.9 | frames | bytes | frames | bytes |`, the frames.
fn frames_of_columns(statistic: &str, columns: usize) -> Vec<u64> {
    let row = statistic.lines().find(|line| line.contains("<>"));
    let cells = row.unwrap_or_default().split('|').skip(2);
    let numbers = cells.step_by(2).filter_map(|cell| cell.trim().parse().ok());
    let frames: Vec<u64> = numbers.collect();
    assert_eq!(frames.len(), columns, "{statistic}");
    frames
}

fn values(joined: &str) -> impl Iterator<Item = &str> {
    joined.split('|').filter(|value| !value.is_empty())
}
