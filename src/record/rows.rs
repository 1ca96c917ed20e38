//! The rows of a block of whole lines.
//!
//! Rows are read where they lie, one after the other. A line that is no record
//! costs no other: reading goes on behind its line end. Files that were strung
//! together hold headers in their middle, perhaps of another order of columns;
//! a header is looked for only when a line fails, and holds from then on. So a
//! block may end under another layout than it began with, and whoever reads
//! blocks in parallel has to ask ([`Rows::layout_at_end`]).

use std::sync::Arc;

use super::{
    Column, Fault, Field, Layout, LogStatus, Prefix, Record, careful,
    cells::LineCells,
    grammar,
    prefix::{self, Envelope},
};

/// One line of a block, as what it turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// A record that tells of a flow.
    Record(Record<'a>),
    /// The interface carried nothing in the interval.
    NoData(Record<'a>),
    /// Records of the interval were dropped.
    SkipData(Record<'a>),
    /// A header; [`Rows::layout`] is now the one it names.
    Header,
    /// An empty line or a comment.
    Blank,
    /// A line that is none of these.
    Fault(Fault<'a>),
}

/// Rows, one after the other, from wherever they come.
pub trait RowSource {
    /// The next row, and the column order in force after it; none if there is none.
    fn next_row(&mut self) -> Option<(Row<'_>, &Arc<Layout>)>;

    /// The column order of the row returned last, or of the first before there was one.
    fn layout(&self) -> &Arc<Layout>;
}

/// The rows of a block of whole lines, each with its byte offset in the block.
///
/// The last line of a block may lack its line end.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    block: &'a [u8],
    at: usize,
    layout: Arc<Layout>,
}

impl<'a> Rows<'a> {
    /// The rows of `block` under `layout`.
    pub fn new(block: &'a [u8], layout: Arc<Layout>) -> Self {
        Self {
            block,
            at: 0,
            layout,
        }
    }

    /// The layout of the row returned last.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Reads to the end and returns the layout in force there.
    pub fn layout_at_end(mut self) -> Arc<Layout> {
        while self.next().is_some() {}
        self.layout
    }

    /// Reads the line at the front of `rest`, which the grammar does not.
    #[cold]
    #[inline(never)]
    fn read_with_care(&mut self, rest: &'a [u8]) -> Row<'a> {
        let line_len = memchr::memchr(b'\n', rest);
        self.at += line_len.map_or(rest.len(), |len| len + 1);
        let line = trimmed(&rest[..line_len.unwrap_or(rest.len())]);
        if line.is_empty() || line.starts_with(b"#") {
            return Row::Blank;
        }
        if self.layout.fits_anything() && self.take_header(line) {
            return Row::Header;
        }
        match careful::record(&self.layout, line) {
            Ok(record) => row(record),
            Err(_) if self.take_header(line) => Row::Header,
            Err(fault) => Row::Fault(fault),
        }
    }

    /// Whether `line` is a header. If it names a layout, that one holds from now on.
    fn take_header(&mut self, line: &[u8]) -> bool {
        match header(&self.layout, line) {
            Some(named) => {
                let named = named.reading_like(&self.layout);
                if named != *self.layout {
                    self.layout = Arc::new(named);
                }
            }
            None => return is_names(&self.layout, line),
        }
        true
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = (usize, Row<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.at;
        let rest = &self.block[offset..];
        if rest.is_empty() {
            return None;
        }
        let mut record = Record::default();
        if let Ok((after, ())) = grammar::record(&self.layout, rest, &mut record) {
            self.at = self.block.len() - after.len();
            return Some((offset, row(record)));
        }
        Some((offset, self.read_with_care(rest)))
    }
}

impl RowSource for Rows<'_> {
    #[inline]
    fn next_row(&mut self) -> Option<(Row<'_>, &Arc<Layout>)> {
        let (_, row) = self.next()?;
        Some((row, &self.layout))
    }

    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }
}

#[inline]
pub(super) fn row(record: Record<'_>) -> Row<'_> {
    match record.log_status {
        LogStatus::Ok => Row::Record(record),
        LogStatus::NoData => Row::NoData(record),
        LogStatus::SkipData => Row::SkipData(record),
    }
}

/// `line` without blanks at its ends, nor the mark that some editors put before a text.
fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(line)
        .trim_ascii()
}

/// The layout a header in the midst of lines under `layout` names.
fn header(layout: &Layout, line: &[u8]) -> Option<Layout> {
    if let Some(named) = Layout::from_header(line) {
        return Some(named);
    }
    if let (Prefix::Time, Ok((text, _))) = (layout.prefix(), prefix::time_in_front(line)) {
        return Some(Layout::from_header(text)?.with_prefix(Prefix::Time));
    }
    let envelope = Envelope::from_header(line)?;
    Some(layout.clone().with_prefix(Prefix::Cells(envelope)))
}

/// Whether most cells of `line` are names of fields, whatever the others are.
///
/// Query engines return the header of a file as one more row, and add the
/// values of their partition columns to it.
fn is_names(layout: &Layout, line: &[u8]) -> bool {
    let cells = LineCells::new(line, layout.separator());
    let known = cells
        .filter(|cell| Field::from_name(cell.text).is_some())
        .count();
    let columns = layout.columns();
    let fields = columns
        .iter()
        .filter(|column| matches!(column, Column::Known(_)))
        .count();
    known >= 2 && known * 3 >= fields * 2
}
