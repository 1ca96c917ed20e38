//! Files of files: zip and tar archives.
//!
//! Nothing is unpacked to disk. A member is a stream like any other, judged by
//! its own content, so that compressed logs inside an archive are read as well,
//! and however large it claims to be, only the part at hand is in memory. An
//! archive inside an archive is not entered.

use super::{Damage, File, LeftOutReason, Opened, Stream, entry, tarred, zipped};
use crate::error::Result;

/// A file that holds others.
#[derive(Debug)]
pub enum Pack {
    /// A zip archive, whose table of contents has been read.
    Zip(zipped::Zip),
    /// A tar archive, compressed or not.
    Tar(Stream),
}

/// What is known of a member before it is read.
pub(super) struct Header<'a> {
    /// Its path in the archive, as found there.
    pub(super) path: &'a str,
    /// Its octets, compressed where it is.
    pub(super) len: u64,
    /// Why it cannot be read, if so.
    pub(super) reason: Option<LeftOutReason>,
}

impl Pack {
    /// Opens each member of this archive, which is `file`, in their order there.
    ///
    /// # Errors
    /// What `each` returns, which ends the reading. Damage is not an error; it is
    /// returned once everything before it has been handed out.
    pub fn for_each_member(
        self,
        file: &File,
        mut each: impl FnMut(File, Opened) -> Result<()>,
    ) -> Result<Option<Damage>> {
        let each = |header: Header<'_>, open: &mut dyn FnMut() -> Opened| {
            let path = std::path::Path::new(header.path);
            let member = file.member(path, header.len);
            let reason = header.reason.or_else(|| entry::judge_member(header.path));
            each(member, reason.map_or_else(open, Opened::LeftOut))
        };
        match self {
            Self::Zip(zip) => zip.for_each_member(each).map(|()| None),
            Self::Tar(stream) => tarred::for_each_member(stream, each),
        }
    }
}

/// Bytes of a member's path. No file system has longer ones, and S3 has 1,024.
pub(super) const NAME_LEN_MAX: usize = 4096;

/// Why a member is not read whose path has more. Without how many, since each reason is counted.
pub(super) fn too_long() -> LeftOutReason {
    LeftOutReason::NotReadable(format!(
        "a name of more than {NAME_LEN_MAX} bytes in an archive: unpack it first"
    ))
}

/// What `source`, the octets of a member, turns out to be.
pub(super) fn open_member(source: impl std::io::Read + Send + 'static) -> Opened {
    match super::content::open_stream(source) {
        Opened::Pack(_) => Opened::LeftOut(LeftOutReason::PackInPack),
        opened => opened,
    }
}
