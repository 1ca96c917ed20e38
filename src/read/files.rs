//! Reads files in blocks for a sink, on all cores.
//!
//! A mapped file is read by several threads ([`mmap`]). Compressed files are decompressed from
//! front to back, but several at a time. Each block is read independently and numbered from its own
//! first line. The line numbers are corrected when those before it are known, so that nothing
//! depends on the order of the threads.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::archive::{
    self, Content, Damage, Enclosure, File, LeftOutReason, Opened, Pack, Stream, s3_path,
};
use crate::configuration::{Configuration, is_configuration};
use crate::error::{ErrorKind, Result};
use crate::event::BalancerFile;
use crate::filter::{Filter, FilterWatch};
use crate::read::Meter;
use crate::read::block::{BlockReader, BlockYield};
use crate::read::configuration::{self, ConfigurationWish};
use crate::read::describe;
use crate::read::events::{self, LinesOf};
use crate::read::neighbor::header_beside;
use crate::read::sink::Sink;
use crate::read::source_names::ArchiveMember;
use crate::read::table::{read_packed_table, read_table};
use crate::read::{json, mmap};
use crate::record::{
    Evidence, Foreign, Layout, Unrecognized, holds_embedded, order_name, recognize,
};
use crate::summary::{Example, Input};
use crate::wrapper;

/// Length of a block in bytes: large enough to be worth a task, small enough to distribute.
pub(crate) const BLOCK_LEN: usize = 2 << 20;

/// Number of bytes at the beginning of a file that must show its column order.
pub(crate) const HEAD_LEN: usize = 64 << 10;

/// The contents of a file.
#[derive(Default)]
pub(crate) struct FileYield<P> {
    pub block: BlockYield<P>,
    pub input: Input,
    /// Lines that were not read. They count in the numbers of the lines after them.
    pub skipped_lines: u64,
    /// Its members, if it is an archive of files.
    pub members: Vec<ArchiveMember>,
    /// End of the newest record in the pruned row groups, according to their statistics.
    pub pruned_newest_ns: Option<i64>,
    /// What it says of the configuration, if it is no log and the reader wants it.
    pub configuration: Configuration,
}

impl<P: Default + Send> FileYield<P> {
    /// Adds the contents of a part of the file that comes after these, except for members and
    /// configuration.
    pub(crate) fn add<S: Sink<Part = P>>(&mut self, later: Self, sink: &S) {
        self.input.add(later.input);
        self.block.append(later.block, sink);
        self.skipped_lines += later.skipped_lines;
        self.pruned_newest_ns = self.pruned_newest_ns.max(later.pruned_newest_ns);
    }
}

/// Reads the files of one archive.
pub(crate) struct Files<'a, S> {
    /// The column order of files that do not name their columns.
    pub format: Option<&'a Layout>,
    /// The filter that records are compared with.
    pub filter: &'a Filter,
    /// What notes why none does.
    pub watch: &'a FilterWatch<'a>,
    /// The time range that may match, in nanoseconds since the Unix epoch. `None` means any time.
    pub wanted: Option<&'a Range<i64>>,
    /// The folder for tables that must be complete before they can be read.
    pub temp_dir: &'a Path,
    /// All files of the archive, some of which may have the header that another lacks.
    pub inputs: &'a [File],
    /// The folders that may be read; `None` for all.
    pub within: Option<&'a Enclosure>,
    /// What becomes of files that hold configuration.
    pub configuration: &'a ConfigurationWish,
    /// Whether the records of other AWS logs are passed to the sink as events.
    pub wants_events: bool,
    /// Whether flow logs in text and tables are read.
    pub wants_records: bool,
    /// The progress of the run.
    pub meter: &'a Meter,
    /// The sink that receives the records.
    pub sink: &'a S,
}

/// A file or a member of one that is being read, and the position in it.
#[derive(Clone, Copy)]
pub(crate) struct FileOffset {
    /// Index of the file.
    pub file: u32,
    /// Number of lines of the file before this member.
    pub lines_before: u64,
}

