//! A page as it is in the file, decompressed within bounds.

use std::io::Read;

use parquet::basic::Compression;
use parquet::column::page::Page;
use parquet::errors::{ParquetError, Result};

use super::page_header::{PageContent, PageHeader};

/// Bytes of a page, of a footer, or of anything else that is read in one piece. Writers
/// aim at 1 MiB a page; a few put a whole column of a row group into one.
pub(super) const PAGE_LEN_MAX: usize = 64 << 20;

/// The page that has this header, decompressed.
pub(super) fn unpack(header: &PageHeader, packed: &[u8], compression: Compression) -> Result<Page> {
    if let Some(expected) = header.checksum {
        let mut crc = flate2::Crc::new();
        crc.update(packed);
        if crc.sum() != expected {
            return Err(fault("the checksum of a page is another one".into()));
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
            // Parquet format, data pages: levels are in front and are never compressed.
            let levels_len = definition_levels_len as usize + repetition_levels_len as usize;
            let Some((levels, values)) = packed.split_at_checked(levels_len) else {
                return Err(fault("a page ends within its levels".into()));
            };
            // A page of nulls alone holds nothing that could be decompressed.
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
        PageContent::Other => return Err(fault("a page that holds no values".into())),
    })
}

/// What `packed` holds, after `front`.
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
                "compressed by {other}; write it again with SNAPPY, GZIP or ZSTD"
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
    fn page_of_more_than_it_may_have_is_refused_however_it_is_compressed() {
        let zeros = vec![0; PAGE_LEN_MAX + 1];
        let zstd = zstd::encode_all(&zeros[..], 1).unwrap();
        let mut gzip = flate2::read::GzEncoder::new(&zeros[..], flate2::Compression::fast());
        let mut packed = Vec::new();
        gzip.read_to_end(&mut packed).unwrap();
        // Five bytes that promise four thousand million.
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
        assert!(message.contains("write it again with SNAPPY"), "{message}");
    }

    #[test]
    fn levels_stay_in_front_of_what_was_compressed() {
        let packed = zstd::encode_all(&b"values"[..], 1).unwrap();
        let zstd = Compression::ZSTD(Default::default());
        assert_eq!(
            inflate(b"levels ", &packed, zstd).unwrap(),
            b"levels values"
        );
    }
}
