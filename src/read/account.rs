//! What was read of an archive, what was not, and why.

use crate::archive::{File, LeftOut};
use crate::error::{Error, ErrorKind, NotRead, Pruned, Result};
use crate::filter::Sifted;
use crate::printable::{exact, printable};
use crate::read::files::FileYield;
use crate::read::source_names::{ArchiveMember, SourceNames};
use crate::summary::{Example, Input, Reasons, Records};
use crate::survey::ColumnOrders;

/// What was read of an archive, what was not, and why.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Account {
    /// The files: read, left out, pruned, damaged.
    pub input: Input,
    /// The lines: records, headers, those that are skipped.
    pub records: Records,
    /// The orders of columns of all files.
    pub columns: ColumnOrders,
    /// Of each file that holds others.
    members: Vec<Vec<ArchiveMember>>,
    /// When the newest record ends of those that were pruned, as far as paths and statistics say.
    pub(crate) pruned_newest_ns: Option<i64>,
}

impl Account {
    /// Nothing yet but what is left out without being opened.
    pub(crate) fn beside(left_out: &[LeftOut], sifted: &Sifted) -> Self {
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

    /// Takes in what the next file held, but for what the sink made of it.
    pub(crate) fn append<P>(&mut self, file: FileYield<P>) -> P {
        self.members.push(file.members);
        self.input.add(file.input);
        self.pruned_newest_ns = self.pruned_newest_ns.max(file.pruned_newest_ns);
        self.columns.add(file.block.columns);
        self.records.add(file.block.records);
        file.block.part
    }

    /// Whether there was anything to read.
    ///
    /// # Errors
    /// Not one line of a flow log.
    pub(crate) fn check(&self) -> Result<()> {
        if self.records.lines == 0 {
            return Err(nothing_to_read(&self.input));
        }
        Ok(())
    }

    /// The names of members of archives.
    pub(crate) fn member_names(&self) -> impl Iterator<Item = &str> {
        let members = self.members.iter().flatten();
        members.map(|member| &*member.name)
    }

    /// What to call the places of records of `files`, which are those that were read.
    pub fn source_names(&self, files: &[File]) -> SourceNames {
        SourceNames::new(files, self.members.clone())
    }
}

/// The error for a run that found no flow log, with what was skipped instead.
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