impl<S: Sink> Files<'_, S> {
    /// Reads all files. `deliver` receives the contents of each, in the order of `files`.
    ///
    /// # Errors
    /// Fails if a file cannot be read, if its column order is not known, or if a sink fails.
    pub(crate) fn read(
        &self,
        files: &[File],
        deliver: impl FnMut(FileYield<S::Part>) + Send,
    ) -> Result<()> {
        u32::try_from(files.len()).map_err(|_| ErrorKind::TooManyFiles)?;
        let in_order = Mutex::new(InOrder {
            next: 0,
            early: BTreeMap::new(),
            deliver,
        });
        // One by one, so that few files finish ahead of their turn.
        let numbered = (0..).zip(files).par_bridge();
        numbered.try_for_each(|(index, file)| {
            self.meter.check()?;
            let read = self.read_file(index, file)?;
            self.meter.files.fetch_add(1, Relaxed);
            let mut in_order = in_order.lock().unwrap_or_else(PoisonError::into_inner);
            in_order.add(index, read);
            Ok(())
        })
    }

    fn read_file(&self, index: u32, file: &File) -> Result<FileYield<S::Part>> {
        match archive::open(file)? {
            Opened::Pack(pack) => self.read_pack(index, file, pack),
            opened => {
                let at = FileOffset {
                    file: index,
                    lines_before: 0,
                };
                self.read_opened(at, file, opened)
            }
        }
    }

    /// Reads the members of an archive one after the other, as if they were one file.
    fn read_pack(&self, index: u32, file: &File, pack: Pack) -> Result<FileYield<S::Part>> {
        let mut whole = FileYield::default();
        let pack_kind = describe::of_pack(&pack);
        let damage = pack.for_each_member(file, |member, opened| {
            let lines_before = whole.block.lines() + whole.skipped_lines;
            let at = FileOffset {
                file: index,
                lines_before,
            };
            let mut read = self.read_opened(at, &member, opened)?;
            if read.block.lines() > 0 {
                whole.members.push(ArchiveMember {
                    lines_before,
                    name: member.name,
                });
            }
            let configuration = std::mem::take(&mut read.configuration);
            whole.add(read, self.sink);
            configuration::append(
                &mut whole.configuration,
                configuration,
                &mut whole.input,
                file,
            );
            Ok(())
        })?;
        if let Some(damage) = damage {
            note_damage(&mut whole.input, file, &damage);
        }
        let kinds = std::mem::take(&mut whole.input.kinds).into_iter();
        whole.input.kinds = kinds.map(|(kind, n)| (kind + pack_kind, n)).collect();
        Ok(whole)
    }

    /// Reads an opened file or member.
    pub(crate) fn read_opened(
        &self,
        at: FileOffset,
        file: &File,
        opened: Opened,
    ) -> Result<FileYield<S::Part>> {
        let mut content = match opened {
            Opened::Content(content) => content,
            Opened::Pack(_) => return left_out(file, &LeftOutReason::PackInPack),
            _ if self.configuration.is_all_wanted() => return not_configuration(file),
            Opened::Table(_) | Opened::PackedTable(_) if !self.wants_records => {
                return foreign_file(file, "flow log");
            }
            Opened::Table(source) => return read_table(self, at, file, source),
            Opened::PackedTable(stream) => return read_packed_table(self, at, file, stream),
            Opened::LeftOut(reason) => return left_out(file, &reason),
        };
        if self.configuration.wants(content.head(HEAD_LEN)) {
            return self.read_configuration(file, content);
        }
        let is_wrapped = wrapper::is_wrapped(content.head(HEAD_LEN));
        if is_wrapped && let Content::Stream(stream) = content {
            return json::read_wrapped(self, at, file, stream);
        }
        let recognized = match recognize(content.head(HEAD_LEN), self.format) {
            Ok(_) if !self.wants_records => return foreign_file(file, "flow log"),
            Ok(recognized) => recognized,
            Err(refusal) if !refusal.is_ambiguous() && holds_embedded(content.head(HEAD_LEN)) => {
                return self.read_embedded(at, file, content);
            }
            Err(unrecognized) => return self.read_other(at, file, content, &unrecognized),
        };
        let mut yielded = FileYield::default();
        yielded.input.files = 1;
        yielded.input.file_bytes = file.len;
        let evidence = evidence_name(recognized.evidence);
        note_layout(&mut yielded.input, evidence);
        note_kind(
            &mut yielded.input,
            &describe::of_text(&content, &recognized.layout),
        );
        let reader = self.block_reader(at, file);
        let layout = Arc::new(self.needed(recognized.layout));
        let begun_with = Arc::clone(&layout);
        let lines = LinesOf::Records(layout);
        let (block, damage) = match content {
            Content::Mapped(mapping) => mmap::read_mapped(self, &mapping, &reader, lines)?,
            Content::Stream(stream) => {
                let (block, read_len, damage) = self.read_stream(stream, at, &reader, lines)?;
                // Pipes have no length of their own.
                yielded.input.file_bytes = yielded.input.file_bytes.max(read_len);
                (block, damage)
            }
        };
        yielded.block = block;
        if let Some(damage) = damage {
            note_damage(&mut yielded.input, file, &damage);
        }
        yielded.block.name_faults(&file.name, 0);
        yielded.block.name_columns(|layout| {
            if layout.columns() == begun_with.columns() {
                return evidence;
            }
            self.name_other(layout, evidence_name(Evidence::Header))
        });
        Ok(yielded)
    }

    /// Reads text that is not a flow log, or not known to be one.
    fn read_other(
        &self,
        at: FileOffset,
        file: &File,
        mut content: Content,
        unrecognized: &Unrecognized,
    ) -> Result<FileYield<S::Part>> {
        let kind = events::kind_of_file(unrecognized).filter(|_| self.wants_events);
        if let Some(kind) = kind {
            return events::read_lines(self, at, file, content, kind);
        }
        // The rest of a single line does not show what the file was.
        let has_line = content.head(HEAD_LEN).contains(&b'\n');
        match content.damage(file.len) {
            Some(damage) if !has_line => Ok(unusable(file, &damage)),
            _ => self.foreign(file, unrecognized),
        }
    }

    /// Reads configuration, or leaves out what is not.
    fn read_configuration(&self, file: &File, mut content: Content) -> Result<FileYield<S::Part>> {
        if !is_configuration(content.head(HEAD_LEN)) {
            return not_configuration(file);
        }
        match content.into_stream() {
            Ok(stream) => Ok(self.configuration.read(file, stream)),
            Err(reason) => left_out(file, &reason),
        }
    }

    /// Reads text whose records are inside other text.
    fn read_embedded(
        &self,
        at: FileOffset,
        file: &File,
        content: Content,
    ) -> Result<FileYield<S::Part>> {
        match content.into_stream() {
            Ok(stream) => json::read_embedded(self, at, file, stream),
            Err(reason) => left_out(file, &reason),
        }
    }

    pub(crate) fn read_stream(
        &self,
        stream: Stream,
        at: FileOffset,
        reader: &BlockReader<'_, S>,
        mut lines: LinesOf,
    ) -> Result<(BlockYield<S::Part>, u64, Option<Damage>)> {
        let mut whole = BlockYield::default();
        let mut read_len = 0;
        let damage = stream.for_each_block(BLOCK_LEN, |block| {
            self.meter.check()?;
            let mut read = reader.read(&block, &lines);
            self.count(block.read_len - read_len, &read);
            read_len = block.read_len;
            if let Some(after) = read.lines_after() {
                lines = after;
            }
            self.complete(&mut read, at.lines_before + whole.lines())?;
            whole.append(read, self.sink);
            Ok(())
        })?;
        Ok((whole, read_len, damage))
    }

    /// Decides about a file that is not a flow log, or not known to be one.
    ///
    /// Load balancer logs and similar files are in the same folders and are left out. A file that
    /// looks like records in an unknown order may be the one that the user is looking for, so it
    /// ends the run with an error that suggests a format.
    pub(crate) fn foreign<P: Default>(
        &self,
        file: &File,
        unrecognized: &Unrecognized,
    ) -> Result<FileYield<P>> {
        match unrecognized.foreign() {
            _ if unrecognized.is_ambiguous() => Err(ErrorKind::AmbiguousFormats {
                file: file.name.clone(),
                why: unrecognized.to_string(),
            }
            .into()),
            Foreign::Other if file.is_typed || unrecognized.has_two_addresses() => {
                Err(ErrorKind::UnknownLayout {
                    file: file.name.clone(),
                    why: unrecognized.to_string(),
                    suggestion: unrecognized.suggestion(),
                    neighbor: header_beside(file, self.inputs, self.within, unrecognized),
                }
                .into())
            }
            Foreign::Other if unrecognized.has_header() => {
                foreign_file(file, "text with a repeated column in its header")
            }
            Foreign::Other => foreign_file(file, "text that is not a flow log"),
            known => foreign_file(file, &known.to_string()),
        }
    }

    /// Returns how the column order of single lines was identified: by a given format, or by values
    /// that fit a well-known order; otherwise as `others` says.
    pub(crate) fn name_other(&self, layout: &Layout, others: &'static str) -> &'static str {
        if self.format.is_some_and(|format| format.has_format(layout)) {
            return evidence_name(Evidence::Given);
        }
        order_name(layout).unwrap_or(others)
    }

    /// Returns a reader of the blocks of `file`.
    pub(crate) fn block_reader<'f>(&'f self, at: FileOffset, file: &'f File) -> BlockReader<'f, S> {
        BlockReader {
            file: at.file,
            filter: self.filter,
            watch: self.watch,
            path: s3_path::parse(&file.name),
            balancer: BalancerFile::parse(&file.name),
            sink: self.sink,
        }
    }

    /// Returns the same columns, reading only the fields that the sink uses. With a filter, all
    /// fields are read, because the fields that a filter uses are not known here.
    pub(crate) fn needed(&self, layout: Layout) -> Layout {
        match self.sink.fields() {
            Some(fields) if self.filter.wants_all() => layout.reading(fields),
            _ => layout,
        }
    }

    pub(crate) fn count(&self, bytes: u64, read: &BlockYield<S::Part>) {
        self.meter.bytes.fetch_add(bytes, Relaxed);
        self.meter.records.fetch_add(read.lines(), Relaxed);
    }

    /// Completes the records of a block. `base` lines of its file come before it.
    pub(crate) fn complete(&self, read: &mut BlockYield<S::Part>, base: u64) -> Result<()> {
        self.sink.complete(&mut read.part, base)
    }
}

