//! JSON: one array of objects, or one object on each line.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::RowForm;
use super::shown::{put_string, shown};

/// The form.
pub(super) struct JsonRows {
    is_document: bool,
    names: Vec<String>,
    count: u64,
}

impl JsonRows {
    pub(super) fn document() -> Self {
        Self {
            is_document: true,
            names: Vec::new(),
            count: 0,
        }
    }

    pub(super) fn lines() -> Self {
        Self {
            is_document: false,
            ..Self::document()
        }
    }
}

impl RowForm for JsonRows {
    fn begin(&mut self, columns: &SchemaRef, out: &mut Vec<u8>) -> Result<(), String> {
        // Two tables may have columns of one name. An object may not.
        for field in columns.fields() {
            let mut name = field.name().clone();
            let mut number = 1;
            while self.names.contains(&name) {
                name = format!("{}_{number}", field.name());
                number += 1;
            }
            self.names.push(name);
        }
        if self.is_document {
            out.push(b'[');
        }
        Ok(())
    }

    fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), String> {
        let columns = shown(rows.columns())?;
        let mut text = String::new();
        for row in 0..rows.num_rows() {
            if self.is_document {
                text += if self.count == 0 { "\n" } else { ",\n" };
            }
            self.count += 1;
            text.push('{');
            for (index, (name, column)) in self.names.iter().zip(&columns).enumerate() {
                if index > 0 {
                    text.push(',');
                }
                put_string(name, &mut text);
                text.push(':');
                column.put_json(row, &mut text);
            }
            text.push('}');
            if !self.is_document {
                text.push('\n');
            }
        }
        out.extend(text.bytes());
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        if self.is_document {
            out.extend(b"\n]\n");
        }
        Ok(())
    }
}
