//! A file in the Arrow IPC file format, not compressed.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field as ColumnField, Schema, SchemaRef};
use rayon::prelude::*;

use super::gather::{ChosenRows, RowAt};
use super::lake_file::{GroupSource, Unwritten};
use super::stored::is_text;

/// A file that is being written.
pub(super) struct ArrowFile(FileWriter<Unwritten>);

impl ArrowFile {
    /// Begins a file with these columns.
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, ArrowError> {
        let writer = FileWriter::try_new(Unwritten::default(), &with_texts(schema))?;
        Ok(Self(writer))
    }

    /// Adds rows, and returns the bytes to write now.
    pub(super) fn add(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.0.write(rows)?;
        Ok(std::mem::take(&mut self.0.get_mut().0))
    }

    /// Returns the last bytes of the file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, ArrowError> {
        self.0.finish()?;
        Ok(std::mem::take(&mut self.0.get_mut().0))
    }
}

/// Collects rows into one batch, with text as `Utf8`.
pub(super) fn record_batch(
    from: GroupSource<'_>,
    rows: &[RowAt],
) -> Result<RecordBatch, ArrowError> {
    let chosen = ChosenRows::new(from.batches, rows);
    let fields = from.schema.fields().par_iter().zip(from.columns);
    let arrays: Vec<ArrayRef> = fields
        .map(|(field, index)| {
            let kind = field.data_type();
            chosen.gather(*index, kind).into_array(kind)
        })
        .collect();
    RecordBatch::try_new(with_texts(from.schema), arrays)
}

fn with_texts(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        kind if is_text(kind) => Arc::new(ColumnField::new(field.name(), DataType::Utf8, true)),
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
