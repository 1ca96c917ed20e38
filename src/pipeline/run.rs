//! Code shared by all subcommands: their request, and how a run begins and ends.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::archive::Enclosure;
use crate::error::{Error, ErrorKind, Result, Unmatched, UnmatchedPart};
use crate::filter::{Filter, FilterWatch};
use crate::flow::{AddressNames, Addresses, Enis, Losses, Place, Shard};
use crate::pipeline::diagnose::Coverage;
use crate::pipeline::event_counts::EventCounts;
use crate::pipeline::kept_events::KeptEvents;
use crate::pipeline::reading::{Observations, Observing};
use crate::pipeline::settling::selection::Selection;
use crate::read::{Account, Archive, ArchiveBuilder, Meter};
use crate::record::Layout;
use crate::summary::{Input, Records};

/// The part of the memory that each of up to three sets of buckets may use.
const HELD_SHARE: u64 = 4;

/// Which events of other AWS logs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventsRead {
    /// None.
    LeftOut,
    /// Those beside flow logs.
    BesideRecords,
    /// Those of any archive, also where no flow log is.
    Alone,
}

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
    /// Files and folders with AWS configuration, of which nothing else is read. A diagnosis and a
    /// report also use the configuration among the inputs.
    pub context: Vec<PathBuf>,
    /// The folders outside of which nothing is read; `None` for no limit.
    pub within: Option<Enclosure>,
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
            context: Vec::new(),
            within: None,
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

    /// Sets the files and folders with AWS configuration.
    #[must_use]
    pub fn context(mut self, context: Vec<PathBuf>) -> Self {
        self.context = context;
        self
    }

    /// Sets the folders outside of which nothing is read.
    #[must_use]
    pub fn within(mut self, within: Option<Enclosure>) -> Self {
        self.within = within;
        self
    }

    /// Lists the files. AWS configuration among them is left out.
    ///
    /// # Errors
    /// An input is missing or empty.
    pub(super) fn archive(&self) -> Result<Archive> {
        self.builder().open()
    }

    /// Lists the files, to read AWS configuration and the events of other AWS logs as well.
    ///
    /// # Errors
    /// An input is missing or empty.
    pub(super) fn archive_and_all_beside(&self) -> Result<Archive> {
        let builder = self.builder_with(EventsRead::BesideRecords);
        builder.context(&self.context).open()
    }

    /// Lists the files, to read the events of other AWS logs as well.
    ///
    /// # Errors
    /// An input is missing or empty.
    pub(super) fn archive_and_events(&self) -> Result<Archive> {
        self.builder_with(EventsRead::Alone).open()
    }

    /// Begins to list the files, to read flow logs, and events of other AWS logs if these are wanted.
    pub(super) fn builder_with(&self, events: EventsRead) -> ArchiveBuilder {
        let builder = self.builder();
        match events {
            EventsRead::LeftOut => builder.with_records(),
            EventsRead::BesideRecords => builder.events().with_records(),
            EventsRead::Alone => builder.events(),
        }
    }

    fn builder(&self) -> ArchiveBuilder {
        Archive::builder(&self.inputs)
            .format(self.format.clone())
            .filter(self.filter.clone())
            .temp_dir(&self.temp_dir)
            .within(self.within.clone())
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

/// Does `work` with a request. Where a name in its filter turns out to be whole and also the
/// beginning of others, does it again with whole names only.
///
/// # Errors
/// What `work` fails with.
pub(super) fn with_names<T>(
    request: &Request,
    mut work: impl FnMut(&Request) -> Result<T>,
) -> Result<T> {
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
    shard: Shard,
    is_part: bool,
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
    /// The events that are not in the account yet, of a part of an archive.
    pub counted: EventCounts,
    /// The ENIs, by name.
    pub enis: Enis,
    /// The names that records give addresses, if they are kept.
    pub names: AddressNames,
    /// Packets lost by Transit Gateways, in order of place.
    pub losses: Vec<(Place, Losses)>,
    /// End of the newest record.
    pub newest_ns: Option<i64>,
    /// Records of traffic.
    pub taken: u64,
    /// Intervals in which ENIs had no traffic.
    pub quiet: Coverage,
    /// The events of other logs that a diagnosis needs.
    pub kept_events: KeptEvents,
    /// Earliest start and latest end of all records, nanoseconds since the Unix epoch.
    pub span_ns: Option<(i64, i64)>,
}

impl Contents {
    /// Whether records could be used, if there are any.
    ///
    /// # Errors
    /// None could.
    pub(super) fn check_readable(&self) -> Result<()> {
        Account::check_readable(self.taken, &self.records)
    }

    /// Whether the filter kept something, where there was something to keep; `used` is the records
    /// that it kept.
    ///
    /// # Errors
    /// Records were read, and the filter keeps none of them.
    pub(super) fn check_kept(&self, request: &Request, used: u64) -> Result<()> {
        let read = ReadForFilter {
            account: &self.account,
            taken: self.taken,
            newest_ns: self.newest_ns,
            span_ns: self.span_ns,
        };
        read.check_kept(request, used)
    }
}

/// What was read, as far as it explains why a filter keeps nothing.
pub(super) struct ReadForFilter<'a> {
    pub account: &'a Account,
    /// Records of traffic, or events of an archive without flow logs.
    pub taken: u64,
    /// End of the newest record.
    pub newest_ns: Option<i64>,
    /// Earliest start and latest end of all records.
    pub span_ns: Option<(i64, i64)>,
}

