//! What all subcommands share: what they are asked, and how a run begins and ends.

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

/// Each of up to three sets of buckets may hold this part of the memory.
const HELD_SHARE: u64 = 4;

/// Which archive is to be read, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// Files, folders, or `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// The order of columns in files that do not name theirs.
    pub format: Option<Layout>,
    /// Which records, or connections with such records, are wanted.
    pub filter: Filter,
    /// Bytes of memory to use, about; mapped files and the files' names not counted.
    pub memory: u64,
    /// Where temporary files go when that is not enough.
    pub temp_dir: PathBuf,
}

impl Request {
    /// All of `inputs`, within 1 GiB of memory.
    pub fn new(inputs: Vec<PathBuf>) -> Self {
        Self {
            inputs,
            format: None,
            filter: Filter::default(),
            memory: 1 << 30,
            temp_dir: std::env::temp_dir(),
        }
    }

    /// Sets the order of columns in files that do not name theirs.
    #[must_use]
    pub fn format(mut self, format: Option<Layout>) -> Self {
        self.format = format;
        self
    }

    /// Sets what is wanted.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets the bytes of memory to use, about.
    #[must_use]
    pub fn memory(mut self, memory: u64) -> Self {
        self.memory = memory;
        self
    }

    /// Sets where temporary files go.
    #[must_use]
    pub fn temp_dir(mut self, temp_dir: PathBuf) -> Self {
        self.temp_dir = temp_dir;
        self
    }

    /// Lists the files.
    ///
    /// # Errors
    /// Inputs that are missing or empty.
    pub(super) fn archive(&self) -> Result<Archive> {
        let archive = Archive::builder(&self.inputs)
            .format(self.format.clone())
            .filter(self.filter.clone())
            .temp_dir(&self.temp_dir);
        archive.open()
    }

    /// Bytes that may wait in buckets in memory.
    pub(super) fn held_max(&self) -> usize {
        usize::try_from(self.memory / HELD_SHARE).unwrap_or(usize::MAX)
    }

    /// What the filter keeps of an archive whose newest record ends then; none if that is all.
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

/// What was read of an archive, but for the observations.
pub(super) struct Contents {
    /// The files.
    pub input: Input,
    /// The lines.
    pub records: Records,
    /// The rest of the account.
    pub account: Account,
    /// The ENIs, by name.
    pub enis: Enis,
    /// What Transit Gateways lost, in order of place.
    pub losses: Vec<(Place, Losses)>,
    /// When the newest record ends.
    pub newest_ns: Option<i64>,
    /// When ENIs saw no traffic.
    pub quiet: Coverage,
}

impl<'a> Run<'a> {
    /// Begins to work on `archive`.
    pub(super) fn new(archive: &'a Archive, meter: &'a Meter) -> Self {
        Self {
            archive,
            meter,
            begun: Instant::now(),
        }
    }

    /// Reads everything; `to` is where the observations go.
    ///
    /// # Errors
    /// A file that cannot be read or whose order of columns is not known, no flow log at all, and
    /// observations for which there is no room.
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

    /// Wall time since it began, milliseconds.
    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
