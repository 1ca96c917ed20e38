//! Files that still have no name, and the list of them that a signal empties.
//!
//! A file is locked for as long as it is unfinished, or follows one that is. So a lock that is
//! free tells the next run which files nobody will finish any more ([`super::stale`]); the system
//! frees it however a process ends.

use std::{
    collections::HashSet,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::{NamedTempFile, TempPath};

use super::{Left, access::Access, failed, publish, stale, target};
use crate::error::{Error, Result};
use crate::printable::shown;

/// What all passing names begin with; one run's own letters follow, and in files that follow
/// another one, a hyphen and more letters.
pub(super) const PREFIX: &str = ".flow2pcap-";

/// What all passing names end with.
pub(super) const SUFFIX: &str = ".part";

/// What is before [`SUFFIX`] in the passing name of a file whose name another file gets.
pub(super) const OLDER: &str = "-old";

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
    list: &'static List,
}

impl Unfinished {
    /// Creates one in the folder of `target`: only there is the rename sure to stay on one file
    /// system. What runs that were killed have left there goes.
    pub(super) fn beside(target: PathBuf) -> Result<Self> {
        Self::listed_in(&LIST, target)
    }

    /// Creates one that is locked with this one, and not held open.
    pub(super) fn followed_by(&self, target: PathBuf) -> Result<Self> {
        let real = |path: &Path| fs::canonicalize(target::folder(path));
        match (self.leader(), real(&target), real(&self.file)) {
            (Some(leader), Ok(its), Ok(own)) if its == own => {
                let access = Access::of(&target);
                let (file, _) = self.list.add(&target, |folder| {
                    named(&format!("{PREFIX}{leader}-"), access.is_some()).tempfile_in(folder)
                })?;
                Ok(Self {
                    file,
                    locked: None,
                    target,
                    access,
                    list: self.list,
                })
            }
            // A link leads elsewhere, where no lock of ours is.
            _ => Self::listed_in(self.list, target),
        }
    }

    /// The letters of this run.
    fn leader(&self) -> Option<&str> {
        stale::letters(self.file.file_name()?.to_str()?)
    }

    fn listed_in(list: &'static List, target: PathBuf) -> Result<Self> {
        stale::sweep(target::folder(&target));
        let access = Access::of(&target);
        let (file, locked) = list.add(&target, |folder| locked_file(folder, access.is_some()))?;
        Ok(Self {
            file,
            locked: Some(locked),
            target,
            access,
            list,
        })
    }

    /// The file, to be written behind what is in it.
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

    /// Gives the file its name, in place of whatever had it.
    pub(super) fn publish(self) -> Result<()> {
        Self::publish_all(vec![self])
    }

    /// Gives files of this process their names, in place of whatever had them: all, or none. No
    /// signal falls between the first and the last. What the others follow stands last.
    pub(super) fn publish_all(files: Vec<Self>) -> Result<()> {
        let Some(last) = files.last() else {
            return Ok(());
        };
        let mut state = last.list.lock();
        if state.abandoned {
            return Err(interrupted(&last.target));
        }
        let passing: HashSet<&Path> = files.iter().map(|file| &*file.file).collect();
        state.paths.retain(|path| !passing.contains(&**path));
        publish::all(files)?;
        state.left = Left::Whole;
        Ok(())
    }
}

/// A file to be created under a passing name.
///
/// One that replaces a file is its owner's alone until it has the access of that file: nobody reads
/// it under its passing name who may not read it later. Any other asks for what new files ask for,
/// of which the umask takes its share.
fn named(prefix: &str, replaces: bool) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(SUFFIX);
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
        let created = named(PREFIX, replaces).tempfile_in(folder)?;
        match created.as_file().try_lock() {
            Err(TryLockError::WouldBlock) => {}
            // Some network file systems have no locks: there nobody takes anything away either.
            Err(TryLockError::Error(_)) => return Ok(created),
            Ok(()) if created.path().exists() => return Ok(created),
            Ok(()) => {}
        }
    }
}

fn interrupted(target: &Path) -> Error {
    let source = io::Error::from(io::ErrorKind::Interrupted);
    Error::io("finish", target, source)
}

/// Notes what of this process's output is where, when it is written directly.
pub(super) fn written_directly(left: Left) {
    LIST.lock().left = left;
}

/// Removes every unfinished file and closes the list.
pub(super) fn abandon_all() -> Left {
    LIST.abandon()
}

/// Removes every unfinished file and closes the list, unless the list is in use.
pub(super) fn abandon_where_free() {
    if let Ok(mut state) = LIST.0.try_lock() {
        state.abandon();
    }
}

/// The passing names in use.
#[derive(Debug)]
struct List(Mutex<State>);

#[derive(Debug)]
struct State {
    paths: Vec<PathBuf>,
    /// Whether all were given up.
    abandoned: bool,
    left: Left,
}

impl List {
    const fn new() -> Self {
        Self(Mutex::new(State {
            paths: Vec::new(),
            abandoned: false,
            left: Left::Nothing,
        }))
    }

    /// The list is whole at every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates and lists a file under one lock, so that no signal falls between.
    fn add(
        &self,
        target: &Path,
        create: impl FnOnce(&Path) -> io::Result<NamedTempFile>,
    ) -> Result<(TempPath, File)> {
        let folder = target::folder(target);
        let mut state = self.lock();
        if state.abandoned {
            return Err(interrupted(target));
        }
        let created = create(folder).map_err(|e| match e.kind() {
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotFound => Error::usage(format!(
                "cannot write {}: {} takes no new files ({e}); choose another folder",
                shown(target),
                shown(folder),
            )),
            _ => failed(target, e),
        })?;
        let (handle, file) = created.into_parts();
        state.paths.push(file.to_path_buf());
        Ok((file, handle))
    }

    fn abandon(&self) -> Left {
        self.lock().abandon()
    }
}

impl State {
    fn abandon(&mut self) -> Left {
        self.abandoned = true;
        for path in std::mem::take(&mut self.paths) {
            // Gone already if its output was dropped; nothing else can be done.
            let _ = fs::remove_file(path);
        }
        self.left
    }
}

static LIST: List = List::new();

#[cfg(test)]
mod tests {
    use super::*;

    fn leaked_list() -> &'static List {
        Box::leak(Box::new(List::new()))
    }

    #[test]
    fn abandoned_file_is_gone_and_cannot_be_published() {
        let folder = tempfile::tempdir().unwrap();
        let list = leaked_list();
        let target = folder.path().join("out.pcapng");
        let unfinished = Unfinished::listed_in(list, target.clone()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(list.abandon(), Left::Nothing);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(unfinished.publish().is_err());
        assert!(!target.exists());
    }

    #[test]
    fn abandoned_list_creates_nothing_more() {
        let folder = tempfile::tempdir().unwrap();
        let list = leaked_list();
        list.abandon();
        assert!(Unfinished::listed_in(list, folder.path().join("out.pcapng")).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn published_file_survives_abandoning() {
        let folder = tempfile::tempdir().unwrap();
        let list = leaked_list();
        let target = folder.path().join("out.pcapng");
        let unfinished = Unfinished::listed_in(list, target.clone()).unwrap();
        unfinished.publish().unwrap();
        assert_eq!(list.abandon(), Left::Whole);
        assert!(target.exists());
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
