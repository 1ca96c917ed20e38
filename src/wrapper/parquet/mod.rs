//! Flow logs as Parquet: tables that are read by column and passed on as columns.
//!
//! AWS delivers Parquet, and pandas, Spark and Athena rewrite it with other types. Security Lake
//! nests OCSF events in it. Records are filled from the columns. Only a row with a value that is
//! not plain becomes a line of text, so that the same records give the same capture. Which columns
//! are needed is not known here.
//!
//! ```text
//! thrift        bytes -> values, strictly
//! footer        bytes -> a valid footer; fields: its structs
//! claims        a footer -> whether the file can hold what it claims
//! page_header   bytes -> the length and content of a page
//! pages         bytes -> pages; unpack: decompressed, within limits
//! delta         pages -> whether their counts are true
//! blanks        arrays -> rows without any value
//! cells         a column -> the texts of its values
//! columns       columns -> the values that fill records
//! flat          structs -> the columns of OCSF events
//! events        the same, one by one: the JSON of each
//! group         a row group -> batches of rows
//! ```
//!
//! # Invariants
//! * Only the requested columns are read.
//! * Row groups are read independently, maybe by several threads: one that cannot be decoded does not
//!   affect the others.
//! * Lengths and counts declared by a file are checked before memory is allocated for them.

mod blanks;
mod cells;
mod claims;
mod columns;
mod delta;
mod events;
mod fields;
mod flat;
mod footer;
mod group;
mod page_header;
mod pages;
mod thrift;
mod unpack;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length as _};
use parquet::file::statistics::Statistics;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

pub use self::columns::TableRows;
pub use self::group::GroupRows;
use self::pages::TableSource;
use super::ocsf;

/// A Parquet file.
pub struct ParquetTable<R> {
    source: Arc<TableSource<R>>,
    metadata: ParquetMetaData,
}

/// The reason why a table or a part of it cannot be read: a sentence without its period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TableError(String);

/// The minimum and maximum value of a column in a row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// Numbers, unchanged.
    Numbers(i64, i64),
    /// Instants, in nanoseconds since the Unix epoch.
    Instants(i64, i64),
}

impl<R: ChunkReader + 'static> ParquetTable<R> {
    /// Reads the footer of a table.
    ///
    /// # Errors
    /// Fails if there is no footer or if it is inconsistent.
    pub fn open(source: R) -> Result<Self, TableError> {
        let source = TableSource::new(source);
        let footer = footer::read(&source)?;
        let metadata = guarded(|| ParquetMetaDataReader::decode_metadata(&footer))?;
        claims::check(&metadata, source.len())?;
        Ok(Self {
            source: Arc::new(source),
            metadata,
        })
    }

    /// Returns the numbers and names of the columns that hold one value per row, in their order.
    pub fn columns(&self) -> impl Iterator<Item = (usize, &str)> {
        let columns = self.schema().columns().iter().enumerate();
        columns.filter_map(|(index, column)| match column.path().parts() {
            [name] if is_read(column) => Some((index, name.as_str())),
            _ => None,
        })
    }

    /// Returns the columns from which OCSF events of network activity are read, if the rows are
    /// such events.
    pub fn event_columns(&self) -> Option<Vec<usize>> {
        let columns = || self.schema().columns().iter().enumerate();
        let is_at = |column: &ColumnDescriptor, path: &[&str]| {
            is_read(column) && column.path().parts() == path
        };
        let has = |path: &&[&str]| columns().any(|(_, column)| is_at(column, path));
        ocsf::DISTINCTIVE.iter().all(has).then(|| {
            let is_read =
                |column: &ColumnDescriptor| ocsf::PATHS.iter().any(|path| is_at(column, path));
            let read = columns().filter(|(_, column)| is_read(column));
            read.map(|(index, _)| index).collect()
        })
    }

    /// Returns the declared number of rows of each row group.
    pub fn group_rows(&self) -> impl Iterator<Item = u64> {
        let groups = self.metadata.row_groups().iter();
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
    }

    /// Returns the bounds of a column of whole numbers or times, if the row group has them.
    pub fn bounds(&self, group: usize, column: usize) -> Option<Bounds> {
        let chunk = self
            .metadata
            .row_groups()
            .get(group)?
            .columns()
            .get(column)?;
        let (min, max) = match chunk.statistics()? {
            Statistics::Int32(found) => {
                (i64::from(*found.min_opt()?), i64::from(*found.max_opt()?))
            }
            Statistics::Int64(found) => (*found.min_opt()?, *found.max_opt()?),
            _ => return None,
        };
        let bounds = match unit_ns(chunk.column_descr())? {
            None => Bounds::Numbers(min, max),
            Some(ns) => Bounds::Instants(min.checked_mul(ns)?, max.checked_mul(ns)?),
        };
        (min <= max).then_some(bounds)
    }

    fn schema(&self) -> &SchemaDescriptor {
        self.metadata.file_metadata().schema_descr()
    }
}

/// Whether a column can hold the values of a field: one per row, and not of a fixed length that no
/// field has, since memory is allocated for that length in each row.
fn is_read(column: &ColumnDescriptor) -> bool {
    let is_short = column.physical_type() != Type::FIXED_LEN_BYTE_ARRAY
        || column.type_length() <= FIXED_LEN_MAX;
    column.max_rep_level() == 0 && is_short
}

/// Returns the nanoseconds per unit of a column of numbers, with an inner `None` if they are not
/// instants. Returns `None` if the numbers are not the values of the cells.
fn unit_ns(column: &ColumnDescriptor) -> Option<Option<i64>> {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(timestamp)), _) => Some(Some(match timestamp.unit {
            TimeUnit::MILLIS => 1_000_000,
            TimeUnit::MICROS => 1_000,
            TimeUnit::NANOS => 1,
        })),
        (Some(LogicalType::Integer(integer)), _) if integer.is_signed => Some(None),
        (None, ConvertedType::NONE) => Some(None),
        _ => None,
    }
    .filter(|_| matches!(column.physical_type(), Type::INT32 | Type::INT64))
}

/// Calls into the `parquet` crate, which has assertions that an invalid file can violate.
///
/// This is the only place where a panic is caught. Nothing that the call worked on is used after a
/// panic: a table that does not open is dropped, and so is a row group.
fn guarded<T>(call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, TableError> {
    GUARDED.set(true);
    let called = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(false);
    match called {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(TableError(one_line(&error))),
        Err(_) => Err(TableError("it is inconsistent".into())),
    }
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread was caused by a file and will be reported as a fault of that
/// file.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Returns the message of `error` on one line, without the kinds of errors that it was wrapped in.
fn one_line(error: &ParquetError) -> String {
    let text = error.to_string();
    let mut text = text.as_str();
    while let Some(inner) = KINDS.iter().find_map(|kind| text.strip_prefix(kind)) {
        text = inner;
    }
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    text.take(MESSAGE_LEN_MAX).collect()
}

/// Prefixes that the crates put before a message.
const KINDS: [&str; 4] = [
    "External: ",
    "EOF: ",
    "Parquet error: ",
    "Parquet argument error: ",
];

/// Maximum length of a message in characters. Some messages quote what they found.
const MESSAGE_LEN_MAX: usize = 200;

/// Maximum length of a value in bytes in a column of fixed length. A number of 128 bits takes 16.
const FIXED_LEN_MAX: i32 = 64;
