//! What a client keeps of a file: its length, its checksum and how it begins.

use crc32fast::Hasher;

/// Bytes kept of the beginning of a file.
const HEAD_BYTES: usize = 128;

/// A file that was received. The file itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub bytes: u64,
    /// CRC-32 as in Ethernet and zip (ISO-HDLC).
    pub crc32: u32,
    /// The first 128 bytes, or all if there are fewer.
    pub head: Vec<u8>,
    /// The server's port that answered: 69 or 20001.
    pub port: u16,
}

/// A file that is being received.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) bytes: u64,
    crc: Hasher,
    head: Vec<u8>,
}

impl Received {
    /// Takes the next bytes of the file.
    pub(super) fn push(&mut self, payload: &[u8]) {
        let missing = HEAD_BYTES - self.head.len();
        self.head
            .extend_from_slice(&payload[..missing.min(payload.len())]);
        self.crc.update(payload);
        self.bytes += payload.len() as u64;
    }

    /// The file is complete; `port` answered the request.
    pub(super) fn finish(self, port: u16) -> Image {
        Image {
            bytes: self.bytes,
            crc32: self.crc.finalize(),
            head: self.head,
            port,
        }
    }
}
