//! ICMP (RFC 792).
//!
//! ```text
//!  0      1      2       4               8
//! +------+------+-------+-------+-------+---------
//! | type | code |  sum  |  id   |  seq  | data            echo request, echo reply
//! +------+------+-------+-------+-------+---------
//! | type | code |  sum  |    unused     | the packet      destination unreachable, time exceeded
//! +------+------+-------+---------------+---------
//! ```
//!
//! The unused word is written as zero and not read: a next-hop MTU (RFC 1191) can be sent with
//! [`Message::Other`].

use std::fmt;

use super::DecodeError;
use super::ipv4::{self, BAD_CHECKSUM};

/// Unreachable: the network (RFC 792).
pub const NET_UNREACHABLE: u8 = 0;
/// Unreachable: the host (RFC 792).
pub const HOST_UNREACHABLE: u8 = 1;
/// Unreachable: nobody there speaks the protocol (RFC 792).
pub const PROTOCOL_UNREACHABLE: u8 = 2;
/// Unreachable: nobody there listens on the port (RFC 792).
pub const PORT_UNREACHABLE: u8 = 3;
/// Unreachable: too big for the next link, and not to be fragmented (RFC 792).
pub const FRAGMENTATION_NEEDED: u8 = 4;
/// Time exceeded: the time to live ran out on the way (RFC 792).
pub const TTL_EXCEEDED: u8 = 0;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;

/// Bytes of the shortest message read here.
const HEADER_LEN: usize = 8;

/// An ICMP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Are you there?
    EchoRequest {
        /// Tells one sender's requests from another's.
        id: u16,
        /// Counts the requests.
        seq: u16,
        /// What the answer must repeat.
        data: &'a [u8],
    },
    /// I am; the three fields repeat the request's.
    EchoReply {
        /// The request's.
        id: u16,
        /// The request's.
        seq: u16,
        /// The request's.
        data: &'a [u8],
    },
    /// A packet could not be delivered.
    Unreachable {
        /// Why: for example [`HOST_UNREACHABLE`].
        code: u8,
        /// The packet's header and at least 8 bytes of its payload.
        quoted: &'a [u8],
    },
    /// A packet went too many hops, or a fragment waited too long.
    TimeExceeded {
        /// [`TTL_EXCEEDED`], or 1: not all fragments came.
        code: u8,
        /// The packet's header and at least 8 bytes of its payload.
        quoted: &'a [u8],
    },
    /// Any other message.
    Other {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// All that follows the checksum.
        rest: &'a [u8],
    },
}

/// Reads a message.
///
/// Fails below 8 bytes, or if the checksum is wrong ([`BAD_CHECKSUM`]).
pub fn decode(bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
    let Some((&[kind, code, _, _, i0, i1, s0, s1], data)) = bytes.split_first_chunk::<HEADER_LEN>()
    else {
        return Err(DecodeError::new(
            "icmp",
            bytes.len(),
            "ends within the header",
        ));
    };
    if ipv4::checksum(&[bytes]) != 0 {
        return Err(DecodeError::new("icmp", 2, BAD_CHECKSUM));
    }
    let id = u16::from_be_bytes([i0, i1]);
    let seq = u16::from_be_bytes([s0, s1]);
    Ok(match (kind, code) {
        (ECHO_REQUEST, 0) => Message::EchoRequest { id, seq, data },
        (ECHO_REPLY, 0) => Message::EchoReply { id, seq, data },
        (UNREACHABLE, code) => Message::Unreachable { code, quoted: data },
        (TIME_EXCEEDED, code) => Message::TimeExceeded { code, quoted: data },
        (kind, code) => Message::Other {
            kind,
            code,
            rest: &bytes[4..],
        },
    })
}

impl Message<'_> {
    /// Appends the message, checksum included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        match *self {
            Message::EchoRequest { id, seq, data } => {
                encode_echo(ECHO_REQUEST, id, seq, data, out);
            }
            Message::EchoReply { id, seq, data } => encode_echo(ECHO_REPLY, id, seq, data, out),
            Message::Unreachable { code, quoted } => {
                out.extend_from_slice(&[UNREACHABLE, code, 0, 0, 0, 0, 0, 0]);
                out.extend_from_slice(quoted);
            }
            Message::TimeExceeded { code, quoted } => {
                out.extend_from_slice(&[TIME_EXCEEDED, code, 0, 0, 0, 0, 0, 0]);
                out.extend_from_slice(quoted);
            }
            Message::Other { kind, code, rest } => {
                out.extend_from_slice(&[kind, code, 0, 0]);
                out.extend_from_slice(rest);
            }
        }
        let sum = ipv4::checksum(&[&out[start..]]);
        out[start + 2..start + 4].copy_from_slice(&sum.to_be_bytes());
    }
}

fn encode_echo(kind: u8, id: u16, seq: u16, data: &[u8], out: &mut Vec<u8>) {
    let [i0, i1] = id.to_be_bytes();
    let [s0, s1] = seq.to_be_bytes();
    out.extend_from_slice(&[kind, 0, 0, 0, i0, i1, s0, s1]);
    out.extend_from_slice(data);
}

