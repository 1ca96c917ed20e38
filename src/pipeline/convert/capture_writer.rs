//! Writes ordered frames into one capture, or into the parts of a split capture.
//!
//! One capture is written without looking at single frames. In a split capture, the [`FrameEnd`] of
//! each frame shows its part, and each part has its own counts.

use std::path::PathBuf;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::capture::{self, Encoder, Format, LinkType, Section};
use crate::error::Result;
use crate::flow::Enis;
use crate::output::{Output, PartFiles, StoredPart};
use crate::pipeline::convert::Convert;
use crate::pipeline::convert::frames::Ordered;
use crate::pipeline::convert::frames::{FrameEnd, PartTag};
use crate::pipeline::convert::split::{self, Split};
use crate::printable::exact;
use crate::summary::{OutputFile, OutputPart, OutputParts};

/// The most address names in each part of a capture split by ENI; all names could take more space
/// than the packets.
const NAMES_MAX: usize = 1_000;

/// The reserved output, created before anything is read, so that its errors appear early.
pub(crate) enum PendingOutput {
    Whole(Output),
    Split(Split, PartFiles),
}

impl PendingOutput {
    pub(crate) fn of(convert: &Convert, inputs: &[PathBuf]) -> Result<Self> {
        Ok(match convert.split {
            None => {
                let output = Output::create(&convert.output, capture::EXAMPLE, inputs)?;
                Self::Whole(match convert.keeps_existing {
                    true => output.keeping_existing(),
                    false => output,
                })
            }
            Some(split) => Self::Split(
                split,
                PartFiles::create(capture::part_names(&convert.output)?, inputs)?,
            ),
        })
    }

    /// Starts the capture with `section`.
    pub(crate) fn open(
        self,
        encoder: Encoder,
        section: Section,
        enis: &Enis,
    ) -> Result<CaptureWriter> {
        let preamble = encoder.preamble(&section)?;
        match self {
            Self::Whole(mut output) => {
                output.write_all(&preamble)?;
                Ok(CaptureWriter::Whole(output))
            }
            Self::Split(split, parts) => Ok(CaptureWriter::Split(SplitOutput {
                split,
                parts,
                encoder,
                section,
                preamble,
                eni_names: split::eni_names(enis),
                known: HashMap::default(),
                latest: None,
                accounts: Vec::new(),
            })),
        }
    }
}

/// An open capture.
pub(crate) enum CaptureWriter {
    Whole(Output),
    Split(SplitOutput),
}

impl CaptureWriter {
    /// Appends frames.
    ///
    /// # Errors
    /// Writing fails.
    pub(crate) fn write(&mut self, ready: &[Ordered]) -> Result<()> {
        match self {
            Self::Whole(output) => ready
                .iter()
                .try_for_each(|part| output.write_all(&part.bytes)),
            Self::Split(apart) => ready.iter().try_for_each(|part| apart.write(part)),
        }
    }

    /// Completes the files and gives them their names.
    ///
    /// # Errors
    /// Writing or renaming fails. No file is left then.
    pub(crate) fn finish(self, convert: &Convert) -> Result<OutputFile> {
        let (bytes, parts) = match self {
            Self::Whole(output) => (output.finish()?, None),
            Self::Split(apart) => {
                let parts = apart.finish()?;
                (
                    parts.files.iter().map(|part| part.file_bytes).sum(),
                    Some(parts),
                )
            }
        };
        Ok(OutputFile::new(&convert.output, bytes, parts))
    }
}

/// A capture split into parts.
pub(crate) struct SplitOutput {
    split: Split,
    parts: PartFiles,
    encoder: Encoder,
    section: Section,
    /// The start of every part, except for parts of single ENIs.
    preamble: Vec<u8>,
    eni_names: Vec<String>,
    /// The parts by the number in the tags of their frames.
    known: HashMap<u32, usize, RandomState>,
    /// The part that was written to last, and its hour.
    latest: Option<(usize, i64)>,
    /// The counts of each part.
    accounts: Vec<OutputPart>,
}

impl SplitOutput {
    fn write(&mut self, ordered: &Ordered) -> Result<()> {
        let mut rest = &ordered.bytes[..];
        for cut in &ordered.cuts {
            let (frame, after) = rest.split_at(cut.len as usize);
            rest = after;
            let part = self.part_of(cut)?;
            self.parts.write(part, frame)?;
            let account = &mut self.accounts[part];
            account.packets += 1;
            let len = match cut.tag {
                PartTag::PDU => {
                    Encoder::new(Format::Pcapng, LinkType::UpperPdu).original_len(frame)
                }
                _ => self.encoder.original_len(frame),
            };
            account.bytes += u128::from(len);
            account.connections += u64::from(cut.tag.begins());
            account.first_ns.get_or_insert(cut.time_ns.max(0));
            account.last_ns = Some(cut.time_ns.max(0));
        }
        Ok(())
    }

    fn part_of(&mut self, cut: &FrameEnd) -> Result<usize> {
        let number = cut.tag.number();
        let hour = split::hour(cut.time_ns);
        let known = match self.split {
            Split::Eni | Split::Connections(_) => self.known.get(&number).copied(),
            Split::Hour => self
                .latest
                .filter(|(_, of)| *of == hour)
                .map(|(part, _)| part),
            Split::Size(len_max) => {
                let latest = self.latest.map(|(part, _)| part);
                latest.filter(|part| self.parts.len(*part) < len_max)
            }
        };
        if let Some(part) = known {
            return Ok(part);
        }
        let name = match self.split {
            Split::Eni => self.eni_names[number as usize].clone(),
            Split::Connections(_) => split::number_name(number as usize),
            Split::Hour => split::hour_name(hour),
            Split::Size(_) => split::number_name(self.parts.count()),
        };
        let part = match self.split {
            Split::Eni => {
                let preamble = self.preamble_of(number as usize)?;
                self.parts.begin(&name, &preamble)?
            }
            _ => self.parts.begin(&name, &self.preamble)?,
        };
        self.known.insert(number, part);
        self.latest = Some((part, hour));
        self.accounts.push(OutputPart::default());
        Ok(part)
    }

    /// Returns the start of the part of one ENI, with only its interface.
    fn preamble_of(&self, eni: usize) -> Result<Vec<u8>> {
        let whole = &self.section;
        let names = &whole.names[..whole.names.len().min(NAMES_MAX)];
        self.encoder.preamble(&Section {
            comment: whole.comment.clone(),
            application: whole.application.clone(),
            interfaces: whole.interfaces.get(eni).cloned().into_iter().collect(),
            names: names.to_vec(),
        })
    }

    fn finish(self) -> Result<OutputParts> {
        let mut files = self.accounts;
        let index = exact(self.parts.index_path());
        self.parts.finish(|stored: &[StoredPart]| {
            for (account, StoredPart { path, stored_len }) in files.iter_mut().zip(stored) {
                account.path = exact(&path);
                account.file_bytes = *stored_len;
            }
            // The parts are listed by name, because the order in which they began is of no use.
            files.sort_by(|a, b| a.path.cmp(&b.path));
            OutputPart::table(&files)
        })?;
        Ok(OutputParts { index, files })
    }
}

#[cfg(test)]
mod tests;
