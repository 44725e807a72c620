//! The text of a configuration: `id:ipphone.mitel.com;tag=value;…`.
//!
//! `;` parts the tags, and may stand at the end or twice. Upper and lower case differ. Spaces are allowed
//! around `;`, `=` and `,` only. Of a tag that comes again, the later one counts if it has a value that
//! can be read. An empty value means "not configured".

use std::net::Ipv4Addr;

use super::{CallServers, Defect, Marking, Settings, Severity, Tag, VENDOR, WithPort};

/// The tags that sets know.
pub const KNOWN: [&str; 7] = [
    "sw_tftp",
    "call_srv",
    "ipa_srv",
    "vlan",
    "l2p",
    "dscp",
    "app_proxy",
];
/// The most call servers that a set takes.
pub(super) const CALL_SERVERS_MAX: usize = 4;
/// The longest value of `app_proxy`, in characters.
pub(super) const APP_PROXY_MAX: usize = 40;
pub(super) const VLAN_MAX: u16 = 4095;
pub(super) const L2P_MAX: u8 = 7;
pub(super) const DSCP_MAX: u8 = 63;
/// RFC 1035 section 2.3.4, without the final dot.
const NAME_MAX: usize = 253;
/// RFC 1035 section 2.3.4.
const LABEL_MAX: usize = 63;

