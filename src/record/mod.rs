//! Flow log records: their fields, the order of fields in a line, and the grammar.
//!
//! A record is one line of an archive, parsed in place: it borrows the line, allocates nothing, and
//! holds only the values that every conversion needs. Other values are looked up in the line by
//! name when needed. The rows of a table are also records. They are filled from its columns, and
//! their texts are the texts of its cells. This module does no I/O, starts no threads, and knows
//! nothing about TCP except the names of its flags.
//!
//! ```text
//! field       what a column can be          value    what a word can be
//! layout      which column is where         fault    why a line is not a record
//! recognize   first lines -> layout         rows     block of lines -> records
//! grammar     a line as AWS writes it       careful  a line as others write it
//! tag         values of tags                surplus  tags with blanks and no quotes
//! column      how a column is read          columns  rows of a table -> records
//! plain       lines as words             recent_addresses  addresses of other lines
//! given       which of several formats a line has
//! byte_unit   what `bytes` count
//! ```

mod address;
mod byte_unit;
mod careful;
mod cells;
mod column;
mod columns;
mod fault;
mod field;
mod format;
mod given;
mod grammar;
mod instant;
mod interval;
mod layout;
mod leaf;
mod naming;
mod odd;
mod plain;
mod prefix;
mod recent_addresses;
mod recognize;
mod rows;
mod skip;
mod surplus;
mod table_lines;
mod tag;
mod value;
mod written_time;

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use self::cells::{each_word, is_absent};
pub(crate) use self::naming::Naming;
pub use self::{
    byte_unit::{ByteUnit, bare_headers_len},
    cells::Separator,
    column::Column,
    columns::{ColumnRows, Columns, Filling},
    fault::{Fault, FaultKind},
    field::{Field, FieldKind, USED},
    instant::epoch_range,
    interval::{Interval, TimeNote},
    layout::{FormatError, Layout},
    plain::{NotPlain, PlainKind, PlainLine, PlainLines, PlainSource},
    prefix::{Envelope, Prefix},
    recent_addresses::RecentAddresses,
    recognize::{
        EMBEDDED_WORDS_MIN, Evidence, Foreign, Recognized, Unrecognized, embedded_records,
        holds_embedded, order_name, recognize,
    },
    rows::{Row, RowSource, Rows},
    surplus::Surplus,
    tag::{TAGS, tag_value},
    value::{Action, Direction, LogStatus, ObservedFlags},
};
pub(crate) use self::{cells::unbroken, prefix::instant_in, tag::tag_cell};

/// One flow log record, borrowed from its line or from the columns of a table.
///
/// A column that is missing from the layout and a column that holds `-` (or nothing, or `null`) are
/// both `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// The record's own text, as one line or cell by cell.
    pub text: RecordText<'a>,
    /// `interface-id`. For a Transit Gateway its attachment, for a regional NAT gateway its
    /// `resource-id`. Empty if there is none.
    pub eni: &'a [u8],
    /// `srcaddr`.
    pub source: Option<IpAddr>,
    /// `dstaddr`.
    pub destination: Option<IpAddr>,
    /// `pkt-srcaddr`.
    pub pkt_source: Option<IpAddr>,
    /// `pkt-dstaddr`.
    pub pkt_destination: Option<IpAddr>,
    /// `srcport`.
    pub source_port: Option<u16>,
    /// `dstport`.
    pub destination_port: Option<u16>,
    /// `protocol`: the IANA number.
    pub protocol: Option<u8>,
    /// `packets` in the interval.
    pub packets: Option<u64>,
    /// `bytes` in the interval: IP packets with their headers. Counts of other units
    /// ([`ByteUnit`]) are converted before they get here.
    pub bytes: Option<u64>,
    /// `start`, in nanoseconds since the Unix epoch, as in the line.
    pub start_ns: Option<i64>,
    /// `end`, in nanoseconds since the Unix epoch, as in the line.
    pub end_ns: Option<i64>,
    /// `action`.
    pub action: Option<Action>,
    /// `log-status`, or `Ok` if the layout has no such column.
    pub log_status: LogStatus,
    /// `tcp-flags`.
    pub flags: Option<ObservedFlags>,
    /// `flow-direction`.
    pub direction: Option<Direction>,
    /// `traffic-path`.
    pub traffic_path: Option<u8>,
    /// The time before the record in its line, in nanoseconds since the Unix epoch. For a record
    /// without any time, the start of the slot in the name of its file.
    pub line_time_ns: Option<i64>,
    /// The length of that slot in seconds, or 0 if the time is in the line.
    pub slot_len_s: u16,
}

impl<'a> Record<'a> {
    /// Returns the time span of the flow. Implausible times are corrected, and the correction is
    /// noted.
    pub fn interval(&self) -> Option<Interval> {
        Interval::of(self)
    }

