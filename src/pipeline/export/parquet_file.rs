//! A Parquet file: the columns of each row group are encoded on all cores.
//!
//! Text and integers are encoded here ([`super::encode`]); other types, which few tables have, by the
//! `parquet` crate.

use std::sync::Arc;

use arrow_schema::{DataType, Field as ColumnField, Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;
use rayon::prelude::*;

use super::LakeCompression;
use super::compress::{Compressors, GZIP_LEVEL, PageCompressor, ZSTD_LEVEL};
use super::encode::{self, EncodedColumn, IntegerWidth};
use super::gather::{ChosenRows, Gathered, RowAt};
use super::lake_file::{GroupSource, Unwritten};
use super::stored::is_text;

/// A file that is being written.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<Unwritten>,
    factory: ArrowRowGroupWriterFactory,
    descriptor: SchemaDescriptor,
    compression: Compression,
    groups: usize,
}

/// A column of the table, which may have several in Parquet.
enum ColumnChunks {
    Encoded(Box<EncodedColumn>),
    Arrow(Vec<ArrowColumnChunk>),
}

/// A row group that is in no file yet.
pub(super) struct EncodedGroup(Vec<ColumnChunks>);

impl ParquetFile {
    /// Begins a file with these columns.
    pub(super) fn new(schema: &SchemaRef, compression: LakeCompression) -> Result<Self> {
        let compression = match compression {
            LakeCompression::Zstd => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
            LakeCompression::Gzip => Compression::GZIP(GzipLevel::try_new(GZIP_LEVEL)?),
            LakeCompression::Snappy => Compression::SNAPPY,
            LakeCompression::None => Compression::UNCOMPRESSED,
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_created_by(CREATED_BY.to_owned())
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_coerce_types(true)
            .build();
        let schema = plain(schema);
        let converter = ArrowSchemaConverter::new().with_coerce_types(true);
        let descriptor = converter.schema_root("row").convert(&schema)?;
        let root = descriptor.root_schema_ptr();
        let writer = SerializedFileWriter::new(Unwritten::default(), root, Arc::new(properties))?;
        Ok(Self {
            factory: ArrowRowGroupWriterFactory::new(&writer, schema),
            writer,
            descriptor,
            compression,
            groups: 0,
        })
    }

    /// Encodes row groups of these rows each. They can be added to any file with these columns.
    pub(super) fn encoded(
        &self,
        from: GroupSource<'_>,
        groups: &[&[RowAt]],
    ) -> Result<Vec<EncodedGroup>> {
        let chosen: Vec<ChosenRows<'_>> = groups
            .par_iter()
            .map(|rows| ChosenRows::new(from.batches, rows))
            .collect();
        let mut tasks = Vec::new();
        for chosen in &chosen {
            let mut leaves = self.factory.create_column_writers(self.groups)?.into_iter();
            let mut leaf = 0;
            for (field, index) in from.schema.fields().iter().zip(from.columns) {
                let count = leaf_count(field.data_type());
                let writers: Vec<ArrowColumnWriter> = leaves.by_ref().take(count).collect();
                tasks.push((chosen, field, *index, leaf, writers));
                leaf += count;
            }
        }
        let compressors = Compressors::new(self.compression);
        // Some columns take much longer than others, so each is a task.
        let tasks = tasks.into_par_iter().with_max_len(1);
        let chunks = tasks.map(|(chosen, field, index, leaf, writers)| {
            let gathered = chosen.gather(index, field.data_type());
            compressors.lend(|compressor| self.encode(field, gathered, leaf, writers, compressor))
        });
        let mut chunks = chunks.collect::<Result<Vec<ColumnChunks>>>()?.into_iter();
        let groups = groups.iter();
        Ok(groups
            .map(|_| EncodedGroup(chunks.by_ref().take(from.columns.len()).collect()))
            .collect())
    }

    /// Adds a row group, and returns the bytes to write now.
    pub(super) fn add(&mut self, encoded: EncodedGroup) -> Result<Vec<u8>> {
        let mut group = self.writer.next_row_group()?;
        for chunk in encoded.0 {
            match chunk {
                ColumnChunks::Encoded(column) => {
                    group.append_column(&column.bytes, column.close)?;
                }
                ColumnChunks::Arrow(chunks) => {
                    for chunk in chunks {
                        chunk.append_to_row_group(&mut group)?;
                    }
                }
            }
        }
        group.close()?;
        self.groups += 1;
        self.writer.flush()?;
        Ok(std::mem::take(&mut self.writer.inner_mut().0))
    }

    fn encode(
        &self,
        field: &Arc<ColumnField>,
        gathered: Gathered<'_>,
        leaf: usize,
        writers: Vec<ArrowColumnWriter>,
        compressor: &mut PageCompressor,
    ) -> Result<ColumnChunks> {
        let column = || self.descriptor.column(leaf);
        match gathered {
            Gathered::Text { numbers, words } => {
                let encoded = encode::text(column(), &numbers, &words, compressor)?;
                Ok(ColumnChunks::Encoded(Box::new(encoded)))
            }
            Gathered::Integers { values, present } => {
                let width = match field.data_type() {
                    DataType::Int32 => IntegerWidth::Four,
                    _ => IntegerWidth::Eight,
                };
                let encoded = encode::integers(column(), width, &values, &present, compressor)?;
                Ok(ColumnChunks::Encoded(Box::new(encoded)))
            }
            Gathered::Other(array) => {
                let levels = compute_leaves(field, &array)?;
                let mut chunks = Vec::new();
                for (mut writer, levels) in writers.into_iter().zip(levels) {
                    writer.write(&levels)?;
                    chunks.push(writer.close()?);
                }
                Ok(ColumnChunks::Arrow(chunks))
            }
        }
    }

    /// Returns the last bytes of the file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.writer.finish()?;
        self.writer.flush().map_err(ParquetError::from)?;
        Ok(std::mem::take(&mut self.writer.inner_mut().0))
    }
}

