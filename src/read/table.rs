//! Parquet files: which columns and which row groups of them are read.
//!
//! A table names its columns, and often tells the least and greatest value of
//! each within a row group. So only columns are read that a capture is made of,
//! and no row group that lies outside the time that is wanted. The rows come in
//! batches, and are read like the lines of any file. A line's number is
//! that of its row in the file, of row groups that are not read as well.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use crate::archive::{Damage, File, Stream};
use crate::error::{Error, ErrorKind, Result, TemporaryData};
use crate::filter::may_tell;
use crate::read::block::BlockReader;
use crate::read::describe;
use crate::read::files::{BLOCK_LEN, FileOffset, FileYield, Files};
use crate::read::files::{foreign_file, note_damage, note_kind, note_layout, unusable};
use crate::read::sink::Sink;
use crate::record::{Column, Field, Layout, USED, epoch_range};
use crate::wrapper::{Bounds, GroupRows, ParquetTable, TableError};

/// What tells which column is which, in the words of the summary.
const TOLD_BY: &str = "column names";

/// Bytes of a table that has to be kept in a temporary file before it can be read. AWS
/// delivers files of at most 75 MB.
const PACKED_LEN_MAX: u64 = 1 << 30;

/// How the row groups of a table are read.
struct ReadPlan {
    /// The columns that are read, by number.
    columns: Vec<usize>,
    /// Those of them that tell times.
    times: Vec<usize>,
    is_events: bool,
}

/// A table that is being read.
struct OpenTable<'a, S> {
    table: ParquetTable<fs::File>,
    plan: ReadPlan,
    reader: BlockReader<'a, S>,
    name: &'a str,
    /// Lines of the same file of the list that stand before it.
    base: u64,
}

/// Reads a table that can be read at any place of it.
pub(crate) fn read_table<S: Sink>(
    files: &Files<'_, S>,
    at: FileOffset,
    file: &File,
    source: fs::File,
) -> Result<FileYield<S::Part>> {
    let mut yielded = FileYield::default();
    yielded.input.files = 1;
    yielded.input.file_bytes = file.len;
    let table = match ParquetTable::open(source) {
        Ok(table) => table,
        Err(error) => {
            let found = format!("no row of the table can be read: {error}");
            return Ok(unusable(file, &found));
        }
    };
    let Some(plan) = ReadPlan::of(&table, &read_fields(files)) else {
        return foreign_file(file, "Parquet that is no flow log");
    };
    note_layout(&mut yielded.input, TOLD_BY);
    note_kind(&mut yielded.input, describe::of_table(plan.is_events));
    let reader = files.block_reader(at, file);
    let mut open = OpenTable {
        table,
        plan,
        reader,
        name: &file.name,
        base: at.lines_before,
    };
    let groups: Vec<u64> = open.table.group_rows().collect();
    let share = file.len / (groups.len() as u64).max(1);
    for (group, rows) in groups.into_iter().enumerate() {
        read_group(files, &mut open, group, rows, &mut yielded, file)?;
        files.meter.bytes.fetch_add(share, Relaxed);
    }
    yielded.block.name_columns(|_| TOLD_BY);
    Ok(yielded)
}

/// The fields that are read of a table: those that the sink looks at, and what every reader
/// has to know; all that are used where a filter is to be asked as well.
fn read_fields<S: Sink>(files: &Files<'_, S>) -> Vec<Field> {
    let own = files.sink.fields();
    let mut read = vec![Field::Start, Field::End, Field::LogStatus];
    if own.is_none() || !files.filter.wants_all() {
        read.extend(USED);
    }
    read.extend(own.unwrap_or_default());
    read
}

/// Reads a table that comes from front to back: its footer is the last of it.
pub(crate) fn read_packed_table<S: Sink>(
    files: &Files<'_, S>,
    at: FileOffset,
    file: &File,
    mut stream: Stream,
) -> Result<FileYield<S::Part>> {
    let mut kept =
        tempfile::tempfile_in(files.temp_dir).map_err(|error| cannot_keep(files, error))?;
    let mut buffer = vec![0; BLOCK_LEN];
    let mut len = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                len += read as u64;
                let written = kept.write_all(&buffer[..read]);
                written.map_err(|error| cannot_keep(files, error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let damage = Damage::of(&error, len);
                let found = format!("no row of the table can be read: {damage}");
                return Ok(unusable(file, &found));
            }
        }
        if len > PACKED_LEN_MAX {
            let reason = "Parquet of more than 1 GiB in an archive, compressed or from a pipe: unpack it first";
            return foreign_file(file, reason);
        }
    }
    let mut yielded = read_table(files, at, file, kept)?;
    if yielded.input.files > 0 {
        // Pipes have no length of their own.
        yielded.input.file_bytes = file.len.max(stream.read_len().load(Relaxed));
    }
    Ok(yielded)
}

