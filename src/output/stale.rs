//! Removes files that killed runs have left next to their outputs.
//!
//! A process that is killed removes no files, but its locks are released. So a file with a
//! temporary name whose lock is free has no owner, and the same is true of its followers. A locked
//! file belongs to a run that is still going, and so do its followers.
//!
//! A replaced file is kept under a temporary name until the last file of the run has its name, and
//! the last file is the leader. So if there is no leader any more, every file of that run has its
//! name, and the replaced files are not needed. Nothing has to be restored here: a file is replaced
//! only by a complete file, in one step, so a file with that name exists at every moment.

use std::{
    fs::{self, File},
    path::Path,
};

use super::passing_name::{followers, is_older, leader, letters};
use super::register::remove;

/// Removes the files in `folder` that no process will finish. Files that cannot be removed stay and
/// do no harm.
pub(super) fn sweep(folder: &Path) {
    for name in passing_names(folder) {
        let Some(letters) = letters(&name) else {
            continue;
        };
        let leader = folder.join(leader(letters));
        if leader.file_name() != Some(name.as_ref()) {
            if is_older(&name) && !leader.exists() {
                remove_free(&folder.join(name));
            }
            continue;
        }
        // Held until all are removed; the leader, which protects the others, comes last.
        let Some(_held) = free(&leader) else { continue };
        let followers = followers(letters);
        let names = passing_names(folder);
        let follow = names.iter().filter(|name| name.starts_with(&followers));
        let removed = follow.map(|name| remove(&folder.join(name)));
        // A folder that could not be removed needs its leader, so that a later run tries again.
        if removed.fold(true, |all, removed| all & removed.is_ok()) {
            let _ = fs::remove_file(leader);
        }
    }
}

/// Removes the file if no process has locked it.
fn remove_free(path: &Path) {
    if let Some(_held) = free(path) {
        let _ = fs::remove_file(path);
    }
}

/// Returns the file, locked by this process, if no process has locked it.
fn free(path: &Path) -> Option<File> {
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    // An older output may be one that this user cannot read, or cannot write.
    let opened = File::open(path).or_else(|_| File::options().write(true).open(path));
    let file = opened.ok()?;
    file.try_lock().is_ok().then_some(file)
}

fn passing_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| letters(name).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates files with these names, of which the first is locked if `locked`; returns the names
    /// that remain after a sweep.
    fn swept(names: &[&str], locked: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let files = names
            .iter()
            .map(|name| File::create(folder.path().join(name)));
        let files: Vec<File> = files.map(Result::unwrap).collect();
        if locked {
            files[0].try_lock().unwrap();
        }
        sweep(folder.path());
        let entries = fs::read_dir(folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    const RUN: [&str; 3] = [
        ".flow2pcap-AbCdEf.part",
        ".flow2pcap-AbCdEf-1.part",
        ".flow2pcap-AbCdEf-1-old.part",
    ];

    #[test]
    fn unlocked_leader_is_removed_with_its_followers() {
        assert_eq!(swept(&RUN, false), [""; 0]);
    }

    #[test]
    fn locked_leader_stays_with_its_followers() {
        assert_eq!(swept(&RUN, true).len(), 3);
    }

    #[test]
    fn replaced_file_is_removed_when_its_run_is_complete() {
        let [_, _, near] = RUN;
        assert_eq!(swept(&[near], false), [""; 0]);
        assert_eq!(swept(&[".flow2pcap-AbCdEf-old.part"], false), [""; 0]);
    }

    #[test]
    fn replaced_file_that_may_be_restored_stays() {
        // In the folder that a link led to, the run's own file has its name before the last file
        // has.
        let far = ".flow2pcap-AbCdEf-old.part";
        assert_eq!(swept(&[far], true), [far]);
    }

    #[test]
    fn files_of_other_programs_stay() {
        let others = [
            ".flow2pcap-AbCdEf-1.part", // its leader may be in another folder
            ".flow2pcap-notes.txt",
            "flow2pcap-AbCdEf.part",
            "out.log",
        ];
        assert_eq!(swept(&others, false), others);
    }
}
