//! Failures that end a run, as kinds with their facts.
//!
//! A message says what failed and where. Which option helps is not known here: a program that
//! has options matches on the [`ErrorKind`] and says so itself. Bad input is not here either. A line that does not parse is counted, with its
//! first examples kept, and the run goes on ([`crate::record::Fault`]).

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

/// What failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused something.
    #[error("cannot {action} {}", shown(path))]
    Io {
        /// A verb, as in "cannot read FILE".
        action: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk is full, or a quota or a limit is reached.
    #[error("cannot write {}: {said}", shown(path))]
    NoRoom {
        /// The file that grew.
        path: PathBuf,
        /// What the operating system said.
        said: io::Error,
    },
    /// Temporary data cannot be kept or read again.
    #[error("cannot keep {} in {}: {said}", what.name(), shown(folder))]
    NoTemporaryFile {
        /// What was to be kept.
        what: TemporaryData,
        /// The folder of temporary files.
        folder: PathBuf,
        /// What the operating system said.
        said: io::Error,
    },
    /// None of the inputs is a flow log.
    #[error("no flow log among the inputs{}", listed(left_out, damaged))]
    NoFlowLog {
        /// What was left out without being read.
        left_out: Vec<NotRead>,
        /// What could not be read.
        damaged: Vec<NotRead>,
    },
    /// Files or row groups are there, and what is known of them says that none matches the filter.
    #[error("nothing to read: {}", pruned.reason())]
    NothingMatches {
        /// What was pruned.
        pruned: Pruned,
    },
    /// A file looks like a flow log, and the order of its columns is not known.
    #[error("{file}: {why}")]
    UnknownLayout {
        /// The file's name, fit to be printed.
        file: String,
        /// What was found, and what was tried.
        why: String,
        /// A format to complete, `?` for each column that is not known; none if there is nothing
        /// to go by.
        suggestion: Option<String>,
    },
    /// The records of one connection need more memory than the run may take.
    #[error(
        "not enough memory for one connection, which is rebuilt as a whole: {} and {}, protocol \
         {protocol}, have {} records that become {} packets", ends[0], ends[1], grouped(*records),
         grouped(*packets)
    )]
    NeedsMemory {
        /// Addresses and ports of both ends.
        ends: [SocketAddr; 2],
        /// The IANA number of the protocol.
        protocol: u8,
        /// Their records.
        records: u64,
        /// The packets that these become.
        packets: u64,
        /// Bytes of memory that they need.
        needed: u64,
    },
    /// A capture would have more packets than it may have.
    #[error(
        "about {} packets, more than {}, so nothing is written", grouped(*packets), grouped(*limit)
    )]
    TooManyPackets {
        /// Packets that it would have, about.
        packets: u64,
        /// Packets that it may have.
        limit: u64,
        /// Filter expressions, and the packets that each leaves, about.
        suggestions: Vec<(String, u64)>,
    },
    /// The answer to one question has more buckets of time than there is room for.
    #[error("more than {} time buckets", grouped(*limit as u64))]
    TooManyBuckets {
        /// How many there is room for.
        limit: usize,
    },
    /// What was asked for needs the input twice, and standard input can be read once.
    #[error("{} twice, and standard input can be read once", purpose.needs())]
    ReadsStdinTwice {
        /// What needs it twice.
        purpose: SecondReading,
    },
    /// No record is of the ENI whose view was to be used.
    #[error("no record of {name}; the archive has {}", known.join(", "))]
    UnknownEni {
        /// Its name, fit to be printed.
        name: String,
        /// The first few ENIs of the archive, likewise.
        known: Vec<String>,
    },
    /// More input files than can be numbered.
    #[error("more than 2^32 input files")]
    TooManyFiles,
    /// Whoever read the output closed it, as `head` does; seldom worth an alarm.
    #[error("the reader of {} closed it before the end", shown(path))]
    ReaderGone {
        /// The pipe, or "standard output".
        path: PathBuf,
    },
    /// What was asked for cannot be done; the message says why and what to do next.
    #[error("{0}")]
    Usage(String),
}

/// What is kept in a temporary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporaryData {
    /// What has no room in memory.
    Overflow,
    /// A table that has to be whole before it can be read.
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

/// Why the input is read twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondReading {
    /// A time counts from the newest record, which is known when all is read.
    RelativeTime,
    /// A report diagnoses first and counts then.
    Report,
}

impl SecondReading {
    fn needs(self) -> &'static str {
        match self {
            Self::RelativeTime => "a time that counts from the newest record has its input read",
            Self::Report => "a report reads its input",
        }
    }
}

/// What is not read because nothing in it can match the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// So many files, by their paths.
    Files(u64),
    /// So many row groups, by their statistics.
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

/// Files that were not read for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotRead {
    /// How many.
    pub count: u64,
    /// The reason.
    pub reason: String,
    /// The first of them, and what was found there.
    pub example: String,
}

/// One line for each reason, all text from outside made fit for a terminal.
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

impl Error {
    /// A failure of the operating system at `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        ErrorKind::Io {
            action,
            path: path.to_owned(),
            source,
        }
        .into()
    }

    /// A write to `path` that failed, which is a kind of its own where that says what to do.
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

    /// A request that cannot be met; `message` says what to do next.
    pub fn usage(message: impl Into<String>) -> Self {
        ErrorKind::Usage(message.into()).into()
    }

    /// What failed.
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

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
