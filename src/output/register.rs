//! The passing names in use, which a signal empties, and what there is of a run's output.

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

/// What there is of a run's output at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// No file.
    Nothing,
    /// A pipe or a device has been opened, and may have got a part.
    Cut,
    /// All of it.
    Whole,
}

/// The register of this process.
pub(super) static REGISTER: Register = Register::new();

/// The passing names in use.
#[derive(Debug)]
pub(super) struct Register(Mutex<Registered>);

/// What a [`Register`] holds.
#[derive(Debug)]
pub(super) struct Registered {
    paths: Vec<PathBuf>,
    /// Whether all were given up.
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

    /// It is whole at every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Registered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it holds, and no signal falls in until that is dropped.
    ///
    /// # Errors
    /// All were given up, so nothing may become of `target` any more.
    pub(super) fn hold(&self, target: &Path) -> Result<MutexGuard<'_, Registered>> {
        let held = self.lock();
        if held.abandoned {
            let source = io::Error::from(io::ErrorKind::Interrupted);
            return Err(Error::io("finish", target, source));
        }
        Ok(held)
    }

    /// Creates and lists a file under one lock, so that no signal falls between.
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
                "cannot write {}: {} takes no new files ({e}); choose another folder",
                shown(target),
                shown(folder),
            )),
            _ => Error::write(target, e),
        })?;
        let (handle, file) = created.into_parts();
        held.paths.push(file.to_path_buf());
        Ok((file, handle))
    }

    /// Notes what of this process's output is where, when it is written directly.
    pub(super) fn note_written_directly(&self, left: Left) {
        self.lock().left = left;
    }

    /// Removes every unfinished file and closes the register.
    pub(super) fn abandon(&self) -> Left {
        self.lock().abandon()
    }

    /// Removes every unfinished file and closes the register, unless it is in use.
    pub(super) fn abandon_where_free(&self) {
        if let Ok(mut held) = self.0.try_lock() {
            held.abandon();
        }
    }
}

impl Registered {
    /// Takes out the passing names of files that get their own.
    pub(super) fn remove(&mut self, is_passing: impl Fn(&Path) -> bool) {
        self.paths.retain(|path| !is_passing(path));
    }

    /// Notes that the output is whole.
    pub(super) fn note_whole(&mut self) {
        self.left = Left::Whole;
    }

    fn abandon(&mut self) -> Left {
        self.abandoned = true;
        for path in std::mem::take(&mut self.paths) {
            // Gone already if its output was dropped; nothing else can be done.
            let _ = fs::remove_file(path);
        }
        self.left
    }
}
