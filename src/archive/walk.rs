//! Turns the inputs of the user into the list of files to read.
//!
//! The list does not depend on the order of the inputs, nor on the order in which a folder yields
//! its entries, because the output must not depend on them. It is sorted by name, which for AWS's
//! names is nearly the order of time.
//!
//! A file that the user named is always listed, even if it is hidden. A file found in a folder is
//! left out if it cannot be a log.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

#[cfg(feature = "s3")]
use super::entry::judge_member;
use super::{
    enclosure::Enclosure,
    entry::{EntryFate, judge},
    file::{File, Identity},
    left_out::{LeftOut, LeftOutReason},
};
#[cfg(feature = "s3")]
use crate::bucket::{self, FoundInBucket, Location};
use crate::error::{Error, Result};
#[cfg(not(feature = "s3"))]
use crate::printable::shell;
use crate::printable::{printable, shown};

/// The files to read, and the files left out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Walk {
    /// Each file once, sorted by name and then by path.
    pub files: Vec<File>,
    /// The files left out, sorted by path.
    pub left_out: Vec<LeftOut>,
}

/// Lists the files in `inputs`, which are files, folders, and `-` for standard input.
///
/// Links are followed. A file that is reached in several ways is listed once, under the name that
/// sorts first.
///
/// # Errors
/// Fails if an input is missing or cannot be opened, if a folder has no file to read, or if `-` is
/// given twice.
pub fn walk(inputs: &[PathBuf]) -> Result<Walk> {
    walk_within(inputs, WalkBounds::default())
}

/// What is not listed of the inputs.
#[derive(Clone, Copy, Default)]
pub struct WalkBounds<'a> {
    /// The only folders whose files are listed; `None` for all.
    pub within: Option<&'a Enclosure>,
    /// Whether something in a folder of a bucket can match, whose key it is given; `None` if everything can.
    /// Folders on disk are listed whole: that costs nothing, and says what was pruned.
    pub may_match: Option<&'a dyn Fn(&str) -> bool>,
}

/// Lists the files in the same way, but none that is out of bounds.
///
/// # Errors
/// Fails as [`walk`] does, or if an input is not within the folders.
pub fn walk_within(inputs: &[PathBuf], bounds: WalkBounds<'_>) -> Result<Walk> {
    let within = bounds.within;
    let mut walk = Walk::default();
    for input in inputs {
        if within.is_some_and(|within| !within.holds(input)) {
            let input = shown(input);
            return Err(Error::usage(format!(
                "{input} is not in the folders that may be read"
            )));
        }
        if input.as_os_str() == "-" {
            walk.add_stdin(input)?;
        } else if is_in_bucket(input) {
            walk.add_bucket(input, bounds)?;
        } else {
            walk.add_path(input, within)?;
        }
    }
    walk.sort();
    Ok(walk)
}

/// Whether an input is in a bucket.
fn is_in_bucket(input: &Path) -> bool {
    input.as_os_str().as_encoded_bytes().starts_with(b"s3://")
}

/// Decides about an entry. What lies below a folder can leave it only by another link.
fn judge_within(entry: &DirEntry, within: Option<&Enclosure>) -> EntryFate {
    match within {
        Some(within) if entry.path_is_symlink() && !within.holds(entry.path()) => {
            EntryFate::LeftOut(LeftOutReason::Outside)
        }
        _ => judge(entry),
    }
}

impl Walk {
    fn add_stdin(&mut self, input: &Path) -> Result<()> {
        if self.files.iter().any(File::is_stdin) {
            return Err(Error::usage(
                "standard input can be read only once: use - only once",
            ));
        }
        self.files.push(File::typed(input.to_owned(), None));
        Ok(())
    }

    #[cfg(not(feature = "s3"))]
    fn add_bucket(&mut self, input: &Path, _: WalkBounds<'_>) -> Result<()> {
        let command = shell::path(input).map(|from| format!(" with `aws s3 sync {from} FOLDER`"));
        Err(Error::usage(format!(
            "cannot read {}: in this build only local files are read; copy it first{}, or build it with the feature s3",
            shown(input),
            command.unwrap_or_default(),
        )))
    }

