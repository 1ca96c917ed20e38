//! The rows of one row group, in batches.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Fields};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels, parquet_to_arrow_schema};
use parquet::file::metadata::{FileMetaData, ParquetMetaData};
use parquet::file::reader::{ChunkReader, FileReader};

use super::super::batch::{Batch, Gatherer, Lines, LostRecords};
use super::super::ocsf;
use super::blanks::{self, RowRun};
use super::cells::{self, ValueTexts};
use super::columns::TableRows;
use super::flat::FlatEvents;
use super::pages::RowGroup;
use super::{ParquetTable, TableError, events, guarded};
use crate::archive::LINE_LEN_MAX;
use crate::record::{ByteUnit, Layout};

/// Number of rows decoded at a time.
const ROWS_AT_A_TIME: usize = 4096;

/// The rows of one row group.
pub struct GroupRows {
    reader: ParquetRecordBatchReader,
    /// Decoded rows, and how many of them have been delivered.
    decoded: Option<(RecordBatch, usize)>,
    /// Batches to deliver first.
    ready: VecDeque<Batch>,
    /// Number of rows that the row group has not delivered yet.
    left: u64,
    shape: RowShape,
    target_len: usize,
}

/// The kind of the rows.
enum RowShape {
    /// Values of these columns, in this order of a flow log.
    Columns(Arc<[String]>, Arc<Layout>),
    /// OCSF events.
    Events(Box<Gatherer>, Arc<Layout>),
}

impl RowShape {
    fn layout(&self) -> &Arc<Layout> {
        match self {
            Self::Columns(_, layout) | Self::Events(_, layout) => layout,
        }
    }
}

impl<R: ChunkReader + 'static> ParquetTable<R> {
    /// Returns the rows of a row group in batches of about `target_len` bytes, with only these
    /// columns.
    ///
    /// `columns` are numbers from [`ParquetTable::columns`], in ascending order.
    ///
    /// # Errors
    /// Fails if the row group cannot be read.
    pub fn rows(
        &self,
        group: usize,
        columns: &[usize],
        target_len: usize,
    ) -> Result<GroupRows, TableError> {
        let names = self.columns().filter(|(index, _)| columns.contains(index));
        let names: Vec<String> = names.map(|(_, name)| name.to_owned()).collect();
        let layout = layout(names.iter().map(String::as_str));
        let shape = RowShape::Columns(names.into(), layout);
        self.read(group, columns, target_len, shape)
    }

    /// Returns the same for a table of events. `columns` are numbers from
    /// [`ParquetTable::event_columns`].
    ///
    /// # Errors
    /// Fails if the row group cannot be read.
    pub fn events(
        &self,
        group: usize,
        columns: &[usize],
        target_len: usize,
    ) -> Result<GroupRows, TableError> {
        let layout = layout(ocsf::NAMES.iter().copied());
        let shape = RowShape::Events(Box::new(Gatherer::new(target_len)), layout);
        self.read(group, columns, target_len, shape)
    }

    fn read(
        &self,
        group: usize,
        columns: &[usize],
        target_len: usize,
        shape: RowShape,
    ) -> Result<GroupRows, TableError> {
        let (reader, left) = guarded(|| {
            let metadata = self.metadata.row_group(group).clone();
            let left = u64::try_from(metadata.num_rows())?;
            let schema = self.schema();
            let whole = parquet_to_arrow_schema(schema, None)?;
            let mask = ProjectionMask::leaves(schema, columns.iter().copied());
            let views = views(whole.fields());
            let levels = parquet_to_arrow_field_levels(schema, mask, Some(&views))?;
            let file = self.metadata.file_metadata();
            // Omits the rest of the footer, which would be copied for each row group.
            let schema_descr = file.schema_descr_ptr();
            let file = FileMetaData::new(
                file.version(),
                metadata.num_rows(),
                None,
                None,
                schema_descr,
                None,
            );
            let alone: Arc<dyn FileReader> = Arc::new(RowGroup {
                source: Arc::clone(&self.source),
                metadata: ParquetMetaData::new(file, vec![metadata]),
                held: Arc::default(),
            });
            let rows = ROWS_AT_A_TIME;
            let reader =
                ParquetRecordBatchReader::try_new_with_row_groups(&levels, &alone, rows, None)?;
            Ok((reader, left))
        })?;
        Ok(GroupRows {
            reader,
            decoded: None,
            ready: VecDeque::new(),
            left,
            shape,
            target_len,
        })
    }
}

