//! Columns of a table, from which records are filled.
//!
//! [`super::cells`] defines which types there are, and which text a log would contain for a value.
//! Whole numbers, times in whole seconds, and texts are passed on unchanged. So is a floating point
//! number that is whole. Everything else is written as text for the record stage to interpret.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};

use super::cells::{self, ValueTexts};
use crate::archive::LINE_LEN_MAX;
use crate::record::{Columns, Filling};

/// Some rows of a table. None of them is too long as a line.
pub struct TableRows {
    arrays: Vec<ArrayRef>,
    /// The names of the columns, if they matter.
    names: Option<Arc<[String]>>,
    /// Values of columns that are not texts, converted to text when first needed.
    written: Vec<OnceLock<ColumnText>>,
}

/// The values of a column as texts, one after the other.
struct ColumnText {
    text: Vec<u8>,
    /// The end of each value.
    ends: Vec<usize>,
}

impl TableRows {
    /// Returns the rows of these columns, or `None` if one of them might be too long as a line.
    pub(super) fn of(arrays: &[ArrayRef]) -> Option<Self> {
        let longest = arrays.iter().map(|array| longest(array));
        (longest.sum::<usize>() <= LINE_LEN_MAX).then(|| Self {
            arrays: arrays.to_vec(),
            names: None,
            written: arrays.iter().map(|_| OnceLock::new()).collect(),
        })
    }

    /// Returns the same rows of columns with these names, of which those of tags may contain blanks.
    pub(super) fn named(mut self, names: &Arc<[String]>) -> Self {
        self.names = Some(Arc::clone(names));
        self
    }
}

impl fmt::Debug for TableRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} table rows", self.row_count())
    }
}

impl Columns for TableRows {
    fn row_count(&self) -> usize {
        self.arrays.first().map_or(0, Array::len)
    }

    fn fill<'a>(&'a self, rows: Range<usize>, records: &mut Filling<'a>) {
        for (column, array) in self.arrays.iter().enumerate() {
            fill(column, array, rows.clone(), records);
        }
    }

    fn text(&self, column: usize, row: usize) -> &[u8] {
        let Some(array) = self.arrays.get(column).filter(|array| row < array.len()) else {
            return b"";
        };
        if let Some(text) = cells::text(array, row) {
            return text;
        }
        let written = self.written[column].get_or_init(|| ColumnText::of(array));
        let begin = row.checked_sub(1).map_or(0, |before| written.ends[before]);
        &written.text[begin..written.ends[row]]
    }

    fn write_lines(&self, rows: &mut dyn Iterator<Item = usize>, text: &mut Vec<u8>) {
        let arrays = self.arrays.iter().enumerate();
        let columns = arrays.map(|(index, array)| {
            let name = self.names.as_ref().and_then(|names| names.get(index));
            ValueTexts::of_column(array, name.map_or("", String::as_str))
        });
        let columns: Vec<_> = columns.collect();
        for row in rows {
            for cells in &columns {
                cells::write(cells.as_ref(), row, text);
                text.push(b' ');
            }
            text.pop();
            text.push(b'\n');
            if text.len() >= LINES_LEN {
                return;
            }
        }
    }
}

impl ColumnText {
    fn of(array: &dyn Array) -> Self {
        let mut written = Self {
            text: Vec::new(),
            ends: Vec::with_capacity(array.len()),
        };
        let cells = ValueTexts::of(array);
        for row in 0..array.len() {
            if let Some(cells) = &cells {
                cells.write(row, &mut written.text);
            }
            written.ends.push(written.text.len());
        }
        written
    }
}

/// Returns an upper limit for the length in bytes of a value as text, with the blank after it.
pub(super) fn longest(array: &dyn Array) -> usize {
    let texts = if let Some(texts) = array.as_string_view_opt() {
        texts.lengths().max()
    } else if let Some(texts) = array.as_binary_view_opt() {
        texts.lengths().max()
    } else if let Some(texts) = array.as_fixed_size_binary_opt() {
        u32::try_from(texts.value_length()).ok()
    } else {
        return NUMBER_LEN_MAX;
    };
    // Each invalid UTF-8 byte becomes three bytes.
    texts.map_or(0, |len| len as usize).saturating_mul(3) + 2
}

