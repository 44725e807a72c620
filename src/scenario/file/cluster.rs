//! The tables of the cluster and of the sets.

use std::net::Ipv4Addr;
use std::time::Duration;

use toml::de::DeValue;

use super::fields::Fields;
use super::value::{Item, boolean, list, number, of, text, word};
use super::{At, keys, name};
use crate::phone::PhoneDhcp;
use crate::scenario::plan::{ElementFault, TrunkKind, Vlan};
use crate::scenario::problem::{Problem, Problems, Span};
use crate::scenario::units;
use crate::wire::Mac;

#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) registration_code: Option<At<String>>,
    pub(crate) replacement_code: Option<At<String>>,
    pub(crate) heartbeat: Option<At<Duration>>,
    pub(crate) trunks: Vec<At<Trunk>>,
}

/// What joins two elements.
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) between: Vec<At<String>>,
    pub(crate) kind: TrunkKind,
}

/// A form, and each row of it.
type List<T> = At<Vec<At<T>>>;

#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) span: Span,
    pub(crate) name: Option<At<String>>,
    pub(crate) at: Option<At<String>>,
    pub(crate) address: Option<At<Ipv4Addr>>,
    pub(crate) mac: Option<At<Mac>>,
    pub(crate) fqdn: Option<At<String>>,
    pub(crate) ceid: Option<Ceid>,
    pub(crate) directory: Vec<At<Entry>>,
    /// First and last DN of automatic selection.
    pub(crate) automatic: Option<At<(String, String)>>,
    pub(crate) remote: Option<List<Remote>>,
    /// CEID digits, ICP/PBX number.
    pub(crate) cluster: Option<List<(String, u16)>>,
    pub(crate) networking: Option<List<Networking>>,
    pub(crate) registration_code: Option<At<String>>,
    pub(crate) replacement_code: Option<At<String>>,
    pub(crate) fault: Option<At<ElementFault>>,
}

#[derive(Debug)]
pub(crate) struct Ceid {
    pub(crate) index: Option<At<u16>>,
    pub(crate) digits: Option<At<String>>,
}

/// Directory numbers, and the set that one is programmed with.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) dns: Vec<String>,
    pub(crate) mac: Option<Mac>,
    pub(crate) phone: Option<At<String>>,
}

#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) dns: Vec<String>,
    pub(crate) ceid: String,
}

#[derive(Debug)]
pub(crate) struct Networking {
    pub(crate) icp: u16,
    /// A name, an address or an FQDN.
    pub(crate) address: At<String>,
    pub(crate) pbx: u16,
}

#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) span: Span,
    pub(crate) name: Option<At<String>>,
    pub(crate) model: Option<At<String>>,
    pub(crate) at: Option<At<String>>,
    pub(crate) mac: Option<At<Mac>>,
    pub(crate) user: Option<User>,
    pub(crate) stored_pin: Option<At<String>>,
    /// The call server that was programmed on the set by hand: an element's name or an address.
    pub(crate) call_server: Option<At<String>>,
    /// What it does with DHCP that no set is known to do.
    pub(crate) dhcp_client: Option<PhoneDhcp>,
    /// The VLAN that was programmed on it, and the priority.
    pub(crate) vlan: Option<At<Vlan>>,
    pub(crate) lldp: Option<At<bool>>,
    pub(crate) count: Option<At<usize>>,
    pub(crate) names: Option<At<String>>,
}

#[derive(Debug)]
pub(crate) struct User {
    pub(crate) pin: Option<At<String>>,
    pub(crate) delay: Option<At<Duration>>,
}

/// CEID index and ICP/PBX number: 1 to 999.
fn ceid_index() -> impl Fn(&Item<'_>, &mut Problems) -> Option<u16> {
    number(1, 999)
}

pub(super) fn cluster(item: &Item<'_>, problems: &mut Problems) -> Option<Cluster> {
    let mut fields = Fields::of(item, &keys::CLUSTER, problems)?;
    let trunks = fields.optional("trunks", problems, list(trunk));
    Some(Cluster {
        registration_code: fields.optional("registration-code", problems, of(units::access_code)),
        replacement_code: fields.optional("replacement-code", problems, of(units::access_code)),
        heartbeat: fields.optional("heartbeat", problems, of(units::duration)),
        trunks: trunks.map(|list| list.value).unwrap_or_default(),
    })
}

const TRUNK_KINDS: &[(&str, TrunkKind)] = &[
    ("ip", TrunkKind::Ip),
    ("dpnss", TrunkKind::Dpnss),
    ("none", TrunkKind::None),
];

