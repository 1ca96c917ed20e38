//! An archive to read: its files, their format, and the filter.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::archive::{self, Enclosure, File, LeftOut, Walk, WalkBounds, s3_path};
use crate::error::{ErrorKind, Result, SecondReading};
use crate::filter::{Bound, Filter, FilterWatch, Name, Noticed, RuledOut, Sifted, Span};
use crate::flow::{Addresses, EniIndex, FNV_BASIS, Shard, Unusable, fnv_1a, observe};
use crate::read::account::Account;
use crate::read::checks::ArchiveChecks;
use crate::read::configuration::ConfigurationWish;
use crate::read::files::Files;
use crate::read::meter::Meter;
use crate::read::share::share_of;
use crate::read::sink::{Found, FoundEvent, FoundLines, Sink};
use crate::record::{Field, Interval, Layout, NotPlain, RecentAddresses};
use crate::time::{SECOND_NS, joined, until_ns};

/// The options for opening an archive; see [`Archive::builder`].
#[derive(Clone, Debug)]
pub struct ArchiveBuilder {
    inputs: Vec<PathBuf>,
    format: Option<Layout>,
    filter: Filter,
    temp_dir: PathBuf,
    context: Option<Vec<PathBuf>>,
    within: Option<Enclosure>,
    wants_events: bool,
    wants_records: bool,
    needs_records: bool,
}

impl ArchiveBuilder {
    /// Sets the order of columns in files that do not name theirs.
    #[must_use]
    pub fn format(mut self, format: Option<Layout>) -> Self {
        self.format = format;
        self
    }

    /// Sets the filter for records. By default all records match. Files without matching records
    /// are not opened if their paths show it, and row groups of a table are not read if their
    /// statistics show it.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets the folder for tables that arrive compressed or through a pipe, which must be stored
    /// completely before they can be read. The default is the system's folder for temporary files.
    #[must_use]
    pub fn temp_dir(mut self, temp_dir: &Path) -> Self {
        temp_dir.clone_into(&mut self.temp_dir);
        self
    }

    /// Reads nothing outside of these folders, not even through a link in them. By default links are
    /// followed wherever they lead.
    #[must_use]
    pub fn within(mut self, within: Option<Enclosure>) -> Self {
        self.within = within;
        self
    }

    /// Keeps the AWS configuration that lies among the inputs, and reads that in `context`: files and
    /// folders of which nothing else is read. By default files of configuration are left out.
    #[must_use]
    pub(crate) fn context(mut self, context: &[PathBuf]) -> Self {
        self.context = Some(context.to_vec());
        self
    }

    /// Reads load balancer logs, CloudTrail, Resolver query logs and other AWS logs among the inputs,
    /// and passes their [events](crate::event) to [`Sink::event`]. By default these files are left
    /// out.
    #[must_use]
    pub fn events(mut self) -> Self {
        self.wants_events = true;
        self
    }

    /// Leaves out text that is a flow log. Records inside JSON are still passed on.
    #[must_use]
    pub fn without_records(mut self) -> Self {
        self.wants_records = false;
        self
    }

    /// Requires records of flow logs: an archive that has only events is then one with nothing to read.
    #[must_use]
    pub(crate) fn with_records(mut self) -> Self {
        self.needs_records = true;
        self
    }

