//! Every table of a scenario file and its keys. docs/scenarios.md describes the same ones, in this order.

mod steps;

use super::fields::Shape;
pub(super) use steps::{
    ARP, BURST, CHANGE_CODES, CHANGE_DN, CHANGE_FILE, CORRUPT, DELETE_DN, DELETE_MAC, DELETE_SET,
    DHCP_MESSAGE, ECHO, ENTER_PIN, EXEC, EXPECT, FAULT, FLAP, FRAMES, JUMP_LEASE_CLOCK, MOVE,
    MOVE_DN, PATCH, POWER_UP, REGISTRATION, SEND, SET_RECORD, STEP, TFTP_MESSAGE, UDP, actions,
};

pub(super) const FILE: Shape = Shape {
    title: "the file",
    keys: &[
        "scenario", "shows", "tags", "allow", "seed", "subnet", "router", "tftp", "dns", "host",
        "cluster", "element", "phone", "step",
    ],
};

pub(super) const SUBNET: Shape = Shape {
    title: "[[subnet]]",
    keys: &[
        "name", "prefix", "switch", "vlan", "voice", "lldp-med", "gateway", "cable", "dhcp",
    ],
};

pub(super) const LLDP_MED: Shape = Shape {
    title: "lldp-med",
    keys: &["vlan", "l2p", "dscp"],
};

pub(super) const GATEWAY: Shape = Shape {
    title: "gateway",
    keys: &["router", "address", "arp", "reverse-path", "mac", "relay"],
};

pub(super) const RELAY: Shape = Shape {
    title: "relay",
    keys: &["circuit-id", "remote-id", "trusted"],
};

pub(super) const CABLE: Shape = Shape {
    title: "cable",
    keys: &["latency", "rate", "queue"],
};

pub(super) const DHCP: Shape = Shape {
    title: "dhcp",
    keys: &[
        "server",
        "pool",
        "lease",
        "renew",
        "rebind",
        "name-servers",
        "authoritative",
        "call_srv",
        "sw_tftp",
        "vlan",
        "l2p",
        "dscp",
        "layout",
        "option-60",
        "options",
        "reserve",
        "reserve-client-id",
        "probe",
        "rapid-commit",
        "class",
    ],
};

pub(super) const CLASS: Shape = Shape {
    title: "class",
    keys: &[
        "name",
        "pool",
        "call_srv",
        "sw_tftp",
        "vlan",
        "l2p",
        "dscp",
        "layout",
        "option-60",
        "options",
    ],
};

pub(super) const ROUTER: Shape = Shape {
    title: "[[router]]",
    keys: &["name", "interfaces", "routes"],
};

pub(super) const INTERFACE: Shape = Shape {
    title: "interfaces",
    keys: &["subnet", "address", "arp", "reverse-path", "mac"],
};

pub(super) const TFTP: Shape = Shape {
    title: "[[tftp]]",
    keys: &[
        "name",
        "at",
        "address",
        "firmware",
        "ports",
        "block-size",
        "mac",
    ],
};

pub(super) const MADE_FILE: Shape = Shape {
    title: "firmware",
    keys: &["version", "size"],
};

pub(super) const DNS: Shape = Shape {
    title: "[[dns]]",
    keys: &["name", "at", "address", "mac", "ttl", "delay", "records"],
};

pub(super) const HOST: Shape = Shape {
    title: "[[host]]",
    keys: &[
        "name",
        "at",
        "kernel",
        "address",
        "mac",
        "trunk",
        "command",
        "environment",
        "ready",
    ],
};

pub(super) const READY: Shape = Shape {
    title: "ready",
    keys: &["port", "prints"],
};

pub(super) const CLUSTER: Shape = Shape {
    title: "[cluster]",
    keys: &[
        "registration-code",
        "replacement-code",
        "heartbeat",
        "trunks",
    ],
};

pub(super) const TRUNK: Shape = Shape {
    title: "trunks",
    keys: &["between", "kind"],
};

