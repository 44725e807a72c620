//! Tests of the DHCP codec. Another implementation, dhcproto, is the referee.

use dhcproto::v4::{self, DhcpOption, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable};
use proptest::prelude::*;

use super::*;
use crate::wire::fixture;

#[test]
fn every_fixture_decodes_to_its_line_and_encodes_to_itself() {
    fixture::check("dhcp", |bytes| {
        let message = Message::decode(bytes).unwrap();
        if message.defect.is_none() {
            assert_eq!(message.encode(), bytes, "{message}");
        }
        message.to_string()
    });
}

#[test]
fn a_message_cut_short_anywhere_is_an_error_or_keeps_what_was_read() {
    let whole = sample().encode();
    let end = whole.iter().rposition(|byte| *byte == code::END).unwrap();
    for length in 0..whole.len() {
        match Message::decode(&whole[..length]) {
            Err(error) => {
                assert!(length < 240, "{error}");
                assert_eq!(error.offset, length);
            }
            Ok(message) => {
                let cut = length <= end;
                assert_eq!(message.defect.is_some(), cut, "at {length}");
                assert!(
                    message
                        .defect
                        .is_none_or(|defect| (240..=length).contains(&defect.offset))
                );
                let kept: Vec<_> = message.options.iter().collect();
                assert!(sample().options.iter().take(kept.len()).eq(kept));
            }
        }
    }
}

#[test]
fn a_missing_cookie_is_an_error() {
    let mut bytes = sample().encode();
    bytes[239] = 0;
    let error = Message::decode(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "dhcp: magic cookie is missing at byte 236"
    );
}

#[test]
fn options_keep_order_duplicates_empty_ones_and_unknown_codes() {
    let options: [(u8, &[u8]); 6] = [
        (224, b"x"),
        (53, &[2]),
        (43, b""),
        (224, b"y"),
        (12, b"\xe4"),
        (43, b"z"),
    ];
    let mut message = Message::new(BOOTREPLY, Mac::ZERO, 1);
    for (code, data) in options {
        message.options.push(code, data);
    }
    let decoded = Message::decode(&message.encode()).unwrap();
    assert!(decoded.options.iter().eq(options));
    assert_eq!(decoded.option(224).unwrap().as_ref(), b"xy");
    assert_eq!(decoded, message);
}

#[test]
fn a_long_option_is_split_on_writing_and_joined_on_reading() {
    for length in [0, 1, 254, 255, 256, 510, 511, 1000] {
        let value: Vec<u8> = (0..length).map(|n: usize| n as u8).collect();
        let mut message = Message::new(BOOTREPLY, Mac::ZERO, 1);
        message.options.push(125, &value);
        let decoded = Message::decode(&message.encode()).unwrap();
        assert_eq!(decoded.option(125).unwrap(), value);
        assert_eq!(decoded.options.iter().count(), length.div_ceil(255).max(1));
    }
}

#[test]
fn padding_and_end_are_not_pushed() {
    let mut options = Options::default();
    options.push(0, b"x");
    options.push(255, b"x");
    assert!(options.is_empty());
}

#[test]
fn a_message_has_300_bytes_at_least() {
    assert_eq!(Message::new(BOOTREQUEST, Mac::ZERO, 1).encode().len(), 300);
    let mut long = Message::new(BOOTREQUEST, Mac::ZERO, 1);
    long.options.push(43, &[0; 100]);
    assert_eq!(long.encode().len(), 240 + 102 + 1);
}

#[test]
fn overloaded_options_come_in_the_order_options_file_sname() {
    let mut message = Message::new(BOOTREPLY, Mac::ZERO, 1);
    message.options.push(code::OVERLOAD, &[3]);
    message.options.push(43, b"a");
    message.file[..4].copy_from_slice(&[43, 1, b'b', 255]);
    message.sname[..4].copy_from_slice(&[43, 1, b'c', 255]);
    let bytes = message.encode();
    let decoded = Message::decode(&bytes).unwrap();
    assert_eq!(decoded.option(43).unwrap().as_ref(), b"abc");
    assert_eq!(decoded.encode(), bytes);
    message.file = [0; 128];
    let decoded = Message::decode(&message.encode()).unwrap();
    let defect = decoded.defect.unwrap();
    assert_eq!(defect.offset, 108 + 128);
    assert_eq!(decoded.option(43).unwrap().as_ref(), b"ac");
}

