//! Patterns of dates and times, read once and used both ways: to write a time and to read one.
//!
//! MySQL's patterns are those of `date_format` and `date_parse`, Joda's those of `format_datetime` and
//! `parse_datetime` (<https://trino.io/docs/current/functions/datetime.html>).

use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};

/// One part of a pattern. A number is the fewest digits that are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimePiece {
    Literal(String),
    Year(usize),
    YearOfCentury,
    WeekYear(usize),
    Month(usize),
    MonthName,
    MonthShort,
    Week(usize),
    Day(usize),
    DayOfYear(usize),
    WeekdayNumber,
    WeekdayName,
    WeekdayShort,
    HalfDay,
    /// Hours from 0 to 23.
    Hour(usize),
    /// Hours from 1 to 24.
    HourFromOne(usize),
    /// Hours from 1 to 12.
    HalfHour(usize),
    /// Hours from 0 to 11.
    HalfHourFromZero(usize),
    Minute(usize),
    Second(usize),
    /// Digits of the fraction of a second.
    Fraction(usize),
    /// The offset from UTC, with a colon or without.
    Offset {
        colon: bool,
    },
    ZoneName,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Reads a MySQL pattern.
///
/// # Errors
/// Names a part that Athena does not have either.
pub(super) fn mysql(pattern: &str) -> Result<Vec<TimePiece>, String> {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            literal(&mut pieces, c);
            continue;
        }
        let Some(c) = chars.next() else { break };
        pieces.push(match c {
            'Y' => TimePiece::Year(4),
            'y' => TimePiece::YearOfCentury,
            'x' => TimePiece::WeekYear(4),
            'm' => TimePiece::Month(2),
            'c' => TimePiece::Month(1),
            'M' => TimePiece::MonthName,
            'b' => TimePiece::MonthShort,
            'd' => TimePiece::Day(2),
            'e' => TimePiece::Day(1),
            'j' => TimePiece::DayOfYear(3),
            'v' => TimePiece::Week(2),
            'W' => TimePiece::WeekdayName,
            'a' => TimePiece::WeekdayShort,
            'H' => TimePiece::Hour(2),
            'k' => TimePiece::Hour(1),
            'h' | 'I' => TimePiece::HalfHour(2),
            'l' => TimePiece::HalfHour(1),
            'i' => TimePiece::Minute(2),
            's' | 'S' => TimePiece::Second(2),
            'f' => TimePiece::Fraction(6),
            'p' => TimePiece::HalfDay,
            'T' => {
                pieces.extend(mysql("%H:%i:%s")?);
                continue;
            }
            'r' => {
                pieces.extend(mysql("%h:%i:%s %p")?);
                continue;
            }
            'D' | 'U' | 'u' | 'V' | 'w' | 'X' => {
                return Err(format!(
                    "%{c} is not supported in date patterns, also in Athena"
                ));
            }
            other => {
                literal(&mut pieces, other);
                continue;
            }
        });
    }
    Ok(pieces)
}

/// Reads a Joda pattern.
///
/// # Errors
/// Names a letter that has no meaning.
pub(super) fn joda(pattern: &str) -> Result<Vec<TimePiece>, String> {
    let chars: Vec<char> = pattern.chars().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let c = chars[at];
        if c == '\'' {
            at = quoted(&chars, at, &mut pieces);
            continue;
        }
        if !c.is_ascii_alphabetic() {
            literal(&mut pieces, c);
            at += 1;
            continue;
        }
        let count = chars[at..].iter().take_while(|next| **next == c).count();
        pieces.push(letter(c, count)?);
        at += count;
    }
    Ok(pieces)
}

/// Adds text in quotes, of which the first is at `at`. Two quotes are one. Returns where it ends.
fn quoted(chars: &[char], mut at: usize, pieces: &mut Vec<TimePiece>) -> usize {
    if chars.get(at + 1) == Some(&'\'') {
        literal(pieces, '\'');
        return at + 2;
    }
    at += 1;
    while let Some(c) = chars.get(at) {
        at += 1;
        if *c == '\'' {
            if chars.get(at) != Some(&'\'') {
                break;
            }
            at += 1;
        }
        literal(pieces, *c);
    }
    at
}

