//! Which column of a line holds which field.

use super::Field;

/// One column of a layout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// A field AWS documents.
    Known(Field),
    /// A column under any other name, carried by that name; `?` if it has none.
    Unknown(String),
}

/// The order of columns in a file, and what stands around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    columns: Vec<Column>,
}

/// Why a `--format` text names no layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Nothing between the quotes.
    #[error("the format names no column")]
    Empty,
}

impl Layout {
    /// The layout a header line names, if it is one.
    pub fn from_header(_line: &[u8]) -> Option<Self> {
        None
    }

    /// The layout a `--format` text names.
    ///
    /// # Errors
    /// [`FormatError`] says which token, where, and what may have been meant.
    pub fn from_format(_text: &str) -> Result<Self, FormatError> {
        Err(FormatError::Empty)
    }

    /// The default format, version 2.
    pub fn default_v2() -> Self {
        Self {
            columns: Vec::new(),
        }
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Where `field` stands, if the layout has it.
    pub fn index_of(&self, field: Field) -> Option<usize> {
        let wanted = Column::Known(field);
        self.columns.iter().position(|column| *column == wanted)
    }

    /// The `${…}` spelling, as `--format` accepts it.
    pub fn format(&self) -> String {
        String::new()
    }
}
