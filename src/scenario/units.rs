//! Values that a scenario writes as text: durations, rates, sizes, addresses, numbers to dial.
//!
//! Every one has a unit or a shape that says what it is; a bare number is never taken for one.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::plan::{Prefix, Probability};
use crate::wire::{Mac, vendor};

/// Why a text is not the value that it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// A lower-case fragment.
    pub(super) message: String,
    /// The way out.
    pub(super) help: Option<String>,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, help: &str) -> Wrong {
        Wrong {
            message: message.into(),
            help: (!help.is_empty()).then(|| help.to_owned()),
        }
    }

    /// Both as one sentence.
    pub(super) fn into_sentence(self) -> String {
        match self.help {
            Some(help) => format!("{}; {help}", self.message),
            None => self.message,
        }
    }
}

/// Nanoseconds of each unit of time, the shortest first.
pub(super) const TIME_UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Bits a second of each unit of rate.
pub(super) const RATE_UNITS: &[(&str, u64)] = &[
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
];

/// Bytes of each unit of size (IEC 80000-13).
pub(super) const SIZE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A duration as scenario files have it, for example `500 ms`.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn read_duration(text: &str) -> Result<Duration, String> {
    duration(text).map_err(Wrong::into_sentence)
}

/// `10 ms`, `1.5 s`, `8 h`.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    quantity(text, "duration", TIME_UNITS, "10 ms").map(Duration::from_nanos)
}

/// `100 Mbit/s`, in bits a second, not 0; `unlimited` is `None`.
pub(super) fn rate(text: &str) -> Result<Option<u64>, Wrong> {
    const EXAMPLE: &str = "100 Mbit/s";
    if text == "unlimited" {
        return Ok(None);
    }
    match quantity(text, "rate", RATE_UNITS, EXAMPLE)? {
        0 => Err(Wrong::new(
            "a rate of 0 carries nothing",
            "pull the cable with the step `unplug`",
        )),
        rate => Ok(Some(rate)),
    }
}

/// Parts in a million of each unit of probability.
pub(super) const PROBABILITY_UNITS: &[(&str, u64)] = &[("ppm", 1), ("%", 10_000)];

/// `5 %`, `0.1 %`, `100 ppm`; at most 100 %.
pub(super) fn probability(text: &str) -> Result<Probability, Wrong> {
    let parts = quantity(text, "probability", PROBABILITY_UNITS, "5 %")?;
    let parts = u32::try_from(parts).ok().map(Probability);
    parts
        .filter(|parts| *parts <= Probability::ONE)
        .ok_or_else(|| Wrong::new(format!("`{text}` is more than always"), "at most 100 %"))
}

/// `64 KiB`, in bytes.
pub(super) fn size(text: &str) -> Result<usize, Wrong> {
    let bytes = quantity(text, "size", SIZE_UNITS, "64 KiB")?;
    usize::try_from(bytes).map_err(|_| Wrong::new(format!("`{text}` is too large"), ""))
}

/// A number, with up to three places after the point, and a unit.
fn quantity(text: &str, what: &str, units: &[(&str, u64)], example: &str) -> Result<u64, Wrong> {
    let help = || {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        format!(
            "write a number and a unit, for example \"{example}\"; the units are {}",
            names.join(", ")
        )
    };
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let thousandths = thousandths(number)
        .ok_or_else(|| Wrong::new(format!("`{text}` is not a {what}"), &help()))?;
    if unit.is_empty() {
        return Err(Wrong::new(format!("`{text}` has no unit"), &help()));
    }
    let Some((_, worth)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(Wrong::new(
            format!("`{unit}` is not a unit of a {what}"),
            &help(),
        ));
    };
    // Whole small units only: 0.5 ns or 1.0005 KiB do not exist.
    let product = u128::from(thousandths) * u128::from(*worth);
    if product % 1000 != 0 {
        let smallest = units[0].0;
        let message = format!("`{text}` is not a whole number of {smallest}");
        return Err(Wrong::new(message, ""));
    }
    u64::try_from(product / 1000).map_err(|_| Wrong::new(format!("`{text}` is too large"), &help()))
}

/// `1.5` is 1500.
fn thousandths(number: &str) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let places = u32::try_from(part.len())
        .ok()
        .filter(|n| (1..=3).contains(n))?;
    let part: u64 = part.parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    whole
        .checked_mul(1000)?
        .checked_add(part * 10_u64.pow(3 - places))
}

/// The time as a scenario writes it, in the largest unit that keeps the number whole.
pub fn show_duration(time: Duration) -> String {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    show(nanos, TIME_UNITS, "0 s")
}

/// The rate as a scenario writes it.
pub(super) fn show_rate(rate: Option<u64>) -> String {
    rate.map_or("unlimited".into(), |rate| show(rate, RATE_UNITS, "0 bit/s"))
}

