//! Files whose records are wrapped in something else, such as JSON.
//!
//! They are read front to back, several files at a time. Their records come as
//! batches of lines; from there on they are read like any. A line's number is
//! the number of its record in the file.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::archive::{Block, File, Stream};
use crate::error::Result;
use crate::read::block::BlockYield;
use crate::read::describe;
use crate::read::files::{BLOCK_LEN, FileOffset, FileYield, Files, HEAD_LEN};
use crate::read::files::{foreign, foreign_file, note_damage, note_kind, note_layout, told_by};
use crate::read::sink::Sink;
use crate::record::{Evidence, Layout, Unrecognised, recognise};
use crate::wrapper::{Batch, Judge, Lines, Unwrapper};

/// The column orders of a file's lines, by what the lines are.
#[derive(Default)]
struct Layouts {
    plain: Option<Arc<Layout>>,
    timed: Option<Arc<Layout>>,
    /// Of named values, with the names.
    named: Option<(Arc<[String]>, Arc<Layout>)>,
    /// What told the first of them.
    evidence: Option<&'static str>,
}

/// Answers with what the record stage knows.
struct Known<'a>(Option<&'a Layout>);

impl Judge for Known<'_> {
    fn is_record(&self, line: &[u8]) -> bool {
        recognise(line, self.0).is_ok()
    }

    fn is_layout(&self, names: &[&str]) -> bool {
        Layout::from_names(names.iter().copied()).is_some()
    }
}

impl<S: Sink> Files<'_, S> {
    /// Reads a file that begins with a wrapper.
    pub(crate) fn read_wrapped(
        &self,
        at: FileOffset,
        file: &File,
        mut stream: Stream,
    ) -> Result<FileYield<S::Part>> {
        let given = self.format;
        // What to call it, should it hold no flow log.
        let as_text = recognise(stream.head(HEAD_LEN), None).err();
        let reader = self.block_reader(at, file);
        let read_len = stream.read_len();
        let packing = stream.packing();
        let mut counted_len = 0;
        let mut layouts = Layouts::default();
        let mut yielded = FileYield::default();
        let mut refused = None;
        let mut unwrapper = Unwrapper::new(stream, Known(given), BLOCK_LEN);
        while let Some(batch) = unwrapper.next_batch() {
            let mut read = match layouts.of(&batch, given) {
                Ok(layout) => {
                    let read = reader.read(&block(&batch), layout);
                    layouts.keep(&batch, &read);
                    read
                }
                Err(reason) => {
                    refused = refused.or(reason);
                    if layouts.evidence.is_none() && yielded.block.records.lines >= STRANGE_MAX {
                        break;
                    }
                    BlockYield::unknown_columns(&batch)
                }
            };
            read.take_in_lost(&batch);
            let octets = read_len.load(Relaxed);
            self.count(octets - counted_len, &read);
            counted_len = octets;
            self.complete(&mut read, at.lines_before + yielded.block.records.lines)?;
            yielded.block.append(read, self.sink);
        }
        match layouts.evidence {
            Some(evidence) => note_layout(&mut yielded.input, evidence),
            None if refused.is_none() && yielded.block.records.control > 0 => {}
            None => {
                return match refused.as_ref().or(as_text.as_ref()) {
                    Some(unrecognised) => foreign(file, unrecognised),
                    None => foreign_file(file, "JSON"),
                };
            }
        }
        yielded.input.files = 1;
        yielded.input.bytes = file.len.max(read_len.load(Relaxed));
        if let Some(damage) = unwrapper.damage() {
            note_damage(&mut yielded.input, file, damage);
        }
        yielded.block.name_faults(&file.name, 0);
        let told_by = layouts.evidence.unwrap_or_default();
        yielded.block.tell_columns(|_| told_by);
        note_kind(
            &mut yielded.input,
            &describe::of_json(unwrapper.outermost(), packing),
        );
        Ok(yielded)
    }
}

impl Layouts {
    /// The column order of a batch's lines.
    ///
    /// # Errors
    /// That it cannot be told, and why if there is more to say.
    fn of(
        &mut self,
        batch: &Batch,
        given: Option<&Layout>,
    ) -> Result<Arc<Layout>, Option<Unrecognised>> {
        let known = match &batch.lines {
            _ if batch.text.is_empty() => Some(Arc::new(Layout::default_v2())),
            Lines::Plain => self.plain.clone(),
            Lines::Timed => self.timed.clone(),
            Lines::Columns(names) => {
                let same = self.named.as_ref().filter(|(known, _)| known == names);
                same.map(|(_, layout)| Arc::clone(layout))
            }
        };
        if let Some(layout) = known {
            return Ok(layout);
        }
        let (layout, evidence) = match &batch.lines {
            Lines::Columns(names) => {
                let layout = Layout::from_names(names.iter().map(String::as_str)).ok_or(None)?;
                (layout, Evidence::Header)
            }
            Lines::Plain | Lines::Timed => {
                let head = &batch.text[..batch.text.len().min(HEAD_LEN)];
                let recognised = recognise(head, given).map_err(Some)?;
                (recognised.layout, recognised.evidence)
            }
        };
        self.evidence.get_or_insert(match &batch.lines {
            Lines::Columns(_) => "keys",
            _ => told_by(evidence),
        });
        Ok(Arc::new(layout))
    }

    /// Keeps the column order behind a batch for the next of its kind.
    fn keep<P>(&mut self, batch: &Batch, read: &BlockYield<P>) {
        let Some(layout) = read
            .layout_at_end
            .as_ref()
            .filter(|_| !batch.text.is_empty())
        else {
            return;
        };
        let layout = Arc::clone(layout);
        match &batch.lines {
            Lines::Plain => self.plain = Some(layout),
            Lines::Timed => self.timed = Some(layout),
            Lines::Columns(names) => self.named = Some((Arc::clone(names), layout)),
        }
    }
}

pub(crate) fn block(batch: &Batch) -> Block<'_> {
    Block {
        bytes: &batch.text,
        offset: 0,
        overlong_count: 0,
        read_len: 0,
    }
}

/// Records without known columns after which a file is taken to be no flow log.
const STRANGE_MAX: u64 = 32;
