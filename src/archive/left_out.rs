//! Files that are not read, and why.
//!
//! Leaving a file out is not a failure: archives hold more than logs. It is
//! never silent either; the summary counts each [`LeftOut`] by its reason.

use std::{fmt, path::PathBuf};

use super::magic::Magic;

/// A file or folder that is not read.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LeftOut {
    /// What is left out; a folder stands for all that it holds.
    pub path: PathBuf,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why a file or folder is not read.
///
/// Displays as words that end a summary line, such as "3 files left out: hidden".
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum LeftOutReason {
    /// The same file is listed already, under a name that sorts before.
    AlreadyListed,
    /// It holds no byte.
    Empty,
    /// It holds something that is not lines of text.
    Format(Magic),
    /// Its name begins with a dot, and it was found, not typed.
    Hidden,
    /// A link to one of the folders it stands in.
    LinkLoop,
    /// Gzip inside gzip, more often than any tool does.
    NestedTooDeep,
    /// The operating system refused it; its message.
    NotReadable(String),
    /// A zip or tar archive inside another one.
    PackInPack,
    /// A socket, pipe or device that was found, not typed.
    SpecialFile,
    /// What AWS writes to see whether it may write.
    WriteTest,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyListed => f.write_str("the same file is listed already"),
            Self::Empty => f.write_str("empty"),
            Self::Format(magic) => magic.fmt(f),
            Self::Hidden => f.write_str("hidden; name the file itself to read it"),
            Self::LinkLoop => f.write_str("a link to a folder around it"),
            Self::NestedTooDeep => f.write_str("compressed too many times over"),
            Self::NotReadable(message) => write!(f, "not readable: {message}"),
            Self::PackInPack => f.write_str("an archive inside an archive: unpack it first"),
            Self::SpecialFile => f.write_str("not a regular file; name it itself to read it"),
            Self::WriteTest => f.write_str("a write test of AWS"),
        }
    }
}
