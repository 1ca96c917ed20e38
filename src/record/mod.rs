//! One flow log record: its fields, their order in a line, and the grammar.
//!
//! A record is one line of an archive, parsed where it lies: it borrows the
//! line, allocates nothing, and holds only what every conversion needs. All
//! else is found in the line when asked for by name. This module does no I/O,
//! starts no threads and knows nothing of TCP beyond the names of its flags.
//!
//! ```text
//! field       what a column can be          value    what a word can be
//! layout      which column is where         fault    why a line is not a record
//! recognise   first lines -> layout         rows     block of lines -> records
//! grammar     a line as AWS writes it       careful  a line as others write it
//! used        the fields that matter
//! ```

mod address;
mod careful;
mod cells;
mod fault;
mod field;
mod format;
mod grammar;
mod instant;
mod interval;
mod layout;
mod leaf;
mod odd;
mod prefix;
mod recognise;
mod rows;
mod skip;
mod used;
mod value;

use std::net::IpAddr;

use self::cells::Cells;
pub use self::{
    cells::Separator,
    fault::{Fault, FaultKind},
    field::{Field, Kind},
    format::FormatError,
    instant::epoch_range,
    interval::{Interval, TimeNote},
    layout::{Column, Layout},
    prefix::{Envelope, Prefix},
    recognise::{Evidence, Foreign, Recognised, Unrecognised, recognise},
    rows::{Row, Rows},
    used::USED,
    value::{Action, Direction, LogStatus, ObservedFlags},
};

/// One flow log record, borrowed from its line.
///
/// A column that the layout lacks and a column holding `-` (or nothing, or
/// `null`) are both `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// The record's own text: no line end, and nothing that stood in front of it.
    pub line: &'a [u8],
    /// `interface-id`; for a Transit Gateway its attachment, for a regional NAT
    /// gateway its `resource-id`; empty if there is none.
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
    /// `bytes` in the interval: IP packets with their headers.
    pub bytes: Option<u64>,
    /// `start`, in nanoseconds since the Unix epoch, as the line has it.
    pub start_ns: Option<i64>,
    /// `end`, in nanoseconds since the Unix epoch, as the line has it.
    pub end_ns: Option<i64>,
    /// `action`.
    pub action: Option<Action>,
    /// `log-status`; `Ok` where the layout has no such column.
    pub log_status: LogStatus,
    /// `tcp-flags`.
    pub flags: Option<ObservedFlags>,
    /// `flow-direction`.
    pub direction: Option<Direction>,
    /// `traffic-path`.
    pub traffic_path: Option<u8>,
    /// The time in front of the line, in nanoseconds since the Unix epoch.
    pub line_time_ns: Option<i64>,
}

impl<'a> Record<'a> {
    /// When the flow was seen, implausible times put right and the repair noted.
    pub fn interval(&self) -> Option<Interval> {
        Interval::of(self)
    }

    /// The text of `field`, found in the line; none if absent or `-`.
    ///
    /// `layout` is the one the record was read under ([`Rows::layout`]).
    pub fn get(&self, layout: &Layout, field: Field) -> Option<&'a [u8]> {
        self.cell(layout, layout.index_of(field)?)
    }

    /// The text of the column the header calls `name`; none if absent or `-`.
    pub fn get_by_name(&self, layout: &Layout, name: &str) -> Option<&'a [u8]> {
        let mut columns = layout.columns().iter();
        self.cell(layout, columns.position(|column| column.name() == name)?)
    }

    /// The texts of all fields that AWS documents, but those that are `-`.
    pub fn fields(&self, layout: &Layout) -> impl Iterator<Item = (Field, &'a [u8])> {
        let cells = Cells::new(self.line, layout.separator());
        let columns = layout.columns().iter().zip(cells);
        columns.filter_map(|(column, cell)| match column {
            Column::Known(field) if !cell.is_absent() => Some((*field, cell.text)),
            _ => None,
        })
    }

    fn cell(&self, layout: &Layout, index: usize) -> Option<&'a [u8]> {
        let cell = Cells::new(self.line, layout.separator()).nth(index)?;
        (!cell.is_absent()).then_some(cell.text)
    }
}

#[cfg(test)]
mod tests;
