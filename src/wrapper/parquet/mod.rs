//! Flow logs as Parquet: a table, read by column and handed on as columns.
//!
//! AWS delivers it, and pandas, Spark and Athena write it again with types of
//! their own; Security Lake nests OCSF events in it. Records are filled from the
//! columns; only a row with a value that is not plain becomes a line of text, so that the same
//! records give the same capture. Which columns are wanted is not known here.
//!
//! ```text
//! thrift        bytes -> values, strictly
//! footer        bytes -> a footer that is sound; fields: what is in it
//! claims        a footer -> can the file hold what it says
//! page_header   bytes -> how long a page is, and what is in it
//! pages         bytes -> pages; unpack: decompressed, within bounds
//! delta         pages -> are the counts in them true
//! blanks        arrays -> rows without any value
//! cells         a column -> the texts of its values
//! columns       columns -> what records are filled with
//! flat          structs -> the columns of OCSF events
//! events        the same, one by one: the JSON of each
//! group         a row group -> batches of rows
//! ```
//!
//! # Invariants
//! * A column that is not asked for is not read.
//! * Row groups are read one at a time, and each for itself: one that does not
//!   decode costs no other.
//! * Nothing that a file says of itself is believed before there is room made for it.

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

/// Why a table, or a part of it, cannot be read: a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TableError(String);

/// The least and the greatest value of a column within a row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// Numbers, as they are.
    Numbers(i64, i64),
    /// Instants, nanoseconds since the Unix epoch.
    Instants(i64, i64),
}

impl<R: ChunkReader + 'static> ParquetTable<R> {
    /// Reads the footer of a table.
    ///
    /// # Errors
    /// There is none, or it contradicts itself.
    pub fn open(source: R) -> Result<Self, TableError> {
        let source = TableSource(source);
        let footer = footer::read(&source)?;
        let metadata = guarded(|| ParquetMetaDataReader::decode_metadata(&footer))?;
        claims::check(&metadata, source.len())?;
        Ok(Self {
            source: Arc::new(source),
            metadata,
        })
    }

    /// The columns that hold one value a row: their numbers and names, in their order.
    pub fn columns(&self) -> impl Iterator<Item = (usize, &str)> {
        let columns = self.schema().columns().iter().enumerate();
        columns.filter_map(|(index, column)| match column.path().parts() {
            [name] if is_read(column) => Some((index, name.as_str())),
            _ => None,
        })
    }

    /// The columns from which OCSF events of network activity are read, if that is what rows are.
    pub fn event_columns(&self) -> Option<Vec<usize>> {
        let columns = || self.schema().columns().iter().enumerate();
        let is_at = |column: &ColumnDescriptor, path: &[&str]| {
            is_read(column) && column.path().parts() == path
        };
        let has = |path: &&[&str]| columns().any(|(_, column)| is_at(column, path));
        ocsf::TELLING.iter().all(has).then(|| {
            let is_read =
                |column: &ColumnDescriptor| ocsf::PATHS.iter().any(|path| is_at(column, path));
            let read = columns().filter(|(_, column)| is_read(column));
            read.map(|(index, _)| index).collect()
        })
    }

    /// How many rows each row group is said to have.
    pub fn group_rows(&self) -> impl Iterator<Item = u64> {
        let groups = self.metadata.row_groups().iter();
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
    }

    /// The bounds of a column of whole numbers or times, if the row group tells them.
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

/// Whether a column can hold the values of a field: one a row, and none of a fixed length that no
/// field has, since room is made for as many bytes in each row.
fn is_read(column: &ColumnDescriptor) -> bool {
    let is_short = column.physical_type() != Type::FIXED_LEN_BYTE_ARRAY
        || column.type_length() <= FIXED_LEN_MAX;
    column.max_rep_level() == 0 && is_short
}

/// Nanoseconds that one unit of a column of numbers stands for, if they are instants; none at
/// all if the numbers are not what stands in the cells.
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

/// Calls into the `parquet` crate, which asserts here and there what a file may well lie about.
///
/// This is the only place where a panic is caught. Nothing that the call worked on is used
/// after one: a table that does not open is dropped, and so is a row group.
fn guarded<T>(call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, TableError> {
    GUARDED.set(true);
    let called = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(false);
    match called {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(TableError(one_line(&error))),
        Err(_) => Err(TableError("it contradicts itself".into())),
    }
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is one that a file brought about, and will be told as a fault of it.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// The message of `error`, without the kinds of errors that it went through, within a line.
fn one_line(error: &ParquetError) -> String {
    let text = error.to_string();
    let mut text = text.as_str();
    while let Some(inner) = KINDS.iter().find_map(|kind| text.strip_prefix(kind)) {
        text = inner;
    }
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    text.take(MESSAGE_LEN_MAX).collect()
}

/// What the crates put in front of a message.
const KINDS: [&str; 4] = [
    "External: ",
    "EOF: ",
    "Parquet error: ",
    "Parquet argument error: ",
];

/// Characters of a message; some of them quote what they found.
const MESSAGE_LEN_MAX: usize = 200;

/// Bytes of a value in a column where all have as many; a number of 128 bits takes 16.
const FIXED_LEN_MAX: i32 = 64;
