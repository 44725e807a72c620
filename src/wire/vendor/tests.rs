//! Tests of the configuration codec. The vectors are `fixtures/wire/option125_*.hex` and `option43_*.hex`.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::encode::encode_text;
use super::*;
use crate::wire::Mac;
use crate::wire::dhcp::BOOTREPLY;
use crate::wire::fixture::{self, Fixture};

#[test]
fn every_vector_decodes_to_its_line() {
    for option in ["option125", "option43"] {
        let decode = if option == "option125" {
            decode_125
        } else {
            decode_43
        };
        fixture::check(option, |bytes| line(&decode(bytes)));
    }
}

#[test]
fn layout_a_is_found_before_it_can_be_taken_for_sub_option_105() {
    let text = b"id:ipphone.mitel.com;sw_tftp=10.0.0.1;call_srv=10.0.0.2";
    let long = [&text[..], &b";"[..].repeat(120)].concat();
    for length in 102..=long.len() {
        let decoded = decode_125(&option_125(&long[..length]));
        assert_eq!(decoded.source, Source::Option125);
        assert!(decoded.accept().is_ok());
    }
}

#[test]
fn the_entry_of_another_enterprise_is_passed_over() {
    let mut value = vec![0, 0, 0x0d, 0xe9, 3, 1, 1, b'x'];
    value.extend(option_125(
        b"id:ipphone.mitel.com;sw_tftp=10.0.0.1;call_srv=10.0.0.2",
    ));
    assert_eq!(
        decode_125(&value).accept().unwrap().source,
        Source::Option125
    );
    assert_eq!(
        decode_125(&value[..8]).accept().unwrap_err().to_string(),
        "option 125: no entry of enterprise 1027 at byte 0"
    );
}

#[test]
fn our_entry_counts_wherever_it_stands_among_those_of_several_enterprises() {
    let ours = option_125(b"id:ipphone.mitel.com;sw_tftp=10.0.0.1;call_srv=10.0.0.2");
    let empty = vec![0, 0, 0x0d, 0xe9, 0];
    // Text of ours in another's entry is that one's.
    let mut alike = vec![0, 0, 0, 9, 0];
    alike.extend(b"id:ipphone.mitel.com;sw_tftp=10.0.0.7;call_srv=10.0.0.7");
    alike[4] = (alike.len() - 5) as u8;
    let rest = option_125(b"id:ipphone.mitel.com;sw_tftp=10.0.0.8;call_srv=10.0.0.8");
    for (entries, taken) in [
        (vec![&ours, &empty, &alike], true),
        (vec![&empty, &ours, &alike], true),
        (vec![&alike, &empty, &ours], true),
        (vec![&alike, &ours, &rest], true),
        (vec![&empty, &alike], false),
    ] {
        let value: Vec<u8> = entries.into_iter().flatten().copied().collect();
        let chosen = decode_125(&value).accept();
        let found = chosen.as_ref().ok().map(|chosen| chosen.sw_tftp);
        assert_eq!(
            found,
            taken.then_some(Ipv4Addr::new(10, 0, 0, 1)),
            "{value:?}"
        );
    }
    // More than 255 bytes come as several options of one code, cut anywhere (RFC 3396), also in our entry.
    let long = [&alike[..], &alike, &alike, &alike, &ours].concat();
    let mut message = Message::new(BOOTREPLY, Mac::ZERO, 1);
    message.options.push(125, &long[..255]);
    message.options.push(3, &[10, 0, 0, 1]);
    message.options.push(125, &long[255..]);
    let read = Message::decode(&message.encode()).unwrap();
    assert_eq!(choose(&read).unwrap().sw_tftp, Ipv4Addr::new(10, 0, 0, 1));
}

#[test]
fn a_repeated_tag_counts_with_its_last_value_that_is_one() {
    let decoded =
        text("call_srv=10.0.0.1;sw_tftp=10.0.0.2;call_srv=10.0.0.3;call_srv=;vlan=5;vlan=5000");
    let chosen = decoded.accept().unwrap();
    assert_eq!(chosen.call_srv.to_string(), "10.0.0.3");
    assert_eq!(chosen.vlan, Some(5));
    assert_eq!(
        problems(&decoded),
        [
            "Note: `call_srv` comes again at byte 61",
            "Note: `call_srv` comes again at byte 79",
            "Note: `call_srv` is empty: not configured at byte 79",
            "Note: `vlan` comes again at byte 96",
            "Warning: `vlan` is `5000`, wants 0 to 4095 at byte 96",
        ]
    );
}

