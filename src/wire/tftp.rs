//! TFTP messages (RFC 1350), with options (RFC 2347, 2348, 2349, 7440).
//!
//! ```text
//!  2 bytes   string  1   string  1   string  1   string  1
//! +--------+--------+---+-------+---+-------+---+-------+---+
//! | opcode |  file  | 0 |  mode | 0 |  name | 0 | value | 0 | ...   RRQ = 1, WRQ = 2
//! +--------+--------+---+-------+---+-------+---+-------+---+
//! +--------+---------+----------+
//! | opcode | block # | n bytes  |                                   DATA = 3
//! +--------+---------+----------+
//! +--------+---------+
//! | opcode | block # |                                              ACK = 4
//! +--------+---------+
//! +--------+---------+---------+---+
//! | opcode |  code   | message | 0 |                                ERROR = 5
//! +--------+---------+---------+---+
//! +--------+-------+---+-------+---+
//! | opcode |  name | 0 | value | 0 | ...                            OACK = 6
//! +--------+-------+---+-------+---+
//! ```
//!
//! Texts are bytes: RFC 1350 calls them netascii, but names in Latin-1 or UTF-8 are seen, and must be
//! answered, not dropped. Everything borrows from the datagram. Options keep their order and spelling,
//! known or not. Where real senders are sloppy, decoding is kind: zero bytes after the last option are
//! padding, an ERROR may lack its message or the zero behind it, bytes after an ACK mean nothing.

use std::borrow::Cow;
use std::fmt;

use super::DecodeError;

/// The block size of a transfer that agreed on none (RFC 1350 section 2), in bytes.
pub const BLKSIZE_DEFAULT: u16 = 512;
/// The smallest block size (RFC 2348), in bytes.
pub const BLKSIZE_MIN: u16 = 8;
/// The largest block size (RFC 2348), in bytes.
pub const BLKSIZE_MAX: u16 = 65_464;
/// Bytes of a DATA message before its payload.
pub const DATA_HEADER: usize = 4;

const PROTOCOL: &str = "tftp";
const RRQ: u16 = 1;
const WRQ: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

/// One TFTP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    ReadRequest(Request<'a>),
    WriteRequest(Request<'a>),
    Data {
        block: u16,
        payload: &'a [u8],
    },
    Ack {
        block: u16,
    },
    Error {
        code: ErrorCode,
        message: &'a [u8],
    },
    OptionAck(Vec<TftpOption<'a>>),
    /// An opcode that no RFC above names, and what follows it.
    Other {
        opcode: u16,
        body: &'a [u8],
    },
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    pub file: &'a [u8],
    /// `octet`, `netascii` or `mail` in any case (RFC 1350 section 1), or something else.
    pub mode: &'a [u8],
    pub options: Vec<TftpOption<'a>>,
}

/// One option (RFC 2347). Neither text may hold a zero byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TftpOption<'a> {
    pub name: &'a [u8],
    pub value: Cow<'a, [u8]>,
}

impl<'a> TftpOption<'a> {
    /// The option `name` with this number as its value.
    pub fn number(name: &'a [u8], value: u64) -> TftpOption<'a> {
        TftpOption {
            name,
            value: Cow::Owned(value.to_string().into_bytes()),
        }
    }

    /// Whether this is the option `name`: upper and lower case are the same (RFC 2347).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value if it is a decimal number.
    pub fn as_number(&self) -> Option<u64> {
        let digits = !self.value.is_empty() && self.value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(&self.value).ok().filter(|_| digits)?;
        text.parse().ok()
    }
}

/// Why a transfer or request ends (RFC 1350 appendix, RFC 2347).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    pub const UNDEFINED: ErrorCode = ErrorCode(0);
    pub const NOT_FOUND: ErrorCode = ErrorCode(1);
    pub const ACCESS: ErrorCode = ErrorCode(2);
    pub const DISK_FULL: ErrorCode = ErrorCode(3);
    pub const ILLEGAL: ErrorCode = ErrorCode(4);
    pub const UNKNOWN_TID: ErrorCode = ErrorCode(5);
    pub const EXISTS: ErrorCode = ErrorCode(6);
    pub const NO_USER: ErrorCode = ErrorCode(7);
    pub const OPTION: ErrorCode = ErrorCode(8);
}

impl fmt::Display for ErrorCode {
    /// The names that tcpdump and tftp-hpa use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            ErrorCode::UNDEFINED => "EUNDEF",
            ErrorCode::NOT_FOUND => "ENOTFOUND",
            ErrorCode::ACCESS => "EACCESS",
            ErrorCode::DISK_FULL => "ENOSPACE",
            ErrorCode::ILLEGAL => "EBADOP",
            ErrorCode::UNKNOWN_TID => "EBADID",
            ErrorCode::EXISTS => "EEXISTS",
            ErrorCode::NO_USER => "ENOUSER",
            ErrorCode::OPTION => "EOPTNEG",
            ErrorCode(other) => return write!(f, "tftp-err-#{other}"),
        };
        f.write_str(name)
    }
}

