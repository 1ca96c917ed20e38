//! Reads the pages of one row group and decompresses them within limits.
//!
//! A page declares its length, compressed and uncompressed, and both may be false. The `parquet`
//! crate's own page reader trusts them, or continues until the compressed data ends: a few bytes
//! could use up all memory. So pages are found and decompressed here, up to [`PAGE_LEN_MAX`], and
//! the crate only decodes the values in them.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, Length, RowGroupReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::delta;
use super::page_header::{PageContent, PageHeader};
use super::unpack::{PAGE_LEN_MAX, fault, too_long, unpack};

/// Maximum length in bytes of the pages of a row group that are needed at once: a dictionary and a
/// page of each column.
const HELD_LEN_MAX: usize = 256 << 20;

/// The source of the bytes of a table. At most the maximum length of a page is read at a time.
pub(super) struct TableSource<R> {
    source: R,
    /// Locked while it is read: all handles of a file have one position.
    reading: Mutex<()>,
}

impl<R> TableSource<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            reading: Mutex::new(()),
        }
    }
}

impl<R: ChunkReader> Length for TableSource<R> {
    fn len(&self) -> u64 {
        self.source.len()
    }
}

impl<R: ChunkReader> ChunkReader for TableSource<R> {
    type T = R::T;

    // Not used for pages: its reader would move the position that all handles share.
    fn get_read(&self, start: u64) -> Result<R::T> {
        self.source.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.saturating_add(length as u64);
        if end > self.source.len() {
            return Err(fault(format!(
                "{length} bytes are declared at offset {start}, but the file has {}",
                self.source.len()
            )));
        }
        if length > PAGE_LEN_MAX {
            return Err(too_long());
        }
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.source.get_bytes(start, length)
    }
}

/// One row group of a table, in the form that the `parquet` crate requires.
pub(super) struct RowGroup<R> {
    pub(super) source: Arc<TableSource<R>>,
    /// The metadata of the table with only this row group.
    pub(super) metadata: ParquetMetaData,
    /// Bytes of its pages that are needed now.
    pub(super) held: Arc<AtomicUsize>,
}

