//! What runs that were killed have left beside their outputs, and how it goes.
//!
//! A process that is killed removes nothing, but its locks go with it. So a file under a passing
//! name whose lock is free belongs to nobody, and with it go those that follow it. A file that is
//! locked belongs to a run that goes on, and so do those that follow it.
//!
//! What a finished file replaced is kept under a passing name until the last file of its run has its
//! name, and that is the one that leads. So where none leads any more, every file of that run has
//! its name, and what they replaced has no use. Nothing comes back here: a file is only ever
//! replaced by one that is whole, in one step, so there is no moment without a file of that name.

use std::{
    fs::{self, File},
    path::Path,
};

use super::passing_name::{followers, is_older, leader, letters};

/// Removes from `folder` what nobody will finish. What cannot be removed stays: it is in nobody's way.
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
        // Held until all are gone, the one that says so of the others last.
        let Some(_held) = free(&leader) else { continue };
        let followers = followers(letters);
        for name in passing_names(folder) {
            if name.starts_with(&followers) {
                let _ = fs::remove_file(folder.join(name));
            }
        }
        let _ = fs::remove_file(leader);
    }
}

/// Removes the file if nobody has locked it.
fn remove_free(path: &Path) {
    if let Some(_held) = free(path) {
        let _ = fs::remove_file(path);
    }
}

/// The file, locked by us, if nobody has locked it.
fn free(path: &Path) -> Option<File> {
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    // An older output may be one that we may not read, or not write.
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

    /// Leaves files of these names, of which the first is locked, if at all; returns what a sweep
    /// leaves of them.
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
    fn what_nobody_has_locked_goes_with_all_that_follows_it() {
        assert_eq!(swept(&RUN, false), [""; 0]);
    }

    #[test]
    fn what_is_locked_stays_with_all_that_follows_it() {
        assert_eq!(swept(&RUN, true).len(), 3);
    }

    #[test]
    fn what_was_replaced_goes_when_its_run_has_given_all_names() {
        let [_, _, near] = RUN;
        assert_eq!(swept(&[near], false), [""; 0]);
        assert_eq!(swept(&[".flow2pcap-AbCdEf-old.part"], false), [""; 0]);
    }

    #[test]
    fn what_may_have_to_come_back_stays() {
        // In a folder where a link led, the run's own file has its name before the last one has.
        let far = ".flow2pcap-AbCdEf-old.part";
        assert_eq!(swept(&[far], true), [far]);
    }

    #[test]
    fn files_of_others_stay() {
        let others = [
            ".flow2pcap-AbCdEf-1.part", // its leader may be in another folder
            ".flow2pcap-notes.txt",
            "flow2pcap-AbCdEf.part",
            "out.log",
        ];
        assert_eq!(swept(&others, false), others);
    }
}
