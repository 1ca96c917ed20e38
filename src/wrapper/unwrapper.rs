//! From a wrapped file to batches of lines, a bounded part of it at a time.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use super::batch::{Batch, excerpt};
use super::event::Events;
use super::splitter::{Piece, Splitter, VALUE_LEN_MAX};
use super::{NamedBy, is_wrapped};
use crate::archive::{Damage, LINE_LEN_MAX, Stream};
use crate::record::{Layout, Unrecognised};

/// Takes the records of one file out of their wrapping.
pub struct Unwrapper<'g> {
    /// What is being read; each was found inside the one before.
    sources: Vec<Wrapped>,
    events: Events<'g>,
    target_len: usize,
    damage: Option<Damage>,
    text_len: u64,
}

enum Wrapped {
    Json(Box<Splitter<Stream>>),
    Lines(BufReader<Stream>),
}

impl<'g> Unwrapper<'g> {
    /// Unwraps `stream` into batches of about `target_len` bytes; the first is smaller. `given` is
    /// `--format`.
    pub fn new(stream: Stream, given: Option<&'g Layout>, target_len: usize) -> Self {
        let source = Wrapped::Json(Box::new(Splitter::new(stream)));
        Self {
            sources: vec![source],
            events: Events::new(given, target_len.min(FIRST_LEN)),
            target_len,
            damage: None,
            text_len: 0,
        }
    }

    /// The next batch; none at the end of the file.
    pub fn next_batch(&mut self) -> Option<Batch> {
        let mut batch = self.gather()?;
        batch.layout = self.events.layouts.of(&batch);
        Some(batch)
    }

    /// Says which column order held at the end of `batch`: lines of its kind go on under it.
    pub fn keep(&mut self, batch: &Batch, at_end: &Arc<Layout>) {
        self.events.layouts.keep(batch, at_end);
    }

    /// What the first column order that was found follows from.
    pub fn named_by(&self) -> Option<NamedBy> {
        self.events.layouts.named_by
    }

    /// Why no column order was found for the first lines for which there was none.
    pub fn refused(&self) -> Option<&Unrecognised> {
        self.events.layouts.refused.as_ref()
    }

    fn gather(&mut self) -> Option<Batch> {
        loop {
            if let Some(batch) = self.events.lines.pop() {
                self.events.lines.set_target_len(self.target_len);
                return Some(batch);
            }
            if self.sources.is_empty() {
                self.events.lines.flush();
                return self.events.lines.pop();
            }
            self.read_on();
        }
    }

    /// What the first value of the file was, in words; none before it was read.
    pub fn outermost(&self) -> Option<&'static str> {
        self.events.outermost()
    }

    /// Where the file stopped making sense, if it did.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    fn read_on(&mut self) {
        let Some(source) = self.sources.last_mut() else {
            return;
        };
        let read = match source {
            Wrapped::Json(splitter) => read_value(splitter, &mut self.events, &mut self.text_len),
            Wrapped::Lines(lines) => read_line(lines, &mut self.events),
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
                    let found = || format!("{failure}; expected whole data");
                    self.events.lines.fault("data that breaks off", found);
                }
            }
        }
        // The last one pushed is read first.
        for stream in std::mem::take(&mut self.events.payloads).into_iter().rev() {
            self.push(stream);
        }
    }

    /// Reads what was inside a value next.
    fn push(&mut self, mut stream: Stream) {
        if self.sources.len() > DEPTH_MAX {
            let found = || format!("expected a record within {DEPTH_MAX} of them");
            return self
                .events
                .lines
                .fault("data inside data too many times over", found);
        }
        let source = if is_wrapped(stream.head(HEAD_LEN)) {
            Wrapped::Json(Box::new(Splitter::new(stream)))
        } else {
            Wrapped::Lines(BufReader::new(stream))
        };
        self.sources.push(source);
    }
}

fn read_value(
    splitter: &mut Splitter<Stream>,
    events: &mut Events<'_>,
    text_len: &mut u64,
) -> io::Result<bool> {
    match splitter.next()? {
        None => return Ok(false),
        Some(Piece::Value(text)) => {
            *text_len += text.len() as u64;
            events.read(text);
        }
        Some(Piece::Broken(text)) => {
            let found = || format!("expected a whole object; found {}", excerpt(text));
            events.lines.fault("JSON that breaks off", found);
        }
        Some(Piece::TooLong(text)) => {
            let limit = VALUE_LEN_MAX >> 20;
            let found = || format!("expected at most {limit} MiB; found {}", excerpt(text));
            events.lines.fault("JSON object that is too long", found);
        }
    }
    Ok(true)
}

fn read_line(lines: &mut BufReader<Stream>, events: &mut Events<'_>) -> io::Result<bool> {
    let mut line = Vec::new();
    let limit = LINE_LEN_MAX as u64;
    let len = lines.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if len == LINE_LEN_MAX && !line.ends_with(b"\n") {
        let found = || format!("expected at most 1 MiB; found {}", excerpt(&line));
        events.lines.fault("line of more than 1 MiB", found);
        lines.skip_until(b'\n')?;
    } else if len > 0 {
        events.lines.message(None, &String::from_utf8_lossy(&line));
    }
    Ok(len > 0)
}

/// Bytes in which a file's wrapper must show.
const HEAD_LEN: usize = 512;

/// Enough lines to tell whether a file is a flow log at all.
const FIRST_LEN: usize = 64 << 10;

/// Data inside data, one in the other, that no service exceeds.
const DEPTH_MAX: usize = 4;
