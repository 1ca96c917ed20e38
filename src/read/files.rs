//! From files to the blocks that a sink takes, on all cores.
//!
//! A mapped file is read by several threads ([`mmap`]); what is compressed is
//! inflated front to back, but several files at a time. Each block is read on its
//! own and numbered from its own first line; the places are put right when those
//! before it are known, so that nothing depends on which thread came first.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::archive::{self, Content, Damage, File, LeftOutReason, Opened, Pack, Stream, s3_path};
use crate::error::{ErrorKind, Result};
use crate::filter::{Filter, FilterWatch};
use crate::read::Meter;
use crate::read::block::{BlockReader, BlockYield};
use crate::read::describe;
use crate::read::sink::Sink;
use crate::read::source_names::ArchiveMember;
use crate::read::table::{read_packed_table, read_table};
use crate::read::{json, mmap};
use crate::record::{Evidence, Foreign, Layout, Unrecognised, recognize};
use crate::summary::{Example, Input};
use crate::wrapper;

/// Bytes of a block: large enough to be worth a task, small enough to share out.
pub(crate) const BLOCK_LEN: usize = 2 << 20;

/// Bytes in which a file's column order must show.
pub(crate) const HEAD_LEN: usize = 64 << 10;

/// What a file held.
#[derive(Default)]
pub(crate) struct FileYield<P> {
    pub block: BlockYield<P>,
    pub input: Input,
    /// Lines that were not read, though they count in the numbers of those after them.
    pub passed: u64,
    /// Its members, if it holds files.
    pub members: Vec<ArchiveMember>,
    /// When the newest record ends of those that were pruned, by their statistics.
    pub pruned_newest_ns: Option<i64>,
}

/// Reads the files of one archive.
pub(crate) struct Files<'a, S> {
    /// The column order of files that do not name their columns.
    pub format: Option<&'a Layout>,
    /// Which records match.
    pub filter: &'a Filter,
    /// What notes why none does.
    pub watch: &'a FilterWatch<'a>,
    /// The time that may match, nanoseconds since the Unix epoch; none for any.
    pub wanted: Option<&'a Range<i64>>,
    /// Where a table goes that has to be whole before it can be read.
    pub temp_dir: &'a Path,
    /// How far it has come.
    pub meter: &'a Meter,
    /// Where the records go.
    pub sink: &'a S,
}

/// A file, or a member of one, that is being read.
#[derive(Clone, Copy)]
pub(crate) struct FileOffset {
    /// Index of the file.
    pub file: u32,
    /// Lines of it that are before.
    pub lines_before: u64,
}