impl ReadForFilter<'_> {
    /// Whether the filter kept something, as [`Contents::check_kept`] does it.
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
        let parts = watch.parts().iter().enumerate();
        let parts = parts.map(|(index, part)| {
            let counts = noticed.parts().get(index).copied().unwrap_or_default();
            let counts = [counts.alone, counts.others, counts.missing];
            UnmatchedPart::new(&part.to_string(), counts)
        });
        let selection = request.selection(self.newest_ns);
        let unmatched = Unmatched {
            records,
            matching: match filter.condition {
                Some(_) => noticed.matching,
                None => records,
            },
            parts: parts.collect(),
            requested_ns: selection.and_then(|selection| selection.requested_ns()),
            span_ns: self.span_ns,
        };
        Err(ErrorKind::NothingKept(unmatched).into())
    }
}

impl<'a> Run<'a> {
    /// Starts a run on `archive`.
    pub(super) fn new(archive: &'a Archive, meter: &'a Meter) -> Self {
        Self {
            archive,
            meter,
            shard: Shard::WHOLE,
            is_part: false,
            begun: Instant::now(),
        }
    }

    /// Uses only the records of these conversations.
    pub(super) fn of_shard(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// Reads only a part of an archive, with whatever is in it. It is checked when all parts are put
    /// together.
    pub(super) fn of_part(self) -> Self {
        Self {
            is_part: true,
            ..self
        }
    }

    /// Reads everything and passes the observations to `to`.
    ///
    /// # Errors
    /// A file cannot be read or its column order is unknown, there is no flow log or record at all,
    /// a name in the filter is not one of the archive, or there is no space for the observations.
    pub(super) fn read(&self, addresses: Addresses, to: &dyn Observations) -> Result<Contents> {
        let contents = self.survey(addresses, to)?;
        if !self.is_part {
            contents.check_readable()?;
        }
        Ok(contents)
    }

    /// Does the same, but accepts an archive of which no record can be used.
    ///
    /// # Errors
    /// Fails as [`read`](Self::read) does otherwise.
    pub(super) fn survey(&self, addresses: Addresses, to: &dyn Observations) -> Result<Contents> {
        let observing = Observing {
            addresses,
            shard: self.shard,
            to,
        };
        let read = match self.is_part {
            true => self.archive.read_unchecked(&observing, self.meter),
            false => self.archive.read_all(&observing, self.meter),
        };
        let (mut account, observed) = read?;
        let mut counted = observed.events;
        if !self.is_part {
            account.events.add(std::mem::take(&mut counted).into_logs());
        }
        let taken = account.taken();
        let mut records = std::mem::take(&mut account.records);
        records.lost = observed.lost;
        records.assumed = observed.assumed;
        records.unlogged = observed.unlogged;
        records.other_shard = observed.other_shard;
        Ok(Contents {
            input: std::mem::take(&mut account.input),
            records,
            newest_ns: account
                .pruned_newest_ns
                .max(observed.span_ns.map(|(_, end)| end)),
            taken,
            span_ns: observed.span_ns,
            account,
            counted,
            enis: observed.enis.sorted(),
            names: observed.names,
            losses: observed.losses,
            quiet: observed.quiet,
            kept_events: observed.kept_events,
        })
    }

    /// Returns the wall time since the start, milliseconds.
    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
