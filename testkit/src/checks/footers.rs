//! Parquet files whose footers were changed value by value.
//!
//! Bytes changed at random seldom get past the first field of a footer. So the footer of a good
//! file is read into a tree, the fuzzer's input says what to change in it, and what is written
//! again is still Thrift, but for what was made wrong on purpose.

use super::reading;

/// Good files, one of which the first byte chooses.
const FILES: [&[u8]; 4] = [
    include_bytes!("../../../fuzz/seeds/parquet/aws_gzip.bin"),
    include_bytes!("../../../fuzz/seeds/parquet/events_zstd.bin"),
    include_bytes!("../../../fuzz/seeds/parquet/pandas_snappy.bin"),
    include_bytes!("../../../fuzz/seeds/parquet/untold_plain.bin"),
];

/// Bytes that say one change: which value, in two; what to do; and a number, in eight.
const EDIT_LEN: usize = 11;

/// Changes that are made.
const EDITS_MAX: usize = 8;

/// Copies of a value that are made.
const COPIES_MAX: usize = 5_000;

/// Values of a footer, about, beyond which there are no more copies.
const VALUES_MAX: usize = 100_000;

/// A value in a footer, by its type in Thrift's compact protocol.
#[derive(Clone, Debug)]
enum Value {
    /// A boolean, a byte, a double: as it is there.
    Plain(u8, Vec<u8>),
    /// A whole number: its type, what it is, and bytes that it takes more than it has to.
    Whole(u8, i64, usize),
    /// Text, and what to add to its length where that is known.
    Text(Vec<u8>, u64),
    /// The type of its elements, these, and what to add to their number where that is known.
    List(u8, Vec<Self>, u64),
    /// Its fields, with their numbers.
    Struct(Vec<(i16, Self)>),
}

/// A table whose footer was changed as `bytes` say opens, or is refused, and gives no more rows
/// than it says it has.
pub fn parquet_footer(bytes: &[u8]) {
    let Some((choice, edits)) = bytes.split_first() else {
        return;
    };
    let file = FILES[usize::from(*choice) % FILES.len()];
    let (body, footer) = parts(file);
    let mut tree = read(12, &mut &footer[..]);
    for edit in edits.chunks_exact(EDIT_LEN).take(EDITS_MAX) {
        change(&mut tree, edit);
    }
    let mut bytes = body.to_vec();
    write(&tree, &mut bytes);
    let len = u32::try_from(bytes.len() - body.len()).expect("footers are small");
    bytes.extend(len.to_le_bytes());
    bytes.extend(b"PAR1");
    reading::table(&bytes);
}

/// A file without its footer, and the footer.
fn parts(file: &[u8]) -> (&[u8], &[u8]) {
    let (rest, tail) = file.split_at(file.len() - 8);
    let len = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    rest.split_at(rest.len() - len as usize)
}

/// Does what `edit` says to one of the values in `tree`.
fn change(tree: &mut Value, edit: &[u8]) {
    let &[high, low, what, ref argument @ ..] = edit else {
        return;
    };
    let values = count(tree);
    let mut left = usize::from(u16::from_be_bytes([high, low])) % values;
    let value = nth(tree, &mut left).expect("there are so many");
    let number = argument
        .iter()
        .fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    let first = argument[0];
    // So that no tree grows beyond measure.
    let copies = usize::from(u16::from_be_bytes([argument[6], argument[7]])) % COPIES_MAX;
    let copies = copies.min(VALUES_MAX / values);
    match (what % 10, value) {
        (0, Value::Whole(_, whole, _)) => *whole = number.cast_signed(),
        (1, Value::Whole(kind, ..)) => *kind = [3, 4, 5, 6, 7, 8, 12][usize::from(first) % 7],
        (2, Value::Whole(_, _, longer)) => *longer = usize::from(first) % 20,
        (0 | 1, Value::Text(_, more) | Value::List(_, _, more)) => *more = number,
        (2, Value::List(kind, ..)) => *kind = first & 15,
        (3, Value::List(_, elements, _)) => {
            if let Some(last) = elements.last().cloned() {
                elements.extend(std::iter::repeat_n(last, copies));
            }
        }
        (3, Value::Text(text, _)) => text.resize(copies * 64, b'a'),
        (4, Value::List(_, elements, _)) => elements.truncate(usize::from(first) % 3),
        (3, Value::Struct(fields)) => {
            let field = usize::from(first);
            if field < fields.len() {
                fields.remove(field);
            }
        }
        (4, Value::Struct(fields)) => {
            let id = i16::from_be_bytes([first, argument[1]]);
            fields.push((id, Value::Text(vec![0], 0)));
        }
        (5, Value::Struct(fields)) => fields.extend(fields.clone()),
        (5, value) => *value = Value::Plain(first & 15, vec![0; copies % 32]),
        (6, value) => {
            for _ in 0..first {
                *value = Value::Struct(vec![(1, std::mem::replace(value, Value::Struct(vec![])))]);
            }
        }
        (7, value) => *value = Value::List(12, vec![value.clone(); copies], 0),
        (8, value) => *value = Value::Text(argument.to_vec(), 0),
        (_, value) => *value = Value::Whole(5, number.cast_signed(), 0),
    }
}

