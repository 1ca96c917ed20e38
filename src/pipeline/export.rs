//! Exports an archive as tables in a folder: a lake that Athena, DuckDB, Spark and pandas read.
//!
//! The archive is read once for the tables of logs, and once more for each table that is made from its
//! records ([`derived`]). Rows wait by partition ([`store`]), in memory or in temporary files, and
//! are written in order of time when all is read, because only then it is known which columns the
//! archive has. The folder appears when it is complete.
//!
//! ```text
//! place    the folder of a row            lake_file     files of a partition
//! stored   rows that wait                 parquet_file  arrow_file  text_file   one file each
//! store    all of them, in order          encode  bits  compress   a column of Parquet
//! order    what that order is             describe      table definitions
//! gather   values of chosen rows          derived       connections and findings
//! ```
//!
//! # Invariants
//! * The same input gives the same bytes, for any number of threads, memory and order of inputs. Rows
//!   are in order of time, file and line; row groups have a fixed number of rows.
//! * Every record and every event of a log that has a table is one row.

mod arrow_file;
mod bits;
mod compress;
mod derived;
mod describe;
mod encode;
mod gather;
mod lake;
mod lake_file;
mod order;
mod parquet_file;
mod place;
mod store;
mod stored;
mod text_file;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use self::derived::DerivedRead;
use self::lake::{Lake, LakeTable};
pub use self::place::LakeLayout;
use self::place::PathPartition;
use crate::error::{Error, ErrorKind, Result};
use crate::flow::Unusable;
use crate::output::OutputFolder;
use crate::pipeline::event_counts::EventCounts;
use crate::pipeline::run::{ReadForFilter, Request, Run, with_names};
use crate::pipeline::settling::selection::Selection;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::printable::printable;
use crate::read::{Account, Archive, Found, FoundEvent, FoundLine, FoundLines, Meter, Phase, Sink};
use crate::record::{Column, Field, Interval, Layout, NotPlain, RecentAddresses};
use crate::summary::{Input, Records};
use crate::survey::EventLogs;
use crate::table::{DerivedTable, LogTable, TableBatch, TablePart, TableScan, TableSink};
use crate::time::{joined, until_ns};

/// The part of the memory that rows may take before they go to temporary files. Reading and the
/// order of the rows take more.
const HELD_SHARE: u64 = 3;

/// The format of a lake's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LakeFormat {
    /// Parquet.
    #[default]
    Parquet,
    /// Comma-separated values.
    Csv,
    /// One JSON document per line.
    JsonLines,
    /// The Arrow IPC file format.
    Arrow,
}

/// The compression of a lake's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LakeCompression {
    /// Zstandard.
    Zstd,
    /// Snappy.
    Snappy,
    /// Gzip.
    Gzip,
    /// None.
    None,
}

/// What to export, and where to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Export {
    /// The archive, the filter, and the memory.
    pub request: Request,
    /// The folder to create.
    pub output: PathBuf,
    /// The format of the files.
    pub format: LakeFormat,
    /// Their compression; `None` for the default of the format.
    pub compression: Option<LakeCompression>,
    /// How partitions are named.
    pub layout: LakeLayout,
    /// The names of the tables to write; empty for all that the archive has.
    pub tables: Vec<String>,
}

/// What was exported.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Exported {
    /// The tables by name.
    pub tables: BTreeMap<String, ExportedTable>,
    /// Tables that were wanted and cannot be made, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
    /// Files and their bytes.
    pub input: Input,
    /// Lines and records of flow logs. `used` are rows, and so are NODATA and SKIPDATA records that
    /// match the filter.
    pub records: Records,
    /// Events of other logs. Those of logs without a table are not exported.
    pub events: EventLogs,
    /// Bytes written to temporary files because memory was full.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

/// A table that was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportedTable {
    /// Rows.
    pub rows: u64,
    /// Folders of partitions.
    pub partitions: u64,
    /// Files in them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl LakeFormat {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Arrow => "arrow",
        }
    }

    /// Returns the compressions that files of the format can have; the first is the default.
    pub fn compressions(self) -> &'static [LakeCompression] {
        use LakeCompression::{Gzip, None, Snappy, Zstd};
        match self {
            Self::Parquet => &[Zstd, Snappy, Gzip, None],
            Self::Csv | Self::JsonLines => &[None, Gzip, Zstd],
            Self::Arrow => &[None],
        }
    }

    /// Returns the extension of files. Parquet is compressed inside.
    pub(super) fn extension(self, compression: LakeCompression) -> String {
        let name = self.name();
        match compression {
            LakeCompression::Gzip if self != Self::Parquet => format!("{name}.gz"),
            LakeCompression::Zstd if self != Self::Parquet => format!("{name}.zst"),
            _ => name.to_owned(),
        }
    }
}

impl LakeCompression {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::Gzip => "gzip",
            Self::None => "none",
        }
    }
}

