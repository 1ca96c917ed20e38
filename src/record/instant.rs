//! Times as spelled in archives, in nanoseconds since the Unix epoch.
//!
//! AWS writes `start` and `end` as Unix seconds. Archives that passed through other tools hold
//! milliseconds or smaller units, and the lines of CloudWatch exports begin with an ISO 8601 time.
//! Time zones with other names than UTC and GMT, and dates without a time, are not accepted.

use super::leaf::{Leaf, ODD};

/// Converts a Unix time to nanoseconds. Returns `None` if it is after the year 2262.
///
/// The unit follows from the size: a value that would be after 2262 in seconds is in milliseconds,
/// and so on by factors of a thousand. Milliseconds of the first hundred days of 1970 are read as
/// seconds, but no log is that old.
#[inline(always)]
pub(super) fn from_epoch(value: u64) -> Option<i64> {
    i64::try_from(value * unit_ns(value)).ok()
}

/// Converts a Unix time to whole seconds. Returns `None` if it is after the year 2262.
#[inline(always)]
pub(super) fn seconds_of_epoch(value: u64) -> Option<i64> {
    match unit_ns(value) {
        SECOND_NS => i64::try_from(value).ok(),
        _ => Some(from_epoch(value)? / SECOND_NS.cast_signed()),
    }
}

/// The largest number that is in seconds.
pub(super) const SECONDS_MAX: u64 = i64::MAX as u64 / SECOND_NS;

/// Nanoseconds of a second.
const SECOND_NS: u64 = 1_000_000_000;

/// Returns the range of the instants of Unix times from `min` to `max`, in nanoseconds since the
/// Unix epoch.
///
/// Returns `None` if they do not all have the same unit, since then any instant may be between
/// them.
pub fn epoch_range(min: i64, max: i64) -> Option<(i64, i64)> {
    let (min, max) = (u64::try_from(min).ok()?, u64::try_from(max).ok()?);
    let is_one_unit = unit_ns(min) == unit_ns(max);
    is_one_unit.then(|| from_epoch(min).zip(from_epoch(max)))?
}

/// Returns the nanoseconds per unit of a Unix time. The unit follows from its size.
#[inline(always)]
fn unit_ns(value: u64) -> u64 {
    const MILLIS_MAX: u64 = i64::MAX as u64 / 1_000_000;
    const MICROS_MAX: u64 = i64::MAX as u64 / 1_000;
    if value <= SECONDS_MAX {
        SECOND_NS
    } else if value <= MILLIS_MAX {
        1_000_000
    } else if value <= MICROS_MAX {
        1_000
    } else {
        1
    }
}

/// Parses an ISO 8601 time: `2018-09-22T20:28:14.000Z`.
///
/// Date and time are separated by `T` or a blank. Fraction and zone are optional, and the default
/// zone is UTC. A blank may be before the zone.
pub(super) fn iso(input: &[u8]) -> Leaf<'_, i64> {
    let Some((fixed, rest)) = input.split_first_chunk::<19>() else {
        return Err(ODD);
    };
    let shape = [fixed[4], fixed[7], fixed[10], fixed[13], fixed[16]];
    if !matches!(shape, [b'-', b'-', b'T' | b't' | b' ', b':', b':']) {
        return Err(ODD);
    }
    let century_and_year = two(fixed, 0).zip(two(fixed, 2));
    let parts = [5, 8, 11, 14, 17].map(|at| two(fixed, at));
    let (
        Some((century, year)),
        [
            Some(month),
            Some(day),
            Some(hour),
            Some(minute),
            Some(second),
        ],
    ) = (century_and_year, parts)
    else {
        return Err(ODD);
    };
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24;
    if !in_range || minute > 59 || second > 60 {
        return Err(ODD);
    }
    let days = days_from_civil(century * 100 + year, month, day);
    let (rest, nanos) = fraction(rest);
    let (rest, zone_s) = zone(rest);
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - zone_s;
    let instant = seconds
        .checked_mul(1_000_000_000)
        .and_then(|ns| ns.checked_add(nanos));
    instant.map_or(Err(ODD), |instant_ns| Ok((rest, instant_ns)))
}

