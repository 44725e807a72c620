//! The fields that a filter can name: Wireshark's names, kinds and meanings.
//!
//! One table, [`FIELDS`], in the order of [`Field`]; `docs/filters.md` shows the same table, and a test
//! keeps the two equal. A both-ways field such as `ip.addr` has no values of its own: it stands for
//! the values of two others.

/// A field or protocol that a filter can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    FrameLen,
    FrameInterfaceName,
    Eth,
    EthDst,
    EthSrc,
    EthAddr,
    EthType,
    Vlan,
    VlanId,
    VlanPriority,
    VlanEtype,
    Arp,
    ArpOpcode,
    ArpSrcHwMac,
    ArpSrcProtoIpv4,
    ArpDstHwMac,
    ArpDstProtoIpv4,
    ArpIsGratuitous,
    Lldp,
    LldpTlvType,
    LldpTimeToLive,
    LldpTlvSystemName,
    LldpMediaAppType,
    LldpMediaTagFlag,
    LldpMediaVlanId,
    LldpMediaL2Prio,
    LldpMediaDscp,
    Ip,
    IpSrc,
    IpDst,
    IpAddr,
    IpProto,
    IpTtl,
    IpLen,
    IpId,
    IpDsfield,
    Icmp,
    IcmpType,
    IcmpCode,
    Udp,
    UdpSrcport,
    UdpDstport,
    UdpPort,
    UdpLength,
    Tcp,
    TcpSrcport,
    TcpDstport,
    TcpPort,
    TcpLen,
    TcpFlags,
    TcpFlagsSyn,
    TcpFlagsAck,
    TcpFlagsFin,
    TcpFlagsReset,
    TcpFlagsPush,
    Dhcp,
    DhcpType,
    DhcpId,
    DhcpIpClient,
    DhcpIpYour,
    DhcpIpServer,
    DhcpIpRelay,
    DhcpHwMacAddr,
    DhcpOptionType,
    DhcpOptionDhcp,
    DhcpOptionRequestedIpAddress,
    DhcpOptionIpAddressLeaseTime,
    DhcpOptionDhcpServerId,
    DhcpOptionVendorClassId,
    Tftp,
    TftpOpcode,
    TftpSourceFile,
    TftpBlock,
    TftpErrorCode,
    TftpErrorMessage,
    Jfreg,
    JfregType,
    JfregSeq,
    JfregMac,
    JfregPin,
    JfregDn,
    JfregReason,
    JfregAddress,
    JfregFqdn,
    JfregDeviceType,
    JfregRedirects,
    JfregHeartbeatMs,
}

/// What values a field has, and so what a filter may compare it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A protocol: in the frame or not.
    Protocol,
    /// An unsigned number of this many bits.
    Number {
        bits: u8,
    },
    /// True or false.
    Flag,
    Mac,
    Ipv4,
    Text,
}

/// A row of the table.
#[derive(Debug)]
pub struct FieldInfo {
    pub field: Field,
    /// Wireshark's name.
    pub name: &'static str,
    pub kind: Kind,
    pub meaning: &'static str,
}

const PROTOCOL: Kind = Kind::Protocol;
const U8: Kind = Kind::Number { bits: 8 };
const U16: Kind = Kind::Number { bits: 16 };
const U24: Kind = Kind::Number { bits: 24 };
const U32: Kind = Kind::Number { bits: 32 };

const fn row(field: Field, name: &'static str, kind: Kind, meaning: &'static str) -> FieldInfo {
    FieldInfo {
        field,
        name,
        kind,
        meaning,
    }
}

