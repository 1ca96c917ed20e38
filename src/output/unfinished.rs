//! Files that still have no name.
//!
//! A file is locked for as long as it is unfinished, or follows one that is. So a lock that is
//! free says to the next run which files nobody will finish any more ([`super::stale`]); the system
//! frees it however a process ends.

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

/// A file under a passing name, beside the one it is to become.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// Removes the file when dropped, before the lock goes.
    pub(super) file: TempPath,
    /// The file, open and locked; none for one that follows another.
    pub(super) locked: Option<File>,
    pub(super) target: PathBuf,
    /// Whose the file at `target` is and who may use it, if there is one.
    pub(super) access: Option<Access>,
    pub(super) register: &'static Register,
}

impl Unfinished {
    /// Creates one in the folder of `target`: only there is the rename sure to stay on one file
    /// system. What runs that were killed have left there goes.
    pub(super) fn beside(target: PathBuf) -> Result<Self> {
        Self::listed_in(&REGISTER, target)
    }

    /// Creates one that is locked with this one, and not held open.
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
                    access,
                    register: self.register,
                })
            }
            // A link leads elsewhere, where no lock of ours is.
            _ => Self::listed_in(self.register, target),
        }
    }

    /// The letters of this run.
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
            access,
            register,
        })
    }

    /// The file, to be written after what is in it.
    pub(super) fn open(&self) -> io::Result<File> {
        match &self.locked {
            Some(file) => file.try_clone(),
            None => File::options().append(true).open(&self.file),
        }
    }

    /// The file, to be read from its beginning.
    pub(super) fn read(&self) -> io::Result<File> {
        File::open(&self.file)
    }
}

/// A file to be created under a passing name.
///
/// One that replaces a file is its owner's alone until it has the access of that file: nobody reads
/// it under its passing name who may not read it later. Any other asks for what new files ask for,
/// of which the umask takes its share.
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

/// A new file that is locked. Before it is, another run may take it for left over.
fn locked_file(folder: &Path, replaces: bool) -> io::Result<NamedTempFile> {
    loop {
        let created = named(passing_name::PREFIX, replaces).tempfile_in(folder)?;
        match created.as_file().try_lock() {
            Err(TryLockError::WouldBlock) => {}
            // Some network file systems have no locks: there nobody takes anything away either.
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
    fn abandoned_register_creates_nothing_more() {
        let folder = tempfile::tempdir().unwrap();
        let register: &Register = Box::leak(Box::new(Register::new()));
        register.abandon();
        assert!(Unfinished::listed_in(register, folder.path().join("out.log")).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn follower_in_another_folder_has_a_lock_of_its_own() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let leader = Unfinished::beside(here.path().join("out.csv")).unwrap();
        let near = leader.followed_by(here.path().join("a")).unwrap();
        let far = leader.followed_by(there.path().join("b")).unwrap();
        assert!(near.locked.is_none() && far.locked.is_some());
    }
}