fn members(value: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match value {
        Value::List(_, elements, _) => Box::new(elements.iter_mut()),
        Value::Struct(fields) => Box::new(fields.iter_mut().map(|(_, value)| value)),
        Value::Plain(..) | Value::Whole(..) | Value::Text(..) => Box::new(std::iter::empty()),
    }
}

/// How many values there are in `value`, with itself.
fn count(value: &mut Value) -> usize {
    1 + members(value).map(count).sum::<usize>()
}

/// The value that comes after `left` others.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    members(value).find_map(|member| nth(member, left))
}

/// Reads a value of a good footer.
fn read(kind: u8, bytes: &mut &[u8]) -> Value {
    match kind {
        1 | 2 => Value::Plain(kind, vec![]),
        3 => Value::Plain(kind, take(bytes, 1)),
        4..=6 => {
            let value = varint(bytes);
            Value::Whole(
                kind,
                (value >> 1).cast_signed() ^ -(value & 1).cast_signed(),
                0,
            )
        }
        7 => Value::Plain(kind, take(bytes, 8)),
        8 => {
            let len = varint(bytes);
            Value::Text(take(bytes, len), 0)
        }
        9 => {
            let header = take(bytes, 1)[0];
            let count = match header >> 4 {
                15 => varint(bytes),
                count => count.into(),
            };
            let elements = (0..count).map(|_| read(header & 15, bytes));
            Value::List(header & 15, elements.collect(), 0)
        }
        _ => {
            let (mut fields, mut id) = (Vec::new(), 0);
            loop {
                let header = take(bytes, 1)[0];
                if header == 0 {
                    return Value::Struct(fields);
                }
                id += i16::from(header >> 4);
                fields.push((id, read(header & 15, bytes)));
            }
        }
    }
}

fn take(bytes: &mut &[u8], len: u64) -> Vec<u8> {
    let len = usize::try_from(len).expect("good footers are small");
    let (front, rest) = bytes.split_at(len);
    *bytes = rest;
    front.to_vec()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let len = bytes.iter().take_while(|byte| **byte > 127).count() + 1;
    let parts = take(bytes, len as u64);
    let parts = parts.iter().rev();
    parts.fold(0, |value, byte| value << 7 | u64::from(byte & 127))
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Plain(kind, _) | Value::Whole(kind, ..) => *kind,
        Value::Text(..) => 8,
        Value::List(..) => 9,
        Value::Struct(_) => 12,
    }
}

fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Plain(_, plain) => bytes.extend(plain),
        Value::Whole(_, number, longer) => {
            put(
                ((number << 1) ^ (number >> 63)).cast_unsigned(),
                *longer,
                bytes,
            );
        }
        Value::Text(text, more) => {
            put((text.len() as u64).wrapping_add(*more), 0, bytes);
            bytes.extend(text);
        }
        Value::List(kind, elements, more) => {
            bytes.push(0xf0 | kind);
            put((elements.len() as u64).wrapping_add(*more), 0, bytes);
            elements.iter().for_each(|element| write(element, bytes));
        }
        Value::Struct(fields) => {
            let mut last = 0;
            for (id, value) in fields {
                match id.checked_sub(last) {
                    Some(step @ 1..=15) => bytes.push(step.to_le_bytes()[0] << 4 | kind(value)),
                    _ => {
                        bytes.push(kind(value));
                        let id = i64::from(*id);
                        put(((id << 1) ^ (id >> 63)).cast_unsigned(), 0, bytes);
                    }
                }
                last = *id;
                write(value, bytes);
            }
            bytes.push(0);
        }
    }
}

/// Writes a number in so many bytes more than it needs.
fn put(mut value: u64, longer: usize, bytes: &mut Vec<u8>) {
    while value > 127 {
        bytes.push(value.to_le_bytes()[0] | 128);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0] | if longer > 0 { 128 } else { 0 });
    if let Some(zeros) = longer.checked_sub(1) {
        bytes.extend(std::iter::repeat_n(128, zeros));
        bytes.push(0);
    }
}
