//! The sets' configuration in DHCP: where it stands, what it says, and whether a set would take it.
//!
//! The text is `id:ipphone.mitel.com;tag=value;tag=value…`. In option 125 it stands in one of three ways:
//!
//! ```text
//!  A  00000403 | data-len | text                  raw; what most servers send
//!  B  00000403 | data-len | n | sub-len | text    RFC 3925 section 4, sub-option n
//!  C  00000403 | text                             defective: no data-len; a set refuses it
//! ```
//!
//! and in option 43 raw, or in a sub-option (RFC 2132 section 8.4). The oldest form is options 128 to
//! 135, one for each value, with `MITEL IP PHONE` in option 130. Precedence: 125, then 43, then these.
//!
//! *The trap:* layout A read as B is sub-option 0x69 (`i`) of length 0x64 (`d`), which even fits once
//! data-len is 102 or more. So `id:` is looked for right behind data-len before sub-options are walked.
//!
//! Nothing that is wrong is passed over: [`Decoded`] holds what could be read, and each [`Defect`] with its
//! offset and how bad it is. What a set does with a defect is known for few of them; the severities are
//! this project's reading. An option that is refused does not hide a weaker one that is good.

mod encode;
mod locate;
mod old;
mod text;

use std::fmt;
use std::net::Ipv4Addr;

pub use encode::{EncodeError, encode_43, encode_125, wrap_43, wrap_125};
pub use text::{KNOWN, is_name, parse_text};

use super::dhcp::{Message, code};
use old::decode_old;
pub use old::encode_old;

/// What a set's configuration text begins with, and its vendor class (option 60).
pub const VENDOR: &str = "ipphone.mitel.com";
/// The vendor's enterprise number in option 125 (IANA).
pub const ENTERPRISE: u32 = 1027;
/// The longest text in option 125, in bytes.
pub const TEXT_125_MAX: usize = 250;
/// The longest text in a sub-option of option 43, in bytes.
pub const TEXT_43_SUB_MAX: usize = 253;
/// The longest text in option 43 without a sub-option, in bytes.
pub const TEXT_43_RAW_MAX: usize = 255;

/// Where a configuration stands. Its text is what a set shows behind `Using option `.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Option125,
    Option125Sub(u8),
    Option43,
    Option43Sub(u8),
    /// Options 128 to 135.
    Old,
}

impl fmt::Display for Source {
    /// `125`, `125:130`, `43`, `43:1` or `128+`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Option125 => f.write_str("125"),
            Source::Option125Sub(n) => write!(f, "125:{n}"),
            Source::Option43 => f.write_str("43"),
            Source::Option43Sub(n) => write!(f, "43:{n}"),
            Source::Old => f.write_str("128+"),
        }
    }
}

/// How the text stands in its option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Raw,
    /// In the sub-option of this number.
    SubOption(u8),
}

/// How bad a defect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Allowed, and worth knowing.
    Note,
    /// A set takes no notice of the part that is wrong.
    Warning,
    /// A set refuses the whole option.
    Fatal,
}

/// One thing that is wrong, or odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// From the first byte of the option's value.
    pub offset: usize,
    /// A lower-case fragment.
    pub problem: String,
    /// What would be right: a lower-case fragment.
    pub mend: String,
    pub severity: Severity,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.problem, self.offset)
    }
}

/// One `tag=value` of the text, as it stands, without the spaces around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Of the tag's first byte, from the first byte of the option's value.
    pub offset: usize,
    pub name: String,
    pub value: String,
}

/// The call servers that a set is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallServers {
    /// One to four.
    Addresses(Vec<Ipv4Addr>),
    /// The fully qualified name of a container-based element (rule CL-9).
    Name(String),
}

/// A priority, for all traffic or split by kind: `6`, or `6v6s3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marking {
    pub default: u8,
    pub voice: Option<u8>,
    pub signalling: Option<u8>,
}

/// A name or an address, and a port if it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithPort<T> {
    pub host: T,
    pub port: Option<u16>,
}

/// The values of the tags. What is missing, empty or wrong is not configured.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Old option 129.
    pub call_srv: Option<CallServers>,
    /// Old option 128. Sets use the first alone.
    pub sw_tftp: Vec<Ipv4Addr>,
    /// Old option 131: analysis server.
    pub ipa_srv: Option<WithPort<Ipv4Addr>>,
    /// Old option 132: 0 to 4095.
    pub vlan: Option<u16>,
    /// Old option 133: IEEE 802.1p priority, each 0 to 7.
    pub l2p: Option<Marking>,
    /// Old option 134: DiffServ code point, each 0 to 63.
    pub dscp: Option<Marking>,
    /// Old option 135: a name of at most 40 characters, port included.
    pub app_proxy: Option<WithPort<String>>,
}

/// One option, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub source: Source,
    /// Where the text was found, and the text; bytes that are not UTF-8 show as U+FFFD. Absent in the old form.
    pub text: Option<(usize, String)>,
    /// Every `tag=value`, in order, the unknown and the repeated ones too.
    pub tags: Vec<Tag>,
    pub settings: Settings,
    /// By offset.
    pub defects: Vec<Defect>,
}