    /// Lists the files.
    ///
    /// # Errors
    /// Fails if an input is missing or cannot be opened, if a folder has no file to read, or if
    /// standard input is given twice.
    pub fn open(self) -> Result<Archive> {
        let within = self.within.as_ref();
        let may_match = |folder: &str| self.filter.may_match_below(folder);
        let bounds = WalkBounds {
            within,
            may_match: (!self.filter.wants_all()).then_some(&may_match),
        };
        let Walk { files, left_out } = archive::walk_within(&self.inputs, bounds)?;
        let walked = files.iter().map(|file| file.path.clone()).collect();
        let sifted = self.filter.sift(files);
        u32::try_from(sifted.files.len()).map_err(|_| ErrorKind::TooManyFiles)?;
        #[cfg(feature = "s3")]
        archive::read_ahead(&sifted.files);
        let context = match &self.context {
            Some(paths) if !paths.is_empty() => {
                let bounds = WalkBounds {
                    within,
                    may_match: None,
                };
                archive::walk_within(paths, bounds)?.files
            }
            _ => Vec::new(),
        };
        let wish = match self.context {
            Some(_) => ConfigurationWish::beside_logs(),
            None => ConfigurationWish::nothing(),
        };
        Ok(Archive {
            walked,
            part: 0..sifted.files.len(),
            sifted,
            left_out,
            context,
            wish,
            wants_events: self.wants_events,
            wants_records: self.wants_records,
            needs_records: self.needs_records,
            format: self.format,
            filter: self.filter,
            temp_dir: self.temp_dir,
            within: self.within,
        })
    }
}

/// Files of flow logs in any format: text, CSV, gzip, zstd, zip, tar, JSON in all its forms,
/// Parquet, OCSF.
#[derive(Clone, Debug)]
pub struct Archive {
    walked: Vec<PathBuf>,
    sifted: Sifted,
    /// The files to read, among those that may match.
    part: Range<usize>,
    left_out: Vec<LeftOut>,
    format: Option<Layout>,
    filter: Filter,
    temp_dir: PathBuf,
    context: Vec<File>,
    within: Option<Enclosure>,
    wish: ConfigurationWish,
    wants_events: bool,
    wants_records: bool,
    needs_records: bool,
}

impl Archive {
    /// Opens files, folders with everything below them, or `-` for standard input, to read all
    /// records.
    ///
    /// # Errors
    /// See [`ArchiveBuilder::open`].
    pub fn open(inputs: &[PathBuf]) -> Result<Self> {
        Self::builder(inputs).open()
    }

    /// Returns a builder to open the same inputs with a format or a filter.
    pub fn builder(inputs: &[PathBuf]) -> ArchiveBuilder {
        ArchiveBuilder {
            inputs: inputs.to_vec(),
            format: None,
            filter: Filter::default(),
            temp_dir: std::env::temp_dir(),
            context: None,
            within: None,
            wants_events: false,
            wants_records: true,
            needs_records: false,
        }
    }

    /// Returns the files to read, in order, without those that cannot hold a matching record.
    pub fn files(&self) -> &[File] {
        &self.sifted.files[self.part.clone()]
    }

    /// Returns the same archive, of which only the files of one shard are read: consecutive files, about
    /// as long as those of each other shard. The first shard also has the files that are not opened.
    #[must_use]
    pub(crate) fn of_shard(mut self, shard: Shard) -> Self {
        self.part = share_of(&self.sifted.files, shard);
        if !shard.is_first() {
            self.left_out = Vec::new();
            self.sifted.pruned = RuledOut::default();
        }
        self
    }

    /// Returns how many files are before those to read.
    pub(crate) fn files_before(&self) -> usize {
        self.part.start
    }

    /// Returns what a reading is checked for when all of it is done.
    pub(crate) fn checks(&self) -> ArchiveChecks {
        ArchiveChecks {
            needs_records: self.needs_records,
            filed_ns: self.filed_ns(),
        }
    }

    /// Returns a hash of the names and lengths of all files that may match. Archives with the same one
    /// are the same, as far as that can be seen without reading them.
    pub(crate) fn digest(&self) -> u64 {
        let files = self.sifted.files.iter();
        files.fold(FNV_BASIS, |hash, file| {
            let hash = fnv_1a(hash, file.name.as_bytes());
            fnv_1a(hash, format!(" {}\n", file.len).as_bytes())
        })
    }

    /// Returns the paths of all files, including those that cannot hold a matching record.
    pub fn paths(&self) -> &[PathBuf] {
        &self.walked
    }

    /// Returns the same archive, to be read again without its text that is a flow log. All events match:
    /// a filter may name what only records have.
    pub(crate) fn events_alone(&self) -> Self {
        Self {
            wants_records: false,
            needs_records: false,
            filter: Filter::default(),
            ..self.clone()
        }
    }

