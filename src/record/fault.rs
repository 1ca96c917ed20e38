//! The reason why a line is not a record.
//!
//! A fault is small and cheap to copy: it points into its line instead of quoting it, and is
//! formatted only when it is displayed. It represents bad input that is counted and skipped. It
//! never ends a run.

use std::{fmt, ops::Range};

use super::{Column, Field};

/// A line that is not a record under its layout, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault<'a> {
    line: &'a [u8],
    column: Option<(u16, Option<Field>)>,
    start: u32,
    end: u32,
    kind: FaultKind,
}

/// The kind of error in the text that a [`Fault`] points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// A line with more or fewer columns than the layout.
    WrongColumnCount {
        /// Number of columns in the line.
        found: u16,
        /// Number of columns in the layout.
        expected: u16,
    },
    /// Text instead of a whole number.
    NotANumber,
    /// A number that is too large or negative.
    OutOfRange {
        /// The largest number that the column can hold.
        max: u64,
    },
    /// Text instead of an IPv4 or IPv6 address.
    NotAnAddress,
    /// An IPv4 address at one end of a flow and an IPv6 address at the other.
    MixedFamilies,
    /// Text instead of a time: in `start`, in `end`, or before the record.
    NotATime,
    /// A protocol that is neither a number nor a known name.
    UnknownProtocol,
    /// An action other than `ACCEPT` and `REJECT`.
    UnknownAction,
    /// A log status other than `OK`, `NODATA` and `SKIPDATA`.
    UnknownLogStatus,
    /// A direction other than `ingress` and `egress`.
    UnknownDirection,
    /// A quoted value without a closing quote.
    OpenQuote,
    /// A line that has several of the formats that the user gave.
    SeveralFormats,
}

impl FaultKind {
    /// Returns a short name for a summary's list of reasons.
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
            Self::OpenQuote => "unclosed quote",
            Self::SeveralFormats => "several of the given formats fit",
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
    /// Returns a fault of the whole line.
    pub(super) fn in_line(line: &'a [u8], kind: FaultKind) -> Self {
        Self {
            line,
            column: None,
            start: 0,
            end: clamp(line.len()),
            kind,
        }
    }

    /// Returns a fault of the text in `range`, which is in `column`, the column at `index`.
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

    /// Returns the line with the fault, without its line end.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// Returns the kind of error.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// Returns the index of the affected column, from 0, or `None` if the whole line is affected.
    pub fn column_index(&self) -> Option<usize> {
        self.column.map(|(index, _)| usize::from(index))
    }

    /// Returns the affected field, if the column has a known one.
    pub fn field(&self) -> Option<Field> {
        self.column.and_then(|(_, field)| field)
    }

    /// Returns the range of the wrong bytes in the line.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the wrong text of the line.
    fn found(&self) -> Excerpt<'a> {
        Excerpt(self.line.get(self.range()).unwrap_or(self.line))
    }
}

impl fmt::Display for Fault<'_> {
    /// Writes the column, then what was found, then what was expected.
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
            FaultKind::SeveralFormats => {
                write!(
                    f,
                    "found {found}, expected values that only one of the given formats can have"
                )
            }
        }
    }
}

/// Input text as shown in messages: quoted, escaped, and cut at 64 bytes.
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

/// Maximum number of bytes of a line quoted in a message.
const EXCERPT_LEN_MAX: usize = 64;
