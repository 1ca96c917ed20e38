//! A file of comma-separated values (RFC 4180, except for line ends), or of JSON lines.
//!
//! A text that a spreadsheet would run as a formula is prefixed with `'` in CSV, and one that is not
//! printable is escaped; JSON has the exact text. Nested values are JSON in both. Null is an empty cell,
//! or `null`.

use std::io::Write as _;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use serde_json::{Map, Value};

use super::compress::{GZIP_LEVEL, ZSTD_LEVEL};
use super::{LakeCompression, LakeFormat};
use crate::printable::{cell, json, label};

/// A file that is being written.
pub(super) struct TextFile {
    is_csv: bool,
    to: TextCompressor,
}

enum TextCompressor {
    Stored(Vec<u8>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Zstd(zstd::Encoder<'static, Vec<u8>>),
}

impl TextFile {
    /// Begins a file with these columns.
    pub(super) fn new(
        format: LakeFormat,
        compression: LakeCompression,
        schema: &SchemaRef,
    ) -> Result<Self, ArrowError> {
        let to = match compression {
            LakeCompression::Gzip => TextCompressor::Gzip(flate2::write::GzEncoder::new(
                Vec::new(),
                flate2::Compression::new(GZIP_LEVEL),
            )),
            LakeCompression::Zstd => {
                TextCompressor::Zstd(zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?)
            }
            _ => TextCompressor::Stored(Vec::new()),
        };
        let is_csv = format == LakeFormat::Csv;
        let mut file = Self { is_csv, to };
        if is_csv {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            let header = names.collect::<Vec<_>>().join(",") + "\n";
            file.to.write(header.as_bytes())?;
        }
        Ok(file)
    }

    /// Adds rows, and returns the bytes to write now.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let schema = batch.schema();
        let mut text = Vec::new();
        for row in 0..batch.num_rows() {
            if !self.is_csv {
                text.push(b'{');
            }
            for (index, (column, field)) in batch.columns().iter().zip(schema.fields()).enumerate()
            {
                if index > 0 {
                    text.push(b',');
                }
                if self.is_csv {
                    put_cell(column, row, &mut text);
                } else {
                    put_json(&Value::from(field.name().as_str()), &mut text);
                    text.push(b':');
                    put_json(&value(column, row), &mut text);
                }
            }
            if !self.is_csv {
                text.push(b'}');
            }
            text.push(b'\n');
        }
        self.to.write(&text)?;
        Ok(std::mem::take(self.to.collected()))
    }

    /// Returns the last bytes of the file.
    pub(super) fn finish(self) -> Result<Vec<u8>, ArrowError> {
        Ok(match self.to {
            TextCompressor::Stored(rest) => rest,
            TextCompressor::Gzip(encoder) => encoder.finish()?,
            TextCompressor::Zstd(encoder) => encoder.finish()?,
        })
    }
}

impl TextCompressor {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Stored(to) => to.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    fn collected(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Stored(to) => to,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        }
    }
}

fn put_json(value: &Value, text: &mut Vec<u8>) {
    text.extend(json::escaped(value.to_string()).into_bytes());
}

fn put_cell(column: &ArrayRef, row: usize, text: &mut Vec<u8>) {
    match value(column, row) {
        Value::Null => {}
        Value::String(found) => quoted(&inert(&found), text),
        nested @ (Value::Array(_) | Value::Object(_)) => {
            let mut written = Vec::new();
            put_json(&nested, &mut written);
            quoted(&String::from_utf8_lossy(&written), text);
        }
        number => put_json(&number, text),
    }
}

/// Returns a text on one line that no spreadsheet runs. `-`, which is no formula, means that a log has
/// no value.
fn inert(found: &str) -> String {
    match found {
        "-" => "-".to_owned(),
        found => cell::inert(&label(found)).into_owned(),
    }
}

fn quoted(cell: &str, text: &mut Vec<u8>) {
    // An empty text in quotes is not null.
    if !cell.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        return text.extend(cell.as_bytes());
    }
    text.push(b'"');
    text.extend(cell.replace('"', "\"\"").into_bytes());
    text.push(b'"');
}

/// Returns a value as JSON.
fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Utf8View => column.as_string_view().value(row).into(),
        DataType::Struct(members) => {
            let columns = members.iter().zip(column.as_struct().columns());
            let values = columns.map(|(member, of)| (member.name().clone(), value(of, row)));
            Value::Object(values.collect::<Map<_, _>>())
        }
        DataType::List(_) => {
            let elements = column.as_list::<i32>().value(row);
            let values = (0..elements.len()).map(|index| value(&elements, index));
            values.collect::<Vec<_>>().into()
        }
        // No table has another type.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_neither_formulas_nor_several_lines() {
        let cell = |found: &str| {
            let mut text = Vec::new();
            quoted(&inert(found), &mut text);
            String::from_utf8(text).unwrap()
        };
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell("a\nb"), "\"\"\"a\\nb\"\"\"");
        assert_eq!(
            (cell("-"), cell(""), cell("eni-1")),
            ("-".into(), "\"\"".into(), "eni-1".into())
        );
    }
}
