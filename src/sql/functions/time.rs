//! Functions of dates and times, as Trino defines them
//! (<https://trino.io/docs/current/functions/datetime.html>).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

use super::pattern::{self, TimePiece};
use super::row::{Argument, Gives, Memo, Moment, RowSpec, RowValue, Takes, Zone};

type Result<T> = std::result::Result<T, String>;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The functions.
pub(super) const SPECS: &[RowSpec] = &[
    spec("date", &[Takes::Time], Gives::Date, false, date),
    spec(
        "date_parse",
        &[Takes::Text, Takes::Text],
        Gives::Time,
        true,
        date_parse,
    ),
    spec(
        "date_format",
        &[Takes::Time, Takes::Text],
        Gives::Text,
        true,
        date_format,
    ),
    spec(
        "parse_datetime",
        &[Takes::Text, Takes::Text],
        Gives::Instant,
        true,
        parse_datetime,
    ),
    spec(
        "format_datetime",
        &[Takes::Time, Takes::Text],
        Gives::Text,
        true,
        format_datetime,
    ),
    spec(
        "from_iso8601_timestamp",
        &[Takes::Text],
        Gives::Instant,
        true,
        from_iso8601_timestamp,
    ),
    spec(
        "from_iso8601_date",
        &[Takes::Text],
        Gives::Date,
        true,
        from_iso8601_date,
    ),
    spec("to_iso8601", &[Takes::Time], Gives::Text, false, to_iso8601),
    spec(
        "from_unixtime",
        &[Takes::Double],
        Gives::Instant,
        true,
        from_unixtime,
    ),
    spec(
        "to_unixtime",
        &[Takes::Time],
        Gives::Double,
        false,
        to_unixtime,
    ),
    spec(
        "date_diff",
        &[Takes::Text, Takes::Time, Takes::Time],
        Gives::BigInt,
        true,
        date_diff,
    ),
    spec(
        "date_add",
        &[Takes::Text, Takes::BigInt, Takes::Time],
        Gives::LikeLast,
        true,
        date_add,
    ),
    spec(
        "last_day_of_month",
        &[Takes::Time],
        Gives::Date,
        false,
        last_day_of_month,
    ),
    spec(
        "day_of_week",
        &[Takes::Time],
        Gives::BigInt,
        false,
        day_of_week,
    ),
    spec("time_text", &[Takes::Time], Gives::Text, false, time_text),
];

/// The function that writes a time as Athena shows it.
pub(super) fn shown() -> &'static RowSpec {
    let mut specs = SPECS.iter();
    specs
        .find(|spec| spec.name == "time_text")
        .expect("in the table")
}

const fn spec(
    name: &'static str,
    takes: &'static [Takes],
    gives: Gives,
    may_fail: bool,
    compute: super::row::ComputeRow,
) -> RowSpec {
    RowSpec {
        name,
        takes,
        optional: 0,
        gives,
        may_fail,
        compute,
    }
}

fn civil(moment: Moment) -> Result<DateTime> {
    let at = Timestamp::from_nanosecond(moment.local_ns.into());
    let at = at.map_err(|_| "the time is out of range".to_owned())?;
    Ok(TimeZone::UTC.to_datetime(at))
}

fn ns(time: DateTime) -> Result<i64> {
    let at = TimeZone::UTC.to_timestamp(time).ok();
    let ns = at.and_then(|at| i64::try_from(at.as_nanosecond()).ok());
    ns.ok_or_else(|| "the time is out of range".to_owned())
}

fn days(date: Date) -> Result<i32> {
    let days = ns(date.to_datetime(jiff::civil::Time::midnight()))? / DAY;
    i32::try_from(days).map_err(|_| "the date is out of range".to_owned())
}

fn date(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let days = cells[0].time().local_ns.div_euclid(DAY);
    Ok(i32::try_from(days).map_or(RowValue::Null, RowValue::Date))
}

fn date_parse(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let pieces = pattern::mysql(cells[1].text())?;
    Ok(RowValue::Ns(
        ns(pattern::read(&pieces, cells[0].text())?.0)?,
    ))
}

fn parse_datetime(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let pieces = pattern::joda(cells[1].text())?;
    let (time, offset_s) = pattern::read(&pieces, cells[0].text())?;
    instant(time, offset_s.unwrap_or(0))
}

fn instant(time: DateTime, offset_s: i64) -> Result<RowValue> {
    Ok(RowValue::Ns(ns(time)? - offset_s * SECOND))
}

