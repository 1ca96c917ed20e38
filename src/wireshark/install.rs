//! Puts the files into Wireshark's folders, and takes them out again.
//!
//! The first line of each file has a digest of the rest. A file whose digest does not fit was changed by its
//! user, or is not ours at all, and is left as it is.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::folders::Folders;
use crate::error::{Error, Result};

/// The name of the profile.
const PROFILE: &str = "flow2pcap";

/// What the first line of each file begins with, after the sign of a comment.
const MARK: &str = "flow2pcap wireshark install";

/// Characters of the digest.
const DIGEST_LEN: usize = 16;

/// One file for Wireshark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WiresharkFile {
    /// Where it goes.
    pub path: PathBuf,
    /// All of its text.
    pub text: String,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// It was written, or replaced one of another version.
    Written,
    /// It was there already.
    Unchanged,
    /// It was removed.
    Removed,
    /// There is none.
    Absent,
    /// It is not as this program wrote it, and was left as it is.
    Kept,
}

/// Returns all files, as they are to be in these folders.
#[must_use]
pub fn files(folders: &Folders) -> Vec<WiresharkFile> {
    let profile = folders.configuration.join("profiles").join(PROFILE);
    let colors = include_str!("profile/colorfilters").to_owned() + &usual_colors(folders);
    let of_profile = [
        (
            "preferences",
            include_str!("profile/preferences").to_owned(),
        ),
        ("colorfilters", colors),
        (
            "dfilter_buttons",
            include_str!("profile/dfilter_buttons").to_owned(),
        ),
        (
            "profile_settings",
            include_str!("profile/profile_settings").to_owned(),
        ),
    ];
    let of_profile = of_profile.map(|(name, text)| WiresharkFile {
        path: profile.join(name),
        text: marked("#", &text),
    });
    let script = WiresharkFile {
        path: folders.plugins.join("flow2pcap.lua"),
        text: marked("--", include_str!("flow2pcap.lua")),
    };
    of_profile.into_iter().chain([script]).collect()
}

/// Writes the files that are not there. Those that somebody changed are kept.
///
/// # Errors
/// Fails if a folder or file cannot be written; the files before it are.
pub fn install(files: &[WiresharkFile]) -> Result<Vec<FileChange>> {
    let each = files.iter().map(|file| match content(&file.path)? {
        Some(text) if text == file.text.as_bytes() => Ok(FileChange::Unchanged),
        Some(text) if !is_ours(&text) => Ok(FileChange::Kept),
        _ => {
            let written = write(file);
            written.map_err(|error| Error::write(&file.path, error))?;
            Ok(FileChange::Written)
        }
    });
    each.collect()
}

/// Removes the files, and the folder of the profile if it is empty then. Those that somebody changed are kept.
///
/// # Errors
/// Fails if a file cannot be read or removed; the files before it are.
pub fn uninstall(files: &[WiresharkFile]) -> Result<Vec<FileChange>> {
    let each = files.iter().map(|file| match content(&file.path)? {
        None => Ok(FileChange::Absent),
        Some(text) if !is_ours(&text) => Ok(FileChange::Kept),
        Some(_) => {
            let removed = fs::remove_file(&file.path);
            removed.map_err(|error| Error::io("remove", &file.path, error))?;
            Ok(FileChange::Removed)
        }
    });
    let changes = each.collect();
    let folders = files.iter().filter_map(|file| file.path.parent());
    for folder in folders.filter(|folder| folder.ends_with(PROFILE)) {
        let _ = fs::remove_dir(folder); // which fails if there is anything in it
    }
    changes
}

/// Returns the coloring rules of this Wireshark: those of a profile take their place.
fn usual_colors(folders: &Folders) -> String {
    let path = folders
        .shared
        .as_ref()
        .map(|folder| folder.join("colorfilters"));
    let text = path.and_then(|path| fs::read_to_string(path).ok());
    let text = text.unwrap_or_default();
    let rules = text.lines().filter(|line| line.starts_with(['@', '!']));
    rules.map(|rule| format!("{rule}\n")).collect()
}

fn marked(comment: &str, text: &str) -> String {
    format!("{comment} {MARK} {}\n{text}", digest(text.as_bytes()))
}

fn digest(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..DIGEST_LEN].to_owned()
}

/// Whether a file is one of any version of this program, unchanged since.
fn is_ours(text: &[u8]) -> bool {
    let mut lines = text.splitn(2, |byte| *byte == b'\n');
    let (Some(first), Some(rest)) = (lines.next(), lines.next()) else {
        return false;
    };
    let first = std::str::from_utf8(first).unwrap_or("");
    let noted = first.split_once(MARK).map(|(_, noted)| noted.trim());
    noted == Some(digest(rest).as_str())
}

fn content(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

/// Writes a whole file or none.
fn write(file: &WiresharkFile) -> io::Result<()> {
    let folder = file.path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut unfinished = NamedTempFile::new_in(folder)?;
    unfinished.write_all(file.text.as_bytes())?;
    unfinished.persist(&file.path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed() -> (tempfile::TempDir, Vec<WiresharkFile>) {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&Folders::below(folder.path()));
        let changes = install(&files).unwrap();
        assert_eq!(changes, vec![FileChange::Written; files.len()]);
        (folder, files)
    }

    #[test]
    fn what_is_installed_is_taken_out_without_a_trace() {
        let (folder, files) = installed();
        assert!(
            folder
                .path()
                .join("profiles/flow2pcap/colorfilters")
                .is_file()
        );
        assert!(folder.path().join("plugins/flow2pcap.lua").is_file());
        assert_eq!(
            install(&files).unwrap(),
            vec![FileChange::Unchanged; files.len()]
        );
        assert_eq!(
            uninstall(&files).unwrap(),
            vec![FileChange::Removed; files.len()]
        );
        assert!(!folder.path().join("profiles/flow2pcap").exists());
        assert_eq!(
            uninstall(&files).unwrap(),
            vec![FileChange::Absent; files.len()]
        );
    }

    #[test]
    fn file_that_its_user_changed_is_kept() {
        let (_folder, files) = installed();
        let path = &files[1].path;
        let mine = fs::read_to_string(path).unwrap() + "@mine@udp@[0,0,0][65535,65535,65535]\n";
        fs::write(path, &mine).unwrap();
        assert_eq!(install(&files).unwrap()[1], FileChange::Kept);
        assert_eq!(uninstall(&files).unwrap()[1], FileChange::Kept);
        assert_eq!(fs::read_to_string(path).unwrap(), mine);
    }

    #[test]
    fn file_of_another_version_is_replaced() {
        let (_folder, files) = installed();
        fs::write(&files[0].path, marked("#", "gui.column.format: \n")).unwrap();
        assert_eq!(install(&files).unwrap()[0], FileChange::Written);
        assert_eq!(fs::read_to_string(&files[0].path).unwrap(), files[0].text);
    }

    #[test]
    fn usual_colors_follow_ours() {
        let shared = tempfile::tempdir().unwrap();
        fs::write(
            shared.path().join("colorfilters"),
            "# no rule\n@ARP@arp@[1,2,3][4,5,6]\n",
        )
        .unwrap();
        let mut folders = Folders::below(shared.path());
        folders.shared = Some(shared.path().to_owned());
        let colors = &files(&folders)[1].text;
        assert!(colors.ends_with("\n@ARP@arp@[1,2,3][4,5,6]\n"), "{colors}");
        assert!(!colors.contains("no rule"));
    }
}
