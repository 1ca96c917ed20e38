//! The account of a reading: what was read, what was not read, and why.

use crate::archive::{File, LeftOut};
use crate::error::{Error, ErrorKind, NotRead, Pruned, Result};
use crate::filter::Sifted;
use crate::printable::{exact, printable};
use crate::read::files::FileYield;
use crate::read::source_names::{ArchiveMember, SourceNames};
use crate::summary::{Example, Input, Reasons, Records};
use crate::survey::ColumnOrders;

/// The account of a reading: what was read, what was not read, and why.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Account {
    /// Counts of files: read, left out, pruned, damaged.
    pub input: Input,
    /// Counts of lines: records, headers, and skipped lines.
    pub records: Records,
    /// The orders of columns in all files.
    pub columns: ColumnOrders,
    /// The members of each file that holds others.
    members: Vec<Vec<ArchiveMember>>,
    /// End of the newest record in the pruned files and row groups, as far as paths and statistics
    /// show.
    pub(crate) pruned_newest_ns: Option<i64>,
}

impl Account {
    /// Creates an account that contains only the files that were left out without being opened.
    pub(crate) fn new(left_out: &[LeftOut], sifted: &Sifted) -> Self {
        let mut read = Self {
            pruned_newest_ns: sifted.newest_slot_ns,
            ..Self::default()
        };
        read.input.pruned = sifted.pruned.files;
        read.input.pruned_file_bytes = sifted.pruned.bytes;
        for entry in left_out {
            let place = || Example {
                place: exact(&entry.path),
                found: String::new(),
            };
            read.input.left_out.count(&entry.reason.to_string(), place);
        }
        read
    }

    /// Adds everything in the next file except its part for the sink, which is returned.
    pub(crate) fn append<P>(&mut self, file: FileYield<P>) -> P {
        self.members.push(file.members);
        self.input.add(file.input);
        self.pruned_newest_ns = self.pruned_newest_ns.max(file.pruned_newest_ns);
        self.columns.add(file.block.columns);
        self.records.add(file.block.records);
        file.block.part
    }

    /// Checks whether there was anything to read.
    ///
    /// # Errors
    /// Fails if there was not a single line of a flow log.
    pub(crate) fn check(&self) -> Result<()> {
        if self.records.lines == 0 {
            return Err(nothing_to_read(&self.input));
        }
        Ok(())
    }

    /// Returns the names of the members of archives.
    pub(crate) fn member_names(&self) -> impl Iterator<Item = &str> {
        let members = self.members.iter().flatten();
        members.map(|member| &*member.name)
    }

    /// Returns the names for the places of records. `files` are the files that were read.
    pub fn source_names(&self, files: &[File]) -> SourceNames {
        SourceNames::new(files, self.members.clone())
    }
}

/// Returns the error for a run that found no flow log, listing what was skipped.
fn nothing_to_read(input: &Input) -> Error {
    let pruned = match (input.row_groups_pruned, input.pruned) {
        (groups @ 1.., _) => Some(Pruned::RowGroups(groups)),
        (0, files @ 1..) if input.files == 0 => Some(Pruned::Files(files)),
        _ => None,
    };
    if let Some(pruned) = pruned {
        return ErrorKind::NothingMatches { pruned }.into();
    }
    ErrorKind::NoFlowLog {
        left_out: not_read(&input.left_out),
        damaged: not_read(&input.damaged),
    }
    .into()
}

fn not_read(reasons: &Reasons) -> Vec<NotRead> {
    let example = |place: &Example| match &place.found[..] {
        "" => printable(&place.place).into_owned(),
        found => format!("{}: {}", printable(&place.place), printable(found)),
    };
    let reasons = reasons.0.iter().map(|(reason, files)| NotRead {
        count: files.count,
        reason: reason.clone(),
        example: files.examples.first().map_or_else(String::new, example),
    });
    reasons.collect()
}