fn date_format(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    written(cells[0].time(), &pattern::mysql(cells[1].text())?)
}

fn format_datetime(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    written(cells[0].time(), &pattern::joda(cells[1].text())?)
}

fn written(moment: Moment, pieces: &[TimePiece]) -> Result<RowValue> {
    let text = pattern::written(pieces, civil(moment)?, offset_s(moment));
    Ok(RowValue::Text(text))
}

fn offset_s(moment: Moment) -> i64 {
    match moment.zone {
        Zone::Offset(seconds) => seconds,
        _ => 0,
    }
}

/// Writes a time as Athena shows it: `2024-05-01`, `2024-05-01 16:20:00.000`, and for an instant its
/// zone as well.
fn time_text(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let moment = cells[0].time();
    let (mut pattern, zone) = match moment.zone {
        Zone::Date => (pattern::joda("yyyy-MM-dd")?, None),
        Zone::Local => (pattern::joda("yyyy-MM-dd HH:mm:ss.SSS")?, None),
        Zone::Offset(_) => (
            pattern::joda("yyyy-MM-dd HH:mm:ss.SSS ")?,
            Some(TimePiece::ZoneName),
        ),
    };
    pattern.extend(zone);
    written(moment, &pattern)
}

fn to_iso8601(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let moment = cells[0].time();
    let pattern = match moment.zone {
        Zone::Date => "yyyy-MM-dd",
        Zone::Local => "yyyy-MM-dd'T'HH:mm:ss.SSS",
        Zone::Offset(0) => "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
        Zone::Offset(_) => "yyyy-MM-dd'T'HH:mm:ss.SSSZZ",
    };
    written(moment, &pattern::joda(pattern)?)
}

fn from_iso8601_timestamp(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let text = cells[0].text();
    let wrong = || format!("{text:?} is not an ISO 8601 time, such as 2024-05-01T16:20:00Z");
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, ""));
    let date = iso_date(date).ok_or_else(wrong)?;
    let digits = time.find(|c: char| !matches!(c, '0'..='9' | ':' | '.' | ','));
    let (clock, zone) = time.split_at(digits.unwrap_or(time.len()));
    let pattern = match clock.matches(':').count() {
        _ if clock.is_empty() => "",
        0 => "HH",
        1 => "HH:mm",
        _ if clock.contains(['.', ',']) => "HH:mm:ss.SSS",
        _ => "HH:mm:ss",
    };
    let clock = clock.replace(',', ".");
    let read = pattern::read(&pattern::joda(pattern)?, &clock);
    let time = read.map_err(|_| wrong())?.0.time();
    let offset_s = match zone {
        "" => 0,
        zone => match pattern::offset(zone) {
            Some((offset_s, "")) => offset_s,
            _ => return Err(wrong()),
        },
    };
    instant(date.to_datetime(time), offset_s)
}

fn from_iso8601_date(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let text = cells[0].text();
    let date = iso_date(text);
    let date =
        date.ok_or_else(|| format!("{text:?} is not an ISO 8601 date, such as 2024-05-01"))?;
    Ok(RowValue::Date(days(date)?))
}

/// Reads a date of a year, a month, a day, a week (`2020-W10-3`) or a day of the year (`2020-123`).
fn iso_date(text: &str) -> Option<Date> {
    let pattern = match text.len() {
        4 => "yyyy",
        7 => "yyyy-MM",
        8 if text.contains('W') => "xxxx-'W'ww",
        8 if !text.contains('-') => "yyyyMMdd",
        8 => "yyyy-DDD",
        10 if text.contains('W') => "xxxx-'W'ww-e",
        _ => "yyyy-MM-dd",
    };
    let read = pattern::read(&pattern::joda(pattern).ok()?, text);
    Some(read.ok()?.0.date())
}

fn from_unixtime(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let milliseconds = (cells[0].double() * 1_000.0).round();
    let wrong = || format!("{} is not a Unix time in seconds", cells[0].double());
    if !milliseconds.is_finite() || milliseconds.abs() > 9.2e12 {
        return Err(wrong());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and in the range"
    )]
    let ns = (milliseconds as i64).checked_mul(1_000_000);
    Ok(RowValue::Ns(ns.ok_or_else(wrong)?))
}

fn to_unixtime(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let ns = cells[0].time().instant_ns();
    let (seconds, rest) = (ns.div_euclid(SECOND), ns.rem_euclid(SECOND));
    Ok(RowValue::Double(seconds as f64 + rest as f64 / 1e9))
}