/// The size as a scenario writes it.
pub(super) fn show_size(bytes: usize) -> String {
    show(u64::try_from(bytes).unwrap_or(u64::MAX), SIZE_UNITS, "0 B")
}

fn show(value: u64, units: &[(&str, u64)], zero: &str) -> String {
    let unit = units
        .iter()
        .rev()
        .find(|(_, worth)| value.is_multiple_of(*worth));
    match unit {
        Some((name, worth)) if value > 0 => format!("{} {name}", value / worth),
        Some(_) | None => zero.to_owned(),
    }
}

/// `10.1.0.1`.
pub(super) fn address(text: &str) -> Result<Ipv4Addr, Wrong> {
    text.parse().map_err(|_| {
        Wrong::new(
            format!("`{text}` is not an IPv4 address"),
            "four numbers from 0 to 255, for example \"10.1.0.1\"",
        )
    })
}

/// `10.1.0.0/24`, host bits zero.
pub(super) fn prefix(text: &str) -> Result<Prefix, Wrong> {
    let wrong = || {
        Wrong::new(
            format!("`{text}` is not an IPv4 prefix"),
            "an address and a length, for example \"10.1.0.0/24\"",
        )
    };
    let (address, len) = text.split_once('/').ok_or_else(wrong)?;
    let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
    let len: u8 = len
        .parse()
        .ok()
        .filter(|len| *len <= 32)
        .ok_or_else(wrong)?;
    let prefix = Prefix::of(address, len);
    if prefix.address != address {
        return Err(Wrong::new(
            format!("`{text}` has bits set behind its first {len}"),
            &format!("did you mean `{prefix}`?"),
        ));
    }
    Ok(prefix)
}

/// A fully qualified domain name, as sets take one in `call_srv`.
pub(super) fn fqdn(text: &str) -> Result<String, Wrong> {
    if vendor::is_name(text) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("`{text}` is not a fully qualified domain name"),
        "labels with points between them, for example \"mivb-b.example\"",
    ))
}

/// `10.1.0.50 - 10.1.0.99`.
pub(super) fn address_range(text: &str) -> Result<(Ipv4Addr, Ipv4Addr), Wrong> {
    let (first, last) = text.split_once('-').ok_or_else(|| {
        Wrong::new(
            format!("`{text}` is not a range of addresses"),
            "first and last address, for example \"10.1.0.50 - 10.1.0.99\"",
        )
    })?;
    let (first, last) = (address(first.trim())?, address(last.trim())?);
    if first > last {
        return Err(Wrong::new(
            format!("the pool ends ({last}) before it begins ({first})"),
            &format!("did you mean `{last} - {first}`?"),
        ));
    }
    Ok((first, last))
}

/// A range of automatic DN selection: `6100-6199`, or one number.
pub(super) fn dn_range(text: &str) -> Result<(String, String), Wrong> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (dn(first.trim())?, dn(last.trim())?);
    let is_number = |dn: &String| dn.chars().all(|c| c.is_ascii_digit());
    if is_number(&first) && is_number(&last) && first.len() == last.len() && first <= last {
        return Ok((first, last));
    }
    Err(Wrong::new(
        format!("`{text}` is not a range of directory numbers"),
        "two numbers of the same length, the lower one first, for example \"6100-6199\"",
    ))
}

/// `08:00:0f:00:00:01`, of one station.
pub(super) fn mac(text: &str) -> Result<Mac, Wrong> {
    let mac: Mac = text.parse().map_err(|()| {
        Wrong::new(
            format!("`{text}` is not a MAC address"),
            "six pairs of hexadecimal digits, for example \"08:00:0f:00:00:01\"",
        )
    })?;
    if mac.is_group() || mac == Mac::ZERO {
        return Err(Wrong::new(
            format!("{mac} is not the address of one station"),
            "the first byte of a station's MAC is even",
        ));
    }
    Ok(mac)
}

/// A directory number: 1 to 7 characters of digits, `*` and `#`.
pub(super) fn dn(text: &str) -> Result<String, Wrong> {
    if (1..=7).contains(&text.len()) && text.chars().all(is_dialled) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("`{text}` is not a directory number"),
        "1 to 7 characters, each a digit, `*` or `#`",
    ))
}

/// A directory number, or the numbers from one to another: `6001-6249`.
pub(super) fn dns(text: &str) -> Result<Vec<String>, Wrong> {
    let Some((first, last)) = text.split_once('-') else {
        return dn(text).map(|dn| vec![dn]);
    };
    let (first, last) = (first.trim(), last.trim());
    let number = |end: &str| {
        let digits = (1..=7).contains(&end.len()) && end.chars().all(|c| c.is_ascii_digit());
        digits.then(|| end.parse::<u32>().ok()).flatten()
    };
    match (number(first), number(last)) {
        (Some(from), Some(to)) if first.len() == last.len() && from <= to => {
            let width = first.len();
            Ok((from..=to).map(|n| format!("{n:0width$}")).collect())
        }
        _ => Err(Wrong::new(
            format!("`{text}` is not a range of directory numbers"),
            "the lower number first, both with as many digits, for example \"6001-6249\"",
        )),
    }
}

