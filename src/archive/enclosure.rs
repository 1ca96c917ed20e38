//! Folders that reading does not leave, whatever path is given and wherever a link leads.
//!
//! A path is compared in its canonical form, without links and `..`. This is no sandbox: someone who
//! may write in the folders can replace a file by a link between this look at it and its opening.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Files and folders within which everything is that may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enclosure {
    /// Their canonical paths, as they were given.
    roots: Vec<PathBuf>,
}

impl Enclosure {
    /// Creates an enclosure of these files and folders.
    ///
    /// # Errors
    /// One of them is missing.
    pub fn new(roots: &[PathBuf]) -> Result<Self> {
        let canonical = |root: &PathBuf| {
            fs::canonicalize(root).map_err(|source| Error::io("find", root, source))
        };
        let roots = roots.iter().map(canonical).collect::<Result<_>>()?;
        Ok(Self { roots })
    }

    /// Returns the canonical paths of the files and folders, as they were given.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Whether the path exists and is within, after all links in it are followed.
    pub fn holds(&self, path: &Path) -> bool {
        fs::canonicalize(path)
            .is_ok_and(|real| self.roots.iter().any(|root| real.starts_with(root)))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_and_dots_do_not_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("in-not"));
        for folder in [&inside, &outside] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("a.log"), "x").unwrap();
        }
        symlink(&outside, inside.join("link")).unwrap();
        symlink("a.log", inside.join("b.log")).unwrap();
        let enclosure = Enclosure::new(std::slice::from_ref(&inside)).unwrap();
        for (path, expected) in [
            ("a.log", true),
            ("b.log", true),
            ("", true),
            ("missing.log", false),
            ("link/a.log", false),
            ("../in-not/a.log", false),
            ("../in/a.log", true),
        ] {
            assert_eq!(enclosure.holds(&inside.join(path)), expected, "{path}");
        }
        assert!(Enclosure::new(&[folder.path().join("no")]).is_err());
    }
}