/// What a set goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub source: Source,
    pub call_srv: CallServers,
    /// The first of `sw_tftp`.
    pub sw_tftp: Ipv4Addr,
    pub ipa_srv: Option<WithPort<Ipv4Addr>>,
    pub vlan: Option<u16>,
    pub l2p: Option<Marking>,
    pub dscp: Option<Marking>,
    pub app_proxy: Option<WithPort<String>>,
}

/// Why a set does not take a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no option 125, 43 or 128")]
    Absent,
    #[error("option {source_option}: {defect}")]
    Defective {
        source_option: Source,
        defect: Defect,
    },
    #[error("option {source_option} has no call server")]
    NoCallServer { source_option: Source },
    #[error("option {source_option} has no TFTP server")]
    NoTftpServer { source_option: Source },
}

impl Decoded {
    /// Whether a set would take it. It needs a call server and a TFTP server, and a form without fatal defects.
    ///
    /// # Errors
    /// Why not; of several reasons the first.
    pub fn accept(&self) -> Result<Chosen, Refusal> {
        let source_option = self.source;
        let mut defects = self.defects.iter();
        if let Some(defect) = defects.find(|defect| defect.severity == Severity::Fatal) {
            return Err(Refusal::Defective {
                source_option,
                defect: defect.clone(),
            });
        }
        let settings = &self.settings;
        let call_srv = settings.call_srv.clone();
        let call_srv = call_srv.ok_or(Refusal::NoCallServer { source_option })?;
        let sw_tftp = settings.sw_tftp.first().copied();
        Ok(Chosen {
            source: self.source,
            call_srv,
            sw_tftp: sw_tftp.ok_or(Refusal::NoTftpServer { source_option })?,
            ipa_srv: settings.ipa_srv.clone(),
            vlan: settings.vlan,
            l2p: settings.l2p,
            dscp: settings.dscp,
            app_proxy: settings.app_proxy.clone(),
        })
    }
}

/// What a set would go by in this message: the strongest option that it takes.
///
/// # Errors
/// Why it takes none: the reason of the strongest one that is there.
pub fn choose(message: &Message) -> Result<Chosen, Refusal> {
    let mut first_refusal = None;
    for decoded in decode_all(message) {
        match decoded.accept() {
            Ok(chosen) => return Ok(chosen),
            Err(refusal) => {
                first_refusal.get_or_insert(refusal);
            }
        }
    }
    Err(first_refusal.unwrap_or(Refusal::Absent))
}

/// Every configuration of a message, strongest first.
pub fn decode_all(message: &Message) -> impl Iterator<Item = Decoded> {
    let of_125 = message.option(code::VENDOR_IDENTIFYING);
    let of_43 = message.option(code::VENDOR_SPECIFIC);
    (of_125.into_iter().map(|value| decode_125(&value)))
        .chain(of_43.into_iter().map(|value| decode_43(&value)))
        .chain(std::iter::once_with(|| decode_old(message)).flatten())
}

/// Reads the value of option 125.
pub fn decode_125(value: &[u8]) -> Decoded {
    let found = locate::in_125(value);
    let (source, length_max) = match found.layout {
        Layout::Raw => (Source::Option125, TEXT_125_MAX),
        Layout::SubOption(n) => (Source::Option125Sub(n), TEXT_125_MAX),
    };
    read(value, found, source, length_max)
}

/// Reads the value of option 43.
pub fn decode_43(value: &[u8]) -> Decoded {
    let found = locate::in_43(value);
    let (source, length_max) = match found.layout {
        Layout::Raw => (Source::Option43, TEXT_43_RAW_MAX),
        Layout::SubOption(n) => (Source::Option43Sub(n), TEXT_43_SUB_MAX),
    };
    read(value, found, source, length_max)
}

fn read(value: &[u8], found: locate::Found, source: Source, length_max: usize) -> Decoded {
    let mut defects = found.defects;
    let mut decoded = Decoded {
        source,
        text: None,
        tags: Vec::new(),
        settings: Settings::default(),
        defects: Vec::new(),
    };
    if let Some(range) = found.text {
        let (at, text) = (range.start, &value[range]);
        if text.len() > length_max {
            defects.push(Defect {
                offset: at + length_max,
                problem: format!(
                    "text is {} bytes long, at most {length_max} are allowed",
                    text.len()
                ),
                mend: "leave out tags, or send them in option 43, which holds more".to_owned(),
                severity: Severity::Fatal,
            });
        }
        decoded.text = Some((at, String::from_utf8_lossy(text).into_owned()));
        (decoded.tags, decoded.settings) = text::parse(text, at, &mut defects);
    }
    defects.sort_by_key(|defect| defect.offset);
    decoded.defects = defects;
    decoded
}

#[cfg(test)]
mod tests;
