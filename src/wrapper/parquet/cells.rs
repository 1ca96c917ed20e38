//! The values of one column in some rows, each as the text that a log would contain.
//!
//! Tables declare what each column holds, and tools that rewrite them change that: numbers become
//! text or floating point, times become timestamps. All of these become the same text here. Types
//! that no field can have, such as lists, are not read.

use std::fmt::Display;
use std::io::Write as _;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::record::{Field, tag_cell, unbroken};

/// The values of a column as text.
pub(super) struct ValueTexts<'a> {
    array: &'a dyn Array,
    write: Write<'a>,
    /// Whether these are values of tags, which may contain blanks.
    are_tags: bool,
}

impl<'a> ValueTexts<'a> {
    /// Returns the values of `array`, or `None` if no field can have its type.
    pub(super) fn of(array: &'a dyn Array) -> Option<Self> {
        let write = texts(array)
            .or_else(|| whole::<Int32Type>(array))
            .or_else(|| whole::<Int64Type>(array))
            .or_else(|| whole::<Int16Type>(array))
            .or_else(|| whole::<Int8Type>(array))
            .or_else(|| whole::<UInt64Type>(array))
            .or_else(|| whole::<UInt32Type>(array))
            .or_else(|| whole::<UInt16Type>(array))
            .or_else(|| whole::<UInt8Type>(array))
            .or_else(|| floating::<Float64Type>(array))
            .or_else(|| floating::<Float32Type>(array))
            .or_else(|| decimal(array))
            .or_else(|| truth(array))
            .or_else(|| time::<TimestampSecondType>(array, 1))
            .or_else(|| time::<TimestampMillisecondType>(array, 1_000))
            .or_else(|| time::<TimestampMicrosecondType>(array, 1_000_000))
            .or_else(|| time::<TimestampNanosecondType>(array, 1_000_000_000))?;
        Some(Self {
            array,
            write,
            are_tags: false,
        })
    }

    /// Returns the values of the column with that name.
    pub(super) fn of_column(array: &'a dyn Array, name: &str) -> Option<Self> {
        let are_tags = Field::from_name(name.as_bytes()).is_some_and(Field::is_tag);
        Some(Self {
            are_tags,
            ..Self::of(array)?
        })
    }

    /// Writes the value of a row as one cell, or nothing if there is no value.
    pub(super) fn write(&self, row: usize, text: &mut Vec<u8>) {
        // A null may have any bytes in memory.
        if !self.array.is_valid(row) {
            return;
        }
        match self::text(self.array, row).filter(|_| self.are_tags) {
            Some(value) => {
                let value = String::from_utf8_lossy(value);
                text.extend_from_slice(tag_cell(&value).as_bytes());
            }
            None => (self.write)(row, text),
        }
    }
}

/// Writes the cell of a row: its value, or `-` if there is none.
pub(super) fn write(cells: Option<&ValueTexts<'_>>, row: usize, text: &mut Vec<u8>) {
    let begin = text.len();
    if let Some(cells) = cells {
        cells.write(row, text);
    }
    if text.len() == begin {
        text.push(b'-');
    }
}

/// Returns the value of a row in a text column, without the changes that [`put_text`] would make.
/// The text is empty if there is no value. Returns `None` if the column does not hold text.
pub(super) fn text(array: &dyn Array, row: usize) -> Option<&[u8]> {
    let text = if let Some(texts) = array.as_string_view_opt() {
        texts.value(row).as_bytes()
    } else if let Some(texts) = array.as_binary_view_opt() {
        texts.value(row)
    } else {
        array.as_fixed_size_binary_opt()?.value(row)
    };
    Some(if array.is_valid(row) { text } else { b"" })
}

/// Writes the value of a row.
type Write<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + 'a>;

fn texts(array: &dyn Array) -> Option<Write<'_>> {
    if let Some(array) = array.as_string_view_opt() {
        return Some(Box::new(|row, text| {
            put_text(array.value(row).as_bytes(), text);
        }));
    }
    if let Some(array) = array.as_binary_view_opt() {
        return Some(Box::new(|row, text| put_text(array.value(row), text)));
    }
    let array = array.as_fixed_size_binary_opt()?;
    Some(Box::new(|row, text| put_text(array.value(row), text)))
}

fn whole<T: ArrowPrimitiveType<Native: itoa::Integer>>(array: &dyn Array) -> Option<Write<'_>> {
    let array = array.as_primitive_opt::<T>()?;
    Some(Box::new(|row, text| put_whole(array.value(row), text)))
}

fn floating<T: ArrowPrimitiveType<Native: Display>>(array: &dyn Array) -> Option<Write<'_>> {
    let array = array.as_primitive_opt::<T>()?;
    Some(Box::new(|row, text| put(&array.value(row), text)))
}

