//! A folder of files that appears whole or not at all.
//!
//! The folder is filled under a temporary name next to its final place. A locked file with a
//! temporary name leads it, as it does for parts: the next run removes a folder whose leader has no
//! process any more.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::passing_name;
use super::register::REGISTER;
use super::target;
use super::unfinished::Unfinished;
use crate::error::{Error, Result};
use crate::printable::{shell, shown};

/// A folder that does not have its final name yet. Dropped before [`finish`](Self::finish), it leaves
/// nothing.
#[derive(Debug)]
pub struct OutputFolder {
    target: PathBuf,
    /// Where the files are until then. Empty after the rename.
    passing: PathBuf,
    /// Its lock shows that the run is still going; it goes when the folder has its name.
    leader: Unfinished,
}

impl OutputFolder {
    /// Prepares the folder `target`, which must not exist or be empty. `inputs` are the files and
    /// folders that the user named; the folder must not be in one of them.
    ///
    /// # Errors
    /// Returns [`Usage`](crate::error::ErrorKind::Usage) if it cannot be written there. The message
    /// says what to do.
    pub fn create(target: &Path, inputs: &[PathBuf]) -> Result<Self> {
        check_free(target)?;
        target::check_folder(target)?;
        check_outside(target, inputs)?;
        let leader = Unfinished::new(target.with_file_name(LEADER_OF))?;
        let letters = leader.file.file_name().and_then(|name| name.to_str());
        let letters = letters.and_then(passing_name::letters).unwrap_or_default();
        let name = format!(
            "{}folder{}",
            passing_name::followers(letters),
            passing_name::SUFFIX
        );
        let passing = leader.file.with_file_name(name);
        REGISTER.add_folder(target, &passing)?;
        Ok(Self {
            target: target.to_owned(),
            passing,
            leader,
        })
    }

    /// Creates the file `name` in the folder, and the folders before it. The name has its parts
    /// separated by `/`, and none of them may be `..`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn file(&self, name: &str) -> Result<FolderFile> {
        let shown = self.target.join(name);
        let path = self.passing.join(name);
        let open = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            File::options().write(true).create_new(true).open(&path)
        };
        let file = open().map_err(|e| Error::write(&shown, e))?;
        Ok(FolderFile {
            file,
            path: shown,
            len: 0,
        })
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// It cannot be renamed, or something else has its name by now. Nothing is left then.
    pub fn finish(mut self) -> Result<()> {
        let failure = |e| Error::io("rename the finished folder to", &self.target, e);
        let mut held = REGISTER.hold(&self.target)?;
        match fs::remove_dir(&self.target) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(failure(e)),
        }
        fs::rename(&self.passing, &self.target).map_err(failure)?;
        let (passing, leader) = (std::mem::take(&mut self.passing), &self.leader.file);
        held.remove(|path| path == passing || path == &**leader);
        held.note_whole();
        Ok(())
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if !self.passing.as_os_str().is_empty() {
            // What cannot be removed is removed by the next run.
            let _ = fs::remove_dir_all(&self.passing);
        }
    }
}

/// A file in a folder that is not finished. Bytes go to the system as they come, so the writer should
/// collect them.
#[derive(Debug)]
pub struct FolderFile {
    file: File,
    /// The name in messages, which is the final one.
    path: PathBuf,
    len: u64,
}

impl FolderFile {
    /// Appends bytes.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(|e| Error::write(&self.path, e))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Returns the number of bytes written.
    pub fn written(&self) -> u64 {
        self.len
    }
}

/// The name that the leader of a folder would get, which it never does.
const LEADER_OF: &str = "folder";

fn check_free(target: &Path) -> Result<()> {
    let named = shown(target);
    let Ok(found) = fs::symlink_metadata(target) else {
        return Ok(());
    };
    if !found.is_dir() {
        let what = match found.is_symlink() {
            true => "a link",
            false => "not a folder",
        };
        return Err(Error::usage(format!(
            "{named} exists and is {what}; name a folder that does not exist yet"
        )));
    }
    let mut entries = fs::read_dir(target).map_err(|e| Error::io("read", target, e))?;
    if entries.next().is_none() {
        return Ok(());
    }
    let remove = shell::path(target).map(|path| format!(", or remove it with `rm -r {path}`"));
    Err(Error::usage(format!(
        "the folder {named} exists and is not empty; name another one{}",
        remove.unwrap_or_default()
    )))
}

fn check_outside(target: &Path, inputs: &[PathBuf]) -> Result<()> {
    let beside = target::folder(target);
    let beside = fs::canonicalize(beside).map_err(|e| Error::io("resolve", beside, e))?;
    for input in inputs.iter().filter(|input| input.is_dir()) {
        let is_inside = |real: PathBuf| beside.starts_with(real);
        if fs::canonicalize(input).is_ok_and(is_inside) {
            return Err(Error::usage(format!(
                "{} would be inside the input {}, and the next run would read it; name a folder outside",
                shown(target),
                shown(input)
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn folder_appears_with_its_files_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("lake");
        let folder = OutputFolder::create(&target, &[]).unwrap();
        folder.file("a/b/c.txt").unwrap().write_all(b"c").unwrap();
        assert!(!target.exists());
        folder.finish().unwrap();
        assert_eq!(names(home.path()), ["lake"]);
        assert_eq!(fs::read(target.join("a/b/c.txt")).unwrap(), b"c");

        let dropped = OutputFolder::create(&home.path().join("dropped"), &[]).unwrap();
        dropped.file("a/b").unwrap();
        drop(dropped);
        assert_eq!(names(home.path()), ["lake"]);
    }

    #[test]
    fn empty_folder_is_replaced_and_another_one_refused() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("lake");
        fs::create_dir(&target).unwrap();
        let folder = OutputFolder::create(&target, &[]).unwrap();
        folder.file("a").unwrap();
        folder.finish().unwrap();
        let error = OutputFolder::create(&target, &[]).unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
        assert_eq!(names(home.path()), ["lake"]);
    }

    #[test]
    fn folder_inside_an_input_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let inputs = [home.path().to_owned()];
        let inside = home.path().join("lake");
        let error = OutputFolder::create(&inside, &inputs).unwrap_err();
        assert!(error.to_string().contains("inside the input"), "{error}");
        let missing = home.path().join("no/lake");
        assert!(OutputFolder::create(&missing, &[]).is_err());
    }

    #[test]
    fn folder_that_a_killed_run_left_is_removed() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".flow2pcap-AbCdEf.part"), "").unwrap();
        let left = home.path().join(".flow2pcap-AbCdEf-folder.part/a");
        fs::create_dir_all(left).unwrap();
        let folder = OutputFolder::create(&home.path().join("lake"), &[]).unwrap();
        assert_eq!(names(home.path()).len(), 2, "the own folder and its leader");
        drop(folder);
        assert_eq!(names(home.path()), [""; 0]);
    }
}
