//! Decompresses a page of the file within limits.

use std::io::Read;

use parquet::basic::Compression;
use parquet::column::page::Page;
use parquet::errors::{ParquetError, Result};

use super::page_header::{PageContent, PageHeader};

/// Maximum length in bytes of a page, of a footer, or of anything else that is read in one piece.
/// Writers aim at 1 MiB per page, and a few put a whole column of a row group into one.
pub(super) const PAGE_LEN_MAX: usize = 64 << 20;

/// Decompresses the page with this header.
pub(super) fn unpack(header: &PageHeader, packed: &[u8], compression: Compression) -> Result<Page> {
    if let Some(expected) = header.checksum {
        let mut crc = flate2::Crc::new();
        crc.update(packed);
        if crc.sum() != expected {
            return Err(fault("page checksum mismatch".into()));
        }
    }
    Ok(match header.content {
        PageContent::Dictionary {
            values,
            encoding,
            is_sorted,
        } => Page::DictionaryPage {
            buf: inflate(&[], packed, compression)?.into(),
            num_values: values,
            encoding,
            is_sorted,
        },
        PageContent::Values {
            values,
            encoding,
            definition_levels,
            repetition_levels,
        } => Page::DataPage {
            buf: inflate(&[], packed, compression)?.into(),
            num_values: values,
            encoding,
            def_level_encoding: definition_levels,
            rep_level_encoding: repetition_levels,
            statistics: None,
        },
        PageContent::ValuesV2 {
            values: num_values,
            nulls: num_nulls,
            rows: num_rows,
            encoding,
            definition_levels_len,
            repetition_levels_len,
            is_compressed,
        } => {
            // Parquet format, data pages: levels come first and are never compressed.
            let levels_len = definition_levels_len as usize + repetition_levels_len as usize;
            let Some((levels, values)) = packed.split_at_checked(levels_len) else {
                return Err(fault("a page ends within its levels".into()));
            };
            // A page that holds only nulls has nothing to decompress.
            let buf = if is_compressed && !values.is_empty() {
                inflate(levels, values, compression)?
            } else {
                packed.to_vec()
            };
            Page::DataPageV2 {
                buf: buf.into(),
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len: definition_levels_len,
                rep_levels_byte_len: repetition_levels_len,
                is_compressed,
                statistics: None,
            }
        }
        PageContent::Other => return Err(fault("a page without values".into())),
    })
}

/// Returns `front` followed by the decompressed data of `packed`.
fn inflate(front: &[u8], packed: &[u8], compression: Compression) -> Result<Vec<u8>> {
    let mut bytes = front.to_vec();
    let limit = PAGE_LEN_MAX as u64 + 1;
    match compression {
        Compression::UNCOMPRESSED => bytes.extend_from_slice(packed),
        Compression::SNAPPY => {
            if snap::raw::decompress_len(packed).map_err(corrupt)? > PAGE_LEN_MAX {
                return Err(too_long());
            }
            let values = snap::raw::Decoder::new().decompress_vec(packed);
            bytes.append(&mut values.map_err(corrupt)?);
        }
        Compression::GZIP(_) => {
            let decoder = flate2::read::MultiGzDecoder::new(packed);
            decoder.take(limit).read_to_end(&mut bytes)?;
        }
        Compression::ZSTD(_) => {
            let decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.take(limit).read_to_end(&mut bytes)?;
        }
        other => {
            return Err(fault(format!(
                "compressed with {other}; rewrite it with SNAPPY, GZIP or ZSTD"
            )));
        }
    }
    if bytes.len() > PAGE_LEN_MAX {
        return Err(too_long());
    }
    Ok(bytes)
}

fn corrupt(error: snap::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

pub(super) fn too_long() -> ParquetError {
    fault(format!("a page of more than {} MiB", PAGE_LEN_MAX >> 20))
}

pub(super) fn fault(message: String) -> ParquetError {
    ParquetError::General(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refusal(packed: &[u8], compression: Compression) -> String {
        inflate(&[], packed, compression).unwrap_err().to_string()
    }

    #[test]
    fn page_over_the_limit_is_refused_with_any_compression() {
        let zeros = vec![0; PAGE_LEN_MAX + 1];
        let zstd = zstd::encode_all(&zeros[..], 1).unwrap();
        let mut gzip = flate2::read::GzEncoder::new(&zeros[..], flate2::Compression::fast());
        let mut packed = Vec::new();
        gzip.read_to_end(&mut packed).unwrap();
        // Five bytes that declare a length of four billion.
        let snappy = [0xff, 0xff, 0xff, 0xff, 0x0f];
        for (packed, compression) in [
            (&zstd[..], Compression::ZSTD(Default::default())),
            (&packed, Compression::GZIP(Default::default())),
            (&snappy, Compression::SNAPPY),
        ] {
            let message = refusal(packed, compression);
            assert!(message.contains("more than 64 MiB"), "{message}");
        }
        let message = refusal(&[], Compression::LZ4_RAW);
        assert!(message.contains("rewrite it with SNAPPY"), "{message}");
    }

    #[test]
    fn levels_come_before_the_decompressed_values() {
        let packed = zstd::encode_all(&b"values"[..], 1).unwrap();
        let zstd = Compression::ZSTD(Default::default());
        assert_eq!(
            inflate(b"levels ", &packed, zstd).unwrap(),
            b"levels values"
        );
    }
}