impl Export {
    /// Creates a request to export everything as Parquet into the folder `output`.
    pub fn new(request: Request, output: PathBuf) -> Self {
        Self {
            request,
            output,
            format: LakeFormat::default(),
            compression: None,
            layout: LakeLayout::default(),
            tables: Vec::new(),
        }
    }

    /// Returns the names of all tables.
    pub fn table_names() -> impl Iterator<Item = &'static str> {
        let of_logs = LogTable::ALL.into_iter().map(LogTable::name);
        of_logs.chain(DerivedTable::ALL.into_iter().map(DerivedTable::name))
    }

    fn wants(&self, table: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|name| name == table)
    }

    /// Returns the tables to write: those of logs, and those that are made from records.
    fn wanted(&self) -> Result<(Vec<LogTable>, Vec<DerivedTable>)> {
        let is_known = |name: &String| Self::table_names().any(|known| known == name);
        if let Some(name) = self.tables.iter().find(|name| !is_known(name)) {
            let known = Self::table_names().collect::<Vec<_>>().join(", ");
            let name = printable(name);
            return Err(Error::usage(format!(
                "no table {name}; the tables are {known}"
            )));
        }
        let (logs, derived) = (LogTable::ALL.into_iter(), DerivedTable::ALL.into_iter());
        Ok((
            logs.filter(|table| self.wants(table.name())).collect(),
            derived.filter(|table| self.wants(table.name())).collect(),
        ))
    }

    fn compression(&self) -> Result<LakeCompression> {
        let possible = self.format.compressions();
        let chosen = self.compression.unwrap_or(possible[0]);
        if possible.contains(&chosen) {
            return Ok(chosen);
        }
        let names = possible.iter().map(|compression| compression.name());
        Err(Error::usage(format!(
            "files in the format {} cannot have the compression {}; choose {}",
            self.format.name(),
            chosen.name(),
            names.collect::<Vec<_>>().join(" or ")
        )))
    }
}

/// Exports an archive.
///
/// Runs on rayon's current thread pool. Reads everything once, once more for `connections` and once
/// more for `findings`. A requested time range that counts from the newest record needs another reading
/// before the first.
///
/// # Errors
/// An input cannot be read or its column order is unknown, there is nothing to export, nothing matches
/// the filter, a conversation needs more than the memory, or the folder cannot be written. No folder is
/// left then.
pub fn export(request: &Export, meter: &Meter) -> Result<Exported> {
    with_names(&request.request, |named| {
        export_named(request, named, meter)
    })
}

fn export_named(export: &Export, request: &Request, meter: &Meter) -> Result<Exported> {
    let form = describe::LakeForm {
        format: export.format,
        compression: export.compression()?,
        layout: export.layout,
    };
    let (logs, derived) = export.wanted()?;
    let archive = request.archive_and_events()?;
    let folder = OutputFolder::create(&export.output, &request.inputs)?;
    let run = Run::new(&archive, meter);
    let spill = SpillFolder::new(&request.temp_dir);
    let held_max = usize::try_from(request.memory / HELD_SHARE).unwrap_or(usize::MAX);
    let of_logs = logs.iter().copied().map(LakeTable::of_log);
    let of_derived = derived.iter().copied().map(LakeTable::of_derived);
    let tables = of_logs.chain(of_derived).collect();
    let lake = Lake::new(tables, export.layout, &spill, held_max);
    let selection = request.selection(archive.newest_ns(meter)?);
    let sink = lake_sink(&archive, &lake, &logs, selection);
    let (mut account, part) = archive.read_all(&sink, meter)?;
    drop(sink);
    account.events.add(part.events.into_logs());
    check(request, &account, &part.counts)?;
    let mut records = std::mem::take(&mut account.records);
    records.used = part.counts.used;
    records.filtered = part.counts.filtered;
    debug_assert!(records.adds_up(), "{records:?}");
    let mut made = DerivedTables::default();
    if records.used > 0 {
        made.put(&derived, request, &archive, &lake, meter)?;
    }
    meter.begin(Phase::Storing, part.counts.rows + made.read.rows);
    let tables = lake.write(&folder, form, &part.counts.columns(), meter)?;
    check_written(&tables, &made.left_out)?;
    folder.finish()?;
    Ok(Exported {
        tables,
        left_out: made.left_out,
        input: std::mem::take(&mut account.input),
        records,
        events: std::mem::take(&mut account.events),
        spilled_bytes: spill.spilled() + made.read.spilled_bytes,
        elapsed_ms: run.elapsed_ms(),
    })
}

/// What was put into the lake beside the rows of logs.
#[derive(Default)]
struct DerivedTables {
    /// Of all tables.
    read: DerivedRead,
    /// The tables that cannot be made, and why.
    left_out: BTreeMap<String, String>,
}

