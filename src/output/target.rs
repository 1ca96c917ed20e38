//! Finds what a path leads to, and whether an output may be written there.

use std::{
    fs::{self, File, Metadata},
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

#[cfg(feature = "s3")]
use crate::bucket::Location;
use crate::error::{Error, Result};
use crate::printable::{shell, shown};

/// The name of standard output in messages.
pub(super) const STDOUT: &str = "standard output";

/// The kind of target of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// A pipe or a device.
    Direct,
    /// An object of a bucket.
    #[cfg(feature = "s3")]
    Object(Location),
    /// A regular file, existing or not, after following all symbolic links.
    File(PathBuf),
}

impl Target {
    /// Finds the target, and refuses harmful ones. `example` is a name for such a file.
    pub(super) fn find(path: &Path, example: &str, inputs: &[PathBuf]) -> Result<Self> {
        if [Path::new("-"), Path::new("/dev/stdout")].contains(&path) {
            return Ok(Self::Stdout);
        }
        #[cfg(feature = "s3")]
        if let Some(location) = Location::of(path) {
            return object(location, path, example, inputs);
        }
        let named = shown(path);
        let Ok(found) = fs::metadata(path) else {
            if path.is_symlink() {
                return Err(Error::usage(format!(
                    "{named} is a link to a file that does not exist; remove it, or name the file itself"
                )));
            }
            check_folder(path)?;
            return Ok(Self::File(path.to_owned()));
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
        // A file descriptor of the shell may be a regular file, which must not be replaced without
        // the shell knowing.
        if ["/dev/fd", "/dev/stderr", "/proc"]
            .iter()
            .any(|at| path.starts_with(at))
        {
            return Ok(Self::Direct);
        }
        if found.permissions().readonly() {
            return Err(Error::usage(format!(
                "{named} exists and is write-protected; remove it, or choose another name"
            )));
        }
        Ok(Self::File(real))
    }
}

/// Refuses an object that is an input, or a folder of a bucket.
#[cfg(feature = "s3")]
fn object(location: Location, path: &Path, example: &str, inputs: &[PathBuf]) -> Result<Target> {
    if location.key.is_empty() || location.key.ends_with('/') {
        return Err(Error::usage(format!(
            "{} is a folder; name an object in it, such as {}",
            shown(path),
            shown(&path.join(example))
        )));
    }
    refuse_input(path, inputs, |input| {
        Location::of(input).is_some_and(|input| input == location)
    })?;
    Ok(Target::Object(location))
}

/// Returns the error for an output that cannot be in a bucket. In a build without the feature, none can.
pub(super) fn no_object(path: &Path) -> Error {
    let what = if cfg!(feature = "s3") {
        "only single files are written to a bucket; write to a folder on disk and copy that"
    } else {
        "in this build only local files are written; copy the output afterwards, or build it with the feature s3"
    };
    Error::usage(format!("cannot write {}: {what}", shown(path)))
}

/// Returns standard output as a file: the standard library's own handle looks for line ends, which
/// mean nothing in binary output.
///
/// A shell may have opened one of `inputs` as standard output.
pub(super) fn stdout(inputs: &[PathBuf]) -> Result<File> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return Err(Error::usage(
            "standard output is a terminal, where the output is unreadable; name a file, or pipe it to a program",
        ));
    }
    let named = Path::new(STDOUT);
    let file = duplicate(&stdout).map_err(|e| Error::io("open", named, e))?;
    let found = file.metadata().map_err(|e| Error::io("open", named, e))?;
    if found.is_file() {
        // No path leads to it; only device and inode numbers identify the file.
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

/// Returns the folder of `path`, which may be a bare name.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Checks that the folder of `path` exists.
pub(super) fn check_folder(path: &Path) -> Result<()> {
    if path.as_os_str().as_encoded_bytes().starts_with(b"s3://") {
        return Err(no_object(path));
    }
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

/// Whether `input` is the file at `real`, under any name: equal device and inode numbers mean one
/// file, and hard links can be recognized in no other way.
#[cfg(unix)]
fn is_same(input: &Path, _: &Path, found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(input).is_ok_and(|input| (input.dev(), input.ino()) == (found.dev(), found.ino()))
}

/// Whether `input` is the file at `real`, after following all symbolic links.
#[cfg(not(unix))]
fn is_same(input: &Path, real: &Path, _: &Metadata) -> bool {
    fs::canonicalize(input).is_ok_and(|input| input == real)
}
