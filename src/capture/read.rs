//! Reads the IP packets of a capture file: pcap or pcapng, from Ethernet or from `tcpdump -i any`.

use pcap_file::DataLink;
use pcap_file::pcap::{PcapReadError, PcapReader};
use pcap_file::pcapng::blocks::block_common::Block;
use pcap_file::pcapng::{PcapNgReadError, PcapNgReader};

use crate::wire::ethernet::{ETHERTYPE_IPV4, ETHERTYPE_VLAN};

/// Why a capture can't be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("no pcap or pcapng file")]
    Unknown,
    #[error("pcap: {0}")]
    Pcap(#[from] PcapReadError),
    #[error("pcapng: {0}")]
    PcapNg(#[from] PcapNgReadError),
}

/// Whether bytes begin as a pcap or pcapng file does.
pub fn is_capture(bytes: &[u8]) -> bool {
    is_pcapng(bytes) || is_pcap(bytes)
}

/// The type of the first block (draft-ietf-opsawg-pcapng section 4.1).
fn is_pcapng(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a])
}

/// The magic numbers for micro- and nanoseconds, in both byte orders (draft-ietf-opsawg-pcap section 4).
fn is_pcap(bytes: &[u8]) -> bool {
    const MAGIC: [u32; 2] = [0xa1b2_c3d4, 0xa1b2_3c4d];
    let Some(first) = bytes.first_chunk::<4>() else {
        return false;
    };
    MAGIC.contains(&u32::from_be_bytes(*first)) || MAGIC.contains(&u32::from_le_bytes(*first))
}

/// Gives every IPv4 packet with the number of its frame, from 1, as Wireshark counts. Frames of other kinds,
/// and of links that are not known here, are passed over.
///
/// # Errors
/// If the file is damaged; what came before has been given.
pub fn each_ipv4(bytes: &[u8], mut take: impl FnMut(usize, &[u8])) -> Result<(), ReadError> {
    let mut number = 0;
    let mut frame = |link: DataLink, data: &[u8]| {
        number += 1;
        if let Some(packet) = ipv4_of(link, data) {
            take(number, packet);
        }
    };
    if is_pcapng(bytes) {
        let mut reader = PcapNgReader::new(bytes)?;
        while let Some(block) = reader.next_block() {
            let (block, state) = block?;
            let links = state.interfaces();
            let link = |interface: usize| links.get(interface).map(|it| it.linktype);
            let (interface, data) = match &block {
                Block::EnhancedPacket(packet) => (packet.interface_id as usize, &packet.data),
                Block::Packet(packet) => (usize::from(packet.interface_id), &packet.data),
                Block::SimplePacket(packet) => (0, &packet.data),
                Block::SectionHeader(_)
                | Block::InterfaceDescription(_)
                | Block::NameResolution(_)
                | Block::InterfaceStatistics(_)
                | Block::SystemdJournalExport(_)
                | Block::CustomCopiable(_)
                | Block::CustomNonCopiable(_)
                | Block::Unknown(_) => continue,
            };
            frame(link(interface).unwrap_or(DataLink::NULL), data);
        }
    } else if is_pcap(bytes) {
        let mut reader = PcapReader::new(bytes)?;
        let link = reader.header().datalink;
        while let Some(packet) = reader.next_packet() {
            frame(link, packet?.data());
        }
    } else {
        return Err(ReadError::Unknown);
    }
    Ok(())
}

/// What follows the link's header, if that is IPv4.
fn ipv4_of(link: DataLink, data: &[u8]) -> Option<&[u8]> {
    /// Where a link has its EtherType, and how long its header is.
    const HEADERS: [(DataLink, usize, usize); 3] = [
        (DataLink::ETHERNET, 12, 14),
        // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and LINKTYPE_LINUX_SLL2.html
        (DataLink::LINUX_SLL, 14, 16),
        (DataLink::LINUX_SLL2, 0, 20),
    ];
    if [DataLink::RAW, DataLink::IPV4].contains(&link) {
        return Some(data);
    }
    let (_, kind, after) = HEADERS.into_iter().find(|(known, _, _)| *known == link)?;
    let mut kind = u16::from_be_bytes(data.get(kind..kind + 2)?.try_into().ok()?);
    let mut after = data.get(after..)?;
    while kind == ETHERTYPE_VLAN {
        let ([_, _, high, low], rest) = after.split_first_chunk()?;
        (kind, after) = (u16::from_be_bytes([*high, *low]), rest);
    }
    (kind == ETHERTYPE_IPV4).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_something_else_is_refused() {
        for bytes in [&b""[..], b"id:ipphone", &[0xa1, 0xb2]] {
            assert!(!is_capture(bytes));
            assert!(matches!(
                each_ipv4(bytes, |_, _| {}),
                Err(ReadError::Unknown)
            ));
        }
    }

    #[test]
    fn a_capture_cut_short_gives_what_came_before() {
        let whole = std::fs::read("captures/reference/first-registration.pcapng").unwrap();
        let packets = |bytes: &[u8]| {
            let mut count = 0;
            let read = each_ipv4(bytes, |_, _| count += 1);
            (read.is_ok(), count)
        };
        let (good, all) = packets(&whole);
        assert!(good && all > 100, "{all}");
        let (good, some) = packets(&whole[..whole.len() - 3]);
        assert!(!good && some > 100 && some <= all, "{some} of {all}");
    }

    #[test]
    fn tags_and_the_links_of_tcpdump_any_are_passed_over() {
        let ip = [0x45, 0];
        let frame = |head: &[u8]| [head, &ip].concat();
        let ethernet = [0; 12];
        let tagged = [&ethernet[..], &[0x81, 0, 0, 7, 8, 0]].concat();
        for (link, head) in [
            (DataLink::ETHERNET, [&ethernet[..], &[8, 0]].concat()),
            (DataLink::ETHERNET, tagged),
            (DataLink::LINUX_SLL, [&[0; 14][..], &[8, 0]].concat()),
            (DataLink::LINUX_SLL2, [&[8, 0][..], &[0; 18]].concat()),
            (DataLink::RAW, Vec::new()),
        ] {
            assert_eq!(ipv4_of(link, &frame(&head)), Some(&ip[..]), "{link:?}");
        }
        assert_eq!(ipv4_of(DataLink::ETHERNET, &[0; 60]), None);
        assert_eq!(ipv4_of(DataLink::ETHERNET, &[0; 13]), None);
        assert_eq!(ipv4_of(DataLink::NULL, &[0; 60]), None);
    }
}