impl<S: Sink> Files<'_, S> {
    /// Reads all files; `take_in` is given what each held, in the order of `files`.
    ///
    /// # Errors
    /// A file that cannot be read or whose column order is not known, and what ends a sink.
    pub(crate) fn read(
        &self,
        files: &[File],
        take_in: impl FnMut(FileYield<S::Part>) + Send,
    ) -> Result<()> {
        u32::try_from(files.len()).map_err(|_| ErrorKind::TooManyFiles)?;
        let in_order = Mutex::new(InOrder {
            next: 0,
            early: BTreeMap::new(),
            take_in,
        });
        // One after the other, so that few are early.
        let numbered = (0..).zip(files).par_bridge();
        numbered.try_for_each(|(index, file)| {
            let read = self.read_file(index, file)?;
            self.meter.files.fetch_add(1, Relaxed);
            let mut in_order = in_order.lock().unwrap_or_else(PoisonError::into_inner);
            in_order.take_in(index, read);
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
            let lines_before = whole.block.records.lines + whole.passed;
            let at = FileOffset {
                file: index,
                lines_before,
            };
            let read = self.read_opened(at, &member, opened)?;
            if read.block.records.lines > 0 {
                whole.members.push(ArchiveMember {
                    lines_before,
                    name: member.name,
                });
            }
            whole.input.add(read.input);
            whole.block.append(read.block, self.sink);
            whole.passed += read.passed;
            whole.pruned_newest_ns = whole.pruned_newest_ns.max(read.pruned_newest_ns);
            Ok(())
        })?;
        if let Some(damage) = damage {
            note_damage(&mut whole.input, file, &damage);
        }
        let kinds = std::mem::take(&mut whole.input.kinds).into_iter();
        whole.input.kinds = kinds.map(|(kind, n)| (kind + pack_kind, n)).collect();
        Ok(whole)
    }

    /// Reads what a file, or a member of it, turned out to be.
    pub(crate) fn read_opened(
        &self,
        at: FileOffset,
        file: &File,
        opened: Opened,
    ) -> Result<FileYield<S::Part>> {
        let mut content = match opened {
            Opened::Content(content) => content,
            Opened::Pack(_) => return left_out(file, &LeftOutReason::PackInPack),
            Opened::Table(source) => return read_table(self, at, file, source),
            Opened::PackedTable(stream) => {
                return read_packed_table(self, at, file, stream);
            }
            Opened::LeftOut(reason) => return left_out(file, &reason),
        };
        if wrapper::is_wrapped(content.head(HEAD_LEN))
            && let Content::Stream(stream) = content
        {
            return json::read_wrapped(self, at, file, stream);
        }
        let recognized = match recognize(content.head(HEAD_LEN), self.format) {
            Ok(recognized) => recognized,
            Err(unrecognized) => {
                // What is left of one line tells nothing of what the file was.
                let has_line = content.head(HEAD_LEN).contains(&b'\n');
                return match content.damage(file.len) {
                    Some(damage) if !has_line => Ok(unusable(file, &damage)),
                    _ => foreign(file, &unrecognized),
                };
            }
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
        let (block, damage) = match content {
            Content::Mapped(mapping) => mmap::read_mapped(self, &mapping, &reader, layout)?,
            Content::Stream(stream) => {
                let (block, read_len, damage) = self.read_stream(stream, at, &reader, layout)?;
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
                evidence
            } else {
                evidence_name(Evidence::Header)
            }
        });
        Ok(yielded)
    }

    fn read_stream(
        &self,
        stream: Stream,
        at: FileOffset,
        reader: &BlockReader<'_, S>,
        mut layout: Arc<Layout>,
    ) -> Result<(BlockYield<S::Part>, u64, Option<Damage>)> {
        let mut whole = BlockYield::default();
        let mut read_len = 0;
        let damage = stream.for_each_block(BLOCK_LEN, |block| {
            let mut read = reader.read(&block, Arc::clone(&layout));
            self.count(block.read_len - read_len, &read);
            read_len = block.read_len;
            if let Some(at_end) = &read.layout_at_end {
                layout = Arc::clone(at_end);
            }
            self.complete(&mut read, at.lines_before + whole.records.lines)?;
            whole.append(read, self.sink);
            Ok(())
        })?;
        Ok((whole, read_len, damage))
    }

    /// A reader of the blocks of `file`.
    pub(crate) fn block_reader<'f>(&'f self, at: FileOffset, file: &'f File) -> BlockReader<'f, S> {
        BlockReader {
            file: at.file,
            filter: self.filter,
            watch: self.watch,
            path: s3_path::parse(&file.name),
            sink: self.sink,
        }
    }

    /// The same columns, of which only those are read that the sink looks at. What a filter looks
    /// at is not asked: with one all are read.
    pub(crate) fn needed(&self, layout: Layout) -> Layout {
        match self.sink.fields() {
            Some(fields) if self.filter.wants_all() => layout.reading(fields),
            _ => layout,
        }
    }

    pub(crate) fn count(&self, bytes: u64, read: &BlockYield<S::Part>) {
        self.meter.bytes.fetch_add(bytes, Relaxed);
        self.meter.records.fetch_add(read.records.lines, Relaxed);
    }

    /// Hands the records of a block on; `base` lines of its file are before it.
    pub(crate) fn complete(&self, read: &mut BlockYield<S::Part>, base: u64) -> Result<()> {
        self.sink.complete(&mut read.part, base)
    }
}

/// What a column order was known by, in the words of the summary.
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

/// Puts what threads read back into the order of the files.
struct InOrder<P, F> {
    next: u32,
    early: BTreeMap<u32, FileYield<P>>,
    take_in: F,
}

impl<P, F: FnMut(FileYield<P>)> InOrder<P, F> {
    fn take_in(&mut self, index: u32, read: FileYield<P>) {
        self.early.insert(index, read);
        while let Some(read) = self.early.remove(&self.next) {
            (self.take_in)(read);
            self.next += 1;
        }
    }
}

/// Decides about a file that is no flow log, or not known to be one.
///
/// Load balancer logs and the like lie in the same folders and are left out. A
/// file that looks like records in an unknown order may be the very one that is
/// looked for: it ends the run, with the format to give.
pub(crate) fn foreign<P: Default>(
    file: &File,
    unrecognized: &Unrecognised,
) -> Result<FileYield<P>> {
    let has_addresses = |suggestion: &str| suggestion.contains("srcaddr");
    match unrecognized.foreign() {
        Foreign::Other if file.is_typed || unrecognized.suggestion().is_some_and(has_addresses) => {
            Err(ErrorKind::UnknownLayout {
                file: file.name.clone(),
                why: unrecognized.to_string(),
                suggestion: unrecognized.suggestion().map(str::to_owned),
            }
            .into())
        }
        Foreign::Other if unrecognized.has_header() => {
            foreign_file(file, "text whose header names a column twice")
        }
        Foreign::Other => foreign_file(file, "text that is no flow log"),
        known => foreign_file(file, &known.to_string()),
    }
}

/// A file of which nothing can be read.
pub(crate) fn unusable<P: Default>(file: &File, damage: &dyn fmt::Display) -> FileYield<P> {
    let mut yielded = FileYield::default();
    yielded.input.files = 1;
    yielded.input.file_bytes = file.len;
    note_damage(&mut yielded.input, file, damage);
    yielded
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
