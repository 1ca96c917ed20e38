//! Records as batches of typed columns, for a query engine or a writer of tables.
//!
//! The batches are the same for every file format, so their consumer does not have to know the
//! format. A batch holds the records of one block of a file, including NODATA and SKIPDATA, as
//! AWS's own tables do.

use std::sync::Arc;

use arrow_array::builder::{StringBuilder, TimestampNanosecondBuilder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field as ColumnField, Schema, SchemaRef, TimeUnit};

use crate::error::Result;
use crate::flow::Unusable;
use crate::read::sink::{Found, Sink};
use crate::record::{Field, FieldKind, LogStatus, Record};

/// Records of one block of a file, by column.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ColumnBatch {
    /// One column for each requested field, in that order. A value that is not in the record is
    /// null. Times are instants in nanoseconds, numbers have 64 bits, everything else is text.
    pub records: RecordBatch,
    /// The index of the file among [`Archive::files`](super::Archive::files).
    pub file: u32,
    /// Number of lines of the file before the block. Batches arrive in any order, and this allows
    /// sorting them.
    pub lines_before: u64,
}

/// A sink that makes batches of columns. The function that takes them is called from all reading
/// threads.
///
/// # Examples
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
///
/// use flow2pcap::read::{Archive, ColumnBatch, ColumnBatches};
/// use flow2pcap::record::Field;
///
/// let rows = AtomicUsize::new(0);
/// let batches = ColumnBatches::new(&[Field::SrcAddr, Field::Bytes], |batch: ColumnBatch| {
///     rows.fetch_add(batch.records.num_rows(), Relaxed);
///     Ok(())
/// });
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.log");
/// # std::fs::write(&path, "2 123456789010 eni-1 10.0.0.1 10.0.0.2 40000 22 6 1 60 1418530010 1418530070 REJECT OK\n")?;
/// Archive::open(&[path])?.read(&batches)?;
/// assert_eq!(rows.into_inner(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ColumnBatches<F> {
    fields: Vec<Field>,
    schema: SchemaRef,
    take: F,
}

/// The columns of the block being read.
#[derive(Debug, Default)]
pub struct ColumnBuilders {
    columns: Vec<ColumnBuilder>,
    file: u32,
}

#[derive(Debug)]
enum ColumnBuilder {
    Text(StringBuilder),
    Number(UInt64Builder),
    Time(TimestampNanosecondBuilder),
}

impl<F: Fn(ColumnBatch) -> Result<()> + Sync> ColumnBatches<F> {
    /// Creates a sink that passes batches of these fields to `take`.
    pub fn new(fields: &[Field], take: F) -> Self {
        let columns = fields.iter().map(|field| {
            let kind = match ColumnBuilder::of(*field, 0) {
                ColumnBuilder::Text(_) => DataType::Utf8,
                ColumnBuilder::Number(_) => DataType::UInt64,
                ColumnBuilder::Time(_) => DataType::Timestamp(TimeUnit::Nanosecond, None),
            };
            ColumnField::new(field.name(), kind, true)
        });
        Self {
            fields: fields.to_vec(),
            schema: Arc::new(Schema::new(columns.collect::<Vec<_>>())),
            take,
        }
    }

    /// Returns the columns, with AWS's names of the fields.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn put(&self, builders: &mut ColumnBuilders, found: &Found<'_>) {
        if builders.columns.is_empty() {
            *builders = self.begin(0);
        }
        builders.file = found.place.file;
        for (field, column) in self.fields.iter().zip(&mut builders.columns) {
            column.put(*field, found);
        }
    }
}

impl<F: Fn(ColumnBatch) -> Result<()> + Sync> Sink for ColumnBatches<F> {
    type Part = ColumnBuilders;

    fn fields(&self) -> Option<&[Field]> {
        Some(&self.fields)
    }

