//! The sink of a scan: it passes on the records that may match, and sends their rows to the query.
//!
//! Blocks of a file are read by several threads. Where the order of rows counts, the rows of a block
//! wait until those of the blocks before it are sent.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;

use super::reading::{LogScan, RowBatches, stopped};
use crate::archive::File;
use crate::flow::Unusable;
use crate::read::{Found, FoundEvent, FoundLines, Sink};
use crate::record::{Field, NotPlain, RecentAddresses};
use crate::table::{FileFacts, TableBatch, TablePart, TableSink};

/// Sends the rows of some files.
pub(super) struct ScanSink<'a> {
    scan: &'a LogScan,
    files: &'a [File],
    facts: Vec<FileFacts>,
    tables: TableSink<fn(TableBatch) -> crate::error::Result<()>>,
    fields: Vec<Field>,
    batches: &'a RowBatches,
    is_in_order: bool,
    /// Whether nobody takes the rows any more.
    is_stopped: AtomicBool,
}

/// The rows of some consecutive blocks that are not sent yet.
#[derive(Default)]
pub(super) struct UnsentRows {
    table: TablePart,
    rows: Vec<Result<RecordBatch>>,
    recent: RecentAddresses,
}

impl<'a> ScanSink<'a> {
    /// Creates a sink that sends the rows of `files` to `batches`: in the order of files and lines if
    /// `is_in_order`, else when they are ready.
    pub(super) fn new(
        scan: &'a LogScan,
        files: &'a [File],
        batches: &'a RowBatches,
        is_in_order: bool,
    ) -> Self {
        // Rows are taken from it block by block, so it passes nothing on itself.
        let tables = TableSink::new(vec![scan.wanted()], (|_| Ok(())) as fn(_) -> _);
        let tables = match scan.needs_places() {
            true => tables,
            false => tables.without_places(),
        };
        let fields = [tables.fields().unwrap_or_default(), &scan.pushdown.fields()].concat();
        Self {
            scan,
            files,
            facts: files.iter().map(|file| FileFacts::of(&file.name)).collect(),
            tables,
            fields,
            batches,
            is_in_order,
            is_stopped: AtomicBool::new(false),
        }
    }

    fn rows(&self, batch: &TableBatch) -> Option<Result<RecordBatch>> {
        let at = usize::try_from(batch.file).ok()?;
        let (file, facts) = (self.files.get(at)?, self.facts.get(at)?);
        Some(self.scan.rows(batch, &file.name, facts))
    }

    fn send(&self, rows: Vec<Result<RecordBatch>>) {
        for rows in rows {
            if self.batches.blocking_send(rows).is_err() {
                self.is_stopped.store(true, Relaxed);
                return;
            }
        }
    }
}

impl Sink for ScanSink<'_> {
    type Part = UnsentRows;

    fn fields(&self) -> Option<&[Field]> {
        Some(&self.fields)
    }

    fn begin(&self, records: usize) -> UnsentRows {
        UnsentRows {
            table: self.tables.begin(records),
            ..UnsentRows::default()
        }
    }

    fn record(
        &self,
        part: &mut UnsentRows,
        found: &Found<'_>,
    ) -> std::result::Result<(), Unusable> {
        match self.scan.pushdown.passes(found) {
            true => self.tables.record(&mut part.table, found),
            false => Ok(()),
        }
    }

    fn silence(&self, part: &mut UnsentRows, found: &Found<'_>) {
        if self.scan.pushdown.passes(found) {
            self.tables.silence(&mut part.table, found);
        }
    }

    fn takes_plain(&self) -> bool {
        true
    }

    #[inline(always)]
    fn plain_lines(
        &self,
        part: &mut UnsentRows,
        found: &FoundLines<'_>,
    ) -> std::result::Result<(), NotPlain> {
        match found.all_or_none(|line| Ok(self.scan.pushdown.passes(line)))? {
            true => self.tables.plain_lines(&mut part.table, found),
            false => found.lines.check(&mut part.recent),
        }
    }

    fn event(&self, part: &mut UnsentRows, found: &FoundEvent<'_>) {
        self.tables.event(&mut part.table, found);
    }

    fn complete(&self, part: &mut UnsentRows, base: u64) -> crate::error::Result<()> {
        let ready = self.tables.batches(&mut part.table, base);
        let rows = ready.iter().filter_map(|batch| self.rows(batch)).collect();
        match self.is_in_order {
            true => part.rows = rows,
            false => self.send(rows),
        }
        match self.is_stopped.load(Relaxed) {
            true => Err(stopped()),
            false => Ok(()),
        }
    }

    fn append(&self, part: &mut UnsentRows, later: UnsentRows) {
        // What comes before `part` was appended, and sent, before it.
        self.send(std::mem::take(&mut part.rows));
        self.send(later.rows);
    }
}
