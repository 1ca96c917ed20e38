//! What is asked of an archive by those who look at whole connections and write no capture.

use std::ops::Range;
use std::path::PathBuf;

use crate::filter::Filter;
use crate::flow::Addresses;
use crate::read::files::Source;
use crate::record::Layout;

/// Which archive is to be read, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// Files, folders, or `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// The column order of files that do not tell it.
    pub format: Option<Layout>,
    /// What is wanted of them.
    pub filter: Filter,
    /// Octets of memory to use, about; mapped files and the files' names not counted.
    pub memory: u64,
    /// Where temporary files go when that is not enough.
    pub temp_dir: PathBuf,
}

impl Request {
    /// How its files are read, of which those in `wanted` are.
    pub(super) fn source<'a>(&'a self, wanted: Option<&'a Range<i64>>) -> Source<'a> {
        Source {
            format: self.format.as_ref(),
            addresses: Addresses::Packet,
            filter: &self.filter,
            wanted,
            temp_dir: &self.temp_dir,
        }
    }

    /// Octets that may wait in buckets in memory.
    pub(super) fn held_max(&self) -> usize {
        usize::try_from(self.memory / HELD_SHARE).unwrap_or(usize::MAX)
    }
}

/// Each of up to three sets of buckets may hold this part of the memory.
pub(super) const HELD_SHARE: u64 = 4;
