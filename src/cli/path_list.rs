//! `--paths-from`: inputs that are listed in a file, one path on a line, as `find`, `aws s3 ls` and job
//! queues make such lists.
//!
//! The list is read whole before anything else, and a path of it that is missing ends the run, as a
//! missing INPUT does. What the paths are is not looked at here.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flow2pcap::blocking::Blocking;
use flow2pcap::printable::number::grouped;
use flow2pcap::printable::{shell, shown};

use super::advice::refusal;

/// The longest list, in bytes: more than a million paths of 200 bytes.
const LIST_LEN_MAX: u64 = 256 << 20;

/// The most missing paths that a message names.
const MISSING_SHOWN: usize = 5;

/// What was typed to say which files to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TypedInputs<'a> {
    /// The paths.
    pub(crate) paths: &'a [PathBuf],
    /// The file with more of them.
    pub(crate) list: Option<&'a Path>,
}

impl TypedInputs<'_> {
    /// Returns the words to type for the same inputs, or `None` if they cannot be typed. Standard input
    /// cannot be read again.
    pub(crate) fn words(&self) -> Option<Vec<String>> {
        let is_stdin = |path: &Path| path == Path::new("-");
        if self.paths.iter().any(|path| is_stdin(path)) || self.list.is_some_and(is_stdin) {
            return None;
        }
        let words = self.paths.iter().map(shell::path);
        let mut words = words.collect::<Option<Vec<_>>>()?;
        // Sorted, because the order of the inputs does not change any output.
        words.sort();
        if let Some(list) = self.list {
            words.push(format!("--paths-from {}", shell::path(list)?));
        }
        Some(words)
    }
}

/// Reads the paths that `list` names; `-` is standard input.
///
/// # Errors
/// The list cannot be read, is too long, names nothing, or names paths that are not there.
pub(crate) fn read(list: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let is_stdin = list == Path::new("-");
    let name = match is_stdin {
        true => "standard input".to_owned(),
        false => shown(list).to_string(),
    };
    let what = || format!("cannot read the list of paths in {name}");
    let text = match is_stdin {
        true => whole(Blocking(io::stdin())),
        false => File::open(list).and_then(whole),
    };
    let text = text.with_context(what)?;
    if text.len() as u64 > LIST_LEN_MAX {
        return Err(refusal(
            format!("the list of paths in {name} is longer than 256 MiB"),
            "name the folders instead, or divide the list",
        ));
    }
    let paths = parsed(&text);
    if paths.is_empty() {
        return Err(refusal(
            format!("the list of paths in {name} is empty"),
            "write one path on each line, or separate them by NUL as `find -print0` does",
        ));
    }
    check_present(&paths, &name)?;
    Ok(paths.into_iter().map(|(_, path)| path).collect())
}

/// Reads at most one byte more than a list may have.
fn whole(from: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    from.take(LIST_LEN_MAX + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Returns the paths, each with its number in the list, from 1. A list with a NUL is separated by NULs,
/// and may have line ends within a path.
fn parsed(text: &[u8]) -> Vec<(usize, PathBuf)> {
    let is_nul = text.contains(&0);
    let end = if is_nul { 0 } else { b'\n' };
    let entries = (1..).zip(text.split(|byte| *byte == end));
    let entries = entries.map(|(number, entry)| match is_nul {
        true => (number, entry),
        false => (number, entry.strip_suffix(b"\r").unwrap_or(entry)),
    });
    let entries = entries.filter(|(_, entry)| !entry.is_empty());
    entries
        .map(|(number, entry)| (number, path(entry)))
        .collect()
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(bytes.to_vec()).into()
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    OsString::from(String::from_utf8_lossy(bytes).into_owned()).into()
}

/// Whether every path is there.
///
/// # Errors
/// Some are not: how many, and the first ones with their numbers in the list.
fn check_present(paths: &[(usize, PathBuf)], name: &str) -> anyhow::Result<()> {
    // The walk over the inputs explains why an address of a bucket is no path.
    let is_missing = |path: &Path| {
        !path.to_string_lossy().starts_with("s3://")
            && path != Path::new("-")
            && path
                .metadata()
                .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    let missing = paths.iter().filter(|(_, path)| is_missing(path));
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let first = missing.iter().take(MISSING_SHOWN);
    let first = first.map(|(number, path)| format!("{} (entry {number})", shown(path)));
    let mut named = first.collect::<Vec<_>>().join(", ");
    if missing.len() > MISSING_SHOWN {
        named.push_str(" and others");
    }
    Err(refusal(
        format!(
            "cannot find {} of the {} paths in {name}: {named}",
            grouped(missing.len() as u64),
            grouped(paths.len() as u64),
        ),
        "paths are relative to the folder in which the program runs, not to the list",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &[u8]) -> Vec<(usize, String)> {
        let parsed = parsed(text).into_iter();
        parsed
            .map(|(number, path)| (number, path.to_str().unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn lines_and_nuls_separate_paths() {
        let named = |list: &[(usize, &str)]| -> Vec<(usize, String)> {
            list.iter().map(|(n, path)| (*n, (*path).into())).collect()
        };
        assert_eq!(paths(b"a b\r\n\nc"), named(&[(1, "a b"), (3, "c")]));
        assert_eq!(paths(b"a\nb\0c\0"), named(&[(1, "a\nb"), (2, "c")]));
        assert_eq!(paths(b"\n\n"), named(&[]));
    }

    #[test]
    fn typed_inputs_are_words_unless_they_are_standard_input() {
        let words = |paths: &[&str], list: Option<&str>| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            let list = list.map(Path::new);
            TypedInputs {
                paths: &paths,
                list,
            }
            .words()
        };
        let expected = ["a", "'b c'", "--paths-from list.txt"].map(str::to_owned);
        assert_eq!(words(&["b c", "a"], Some("list.txt")).unwrap().len(), 3);
        let mut found = words(&["b c", "a"], Some("list.txt")).unwrap();
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(words(&["-"], None), None);
        assert_eq!(words(&["a"], Some("-")), None);
    }
}
