//! Failures that end a run: what failed, on which path, and what to do next.
//!
//! Bad input is not here. A line that does not parse is counted, with its
//! first examples kept, and the run goes on ([`crate::record::Fault`]).

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::printable::shown;

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
    #[error(
        "cannot write {}: {said}; make room there (`df`, `ulimit -f`), or choose another place with -o",
        shown(path)
    )]
    NoRoom {
        /// The file that grew.
        path: PathBuf,
        /// What the operating system said.
        said: io::Error,
    },
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
