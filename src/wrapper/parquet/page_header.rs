//! The header of a page: how long the page is, and what is in it.
//!
//! It is read here, strictly, and not by the `parquet` crate: that one believes any length.
//!
//! Source: `PageHeader` in `parquet.thrift` of the Parquet format.

use parquet::basic::Encoding;

use super::thrift::{Compact, Malformed, ThriftType};

type Result<T> = std::result::Result<T, Malformed>;

/// The header of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Bytes of the header itself.
    pub(super) len: usize,
    /// Bytes of the page, compressed if it is.
    pub(super) packed_len: usize,
    /// CRC-32 of those, if the writer gave it.
    pub(super) checksum: Option<u32>,
    pub(super) content: PageContent,
}

/// What is in a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PageContent {
    Dictionary {
        values: u32,
        encoding: Encoding,
        is_sorted: bool,
    },
    Values {
        values: u32,
        encoding: Encoding,
        definition_levels: Encoding,
        repetition_levels: Encoding,
    },
    /// A data page of the second version.
    ValuesV2 {
        values: u32,
        nulls: u32,
        rows: u32,
        encoding: Encoding,
        definition_levels_len: u32,
        repetition_levels_len: u32,
        is_compressed: bool,
    },
    /// Nothing that is read, such as an index.
    Other,
}

impl PageHeader {
    /// Reads the header that `bytes` begin with.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut compact = Compact::new(bytes);
        let (mut page_type, mut packed_len, mut checksum) = (None, None, None);
        let mut content = PageContent::Other;
        compact.fields(|compact, id, kind| {
            match id {
                1 => page_type = Some(compact.i32(kind)?),
                3 => packed_len = Some(count(compact, kind)?),
                4 => checksum = Some(compact.i32(kind)?.cast_unsigned()),
                5 if page_type == Some(DATA) => content = values(compact, kind)?,
                7 if page_type == Some(DICTIONARY) => content = dictionary(compact, kind)?,
                8 if page_type == Some(DATA_V2) => content = values_v2(compact, kind)?,
                _ => compact.skip(kind)?,
            }
            Ok(())
        })?;
        let (Some(page_type), Some(packed_len)) = (page_type, packed_len) else {
            return compact.malformed(LACKING);
        };
        if content == PageContent::Other && [DATA, DICTIONARY, DATA_V2].contains(&page_type) {
            return compact.malformed(LACKING);
        }
        Ok(Self {
            len: compact.at(),
            packed_len: packed_len as usize,
            checksum,
            content,
        })
    }
}

/// Reads a `DictionaryPageHeader`.
fn dictionary(compact: &mut Compact<'_>, kind: ThriftType) -> Result<PageContent> {
    let (mut values, mut encoding, mut is_sorted) = (None, None, false);
    inner(compact, kind, |compact, id, kind| {
        match (id, kind) {
            (1, _) => values = Some(count(compact, kind)?),
            (2, _) => encoding = Some(self::encoding(compact, kind)?),
            (3, ThriftType::Bool(value)) => is_sorted = value,
            _ => compact.skip(kind)?,
        }
        Ok(())
    })?;
    Ok(PageContent::Dictionary {
        values: there(compact, values)?,
        encoding: there(compact, encoding)?,
        is_sorted,
    })
}

/// Reads a `DataPageHeader`.
fn values(compact: &mut Compact<'_>, kind: ThriftType) -> Result<PageContent> {
    let (mut values, mut encodings) = (None, [None; 3]);
    inner(compact, kind, |compact, id, kind| {
        match id {
            1 => values = Some(count(compact, kind)?),
            2 => encodings[0] = Some(encoding(compact, kind)?),
            3 => encodings[1] = Some(encoding(compact, kind)?),
            4 => encodings[2] = Some(encoding(compact, kind)?),
            _ => compact.skip(kind)?,
        }
        Ok(())
    })?;
    Ok(PageContent::Values {
        values: there(compact, values)?,
        encoding: there(compact, encodings[0])?,
        definition_levels: there(compact, encodings[1])?,
        repetition_levels: there(compact, encodings[2])?,
    })
}

