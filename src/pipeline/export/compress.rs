//! Compression of Parquet's pages.

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use std::io::Write as _;

/// Compresses one page after the other.
pub(super) enum PageCompressor {
    Stored,
    Zstd(zstd::bulk::Compressor<'static>),
    Snappy(Box<snap::raw::Encoder>),
    Gzip,
}

impl PageCompressor {
    /// Creates a compressor.
    pub(super) fn new(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::ZSTD(_) => Self::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
            Compression::SNAPPY => Self::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::GZIP(_) => Self::Gzip,
            _ => Self::Stored,
        })
    }

    /// Returns a page in compressed form.
    pub(super) fn compressed(&mut self, page: &[u8]) -> Result<Bytes> {
        let external = |error: snap::Error| ParquetError::External(Box::new(error));
        let compressed = match self {
            Self::Stored => page.to_vec(),
            Self::Zstd(compressor) => compressor.compress(page)?,
            Self::Snappy(encoder) => encoder.compress_vec(page).map_err(external)?,
            Self::Gzip => {
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
