//! Why a line is not a record.
//!
//! A fault is small and copied freely: it points into its line instead of
//! quoting it, and is put into words only when someone reads it. It is bad
//! input, to be counted and passed by; it never ends a run.

use std::{fmt, ops::Range};

use super::{Column, Field};

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

impl FaultKind {
    /// A short name for a summary's list of reasons.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongColumnCount { .. } => "wrong number of columns",
            Self::NotANumber => "not a number",
            Self::OutOfRange { .. } => "number out of range",
            Self::NotAnAddress => "not an address",
            Self::MixedFamilies => "mixed address families",
            Self::NotATime => "not a time",
            Self::UnknownProtocol => "unknown protocol",
            Self::UnknownAction => "unknown action",
            Self::UnknownLogStatus => "unknown log-status",
            Self::UnknownDirection => "unknown flow-direction",
            Self::OpenQuote => "open quote",
        }
    }

    pub(super) fn columns(found: usize, expected: usize) -> Self {
        let clamp = |count| u16::try_from(count).unwrap_or(u16::MAX);
        Self::WrongColumnCount {
            found: clamp(found),
            expected: clamp(expected),
        }
    }
}

impl<'a> Fault<'a> {
    /// The line as a whole is wrong.
    pub(super) fn in_line(line: &'a [u8], kind: FaultKind) -> Self {
        Self {
            line,
            column: None,
            start: 0,
            end: clamp(line.len()),
            kind,
        }
    }

    /// What stands in `range` is wrong for `column`, which is the one at `index`.
    pub(super) fn in_column(
        line: &'a [u8],
        index: usize,
        column: &Column,
        range: Range<usize>,
        kind: FaultKind,
    ) -> Self {
        let field = match column {
            Column::Known(field) => Some(*field),
            Column::Unknown(_) => None,
        };
        Self {
            line,
            column: u16::try_from(index).ok().map(|index| (index, field)),
            start: clamp(range.start),
            end: clamp(range.end),
            kind,
        }
    }

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

    /// What is wrong, as it stands in the line.
    fn found(&self) -> Excerpt<'a> {
        Excerpt(self.line.get(self.range()).unwrap_or(self.line))
    }
}

impl fmt::Display for Fault<'_> {
    /// Says where, then what was found, then what was expected.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found();
        match self.column {
            Some((index, Some(field))) => write!(f, "column {} ({field}): ", index + 1)?,
            Some((index, None)) => write!(f, "column {}: ", index + 1)?,
            None => {}
        }
        match self.kind {
            FaultKind::WrongColumnCount {
                found: count,
                expected,
            } => {
                let plural = if count == 1 { "" } else { "s" };
                write!(
                    f,
                    "found {count} column{plural}, expected {expected}: {found}"
                )
            }
            FaultKind::NotANumber => write!(f, "found {found}, expected a whole number"),
            FaultKind::OutOfRange { max } => write!(f, "found {found}, expected 0 to {max}"),
            FaultKind::NotAnAddress => write!(f, "found {found}, expected an IPv4 or IPv6 address"),
            FaultKind::MixedFamilies => {
                write!(
                    f,
                    "found IPv4 and IPv6 addresses, expected one family: {found}"
                )
            }
            FaultKind::NotATime => write!(f, "found {found}, expected a Unix time"),
            FaultKind::UnknownProtocol => write!(f, "found {found}, expected a protocol number"),
            FaultKind::UnknownAction => write!(f, "found {found}, expected ACCEPT or REJECT"),
            FaultKind::UnknownLogStatus => {
                write!(f, "found {found}, expected OK, NODATA or SKIPDATA")
            }
            FaultKind::UnknownDirection => write!(f, "found {found}, expected ingress or egress"),
            FaultKind::OpenQuote => write!(f, "found {found}, expected a closing quote"),
        }
    }
}

/// Input text as messages show it: quoted, escaped, and cut at 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Excerpt<'a>(pub(super) &'a [u8]);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..EXCERPT_LEN_MAX) {
            Some(front) if front.len() < self.0.len() => write!(f, "\"{}…\"", front.escape_ascii()),
            _ => write!(f, "\"{}\"", self.0.escape_ascii()),
        }
    }
}

fn clamp(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// No message quotes more of a line.
const EXCERPT_LEN_MAX: usize = 64;