impl<'a> Message<'a> {
    /// Reads one UDP payload.
    ///
    /// # Errors
    /// When it ends too early, or a text has no zero byte behind it.
    pub fn decode(bytes: &'a [u8]) -> Result<Message<'a>, DecodeError> {
        let opcode = number_at(bytes, 0, "no opcode")?;
        let body = &bytes[2..];
        Ok(match opcode {
            RRQ => Message::ReadRequest(Request::decode(bytes)?),
            WRQ => Message::WriteRequest(Request::decode(bytes)?),
            DATA => Message::Data {
                block: number_at(bytes, 2, "DATA without block number")?,
                payload: &bytes[DATA_HEADER..],
            },
            ACK => Message::Ack {
                block: number_at(bytes, 2, "ACK without block number")?,
            },
            ERROR => {
                let code = ErrorCode(number_at(bytes, 2, "ERROR without code")?);
                let message = bytes[4..].split(|byte| *byte == 0).next();
                Message::Error {
                    code,
                    message: message.unwrap_or_default(),
                }
            }
            OACK => Message::OptionAck(decode_options(bytes, 2)?),
            opcode => Message::Other { opcode, body },
        })
    }

    /// The UDP payload, in one allocation of the right size.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        bytes.extend_from_slice(&self.opcode().to_be_bytes());
        match self {
            Message::ReadRequest(request) | Message::WriteRequest(request) => {
                push_text(&mut bytes, request.file);
                push_text(&mut bytes, request.mode);
                push_options(&mut bytes, &request.options);
            }
            Message::Data { block, payload } => {
                bytes.extend_from_slice(&block.to_be_bytes());
                bytes.extend_from_slice(payload);
            }
            Message::Ack { block } => bytes.extend_from_slice(&block.to_be_bytes()),
            Message::Error { code, message } => {
                bytes.extend_from_slice(&code.0.to_be_bytes());
                push_text(&mut bytes, message);
            }
            Message::OptionAck(options) => push_options(&mut bytes, options),
            Message::Other { body, .. } => bytes.extend_from_slice(body),
        }
        bytes
    }

    /// Bytes that [`Message::encode`] gives.
    pub fn encoded_len(&self) -> usize {
        2 + match self {
            Message::ReadRequest(request) | Message::WriteRequest(request) => {
                request.file.len() + request.mode.len() + 2 + options_len(&request.options)
            }
            Message::Data { payload, .. } => 2 + payload.len(),
            Message::Ack { .. } => 2,
            Message::Error { message, .. } => 2 + message.len() + 1,
            Message::OptionAck(options) => options_len(options),
            Message::Other { body, .. } => body.len(),
        }
    }

    fn opcode(&self) -> u16 {
        match self {
            Message::ReadRequest(_) => RRQ,
            Message::WriteRequest(_) => WRQ,
            Message::Data { .. } => DATA,
            Message::Ack { .. } => ACK,
            Message::Error { .. } => ERROR,
            Message::OptionAck(_) => OACK,
            Message::Other { opcode, .. } => *opcode,
        }
    }
}

impl<'a> Request<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Request<'a>, DecodeError> {
        let (file, after) = text_at(bytes, 2, "file name without its zero byte")?;
        let (mode, after) = text_at(bytes, after, "mode without its zero byte")?;
        Ok(Request {
            file,
            mode,
            options: decode_options(bytes, after)?,
        })
    }
}

fn decode_options(bytes: &[u8], mut at: usize) -> Result<Vec<TftpOption<'_>>, DecodeError> {
    let mut options = Vec::new();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    while at <= last {
        let (name, after) = text_at(bytes, at, "option name without its zero byte")?;
        let (value, after) = text_at(bytes, after, "option value without its zero byte")?;
        let value = Cow::Borrowed(value);
        options.push(TftpOption { name, value });
        at = after;
    }
    Ok(options)
}

fn number_at(bytes: &[u8], at: usize, problem: &'static str) -> Result<u16, DecodeError> {
    let number = bytes.get(at..at + 2).map(|pair| [pair[0], pair[1]]);
    number
        .map(u16::from_be_bytes)
        .ok_or(DecodeError::new(PROTOCOL, bytes.len(), problem))
}

/// The text from `at` up to a zero byte, and where the next one begins.
fn text_at<'a>(
    bytes: &'a [u8],
    at: usize,
    problem: &'static str,
) -> Result<(&'a [u8], usize), DecodeError> {
    let rest = &bytes[at..];
    let len = rest.iter().position(|byte| *byte == 0);
    let len = len.ok_or(DecodeError::new(PROTOCOL, at, problem))?;
    Ok((&rest[..len], at + len + 1))
}

fn push_text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(text);
    bytes.push(0);
}

