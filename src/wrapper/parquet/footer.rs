//! A look at the schema in a footer, before the `parquet` crate takes it for true.
//!
//! That crate makes room for as many members as a group says it has, and calls
//! itself once for each group inside a group. A footer of a few octets could
//! end the process: no room for two thousand million members, or no stack. So
//! the counts are looked at first. All other faults of a footer are its to find.
//!
//! Footers are Thrift, in its compact protocol; the schema is the second field of
//! `FileMetaData`, a list of elements that each tell how many of the next are
//! inside (`parquet.thrift`).

use super::TableError;

/// Groups inside groups. OCSF has five.
const DEPTH_MAX: usize = 64;

/// Tells a schema whose counts cannot be true in `footer`.
pub(super) fn check(footer: &[u8]) -> Result<(), TableError> {
    match child_counts(&mut Compact(footer)) {
        Some(counts) if !is_a_tree(&counts) => Err(TableError(
            "its schema contradicts itself or nests too deep".into(),
        )),
        _ => Ok(()),
    }
}

/// Whether no count exceeds what is there, nor the depth what is read.
fn is_a_tree(counts: &[u64]) -> bool {
    let mut left: Vec<u64> = Vec::new();
    for count in counts {
        while left.last() == Some(&0) {
            left.pop();
        }
        if let Some(left) = left.last_mut() {
            *left -= 1;
        }
        if *count > counts.len() as u64 || left.len() > DEPTH_MAX {
            return false;
        }
        if *count > 0 {
            left.push(*count);
        }
    }
    true
}

/// How many elements each element of the schema says it holds; none if that does not show.
fn child_counts(footer: &mut Compact<'_>) -> Option<Vec<u64>> {
    let mut counts = Vec::new();
    let mut id = 0;
    loop {
        let kind = footer.field(&mut id)?;
        if id != SCHEMA {
            footer.skip(kind, DEPTH_MAX)?;
            continue;
        }
        if kind != LIST {
            return None;
        }
        let (_, len) = footer.list()?;
        for _ in 0..len {
            counts.push(child_count(footer)?);
        }
        return Some(counts);
    }
}

fn child_count(footer: &mut Compact<'_>) -> Option<u64> {
    let mut count = 0;
    let mut id = 0;
    loop {
        match footer.field(&mut id)? {
            STOP => return Some(count),
            I32 if id == CHILD_COUNT => count = unzigzag(footer.varint()?)?,
            kind => footer.skip(kind, DEPTH_MAX)?,
        }
    }
}

/// A count; those below zero are for the crate to refuse.
fn unzigzag(value: u64) -> Option<u64> {
    (value & 1 == 0).then_some(value >> 1)
}

/// Thrift's compact protocol, as far as it takes to pass over values.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn octets(&mut self, len: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(len).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            value |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// The type of the next field; `id` is that of the one before, and becomes its own.
    fn field(&mut self, id: &mut u64) -> Option<u8> {
        let header = self.octet()?;
        *id = match header >> 4 {
            0 if header == STOP => *id,
            0 => self.varint()? >> 1,
            step => *id + u64::from(step),
        };
        Some(header & 0x0f)
    }

    /// The type of the elements of a list, and how many there are.
    fn list(&mut self) -> Option<(u8, u64)> {
        let header = self.octet()?;
        let len = match header >> 4 {
            15 => self.varint()?,
            len => u64::from(len),
        };
        Some((header & 0x0f, len))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            1 | 2 => Some(()), // booleans stand in the header
            3 => self.octets(1),
            4..=6 => self.varint().map(drop),
            7 => self.octets(8),
            8 => {
                let len = self.varint()?;
                self.octets(len)
            }
            LIST | 10 => {
                let (kind, len) = self.list()?;
                // In a list a boolean is an octet.
                let kind = kind.max(3);
                (0..len).try_for_each(|_| self.skip(kind, depth))
            }
            12 => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)? {
                        STOP => return Some(()),
                        kind => self.skip(kind, depth)?,
                    }
                }
            }
            _ => None, // no footer holds maps
        }
    }
}

const STOP: u8 = 0;
const I32: u8 = 5;
const LIST: u8 = 9;

/// The number of the field of `FileMetaData` that holds the schema.
const SCHEMA: u64 = 2;

/// The number of the field of `SchemaElement` that counts the elements inside.
const CHILD_COUNT: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer whose schema is elements of so many members each.
    fn footer(counts: &[u32]) -> Vec<u8> {
        let mut octets = vec![0x15, 2, 0x19, 0xfc]; // version 1, a list of structs
        varint(counts.len() as u64, &mut octets);
        for count in counts {
            octets.extend([0x48, 1, b'a', 0x15]); // name, num_children
            varint(u64::from(*count) << 1, &mut octets);
            octets.push(0);
        }
        octets.push(0);
        octets
    }

    fn varint(mut value: u64, octets: &mut Vec<u8>) {
        while value > 0x7f {
            octets.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        octets.push(value.to_le_bytes()[0]);
    }

    #[test]
    fn counts_are_read_past_other_fields() {
        let octets = footer(&[2, 0, 1, 0]);
        assert_eq!(child_counts(&mut Compact(&octets)), Some(vec![2, 0, 1, 0]));
        assert!(check(&octets).is_ok());
    }

    #[test]
    fn group_of_more_members_than_there_are_is_refused() {
        assert!(check(&footer(&[i32::MAX.unsigned_abs(), 0])).is_err());
        assert!(check(&footer(&[2, 0])).is_ok(), "for the crate to find");
    }

    #[test]
    fn groups_inside_each_other_a_million_times_are_refused() {
        assert!(check(&footer(&vec![1; 1_000_000])).is_err());
        let mut side_by_side = vec![1_000];
        side_by_side.resize(1_001, 0);
        assert!(check(&footer(&side_by_side)).is_ok());
    }

    #[test]
    fn footer_that_is_none_is_for_others_to_refuse() {
        let octets = footer(&[2, 0, 1, 0]);
        for len in 0..octets.len() - 1 {
            assert!(check(&octets[..len]).is_ok());
        }
    }
}
