//! Comma-separated values (RFC 4180, with line feeds), as Athena writes them: null is empty.
//!
//! A text that a spreadsheet would run as a formula has `'` before it; numbers stay numbers.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::RowForm;
use super::shown::{is_number, shown};
use crate::printable::{cell, label};

/// What logs have where there is no value. Alone it is no formula.
const NOT_LOGGED: &str = "-";

/// The form.
pub(super) struct Separated;

impl RowForm for Separated {
    fn begin(&mut self, columns: &SchemaRef, out: &mut Vec<u8>) -> Result<(), String> {
        let names = columns.fields().iter();
        put_line(names.map(|field| inert(field.name())), out);
        Ok(())
    }

    fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), String> {
        let columns = shown(rows.columns())?;
        let schema = rows.schema();
        for row in 0..rows.num_rows() {
            let values = columns.iter().zip(schema.fields()).map(|(column, field)| {
                let text = column.text(row).unwrap_or_default();
                match is_number(field.data_type()) {
                    true => text,
                    false => inert(&text),
                }
            });
            put_line(values, out);
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

fn inert(text: &str) -> String {
    if text == NOT_LOGGED {
        return text.to_owned();
    }
    cell::inert(&label(text)).into_owned()
}

fn put_line(values: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    let begin = out.len();
    let mut count = 0;
    for value in values {
        if count > 0 {
            out.push(b',');
        }
        count += 1;
        match value.contains(['"', ',', '\n', '\r']) {
            true => out.extend(format!("\"{}\"", value.replace('"', "\"\"")).bytes()),
            false => out.extend(value.bytes()),
        }
    }
    // A line of one empty value would be an empty line, which readers leave out.
    if count == 1 && out.len() == begin {
        out.extend(b"\"\"");
    }
    out.push(b'\n');
}
