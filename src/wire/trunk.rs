//! The trunk protocol between two elements: messages on TCP port 6810.
//!
//! The protocol is this project's own; `docs/trunk-protocol.md` describes it byte by byte. It says that the
//! other element is there, and carries what a synchronisation distributes. In network byte order:
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+---------------+---------------+
//! |      magic 0x4A54, "JT"       |   version 1   |     type      |
//! +-------------------------------+---------------+---------------+
//! |            length             | body ...                      |
//! +-------------------------------+-------------------------------+
//! ```
//!
//! `length` counts the whole message. A type that a reader does not know is skipped.

use std::fmt;

use super::DecodeError;

/// The TCP port on which elements listen for each other.
pub const PORT: u16 = 6810;

const MAGIC: [u8; 2] = *b"JT";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 6;
/// Header and body.
const MESSAGE_LEN_MAX: usize = 1024;
/// CEID digits, and a DN: 1 to 7 characters.
const NUMBER_LEN_MAX: usize = 7;
/// As many of the longest numbers fit into a message.
const NUMBERS_MAX: usize = (MESSAGE_LEN_MAX - HEADER_LEN) / (1 + NUMBER_LEN_MAX);

/// What elements say to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The first message of whoever opened the connection: its CEID digits.
    Hello { digits: String },
    /// Still here.
    KeepAlive,
    /// So am I.
    KeepAliveAnswer,
    /// Some of the DNs of the sender's Telephone Directory.
    Numbers { dns: Vec<String> },
    /// Those were all: so many.
    NumbersEnd { count: u32 },
    /// They are in Remote Directory Numbers now: so many.
    Written { count: u32 },
    /// A type that is not in the list.
    Unknown { kind: u8 },
}

impl Message {
    fn kind(&self) -> u8 {
        match self {
            Message::Hello { .. } => 1,
            Message::KeepAlive => 2,
            Message::KeepAliveAnswer => 3,
            Message::Numbers { .. } => 4,
            Message::NumbersEnd { .. } => 5,
            Message::Written { .. } => 6,
            Message::Unknown { kind } => *kind,
        }
    }

    /// The bytes of a message. CEID digits and DNs have 1 to 7 characters, and a message at most 127 DNs.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + 8);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, self.kind(), 0, 0]);
        match self {
            Message::Hello { digits } => put_number(&mut bytes, digits),
            Message::Numbers { dns } => {
                for dn in dns.iter().take(NUMBERS_MAX) {
                    put_number(&mut bytes, dn);
                }
            }
            Message::NumbersEnd { count } | Message::Written { count } => {
                bytes.extend_from_slice(&count.to_be_bytes());
            }
            Message::KeepAlive | Message::KeepAliveAnswer | Message::Unknown { .. } => {}
        }
        let length = u16::try_from(bytes.len()).expect("a message has at most 1024 bytes");
        bytes[4..6].copy_from_slice(&length.to_be_bytes());
        bytes
    }
}

/// Messages that say these DNs, and that those were all.
pub fn numbers(dns: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for dns in dns.chunks(NUMBERS_MAX) {
        bytes.extend(Message::Numbers { dns: dns.to_vec() }.encode());
    }
    let count = u32::try_from(dns.len()).unwrap_or(u32::MAX);
    bytes.extend(Message::NumbersEnd { count }.encode());
    bytes
}

fn put_number(bytes: &mut Vec<u8>, number: &str) {
    let number = &number.as_bytes()[..number.len().min(NUMBER_LEN_MAX)];
    bytes.push(number.len() as u8);
    bytes.extend_from_slice(number);
}

impl fmt::Display for Message {
    /// One line: `Numbers End, 12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Hello { digits } => write!(f, "Hello, CEID digits {digits}"),
            Message::KeepAlive => f.write_str("Keep-Alive"),
            Message::KeepAliveAnswer => f.write_str("Keep-Alive Answer"),
            Message::Numbers { dns } => write!(f, "Numbers, {}", dns.join(" ")),
            Message::NumbersEnd { count } => write!(f, "Numbers End, {count}"),
            Message::Written { count } => write!(f, "Written, {count}"),
            Message::Unknown { kind } => write!(f, "Unknown, type {kind}"),
        }
    }
}

