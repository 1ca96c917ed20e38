//! Code shared by all subcommands: their request, and how a run begins and ends.

use std::path::PathBuf;
use std::time::Instant;

use crate::error::Result;
use crate::filter::Filter;
use crate::flow::{Addresses, Enis, Losses, Place};
use crate::pipeline::diagnose::Coverage;
use crate::pipeline::reading::{Observations, Observing};
use crate::pipeline::settling::selection::Selection;
use crate::read::{Account, Archive, Meter};
use crate::record::Layout;
use crate::summary::{Input, Records};

/// The part of the memory that each of up to three sets of buckets may use.
const HELD_SHARE: u64 = 4;

/// The archive to read, and how to read it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// Files, folders, or `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// Column order of files without a header line.
    pub format: Option<Layout>,
    /// Filter for records, or for connections with such records.
    pub filter: Filter,
    /// Approximate memory limit in bytes, not counting mapped files and file names.
    pub memory: u64,
    /// Folder for temporary files, used if the memory is not enough.
    pub temp_dir: PathBuf,
}

impl Request {
    /// Creates a request for all of `inputs` with 1 GiB of memory.
    pub fn new(inputs: Vec<PathBuf>) -> Self {
        Self {
            inputs,
            format: None,
            filter: Filter::default(),
            memory: 1 << 30,
            temp_dir: std::env::temp_dir(),
        }
    }

    /// Sets the column order of files without a header line.
    #[must_use]
    pub fn format(mut self, format: Option<Layout>) -> Self {
        self.format = format;
        self
    }

    /// Sets the filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets the approximate memory limit in bytes.
    #[must_use]
    pub fn memory(mut self, memory: u64) -> Self {
        self.memory = memory;
        self
    }

    /// Sets the folder for temporary files.
    #[must_use]
    pub fn temp_dir(mut self, temp_dir: PathBuf) -> Self {
        self.temp_dir = temp_dir;
        self
    }

    /// Lists the files.
    ///
    /// # Errors
    /// An input is missing or empty.
    pub(super) fn archive(&self) -> Result<Archive> {
        let archive = Archive::builder(&self.inputs)
            .format(self.format.clone())
            .filter(self.filter.clone())
            .temp_dir(&self.temp_dir);
        archive.open()
    }

    /// Returns how many bytes may wait in buckets in memory.
    pub(super) fn held_max(&self) -> usize {
        usize::try_from(self.memory / HELD_SHARE).unwrap_or(usize::MAX)
    }

    /// Returns the selection for an archive whose newest record ends at `newest_ns`; `None` if
    /// everything is selected.
    pub(super) fn selection(&self, newest_ns: Option<i64>) -> Option<Selection> {
        Selection::of(&self.filter, newest_ns)
    }
}

/// One run of a subcommand.
pub(super) struct Run<'a> {
    pub archive: &'a Archive,
    pub meter: &'a Meter,
    begun: Instant,
}

/// The result of reading an archive, without the observations.
pub(super) struct Contents {
    /// Account of the files.
    pub input: Input,
    /// Account of the lines.
    pub records: Records,
    /// The other parts of the account.
    pub account: Account,
    /// The ENIs, by name.
    pub enis: Enis,
    /// Packets lost by Transit Gateways, in order of place.
    pub losses: Vec<(Place, Losses)>,
    /// End of the newest record.
    pub newest_ns: Option<i64>,
    /// Intervals in which ENIs had no traffic.
    pub quiet: Coverage,
}

impl<'a> Run<'a> {
    /// Starts a run on `archive`.
    pub(super) fn new(archive: &'a Archive, meter: &'a Meter) -> Self {
        Self {
            archive,
            meter,
            begun: Instant::now(),
        }
    }

    /// Reads everything and passes the observations to `to`.
    ///
    /// # Errors
    /// A file cannot be read or its column order is unknown, there is no flow log at all, or there
    /// is no space for the observations.
    pub(super) fn read(&self, addresses: Addresses, to: &dyn Observations) -> Result<Contents> {
        let observing = Observing { addresses, to };
        let (mut account, observed) = self.archive.read_all(&observing, self.meter)?;
        let mut records = std::mem::take(&mut account.records);
        records.lost = observed.lost;
        records.assumed = observed.assumed;
        Ok(Contents {
            input: std::mem::take(&mut account.input),
            records,
            newest_ns: account.pruned_newest_ns.max(observed.newest_ns),
            account,
            enis: observed.enis.sorted(),
            losses: observed.losses,
            quiet: observed.quiet,
        })
    }

    /// Returns the wall time since the start, milliseconds.
    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
