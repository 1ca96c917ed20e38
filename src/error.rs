//! Failures that end a run, as kinds with their facts.
//!
//! A message says what failed and where. This module does not know which option helps: a program
//! with options matches on the [`ErrorKind`] and adds that. Bad input is not an error either. A
//! line that does not parse is counted, its first examples are kept, and the run goes on
//! ([`crate::record::Fault`]).

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::printable::number::grouped;
use crate::printable::{printable, shown};

/// A failure that ends the run.
#[derive(Debug)]
pub struct Error {
    kind: Box<ErrorKind>,
}

/// The kind of a failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused an operation.
    #[error("cannot {action} {}", shown(path))]
    Io {
        /// A verb, as in "cannot read FILE".
        action: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// The error from the operating system.
        source: io::Error,
    },
    /// The disk is full, or a quota or a limit is reached.
    #[error("cannot write {}: {said}", shown(path))]
    NoRoom {
        /// The file that was written.
        path: PathBuf,
        /// The error from the operating system.
        said: io::Error,
    },
    /// Temporary data cannot be stored or read back.
    #[error("cannot store {} in {}: {said}", what.name(), shown(folder))]
    NoTemporaryFile {
        /// The data to be stored.
        what: TemporaryData,
        /// The folder for temporary files.
        folder: PathBuf,
        /// The error from the operating system.
        said: io::Error,
    },
    /// None of the inputs is a flow log.
    #[error("no flow log among the inputs{}", listed(left_out, damaged))]
    NoFlowLog {
        /// Files skipped without being read.
        left_out: Vec<NotRead>,
        /// Files that could not be read.
        damaged: Vec<NotRead>,
    },
    /// There are files or row groups, but their paths or statistics show that none matches the
    /// filter.
    #[error("nothing to read: {}", pruned.reason())]
    NothingMatches {
        /// Files or row groups that were pruned.
        pruned: Pruned,
        /// The time that the paths of all files give, nanoseconds since the Unix epoch.
        filed_ns: Option<(i64, i64)>,
    },
    /// Records were read, and the filter keeps none of them.
    #[error("no record matches the filter")]
    NothingKept(Unmatched),
    /// Questions are about events, and no input is a log that has them.
    #[error("no {logs} among the inputs")]
    NoEvents {
        /// The logs that have them.
        logs: &'static str,
    },
    /// Events were read, and the filter keeps none of them.
    #[error("the filter keeps none of {} {what}", grouped(*read))]
    NoEventKept {
        /// How many were read.
        read: u64,
        /// What they are, such as "requests".
        what: &'static str,
    },
    /// The input has lines, and none of them is a record that can be used.
    #[error("no record can be read{}", skipped_lines(skipped))]
    NothingReadable {
        /// Lines in all.
        lines: u64,
        /// The lines that were skipped, by reason.
        skipped: Vec<NotRead>,
    },
    /// A name in the filter is not one of the archive.
    #[error("{}", unknown_name(what, name, known, *known_count, *files_pruned))]
    UnknownName {
        /// What it is the name of, such as "ENI".
        what: &'static str,
        /// The name, fit to be printed.
        name: String,
        /// The first few names of the archive, fit to be printed.
        known: Vec<String>,
        /// How many names the archive has; a thousand for more.
        known_count: u64,
        /// Files that were not opened, whose names are not known.
        files_pruned: u64,
    },
    /// A name in the filter is the beginning of several.
    #[error(
        "{what} {name} is {} {}", if *is_whole { "a whole name and also the beginning of" } else { "the beginning of" },
        several(candidates, *candidates_count)
    )]
    AmbiguousName {
        /// What it is the name of, such as "ENI".
        what: &'static str,
        /// The name, fit to be printed.
        name: String,
        /// The first few names that begin so, fit to be printed.
        candidates: Vec<String>,
        /// How many names begin so; fifty for more.
        candidates_count: u64,
        /// Whether it is itself a name of the archive.
        is_whole: bool,
    },
    /// The requested number is not the number of a finding.
    #[error("no finding {number}; {}", match count { 0 => "there are no findings".to_owned(), 1 => "there is 1 finding".to_owned(), n => format!("there are {n} findings") })]
    NoSuchFinding {
        /// The number.
        number: u64,
        /// How many findings there are.
        count: u64,
    },
    /// A file looks like a flow log, but the order of its columns is unknown.
    #[error("{file}: {why}")]
    UnknownLayout {
        /// The file's name, escaped for printing.
        file: String,
        /// What was found, and what was tried.
        why: String,
        /// A format to complete, with `?` for each unknown column; `None` if there is no evidence
        /// to build one from.
        suggestion: Option<String>,
        /// The header of a file next to it that fits its lines.
        neighbor: Option<NeighborHeader>,
    },
    /// Several of the given formats have as many columns as the lines of a file, and the values do
    /// not decide between them.
    #[error("{file}: {why}")]
    AmbiguousFormats {
        /// The file's name, escaped for printing.
        file: String,
        /// The line, and the formats that it may have.
        why: String,
    },
    /// The records of one connection need more memory than the run may use.
    #[error(
        "not enough memory for one connection, which is rebuilt as a whole: {} and {}, protocol \
         {protocol}, have {} records that become {} packets", ends[0], ends[1], grouped(*records),
         grouped(*packets)
    )]
    NeedsMemory {
        /// Addresses and ports of both ends.
        ends: [SocketAddr; 2],
        /// The IANA protocol number.
        protocol: u8,
        /// The number of their records.
        records: u64,
        /// The number of packets these records become.
        packets: u64,
        /// The memory they need, in bytes.
        needed: u64,
    },
    /// A capture would have more packets than it may have.
    #[error(
        "about {} packets, more than {}, so nothing is written", grouped(*packets), grouped(*limit)
    )]
    TooManyPackets {
        /// The approximate number of packets it would have.
        packets: u64,
        /// The packet limit.
        limit: u64,
        /// Filter expressions, with the approximate number of packets that each leaves.
        suggestions: Vec<(String, u64)>,
        /// Whether the capture cannot have fewer packets of the same records.
        is_coarsest: bool,
    },
    /// The answer to one question has more buckets of time than there is room for.
    #[error("more than {} time buckets", grouped(*limit as u64))]
    TooManyBuckets {
        /// The maximum number of buckets.
        limit: usize,
    },
    /// The request reads the input twice, and standard input can be read only once.
    #[error("{} twice, but standard input can be read only once", purpose.needs())]
    ReadsStdinTwice {
        /// The reason the input is read twice.
        purpose: SecondReading,
    },
    /// No record belongs to the ENI whose view was requested.
    #[error("no record from {name}; the archive has {}", known.join(", "))]
    UnknownEni {
        /// Its name, escaped for printing.
        name: String,
        /// The first few ENIs of the archive, escaped in the same way.
        known: Vec<String>,
    },
    /// There are more input files than can be numbered.
    #[error("more than 2^32 input files")]
    TooManyFiles,
    /// The reader of the output closed it, as `head` does. Rarely a problem.
    #[error("the reader of {} closed it before the end", shown(path))]
    ReaderGone {
        /// The pipe, or "standard output".
        path: PathBuf,
    },
    /// Another thread stopped the run.
    #[error("stopped before it was complete")]
    Stopped,
    /// The run took longer than it may take.
    #[error("not complete within the time that it may take")]
    Late,
    /// The request cannot be carried out; the message says why and what to do next.
    #[error("{0}")]
    Usage(String),
}

