//! Reads an archive into batches of tables.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field as ColumnField, Schema, SchemaRef};

use super::events::EventColumns;
use super::flow_logs::FlowLogColumns;
use super::kind::LogTable;
use crate::error::Result;
use crate::flow::Unusable;
use crate::read::{Found, FoundEvent, FoundLines, Sink};
use crate::record::{Field, NotPlain, RecentAddresses};

/// A table to read, and which of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableScan {
    /// The table.
    pub table: LogTable,
    /// Indexes among [`LogTable::columns`], in the order in which they are wanted. None at all is
    /// allowed: the batches then have rows without columns.
    pub columns: Vec<usize>,
}

/// Rows of one block of a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TableBatch {
    /// The table.
    pub table: LogTable,
    /// The rows, in the order of their lines.
    pub rows: RecordBatch,
    /// The index of the file among [`Archive::files`](crate::read::Archive::files).
    pub file: u32,
    /// The number of each row's line in its file, from 1. In JSON it is the number of the value. Empty for
    /// a sink [without places](TableSink::without_places).
    pub lines: Vec<u64>,
    /// The time of each row in nanoseconds since the Unix epoch: the start of a record, or the time
    /// that its line or the name of its file gives; the instant of an event. `None` for a record
    /// without any time. Empty for a sink [without places](TableSink::without_places).
    pub instants_ns: Vec<Option<i64>>,
}

/// A sink that makes batches of tables, and passes them to a function that is called from all reading
/// threads. Batches arrive in any order; `file` and `lines` allow to sort them.
pub struct TableSink<F> {
    scans: Vec<TableScan>,
    fields: Vec<Field>,
    dictionaries: bool,
    places: bool,
    take: F,
}

/// The rows of the block being read, for each scan that has any.
#[derive(Default)]
pub struct TablePart {
    scans: Vec<Option<ScanPart>>,
    file: u32,
    expected_rows: usize,
}

struct ScanPart {
    columns: ScanColumns,
    rows: usize,
    /// The line and the instant of each row, if they are wanted.
    places: Option<RowPlaces>,
}

struct RowPlaces {
    lines: Vec<u64>,
    instants_ns: Vec<Option<i64>>,
}

enum ScanColumns {
    Records(FlowLogColumns),
    Events(EventColumns),
}

impl<F: Fn(TableBatch) -> Result<()> + Sync> TableSink<F> {
    /// Creates a sink that passes batches of these scans to `take`. Each table is in at most one scan.
    pub fn new(scans: Vec<TableScan>, take: F) -> Self {
        let of_records = scans
            .iter()
            .filter(|scan| scan.table == LogTable::VpcFlowLogs);
        let columns = of_records.flat_map(|scan| &scan.columns);
        let mut fields: Vec<Field> = columns.map(|index| Field::ALL[*index]).collect();
        fields.push(Field::Start);
        Self {
            scans,
            fields,
            dictionaries: false,
            places: true,
            take,
        }
    }

    /// Lets the text columns of flow logs be dictionaries, in which each word of a batch is once and
    /// keys have 8, 16 or 32 bits; a column that no record of a batch has is of the type of nulls.
    /// [`LogTable::schema`] does not have these types.
    #[must_use]
    pub fn with_dictionaries(mut self) -> Self {
        self.dictionaries = true;
        self
    }

    /// Leaves out [`TableBatch::lines`] and [`TableBatch::instants_ns`].
    #[must_use]
    pub fn without_places(mut self) -> Self {
        self.places = false;
        self
    }

    /// Takes the rows of a block out of its part. `base` lines of its file come before it.
    pub(crate) fn batches(&self, part: &mut TablePart, base: u64) -> Vec<TableBatch> {
        let scans = self.scans.iter().zip(std::mem::take(&mut part.scans));
        let batches = scans.filter_map(|(of, scan)| {
            let scan = scan.filter(|scan| scan.rows > 0)?;
            Some(scan.batch(of, part.file, base, self.dictionaries))
        });
        batches.collect()
    }

    #[inline(always)]
    fn part<'p>(&self, part: &'p mut TablePart, table: LogTable) -> Option<&'p mut ScanPart> {
        let index = self.scans.iter().position(|scan| scan.table == table)?;
        if part.scans.len() <= index {
            part.scans.resize_with(self.scans.len(), || None);
        }
        let rows = part.expected_rows;
        Some(
            part.scans[index]
                .get_or_insert_with(|| ScanPart::new(&self.scans[index], rows, self.places)),
        )
    }

    fn put_record(&self, part: &mut TablePart, found: &Found<'_>) {
        part.file = found.place.file;
        if let Some(scan) = self.part(part, LogTable::VpcFlowLogs)
            && let ScanColumns::Records(columns) = &mut scan.columns
        {
            columns.put(found);
            let record = found.record;
            let instant_ns = record.start_ns.or(record.line_time_ns);
            scan.count(found.place.line, instant_ns);
        }
    }
}

