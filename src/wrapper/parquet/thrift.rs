//! Reads Thrift's compact protocol strictly.
//!
//! Parquet describes itself in Thrift, in the footer of a file and before each page. The `parquet`
//! crate interprets a value by the number of its field, whatever type the file declares, and
//! accepts a number of any length. A file could therefore show one thing to a check and another to
//! the crate. So this reader refuses everything that two readers could interpret differently: types
//! that the protocol does not have, numbers that are longer than necessary or larger than their
//! field, fields that are repeated or out of order, booleans in lists, and structs nested deeper
//! than [`DEPTH_MAX`]. It accepts only what the bytes hold, and keeps nothing.
//!
//! Source: Apache Thrift, `doc/specs/thrift-compact-protocol.md`. The meaning of the fields is not
//! known here.

use std::fmt;

/// Maximum nesting of structs, lists and maps. The footer of a Parquet file has eight levels.
const DEPTH_MAX: usize = 32;

/// A type of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThriftType {
    /// A boolean. The value is part of the type.
    Bool(bool),
    Byte,
    /// A whole number of 16, 32 or 64 bits. All three have the same form.
    Whole(u32),
    Double,
    Binary,
    List,
    Set,
    Map,
    Struct,
    Uuid,
}

/// An error in the bytes, and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Number of bytes before the error.
    at: usize,
    what: &'static str,
}

/// Reads bytes from front to back.
pub(super) struct Compact<'a> {
    rest: &'a [u8],
    len: usize,
    depth: usize,
}

