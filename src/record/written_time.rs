//! Times as databases, browsers and spreadsheets print them for people.
//!
//! They are rewritten in ISO 8601 and parsed by [`instant::iso`]. Dates with slashes are in the
//! order of the United States, month/day/year, unless the year is first. A month above 12 is an
//! error: the order of a date is never guessed. Time zones are `UTC`, `GMT` or an offset, and the
//! default is UTC.

use super::instant;

/// Parses a text that is exactly one time: `2024-05-01 12:00:00+00`, `05/01/2024 12:00:00.000 +0000`,
/// `5/1/2024, 12:00:00 PM`, `May 1, 2024 @ 12:00:00.000`, `Wed, 01 May 2024 12:00:00 GMT`.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    if let Some(instant_ns) = whole(text) {
        return Some(instant_ns);
    }
    if text.len() > LEN_MAX {
        return None;
    }
    // A value of JSON or of a table is written with `_` for blanks.
    let text = std::str::from_utf8(text).ok()?.replace('_', " ");
    if let Some(instant_ns) = whole(text.as_bytes()) {
        return Some(instant_ns);
    }
    let (date, clock) = date(&text)?;
    let clock = Clock::parse(clock)?;
    let (year, month, day) = (date.year?, date.month?, date.day?);
    let Clock { hour, rest, zone } = clock;
    whole(format!("{year:04}-{month:02}-{day:02}T{hour:02}{rest}{zone}").as_bytes())
}

fn whole(text: &[u8]) -> Option<i64> {
    let (rest, instant_ns) = instant::iso(text).ok()?;
    rest.is_empty().then_some(instant_ns)
}

/// The parts of a date that are known.
#[derive(Default)]
struct DateParts {
    year: Option<u16>,
    month: Option<u8>,
    day: Option<u8>,
}

/// Parses the date at the front of `text`. Also returns the rest, which begins with the hour.
fn date(text: &str) -> Option<(DateParts, &str)> {
    let mut date = DateParts::default();
    let mut rest = text.trim_start();
    loop {
        let end = rest.find(char::is_whitespace)?;
        let word = &rest[..end];
        if word.contains(':') {
            return Some((date, rest));
        }
        date.add(word.trim_end_matches(','))?;
        rest = rest[end..].trim_start();
        // The hour may be the last word.
        if rest.split(char::is_whitespace).next()?.contains(':') {
            return Some((date, rest));
        }
    }
}

impl DateParts {
    /// Adds one word of a date. Returns `None` if it cannot be part of a date.
    fn add(&mut self, word: &str) -> Option<()> {
        let number = |text: &str| -> Option<u8> {
            let is_short = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            is_short.then(|| text.parse().ok())?
        };
        let year = |text: &str| -> Option<u16> {
            let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            is_year.then(|| text.parse().ok())?
        };
        let parts: Vec<&str> = word.split('/').collect();
        match parts[..] {
            [first, second, third] if first.len() == 4 => {
                self.year.is_none().then_some(())?;
                self.year = Some(year(first)?);
                (self.month, self.day) = (Some(number(second)?), Some(number(third)?));
            }
            [first, second, third] => {
                self.year.is_none().then_some(())?;
                self.year = Some(year(third)?);
                (self.month, self.day) = (Some(number(first)?), Some(number(second)?));
            }
            ["@" | "at"] => {}
            [word] if word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                let begins = |name: &&str| word[..3].eq_ignore_ascii_case(name);
                match MONTHS.iter().position(&begins) {
                    Some(index) => self.month = u8::try_from(index + 1).ok(),
                    None => WEEKDAYS.iter().any(begins).then_some(())?,
                }
            }
            [word] => match number(word) {
                Some(day) => self.day = Some(day),
                None => self.year = Some(year(word)?),
            },
            _ => return None,
        }
        Some(())
    }
}

/// A time of day: the hour of 24, the minute and what follows up to the zone, and the zone.
struct Clock<'t> {
    hour: u8,
    rest: &'t str,
    zone: &'t str,
}

impl<'t> Clock<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let in_time = |c: char| c.is_ascii_digit() || c == ':' || c == '.';
        let end = text.find(|c| !in_time(c)).unwrap_or(text.len());
        let (time, after) = text.split_at(end);
        let colon = time.find(':')?;
        let (hour, rest) = time.split_at(colon);
        let mut hour: u8 = hour.parse().ok()?;
        let mut zone = after.trim();
        let half = zone
            .get(..2)
            .filter(|half| half.eq_ignore_ascii_case("AM") || half.eq_ignore_ascii_case("PM"));
        if let Some(half) = half {
            (1..=12).contains(&hour).then_some(())?;
            hour = hour % 12
                + if half.eq_ignore_ascii_case("PM") {
                    12
                } else {
                    0
                };
            zone = zone[2..].trim_start();
        }
        // A browser adds the name of the zone in parentheses.
        zone = zone.split('(').next()?.trim_end();
        zone = match zone
            .strip_prefix("GMT")
            .or_else(|| zone.strip_prefix("UTC"))
        {
            Some("") => "Z",
            Some(offset) => offset,
            None => zone,
        };
        Some(Self { hour, rest, zone })
    }
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Longest text that is examined, in bytes. The name of a time zone may be in it.
const LEN_MAX: usize = 96;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn printed_times_give_the_same_instant() {
        for text in [
            "2024-05-01 12:01:00+00",
            "2024-05-01 12:01:00 UTC",
            "2024-05-01 12:01:00.000 UTC",
            "2024-05-01_12:01:00.000_UTC",
            "2024-05-01T12:01:00+0000",
            "2024-05-01 12:01:00.000000+00:00",
            "2024-05-01 17:31:00+05:30",
            "2024-05-01 07:01:00-05",
            "2024-05-01 12:01:00 +0000",
            "2024-05-01 12:01:00 Z",
            "2024/05/01 12:01:00",
            "05/01/2024 12:01:00.000 +0000",
            "05/01/2024 12:01:00",
            "5/1/2024, 12:01:00 PM",
            "5/1/2024, 12:01:00\u{202f}PM",
            "May 1, 2024 @ 12:01:00.000",
            "Wed, 01 May 2024 12:01:00 GMT",
            "Wed May 01 2024 12:01:00 GMT+0000 (Coordinated Universal Time)",
            "Wed May 01 2024 14:01:00 GMT+0200 (Central European Summer Time)",
        ] {
            let expected = Some(1_714_564_860_000_000_000);
            assert_eq!(parse(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(
            parse(b"05/01/2024 12:01:00 AM"),
            Some(1_714_521_660_000_000_000)
        );
    }

    #[test]
    fn order_of_a_date_is_never_guessed() {
        for text in [
            "13/01/2024 12:01:00",
            "01/32/2024 12:01:00",
            "05/01/24 12:01:00",
            "05/01/2024",
            "05/01/2024 12:01",
            "05/01/2024 13:01:00 PM",
            "05/01/2024 12:01:00 Europe/Berlin",
            "2024-05-01 12:01:00 America/New_York",
            "2024-05-01 12:01:00 PST",
            "2024-05-01 12:01:00 UTCX",
            "Mai 1, 2024 12:01:00",
            "12:01:00",
            "1/2 12:01:00",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "[ -~\u{202f}\u{e9}_]{0,60}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn month_day_year_agrees_with_iso(s in 0..4_000_000_000_i64) {
            let time = jiff::Timestamp::from_second(s).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            let text = time.strftime("%m/%d/%Y %I:%M:%S %p").to_string();
            prop_assert_eq!(parse(text.as_bytes()), Some(s * 1_000_000_000));
        }
    }
}
