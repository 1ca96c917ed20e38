//! Puts the files into Wireshark's folders, and takes them out again.
//!
//! The first line of each file has a digest of the rest. A file whose digest does not fit was changed by its
//! user, or is not ours at all, and is left as it is. Wireshark itself rewrites one of them, `recent`. A link is ours if it leads to a program of our name, wherever
//! that is or was.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::folders::Folders;
use crate::error::{Error, Result};

/// The name of the profile, and of the link.
const NAME: &str = "flow2pcap";

/// What the first line of each file begins with, after the sign of a comment.
const MARK: &str = "flow2pcap wireshark install";

/// Characters of the digest.
const DIGEST_LEN: usize = 16;

/// One file for Wireshark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WiresharkFile {
    /// Where it goes.
    pub path: PathBuf,
    /// What is there.
    pub content: FileContent,
}

/// What a file for Wireshark holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// This text.
    Text(String),
    /// This text at first. Wireshark writes the file anew each time it ends, with what its user chose.
    FirstText(String),
    /// A symbolic link to this program.
    LinkTo(PathBuf),
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
    /// Wireshark has written it since, and it was left as it is.
    Rewritten,
    /// It is not as this program wrote it, and was left as it is.
    Kept,
}

/// Returns all files, as they are to be in these folders. `program` is the path of this program.
///
/// There is no link on Windows, where a user may not make one.
#[must_use]
pub fn files(folders: &Folders, program: &Path) -> Vec<WiresharkFile> {
    let profile = folders.configuration.join("profiles").join(NAME);
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
        content: FileContent::Text(marked("#", &text)),
    });
    let recent = WiresharkFile {
        path: profile.join("recent"),
        content: FileContent::FirstText(marked("#", include_str!("profile/recent"))),
    };
    let script = WiresharkFile {
        path: folders.plugins.join("flow2pcap.lua"),
        content: FileContent::Text(marked("--", include_str!("flow2pcap.lua"))),
    };
    let extcap = cfg!(unix).then(|| WiresharkFile {
        path: folders.extcap.join(NAME),
        content: FileContent::LinkTo(program.to_owned()),
    });
    let files = of_profile.into_iter().chain([recent, script]);
    files.chain(extcap).collect()
}

