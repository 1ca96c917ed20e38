//! Selects the columns and row groups of Parquet files, and reads them.
//!
//! A table names its columns, and often stores the minimum and maximum value of each in a row
//! group. So only the columns needed for the output are read, and row groups outside of the
//! requested time range are skipped. Several row groups are read at a time. The rows arrive in batches
//! and are read like the lines of any file. The number of a line is the number of its row in the file, including rows of skipped row
//! groups.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

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

/// How the columns of a table were identified, as shown in the summary.
const EVIDENCE: &str = "column names";

/// Maximum length in bytes of a table that has to be stored in a temporary file before it can be
/// read. AWS delivers files of at most 75 MB.
const PACKED_LEN_MAX: u64 = 1 << 30;

/// Row groups that are read before any is added to the others, at most.
const GROUPS_AT_ONCE: usize = 64;

/// The way to read the row groups of a table.
struct ReadPlan {
    /// The numbers of the columns to read.
    columns: Vec<usize>,
    /// The numbers of the columns with times.
    times: Vec<usize>,
    is_events: bool,
}

/// A table that is being read.
struct OpenTable<'a, S> {
    table: ParquetTable<fs::File>,
    plan: ReadPlan,
    reader: BlockReader<'a, S>,
    name: &'a str,
    /// Number of lines of the same file of the list before the table.
    base: u64,
}

/// Reads a table that can be read at any offset.
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
        return foreign_file(file, "Parquet that is not a flow log");
    };
    note_layout(&mut yielded.input, EVIDENCE);
    note_kind(&mut yielded.input, describe::of_table(plan.is_events));
    let reader = files.block_reader(at, file);
    let open = OpenTable {
        table,
        plan,
        reader,
        name: &file.name,
        base: at.lines_before,
    };
    let mut before = 0;
    let groups = open.table.group_rows().enumerate();
    let groups = groups.map(|(number, rows)| {
        let group = NumberedGroup {
            number,
            rows,
            before,
        };
        before += rows;
        group
    });
    let groups: Vec<NumberedGroup> = groups.collect();
    let share = file.len / (groups.len() as u64).max(1);
    for some in groups.chunks(GROUPS_AT_ONCE) {
        let read = some.par_iter().map(|group| {
            files.meter.check()?;
            let read = read_group(files, &open, *group, file)?;
            files.meter.bytes.fetch_add(share, Relaxed);
            Ok(read)
        });
        for read in read.collect::<Result<Vec<_>>>()? {
            yielded.add(read, files.sink);
        }
    }
    yielded.block.name_columns(|_| EVIDENCE);
    Ok(yielded)
}

/// Returns the fields of a table to read: those that the sink uses and those that every reader
/// needs. With a filter, all used fields are read.
fn read_fields<S: Sink>(files: &Files<'_, S>) -> Vec<Field> {
    let own = files.sink.fields();
    let mut read = vec![Field::Start, Field::End, Field::LogStatus];
    if own.is_none() || !files.filter.wants_all() {
        read.extend(USED);
    }
    read.extend(own.unwrap_or_default());
    read.extend(files.sink.looked_up());
    read
}

/// Reads a table from a stream. Its footer comes last, so the table is stored first.
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

/// A row group of a table.
#[derive(Clone, Copy)]
struct NumberedGroup {
    number: usize,
    rows: u64,
    /// Rows of the table before it.
    before: u64,
}

/// Reads a row group unless it is pruned.
fn read_group<S: Sink>(
    files: &Files<'_, S>,
    open: &OpenTable<'_, S>,
    group: NumberedGroup,
    file: &File,
) -> Result<FileYield<S::Part>> {
    let mut yielded = FileYield::default();
    let NumberedGroup { number, rows, .. } = group;
    let times = open.plan.times(&open.table, number);
    if let (Some(times), Some(wanted)) = (times, files.wanted)
        && !may_tell(wanted, &times)
    {
        yielded.input.row_groups_pruned += 1;
        yielded.input.rows_pruned += rows;
        yielded.skipped_lines += rows;
        // A relative time counts from the newest record, even if that record does not match.
        yielded.pruned_newest_ns = Some(times.end);
        return Ok(yielded);
    }
    let read = match open.rows(number) {
        Ok(mut rows) => read_rows(files, open, group.before, &mut rows, &mut yielded)?,
        Err(error) => Err(error),
    };
    if let Err(error) = read {
        let read = yielded.block.records.lines;
        let number = number + 1;
        let found = format!("row group {number} ends after {read} of {rows} rows: {error}");
        note_damage(&mut yielded.input, file, &found);
        yielded.skipped_lines += rows - read;
    }
    Ok(yielded)
}

/// Reads rows until there are no more, or until they cannot be decoded; `group_before` rows of the
/// table come before them.
fn read_rows<S: Sink>(
    files: &Files<'_, S>,
    open: &OpenTable<'_, S>,
    group_before: u64,
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
        let before = group_before + yielded.block.records.lines;
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
    /// Returns how to read `table`, or `None` if it is not a flow log.
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
                // At least one column is needed to count the rows.
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

    /// Returns the time range of a row group's records, if its statistics contain it.
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

/// The names of the time columns of OCSF events.
const EVENT_TIMES: [&str; 3] = ["start_time", "end_time", "time"];
