//! What takes the records of an archive, and what it is given.

use std::sync::Arc;

use crate::error::Result;
use crate::flow::{Place, Unusable};
use crate::record::{Field, Layout, Record};

/// Takes records from all threads that read.
///
/// An archive is read in blocks, on all cores. Each block fills a [`Sink::Part`] of its own, so
/// nothing is locked while records come. Parts are then joined in the order of the files and of
/// their lines, whatever thread was first.
///
/// ```text
/// begin -> record, record, silence, …  -> complete     one block, on one thread
///                                          append      block after block, file after file
/// ```
///
/// A part may be dropped before it is complete and its block read again, so a sink changes nothing
/// but the part before [`Sink::complete`].
pub trait Sink: Sync {
    /// What the records of some lines in a row come to.
    type Part: Default + Send;

    /// The fields that it looks at, if it wants no others: the fewer, the faster. Others may be
    /// missing from the records, and faults in them go unnoticed.
    fn fields(&self) -> Option<&[Field]> {
        None
    }

    /// An empty part for about so many records.
    fn begin(&self, _records: usize) -> Self::Part {
        Self::Part::default()
    }

    /// Takes a record.
    ///
    /// # Errors
    /// The record lacks what this sink cannot do without; it is counted as skipped for that reason.
    fn record(&self, part: &mut Self::Part, found: &Found<'_>) -> Result<(), Unusable>;

    /// Takes a NODATA or SKIPDATA record, which says that its ENI has no flows to report.
    fn silence(&self, _part: &mut Self::Part, _found: &Found<'_>) {}

    /// A block is read, and `base` lines of its file are before it. Called from any thread, in any
    /// order, once for each block that counts.
    ///
    /// # Errors
    /// What ends the run, such as a full disk.
    fn complete(&self, _part: &mut Self::Part, _base: u64) -> Result<()> {
        Ok(())
    }

    /// Joins `later` to the part whose lines or files come right before.
    fn append(&self, part: &mut Self::Part, later: Self::Part);
}

/// A record, and where it was found.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Found<'r> {
    /// The record.
    pub record: &'r Record<'r>,
    /// The order of its columns, by which [`Record::get`] finds what is not in the record itself.
    pub layout: &'r Arc<Layout>,
    /// The index of its file among [`Archive::files`](super::Archive::files), and its line there,
    /// counted from 1 at the first line of its block: [`Sink::complete`] says how many are before it.
    pub place: Place,
    /// Whether it matches the filter, but for its time; `None` if it does not say.
    pub matches: Option<bool>,
}

impl<'r> Found<'r> {
    /// The text of `field`; `None` if the record does not say.
    pub fn get(&self, field: Field) -> Option<&'r [u8]> {
        self.record.get(self.layout, field)
    }
}
