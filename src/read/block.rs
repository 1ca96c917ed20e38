//! Reads one block of lines and passes its records to a sink.
//!
//! Blocks are independent: the lines of a block are counted from its own first line.
//! [`BlockYield::append`] joins two blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::archive::Block;
use crate::archive::s3_path::S3Name;
use crate::event::BalancerFile;
use crate::filter::{Filter, FilterWatch, FilteredRecord, Noticed, RecordFacts};
use crate::flow::Place;
use crate::read::events::{EventYield, LinesOf};
use crate::read::sink::{Found, FoundLines, Sink};
use crate::read::slot::{FileSlot, SlotRows};
use crate::record::{Layout, LogStatus, PlainLines, PlainSource, Record, Row, RowSource, Rows};
use crate::summary::{EXAMPLES_MAX, Example, Gap, Reasons, Records};
use crate::survey::{ColumnOrder, ColumnOrders};
use crate::wrapper::{Batch, BatchRows};

/// Approximate minimum length of a line in bytes, to estimate how many records a block holds.
const LINE_LEN_LEAST: usize = 100;

/// Number of bytes of a line shown in messages, enough to recognize the line.
const FOUND_LEN_MAX: usize = 64;

/// The reason for skipping a line that is too long.
pub(super) const OVERLONG: &str = "line of more than 1 MiB";

/// The reason for skipping a row of a table that has no value at all.
const BLANK_ROW: &str = "row without a value";

/// The contents of the lines of a block, or of several consecutive blocks.
#[derive(Default)]
pub(crate) struct BlockYield<P> {
    /// The part of the sink for these records.
    pub part: P,
    /// Number of records that the sink accepted.
    taken: u64,
    /// Counts of the lines by category, without the faults.
    pub records: Records,
    faults: BTreeMap<&'static str, LineFaults>,
    /// The column order after the last line.
    pub layout_at_end: Option<Arc<Layout>>,
    /// The column orders of the records. How they were identified is known only for the file.
    pub columns: ColumnOrders,
    /// What was noted of the names and parts of the filter.
    pub noticed: Noticed,
    /// The lines of other logs.
    pub events: EventYield,
    /// The column order of the first line that was skipped.
    skipped_under: Option<Arc<Layout>>,
}

/// Lines that are not records, or that the sink cannot use, for one reason.
#[derive(Default)]
pub(super) struct LineFaults {
    pub(super) count: u64,
    /// The line number and the text found there, for the first few.
    pub(super) first: Vec<(u64, String)>,
}

impl LineFaults {
    /// Counts a line.
    pub(super) fn note(&mut self, line: u64, found: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < EXAMPLES_MAX {
            self.first.push((line, found()));
        }
    }

    /// Adds the faults of later lines, before which there are `lines`.
    pub(super) fn add(&mut self, later: Self, lines: u64) {
        self.count += later.count;
        let later = later.first.into_iter();
        self.first
            .extend(later.map(|(line, found)| (lines + line, found)));
        self.first.truncate(EXAMPLES_MAX);
    }
}

/// Reads the blocks of one file.
pub(crate) struct BlockReader<'a, S> {
    /// Index of the file.
    pub file: u32,
    /// The filter that records are compared with.
    pub filter: &'a Filter,
    /// What notes why none does.
    pub watch: &'a FilterWatch<'a>,
    /// Facts in the file's path.
    pub path: Option<S3Name<'a>>,
    /// Facts in its name if it is the log of a load balancer.
    pub balancer: Option<BalancerFile<'a>>,
    /// The sink that receives the records.
    pub sink: &'a S,
}

