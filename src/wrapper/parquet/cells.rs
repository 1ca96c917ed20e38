//! One column of some rows, each value as the text that a log would have.
//!
//! Tables say of each column what it holds, and tools that write them again
//! change that: numbers as text or as floating point, times as timestamps. All
//! become the same text here. What no field can be, such as a list, is none.

use std::fmt::Display;
use std::io::Write as _;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::super::batch::unbroken;

/// The values of a column.
pub(super) struct Cells<'a> {
    array: &'a dyn Array,
    write: Write<'a>,
}

impl<'a> Cells<'a> {
    /// Those of `array`; none if it holds what no field can be.
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
        Some(Self { array, write })
    }

    /// Writes the value of a row as one cell; nothing where there is none.
    pub(super) fn write(&self, row: usize, text: &mut Vec<u8>) {
        // Behind a null stands whatever was in the memory.
        if self.array.is_valid(row) {
            (self.write)(row, text);
        }
    }
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

/// Timestamps of so many units a second.
fn time<T: ArrowPrimitiveType<Native = i64>>(array: &dyn Array, units: i64) -> Option<Write<'_>> {
    let array = array.as_primitive_opt::<T>()?;
    Some(Box::new(move |row, text| {
        put_time(array.value(row), units, text);
    }))
}

/// Writes a time as AWS does, in Unix seconds, if these tell all of it.
///
/// What is no whole second, or too large to pass for seconds where it is read, is
/// written in ISO 8601.
fn put_time(value: i64, units: i64, text: &mut Vec<u8>) {
    let (seconds, rest) = (value.div_euclid(units), value.rem_euclid(units));
    if rest == 0 && (0..=i64::from(i32::MAX)).contains(&seconds) {
        return put_whole(seconds, text);
    }
    let nanoseconds = i128::from(value) * i128::from(1_000_000_000 / units);
    match jiff::Timestamp::from_nanosecond(nanoseconds) {
        Ok(instant) => put(&instant, text),
        Err(_) => put_whole(value, text), // for the record stage to refuse
    }
}

fn put_whole(value: impl itoa::Integer, text: &mut Vec<u8>) {
    text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn put(value: &dyn Display, text: &mut Vec<u8>) {
    let _ = write!(text, "{value}"); // a Vec takes anything
}

/// Writes text without what would end the cell.
fn put_text(value: &[u8], text: &mut Vec<u8>) {
    if value.iter().all(u8::is_ascii_graphic) {
        return text.extend_from_slice(value);
    }
    let value = String::from_utf8_lossy(value);
    let mut octets = [0; 4];
    for character in value.trim().chars().map(unbroken) {
        text.extend_from_slice(character.encode_utf8(&mut octets).as_bytes());
    }
}