fn fill<'a>(column: usize, array: &'a dyn Array, rows: Range<usize>, records: &mut Filling<'a>) {
    let is_done = fill_texts(column, array, &rows, records)
        || fill_numbers::<Int32Type>(column, array, &rows, records, i64::from)
        || fill_numbers::<Int64Type>(column, array, &rows, records, |value| value)
        || fill_numbers::<Int16Type>(column, array, &rows, records, i64::from)
        || fill_numbers::<Int8Type>(column, array, &rows, records, i64::from)
        || fill_numbers::<UInt64Type>(column, array, &rows, records, |value| {
            i64::try_from(value).unwrap_or(ODD)
        })
        || fill_numbers::<UInt32Type>(column, array, &rows, records, i64::from)
        || fill_numbers::<UInt16Type>(column, array, &rows, records, i64::from)
        || fill_numbers::<UInt8Type>(column, array, &rows, records, i64::from)
        || fill_numbers::<Float64Type>(column, array, &rows, records, whole)
        || fill_numbers::<Float32Type>(column, array, &rows, records, |value| {
            if value < WHOLE_BELOW_32 {
                whole(f64::from(value))
            } else {
                ODD
            }
        })
        || fill_times::<TimestampSecondType>(column, array, &rows, records, 1)
        || fill_times::<TimestampMillisecondType>(column, array, &rows, records, 1_000)
        || fill_times::<TimestampMicrosecondType>(column, array, &rows, records, 1_000_000)
        || fill_times::<TimestampNanosecondType>(column, array, &rows, records, 1_000_000_000);
    if !is_done && ValueTexts::of(array).is_some() {
        records.others(column, rows.map(|row| array.is_valid(row)));
    }
}

fn fill_texts<'a>(
    column: usize,
    array: &'a dyn Array,
    rows: &Range<usize>,
    records: &mut Filling<'a>,
) -> bool {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(row));
    let or_none = |row: usize, text: &'a [u8]| if is_null(row) { &b""[..] } else { text };
    let rows = rows.clone();
    if let Some(texts) = array.as_string_view_opt() {
        records.texts(
            column,
            rows.map(|row| or_none(row, texts.value(row).as_bytes())),
        );
    } else if let Some(texts) = array.as_binary_view_opt() {
        records.texts(column, rows.map(|row| or_none(row, texts.value(row))));
    } else if let Some(texts) = array.as_fixed_size_binary_opt() {
        records.texts(column, rows.map(|row| or_none(row, texts.value(row))));
    } else {
        return false;
    }
    true
}

fn fill_numbers<T: ArrowPrimitiveType>(
    column: usize,
    array: &dyn Array,
    rows: &Range<usize>,
    records: &mut Filling<'_>,
    number: impl Fn(T::Native) -> i64,
) -> bool {
    let Some(array) = array.as_primitive_opt::<T>() else {
        return false;
    };
    let values = &array.values()[rows.clone()];
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => records.numbers(column, values.iter().map(|value| Some(number(*value)))),
        Some(nulls) => {
            let values = rows.clone().zip(values);
            let values = values.map(|(row, value)| nulls.is_valid(row).then(|| number(*value)));
            records.numbers(column, values);
        }
    }
    true
}

/// Fills in timestamps of `units` units per second, as the numbers that are written for them.
fn fill_times<T: ArrowPrimitiveType<Native = i64>>(
    column: usize,
    array: &dyn Array,
    rows: &Range<usize>,
    records: &mut Filling<'_>,
    units: i64,
) -> bool {
    fill_numbers::<T>(column, array, rows, records, |value| {
        cells::seconds(value, units).unwrap_or(ODD)
    })
}

/// Converts a floating point number that is written like a whole one.
fn whole(value: f64) -> i64 {
    let is_plain = value.is_sign_positive() && value < WHOLE_BELOW && value.trunc() == value;
    // The value is small enough to be exact.
    #[allow(clippy::cast_possible_truncation)]
    if is_plain { value as i64 } else { ODD }
}

/// The value given for a number that is not plain.
const ODD: i64 = -1;

/// Below these limits, whole floating point numbers of 64 and 32 bits are written digit by digit.
const WHOLE_BELOW: f64 = 9_007_199_254_740_992.0;
const WHOLE_BELOW_32: f32 = 16_777_216.0;

/// Maximum length of a number as text in bytes. Floating point has up to 325 digits.
const NUMBER_LEN_MAX: usize = 512;

/// Number of bytes of lines written at a time.
const LINES_LEN: usize = 64 << 10;

#[cfg(test)]
pub(super) mod tests {

    use arrow_array::{
        BinaryViewArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int8Array,
        Int16Array, Int32Array, Int64Array, ListArray, StringViewArray, TimestampMicrosecondArray,
        TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array,
        UInt16Array, UInt32Array, UInt64Array,
    };
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::record::{
        Column, ColumnRows, Field, Layout, Record, RecordText, Row, RowSource, Rows,
    };