impl<R: ChunkReader + 'static> FileReader for RowGroup<R> {
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
    source: Arc<TableSource<R>>,
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
        let (at, left) = column.byte_range();
        Ok(Box::new(Pages {
            source: Arc::clone(&self.source),
            at,
            left,
            next: None,
            compression: column.compression(),
            value_len: least_len(column.column_type(), column.column_descr().type_length()),
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
struct Pages<R> {
    source: Arc<TableSource<R>>,
    /// Offset of the next page, or of the rest of it.
    at: u64,
    /// Bytes of the column from there on.
    left: u64,
    /// The header of the next page, if it has been read.
    next: Option<PageHeader>,
    compression: Compression,
    /// Minimum length of a value in a dictionary, in bytes.
    value_len: usize,
    /// Whether each page begins with levels, which indicate the rows that have a value.
    has_levels: bool,
    held: Held,
}

/// Bytes of the pages of a row group that are needed at once.
struct Held {
    /// The total for all columns.
    all: Arc<AtomicUsize>,
    /// Length of this column's latest page of values.
    page_len: usize,
}

impl Held {
    /// Counts a page. If it is a page of values, it replaces the page of values before it.
    fn take(&mut self, len: usize, is_dictionary: bool) -> Result<()> {
        let mut done = 0;
        if !is_dictionary {
            done = std::mem::replace(&mut self.page_len, len);
        }
        self.all.fetch_sub(done, Relaxed);
        if self.all.fetch_add(len, Relaxed) + len > HELD_LEN_MAX {
            let most = HELD_LEN_MAX >> 20;
            return Err(fault(format!(
                "its columns need more than {most} MiB of pages at once; rewrite it with \
                 smaller pages"
            )));
        }
        Ok(())
    }
}

impl<R: ChunkReader> Pages<R> {
    /// Returns the header of the next page of values or of a dictionary, or `None` after the last
    /// page.
    fn peek(&mut self) -> Result<Option<&PageHeader>> {
        while self.next.is_none() && self.left > 0 {
            let header = self.read_header()?;
            if header.content == PageContent::Other {
                self.pass(header.packed_len)?;
            } else {
                self.next = Some(header);
            }
        }
        Ok(self.next.as_ref())
    }

    /// Reads the header of a page. Most are a few dozen bytes long, but one may quote values.
    fn read_header(&mut self) -> Result<PageHeader> {
        let mut len = HEADER_LEN;
        loop {
            let here = usize::try_from(self.left).map_or(len, |left| left.min(len));
            match PageHeader::read(&self.source.get_bytes(self.at, here)?) {
                Ok(header) => {
                    self.pass(header.len)?;
                    return Ok(header);
                }
                Err(error) if error.is_cut_short() && here == len && len < HEADER_LEN_MAX => {
                    len = HEADER_LEN_MAX;
                }
                Err(error) => {
                    let message = format!("invalid page header: {error}");
                    return Err(fault(message));
                }
            }
        }
    }

    /// Moves forward by `len` bytes of the column.
    fn pass(&mut self, len: usize) -> Result<()> {
        let len = len as u64;
        let Some(left) = self.left.checked_sub(len) else {
            let left = self.left;
            let message = format!("a page of {len} bytes, but its column has only {left} left");
            return Err(fault(message));
        };
        self.left = left;
        self.at += len;
        Ok(())
    }
}

impl<R: ChunkReader> PageReader for Pages<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.peek()?;
        let Some(header) = self.next.take() else {
            return Ok(None);
        };
        let at = self.at;
        self.pass(header.packed_len)?;
        let packed = self.source.get_bytes(at, header.packed_len)?;
        let page = unpack(&header, &packed, self.compression)?;
        self.check(&page)?;
        let is_dictionary = matches!(page, Page::DictionaryPage { .. });
        self.held.take(page.buffer().len(), is_dictionary)?;
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        let header = self.peek()?;
        Ok(header.map(|header| {
            let (num_rows, num_levels) = match header.content {
                PageContent::Values { values, .. } => (None, Some(values as usize)),
                PageContent::ValuesV2 { values, rows, .. } => {
                    (Some(rows as usize), Some(values as usize))
                }
                PageContent::Dictionary { .. } | PageContent::Other => (None, None),
            };
            PageMetadata {
                num_rows,
                num_levels,
                is_dict: matches!(header.content, PageContent::Dictionary { .. }),
            }
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.peek()?;
        match self.next.take() {
            Some(header) => self.pass(header.packed_len),
            None => Ok(()),
        }
    }
}

impl<R: ChunkReader> Iterator for Pages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

/// Returns the minimum length in bytes of a value of a type in a dictionary. A text is preceded by
/// its length.
fn least_len(physical_type: PhysicalType, fixed_len: i32) -> usize {
    match physical_type {
        PhysicalType::BOOLEAN => 1,
        PhysicalType::INT32 | PhysicalType::FLOAT | PhysicalType::BYTE_ARRAY => 4,
        PhysicalType::INT64 | PhysicalType::DOUBLE => 8,
        PhysicalType::INT96 => 12,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => {
            usize::try_from(fixed_len).map_or(1, |len| len.max(1))
        }
    }
}

impl<R: ChunkReader> Pages<R> {
    /// Refuses counts that the page cannot hold, before memory is allocated for that many values.
    fn check(&self, page: &Page) -> Result<()> {
        let bytes = page.buffer();
        let values = match page {
            Page::DictionaryPage { num_values, .. } => {
                if *num_values as usize > bytes.len() / self.value_len {
                    let len = bytes.len();
                    return Err(fault(format!(
                        "a dictionary of {len} bytes cannot hold {num_values} values"
                    )));
                }
                return Ok(());
            }
            Page::DataPage { .. } if self.has_levels => match bytes.split_first_chunk() {
                Some((len, rest)) => rest.get(u32::from_le_bytes(*len) as usize..),
                None => None,
            },
            Page::DataPage { .. } => Some(&bytes[..]),
            Page::DataPageV2 {
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => bytes.get(*def_levels_byte_len as usize + *rep_levels_byte_len as usize..),
        };
        let encoding = page.encoding();
        // Each value may repeat all of the value before it, which is limited only for small pages.
        let is_long = encoding == Encoding::DELTA_BYTE_ARRAY && bytes.len() > DELTA_LEN_MAX;
        if is_long || !values.is_some_and(|values| delta::is_sound(encoding, values)) {
            let message = format!("a page encoded as {encoding} with impossible counts");
            return Err(fault(message));
        }
        Ok(())
    }
}

fn by_column() -> ParquetError {
    fault("tables are read by column".into())
}

/// Usual maximum length of a page header, in bytes.
const HEADER_LEN: usize = 1 << 10;

/// Maximum length of a page header, in bytes.
const HEADER_LEN_MAX: usize = 1 << 20;

/// Maximum length in bytes of a page with `DELTA_BYTE_ARRAY` encoding.
const DELTA_LEN_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_need_too_much_memory_at_once_are_refused() {
        let all = Arc::default();
        let column = || Held {
            all: Arc::clone(&all),
            page_len: 0,
        };
        let mut columns = [column(), column(), column(), column()];
        for held in &mut columns {
            held.take(PAGE_LEN_MAX / 2, true).unwrap();
            // Consecutive pages of values replace each other.
            (0..9).for_each(|_| held.take(PAGE_LEN_MAX / 2, false).unwrap());
        }
        let message = column().take(1, true).unwrap_err().to_string();
        assert!(message.contains("more than 256 MiB"), "{message}");
    }
}