/// The writer that the files name. It has no version: the same input gives the same bytes.
const CREATED_BY: &str = "flow2pcap";

/// Returns the schema with text as `Utf8`, as it is encoded.
fn plain(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        if is_text(field.data_type()) {
            Arc::new(ColumnField::new(field.name(), DataType::Utf8, true))
        } else {
            Arc::clone(field)
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Returns how many columns of Parquet a column has.
fn leaf_count(kind: &DataType) -> usize {
    match kind {
        DataType::Struct(members) => {
            let members = members.iter();
            members.map(|member| leaf_count(member.data_type())).sum()
        }
        DataType::List(element) => leaf_count(element.data_type()),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    use arrow_array::{
        ArrayRef, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
        StringViewArray, StructArray,
    };
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::pipeline::export::order::RowOrder;
    use crate::pipeline::export::stored::StoredRows;

    const ROWS: usize = 70_000;

    /// Columns of every kind: text and integers of few and of many values, and nested ones.
    fn columns() -> Vec<(&'static str, ArrayRef)> {
        let each = |row: usize| i64::try_from(row).unwrap();
        let some = |row: usize| (!row.is_multiple_of(3)).then_some(row);
        let rows = || 0..ROWS;
        let members: ArrayRef = Arc::new(StringViewArray::from_iter(
            rows().map(|row| some(row).map(|row| format!("member {}", row % 7))),
        ));
        let member = Arc::new(ColumnField::new("member", DataType::Utf8View, true));
        let lists = rows().map(|row| some(row).map(|row| vec![Some(each(row)); row % 4]));
        vec![
            (
                "few_words",
                Arc::new(StringViewArray::from_iter(
                    rows().map(|row| some(row).map(|row| format!("word {}", row % 9))),
                )) as ArrayRef,
            ),
            (
                "own_words",
                Arc::new(StringArray::from_iter_values(
                    rows().map(|row| format!("{row}")),
                )),
            ),
            (
                "no_words",
                Arc::new(StringArray::from(vec![None::<&str>; ROWS])),
            ),
            ("one_word", Arc::new(StringArray::from(vec!["OK"; ROWS]))),
            (
                "few_numbers",
                Arc::new(Int32Array::from_iter(rows().map(|row| {
                    some(row).map(|row| i32::try_from(row % 5).unwrap() - 2)
                }))),
            ),
            (
                "own_numbers",
                Arc::new(Int64Array::from_iter(
                    rows().map(|row| Some(each(row) * 1_000_003 - (1 << 40))),
                )),
            ),
            (
                "extremes",
                Arc::new(Int64Array::from_iter(
                    rows().map(|row| some(row).map(|row| [i64::MIN, i64::MAX][row % 2])),
                )),
            ),
            (
                "fractions",
                Arc::new(Float64Array::from_iter(rows().map(|row| {
                    some(row).map(|row| f64::from(u16::try_from(row % 9).unwrap()) / 8.0)
                }))),
            ),
            (
                "nested",
                Arc::new(StructArray::new(vec![member].into(), vec![members], None)),
            ),
            (
                "lists",
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
            ),
        ]
    }

    #[test]
    fn columns_of_all_kinds_are_read_back() {
        let columns = columns();
        let fields = columns
            .iter()
            .map(|(name, array)| ColumnField::new(*name, array.data_type().clone(), true));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays: Vec<ArrayRef> = columns.iter().map(|(_, array)| Arc::clone(array)).collect();
        let order = RowOrder {
            instants_ns: vec![0; ROWS],
            files: vec![0; ROWS],
            lines: vec![0; ROWS],
        };
        let batches = [Arc::new(StoredRows::new(&arrays, order))];
        let rows: Vec<RowAt> = (0..u32::try_from(ROWS).unwrap())
            .map(|row| RowAt { batch: 0, row })
            .collect();
        let indexes: Vec<usize> = (0..arrays.len()).collect();
        for compression in [
            LakeCompression::Zstd,
            LakeCompression::Snappy,
            LakeCompression::Gzip,
            LakeCompression::None,
        ] {
            let mut file = ParquetFile::new(&schema, compression).unwrap();
            let mut bytes = Vec::new();
            // Two row groups, of which the second has no null at its end.
            let groups = [&rows[..ROWS - 1], &rows[ROWS - 1..]];
            let from = GroupSource {
                schema: &schema,
                columns: &indexes,
                batches: &batches,
            };
            for group in file.encoded(from, &groups).unwrap() {
                bytes.extend(file.add(group).unwrap());
            }
            bytes.extend(file.finish().unwrap());
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
            let reader = reader.unwrap().with_batch_size(ROWS).build().unwrap();
            let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
            assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), ROWS);
            let mut at = 0;
            for batch in &read {
                for (found, (name, expected)) in batch.columns().iter().zip(&columns) {
                    let expected = expected.slice(at, batch.num_rows());
                    assert_same(found, &expected, name);
                }
                at += batch.num_rows();
            }
        }
    }

    /// Compares values; text may be of either type.
    #[track_caller]
    fn assert_same(found: &ArrayRef, expected: &ArrayRef, name: &str) {
        fn texts(array: &ArrayRef) -> Option<Vec<Option<&str>>> {
            match array.data_type() {
                DataType::Utf8 => Some(array.as_string::<i32>().iter().collect()),
                DataType::Utf8View => Some(array.as_string_view().iter().collect()),
                _ => None,
            }
        }
        match (texts(found), texts(expected)) {
            (Some(found), Some(expected)) => assert!(found == expected, "{name}"),
            _ if name == "nested" => {
                let member = |of: &ArrayRef| Arc::clone(of.as_struct().column(0));
                assert_same(&member(found), &member(expected), "member");
            }
            _ if name == "lists" => {
                let lists = |of: &ArrayRef| -> Vec<_> {
                    let lists = of.as_list::<i32>().iter();
                    let numbers =
                        |list: ArrayRef| list.as_primitive::<Int64Type>().iter().collect();
                    lists
                        .map(|list| list.map(numbers))
                        .collect::<Vec<Option<Vec<_>>>>()
                };
                assert!(lists(found) == lists(expected), "{name}");
            }
            _ => assert!(found == expected, "{name}"),
        }
    }
}
