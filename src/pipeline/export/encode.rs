//! One column of a row group, encoded for Parquet.
//!
//! Text and integers with few different values are a dictionary page and pages of its indexes; others
//! are plain. Nothing is hashed twice: the words of a text column are numbered already. Pages are
//! those of version 1, which every reader has.
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>

use std::borrow::Cow;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::bits::{bits_for, hybrid, repeated};
use super::compress::PageCompressor;

/// Rows of a page.
const PAGE_ROWS: usize = 32 << 10;

/// Values are kept for all statistics up to this length; longer ones have none, as in other writers.
const STATISTIC_LEN_MAX: usize = 256;

/// An encoded column of a row group.
pub(super) struct EncodedColumn {
    pub bytes: Bytes,
    pub close: ColumnCloseResult,
}

/// The width of plain integers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IntegerWidth {
    Four,
    Eight,
}

/// Encodes text: `numbers` has the number of each row's word from 1, or 0 for null.
pub(super) fn text(
    column: ColumnDescPtr,
    numbers: &[u32],
    words: &[&str],
    compressor: &mut PageCompressor,
) -> Result<EncodedColumn> {
    let mut out = ColumnPages::new(column, compressor);
    let nulls = numbers.iter().filter(|number| **number == 0).count();
    let index = |number: u32| number.wrapping_sub(1);
    let word_bytes: usize = words.iter().map(|word| word.len() + 4).sum();
    let plain_bytes: usize = match words.len() * 2 > numbers.len() {
        true => numbers
            .iter()
            .filter_map(|number| words.get(index(*number) as usize))
            .map(|word| word.len() + 4)
            .sum(),
        false => usize::MAX,
    };
    let bits = bits_for(words.len());
    let indexed_bytes = word_bytes + numbers.len() * bits / 8;
    let is_plain = plain_bytes <= indexed_bytes;
    let put = |word: &str, to: &mut Vec<u8>| {
        // A line has at most 1 MiB.
        let len = u32::try_from(word.len()).unwrap_or(u32::MAX);
        to.extend(len.to_le_bytes());
        to.extend(word.as_bytes());
    };
    if !is_plain && !words.is_empty() {
        let mut dictionary = Vec::with_capacity(word_bytes);
        words.iter().for_each(|word| put(word, &mut dictionary));
        out.dictionary(&dictionary, words.len())?;
    }
    let mut indexes = Vec::new();
    for rows in numbers.chunks(PAGE_ROWS) {
        out.levels(rows.iter().map(|number| *number != 0), nulls > 0);
        let present = rows.iter().filter(|number| **number != 0);
        if is_plain || words.is_empty() {
            for number in present {
                put(words[index(*number) as usize], &mut out.page);
            }
            out.data(rows.len(), Encoding::PLAIN)?;
        } else {
            indexes.clear();
            match nulls {
                0 => indexes.extend(rows.iter().map(|number| index(*number))),
                _ => indexes.extend(present.map(|number| index(*number))),
            }
            out.indexes(&indexes, bits, rows.len())?;
        }
    }
    let bounds = bounds(words.iter().copied());
    let bounds = bounds.filter(|(least, most)| least.len().max(most.len()) <= STATISTIC_LEN_MAX);
    let array = |word: &str| ByteArray::from(word.as_bytes().to_vec());
    let statistics = Statistics::byte_array(
        bounds.map(|(least, _)| array(least)),
        bounds.map(|(_, most)| array(most)),
        None,
        Some(nulls as u64),
        false,
    );
    out.finish(numbers.len(), statistics)
}

/// Encodes integers. `present` is empty if all rows have a value.
pub(super) fn integers(
    column: ColumnDescPtr,
    width: IntegerWidth,
    values: &[i64],
    present: &[bool],
    compressor: &mut PageCompressor,
) -> Result<EncodedColumn> {
    let mut out = ColumnPages::new(column, compressor);
    let has_nulls = !present.is_empty();
    let is_present = |row: usize| present.get(row).copied().unwrap_or(true);
    let known: Cow<'_, [i64]> = match has_nulls {
        true => {
            let rows = values.iter().zip(present);
            let known = rows.filter(|(_, is_present)| **is_present);
            known.map(|(value, _)| *value).collect()
        }
        false => values.into(),
    };
    let bounds = bounds(known.iter().copied());
    let dictionary = bounds.and_then(|bounds| IntegerDictionary::of(&known, bounds));
    if let Some(dictionary) = &dictionary {
        let mut page = Vec::with_capacity(dictionary.values.len() * 8);
        put_all(&dictionary.values, width, &mut page);
        out.dictionary(&page, dictionary.values.len())?;
    }
    let bits = dictionary
        .as_ref()
        .map_or(0, |dictionary| bits_for(dictionary.values.len()));
    let mut at = 0;
    for begin in (0..values.len()).step_by(PAGE_ROWS) {
        let rows = begin..values.len().min(begin + PAGE_ROWS);
        out.levels(rows.clone().map(is_present), has_nulls);
        let count = match has_nulls {
            true => rows.clone().filter(|row| is_present(*row)).count(),
            false => rows.len(),
        };
        match &dictionary {
            Some(dictionary) => {
                out.indexes(&dictionary.indexes[at..at + count], bits, rows.len())?;
            }
            None => {
                put_all(&known[at..at + count], width, &mut out.page);
                out.data(rows.len(), Encoding::PLAIN)?;
            }
        }
        at += count;
    }
    let nulls = Some((values.len() - known.len()) as u64);
    let (least, most) = bounds.unzip();
    let narrow = |value: i64| i32::try_from(value).ok();
    let statistics = match width {
        IntegerWidth::Four => Statistics::int32(
            least.and_then(narrow),
            most.and_then(narrow),
            None,
            nulls,
            false,
        ),
        IntegerWidth::Eight => Statistics::int64(least, most, None, nulls, false),
    };
    out.finish(values.len(), statistics)
}

