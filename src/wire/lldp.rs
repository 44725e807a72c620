//! LLDP (IEEE 802.1AB-2016) with the elements of LLDP-MED (ANSI/TIA-1057) that switches and sets need.
//!
//! ```text
//!  0         7       16                 an element (TLV): type 7 bits, length 9 bits
//! +---------+---------+-------------
//! |  type   | length  | value              1 chassis  2 port  3 time to live, in this order (section 8.2)
//! +---------+---------+-------------       4 to 126 in any order, 127 an organization's, 0 the end
//!
//!  127 | 00-12-BB | 1 | capabilities (2) | device class (1)                        TIA-1057 section 10.2.2
//!  127 | 00-12-BB | 2 | application (1) | U T X | VLAN id | priority | DSCP        section 10.2.3
//!                                         1 1 1     12         3         6    bits
//! ```
//!
//! It goes from one end of a cable to the other: no bridge hands it on ([`NEAREST_BRIDGE`]), and it has no tag.

use std::fmt;

use super::{DecodeError, Mac};

/// Where it is sent to: no further than the nearest bridge (802.1AB-2016 section 7.1, 802.1Q-2022 table 8-1).
pub const NEAREST_BRIDGE: Mac = Mac([0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e]);
/// EtherType (802.1AB-2016 section 7.2).
pub const ETHERTYPE: u16 = 0x88cc;

/// The application of a [`Policy`]: voice (TIA-1057 table 12).
pub const VOICE: u8 = 1;
/// MED capabilities (TIA-1057 table 10): these, and network policies.
pub const MED_CAPABILITIES: u16 = 0b11;
/// MED device class of a set: endpoint class III, communication device (TIA-1057 table 11).
pub const CLASS_III: u8 = 3;
/// MED device class of a switch: network connectivity.
pub const CONNECTIVITY: u8 = 4;
/// System capabilities (802.1AB-2016 table 8-4).
pub const BRIDGE: u16 = 1 << 2;
pub const TELEPHONE: u16 = 1 << 5;

/// Chassis and port ids that are MACs (802.1AB-2016 tables 8-2 and 8-3).
const CHASSIS_MAC: u8 = 4;
const PORT_MAC: u8 = 3;
/// A port id of the sender's own making.
const PORT_LOCAL: u8 = 7;

const END: u8 = 0;
const CHASSIS: u8 = 1;
const PORT: u8 = 2;
const TIME_TO_LIVE: u8 = 3;
const SYSTEM_NAME: u8 = 5;
const CAPABILITIES: u8 = 7;
const ORGANIZATION: u8 = 127;
/// TIA's organizationally unique identifier.
const TIA: [u8; 3] = [0x00, 0x12, 0xbb];
const MED_SUBTYPE_CAPABILITIES: u8 = 1;
const MED_SUBTYPE_POLICY: u8 = 2;
/// The longest value: nine bits of length.
const VALUE_LEN_MAX: usize = 511;

/// A message: an LLDPDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lldpdu {
    pub chassis: Id,
    pub port: Id,
    /// Seconds for which it holds; 0: no longer.
    pub ttl: u16,
    /// The other elements, in order.
    pub tlvs: Vec<Tlv>,
}

/// The id of a chassis or port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id {
    /// What `value` is.
    pub subtype: u8,
    pub value: Vec<u8>,
}

/// An element that is not one of the first three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tlv {
    SystemName(Vec<u8>),
    /// What the system can do, and what of it it does.
    Capabilities {
        can: u16,
        does: u16,
    },
    MedCapabilities {
        capabilities: u16,
        class: u8,
    },
    MedPolicy(Policy),
    /// Any other, or one of a length that its type does not have.
    Other {
        kind: u8,
        value: Vec<u8>,
    },
}

/// A network policy of LLDP-MED: how frames of an application are tagged and marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// 1 voice, 2 voice signalling, and others.
    pub application: u8,
    /// The policy is required and not known.
    pub unknown: bool,
    pub tagged: bool,
    /// Not used; kept as it came.
    pub reserved: bool,
    /// 0 to 4095; 0 is a priority alone. Higher bits are not sent.
    pub vlan: u16,
    /// 0 to 7.
    pub priority: u8,
    /// 0 to 63.
    pub dscp: u8,
}