    /// Returns the text of `field` in the line, or `None` if it is absent or `-`.
    ///
    /// `layout` is the layout that the record was read under ([`Rows::layout`]).
    pub fn get(&self, layout: &Layout, field: Field) -> Option<&'a [u8]> {
        self.cell(layout, layout.index_of(field)?)
    }

    /// Returns the text of the column that the header calls `name`, or `None` if it is absent or
    /// `-`.
    pub fn get_by_name(&self, layout: &Layout, name: &str) -> Option<&'a [u8]> {
        self.cell(layout, layout.index_of_name(name)?)
    }

    /// Returns the text of the column at `index`, or `None` if it is absent or `-`.
    pub fn get_at(&self, layout: &Layout, index: usize) -> Option<&'a [u8]> {
        self.cell(layout, index)
    }

    /// Returns the texts of these fields, except those that are absent or `-`, in the order of the
    /// columns.
    pub fn fields(&self, layout: &Layout, of: &[Field]) -> impl Iterator<Item = (Field, &'a [u8])> {
        let columns = layout.columns().iter().enumerate();
        let mut cells = match self.text {
            RecordText::Line(line) => Some(layout.cells(line)),
            RecordText::Spaced(..) | RecordText::Row(..) => None,
        };
        columns.filter_map(move |(index, column)| {
            let next = cells.as_mut().map(Iterator::next);
            let field = match column {
                Column::Known(field) if of.contains(field) => *field,
                _ => return None,
            };
            let text = match next {
                Some(cell) => cell.map(|cell| cell.text).filter(|text| !is_absent(text)),
                None => self.cell(layout, index),
            };
            Some((field, text?))
        })
    }

    /// Calls `take` with the index and the text of each column, in order. `None` is a text that is
    /// absent or `-`.
    pub fn each_text(&self, layout: &Layout, mut take: impl FnMut(usize, Option<&'a [u8]>)) {
        let columns = 0..layout.columns().len();
        let RecordText::Line(line) = self.text else {
            return columns.for_each(|index| take(index, self.cell(layout, index)));
        };
        if layout.has_plain_words(line) {
            return each_word(line, columns.end, take);
        }
        let mut cells = layout.cells(line);
        for index in columns {
            let cell = cells.next().filter(|cell| !cell.is_absent());
            take(index, cell.map(|cell| cell.text));
        }
    }

    /// Calls `take` with the index and the text of each of these columns, in order; they must be in the
    /// layout. `None` is a text that is absent or `-`.
    pub fn each_text_of(
        &self,
        layout: &Layout,
        columns: Range<usize>,
        mut take: impl FnMut(usize, Option<&'a [u8]>),
    ) {
        if let RecordText::Line(line) = self.text
            && layout.has_plain_words(line)
            && let Some(rest) = skip::after(columns.start, line)
        {
            return each_word(rest, columns.len(), |index, text| {
                take(columns.start + index, text);
            });
        }
        self.each_text(layout, |index, text| {
            if columns.contains(&index) {
                take(index, text);
            }
        });
    }

    /// Returns the text of its tag columns as it is in the line, if they are next to each other and
    /// nothing in them is quoted. Two records of one layout with the same text have the same tags.
    pub fn tags_text(&self, layout: &Layout) -> Option<&'a [u8]> {
        let (RecordText::Line(line), Separator::Blank) = (self.text, layout.separator()) else {
            return None;
        };
        surplus::run_text(layout, line)
    }

    /// Whether its tags contain blanks without quotes, so that it is not clear which words belong to
    /// which tag. Such tags have no value.
    pub fn has_unclear_tags(&self, layout: &Layout) -> bool {
        match self.text {
            RecordText::Spaced(_, surplus) => surplus::is_unclear(layout, surplus),
            RecordText::Line(_) | RecordText::Row(..) => false,
        }
    }

    fn cell(&self, layout: &Layout, index: usize) -> Option<&'a [u8]> {
        let text = match self.text {
            RecordText::Line(line) => layout.cells(line).nth(index)?.text,
            RecordText::Spaced(line, surplus) => surplus::cell(layout, line, surplus, index)?,
            RecordText::Row(columns, row) => columns.text(index, row as usize),
        };
        (!is_absent(text)).then_some(text)
    }
}

/// The location of a record's own text.
#[derive(Clone, Copy)]
pub enum RecordText<'a> {
    /// A line without its line end and without anything before the record.
    Line(&'a [u8]),
    /// The same, of a line in which tags contain blanks without quotes.
    Spaced(&'a [u8], Surplus),
    /// A row of a table, by its number.
    Row(&'a dyn Columns, u32),
}

impl Default for RecordText<'_> {
    fn default() -> Self {
        Self::Line(b"")
    }
}

impl PartialEq for RecordText<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Line(line), Self::Line(other)) => line == other,
            (Self::Spaced(line, surplus), Self::Spaced(other, others)) => {
                (line, surplus) == (other, others)
            }
            (Self::Row(columns, row), Self::Row(others, other)) => {
                std::ptr::addr_eq(*columns, *others) && row == other
            }
            _ => false,
        }
    }
}

impl Eq for RecordText<'_> {}

impl fmt::Debug for RecordText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) | Self::Spaced(line, _) => write!(f, "\"{}\"", line.escape_ascii()),
            Self::Row(_, row) => write!(f, "row {row}"),
        }
    }
}

#[cfg(test)]
mod tests;
