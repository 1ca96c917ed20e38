//! Parses single values of load balancer logs, and of JSON with the same values.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use super::fault::EventFault;
use crate::record::instant_in;

/// The smallest unit of a time as it is written in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// Nanoseconds.
    Nanosecond,
    /// Microseconds.
    Microsecond,
    /// Milliseconds.
    Millisecond,
    /// Seconds.
    Second,
}

impl Precision {
    /// Returns the length of the unit in nanoseconds.
    pub fn ns(self) -> i64 {
        match self {
            Self::Nanosecond => 1,
            Self::Microsecond => 1_000,
            Self::Millisecond => 1_000_000,
            Self::Second => 1_000_000_000,
        }
    }

    /// Returns the precision of a time with this many digits after the point.
    fn of_digits(digits: usize) -> Self {
        match digits {
            0 => Self::Second,
            1..=3 => Self::Millisecond,
            4..=6 => Self::Microsecond,
            _ => Self::Nanosecond,
        }
    }
}

/// Parses an ISO 8601 time, with its precision. A time without a zone is UTC.
pub(super) fn instant(text: &str) -> Option<(i64, Precision)> {
    // Anything shorter is a number, which has no date.
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let instant_ns = instant_in(text.as_bytes())?;
    let fraction = text.get(19..)?.strip_prefix(['.', ',']).unwrap_or("");
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    Some((instant_ns, Precision::of_digits(digits)))
}

/// Parses the time of an event, which every event must have.
pub(super) fn time(field: &str, text: &str) -> Result<(i64, Precision), EventFault> {
    instant(text)
        .ok_or_else(|| EventFault::value(field, text, "a time such as 2026-03-14T02:15:04.123456Z"))
}

/// Parses a duration in seconds as nanoseconds; `None` if it was not recorded (`-1` or `-`).
pub(super) fn duration_ns(field: &str, text: &str) -> Result<Option<u64>, EventFault> {
    match text {
        "" | "-" | "-1" => Ok(None),
        // Other tools write it with a point.
        text if text.starts_with("-1.0") => Ok(None),
        text => scaled(text, 9)
            .map(Some)
            .ok_or_else(|| EventFault::value(field, text, "seconds such as 0.048, or -1")),
    }
}

/// Parses a duration in milliseconds as nanoseconds; `None` if it was not recorded.
pub(super) fn millis_ns(field: &str, text: &str) -> Result<Option<u64>, EventFault> {
    match text {
        "" | "-" | "-1" => Ok(None),
        text => scaled(text, 6)
            .map(Some)
            .ok_or_else(|| EventFault::value(field, text, "milliseconds such as 12")),
    }
}

/// Parses a whole number; `None` if it was not recorded.
pub(super) fn number(field: &str, text: &str) -> Result<Option<u64>, EventFault> {
    match text {
        "" | "-" | "-1" => Ok(None),
        text => scaled(text, 0)
            .map(Some)
            .ok_or_else(|| EventFault::value(field, text, "a number, or -")),
    }
}

/// Parses an HTTP status; `None` if there was none.
pub(super) fn status(field: &str, text: &str) -> Result<Option<u16>, EventFault> {
    match text {
        "" | "-" | "-1" => Ok(None),
        // Classic Load Balancers write 0 for no status of the backend.
        "0" => Ok(None),
        text => text
            .parse()
            .ok()
            .filter(|status| (100..1_000).contains(status))
            .map(Some)
            .ok_or_else(|| EventFault::value(field, text, "an HTTP status, or -")),
    }
}

/// Parses a decimal number times ten to the power of `power`, without rounding up; `None` if it is
/// not a number of at most 64 bits.
fn scaled(text: &str, power: i32) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || exponent.abs() > 30 {
        return None;
    }
    // Digits beyond the unit are dropped, as no log has any.
    let keep = usize::try_from(power + exponent).unwrap_or(0);
    let fraction = &fraction[..fraction.len().min(keep)];
    let digits = whole.bytes().chain(fraction.bytes());
    let mut value = 0_u64;
    for byte in digits {
        value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
    }
    let shift = power + exponent - i32::try_from(fraction.len()).ok()?;
    let factor = 10_u64.checked_pow(shift.unsigned_abs());
    if shift >= 0 {
        value.checked_mul(factor.filter(|_| value > 0).unwrap_or(1))
    } else {
        Some(value / factor.unwrap_or(u64::MAX))
    }
}

