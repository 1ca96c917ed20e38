//! Reads files whose records are wrapped in another format, such as JSON.
//!
//! They are unwrapped from front to back, several files at a time. Their records arrive as batches of
//! lines and are then read like any lines, while the next ones are unwrapped. The number of a line is the number of its record in the
//! file.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::archive::{Damage, File, Stream};
use crate::error::Result;
use crate::read::block::{BlockReader, BlockYield};
use crate::read::describe;
use crate::read::events::JsonEvents;
use crate::read::files::{BLOCK_LEN, FileOffset, FileYield, Files, HEAD_LEN};
use crate::read::files::{evidence_name, foreign_file, note_damage, note_kind, note_layout};
use crate::read::sink::Sink;
use crate::record::{Unrecognized, recognize};
use crate::wrapper::{Batch, NamedBy, Unwrapper};

/// Reads a file that begins with a wrapper.
pub(crate) fn read_wrapped<S: Sink>(
    files: &Files<'_, S>,
    at: FileOffset,
    file: &File,
    mut stream: Stream,
) -> Result<FileYield<S::Part>> {
    // The description of the file if it turns out to hold no flow log.
    let as_text = recognize(stream.head(HEAD_LEN), None).err();
    let (read_len, packing) = (stream.read_len(), stream.packing());
    let mut unwrapper = Unwrapper::new(stream, files.format, BLOCK_LEN);
    if files.wants_events {
        unwrapper.keep_values();
    }
    let describe = |outermost: Option<&str>| describe::of_json(outermost, packing);
    read_batches(files, at, file, unwrapper, &read_len, as_text, describe)
}

/// Reads a file of lines that have records inside other text.
pub(crate) fn read_embedded<S: Sink>(
    files: &Files<'_, S>,
    at: FileOffset,
    file: &File,
    stream: Stream,
) -> Result<FileYield<S::Part>> {
    let (read_len, packing) = (stream.read_len(), stream.packing());
    let unwrapper = Unwrapper::of_embedded(stream, BLOCK_LEN);
    let describe = |_: Option<&str>| describe::of_embedded(packing);
    read_batches(files, at, file, unwrapper, &read_len, None, describe)
}

fn read_batches<S: Sink>(
    files: &Files<'_, S>,
    at: FileOffset,
    file: &File,
    mut unwrapper: Unwrapper<'_>,
    read_len: &AtomicU64,
    as_text: Option<Unrecognized>,
    describe: impl Fn(Option<&str>) -> String,
) -> Result<FileYield<S::Part>> {
    let reader = files.block_reader(at, file);
    let mut counted_len = 0;
    let mut yielded = FileYield::default();
    let mut events = JsonEvents::default();
    let mut next = unwrapper.next_batch();
    while let Some(batch) = next {
        files.meter.check()?;
        events.read(files, &reader, &batch.values, at)?;
        let base = at.lines_before + yielded.block.records.lines;
        let (read, after) = read_lines(files, &reader, &mut unwrapper, &batch, base);
        let read = match read? {
            Some(read) => read,
            None => {
                let is_none_known = unwrapper.named_by().is_none();
                if is_none_known
                    && !events.has_events()
                    && yielded.block.records.lines >= UNKNOWN_MAX
                {
                    break;
                }
                let mut read = BlockYield::of_unknown_columns(&batch);
                files.complete(&mut read, base)?;
                read
            }
        };
        if let Some(at_end) = &read.layout_at_end {
            unwrapper.keep(&batch, at_end);
        }
        let bytes = read_len.load(Relaxed);
        files.count(bytes - counted_len, &read);
        counted_len = bytes;
        yielded.block.append(read, files.sink);
        let is_other = unwrapper.foreign().is_some() && unwrapper.named_by().is_none();
        if is_other && !events.has_events() && yielded.block.records.lines >= OTHER_LOG_MAX {
            break;
        }
        next = match after {
            Ahead::Gathered(batch) => batch.map(|batch| unwrapper.with_layout(*batch)),
            Ahead::Nothing => unwrapper.next_batch(),
        };
    }
    complete_file(
        files,
        file,
        unwrapper,
        read_len,
        as_text,
        describe,
        (yielded, events),
    )
}

