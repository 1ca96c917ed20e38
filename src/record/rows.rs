//! The rows of a block of whole lines.
//!
//! Rows are read in place, one after the other. A line that is not a record does not affect other
//! lines: reading continues after its line end. Concatenated files have headers in the middle,
//! possibly with another order of columns. A header is only looked for when a line fails, and
//! applies from there on. So a block may end under another layout than it began with, and code that
//! reads blocks in parallel must check for this ([`Rows::layout_at_end`]).
//!
//! Files also mix records of several flow logs without any header. A line that fails is read in the
//! well-known order that it certainly has, if there is one. That order applies to this line only, so
//! that the order of later lines does not depend on it. Before that, the formats that the user gave
//! are tried, as far as they have another number of columns than a header in force. Where two of
//! them have as many columns, every line is compared with both.

use std::sync::Arc;

use super::{
    Column, Fault, FaultKind, Field, Layout, LogStatus, Prefix, Record, Separator, careful,
    cells::LineCells,
    given::{self, FormatOfLine},
    grammar,
    plain::{PlainLines, PlainSource, PlainWords},
    prefix::{self, Envelope},
    recognize::certain_order,
    surplus, table_lines,
};

/// The result of reading one line of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// A record of a flow.
    Record(Record<'a>),
    /// A record of an interval in which the interface had no traffic.
    NoData(Record<'a>),
    /// A record of an interval in which records were dropped.
    SkipData(Record<'a>),
    /// A header. [`Rows::layout`] is now the layout in it.
    Header,
    /// An empty line, a comment, or a line that is drawn around the rows of a table.
    Blank,
    /// Any other line.
    Fault(Fault<'a>),
}

/// A sequence of rows from any source.
pub trait RowSource {
    /// Returns the next row, and the column order after it, or `None` at the end.
    fn next_row(&mut self) -> Option<(Row<'_>, &Arc<Layout>)>;

    /// Returns the column order of the row returned last, or of the first row if none has been
    /// returned.
    fn layout(&self) -> &Arc<Layout>;

    /// Returns the other orders in which single rows were read, and how many rows each has.
    fn other_orders(&self) -> &[(Arc<Layout>, u64)] {
        &[]
    }
}

/// The rows of a block of whole lines, each with its byte offset in the block.
///
/// The last line of a block may have no line end.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    block: &'a [u8],
    at: usize,
    layout: Arc<Layout>,
    /// Other orders of single rows, with the number of their rows.
    others: Vec<(Arc<Layout>, u64)>,
    /// The index in `others` of the row returned last, or `others.len()` or more if it is under
    /// `layout`.
    other: usize,
    plain: PlainWords,
}

/// The value of [`Rows::other`] for a row under the layout in force.
const IN_FORCE: usize = usize::MAX;

impl<'a> Rows<'a> {
    /// Returns the rows of `block` under `layout`.
    pub fn new(block: &'a [u8], layout: Arc<Layout>) -> Self {
        Self {
            block,
            at: 0,
            layout,
            others: Vec::new(),
            other: IN_FORCE,
            plain: PlainWords::default(),
        }
    }

    /// Returns the layout of the row returned last.
    #[inline]
    pub fn layout(&self) -> &Arc<Layout> {
        match self.others.get(self.other) {
            Some((other, _)) => other,
            None => &self.layout,
        }
    }

    /// Reads to the end and returns the layout there.
    pub fn layout_at_end(mut self) -> Arc<Layout> {
        while self.next().is_some() {}
        self.layout
    }

    /// Reads the line at the front of `rest` that the grammar rejected.
    #[cold]
    #[inline(never)]
    fn read_with_care(&mut self, rest: &'a [u8]) -> Row<'a> {
        let line_len = memchr::memchr(b'\n', rest);
        self.at += line_len.map_or(rest.len(), |len| len + 1);
        let separator = self.layout.separator();
        let line = trimmed(&rest[..line_len.unwrap_or(rest.len())], separator);
        if line.is_empty() || line.starts_with(b"#") || table_lines::is_rule(line) {
            return Row::Blank;
        }
        if self.layout.needs_care() && self.take_header(line) {
            return Row::Header;
        }
        if self.layout.has_rivals()
            && let Some(read) = self.in_given_format(line, |_| true)
        {
            return read.map_or_else(Row::Fault, row);
        }
        match careful::record(&self.layout, line) {
            Ok(record) => row(record),
            Err(_) if self.take_header(line) => Row::Header,
            Err(_) if table_lines::is_remark(line, separator) => Row::Blank,
            Err(fault) => match self.otherwise(line) {
                Some(read) => read.map_or_else(Row::Fault, row),
                None => Row::Fault(fault),
            },
        }
    }

    /// Reads `line`, which is no record under the layout in force, in a given format, in a well-known
    /// order, or with blanks in tags.
    fn otherwise(&mut self, line: &'a [u8]) -> Option<Result<Record<'a>, Fault<'a>>> {
        // A broken line under a header is not a line of another format.
        let count = self.layout.columns().len();
        let is_header = self.layout.given().is_some_and(|given| given.beside_header);
        let is_other = |format: &Layout| {
            (!is_header || format.columns().len() != count) && given::can_have(format, line)
        };
        let given = self.in_given_format(line, is_other);
        given.or_else(|| {
            let other = self.in_other_order(line);
            other
                .or_else(|| surplus::record(&self.layout, line))
                .map(Ok)
        })
    }

    /// Reads `line` in the given format that it has, among those that `is_possible` accepts.
    /// Returns `None` if it has none of them, and a fault if it has several.
    fn in_given_format(
        &mut self,
        line: &'a [u8],
        is_possible: impl Fn(&Layout) -> bool,
    ) -> Option<Result<Record<'a>, Fault<'a>>> {
        let layouts = Arc::clone(&self.layout.given()?.layouts);
        let possible = layouts.iter().filter(|format| is_possible(format));
        match given::format_of(possible, line) {
            FormatOfLine::None => None,
            FormatOfLine::Several(..) => Some(Err(Fault::in_line(line, FaultKind::SeveralFormats))),
            FormatOfLine::One(format, record) => {
                if format.columns() != self.layout.columns() {
                    let is_same = |(other, _): &(Arc<Layout>, u64)| Arc::ptr_eq(other, format);
                    let index = self.others.iter().position(is_same);
                    let index = index.unwrap_or_else(|| {
                        self.others.push((Arc::clone(format), 0));
                        self.others.len() - 1
                    });
                    self.others[index].1 += 1;
                    self.other = index;
                }
                Some(Ok(record))
            }
        }
    }

    /// Reads `line` in the well-known order that it certainly has, although the layout in force is
    /// another one.
    fn in_other_order(&mut self, line: &'a [u8]) -> Option<Record<'a>> {
        let body = self.layout.prefix().body(line).ok()?;
        let separator = self.layout.separator();
        let order = certain_order(body.text, separator)?;
        let is_same = |(layout, _): &(Arc<Layout>, u64)| order.has_columns(layout);
        let known = self.others.iter().position(is_same);
        let index = known.unwrap_or_else(|| {
            let layout = order.layout().reading_like(&self.layout);
            let layout = layout
                .separated_by(separator)
                .with_prefix(self.layout.prefix());
            self.others.push((Arc::new(layout), 0));
            self.others.len() - 1
        });
        let (layout, rows) = &mut self.others[index];
        let record = careful::record(layout, line).ok()?;
        *rows += 1;
        self.other = index;
        Some(record)
    }

    /// Whether `line` is a header. If it describes a layout, that layout applies from now on.
    fn take_header(&mut self, line: &[u8]) -> bool {
        match header(&self.layout, line) {
            Some(named) => {
                let named = named.reading_like(&self.layout);
                let named = named.beside_formats_of(&self.layout, true);
                if named != *self.layout {
                    self.layout = Arc::new(named);
                    self.plain = PlainWords::default();
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
        self.other = IN_FORCE;
        let mut record = Record::default();
        if let Ok((after, ())) = grammar::record(&self.layout, rest, &mut record) {
            self.at = self.block.len() - after.len();
            return Some((offset, row(record)));
        }
        Some((offset, self.read_with_care(rest)))
    }
}

impl PlainSource for Rows<'_> {
    #[inline(always)]
    fn plain_lines(&mut self) -> Option<PlainLines<'_>> {
        self.other = IN_FORCE;
        self.plain.find(&self.block[self.at..], &self.layout)
    }

    #[inline(always)]
    fn take_plain(&mut self, lines: usize) {
        self.at += self.plain.len_of(lines);
    }

    fn leave_plain(&mut self) {
        self.plain.miss();
    }
}

impl RowSource for Rows<'_> {
    #[inline]
    fn next_row(&mut self) -> Option<(Row<'_>, &Arc<Layout>)> {
        let (_, row) = self.next()?;
        Some((row, Rows::layout(self)))
    }

    fn layout(&self) -> &Arc<Layout> {
        Rows::layout(self)
    }

    fn other_orders(&self) -> &[(Arc<Layout>, u64)] {
        &self.others
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

/// Returns `line` without blanks at its ends, and without the byte order mark that some editors put
/// before a text. Tabs between columns are kept, because the cells at the ends may be empty.
fn trimmed(line: &[u8], separator: Separator) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let text = line.trim_ascii();
    if separator != Separator::Tab || text.is_empty() {
        return text;
    }
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns the layout in a header in the middle of lines under `layout`.
fn header(layout: &Layout, line: &[u8]) -> Option<Layout> {
    if let Some(named) = Layout::from_header(line) {
        return Some(named);
    }
    if let (Prefix::Time, Ok((text, _))) = (layout.prefix(), prefix::leading_time(line)) {
        return Some(Layout::from_header(text)?.with_prefix(Prefix::Time));
    }
    let envelope = Envelope::from_header(line)?;
    Some(layout.clone().with_prefix(Prefix::Cells(envelope)))
}

/// Whether most cells of `line` are names of fields, whatever the other cells are.
///
/// Query engines return the header of a file as another row, and add the values of their partition
/// columns to it.
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
