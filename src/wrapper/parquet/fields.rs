//! The structs of a footer: the type of each field, and the memory that each element takes.
//!
//! Source: `parquet.thrift` of the Parquet format, whose names are used here. The tables hold every
//! field that the `parquet` crate reads. Other fields are skipped, as the crate does.

use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};

use super::thrift::{Compact, Malformed, ThriftType};

type Result<T> = std::result::Result<T, Malformed>;

/// Maximum memory in bytes that the crate may use for a footer. It is enough for 1,500 row groups
/// of 40 columns.
const ROOM: usize = 64 << 20;

/// The remaining memory for the data that the crate builds from a footer.
pub(super) struct FooterRoom(usize);

impl FooterRoom {
    pub(super) fn new() -> Self {
        Self(ROOM)
    }

    /// Reserves `len` bytes.
    pub(super) fn take(&mut self, compact: &Compact<'_>, len: usize) -> Result<()> {
        match self.0.checked_sub(len) {
            Some(left) => self.0 = left,
            None => return compact.malformed("more than 64 MiB of memory needed"),
        }
        Ok(())
    }
}

/// The type of a field.
pub(super) enum Shape {
    Bool,
    Byte,
    /// A whole number of this many bits.
    Whole(u32),
    Wholes(u32),
    Double,
    Binary,
    Binaries,
    Struct(Fields),
    /// A list of structs, each of which takes this many bytes of memory.
    Structs(Fields, usize),
}

/// The fields of a struct, by their numbers.
pub(super) type Fields = &'static [(i16, Shape)];

/// Reads the value of a field of a struct with these fields.
pub(super) fn field(
    compact: &mut Compact<'_>,
    room: &mut FooterRoom,
    fields: Fields,
    id: i16,
    kind: ThriftType,
) -> Result<()> {
    let Some((_, shape)) = fields.iter().find(|(known, _)| *known == id) else {
        return compact.skip(kind);
    };
    let is_right = match shape {
        Shape::Bool => matches!(kind, ThriftType::Bool(_)),
        Shape::Byte => kind == ThriftType::Byte,
        Shape::Double => kind == ThriftType::Double,
        Shape::Binary => kind == ThriftType::Binary,
        Shape::Struct(_) => kind == ThriftType::Struct,
        Shape::Whole(_) | Shape::Wholes(_) | Shape::Binaries | Shape::Structs(..) => true,
    };
    if !is_right {
        return compact.malformed("a field of the wrong type");
    }
    match shape {
        Shape::Bool | Shape::Byte | Shape::Double | Shape::Binary => compact.skip(kind),
        Shape::Whole(bits) => compact.whole(kind, *bits).map(drop),
        Shape::Wholes(bits) => {
            let (of, count) = compact.list(kind)?;
            room.take(compact, count * size_of::<i64>())?;
            (0..count).try_for_each(|_| compact.whole(of, *bits).map(drop))
        }
        Shape::Binaries => {
            let (of, count) = compact.list(kind)?;
            (0..count).try_for_each(|_| compact.binary(of).map(drop))
        }
        Shape::Struct(inner) => {
            compact.fields(|compact, id, kind| field(compact, room, inner, id, kind))
        }
        Shape::Structs(inner, len) => {
            let each = |compact: &mut Compact<'_>| {
                room.take(compact, *len)?;
                compact.fields(|compact, id, kind| field(compact, room, inner, id, kind))
            };
            compact.structs(kind, each).map(drop)
        }
    }
}

/// `FileMetaData` without the schema.
pub(super) const FILE: Fields = &[
    (1, Shape::Whole(32)),
    (3, Shape::Whole(64)),
    (4, Shape::Structs(ROW_GROUP, size_of::<RowGroupMetaData>())),
    (5, Shape::Structs(KEY_VALUE, size_of::<KeyValue>())),
    (6, Shape::Binary),
    (7, Shape::Structs(COLUMN_ORDER, 8)),
];

/// `SchemaElement` without its name and its number of members.
pub(super) const SCHEMA_ELEMENT: Fields = &[
    (1, Shape::Whole(32)),
    (2, Shape::Whole(32)),
    (3, Shape::Whole(32)),
    (6, Shape::Whole(32)),
    (7, Shape::Whole(32)),
    (8, Shape::Whole(32)),
    (9, Shape::Whole(32)),
    (10, Shape::Struct(LOGICAL_TYPE)),
];