    fn begin(&self, records: usize) -> ColumnBuilders {
        let columns = self.fields.iter();
        ColumnBuilders {
            columns: columns
                .map(|field| ColumnBuilder::of(*field, records))
                .collect(),
            file: 0,
        }
    }

    fn record(
        &self,
        builders: &mut ColumnBuilders,
        found: &Found<'_>,
    ) -> std::result::Result<(), Unusable> {
        self.put(builders, found);
        Ok(())
    }

    fn silence(&self, builders: &mut ColumnBuilders, found: &Found<'_>) {
        self.put(builders, found);
    }

    fn complete(&self, builders: &mut ColumnBuilders, base: u64) -> Result<()> {
        let columns = std::mem::take(&mut builders.columns).into_iter();
        let columns: Vec<ArrayRef> = columns.map(ColumnBuilder::finish).collect();
        if columns.first().is_none_or(|column| column.is_empty()) {
            return Ok(());
        }
        let records = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        (self.take)(ColumnBatch {
            records: records.expect("columns of one length and of the schema's types"),
            file: builders.file,
            lines_before: base,
        })
    }

    fn append(&self, _: &mut ColumnBuilders, _: ColumnBuilders) {}
}

impl ColumnBuilder {
    fn of(field: Field, rows: usize) -> Self {
        match field.kind() {
            _ if matches!(field, Field::Start | Field::End) => {
                Self::Time(TimestampNanosecondBuilder::with_capacity(rows))
            }
            FieldKind::Number => Self::Number(UInt64Builder::with_capacity(rows)),
            FieldKind::Text | FieldKind::Address => {
                Self::Text(StringBuilder::with_capacity(rows, rows * TEXT_LEN))
            }
        }
    }

    fn put(&mut self, field: Field, found: &Found<'_>) {
        match self {
            Self::Time(times) if field == Field::Start => {
                times.append_option(found.record.start_ns);
            }
            Self::Time(times) => times.append_option(found.record.end_ns),
            Self::Number(numbers) => numbers.append_option(number(field, found)),
            Self::Text(texts) => put_text(texts, field, found),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut texts) => Arc::new(texts.finish()),
            Self::Number(mut numbers) => Arc::new(numbers.finish()),
            Self::Time(mut times) => Arc::new(times.finish()),
        }
    }
}

/// Approximate length of a text in bytes, for which memory is reserved.
const TEXT_LEN: usize = 12;

/// Returns a count or a code, either as parsed or from the text of a field that is not parsed.
fn number(field: Field, found: &Found<'_>) -> Option<u64> {
    let record = found.record;
    match field {
        Field::SrcPort => record.source_port.map(u64::from),
        Field::DstPort => record.destination_port.map(u64::from),
        Field::Protocol => record.protocol.map(u64::from),
        Field::Packets => record.packets,
        Field::Bytes => record.bytes,
        Field::TcpFlags => record.flags.map(|flags| u64::from(flags.0)),
        Field::TrafficPath => record.traffic_path.map(u64::from),
        _ => std::str::from_utf8(found.get(field)?).ok()?.parse().ok(),
    }
}

fn put_text(texts: &mut StringBuilder, field: Field, found: &Found<'_>) {
    match spelled(field, found.record) {
        Some(word) => texts.append_option(word),
        None => texts.append_option(found.get(field).map(String::from_utf8_lossy)),
    }
}

/// Returns a word in AWS's spelling, whatever the log's spelling is. Returns `None` for a field
/// without such words.
fn spelled(field: Field, record: &Record<'_>) -> Option<Option<&'static str>> {
    Some(match field {
        Field::Action => record.action.map(|action| action.name()),
        Field::FlowDirection => record.direction.map(|direction| direction.name()),
        Field::LogStatus => Some(match record.log_status {
            LogStatus::Ok => "OK",
            LogStatus::NoData => "NODATA",
            LogStatus::SkipData => "SKIPDATA",
        }),
        _ => return None,
    })
}
