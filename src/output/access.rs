//! Keeps the owner and permissions of a file when another file replaces it.
//!
//! Owner, group and the nine bits of the mode are kept, as far as the system lets this process set
//! them: only root can give a file to another owner, and only a member can give it to a group. A
//! bit that cannot be kept is never replaced by a wider one. Access control lists, extended
//! attributes, set-user-ID and similar bits, and further hard links are not kept: they belong to
//! the older file.

#[cfg(unix)]
pub(super) use self::unix::Access;

#[cfg(not(unix))]
pub(super) use self::other::Access;

#[cfg(unix)]
mod unix {
    use std::fs::{self, Metadata, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    use std::path::Path;

    /// Owner, group and mode of a file.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Access {
        owner: u32,
        group: u32,
        /// Read, write and execute, for owner, group and others.
        mode: u32,
    }

    impl Access {
        /// Returns the access of the file at `path`, if the file exists.
        pub(crate) fn of(path: &Path) -> Option<Self> {
            fs::metadata(path).ok().as_ref().map(Self::from)
        }

        /// Applies the access to the file at `path`, which this process has created, as far as
        /// possible.
        pub(crate) fn give(self, path: &Path) {
            let Some(now) = Self::of(path) else { return };
            let mut mode = self.mode;
            let group_is_kept =
                now.group == self.group || chown(path, None, Some(self.group)).is_ok();
            if !group_is_kept {
                mode &= without_group(mode);
            }
            if now.owner != self.owner {
                // Without permission to change it, the file keeps the user running this program as
                // its owner, as with any editor.
                let _ = chown(path, Some(self.owner), None);
            }
            // Some file systems have no modes; there the file stays as it was created.
            let _ = fs::set_permissions(path, Permissions::from_mode(mode));
        }
    }

    impl From<&Metadata> for Access {
        fn from(found: &Metadata) -> Self {
            Self {
                owner: found.uid(),
                group: found.gid(),
                mode: found.mode() & 0o777,
            }
        }
    }

    /// Returns the part of `mode` that another group may have: no more than everybody.
    fn without_group(mode: u32) -> u32 {
        0o707 | (mode & 0o007) << 3
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn another_group_gets_no_more_access_than_everybody() {
            for (mode, left) in [
                (0o664, 0o644),
                (0o660, 0o600),
                (0o646, 0o646),
                (0o750, 0o700),
            ] {
                assert_eq!(mode & without_group(mode), left, "{mode:o}");
            }
        }

        #[test]
        fn access_is_copied_from_the_other_file() {
            let folder = tempfile::tempdir().unwrap();
            let [older, newer] = ["older", "newer"].map(|name| folder.path().join(name));
            for path in [&older, &newer] {
                fs::write(path, "").unwrap();
            }
            for mode in [0o600, 0o640, 0o664, 0o755, 0o200] {
                fs::set_permissions(&older, Permissions::from_mode(mode)).unwrap();
                let access = Access::of(&older).unwrap();
                access.give(&newer);
                assert_eq!(Access::of(&newer), Some(access), "{mode:o}");
            }
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::path::Path;

    /// On this system a file has only the access that it inherits from its folder.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Access;

    impl Access {
        pub(crate) fn of(_: &Path) -> Option<Self> {
            None
        }

        pub(crate) fn give(self, _: &Path) {}
    }
}