/// Reads a message. Bytes behind its end (padding) are ignored; a message that ends without an end element is whole
/// all the same (802.1AB-2016 section 8.5.1).
///
/// Fails if the bytes end within an element, if the first three are not chassis, port and time to live, or if one of
/// these is empty or comes again; the error's place is where that element begins.
pub fn decode(bytes: &[u8]) -> Result<Lldpdu, DecodeError> {
    let mut rest = Elements { bytes, at: 0 };
    let at = rest.at;
    let chassis = Id::of(rest.mandatory(CHASSIS)?, at)?;
    let at = rest.at;
    let port = Id::of(rest.mandatory(PORT)?, at)?;
    let at = rest.at;
    let Some(&[a, b]) = rest.mandatory(TIME_TO_LIVE)?.first_chunk() else {
        return Err(DecodeError::new("lldp", at, "time to live is too short"));
    };
    let mut tlvs = Vec::new();
    let mut at = rest.at;
    while let Some((kind, value)) = rest.next()? {
        if matches!(kind, CHASSIS | PORT | TIME_TO_LIVE) {
            let problem = "chassis, port or time to live comes again";
            return Err(DecodeError::new("lldp", at, problem));
        }
        tlvs.push(Tlv::of(kind, value));
        at = rest.at;
    }
    Ok(Lldpdu {
        chassis,
        port,
        ttl: u16::from_be_bytes([a, b]),
        tlvs,
    })
}

struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Elements<'a> {
    /// The next element; `None` at the end.
    fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, DecodeError> {
        let rest = &self.bytes[self.at..];
        let Some((&head, behind)) = rest.split_first_chunk::<2>() else {
            return match rest {
                [] => Ok(None),
                _ => Err(self.cut()),
            };
        };
        let head = u16::from_be_bytes(head);
        let (kind, len) = ((head >> 9) as u8, usize::from(head & 0x1ff));
        if kind == END {
            return Ok(None);
        }
        let value = behind.get(..len).ok_or(self.cut())?;
        self.at += 2 + len;
        Ok(Some((kind, value)))
    }

    fn mandatory(&mut self, kind: u8) -> Result<&'a [u8], DecodeError> {
        let at = self.at;
        match self.next()? {
            Some((found, value)) if found == kind => Ok(value),
            Some(_) | None => Err(DecodeError::new(
                "lldp",
                at,
                "does not begin with chassis, port and time to live",
            )),
        }
    }

    fn cut(&self) -> DecodeError {
        DecodeError::new("lldp", self.bytes.len(), "ends within an element")
    }
}

impl Id {
    /// The id that is a chassis' MAC.
    pub fn chassis_mac(mac: Mac) -> Id {
        Id {
            subtype: CHASSIS_MAC,
            value: mac.0.to_vec(),
        }
    }

    /// The id that is a port's MAC.
    pub fn port_mac(mac: Mac) -> Id {
        Id {
            subtype: PORT_MAC,
            value: mac.0.to_vec(),
        }
    }

    /// The id of a port that its system has made up.
    pub fn local_port(name: &str) -> Id {
        Id {
            subtype: PORT_LOCAL,
            value: name.as_bytes().to_vec(),
        }
    }

    fn of(value: &[u8], at: usize) -> Result<Id, DecodeError> {
        match value {
            [subtype, value @ ..] if !value.is_empty() => Ok(Id {
                subtype: *subtype,
                value: value.to_vec(),
            }),
            _ => Err(DecodeError::new("lldp", at, "id is empty")),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        [&[self.subtype][..], &self.value].concat()
    }
}

impl Tlv {
    fn of(kind: u8, value: &[u8]) -> Tlv {
        match (kind, value) {
            (SYSTEM_NAME, name) => Tlv::SystemName(name.to_vec()),
            (CAPABILITIES, &[a, b, c, d]) => Tlv::Capabilities {
                can: u16::from_be_bytes([a, b]),
                does: u16::from_be_bytes([c, d]),
            },
            (ORGANIZATION, &[a, b, c, MED_SUBTYPE_CAPABILITIES, d, e, class])
                if [a, b, c] == TIA =>
            {
                Tlv::MedCapabilities {
                    capabilities: u16::from_be_bytes([d, e]),
                    class,
                }
            }
            (ORGANIZATION, &[a, b, c, MED_SUBTYPE_POLICY, application, d, e, f])
                if [a, b, c] == TIA =>
            {
                Tlv::MedPolicy(Policy::of(application, u32::from_be_bytes([0, d, e, f])))
            }
            (kind, value) => Tlv::Other {
                kind,
                value: value.to_vec(),
            },
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Tlv::SystemName(name) => element(SYSTEM_NAME, name, out),
            Tlv::Capabilities { can, does } => {
                element(
                    CAPABILITIES,
                    [*can, *does].map(u16::to_be_bytes).as_flattened(),
                    out,
                );
            }
            Tlv::MedCapabilities {
                capabilities,
                class,
            } => {
                let [a, b] = capabilities.to_be_bytes();
                med(&[MED_SUBTYPE_CAPABILITIES, a, b, *class], out);
            }
            Tlv::MedPolicy(policy) => {
                let [_, a, b, c] = policy.bits().to_be_bytes();
                med(&[MED_SUBTYPE_POLICY, policy.application, a, b, c], out);
            }
            Tlv::Other { kind, value } => element(*kind, value, out),
        }
    }
}

impl Policy {
    fn of(application: u8, bits: u32) -> Policy {
        Policy {
            application,
            unknown: bits >> 23 & 1 == 1,
            tagged: bits >> 22 & 1 == 1,
            reserved: bits >> 21 & 1 == 1,
            vlan: (bits >> 9 & 0xfff) as u16,
            priority: (bits >> 6 & 7) as u8,
            dscp: (bits & 0x3f) as u8,
        }
    }