/// The kind of data in a temporary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporaryData {
    /// Data that does not fit in memory.
    Overflow,
    /// A table that must be complete before it can be read.
    Table,
}

impl TemporaryData {
    fn name(self) -> &'static str {
        match self {
            Self::Overflow => "temporary data",
            Self::Table => "a table",
        }
    }
}

/// The reason the input is read twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondReading {
    /// A time counts from the newest record, which is known only after all input is read.
    RelativeTime,
    /// A report runs the diagnosis first and then counts.
    Report,
    /// A finding is found first and its connections are converted then.
    Finding,
    /// A query reads its input once for each table.
    Query,
}

impl SecondReading {
    fn needs(self) -> &'static str {
        match self {
            Self::RelativeTime => "a time relative to the newest record reads the input",
            Self::Report => "a report reads its input",
            Self::Finding => "a conversion of one finding reads its input",
            Self::Query => "a query may read its input",
        }
    }
}

/// Why a filter keeps none of the records that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmatched {
    /// Records that were read.
    pub records: u64,
    /// Records that match the filter, but for its time.
    pub matching: u64,
    /// The conditions that must all hold.
    pub parts: Vec<UnmatchedPart>,
    /// The requested time range, in nanoseconds since the Unix epoch; `None` for an open end.
    pub requested_ns: Option<(Option<i64>, Option<i64>)>,
    /// Earliest start and latest end of all records, nanoseconds since the Unix epoch.
    pub span_ns: Option<(i64, i64)>,
}