/// CEID digits: 1 to 7 digits.
pub(super) fn ceid_digits(text: &str) -> Result<String, Wrong> {
    if (1..=7).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("`{text}` are not CEID digits"),
        "1 to 7 digits",
    ))
}

/// An access code: 1 to 10 characters of digits, `*` and `#` (CL-4).
pub(super) fn access_code(text: &str) -> Result<String, Wrong> {
    if (1..=10).contains(&text.len()) && text.chars().all(is_dialled) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("`{text}` is not an access code (CL-4)"),
        "1 to 10 characters, each a digit, `*` or `#`; usual is \"***\"",
    ))
}

/// A PIN as typed on the set: an access code and a DN.
pub(super) fn pin(text: &str) -> Result<String, Wrong> {
    if (1..=17).contains(&text.len()) && text.chars().all(is_dialled) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("`{text}` is not a PIN"),
        "an access code and a directory number, as typed on the set, for example \"***6000\"",
    ))
}

fn is_dialled(c: char) -> bool {
    c.is_ascii_digit() || c == '*' || c == '#'
}

/// Bytes in hexadecimal, with blanks or colons between them or not.
pub(super) fn hex(text: &str) -> Result<Vec<u8>, Wrong> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .map(|c| c.to_digit(16).ok_or(c))
        .collect::<Result<_, char>>()
        .map_err(|c| Wrong::new(format!("`{c}` is not a hexadecimal digit"), ""))?;
    if !digits.len().is_multiple_of(2) {
        return Err(Wrong::new(
            format!("{} hexadecimal digits are no whole bytes", digits.len()),
            "write two digits for each byte",
        ));
    }
    let bytes = digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]);
    Ok(bytes.filter_map(|byte| u8::try_from(byte).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_a_number_and_a_unit() {
        assert_eq!(duration("10 ms").unwrap(), Duration::from_millis(10));
        assert_eq!(duration("1.5s").unwrap(), Duration::from_millis(1500));
        assert_eq!(duration("8 h").unwrap(), Duration::from_secs(28_800));
        assert_eq!(rate("100 Mbit/s").unwrap(), Some(100_000_000));
        assert_eq!(rate("unlimited").unwrap(), None);
        assert_eq!(size("64 KiB").unwrap(), 65_536);
        for wrong in [
            "", "10", "ms", "10 sec", "-1 s", "1.2345 s", "1. s", "0.5 ns", "600000 d",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_quantity_is_shown_as_it_would_be_written() {
        for text in ["50 us", "8 h", "90 s", "1500 ms", "2 d", "0 s"] {
            let shown = show_duration(duration(text).unwrap());
            assert_eq!(duration(&shown).unwrap(), duration(text).unwrap());
        }
        assert_eq!(show_duration(Duration::from_millis(1500)), "1500 ms");
        assert_eq!(show_rate(Some(100_000_000)), "100 Mbit/s");
        assert_eq!(show_size(256 << 10), "256 KiB");
    }

    #[test]
    fn a_prefix_has_no_host_bits() {
        assert_eq!(prefix("10.1.0.0/24").unwrap().to_string(), "10.1.0.0/24");
        let wrong = prefix("10.1.0.7/24").unwrap_err();
        assert_eq!(wrong.help.unwrap(), "did you mean `10.1.0.0/24`?");
        assert!(prefix("10.1.0.0/33").is_err() && prefix("10.1.0.0").is_err());
    }

    #[test]
    fn a_domain_name_is_one_that_sets_take() {
        assert_eq!(fqdn("mivb-b.example").unwrap(), "mivb-b.example");
        let long = format!("{}.example", "a".repeat(64));
        for wrong in [
            "mivb",
            "10.1.0.1",
            "a..b",
            "-a.example",
            "a-.example",
            &long,
        ] {
            assert!(fqdn(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_range_of_numbers_keeps_its_leading_zeros() {
        assert_eq!(dns("0098-0101").unwrap(), ["0098", "0099", "0100", "0101"]);
        assert_eq!(dns("*61").unwrap(), ["*61"]);
        for wrong in ["98-0101", "6249-6001", "6001-", "12345678", "60a0", ""] {
            assert!(dns(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hexadecimal_may_have_blanks_between_its_bytes() {
        assert_eq!(hex("00 00 04 03").unwrap(), [0, 0, 4, 3]);
        assert_eq!(hex("69:64").unwrap(), [0x69, 0x64]);
        assert!(hex("123").is_err() && hex("xy").is_err());
    }
}