const LOGICAL_TYPE: Fields = &[
    (1, Shape::Struct(&[])),
    (2, Shape::Struct(&[])),
    (3, Shape::Struct(&[])),
    (4, Shape::Struct(&[])),
    (
        5,
        Shape::Struct(&[(1, Shape::Whole(32)), (2, Shape::Whole(32))]),
    ),
    (6, Shape::Struct(&[])),
    (7, Shape::Struct(TIME)),
    (8, Shape::Struct(TIME)),
    (10, Shape::Struct(&[(1, Shape::Byte), (2, Shape::Bool)])),
    (11, Shape::Struct(&[])),
    (12, Shape::Struct(&[])),
    (13, Shape::Struct(&[])),
    (14, Shape::Struct(&[])),
    (15, Shape::Struct(&[])),
    (16, Shape::Struct(&[(1, Shape::Byte)])),
    (17, Shape::Struct(&[(1, Shape::Binary)])),
    (
        18,
        Shape::Struct(&[(1, Shape::Binary), (2, Shape::Whole(32))]),
    ),
];

/// `TimeType` and `TimestampType`.
const TIME: Fields = &[
    (1, Shape::Bool),
    (
        2,
        Shape::Struct(&[
            (1, Shape::Struct(&[])),
            (2, Shape::Struct(&[])),
            (3, Shape::Struct(&[])),
        ]),
    ),
];

const ROW_GROUP: Fields = &[
    (
        1,
        Shape::Structs(COLUMN_CHUNK, size_of::<ColumnChunkMetaData>()),
    ),
    (2, Shape::Whole(64)),
    (3, Shape::Whole(64)),
    (
        4,
        Shape::Structs(
            &[(1, Shape::Whole(32)), (2, Shape::Bool), (3, Shape::Bool)],
            8,
        ),
    ),
    (5, Shape::Whole(64)),
    (6, Shape::Whole(64)),
    (7, Shape::Whole(16)),
];

const COLUMN_CHUNK: Fields = &[
    (1, Shape::Binary),
    (2, Shape::Whole(64)),
    (3, Shape::Struct(COLUMN)),
    (4, Shape::Whole(64)),
    (5, Shape::Whole(32)),
    (6, Shape::Whole(64)),
    (7, Shape::Whole(32)),
];

/// `ColumnMetaData`.
const COLUMN: Fields = &[
    (1, Shape::Whole(32)),
    (2, Shape::Wholes(32)),
    (3, Shape::Binaries),
    (4, Shape::Whole(32)),
    (5, Shape::Whole(64)),
    (6, Shape::Whole(64)),
    (7, Shape::Whole(64)),
    (8, Shape::Structs(KEY_VALUE, 0)),
    (9, Shape::Whole(64)),
    (10, Shape::Whole(64)),
    (11, Shape::Whole(64)),
    (12, Shape::Struct(STATISTICS)),
    (
        13,
        Shape::Structs(
            &[
                (1, Shape::Whole(32)),
                (2, Shape::Whole(32)),
                (3, Shape::Whole(32)),
            ],
            12,
        ),
    ),
    (14, Shape::Whole(64)),
    (15, Shape::Whole(32)),
    (
        16,
        Shape::Struct(&[
            (1, Shape::Whole(64)),
            (2, Shape::Wholes(64)),
            (3, Shape::Wholes(64)),
        ]),
    ),
    (
        17,
        Shape::Struct(&[(1, Shape::Struct(BOX)), (2, Shape::Wholes(32))]),
    ),
];

const KEY_VALUE: Fields = &[(1, Shape::Binary), (2, Shape::Binary)];

const STATISTICS: Fields = &[
    (1, Shape::Binary),
    (2, Shape::Binary),
    (3, Shape::Whole(64)),
    (4, Shape::Whole(64)),
    (5, Shape::Binary),
    (6, Shape::Binary),
    (7, Shape::Bool),
    (8, Shape::Bool),
];

/// `BoundingBox`.
const BOX: Fields = &[
    (1, Shape::Double),
    (2, Shape::Double),
    (3, Shape::Double),
    (4, Shape::Double),
    (5, Shape::Double),
    (6, Shape::Double),
    (7, Shape::Double),
    (8, Shape::Double),
];

const COLUMN_ORDER: Fields = &[(1, Shape::Struct(&[]))];