impl fmt::Display for Message<'_> {
    /// As tcpdump: `echo request, id 7, seq 1, length 64`; errors as `unreachable (host, code 1), quotes 28 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Message::EchoRequest { id, seq, data } => {
                write!(
                    f,
                    "echo request, id {id}, seq {seq}, length {}",
                    HEADER_LEN + data.len()
                )
            }
            Message::EchoReply { id, seq, data } => {
                write!(
                    f,
                    "echo reply, id {id}, seq {seq}, length {}",
                    HEADER_LEN + data.len()
                )
            }
            Message::Unreachable { code, quoted } => {
                let what = match code {
                    NET_UNREACHABLE => "network",
                    HOST_UNREACHABLE => "host",
                    PROTOCOL_UNREACHABLE => "protocol",
                    PORT_UNREACHABLE => "port",
                    FRAGMENTATION_NEEDED => "need to fragment",
                    _ => "other",
                };
                write!(
                    f,
                    "unreachable ({what}, code {code}), quotes {} bytes",
                    quoted.len()
                )
            }
            Message::TimeExceeded { code, quoted } => {
                write!(
                    f,
                    "time exceeded, code {code}, quotes {} bytes",
                    quoted.len()
                )
            }
            Message::Other { kind, code, rest } => {
                write!(
                    f,
                    "type {kind}, code {code}, length {}",
                    HEADER_LEN - 4 + rest.len()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture;
    use etherparse::Icmpv4Slice;
    use proptest::prelude::*;

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for fixture in fixture::all("icmp") {
            let message = decode(&fixture.bytes).unwrap();
            assert_eq!(message.to_string(), fixture.line, "{}", fixture.name);
            assert_eq!(encoded(&message), fixture.bytes, "{}", fixture.name);
        }
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error_unless_what_was_cut_sums_up_to_nothing() {
        // A whole IPv4 header quoted does: its own checksum makes it so.
        for fixture in fixture::all("icmp") {
            for len in 0..fixture.bytes.len() {
                let (head, tail) = fixture.bytes.split_at(len);
                let nothing = len % 2 == 0 && ipv4::checksum(&[tail]) == 0;
                let sums_up = nothing || tail.iter().all(|byte| *byte == 0);
                let right = sums_up && len >= HEADER_LEN;
                assert_eq!(decode(head).is_ok(), right, "{} at {len}", fixture.name);
            }
        }
    }

    #[test]
    fn any_single_wrong_bit_is_an_error() {
        let bytes = encoded(&Message::EchoRequest {
            id: 7,
            seq: 1,
            data: b"data",
        });
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let error = decode(&wrong).unwrap_err();
            assert_eq!((error.problem, error.offset), (BAD_CHECKSUM, 2));
        }
    }

    #[test]
    fn an_echo_with_an_unknown_code_is_kept_as_it_is() {
        let message = Message::Other {
            kind: ECHO_REQUEST,
            code: 1,
            rest: b"idsq",
        };
        assert_eq!(decode(&encoded(&message)), Ok(message));
    }

    #[test]
    fn a_next_hop_mtu_can_be_sent_as_another_message() {
        let bytes = encoded(&Message::Other {
            kind: UNREACHABLE,
            code: FRAGMENTATION_NEEDED,
            rest: &[0, 0, 0x05, 0x14, 0x45],
        });
        let theirs = Icmpv4Slice::from_slice(&bytes).unwrap().icmp_type();
        assert!(format!("{theirs:?}").contains("next_hop_mtu: 1300"));
        let message = Message::Unreachable {
            code: FRAGMENTATION_NEEDED,
            quoted: &[0x45],
        };
        assert_eq!(decode(&bytes), Ok(message));
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(kind in 0..16_u8, code in 0..4_u8, rest: Vec<u8>) {
            let _ = decode(&rest);
            let mut bytes = vec![kind, code, 0, 0];
            bytes.extend_from_slice(&rest);
            let sum = ipv4::checksum(&[&bytes]);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
            match decode(&bytes) {
                Ok(message) => drop(message.to_string()),
                Err(error) => prop_assert!(bytes.len() < HEADER_LEN, "{}", error),
            }
        }

        #[test]
        fn a_message_survives_the_round_trip_and_etherparse_agrees_on_it(
            variant in 0..5, code: u8, id: u16, seq: u16, data: Vec<u8>,
        ) {
            let data = &data[..];
            let mut rest = vec![0; 4];
            rest.extend_from_slice(data);
            let message = match variant {
                0 => Message::EchoRequest { id, seq, data },
                1 => Message::EchoReply { id, seq, data },
                2 => Message::Unreachable { code, quoted: data },
                3 => Message::TimeExceeded { code, quoted: data },
                _ => Message::Other { kind: 42, code, rest: &rest },
            };
            let bytes = encoded(&message);
            prop_assert_eq!(decode(&bytes), Ok(message));
            let theirs = Icmpv4Slice::from_slice(&bytes).unwrap();
            prop_assert_eq!(theirs.payload(), data);
            let sum = theirs.icmp_type().calc_checksum(theirs.payload());
            prop_assert_eq!(sum, theirs.checksum());
        }
    }

    fn encoded(message: &Message<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        message.encode(&mut out);
        out
    }
}
