//! Aligned columns, for people.
//!
//! The first rows decide how wide the columns are. A longer value after them is not cut; its line is
//! longer.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::RowForm;
use super::shown::{is_number, shown};
use crate::printable::number::grouped;
use crate::printable::printable;

/// Rows that decide about widths.
const ROWS_MEASURED: usize = 4_096;

/// The form.
#[derive(Default)]
pub(super) struct Aligned {
    names: Vec<String>,
    is_right: Vec<bool>,
    /// Rows that wait until the widths are known.
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    count: u64,
}

impl RowForm for Aligned {
    fn begin(&mut self, columns: &SchemaRef, _: &mut Vec<u8>) -> Result<(), String> {
        let fields = columns.fields();
        let names = fields.iter();
        self.names = names
            .map(|field| printable(field.name()).into_owned())
            .collect();
        self.is_right = fields
            .iter()
            .map(|field| is_number(field.data_type()))
            .collect();
        Ok(())
    }

    fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), String> {
        let columns = shown(rows.columns())?;
        for row in 0..rows.num_rows() {
            self.count += 1;
            let texts = columns
                .iter()
                .map(|column| column.text(row).unwrap_or_default());
            let texts: Vec<String> = texts.map(|text| printable(&text).into_owned()).collect();
            match &self.widths {
                Some(widths) => put_line(&texts, widths, &self.is_right, out),
                None => self.waiting.push(texts),
            }
            if self.waiting.len() >= ROWS_MEASURED {
                self.put_waiting(out);
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        if self.widths.is_none() {
            self.put_waiting(out);
        }
        let plural = if self.count == 1 { "" } else { "s" };
        out.extend(format!("{} row{plural}\n", grouped(self.count)).bytes());
        Ok(())
    }
}

impl Aligned {
    fn put_waiting(&mut self, out: &mut Vec<u8>) {
        let rows = std::mem::take(&mut self.waiting);
        let len = |text: &String| text.chars().count();
        let mut widths: Vec<usize> = self.names.iter().map(len).collect();
        for row in &rows {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = (*width).max(len(text));
            }
        }
        let left = vec![false; widths.len()];
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        put_line(&self.names, &widths, &left, out);
        put_line(&rule, &widths, &left, out);
        for row in &rows {
            put_line(row, &widths, &self.is_right, out);
        }
        self.widths = Some(widths);
    }
}

fn put_line(texts: &[String], widths: &[usize], is_right: &[bool], out: &mut Vec<u8>) {
    let mut line = String::new();
    for (index, ((text, width), right)) in texts.iter().zip(widths).zip(is_right).enumerate() {
        if index > 0 {
            line += "  ";
        }
        line += &match right {
            true => format!("{text:>width$}"),
            false => format!("{text:<width$}"),
        };
    }
    out.extend(line.trim_end().bytes());
    out.push(b'\n');
}
