//! The header of a page: the length of the page, and its content.
//!
//! It is read strictly here, and not by the `parquet` crate, because the crate trusts any length.
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
    /// Bytes of the page in the file, compressed if it is compressed.
    pub(super) packed_len: usize,
    /// CRC-32 of these bytes, if the writer stored it.
    pub(super) checksum: Option<u32>,
    pub(super) content: PageContent,
}

/// The content of a page.
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
    /// Content that is not read, such as an index.
    Other,
}

impl PageHeader {
    /// Reads the header at the front of `bytes`.
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
            return compact.malformed(MISSING);
        };
        if content == PageContent::Other && [DATA, DICTIONARY, DATA_V2].contains(&page_type) {
            return compact.malformed(MISSING);
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
        values: required(compact, values)?,
        encoding: required(compact, encoding)?,
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
        values: required(compact, values)?,
        encoding: required(compact, encodings[0])?,
        definition_levels: required(compact, encodings[1])?,
        repetition_levels: required(compact, encodings[2])?,
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
        values: required(compact, counts[0])?,
        nulls: required(compact, counts[1])?,
        rows: required(compact, counts[2])?,
        encoding: required(compact, encoding)?,
        definition_levels_len: required(compact, counts[3])?,
        repetition_levels_len: required(compact, counts[4])?,
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
        return compact.malformed("expected a struct");
    }
    compact.fields(each)
}

fn required<T>(compact: &Compact<'_>, value: Option<T>) -> Result<T> {
    value.map_or_else(|| compact.malformed(MISSING), Ok)
}

/// Reads a count.
fn count(compact: &mut Compact<'_>, kind: ThriftType) -> Result<u32> {
    let value = compact.i32(kind)?;
    u32::try_from(value).or_else(|_| compact.malformed("a negative count"))
}

fn encoding(compact: &mut Compact<'_>, kind: ThriftType) -> Result<Encoding> {
    let number = compact.i32(kind)?;
    let mut known = Encoding::VARIANTS.iter();
    match known.find(|encoding| **encoding as i32 == number) {
        Some(encoding) => Ok(*encoding),
        None => compact.malformed("an unknown encoding"),
    }
}

// The types of pages, as numbered by `PageType`.
const DATA: i32 = 0;
const DICTIONARY: i32 = 2;
const DATA_V2: i32 = 3;

const MISSING: &str = "a page header without a required field";

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
    fn invalid_header_is_refused() {
        for (at, byte, expected) in [
            (1, 4, "without a required field"), // a dictionary page with the header of another
            (5, 1, "negative count"),           // of -1 bytes
            (8, 1, "negative count"),           // of -1 values
            (10, 2, "unknown encoding"),        // 1 is not an encoding
            (7, 0x18, "whole number"),          // the number of values is a string
            (6, 0x28, "expected a struct"),     // the inner header is a string
            (9, 0x1f, "unknown type"),
        ] {
            let found = changed(at, byte).unwrap();
            assert!(found.contains(expected), "{at}: {found}");
        }
        // Pages with other content, such as an index, are not used.
        let index = PageHeader::read(&[0x15, 2, 0x15, 14, 0x15, 14, 0x3c, 0, 0]);
        assert_eq!(index.unwrap().content, PageContent::Other);
    }
}
