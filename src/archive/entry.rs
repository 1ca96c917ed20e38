//! What to do with an entry that was found in a folder, or with a member of an archive.
//!
//! Archives are synchronized, mounted and browsed, and each of that leaves files
//! behind. Only what cannot be a log is left out here; whether the rest are logs,
//! their content tells.

use std::fs::Metadata;

use walkdir::DirEntry;

use super::{left_out::LeftOutReason, lookahead::ByteSource};

/// What to do with an entry.
pub(super) enum EntryFate {
    /// Walk into it.
    Folder,
    /// List it.
    File(Metadata),
    /// Leave it out, with all that it holds.
    LeftOut(LeftOutReason),
}

/// Decides about something that was found, or about the typed folder itself.
pub(super) fn judge(entry: &DirEntry) -> EntryFate {
    let is_found = entry.depth() > 0;
    let file_name = entry.file_name();
    if is_found && file_name.as_encoded_bytes().starts_with(b".") {
        return EntryFate::LeftOut(LeftOutReason::Hidden);
    }
    if entry.file_type().is_dir() {
        return EntryFate::Folder;
    }
    if WRITE_TESTS
        .iter()
        .any(|write_test| file_name == *write_test)
    {
        return EntryFate::LeftOut(LeftOutReason::WriteTest);
    }
    if !entry.file_type().is_file() {
        return EntryFate::LeftOut(LeftOutReason::SpecialFile);
    }
    match entry.metadata() {
        Ok(metadata) if metadata.len() == 0 => EntryFate::LeftOut(LeftOutReason::Empty),
        Ok(metadata) => EntryFate::File(metadata),
        Err(error) => EntryFate::LeftOut(LeftOutReason::NotReadable(error.to_string())),
    }
}

/// Why a member at `path` inside an archive is left out, if it is; as in a folder.
pub(super) fn judge_member(path: &str) -> Option<LeftOutReason> {
    let mut parts = path.split('/');
    if parts
        .clone()
        .any(|part| part.starts_with('.') && part != ".")
    {
        return Some(LeftOutReason::Hidden);
    }
    let is_test = parts
        .next_back()
        .is_some_and(|name| WRITE_TESTS.contains(&name));
    is_test.then_some(LeftOutReason::WriteTest)
}

/// What is known of a member of an archive before it is read.
pub(super) struct MemberHeader<'a> {
    /// Its path in the archive, as found there.
    pub(super) path: &'a str,
    /// Its bytes, compressed where it is.
    pub(super) len: u64,
    /// Why it cannot be read, if so.
    pub(super) reason: Option<LeftOutReason>,
}

/// Opens a member; its bytes as they are in the archive once that is unpacked.
pub(super) type OpenMember<'a> = &'a mut dyn FnMut() -> Result<ByteSource, LeftOutReason>;

/// Bytes of a member's path. No file system has longer ones, and S3 has 1,024.
pub(super) const NAME_LEN_MAX: usize = 4096;

/// Why a member is not read whose path has more. Without how many, since each reason is counted.
pub(super) fn too_long() -> LeftOutReason {
    LeftOutReason::NotReadable(format!(
        "a name of more than {NAME_LEN_MAX} bytes in an archive: unpack it first"
    ))
}

/// CloudWatch's export task and load balancers each leave one behind.
const WRITE_TESTS: [&str; 2] = ["aws-logs-write-test", "ELBAccessLogTestFile"];