impl<S: Sink> BlockReader<'_, S> {
    /// Reads a block of such lines.
    pub(crate) fn read(&self, block: &Block<'_>, lines: &LinesOf) -> BlockYield<S::Part> {
        let layout = match lines {
            LinesOf::Records(layout) => Arc::clone(layout),
            LinesOf::Events(kind) => return self.read_event_lines(block, *kind),
        };
        let mut read = BlockYield {
            part: self.sink.begin(block.bytes.len() / LINE_LEN_LEAST),
            ..BlockYield::default()
        };
        read.records.lines = block.overlong_count;
        read.faults_without_example(OVERLONG, block.overlong_count);
        self.read_rows(Rows::new(block.bytes, layout), &mut read);
        read
    }

    /// Reads a batch of unwrapped records. Returns `None` if its columns are not known.
    pub(crate) fn read_batch(&self, batch: &Batch) -> Option<BlockYield<S::Part>> {
        let mut read = BlockYield::default();
        match batch.rows()? {
            BatchRows::Lines(rows) => {
                read.part = self.sink.begin(batch.text.len() / LINE_LEN_LEAST);
                self.read_rows(rows, &mut read);
                let bytes = batch.bytes;
                let sums = [bytes.records.into(), bytes.logged, bytes.ip];
                read.records.count_bytes(batch.byte_unit().name(), sums);
            }
            BatchRows::Columns(rows) => {
                read.part = self.sink.begin(rows.count());
                self.read_rows(rows, &mut read);
            }
        }
        read.count_lost(batch);
        Some(read)
    }

    #[inline(always)]
    fn read_rows(&self, rows: impl RowSource + PlainSource, read: &mut BlockYield<S::Part>) {
        match FileSlot::needed(self.path, rows.layout()) {
            None => self.read_all(rows, read),
            Some(slot) => {
                let mut rows = rows;
                let rows: &mut dyn RowSource = &mut rows;
                self.read_all(SlotRows { rows, slot }, read);
            }
        }
    }

    #[inline(always)]
    fn read_all(&self, mut rows: impl RowSource + PlainSource, read: &mut BlockYield<S::Part>) {
        let (mut layout, mut before) = (Arc::clone(rows.layout()), 0);
        let may_be_plain = self.filter.has_no_condition() && self.sink.takes_plain();
        loop {
            if may_be_plain {
                self.read_plain(&mut rows, read);
            }
            let Some((row, under)) = rows.next_row() else {
                break;
            };
            read.records.lines += 1;
            match row {
                Row::Record(record) => self.record(read, &record, under),
                Row::NoData(record) => {
                    read.records.no_data += 1;
                    self.silence(read, &record, under);
                }
                Row::SkipData(record) => {
                    read.records.skip_data(gap(&record));
                    self.silence(read, &record, under);
                }
                Row::Header => {
                    read.records.headers += 1;
                    before = read.count_columns(&layout, before);
                    layout = Arc::clone(under);
                }
                Row::Blank => read.records.blank += 1,
                Row::Fault(fault) => {
                    read.fault(fault.kind().name(), || fault.to_string());
                    read.note_skipped(under);
                }
            }
        }
        for (other, records) in rows.other_orders() {
            before += records;
            read.count_records(other, *records);
        }
        read.count_columns(&layout, before);
        read.layout_at_end = Some(layout);
    }

    /// Reads plain lines, up to one that is to be read as a row.
    #[inline(always)]
    fn read_plain(&self, rows: &mut impl PlainSource, read: &mut BlockYield<S::Part>) {
        while let Some(lines) = rows.plain_lines() {
            let taken = self.plain_lines(read, &lines);
            let is_row_next = taken < lines.count();
            rows.take_plain(taken);
            if is_row_next {
                return rows.leave_plain();
            }
        }
    }

    /// Passes plain lines to the sink, all together if it can take them so, else one by one. Returns how
    /// many it has taken.
    #[inline(always)]
    fn plain_lines(&self, read: &mut BlockYield<S::Part>, lines: &PlainLines<'_>) -> usize {
        if self.takes(read, lines) {
            return lines.count();
        }
        let each = 0..lines.count();
        each.take_while(|index| self.takes(read, &lines.only(*index)))
            .count()
    }

    /// Passes plain lines to the sink. Returns whether it has taken them.
    #[inline]
    fn takes(&self, read: &mut BlockYield<S::Part>, lines: &PlainLines<'_>) -> bool {
        let Some(status) = lines.log_status() else {
            return false;
        };
        let found = FoundLines {
            lines,
            place: Place {
                file: self.file,
                line: read.records.lines + 1,
            },
            is_silence: status != LogStatus::Ok,
        };
        if self.sink.plain_lines(&mut read.part, &found).is_err() {
            return false;
        }
        let count = lines.count() as u64;
        read.records.lines += count;
        match status {
            LogStatus::Ok => read.taken += count,
            _ => read.records.no_data += count,
        }
        true
    }

    #[inline]
    fn record(&self, read: &mut BlockYield<S::Part>, record: &Record<'_>, layout: &Arc<Layout>) {
        let facts = self.facts(read, record, layout);
        let found = self.found(read, &facts, record, layout);
        match self.sink.record(&mut read.part, &found) {
            Ok(()) => {
                read.taken += 1;
                read.records.missing_filter_field += u64::from(found.matches.is_none());
                read.records.unclear_tags += u64::from(record.has_unclear_tags(layout));
                self.watch.count(&mut read.noticed, &facts, found.matches);
            }
            Err(unusable) => {
                read.fault(unusable.name(), || unusable.to_string());
                read.note_skipped(layout);
            }
        }
    }

    fn silence(&self, read: &mut BlockYield<S::Part>, record: &Record<'_>, layout: &Arc<Layout>) {
        let facts = self.facts(read, record, layout);
        let found = self.found(read, &facts, record, layout);
        self.sink.silence(&mut read.part, &found);
    }

    /// What the filter is asked about a record, whose names are noted.
    #[inline]
    fn facts<'r>(
        &self,
        read: &mut BlockYield<S::Part>,
        record: &'r Record<'r>,
        layout: &'r Arc<Layout>,
    ) -> RecordFacts<'r>
    where
        Self: 'r,
    {
        let facts = RecordFacts {
            line: Some(FilteredRecord { record, layout }),
            path: self.path,
            ..RecordFacts::default()
        };
        self.watch.note_names(&mut read.noticed, &facts);
        facts
    }

    #[inline]
    fn found<'r>(
        &self,
        read: &BlockYield<S::Part>,
        facts: &RecordFacts<'_>,
        record: &'r Record<'r>,
        layout: &'r Arc<Layout>,
    ) -> Found<'r> {
        Found {
            record,
            layout,
            place: self.place(read),
            matches: self.filter.verdict(facts),
        }
    }

    fn place(&self, read: &BlockYield<S::Part>) -> Place {
        Place {
            file: self.file,
            line: read.records.lines,
        }
    }
}