    /// Whether standard input is one of the files. It can be read only once.
    pub fn has_stdin(&self) -> bool {
        self.sifted.files.iter().any(File::is_stdin)
    }

    /// Passes every record that matches the filter to `sink`, on all threads of rayon's current
    /// pool. Returns the account of the reading, and the part of the sink.
    ///
    /// Everything is read once, or twice if the filter's time is relative to the newest record.
    ///
    /// # Errors
    /// Fails if a file that the user named cannot be read, if a file has an unknown order of
    /// columns, if there is no flow log at all, if a name in the filter is not one
    /// of the archive, if the filter's time is relative and the input is
    /// standard input, or if the sink fails.
    pub fn read<S: Sink>(&self, sink: &S) -> Result<(Account, S::Part)> {
        self.read_with(sink, &Meter::default())
    }

    /// Like [`read`](Self::read), with a `meter` that shows the progress to another thread.
    ///
    /// # Errors
    /// See [`read`](Self::read).
    pub fn read_with<S: Sink>(&self, sink: &S, meter: &Meter) -> Result<(Account, S::Part)> {
        let newest_ns = self.newest_ns(meter)?;
        let matching = self.matching(sink, newest_ns);
        let (mut account, part) = self.read_all(&matching, meter)?;
        account.records.used = part.used;
        account.records.filtered = part.filtered;
        Ok((account, part.part))
    }

    /// Passes the records and events of `files`, some of [`files`](Self::files), that match the
    /// filter to `sink`, where the newest record of the archive ends at `newest_ns`. It is no error
    /// if there are none. Places count the files from the first of `files`.
    ///
    /// # Errors
    /// Fails if a file that the user named cannot be read, if a file has an unknown order of
    /// columns, or if the sink fails.
    #[cfg(feature = "sql")]
    pub(crate) fn read_files<S: Sink>(
        &self,
        files: &[File],
        newest_ns: Option<i64>,
        sink: &S,
        meter: &Meter,
    ) -> Result<Account> {
        let matching = self.matching(sink, newest_ns);
        let watch = FilterWatch::default();
        let (mut account, mut all) = (Account::default(), MatchingPart::default());
        let mut of = files.iter();
        self.files_for(&matching, &watch, meter)
            .read(files, |file| {
                if let Some(of) = of.next() {
                    matching.append(&mut all, account.append(of, file));
                }
            })?;
        account.records.used = all.used;
        account.records.filtered = all.filtered;
        Ok(account)
    }