impl GroupRows {
    /// Returns the next batch, or `None` after the last row.
    ///
    /// # Errors
    /// Fails if the rest of the row group cannot be decoded. The row group ends there.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, TableError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            let (rows, at) = match self.decoded.take() {
                Some(decoded) => decoded,
                None => match self.decode()? {
                    Some(rows) => (rows, 0),
                    None => return Ok(None),
                },
            };
            let next = at + self.take(&rows, at);
            self.decoded = (next < rows.num_rows()).then_some((rows, next));
        }
    }

    /// Makes batches of the rows from `at` on. Returns how many rows they contain.
    fn take(&mut self, rows: &RecordBatch, at: usize) -> usize {
        let rows = match blanks::run(rows, at) {
            RowRun::Rows(count) => rows.slice(at, count),
            RowRun::Blank(count) => {
                self.ready.push_back(Batch {
                    layout: Some(Arc::clone(self.shape.layout())),
                    blank_count: count as u64,
                    ..Batch::default()
                });
                return count;
            }
        };
        match &mut self.shape {
            RowShape::Columns(names, layout) => {
                let (mut batch, count) = match TableRows::of(rows.columns()) {
                    Some(table) => (Batch::of_table(table.named(names)), rows.num_rows()),
                    None => lines(&rows, names, self.target_len),
                };
                batch.layout = Some(Arc::clone(layout));
                self.ready.push_back(batch);
                count
            }
            RowShape::Events(gatherer, layout) => {
                let ready = &mut self.ready;
                let mut deliver = |batch| {
                    ready.push_back(Batch {
                        layout: Some(Arc::clone(layout)),
                        ..batch
                    });
                };
                if let Some(flat) = FlatEvents::of(&rows) {
                    flat.batches(gatherer, deliver);
                    return rows.num_rows();
                }
                let count = events::gather(&rows, gatherer);
                gatherer.flush();
                std::iter::from_fn(|| gatherer.pop()).for_each(&mut deliver);
                count
            }
        }
    }

    /// Decodes the next rows as arrays.
    fn decode(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let reader = &mut self.reader;
        let rows = guarded(|| Ok(reader.next().transpose()?))?;
        let count = rows.as_ref().map_or(0, |rows| rows.num_rows() as u64);
        if count > self.left || (count == 0 && self.left > 0) {
            let left = self.left;
            return Err(TableError(format!(
                "its columns hold {count} rows, expected {left}"
            )));
        }
        self.left -= count;
        Ok(rows.filter(|_| count > 0))
    }
}

/// Returns the column order of values with these names.
fn layout<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Arc<Layout> {
    Arc::new(Layout::of_names(names))
}

/// Returns rows as lines, until there are enough or one is lost, and how many rows were used.
fn lines(rows: &RecordBatch, names: &Arc<[String]>, target_len: usize) -> (Batch, usize) {
    let columns = rows.columns().iter().zip(names.iter());
    let columns = columns.map(|(array, name)| ValueTexts::of_column(array, name));
    let columns: Vec<Option<ValueTexts<'_>>> = columns.collect();
    let mut batch = Batch {
        lines: Lines::Columns(Arc::clone(names), ByteUnit::IpPacket),
        ..Batch::default()
    };
    for row in 0..rows.num_rows() {
        let begin = batch.text.len();
        for cells in &columns {
            cells::write(cells.as_ref(), row, &mut batch.text);
            batch.text.push(b' ');
            if batch.text.len() - begin > LINE_LEN_MAX {
                batch.text.truncate(begin);
                batch.faults.push(LostRecords::long_row());
                return (batch, row + 1);
            }
        }
        batch.text.pop();
        batch.text.push(b'\n');
        if batch.text.len() >= target_len {
            return (batch, row + 1);
        }
    }
    (batch, rows.num_rows())
}

/// Returns the same columns, but with texts as views into their page.
///
/// Otherwise each text is copied out of the dictionary, row by row, and a few bytes of a file could
/// require any number of copies.
fn views(fields: &Fields) -> Fields {
    let view = |field: &Arc<Field>| {
        let view = match field.data_type() {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            DataType::Struct(members) => DataType::Struct(views(members)),
            other => other.clone(),
        };
        Arc::new(field.as_ref().clone().with_data_type(view))
    };
    fields.iter().map(view).collect()
}