/// Parses the two digits at `at`.
#[inline(always)]
fn two(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// Parses a fraction such as `.000`, if there is one, and returns its nanoseconds.
fn fraction(input: &[u8]) -> (&[u8], i64) {
    let [b'.' | b',', digits @ ..] = input else {
        return (input, 0);
    };
    let len = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let mut unit = 100_000_000;
    let mut nanos = 0;
    for digit in &digits[..len] {
        nanos += i64::from(digit - b'0') * unit;
        unit /= 10;
    }
    (&digits[len..], nanos)
}

/// Parses a zone such as `Z` or `+00:00`, if there is one, and returns its seconds east of UTC.
fn zone(input: &[u8]) -> (&[u8], i64) {
    let (sign, rest) = match input {
        [b'Z' | b'z', rest @ ..] => return (rest, 0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        [b' ', rest @ ..] => return zone_after_blank(rest).unwrap_or((input, 0)),
        _ => return (input, 0),
    };
    let (hour, minute, after) = match rest {
        [_, _, b':', _, _, after @ ..] => (two(rest, 0), two(rest, 3), after),
        [_, _, _, _, after @ ..] => (two(rest, 0), two(rest, 2), after),
        _ => (None, None, rest),
    };
    if let (Some(hour), Some(minute)) = (hour, minute) {
        return (after, sign * (hour * 3_600 + minute * 60));
    }
    // PostgreSQL omits minutes that are zero.
    match rest {
        [_, _, b'0'..=b'9' | b':', ..] | [] | [_] => (input, 0),
        [_, _, after @ ..] => two(rest, 0).map_or((input, 0), |hour| (after, sign * hour * 3_600)),
    }
}

/// Parses a zone such as `UTC` or `+0000` after the blank that some tools put before it.
#[cold]
fn zone_after_blank(input: &[u8]) -> Option<(&[u8], i64)> {
    let names: [&[u8]; 3] = [b"UTC", b"GMT", b"Z"];
    let mut named = names.iter().filter_map(|name| input.strip_prefix(*name));
    let is_over = |rest: &&[u8]| rest.first().is_none_or(u8::is_ascii_whitespace);
    if let Some(rest) = named.find(is_over) {
        return Some((rest, 0));
    }
    let has_minutes = matches!(
        input,
        [
            b'+' | b'-',
            b'0'..=b'9',
            b'0'..=b'9',
            b':' | b'0'..=b'9',
            ..
        ]
    );
    let (rest, zone_s) = has_minutes.then(|| zone(input))?;
    (rest.len() < input.len() && is_over(&rest)).then_some((rest, zone_s))
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last day of a year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_millis_micros_and_nanos_give_the_same_instant() {
        for value in [1_640_000_297, 1_640_000_297_000, 1_640_000_297_000_000] {
            assert_eq!(from_epoch(value), Some(1_640_000_297_000_000_000));
        }
        assert_eq!(
            from_epoch(1_640_000_297_000_000_000),
            Some(1_640_000_297_000_000_000)
        );
        assert_eq!(from_epoch(0), Some(0));
        assert_eq!(from_epoch(9_223_372_036), Some(9_223_372_036_000_000_000));
        assert_eq!(from_epoch(9_223_372_037), Some(9_223_372_037_000_000));
        assert_eq!(from_epoch(u64::MAX), None);
    }

    #[test]
    fn range_of_times_is_known_if_they_have_one_unit() {
        let s = 1_000_000_000;
        assert_eq!(epoch_range(60, 120), Some((60 * s, 120 * s)));
        let ms = 1_640_000_297_000;
        assert_eq!(epoch_range(ms, ms + 1_000).map(|r| r.1 - r.0), Some(s));
        assert_eq!(epoch_range(1_640_000_297, ms), None);
        assert_eq!(epoch_range(-1, 60), None);
    }

    #[test]
    fn iso_spellings_give_the_same_instant() {
        for text in [
            "2018-09-22T20:28:14.000Z",
            "2018-09-22T20:28:14Z",
            "2018-09-22T20:28:14",
            "2018-09-22 20:28:14.000",
            "2018-09-22T20:28:14.000000+00:00",
            "2018-09-22T22:28:14+0200",
            "2018-09-22 20:28:14+00",
            "2018-09-22 22:28:14+02",
            "2018-09-22 20:28:14 UTC",
            "2018-09-22 20:28:14.000 UTC",
            "2018-09-22 22:28:14.000 +0200",
        ] {
            let expected = Ok((&b" 2"[..], 1_537_648_094_000_000_000));
            assert_eq!(iso(format!("{text} 2").as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn iso_refuses_text_that_is_not_a_time() {
        for text in [
            "",
            "2018-09-22",
            "2018-13-22T20:28:14Z",
            "2018-09-22T24:28:14Z",
            "2 123456789012 eni-1 10.0.0.1",
        ] {
            assert!(iso(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn iso_agrees_with_jiff(ns in 0..i64::MAX) {
            let text = jiff::Timestamp::from_nanosecond(i128::from(ns)).unwrap().to_string();
            prop_assert_eq!(iso(text.as_bytes()), Ok((&b""[..], ns)));
        }

        #[test]
        fn any_bytes_are_a_time_or_odd(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = iso(&bytes);
        }
    }
}