impl<P: Default> BlockYield<P> {
    /// Counts the records after the first `before` under one order of columns. Returns the total
    /// number of records.
    fn count_columns(&mut self, layout: &Arc<Layout>, before: u64) -> u64 {
        let now = self.taken + self.records.no_data + self.records.skip_data;
        self.count_records(layout, now.saturating_sub(before));
        now
    }

    /// Counts `records` under one order of columns.
    fn count_records(&mut self, layout: &Arc<Layout>, records: u64) {
        if records > 0 {
            self.columns.count(ColumnOrder {
                layout: Arc::clone(layout),
                evidence: "".into(),
                files: 0,
                records,
            });
        }
    }

    /// Returns the result for lines with unknown columns: each line is a fault, whatever its values
    /// look like. As long as no columns are known, the file may not be a flow log, and then nothing
    /// in it counts.
    pub(crate) fn of_unknown_columns(batch: &Batch) -> Self {
        let mut read = Self::default();
        for line in batch.text.split_inclusive(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            read.records.lines += 1;
            if line.is_empty() {
                read.records.blank += 1;
                continue;
            }
            let found = line[..line.len().min(FOUND_LEN_MAX)].escape_ascii();
            read.fault("unknown columns", || {
                format!("found \"{found}\", expected the columns of a flow log")
            });
        }
        read.count_lost(batch);
        read
    }