    fn matching<'s, S: Sink>(&self, sink: &'s S, newest_ns: Option<i64>) -> Matching<'s, S> {
        Matching {
            sink,
            span: self.filter.span(newest_ns.unwrap_or(i64::MAX)),
            wants_any_time: self.filter.from.is_none() && self.filter.to.is_none(),
        }
    }

    /// Passes every record to `sink`, including those that do not match. Pruned files are not read.
    ///
    /// # Errors
    /// See [`read`](Self::read).
    pub(crate) fn read_all<S: Sink>(&self, sink: &S, meter: &Meter) -> Result<(Account, S::Part)> {
        let (account, all) = self.read_unchecked(sink, meter)?;
        self.checks()
            .check(&account, self.filter.condition.as_ref())?;
        Ok((account, all))
    }

    /// Does the same, and does not check that there was something to read, nor the names in the filter.
    ///
    /// # Errors
    /// See [`read`](Self::read), but for these.
    pub(crate) fn read_unchecked<S: Sink>(
        &self,
        sink: &S,
        meter: &Meter,
    ) -> Result<(Account, S::Part)> {
        let mut account = Account::new(&self.left_out, &self.sifted);
        let mut all = S::Part::default();
        meter.begin_reading(self.files(), false);
        let watch = FilterWatch::new(self.filter.condition.as_ref());
        let mut of = self.files().iter();
        self.files_for(sink, &watch, meter)
            .read(self.files(), |file| {
                if let Some(of) = of.next() {
                    sink.append(&mut all, account.append(of, file));
                }
            })?;
        self.read_context(&mut account, meter)?;
        self.note_paths(&watch, &mut account.noticed);
        Ok((account, all))
    }

    /// Reads the files that hold nothing but configuration.
    fn read_context(&self, account: &mut Account, meter: &Meter) -> Result<()> {
        let wish = ConfigurationWish::of_everything();
        let watch = FilterWatch::default();
        let files = Files {
            configuration: &wish,
            wants_events: false,
            ..self.files_for(&Newest, &watch, meter)
        };
        let mut of = self.context.iter();
        files.read(&self.context, |file| {
            if let Some(of) = of.next() {
                account.append_context(of, file);
            }
        })?;
        account.configuration.complete();
        Ok(())
    }

    /// Returns the end of the newest record if the filter's time is relative to it. This reads all
    /// files.
    ///
    /// # Errors
    /// Fails if files cannot be read, including standard input, which cannot be read twice.
    pub(crate) fn newest_ns(&self, meter: &Meter) -> Result<Option<i64>> {
        if !self.has_relative_time() {
            return Ok(None);
        }
        if self.has_stdin() {
            let purpose = SecondReading::RelativeTime;
            return Err(ErrorKind::ReadsStdinTwice { purpose }.into());
        }
        // Shards too must know it, so all files are read.
        let files = &self.sifted.files;
        meter.begin_reading(files, true);
        let mut newest_ns = self.sifted.newest_slot_ns;
        let mut newest_event_ns = None;
        let watch = FilterWatch::default();
        self.files_for(&Newest, &watch, meter).read(files, |file| {
            let of_file = file.block.part;
            newest_ns = newest_ns.max(file.pruned_newest_ns).max(of_file.record_ns);
            newest_event_ns = newest_event_ns.max(of_file.event_ns);
        })?;
        // With records, the time range is the same whether events are wanted or not.
        Ok(newest_ns.or(newest_event_ns))
    }

    /// Notes the accounts and regions in the paths of all files, those too that are not opened.
    fn note_paths(&self, watch: &FilterWatch<'_>, noticed: &mut Noticed) {
        if watch.wanted().is_empty() {
            return;
        }
        let paths = self.walked.iter().filter_map(|path| path.to_str());
        for path in paths.filter_map(s3_path::parse) {
            watch.note(noticed, Name::Account, path.account.as_bytes());
            watch.note(noticed, Name::Region, path.region.as_bytes());
        }
    }

    /// The time that the paths of all files give, nanoseconds since the Unix epoch.
    fn filed_ns(&self) -> Option<(i64, i64)> {
        let paths = self.walked.iter().filter_map(|path| path.to_str());
        let filed = paths.filter_map(|path| s3_path::parse(path)?.filed_s);
        let ns = |s: i64| s.saturating_mul(SECOND_NS);
        let filed = filed.map(|(from, to)| Some((ns(from), ns(to))));
        filed.reduce(joined).flatten()
    }

    fn files_for<'a, S: Sink>(
        &'a self,
        sink: &'a S,
        watch: &'a FilterWatch<'a>,
        meter: &'a Meter,
    ) -> Files<'a, S> {
        Files {
            format: self.format.as_ref(),
            filter: &self.filter,
            watch,
            wanted: self.sifted.wanted.as_ref(),
            temp_dir: &self.temp_dir,
            inputs: &self.sifted.files,
            within: self.within.as_ref(),
            configuration: &self.wish,
            wants_events: self.wants_events,
            wants_records: self.wants_records,
            meter,
            sink,
        }
    }

    fn has_relative_time(&self) -> bool {
        let bounds = [self.filter.from, self.filter.to];
        let mut bounds = bounds.iter().flatten();
        bounds.any(|bound| matches!(bound, Bound::BeforeNewest(_)))
    }
}

/// A sink that keeps the end of the newest record.
struct Newest;