fn letter(c: char, count: usize) -> Result<TimePiece, String> {
    Ok(match (c, count) {
        ('y' | 'Y', 2) => TimePiece::YearOfCentury,
        ('y' | 'Y', count) => TimePiece::Year(count),
        ('x', count) => TimePiece::WeekYear(count),
        ('M', 1 | 2) => TimePiece::Month(count),
        ('M', 3) => TimePiece::MonthShort,
        ('M', _) => TimePiece::MonthName,
        ('w', count) => TimePiece::Week(count),
        ('d', count) => TimePiece::Day(count),
        ('D', count) => TimePiece::DayOfYear(count),
        ('e', _) => TimePiece::WeekdayNumber,
        ('E', 1..=3) => TimePiece::WeekdayShort,
        ('E', _) => TimePiece::WeekdayName,
        ('a', _) => TimePiece::HalfDay,
        ('H', count) => TimePiece::Hour(count),
        ('k', count) => TimePiece::HourFromOne(count),
        ('h', count) => TimePiece::HalfHour(count),
        ('K', count) => TimePiece::HalfHourFromZero(count),
        ('m', count) => TimePiece::Minute(count),
        ('s', count) => TimePiece::Second(count),
        ('S', count) => TimePiece::Fraction(count.min(9)),
        ('Z', 1) => TimePiece::Offset { colon: false },
        ('Z', 2) => TimePiece::Offset { colon: true },
        ('Z' | 'z', _) => TimePiece::ZoneName,
        _ => {
            return Err(format!(
                "{c} is no letter of date patterns; put text in quotes: '{c}'"
            ));
        }
    })
}

fn literal(pieces: &mut Vec<TimePiece>, c: char) {
    match pieces.last_mut() {
        Some(TimePiece::Literal(text)) => text.push(c),
        _ => pieces.push(TimePiece::Literal(c.into())),
    }
}

/// Writes a time. `offset_s` is how far its clock is ahead of UTC.
pub(super) fn written(pieces: &[TimePiece], time: DateTime, offset_s: i64) -> String {
    let mut out = String::new();
    for piece in pieces {
        out += &piece.written(time, offset_s);
    }
    out
}

impl TimePiece {
    fn written(&self, time: DateTime, offset_s: i64) -> String {
        let padded = |number: i64, digits: usize| format!("{number:0digits$}");
        let hour = i64::from(time.hour());
        let half = hour % 12;
        let week = || ISOWeekDate::from(time.date());
        let name = |names: &[&str], from_one: i8| {
            names[usize::from(from_one.unsigned_abs()) - 1].to_owned()
        };
        let weekday = time.weekday().to_monday_one_offset();
        match self {
            Self::Literal(text) => text.clone(),
            Self::Year(digits) => padded(time.year().into(), *digits),
            Self::YearOfCentury => padded(i64::from(time.year()).rem_euclid(100), 2),
            Self::WeekYear(digits) => padded(week().year().into(), *digits),
            Self::Month(digits) => padded(time.month().into(), *digits),
            Self::MonthName => name(&MONTHS, time.month()),
            Self::MonthShort => name(&MONTHS, time.month())[..3].to_owned(),
            Self::Week(digits) => padded(week().week().into(), *digits),
            Self::Day(digits) => padded(time.day().into(), *digits),
            Self::DayOfYear(digits) => padded(time.day_of_year().into(), *digits),
            Self::WeekdayNumber => weekday.to_string(),
            Self::WeekdayName => name(&WEEKDAYS, weekday),
            Self::WeekdayShort => name(&WEEKDAYS, weekday)[..3].to_owned(),
            Self::HalfDay => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Self::Hour(digits) => padded(hour, *digits),
            Self::HourFromOne(digits) => padded(if hour == 0 { 24 } else { hour }, *digits),
            Self::HalfHour(digits) => padded(if half == 0 { 12 } else { half }, *digits),
            Self::HalfHourFromZero(digits) => padded(half, *digits),
            Self::Minute(digits) => padded(time.minute().into(), *digits),
            Self::Second(digits) => padded(time.second().into(), *digits),
            Self::Fraction(digits) => {
                padded(time.subsec_nanosecond().into(), 9)[..*digits].to_owned()
            }
            Self::Offset { colon } => {
                let (sign, minutes) = (if offset_s < 0 { '-' } else { '+' }, offset_s.abs() / 60);
                let colon = if *colon { ":" } else { "" };
                format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
            }
            Self::ZoneName if offset_s == 0 => "UTC".to_owned(),
            Self::ZoneName => Self::Offset { colon: true }.written(time, offset_s),
        }
    }
}