/// The message that `bytes` begin with, and its length; `None` if it is not all there yet.
///
/// # Errors
/// What is wrong with it.
pub fn decode(bytes: &[u8]) -> Result<Option<(Message, usize)>, DecodeError> {
    if !MAGIC.starts_with(&bytes[..bytes.len().min(2)]) {
        return Err(error(0, "does not begin with \"JT\""));
    }
    if bytes.get(2).is_some_and(|version| *version != VERSION) {
        return Err(error(2, "version is not 1"));
    }
    let Some(header) = bytes.get(..HEADER_LEN) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if !(HEADER_LEN..=MESSAGE_LEN_MAX).contains(&length) {
        return Err(error(4, "length is not 6 to 1024"));
    }
    let Some(body) = bytes.get(HEADER_LEN..length) else {
        return Ok(None);
    };
    let message = match header[3] {
        1 => match numbers_of(body)?.as_slice() {
            [digits] if digits.bytes().all(|c| c.is_ascii_digit()) => Message::Hello {
                digits: digits.clone(),
            },
            _ => return Err(error(HEADER_LEN, "not the digits of one CEID")),
        },
        2 => Message::KeepAlive,
        3 => Message::KeepAliveAnswer,
        4 => Message::Numbers {
            dns: numbers_of(body)?,
        },
        5 => Message::NumbersEnd {
            count: count_of(body)?,
        },
        6 => Message::Written {
            count: count_of(body)?,
        },
        kind => Message::Unknown { kind },
    };
    Ok(Some((message, length)))
}

/// Numbers, each after its length.
fn numbers_of(mut body: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut numbers = Vec::new();
    let whole = body.len();
    while let [length, rest @ ..] = body {
        let at = HEADER_LEN + whole - body.len();
        let length = usize::from(*length);
        if !(1..=NUMBER_LEN_MAX).contains(&length) {
            return Err(error(at, "a number has 1 to 7 characters"));
        }
        let Some((number, behind)) = rest.split_at_checked(length) else {
            return Err(error(at, "a number is longer than the message"));
        };
        let is_dialled = |c: &u8| c.is_ascii_digit() || matches!(c, b'*' | b'#');
        if !number.iter().all(is_dialled) {
            return Err(error(at + 1, "not a digit, * or #"));
        }
        numbers.push(String::from_utf8_lossy(number).into_owned());
        body = behind;
    }
    Ok(numbers)
}

fn count_of(body: &[u8]) -> Result<u32, DecodeError> {
    let count = <[u8; 4]>::try_from(body).map_err(|_| error(HEADER_LEN, "a count has 4 bytes"))?;
    Ok(u32::from_be_bytes(count))
}

const fn error(offset: usize, problem: &'static str) -> DecodeError {
    DecodeError::new("jftrunk", offset, problem)
}

/// Messages out of a TCP stream, however it was cut into segments.
#[derive(Debug, Default, Clone)]
pub struct Decoder {
    pending: Vec<u8>,
    /// So many bytes of them were messages that are read.
    read: usize,
}

