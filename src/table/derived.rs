//! Tables that are made from records and that no log has.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::column::TableColumn;
use super::{connections, findings};

/// A table that is made from the records of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DerivedTable {
    /// One row for each connection, with each packet counted once.
    Connections,
    /// One row for each finding of a diagnosis.
    Findings,
}

impl DerivedTable {
    /// All tables.
    pub const ALL: [Self; 2] = [Self::Connections, Self::Findings];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Findings => "findings",
        }
    }

    /// Returns the columns.
    pub fn columns(self) -> &'static [TableColumn] {
        match self {
            Self::Connections => &connections::COLUMNS,
            Self::Findings => findings::columns(),
        }
    }

    /// Returns all columns as an Arrow schema.
    pub fn schema(self) -> SchemaRef {
        let fields = self.columns().iter().map(TableColumn::arrow);
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}
