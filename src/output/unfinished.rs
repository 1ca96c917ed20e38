//! Files that do not have their final names yet.
//!
//! A file is locked while it is unfinished, or follows a leader that is. A free lock therefore
//! shows the next run which files no process will finish ([`super::stale`]); the system releases
//! locks however a process ends.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempPath};

use super::{
    access::Access,
    passing_name,
    register::{REGISTER, Register},
    stale, target,
};
use crate::error::Result;

/// A file with a temporary name, in the folder of its target.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// Removes the file when dropped, before the lock is released.
    pub(super) file: TempPath,
    /// The file, open and locked; `None` for a follower.
    pub(super) locked: Option<File>,
    pub(super) target: PathBuf,
    /// Whether a file that has the name of the target by then stays, and is an error.
    pub(super) keeps_existing: bool,
    /// Owner and permissions of the file at `target`, if the file exists.
    pub(super) access: Option<Access>,
    pub(super) register: &'static Register,
}

impl Unfinished {
    /// Creates a leader in the folder of `target`, because only there is the rename sure to stay on
    /// one file system. Removes files that killed runs have left there.
    pub(super) fn new(target: PathBuf) -> Result<Self> {
        Self::listed_in(&REGISTER, target)
    }

    /// Creates a follower, which is protected by the lock of this file and not held open.
    pub(super) fn followed_by(&self, target: PathBuf) -> Result<Self> {
        let real = |path: &Path| fs::canonicalize(target::folder(path));
        match (self.leader(), real(&target), real(&self.file)) {
            (Some(leader), Ok(its), Ok(own)) if its == own => {
                let access = Access::of(&target);
                let (file, _) = self.register.add(&target, |folder| {
                    named(&passing_name::followers(leader), access.is_some()).tempfile_in(folder)
                })?;
                Ok(Self {
                    file,
                    locked: None,
                    target,
                    keeps_existing: self.keeps_existing,
                    access,
                    register: self.register,
                })
            }
            // A link leads to another folder, where this process has no lock.
            _ => Self::listed_in(self.register, target),
        }
    }

    /// Returns the letters of this run.
    fn leader(&self) -> Option<&str> {
        passing_name::letters(self.file.file_name()?.to_str()?)
    }

    pub(super) fn listed_in(register: &'static Register, target: PathBuf) -> Result<Self> {
        stale::sweep(target::folder(&target));
        let access = Access::of(&target);
        let (file, locked) =
            register.add(&target, |folder| locked_file(folder, access.is_some()))?;
        Ok(Self {
            file,
            locked: Some(locked),
            target,
            keeps_existing: false,
            access,
            register,
        })
    }

    /// Opens the file for appending.
    pub(super) fn open(&self) -> io::Result<File> {
        match &self.locked {
            Some(file) => file.try_clone(),
            None => File::options().append(true).open(&self.file),
        }
    }

    /// Opens the file for reading from its beginning.
    pub(super) fn read(&self) -> io::Result<File> {
        File::open(&self.file)
    }
}

/// Configures the creation of a file with a temporary name.
///
/// A file that replaces another one is accessible to its owner only until it has the access of that
/// file: nobody can read it under its temporary name who may not read it later. Other files request
/// the default mode, which the umask restricts.
fn named(prefix: &str, replaces: bool) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(passing_name::SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if replaces { 0o600 } else { 0o666 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = replaces;
    builder
}

/// Creates a new file and locks it. Before it is locked, another run may take it for a leftover.
fn locked_file(folder: &Path, replaces: bool) -> io::Result<NamedTempFile> {
    loop {
        let created = named(passing_name::PREFIX, replaces).tempfile_in(folder)?;
        match created.as_file().try_lock() {
            Err(TryLockError::WouldBlock) => {}
            // Some network file systems have no locks; there no process removes files either.
            Err(TryLockError::Error(_)) => return Ok(created),
            Ok(()) if created.path().exists() => return Ok(created),
            Ok(()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_register_creates_no_more_files() {
        let folder = tempfile::tempdir().unwrap();
        let register: &Register = Box::leak(Box::new(Register::new()));
        register.abandon();
        assert!(Unfinished::listed_in(register, folder.path().join("out.log")).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn follower_in_another_folder_has_its_own_lock() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let leader = Unfinished::new(here.path().join("out.csv")).unwrap();
        let near = leader.followed_by(here.path().join("a")).unwrap();
        let far = leader.followed_by(there.path().join("b")).unwrap();
        assert!(near.locked.is_none() && far.locked.is_some());
    }
}
