//! Tests of the tool's own parts; its words are in `fixtures/option125`, the codec's tests with the codec.

use proptest::prelude::*;

use super::*;
use crate::capture::each_ipv4;

#[test]
fn mended_bytes_are_taken_and_say_the_same() {
    let mut count = 0;
    for text in [
        "id:ipphone.mitel.com;sw_tftp=10.0.0.1;call_srv=10.0.0.2;vlan=9999",
        "idphone.mitel.com;sw_tftp=10.0.0.1;call_srv=10.0.0.2;dscp=46v46s26",
        "id:ipphone.mitel.com;call_srv=cmivb.example.com;sw_tftp=10.0.0.1;l2p=9",
    ] {
        let length = text.len() as u8;
        let raw = text.as_bytes();
        for (code, head) in [
            (Code::Option125, vec![0, 0, 4, 3]),
            (Code::Option125, vec![0, 0, 4, 3, length - 1]),
            (Code::Option125, vec![0, 0, 4, 3, length + 9]),
            (Code::Option125, vec![0, 0, 4, 3, length + 2, 130, length]),
            (Code::Option43, vec![7, length]),
            (Code::Option43, Vec::new()),
        ] {
            let value = [&head, raw].concat();
            let found = Found {
                place: None,
                code,
                value,
            };
            let said = explain(&found);
            let Some((_, digits)) = said.split_once("  mended: ") else {
                continue; // too little of it can be read
            };
            let mended = parse(digits, Some(code)).unwrap();
            let (before, after) = (found.decoded(), mended.decoded());
            assert_eq!(after.settings, before.settings, "{said}");
            assert_eq!(after.defects, [], "{said}");
            assert!(mended.is_taken(), "{said}");
            count += 1;
        }
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn bytes_are_of_option_43_if_they_begin_as_it_does() {
    for (digits, code, length) in [
        ("69643a78", Code::Option43, 4),
        ("820469643a78", Code::Option43, 6),
        ("2b0469643a78", Code::Option43, 4),
        ("00000403", Code::Option125, 4),
        ("7d0400000403", Code::Option125, 4),
        ("00000d09", Code::Option125, 4),
        ("0000", Code::Option125, 2),
    ] {
        let found = parse(digits, None).unwrap();
        assert_eq!((found.code, found.value.len()), (code, length), "{digits}");
    }
    let found = parse("7d0400000403", Some(Code::Option125)).unwrap();
    assert_eq!(found.value.len(), 6, "as the user says");
}

#[test]
fn what_is_no_digit_is_told_with_its_place() {
    for (text, character, at) in [("0x12 1x3", 'x', 7), ("é0", 'é', 1), ("a: 0xag", 'g', 7)] {
        let found = parse(text, None);
        assert_eq!(found, Err(InputError::NotHex { character, at }), "{text}");
    }
}

#[test]
fn a_capture_that_is_damaged_anywhere_is_read_without_panic() {
    let whole = std::fs::read("captures/reference/first-registration.pcapng").unwrap();
    let begin = &whole[..whole.len().min(6_000)];
    for at in 0..begin.len() {
        let mut damaged = begin.to_vec();
        damaged[at] ^= 0xff;
        let _ = in_frames(&damaged);
        let _ = in_frames(&begin[..at]);
    }
    let mut packets = Vec::new();
    let _ = each_ipv4(begin, |_, packet| packets.push(packet.to_vec()));
    assert!(!packets.is_empty());
}

proptest! {
    #[test]
    fn random_bytes_are_explained_each_of_them_once(
        begin in prop_oneof![Just(vec![]), Just(vec![0, 0, 4, 3]), Just(b"id:".to_vec())],
        rest in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let value = [begin, rest].concat();
        for code in [Code::Option125, Code::Option43] {
            let found = Found { place: None, code, value: value.clone() };
            let bytes: Vec<u8> = explain::rows(&found, &found.decoded())
                .iter()
                .flat_map(|row| row.bytes.to_vec())
                .collect();
            prop_assert_eq!(&bytes, &value);
            let said = explain(&found);
            prop_assert_eq!(said.contains("\n  taken: "), found.is_taken());
            prop_assert!(decode(&found).ends_with('\n'));
            for defect in found.decoded().defects {
                prop_assert!(!defect.mend.is_empty());
            }
        }
    }

    #[test]
    fn whatever_is_typed_is_read_without_panic(text in "\\PC{0,300}", digits in "[0-9a-fx:, ]{0,80}") {
        for text in [text, digits] {
            if let Ok(found) = parse(&text, None) {
                let _ = explain(&found);
            }
            let _ = encode(Some(&text), &[], 1);
        }
    }
}