type Result<T> = std::result::Result<T, Malformed>;

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            len: bytes.len(),
            depth: 0,
        }
    }

    /// Returns how many bytes have been read.
    pub(super) fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    /// Reads the fields of a struct. `each` is called with the number and the type of every field,
    /// and must read or skip its value.
    pub(super) fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, i16, ThriftType) -> Result<()>,
    ) -> Result<()> {
        self.deeper(|compact| {
            let mut last = 0;
            loop {
                let header = compact.byte()?;
                if header == STOP {
                    return Ok(());
                }
                let kind = compact.kind(header & 0x0f)?;
                let id = match header >> 4 {
                    0 => compact.signed(16)?,
                    step => last + i64::from(step),
                };
                let Ok(number) = i16::try_from(id) else {
                    return compact.malformed("a field number that is too large");
                };
                if id <= last {
                    return compact.malformed("a field repeated or out of order");
                }
                each(compact, number, kind)?;
                last = id;
            }
        })
    }

    /// Reads a list of structs and calls `each` for each of them.
    pub(super) fn structs(
        &mut self,
        kind: ThriftType,
        mut each: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<usize> {
        let (of, count) = self.list(kind)?;
        if count > 0 && of != ThriftType::Struct {
            return self.malformed("a list of other types than structs");
        }
        self.deeper(|compact| (0..count).try_for_each(|_| each(compact)))?;
        Ok(count)
    }

    /// Reads the type and the number of the elements of a list. Each element takes at least one
    /// byte, so there cannot be more elements than bytes.
    pub(super) fn list(&mut self, kind: ThriftType) -> Result<(ThriftType, usize)> {
        if !matches!(kind, ThriftType::List | ThriftType::Set) {
            return self.malformed("expected a list");
        }
        let header = self.byte()?;
        if header == 0 {
            // Some writers give an empty list no type.
            return Ok((ThriftType::Byte, 0));
        }
        let count = match header >> 4 {
            15 => self.varint(31)?,
            count => u64::from(count),
        };
        let of = self.kind(header & 0x0f)?;
        if matches!(of, ThriftType::Bool(_)) {
            return self.malformed("a list of booleans");
        }
        Ok((of, self.counted(count)?))
    }

    /// Reads a whole number of a field that holds `bits` bits.
    pub(super) fn whole(&mut self, kind: ThriftType, bits: u32) -> Result<i64> {
        match kind {
            ThriftType::Whole(_) => self.signed(bits),
            _ => self.malformed("expected a whole number"),
        }
    }

    /// Reads a whole number of 32 bits.
    pub(super) fn i32(&mut self, kind: ThriftType) -> Result<i32> {
        let value = self.whole(kind, 32)?;
        i32::try_from(value).or_else(|_| self.malformed(TOO_LARGE))
    }

    /// Reads a string of bytes.
    pub(super) fn binary(&mut self, kind: ThriftType) -> Result<&'a [u8]> {
        if kind != ThriftType::Binary {
            return self.malformed("expected a string");
        }
        let len = self.varint(31)?;
        let len = self.counted(len)?;
        self.bytes(len)
    }

    /// Skips a value of any type.
    pub(super) fn skip(&mut self, kind: ThriftType) -> Result<()> {
        match kind {
            ThriftType::Bool(_) => Ok(()),
            ThriftType::Byte => self.byte().map(drop),
            ThriftType::Whole(bits) => self.signed(bits).map(drop),
            ThriftType::Double => self.bytes(8).map(drop),
            ThriftType::Uuid => self.bytes(16).map(drop),
            ThriftType::Binary => self.binary(kind).map(drop),
            ThriftType::Struct => self.fields(|compact, _, kind| compact.skip(kind)),
            ThriftType::List | ThriftType::Set => {
                let (of, count) = self.list(kind)?;
                self.deeper(|compact| (0..count).try_for_each(|_| compact.skip(of)))
            }
            ThriftType::Map => self.skip_map(),
        }
    }

    fn skip_map(&mut self) -> Result<()> {
        let count = self.varint(31)?;
        let count = self.counted(count)?;
        if count == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        let kinds = [self.kind(kinds >> 4)?, self.kind(kinds & 0x0f)?];
        if kinds.iter().any(|kind| matches!(kind, ThriftType::Bool(_))) {
            return self.malformed("a map of booleans");
        }
        self.deeper(|compact| {
            (0..count).try_for_each(|_| kinds.iter().try_for_each(|kind| compact.skip(*kind)))
        })
    }

    /// Returns an error at the current position.
    pub(super) fn malformed<T>(&self, what: &'static str) -> Result<T> {
        Err(Malformed {
            at: self.at(),
            what,
        })
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH_MAX {
            return self.malformed("values nested too deep");
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn kind(&self, number: u8) -> Result<ThriftType> {
        Ok(match number {
            1 => ThriftType::Bool(true),
            2 => ThriftType::Bool(false),
            3 => ThriftType::Byte,
            4 => ThriftType::Whole(16),
            5 => ThriftType::Whole(32),
            6 => ThriftType::Whole(64),
            7 => ThriftType::Double,
            8 => ThriftType::Binary,
            9 => ThriftType::List,
            10 => ThriftType::Set,
            11 => ThriftType::Map,
            12 => ThriftType::Struct,
            13 => ThriftType::Uuid,
            _ => return self.malformed("an unknown type"),
        })
    }

    /// Checks a count of elements that take at least one byte each.
    fn counted(&self, count: u64) -> Result<usize> {
        match usize::try_from(count) {
            Ok(count) if count <= self.rest.len() => Ok(count),
            _ => self.malformed(CUT_SHORT),
        }
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.bytes(1)?[0])
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        let Some((bytes, rest)) = self.rest.split_at_checked(len) else {
            return self.malformed(CUT_SHORT);
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads a signed whole number of `bits` bits in zigzag form.
    fn signed(&mut self, bits: u32) -> Result<i64> {
        let value = self.varint(bits)?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Reads a whole number of at most `bits` bits, in no more bytes than necessary.
    fn varint(&mut self, bits: u32) -> Result<u64> {
        let mut value = 0;
        for shift in (0..bits).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if bits - shift < 7 && part >> (bits - shift) > 0 {
                return self.malformed(TOO_LARGE);
            }
            value |= part << shift;
            if byte < 0x80 {
                if byte == 0 && shift > 0 {
                    return self.malformed("a number longer than necessary");
                }
                return Ok(value);
            }
        }
        self.malformed(TOO_LARGE)
    }
}

impl Malformed {
    /// Whether the bytes are valid so far, and only more bytes are missing.
    pub(super) fn is_cut_short(self) -> bool {
        self.what == CUT_SHORT
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

const STOP: u8 = 0;

const CUT_SHORT: &str = "more data declared than present";

const TOO_LARGE: &str = "a number too large for its field";

#[cfg(test)]
mod tests {
    use super::*;

    /// Skips one struct and compares the error, if any.
    #[track_caller]
    fn check(bytes: &[u8], expected: Option<&str>) {
        let mut compact = Compact::new(bytes);
        let found = compact.skip(ThriftType::Struct).err();
        assert_eq!(found.map(|found| found.what), expected, "{bytes:?}");
        assert!(expected.is_some() || compact.at() == bytes.len());
    }

    #[test]
    fn every_type_is_skipped() {
        let fields: [&[u8]; 14] = [
            &[0x11],                               // true
            &[0x12],                               // false
            &[0x13, 0xff],                         // a byte
            &[0x14, 0x01],                         // -1 of 16 bits
            &[0x15, 0xff, 0xff, 0xff, 0xff, 0x0f], // the minimum of 32 bits
            &[0x16, 0x80, 0x01],                   // 64
            &[0x17, 0, 0, 0, 0, 0, 0, 0, 0],       // a double
            &[0x18, 2, b'a', b'b'],                // a string
            &[0x19, 0x25, 2, 4],                   // a list of numbers
            &[0x19, 0x00],                         // an empty list without a type
            &[0x1a, 0xf5, 0x01, 2],                // a set with its number after it
            &[0x1b, 0],                            // an empty map
            &[0x1b, 1, 0x58, 2, 1, b'v'],          // a map
            &[0x0c, 0xd0, 0x0f, 0x00],             // field 1000, an empty struct
        ];
        let mut bytes = fields.concat();
        bytes.push(STOP);
        check(&bytes, None);
        for len in 0..bytes.len() {
            check(&bytes[..len], Some(CUT_SHORT));
        }
    }

    #[test]
    fn ambiguous_bytes_are_refused() {
        let unknown = "an unknown type";
        check(&[0x1e, 0], Some(unknown));
        check(&[0x10, 0], Some(unknown)); // an end with a field number
        check(&[0x19, 0x1f, 0, 0], Some(unknown));
        let longer = "a number longer than necessary";
        check(&[0x15, 0x82, 0x00, 0], Some(longer));
        check(&[0x19, 0xf5, 0x81, 0x00, 0, 0], Some(longer));
        let i32_of_33_bits = [0x15, 0xff, 0xff, 0xff, 0xff, 0x1f, 0];
        check(&i32_of_33_bits, Some(TOO_LARGE));
        let i64_of_65_bits = [&[0x16][..], &[0xff; 9], &[0x02, 0]].concat();
        check(&i64_of_65_bits, Some(TOO_LARGE));
        check(
            &[&[0x16][..], &[0x80; 12], &[0, 0]].concat(),
            Some(TOO_LARGE),
        );
        let order = "a field repeated or out of order";
        check(&[0x15, 2, 0x05, 2, 2, 0], Some(order)); // field 1 again
        check(&[0x05, 1, 2, 0], Some(order)); // field -1
        check(&[0x19, 0x12, 1, 0], Some("a list of booleans"));
        check(&[0x1b, 1, 0x21, 1, 1, 0], Some("a map of booleans"));
    }

    #[test]
    fn counts_larger_than_the_bytes_present_are_refused() {
        let most = [0xff, 0xff, 0xff, 0xff, 0x07];
        check(&[&[0x18][..], &most].concat(), Some(CUT_SHORT));
        check(&[&[0x1b][..], &most, &[0x55]].concat(), Some(CUT_SHORT));
        for kind in [0xf3, 0xf5, 0xf8, 0xfc] {
            check(&[&[0x19, kind][..], &most].concat(), Some(CUT_SHORT));
        }
        let beyond = [0xff, 0xff, 0xff, 0xff, 0x0f];
        check(&[&[0x18][..], &beyond].concat(), Some(TOO_LARGE));
    }

    #[test]
    fn nested_values_are_read_to_a_limited_depth() {
        for (inside, nested) in [(0x1c, "structs"), (0x19, "lists")] {
            let mut bytes = vec![inside; 1];
            bytes.resize(100_000, if inside == 0x19 { 0x19 } else { inside });
            let found = Compact::new(&bytes).skip(ThriftType::Struct).unwrap_err();
            assert_eq!(found.what, "values nested too deep", "{nested}");
        }
    }
}
