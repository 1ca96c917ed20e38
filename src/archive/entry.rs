//! Decides what to do with an entry of a folder or a member of an archive.
//!
//! Archives are synchronized, mounted, and browsed, and each of these leaves extra files. Only
//! entries that cannot be logs are left out here. The content of the others decides whether they
//! are logs.

use std::fs::Metadata;

use walkdir::DirEntry;

use super::{left_out::LeftOutReason, lookahead::ByteSource};

/// The decision about an entry.
pub(super) enum EntryFate {
    /// A folder to walk.
    Folder,
    /// A file to list.
    File(Metadata),
    /// An entry to leave out with everything in it.
    LeftOut(LeftOutReason),
}

/// Decides about an entry that was found, or about the folder that the user named.
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

/// Returns why a member at `path` inside an archive is left out, if it is. The rules are those for
/// folders.
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

/// Facts about a member of an archive that are known before it is read.
pub(super) struct MemberHeader<'a> {
    /// Its path as written in the archive.
    pub(super) path: &'a str,
    /// Its length in the archive in bytes, compressed if it is compressed.
    pub(super) len: u64,
    /// Why it cannot be read, if it cannot.
    pub(super) reason: Option<LeftOutReason>,
}

/// Opens a member and returns its bytes as they are stored in the unpacked archive.
pub(super) type OpenMember<'a> = &'a mut dyn FnMut() -> Result<ByteSource, LeftOutReason>;

/// Longest path of a member, in bytes. No file system has longer ones, and S3 allows 1,024.
pub(super) const NAME_LEN_MAX: usize = 4096;

/// Returns the reason for a member whose path is too long. It does not contain the length, since
/// files are counted by reason.
pub(super) fn too_long() -> LeftOutReason {
    LeftOutReason::NotReadable(format!(
        "member name longer than {NAME_LEN_MAX} bytes: unpack the archive first"
    ))
}

/// Test files that CloudWatch's export task and load balancers leave in a bucket.
const WRITE_TESTS: [&str; 2] = ["aws-logs-write-test", "ELBAccessLogTestFile"];
