//! Passes the rows of logs that match to the lake, and counts them.

use std::sync::Arc;

use super::lake::Lake;
use super::place::PathPartition;
use crate::error::Result;
use crate::flow::Unusable;
use crate::pipeline::event_counts::EventCounts;
use crate::pipeline::settling::selection::Selection;
use crate::read::{Archive, Found, FoundEvent, FoundLines, Sink};
use crate::record::{Column, Field, Interval, Layout, NotPlain, RecentAddresses};
use crate::table::{LogTable, TableBatch, TablePart, TableScan, TableSink};
use crate::time::{joined, until_ns};

/// Passes the rows that match to the lake.
pub(super) struct LakeSink<F> {
    tables: TableSink<F>,
    wanted: Vec<LogTable>,
    selection: Option<Selection>,
}

/// What was read of some consecutive lines.
#[derive(Default)]
pub(super) struct RowPart {
    rows: TablePart,
    pub counts: RowCounts,
    pub events: EventCounts,
    layout: Option<Arc<Layout>>,
    recent: RecentAddresses,
}

/// Counts of rows.
#[derive(Default)]
pub(super) struct RowCounts {
    /// Records and events that match and that have a table, wanted or not.
    pub kept: u64,
    /// Rows of the tables that are wanted.
    pub rows: u64,
    /// Records of traffic that match.
    pub used: u64,
    /// Records of traffic that do not.
    pub filtered: u64,
    pub span_ns: Option<(i64, i64)>,
    /// By index in [`Field::ALL`]: a bit for each field that a layout has.
    fields: u128,
}

/// Returns a sink that puts rows of these tables into the lake.
pub(super) fn lake_sink<'a>(
    archive: &'a Archive,
    lake: &'a Lake<'_>,
    wanted: &[LogTable],
    selection: Option<Selection>,
) -> LakeSink<impl Fn(TableBatch) -> Result<()> + Sync> {
    let scans = wanted.iter().map(|table| TableScan {
        table: *table,
        columns: (0..table.columns().len()).collect(),
    });
    let files = archive.files();
    let take = move |batch: TableBatch| {
        let name = files.get(batch.file as usize).map(|file| &*file.name);
        let path = name.map(PathPartition::of).unwrap_or_default();
        lake.put_batch(batch, &path)
    };
    LakeSink {
        tables: TableSink::new(scans.collect(), take).with_dictionaries(),
        wanted: wanted.to_vec(),
        selection,
    }
}

impl<F> LakeSink<F> {
    fn is_wanted(&self, matches: Option<bool>, span_ns: Option<(i64, i64)>) -> bool {
        let Some(selection) = &self.selection else {
            return true;
        };
        let is_then = |(start_ns, until_ns)| selection.span.overlaps(start_ns, until_ns);
        let any_time = selection.requested_ns().is_none();
        matches == Some(true) && (any_time || span_ns.is_some_and(is_then))
    }

    /// Whether a record with these times is wanted.
    fn wants(&self, matches: Option<bool>, times: Option<Interval>) -> bool {
        let span_ns = times.map(|times| (times.start_ns, until_ns(times.end_ns)));
        self.is_wanted(matches, span_ns)
    }

    /// Counts so many wanted records, and notes the times and the fields of records.
    fn count(
        &self,
        part: &mut RowPart,
        layout: &Arc<Layout>,
        span_ns: Option<(i64, i64)>,
        wanted: u64,
    ) {
        part.note_layout(layout);
        let counts = &mut part.counts;
        counts.span_ns = joined(counts.span_ns, span_ns);
        counts.kept += wanted;
        if self.wanted.contains(&LogTable::VpcFlowLogs) {
            counts.rows += wanted;
        }
    }

    /// Whether a record is wanted. It is counted.
    fn takes(&self, part: &mut RowPart, found: &Found<'_>) -> bool {
        let times = found.record.interval();
        let is_wanted = self.wants(found.matches, times);
        self.count(part, found.layout, times.map(span_of), u64::from(is_wanted));
        is_wanted
    }
}

