//! The account of a reading: what was read, what was not read, and why.

use serde::{Deserialize, Serialize};

use crate::archive::{File, LeftOut};
use crate::configuration::Configuration;
use crate::error::{Error, ErrorKind, NotRead, Pruned, Result};
use crate::filter::{FilterWatch, NameFound, Noticed, Sifted, WantedName};
use crate::printable::{cut, exact, printable};
use crate::read::configuration;
use crate::read::files::FileYield;
use crate::read::source_names::{ArchiveMember, SourceNames};
use crate::summary::{Example, Input, Reasons, Records};
use crate::survey::{ColumnOrders, EventLogs};

/// The account of a reading: what was read, what was not read, and why.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// Counts of files: read, left out, pruned, damaged.
    pub input: Input,
    /// Counts of lines: records, headers, and skipped lines.
    pub records: Records,
    /// The orders of columns in all files.
    pub columns: ColumnOrders,
    /// Counts of the lines of other AWS logs, if events were wanted. What the sink did with them is
    /// not in it.
    pub events: EventLogs,
    /// The files with events, by the name of their log.
    event_files: Reasons,
    /// The members of each file that holds others.
    #[serde(skip)]
    members: Vec<Vec<ArchiveMember>>,
    /// End of the newest record in the pruned files and row groups, as far as paths and statistics
    /// show.
    pub(crate) pruned_newest_ns: Option<i64>,
    /// What was noted of the names and parts of the filter.
    pub(crate) noticed: Noticed,
    /// The configuration that was found beside the logs.
    #[serde(skip)]
    pub(crate) configuration: Configuration,
}

/// The largest count that an account from a file may have.
const COUNT_MAX: u64 = 1 << 56;

/// Names that a message lists.
const NAMES_LISTED: usize = 10;

/// Characters of a name that a message has room for.
const NAME_SHOWN: usize = 64;

impl Account {
    /// Creates an account that contains only the files that were left out without being opened.
    pub(crate) fn new(left_out: &[LeftOut], sifted: &Sifted) -> Self {
        let mut read = Self {
            pruned_newest_ns: sifted.newest_slot_ns,
            ..Self::default()
        };
        read.input.pruned = sifted.pruned.files;
        read.input.pruned_file_bytes = sifted.pruned.bytes;
        for entry in left_out {
            let place = || Example {
                place: exact(&entry.path),
                found: String::new(),
            };
            read.input.left_out.count(&entry.reason.to_string(), place);
        }
        read
    }

    /// Adds everything in the next file except its part for the sink, which is returned.
    pub(crate) fn append<P>(&mut self, of: &File, file: FileYield<P>) -> P {
        self.members.push(file.members);
        self.append_beside(of, file.input, file.configuration);
        self.pruned_newest_ns = self.pruned_newest_ns.max(file.pruned_newest_ns);
        self.columns.add(file.block.columns);
        self.noticed.append(file.block.noticed);
        self.records.add(file.block.records);
        let events = file.block.events.into_logs();
        for (kind, _) in events.iter() {
            let place = || Example {
                place: exact(&of.path),
                found: String::new(),
            };
            self.event_files.count(&kind.log().to_string(), place);
        }
        self.events.add(events);
        file.block.part
    }

    /// Adds what was read of the files after these, except for their members and configuration.
    pub(crate) fn append_account(&mut self, later: Self) {
        self.input.add(later.input);
        self.records.add(later.records);
        self.columns.add(later.columns);
        self.events.add(later.events);
        self.event_files.add(later.event_files);
        self.pruned_newest_ns = self.pruned_newest_ns.max(later.pruned_newest_ns);
        self.noticed.append(later.noticed);
    }

    /// Whether it can be that of a reading: each line is counted once, and no count is so large that sums
    /// of a few do not fit.
    pub(crate) fn is_possible(&self) -> bool {
        let Input {
            files,
            file_bytes,
            left_out,
            pruned,
            pruned_file_bytes,
            row_groups_pruned,
            rows_pruned,
            damaged,
            ..
        } = &self.input;
        let (left_out, damaged) = (left_out.total(), damaged.total());
        let of_files = [*files, *file_bytes, *pruned, *pruned_file_bytes];
        let of_rows = [*row_groups_pruned, *rows_pruned, left_out, damaged];
        let lines = std::iter::once(self.records.lines);
        let of_events = self.events.iter().flat_map(|(_, log)| {
            let read = [log.events, log.filtered, log.duplicates];
            [log.files, log.lines, log.blank, log.skipped.total()]
                .into_iter()
                .chain(read)
        });
        let mut all = of_files
            .into_iter()
            .chain(of_rows)
            .chain(lines)
            .chain(of_events);
        self.records.adds_up() && all.all(|count| count <= COUNT_MAX)
    }

    /// Adds a file of configuration that is not one of the archive.
    pub(crate) fn append_context<P>(&mut self, of: &File, file: FileYield<P>) {
        self.append_beside(of, file.input, file.configuration);
    }

    fn append_beside(&mut self, of: &File, input: Input, configuration: Configuration) {
        self.input.add(input);
        configuration::append(&mut self.configuration, configuration, &mut self.input, of);
    }

