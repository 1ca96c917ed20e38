//! Validates the footer of a file completely before the `parquet` crate gets it.
//!
//! The crate allocates memory for as many row groups, columns and members of a group as the footer
//! declares, and calls itself recursively for each group inside a group. A footer of a few bytes
//! could end the process that way. So here every field that the crate reads must have the right
//! type, every list must be present, the groups must form one tree of bounded depth, and the memory
//! that the crate would need is added up in advance.
//!
//! The fields of each struct, except for the schema, are in [`fields`](super::fields).

use bytes::Bytes;
use parquet::file::reader::ChunkReader;
use parquet::schema::types::{ColumnDescriptor, Type};

use super::TableError;
use super::fields::{FILE, FooterRoom, SCHEMA_ELEMENT, field};
use super::thrift::{Compact, Malformed, ThriftType};

type Result<T> = std::result::Result<T, Malformed>;

/// Maximum length of a footer in bytes. It takes a few hundred for each column of each row group.
const LEN_MAX: usize = 16 << 20;

/// Maximum nesting of groups. OCSF has five.
const DEPTH_MAX: usize = 64;

/// Reads and validates the footer of a file, and returns its bytes.
pub(super) fn read(source: &impl ChunkReader) -> std::result::Result<Bytes, TableError> {
    let error = |message: String| Err(TableError(message));
    // Parquet format, file: the footer, its length in four bytes, `PAR1`.
    let Some(tail_at) = source.len().checked_sub(TAIL_LEN as u64) else {
        return error("it is too short to have a footer".into());
    };
    let get = |begin, len| {
        let bytes = source.get_bytes(begin, len);
        bytes.map_err(|error| TableError(super::one_line(&error)))
    };
    let tail = get(tail_at, TAIL_LEN)?;
    let Some((len, magic)) = tail.split_first_chunk() else {
        return error("it ends within its footer".into());
    };
    if magic == b"PARE" {
        return error("it is encrypted; decrypt it first".into());
    }
    if magic != b"PAR1" {
        return error("it has no footer at its end and may be truncated".into());
    }
    let len = u32::from_le_bytes(*len) as usize;
    let Some(begin) = tail_at.checked_sub(len as u64) else {
        let all = source.len();
        return error(format!(
            "its footer has a declared length of {len} bytes, but the file has {all}"
        ));
    };
    if len > LEN_MAX {
        let most = LEN_MAX >> 20;
        return error(format!("its footer has {len} bytes, more than {most} MiB"));
    }
    let footer = get(begin, len)?;
    match check(&footer) {
        Ok(()) => Ok(footer),
        Err(malformed) => error(format!("its footer is invalid: {malformed}")),
    }
}

/// Reads a whole footer and returns the first error in it.
fn check(footer: &[u8]) -> Result<()> {
    let mut room = FooterRoom::new();
    let mut compact = Compact::new(footer);
    room.take(&compact, footer.len())?;
    compact.fields(|compact, id, kind| match id {
        SCHEMA => schema(compact, &mut room, kind),
        _ => field(compact, &mut room, FILE, id, kind),
    })
}

/// Reads the elements of a schema. Each declares how many of the next elements are inside it.
fn schema(compact: &mut Compact<'_>, room: &mut FooterRoom, kind: ThriftType) -> Result<()> {
    let mut tree = Tree::default();
    compact.structs(kind, |compact| {
        let (mut name_len, mut child_count) = (0, 0);
        compact.fields(|compact, id, kind| {
            match id {
                NAME => name_len = compact.binary(kind)?.len(),
                CHILD_COUNT => child_count = compact.i32(kind)?,
                _ => field(compact, room, SCHEMA_ELEMENT, id, kind)?,
            }
            Ok(())
        })?;
        let Ok(child_count) = usize::try_from(child_count) else {
            return compact.malformed("a group with a negative number of members");
        };
        match tree.add(name_len, child_count) {
            Ok(len) => room.take(compact, len),
            Err(what) => compact.malformed(what),
        }
    })?;
    if tree.open.iter().any(|group| group.left > 0) {
        return compact.malformed("a group with missing members");
    }
    Ok(())
}

/// The groups of a schema, as far as it has been read.
#[derive(Default)]
struct Tree {
    /// The groups around the next element.
    open: Vec<SchemaGroup>,
    has_root: bool,
}

struct SchemaGroup {
    /// Number of members that have not been read.
    left: usize,
    /// Memory of its path in bytes.
    path_len: usize,
}

impl Tree {
    /// Adds an element. Returns about how many bytes of memory it takes.
    fn add(
        &mut self,
        name_len: usize,
        child_count: usize,
    ) -> std::result::Result<usize, &'static str> {
        while self.open.pop_if(|group| group.left == 0).is_some() {}
        let around = match self.open.last_mut() {
            Some(group) => {
                group.left -= 1;
                group.path_len
            }
            None if self.has_root => return Err("an element outside of all groups"),
            None => 0,
        };
        self.has_root = true;
        // A column keeps the names of all groups that contain it.
        let path_len = around + size_of::<String>() + name_len;
        if child_count == 0 {
            return Ok(ELEMENT_LEN + 2 * path_len);
        }
        if self.open.len() == DEPTH_MAX {
            return Err("groups nested too deep");
        }
        self.open.push(SchemaGroup {
            left: child_count,
            path_len,
        });
        Ok(ELEMENT_LEN + 2 * name_len)
    }
}