#[test]
fn spaces_around_separators_and_leading_zeros_are_allowed() {
    let chosen = text(" sw_tftp = 010.000.000.001 , 10.0.0.9 ;; call_srv=10.0.0.2 , 10.0.0.3; ");
    let chosen = chosen.accept().unwrap();
    assert_eq!(chosen.sw_tftp, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(chosen.call_srv.to_string(), "10.0.0.2,10.0.0.3");
}

#[test]
fn a_call_server_may_be_a_name_but_not_among_addresses() {
    let chosen = text("sw_tftp=10.0.0.1;call_srv=cmivb.example.com")
        .accept()
        .unwrap();
    assert_eq!(
        chosen.call_srv,
        CallServers::Name("cmivb.example.com".to_owned())
    );
    for wrong in [
        "cmivb",
        "10.0.0.1,cmivb.example.com",
        "10.0.0",
        "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5",
    ] {
        let refusal = text(&format!("sw_tftp=10.0.0.1;call_srv={wrong}"))
            .accept()
            .unwrap_err();
        assert_eq!(
            refusal,
            Refusal::NoCallServer {
                source_option: Source::Option125
            }
        );
    }
}

#[test]
fn both_servers_are_needed() {
    let refusal = |tags| text(tags).accept().unwrap_err().to_string();
    assert_eq!(refusal("sw_tftp=10.0.0.1"), "option 125 has no call server");
    assert_eq!(
        refusal("call_srv=10.0.0.1"),
        "option 125 has no TFTP server"
    );
}

#[test]
fn each_odd_value_is_told_with_its_place() {
    let decoded =
        text("Vlan=1;vlan=-1;l2p=8;dscp=46v64s0;ipa_srv=10.0.0.1:70000;app_proxy=a.b:1;x=1;y");
    assert_eq!(
        problems(&decoded),
        [
            "Warning: `Vlan` must be written `vlan` at byte 26",
            "Warning: `vlan` is `-1`, wants 0 to 4095 at byte 33",
            "Warning: `l2p` is `8`, wants 0 to 7, or three of these as in `6v6s3` at byte 41",
            "Warning: `dscp` is `46v64s0`, wants 0 to 63, or three of these as in `46v46s26` at byte 47",
            "Warning: `ipa_srv` is `10.0.0.1:70000`, wants an IPv4 address, with or without a port at byte 60",
            "Note: `x` is not a tag that sets are known to have at byte 99",
            "Warning: `y` is not a tag with a value at byte 103",
        ]
    );
    assert_eq!(
        decoded.settings.app_proxy,
        Some(WithPort {
            host: "a.b".to_owned(),
            port: Some(1)
        })
    );
}

#[test]
fn the_id_is_case_sensitive() {
    for wrong in [
        "ID:ipphone.mitel.com",
        "id:IPPHONE.mitel.com",
        "id:ipphone.mitel.com.",
        "x",
    ] {
        let decoded = decode_43(wrong.as_bytes());
        assert_eq!(decoded.defects[0].severity, Severity::Fatal, "{wrong}");
    }
}

#[test]
fn the_length_limits_are_250_and_253_and_255() {
    let of = |length: usize| {
        let mut text = b"id:ipphone.mitel.com;sw_tftp=10.0.0.1;call_srv=10.0.0.2".to_vec();
        text.resize(length, b';');
        text
    };
    let sub = |text: Vec<u8>| [vec![7, text.len() as u8], text].concat();
    assert!(decode_125(&option_125(&of(250))).accept().is_ok());
    let refusal = decode_125(&option_125(&of(251))).accept().unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "option 125: text is 251 bytes long, at most 250 are allowed at byte 255"
    );
    assert!(decode_43(&sub(of(253))).accept().is_ok());
    assert!(decode_43(&sub(of(254))).accept().is_err());
    assert!(decode_43(&of(255)).accept().is_ok());
    assert!(decode_43(&of(256)).accept().is_err());
}

#[test]
fn a_set_takes_125_before_43_before_the_old_options() {
    let mut message = Message::new(BOOTREPLY, Mac::ZERO, 0);
    let source = |message: &Message| choose(message).map(|chosen| chosen.source.to_string());
    assert_eq!(source(&message), Err(Refusal::Absent));
    message.options.push(128, &[10, 0, 0, 1]);
    message.options.push(129, &[10, 0, 0, 2, 10, 0, 0, 3]);
    message.options.push(132, &[0, 0, 0, 42]);
    let refusal = source(&message).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "option 128+: option 130 is not `MITEL IP PHONE` at byte 0"
    );
    message.options.push(130, b"MITEL IP PHONE");
    assert_eq!(source(&message), Ok("128+".to_owned()));
    assert_eq!(choose(&message).unwrap().vlan, Some(42));
    let settings = choose_settings();
    message
        .options
        .push(43, &encode_43(&settings, Layout::SubOption(5)).unwrap());
    assert_eq!(source(&message), Ok("43:5".to_owned()));
    let mut defective = message.clone();
    message
        .options
        .push(125, &encode_125(&settings, Layout::SubOption(130)).unwrap());
    assert_eq!(source(&message), Ok("125:130".to_owned()));
    defective
        .options
        .push(125, b"\0\0\x04\x03id:ipphone.mitel.com;call_srv=10.0.0.1");
    assert_eq!(source(&defective), Ok("43:5".to_owned()));
}