    #[cfg(feature = "s3")]
    fn add_bucket(&mut self, input: &Path, bounds: WalkBounds<'_>) -> Result<()> {
        let Some(at) = Location::of(input) else {
            return Err(Error::usage(format!(
                "{} has no bucket: write s3://BUCKET/PREFIX/",
                shown(input)
            )));
        };
        let found = bucket::list(&at, bounds.may_match);
        let objects = match found.map_err(|source| Error::io("list", input, source))? {
            FoundInBucket::Object(object, len) => {
                let location = format!("s3://{}/{}", at.bucket, at.key);
                self.files
                    .push(File::in_bucket(&location, object, len, true));
                return Ok(());
            }
            FoundInBucket::Folder(objects) => objects,
        };
        let file_count = self.files.len();
        let left_out_count = self.left_out.len();
        for (below, object, len) in objects {
            let location = format!("{object:?}");
            match judge_member(&below) {
                Some(reason) => self.leave_out(location.into(), reason),
                None if len == 0 => self.leave_out(location.into(), LeftOutReason::Empty),
                None => self
                    .files
                    .push(File::in_bucket(&location, object, len, false)),
            }
        }
        if self.files.len() == file_count && bounds.may_match.is_none() {
            return Err(no_file(input, &self.left_out[left_out_count..]));
        }
        Ok(())
    }

    fn add_path(&mut self, input: &Path, within: Option<&Enclosure>) -> Result<()> {
        let metadata = fs::metadata(input).map_err(|source| Error::io("find", input, source))?;
        if metadata.is_dir() {
            return self.add_folder(input, within);
        }
        // Failing now is better than failing after hours. Opening a pipe would wait.
        if metadata.is_file() {
            fs::File::open(input).map_err(|source| Error::io("read", input, source))?;
        }
        self.files
            .push(File::typed(input.to_owned(), Some(&metadata)));
        Ok(())
    }

    fn add_folder(&mut self, folder: &Path, within: Option<&Enclosure>) -> Result<()> {
        let file_count = self.files.len();
        let left_out_count = self.left_out.len();
        let mut entries = WalkDir::new(folder).follow_links(true).into_iter();
        while let Some(entry) = entries.next() {
            match entry.map(|entry| (judge_within(&entry, within), entry)) {
                Ok((EntryFate::Folder, _)) => {}
                Ok((EntryFate::File(metadata), entry)) => {
                    self.files.push(File::found(entry.into_path(), &metadata));
                }
                Ok((EntryFate::LeftOut(reason), entry)) => {
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                    self.leave_out(entry.into_path(), reason);
                }
                Err(error) => self.add_failure(folder, error)?,
            }
        }
        if self.files.len() == file_count {
            return Err(no_file(folder, &self.left_out[left_out_count..]));
        }
        Ok(())
    }

    fn add_failure(&mut self, folder: &Path, error: walkdir::Error) -> Result<()> {
        let path = error.path().unwrap_or(folder).to_owned();
        let reason = if error.loop_ancestor().is_some() {
            LeftOutReason::LinkLoop
        } else if error.depth() == 0 {
            return Err(Error::io("read", folder, error.into()));
        } else {
            let message = error
                .io_error()
                .map_or_else(|| error.to_string(), ToString::to_string);
            LeftOutReason::NotReadable(message)
        };
        self.leave_out(path, reason);
        Ok(())
    }

    fn leave_out(&mut self, path: PathBuf, reason: LeftOutReason) {
        self.left_out.push(LeftOut { path, reason });
    }

    /// Sorts the files and removes duplicates, so that the order of the inputs does not matter.
    fn sort(&mut self) {
        self.files
            .sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        let mut index_of: HashMap<Identity, usize> = HashMap::with_capacity(self.files.len());
        let mut files: Vec<File> = Vec::with_capacity(self.files.len());
        for file in std::mem::take(&mut self.files) {
            match index_of.entry(file.identity.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(files.len());
                    files.push(file);
                }
                Entry::Occupied(entry) => {
                    files[*entry.get()].is_typed |= file.is_typed;
                    self.leave_out(file.path, LeftOutReason::AlreadyListed);
                }
            }
        }
        self.files = files;
        // A folder that was given twice leaves out the same files twice.
        self.left_out.sort();
        self.left_out.dedup();
    }
}

