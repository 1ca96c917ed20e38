//! A reader whose next bytes can be examined before they are consumed.
//!
//! Everything that decides by content needs this: which format begins here, whether another gzip
//! member follows, where the last whole line ends. Examined bytes are still there for the next
//! reader, so no decision loses bytes.

use std::{
    io::{self, BufRead, Read},
    mem,
};

use memchr::memchr;

/// A source of bytes that can move between threads.
pub(super) type ByteSource = Box<dyn Read + Send>;

/// A buffer in front of a [`ByteSource`].
///
/// A failure of the source is held back until every byte before it has been consumed, since data
/// before the damage is as good as any other.
pub(super) struct Lookahead {
    source: ByteSource,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    state: SourceState,
}

/// Whether a source has ended, and how.
enum SourceState {
    Reading,
    Ended,
    Failed(io::Error),
}

impl Lookahead {
    /// Creates a buffer in front of `source`, without reading yet.
    pub(super) fn new(source: ByteSource) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            state: SourceState::Reading,
        }
    }

    /// Returns all buffered bytes: at least `len` of them, unless the source ends earlier.
    pub(super) fn peek(&mut self, len: usize) -> &[u8] {
        self.fill(len);
        self.buffered()
    }

    /// Reads until `len` bytes are buffered or the source ends.
    pub(super) fn fill(&mut self, len: usize) {
        if self.buffered().len() >= len || !self.is_reading() {
            return;
        }
        self.make_room(len);
        while self.buffered().len() < len && self.is_reading() {
            self.read_once();
        }
    }

    /// Returns the bytes that are read and not yet consumed.
    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Skips the rest of the line and its line end. Returns how many bytes were skipped.
    pub(super) fn skip_line(&mut self) -> u64 {
        let mut skipped_len = 0;
        loop {
            let view = self.peek(1);
            let line_end = memchr(b'\n', view);
            let len = line_end.map_or(view.len(), |line_end| line_end + 1);
            self.consume(len);
            skipped_len += len as u64;
            if line_end.is_some() || len == 0 {
                return skipped_len;
            }
        }
    }

    /// Whether the source may hold more than the buffered bytes.
    pub(super) fn is_reading(&self) -> bool {
        matches!(self.state, SourceState::Reading)
    }

    /// Returns the failure that ended the source, if there was one.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        match &self.state {
            SourceState::Failed(failure) => Some(failure),
            SourceState::Reading | SourceState::Ended => None,
        }
    }

    /// Takes the failure that ended the source. After that the source simply ends.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        if self.is_reading() {
            return None;
        }
        match mem::replace(&mut self.state, SourceState::Ended) {
            SourceState::Failed(failure) => Some(failure),
            SourceState::Reading | SourceState::Ended => None,
        }
    }

    fn make_room(&mut self, len: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let wanted_len = len.max(BUFFER_LEN);
        if self.buffer.len() < wanted_len {
            self.buffer.resize(wanted_len, 0);
        }
    }

    fn read_once(&mut self) {
        match self.source.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.state = SourceState::Ended,
            Ok(len) => self.end += len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.state = SourceState::Failed(error),
        }
    }
}

impl Read for Lookahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(out)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Lookahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.peek(1).is_empty()
            && let Some(failure) = self.take_failure()
        {
            return Err(failure);
        }
        Ok(self.buffered())
    }

    fn consume(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
    }
}

/// Large enough to make the cost of system calls negligible, small enough for the cache.
const BUFFER_LEN: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields one byte per call, interrupts itself, and fails at the end.
    struct Reluctant {
        bytes: Vec<u8>,
        is_interrupted: bool,
    }

    impl Read for Reluctant {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.is_interrupted = !self.is_interrupted;
            if self.is_interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.bytes.is_empty() {
                return Err(io::Error::other("the cable is unplugged"));
            }
            out[0] = self.bytes.remove(0);
            Ok(1)
        }
    }

    fn reluctant(bytes: &[u8]) -> Lookahead {
        Lookahead::new(Box::new(Reluctant {
            bytes: bytes.to_vec(),
            is_interrupted: false,
        }))
    }

    #[test]
    fn read_after_peek_returns_every_byte() {
        let mut input = Lookahead::new(Box::new(&b"abcdef"[..]));
        assert_eq!(&input.peek(2)[..2], b"ab");
        input.consume(1);
        assert_eq!(input.peek(100), b"bcdef");
        let mut rest = String::new();
        input.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "bcdef");
    }

    #[test]
    fn peek_of_more_than_one_read_reads_again() {
        let mut input = reluctant(b"abcdef");
        assert_eq!(input.peek(4), b"abcd");
        assert!(input.is_reading());
    }

    #[test]
    fn skip_line_stops_after_the_line_end_or_at_the_end_of_the_source() {
        let mut input = reluctant(b"abc\ndef");
        assert_eq!(input.skip_line(), 4);
        assert_eq!(input.skip_line(), 3);
        assert_eq!(input.skip_line(), 0);
        assert!(input.failure().is_some());
    }

    #[test]
    fn failure_is_reported_once_after_the_bytes_before_it() {
        let mut input = reluctant(b"ab");
        assert_eq!(input.peek(9), b"ab");
        assert!(input.failure().is_some());
        let mut out = [0; 9];
        assert_eq!(input.read(&mut out).unwrap(), 2);
        assert_eq!(
            input.read(&mut out).unwrap_err().to_string(),
            "the cable is unplugged"
        );
        assert_eq!(input.read(&mut out).unwrap(), 0);
    }
}
