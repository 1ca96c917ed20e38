//! Rows as text for people and programs, and as Parquet.
//!
//! ```text
//! shown      one value as text, as Athena shows it     aligned    a table for people
//! separated  CSV                                       json       JSON, one document or lines
//! markdown   a table in Markdown                       parquet    Parquet
//! ```
//!
//! All text from outside is escaped for the place where it is read.

mod aligned;
mod json;
mod markdown;
mod parquet;
mod separated;
mod shown;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use self::aligned::Aligned;
use self::json::JsonRows;
use self::markdown::Markdown;
use self::parquet::ParquetRows;
use self::separated::Separated;
use super::engine::RowSink;
use crate::error::Error;

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryForm {
    /// Aligned columns, for people.
    Table,
    /// Comma-separated values.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object on each line.
    Jsonl,
    /// A table in Markdown.
    Markdown,
    /// A Parquet file.
    Parquet,
}

impl QueryForm {
    /// Returns the form of this name, in any case. The endings of files are names too.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "table" | "txt" => Self::Table,
            "csv" => Self::Csv,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::Jsonl,
            "markdown" | "md" => Self::Markdown,
            "parquet" => Self::Parquet,
            _ => return None,
        })
    }

    /// Whether several results can follow each other in one file.
    pub fn holds_several(self) -> bool {
        !matches!(self, Self::Json | Self::Parquet)
    }
}

/// What makes one form.
trait RowForm: Send {
    /// Adds what comes before the rows.
    fn begin(&mut self, columns: &SchemaRef, out: &mut Vec<u8>) -> Result<(), String>;

    /// Adds rows.
    fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), String>;

    /// Adds what comes after the rows.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), String>;
}

/// Takes bytes of the output.
pub type TakeBytes<'a> = dyn FnMut(&[u8]) -> Result<(), Error> + 'a;

/// Writes the rows of one result in a form.
pub struct RowWriter<'a> {
    form: Box<dyn RowForm>,
    out: Vec<u8>,
    take: &'a mut TakeBytes<'a>,
    count: u64,
}

impl<'a> RowWriter<'a> {
    /// Makes a writer that passes the bytes to `take`.
    pub fn new(form: QueryForm, take: &'a mut TakeBytes<'a>) -> Self {
        let form: Box<dyn RowForm> = match form {
            QueryForm::Table => Box::new(Aligned::default()),
            QueryForm::Csv => Box::new(Separated),
            QueryForm::Json => Box::new(JsonRows::document()),
            QueryForm::Jsonl => Box::new(JsonRows::lines()),
            QueryForm::Markdown => Box::new(Markdown),
            QueryForm::Parquet => Box::new(ParquetRows::default()),
        };
        Self {
            form,
            out: Vec::new(),
            take,
            count: 0,
        }
    }

    /// Returns how many rows were written.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn pass(&mut self, made: Result<(), String>) -> Result<(), Error> {
        made.map_err(|text| {
            let text = format!("the rows cannot be written: {text}");
            Error::from(crate::error::ErrorKind::Usage(text))
        })?;
        let bytes = std::mem::take(&mut self.out);
        match bytes.is_empty() {
            true => Ok(()),
            false => (self.take)(&bytes),
        }
    }
}

impl RowSink for RowWriter<'_> {
    fn begin(&mut self, columns: &SchemaRef) -> Result<(), Error> {
        let made = self.form.begin(columns, &mut self.out);
        self.pass(made)
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        self.count += rows.num_rows() as u64;
        let made = self.form.rows(rows, &mut self.out);
        self.pass(made)
    }

    fn end(&mut self) -> Result<(), Error> {
        let made = self.form.end(&mut self.out);
        self.pass(made)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, Float64Array, Int64Array, StringViewArray, TimestampMillisecondArray,
    };

    use super::*;

    fn written(form: QueryForm) -> String {
        let columns: [(&str, ArrayRef); 4] = [
            (
                "name",
                Arc::new(StringViewArray::from(vec![
                    Some("=1+1"),
                    None,
                    Some("a,\"b\"\u{1b}|x"),
                ])),
            ),
            (
                "n",
                Arc::new(Int64Array::from(vec![Some(-5), Some(12_345), None])),
            ),
            (
                "share",
                Arc::new(Float64Array::from(vec![Some(1.0), Some(0.25), None])),
            ),
            (
                "at",
                Arc::new(TimestampMillisecondArray::from(vec![
                    Some(1_714_580_400_000),
                    None,
                    Some(0),
                ])),
            ),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut take = |part: &[u8]| {
            bytes.extend_from_slice(part);
            Ok(())
        };
        let mut writer = RowWriter::new(form, &mut take);
        writer.begin(&rows.schema()).unwrap();
        writer.rows(&rows).unwrap();
        writer.end().unwrap();
        assert_eq!(writer.count(), 3);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn csv_has_empty_nulls_and_no_formulas() {
        assert_eq!(
            written(QueryForm::Csv),
            "name,n,share,at\n\
             '=1+1,-5,1.0,2024-05-01 16:20:00.000\n\
             ,12345,0.25,\n\
             \"\"\"a,\\\"\"b\\\"\"\\u{1b}|x\"\"\",,,1970-01-01 00:00:00.000\n"
        );
    }

    #[test]
    fn tables_are_aligned_and_escaped() {
        assert_eq!(
            written(QueryForm::Table),
            "name           n      share  at\n\
             -------------  -----  -----  -----------------------\n\
             =1+1              -5    1.0  2024-05-01 16:20:00.000\n\
             \u{20}              12345   0.25\n\
             a,\"b\"\\u{1b}|x                1970-01-01 00:00:00.000\n\
             3 rows\n"
        );
    }

    #[test]
    fn json_has_all_members_and_markdown_no_bars() {
        let lines = written(QueryForm::Jsonl);
        assert_eq!(
            lines.lines().nth(1),
            Some(r#"{"name":null,"n":12345,"share":0.25,"at":null}"#)
        );
        assert!(lines.contains(r#""a,\"b\"\u001b|x""#), "{lines}");
        let document: serde_json::Value = serde_json::from_str(&written(QueryForm::Json)).unwrap();
        assert_eq!(document.as_array().unwrap().len(), 3);
        let markdown = written(QueryForm::Markdown);
        assert!(
            markdown.starts_with("| name | n | share | at |\n| --- | ---: | ---: | --- |\n"),
            "{markdown}"
        );
        assert!(markdown.contains(r"\|x"), "{markdown}");
    }

    #[test]
    fn parquet_is_a_whole_file() {
        assert!(written(QueryForm::Parquet).starts_with("PAR1"));
    }
}