/// What a text has of a time.
#[derive(Default)]
struct TimeParts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    week_year: Option<i64>,
    week: Option<i64>,
    weekday: Option<i64>,
    hour: Option<i64>,
    half_hour: Option<i64>,
    is_afternoon: bool,
    minute: i64,
    second: i64,
    nanosecond: i64,
    offset_s: Option<i64>,
}

/// Reads a time, and the offset of its clock if the text has one.
///
/// # Errors
/// Says where the text does not fit the pattern.
pub(super) fn read(pieces: &[TimePiece], text: &str) -> Result<(DateTime, Option<i64>), String> {
    let mut parts = TimeParts::default();
    let mut rest = text;
    for piece in pieces {
        let misfit = || {
            let at = text.len() - rest.len();
            format!("{text:?} does not fit the pattern at {:?}", &text[at..])
        };
        rest = piece.read(rest, &mut parts).ok_or_else(misfit)?;
    }
    if !rest.is_empty() {
        return Err(format!(
            "{text:?} does not end where the pattern does: {rest:?} is left"
        ));
    }
    let time = parts.time();
    Ok((
        time.ok_or_else(|| format!("{text:?} is not a time that exists"))?,
        parts.offset_s,
    ))
}

impl TimePiece {
    /// Takes this part off the front of `text`, and returns the rest; none if it is not there.
    fn read<'t>(&self, text: &'t str, parts: &mut TimeParts) -> Option<&'t str> {
        let number = |most: usize| {
            let digits = text
                .bytes()
                .take(most)
                .take_while(u8::is_ascii_digit)
                .count();
            let number: i64 = text[..digits].parse().ok()?;
            Some((number, &text[digits..]))
        };
        let (value, rest) = match self {
            Self::Literal(literal) => return text.strip_prefix(literal.as_str()),
            Self::MonthName | Self::MonthShort => named(&MONTHS, text)?,
            Self::WeekdayName | Self::WeekdayShort => named(&WEEKDAYS, text)?,
            Self::HalfDay => {
                let half = text.get(..2)?;
                parts.is_afternoon = half.eq_ignore_ascii_case("pm");
                let is_half = parts.is_afternoon || half.eq_ignore_ascii_case("am");
                return is_half.then(|| &text[2..]);
            }
            Self::Offset { .. } | Self::ZoneName => {
                let (offset_s, rest) = offset(text)?;
                parts.offset_s = Some(offset_s);
                return Some(rest);
            }
            Self::Fraction(_) => {
                let digits = text.bytes().take(9).take_while(u8::is_ascii_digit).count();
                let scale = 10_i64.pow(u32::try_from(9 - digits).ok()?);
                parts.nanosecond = text[..digits].parse::<i64>().ok()? * scale;
                return Some(&text[digits..]);
            }
            Self::Year(_) | Self::WeekYear(_) => number(4)?,
            Self::DayOfYear(_) => number(3)?,
            Self::WeekdayNumber => number(1)?,
            _ => number(2)?,
        };
        match self {
            Self::Year(_) => parts.year = Some(value),
            // Joda and MySQL put the pivot at 1970.
            Self::YearOfCentury => parts.year = Some(value + if value < 70 { 2000 } else { 1900 }),
            Self::WeekYear(_) => parts.week_year = Some(value),
            Self::Month(_) | Self::MonthName | Self::MonthShort => parts.month = Some(value),
            Self::Week(_) => parts.week = Some(value),
            Self::Day(_) => parts.day = Some(value),
            Self::DayOfYear(_) => parts.day_of_year = Some(value),
            Self::WeekdayNumber | Self::WeekdayName | Self::WeekdayShort => {
                parts.weekday = Some(value);
            }
            Self::Hour(_) => parts.hour = Some(value),
            Self::HourFromOne(_) => parts.hour = Some(value % 24),
            Self::HalfHour(_) | Self::HalfHourFromZero(_) => parts.half_hour = Some(value % 12),
            Self::Minute(_) => parts.minute = value,
            _ => parts.second = value,
        }
        Some(rest)
    }
}

/// Takes one of these names, or its first three letters, off the front; returns its number from 1.
fn named<'t>(names: &[&str], text: &'t str) -> Option<(i64, &'t str)> {
    let fits = |name: &str| {
        let front = text.get(..name.len());
        front.is_some_and(|front| front.eq_ignore_ascii_case(name))
    };
    for (number, name) in (1..).zip(names) {
        for name in [name, &name[..3]] {
            if fits(name) {
                return Some((number, &text[name.len()..]));
            }
        }
    }
    None
}

