//! A column of a table: its name, and its type in Athena and in Arrow.

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// The name, in lower case.
    pub name: &'static str,
    /// The type.
    pub kind: ColumnType,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `boolean`.
    Boolean,
    /// `int`: 32 bits.
    Int,
    /// `bigint`: 64 bits.
    BigInt,
    /// `double`.
    Double,
    /// `string`.
    Text,
    /// `struct<…>`.
    Struct(&'static [TableColumn]),
    /// `array<…>`.
    List(&'static Self),
}

impl TableColumn {
    /// Creates a column.
    pub const fn new(name: &'static str, kind: ColumnType) -> Self {
        Self { name, kind }
    }

    /// Returns the column as a field of an Arrow schema. All columns may be null.
    pub fn arrow(&self) -> ArrowField {
        ArrowField::new(self.name, self.kind.arrow(), true)
    }
}

impl ColumnType {
    /// Returns the type of an Arrow array with such values.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Text => DataType::Utf8View,
            Self::Struct(members) => {
                DataType::Struct(members.iter().map(TableColumn::arrow).collect::<Fields>())
            }
            Self::List(element) => Self::list_of(*element),
        }
    }

    /// Returns the type of a list of such values.
    pub(super) fn list_of(element: Self) -> DataType {
        DataType::List(Arc::new(ArrowField::new("item", element.arrow(), true)))
    }

    /// Returns the type as a table definition for Athena has it.
    pub fn athena(self) -> String {
        match self {
            Self::Boolean => "boolean".to_owned(),
            Self::Int => "int".to_owned(),
            Self::BigInt => "bigint".to_owned(),
            Self::Double => "double".to_owned(),
            Self::Text => "string".to_owned(),
            Self::Struct(members) => {
                let members = members
                    .iter()
                    .map(|member| format!("{}:{}", member.name, member.kind.athena()));
                format!("struct<{}>", members.collect::<Vec<_>>().join(","))
            }
            Self::List(element) => format!("array<{}>", element.athena()),
        }
    }
}