impl<F: Fn(TableBatch) -> Result<()> + Sync> Sink for TableSink<F> {
    type Part = TablePart;

    fn fields(&self) -> Option<&[Field]> {
        Some(&self.fields)
    }

    fn begin(&self, records: usize) -> TablePart {
        TablePart {
            expected_rows: records,
            ..TablePart::default()
        }
    }

    fn record(&self, part: &mut TablePart, found: &Found<'_>) -> std::result::Result<(), Unusable> {
        self.put_record(part, found);
        Ok(())
    }

    fn silence(&self, part: &mut TablePart, found: &Found<'_>) {
        self.put_record(part, found);
    }

    fn takes_plain(&self) -> bool {
        true
    }

    #[inline(always)]
    fn plain_lines(
        &self,
        part: &mut TablePart,
        found: &FoundLines<'_>,
    ) -> std::result::Result<(), NotPlain> {
        part.file = found.place.file;
        let Some(scan) = self.part(part, LogTable::VpcFlowLogs) else {
            return found.lines.check(&mut RecentAddresses::default());
        };
        let ScanColumns::Records(columns) = &mut scan.columns else {
            return Err(NotPlain);
        };
        // Before the columns, which then are the last that can fail.
        let places = scan.places.as_mut();
        let noted = places.map_or(Ok(()), |places| places.put(found));
        let result = noted.and_then(|()| columns.put_plain_lines(found.lines));
        match result {
            Ok(()) => scan.rows += found.lines.count(),
            Err(NotPlain) => scan.take_back_places(),
        }
        result
    }

    fn event(&self, part: &mut TablePart, found: &FoundEvent<'_>) {
        part.file = found.place.file;
        if let Some(table) = LogTable::of_events(found.event.kind())
            && let Some(scan) = self.part(part, table)
            && let ScanColumns::Events(columns) = &mut scan.columns
        {
            columns.put(found);
            scan.count(found.place.line, Some(found.event.instant_ns));
        }
    }

    fn complete(&self, part: &mut TablePart, base: u64) -> Result<()> {
        let batches = self.batches(part, base);
        batches.into_iter().try_for_each(&self.take)
    }

    fn append(&self, _: &mut TablePart, _: TablePart) {}
}

impl RowPlaces {
    /// Adds the places of plain lines. Some of them may be there if that fails.
    #[inline(always)]
    fn put(&mut self, found: &FoundLines<'_>) -> std::result::Result<(), NotPlain> {
        for (number, line) in (found.place.line..).zip(found.lines.iter()) {
            self.instants_ns.push(line.start_ns()?);
            self.lines.push(number);
        }
        Ok(())
    }
}

impl ScanPart {
    fn new(scan: &TableScan, rows: usize, has_places: bool) -> Self {
        let columns = match scan.table {
            LogTable::VpcFlowLogs => ScanColumns::Records(FlowLogColumns::new(&scan.columns, rows)),
            table => ScanColumns::Events(EventColumns::new(table, &scan.columns, rows)),
        };
        Self {
            columns,
            rows: 0,
            places: has_places.then(|| RowPlaces {
                lines: Vec::with_capacity(rows),
                instants_ns: Vec::with_capacity(rows),
            }),
        }
    }

    /// Counts the row that was put last.
    #[inline(always)]
    fn count(&mut self, line: u64, instant_ns: Option<i64>) {
        self.rows += 1;
        if let Some(places) = &mut self.places {
            places.lines.push(line);
            places.instants_ns.push(instant_ns);
        }
    }

    /// Removes the places of rows that were not put.
    #[cold]
    fn take_back_places(&mut self) {
        if let Some(places) = &mut self.places {
            places.lines.truncate(self.rows);
            places.instants_ns.truncate(self.rows);
        }
    }

    fn batch(self, of: &TableScan, file: u32, base: u64, dictionaries: bool) -> TableBatch {
        let columns = match self.columns {
            ScanColumns::Records(columns) => columns.finish(dictionaries),
            ScanColumns::Events(columns) => columns.finish(),
        };
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let schema = match dictionaries {
            true => schema_of(of, &columns),
            false => of.table.schema(&of.columns),
        };
        let rows = RecordBatch::try_new_with_options(schema, columns, &options);
        let (lines, instants_ns) = match self.places {
            Some(places) => (places.lines, places.instants_ns),
            None => <(Vec<u64>, Vec<Option<i64>>)>::default(),
        };
        TableBatch {
            table: of.table,
            rows: rows.expect("columns of one length and of the schema's types"),
            file,
            lines: lines.into_iter().map(|line| line + base).collect(),
            instants_ns,
        }
    }
}

/// Returns the columns of a scan with the types that these arrays have.
fn schema_of(scan: &TableScan, arrays: &[ArrayRef]) -> SchemaRef {
    let all = scan.table.columns();
    let columns = scan.columns.iter().zip(arrays);
    let fields = columns
        .map(|(index, array)| ColumnField::new(all[*index].name, array.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