/// All fields, in the order of [`Field`].
#[rustfmt::skip]
pub const FIELDS: &[FieldInfo] = &[
    row(Field::FrameLen, "frame.len", U32, "the frame's bytes, without its check sequence"),
    row(Field::FrameInterfaceName, "frame.interface_name", Kind::Text, "the tapped link's name"),
    row(Field::Eth, "eth", PROTOCOL, "Ethernet"),
    row(Field::EthDst, "eth.dst", Kind::Mac, "destination"),
    row(Field::EthSrc, "eth.src", Kind::Mac, "source"),
    row(Field::EthAddr, "eth.addr", Kind::Mac, "destination or source"),
    row(Field::EthType, "eth.type", U16, "type; 0x8100 where a VLAN tag follows"),
    row(Field::Vlan, "vlan", PROTOCOL, "an 802.1Q tag"),
    row(Field::VlanId, "vlan.id", U16, "VLAN"),
    row(Field::VlanPriority, "vlan.priority", U16, "priority, 0 to 7"),
    row(Field::VlanEtype, "vlan.etype", U16, "type of what the tag precedes"),
    row(Field::Arp, "arp", PROTOCOL, "ARP"),
    row(Field::ArpOpcode, "arp.opcode", U16, "1 request, 2 reply"),
    row(Field::ArpSrcHwMac, "arp.src.hw_mac", Kind::Mac, "sender's MAC address"),
    row(Field::ArpSrcProtoIpv4, "arp.src.proto_ipv4", Kind::Ipv4, "sender's IPv4 address"),
    row(Field::ArpDstHwMac, "arp.dst.hw_mac", Kind::Mac, "target's MAC address"),
    row(Field::ArpDstProtoIpv4, "arp.dst.proto_ipv4", Kind::Ipv4, "target's IPv4 address"),
    row(Field::ArpIsGratuitous, "arp.isgratuitous", Kind::Flag, "sender and target have the same IPv4 address; there only if true"),
    row(Field::Lldp, "lldp", PROTOCOL, "LLDP"),
    row(Field::LldpTlvType, "lldp.tlv.type", U16, "every element's type"),
    row(Field::LldpTimeToLive, "lldp.time_to_live", U16, "for how many seconds it holds"),
    row(Field::LldpTlvSystemName, "lldp.tlv.system.name", Kind::Text, "the sender's name"),
    row(Field::LldpMediaAppType, "lldp.media.app_type", U8, "what a network policy is for: 1 voice"),
    row(Field::LldpMediaTagFlag, "lldp.media.tag_flag", Kind::Flag, "it wants tagged frames"),
    row(Field::LldpMediaVlanId, "lldp.media.vlan_id", U24, "its VLAN"),
    row(Field::LldpMediaL2Prio, "lldp.media.l2_prio", U24, "its priority, 0 to 7"),
    row(Field::LldpMediaDscp, "lldp.media.dscp", U24, "its DSCP, 0 to 63"),
    row(Field::Ip, "ip", PROTOCOL, "IPv4"),
    row(Field::IpSrc, "ip.src", Kind::Ipv4, "source"),
    row(Field::IpDst, "ip.dst", Kind::Ipv4, "destination"),
    row(Field::IpAddr, "ip.addr", Kind::Ipv4, "source or destination"),
    row(Field::IpProto, "ip.proto", U8, "1 ICMP, 6 TCP, 17 UDP"),
    row(Field::IpTtl, "ip.ttl", U8, "time to live"),
    row(Field::IpLen, "ip.len", U16, "total length in bytes, header included"),
    row(Field::IpId, "ip.id", U16, "identification"),
    row(Field::IpDsfield, "ip.dsfield", U8, "the differentiated-services byte, DSCP and ECN"),
    row(Field::Icmp, "icmp", PROTOCOL, "ICMP"),
    row(Field::IcmpType, "icmp.type", U8, "type"),
    row(Field::IcmpCode, "icmp.code", U8, "code"),
    row(Field::Udp, "udp", PROTOCOL, "UDP"),
    row(Field::UdpSrcport, "udp.srcport", U16, "source port"),
    row(Field::UdpDstport, "udp.dstport", U16, "destination port"),
    row(Field::UdpPort, "udp.port", U16, "source or destination port"),
    row(Field::UdpLength, "udp.length", U16, "length in bytes, header included"),
    row(Field::Tcp, "tcp", PROTOCOL, "TCP"),
    row(Field::TcpSrcport, "tcp.srcport", U16, "source port"),
    row(Field::TcpDstport, "tcp.dstport", U16, "destination port"),
    row(Field::TcpPort, "tcp.port", U16, "source or destination port"),
    row(Field::TcpLen, "tcp.len", U32, "payload bytes"),
    row(Field::TcpFlags, "tcp.flags", U16, "the twelve flag bits"),
    row(Field::TcpFlagsSyn, "tcp.flags.syn", Kind::Flag, "SYN"),
    row(Field::TcpFlagsAck, "tcp.flags.ack", Kind::Flag, "ACK"),
    row(Field::TcpFlagsFin, "tcp.flags.fin", Kind::Flag, "FIN"),
    row(Field::TcpFlagsReset, "tcp.flags.reset", Kind::Flag, "RST"),
    row(Field::TcpFlagsPush, "tcp.flags.push", Kind::Flag, "PSH"),
    row(Field::Dhcp, "dhcp", PROTOCOL, "DHCP: UDP port 67 or 68"),
    row(Field::DhcpType, "dhcp.type", U8, "1 from a client, 2 from a server"),
    row(Field::DhcpId, "dhcp.id", U32, "transaction identifier"),
    row(Field::DhcpIpClient, "dhcp.ip.client", Kind::Ipv4, "ciaddr"),
    row(Field::DhcpIpYour, "dhcp.ip.your", Kind::Ipv4, "yiaddr"),
    row(Field::DhcpIpServer, "dhcp.ip.server", Kind::Ipv4, "siaddr"),
    row(Field::DhcpIpRelay, "dhcp.ip.relay", Kind::Ipv4, "giaddr"),
    row(Field::DhcpHwMacAddr, "dhcp.hw.mac_addr", Kind::Mac, "chaddr"),
    row(Field::DhcpOptionType, "dhcp.option.type", U8, "every option's code"),
    row(Field::DhcpOptionDhcp, "dhcp.option.dhcp", U8, "option 53: 1 discover, 2 offer, 3 request, 4 decline, 5 ack, 6 nak, 7 release, 8 inform"),
    row(Field::DhcpOptionRequestedIpAddress, "dhcp.option.requested_ip_address", Kind::Ipv4, "option 50"),
    row(Field::DhcpOptionIpAddressLeaseTime, "dhcp.option.ip_address_lease_time", U32, "option 51, seconds"),
    row(Field::DhcpOptionDhcpServerId, "dhcp.option.dhcp_server_id", Kind::Ipv4, "option 54"),
    row(Field::DhcpOptionVendorClassId, "dhcp.option.vendor_class_id", Kind::Text, "option 60"),
    row(Field::Tftp, "tftp", PROTOCOL, "TFTP: to port 69 or 20001, and the transfers that began there"),
    row(Field::TftpOpcode, "tftp.opcode", U16, "1 read, 2 write, 3 data, 4 acknowledgement, 5 error, 6 option acknowledgement"),
    row(Field::TftpSourceFile, "tftp.source_file", Kind::Text, "the file that a read request names"),
    row(Field::TftpBlock, "tftp.block", U16, "block number of data or acknowledgement"),
    row(Field::TftpErrorCode, "tftp.error.code", U16, "error code"),
    row(Field::TftpErrorMessage, "tftp.error.message", Kind::Text, "error message"),
    row(Field::Jfreg, "jfreg", PROTOCOL, "a message of the registration protocol: TCP port 6800"),
    row(Field::JfregType, "jfreg.type", U8, "message type"),
    row(Field::JfregSeq, "jfreg.seq", U32, "sequence number"),
    row(Field::JfregMac, "jfreg.mac", Kind::Mac, "the set's MAC address"),
    row(Field::JfregPin, "jfreg.pin", Kind::Text, "PIN"),
    row(Field::JfregDn, "jfreg.dn", Kind::Text, "directory number"),
    row(Field::JfregReason, "jfreg.reason", U16, "reason"),
    row(Field::JfregAddress, "jfreg.address", Kind::Ipv4, "address of the set, or of the element that a redirect names"),
    row(Field::JfregFqdn, "jfreg.fqdn", Kind::Text, "name of the element that a redirect names"),
    row(Field::JfregDeviceType, "jfreg.device_type", Kind::Text, "the set's model"),
    row(Field::JfregRedirects, "jfreg.redirects", U8, "redirects followed so far"),
    row(Field::JfregHeartbeatMs, "jfreg.heartbeat_ms", U32, "heartbeat interval in milliseconds"),
];

