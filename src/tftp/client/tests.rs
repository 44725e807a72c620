//! The client against the server over a test pipe, and alone against a script.

mod script;
mod table;

use script::*;

use super::*;
use crate::outbox::Out;
use crate::tftp::pipe::{Fate, Pipe, SERVER, SET, bytes};
use crate::time::Duration;

#[test]
fn files_of_all_sizes_arrive_whole_at_all_block_sizes() {
    let sizes = [
        0, 1, 127, 128, 129, 511, 512, 513, 1_024, 1_467, 1_468, 1_469, 4_096, 10_000,
    ];
    for blksize in [8, 512, 1_024, 2_048, 4_096, 65_464] {
        for size in sizes {
            let config = asking(&[blksize]);
            let mut pipe = Pipe::new(bytes(size), config, |server| server.blksize_max = 65_464);
            assert_eq!(
                pipe.download("f"),
                &done(&bytes(size), 20_001),
                "{size} by {blksize}"
            );
            assert_eq!(pipe.served, [Ok(size as u64)]);
            assert_eq!(pipe.data, size / usize::from(blksize) + 1);
        }
    }
}

#[test]
fn block_numbers_roll_over_to_zero() {
    let file = bytes(65_536 * 512 + 3 * 512);
    let mut pipe = Pipe::new(file.clone(), asking(&[512]), |_| {});
    assert_eq!(pipe.download("f"), &done(&file, 20_001));
    assert_eq!(pipe.data, 65_536 + 4);
}

#[test]
fn any_one_packet_may_be_lost() {
    for (size, packets) in [(2_000, 8), (1_024, 8), (0, 4)] {
        for lost in 0..packets {
            let mut pipe = Pipe::new(bytes(size), asking(&[512]), |_| {});
            pipe.rule = Box::new(move |n| if n == lost { Fate::Lost } else { Fate::Arrives });
            assert_eq!(
                pipe.download("f"),
                &done(&bytes(size), 20_001),
                "without {lost}"
            );
            assert_eq!(pipe.served, [Ok(size as u64)], "without {lost}");
            assert!(
                pipe.now < Instant::ZERO + Duration::from_secs(6),
                "without {lost}"
            );
        }
    }
}

#[test]
fn any_one_packet_may_come_twice_or_late() {
    let late = [10, 900, 1_500].map(|ms| Fate::Late(Duration::from_millis(ms)));
    for fate in [Fate::Twice].into_iter().chain(late) {
        for which in 0..12 {
            let file = bytes(2_000);
            let mut pipe = Pipe::new(file.clone(), asking(&[512]), |_| {});
            pipe.rule = Box::new(move |n| if n == which { fate } else { Fate::Arrives });
            assert_eq!(pipe.download("f"), &done(&file, 20_001), "{fate:?} {which}");
            assert!(pipe.served.contains(&Ok(2_000)), "{fate:?} {which}");
            assert_eq!(pipe.server.transfers(), 0);
        }
    }
}

#[test]
fn duplicates_of_every_packet_do_not_multiply() {
    let mut pipe = Pipe::new(bytes(50_000), asking(&[512]), |_| {});
    pipe.rule = Box::new(|_| Fate::Twice);
    assert_eq!(pipe.download("f"), &done(&bytes(50_000), 20_001));
    assert_eq!(pipe.data, 98, "no block is sent twice");
}

#[test]
fn heavy_loss_both_ways_is_survived() {
    for seed in 0..50 {
        let mut pipe = Pipe::new(bytes(20_000), asking(&[1_024]), |_| {});
        pipe.rule = Box::new(move |n| {
            let drawn = Rng::stream(seed, &format!("packet {n}")).below(10);
            [
                Fate::Lost,
                Fate::Twice,
                Fate::Late(Duration::from_millis(40)),
            ]
            .get(drawn as usize)
            .copied()
            .unwrap_or(Fate::Arrives)
        });
        assert_eq!(
            pipe.download("f"),
            &done(&bytes(20_000), 20_001),
            "seed {seed}"
        );
    }
}

#[test]
fn a_server_on_port_69_alone_is_found_at_once() {
    let mut pipe = Pipe::new(bytes(700), ClientConfig::default(), |server| {
        server.ports = vec![69]
    });
    assert_eq!(pipe.download("f"), &done(&bytes(700), 69));
    assert_eq!(pipe.told[0], ClientEvent::Attempt { n: 1, port: 69 });
    // A request to port 20001, OACK and one block, then 4 s in which the last block could come again.
    assert_eq!(pipe.now, Instant::from_nanos(4_005_000_000));
}