/// Returns the first and the last instant of a record.
fn span_of(times: Interval) -> (i64, i64) {
    (times.start_ns, times.end_ns)
}

impl<F: Fn(TableBatch) -> Result<()> + Sync> Sink for LakeSink<F> {
    type Part = RowPart;

    fn begin(&self, records: usize) -> RowPart {
        RowPart {
            rows: self.tables.begin(records),
            ..RowPart::default()
        }
    }

    fn record(&self, part: &mut RowPart, found: &Found<'_>) -> std::result::Result<(), Unusable> {
        if self.takes(part, found) {
            self.tables.record(&mut part.rows, found)?;
            part.counts.used += 1;
        } else {
            part.counts.filtered += 1;
        }
        Ok(())
    }

    fn silence(&self, part: &mut RowPart, found: &Found<'_>) {
        if self.takes(part, found) {
            self.tables.silence(&mut part.rows, found);
        }
    }

    fn takes_plain(&self) -> bool {
        true
    }

    #[inline(always)]
    fn plain_lines(
        &self,
        part: &mut RowPart,
        found: &FoundLines<'_>,
    ) -> std::result::Result<(), NotPlain> {
        let mut span_ns = None;
        let are_wanted = found.all_or_none(|line| {
            let times = line.interval()?;
            span_ns = joined(span_ns, times.map(span_of));
            Ok(self.wants(Some(true), times))
        })?;
        match are_wanted {
            true => self.tables.plain_lines(&mut part.rows, found)?,
            false => found.lines.check(&mut part.recent)?,
        }
        let wanted = match are_wanted {
            true => found.lines.count() as u64,
            false => 0,
        };
        self.count(part, found.lines.layout(), span_ns, wanted);
        match are_wanted {
            true => part.counts.used += found.flows(),
            false => part.counts.filtered += found.flows(),
        }
        Ok(())
    }

    fn event(&self, part: &mut RowPart, found: &FoundEvent<'_>) {
        let instant_ns = found.event.instant_ns;
        let span_ns = (instant_ns, instant_ns.saturating_add(1));
        let is_wanted = self.is_wanted(found.matches, Some(span_ns));
        part.events.count(found.event, is_wanted);
        let table = LogTable::of_events(found.event.kind());
        if let Some(table) = table.filter(|_| is_wanted) {
            part.counts.kept += 1;
            part.counts.rows += u64::from(self.wanted.contains(&table));
            self.tables.event(&mut part.rows, found);
        }
    }

    fn complete(&self, part: &mut RowPart, base: u64) -> Result<()> {
        self.tables.complete(&mut part.rows, base)
    }

    fn append(&self, part: &mut RowPart, later: RowPart) {
        part.counts.add(&later.counts);
        part.events.append(later.events);
    }
}

impl RowPart {
    #[inline]
    fn note_layout(&mut self, layout: &Arc<Layout>) {
        let is_known = |known: &Arc<Layout>| Arc::ptr_eq(known, layout);
        if self.layout.as_ref().is_some_and(is_known) {
            return;
        }
        for column in layout.columns() {
            let Column::Known(field) = column else {
                continue;
            };
            let index = Field::ALL.iter().position(|known| known == field);
            self.counts.fields |= index.map_or(0, |index| 1 << index);
        }
        self.layout = Some(Arc::clone(layout));
    }
}

impl RowCounts {
    fn add(&mut self, later: &Self) {
        self.kept += later.kept;
        self.rows += later.rows;
        self.used += later.used;
        self.filtered += later.filtered;
        self.span_ns = joined(self.span_ns, later.span_ns);
        self.fields |= later.fields;
    }

    /// Returns the columns of the flow logs that the archive has.
    pub(super) fn columns(&self) -> Vec<usize> {
        let all = 0..Field::ALL.len();
        all.filter(|index| self.fields >> index & 1 == 1).collect()
    }
}

// One bit for each field.
const _: () = assert!(Field::ALL.len() <= 128);