impl DerivedTables {
    fn put(
        &mut self,
        tables: &[DerivedTable],
        request: &Request,
        archive: &Archive,
        lake: &Lake<'_>,
        meter: &Meter,
    ) -> Result<()> {
        // Rows of the lake are in memory meanwhile.
        let rest = request.memory - request.memory / HELD_SHARE;
        let request = request.clone().memory(rest);
        for table in tables {
            let mut leave_out = |why: String| {
                self.left_out.insert(table.name().to_owned(), why);
            };
            if archive.has_stdin() {
                leave_out("standard input can be read only once".to_owned());
                continue;
            }
            match derived::put(*table, &request, lake, meter) {
                Ok(read) => {
                    self.read.rows += read.rows;
                    self.read.spilled_bytes += read.spilled_bytes;
                }
                // A name of the filter may be one of another log only.
                Err(error) if matches!(error.kind(), ErrorKind::UnknownName { .. }) => {
                    leave_out(format!("in the flow logs, there is {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Checks that there are rows to write, whatever tables are wanted.
fn check(request: &Request, account: &Account, counts: &RowCounts) -> Result<()> {
    let taken = counts.used + counts.filtered;
    if counts.kept == 0 {
        Account::check_readable(taken, &account.records)?;
    }
    let events = account.events.iter();
    let events: u64 = events.map(|(_, log)| log.events + log.filtered).sum();
    let read = ReadForFilter {
        account,
        taken: taken + events,
        newest_ns: account
            .pruned_newest_ns
            .max(counts.span_ns.map(|(_, end_ns)| end_ns)),
        span_ns: counts.span_ns,
    };
    read.check_kept(request, counts.kept)?;
    if counts.kept > 0 {
        return Ok(());
    }
    Err(Error::usage(
        "there is no row to write: the logs that were read are of a kind that has no table",
    ))
}

/// Checks that a wanted table has rows.
fn check_written(
    tables: &BTreeMap<String, ExportedTable>,
    left_out: &BTreeMap<String, String>,
) -> Result<()> {
    if !tables.is_empty() {
        return Ok(());
    }
    let why = match left_out.values().next() {
        Some(why) => why.as_str(),
        None => "the tables that are wanted have none",
    };
    Err(Error::usage(format!("there is no row to write: {why}")))
}

/// Passes the rows that match to the lake.
struct LakeSink<F> {
    tables: TableSink<F>,
    wanted: Vec<LogTable>,
    selection: Option<Selection>,
}

/// What was read of some consecutive lines.
#[derive(Default)]
struct RowPart {
    rows: TablePart,
    counts: RowCounts,
    events: EventCounts,
    layout: Option<Arc<Layout>>,
    recent: RecentAddresses,
}

/// Counts of rows.
#[derive(Default)]
struct RowCounts {
    /// Records and events that match and that have a table, wanted or not.
    kept: u64,
    /// Rows of the tables that are wanted.
    rows: u64,
    /// Records of traffic that match.
    used: u64,
    /// Records of traffic that do not.
    filtered: u64,
    span_ns: Option<(i64, i64)>,
    /// By index in [`Field::ALL`]: a bit for each field that a layout has.
    fields: u128,
}

/// Returns a sink that puts rows of these tables into the lake.
fn lake_sink<'a>(
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
    fn plain(
        &self,
        part: &mut RowPart,
        found: &FoundLine<'_>,
    ) -> std::result::Result<(), NotPlain> {
        let times = found.line.interval()?;
        let is_wanted = self.wants(Some(true), times);
        match is_wanted {
            true => self.tables.plain(&mut part.rows, found)?,
            false => found.line.check(&mut part.recent)?,
        }
        let wanted = u64::from(is_wanted);
        self.count(part, found.line.layout(), times.map(span_of), wanted);
        part.counts.used += u64::from(is_wanted && !found.is_silence);
        part.counts.filtered += u64::from(!is_wanted && !found.is_silence);
        Ok(())
    }

    #[inline(always)]
    fn plain_lines(
        &self,
        part: &mut RowPart,
        found: &FoundLines<'_>,
    ) -> std::result::Result<(), NotPlain> {
        let mut span_ns = None;
        for line in found.lines.iter() {
            let times = line.interval()?;
            if !self.wants(Some(true), times) {
                return Err(NotPlain);
            }
            span_ns = joined(span_ns, times.map(span_of));
        }
        self.tables.plain_lines(&mut part.rows, found)?;
        let lines = found.lines.count() as u64;
        self.count(part, found.lines.layout(), span_ns, lines);
        part.counts.used += lines;
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
    fn columns(&self) -> Vec<usize> {
        let all = 0..Field::ALL.len();
        all.filter(|index| self.fields >> index & 1 == 1).collect()
    }
}

// One bit for each field.
const _: () = assert!(Field::ALL.len() <= 128);