fn push_options(bytes: &mut Vec<u8>, options: &[TftpOption<'_>]) {
    for option in options {
        push_text(bytes, option.name);
        push_text(bytes, &option.value);
    }
}

fn options_len(options: &[TftpOption<'_>]) -> usize {
    let lengths = options.iter().map(|o| o.name.len() + o.value.len() + 2);
    lengths.sum()
}

impl fmt::Display for Message<'_> {
    /// As tcpdump prints it: `TFTP, length 20, RRQ "main.bin" octet`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TFTP, length {}, ", self.encoded_len())?;
        match self {
            Message::ReadRequest(request) => write!(f, "RRQ {request}"),
            Message::WriteRequest(request) => write!(f, "WRQ {request}"),
            Message::Data { block, .. } => write!(f, "DATA block {block}"),
            Message::Ack { block } => write!(f, "ACK block {block}"),
            Message::Error { code, message } => {
                write!(f, "ERROR {code} \"{}\"", message.escape_ascii())
            }
            Message::OptionAck(options) => {
                f.write_str("OACK")?;
                options.iter().try_for_each(|option| write!(f, " {option}"))
            }
            Message::Other { opcode, .. } => write!(f, "tftp-#{opcode}"),
        }
    }
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, mode) = (self.file.escape_ascii(), self.mode.escape_ascii());
        write!(f, "\"{file}\" {mode}")?;
        let mut options = self.options.iter();
        options.try_for_each(|option| write!(f, " {option}"))
    }
}

impl fmt::Display for TftpOption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            self.name.escape_ascii(),
            self.value.escape_ascii()
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{self, Fixture};
    use super::*;

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for Fixture { name, bytes, line } in fixture::all("tftp") {
            let message = Message::decode(&bytes).unwrap();
            assert_eq!(message.to_string(), line, "{name}");
            assert_eq!(message.encode(), bytes, "{name}");
        }
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error_or_a_shorter_message() {
        for Fixture { name, bytes, .. } in fixture::all("tftp") {
            for len in 0..bytes.len() {
                if let Ok(message) = Message::decode(&bytes[..len]) {
                    // What is missing is a tail that may be missing, or options that are complete before the cut.
                    assert!(message.encoded_len() <= len + 1, "{name} cut to {len}");
                }
            }
        }
    }

    #[test]
    fn zero_bytes_after_a_request_are_padding() {
        let padded = b"\x00\x01main.bin\0octet\0\0\0";
        let Ok(Message::ReadRequest(request)) = Message::decode(padded) else {
            panic!("not a request");
        };
        assert_eq!((request.file, request.options), (&b"main.bin"[..], vec![]));
    }

    #[test]
    fn an_option_without_a_value_is_an_error_that_says_where() {
        let error = Message::decode(b"\x00\x01f\0octet\0tsize\0").unwrap_err();
        assert_eq!(
            error.to_string(),
            "tftp: option value without its zero byte at byte 16"
        );
    }

    #[test]
    fn an_error_may_lack_its_message_or_its_last_byte() {
        for (bytes, text) in [
            (&b"\x00\x05\x00\x01"[..], &b""[..]),
            (b"\x00\x05\x00\x01gone", b"gone"),
        ] {
            let (code, message) = (ErrorCode::NOT_FOUND, text);
            assert_eq!(Message::decode(bytes), Ok(Message::Error { code, message }));
        }
    }

    #[test]
    fn option_names_are_compared_without_case_and_values_are_plain_digits() {
        let option = TftpOption::number(b"BlkSize", 1_024);
        assert!(option.is("blksize") && !option.is("blksize2"));
        assert_eq!(option.as_number(), Some(1_024));
        for wrong in ["", "+5", "-1", "12 ", "0x10", "99999999999999999999"] {
            let value = Cow::Borrowed(wrong.as_bytes());
            let option = TftpOption { name: b"x", value };
            assert_eq!(option.as_number(), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic_and_what_decodes_is_stable(
            opcode in 0_u16..9, body in proptest::collection::vec(any::<u8>(), 0..80)
        ) {
            let bytes = [&opcode.to_be_bytes()[..], &body].concat();
            if let Ok(message) = Message::decode(&bytes) {
                let again = message.encode();
                prop_assert_eq!(Message::decode(&again), Ok(message.clone()));
                prop_assert_eq!(again.len(), message.encoded_len());
                let _ = message.to_string();
            }
        }

        #[test]
        fn a_request_survives_the_round_trip(
            file in text(0), mode in text(0), options in proptest::collection::vec((text(1), text(0)), 0..5)
        ) {
            let options = options.iter().map(|(name, value)| TftpOption {
                name,
                value: Cow::Borrowed(value.as_slice()),
            });
            let options: Vec<_> = options.collect();
            for message in [
                Message::OptionAck(options.clone()),
                Message::WriteRequest(Request { file: &file, mode: &mode, options }),
            ] {
                let bytes = message.encode();
                prop_assert_eq!(Message::decode(&bytes), Ok(message.clone()));
            }
        }
    }

    /// A text without a zero byte.
    fn text(len_min: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(1_u8.., len_min..20)
    }
}