/// Takes an offset from UTC off the front: `Z`, `UTC`, `+01:00`, `-0530`, `+01`.
pub(super) fn offset(text: &str) -> Option<(i64, &str)> {
    for name in ["UTC", "Z", "z"] {
        if let Some(rest) = text.strip_prefix(name) {
            return Some((0, rest));
        }
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let two = |text: &str| text.get(..2)?.parse::<u8>().ok().map(i64::from);
    let hours = two(&text[1..])?;
    let rest = &text[3..];
    let after_colon = rest.strip_prefix(':').unwrap_or(rest);
    match two(after_colon) {
        Some(minutes) => Some((sign * (hours * 3_600 + minutes * 60), &after_colon[2..])),
        None => Some((sign * hours * 3_600, rest)),
    }
}

impl TimeParts {
    fn time(&self) -> Option<DateTime> {
        let small = |number: i64| i8::try_from(number).ok();
        let year = i16::try_from(self.year.unwrap_or(1970)).ok()?;
        let date = if let Some(day) = self.day_of_year {
            let first = Date::new(year, 1, 1).ok()?;
            let day = i16::try_from(day).ok()?;
            first.with().day_of_year(day).build().ok()?
        } else if let Some(week) = self.week {
            let year = i16::try_from(self.week_year.or(self.year).unwrap_or(1970)).ok()?;
            let weekday =
                Weekday::from_monday_one_offset(small(self.weekday.unwrap_or(1))?).ok()?;
            ISOWeekDate::new(year, small(week)?, weekday).ok()?.date()
        } else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            Date::new(year, small(month)?, small(day)?).ok()?
        };
        let half = self.half_hour.unwrap_or(0) + if self.is_afternoon { 12 } else { 0 };
        let hour = small(self.hour.unwrap_or(half))?;
        let time = jiff::civil::Time::new(
            hour,
            small(self.minute)?,
            small(self.second)?,
            i32::try_from(self.nanosecond).ok()?,
        );
        Some(date.to_datetime(time.ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn mysql_patterns_are_written_as_trino_documents_them() {
        let at = time("2022-10-20T05:10:00");
        let written = |pattern: &str| written(&mysql(pattern).unwrap(), at, 0);
        assert_eq!(written("%m-%d-%Y %H"), "10-20-2022 05");
        assert_eq!(written("%H:%i:%s"), "05:10:00");
        assert_eq!(written("%T|%r|%f"), "05:10:00|05:10:00 AM|000000");
        assert_eq!(
            written("%W %a %M %b %e %c %y %j %v %x %%"),
            "Thursday Thu October Oct 20 10 22 293 42 2022 %"
        );
        assert!(mysql("%w").is_err());
    }

    #[test]
    fn joda_patterns_have_quotes_names_and_offsets() {
        let at = time("2022-10-20T15:05:09.078");
        let written = |pattern: &str| written(&joda(pattern).unwrap(), at, -19_800);
        assert_eq!(
            written("yyyy-MM-dd'T'HH:mm:ss.SSSZZ"),
            "2022-10-20T15:05:09.078-05:30"
        );
        assert_eq!(
            written("EEE, d MMM yyyy h:mm a Z"),
            "Thu, 20 Oct 2022 3:05 PM -0530"
        );
        assert_eq!(written("''yy 'o''clock' k K"), "'22 o'clock 15 3");
        assert!(joda("yyyyb").is_err());
    }

    #[test]
    fn texts_are_read_with_the_patterns_that_wrote_them() {
        let (read_back, offset) = read(&mysql("%Y/%m/%d/%H").unwrap(), "2022/10/20/05").unwrap();
        assert_eq!((read_back, offset), (time("2022-10-20T05:00:00"), None));
        let pieces = joda("dd/MMM/yyyy:HH:mm:ss Z").unwrap();
        let (read_back, offset) = read(&pieces, "20/Oct/2022:15:05:09 +0100").unwrap();
        assert_eq!(
            (read_back, offset),
            (time("2022-10-20T15:05:09"), Some(3_600))
        );
        let twelve = read(&mysql("%h:%i %p").unwrap(), "12:30 AM").unwrap().0;
        assert_eq!(twelve, time("1970-01-01T00:30:00"));
        let pieces = mysql("%Y-%m-%d").unwrap();
        for wrong in ["2022-13-01", "2022-02-30", "2022-02-01x", "x", "2022"] {
            assert!(read(&pieces, wrong).is_err(), "{wrong}");
        }
    }
}
