//! What all files held, joined in their order.

use crate::archive::{File, LeftOut};
use crate::error::{Error, Result};
use crate::filter::Sifted;
use crate::flow::{Enis, Losses, Place};
use crate::printable::{exact, printable};
use crate::read::coverage::Coverage;
use crate::read::files::{FileYield, Files, Sink};
use crate::read::source_names;
use crate::summary::{Example, Input, Reasons, Records};
use crate::survey::ColumnOrders;

/// The account of what was read, but for the records themselves.
#[derive(Default)]
pub(crate) struct ReadAccount {
    /// Of each file that holds others.
    pub members: Vec<Vec<source_names::Member>>,
    /// What Transit Gateways lost, in order of place.
    pub losses: Vec<(Place, Losses)>,
    pub input: Input,
    pub records: Records,
    /// The orders of columns of all files.
    pub columns: ColumnOrders,
    enis: Enis,
    /// When the newest record ends.
    pub newest_ns: Option<i64>,
    /// When ENIs saw no traffic, as NODATA tells.
    pub quiet: Coverage,
}

impl ReadAccount {
    /// Nothing yet but what is left out without being opened.
    pub(crate) fn beside(left_out: Vec<LeftOut>, sifted: &Sifted) -> Self {
        let mut read = Self {
            newest_ns: sifted.newest_slot_ns,
            ..Self::default()
        };
        read.input.ruled_out = sifted.ruled_out.files;
        read.input.ruled_out_bytes = sifted.ruled_out.bytes;
        for entry in left_out {
            let place = || Example {
                place: exact(&entry.path),
                found: String::new(),
            };
            read.input.left_out.count(&entry.reason.to_string(), place);
        }
        read
    }

    /// Reads all files; returns the ENIs that are met, by name.
    ///
    /// # Errors
    /// A file that cannot be read or whose column order cannot be told, records for which there is
    /// no room, and no flow log at all.
    pub(crate) fn all<S: Sink>(&mut self, reader: &Files<'_, S>, files: &[File]) -> Result<Enis> {
        reader.read(files, |file| self.append(file))?;
        if self.records.lines == 0 {
            return Err(nothing_to_convert(&self.input));
        }
        Ok(std::mem::take(&mut self.enis).sorted())
    }

    fn append(&mut self, file: FileYield) {
        let index = u32::try_from(self.members.len()).expect("fewer than 2^32 files");
        let losses = file.block.losses.into_iter();
        let placed = losses.map(|(line, lost)| (Place { file: index, line }, lost));
        let room = source_names::LOSSES_MAX - self.losses.len();
        self.losses.extend(placed.take(room));
        self.members.push(file.members);
        self.input.add(file.input);
        self.enis.merge(&file.block.enis);
        self.newest_ns = self.newest_ns.max(file.block.newest_ns);
        self.quiet.add(file.block.quiet);
        self.columns.add(file.block.columns);
        self.records.add(file.block.records);
    }
}

/// That no line was read, and what was found in place of any.
fn nothing_to_convert(input: &Input) -> Error {
    if input.row_groups_ruled_out > 0 {
        return Error::usage(format!(
            "nothing to read: by their statistics, none of {} row groups holds what was asked \
             for; ask for another time",
            input.row_groups_ruled_out
        ));
    }
    if input.ruled_out > 0 && input.files == 0 {
        return Error::usage(format!(
            "nothing to read: by their paths, none of {} files holds what was asked for; ask for \
             a time, account and region that their names tell",
            input.ruled_out
        ));
    }
    let example = |place: &Example| match &place.found[..] {
        "" => printable(&place.place).into_owned(),
        found => format!("{}: {}", printable(&place.place), printable(found)),
    };
    let reasons = |verb: &str, reasons: &Reasons| {
        let reasons = reasons.0.iter().map(|(reason, r)| {
            let first = r.examples.first().map_or_else(String::new, example);
            format!(
                "\n  {} {verb}: {}, such as {first}",
                r.count,
                printable(reason)
            )
        });
        reasons.collect::<String>()
    };
    Error::usage(format!(
        "no flow log among the inputs{}{}",
        reasons("left out", &input.left_out),
        reasons("not read", &input.damaged)
    ))
}
