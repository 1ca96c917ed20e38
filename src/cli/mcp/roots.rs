//! The files and folders that a client may read, and its paths within them.

use std::fs;
use std::path::{Path, PathBuf};

use flow2pcap::pipeline::Enclosure;
use flow2pcap::printable::shown;

use super::message::quoted;
use crate::cli::advice::refusal;

/// The most paths of a call.
const PATHS_MAX: usize = 1_000;

/// The files and folders that a client may read.
#[derive(Clone, Debug)]
pub(super) struct ReadableRoots {
    enclosure: Enclosure,
}

impl ReadableRoots {
    /// Takes the files and folders that were typed.
    ///
    /// # Errors
    /// One of them is missing, or is neither a file nor a folder.
    pub(super) fn new(typed: &[PathBuf]) -> anyhow::Result<Self> {
        let enclosure = Enclosure::new(typed)?;
        if let Some(root) = enclosure.roots().iter().find(|root| !is_plain(root)) {
            return Err(refusal(
                format!("{} is neither a file nor a folder", shown(root)),
                "name files or folders: a client may read them more than once",
            ));
        }
        Ok(Self { enclosure })
    }

    /// Returns what nothing that is read may leave.
    pub(super) fn enclosure(&self) -> Enclosure {
        self.enclosure.clone()
    }

    /// Returns the inputs that the paths of a call mean: all roots if there are none.
    ///
    /// # Errors
    /// A path does not exist within the roots, or is neither a file nor a folder, or there are too many.
    pub(super) fn inputs(&self, paths: &[String]) -> anyhow::Result<Vec<PathBuf>> {
        if paths.is_empty() {
            return Ok(self.enclosure.roots().to_vec());
        }
        if paths.len() > PATHS_MAX {
            return Err(refusal(
                format!("{} paths are too many", paths.len()),
                format!("give at most {PATHS_MAX}, or folders"),
            ));
        }
        paths.iter().map(|path| self.input(path)).collect()
    }

    /// Returns the canonical path of what `path` means. A relative path is one within a root, or one
    /// that begins with the name of a root; the first root that has it decides.
    fn input(&self, path: &str) -> anyhow::Result<PathBuf> {
        let typed = Path::new(path);
        let roots = self.enclosure.roots().iter();
        let meanings = roots.flat_map(|root| {
            let beside = root.parent().map(|parent| parent.join(typed));
            [Some(root.join(typed)), beside].into_iter().flatten()
        });
        let found = meanings
            .filter(|path| self.enclosure.holds(path))
            .find_map(|path| fs::canonicalize(path).ok());
        // Whether something is outside of the roots is not said.
        match found.filter(|path| is_plain(path)) {
            Some(found) => Ok(found),
            None => Err(refusal(
                format!(
                    "there is no file or folder {} within the roots",
                    quoted(path)
                ),
                format!("the roots are {}", self.listed()),
            )),
        }
    }

    /// Names the roots.
    pub(super) fn listed(&self) -> String {
        let roots = self.enclosure.roots().iter();
        let roots: Vec<String> = roots.map(|root| shown(root).to_string()).collect();
        roots.join(", ")
    }
}

/// Whether reading it ends: a pipe may wait forever.
fn is_plain(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() || metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn paths_are_within_the_roots() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        let root = top.join("logs");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/1.log"), "x").unwrap();
        fs::write(top.join("secret"), "x").unwrap();
        symlink(top.join("secret"), root.join("link")).unwrap();
        let roots = ReadableRoots::new(std::slice::from_ref(&root)).unwrap();
        let input = |path: &str| {
            roots
                .inputs(&[path.to_owned()])
                .map(|mut all| all.remove(0))
        };
        assert_eq!(roots.inputs(&[]).unwrap(), std::slice::from_ref(&root));
        for path in ["a/1.log", "logs/a/1.log", "a/../a/1.log"] {
            assert_eq!(input(path).unwrap(), root.join("a/1.log"), "{path}");
        }
        let absolute = root.join("a");
        assert_eq!(input(absolute.to_str().unwrap()).unwrap(), absolute);
        for path in [
            "../secret",
            "secret",
            "link",
            "/etc/passwd",
            "nothing",
            "-",
            "a/1.log\0",
        ] {
            let error = input(path).unwrap_err().to_string();
            assert!(error.contains("within the roots"), "{path}: {error}");
        }
    }

    #[test]
    fn root_that_is_missing_is_an_error() {
        let missing = PathBuf::from("no/such/folder");
        assert!(ReadableRoots::new(&[missing]).is_err());
    }
}
