//! The tables of the timeline and their keys.

use crate::scenario::file::fields::Shape;

pub(in crate::scenario::file) const STEP: Shape = Shape {
    title: "[[step]]",
    keys: &[
        "note",
        "power-up",
        "power-down",
        "move",
        "unplug",
        "plug",
        "enter-pin",
        "wait",
        "stop",
        "start",
        "kill",
        "set-record",
        "exec",
        "delete-dn",
        "change-dn",
        "delete-mac",
        "delete-set",
        "change-codes",
        "move-dn",
        "synchronise",
        "fault",
        "end-fault",
        "flap",
        "change-file",
        "jump-lease-clock",
        "send",
        "within",
        "throughout",
        "never",
        "expect",
    ],
};

/// Of [`STEP`], those that do nothing by themselves.
const NO_ACTIONS: &[&str] = &["note", "within", "throughout", "never", "expect"];

/// Of [`STEP`], those that do something.
pub(in crate::scenario::file) fn actions() -> Vec<&'static str> {
    let mut keys = STEP.keys.to_vec();
    keys.retain(|key| !NO_ACTIONS.contains(key));
    keys
}

pub(in crate::scenario::file) const POWER_UP: Shape = Shape {
    title: "power-up",
    keys: &["phones", "holding", "over"],
};

pub(in crate::scenario::file) const MOVE: Shape = Shape {
    title: "move",
    keys: &["phone", "phones", "to"],
};

pub(in crate::scenario::file) const ENTER_PIN: Shape = Shape {
    title: "enter-pin",
    keys: &["phone", "pin"],
};

pub(in crate::scenario::file) const SET_RECORD: Shape = Shape {
    title: "set-record",
    keys: &["server", "name", "to"],
};

pub(in crate::scenario::file) const EXEC: Shape = Shape {
    title: "exec",
    keys: &["host", "command", "status", "prints", "within"],
};

pub(in crate::scenario::file) const DELETE_DN: Shape = Shape {
    title: "delete-dn",
    keys: &["element", "dn"],
};

pub(in crate::scenario::file) const CHANGE_DN: Shape = Shape {
    title: "change-dn",
    keys: &["element", "dn", "to"],
};

pub(in crate::scenario::file) const DELETE_MAC: Shape = Shape {
    title: "delete-mac",
    keys: &["element", "mac", "phone"],
};

pub(in crate::scenario::file) const DELETE_SET: Shape = Shape {
    title: "delete-set",
    keys: &["element", "dn", "mac", "phone"],
};

pub(in crate::scenario::file) const CHANGE_CODES: Shape = Shape {
    title: "change-codes",
    keys: &["element", "registration-code", "replacement-code"],
};

pub(in crate::scenario::file) const MOVE_DN: Shape = Shape {
    title: "move-dn",
    keys: &["dn", "from", "to"],
};

pub(in crate::scenario::file) const FAULT: Shape = Shape {
    title: "fault",
    keys: &[
        "name",
        "on",
        "at",
        "direction",
        "for",
        "loss",
        "burst",
        "delay",
        "jitter",
        "reorder",
        "duplicate",
        "corrupt",
        "rate",
        "queue",
    ],
};

pub(in crate::scenario::file) const BURST: Shape = Shape {
    title: "burst",
    keys: &["begins", "ends", "loss"],
};

pub(in crate::scenario::file) const CORRUPT: Shape = Shape {
    title: "corrupt",
    keys: &["rate", "checksums"],
};

pub(in crate::scenario::file) const FLAP: Shape = Shape {
    title: "flap",
    keys: &["on", "at", "times", "down", "up"],
};

pub(in crate::scenario::file) const CHANGE_FILE: Shape = Shape {
    title: "change-file",
    keys: &["server", "file", "cut-to", "version", "size"],
};

pub(in crate::scenario::file) const JUMP_LEASE_CLOCK: Shape = Shape {
    title: "jump-lease-clock",
    keys: &["server", "by"],
};

pub(in crate::scenario::file) const SEND: Shape = Shape {
    title: "send",
    keys: &[
        "from",
        "src-mac",
        "dst-mac",
        "arp",
        "udp",
        "echo",
        "raw",
        "registration",
        "patch",
        "cut",
        "checksums",
    ],
};

pub(in crate::scenario::file) const ARP: Shape = Shape {
    title: "arp",
    keys: &["operation", "sender-mac", "sender", "target-mac", "target"],
};

pub(in crate::scenario::file) const UDP: Shape = Shape {
    title: "udp",
    keys: &[
        "src", "src-port", "dst", "dst-port", "hex", "text", "dhcp", "tftp",
    ],
};

pub(in crate::scenario::file) const DHCP_MESSAGE: Shape = Shape {
    title: "udp.dhcp",
    keys: &[
        "message",
        "client",
        "xid",
        "broadcast",
        "ciaddr",
        "yiaddr",
        "giaddr",
        "requested",
        "server",
        "options",
    ],
};

pub(in crate::scenario::file) const TFTP_MESSAGE: Shape = Shape {
    title: "udp.tftp",
    keys: &["read", "data", "ack", "error", "hex", "text"],
};

pub(in crate::scenario::file) const ECHO: Shape = Shape {
    title: "echo",
    keys: &["src", "dst", "hex", "text"],
};

pub(in crate::scenario::file) const REGISTRATION: Shape = Shape {
    title: "registration",
    keys: &[
        "message",
        "to",
        "sequence",
        "mac",
        "pin",
        "device-type",
        "firmware",
        "address",
        "redirects",
        "reason",
        "dn",
        "heartbeat",
        "target",
        "reset",
        "text",
    ],
};

pub(in crate::scenario::file) const PATCH: Shape = Shape {
    title: "patch",
    keys: &["at", "hex"],
};

pub(in crate::scenario::file) const EXPECT: Shape = Shape {
    title: "expect.NAME",
    keys: &[
        "registered",
        "element",
        "display",
        "address",
        "subnet",
        "vlan",
        "stored-pin",
        "prompt",
        "neighbour",
        "flashed",
        "redirects",
        "directory",
        "remote",
        "trunks",
        "running",
        "exited",
    ],
};

pub(in crate::scenario::file) const FRAMES: Shape = Shape {
    title: "expect.frames",
    keys: &["on", "filter", "at-least", "at-most", "exactly", "since"],
};
