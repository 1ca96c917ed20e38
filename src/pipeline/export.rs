//! Exports an archive as tables in a folder: a lake that Athena, DuckDB, Spark and pandas read.
//!
//! The archive is read once for the tables of logs, and once more for each table that is made from its
//! records ([`derived`]). Rows wait by partition ([`store`]), in memory or in temporary files, and
//! are written in order of time when all is read, because only then it is known which columns the
//! archive has. The folder appears when it is complete.
//!
//! ```text
//! lake_sink  rows of logs that match      lake_file     files of a partition
//! derived    connections and findings     parquet_file  arrow_file  text_file   one file each
//! lake       all tables and their rows    encode  bits  compress   a column of Parquet
//! place      the folder of a row          describe      table definitions
//! stored     rows that wait               store         all of them, in order
//! order      what that order is           gather        values of chosen rows
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
mod lake_sink;
mod order;
mod parquet_file;
mod place;
mod store;
mod stored;
mod text_file;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use self::derived::DerivedRead;
use self::lake::{Lake, LakeTable};
use self::lake_sink::{RowCounts, lake_sink};
pub use self::place::LakeLayout;
use crate::error::{Error, ErrorKind, Result};
use crate::output::OutputFolder;
use crate::pipeline::run::{ReadForFilter, Request, Run, with_names};
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::printable::printable;
use crate::read::{Account, Archive, Meter, Phase};
use crate::summary::{Input, Records};
use crate::survey::EventLogs;
use crate::table::{DerivedTable, LogTable};

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