/// Reads a `DataPageHeaderV2`.
fn values_v2(compact: &mut Compact<'_>, kind: ThriftType) -> Result<PageContent> {
    let (mut counts, mut encoding, mut is_compressed) = ([None; 5], None, true);
    inner(compact, kind, |compact, id, kind| {
        match (id, kind) {
            (1, _) => counts[0] = Some(count(compact, kind)?),
            (2, _) => counts[1] = Some(count(compact, kind)?),
            (3, _) => counts[2] = Some(count(compact, kind)?),
            (4, _) => encoding = Some(self::encoding(compact, kind)?),
            (5, _) => counts[3] = Some(count(compact, kind)?),
            (6, _) => counts[4] = Some(count(compact, kind)?),
            (7, ThriftType::Bool(value)) => is_compressed = value,
            _ => compact.skip(kind)?,
        }
        Ok(())
    })?;
    Ok(PageContent::ValuesV2 {
        values: there(compact, counts[0])?,
        nulls: there(compact, counts[1])?,
        rows: there(compact, counts[2])?,
        encoding: there(compact, encoding)?,
        definition_levels_len: there(compact, counts[3])?,
        repetition_levels_len: there(compact, counts[4])?,
        is_compressed,
    })
}

/// Reads the fields of a struct inside a header.
fn inner(
    compact: &mut Compact<'_>,
    kind: ThriftType,
    each: impl FnMut(&mut Compact<'_>, i16, ThriftType) -> Result<()>,
) -> Result<()> {
    if kind != ThriftType::Struct {
        return compact.malformed("a value where a struct is expected");
    }
    compact.fields(each)
}

fn there<T>(compact: &Compact<'_>, value: Option<T>) -> Result<T> {
    value.map_or_else(|| compact.malformed(LACKING), Ok)
}

/// A number that counts something.
fn count(compact: &mut Compact<'_>, kind: ThriftType) -> Result<u32> {
    let value = compact.i32(kind)?;
    u32::try_from(value).or_else(|_| compact.malformed("a count below zero"))
}

fn encoding(compact: &mut Compact<'_>, kind: ThriftType) -> Result<Encoding> {
    let number = compact.i32(kind)?;
    let mut known = Encoding::VARIANTS.iter();
    match known.find(|encoding| **encoding as i32 == number) {
        Some(encoding) => Ok(*encoding),
        None => compact.malformed("an encoding that Parquet does not have"),
    }
}

// The types of pages, as `PageType` numbers them.
const DATA: i32 = 0;
const DICTIONARY: i32 = 2;
const DATA_V2: i32 = 3;

const LACKING: &str = "the header of a page without a field that it needs";

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 5 values and 7 bytes: PLAIN, levels RLE.
    const PAGE: &[u8] = &[
        0x15, 0, 0x15, 14, 0x15, 14, 0x2c, 0x15, 10, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0,
    ];

    fn changed(at: usize, byte: u8) -> Option<String> {
        let mut bytes = PAGE.to_vec();
        bytes[at] = byte;
        let found = PageHeader::read(&bytes);
        found.err().map(|malformed| malformed.to_string())
    }

    #[test]
    fn header_is_read_up_to_its_end() {
        let expected = PageHeader {
            len: PAGE.len(),
            packed_len: 7,
            checksum: None,
            content: PageContent::Values {
                values: 5,
                encoding: Encoding::PLAIN,
                definition_levels: Encoding::RLE,
                repetition_levels: Encoding::RLE,
            },
        };
        assert_eq!(PageHeader::read(&[PAGE, &[1, 2, 3]].concat()), Ok(expected));
        for len in 0..PAGE.len() {
            assert!(PageHeader::read(&PAGE[..len]).unwrap_err().is_cut_short());
        }
    }

    #[test]
    fn header_that_contradicts_itself_is_refused() {
        for (at, byte, expected) in [
            (1, 4, "without a field"), // a dictionary page with the header of another
            (5, 1, "below zero"),      // of -1 bytes
            (8, 1, "below zero"),      // of -1 values
            (10, 2, "encoding that Parquet"), // 1 is no encoding
            (7, 0x18, "whole number"), // the number of values is a string
            (6, 0x28, "struct is expected"), // the inner header is a string
            (9, 0x1f, "type that Thrift"),
        ] {
            let found = changed(at, byte).unwrap();
            assert!(found.contains(expected), "{at}: {found}");
        }
        // Pages that hold something else, such as an index, are none of ours.
        let index = PageHeader::read(&[0x15, 2, 0x15, 14, 0x15, 14, 0x3c, 0, 0]);
        assert_eq!(index.unwrap().content, PageContent::Other);
    }
}
