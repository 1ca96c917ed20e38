//! Rows that wait to be written, in as few bytes as their values need.
//!
//! Text is a dictionary whose keys have 8, 16 or 32 bits. Integers that are never negative have the
//! width of the largest. A column without any value has none at all. Everything else stays as it is.
//! Rows that do not fit in memory are written to temporary files as an Arrow stream.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    ArrowPrimitiveType, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int64Array, NullArray, PrimitiveArray, RecordBatch,
    StringArray, UInt32Array, UInt64Array,
};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field as ColumnField, Schema};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::order::RowOrder;

/// Rows of one partition.
#[derive(Clone, Debug)]
pub(super) struct StoredRows {
    /// The columns of the table, narrowed.
    pub columns: Vec<ArrayRef>,
    /// Where each row belongs.
    pub order: RowOrder,
}

impl StoredRows {
    /// Narrows the columns of rows.
    pub(super) fn new(columns: &[ArrayRef], order: RowOrder) -> Self {
        Self {
            columns: columns.iter().map(narrow).collect(),
            order,
        }
    }

    /// Returns the memory that they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let columns = self.columns.iter();
        let columns = columns.map(|column| column.get_buffer_memory_size() + COLUMN_BYTES);
        columns.sum::<usize>() + self.order.bytes()
    }

    /// Returns them as an Arrow stream.
    ///
    /// # Errors
    /// A column has a type that Arrow cannot store.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, ArrowError> {
        let order = &self.order;
        let mut columns = self.columns.clone();
        columns.push(Arc::new(Int64Array::from(order.instants_ns.clone())));
        columns.push(Arc::new(UInt32Array::from(order.files.clone())));
        columns.push(Arc::new(UInt64Array::from(order.lines.clone())));
        let fields = columns.iter().enumerate();
        let fields = fields.map(|(index, column)| {
            ColumnField::new(index.to_string(), column.data_type().clone(), true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        writer.write(&RecordBatch::try_new(schema, columns)?)?;
        writer.into_inner()
    }

    /// Returns the rows of such a stream.
    ///
    /// # Errors
    /// The bytes are not what [`to_bytes`](Self::to_bytes) returned.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, ArrowError> {
        let damaged = || ArrowError::IpcError("temporary data is damaged".to_owned());
        let mut batches = StreamReader::try_new(Cursor::new(bytes), None)?;
        let batch = batches.next().ok_or_else(damaged)??;
        let mut columns = batch.columns().to_vec();
        let mut last = || columns.pop().ok_or_else(damaged);
        let (lines, files, instants) = (last()?, last()?, last()?);
        let values = (
            instants.as_primitive_opt::<Int64Type>(),
            files.as_primitive_opt::<UInt32Type>(),
            lines.as_primitive_opt::<UInt64Type>(),
        );
        let (Some(instants), Some(files), Some(lines)) = values else {
            return Err(damaged());
        };
        let order = RowOrder {
            instants_ns: instants.values().to_vec(),
            files: files.values().to_vec(),
            lines: lines.values().to_vec(),
        };
        Ok(Self { columns, order })
    }
}

/// Measured bytes for a column without its values.
const COLUMN_BYTES: usize = 96;

/// Whether a column of this type is text.
pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Whether a column of this type is an integer.
pub(super) fn is_integer(kind: &DataType) -> bool {
    matches!(kind, DataType::Int32 | DataType::Int64)
}

fn narrow(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        kind if (is_text(kind) || is_integer(kind)) && column.null_count() == column.len() => {
            Arc::new(NullArray::new(column.len()))
        }
        DataType::Utf8 => dictionary(column.as_string::<i32>().iter()),
        DataType::Utf8View => dictionary(column.as_string_view().iter()),
        DataType::Int32 => narrow_integers(column, column.as_primitive::<Int32Type>()),
        DataType::Int64 => narrow_integers(column, column.as_primitive::<Int64Type>()),
        _ => Arc::clone(column),
    }
}

fn dictionary<'t>(texts: impl Iterator<Item = Option<&'t str>>) -> ArrayRef {
    let mut numbers: HashMap<&str, u32, RandomState> = HashMap::default();
    let mut words = StringBuilder::new();
    let keys: UInt32Array = texts
        .map(|text| {
            let text = text?;
            let next = u32::try_from(numbers.len()).ok()?;
            let number = *numbers.entry(text).or_insert(next);
            if number == next {
                words.append_value(text);
            }
            Some(number)
        })
        .collect();
    let words: ArrayRef = Arc::new(words.finish());
    narrow_keys(&keys, &words)
}

