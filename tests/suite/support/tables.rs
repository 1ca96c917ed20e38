//! The records of a file of `testdata/` as Parquet, as AWS delivers it and as other tools write it again.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, DictionaryArray, Float64Array, Int32Array, Int64Array, LargeStringArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;

use super::wrapping::records;

/// The values of one column; none where the log has `-`.
pub(crate) type Values<'a> = Vec<Option<&'a str>>;

/// A table to be written.
pub(crate) struct Table {
    columns: Vec<(String, ArrayRef)>,
    compression: Compression,
    group_rows: usize,
}

impl Table {
    /// The records of a file of `testdata/`, each column as `typed` makes it of its name and values.
    pub(crate) fn of(name: &str, typed: impl Fn(&str, &Values<'_>) -> ArrayRef) -> Self {
        let (columns, records) = records(name);
        let rows: Vec<Vec<&str>> = records.iter().map(|r| r.split(' ').collect()).collect();
        let column = |(index, name): (usize, &String)| {
            let cells = rows.iter().map(|row| row[index]);
            let values = cells.map(|cell| (cell != "-").then_some(cell)).collect();
            (name.replace('-', "_"), typed(name, &values))
        };
        Self {
            columns: columns.iter().enumerate().map(column).collect(),
            compression: Compression::UNCOMPRESSED,
            group_rows: 1_000,
        }
    }

    /// These columns.
    pub(crate) fn with_columns(columns: Vec<(String, ArrayRef)>) -> Self {
        Self {
            columns,
            compression: Compression::UNCOMPRESSED,
            group_rows: 1_000,
        }
    }

    pub(crate) fn compressed_by(self, compression: Compression) -> Self {
        Self {
            compression,
            ..self
        }
    }

    /// With row groups of so many rows.
    pub(crate) fn in_groups_of(self, group_rows: usize) -> Self {
        Self { group_rows, ..self }
    }

    /// With one column more.
    pub(crate) fn and(mut self, name: &str, column: ArrayRef) -> Self {
        self.columns.push((name.to_owned(), column));
        self
    }

    /// With other names of columns.
    pub(crate) fn named(mut self, spell: impl Fn(&str) -> String) -> Self {
        for (name, _) in &mut self.columns {
            *name = spell(name);
        }
        self
    }

    /// The bytes of the file.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let columns = self.columns.into_iter();
        let columns = columns.map(|(name, array)| (name, array, true));
        let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let properties = WriterProperties::builder()
            .set_compression(self.compression)
            .set_max_row_group_row_count(Some(self.group_rows))
            .build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        bytes
    }
}

/// What the footer of a file says.
pub(crate) fn footer(bytes: &[u8]) -> ParquetMetaData {
    let bytes = bytes::Bytes::from(bytes.to_vec());
    ParquetMetaDataReader::new()
        .parse_and_finish(&bytes)
        .unwrap()
}

/// Overwrites a column of a row group with nonsense.
pub(crate) fn spoil(bytes: &mut [u8], group: usize, column: &str) {
    let footer = footer(bytes);
    let chunks = footer.row_group(group).columns().iter();
    let mut named = chunks.filter(|chunk| chunk.column_path().string() == column);
    let (start, len) = named.next().unwrap().byte_range();
    let (start, len) = (
        usize::try_from(start).unwrap(),
        usize::try_from(len).unwrap(),
    );
    bytes[start..start + len].fill(0xff);
}

/// As AWS delivers a column: INT32, INT64 or a string, absent values as null.
pub(crate) fn aws(name: &str, values: &Values<'_>) -> ArrayRef {
    match name {
        "version" | "srcport" | "dstport" | "protocol" | "tcp-flags" | "traffic-path"
        | "encryption-status" => Arc::new(numbers(values).collect::<Int32Array>()),
        "packets" | "bytes" | "start" | "end" => {
            Arc::new(numbers::<i64>(values).collect::<Int64Array>())
        }
        _ => texts(name, values),
    }
}

/// The same, but absent texts are `-`.
pub(crate) fn aws_with_dashes(name: &str, values: &Values<'_>) -> ArrayRef {
    let dashes: Values<'_> = values.iter().map(|value| value.or(Some("-"))).collect();
    match name {
        _ if is_number(name) => aws(name, values),
        _ => texts(name, &dashes),
    }
}

/// As pandas does where a column of numbers has gaps: floating point; and `None` for no text.
pub(crate) fn pandas(name: &str, values: &Values<'_>) -> ArrayRef {
    let nones: Values<'_> = values.iter().map(|value| value.or(Some("None"))).collect();
    match name {
        "start" | "end" => {
            let ns = numbers::<i64>(values).map(|s| s.map(|s| s * 1_000_000_000));
            Arc::new(ns.collect::<TimestampNanosecondArray>())
        }
        _ if is_number(name) => Arc::new(numbers::<f64>(values).collect::<Float64Array>()),
        _ => Arc::new(nones.into_iter().collect::<LargeStringArray>()),
    }
}

/// As pandas does with columns of few values.
pub(crate) fn categories(name: &str, values: &Values<'_>) -> ArrayRef {
    match name {
        "start" | "end" => {
            let ms = numbers::<i64>(values).map(|s| s.map(|s| s * 1_000));
            Arc::new(
                ms.collect::<TimestampMillisecondArray>()
                    .with_timezone("UTC"),
            )
        }
        _ if is_number(name) => Arc::new(numbers::<i64>(values).collect::<Int64Array>()),
        _ => Arc::new(
            values
                .iter()
                .copied()
                .collect::<DictionaryArray<Int32Type>>(),
        ),
    }
}

/// Bytes that nothing says are text.
pub(crate) fn untold(name: &str, values: &Values<'_>) -> ArrayRef {
    match name {
        "start" | "end" => {
            let us = numbers::<i64>(values).map(|s| s.map(|s| s * 1_000_000));
            Arc::new(us.collect::<TimestampMicrosecondArray>())
        }
        _ if is_number(name) => Arc::new(numbers::<i64>(values).collect::<Int64Array>()),
        _ => {
            let bytes = values.iter().map(|value| value.map(str::as_bytes));
            Arc::new(bytes.collect::<BinaryArray>())
        }
    }
}

/// Numbers as texts, as from a table whose columns nobody typed.
pub(crate) fn texts(_: &str, values: &Values<'_>) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn is_number(name: &str) -> bool {
    let numbers = [
        "version",
        "srcport",
        "dstport",
        "protocol",
        "packets",
        "bytes",
        "start",
        "end",
        "tcp-flags",
        "traffic-path",
        "encryption-status",
    ];
    numbers.contains(&name)
}

fn numbers<'v, N: std::str::FromStr<Err: std::fmt::Debug>>(
    values: &'v Values<'_>,
) -> impl Iterator<Item = Option<N>> + 'v {
    values
        .iter()
        .map(|value| value.map(|digits| digits.parse().unwrap()))
}
