//! The receiver of an archive's records, and the form in which it receives them.

use std::sync::Arc;

use crate::error::Result;
use crate::event::{Event, OriginalFields};
use crate::flow::{Place, Unusable};
use crate::record::{Field, Layout, NotPlain, PlainLine, PlainLines, Record};

/// Receives records from all reading threads.
///
/// An archive is read in blocks, on all cores. Each block fills its own [`Sink::Part`], so nothing
/// is locked while records arrive. Parts are then joined in the order of the files and of their
/// lines, whichever thread finished first.
///
/// ```text
/// begin -> record, record, silence, …  -> complete     one block, on one thread
///                                          append      block after block, file after file
/// ```
///
/// A part may be dropped before it is complete and its block read again, so a sink must change
/// nothing but the part before [`Sink::complete`].
pub trait Sink: Sync {
    /// The result of some consecutive lines.
    type Part: Default + Send;

    /// Returns the fields that the sink uses, or `None` for all. Fewer fields are faster. Other
    /// fields may be missing from the records, and faults in them may go unnoticed.
    fn fields(&self) -> Option<&[Field]> {
        None
    }

    /// Returns fields that the sink looks up in records, beyond [`USED`](crate::record::USED). Records
    /// of tables do not have others.
    fn looked_up(&self) -> &[Field] {
        &[]
    }

    /// Creates an empty part for about this many records.
    fn begin(&self, _records: usize) -> Self::Part {
        Self::Part::default()
    }

    /// Adds a record to the part.
    ///
    /// # Errors
    /// Fails if the record does not have a value that this sink requires. The record is then
    /// counted as skipped for that reason.
    fn record(&self, part: &mut Self::Part, found: &Found<'_>) -> Result<(), Unusable>;

    /// Adds a NODATA or SKIPDATA record, which says that its ENI has no flows to report.
    fn silence(&self, _part: &mut Self::Part, _found: &Found<'_>) {}

    /// Whether the sink can take lines in AWS's plain spelling without a record, where the archive has no
    /// filter but a time.
    fn takes_plain(&self) -> bool {
        false
    }

    /// Adds plain lines as [`record`](Self::record) or [`silence`](Self::silence) would one by one.
    ///
    /// # Errors
    /// A column that is needed is not spelled as AWS spells it, or what the sink does with some of the lines
    /// is not what it does with others. Nothing is then added, and each line is passed on alone; one that
    /// fails alone is read as a record.
    fn plain_lines(&self, _part: &mut Self::Part, _found: &FoundLines<'_>) -> Result<(), NotPlain> {
        Err(NotPlain)
    }

    /// Adds an event of another AWS log, if the archive was opened to read them
    /// ([`ArchiveBuilder::events`](super::ArchiveBuilder::events)).
    fn event(&self, _part: &mut Self::Part, _found: &FoundEvent<'_>) {}

    /// Completes a block. `base` lines of its file come before it. Called from any thread, in any
    /// order, once for each block that counts.
    ///
    /// # Errors
    /// Returns errors that end the run, such as a full disk.
    fn complete(&self, _part: &mut Self::Part, _base: u64) -> Result<()> {
        Ok(())
    }

    /// Joins `later` to the part for the lines or files immediately before it.
    fn append(&self, part: &mut Self::Part, later: Self::Part);
}

/// An event and its place.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FoundEvent<'r> {
    /// The event.
    pub event: &'r Event<'r>,
    /// Its fields, as they are in the log.
    pub fields: OriginalFields<'r>,
    /// The index of its file among [`Archive::files`](super::Archive::files), and the number of its
    /// line, or of its object in a JSON file. It counts from 1 at the first line of the block, as
    /// that of a record does.
    pub place: Place,
    /// Whether it matches the filter, apart from the filter's time. `None` if it does not have what
    /// decides it.
    pub matches: Option<bool>,
}

/// A record and its place.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Found<'r> {
    /// The record.
    pub record: &'r Record<'r>,
    /// The order of its columns, which [`Record::get`] needs to find values that are not in the
    /// record itself.
    pub layout: &'r Arc<Layout>,
    /// The index of its file among [`Archive::files`](super::Archive::files), and its line number,
    /// counted from 1 at the first line of its block. [`Sink::complete`] receives the number of
    /// lines before the block.
    pub place: Place,
    /// Whether it matches the filter, apart from the filter's time. `None` if it does not have the
    /// field that decides it.
    pub matches: Option<bool>,
}

/// Consecutive plain lines that are all records of flows, or all of intervals without any; and their place.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FoundLines<'r> {
    /// The lines.
    pub lines: &'r PlainLines<'r>,
    /// That of the first one, as that of [`Found`].
    pub place: Place,
    /// Whether they are NODATA records.
    pub is_silence: bool,
}

impl FoundLines<'_> {
    /// Returns how many of them are records of flows.
    pub fn flows(&self) -> u64 {
        match self.is_silence {
            true => 0,
            false => self.lines.count() as u64,
        }
    }

    /// Returns whether `holds` is true of all lines, or of none.
    ///
    /// # Errors
    /// It is true of some of them only, or fails.
    #[inline(always)]
    pub fn all_or_none(
        &self,
        mut holds: impl FnMut(&PlainLine<'_>) -> Result<bool, NotPlain>,
    ) -> Result<bool, NotPlain> {
        let mut lines = self.lines.iter();
        let first = lines.next().map_or(Ok(true), |line| holds(&line))?;
        for line in lines {
            if holds(&line)? != first {
                return Err(NotPlain);
            }
        }
        Ok(first)
    }
}

impl<'r> Found<'r> {
    /// Returns the text of `field`, or `None` if the record does not have it.
    pub fn get(&self, field: Field) -> Option<&'r [u8]> {
        self.record.get(self.layout, field)
    }
}
