//! The error for a file without a known layout.

use std::fmt;

use super::{
    foreign::Foreign,
    order::{LayoutAttempt, ORDERS},
    separator_of,
    suggestion::CellTable,
};
use crate::record::{FormatError, Layout, cells::LineCells, fault::Excerpt};

/// The reason why a file's layout is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecognized {
    foreign: Foreign,
    /// Its first line, quoted, escaped and cut.
    first_line: String,
    attempts: Vec<LayoutAttempt>,
    /// The values of its first lines, if they may be records.
    values: Option<CellTable>,
    header: Option<Box<BadHeader>>,
    /// Two given formats, as text, that a line has.
    rivals: Option<Box<[String; 2]>>,
}

/// A header line with two columns for the same field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BadHeader {
    /// Its line number in the file, from 1.
    number: usize,
    error: FormatError,
}

impl Unrecognized {
    /// Returns the error for a file of another kind.
    pub(super) fn foreign_file(foreign: Foreign, first_line: &[u8]) -> Self {
        Self {
            foreign,
            first_line: Excerpt(first_line).to_string(),
            attempts: Vec::new(),
            values: None,
            header: None,
            rivals: None,
        }
    }

    /// Returns the error for `line`, which may have the format of `one` and of `other`.
    pub(super) fn several_formats(line: &[u8], one: &Layout, other: &Layout) -> Self {
        let rivals = [one, other].map(Layout::format);
        Self {
            rivals: Some(Box::new(rivals)),
            ..Self::foreign_file(Foreign::Other, line)
        }
    }

    /// Returns the error for a header at line `number` that is not a layout because of `error`.
    /// `records` are the lines below it.
    pub(super) fn bad_header(
        number: usize,
        line: &[u8],
        error: FormatError,
        records: &[&[u8]],
    ) -> Self {
        Self {
            header: Some(Box::new(BadHeader { number, error })),
            attempts: Vec::new(),
            ..Self::none_fits(line, Vec::new(), records)
        }
    }

    /// Returns the error for `records` without a known order.
    pub(super) fn none_fits(
        first_line: &[u8],
        mut attempts: Vec<LayoutAttempt>,
        records: &[&[u8]],
    ) -> Self {
        let separator = separator_of(records);
        let counts = records
            .iter()
            .map(|record| LineCells::new(record, separator).count());
        let count = counts.max().unwrap_or(0);
        if count > 0 && ORDERS.iter().all(|order| order.len() != count) {
            let plural = if count == 1 { "" } else { "s" };
            let why = format!("{count} column{plural}: no known layout has {count}");
            attempts.push(LayoutAttempt::new("well-known orders", why));
        }
        Self {
            foreign: Foreign::Other,
            first_line: Excerpt(first_line).to_string(),
            attempts,
            values: Some(CellTable::new(records, separator)),
            header: None,
            rivals: None,
        }
    }

    /// Whether the lines have several of the given formats, and the values do not decide.
    pub fn is_ambiguous(&self) -> bool {
        self.rivals.is_some()
    }

    /// Whether the file has a header that is not a layout.
    pub fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Returns the kind of the file.
    pub fn foreign(&self) -> Foreign {
        self.foreign
    }

    /// Returns a format to complete, with a `?` for each unknown column, if enough columns are
    /// known.
    pub fn suggestion(&self) -> Option<String> {
        self.values.as_ref().and_then(CellTable::format)
    }

    /// Whether the lines have pairs of addresses, as flow logs do.
    pub fn has_two_addresses(&self) -> bool {
        let values = self.values.as_ref();
        values.is_some_and(CellTable::has_two_addresses)
    }

    /// Whether the lines have as many columns as `layout`, with values that fit them.
    pub fn can_have(&self, layout: &Layout) -> bool {
        let values = self.values.as_ref();
        values.is_some_and(|values| values.can_have(layout))
    }
}

impl Unrecognized {
    fn write_header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(BadHeader { number, error }) = self.header.as_deref() else {
            return Ok(());
        };
        write!(
            f,
            "line {number} is a header in which {error}; each field may appear only once: {}",
            self.first_line
        )
    }
}

impl fmt::Display for Unrecognized {
    /// Writes what was found and what was tried, in several lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some([one, other]) = self.rivals.as_deref() {
            return write!(
                f,
                "two of the given formats have as many columns, and the values do not decide \
                 between them: {}\n  {one}\n  {other}",
                self.first_line
            );
        }
        match self.foreign {
            _ if self.header.is_some() => self.write_header(f)?,
            Foreign::Empty => return write!(f, "no records"),
            Foreign::Other => {
                write!(
                    f,
                    "no header, and the column order is unknown; first line {}",
                    self.first_line
                )?;
            }
            foreign => {
                return write!(
                    f,
                    "{foreign}, not a flow log; first line {}",
                    self.first_line
                );
            }
        }
        for LayoutAttempt { name, why } in &self.attempts {
            write!(f, "\n  tried {name}: {why}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Unrecognized {}
