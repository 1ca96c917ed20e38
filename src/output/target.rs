//! What a path leads to, and whether an output may be written there.

use std::{
    fs::{self, File, Metadata},
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};
use crate::printable::{shell, shown};

/// Standard output, as messages name it.
pub(super) const STDOUT: &str = "standard output";

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// A pipe or a device.
    Direct,
    /// A regular file, there already or not, behind all symbolic links.
    Beside(PathBuf),
}

impl Target {
    /// Finds out, and refuses what would hurt. `example` is a name for such a file.
    pub(super) fn find(path: &Path, example: &str, inputs: &[PathBuf]) -> Result<Self> {
        if [Path::new("-"), Path::new("/dev/stdout")].contains(&path) {
            return Ok(Self::Stdout);
        }
        let named = shown(path);
        let Ok(found) = fs::metadata(path) else {
            if path.is_symlink() {
                return Err(Error::usage(format!(
                    "{named} is a link to a file that is not there; remove it, or name the file itself"
                )));
            }
            check_folder(path)?;
            return Ok(Self::Beside(path.to_owned()));
        };
        if found.is_dir() {
            return Err(Error::usage(format!(
                "{named} is a folder; name a file in it, such as {}",
                shown(&path.join(example))
            )));
        }
        if !found.is_file() {
            return Ok(Self::Direct);
        }
        let real = fs::canonicalize(path).map_err(|e| Error::io("resolve", path, e))?;
        refuse_input(path, inputs, |input| is_same(input, &real, &found))?;
        // A descriptor of the shell's may be a regular file, which must not be
        // replaced behind its back.
        if ["/dev/fd", "/dev/stderr", "/proc"]
            .iter()
            .any(|at| path.starts_with(at))
        {
            return Ok(Self::Direct);
        }
        if found.permissions().readonly() {
            return Err(Error::usage(format!(
                "{named} is there and write-protected; remove it, or choose another name"
            )));
        }
        Ok(Self::Beside(real))
    }
}

/// Standard output as a file: the standard library's own handle looks for line
/// ends, of which an output has many that mean nothing.
///
/// A shell may have opened one of `inputs` for it.
pub(super) fn stdout(inputs: &[PathBuf]) -> Result<File> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return Err(Error::usage(
            "standard output is a terminal, where the output is unreadable; name a file, or pipe it on",
        ));
    }
    let named = Path::new(STDOUT);
    let file = duplicate(&stdout).map_err(|e| Error::io("open", named, e))?;
    let found = file.metadata().map_err(|e| Error::io("open", named, e))?;
    if found.is_file() {
        // No path leads to it: only the system's numbers tell.
        refuse_input(named, inputs, |input| is_same(input, named, &found))?;
    }
    Ok(file)
}

fn refuse_input(path: &Path, inputs: &[PathBuf], is_same: impl Fn(&Path) -> bool) -> Result<()> {
    let stdin = Path::new("/dev/stdin");
    for input in inputs {
        let opened = if input.as_os_str() == "-" {
            stdin
        } else {
            input
        };
        if is_same(opened) {
            return Err(Error::usage(format!(
                "{} is also an input ({}), which would be lost; choose another name",
                shown(path),
                shown(input)
            )));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn duplicate(stdout: &io::Stdout) -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(stdout.as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn duplicate(stdout: &io::Stdout) -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(stdout.as_handle().try_clone_to_owned()?.into())
}

/// The folder that holds `path`, which may be a bare name.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn check_folder(path: &Path) -> Result<()> {
    let folder = folder(path);
    if folder.is_dir() && path.file_name().is_some() {
        return Ok(());
    }
    let advice = if folder.exists() {
        "is not a folder; choose another place".to_owned()
    } else {
        let command = shell::path(folder).map(|folder| format!(" with `mkdir -p {folder}`"));
        format!("does not exist; create it{}", command.unwrap_or_default())
    };
    Err(Error::usage(format!(
        "cannot write {}: {} {advice}",
        shown(path),
        shown(folder)
    )))
}

/// Whether `input` is the file at `real`, by whatever name: what the system
/// numbers alike is one file, and hard links have no other mark.
#[cfg(unix)]
fn is_same(input: &Path, _: &Path, found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(input).is_ok_and(|input| (input.dev(), input.ino()) == (found.dev(), found.ino()))
}

/// Whether `input` is the file at `real`, behind all symbolic links.
#[cfg(not(unix))]
fn is_same(input: &Path, real: &Path, _: &Metadata) -> bool {
    fs::canonicalize(input).is_ok_and(|input| input == real)
}
