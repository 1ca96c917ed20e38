//! The temporary names in use, whose files a signal removes, and the state of a run's output.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::{NamedTempFile, TempPath};

use super::target;
use crate::error::{Error, Result};
use crate::printable::shown;

/// The state of a run's output at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// There is no file.
    Nothing,
    /// A pipe or a device is open, and may have received a part.
    Cut,
    /// The output is complete.
    Whole,
}

/// The register of this process.
pub(super) static REGISTER: Register = Register::new();

/// The temporary names in use.
#[derive(Debug)]
pub(super) struct Register(Mutex<Registered>);

/// The contents of a [`Register`].
#[derive(Debug)]
pub(super) struct Registered {
    paths: Vec<PathBuf>,
    /// Whether all outputs were abandoned.
    abandoned: bool,
    left: Left,
}

impl Register {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Registered {
            paths: Vec::new(),
            abandoned: false,
            left: Left::Nothing,
        }))
    }

    /// Locks the contents. They are consistent at every step, so a panic elsewhere does not corrupt
    /// them.
    fn lock(&self) -> MutexGuard<'_, Registered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks and returns the contents; no signal is handled until the guard is dropped.
    ///
    /// # Errors
    /// Returns an error if all outputs were abandoned, so that `target` must not be created any
    /// more.
    pub(super) fn hold(&self, target: &Path) -> Result<MutexGuard<'_, Registered>> {
        let held = self.lock();
        if held.abandoned {
            let source = io::Error::from(io::ErrorKind::Interrupted);
            return Err(Error::io("finish", target, source));
        }
        Ok(held)
    }

    /// Creates and lists a file under one lock, so that no signal is handled in between.
    pub(super) fn add(
        &self,
        target: &Path,
        create: impl FnOnce(&Path) -> io::Result<NamedTempFile>,
    ) -> Result<(TempPath, File)> {
        let folder = target::folder(target);
        let mut held = self.hold(target)?;
        let created = create(folder).map_err(|e| match e.kind() {
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotFound => Error::usage(format!(
                "cannot write {}: no new files can be created in {} ({e}); choose another folder",
                shown(target),
                shown(folder),
            )),
            _ => Error::write(target, e),
        })?;
        let (handle, file) = created.into_parts();
        held.paths.push(file.to_path_buf());
        Ok((file, handle))
    }

    /// Creates and lists the folder `passing`, which is to become `target`.
    pub(super) fn add_folder(&self, target: &Path, passing: &Path) -> Result<()> {
        let mut held = self.hold(target)?;
        fs::create_dir(passing).map_err(|e| Error::write(target, e))?;
        // Before its leader, which stays if the folder cannot be removed.
        held.paths.insert(0, passing.to_owned());
        Ok(())
    }

    /// Records the state of an output of this process that is written directly.
    pub(super) fn note_written_directly(&self, left: Left) {
        self.lock().left = left;
    }

    /// Removes every unfinished file and closes the register.
    pub(super) fn abandon(&self) -> Left {
        self.lock().abandon()
    }

    /// Removes every unfinished file and closes the register, unless it is locked.
    pub(super) fn abandon_where_free(&self) {
        if let Ok(mut held) = self.0.try_lock() {
            held.abandon();
        }
    }
}

impl Registered {
    /// Removes the temporary names of files that get their final names.
    pub(super) fn remove(&mut self, is_passing: impl Fn(&Path) -> bool) {
        self.paths.retain(|path| !is_passing(path));
    }

    /// Records that the output is complete.
    pub(super) fn note_whole(&mut self) {
        self.left = Left::Whole;
    }

    fn abandon(&mut self) -> Left {
        self.abandoned = true;
        let mut whole = true;
        for path in std::mem::take(&mut self.paths) {
            // It may be gone already because its output was dropped. A folder that cannot be removed
            // needs its leader, so that the next run removes it.
            if path.is_dir() {
                whole &= remove(&path).is_ok();
            } else if whole {
                let _ = remove(&path);
            }
        }
        self.left
    }
}

/// Removes a file, or a folder with all in it. Another thread may still create files in a folder, so
/// that it is tried a few times.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return fs::remove_file(path);
    }
    let mut removed = fs::remove_dir_all(path);
    for _ in 0..FOLDER_TRIES {
        if removed.is_ok() {
            break;
        }
        removed = fs::remove_dir_all(path);
    }
    removed
}

/// How often a folder is tried to be removed again.
const FOLDER_TRIES: usize = 8;