fn trunk(item: &Item<'_>, problems: &mut Problems) -> Option<Trunk> {
    let mut fields = Fields::of(item, &keys::TRUNK, problems)?;
    let between = fields.required("between", problems, list(text));
    let kind = fields.required("kind", problems, word(TRUNK_KINDS));
    let between = between?;
    let differ = matches!(between.value.as_slice(), [a, b] if a.value != b.value);
    if !differ {
        let problem = Problem::new(&between.span, "a trunk joins two elements");
        problems.push(problem.help("for example [\"mivb-a\", \"mivb-b\"]".to_owned()));
        return None;
    }
    Some(Trunk {
        between: between.value,
        kind: kind?.value,
    })
}

pub(super) fn element(item: &Item<'_>, problems: &mut Problems) -> Option<Element> {
    let mut fields = Fields::of(item, &keys::ELEMENT, problems)?;
    let directory = fields.optional("directory", problems, list(entry));
    let remote = fields.optional("remote", problems, list(remote));
    let cluster = fields.optional("cluster", problems, list(cluster_entry));
    let networking = fields.optional("networking", problems, list(networking_entry));
    Some(Element {
        span: fields.span.clone(),
        name: fields.required("name", problems, of(name)),
        at: fields.optional("at", problems, text),
        address: fields.required("address", problems, of(units::address)),
        mac: fields.optional("mac", problems, of(units::mac)),
        fqdn: fields.optional("fqdn", problems, of(units::fqdn)),
        ceid: fields
            .required("ceid", problems, ceid)
            .map(|ceid| ceid.value),
        directory: directory.map(|list| list.value).unwrap_or_default(),
        automatic: fields.optional("automatic", problems, of(units::dn_range)),
        remote,
        cluster,
        networking,
        registration_code: fields.optional("registration-code", problems, of(units::access_code)),
        replacement_code: fields.optional("replacement-code", problems, of(units::access_code)),
        fault: fields.optional("fault", problems, of(fault)),
    })
}

fn fault(name: &str) -> Result<ElementFault, units::Wrong> {
    let wrong = |_| {
        units::Wrong::new(
            format!("there is no fault `{name}`"),
            "`jackfield faults` lists them",
        )
    };
    name.parse().map_err(wrong)
}

fn ceid(item: &Item<'_>, problems: &mut Problems) -> Option<Ceid> {
    let mut fields = Fields::of(item, &keys::CEID, problems)?;
    Some(Ceid {
        index: fields.required("index", problems, ceid_index()),
        digits: fields.required("digits", problems, of(units::ceid_digits)),
    })
}

/// A number or a range as text, or a table that gives one number its set.
fn entry(item: &Item<'_>, problems: &mut Problems) -> Option<Entry> {
    if let DeValue::String(_) = item.get_ref() {
        return of(units::dns)(item, problems).map(|dns| Entry {
            dns,
            mac: None,
            phone: None,
        });
    }
    let mut fields = Fields::of(item, &keys::ENTRY, problems)?;
    let both = fields.present(&["mac", "phone"]);
    let dn = fields.required("dn", problems, of(units::dn));
    let mac = fields.optional("mac", problems, of(units::mac));
    let phone = fields.optional("phone", problems, text);
    if let [_, (_, second)] = both.as_slice() {
        let message = "a number has one set: give `mac` or `phone`, not both";
        problems.push(Problem::new(second, message));
    }
    Some(Entry {
        dns: vec![dn?.value],
        mac: mac.map(|mac| mac.value),
        phone,
    })
}

fn remote(item: &Item<'_>, problems: &mut Problems) -> Option<Remote> {
    let mut fields = Fields::of(item, &keys::REMOTE, problems)?;
    let dns = fields.required("dn", problems, of(units::dns));
    let ceid = fields.required("ceid", problems, of(units::ceid_digits));
    Some(Remote {
        dns: dns?.value,
        ceid: ceid?.value,
    })
}

fn cluster_entry(item: &Item<'_>, problems: &mut Problems) -> Option<(String, u16)> {
    let mut fields = Fields::of(item, &keys::CLUSTER_ENTRY, problems)?;
    let ceid = fields.required("ceid", problems, of(units::ceid_digits));
    let icp = fields.required("icp", problems, ceid_index());
    Some((ceid?.value, icp?.value))
}

fn networking_entry(item: &Item<'_>, problems: &mut Problems) -> Option<Networking> {
    let mut fields = Fields::of(item, &keys::NETWORKING, problems)?;
    let icp = fields.required("icp", problems, ceid_index());
    let address = fields.required("address", problems, text);
    let pbx = fields.required("pbx", problems, ceid_index());
    Some(Networking {
        icp: icp?.value,
        address: address?,
        pbx: pbx?.value,
    })
}

/// Phones of one table at most: twice what one run is made for.
const COUNT_MAX: usize = 200_000;

