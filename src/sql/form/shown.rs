//! One value as text, as Athena shows it: `2024-05-01 16:20:00.000`, `[a, b]`, `{name=x}`.

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, ListArray};
use arrow_schema::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// Shows the values of a column.
pub(super) enum ShownColumn<'a> {
    Plain(&'a ArrayRef, ArrayFormatter<'a>),
    Struct(&'a ArrayRef, Vec<(&'a str, ShownColumn<'a>)>),
    List(&'a ListArray, Box<ShownColumn<'a>>),
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
            Self::Plain(column, formatter) => {
                let text = (!column.is_null(row)).then(|| formatter.value(row).to_string())?;
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