    /// Describes a row with each of its fields by name.
    fn in_words(row: &Row<'_>, layout: &Layout) -> String {
        let record = match row {
            Row::Record(record) | Row::NoData(record) | Row::SkipData(record) => record,
            Row::Fault(fault) => return format!("{:?} {fault}", fault.kind()),
            other => return format!("{other:?} {:?}", layout.columns()),
        };
        let mut in_words = format!(
            "{:?}",
            Record {
                text: RecordText::default(),
                ..*record
            }
        );
        for column in layout.columns() {
            let text = record.get_by_name(layout, column.name());
            in_words += &format!(" {:?}", text.map(String::from_utf8_lossy));
        }
        for (field, text) in record.fields(layout, Field::ALL) {
            in_words += &format!(" {field}={}", text.escape_ascii());
        }
        in_words
    }

    pub(crate) fn all(mut rows: impl RowSource) -> Vec<String> {
        let mut found = Vec::new();
        while let Some((row, layout)) = rows.next_row() {
            found.push(in_words(&row, layout));
        }
        found
    }

    /// Reads the columns as columns and as lines, and checks that the results are equal.
    fn both(layout: Layout, arrays: &[ArrayRef]) -> Vec<String> {
        let table = TableRows::of(arrays).unwrap();
        let columns: Vec<_> = arrays.iter().map(|array| ValueTexts::of(array)).collect();
        let mut text = Vec::new();
        for row in 0..table.row_count() {
            for cells in &columns {
                cells::write(cells.as_ref(), row, &mut text);
                text.push(b' ');
            }
            text.pop();
            text.push(b'\n');
        }
        let layout = Arc::new(layout);
        let by_line = all(Rows::new(&text, Arc::clone(&layout)));
        let by_column = all(ColumnRows::new(&table, layout));
        assert_eq!(by_column, by_line);
        by_column
    }

    fn layout(fields: &[Field]) -> Layout {
        Layout::new(fields.iter().copied().map(Column::Known).collect()).unwrap()
    }

    /// Number of rows in a column.
    pub(crate) const ROWS: usize = 12;

    pub(crate) fn texts() -> impl Strategy<Value = Vec<Option<String>>> {
        let words = select(vec![
            "ACCEPT",
            "REJECT",
            "accept",
            "OK",
            "NODATA",
            "SKIPDATA",
            "ok",
            "ingress",
            "egress",
            "-",
            "",
            "None",
            "null",
            "nan",
            "eni-0123456789abcdef0",
            "vpc-1",
            "10.0.0.1",
            "10.0.1.201",
            "255.255.255.255",
            "2001:db8::1",
            "::ffff:1.2.3.4",
            "01.2.3.4",
            "6",
            "tcp",
            "443",
            "65536",
            "1773475231",
            "1773475231000",
            "1.5",
            "25238.0",
            "-1",
            "srcaddr",
            "dstaddr",
            "start",
            "a b",
            "\u{e4}",
            "#x",
            "\u{7f}",
            " ",
            "99999999999999999999",
            "2026-03-14T08:00:31Z",
            "a,b",
            "\"a\"",
            "\u{feff}version",
        ]);
        let words = words.prop_map(str::to_owned);
        prop::collection::vec(prop::option::weighted(0.9, words), ROWS)
    }

    pub(crate) fn numbers() -> impl Strategy<Value = Vec<Option<i64>>> {
        let value = prop_oneof![
            4 => 0_i64..300,
            1 => 0_i64..70_000,
            1 => 1_773_475_000_i64..1_773_476_000,
            1 => select(vec![-1, i64::MIN, i64::MAX, 1_773_475_231_000, 1 << 31, 1 << 53, 1 << 24]),
        ];
        prop::collection::vec(prop::option::weighted(0.8, value), ROWS)
    }

    fn array() -> impl Strategy<Value = ArrayRef> {
        (0..24_u8, texts(), numbers())
            .prop_map(|(kind, texts, numbers)| make(kind, &texts, numbers))
    }

