//! Files that are not read, and the reasons.
//!
//! Leaving a file out is not a failure, since archives hold more than logs. But it is always
//! reported: the summary counts each [`LeftOut`] by its reason.

use std::{fmt, path::PathBuf};

use super::magic::Magic;

/// A file or folder that is not read.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LeftOut {
    /// The path left out. A folder represents everything in it.
    pub path: PathBuf,
    /// The reason.
    pub reason: LeftOutReason,
}

/// A reason for not reading a file or folder.
///
/// Displays as words that end a summary line, such as "3 files left out: hidden".
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum LeftOutReason {
    /// The same file is already listed, under a name that sorts earlier.
    AlreadyListed,
    /// The file is empty.
    Empty,
    /// The file holds something other than lines of text.
    Format(Magic),
    /// Its name begins with a dot, and the user did not name the file itself.
    Hidden,
    /// A link to one of the folders that contain it.
    LinkLoop,
    /// Compressed data nested more deeply than any tool does.
    NestedTooDeep,
    /// The operating system refused to read it. Holds its message.
    NotReadable(String),
    /// A link out of the folders that may be read.
    Outside,
    /// A zip or tar archive inside another one.
    PackInPack,
    /// A socket, pipe or device that the user did not name.
    SpecialFile,
    /// A file that AWS writes to test whether it has permission to write.
    WriteTest,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyListed => f.write_str("same file as another input"),
            Self::Empty => f.write_str("empty"),
            Self::Format(magic) => magic.fmt(f),
            Self::Hidden => f.write_str("hidden; name the file itself to read it"),
            Self::LinkLoop => f.write_str("link to a folder that contains it"),
            Self::NestedTooDeep => f.write_str("too many layers of compression"),
            Self::NotReadable(message) => write!(f, "unreadable: {message}"),
            Self::Outside => f.write_str("link out of the folders that may be read"),
            Self::PackInPack => f.write_str("archive inside an archive: unpack it first"),
            Self::SpecialFile => f.write_str("not a regular file; name it directly to read it"),
            Self::WriteTest => f.write_str("AWS write test"),
        }
    }
}