/// Bytes of an IP datagram that option 57 can name: from the least (RFC 2132 section 9.10) to an Ethernet's.
const MESSAGE_SIZE_MIN: u16 = 576;
const MESSAGE_SIZE_MAX: u16 = 1_500;

pub(super) fn phone(item: &Item<'_>, problems: &mut Problems) -> Option<Phone> {
    let mut fields = Fields::of(item, &keys::PHONE, problems)?;
    let memory = fields.optional("memory", problems, memory);
    let manual = fields.optional("manual", problems, manual);
    let dhcp_client = fields.optional("dhcp-client", problems, dhcp_client);
    let (call_server, vlan) = manual.map(|manual| manual.value).unwrap_or_default();
    Some(Phone {
        span: fields.span.clone(),
        name: fields.required("name", problems, of(name)),
        model: fields.optional("model", problems, of(model)),
        at: fields.required("at", problems, text),
        mac: fields.optional("mac", problems, of(units::mac)),
        user: fields
            .optional("user", problems, user)
            .map(|user| user.value),
        stored_pin: memory.and_then(|memory| memory.value),
        call_server,
        dhcp_client: dhcp_client.map(|client| client.value),
        vlan,
        lldp: fields.optional("lldp", problems, boolean),
        count: fields.optional("count", problems, number(1, COUNT_MAX)),
        names: fields.optional("names", problems, text),
    })
}

/// A model's name becomes part of file names: letters and digits.
fn model(text: &str) -> Result<String, units::Wrong> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(text.to_owned());
    }
    Err(units::Wrong::new(
        format!("`{text}` is not the name of a model"),
        "letters and digits, for example \"5360\"",
    ))
}

fn user(item: &Item<'_>, problems: &mut Problems) -> Option<User> {
    let mut fields = Fields::of(item, &keys::USER, problems)?;
    Some(User {
        pin: fields.required("pin", problems, text),
        delay: fields.optional("delay", problems, of(units::duration)),
    })
}

fn memory(item: &Item<'_>, problems: &mut Problems) -> Option<Option<At<String>>> {
    let mut fields = Fields::of(item, &keys::MEMORY, problems)?;
    Some(fields.required("pin", problems, text))
}

fn dhcp_client(item: &Item<'_>, problems: &mut Problems) -> Option<PhoneDhcp> {
    let mut fields = Fields::of(item, &keys::DHCP_CLIENT, problems)?;
    let init_reboot = fields.optional("init-reboot", problems, boolean);
    let check = fields.optional("check", problems, of(units::duration));
    let client_id = fields.optional("client-id", problems, of(client_id));
    let size = number(MESSAGE_SIZE_MIN, MESSAGE_SIZE_MAX);
    let max_message_size = fields.optional("max-message-size", problems, size);
    let rapid_commit = fields.optional("rapid-commit", problems, boolean);
    Some(PhoneDhcp {
        init_reboot: init_reboot.is_some_and(|yes| yes.value),
        check: check.map(|wait| wait.value),
        client_id: client_id.map(|id| id.value).unwrap_or_default(),
        max_message_size: max_message_size.map(|size| size.value),
        rapid_commit: rapid_commit.is_some_and(|yes| yes.value),
    })
}

/// At least two bytes (RFC 2132 section 9.14), and no more than an option holds.
fn client_id(text: &str) -> Result<Vec<u8>, units::Wrong> {
    let id = units::hex(text)?;
    if (2..=255).contains(&id.len()) {
        return Ok(id);
    }
    let message = format!("{} bytes are no client identifier", id.len());
    let help = "2 to 255 bytes in hexadecimal, the first of them a type: 00 for a name";
    Err(units::Wrong::new(message, help))
}

fn manual(item: &Item<'_>, problems: &mut Problems) -> Option<Manual> {
    let mut fields = Fields::of(item, &keys::MANUAL, problems)?;
    let call_server = fields.optional("call_srv", problems, text);
    let vlan = fields.optional("vlan", problems, number(0, 4094));
    let l2p = fields.optional("l2p", problems, number(0, 7));
    let vlan = match (vlan, l2p) {
        (Some(At { value: id, span }), Some(At { value, .. })) => {
            let priority = value;
            Some(At::new(Vlan { id, priority }, span))
        }
        (None, None) => None,
        (Some(At { span, .. }), None) | (None, Some(At { span, .. })) => {
            let message = "a set is programmed with a VLAN and a priority together";
            let help = "write both, for example { vlan = 20, l2p = 6 }".to_owned();
            problems.push(Problem::new(&span, message).help(help));
            None
        }
    };
    Some((call_server, vlan))
}

/// What is programmed by hand: call server and VLAN.
type Manual = (Option<At<String>>, Option<At<Vlan>>);
