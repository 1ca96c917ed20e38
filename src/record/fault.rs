//! Why a line is not a record.
//!
//! A fault is small and copied freely: it points into its line instead of
//! quoting it, and is put into words only when someone reads it. It is bad
//! input, to be counted and passed by; it never ends a run.

use std::{fmt, ops::Range};

use super::Field;

/// One line that is not a record under its layout, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault<'a> {
    line: &'a [u8],
    column: Option<(u16, Option<Field>)>,
    start: u32,
    end: u32,
    kind: FaultKind,
}

/// What was wrong with the text a [`Fault`] points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// More or fewer columns than the layout has.
    WrongColumnCount {
        /// Columns in the line.
        found: u16,
        /// Columns in the layout.
        expected: u16,
    },
    /// Text where a whole number belongs.
    NotANumber,
    /// A number too large, or negative.
    OutOfRange {
        /// The largest the column can hold.
        max: u64,
    },
    /// Text where an IPv4 or IPv6 address belongs.
    NotAnAddress,
    /// An IPv4 address at one end of a flow and an IPv6 one at the other.
    MixedFamilies,
    /// Text where a time belongs: in `start`, in `end` or in front of the line.
    NotATime,
    /// Neither a protocol number nor the name of one.
    UnknownProtocol,
    /// Neither `ACCEPT` nor `REJECT`.
    UnknownAction,
    /// Neither `OK` nor `NODATA` nor `SKIPDATA`.
    UnknownLogStatus,
    /// Neither `ingress` nor `egress`.
    UnknownDirection,
    /// A quoted value that does not end.
    OpenQuote,
}

impl<'a> Fault<'a> {
    /// The line the fault is in, without its line end.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// What was wrong.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The column concerned, from 0; none when the line as a whole is wrong.
    pub fn column_index(&self) -> Option<usize> {
        self.column.map(|(index, _)| usize::from(index))
    }

    /// The field concerned, if it has a known one.
    pub fn field(&self) -> Option<Field> {
        self.column.and_then(|(_, field)| field)
    }

    /// The bytes of the line that are wrong.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}