#[test]
fn helpers_give_a_value_or_say_what_is_wrong_with_the_option() {
    let mut message = Message::new(BOOTREPLY, Mac::ZERO, 1);
    message.options.push(51, &[0, 0, 0]);
    message.options.push(1, &[255, 0, 255, 0]);
    message.options.push(3, &[10, 0, 0, 1, 10, 0]);
    message.options.push(6, &[10, 0, 0, 2, 10, 0, 0, 3]);
    let text = |error: OptionError| error.to_string();
    assert_eq!(
        message.message_type().map_err(text),
        Err("option 53 is missing".to_owned())
    );
    assert_eq!(
        message.duration(51).map_err(text),
        Err("option 51 has length 3, wants 4".to_owned())
    );
    assert_eq!(
        message.prefix_len().map_err(text),
        Err("option 1 has a one after a zero".to_owned())
    );
    assert_eq!(
        message.addresses(3).map_err(text),
        Err("option 3 has length 6, wants 4, 8, 12 or so on".to_owned())
    );
    let servers = [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 3)];
    assert_eq!(message.addresses(6).unwrap(), servers);
}

#[test]
fn dhcproto_reads_what_is_written_here() {
    let ours = sample();
    let bytes = ours.encode();
    let theirs = v4::Message::decode(&mut Decoder::new(&bytes)).unwrap();
    assert_eq!(theirs.opcode(), v4::Opcode::BootReply);
    assert_eq!(
        (theirs.xid(), theirs.secs(), theirs.hops()),
        (ours.xid, ours.secs, ours.hops)
    );
    assert_eq!(theirs.flags(), v4::Flags::new(ours.flags));
    assert_eq!(
        (theirs.ciaddr(), theirs.yiaddr()),
        (ours.ciaddr, ours.yiaddr)
    );
    assert_eq!(
        (theirs.siaddr(), theirs.giaddr()),
        (ours.siaddr, ours.giaddr)
    );
    assert_eq!(theirs.chaddr(), ours.mac().0);
    let options = theirs.opts();
    assert_eq!(options.len(), 8);
    assert_eq!(options.msg_type(), Some(v4::MessageType::Offer));
    let expected = [
        DhcpOption::ServerIdentifier(Ipv4Addr::new(10, 9, 0, 2)),
        DhcpOption::AddressLeaseTime(28_800),
        DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0)),
        DhcpOption::Router(vec![Ipv4Addr::new(10, 1, 0, 1)]),
        DhcpOption::DomainNameServer(vec![Ipv4Addr::new(10, 9, 0, 2)]),
        DhcpOption::VendorExtensions(vec![b'x'; 300]),
    ];
    for option in expected {
        assert_eq!(options.get(OptionCode::from(&option)), Some(&option));
    }
}