/// Length of the footer's length field and the marker after it.
const TAIL_LEN: usize = 8;

/// Number of the field of `FileMetaData` that holds the schema.
const SCHEMA: i16 = 2;

/// Numbers of the fields of `SchemaElement` that hold its name and its number of members.
const NAME: i16 = 4;
const CHILD_COUNT: i16 = 5;

/// Memory of an element of a schema: as it is read, in the tree, as a column, and as a field of the
/// arrays that it becomes.
const ELEMENT_LEN: usize = 2 * size_of::<Type>() + size_of::<ColumnDescriptor>() + 256;

#[cfg(test)]
mod tests {
    use super::*;

    const I32: u8 = 5;
    const I64: u8 = 6;

    fn varint(mut value: u64, bytes: &mut Vec<u8>) {
        while value > 0x7f {
            bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        bytes.push(value.to_le_bytes()[0]);
    }

    /// Returns a footer with a schema of elements with these numbers of members, written as whole
    /// numbers of type `whole`.
    fn footer(counts: &[u32], whole: u8) -> Vec<u8> {
        let mut bytes = vec![0x15, 2, 0x19, 0xfc]; // version 1, a list of structs
        varint(counts.len() as u64, &mut bytes);
        for count in counts {
            bytes.extend([0x48, 1, b'a', 0x10 | whole]); // name, num_children
            varint(u64::from(*count) << 1, &mut bytes);
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }

    #[track_caller]
    fn refused(bytes: &[u8], expected: &str) {
        let found = check(bytes).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn schema_is_one_tree_whatever_type_its_counts_have() {
        let mut side_by_side = vec![1_000];
        side_by_side.resize(1_001, 0);
        for whole in [4, I32, I64] {
            assert_eq!(check(&footer(&[2, 0, 1, 0], whole)), Ok(()));
            assert_eq!(check(&footer(&side_by_side, whole)), Ok(()));
            refused(&footer(&[2, 0], whole), "a group with missing members");
            refused(
                &footer(&[i32::MAX.unsigned_abs(), 0], whole),
                "missing members",
            );
            refused(&footer(&[1, 0, 0], whole), "outside of all groups");
            refused(&footer(&[0, 0], whole), "outside of all groups");
            let deep = [&vec![1; 3_000][..], &[0]].concat();
            refused(&footer(&deep, whole), "groups nested too deep");
        }
        let mut fewer = footer(&[0], I32);
        fewer[9] = 1; // -1
        refused(&fewer, "negative number of members");
        fewer[8] = 0x18; // a string
        refused(&fewer, "expected a whole number");
    }

    #[test]
    fn footer_truncated_anywhere_is_refused() {
        let bytes = footer(&[2, 0, 1, 0], I32);
        for len in 0..bytes.len() {
            refused(&bytes[..len], "more data declared than present");
        }
    }

    #[test]
    fn lists_are_limited_by_the_bytes_present() {
        let most = [0xff, 0xff, 0xff, 0xff, 0x07];
        for field in [0x29, 0x49, 0x59, 0x79] {
            let bytes = [&[field, 0xfc], &most[..]].concat();
            refused(&bytes, "more data declared than present");
            refused(&[field, 0x15, 0, 0], "list of other types than structs");
            refused(&[field - 1, 0, 0], "expected a list");
        }
    }

    #[test]
    fn memory_for_the_footer_is_limited() {
        // Row groups of three bytes each, which take a few hundred bytes in memory.
        let mut bytes = vec![0x49, 0xfc];
        varint(1 << 20, &mut bytes);
        bytes.extend([0x36, 0, 0].repeat(1 << 20));
        refused(&bytes, "more than 64 MiB of memory");
        // A long name of a group, which each of its many columns keeps.
        let mut bytes = vec![0x29, 0xfc];
        varint(10_001, &mut bytes);
        bytes.push(0x48);
        varint(1 << 14, &mut bytes);
        bytes.extend([b'a'; 1 << 14]);
        bytes.push(0x15);
        varint(20_000, &mut bytes);
        bytes.push(0);
        bytes.extend([0x48, 1, b'b', 0].repeat(10_000));
        bytes.push(0);
        refused(&bytes, "more than 64 MiB of memory");
    }

    #[test]
    fn field_of_the_wrong_type_is_refused() {
        refused(&[0x18, 1, b'1', 0], "expected a whole number"); // version
        refused(&[0x65, 2, 0], "the wrong type"); // created_by
        // The same name and number of members, but the logical type is a number.
        refused(
            &[0x29, 0x1c, 0x48, 1, b'a', 0x65, 2, 0, 0],
            "the wrong type",
        );
    }
}
