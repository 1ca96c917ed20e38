//! Builds columns of any type from texts, numbers and JSON.
//!
//! A value that is not of the column's type is null, as in Athena.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, ListBuilder, NullBuilder,
    StringViewBuilder,
};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_schema::{DataType, Fields};

use super::column::{ColumnType, TableColumn};
use crate::event::{ObjectMembers, for_each_element, scalar};

/// The values of one column, row after row.
pub(super) enum ColumnValues {
    Boolean(BooleanBuilder),
    Int(Int32Builder),
    BigInt(Int64Builder),
    Double(Float64Builder),
    Text(StringViewBuilder),
    Struct(StructValues),
    List(Box<ListValues>),
}

/// Values of a struct.
pub(super) struct StructValues {
    members: &'static [TableColumn],
    values: Vec<ColumnValues>,
    valid: Vec<bool>,
}

/// Values of an array.
pub(super) struct ListValues {
    element: ColumnType,
    values: Box<ColumnValues>,
    lengths: ListLengths,
}

/// How many elements each list has, and which lists are null: lists of nothing.
type ListLengths = ListBuilder<NullBuilder>;

impl ColumnValues {
    /// Creates an empty column with room for about this many rows.
    pub(super) fn new(kind: ColumnType, rows: usize) -> Self {
        match kind {
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            ColumnType::Int => Self::Int(Int32Builder::with_capacity(rows)),
            ColumnType::BigInt => Self::BigInt(Int64Builder::with_capacity(rows)),
            ColumnType::Double => Self::Double(Float64Builder::with_capacity(rows)),
            ColumnType::Text => Self::Text(StringViewBuilder::with_capacity(rows)),
            ColumnType::Struct(members) => Self::Struct(StructValues {
                members,
                values: members
                    .iter()
                    .map(|member| Self::new(member.kind, rows))
                    .collect(),
                valid: Vec::with_capacity(rows),
            }),
            ColumnType::List(element) => Self::List(Box::new(ListValues {
                element: *element,
                values: Box::new(Self::new(*element, 0)),
                lengths: ListLengths::new(NullBuilder::new()),
            })),
        }
    }

    /// Adds a null.
    pub(super) fn put_null(&mut self) {
        match self {
            Self::Boolean(values) => values.append_null(),
            Self::Int(values) => values.append_null(),
            Self::BigInt(values) => values.append_null(),
            Self::Double(values) => values.append_null(),
            Self::Text(values) => values.append_null(),
            Self::Struct(value) => {
                value.values.iter_mut().for_each(Self::put_null);
                value.valid.push(false);
            }
            Self::List(value) => value.lengths.append(false),
        }
    }

    /// Adds the value that a text is, which is null if the column is of numbers and the text is not
    /// one.
    pub(super) fn put_text(&mut self, text: Option<&str>) {
        let Some(text) = text else {
            return self.put_null();
        };
        match self {
            Self::Boolean(values) => values.append_option(text.parse().ok()),
            Self::Int(values) => {
                values.append_option(whole(text).and_then(|number| i32::try_from(number).ok()));
            }
            Self::BigInt(values) => values.append_option(whole(text)),
            Self::Double(values) => values.append_option(decimal(text)),
            Self::Text(values) => values.append_value(text),
            Self::Struct(_) | Self::List(_) => self.put_null(),
        }
    }

    /// Adds a number.
    pub(super) fn put_number(&mut self, number: Option<i64>) {
        match self {
            Self::Int(values) => {
                values.append_option(number.and_then(|number| i32::try_from(number).ok()));
            }
            Self::BigInt(values) => values.append_option(number),
            _ => self.put_text(number.map(|number| number.to_string()).as_deref()),
        }
    }

    /// Adds a truth value.
    pub(super) fn put_truth(&mut self, is_true: bool) {
        match self {
            Self::Boolean(values) => values.append_value(is_true),
            _ => self.put_text(Some(if is_true { "true" } else { "false" })),
        }
    }

    /// Adds a list of texts.
    pub(super) fn put_texts<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        let Self::List(value) = self else {
            return self.put_null();
        };
        for text in texts {
            value.values.put_text(Some(text));
            value.lengths.values().append_null();
        }
        value.lengths.append(true);
    }

    /// Adds the value that a JSON text is. In a column of text, a string is its text, and anything
    /// else is the JSON text itself.
    pub(super) fn put_json(&mut self, json: Option<&str>) {
        let Some(json) = json.filter(|json| *json != "null") else {
            return self.put_null();
        };
        match self {
            Self::Struct(value) => value.put_json(json),
            Self::List(value) => value.put_json(json),
            _ => self.put_text(Some(&scalar(json).unwrap_or(Cow::Borrowed(json)))),
        }
    }

    /// Returns the column.
    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut values) => Arc::new(values.finish()),
            Self::Int(mut values) => Arc::new(values.finish()),
            Self::BigInt(mut values) => Arc::new(values.finish()),
            Self::Double(mut values) => Arc::new(values.finish()),
            Self::Text(mut values) => Arc::new(values.finish()),
            Self::Struct(value) => value.finish(),
            Self::List(value) => value.finish(),
        }
    }
}

impl StructValues {
    fn put_json(&mut self, json: &str) {
        let found = ObjectMembers::of(json);
        self.valid.push(found.is_some());
        for (member, values) in self.members.iter().zip(&mut self.values) {
            let value = found
                .as_ref()
                .and_then(|found| member_of(found, member.name));
            values.put_json(value);
        }
    }

    fn finish(self) -> ArrayRef {
        let fields: Fields = self.members.iter().map(TableColumn::arrow).collect();
        let columns = self.values.into_iter().map(ColumnValues::finish).collect();
        let array = StructArray::try_new(fields, columns, Some(self.valid.into()));
        Arc::new(array.expect("members of one length and of the struct's types"))
    }
}

impl ListValues {
    fn put_json(&mut self, json: &str) {
        let is_list = json.starts_with('[');
        if is_list {
            for_each_element(json, |element| {
                self.values.put_json(Some(element));
                self.lengths.values().append_null();
                true
            });
        }
        self.lengths.append(is_list);
    }

    fn finish(mut self) -> ArrayRef {
        let DataType::List(field) = ColumnType::list_of(self.element) else {
            unreachable!("a list's type")
        };
        let (_, offsets, _, valid) = self.lengths.finish().into_parts();
        let array = ListArray::try_new(field, offsets, self.values.finish(), valid);
        Arc::new(array.expect("offsets that rise and end at the last element"))
    }
}

/// Returns the JSON text of a member, whatever the case of its name: the tables have names in lower
/// case, and logs in camel case.
pub(super) fn member_of<'a>(members: &ObjectMembers<'a>, name: &str) -> Option<&'a str> {
    let mut all = members.iter();
    let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// Parses a whole number. Tools write those of JSON with a point too.
fn whole(text: &str) -> Option<i64> {
    let with_point = || {
        let number = decimal(text).filter(|number| number.fract() == 0.0)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole, and no larger than what is exact"
        )]
        (number.abs() < 9e15).then_some(number as i64)
    };
    text.parse().ok().or_else(with_point)
}

/// Parses a decimal number; words such as `NaN` are none.
fn decimal(text: &str) -> Option<f64> {
    let is_of_number =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    let is_number = text.bytes().all(is_of_number);
    is_number
        .then(|| text.parse().ok())?
        .filter(|number: &f64| number.is_finite())
}