    fn bits(self) -> u32 {
        u32::from(self.unknown) << 23
            | u32::from(self.tagged) << 22
            | u32::from(self.reserved) << 21
            | u32::from(self.vlan & 0xfff) << 9
            | u32::from(self.priority & 7) << 6
            | u32::from(self.dscp & 0x3f)
    }
}

impl Lldpdu {
    /// Appends the message with its end element. A value beyond 511 bytes is cut.
    pub fn encode(&self, out: &mut Vec<u8>) {
        element(CHASSIS, &self.chassis.bytes(), out);
        element(PORT, &self.port.bytes(), out);
        element(TIME_TO_LIVE, &self.ttl.to_be_bytes(), out);
        for tlv in &self.tlvs {
            tlv.encode(out);
        }
        element(END, &[], out);
    }

    /// Whether its sender is an endpoint that speaks LLDP-MED.
    pub fn is_med_endpoint(&self) -> bool {
        let is_one =
            |tlv: &Tlv| matches!(tlv, Tlv::MedCapabilities { class, .. } if *class != CONNECTIVITY);
        self.tlvs.iter().any(is_one)
    }

    /// The network policy for voice, if it has one that is known.
    pub fn voice_policy(&self) -> Option<Policy> {
        self.tlvs.iter().find_map(|tlv| match tlv {
            Tlv::MedPolicy(policy) if policy.application == VOICE && !policy.unknown => {
                Some(*policy)
            }
            Tlv::MedPolicy(_)
            | Tlv::SystemName(_)
            | Tlv::Capabilities { .. }
            | Tlv::MedCapabilities { .. }
            | Tlv::Other { .. } => None,
        })
    }
}

fn med(value: &[u8], out: &mut Vec<u8>) {
    element(ORGANIZATION, &[&TIA, value].concat(), out);
}

fn element(kind: u8, value: &[u8], out: &mut Vec<u8>) {
    let value = &value[..value.len().min(VALUE_LEN_MAX)];
    let head = u16::from(kind) << 9 | value.len() as u16;
    out.extend_from_slice(&head.to_be_bytes());
    out.extend_from_slice(value);
}

impl fmt::Display for Lldpdu {
    /// As `LLDP, chassis 4 02:..:01, port 7 "3", ttl 120, name "stack", MED class 4 (0x0003), voice VLAN 20, p 6, DSCP 46`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (chassis, port, ttl) = (&self.chassis, &self.port, self.ttl);
        write!(f, "LLDP, chassis {chassis}, port {port}, ttl {ttl}")?;
        self.tlvs.iter().try_for_each(|tlv| write!(f, ", {tlv}"))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.subtype)?;
        match self.value.as_slice().try_into() {
            Ok(mac) if self.subtype != PORT_LOCAL => write!(f, "{}", Mac(mac)),
            Ok(_) | Err(_) => write!(f, "\"{}\"", self.value.escape_ascii()),
        }
    }
}

