//! Records that are wrapped in something else, taken out of it.
//!
//! CloudWatch, Firehose, Kinesis and the AWS command line put records into JSON,
//! in one of many arrangements, and S3 delivery can put them into Parquet. Here they are taken out,
//! as lines of text or as the columns of a table, and each batch with its column order: its rows are
//! read alike, whatever they came in ([`Batch::rows`]).
//! What a value means is the record stage's business.
//!
//! ```text
//! splitter, scan    text -> values      event       value -> records
//! json              a value             batch       records -> lines
//! cloudwatch, payload, ocsf, gcp, azure     one wrapper each
//! unwrapper   all of these, in a row; layouts: the column orders of their lines
//! parquet     tables; they are no text: read by column, and stay columns
//! ```
//!
//! # Invariants
//! * What a file is follows from its content, never from its name.
//! * A record counts one, whether it comes out or not; a value that makes no
//!   sense costs no other.
//! * Memory is bounded by the longest value (64 MiB), whatever the
//!   input holds; compressed data inside it are inflated piece by piece.

mod azure;
mod batch;
mod cloudwatch;
mod event;
mod gcp;
mod json;
mod layouts;
mod ocsf;
mod parquet;
mod payload;
mod scan;
mod splitter;
mod unwrapper;

pub use self::{
    batch::{Batch, BatchRows, Lines, LostRecords},
    layouts::NamedBy,
    parquet::{Bounds, GroupRows, ParquetTable, TableError, TableRows, is_guarded},
    unwrapper::Unwrapper,
};

use crate::archive::Magic;

/// Whether the text that begins with `head` wraps its records.
pub fn is_wrapped(head: &[u8]) -> bool {
    Magic::of(head) == Magic::Json
}
