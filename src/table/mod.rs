//! Logs as tables: the columns that AWS's table definitions for Athena give them, as Arrow batches.
//!
//! A [`LogTable`] is one kind of log with AWS's name and columns. A [`DerivedTable`] is made from the
//! records of an archive: their connections, or the findings about them. A [`TableSink`] reads rows of one
//! or several tables from an archive, with only the columns that are selected. This module writes no
//! files and knows no SQL: `pipeline/export` stores the batches, and `sql` queries them.
//!
//! ```text
//! column      a column's name and type        kind        which log is which table
//! flow_logs   records -> columns              events      events -> columns
//! connections, findings                             derived     tables that no log has
//! sink        blocks of an archive -> batches       values      texts and JSON -> values of any type
//! words, numbers  columns while they are filled      file_facts  account, region and day in a path
//! ```
//!
//! # Invariants
//! * Every record and event is one row, NODATA and SKIPDATA records too, as in Athena.
//! * A value that is not in the log is null. `-` is null in columns of numbers and text in columns of
//!   text, as in Athena.

mod column;
mod connections;
mod derived;
mod events;
mod file_facts;
mod findings;
mod flow_logs;
mod kind;
mod numbers;
mod sink;
mod values;
mod words;

pub use self::column::{ColumnType, TableColumn};
pub use self::connections::{ConnectionRow, ConnectionRows, ConnectionSums};
pub use self::derived::DerivedTable;
pub(crate) use self::file_facts::FileFacts;
pub use self::findings::FindingRows;
#[cfg(feature = "sql")]
pub(crate) use self::flow_logs::number as record_number;
pub use self::kind::LogTable;
pub use self::sink::{TableBatch, TablePart, TableScan, TableSink};
