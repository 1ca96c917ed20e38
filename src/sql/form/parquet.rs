//! A Parquet file with the types of the result, compressed with ZSTD.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, RecordBatch, StringViewArray};
use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::RowForm;
use crate::sql::functions::address_text;

/// Rows of a row group, which waits in memory.
const ROWS_OF_GROUP: usize = 128 << 10;

/// The form.
#[derive(Default)]
pub(super) struct ParquetRows {
    writer: Option<ArrowWriter<Vec<u8>>>,
    schema: Option<SchemaRef>,
}

impl RowForm for ParquetRows {
    fn begin(&mut self, columns: &SchemaRef, out: &mut Vec<u8>) -> Result<(), String> {
        // Two tables may have columns of one name. A file may not.
        let mut fields: Vec<ArrowField> = Vec::new();
        for field in columns.fields() {
            let mut name = field.name().clone();
            let mut number = 1;
            while fields.iter().any(|other| *other.name() == name) {
                name = format!("{}_{number}", field.name());
                number += 1;
            }
            let mut field = field.as_ref().clone().with_name(name).with_nullable(true);
            if let DataType::FixedSizeBinary(_) = field.data_type() {
                field.set_data_type(DataType::Utf8View); // an address
            }
            fields.push(field);
        }
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROWS_OF_GROUP))
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties));
        let mut writer = writer.map_err(|error| error.to_string())?;
        out.append(writer.inner_mut());
        (self.writer, self.schema) = (Some(writer), Some(schema));
        Ok(())
    }

    fn rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), String> {
        let (Some(writer), Some(schema)) = (&mut self.writer, &self.schema) else {
            return Ok(());
        };
        let columns = rows.columns().iter().map(with_text);
        let rows = RecordBatch::try_new(Arc::clone(schema), columns.collect());
        let rows = rows.map_err(|error| error.to_string())?;
        writer.write(&rows).map_err(|error| error.to_string())?;
        out.append(writer.inner_mut());
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        if let Some(writer) = self.writer.take() {
            let mut rest = writer.into_inner().map_err(|error| error.to_string())?;
            out.append(&mut rest);
        }
        Ok(())
    }
}

/// Writes addresses as text, because a file has no type for them.
fn with_text(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::FixedSizeBinary(_) => {
            let addresses = column.as_fixed_size_binary().iter();
            let texts = addresses.map(|bytes| bytes.and_then(address_text));
            Arc::new(texts.collect::<StringViewArray>())
        }
        _ => Arc::clone(column),
    }
}
