//! The pages of one row group, decompressed within bounds.
//!
//! A page says how long it is once decompressed, and may lie. The `parquet` crate
//! believes it, or goes on until the compressed data end: a few octets could ask
//! for all memory there is. So its reader is told that nothing is compressed,
//! and each page is decompressed here, up to [`PAGE_LEN_MAX`].

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, Length, RowGroupReader};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::delta;

/// Octets of a page, of a footer, or of anything else that is read in one piece. Writers
/// aim at 1 MiB a page; a few put a whole column of a row group into one.
const PAGE_LEN_MAX: usize = 64 << 20;

/// Octets of the pages of a row group that are needed at once: a dictionary and a page of each column.
const HELD_LEN_MAX: usize = 256 << 20;

/// Where the octets of a table are; no more of them than a page may have are read at a time.
pub(super) struct Source<R>(pub(super) R);

impl<R: ChunkReader> Length for Source<R> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<R: ChunkReader> ChunkReader for Source<R> {
    type T = R::T;

    fn get_read(&self, start: u64) -> Result<R::T> {
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.saturating_add(length as u64);
        if end > self.0.len() {
            return Err(fault(format!(
                "{length} octets are said to stand at {start}, but the file has {}",
                self.0.len()
            )));
        }
        if length > PAGE_LEN_MAX {
            return Err(too_long());
        }
        self.0.get_bytes(start, length)
    }
}

/// One row group of a table, as the `parquet` crate asks for it.
pub(super) struct Group<R> {
    pub(super) source: Arc<Source<R>>,
    /// Of the table, with this row group alone.
    pub(super) metadata: ParquetMetaData,
    /// Octets of its pages that are needed now.
    pub(super) held: Arc<AtomicUsize>,
}

impl<R: ChunkReader + 'static> FileReader for Group<R> {
    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    fn num_row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    fn get_row_group(&self, index: usize) -> Result<Box<dyn RowGroupReader + '_>> {
        Ok(Box::new(Chunks {
            source: Arc::clone(&self.source),
            metadata: self.metadata.row_group(index),
            held: Arc::clone(&self.held),
        }))
    }

    fn get_row_iter(&self, _: Option<Type>) -> Result<RowIter<'_>> {
        Err(by_column())
    }
}

/// The columns of one row group.
struct Chunks<'m, R> {
    source: Arc<Source<R>>,
    metadata: &'m RowGroupMetaData,
    held: Arc<AtomicUsize>,
}

impl<R: ChunkReader + 'static> RowGroupReader for Chunks<'_, R> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.metadata
    }

    fn num_columns(&self) -> usize {
        self.metadata.num_columns()
    }

    fn get_column_page_reader(&self, index: usize) -> Result<Box<dyn PageReader>> {
        let column = self.metadata.column(index);
        let compression = column.compression();
        let as_it_is = column.clone().into_builder();
        let as_it_is = as_it_is
            .set_compression(Compression::UNCOMPRESSED)
            .build()?;
        let row_count = usize::try_from(self.metadata.num_rows())?;
        let source = Arc::clone(&self.source);
        Ok(Box::new(Pages {
            packed: SerializedPageReader::new(source, &as_it_is, row_count, None)?,
            compression,
            has_levels: column.column_descr().max_def_level() > 0,
            held: Held {
                all: Arc::clone(&self.held),
                page_len: 0,
            },
        }))
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&parquet::bloom_filter::Sbbf> {
        None
    }

    fn get_row_iter(&self, _: Option<Type>) -> Result<RowIter<'_>> {
        Err(by_column())
    }
}

/// The pages of one column of a row group.
struct Pages<R: ChunkReader> {
    packed: SerializedPageReader<R>,
    compression: Compression,
    /// Whether each page begins with levels that tell which values are there.
    has_levels: bool,
    held: Held,
}

/// Octets of the pages of a row group that are needed at once.
struct Held {
    /// Of all columns.
    all: Arc<AtomicUsize>,
    /// Of this column's latest page of values.
    page_len: usize,
}

impl Held {
    /// Counts a page, and no longer the page of values before it if it is one itself.
    fn take(&mut self, len: usize, is_dictionary: bool) -> Result<()> {
        let mut done = 0;
        if !is_dictionary {
            done = std::mem::replace(&mut self.page_len, len);
        }
        self.all.fetch_sub(done, Relaxed);
        if self.all.fetch_add(len, Relaxed) + len > HELD_LEN_MAX {
            let most = HELD_LEN_MAX >> 20;
            return Err(fault(format!(
                "its columns need more than {most} MiB of pages at once; write it again with \
                 smaller pages"
            )));
        }
        Ok(())
    }
}

