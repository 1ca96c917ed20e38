//! Files that still have no name, and the list of them that a signal empties.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::TempPath;

use super::target;
use crate::error::{Error, Result};

/// A file under a passing name, beside the one it is to become.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// Removes the file when dropped.
    file: TempPath,
    target: PathBuf,
    list: &'static List,
}

impl Unfinished {
    /// Creates one in the folder of `target`: only there is the rename sure to
    /// stay on one file system.
    pub(super) fn beside(target: PathBuf) -> Result<(File, Self)> {
        Self::listed_in(&LIST, target)
    }

    fn listed_in(list: &'static List, target: PathBuf) -> Result<(File, Self)> {
        let folder = target::folder(&target);
        // Created and listed under one lock, so that no signal falls between.
        let mut entries = list.lock();
        let paths = entries.as_mut().ok_or_else(|| interrupted(&target))?;
        let created = new_file(folder).map_err(|e| match e.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::usage(format!(
                    "cannot write {}: {} takes no new files ({e}); choose another folder",
                    target.display(),
                    folder.display(),
                ))
            }
            _ => Error::io("create a file in", folder, e),
        })?;
        let (handle, file) = created.into_parts();
        paths.push(file.to_path_buf());
        drop(entries);
        Ok((handle, Self { file, target, list }))
    }

    /// Where the file is until it has its name.
    pub(super) fn passing_path(&self) -> &Path {
        &self.file
    }

    /// Gives the file its name, in place of whatever had it.
    pub(super) fn publish(self) -> Result<()> {
        Self::publish_all([self])
    }

    /// Gives files of this process their names, in place of whatever had them. No signal falls
    /// between the first and the last.
    pub(super) fn publish_all(files: impl IntoIterator<Item = Self>) -> Result<()> {
        let files: Vec<Self> = files.into_iter().collect();
        let Some(first) = files.first() else {
            return Ok(());
        };
        let mut entries = first.list.lock();
        let paths = entries.as_mut().ok_or_else(|| interrupted(&first.target))?;
        let passing: HashSet<&Path> = files.iter().map(Self::passing_path).collect();
        paths.retain(|path| !passing.contains(&**path));
        for Self { file, target, .. } in files {
            let renamed = file.persist(&target);
            renamed.map_err(|e| Error::io("rename a finished file to", &target, e.error))?;
        }
        Ok(())
    }
}

fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".flow2pcap-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file asks for; the umask takes its share.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn interrupted(target: &Path) -> Error {
    let source = io::Error::from(io::ErrorKind::Interrupted);
    Error::io("finish", target, source)
}

/// Removes every unfinished file and closes the list.
pub(super) fn abandon_all() {
    LIST.abandon();
}

/// The passing names in use, or `None` once all were given up.
#[derive(Debug)]
struct List(Mutex<Option<Vec<PathBuf>>>);

impl List {
    const fn new() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    /// The list is whole at every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Option<Vec<PathBuf>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn abandon(&self) {
        for path in self.lock().take().unwrap_or_default() {
            // Gone already if its output was dropped; nothing else can be done.
            let _ = fs::remove_file(path);
        }
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
        let (_file, unfinished) = Unfinished::listed_in(list, target.clone()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        list.abandon();
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
        let (_file, unfinished) = Unfinished::listed_in(list, target.clone()).unwrap();
        unfinished.publish().unwrap();
        list.abandon();
        assert!(target.exists());
    }
}