impl Decoder {
    /// Keeps what has arrived, for [`Decoder::message`].
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..std::mem::take(&mut self.read));
        self.pending.extend_from_slice(bytes);
    }

    /// The next message that is all there.
    ///
    /// # Errors
    /// What is wrong with it. Where the one after it begins is then unknown.
    pub fn message(&mut self) -> Result<Option<Message>, DecodeError> {
        let Some((message, length)) = decode(&self.pending[self.read..])? else {
            return Ok(None);
        };
        self.read += length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_documented_examples_are_these_messages() {
        let text = std::fs::read_to_string("docs/trunk-protocol.md").unwrap();
        let blocks = text.split("```hex\n").skip(1);
        let mut kinds = Vec::new();
        for block in blocks.map(|rest| rest.split("```").next().unwrap()) {
            let (hex, line) = block.split_once("= ").unwrap();
            let hex = hex.lines().map(|line| line.split('#').next().unwrap());
            let bytes: Vec<u8> = hex
                .flat_map(str::split_whitespace)
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect();
            let (message, length) = decode(&bytes).unwrap().unwrap();
            assert_eq!(message.to_string(), line.trim());
            assert_eq!((message.encode(), length), (bytes.clone(), bytes.len()));
            kinds.push(message.kind());
        }
        assert_eq!(kinds, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_message_that_is_not_all_there_is_waited_for() {
        let whole = numbers(&["6000".to_owned(), "*1#".to_owned()]);
        for cut in 0..whole.len() {
            let mut decoder = Decoder::default();
            decoder.push(&whole[..cut]);
            let mut messages = all(&mut decoder).0;
            decoder.push(&whole[cut..]);
            messages.extend(all(&mut decoder).0);
            assert_eq!(messages.len(), 2, "cut at {cut}");
        }
    }

    #[test]
    fn what_comes_before_something_wrong_is_read_however_it_arrives() {
        let whole = [&numbers(&["6000".to_owned()])[..], b"JF"].concat();
        for cut in 0..whole.len() {
            let mut decoder = Decoder::default();
            decoder.push(&whole[..cut]);
            let (mut messages, _) = all(&mut decoder);
            decoder.push(&whole[cut..]);
            let (rest, error) = all(&mut decoder);
            messages.extend(rest);
            assert_eq!(messages.len(), 2, "cut at {cut}");
            assert!(error.is_some(), "cut at {cut}");
        }
    }

    #[test]
    fn many_numbers_make_several_messages() {
        let dns: Vec<String> = (0..1_000).map(|n| format!("{:07}", n)).collect();
        let mut decoder = Decoder::default();
        decoder.push(&numbers(&dns));
        let mut back = Vec::new();
        for message in all(&mut decoder).0 {
            if let Message::Numbers { dns } = message {
                back.extend(dns);
            } else {
                assert_eq!(message, Message::NumbersEnd { count: 1_000 });
            }
        }
        assert_eq!(back, dns);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (bytes, problem) in [
            (b"JF".as_slice(), "does not begin with \"JT\" at byte 0"),
            (b"JT\x02", "version is not 1 at byte 2"),
            (b"JT\x01\x02\x00\x05", "length is not 6 to 1024 at byte 4"),
            (
                b"JT\x01\x01\x00\x06",
                "not the digits of one CEID at byte 6",
            ),
            (
                b"JT\x01\x01\x00\x08\x01*",
                "not the digits of one CEID at byte 6",
            ),
            (
                b"JT\x01\x04\x00\x07\x00",
                "a number has 1 to 7 characters at byte 6",
            ),
            (
                b"JT\x01\x04\x00\x08\x021",
                "a number is longer than the message at byte 6",
            ),
            (b"JT\x01\x04\x00\x08\x01a", "not a digit, * or # at byte 7"),
            (b"JT\x01\x05\x00\x07\x00", "a count has 4 bytes at byte 6"),
        ] {
            let error = decode(bytes).unwrap_err().to_string();
            assert_eq!(error, format!("jftrunk: {problem}"));
        }
        let unknown = decode(b"JT\x01\x63\x00\x07\x00").unwrap();
        assert_eq!(unknown, Some((Message::Unknown { kind: 99 }, 7)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), typed in any::<bool>()) {
            let mut decoder = Decoder::default();
            if typed {
                decoder.push(b"JT\x01");
            }
            decoder.push(&bytes);
            all(&mut decoder);
        }
    }

    /// The messages that are all there, and what is wrong with what comes after them.
    fn all(decoder: &mut Decoder) -> (Vec<Message>, Option<DecodeError>) {
        let mut messages = Vec::new();
        loop {
            match decoder.message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => return (messages, None),
                Err(error) => return (messages, Some(error)),
            }
        }
    }
}