/// Reads the text, which stands at byte `at` of its option.
pub(super) fn parse(text: &[u8], at: usize, defects: &mut Vec<Defect>) -> (Vec<Tag>, Settings) {
    let mut defect = |offset, severity, problem, mend: String| {
        defects.push(Defect {
            offset,
            problem,
            mend,
            severity,
        });
    };
    if let Some(odd) = text.iter().position(|byte| !matches!(byte, b' '..=b'~')) {
        let problem = format!("byte 0x{:02x} is not a printable character", text[odd]);
        let mend = "write ASCII from space to `~` alone".to_owned();
        defect(at + odd, Severity::Warning, problem, mend);
    }
    let mut tags: Vec<Tag> = Vec::new();
    let mut settings = Settings::default();
    let mut next = at;
    for (index, part) in text.split(|byte| *byte == b';').enumerate() {
        let spaces = part.iter().take_while(|byte| **byte == b' ').count();
        let offset = next + spaces;
        next += part.len() + 1;
        let part = String::from_utf8_lossy(part);
        let part = part.trim_matches(' ');
        if index == 0 {
            if part.strip_prefix("id:") != Some(VENDOR) {
                let problem = format!("text begins with `{part}`, wants `id:{VENDOR}`");
                let mend = format!("write `id:{VENDOR};` in front of the tags, in lower case");
                defect(offset, Severity::Fatal, problem, mend);
            }
            continue;
        }
        if part.is_empty() {
            continue;
        }
        let Some((name, value)) = part.split_once('=') else {
            let known = KNOWN.iter().find(|tag| part.starts_with(**tag));
            let problem = match known {
                Some(tag) => format!("`{part}` has no `=` behind `{tag}`"),
                None => format!("`{part}` is not a tag with a value"),
            };
            let mend = match known {
                Some(tag) => format!("write `{tag}=` and its value"),
                None => "write `tag=value`, or leave it out".to_owned(),
            };
            defect(offset, Severity::Warning, problem, mend);
            continue;
        };
        let (name, value) = (name.trim_end_matches(' '), value.trim_start_matches(' '));
        if tags.iter().any(|tag| tag.name == name) {
            let mend = "leave out all but the last".to_owned();
            defect(
                offset,
                Severity::Note,
                format!("`{name}` comes again"),
                mend,
            );
        }
        if value.is_empty() {
            let problem = format!("`{name}` is empty: not configured");
            let mend = "give it a value, or leave it out".to_owned();
            defect(offset, Severity::Note, problem, mend);
        } else if let Err((severity, problem, mend)) = settings.take(name, value) {
            defect(offset, severity, problem, mend);
        }
        tags.push(Tag {
            offset,
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
    (tags, settings)
}

/// Reads a text alone, as somebody wrote it: its tags, what they say, and what is wrong, by offset in the text.
pub fn parse_text(text: &str) -> (Vec<Tag>, Settings, Vec<Defect>) {
    let mut defects = Vec::new();
    let (tags, settings) = parse(text.as_bytes(), 0, &mut defects);
    defects.sort_by_key(|defect| defect.offset);
    (tags, settings, defects)
}

impl Settings {
    /// Takes a value that is not empty.
    ///
    /// # Errors
    /// How bad it is, what is wrong, and what would be right.
    fn take(&mut self, name: &str, value: &str) -> Result<(), (Severity, String, String)> {
        let wrong = |wants: &str| {
            Err((
                Severity::Warning,
                format!("`{name}` is `{value}`, wants {wants}"),
                format!("write {wants} behind `{name}=`"),
            ))
        };
        match name {
            "sw_tftp" => match addresses(value) {
                Some(list) => self.sw_tftp = list,
                None => return wrong("IPv4 addresses"),
            },
            "call_srv" => match call_servers(value) {
                Some(servers) => self.call_srv = Some(servers),
                None => return wrong("one to four IPv4 addresses, or a fully qualified name"),
            },
            "ipa_srv" => match with_port(value, address) {
                Some(server) => self.ipa_srv = Some(server),
                None => return wrong("an IPv4 address, with or without a port"),
            },
            "vlan" => match decimal(value).filter(|vlan| *vlan <= u32::from(VLAN_MAX)) {
                Some(vlan) => self.vlan = Some(vlan as u16),
                None => return wrong("0 to 4095"),
            },
            "l2p" => match marking(value, L2P_MAX) {
                Some(marking) => self.l2p = Some(marking),
                None => return wrong("0 to 7, or three of these as in `6v6s3`"),
            },
            "dscp" => match marking(value, DSCP_MAX) {
                Some(marking) => self.dscp = Some(marking),
                None => return wrong("0 to 63, or three of these as in `46v46s26`"),
            },
            "app_proxy" => {
                let short = value.len() <= APP_PROXY_MAX;
                match with_port(value, name_of_host).filter(|_| short) {
                    Some(proxy) => self.app_proxy = Some(proxy),
                    None => {
                        return wrong("a name of at most 40 characters, with or without a port");
                    }
                }
            }
            _ => {
                let known = KNOWN.iter().find(|tag| tag.eq_ignore_ascii_case(name));
                return Err(match known {
                    Some(tag) => (
                        Severity::Warning,
                        format!("`{name}` must be written `{tag}`"),
                        format!("write `{tag}`"),
                    ),
                    None => (
                        Severity::Note,
                        format!("`{name}` is not a tag that sets are known to have"),
                        "leave it out".to_owned(),
                    ),
                });
            }
        }
        Ok(())
    }
}

/// Whether this is a fully qualified name: labels of letters, digits and hyphens (RFC 1123 section 2.1),
/// two at least, the last not a number.
pub fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((_, last)) = text.rsplit_once('.') else {
        return false;
    };
    text.len() <= NAME_MAX
        && text.split('.').all(label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn name_of_host(text: &str) -> Option<String> {
    is_name(text).then(|| text.to_owned())
}

fn call_servers(value: &str) -> Option<CallServers> {
    if let Some(list) = addresses(value) {
        return (list.len() <= CALL_SERVERS_MAX).then_some(CallServers::Addresses(list));
    }
    name_of_host(value).map(CallServers::Name)
}

fn addresses(value: &str) -> Option<Vec<Ipv4Addr>> {
    value
        .split(',')
        .map(|part| address(part.trim_matches(' ')))
        .collect()
}

/// Dotted decimal, leading zeros allowed.
fn address(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = u8::try_from(decimal(parts.next()?)?).ok()?;
    }
    parts.next().is_none().then_some(Ipv4Addr::from(octets))
}

fn with_port<T>(value: &str, host: impl Fn(&str) -> Option<T>) -> Option<WithPort<T>> {
    match value.split_once(':') {
        None => Some(WithPort {
            host: host(value)?,
            port: None,
        }),
        Some((before, port)) => {
            let port = u16::try_from(decimal(port)?).ok()?;
            Some(WithPort {
                host: host(before)?,
                port: Some(port),
            })
        }
    }
}

/// `6`, or `6v6s3`; either of the two may be left out.
fn marking(value: &str, max: u8) -> Option<Marking> {
    let number = |text: &str| {
        decimal(text)
            .and_then(|n| u8::try_from(n).ok())
            .filter(|n| *n <= max)
    };
    let optional = |text: Option<&str>| match text {
        None => Some(None),
        Some(text) => number(text).map(Some),
    };
    let (before, signalling) = match value.split_once('s') {
        Some((before, signalling)) => (before, Some(signalling)),
        None => (value, None),
    };
    let (default, voice) = match before.split_once('v') {
        Some((default, voice)) => (default, Some(voice)),
        None => (before, None),
    };
    Some(Marking {
        default: number(default)?,
        voice: optional(voice)?,
        signalling: optional(signalling)?,
    })
}

/// Decimal digits alone: no sign, no spaces.
fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}
