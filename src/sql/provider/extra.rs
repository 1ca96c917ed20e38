//! The columns that come after those of the log: what an Athena table has as partitions, and `"$path"`.
//!
//! The values are those in the path of the file, as in Athena. A file that was moved has those of its
//! rows' own times.

use std::sync::Arc;

use datafusion::arrow::array::builder::StringViewBuilder;
use datafusion::arrow::array::{
    ArrayRef, AsArray, Date32Array, StringViewArray, TimestampMillisecondArray,
};
use datafusion::arrow::compute::{is_not_null, kernels::zip as choice};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, TimeUnit};
use datafusion::error::Result;
use jiff::civil::Date;

use crate::table::{FileFacts, TableBatch, TableColumn};
use crate::time::SECOND_NS;

/// How a table shows the times of flow logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum FlowTimes {
    /// `start` and `end` are Unix seconds, as in AWS's table.
    Seconds,
    /// They are timestamps, as in tables that Firehose and Glue make.
    Timestamps,
}

/// A column that a log does not have itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum ExtraColumn {
    Date,
    Day,
    Year,
    Month,
    Hour,
    Region,
    Account,
    Path,
}

impl FlowTimes {
    /// Returns a column of a log as this table has it.
    pub(super) fn field(self, column: &TableColumn) -> Field {
        match self {
            Self::Timestamps if is_time(column.name) => Field::new(
                column.name,
                DataType::Timestamp(TimeUnit::Millisecond, None),
                true,
            ),
            _ => column.arrow(),
        }
    }

    /// Returns the values of a column of a log as this table has them.
    pub(super) fn values(self, column: &TableColumn, values: &ArrayRef) -> ArrayRef {
        match self {
            Self::Timestamps if is_time(column.name) => {
                let seconds = values.as_primitive::<Int64Type>();
                let instants = seconds.iter().map(|second| second?.checked_mul(1_000));
                Arc::new(instants.collect::<TimestampMillisecondArray>())
            }
            _ => Arc::clone(values),
        }
    }
}

fn is_time(name: &str) -> bool {
    matches!(name, "start" | "end")
}

impl ExtraColumn {
    /// All of them, in their order.
    pub(super) const ALL: [Self; 8] = [
        Self::Date,
        Self::Day,
        Self::Year,
        Self::Month,
        Self::Hour,
        Self::Region,
        Self::Account,
        Self::Path,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Day => "day",
            Self::Year => "year",
            Self::Month => "month",
            Self::Hour => "hour",
            Self::Region => "region",
            Self::Account => "account",
            Self::Path => "$path",
        }
    }

    pub(super) fn field(self) -> Field {
        let kind = match self {
            Self::Date => DataType::Date32,
            _ => DataType::Utf8View,
        };
        Field::new(self.name(), kind, true)
    }

    /// Returns the values for the rows of a batch of the file `name`. `logged` is what the log itself
    /// has in a column of this name.
    pub(super) fn values(
        self,
        batch: &TableBatch,
        name: &str,
        facts: &FileFacts,
        logged: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        let rows = batch.rows.num_rows();
        let of_path: ArrayRef = match self {
            Self::Region => texts(rows, facts.region.as_deref()),
            Self::Account => texts(rows, facts.account.as_deref()),
            Self::Path => paths(name, &batch.lines),
            Self::Hour => match facts.hour {
                Some(hour) => texts(rows, Some(&format!("{hour:02}"))),
                None => hours(batch),
            },
            Self::Date => dates(batch, facts),
            Self::Day | Self::Year | Self::Month => days(batch, facts, self),
        };
        Ok(match logged {
            Some(logged) => choice::zip(&is_not_null(logged)?, logged, &of_path)?,
            None => of_path,
        })
    }
}

/// Returns a column with one text in all rows.
fn texts(rows: usize, text: Option<&str>) -> ArrayRef {
    let mut texts = StringViewBuilder::with_capacity(rows);
    (0..rows).for_each(|_| texts.append_option(text));
    Arc::new(texts.finish())
}

fn paths(name: &str, lines: &[u64]) -> ArrayRef {
    let paths = lines.iter().map(|line| format!("{name}:{line}"));
    Arc::new(StringViewArray::from_iter_values(paths))
}

/// The number of days since the Unix epoch.
fn day_number(date: Date) -> i32 {
    (date - EPOCH).get_days()
}

const EPOCH: Date = Date::constant(1970, 1, 1);

const DAY_NS: i64 = 86_400 * SECOND_NS;

/// Returns the day of each row as days since the Unix epoch.
fn row_days<'b>(
    batch: &'b TableBatch,
    facts: &FileFacts,
) -> impl Iterator<Item = Option<i32>> + 'b {
    let of_file = facts.date.map(day_number);
    batch.instants_ns.iter().map(move |instant_ns| {
        of_file.or_else(|| i32::try_from(instant_ns.as_ref()?.div_euclid(DAY_NS)).ok())
    })
}

fn dates(batch: &TableBatch, facts: &FileFacts) -> ArrayRef {
    Arc::new(row_days(batch, facts).collect::<Date32Array>())
}

fn days(batch: &TableBatch, facts: &FileFacts, part: ExtraColumn) -> ArrayRef {
    let mut texts = StringViewBuilder::with_capacity(batch.lines.len());
    let (mut last, mut text) = (None, String::new());
    for day in row_days(batch, facts) {
        let Some(day) = day else {
            texts.append_null();
            continue;
        };
        if last != Some(day) {
            last = Some(day);
            text = day_text(day, part);
        }
        texts.append_value(&text);
    }
    Arc::new(texts.finish())
}

fn day_text(day: i32, part: ExtraColumn) -> String {
    let date = EPOCH
        .checked_add(jiff::Span::new().days(day))
        .unwrap_or(EPOCH);
    let (year, month, day) = (date.year(), date.month(), date.day());
    match part {
        ExtraColumn::Year => format!("{year:04}"),
        ExtraColumn::Month => format!("{month:02}"),
        _ => format!("{year:04}/{month:02}/{day:02}"),
    }
}

fn hours(batch: &TableBatch) -> ArrayRef {
    let hour = |instant_ns: &Option<i64>| {
        let second_of_day = instant_ns
            .as_ref()?
            .div_euclid(SECOND_NS)
            .rem_euclid(86_400);
        Some(format!("{:02}", second_of_day / 3_600))
    };
    Arc::new(
        batch
            .instants_ns
            .iter()
            .map(hour)
            .collect::<StringViewArray>(),
    )
}
