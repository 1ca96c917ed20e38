//! One stream of bzip2, decompressed up to its end and not one byte further.
//!
//! Parallel compressors write many streams into one file, so the bytes after a stream have to
//! remain in the source.

use std::io::{self, BufRead as _};

use bzip2::{Decompress, Status};

use super::lookahead::Lookahead;

/// A stream of bzip2. Its decoder holds at most one block, which is 900 kB of text.
pub(super) struct Bzip2Stream {
    pub(super) source: Lookahead,
    decoder: Decompress,
    is_over: bool,
}

impl Bzip2Stream {
    /// Decompresses `source`, which begins with a stream.
    pub(super) fn new(source: Lookahead) -> Self {
        Self {
            source,
            decoder: Decompress::new(false),
            is_over: false,
        }
    }

    /// Reads some bytes of the stream, or none after its end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let decoder = &mut self.decoder;
        while !self.is_over {
            let packed = self.source.fill_buf()?;
            let is_at_end = packed.is_empty();
            let before = (decoder.total_in(), decoder.total_out());
            let status = decoder.decompress(packed, out).map_err(io::Error::other)?;
            let read_len = usize::try_from(decoder.total_in() - before.0).unwrap_or(usize::MAX);
            let text_len = usize::try_from(decoder.total_out() - before.1).unwrap_or(usize::MAX);
            self.source.consume(read_len);
            match status {
                Status::StreamEnd => self.is_over = true,
                Status::MemNeeded => return Err(io::ErrorKind::OutOfMemory.into()),
                _ => {}
            }
            if text_len > 0 {
                return Ok(text_len);
            }
            if is_at_end && !self.is_over {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}