/// Parses an address and a port: `192.0.2.7:80`, `[2001:db8::7]:80`, or `2001:db8::7:80`, as
/// load balancers wrote IPv6 in 2019. `None` for `-` and for addresses that somebody masked.
pub(super) fn socket(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.rsplit_once(':')?;
    let address = address.strip_prefix('[').unwrap_or(address);
    let address = address.strip_suffix(']').unwrap_or(address);
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

/// Parses an address, in brackets or not.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix('[').unwrap_or(text);
    text.strip_suffix(']').unwrap_or(text).parse().ok()
}

/// Decodes the escapes that load balancers write for bytes in requests and user agents: `\x22` for a
/// quote, `\x5C` for a backslash, and older ones with eight digits. Bytes that are not UTF-8 are
/// replaced.
///
/// # Examples
/// ```
/// use flow2pcap::event::decoded;
///
/// assert_eq!(decoded(r"a\x22b\xEC\x97\x90"), "a\"b에");
/// assert_eq!(decoded(r"\x00000022 \xZZ"), "\" \\xZZ");
/// ```
pub fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains("\\x") {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape = after.strip_prefix(b"x").filter(|_| byte == b'\\');
        match escape.and_then(escaped) {
            Some((value, after)) => {
                bytes.push(value);
                rest = after;
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Parses the digits of an escape, two or eight of them. Returns the byte, and the text after it.
fn escaped(digits: &[u8]) -> Option<(u8, &[u8])> {
    let of = |digits: &[u8]| {
        let text = std::str::from_utf8(digits).ok()?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        is_hex.then(|| u8::from_str_radix(text, 16).ok())?
    };
    if let Some((long, after)) = digits.split_first_chunk::<8>()
        && long.starts_with(b"000000")
        && let Some(byte) = of(&long[6..])
    {
        return Some((byte, after));
    }
    let (short, after) = digits.split_first_chunk::<2>()?;
    Some((of(short)?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_the_precision_that_it_is_written_with() {
        let s = 1_714_564_810;
        for (text, ns, precision) in [
            (
                "2024-05-01T12:00:10.186641Z",
                186_641_000,
                Precision::Microsecond,
            ),
            (
                "2024-05-01T12:00:10.254Z",
                254_000_000,
                Precision::Millisecond,
            ),
            ("2024-05-01T12:00:10", 0, Precision::Second),
            ("2024-05-01 12:00:10Z", 0, Precision::Second),
            (
                "2024-05-01T12:00:10.000001+0000",
                1_000,
                Precision::Microsecond,
            ),
        ] {
            assert_eq!(
                instant(text),
                Some((s * 1_000_000_000 + ns, precision)),
                "{text}"
            );
        }
        for text in ["", "-", "1714564810", "2024-05-01", "2025-10-21TT00:52:27Z"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn duration_that_was_not_recorded_is_none() {
        let of = |text| duration_ns("x", text);
        assert_eq!(of("-1"), Ok(None));
        assert_eq!(of("-1.0"), Ok(None));
        assert_eq!(of("-"), Ok(None));
        assert_eq!(of("0.048"), Ok(Some(48_000_000)));
        assert_eq!(of("0.000073"), Ok(Some(73_000)));
        assert_eq!(of("1.0E-3"), Ok(Some(1_000_000)));
        assert_eq!(of("60"), Ok(Some(60_000_000_000)));
        assert!(of("0.0x").unwrap_err().to_string().contains("\"0.0x\""));
        assert!(of("99999999999999999999").is_err());
    }

    #[test]
    fn socket_may_be_ipv6_with_and_without_brackets() {
        let of = |text| socket(text).map(|socket| socket.to_string());
        assert_eq!(of("192.0.2.7:80").as_deref(), Some("192.0.2.7:80"));
        for text in ["[2001:db8::29c8]:57314", "2001:db8::29c8:57314"] {
            assert_eq!(of(text).as_deref(), Some("[2001:db8::29c8]:57314"));
        }
        for text in [
            "-",
            "",
            "192.0.2.7",
            "12.34.178.90.32:40860",
            "192.0.2.7:70000",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn status_that_is_not_one_is_a_fault() {
        assert_eq!(status("x", "502"), Ok(Some(502)));
        assert_eq!(status("x", "-"), Ok(None));
        assert_eq!(status("x", "0"), Ok(None));
        assert!(status("x", "GET").is_err());
    }
}