/// One condition of a filter that keeps nothing, and the records that match it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnmatchedPart {
    /// The condition in the words of a filter, fit to be printed.
    pub condition: String,
    /// Records that match it.
    pub alone: u64,
    /// Records that match all other conditions.
    pub others: u64,
    /// Records that lack the field that it looks at.
    pub missing: u64,
}

impl UnmatchedPart {
    /// A condition, and how many records match it, match all others, and lack its field.
    pub fn new(condition: &str, [alone, others, missing]: [u64; 3]) -> Self {
        Self {
            condition: printable(condition).into_owned(),
            alone,
            others,
            missing,
        }
    }
}

/// Files or row groups that are not read because nothing in them can match the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// The number of files pruned by their paths.
    Files(u64),
    /// The number of row groups pruned by their statistics.
    RowGroups(u64),
}

impl Pruned {
    fn reason(self) -> String {
        match self {
            Self::RowGroups(count) => format!(
                "by their statistics, none of {} row groups can match the filter; choose another time \
                 range",
                grouped(count)
            ),
            Self::Files(count) => format!(
                "by their paths, none of {} files can match the filter; choose a time range, account \
                 and region that occur in their names",
                grouped(count)
            ),
        }
    }
}

/// The header of a file, for another file that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeighborHeader {
    /// The name of the file with the header, escaped for printing.
    pub file: String,
    /// The columns of the header, as a format.
    pub format: String,
}

/// Files that were not read for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotRead {
    /// The number of files.
    pub count: u64,
    /// The reason.
    pub reason: String,
    /// The first of these files, and what was found in it.
    pub example: String,
}

/// Lists one line per reason, with all external text escaped for a terminal.
fn listed(left_out: &[NotRead], damaged: &[NotRead]) -> String {
    let lines = |verb: &str, files: &[NotRead]| {
        let lines = files.iter().map(|file| {
            let (reason, example) = (printable(&file.reason), &file.example);
            format!(
                "\n  {} {verb}: {reason}, such as {example}",
                grouped(file.count)
            )
        });
        lines.collect::<String>()
    };
    lines("left out", left_out) + &lines("not read", damaged)
}

/// One line for each reason, those for which most lines were skipped first.
fn skipped_lines(skipped: &[NotRead]) -> String {
    let mut skipped: Vec<&NotRead> = skipped.iter().collect();
    skipped.sort_by_key(|lines| std::cmp::Reverse(lines.count));
    let lines = skipped.iter().take(REASONS_LISTED).map(|lines| {
        let plural = if lines.count == 1 { "" } else { "s" };
        let (count, reason, example) = (lines.count, printable(&lines.reason), &lines.example);
        format!("\n  {count} line{plural} skipped: {reason}, such as {example}")
    });
    lines.collect()
}

/// Reasons that a message lists.
const REASONS_LISTED: usize = 5;

/// Some of several names, and how many more there are.
fn several(names: &[String], count: u64) -> String {
    let listed = names.join(", ");
    match count.saturating_sub(names.len() as u64) {
        0 => listed,
        more => format!("{listed}, and {more} more"),
    }
}

fn unknown_name(what: &str, name: &str, known: &[String], count: u64, files_pruned: u64) -> String {
    let found = match (known, files_pruned) {
        ([], _) => format!("no record names its {what}"),
        (known, 0) => format!("the archive has {}", several(known, count)),
        (known, pruned) => format!(
            "the files that were read have {} ({pruned} files were not opened)",
            several(known, count)
        ),
    };
    format!("no record of {what} {name}; {found}")
}

impl Error {
    /// Returns the error for a failed operation of the operating system on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        ErrorKind::Io {
            action,
            path: path.to_owned(),
            source,
        }
        .into()
    }

    /// Returns the error for a failed write to `path`, with a kind of its own where that suggests
    /// what to do.
    pub fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::BrokenPipe => ErrorKind::ReaderGone { path },
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => ErrorKind::NoRoom { path, said: source },
            _ => ErrorKind::Io {
                action: "write",
                path,
                source,
            },
        }
        .into()
    }

    /// Returns the error for a request that cannot be carried out; `message` says what to do next.
    pub fn usage(message: impl Into<String>) -> Self {
        ErrorKind::Usage(message.into()).into()
    }

    /// Returns the kind of failure.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind: Box::new(kind),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.kind)
    }
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
