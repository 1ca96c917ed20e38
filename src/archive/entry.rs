//! What to do with an entry that was found in a folder.
//!
//! Archives are synchronised, mounted and browsed, and each of that leaves files
//! behind. Only what cannot be a log is left out here; whether the rest are logs,
//! their content tells.

use std::fs::Metadata;

use walkdir::DirEntry;

use super::LeftOutReason;

/// What to do with an entry.
pub(super) enum Verdict {
    /// Walk into it.
    Folder,
    /// List it.
    File(Metadata),
    /// Leave it out, with all that it holds.
    LeftOut(LeftOutReason),
}

/// Decides about something that was found, or about the typed folder itself.
pub(super) fn judge(entry: &DirEntry) -> Verdict {
    let is_found = entry.depth() > 0;
    let file_name = entry.file_name();
    if is_found && file_name.as_encoded_bytes().starts_with(b".") {
        return Verdict::LeftOut(LeftOutReason::Hidden);
    }
    if entry.file_type().is_dir() {
        return Verdict::Folder;
    }
    if WRITE_TESTS
        .iter()
        .any(|write_test| file_name == *write_test)
    {
        return Verdict::LeftOut(LeftOutReason::WriteTest);
    }
    if !entry.file_type().is_file() {
        return Verdict::LeftOut(LeftOutReason::SpecialFile);
    }
    match entry.metadata() {
        Ok(metadata) if metadata.len() == 0 => Verdict::LeftOut(LeftOutReason::Empty),
        Ok(metadata) => Verdict::File(metadata),
        Err(error) => Verdict::LeftOut(LeftOutReason::NotReadable(error.to_string())),
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

/// CloudWatch's export task and load balancers each leave one behind.
const WRITE_TESTS: [&str; 2] = ["aws-logs-write-test", "ELBAccessLogTestFile"];