#[test]
fn what_is_encoded_decodes_to_itself_in_every_layout() {
    let settings = Settings {
        ipa_srv: Some(WithPort {
            host: Ipv4Addr::new(10, 0, 0, 7),
            port: Some(99),
        }),
        vlan: Some(4095),
        l2p: Some(Marking {
            default: 6,
            voice: Some(6),
            signalling: Some(3),
        }),
        dscp: Some(Marking {
            default: 46,
            voice: None,
            signalling: Some(26),
        }),
        app_proxy: Some(WithPort {
            host: "proxy.example.com".to_owned(),
            port: None,
        }),
        ..choose_settings()
    };
    for layout in [Layout::Raw, Layout::SubOption(130)] {
        for decoded in [
            decode_125(&encode_125(&settings, layout).unwrap()),
            decode_43(&encode_43(&settings, layout).unwrap()),
        ] {
            assert_eq!(decoded.settings, settings);
            assert_eq!(decoded.defects, []);
        }
    }
}

#[test]
fn what_no_set_takes_is_not_encoded() {
    let wrong = |change: fn(&mut Settings)| {
        let mut settings = choose_settings();
        change(&mut settings);
        encode_text(&settings).unwrap_err().to_string()
    };
    let five = |settings: &mut Settings| {
        settings.call_srv = Some(CallServers::Addresses(vec![Ipv4Addr::LOCALHOST; 5]));
    };
    assert!(wrong(five).starts_with("`call_srv` must be"));
    assert_eq!(
        wrong(|settings| settings.vlan = Some(4096)),
        "`vlan` must be 0 to 4095"
    );
    let mut long = choose_settings();
    long.sw_tftp = vec![Ipv4Addr::LOCALHOST; 30];
    assert!(matches!(
        encode_125(&long, Layout::Raw),
        Err(EncodeError::TooLong { max: 250, .. })
    ));
}

#[test]
fn every_vector_cut_short_anywhere_is_read_without_panic() {
    for option in ["option125", "option43"] {
        for Fixture { bytes, .. } in fixture::all(option) {
            for length in 0..bytes.len() {
                let _ = decode_125(&bytes[..length]).accept();
                let _ = decode_43(&bytes[..length]).accept();
            }
        }
    }
    assert_eq!(
        problems(&decode_125(&[])),
        ["Fatal: no entry of enterprise 1027 at byte 0"]
    );
    assert_eq!(
        problems(&decode_125(&[0, 0, 4, 3])),
        ["Fatal: option ends before data-len at byte 4"]
    );
    assert_eq!(
        problems(&decode_43(&[])),
        ["Fatal: option is empty at byte 0"]
    );
}

proptest! {
    #[test]
    fn random_bytes_are_read_without_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        tags in "[a-z_=;:, 0-9.vs]{0,200}",
    ) {
        let _ = decode_43(&bytes).accept();
        let _ = decode_125(&bytes).accept();
        let _ = decode_125(&[&[0, 0, 4, 3][..], &bytes].concat()).accept();
        let decoded = text(&tags);
        for defect in &decoded.defects {
            prop_assert!(defect.offset <= 5 + 21 + tags.len());
        }
    }
}

fn choose_settings() -> Settings {
    Settings {
        call_srv: Some(CallServers::Addresses(vec![Ipv4Addr::new(10, 0, 0, 2)])),
        sw_tftp: vec![Ipv4Addr::new(10, 0, 0, 1)],
        ..Settings::default()
    }
}

fn option_125(text: &[u8]) -> Vec<u8> {
    [&[0, 0, 4, 3, text.len() as u8][..], text].concat()
}

/// Option 125 in layout A with these tags; the first of them stands at byte 26.
fn text(tags: &str) -> Decoded {
    decode_125(&option_125(
        format!("id:ipphone.mitel.com;{tags}").as_bytes(),
    ))
}

fn problems(decoded: &Decoded) -> Vec<String> {
    let defects = decoded.defects.iter();
    defects
        .map(|defect| format!("{:?}: {defect}", defect.severity))
        .collect()
}

fn line(decoded: &Decoded) -> String {
    let mut line = match decoded.accept() {
        Ok(chosen) => {
            let (source, servers, tftp) = (chosen.source, chosen.call_srv, chosen.sw_tftp);
            let mut line = format!("using option {source}: call_srv {servers}, sw_tftp {tftp}");
            if let Some(vlan) = chosen.vlan {
                write!(line, ", vlan {vlan}").unwrap();
            }
            for (name, marking) in [("l2p", chosen.l2p), ("dscp", chosen.dscp)] {
                if let Some(marking) = marking {
                    write!(line, ", {name} {marking}").unwrap();
                }
            }
            line
        }
        Err(refusal) => format!("refused: {refusal}"),
    };
    for problem in problems(decoded) {
        write!(line, "; {problem}").unwrap();
    }
    line
}
