//! Turns a wrapped file into batches of lines, a bounded part of it at a time.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use super::batch::{Batch, excerpt};
use super::event::Events;
use super::pieces::Pieces;
use super::splitter::{Piece, VALUE_LEN_MAX};
use super::{NamedBy, is_wrapped};
use crate::archive::{Damage, LINE_LEN_MAX, Stream};
use crate::record::{Foreign, Layout, Unrecognized};

/// Unwraps the records of one file.
pub struct Unwrapper<'g> {
    /// The sources being read. Each was found inside the one before it.
    sources: Vec<Wrapped>,
    events: Events<'g>,
    target_len: usize,
    damage: Option<Damage>,
    text_len: u64,
}

enum Wrapped {
    Json(Box<Pieces<Stream>>),
    Lines(BufReader<Stream>),
    /// Lines with records inside other text.
    Embedded(BufReader<Stream>),
}

impl<'g> Unwrapper<'g> {
    /// Unwraps `stream` into batches of about `target_len` bytes. The first batch is smaller.
    /// `given` is the format given by the user.
    pub fn new(stream: Stream, given: Option<&'g Layout>, target_len: usize) -> Self {
        let source = Wrapped::Json(Box::new(Pieces::new(stream)));
        Self {
            sources: vec![source],
            events: Events::new(given, target_len.min(FIRST_LEN)),
            target_len,
            damage: None,
            text_len: 0,
        }
    }

    /// Creates a reader of the lines of `stream`, which have records of well-known orders inside
    /// other text.
    pub fn of_embedded(stream: Stream, target_len: usize) -> Self {
        Self {
            sources: vec![Wrapped::Embedded(BufReader::new(stream))],
            events: Events::new(None, target_len.min(FIRST_LEN)),
            target_len,
            damage: None,
            text_len: 0,
        }
    }

    /// Keeps the values that may hold records of other logs, in [`Batch::values`].
    pub fn keep_values(&mut self) {
        self.events.keeps_values = true;
    }

    /// Returns the next batch, or `None` at the end of the file.
    pub fn next_batch(&mut self) -> Option<Batch> {
        let batch = self.gather()?;
        Some(self.with_layout(batch))
    }

    /// Returns the next batch before its column order is known, which may depend on the batch before
    /// it: [`keep`](Self::keep) may still be called for that one. `None` at the end of the file.
    pub fn gather(&mut self) -> Option<Batch> {
        loop {
            if let Some(batch) = self.events.lines.pop() {
                self.events.lines.set_target_len(self.target_len);
                return Some(batch);
            }
            if self.sources.is_empty() {
                self.events.finish();
                self.events.lines.flush();
                return self.events.lines.pop();
            }
            self.read_on();
        }
    }

    /// Returns a [gathered](Self::gather) batch with its column order.
    pub fn with_layout(&mut self, mut batch: Batch) -> Batch {
        batch.layout = self.events.layouts.of(&batch);
        batch
    }

    /// Records which column order applied at the end of `batch`. It applies to the next lines of
    /// the same kind.
    pub fn keep(&mut self, batch: &Batch, at_end: &Arc<Layout>) {
        self.events.layouts.keep(batch, at_end);
    }

    /// Returns how the first column order was identified.
    pub fn named_by(&self) -> Option<NamedBy> {
        self.events.layouts.named_by
    }

    /// Returns why no column order was found for the first lines without one.
    pub fn refused(&self) -> Option<&Unrecognized> {
        self.events.layouts.refused.as_ref()
    }

    /// Returns the kind of the first object that belongs to a log that is not a flow log.
    pub fn foreign(&self) -> Option<Foreign> {
        self.events.foreign
    }

    /// Returns a description of the first value of the file, or `None` before it was read.
    pub fn outermost(&self) -> Option<&'static str> {
        self.events.outermost()
    }

    /// Returns the damage to the file, if there is any.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    fn read_on(&mut self) {
        let Some(source) = self.sources.last_mut() else {
            return;
        };
        let read = match source {
            Wrapped::Json(pieces) => read_values(pieces, &mut self.events, &mut self.text_len),
            Wrapped::Lines(lines) => read_line(lines, &mut self.events, false),
            Wrapped::Embedded(lines) => read_line(lines, &mut self.events, true),
        };
        match read {
            Ok(true) => {}
            Ok(false) => {
                self.sources.pop();
            }
            Err(failure) => {
                self.sources.pop();
                if self.sources.is_empty() {
                    self.damage = Some(Damage::of(&failure, self.text_len));
                } else {
                    let found = || format!("{failure}; expected complete data");
                    self.events.lines.fault("truncated data", found);
                }
            }
        }
        // The last stream pushed is read first.
        for stream in std::mem::take(&mut self.events.payloads).into_iter().rev() {
            self.push(stream);
        }
    }

    /// Makes a stream found inside a value the next one to read.
    fn push(&mut self, mut stream: Stream) {
        if self.sources.len() > DEPTH_MAX {
            let found = || format!("expected a record within {DEPTH_MAX} layers of data");
            return self
                .events
                .lines
                .fault("too many layers of encoded data", found);
        }
        let source = if is_wrapped(stream.head(HEAD_LEN)) {
            Wrapped::Json(Box::new(Pieces::new(stream)))
        } else {
            Wrapped::Lines(BufReader::new(stream))
        };
        self.sources.push(source);
    }
}

/// Reads the next values: until there is a stream in one of them, which is read before the others. A file
/// that may turn out to be no flow log is not read ahead.
fn read_values(
    pieces: &mut Pieces<Stream>,
    events: &mut Events<'_>,
    text_len: &mut u64,
) -> io::Result<bool> {
    pieces.take_some(events.layouts.named_by.is_some(), |piece| {
        read_value(piece, events, text_len);
        events.payloads.is_empty()
    })
}

fn read_value(piece: Piece<'_>, events: &mut Events<'_>, text_len: &mut u64) {
    match piece {
        Piece::Value(text) => {
            *text_len += text.len() as u64;
            events.read(text);
        }
        Piece::Broken(text) => {
            let found = || format!("expected a complete object; found {}", excerpt(text));
            events.broken("incomplete JSON", found);
        }
        Piece::TooLong(text) => {
            let limit = VALUE_LEN_MAX >> 20;
            let found = || format!("expected at most {limit} MiB; found {}", excerpt(text));
            events.broken("JSON object of more than 64 MiB", found);
        }
    }
}

/// Reads one line, which is a record or has records inside other text.
fn read_line(
    lines: &mut BufReader<Stream>,
    events: &mut Events<'_>,
    is_embedding: bool,
) -> io::Result<bool> {
    let mut line = Vec::new();
    let limit = LINE_LEN_MAX as u64;
    let len = lines.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if len == LINE_LEN_MAX && !line.ends_with(b"\n") {
        let found = || format!("expected at most 1 MiB; found {}", excerpt(&line));
        events.lines.fault("line of more than 1 MiB", found);
        lines.skip_until(b'\n')?;
    } else if len > 0 && is_embedding {
        events.add_embedded(&line);
    } else if len > 0 {
        events.lines.message(None, &String::from_utf8_lossy(&line));
    }
    Ok(len > 0)
}

/// Number of bytes at the beginning of a file that must show its wrapper.
const HEAD_LEN: usize = 512;

/// Length of the first batch. These lines are enough to decide whether a file is a flow log at all.
const FIRST_LEN: usize = 64 << 10;

/// Maximum number of nested layers of encoded data. No service uses more.
const DEPTH_MAX: usize = 4;