fn put_all(values: &[i64], width: IntegerWidth, to: &mut Vec<u8>) {
    for value in values {
        let bytes = value.to_le_bytes();
        match width {
            // The value is one of 32 bits.
            IntegerWidth::Four => to.extend_from_slice(&bytes[..4]),
            IntegerWidth::Eight => to.extend_from_slice(&bytes),
        }
    }
}

fn bounds<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<(T, T)> {
    values.fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((least, most)) => Some((value.min(least), value.max(most))),
    })
}

/// The different values of a column, in order of appearance.
struct IntegerDictionary {
    values: Vec<i64>,
    indexes: Vec<u32>,
}

impl IntegerDictionary {
    /// Makes the dictionary of values within `bounds`; `None` if it would not be worth it.
    fn of(values: &[i64], bounds: (i64, i64)) -> Option<Self> {
        let (least, most) = bounds;
        let range = usize::try_from(most.checked_sub(least)?).ok()? + 1;
        // One slot for each value that is possible.
        if range > values.len().saturating_mul(4).max(1 << 16) {
            return None;
        }
        let mut slots = vec![0_u32; range];
        let mut found = Vec::new();
        let mut indexes = Vec::with_capacity(values.len());
        for value in values {
            let slot = usize::try_from(value - least).map_or(0, |slot| slot);
            let slot = &mut slots[slot];
            if *slot == 0 {
                found.push(*value);
                *slot = u32::try_from(found.len()).unwrap_or(0);
            }
            indexes.push(*slot - 1);
        }
        let is_worth_it = found.len() * 2 <= values.len() || found.len() == 1;
        is_worth_it.then_some(Self {
            values: found,
            indexes,
        })
    }
}

/// The pages of a column.
struct ColumnPages<'c> {
    column: ColumnDescPtr,
    compressor: &'c mut PageCompressor,
    sink: TrackedWrite<Vec<u8>>,
    /// The page being filled, before compression.
    page: Vec<u8>,
    dictionary_at: Option<i64>,
    data_at: Option<i64>,
    uncompressed: i64,
    encodings: Vec<Encoding>,
}

impl<'c> ColumnPages<'c> {
    fn new(column: ColumnDescPtr, compressor: &'c mut PageCompressor) -> Self {
        Self {
            column,
            compressor,
            sink: TrackedWrite::new(Vec::new()),
            page: Vec::new(),
            dictionary_at: None,
            data_at: None,
            uncompressed: 0,
            encodings: vec![Encoding::RLE],
        }
    }

    /// Begins a page with the definition levels of its rows.
    fn levels(&mut self, present: impl Iterator<Item = bool>, has_nulls: bool) {
        self.page.clear();
        self.page.extend([0; 4]);
        match has_nulls {
            true => {
                let levels: Vec<u32> = present.map(u32::from).collect();
                hybrid(&levels, 1, &mut self.page);
            }
            false => repeated(1, present.count(), 1, &mut self.page),
        }
        let len = u32::try_from(self.page.len() - 4).unwrap_or(u32::MAX);
        self.page[..4].copy_from_slice(&len.to_le_bytes());
    }

    fn dictionary(&mut self, bytes: &[u8], values: usize) -> Result<()> {
        self.dictionary_at = Some(0);
        self.encodings.push(Encoding::PLAIN);
        let page = Page::DictionaryPage {
            buf: self.compressor.compressed(bytes)?,
            num_values: u32::try_from(values).unwrap_or(u32::MAX),
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        self.write(page, bytes.len())
    }

    fn indexes(&mut self, indexes: &[u32], bits: usize, rows: usize) -> Result<()> {
        self.page.push(u8::try_from(bits).unwrap_or(32));
        hybrid(indexes, bits, &mut self.page);
        self.data(rows, Encoding::RLE_DICTIONARY)
    }

    fn data(&mut self, rows: usize, encoding: Encoding) -> Result<()> {
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
        let at = i64::try_from(self.sink.bytes_written()).unwrap_or(i64::MAX);
        self.data_at.get_or_insert(at);
        let page = Page::DataPage {
            buf: self.compressor.compressed(&self.page)?,
            num_values: u32::try_from(rows).unwrap_or(u32::MAX),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.write(page, self.page.len())
    }

    fn write(&mut self, page: Page, uncompressed: usize) -> Result<()> {
        let mut writer = SerializedPageWriter::new(&mut self.sink);
        let written = writer.write_page(CompressedPage::new(page, uncompressed))?;
        self.uncompressed += i64::try_from(written.uncompressed_size).unwrap_or(0);
        Ok(())
    }

    fn finish(self, rows: usize, statistics: Statistics) -> Result<EncodedColumn> {
        let bytes = self.sink.into_inner()?;
        let compressed = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(self.compressor.compression())
            .set_encodings(self.encodings)
            .set_total_compressed_size(compressed)
            .set_total_uncompressed_size(self.uncompressed)
            .set_num_values(i64::try_from(rows).unwrap_or(i64::MAX))
            .set_data_page_offset(self.data_at.unwrap_or(0))
            .set_dictionary_page_offset(self.dictionary_at)
            .set_statistics(statistics)
            .build()?;
        Ok(EncodedColumn {
            close: ColumnCloseResult {
                bytes_written: bytes.len() as u64,
                rows_written: rows as u64,
                metadata,
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            },
            bytes: bytes.into(),
        })
    }
}