fn decimal(array: &dyn Array) -> Option<Write<'_>> {
    let array = array.as_primitive_opt::<Decimal128Type>()?;
    Some(Box::new(|row, text| put(&array.value_as_string(row), text)))
}

fn truth(array: &dyn Array) -> Option<Write<'_>> {
    let array = array.as_boolean_opt()?;
    Some(Box::new(|row, text| put(&array.value(row), text)))
}

/// Writes timestamps of `units` units per second.
fn time<T: ArrowPrimitiveType<Native = i64>>(array: &dyn Array, units: i64) -> Option<Write<'_>> {
    let array = array.as_primitive_opt::<T>()?;
    Some(Box::new(move |row, text| {
        put_time(array.value(row), units, text);
    }))
}

/// Writes a time as AWS does, in Unix seconds, if it is a whole number of seconds.
///
/// A time with a fraction, or too large to be recognized as seconds later, is written in ISO 8601.
fn put_time(value: i64, units: i64, text: &mut Vec<u8>) {
    if let Some(seconds) = seconds(value, units) {
        return put_whole(seconds, text);
    }
    let nanoseconds = i128::from(value) * i128::from(1_000_000_000 / units);
    match jiff::Timestamp::from_nanosecond(nanoseconds) {
        Ok(instant) => put(&instant, text),
        Err(_) => put_whole(value, text), // the record stage refuses it
    }
}

/// Returns the Unix seconds that are written for a time.
pub(super) fn seconds(value: i64, units: i64) -> Option<i64> {
    let (seconds, rest) = (value.div_euclid(units), value.rem_euclid(units));
    (rest == 0 && (0..=i64::from(i32::MAX)).contains(&seconds)).then_some(seconds)
}

fn put_whole(value: impl itoa::Integer, text: &mut Vec<u8>) {
    text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn put(value: &dyn Display, text: &mut Vec<u8>) {
    let _ = write!(text, "{value}"); // a Vec takes anything
}

/// Writes text without the characters that would end the cell.
fn put_text(value: &[u8], text: &mut Vec<u8>) {
    if value.iter().all(u8::is_ascii_graphic) {
        return text.extend_from_slice(value);
    }
    let value = String::from_utf8_lossy(value);
    let mut bytes = [0; 4];
    for character in value.trim().chars().map(unbroken) {
        text.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        BinaryViewArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, NullArray,
        StringViewArray, TimestampMillisecondArray, TimestampNanosecondArray,
    };

    use super::*;

    #[track_caller]
    fn check(array: &dyn Array, expected: &[&str]) {
        let cells = ValueTexts::of(array).unwrap();
        let text = |row| {
            let mut text = Vec::new();
            cells.write(row, &mut text);
            String::from_utf8(text).unwrap()
        };
        let texts: Vec<String> = (0..array.len()).map(text).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn numbers_of_any_type_are_written_as_aws_writes_them() {
        check(&Int64Array::from(vec![Some(-1), Some(443)]), &["-1", "443"]);
        let floats = Float64Array::from(vec![25_238.0, 1.6401e9, 0.5, f64::NAN]);
        check(&floats, &["25238", "1640100000", "0.5", "NaN"]);
        let decimals = Decimal128Array::from(vec![1_773_475_231]);
        let decimals = decimals.with_precision_and_scale(20, 0).unwrap();
        check(&decimals, &["1773475231"]);
        check(&BooleanArray::from(vec![true]), &["true"]);
    }

    #[test]
    fn times_are_written_as_seconds_if_that_is_exact() {
        let times = vec![1_773_475_231_000, 1_773_475_231_250, 4_102_444_800_000];
        let expected = [
            "1773475231",
            "2026-03-14T08:00:31.25Z",
            "2100-01-01T00:00:00Z",
        ];
        check(&TimestampMillisecondArray::from(times), &expected);
        let times = TimestampNanosecondArray::from(vec![1_773_475_231_000_000_000, -1]);
        check(&times, &["1773475231", "1969-12-31T23:59:59.999999999Z"]);
    }

    #[test]
    fn text_remains_one_cell() {
        let texts = ["eni-1", " a b\n", "", "\u{e4}"];
        check(
            &StringViewArray::from_iter_values(texts),
            &["eni-1", "a_b", "", "\u{e4}"],
        );
        let bytes: [&[u8]; 2] = [b"OK", b"\xff"];
        check(
            &BinaryViewArray::from_iter_values(bytes),
            &["OK", "\u{fffd}"],
        );
    }

    #[test]
    fn null_is_no_value_whatever_its_bytes_are() {
        let values = vec![Some(7), None];
        let (_, values, nulls) = Int64Array::from(values).into_parts();
        let values: Vec<i64> = values.iter().map(|value| value + 5).collect();
        check(&Int64Array::new(values.into(), nulls), &["12", ""]);
        assert!(ValueTexts::of(&NullArray::new(3)).is_none());
    }
}