#[test]
fn where_no_refusal_comes_through_port_69_is_tried_after_four_seconds() {
    let mut pipe = Pipe::new(bytes(700), ClientConfig::default(), |server| {
        server.ports = vec![69]
    });
    pipe.refuses = false;
    assert_eq!(pipe.download("f"), &done(&bytes(700), 69));
    assert_eq!(pipe.told[0], ClientEvent::Attempt { n: 1, port: 69 });
    // 4 s on port 20001, OACK and one block, then 4 s in which the last block could come again.
    assert_eq!(pipe.now, Instant::from_nanos(8_004_000_000));
}

#[test]
fn a_server_that_is_down_is_given_up_after_three_attempts_with_waits_between() {
    let mut pipe = Pipe::new(bytes(1), ClientConfig::default(), |server| {
        server.ports.clear()
    });
    pipe.refuses = false;
    let failed = ClientEvent::Failed {
        reason: "no answer from the server".to_owned(),
    };
    assert_eq!(pipe.download("f"), &failed);
    let attempts: Vec<_> = [(1, 69), (2, 20_001), (2, 69), (3, 20_001), (3, 69)]
        .map(|(n, port)| ClientEvent::Attempt { n, port })
        .into();
    assert_eq!(pipe.told[..5], attempts);
    assert_eq!(pipe.sent, 3 * 2 * 4, "each second for 4 s, on both ports");
    assert!(
        (54..=84).contains(&(pipe.now - Instant::ZERO).as_secs()),
        "{}",
        pipe.now
    );
    assert!(pipe.bound(SET).is_empty());
}

#[test]
fn a_host_without_a_server_is_given_up_after_three_attempts_without_patience() {
    let mut pipe = Pipe::new(bytes(1), ClientConfig::default(), |server| {
        server.ports.clear()
    });
    let reason = "nobody listens at the server".to_owned();
    assert_eq!(pipe.download("f"), &ClientEvent::Failed { reason });
    assert_eq!(pipe.sent, 3 * 2);
    assert!(pipe.bound(SET).is_empty());
}

#[test]
fn each_request_has_a_port_of_its_own() {
    let mut script = Script::new();
    let mut ports = vec![script.port];
    for _ in 0..4 {
        script.hears(69, b"\0\x05\0\x08no\0");
        ports.push(script.port);
    }
    script.refused(20_001);
    ports.push(script.port);
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 6);
}

#[test]
fn a_late_refusal_of_an_earlier_request_changes_nothing() {
    let mut script = Script::new();
    let first = script.port;
    script.refused(20_001);
    assert_eq!(script.lines.last().unwrap(), "tells Attempt 1 on 69");
    let (lines, second) = (script.lines.len(), script.port);
    for (port, to) in [(first, 20_001), (first, 69), (second, 20_001)] {
        script.port = port;
        script.refused(to);
    }
    assert_eq!((script.lines.len(), script.state()), (lines, "Requesting"));
}

#[test]
fn a_missing_file_fails_each_attempt_at_once() {
    let mut pipe = Pipe::new(bytes(1), ClientConfig::default(), |_| {});
    let reason = "server says ENOTFOUND \"file not found\"".to_owned();
    assert_eq!(pipe.download("g"), &ClientEvent::Failed { reason });
    assert_eq!(pipe.sent, 3 * 2);
    assert!(
        (30..=60).contains(&(pipe.now - Instant::ZERO).as_secs()),
        "{}",
        pipe.now
    );
}

#[test]
fn a_smaller_block_size_of_the_server_is_taken() {
    let mut pipe = Pipe::new(bytes(5_000), ClientConfig::default(), |_| {});
    assert_eq!(pipe.download("f"), &done(&bytes(5_000), 20_001));
    assert_eq!(pipe.data, 4, "1468 bytes each");
}

#[test]
fn blocks_that_never_come_have_the_client_ask_for_smaller_ones() {
    let mut pipe = Pipe::new(bytes(5_000), ClientConfig::default(), |server| {
        server.blksize_max = 8_192
    });
    pipe.payload_max = 1_472;
    assert_eq!(pipe.download("f"), &done(&bytes(5_000), 20_001));
    // 4096 and 2048 cost 4 s each.
    assert_eq!((pipe.now - Instant::ZERO).as_secs(), 12);
    let gone = "client says EUNDEF \"no packet in time\"".to_owned();
    assert_eq!(pipe.served, [Err(gone.clone()), Err(gone), Ok(5_000)]);
}

#[test]
fn two_downloads_follow_each_other_though_the_first_ones_last_ack_is_lost() {
    let mut pipe = Pipe::new(bytes(700), ClientConfig::default(), |_| {});
    pipe.rule = Box::new(|n| if n == 4 { Fate::Lost } else { Fate::Arrives });
    pipe.start("f");
    while pipe.told.is_empty() {
        pipe.next();
    }
    assert_eq!(pipe.download("f"), &done(&bytes(700), 20_001));
    assert_eq!(pipe.served, [Ok(700), Ok(700)]);
    assert!(pipe.bound(SET).is_empty());
}