pub(super) const ELEMENT: Shape = Shape {
    title: "[[element]]",
    keys: &[
        "name",
        "at",
        "address",
        "mac",
        "fqdn",
        "ceid",
        "directory",
        "automatic",
        "remote",
        "cluster",
        "networking",
        "registration-code",
        "replacement-code",
        "fault",
    ],
};

pub(super) const CEID: Shape = Shape {
    title: "ceid",
    keys: &["index", "digits"],
};

pub(super) const ENTRY: Shape = Shape {
    title: "directory",
    keys: &["dn", "mac", "phone"],
};

pub(super) const REMOTE: Shape = Shape {
    title: "remote",
    keys: &["dn", "ceid"],
};

pub(super) const CLUSTER_ENTRY: Shape = Shape {
    title: "cluster",
    keys: &["ceid", "icp"],
};

pub(super) const NETWORKING: Shape = Shape {
    title: "networking",
    keys: &["icp", "address", "pbx"],
};

pub(super) const PHONE: Shape = Shape {
    title: "[[phone]]",
    keys: &[
        "name",
        "model",
        "at",
        "mac",
        "user",
        "memory",
        "manual",
        "dhcp-client",
        "lldp",
        "count",
        "names",
    ],
};

pub(super) const DHCP_CLIENT: Shape = Shape {
    title: "dhcp-client",
    keys: &[
        "init-reboot",
        "check",
        "client-id",
        "max-message-size",
        "rapid-commit",
    ],
};

pub(super) const USER: Shape = Shape {
    title: "user",
    keys: &["pin", "delay"],
};

pub(super) const MEMORY: Shape = Shape {
    title: "memory",
    keys: &["pin"],
};

pub(super) const MANUAL: Shape = Shape {
    title: "manual",
    keys: &["call_srv", "vlan", "l2p"],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Every table, as docs/scenarios.md calls it.
    const ALL: &[&Shape] = &[
        &FILE,
        &SUBNET,
        &LLDP_MED,
        &GATEWAY,
        &RELAY,
        &CABLE,
        &DHCP,
        &CLASS,
        &ROUTER,
        &INTERFACE,
        &TFTP,
        &MADE_FILE,
        &DNS,
        &HOST,
        &READY,
        &CLUSTER,
        &TRUNK,
        &ELEMENT,
        &CEID,
        &ENTRY,
        &REMOTE,
        &CLUSTER_ENTRY,
        &NETWORKING,
        &PHONE,
        &USER,
        &MEMORY,
        &MANUAL,
        &DHCP_CLIENT,
        &STEP,
        &POWER_UP,
        &MOVE,
        &ENTER_PIN,
        &SET_RECORD,
        &EXEC,
        &DELETE_DN,
        &CHANGE_DN,
        &DELETE_MAC,
        &DELETE_SET,
        &CHANGE_CODES,
        &MOVE_DN,
        &FAULT,
        &BURST,
        &CORRUPT,
        &FLAP,
        &CHANGE_FILE,
        &JUMP_LEASE_CLOCK,
        &SEND,
        &ARP,
        &UDP,
        &DHCP_MESSAGE,
        &TFTP_MESSAGE,
        &ECHO,
        &REGISTRATION,
        &PATCH,
        &EXPECT,
        &FRAMES,
    ];

    #[test]
    fn the_documented_keys_are_those_that_are_read() {
        let text = std::fs::read_to_string("docs/scenarios.md").unwrap();
        let mut documented: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in text.lines() {
            if let Some(title) = line.trim_start_matches('#').strip_prefix(' ')
                && line.starts_with("##")
            {
                documented.push((title, Vec::new()));
            }
            let key = line
                .strip_prefix("| `")
                .and_then(|rest| rest.split_once("` |"));
            if let (Some((key, _)), Some((_, keys))) = (key, documented.last_mut()) {
                keys.push(key);
            }
        }
        documented.retain(|(_, keys)| !keys.is_empty());
        let read: Vec<(&str, Vec<&str>)> = ALL
            .iter()
            .map(|shape| (shape.title, shape.keys.to_vec()))
            .collect();
        assert_eq!(documented, read);
    }
}