impl<R: ChunkReader> PageReader for Pages<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(page) = self.packed.get_next_page()? else {
            return Ok(None);
        };
        let page = unpack(page, self.compression)?;
        self.check(&page)?;
        let is_dictionary = matches!(page, Page::DictionaryPage { .. });
        self.held.take(page.buffer().len(), is_dictionary)?;
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.packed.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.packed.at_record_boundary()
    }
}

impl<R: ChunkReader> Iterator for Pages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

/// `page`, decompressed.
fn unpack(mut page: Page, compression: Compression) -> Result<Page> {
    match &mut page {
        Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
            *buf = inflate(&[], buf, compression)?.into();
        }
        Page::DataPageV2 {
            buf,
            def_levels_byte_len,
            rep_levels_byte_len,
            is_compressed,
            ..
        } => {
            // Parquet format, data pages: levels stand in front and are never compressed.
            let levels_len = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
            let Some((levels, values)) = buf.split_at_checked(levels_len) else {
                return Err(fault("a page ends within its levels".into()));
            };
            // A page of nulls alone holds nothing that could be decompressed.
            if *is_compressed && !values.is_empty() {
                *buf = inflate(levels, values, compression)?.into();
            }
        }
    }
    Ok(page)
}

impl<R: ChunkReader> Pages<R> {
    /// Refuses counts that nothing in a page bears out, before room is made for so many values.
    fn check(&self, page: &Page) -> Result<()> {
        let octets = page.buffer();
        let values = match page {
            Page::DictionaryPage { num_values, .. } => {
                if *num_values as usize > octets.len() {
                    let len = octets.len();
                    return Err(fault(format!(
                        "a dictionary of {len} octets is said to hold {num_values} values"
                    )));
                }
                return Ok(());
            }
            Page::DataPage { .. } if self.has_levels => match octets.split_first_chunk() {
                Some((len, rest)) => rest.get(u32::from_le_bytes(*len) as usize..),
                None => None,
            },
            Page::DataPage { .. } => Some(&octets[..]),
            Page::DataPageV2 {
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => octets.get(*def_levels_byte_len as usize + *rep_levels_byte_len as usize..),
        };
        let encoding = page.encoding();
        // Each value may repeat all that stands before it; only small pages of them are bounded.
        let is_long = encoding == Encoding::DELTA_BYTE_ARRAY && octets.len() > DELTA_LEN_MAX;
        if is_long || !values.is_some_and(|values| delta::is_sound(encoding, values)) {
            let message = format!("a page by {encoding} whose counts cannot be true");
            return Err(fault(message));
        }
        Ok(())
    }
}

/// What `packed` holds, behind `front`.
fn inflate(front: &[u8], packed: &[u8], compression: Compression) -> Result<Vec<u8>> {
    let mut octets = front.to_vec();
    let limit = PAGE_LEN_MAX as u64 + 1;
    match compression {
        Compression::UNCOMPRESSED => octets.extend_from_slice(packed),
        Compression::SNAPPY => {
            if snap::raw::decompress_len(packed).map_err(corrupt)? > PAGE_LEN_MAX {
                return Err(too_long());
            }
            let values = snap::raw::Decoder::new().decompress_vec(packed);
            octets.append(&mut values.map_err(corrupt)?);
        }
        Compression::GZIP(_) => {
            let decoder = flate2::read::MultiGzDecoder::new(packed);
            decoder.take(limit).read_to_end(&mut octets)?;
        }
        Compression::ZSTD(_) => {
            let decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.take(limit).read_to_end(&mut octets)?;
        }
        other => {
            return Err(fault(format!(
                "compressed by {other}; write it again with SNAPPY, GZIP or ZSTD"
            )));
        }
    }
    if octets.len() > PAGE_LEN_MAX {
        return Err(too_long());
    }
    Ok(octets)
}

fn corrupt(error: snap::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn too_long() -> ParquetError {
    fault(format!("a page of more than {} MiB", PAGE_LEN_MAX >> 20))
}

fn by_column() -> ParquetError {
    fault("tables are read by column".into())
}

fn fault(message: String) -> ParquetError {
    ParquetError::General(message)
}

/// Octets of a page whose values are told by how they differ from each other.
const DELTA_LEN_MAX: usize = 4 << 20;

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
        // Five octets that promise four thousand million.
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
    fn columns_that_need_too_much_at_once_are_refused() {
        let all = Arc::default();
        let column = || Held {
            all: Arc::clone(&all),
            page_len: 0,
        };
        let mut columns = [column(), column(), column(), column()];
        for held in &mut columns {
            held.take(PAGE_LEN_MAX / 2, true).unwrap();
            // One page of values after another.
            (0..9).for_each(|_| held.take(PAGE_LEN_MAX / 2, false).unwrap());
        }
        let message = column().take(1, true).unwrap_err().to_string();
        assert!(message.contains("more than 256 MiB"), "{message}");
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
