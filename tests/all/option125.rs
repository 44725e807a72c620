//! `jackfield option125`: every vector explained, whatever way it is written, and what is encoded decoded again.

use std::fs;
use std::process::Output;

use jackfield::option125::{Found, in_frames};

use super::support::{Folder, assert_golden, files};

/// The fields of the encoding that the golden and the live tests use.
const FIELDS: &[&str] = &[
    "--call-srv=10.9.0.10,10.9.0.11",
    "--sw-tftp=10.9.0.20",
    "--vlan=301",
    "--l2p=6v6s3",
    "--dscp=46",
];

#[test]
fn every_vector_is_explained_byte_by_byte() {
    for (name, digits) in vectors() {
        for command in ["explain", "decode"] {
            let output = option125(&[command, &digits]);
            let said = stdout(&output);
            let taken = said.contains("\n  taken: ");
            let code = if taken { 0 } else { 1 };
            assert_eq!(output.status.code(), Some(code), "{name}: {said}");
            assert_ne!(taken, said.contains("\n  refused: "), "{name}: {said}");
            assert_golden(format!("fixtures/option125/{name}.{command}.txt"), &said);
        }
    }
}

#[test]
fn explained_bytes_are_all_bytes_in_order() {
    for (name, digits) in vectors() {
        let said = stdout(&option125(&["explain", &digits]));
        let rows = said.split("\n\n").nth(1).unwrap();
        let offsets = rows
            .lines()
            .map(|row| row[..5].trim().parse::<usize>().unwrap());
        let offsets: Vec<usize> = offsets.collect();
        assert_eq!(offsets[0], 0, "{name}");
        assert!(offsets.is_sorted_by(|a, b| a < b), "{name}: {offsets:?}");
    }
}

#[test]
fn bytes_may_be_written_in_any_way() {
    let digits = hex_of("option125_d1");
    let pairs: Vec<&str> = (0..digits.len())
        .step_by(2)
        .map(|at| &digits[at..at + 2])
        .collect();
    let expected = stdout(&option125(&["explain", &digits]));
    let single = |pair: &&str| pair.strip_prefix('0').unwrap_or(pair).to_owned();
    for written in [
        digits.to_uppercase(),
        format!("0x{digits}"),
        pairs.join(":"),
        pairs.join("-"),
        pairs.join(" "),
        format!("0x{}", pairs.join(", 0x")),
        format!("\\x{}", pairs.join("\\x")),
        pairs.iter().map(single).collect::<Vec<_>>().join(":"),
        digits
            .as_bytes()
            .chunks(4)
            .map(|it| str::from_utf8(it).unwrap())
            .collect::<Vec<_>>()
            .join("."),
        format!("7d{:02x}{digits}", digits.len() / 2),
        format!("  {}\n{}  ", &digits[..40], &digits[40..]),
    ] {
        let output = option125(&["explain", &written]);
        assert_eq!(stdout(&output), expected, "{written}");
    }
    let words: Vec<&str> = [&["explain"], pairs.as_slice()].concat();
    assert_eq!(stdout(&option125(&words)), expected);
}

#[test]
fn a_text_is_explained_as_if_it_were_sent() {
    let text = "id:ipphone.mitel.com;sw_tftp=10.37.20.11;call_srv=10.37.18.11,10.37.10.11;vlan=1056;l2p=6;dscp=46";
    let as_bytes = stdout(&option125(&["explain", &hex_of("option125_d1")]));
    assert_eq!(stdout(&option125(&["explain", text])), as_bytes);
    let folder = Folder::new();
    fs::write(folder.path("text"), format!("{text}\n")).unwrap();
    let output = folder
        .jackfield(&["option125", "explain", "text"])
        .output()
        .unwrap();
    assert_eq!(stdout(&output), as_bytes);
    let long = format!("{text};{}", "x=1;".repeat(38));
    assert_eq!(long.len(), 250);
    let said = stdout(&option125(&["decode", &long]));
    assert!(said.starts_with("option 125, 255 bytes"), "{said}");
    let said = stdout(&option125(&["decode", &format!("{long};")]));
    assert!(said.starts_with("option 43, 251 bytes"), "{said}");
    let of_125 = option125(&["decode", "--of", "125", &format!("{long};")]);
    assert_eq!(of_125.status.code(), Some(1), "{of_125:?}");
}

