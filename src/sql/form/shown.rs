//! One value as text, as Athena shows it: `2024-05-01 16:20:00.000`, `[a, b]`, `{name=x}`.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, IntervalMonthDayNanoType};
use arrow_array::{Array, ArrayRef, ListArray};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use datafusion::arrow::compute::cast;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::sql::functions::address_text;

const DAY_MS: i128 = 86_400_000;

/// Shows the values of a column.
pub(super) enum ShownColumn<'a> {
    Plain(&'a ArrayRef, ArrayFormatter<'a>),
    Struct(&'a ArrayRef, Vec<(&'a str, Self)>),
    List(&'a ListArray, Box<Self>),
}

fn options() -> FormatOptions<'static> {
    FormatOptions::new()
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.3f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.3f %Z"))
        .with_datetime_format(Some("%Y-%m-%d %H:%M:%S%.3f"))
}

impl<'a> ShownColumn<'a> {
    /// Makes what shows a column.
    ///
    /// # Errors
    /// The type cannot be shown.
    pub(super) fn of(column: &'a ArrayRef) -> Result<Self, String> {
        Ok(match column.data_type() {
            DataType::Struct(members) => {
                let columns = members.iter().zip(column.as_struct().columns());
                let shown =
                    columns.map(|(member, column)| Ok((member.name().as_str(), Self::of(column)?)));
                Self::Struct(column, shown.collect::<Result<_, String>>()?)
            }
            DataType::List(_) => {
                let list = column.as_list::<i32>();
                Self::List(list, Box::new(Self::of(list.values())?))
            }
            _ => {
                let formatter = ArrayFormatter::try_new(column, &options());
                Self::Plain(column, formatter.map_err(|error| error.to_string())?)
            }
        })
    }

    /// Returns the text of a value; none for null.
    pub(super) fn text(&self, row: usize) -> Option<String> {
        match self {
            // A column of nothing but nulls does not mark them.
            Self::Plain(column, _) if column.data_type().is_null() || column.is_null(row) => None,
            Self::Plain(column, formatter) => {
                if let Some(text) = own_text(column, row) {
                    return Some(text);
                }
                let text = formatter.value(row).to_string();
                Some(match text.strip_suffix(" +00:00") {
                    Some(time) if matches!(column.data_type(), DataType::Timestamp(..)) => {
                        format!("{time} UTC")
                    }
                    _ => text,
                })
            }
            Self::Struct(column, members) => (!column.is_null(row)).then(|| {
                let members = members.iter().map(|(name, column)| {
                    format!("{name}={}", column.text(row).unwrap_or_else(null))
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }),
            Self::List(list, items) => (!list.is_null(row)).then(|| {
                let items = range(list, row).map(|at| items.text(at).unwrap_or_else(null));
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            }),
        }
    }

    /// Adds a value as JSON.
    pub(super) fn put_json(&self, row: usize, out: &mut String) {
        match self {
            Self::Plain(column, _) => {
                let text = self.text(row);
                match (text, column.data_type()) {
                    (None, _) => *out += "null",
                    (Some(text), kind) if is_bare(kind, &text) => *out += &text,
                    (Some(text), _) => put_string(&text, out),
                }
            }
            Self::Struct(column, _) if column.is_null(row) => *out += "null",
            Self::Struct(_, members) => {
                for (index, (name, column)) in members.iter().enumerate() {
                    out.push(if index == 0 { '{' } else { ',' });
                    put_string(name, out);
                    out.push(':');
                    column.put_json(row, out);
                }
                *out += if members.is_empty() { "{}" } else { "}" };
            }
            Self::List(list, _) if list.is_null(row) => *out += "null",
            Self::List(list, items) => {
                out.push('[');
                for (index, at) in range(list, row).enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    items.put_json(at, out);
                }
                out.push(']');
            }
        }
    }
}

/// Writes an address, or the time between two times; none if the value is something else.
fn own_text(column: &ArrayRef, row: usize) -> Option<String> {
    match column.data_type() {
        DataType::FixedSizeBinary(_) => address_text(column.as_fixed_size_binary().value(row)),
        DataType::Duration(unit) => {
            let counts = cast(&column.slice(row, 1), &DataType::Int64).ok()?;
            let count = i128::from(counts.as_primitive::<Int64Type>().value(0));
            let milliseconds = match unit {
                TimeUnit::Second => count * 1_000,
                TimeUnit::Millisecond => count,
                TimeUnit::Microsecond => count / 1_000,
                TimeUnit::Nanosecond => count / 1_000_000,
            };
            Some(interval_text(milliseconds))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let interval = column.as_primitive::<IntervalMonthDayNanoType>().value(row);
            let (months, days) = (interval.months, interval.days);
            let ns = interval.nanoseconds;
            if months != 0 && days == 0 && ns == 0 {
                let sign = if months < 0 { "-" } else { "" };
                let count = months.unsigned_abs();
                return Some(format!("{sign}{}-{}", count / 12, count % 12));
            }
            let time = i128::from(days) * DAY_MS + i128::from(ns / 1_000_000);
            (months == 0).then(|| interval_text(time))
        }
        _ => None,
    }
}

/// Writes an interval as Trino does: days, hours, minutes, seconds and milliseconds, `0 01:07:09.000`.
fn interval_text(milliseconds: i128) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let count = milliseconds.unsigned_abs();
    let (seconds, rest) = (count / 1_000, count % 1_000);
    format!(
        "{sign}{} {:02}:{:02}:{:02}.{rest:03}",
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    )
}

fn null() -> String {
    "null".into()
}

fn range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    let at = |index: usize| usize::try_from(offsets[index]).unwrap_or(0);
    at(row)..at(row + 1)
}

/// Whether a value is a number or a truth value in JSON. NaN and infinity are not.
fn is_bare(kind: &DataType, text: &str) -> bool {
    match kind {
        DataType::Boolean => true,
        kind if kind.is_numeric() => !text.contains(['N', 'i', 'I']),
        _ => false,
    }
}

/// Adds a text in quotes.
pub(super) fn put_string(text: &str, out: &mut String) {
    let quoted = serde_json::Value::from(text).to_string();
    *out += &crate::printable::json::escaped(quoted);
}

/// Whether a column is aligned to the right.
pub(super) fn is_number(kind: &DataType) -> bool {
    kind.is_numeric()
}

/// Shows all columns of some rows.
///
/// # Errors
/// A type cannot be shown.
pub(super) fn shown(columns: &[ArrayRef]) -> Result<Vec<ShownColumn<'_>>, String> {
    columns.iter().map(ShownColumn::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_days_and_a_clock() {
        assert_eq!(interval_text(4_029_000), "0 01:07:09.000");
        assert_eq!(interval_text(-90_061_001), "-1 01:01:01.001");
    }
}
