//! Finished files get their names: all of them, or none.
//!
//! A rename is atomic, several are not. So what had a name before is kept under another one until
//! the last file has its own, and comes back if one of them cannot have it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempPath;

use super::unfinished::{OLDER, SUFFIX, Unfinished};
use crate::error::{Error, Result};
use crate::printable::shown;

/// What stood under a name that another file has now.
enum Before {
    Nothing,
    Kept {
        /// A second name of it, which goes when this is dropped.
        path: TempPath,
        /// The file itself, locked for as long as it may have to come back, where no other lock
        /// says so.
        _locked: Option<File>,
    },
    /// A file system without hard links has no second names.
    Lost,
}

/// Gives `files` their names in this order.
pub(super) fn all(files: Vec<Unfinished>) -> Result<()> {
    let last = files.len().saturating_sub(1);
    let mut done: Vec<(PathBuf, Before)> = Vec::new();
    for (index, unfinished) in files.into_iter().enumerate() {
        let Unfinished {
            file,
            target,
            access,
            locked,
            ..
        } = unfinished;
        if let Some(access) = access {
            access.give(&file);
        }
        // After the last nothing can fail any more.
        let before = (index < last).then(|| keep(&file, &target, locked.is_some()));
        match file.persist(&target) {
            Ok(()) => done.extend(before.map(|before| (target, before))),
            Err(error) => return Err(undo(done, &target, error.error)),
        }
    }
    Ok(())
}

/// Keeps what is at `target` beside `passing`, under a name that is known for left over should
/// this process be killed ([`super::stale`]). It is locked if `passing` leads itself, for then no
/// other file in this folder says that the run goes on.
fn keep(passing: &Path, target: &Path, leads: bool) -> Before {
    let name = passing.file_name().unwrap_or_default().to_string_lossy();
    let own = name.strip_suffix(SUFFIX).unwrap_or(&name);
    let second = passing.with_file_name(format!("{own}{OLDER}{SUFFIX}"));
    match fs::hard_link(target, &second) {
        Ok(()) => {
            let locked = leads.then(|| File::open(&second).ok()).flatten();
            // Without a lock, which some file systems do not have, nobody removes it either.
            locked.iter().for_each(|file| drop(file.try_lock()));
            let path = TempPath::try_from_path(second);
            path.map_or(Before::Lost, |path| Before::Kept {
                path,
                _locked: locked,
            })
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Before::Nothing,
        Err(_) => Before::Lost,
    }
}

/// Takes the names back; says what could not be.
fn undo(done: Vec<(PathBuf, Before)>, target: &Path, source: io::Error) -> Error {
    let mut stay = Vec::new();
    for (path, before) in done {
        let undone = match before {
            Before::Nothing => fs::remove_file(&path).is_ok(),
            Before::Kept { path: older, .. } => older.persist(&path).is_ok(),
            Before::Lost => false,
        };
        if !undone {
            stay.push(shown(&path).to_string());
        }
    }
    if stay.is_empty() {
        return Error::io("rename a finished file to", target, source);
    }
    Error::usage(format!(
        "cannot rename a finished file to {}: {source}; these are of this run, without an index: {}",
        shown(target),
        stay.join(", ")
    ))
}