fn no_file(folder: &Path, left_out: &[LeftOut]) -> Error {
    let folder = shown(folder);
    Error::usage(match left_out.iter().min() {
        None => format!("no file in {folder}: give a folder that holds flow logs"),
        Some(first) => format!(
            "no readable file in {folder}: {} left out, such as {} ({})",
            left_out.len(),
            shown(&first.path),
            printable(&first.reason.to_string()),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing::Folder;

    /// Returns the names of the files below `folder`, and the files left out.
    fn walked(folder: &Folder, inputs: &[&str]) -> (Vec<String>, Vec<(String, LeftOutReason)>) {
        let inputs: Vec<PathBuf> = inputs.iter().map(|input| folder.join(input)).collect();
        let walk = walk(&inputs).unwrap();
        let below = |path: &Path| {
            let path = path.strip_prefix(folder.path()).unwrap();
            path.to_str().unwrap().replace('\\', "/")
        };
        let files = walk.files.iter().map(|file| below(&file.path)).collect();
        let left_out = walk.left_out.into_iter();
        (
            files,
            left_out
                .map(|left_out| (below(&left_out.path), left_out.reason))
                .collect(),
        )
    }

    fn message(inputs: &[PathBuf]) -> String {
        walk(inputs).unwrap_err().to_string()
    }

    #[cfg(unix)]
    #[test]
    fn link_out_of_the_folders_that_may_be_read_is_left_out() {
        use std::os::unix::fs::symlink;

        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(inside.path().join("a.log"), "x").unwrap();
        fs::write(outside.path().join("b.log"), "x").unwrap();
        symlink(outside.path(), inside.path().join("folder")).unwrap();
        symlink(outside.path().join("b.log"), inside.path().join("b.log")).unwrap();
        symlink("a.log", inside.path().join("c.log")).unwrap();
        let inputs = [inside.path().to_owned()];
        let within = Enclosure::new(&inputs).unwrap();
        let bounds = WalkBounds {
            within: Some(&within),
            ..WalkBounds::default()
        };
        let walked = walk_within(&inputs, bounds).unwrap();
        assert_eq!(walked.files.len(), 1);
        let reasons: Vec<_> = walked.left_out.iter().map(|out| &out.reason).collect();
        let (out, twice) = (&LeftOutReason::Outside, &LeftOutReason::AlreadyListed);
        assert_eq!(reasons, [out, twice, out], "{walked:?}");
        assert_eq!(walk(&inputs).unwrap().files.len(), 2);
        let error = walk_within(&[outside.path().to_owned()], bounds).unwrap_err();
        assert!(error.to_string().contains("may be read"), "{error}");
    }

    #[test]
    fn folder_is_walked_in_order_of_names() {
        let folder = Folder::new();
        for path in ["b/2.log", "a/1.log.gz", "b/10.log", "c.log"] {
            folder.write(path, b"2 OK\n");
        }
        let (files, left_out) = walked(&folder, &[""]);
        assert_eq!(files, ["a/1.log.gz", "b/10.log", "b/2.log", "c.log"]);
        assert!(left_out.is_empty());
    }

    #[test]
    fn inputs_in_any_order_give_the_same_list() {
        let folder = Folder::new();
        for path in ["a/1.log", "a/.hidden", "b/2.log", "b/.hidden"] {
            folder.write(path, b"2 OK\n");
        }
        let inputs = ["b", "a/1.log", "a", "b/2.log", "a"].map(|input| folder.join(input));
        let mut reversed = inputs.clone();
        reversed.reverse();
        let expected = walk(&inputs).unwrap();
        assert_eq!(walk(&reversed).unwrap(), expected);
        assert_eq!(expected.files.len(), 2);
        assert!(
            expected
                .files
                .iter()
                .all(|file| file.is_typed && file.len == 5)
        );
    }

    #[test]
    fn files_that_are_not_logs_are_left_out_with_a_reason() {
        let folder = Folder::new();
        folder.write("a.log", b"2 OK\n");
        folder.write(".DS_Store", b"?");
        folder.write(".git/config", b"?");
        folder.write("x/aws-logs-write-test", b"Permission Check Successful");
        folder.write("x/ELBAccessLogTestFile", b"?");
        folder.write("_SUCCESS", b"");
        let (files, left_out) = walked(&folder, &[""]);
        assert_eq!(files, ["a.log"]);
        let expected = [
            (".DS_Store", LeftOutReason::Hidden),
            (".git", LeftOutReason::Hidden),
            ("_SUCCESS", LeftOutReason::Empty),
            ("x/ELBAccessLogTestFile", LeftOutReason::WriteTest),
            ("x/aws-logs-write-test", LeftOutReason::WriteTest),
        ];
        assert_eq!(
            left_out,
            expected.map(|(path, reason)| (path.to_owned(), reason))
        );
    }

    #[test]
    fn hidden_or_empty_file_or_write_test_is_listed_if_typed() {
        let folder = Folder::new();
        let typed = [".a.log", ".b/c.log", "aws-logs-write-test", "empty"];
        for path in typed {
            folder.write(path, if path == "empty" { b"" } else { b"2 OK\n" });
        }
        let (files, left_out) = walked(&folder, &[".a.log", ".b", "aws-logs-write-test", "empty"]);
        assert_eq!(files, typed);
        assert!(left_out.is_empty());
    }

    #[test]
    fn file_reached_twice_is_listed_under_its_first_name() {
        let folder = Folder::new();
        folder.write("a/1.log", b"2 OK\n");
        let (files, left_out) = walked(&folder, &["a/1.log", "a", "a/../a/1.log"]);
        assert_eq!(files, ["a/../a/1.log"]);
        assert_eq!(
            left_out,
            [("a/1.log".to_owned(), LeftOutReason::AlreadyListed)]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once_and_link_loops_are_left_out() {
        use LeftOutReason::{AlreadyListed, LinkLoop, NotReadable};
        use std::os::unix::fs::symlink;

        let folder = Folder::new();
        folder.write("a/1.log", b"2 OK\n");
        symlink("1.log", folder.join("a/2.log")).unwrap();
        symlink("nowhere", folder.join("a/broken")).unwrap();
        symlink(".", folder.join("a/loop")).unwrap();
        let (files, left_out) = walked(&folder, &["a"]);
        assert_eq!(files, ["a/1.log"]);
        let [
            (listed, AlreadyListed),
            (broken, NotReadable(_)),
            (around, LinkLoop),
        ] = &left_out[..]
        else {
            panic!("{left_out:?}");
        };
        assert_eq!([listed, broken, around], ["a/2.log", "a/broken", "a/loop"]);
    }

    #[cfg(unix)]
    #[test]
    fn socket_in_a_folder_is_left_out() {
        let folder = Folder::new();
        folder.write("a.log", b"2 OK\n");
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("s")).unwrap();
        let (files, left_out) = walked(&folder, &[""]);
        assert_eq!(files, ["a.log"]);
        assert_eq!(left_out, [("s".to_owned(), LeftOutReason::SpecialFile)]);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_are_read() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

        let folder = Folder::new();
        fs::write(
            folder.path().join(OsStr::from_bytes(b"\xff.log")),
            b"2 OK\n",
        )
        .unwrap();
        let walk = walk(&[folder.path().to_owned()]).unwrap();
        assert!(walk.files[0].name.ends_with("/\\xff.log"));
        assert!(!walk.files[0].is_typed);
    }

    #[test]
    fn stdin_is_listed_once() {
        let stdin = PathBuf::from("-");
        let walk = walk(std::slice::from_ref(&stdin)).unwrap();
        assert!(walk.files[0].is_stdin());
        assert_eq!(walk.files[0].name, "-");
        assert!(!File::typed(PathBuf::from("./-"), None).is_stdin());
        assert!(message(&[stdin.clone(), stdin]).contains("once"));
    }

    #[test]
    fn missing_input_is_an_error_that_names_it() {
        let missing = Folder::new().join("missing.log");
        assert_eq!(
            message(std::slice::from_ref(&missing)),
            format!("cannot find {}", shown(&missing))
        );
        assert!(message(&[PathBuf::from("s3://bucket/x")]).contains("aws s3 sync s3://bucket/x"));
    }

    #[test]
    fn folder_without_file_to_read_is_an_error_with_the_reason() {
        let folder = Folder::new();
        let path = folder.path().to_owned();
        assert!(message(std::slice::from_ref(&path)).starts_with("no file in "));
        folder.write(".hidden", b"?");
        let message = message(&[path]);
        assert!(message.contains("1 left out, such as ") && message.contains(".hidden (hidden"));
    }
}