impl fmt::Display for Tlv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tlv::SystemName(name) => write!(f, "name \"{}\"", name.escape_ascii()),
            Tlv::Capabilities { can, does } => write!(f, "capabilities 0x{can:04x}/0x{does:04x}"),
            Tlv::MedCapabilities {
                capabilities,
                class,
            } => write!(f, "MED class {class} (0x{capabilities:04x})"),
            Tlv::MedPolicy(policy) => {
                match policy.application {
                    VOICE => f.write_str("voice ")?,
                    other => write!(f, "application {other} ")?,
                }
                if policy.unknown {
                    return f.write_str("policy unknown");
                }
                match policy.tagged {
                    true => write!(f, "VLAN {}, p {}", policy.vlan, policy.priority)?,
                    false => f.write_str("untagged")?,
                }
                write!(f, ", DSCP {}", policy.dscp)
            }
            Tlv::Other { kind, value } => write!(f, "type {kind} ({} bytes)", value.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use proptest::prelude::*;

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for fixture in fixture::all("lldp") {
            let message = decode(&fixture.bytes).unwrap();
            assert_eq!(message.to_string(), fixture.line, "{}", fixture.name);
            assert_eq!(encoded(&message), fixture.bytes, "{}", fixture.name);
        }
    }

    #[test]
    fn a_message_cut_anywhere_but_between_elements_is_an_error_that_says_where() {
        for fixture in fixture::all("lldp") {
            let mut ends = Vec::new();
            let mut elements = Elements {
                bytes: &fixture.bytes,
                at: 0,
            };
            while elements.next().unwrap().is_some() {
                ends.push(elements.at);
            }
            for len in 0..fixture.bytes.len() {
                let whole = ends[2..].contains(&len);
                let decoded = decode(&fixture.bytes[..len]);
                assert_eq!(decoded.is_ok(), whole, "{} cut at {len}", fixture.name);
            }
        }
        let error = decode(&[2, 7, 4]).unwrap_err();
        assert_eq!(error.to_string(), "lldp: ends within an element at byte 3");
        let error = decode(&[2, 2, 7, 1, 4, 1, 7, 0, 0]).unwrap_err();
        assert_eq!(error.to_string(), "lldp: id is empty at byte 4");
        let error = decode(&[4, 2, 7, 1, 0, 0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "lldp: does not begin with chassis, port and time to live at byte 0"
        );
    }

    #[test]
    fn a_message_whose_mandatory_elements_come_again_is_none() {
        let begins = [2, 2, 7, 1, 4, 2, 7, 2, 6, 2, 0, 120];
        decode(&begins).unwrap();
        for again in [&[2, 2, 7, 1][..], &[4, 2, 7, 2], &[6, 2, 0, 1]] {
            let error = decode(&[&begins, again].concat()).unwrap_err();
            assert_eq!(
                error.to_string(),
                "lldp: chassis, port or time to live comes again at byte 12"
            );
        }
    }

    #[test]
    fn padding_behind_the_end_is_ignored() {
        for fixture in fixture::all("lldp") {
            let padded = [&fixture.bytes[..], &[0xaa; 20]].concat();
            assert_eq!(decode(&padded), decode(&fixture.bytes));
        }
    }

    #[test]
    fn a_policy_counts_for_voice_alone_and_if_it_is_known() {
        let policy = Policy::of(VOICE, 0x40_28_2e | 6 << 6);
        let message = |policy| Lldpdu {
            chassis: Id::local_port("a"),
            port: Id::local_port("b"),
            ttl: 1,
            tlvs: vec![Tlv::MedPolicy(policy)],
        };
        assert_eq!(message(policy).voice_policy(), Some(policy));
        let unknown = true;
        assert_eq!(message(Policy { unknown, ..policy }).voice_policy(), None);
        let application = 2;
        let signalling = Policy {
            application,
            ..policy
        };
        assert_eq!(message(signalling).voice_policy(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic_and_what_decodes_is_kept(
            rest: Vec<u8>,
            tlv in prop::sample::select(vec![0_u8, 5, 7, 127]),
            value in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            let mut bytes = vec![2, 2, 7, 1, 4, 2, 7, 2, 6, 2, 0, 120];
            let mut med = TIA.to_vec();
            med.extend(&value);
            element(tlv, if tlv == ORGANIZATION { &med } else { &value }, &mut bytes);
            bytes.extend(&rest);
            if let Ok(message) = decode(&bytes) {
                let again = encoded(&message);
                let kept = &again[..again.len() - 2];
                prop_assert!(bytes.starts_with(kept));
                let _ = message.to_string();
            }
            let _ = decode(&rest);
        }
    }

    fn encoded(message: &Lldpdu) -> Vec<u8> {
        let mut out = Vec::new();
        message.encode(&mut out);
        out
    }
}