/// The end of the newest record, and the time of the newest event.
#[derive(Clone, Copy, Default)]
struct NewestTimes {
    record_ns: Option<i64>,
    event_ns: Option<i64>,
}

impl Sink for Newest {
    type Part = NewestTimes;

    fn record(&self, newest: &mut NewestTimes, found: &Found<'_>) -> Result<(), Unusable> {
        let (o, _) = observe(found.record, Addresses::Packet, EniIndex(0), found.place)?;
        newest.record_ns = newest.record_ns.max(Some(o.end_ns));
        Ok(())
    }

    fn event(&self, newest: &mut NewestTimes, found: &FoundEvent<'_>) {
        newest.event_ns = newest.event_ns.max(Some(found.event.instant_ns));
    }

    fn append(&self, newest: &mut NewestTimes, later: NewestTimes) {
        newest.record_ns = newest.record_ns.max(later.record_ns);
        newest.event_ns = newest.event_ns.max(later.event_ns);
    }
}

/// A sink that passes on the records that match.
struct Matching<'a, S> {
    sink: &'a S,
    span: Span,
    wants_any_time: bool,
}

/// The part of a sink for the matching records, and the numbers of matching and other records.
#[derive(Default)]
struct MatchingPart<P> {
    part: P,
    recent: RecentAddresses,
    used: u64,
    filtered: u64,
}

impl<S: Sink> Matching<'_, S> {
    fn is_then(&self, found: &Found<'_>) -> bool {
        self.wants_any_time || self.is_within(found.record.interval())
    }

    fn is_within(&self, times: Option<Interval>) -> bool {
        times.is_some_and(|times| self.span.overlaps(times.start_ns, until_ns(times.end_ns)))
    }
}

impl<S: Sink> Sink for Matching<'_, S> {
    type Part = MatchingPart<S::Part>;

    fn fields(&self) -> Option<&[Field]> {
        self.sink.fields()
    }

    fn begin(&self, records: usize) -> Self::Part {
        MatchingPart {
            part: self.sink.begin(records),
            ..MatchingPart::default()
        }
    }

    #[inline]
    fn record(&self, part: &mut Self::Part, found: &Found<'_>) -> Result<(), Unusable> {
        if found.matches == Some(true) && self.is_then(found) {
            self.sink.record(&mut part.part, found)?;
            part.used += 1;
        } else {
            part.filtered += 1;
        }
        Ok(())
    }

    fn silence(&self, part: &mut Self::Part, found: &Found<'_>) {
        if found.matches == Some(true) && self.is_then(found) {
            self.sink.silence(&mut part.part, found);
        }
    }

    fn takes_plain(&self) -> bool {
        self.sink.takes_plain()
    }

    #[inline(always)]
    fn plain_lines(&self, part: &mut Self::Part, found: &FoundLines<'_>) -> Result<(), NotPlain> {
        let are_then = self.wants_any_time
            || found.all_or_none(|line| Ok(self.is_within(line.interval()?)))?;
        match are_then {
            true => self.sink.plain_lines(&mut part.part, found)?,
            false => found.lines.check(&mut part.recent)?,
        }
        let flows = found.flows();
        match are_then {
            true => part.used += flows,
            false => part.filtered += flows,
        }
        Ok(())
    }

    fn event(&self, part: &mut Self::Part, found: &FoundEvent<'_>) {
        let instant_ns = found.event.instant_ns;
        let is_then = || self.span.overlaps(instant_ns, instant_ns.saturating_add(1));
        if found.matches == Some(true) && (self.wants_any_time || is_then()) {
            self.sink.event(&mut part.part, found);
        }
    }

    fn complete(&self, part: &mut Self::Part, base: u64) -> Result<()> {
        self.sink.complete(&mut part.part, base)
    }

    fn append(&self, part: &mut Self::Part, later: Self::Part) {
        self.sink.append(&mut part.part, later.part);
        part.used += later.used;
        part.filtered += later.filtered;
    }
}