    fn fault(&mut self, reason: &'static str, found: impl FnOnce() -> String) {
        let line = self.records.lines;
        self.faults.entry(reason).or_default().note(line, found);
    }

    fn note_skipped(&mut self, layout: &Arc<Layout>) {
        self.skipped_under.get_or_insert_with(|| Arc::clone(layout));
    }

    fn faults_without_example(&mut self, reason: &'static str, count: u64) {
        if count > 0 {
            self.faults.entry(reason).or_default().count += count;
        }
    }

    /// Counts the records that could not be unwrapped. They come after the lines.
    fn count_lost(&mut self, batch: &Batch) {
        for lost in &batch.faults {
            self.records.lines += 1;
            self.fault(lost.kind, || lost.found.clone());
            self.records.lines += lost.count - 1;
            self.faults_without_example(lost.kind, lost.count - 1);
        }
        self.records.lines += batch.control_count;
        self.records.control += batch.control_count;
        self.records.lines += batch.blank_line_count;
        self.records.blank += batch.blank_line_count;
        if let Some(more) = batch.blank_count.checked_sub(1) {
            self.records.lines += 1;
            self.fault(BLANK_ROW, || {
                "expected a value in at least one column".into()
            });
            self.records.lines += more;
            self.faults_without_example(BLANK_ROW, more);
        }
    }

    /// Adds the contents of the lines after these. `sink` joins the parts.
    pub(crate) fn append<S: Sink<Part = P>>(&mut self, later: Self, sink: &S) {
        let lines = self.records.lines;
        sink.append(&mut self.part, later.part);
        self.taken += later.taken;
        self.records.add(later.records);
        for (reason, more) in later.faults {
            self.faults.entry(reason).or_default().add(more, lines);
        }
        self.events.append(later.events);
        self.columns.add(later.columns);
        self.noticed.append(later.noticed);
        self.skipped_under = self.skipped_under.take().or(later.skipped_under);
        self.layout_at_end = later.layout_at_end;
    }

    /// Number of lines, of flow logs and of others.
    pub(crate) fn lines(&self) -> u64 {
        self.records.lines + self.events.lines
    }

    /// Returns what the lines after these are, if these change it.
    pub(crate) fn lines_after(&self) -> Option<LinesOf> {
        let layout = self.layout_at_end.as_ref()?;
        Some(LinesOf::Records(Arc::clone(layout)))
    }

    /// Sets how the column orders of a whole file were identified. If every record was skipped,
    /// the order of the first one is kept, because its missing columns may be the reason.
    pub(crate) fn name_columns(&mut self, evidence: impl Fn(&Layout) -> &'static str) {
        if let (0, Some(layout)) = (self.columns.iter().len(), self.skipped_under.take()) {
            self.columns.count(ColumnOrder {
                layout,
                evidence: "".into(),
                files: 0,
                records: 0,
            });
        }
        self.columns = std::mem::take(&mut self.columns).of_file(evidence);
    }

    /// Moves the faults to the reasons for skipped lines, with the name of their file and their
    /// line numbers in it. `base` lines come before this block.
    pub(crate) fn name_faults(&mut self, file: &str, base: u64) {
        let mut reasons = Reasons::default();
        for (reason, faults) in std::mem::take(&mut self.faults) {
            let examples = faults.first.into_iter();
            let examples = examples.map(|(line, found)| Example {
                place: format!("{file}:{}", base + line),
                found,
            });
            reasons.count_many(reason, faults.count, examples);
        }
        self.records.skipped.add(reasons);
    }
}

fn gap(record: &Record<'_>) -> Gap {
    Gap {
        eni: String::from_utf8_lossy(record.eni).into_owned(),
        start_ns: record.start_ns,
        end_ns: record.end_ns,
    }
}

#[cfg(test)]
mod tests;
