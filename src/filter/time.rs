//! Instants as users type them: absolute, or counted back from the newest record.
//!
//! Archives may be months old, so a relative time counts from the newest record in the archive,
//! never from the clock. That record is known once all files are read; until then the instant is a
//! [`Bound`].

use std::str::FromStr;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::time::SECOND_NS;

/// A start or end of a time range, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    /// Nanoseconds since the Unix epoch.
    At(i64),
    /// Nanoseconds before the end of the newest record.
    BeforeNewest(i64),
}

impl Bound {
    /// Returns the instant, where the newest record ends at `newest_ns`.
    pub fn at(self, newest_ns: i64) -> i64 {
        match self {
            Self::At(instant_ns) => instant_ns,
            Self::BeforeNewest(back_ns) => newest_ns.saturating_sub(back_ns),
        }
    }
}

/// Text that is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected 2026-03-14T02:15:00Z, 2026-03-14T02:15, 2026-03-14 (its first instant, UTC), \
     1773454500 (Unix time), or -2h, -90m, -1d12h (before the newest record)"
)]
pub struct TimeError;

impl FromStr for Bound {
    type Err = TimeError;

    /// Reads RFC 3339, a date, a Unix time, or a duration back from the newest record.
    ///
    /// A time without a zone is UTC, as are all of AWS's times.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::filter::Bound;
    ///
    /// assert_eq!("1970-01-02".parse(), Ok(Bound::At(86_400_000_000_000)));
    /// assert_eq!("-90m".parse(), Ok(Bound::BeforeNewest(5_400_000_000_000)));
    /// assert!("yesterday".parse::<Bound>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        let bound = match text.strip_prefix('-') {
            Some(span) => span_ns(span).map(Self::BeforeNewest),
            None => epoch_ns(text).or_else(|| civil_ns(text)).map(Self::At),
        };
        bound.ok_or(TimeError)
    }
}

/// Parses a Unix time; a number too large for seconds is read as milliseconds.
fn epoch_ns(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    let unit = if number <= i64::from(i32::MAX) {
        SECOND_NS
    } else {
        SECOND_NS / 1_000
    };
    number.checked_mul(unit)
}

fn civil_ns(text: &str) -> Option<i64> {
    let instant: Timestamp = match text.parse() {
        Ok(instant) => instant,
        Err(_) => {
            let civil: DateTime = text.parse().ok()?;
            civil.to_zoned(TimeZone::UTC).ok()?.timestamp()
        }
    };
    i64::try_from(instant.as_nanosecond()).ok()
}

/// Parses numbers with units: `2h`, `1d12h`, `90m`.
fn span_ns(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut span_ns = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let unit_s = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        let part = number.checked_mul(unit_s)?.checked_mul(SECOND_NS)?;
        span_ns = span_ns.checked_add(part)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    (!text.is_empty()).then_some(span_ns)
}

/// A time range, start inclusive, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Start, in nanoseconds since the Unix epoch.
    pub from_ns: i64,
    /// End, in nanoseconds since the Unix epoch.
    pub to_ns: i64,
}

impl Span {
    /// Whether it overlaps the time from `start_ns` to before `until_ns`.
    pub fn overlaps(&self, start_ns: i64, until_ns: i64) -> bool {
        start_ns < self.to_ns && self.from_ns < until_ns
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: i64 = SECOND_NS;

    #[track_caller]
    fn check(text: &str, expected: Result<Bound, TimeError>) {
        assert_eq!(text.parse(), expected, "{text}");
    }

    #[test]
    fn all_spellings_of_one_instant_are_equal() {
        for text in [
            "2026-03-14T02:15:00Z",
            "2026-03-14T03:15:00+01:00",
            "2026-03-14T02:15:00",
            "2026-03-14T02:15",
            "2026-03-14 02:15:00",
            "1773454500",
            "1773454500000",
        ] {
            check(text, Ok(Bound::At(1_773_454_500 * S)));
        }
        check("2026-03-14", Ok(Bound::At(1_773_446_400 * S)));
    }

    #[test]
    fn duration_counts_back_from_the_newest_record() {
        check("-2h", Ok(Bound::BeforeNewest(7_200 * S)));
        check("-1d12h", Ok(Bound::BeforeNewest(129_600 * S)));
        assert_eq!(Bound::BeforeNewest(7_200 * S).at(10_000 * S), 2_800 * S);
        assert_eq!(Bound::BeforeNewest(i64::MAX).at(-9), i64::MIN);
    }

    #[test]
    fn text_that_is_not_an_instant_is_refused() {
        for text in [
            "",
            "-",
            "-2",
            "-h",
            "-2y",
            "yesterday",
            "2026-13-01",
            "02:15",
            "-9999999999w",
        ] {
            check(text, Err(TimeError));
        }
    }

    #[test]
    fn adjacent_time_ranges_do_not_overlap() {
        let span = Span {
            from_ns: 10,
            to_ns: 20,
        };
        assert!(span.overlaps(0, 11) && span.overlaps(19, 30) && span.overlaps(12, 13));
        assert!(!span.overlaps(0, 10) && !span.overlaps(20, 30));
    }

    proptest! {
        #[test]
        fn any_text_is_an_instant_or_refused(text in "\\PC{0,30}|-[0-9]{1,20}[smhdw]") {
            let _ = text.parse::<Bound>();
        }
    }
}