fn last_day_of_month(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let last = civil(cells[0].time())?.date().last_of_month();
    Ok(RowValue::Date(days(last)?))
}

/// From 1, Monday, to 7, Sunday.
fn day_of_week(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let weekday = civil(cells[0].time())?.weekday();
    Ok(RowValue::Int(weekday.to_monday_one_offset().into()))
}

/// Returns the nanoseconds of a unit of fixed length.
fn fixed_ns(unit: &str) -> Option<i64> {
    Some(match unit {
        "millisecond" => 1_000_000,
        "second" => SECOND,
        "minute" => 60 * SECOND,
        "hour" => 3_600 * SECOND,
        "day" => DAY,
        "week" => 7 * DAY,
        _ => return None,
    })
}

/// Returns the months of a unit of months.
fn unit_months(unit: &str) -> Result<i64> {
    Ok(match unit {
        "month" => 1,
        "quarter" => 3,
        "year" => 12,
        _ => {
            return Err(format!(
                "{unit:?} is not a unit: use millisecond, second, minute, hour, day, week, month, quarter \
                 or year"
            ));
        }
    })
}

fn date_diff(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let unit = cells[0].text().to_ascii_lowercase();
    let (from, to) = (cells[1].time(), cells[2].time());
    if let Some(length) = fixed_ns(&unit) {
        let between = to.instant_ns().checked_sub(from.instant_ns());
        let between = between.ok_or("the times are too far apart")?;
        return Ok(RowValue::Int(between / length));
    }
    let unit = unit_months(&unit)?;
    let (from, to) = (civil(from)?, civil(to)?);
    let (early, late, sign) = match from <= to {
        true => (from, to, 1),
        false => (to, from, -1),
    };
    let month = |time: DateTime| i64::from(time.year()) * 12 + i64::from(time.month());
    let mut months = month(late) - month(early);
    // A month that is not over does not count.
    if (late.day(), late.time()) < (early.day(), early.time()) {
        months -= 1;
    }
    Ok(RowValue::Int(sign * (months / unit)))
}

