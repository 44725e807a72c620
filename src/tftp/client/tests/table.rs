//! The table of the client: each state, each event, what it does.

use std::fmt::Write as _;
use std::fs;

use super::script::{Script, TID};

#[test]
fn the_transition_table_is_as_reviewed() {
    let mut table = String::from(
        "# What the TFTP client does in each state with each event. Sends go to the server's port that is named.\n",
    );
    for state in [
        "Idle",
        "Requesting",
        "Receiving, no block yet",
        "Receiving, 65535 blocks",
        "Waiting",
        "Done, lingering",
    ] {
        writeln!(table, "\n{state}").unwrap();
        for (event, from, payload) in EVENTS {
            let mut script = Script::in_state(state);
            script.lines.clear();
            script.hears(*from, payload);
            writeln!(table, "  {event:32} {}", script.outcome()).unwrap();
        }
        let mut script = Script::in_state(state);
        script.lines.clear();
        script.refused(script.asked());
        writeln!(table, "  {:32} {}", "refused", script.outcome()).unwrap();
        for name in [
            "TFTP resend",
            "TFTP silence",
            "TFTP next attempt",
            "TFTP download limit",
            "TFTP farewell",
        ] {
            let mut script = Script::in_state(state);
            script.lines.clear();
            if script.wait_for(name) {
                writeln!(table, "  {name:32} {}", script.outcome()).unwrap();
            }
        }
    }
    let path = "fixtures/golden/tftp_client_transitions.txt";
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, &table).unwrap();
    }
    assert_eq!(
        table,
        fs::read_to_string(path).unwrap(),
        "BLESS=1 writes it anew"
    );
}

const EVENTS: &[(&str, u16, &[u8])] = &[
    ("OACK blksize 8", TID, b"\0\x06blksize\x008\0"),
    ("OACK, larger than asked", TID, b"\0\x06blksize\x009000\0"),
    ("OACK, not asked for", TID, b"\0\x06windowsize\x004\0"),
    ("DATA 0, 8 bytes", TID, b"\0\x03\0\x0012345678"),
    ("DATA 1, 8 bytes", TID, b"\0\x03\0\x0112345678"),
    ("DATA 1, 3 bytes", TID, b"\0\x03\0\x01123"),
    ("DATA 1, 9 bytes", TID, b"\0\x03\0\x01123456789"),
    ("DATA 2, 8 bytes", TID, b"\0\x03\0\x0212345678"),
    ("DATA 65535, 8 bytes", TID, b"\0\x03\xff\xff12345678"),
    ("DATA 1 from another port", 7, b"\0\x03\0\x0112345678"),
    ("ERROR 1", TID, b"\0\x05\0\x01gone\0"),
    ("ERROR 8", TID, b"\0\x05\0\x08no\0"),
    ("ERROR 5 from another port", 7, b"\0\x05\0\x05who?\0"),
    ("ACK 1", TID, b"\0\x04\0\x01"),
    ("undecodable", TID, b"\0"),
];