    pub(crate) fn make(kind: u8, texts: &[Option<String>], numbers: Vec<Option<i64>>) -> ArrayRef {
        let narrow = numbers.iter().copied();
        let floats = || {
            numbers
                .iter()
                .map(|n| n.map(|n| if n == 7 { f64::NAN } else { n as f64 / 4.0 }))
        };
        let whole = || numbers.iter().map(|n| n.map(|n| n as f64));
        let list = || narrow.clone().map(|n| Some([n]));
        match kind {
            0 => Arc::new(Int32Array::from_iter(
                narrow.map(|n| i32::try_from(n?).ok()),
            )),
            1 => Arc::new(Int16Array::from_iter(
                narrow.map(|n| i16::try_from(n?).ok()),
            )),
            2 => Arc::new(Int8Array::from_iter(narrow.map(|n| i8::try_from(n?).ok()))),
            3 => Arc::new(UInt64Array::from_iter(
                narrow.map(|n| n.map(i64::cast_unsigned)),
            )),
            4 => Arc::new(UInt32Array::from_iter(
                narrow.map(|n| u32::try_from(n?).ok()),
            )),
            5 => Arc::new(UInt16Array::from_iter(
                narrow.map(|n| u16::try_from(n?).ok()),
            )),
            6 => Arc::new(UInt8Array::from_iter(narrow.map(|n| u8::try_from(n?).ok()))),
            7 => Arc::new(Float64Array::from_iter(floats())),
            8 => Arc::new(Float64Array::from_iter(whole())),
            9 => Arc::new(Float32Array::from_iter(
                numbers
                    .iter()
                    .map(|n| n.map(|n| n.to_string().parse::<f32>().unwrap())),
            )),
            10 => Arc::new(Decimal128Array::from_iter(
                narrow.map(|n| n.map(i128::from)),
            )),
            11 => Arc::new(BooleanArray::from_iter(narrow.map(|n| n.map(|n| n > 9)))),
            12 => Arc::new(TimestampSecondArray::from_iter(narrow)),
            13 => Arc::new(TimestampMillisecondArray::from_iter(narrow)),
            14 => Arc::new(TimestampMicrosecondArray::from_iter(narrow)),
            15 => Arc::new(TimestampNanosecondArray::from_iter(narrow)),
            16 => Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(list())),
            17 => Arc::new(BinaryViewArray::from_iter(texts.iter().map(
                |t| match t.as_deref() {
                    Some("a b") => Some(&b"\xff\x00"[..]),
                    other => other.map(str::as_bytes),
                },
            ))),
            18 | 19 => Arc::new(Int64Array::from(numbers)),
            _ => Arc::new(StringViewArray::from_iter(
                texts.iter().map(Option::as_deref),
            )),
        }
    }

    #[test]
    fn common_types_are_read_without_writing_a_line() {
        let fields = [
            Field::SrcAddr,
            Field::DstAddr,
            Field::SrcPort,
            Field::Start,
            Field::VpcId,
        ];
        let texts =
            |text: &str| -> ArrayRef { Arc::new(StringViewArray::from_iter_values([text; 2])) };
        let arrays: Vec<ArrayRef> = vec![
            texts("10.0.0.1"),
            texts("10.0.11.255"),
            Arc::new(Float64Array::from(vec![Some(443.0), None])),
            Arc::new(TimestampMillisecondArray::from(vec![1_773_475_231_000; 2])),
            texts("vpc-0123456789"),
        ];
        let table = TableRows::of(&arrays).unwrap();
        let mut rows = ColumnRows::new(&table, Arc::new(layout(&fields)));
        for port in [Some(443), None] {
            let Some((Row::Record(record), _)) = rows.next_row() else {
                panic!("a record");
            };
            assert!(matches!(record.text, RecordText::Row(..)));
            assert_eq!(record.source_port, port);
            assert_eq!(record.start_ns, Some(1_773_475_231_000_000_000));
        }
        both(layout(&fields), &arrays);
    }

    #[test]
    fn header_row_with_another_order_applies_to_the_rows_after_it() {
        let texts =
            |texts: [&str; 3]| -> ArrayRef { Arc::new(StringViewArray::from_iter_values(texts)) };
        let arrays = [
            texts(["10.0.0.1", "dstaddr", "10.0.0.2"]),
            texts(["10.0.0.9", "srcaddr", "10.0.0.8"]),
        ];
        let found = both(layout(&[Field::SrcAddr, Field::DstAddr]), &arrays);
        assert!(found[1].starts_with("Header"), "{found:?}");
        assert!(found[2].contains("source: Some(10.0.0.8)"), "{found:?}");
    }

    #[test]
    fn row_that_may_be_too_long_is_not_read_by_column() {
        let long = "x".repeat(LINE_LEN_MAX / 3);
        let array: ArrayRef = Arc::new(StringViewArray::from_iter_values([long]));
        assert!(TableRows::of(&[array]).is_none());
    }

    proptest! {
        #[test]
        fn any_columns_give_the_same_records_as_their_lines(
            fields in prop::sample::subsequence(crate::record::USED, 1..14).prop_shuffle(),
            arrays in prop::collection::vec(array(), 14),
        ) {
            both(layout(&fields), &arrays[..fields.len()]);
        }

        #[test]
        fn likely_columns_give_the_same_records_as_their_lines(
            arrays in prop::collection::vec(array(), 6),
            addresses in prop::collection::vec(select(vec!["10.0.0.1", "10.1.2.3", "::1", "-"]), ROWS),
        ) {
            let text: ArrayRef = Arc::new(StringViewArray::from_iter_values(addresses));
            let fields = [
                Field::SrcAddr, Field::DstAddr, Field::Start, Field::Bytes, Field::Action,
                Field::InterfaceId, Field::LogStatus, Field::VpcId,
            ];
            let arrays = [&[Arc::clone(&text), text][..], &arrays].concat();
            both(layout(&fields), &arrays);
        }
    }
}