#[test]
fn what_is_no_option_is_exit_2_with_its_place() {
    for (input, reason) in [
        ("00zz", "`z` at character 3 is no hexadecimal digit"),
        ("abc", "`abc` has an odd number of digits"),
        ("", "there is nothing to read"),
        (": :", "there is nothing to read"),
        ("no-such.pcap", "nor is there a file of this name"),
        (
            "7d 3e 00 00 04 03 39 69 64 3a",
            "says that it has 62 bytes, and 8 follow",
        ),
    ] {
        let output = option125(&["decode", input]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{input}: {said}");
        assert!(said.contains(reason), "{input}: {said}");
    }
}

#[test]
fn a_capture_gives_every_option_of_its_dhcp_messages() {
    let path = "fixtures/scenarios/ways-to-say-it.toml";
    let folder = Folder::new();
    for capture in ["all.pcapng", "all.pcap"] {
        let run = folder.jackfield(&["run", "--quiet", "--capture", capture, path]);
        assert!({ run }.output().unwrap().status.success());
    }
    let [pcapng, pcap] = ["all.pcapng", "all.pcap"].map(|capture| {
        let output = folder
            .jackfield(&["option125", "decode", capture])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        stdout(&output)
    });
    assert_eq!(pcapng, pcap);
    for way in [
        "layout A: the text alone",
        "layout B: in sub-option 130",
        "layout B: in sub-option 1\n",
        "option 43, 57 bytes, the text alone",
        "option 43, 59 bytes, in sub-option 1\n",
    ] {
        let frames = pcapng
            .lines()
            .filter(|line| format!("{line}\n").contains(way));
        assert_eq!(frames.count(), 2, "{way}: OFFER and ACK of\n{pcapng}");
    }
    let all = in_frames(&folder.read("all.pcapng")).unwrap();
    assert_eq!(all.found.len(), pcapng.matches("frame ").count());
    assert!(
        all.messages >= 2 * all.found.len(),
        "{} messages",
        all.messages
    );
    assert!(all.found.iter().all(Found::is_taken));

    let silent = folder.path("silent.pcap");
    fs::write(&silent, &folder.read("all.pcap")[..24]).unwrap();
    let output = folder
        .jackfield(&["option125", "decode", "silent.pcap"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(1), "")
    );
    assert!(said.starts_with("no option 125 or 43"), "{said}");
}

#[test]
fn fields_become_bytes_in_each_layout_and_lines_for_servers() {
    let output = option125(&[&["encode"], FIELDS].concat());
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_golden("fixtures/option125/encode.txt", &said);
    let text = said.lines().next().unwrap();
    assert_eq!(stdout(&option125(&["encode", text])), said);
    let digits: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    let layouts = [
        "layout A",
        "layout B: in sub-option 130",
        "layout C",
        "in sub-option 130",
    ];
    for ((digits, layout), code) in digits.iter().zip(layouts).zip([0, 0, 1, 0]) {
        let output = option125(&["decode", digits]);
        let decoded = stdout(&output);
        assert_eq!(output.status.code(), Some(code), "{layout}");
        assert!(
            decoded.contains(layout) && decoded.contains(text),
            "{decoded}"
        );
    }
}

#[test]
fn what_a_set_would_not_take_is_not_encoded() {
    for (arguments, code, reason) in [
        (
            &["--vlan=5000", "--call-srv=10.0.0.1", "--sw-tftp=10.0.0.2"][..],
            1,
            "wants 0 to 4095",
        ),
        (&["--call-srv=10.0.0.1"], 1, "a set wants a call server"),
        (
            &["call_srv=10.0.0.1;sw_tftp=10.0.0.2"],
            1,
            "wants `id:ipphone.mitel.com`",
        ),
        (
            &["id:ipphone.mitel.com;sw_tftp=10.0.0.2;call_srv=10.0.0"],
            1,
            "`call_srv` is `10.0.0`",
        ),
        (&[], 2, "there is nothing to encode"),
        (
            &["id:ipphone.mitel.com", "--vlan=5"],
            2,
            "can't both be given",
        ),
        (&["--sub-option=0", "id:x"], 2, "0 is not in 1..=254"),
    ] {
        let output = option125(&[&["encode"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
        assert_eq!(stdout(&output), "");
    }
}

/// The vectors of the codec: their names, and their bytes as digits.
fn vectors() -> Vec<(String, String)> {
    let names = files("fixtures/wire", "hex")
        .into_iter()
        .filter_map(|path| {
            let name = path.file_stem()?.to_str()?.to_owned();
            name.starts_with("option").then_some(name)
        });
    let vectors: Vec<_> = names.map(|name| (name.clone(), hex_of(&name))).collect();
    assert!(vectors.len() >= 8, "{}", vectors.len());
    vectors
}

fn hex_of(name: &str) -> String {
    let text = fs::read_to_string(format!("fixtures/wire/{name}.hex")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with(['#', '=']));
    lines.collect()
}

fn option125(arguments: &[&str]) -> Output {
    let folder = Folder::new();
    let all = [&["option125"], arguments].concat();
    folder.jackfield(&all).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
