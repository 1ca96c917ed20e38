//! Compression of Parquet's pages.

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

/// Compressors of one kind. Each is used again, because Zstandard's state takes longer to make than a
/// small page to compress.
pub(super) struct Compressors {
    compression: Compression,
    free: Mutex<Vec<PageCompressor>>,
}

impl Compressors {
    /// Creates none yet.
    pub(super) fn new(compression: Compression) -> Self {
        Self {
            compression,
            free: Mutex::default(),
        }
    }

    /// Lends a compressor that nobody else uses.
    pub(super) fn lend<T>(
        &self,
        use_it: impl FnOnce(&mut PageCompressor) -> Result<T>,
    ) -> Result<T> {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let lent = free().pop();
        let mut compressor = match lent {
            Some(compressor) => compressor,
            None => PageCompressor::new(self.compression)?,
        };
        let result = use_it(&mut compressor);
        free().push(compressor);
        result
    }
}

/// Compresses one page after the other.
pub(super) struct PageCompressor {
    compression: Compression,
    codec: PageCodec,
}

enum PageCodec {
    Stored,
    Zstd(zstd::bulk::Compressor<'static>),
    Snappy(Box<snap::raw::Encoder>),
    Gzip,
}

impl PageCompressor {
    /// Creates a compressor.
    pub(super) fn new(compression: Compression) -> Result<Self> {
        let codec = match compression {
            Compression::ZSTD(_) => PageCodec::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
            Compression::SNAPPY => PageCodec::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::GZIP(_) => PageCodec::Gzip,
            _ => PageCodec::Stored,
        };
        Ok(Self { compression, codec })
    }

    /// Returns what it was created for.
    pub(super) fn compression(&self) -> Compression {
        self.compression
    }

    /// Returns a page in compressed form.
    pub(super) fn compressed(&mut self, page: &[u8]) -> Result<Bytes> {
        let external = |error: snap::Error| ParquetError::External(Box::new(error));
        let compressed = match &mut self.codec {
            PageCodec::Stored => page.to_vec(),
            PageCodec::Zstd(compressor) => compressor.compress(page)?,
            PageCodec::Snappy(encoder) => encoder.compress_vec(page).map_err(external)?,
            PageCodec::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(page)?;
                encoder.finish()?
            }
        };
        Ok(compressed.into())
    }
}

/// Level 1 is fast, and levels up to 3 make these pages only a little smaller.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// zlib's default.
pub(super) const GZIP_LEVEL: u32 = 6;