fn cannot_keep<S: Sink>(files: &Files<'_, S>, said: io::Error) -> Error {
    let kind = ErrorKind::NoTemporaryFile {
        what: TemporaryData::Table,
        folder: files.temp_dir.to_owned(),
        said,
    };
    kind.into()
}

/// Reads a row group, unless it is ruled out.
fn read_group<S: Sink>(
    files: &Files<'_, S>,
    open: &mut OpenTable<'_, S>,
    group: usize,
    rows: u64,
    yielded: &mut FileYield<S::Part>,
    file: &File,
) -> Result<()> {
    let times = open.plan.times(&open.table, group);
    if let (Some(times), Some(wanted)) = (times, files.wanted)
        && !may_tell(wanted, &times)
    {
        yielded.input.row_groups_pruned += 1;
        yielded.input.rows_pruned += rows;
        yielded.passed += rows;
        // A relative time counts from the newest record, wanted or not.
        yielded.pruned_newest_ns = yielded.pruned_newest_ns.max(Some(times.end));
        return Ok(());
    }
    let before = yielded.block.records.lines;
    let read = match open.rows(group) {
        Ok(mut rows) => read_rows(files, open, &mut rows, yielded)?,
        Err(error) => Err(error),
    };
    if let Err(error) = read {
        let read = yielded.block.records.lines - before;
        let number = group + 1;
        let found = format!("row group {number} breaks off after {read} of {rows} rows: {error}");
        note_damage(&mut yielded.input, file, &found);
        yielded.passed += rows - read;
    }
    Ok(())
}

/// Reads rows until there are no more, or they make no sense.
fn read_rows<S: Sink>(
    files: &Files<'_, S>,
    open: &mut OpenTable<'_, S>,
    rows: &mut GroupRows,
    yielded: &mut FileYield<S::Part>,
) -> Result<std::result::Result<(), TableError>> {
    loop {
        let batch = match rows.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let mut read = open.reader.read_batch(&batch).unwrap_or_default();
        files.count(0, &read);
        let before = yielded.block.records.lines + yielded.passed;
        read.name_faults(open.name, before);
        files.complete(&mut read, open.base + before)?;
        yielded.block.append(read, files.sink);
    }
}

impl<S> OpenTable<'_, S> {
    fn rows(&self, group: usize) -> std::result::Result<GroupRows, TableError> {
        let columns = &self.plan.columns;
        if self.plan.is_events {
            self.table.events(group, columns, BLOCK_LEN)
        } else {
            self.table.rows(group, columns, BLOCK_LEN)
        }
    }
}

impl ReadPlan {
    /// What to read of `table`; none if it is no flow log.
    fn of(table: &ParquetTable<fs::File>, read: &[Field]) -> Option<Self> {
        let (numbers, names): (Vec<usize>, Vec<&str>) = table.columns().unzip();
        if let Some(layout) = Layout::from_names(names.iter().copied()) {
            let fields: Vec<_> = numbers.into_iter().zip(layout.columns()).collect();
            let of = |wanted: &[Field]| {
                let is_wanted = |column: &Column| matches!(column, Column::Known(field) if wanted.contains(field));
                let found = fields.iter().filter(|(_, column)| is_wanted(column));
                found.map(|(number, _)| *number).collect()
            };
            let mut columns: Vec<usize> = of(read);
            if columns.is_empty() {
                // Rows have to be counted by something.
                columns = of(USED);
            }
            return Some(Self {
                columns,
                times: of(&[Field::Start, Field::End]),
                is_events: false,
            });
        }
        let times = table.columns();
        let times = times.filter(|(_, name)| EVENT_TIMES.contains(name));
        Some(Self {
            columns: table.event_columns()?,
            times: times.map(|(number, _)| number).collect(),
            is_events: true,
        })
    }

    /// From when to when a row group's records began and ended, if it tells.
    fn times(&self, table: &ParquetTable<fs::File>, group: usize) -> Option<Range<i64>> {
        let bounds = self.times.iter().map(|time| {
            Some(match table.bounds(group, *time)? {
                Bounds::Instants(min, max) => (min, max),
                Bounds::Numbers(min, max) => epoch_range(min, max)?,
            })
        });
        let bounds: Vec<(i64, i64)> = bounds.collect::<Option<_>>()?;
        let start = bounds.iter().map(|(min, _)| *min).min()?;
        let end = bounds.iter().map(|(_, max)| *max).max()?;
        Some(start..end)
    }
}

/// The times of OCSF events.
const EVENT_TIMES: [&str; 3] = ["start_time", "end_time", "time"];