fn narrow_keys(keys: &UInt32Array, words: &ArrayRef) -> ArrayRef {
    let words = Arc::clone(words);
    // The values of nulls are any, and are not read.
    if words.len() <= 1 << 8 {
        let keys: PrimitiveArray<UInt8Type> = cut(keys, |key| (key & 0xff) as u8);
        Arc::new(DictionaryArray::new(keys, words))
    } else if words.len() <= 1 << 16 {
        let keys: PrimitiveArray<UInt16Type> = cut(keys, |key| (key & 0xffff) as u16);
        Arc::new(DictionaryArray::new(keys, words))
    } else {
        Arc::new(DictionaryArray::new(keys.clone(), words))
    }
}

fn narrow_integers<T: ArrowPrimitiveType>(column: &ArrayRef, of: &PrimitiveArray<T>) -> ArrayRef
where
    T::Native: Into<i64>,
{
    let values = of.values().iter().map(|value| (*value).into());
    let (least, most) = values.fold((0_i64, 0_i64), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    // Nulls have the value 0.
    match (least, most) {
        (0, 0..=0xff) => {
            Arc::new(cut::<T, UInt8Type>(of, |value| (value.into() & 0xff) as u8)) as ArrayRef
        }
        (0, 0..=0xffff) => Arc::new(cut::<T, UInt16Type>(of, |value| {
            (value.into() & 0xffff) as u16
        })),
        (0, 0..=0xffff_ffff) => Arc::new(cut::<T, UInt32Type>(of, |value| {
            (value.into() & 0xffff_ffff) as u32
        })),
        _ => Arc::clone(column),
    }
}

/// Returns the same values in fewer bits.
fn cut<T: ArrowPrimitiveType, N: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    narrow: impl Fn(T::Native) -> N::Native,
) -> PrimitiveArray<N> {
    let cut: Vec<N::Native> = values.values().iter().map(|value| narrow(*value)).collect();
    PrimitiveArray::new(cut.into(), values.nulls().cloned())
}

/// Returns the words of a text column, if it has any.
pub(super) fn words(column: &ArrayRef) -> Option<&StringArray> {
    let dictionary = column.as_any_dictionary_opt()?;
    dictionary.values().as_string_opt::<i32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(rows: usize) -> RowOrder {
        RowOrder {
            instants_ns: vec![5; rows],
            files: vec![1; rows],
            lines: (1..=rows as u64).collect(),
        }
    }

    #[test]
    fn columns_take_as_many_bits_as_their_values() {
        let integers = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let columns = [
            integers(vec![Some(1), None, Some(255)]),
            integers(vec![Some(1), None, Some(256)]),
            integers(vec![Some(1), None, Some(1 << 16)]),
            integers(vec![Some(1), None, Some(-1)]),
            integers(vec![None; 3]),
            Arc::new(StringArray::from(vec![Some("a"), None, Some("a")])),
        ];
        let stored = StoredRows::new(&columns, order(3));
        let kinds: Vec<String> = stored
            .columns
            .iter()
            .map(|column| column.data_type().to_string())
            .collect();
        assert_eq!(kinds[..5], ["UInt8", "UInt16", "UInt32", "Int64", "Null"]);
        assert_eq!(words(&stored.columns[5]).unwrap().len(), 1);
        assert!(stored.columns[0].is_null(1));
    }

    #[test]
    fn stored_rows_come_back_from_their_bytes() {
        let texts: Vec<String> = (0..300).map(|number| format!("name {number}")).collect();
        let columns = [
            Arc::new(StringArray::from(texts)) as ArrayRef,
            Arc::new(Int64Array::from((0..300).collect::<Vec<_>>())),
            Arc::new(Int64Array::from(vec![None; 300])),
        ];
        let stored = StoredRows::new(&columns, order(300));
        let back = StoredRows::from_bytes(&stored.to_bytes().unwrap()).unwrap();
        assert_eq!(back.columns, stored.columns);
        assert_eq!(back.order.lines, stored.order.lines);
        assert!(StoredRows::from_bytes(b"").is_err());
    }
}