/// Writes the files that are not there. Those that somebody changed are kept.
///
/// # Errors
/// Fails if a folder or file cannot be written; the files before it are.
pub fn install(files: &[WiresharkFile]) -> Result<Vec<FileChange>> {
    let each = files.iter().map(|file| match state(file)? {
        FileState::AsGiven => Ok(FileChange::Unchanged),
        FileState::Foreign => Ok(FileChange::Kept),
        FileState::Rewritten => Ok(FileChange::Rewritten),
        FileState::Ours | FileState::Absent => {
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
    let each = files.iter().map(|file| match state(file)? {
        FileState::Absent => Ok(FileChange::Absent),
        FileState::Foreign => Ok(FileChange::Kept),
        FileState::Rewritten => Ok(FileChange::Rewritten),
        FileState::AsGiven | FileState::Ours => {
            let removed = fs::remove_file(&file.path);
            removed.map_err(|error| Error::io("remove", &file.path, error))?;
            Ok(FileChange::Removed)
        }
    });
    let changes = each.collect();
    let folders = files.iter().filter_map(|file| file.path.parent());
    for folder in folders.filter(|folder| folder.ends_with(NAME)) {
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

/// What is at the path of a file.
enum FileState {
    Absent,
    /// The file itself.
    AsGiven,
    /// One that any version of this program wrote, unchanged since.
    Ours,
    /// One that Wireshark has written since.
    Rewritten,
    Foreign,
}

/// # Errors
/// Fails if what is there cannot be read.
fn state(file: &WiresharkFile) -> Result<FileState> {
    let found = match fs::symlink_metadata(&file.path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileState::Absent),
        Err(error) => return Err(Error::io("read", &file.path, error)),
    };
    let unreadable = |error| Error::io("read", &file.path, error);
    let (is_given, is_ours) = match &file.content {
        FileContent::Text(given) | FileContent::FirstText(given) => {
            let text = fs::read(&file.path).map_err(unreadable)?;
            (text == given.as_bytes(), is_marked(&text))
        }
        FileContent::LinkTo(_) if !found.is_symlink() => (false, false),
        FileContent::LinkTo(program) => {
            let target = fs::read_link(&file.path).map_err(unreadable)?;
            (
                target == *program,
                target.file_name() == program.file_name(),
            )
        }
    };
    Ok(match (is_given, is_ours) {
        (true, _) => FileState::AsGiven,
        (_, true) => FileState::Ours,
        _ if matches!(file.content, FileContent::FirstText(_)) => FileState::Rewritten,
        _ => FileState::Foreign,
    })
}

/// Whether the first line of a text has the digest of the rest.
fn is_marked(text: &[u8]) -> bool {
    let mut lines = text.splitn(2, |byte| *byte == b'\n');
    let (Some(first), Some(rest)) = (lines.next(), lines.next()) else {
        return false;
    };
    let first = std::str::from_utf8(first).unwrap_or("");
    let noted = first.split_once(MARK).map(|(_, noted)| noted.trim());
    noted == Some(digest(rest).as_str())
}

/// Writes a whole file or none.
fn write(file: &WiresharkFile) -> io::Result<()> {
    let folder = file.path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    match &file.content {
        FileContent::Text(text) | FileContent::FirstText(text) => {
            let mut unfinished = NamedTempFile::new_in(folder)?;
            unfinished.write_all(text.as_bytes())?;
            unfinished.persist(&file.path)?;
        }
        FileContent::LinkTo(program) => {
            let link = tempfile::Builder::new().make_in(folder, |path| link(program, path))?;
            link.persist(&file.path)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(program: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program, path)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_below(folder: &Path) -> Vec<WiresharkFile> {
        files(&Folders::below(folder), Path::new("/opt/bin/flow2pcap"))
    }

    fn text(file: &WiresharkFile) -> &str {
        match &file.content {
            FileContent::Text(text) | FileContent::FirstText(text) => text,
            FileContent::LinkTo(_) => "",
        }
    }

    fn installed() -> (tempfile::TempDir, Vec<WiresharkFile>) {
        let folder = tempfile::tempdir().unwrap();
        let files = files_below(folder.path());
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
    fn file_that_wireshark_has_written_since_is_left_alone() {
        let (_folder, files) = installed();
        let recent = files.iter().position(|file| file.path.ends_with("recent"));
        let recent = recent.unwrap();
        fs::write(
            &files[recent].path,
            "# Recent settings file for Wireshark 4.0.17.\n",
        )
        .unwrap();
        assert_eq!(install(&files).unwrap()[recent], FileChange::Rewritten);
        assert_eq!(uninstall(&files).unwrap()[recent], FileChange::Rewritten);
        assert!(files[recent].path.is_file());
    }

    #[test]
    fn every_column_of_the_profile_has_a_width() {
        let quoted = |text: &str| -> Vec<String> {
            let formats = text.split(['"', ' ', '\t', ',', '\n']);
            let formats = formats.filter(|word| word.starts_with('%'));
            // Widths are kept without the occurrence of the field.
            let formats = formats.map(|format| format.trim_end_matches(":0:R").to_owned());
            formats.collect()
        };
        let widths = include_str!("profile/recent");
        assert_eq!(quoted(include_str!("profile/preferences")), quoted(widths));
        let pixels = widths.lines().filter_map(|line| {
            let width = line.trim_end_matches(',').rsplit_once(", ")?.1;
            width.parse::<u32>().ok()
        });
        // The window has a map of the packets and a scroll bar beside them.
        assert_eq!(pixels.sum::<u32>(), 1400 - 36);
    }

    #[test]
    fn file_of_another_version_is_replaced() {
        let (_folder, files) = installed();
        fs::write(&files[0].path, marked("#", "gui.column.format: \n")).unwrap();
        assert_eq!(install(&files).unwrap()[0], FileChange::Written);
        assert_eq!(fs::read_to_string(&files[0].path).unwrap(), text(&files[0]));
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
        let files = files(&folders, Path::new("flow2pcap"));
        let colors = text(&files[1]);
        assert!(colors.ends_with("\n@ARP@arp@[1,2,3][4,5,6]\n"), "{colors}");
        assert!(!colors.contains("no rule"));
    }

    #[cfg(unix)]
    #[test]
    fn link_leads_to_the_program_and_replaces_only_one_like_it() {
        let (folder, files) = installed();
        let link = folder.path().join("extcap/flow2pcap");
        assert_eq!(
            fs::read_link(&link).unwrap(),
            Path::new("/opt/bin/flow2pcap")
        );
        let put = |target: &str| {
            fs::remove_file(&link).unwrap();
            std::os::unix::fs::symlink(target, &link).unwrap();
        };
        put("/home/ada/older/flow2pcap");
        assert_eq!(install(&files).unwrap().last(), Some(&FileChange::Written));
        assert_eq!(
            fs::read_link(&link).unwrap(),
            Path::new("/opt/bin/flow2pcap")
        );
        put("/home/ada/mine.sh");
        assert_eq!(install(&files).unwrap().last(), Some(&FileChange::Kept));
        assert_eq!(uninstall(&files).unwrap().last(), Some(&FileChange::Kept));
        fs::remove_file(&link).unwrap();
        fs::write(&link, "#!/bin/sh\n").unwrap();
        assert_eq!(install(&files).unwrap().last(), Some(&FileChange::Kept));
        assert_eq!(fs::read_to_string(&link).unwrap(), "#!/bin/sh\n");
        fs::remove_file(&link).unwrap();
        install(&files).unwrap();
        assert_eq!(
            uninstall(&files).unwrap().last(),
            Some(&FileChange::Removed)
        );
        assert!(!link.is_symlink());
    }
}