#[test]
fn after_stop_nothing_is_bound_and_nothing_due() {
    let mut pipe = Pipe::new(bytes(700), ClientConfig::default(), |_| {});
    pipe.download("f");
    let mut out = Outbox::default();
    pipe.client.start(pipe.now, SERVER, "f", &mut out);
    pipe.client.stop(&mut out);
    assert_eq!(pipe.client.poll_timeout(), None);
    let mut ports = out.drain().filter_map(|out| match out {
        Out::Effect(AppEffect::Bind { port } | AppEffect::Unbind { port }) => Some(port),
        Out::Effect(_) | Out::Trace(_) => None,
    });
    assert_eq!(ports.next(), ports.next());
}

#[test]
fn a_server_that_sends_another_size_than_it_said_fails_the_attempt() {
    let mut script = Script::new();
    script.hears(49_152, b"\0\x06blksize\x001024\0tsize\x00600\0");
    script.hears(49_152, &[b"\0\x03\0\x01", &[0; 100][..]].concat());
    let refusal = "sends 49152 ERROR EUNDEF \"100 bytes came, tsize said 600\"";
    assert_eq!(script.lines[2..], [refusal, "unbinds"]);
    assert_eq!(script.state(), "Waiting");
}

#[test]
fn each_refusal_has_the_client_ask_for_less_and_last_without_options() {
    let mut script = Script::new();
    for _ in 0..4 {
        script.hears(69, b"\0\x05\0\x08no\0");
    }
    let requests = [4_096, 2_048, 1_024, 512]
        .map(|n| format!("sends 20001 RRQ \"f\" octet blksize {n} tsize 0"));
    let mut sent = script.lines.iter().filter(|line| *line != "unbinds");
    assert!(sent.by_ref().take(4).eq(&requests));
    assert_eq!(sent.next().unwrap(), "sends 20001 RRQ \"f\" octet");
    script.hears(69, b"\0\x05\0\x08no\0");
    assert_eq!(script.state(), "Waiting");
}

#[test]
fn a_request_goes_out_each_second_for_four_and_early_calls_do_nothing() {
    let mut script = Script::new();
    for (second, name) in [
        (1, "TFTP resend"),
        (2, "TFTP resend"),
        (3, "TFTP resend"),
        (4, "TFTP silence"),
    ] {
        let at = Instant::ZERO + Duration::from_secs(second);
        assert_eq!(script.client.poll_timeout(), Some((at, name)));
        let mut out = Outbox::default();
        assert_eq!(script.client.handle_timeout(script.now, &mut out), None);
        assert!(out.is_empty());
        script.time_passes();
    }
    let sent = script
        .lines
        .iter()
        .filter(|line| line.starts_with("sends "));
    assert_eq!(sent.count(), 5, "{:?}", script.lines);
}

#[test]
fn twenty_minutes_are_the_end() {
    let mut script = Script::new();
    script.hears(49_152, b"\0\x06blksize\x00512\0");
    let mut block = 0_u16;
    while script.now < Instant::ZERO + Duration::from_mins(20) {
        script.now += Duration::from_secs(3);
        block += 1;
        if script
            .client
            .poll_timeout()
            .is_some_and(|(at, name)| at <= script.now && name == "TFTP download limit")
        {
            break;
        }
        script.hears(
            49_152,
            &[&[0, 3], &block.to_be_bytes()[..], &[0; 512]].concat(),
        );
    }
    assert_eq!(
        script.client.poll_timeout(),
        Some((
            Instant::from_nanos(1_200_000_000_000),
            "TFTP download limit"
        ))
    );
    script.time_passes();
    assert_eq!(
        script.lines.last().unwrap(),
        "tells Failed: the download took too long"
    );
}

#[test]
fn extra_options_are_sent_as_they_are_and_may_be_acknowledged() {
    let extra_options = vec![("wndsize".to_owned(), "4".to_owned())];
    let mut script = Script::with(ClientConfig {
        extra_options,
        ..ClientConfig::default()
    });
    assert_eq!(
        script.lines,
        ["sends 20001 RRQ \"f\" octet blksize 4096 tsize 0 wndsize 4"]
    );
    script.hears(49_152, b"\0\x06WNDSIZE\x004\0");
    assert_eq!(script.state(), "Receiving");
}

fn asking(blksizes: &[u16]) -> ClientConfig {
    ClientConfig {
        blksizes: blksizes.to_vec(),
        ..ClientConfig::default()
    }
}

fn done(file: &[u8], port: u16) -> ClientEvent {
    ClientEvent::Done(Image {
        bytes: file.len() as u64,
        crc32: crc32fast::hash(file),
        head: file[..file.len().min(128)].to_vec(),
        port,
    })
}
