//! Gives finished files their names: all of them, or none.
//!
//! A rename is atomic, but several renames are not. So files that are replaced are kept under
//! another name until the last new file has its name, and are restored if one of the renames fails.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempPath;

use super::{passing_name, unfinished::Unfinished};
use crate::error::{Error, Result};
use crate::printable::shown;

/// The file that previously had the name of a new file.
enum Replaced {
    Nothing,
    Kept {
        /// A second name of it, which is removed when this is dropped.
        path: TempPath,
        /// The file itself, locked while it may have to be restored, if no other lock protects it.
        _locked: Option<File>,
    },
    /// The file system has no hard links, and so no second names.
    Lost,
}

/// Gives the file its name, replacing any existing file that it does not have to keep.
pub(super) fn one(file: Unfinished) -> Result<()> {
    all(vec![file])
}

/// Gives files of this process their names, replacing existing files that they do not have to keep: all, or none. No signal
/// is handled between the first and the last rename. The leader, which the others follow, must be
/// last.
pub(super) fn all(files: Vec<Unfinished>) -> Result<()> {
    let Some(last) = files.last() else {
        return Ok(());
    };
    let register = last.register;
    let mut held = register.hold(&last.target)?;
    let passing: HashSet<&Path> = files.iter().map(|file| &*file.file).collect();
    held.remove(|path| passing.contains(path));
    in_order(files)?;
    held.note_whole();
    Ok(())
}

/// Gives `files` their names in this order.
fn in_order(files: Vec<Unfinished>) -> Result<()> {
    let last = files.len().saturating_sub(1);
    let mut done: Vec<(PathBuf, Replaced)> = Vec::new();
    for (index, unfinished) in files.into_iter().enumerate() {
        let Unfinished {
            file,
            target,
            keeps_existing,
            access,
            locked,
            ..
        } = unfinished;
        if let Some(access) = access {
            access.give(&file);
        }
        // After the last rename nothing can fail any more.
        let before = (index < last).then(|| keep(&file, &target, locked.is_some()));
        let persisted = match keeps_existing {
            true => file.persist_noclobber(&target),
            false => file.persist(&target),
        };
        match persisted {
            Ok(()) => done.extend(before.map(|before| (target, before))),
            Err(error) => return Err(undo(done, &target, error.error)),
        }
    }
    Ok(())
}

/// Keeps the file at `target` next to `passing`, under a name that identifies it as a leftover
/// should this process be killed ([`super::stale`]). It is locked if `passing` is itself a leader,
/// because then no other file in this folder shows that the run is still going.
fn keep(passing: &Path, target: &Path, leads: bool) -> Replaced {
    let name = passing.file_name().unwrap_or_default().to_string_lossy();
    let second = passing.with_file_name(passing_name::older(&name));
    match fs::hard_link(target, &second) {
        Ok(()) => {
            let locked = leads.then(|| File::open(&second).ok()).flatten();
            // Without a lock, which some file systems do not have, no process removes it either.
            locked.iter().for_each(|file| drop(file.try_lock()));
            let path = TempPath::try_from_path(second);
            path.map_or(Replaced::Lost, |path| Replaced::Kept {
                path,
                _locked: locked,
            })
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Replaced::Nothing,
        Err(_) => Replaced::Lost,
    }
}

/// Takes the names back; the error lists files for which that failed.
fn undo(done: Vec<(PathBuf, Replaced)>, target: &Path, source: io::Error) -> Error {
    let mut stay = Vec::new();
    for (path, before) in done {
        let undone = match before {
            Replaced::Nothing => fs::remove_file(&path).is_ok(),
            Replaced::Kept { path: older, .. } => older.persist(&path).is_ok(),
            Replaced::Lost => false,
        };
        if !undone {
            stay.push(shown(&path).to_string());
        }
    }
    if stay.is_empty() {
        return Error::io("rename a finished file to", target, source);
    }
    Error::usage(format!(
        "cannot rename a finished file to {}: {source}; these files are from this run, without an index: {}",
        shown(target),
        stay.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::register::{Left, Register};

    fn leaked() -> &'static Register {
        Box::leak(Box::new(Register::new()))
    }

    #[test]
    fn abandoned_file_is_removed_and_cannot_be_published() {
        let folder = tempfile::tempdir().unwrap();
        let register = leaked();
        let target = folder.path().join("out.log");
        let unfinished = Unfinished::listed_in(register, target.clone()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(register.abandon(), Left::Nothing);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(one(unfinished).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn published_file_survives_abandoning() {
        let folder = tempfile::tempdir().unwrap();
        let register = leaked();
        let target = folder.path().join("out.log");
        let unfinished = Unfinished::listed_in(register, target.clone()).unwrap();
        one(unfinished).unwrap();
        assert_eq!(register.abandon(), Left::Whole);
        assert!(target.exists());
    }
}