#[test]
fn what_dhcproto_writes_is_read_here() {
    let mut theirs = v4::Message::new_with_id(
        77,
        Ipv4Addr::new(10, 0, 0, 5),
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::new(10, 0, 0, 1),
        &[8, 0, 15, 1, 2, 3],
    );
    theirs.set_flags(v4::Flags::default().set_broadcast());
    theirs.set_secs(9);
    let options = theirs.opts_mut();
    options.insert(DhcpOption::MessageType(v4::MessageType::Request));
    options.insert(DhcpOption::RequestedIpAddress(Ipv4Addr::new(10, 0, 0, 5)));
    options.insert(DhcpOption::ParameterRequestList(vec![
        OptionCode::SubnetMask,
        OptionCode::Router,
        OptionCode::Unknown(125),
    ]));
    options.insert(DhcpOption::ClassIdentifier(b"ipphone.mitel.com".to_vec()));
    options.insert(DhcpOption::VendorExtensions(
        (0..600).map(|n: u32| n as u8).collect(),
    ));
    let ours = Message::decode(&theirs.to_vec().unwrap()).unwrap();
    assert_eq!(ours.defect, None);
    assert_eq!((ours.op, ours.xid, ours.secs), (BOOTREQUEST, 77, 9));
    assert!(ours.wants_broadcast());
    assert_eq!(ours.ciaddr, Ipv4Addr::new(10, 0, 0, 5));
    assert_eq!(ours.giaddr, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(ours.mac(), Mac([8, 0, 15, 1, 2, 3]));
    assert_eq!(ours.message_type(), Ok(MessageType::Request));
    assert_eq!(
        ours.address(code::REQUESTED_ADDRESS),
        Ok(Ipv4Addr::new(10, 0, 0, 5))
    );
    assert_eq!(ours.option(55).unwrap().as_ref(), [1, 3, 125]);
    assert_eq!(ours.option(60).unwrap().as_ref(), b"ipphone.mitel.com");
    let long: Vec<u8> = (0..600).map(|n: u32| n as u8).collect();
    assert_eq!(ours.option(43).unwrap(), long);
}

proptest! {
    #[test]
    fn random_bytes_are_read_without_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..700),
        cookie in any::<bool>(),
    ) {
        if cookie && bytes.len() >= 240 {
            bytes[236..240].copy_from_slice(&COOKIE);
        }
        if let Ok(message) = Message::decode(&bytes) {
            let _ = (message.to_string(), message.mac(), message.message_type());
            let _ = (message.prefix_len(), message.addresses(3), message.duration(51));
            let again = Message::decode(&message.encode()).unwrap();
            prop_assert!(again.options.iter().eq(message.options.iter()));
        }
    }

    #[test]
    fn any_options_come_back_as_they_were(
        options in proptest::collection::vec(
            (1..=254_u8, proptest::collection::vec(any::<u8>(), 0..=255)), 0..20),
    ) {
        let mut message = Message::new(BOOTREQUEST, Mac::ZERO, 1);
        for (code, data) in &options {
            // Option 52 would have the other fields read as options.
            message.options.push(if *code == 52 { 224 } else { *code }, data);
        }
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

/// An OFFER with a value in every field and an option that must be split.
fn sample() -> Message {
    let mut message = Message::new(BOOTREPLY, Mac([8, 0, 15, 0, 0, 1]), 0x3903_f326);
    message.hops = 1;
    message.secs = 3;
    message.flags = BROADCAST_FLAG;
    message.ciaddr = Ipv4Addr::new(1, 2, 3, 4);
    message.yiaddr = Ipv4Addr::new(10, 1, 0, 50);
    message.siaddr = Ipv4Addr::new(10, 9, 0, 3);
    message.giaddr = Ipv4Addr::new(10, 1, 0, 1);
    let options = &mut message.options;
    options.push(code::MESSAGE_TYPE, &[2]);
    options.push_addresses(code::SERVER_IDENTIFIER, &[Ipv4Addr::new(10, 9, 0, 2)]);
    options.push_duration(code::LEASE_TIME, Duration::from_secs(28_800));
    options.push_addresses(code::SUBNET_MASK, &[Ipv4Addr::new(255, 255, 255, 0)]);
    options.push_addresses(code::ROUTER, &[Ipv4Addr::new(10, 1, 0, 1)]);
    options.push_addresses(code::NAME_SERVER, &[Ipv4Addr::new(10, 9, 0, 2)]);
    options.push(code::VENDOR_SPECIFIC, &[b'x'; 300]);
    options.push(code::VENDOR_IDENTIFYING, b"\0\0\x04\x03\x03id:");
    message
}