/// What was unwrapped while a batch was read.
enum Ahead {
    Nothing,
    /// The next batch, if there is one.
    Gathered(Option<Box<Batch>>),
}

/// Reads the lines of a batch; `base` lines of its file come before it. Another thread unwraps the next
/// batch meanwhile, unless the file may turn out to be no flow log, which is left unread.
fn read_lines<S: Sink>(
    files: &Files<'_, S>,
    reader: &BlockReader<'_, S>,
    unwrapper: &mut Unwrapper<'_>,
    batch: &Batch,
    base: u64,
) -> (Result<Option<BlockYield<S::Part>>>, Ahead) {
    let read = || {
        let mut read = reader.read_batch(batch);
        if let Some(read) = &mut read {
            files.complete(read, base)?;
        }
        Ok(read)
    };
    if unwrapper.named_by().is_none() {
        return (read(), Ahead::Nothing);
    }
    rayon::join(read, || Ahead::Gathered(unwrapper.gather().map(Box::new)))
}

/// Completes the contents of a file whose batches are read.
fn complete_file<S: Sink>(
    files: &Files<'_, S>,
    file: &File,
    unwrapper: Unwrapper<'_>,
    read_len: &AtomicU64,
    as_text: Option<Unrecognized>,
    describe: impl Fn(Option<&str>) -> String,
    (mut yielded, events): (FileYield<S::Part>, JsonEvents<S::Part>),
) -> Result<FileYield<S::Part>> {
    let evidence = unwrapper.named_by().map(in_words);
    if evidence.is_none() && events.has_events() {
        return Ok(event_file(file, events, unwrapper.damage()));
    }
    match evidence {
        Some(evidence) => note_layout(&mut yielded.input, evidence),
        None if unwrapper.refused().is_none() && yielded.block.records.control > 0 => {}
        None => return not_read(files, file, &unwrapper, as_text.as_ref()),
    }
    yielded.input.files = 1;
    yielded.input.file_bytes = file.len.max(read_len.load(Relaxed));
    if let Some(damage) = unwrapper.damage() {
        note_damage(&mut yielded.input, file, damage);
    }
    yielded.block.name_faults(&file.name, 0);
    let evidence = evidence.unwrap_or_default();
    yielded.block.name_columns(|layout| match evidence {
        "keys" | "header line" => evidence,
        order => files.name_other(layout, order),
    });
    note_kind(&mut yielded.input, &describe(unwrapper.outermost()));
    yielded.block.append(events.of_file(file, true), files.sink);
    Ok(yielded)
}

/// Decides about a file without any flow log record.
fn not_read<S: Sink>(
    files: &Files<'_, S>,
    file: &File,
    unwrapper: &Unwrapper<'_>,
    as_text: Option<&Unrecognized>,
) -> Result<FileYield<S::Part>> {
    match (unwrapper.refused(), unwrapper.foreign(), as_text) {
        (None, Some(kind), _) => foreign_file(file, &kind.to_string()),
        (Some(unrecognized), ..) | (None, None, Some(unrecognized)) => {
            files.foreign(file, unrecognized)
        }
        (None, None, None) => foreign_file(file, "JSON"),
    }
}

/// Returns what was read of a file that has events and is not a flow log.
fn event_file<P: Default + Send>(
    file: &File,
    events: JsonEvents<P>,
    damage: Option<&Damage>,
) -> FileYield<P> {
    let mut yielded = FileYield {
        block: events.of_file(file, false),
        ..FileYield::default()
    };
    if let Some(damage) = damage {
        note_damage(&mut yielded.input, file, damage);
    }
    yielded
}

fn in_words(named_by: NamedBy) -> &'static str {
    match named_by {
        NamedBy::Keys => "keys",
        NamedBy::Lines(evidence) => evidence_name(evidence),
    }
}

/// Number of records with unknown columns after which a file is assumed not to be a flow log.
const UNKNOWN_MAX: u64 = 32;

/// Number of objects of another log after which a file without any flow log record is assumed to
/// have none. Larger than one file of CloudTrail.
const OTHER_LOG_MAX: u64 = 100_000;