/// Returns how a column order was identified, as shown in the summary.
pub(crate) fn evidence_name(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Header => "header line",
        Evidence::Given => "given format",
        Evidence::Order(name) => name,
    }
}

pub(crate) fn note_layout(input: &mut Input, evidence: &str) {
    input.layouts.insert(evidence.to_owned(), 1);
}

pub(crate) fn note_kind(input: &mut Input, kind: &str) {
    input.kinds.insert(kind.to_owned(), 1);
}

/// Restores the order of the files after threads have read them.
struct InOrder<P, F> {
    next: u32,
    early: BTreeMap<u32, FileYield<P>>,
    deliver: F,
}

impl<P, F: FnMut(FileYield<P>)> InOrder<P, F> {
    fn add(&mut self, index: u32, read: FileYield<P>) {
        self.early.insert(index, read);
        while let Some(read) = self.early.remove(&self.next) {
            (self.deliver)(read);
            self.next += 1;
        }
    }
}

/// Returns the contents of a file that cannot be read at all.
pub(crate) fn unusable<P: Default>(file: &File, damage: &dyn fmt::Display) -> FileYield<P> {
    let mut yielded = FileYield::default();
    yielded.input.files = 1;
    yielded.input.file_bytes = file.len;
    note_damage(&mut yielded.input, file, damage);
    yielded
}

fn not_configuration<P: Default>(file: &File) -> Result<FileYield<P>> {
    foreign_file(file, "not AWS configuration")
}

fn left_out<P: Default>(file: &File, reason: &LeftOutReason) -> Result<FileYield<P>> {
    foreign_file(file, &reason.to_string())
}

pub(crate) fn foreign_file<P: Default>(file: &File, reason: &str) -> Result<FileYield<P>> {
    let mut yielded = FileYield::default();
    let place = || Example {
        place: file.name.clone(),
        found: String::new(),
    };
    yielded.input.left_out.count(reason, place);
    Ok(yielded)
}

pub(crate) fn note_damage(input: &mut Input, file: &File, damage: &dyn fmt::Display) {
    let example = || Example {
        place: file.name.clone(),
        found: damage.to_string(),
    };
    input.damaged.count("damaged", example);
}
