//! Splits JSON text into values that are small enough to be parsed individually.
//!
//! Tools write JSON in many arrangements: one object per line, consecutive objects without a
//! separator, one array, or one object whose `events` are the whole export. The splitter
//! understands only nesting and strings. It yields the values at the top level, or in a top-level
//! array, or in an array that is known to hold records (`events` and similar), and never holds more
//! than one of them in memory.
//!
//! # Broken values
//! A value that breaks off is noticed where the next one begins: JSON has no line end inside a
//! string, and no brace where a comma or a colon is required. The text before that point is yielded
//! as [`Piece::Broken`], and splitting continues there. Other errors in a value are left to the
//! parser.

use std::io::{self, Read};
use std::ops::Range;

use super::scan::{Scan, ScanStep, Scanned};

/// A piece cut off the front of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Piece<'a> {
    /// A value, judged by its nesting only.
    Value(&'a [u8]),
    /// Text that cannot begin a value, or a value that breaks off.
    Broken(&'a [u8]),
    /// The beginning of a value that is longer than [`VALUE_LEN_MAX`].
    TooLong(&'a [u8]),
}

/// Longest value that is yielded, in bytes.
pub(super) const VALUE_LEN_MAX: usize = 64 << 20;

/// Splits the text of a source into values.
pub(super) struct Splitter<R> {
    source: R,
    buffer: Vec<u8>,
    /// Offset where the current piece begins.
    start: usize,
    /// Offset up to which the buffer has been scanned.
    at: usize,
    is_ended: bool,
    /// The arrays and objects that are open around the values.
    frames: Vec<Around>,
    scan: Option<Scan>,
    value_len_max: usize,
}

/// An open array or object around a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Around {
    /// An array whose elements are yielded.
    Array,
    /// An object that holds such an array. The rest of it is skipped.
    Object,
}

/// The kind of a piece.
enum PieceKind {
    Value,
    Broken,
    TooLong,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            at: 0,
            is_ended: false,
            frames: Vec::new(),
            scan: None,
            value_len_max: VALUE_LEN_MAX,
        }
    }

    /// Cuts off the next piece. Returns `None` at the end of the text.
    ///
    /// # Errors
    /// Returns errors of the source, and `UnexpectedEof` if the text ends inside a value.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        loop {
            if self.scan.is_none() {
                self.skip_between();
            }
            if self.scan.is_some()
                && let Some((range, outcome)) = self.step()
            {
                let text = &self.buffer[range];
                return Ok(Some(match outcome {
                    PieceKind::Value => Piece::Value(text),
                    PieceKind::Broken => Piece::Broken(text),
                    PieceKind::TooLong => Piece::TooLong(&text[..EXCERPT_LEN]),
                }));
            }
            if self.at == self.buffer.len() && !self.read_more()? {
                return self.end();
            }
        }
    }

    fn end(&mut self) -> io::Result<Option<Piece<'_>>> {
        let is_stray = self
            .scan
            .take()
            .is_some_and(|scan| scan.kind == Scanned::Stray);
        let is_open = !self.frames.is_empty();
        self.frames.clear();
        let start = std::mem::replace(&mut self.start, self.buffer.len());
        match &self.buffer[start..] {
            rest if is_stray => Ok(Some(Piece::Broken(rest))),
            [] if !is_open => Ok(None),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Reads more text after the current piece. Returns whether there was any.
    fn read_more(&mut self) -> io::Result<bool> {
        if self.is_ended {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.at -= self.start;
        self.start = 0;
        let len = self.buffer.len();
        self.buffer.resize(len + READ_LEN, 0);
        let read = loop {
            match self.source.read(&mut self.buffer[len..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(len + *read.as_ref().unwrap_or(&0));
        self.is_ended = *read.as_ref().unwrap_or(&0) == 0;
        Ok(read? > 0)
    }

    /// Moves to where the next value begins, through the brackets that contain it.
    fn skip_between(&mut self) {
        while let Some(&byte) = self.buffer.get(self.at) {
            let kind = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR => None,
                b'[' if self.frames.is_empty() => {
                    self.frames.push(Around::Array);
                    None
                }
                b']' if self.frames.last() == Some(&Around::Array) => {
                    self.frames.pop();
                    let is_rest = self.frames.last() == Some(&Around::Object);
                    is_rest.then_some(Scanned::Rest)
                }
                b'{' => Some(Scanned::Nested { is_object: true }),
                b'[' => Some(Scanned::Nested { is_object: false }),
                b'"' => Some(Scanned::Text),
                _ => Some(Scanned::Stray),
            };
            match kind {
                None => self.at += 1,
                Some(kind) => {
                    self.start = self.at;
                    self.at += 1;
                    self.scan = Some(Scan::begin(kind, byte));
                    return;
                }
            }
        }
        self.start = self.at;
    }

    /// Continues with the current value. Returns its range when it is complete.
    fn step(&mut self) -> Option<(Range<usize>, PieceKind)> {
        let frames = self.frames.len();
        let scan = self.scan.as_mut()?;
        let step = scan.advance(&self.buffer, &mut self.at, frames);
        let start = self.start;
        let (end, outcome) = match step {
            ScanStep::More => {
                self.drop_unneeded();
                return None;
            }
            ScanStep::Descend(end) => {
                if scan.kind != Scanned::Rest {
                    self.frames.push(Around::Object);
                }
                self.frames.push(Around::Array);
                self.go_to(end);
                return None;
            }
            ScanStep::Broken(end) => (end, PieceKind::Broken),
            ScanStep::End(end) if scan.kind == Scanned::Stray => (end, PieceKind::Broken),
            ScanStep::End(end) if scan.is_too_long => (end, PieceKind::TooLong),
            ScanStep::End(end) => (end, PieceKind::Value),
        };
        let is_rest = scan.kind == Scanned::Rest;
        self.go_to(end);
        if is_rest {
            self.frames.pop();
            return None;
        }
        Some((start..end, outcome))
    }

    fn go_to(&mut self, end: usize) {
        self.scan = None;
        self.start = end;
        self.at = end;
    }

    /// Drops the text that will not be yielded: everything except the front of a value that is too
    /// long, and text that is skipped anyway.
    fn drop_unneeded(&mut self) {
        let Some(scan) = &mut self.scan else {
            return;
        };
        if scan.kind == Scanned::Rest {
            self.start = self.at;
        } else if self.at - self.start > self.value_len_max {
            scan.is_too_long = true;
            let kept = self.start + EXCERPT_LEN;
            self.buffer.drain(kept..self.at);
            self.at = kept;
        }
    }
}

/// The byte that RFC 7464 puts before each value.
const RECORD_SEPARATOR: u8 = 0x1e;

const READ_LEN: usize = 256 << 10;

/// Number of bytes kept of a value that is too long.
const EXCERPT_LEN: usize = 64;

#[cfg(test)]
mod tests;
