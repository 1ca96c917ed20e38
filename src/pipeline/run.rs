//! What all subcommands share: what they are asked, and how a run begins and ends.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result, Unmatched, UnmatchedPart};
use crate::filter::{Filter, FilterWatch};
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

/// Does `work` with a request. Where a name in its filter turns out to be whole and also the
/// beginning of others, does it again with whole names only.
///
/// # Errors
/// What `work` fails with.
pub(super) fn with_names<T>(request: &Request, work: impl Fn(&Request) -> Result<T>) -> Result<T> {
    let again = match work(request) {
        Err(error) if is_whole_name(&error) => error,
        done => return done,
    };
    if request.inputs.iter().any(|input| input == Path::new("-")) {
        return Err(again);
    }
    let mut request = request.clone();
    let condition = request.filter.condition.take();
    request.filter.condition = condition.map(|condition| condition.with_whole_names());
    work(&request)
}

fn is_whole_name(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AmbiguousName { is_whole: true, .. }
    )
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
    /// Records of traffic.
    pub taken: u64,
    /// When ENIs saw no traffic.
    pub quiet: Coverage,
    /// Earliest start and latest end of all records, nanoseconds since the Unix epoch.
    pub span_ns: Option<(i64, i64)>,
}

impl Contents {
    /// Whether the filter kept something, where there was something to keep; `used` is the records
    /// that it kept.
    ///
    /// # Errors
    /// Records were read, and the filter keeps none of them.
    pub(super) fn check_kept(&self, request: &Request, used: u64) -> Result<()> {
        let filter = &request.filter;
        let records = self.taken;
        if used > 0 || records == 0 || filter.wants_all() {
            return Ok(());
        }
        let watch = FilterWatch::new(filter.condition.as_ref());
        let noticed = &self.account.noticed;
        let parts = watch.parts().iter().zip(noticed.parts());
        let parts = parts.map(|(part, counts)| {
            let counts = [counts.alone, counts.others, counts.missing];
            UnmatchedPart::new(&part.to_string(), counts)
        });
        let mut unmatched = Unmatched::default();
        unmatched.records = records;
        unmatched.matching = match filter.condition {
            Some(_) => noticed.matching,
            None => records,
        };
        unmatched.parts = parts.collect();
        let selection = request.selection(self.newest_ns);
        unmatched.requested_ns = selection.and_then(|selection| selection.requested_ns());
        unmatched.span_ns = self.span_ns;
        Err(ErrorKind::NothingKept(unmatched).into())
    }
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
    /// A file that cannot be read or whose order of columns is not known, no flow log or record at
    /// all, a name in the filter that the archive does not have, and
    /// observations for which there is no room.
    pub(super) fn read(&self, addresses: Addresses, to: &dyn Observations) -> Result<Contents> {
        let observing = Observing { addresses, to };
        let (mut account, observed) = self.archive.read_all(&observing, self.meter)?;
        account.check_readable()?;
        let taken = account.taken();
        let mut records = std::mem::take(&mut account.records);
        records.lost = observed.lost;
        records.assumed = observed.assumed;
        Ok(Contents {
            input: std::mem::take(&mut account.input),
            records,
            newest_ns: account
                .pruned_newest_ns
                .max(observed.span_ns.map(|(_, end)| end)),
            taken,
            span_ns: observed.span_ns,
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