impl Field {
    /// The field of this name.
    pub fn named(name: &str) -> Option<Field> {
        let row = FIELDS.iter().find(|row| row.name == name)?;
        Some(row.field)
    }

    /// Wireshark's name of the field.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// What values it has.
    pub fn kind(self) -> Kind {
        self.info().kind
    }

    fn info(self) -> &'static FieldInfo {
        &FIELDS[self as usize]
    }

    /// The fields whose values it has: itself, or the two that a both-ways field stands for.
    pub(super) fn sources(self) -> (Field, Option<Field>) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others are their own")]
        match self {
            Field::EthAddr => (Field::EthDst, Some(Field::EthSrc)),
            Field::IpAddr => (Field::IpSrc, Some(Field::IpDst)),
            Field::UdpPort => (Field::UdpSrcport, Some(Field::UdpDstport)),
            Field::TcpPort => (Field::TcpSrcport, Some(Field::TcpDstport)),
            own => (own, None),
        }
    }
}

/// The known name that is nearest to `name` in edits, if it is near enough to be what was meant.
pub(super) fn nearest_name(name: &str) -> Option<&'static str> {
    /// Words longer than this are no misspelling of a name.
    const NAME_LEN_MAX: usize = 64;
    if name.len() > NAME_LEN_MAX || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let (edits, nearest) = FIELDS
        .iter()
        .map(|row| (edits_between(name, row.name), row.name))
        .min_by_key(|(edits, _)| *edits)?;
    (edits <= 2.max(name.len() / 3)).then_some(nearest)
}

/// How many bytes must be put in, taken out or changed to make `b` of `a` (Levenshtein).
fn edits_between(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_fields() {
        for (place, row) in FIELDS.iter().enumerate() {
            assert_eq!(row.field as usize, place, "{}", row.name);
        }
    }

    #[test]
    fn a_misspelt_name_is_near_to_the_one_that_was_meant() {
        assert_eq!(nearest_name("arp.opcod"), Some("arp.opcode"));
        assert_eq!(nearest_name("bootp.option.type"), Some("dhcp.option.type"));
        assert_eq!(nearest_name("ip.source"), Some("ip.src"));
        assert_eq!(nearest_name("quic.version"), None);
    }
}