    /// Checks whether there was anything to read.
    ///
    /// # Errors
    /// Fails if there was not a single line of a flow log, and none of another log that is read, or
    /// `needs_records`.
    pub(crate) fn check(
        &self,
        needs_records: bool,
        filed_ns: impl FnOnce() -> Option<(i64, i64)>,
    ) -> Result<()> {
        if self.records.lines > 0 || !(needs_records || self.events.is_empty()) {
            return Ok(());
        }
        let mut input = self.input.clone();
        input.left_out.add(self.event_files.clone());
        Err(nothing_to_read(&input, filed_ns))
    }

    /// Whether a line is a record, one without traffic too, that the sink could use.
    pub(crate) fn has_records(&self) -> bool {
        let r = &self.records;
        r.lines > r.headers + r.blank + r.control + r.skipped.total()
    }

    /// Records of traffic that the sink took.
    pub(crate) fn taken(&self) -> u64 {
        let r = &self.records;
        let others = [r.headers, r.blank, r.control, r.no_data, r.skip_data];
        r.lines - others.iter().sum::<u64>() - r.skipped.total()
    }

    /// Checks that records could be used, of which the sink took `taken`, if there are any. Input
    /// with only header lines, or mostly with records of time without traffic, is legitimate.
    ///
    /// # Errors
    /// Fails if every record of traffic was skipped, and these are more than the other records.
    pub(crate) fn check_readable(taken: u64, records: &Records) -> Result<()> {
        let skipped = &records.skipped;
        let silent = records.no_data + records.skip_data;
        if taken > 0 || skipped.total() <= silent {
            return Ok(());
        }
        let (lines, skipped) = (records.lines, not_read(skipped));
        Err(ErrorKind::NothingReadable { lines, skipped }.into())
    }

    /// Checks that each name in the filter is a name of the archive, or the beginning of one.
    ///
    /// # Errors
    /// Fails if a name is not in the archive and not excluded, or is the beginning of several names.
    pub(crate) fn check_names(&self, watch: &FilterWatch<'_>) -> Result<()> {
        if self.records.lines > 0 && !self.has_records() {
            return Ok(()); // there are no names at all
        }
        let found = watch.found(&self.noticed);
        let mut named = watch.wanted().iter().zip(found);
        named.try_for_each(|(wanted, found)| match found {
            NameFound::One => Ok(()),
            NameFound::OneAndBeginning(others) => Err(ambiguous(wanted, &others, true)),
            NameFound::Several(names) => Err(ambiguous(wanted, &names, false)),
            // A filter for many archives may exclude what one of them does not have.
            NameFound::Unknown(_) if wanted.is_excluded => Ok(()),
            // Of files that are not read only the paths are known.
            NameFound::Unknown(known) if known.is_empty() && self.records.lines == 0 => Ok(()),
            NameFound::Unknown(known) => Err(ErrorKind::UnknownName {
                what: wanted.name.title(),
                name: listed_name(wanted.text),
                known: listed_names(&known),
                known_count: known.len() as u64,
                files_pruned: self.input.pruned,
            }
            .into()),
        })
    }

    /// Returns the names of the members of archives.
    pub(crate) fn member_names(&self) -> impl Iterator<Item = &str> {
        let members = self.members.iter().flatten();
        members.map(|member| &*member.name)
    }

    /// Returns the names for the places of records. `files` are the files that were read.
    pub fn source_names(&self, files: &[File]) -> SourceNames {
        SourceNames::new(files, self.members.clone())
    }
}

fn ambiguous(wanted: &WantedName<'_>, names: &[String], is_whole: bool) -> Error {
    ErrorKind::AmbiguousName {
        what: wanted.name.title(),
        name: listed_name(wanted.text),
        candidates: listed_names(names),
        candidates_count: names.len() as u64,
        is_whole,
    }
    .into()
}

fn listed_name(name: &str) -> String {
    cut(&printable(name), NAME_SHOWN).into_owned()
}

fn listed_names(names: &[String]) -> Vec<String> {
    let names = names.iter().take(NAMES_LISTED);
    names.map(|name| listed_name(name)).collect()
}

/// Returns the error for a run that found no flow log, listing what was skipped, and what there was
/// instead.
fn nothing_to_read(input: &Input, filed_ns: impl FnOnce() -> Option<(i64, i64)>) -> Error {
    let pruned = match (input.row_groups_pruned, input.pruned) {
        (groups @ 1.., _) => Some(Pruned::RowGroups(groups)),
        (0, files @ 1..) if input.files == 0 => Some(Pruned::Files(files)),
        _ => None,
    };
    if let Some(pruned) = pruned {
        let filed_ns = filed_ns();
        return ErrorKind::NothingMatches { pruned, filed_ns }.into();
    }
    ErrorKind::NoFlowLog {
        left_out: not_read(&input.left_out),
        damaged: not_read(&input.damaged),
    }
    .into()
}

fn not_read(reasons: &Reasons) -> Vec<NotRead> {
    let example = |place: &Example| match &place.found[..] {
        "" => printable(&place.place).into_owned(),
        found => format!("{}: {}", printable(&place.place), printable(found)),
    };
    let reasons = reasons.0.iter().map(|(reason, files)| NotRead {
        count: files.count,
        reason: reason.clone(),
        example: files.examples.first().map_or_else(String::new, example),
    });
    reasons.collect()
}
