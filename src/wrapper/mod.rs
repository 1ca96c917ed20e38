//! Extracts records that are wrapped in JSON or Parquet.
//!
//! CloudWatch, Firehose, Kinesis and the AWS command line put records into JSON in many different
//! arrangements, and S3 delivery can put them into Parquet. They are extracted here as lines of
//! text or as the columns of a table. Each batch has its column order, and its rows are read in the
//! same way whatever format they came in ([`Batch::rows`]). Interpreting a value is up to the
//! record stage.
//!
//! ```text
//! splitter, scan    text -> values      event       value -> records
//! pieces            values in groups, one ahead
//! json              a value             batch       records -> lines
//! cloudwatch, payload, ocsf, gcp, azure, alibaba, ibm, oci, network_firewall     one wrapper each
//! byte_counts       counts of payload or frames -> counts of IP packets
//! other_logs        JSON of logs that are not flow logs
//! alike             objects with the same keys as the one before
//! unwrapper   all of these in sequence; layouts: the column orders of their lines
//! parquet     tables: not text, but read by column and kept as columns
//! ```
//!
//! # Invariants
//! * The format of a file follows from its content, never from its name.
//! * A record counts as one, whether or not it can be extracted. An invalid value does not affect
//!   other values.
//! * Memory is bounded by a few of the longest values (64 MiB each), whatever the input holds. Compressed data
//!   inside a value is decompressed piece by piece.

mod alibaba;
mod alike;
mod azure;
mod batch;
mod byte_counts;
mod cloudwatch;
mod ecs;
mod event;
mod gcp;
mod ibm;
mod json;
mod layouts;
mod network_firewall;
mod oci;
mod ocsf;
mod other_logs;
mod parquet;
mod payload;
mod pieces;
mod scan;
mod search;
mod splitter;
mod unwrapper;

pub use self::{
    batch::{Batch, BatchRows, KeptValue, Lines, LostRecords},
    byte_counts::ByteCount,
    layouts::NamedBy,
    parquet::{Bounds, GroupRows, ParquetTable, TableError, TableRows, is_guarded},
    unwrapper::Unwrapper,
};

use crate::archive::Magic;

/// Whether records are wrapped in the text that begins with `head`.
pub fn is_wrapped(head: &[u8]) -> bool {
    Magic::of(head) == Magic::Json
}
