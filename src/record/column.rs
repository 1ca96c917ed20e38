//! A column of a layout, and how it is read.

use super::Field;

/// One column of a layout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// A field that AWS documents.
    Known(Field),
    /// A column with any other name, identified by that name, or by `?` if it has none.
    Unknown(String),
}

impl Column {
    /// Returns the name of the column.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(field) => field.name(),
            Self::Unknown(name) => name,
        }
    }
}

/// How one column or several columns are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Skip this many columns.
    Skip(u16),
    /// Read the column with the interface.
    Eni,
    /// Read the column with the interface if the first such column has none.
    EniElse,
    Source,
    Destination,
    PktSource,
    PktDestination,
    SourcePort,
    DestinationPort,
    Protocol,
    Packets,
    Bytes,
    Start,
    End,
    Action,
    LogStatus,
    Flags,
    Direction,
    TrafficPath,
}

impl Step {
    /// Returns how to read `column` if `columns` are all columns of the layout and `needed`, if
    /// given, are the only fields that matter.
    pub(super) fn of(column: &Column, columns: &[Column], needed: Option<&[Field]>) -> Self {
        let Column::Known(field) = column else {
            return Self::Skip(1);
        };
        if needed.is_some_and(|needed| !needed.contains(field)) {
            return Self::Skip(1);
        }
        let has = |field| columns.contains(&Column::Known(field));
        match field {
            Field::InterfaceId => Self::Eni,
            Field::TgwAttachmentId if !has(Field::InterfaceId) => Self::Eni,
            // AWS field table: flows of a regional NAT gateway have no interface.
            Field::ResourceId => Self::EniElse,
            Field::SrcAddr => Self::Source,
            Field::DstAddr => Self::Destination,
            Field::PktSrcAddr => Self::PktSource,
            Field::PktDstAddr => Self::PktDestination,
            Field::SrcPort => Self::SourcePort,
            Field::DstPort => Self::DestinationPort,
            Field::Protocol => Self::Protocol,
            Field::Packets => Self::Packets,
            Field::Bytes => Self::Bytes,
            Field::Start => Self::Start,
            Field::End => Self::End,
            Field::Action => Self::Action,
            Field::LogStatus => Self::LogStatus,
            Field::TcpFlags => Self::Flags,
            Field::FlowDirection => Self::Direction,
            Field::TrafficPath => Self::TrafficPath,
            _ => Self::Skip(1),
        }
    }

    /// Returns the steps for a whole line, merging consecutive skips.
    pub(super) fn fold(steps: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut folded: Vec<Self> = Vec::new();
        for step in steps {
            match (folded.last_mut(), step) {
                (Some(Self::Skip(count)), Self::Skip(more)) => *count += more,
                _ => folded.push(step),
            }
        }
        folded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::USED;

    #[test]
    fn fields_that_the_grammar_reads_are_used() {
        for field in Field::ALL {
            let column = Column::Known(*field);
            let is_read = Step::of(&column, std::slice::from_ref(&column), None) != Step::Skip(1);
            assert!(!is_read || USED.contains(field), "{field}");
        }
    }
}
