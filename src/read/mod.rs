//! Reads the records of any archive, on all cores.
//!
//! [`Archive`] opens files, folders and standard input in any supported format, and passes each
//! record to a [`Sink`]. The [`Account`] shows what was read, what was not read, and why. All
//! subcommands read this way ([`crate::pipeline`]), and so can any other program:
//!
//! ```
//! use flow2pcap::flow::Unusable;
//! use flow2pcap::read::{Archive, Found, Sink};
//!
//! /// Counts bytes that were rejected.
//! struct Rejected;
//!
//! impl Sink for Rejected {
//!     type Part = u64;
//!
//!     fn record(&self, bytes: &mut u64, found: &Found<'_>) -> Result<(), Unusable> {
//!         if found.record.action.is_some_and(|action| action.name() == "REJECT") {
//!             *bytes += found.record.bytes.unwrap_or(0);
//!         }
//!         Ok(())
//!     }
//!
//!     fn append(&self, bytes: &mut u64, later: u64) {
//!         *bytes += later;
//!     }
//! }
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("a.log");
//! # std::fs::write(&path, "2 123456789010 eni-1 10.0.0.1 10.0.0.2 40000 22 6 1 60 1418530010 1418530070 REJECT OK\n")?;
//! let archive = Archive::open(&[path])?;
//! let (account, rejected_bytes) = archive.read(&Rejected)?;
//! assert_eq!((account.records.lines, rejected_bytes), (1, 60));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```text
//! archive  which files       files    one after the other, several at a time
//! sink     receives records  mmap     a file in memory, by several threads
//! account  what was read     json     JSON, front to back
//! describe file formats      table    Parquet, by row group
//! block    lines -> records  source_names  names for the places of records
//! events   lines and JSON of other AWS logs
//! share    the files of one of several runs   checks   what all of them together must have
//! configuration  files of AWS configuration beside the logs
//! ```
//!
//! # Invariants
//! * Every line is counted in exactly one category of [`crate::summary::Records`].
//! * Parts are joined in the order of files and lines, for any number of threads.
//! * A sink that wants texts ([`Sink::takes_plain`]) gets lines in AWS's spelling as words, without a record.
//!   What is a record, and every count, is the same either way.
//! * Memory is bounded by the block length and the number of threads, except for what a sink keeps.

mod account;
mod archive;
mod block;
mod checks;
mod columns;
mod configuration;
mod describe;
mod events;
mod files;
mod json;
mod meter;
mod mmap;
mod neighbor;
mod share;
mod sink;
mod slot;
mod source_names;
mod table;

pub(crate) use self::checks::ArchiveChecks;
pub use self::{
    account::Account,
    archive::{Archive, ArchiveBuilder},
    columns::{ColumnBatch, ColumnBatches, ColumnBuilders},
    meter::{Meter, Phase},
    sink::{Found, FoundEvent, FoundLines, Sink},
    source_names::SourceNames,
};
