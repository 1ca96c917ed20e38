//! A table in Markdown, for a ticket or a page.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::RowForm;
use super::shown::{is_number, shown};
use crate::printable::printable;

/// The form.
pub(super) struct Markdown;

impl RowForm for Markdown {
    fn begin(&mut self, columns: &SchemaRef, out: &mut Vec<u8>) -> Result<(), String> {
        let fields = columns.fields();
        put_line(fields.iter().map(|field| escaped(field.name())), out);
        let rule = fields
            .iter()
            .map(|field| match is_number(field.data_type()) {
                true => "---:".to_owned(),
                false => "---".to_owned(),
            });
        put_line(rule, out);
        Ok(())
    }

    fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), String> {
        let columns = shown(rows.columns())?;
        for row in 0..rows.num_rows() {
            let texts = columns
                .iter()
                .map(|column| column.text(row).unwrap_or_default());
            put_line(texts.map(|text| escaped(&text)), out);
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

/// Escapes what has a meaning in Markdown and HTML.
fn escaped(text: &str) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out += "&lt;",
            '&' => out += "&amp;",
            '|' | '\\' | '`' | '*' | '[' | ']' | '_' | '~' | '#' | '$' | '!' => {
                out.extend(['\\', c])
            }
            c => out.push(c),
        }
    }
    out
}

fn put_line(texts: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    for text in texts {
        out.extend(format!("| {text} ").bytes());
    }
    out.extend(b"|\n");
}