fn date_add(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let unit = cells[0].text().to_ascii_lowercase();
    let (count, moment) = (cells[1].int(), cells[2].time());
    let is_date = moment.zone == Zone::Date;
    if is_date && matches!(unit.as_str(), "millisecond" | "second" | "minute" | "hour") {
        return Err(format!(
            "a date has no {unit}; cast it to a timestamp first"
        ));
    }
    let out_of_range = || "the time is out of range".to_owned();
    let local_ns = match fixed_ns(&unit) {
        Some(length) => {
            let added = count.checked_mul(length);
            let sum = added.and_then(|added| moment.local_ns.checked_add(added));
            sum.ok_or_else(out_of_range)?
        }
        None => {
            let months = count.checked_mul(unit_months(&unit)?);
            let months = months.filter(|months| months.abs() < 200_000);
            let months: Span = months.ok_or_else(out_of_range)?.months();
            ns(civil(moment)?
                .checked_add(months)
                .map_err(|_| out_of_range())?)?
        }
    };
    if is_date {
        let days = i32::try_from(local_ns.div_euclid(DAY)).map_err(|_| out_of_range())?;
        return Ok(RowValue::Date(days));
    }
    Ok(RowValue::Ns(local_ns - offset_s(moment) * SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::functions::row::computed;

    fn at(text: &str) -> Argument<'static> {
        let local_ns = match text.len() {
            10 => ns(text
                .parse::<Date>()
                .unwrap()
                .to_datetime(jiff::civil::Time::midnight())),
            _ => ns(text.parse::<DateTime>().unwrap()),
        };
        let zone = if text.len() == 10 {
            Zone::Date
        } else {
            Zone::Local
        };
        Argument::Time(Moment {
            local_ns: local_ns.unwrap(),
            zone,
        })
    }

    fn instant_of(text: &str) -> RowValue {
        RowValue::Ns(ns(text.parse::<DateTime>().unwrap()).unwrap())
    }

    /// The examples of Trino's page.
    #[test]
    fn differences_count_whole_units_as_trino_documents_them() {
        let diff = |unit, from, to| {
            computed(
                SPECS,
                "date_diff",
                &[Argument::Text(unit), at(from), at(to)],
            )
        };
        let from = "2020-03-01T00:00:00";
        assert_eq!(
            diff("second", from, "2020-03-02T00:00:00"),
            Ok(RowValue::Int(86_400))
        );
        assert_eq!(
            diff("hour", from, "2020-03-02T12:00:00"),
            Ok(RowValue::Int(36))
        );
        assert_eq!(
            diff("day", "2020-03-01", "2020-03-02"),
            Ok(RowValue::Int(1))
        );
        assert_eq!(
            diff("day", from, "2020-03-02T23:59:59"),
            Ok(RowValue::Int(1))
        );
        assert_eq!(
            diff("month", "2020-01-31", "2020-02-29"),
            Ok(RowValue::Int(0))
        );
        assert_eq!(
            diff("year", "2022-05-01", "2020-05-02"),
            Ok(RowValue::Int(-1))
        );
        assert!(diff("fortnight", from, from).unwrap_err().contains("unit"));
    }

    #[test]
    fn sums_keep_to_the_end_of_the_month_and_to_dates() {
        let add = |unit, count, to| {
            computed(
                SPECS,
                "date_add",
                &[Argument::Text(unit), Argument::Int(count), at(to)],
            )
        };
        assert_eq!(
            add("second", 86, "2020-03-01T00:00:00"),
            Ok(instant_of("2020-03-01T00:01:26"))
        );
        assert_eq!(
            add("hour", 9, "2020-03-01T00:00:00"),
            Ok(instant_of("2020-03-01T09:00:00"))
        );
        assert_eq!(
            add("day", -1, "2020-03-01T00:00:00"),
            Ok(instant_of("2020-02-29T00:00:00"))
        );
        assert_eq!(add("month", 1, "2020-01-31"), Ok(RowValue::Date(18_321)));
        assert!(add("hour", 1, "2020-01-31").is_err());
        assert!(add("year", i64::MAX, "2020-01-31").is_err());
    }

    #[test]
    fn iso_8601_times_have_zones_and_may_be_short() {
        let read = |text| computed(SPECS, "from_iso8601_timestamp", &[Argument::Text(text)]);
        assert_eq!(read("2020-05-11"), Ok(instant_of("2020-05-11T00:00:00")));
        assert_eq!(
            read("2020-05-11T11:15:05"),
            Ok(instant_of("2020-05-11T11:15:05"))
        );
        assert_eq!(
            read("2020-05-11T11:15:05.055+01:00"),
            Ok(instant_of("2020-05-11T10:15:05.055"))
        );
        assert_eq!(
            read("2023-07-04T10:00:00.123456Z"),
            Ok(instant_of("2023-07-04T10:00:00.123456"))
        );
        for wrong in [
            "",
            "x",
            "2020-05-32",
            "2020-05-11T25:00:00",
            "2020-05-11T11:15:05 UTC+",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let date = |text| computed(SPECS, "from_iso8601_date", &[Argument::Text(text)]);
        assert_eq!(date("2020-W10"), Ok(RowValue::Date(18_323)));
        assert_eq!(date("2020-123"), Ok(RowValue::Date(18_384)));
    }

    #[test]
    fn unix_times_have_fractions_both_ways() {
        let read = |seconds| computed(SPECS, "from_unixtime", &[Argument::Double(seconds)]);
        assert_eq!(
            read(1_714_580_400.5),
            Ok(instant_of("2024-05-01T16:20:00.5"))
        );
        assert!(read(f64::NAN).is_err() && read(1e300).is_err());
        let written = computed(SPECS, "to_unixtime", &[at("2024-05-01T16:20:00.5")]);
        assert_eq!(written, Ok(RowValue::Double(1_714_580_400.5)));
    }

    #[test]
    fn weeks_begin_on_monday() {
        let day = |text| computed(SPECS, "day_of_week", &[at(text)]);
        assert_eq!(day("2020-05-04"), Ok(RowValue::Int(1)));
        assert_eq!(day("2020-05-10T23:00:00"), Ok(RowValue::Int(7)));
    }

    #[test]
    fn times_are_shown_as_athena_shows_them() {
        let text = |cell| match computed(SPECS, "time_text", &[cell]) {
            Ok(RowValue::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text(at("2024-05-01")), "2024-05-01");
        assert_eq!(text(at("2024-05-01T16:20:00")), "2024-05-01 16:20:00.000");
        let zoned = Moment {
            local_ns: at("2024-05-01T16:20:00").time().local_ns,
            zone: Zone::Offset(0),
        };
        assert_eq!(text(Argument::Time(zoned)), "2024-05-01 16:20:00.000 UTC");
    }
}
