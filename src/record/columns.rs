//! Reads rows of a table, whose values are stored column by column, without building lines.
//!
//! Records are filled a few hundred at a time, column after column. Only plain values are used
//! directly: those that the grammar would read if they were in a line. A row with any other value
//! is written as the line that a log would contain, and parsed like one, so that spellings and
//! faults are handled in one place.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::{
    LogStatus, ObservedFlags, Prefix, Record, RecordText, Row, RowSource, Rows, Separator, address,
    column::Step,
    grammar, instant,
    layout::Layout,
    leaf::{self, HIGH_BITS, LANES, Leaf},
    rows::row,
};

/// The values of some rows, by column.
pub trait Columns: Sync {
    /// Returns the number of rows.
    fn row_count(&self) -> usize;

    /// Passes the values of `rows` to `records`, each column once and in order.
    fn fill<'a>(&'a self, rows: Range<usize>, records: &mut Filling<'a>);

    /// Returns the text that a log would contain for a value, or an empty text if there is none.
    ///
    /// Only called for rows whose texts were all plain.
    fn text(&self, column: usize, row: usize) -> &[u8];

    /// Writes `rows` as the lines that a log would contain, until `text` holds enough of them.
    ///
    /// Writes at least one. Cells contain neither blanks nor line ends.
    fn write_lines(&self, rows: &mut dyn Iterator<Item = usize>, text: &mut Vec<u8>);
}

/// Records that are being filled, column after column.
pub struct Filling<'a> {
    /// How each column is read.
    steps: Vec<Step>,
    records: Vec<Record<'a>>,
    /// Which records have to be read as text.
    odd: Vec<bool>,
    /// Whether all records have to be read as text, whatever their values are.
    is_odd: bool,
    /// Whether a text in a line may be in quotes, which are not part of it.
    is_quoting: bool,
    numbers: Vec<Option<i64>>,
    texts: Vec<&'a [u8]>,
}

impl<'a> Filling<'a> {
    fn new(layout: &Layout) -> Self {
        let columns = layout.columns().iter();
        let steps = columns.map(|column| Step::of(column, layout.columns(), layout.needed()));
        let is_bare = layout.separator() == Separator::Blank && layout.prefix() == Prefix::None;
        Self {
            steps: steps.collect(),
            records: Vec::new(),
            odd: Vec::new(),
            is_odd: layout.fits_anything() || !is_bare,
            is_quoting: layout.has_tags(),
            numbers: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Fills the records with these rows, discarding the previous contents.
    fn fill(&mut self, columns: &'a dyn Columns, rows: Range<usize>) {
        self.records.clear();
        // A batch has at most thousands of rows.
        let numbered = rows
            .clone()
            .map(|row| u32::try_from(row).unwrap_or(u32::MAX));
        self.records.extend(numbered.map(|row| Record {
            text: RecordText::Row(columns, row),
            ..Record::default()
        }));
        self.odd.clear();
        self.odd.resize(rows.len(), self.is_odd);
        if self.is_odd {
            return;
        }
        columns.fill(rows, self);
        for (record, odd) in self.records.iter().zip(&mut self.odd) {
            *odd |= !record.families_agree();
        }
    }

    /// Adds a column of whole numbers. A negative number makes its row odd.
    pub fn numbers(&mut self, column: usize, values: impl Iterator<Item = Option<i64>>) {
        let step = self.step(column);
        if step != Step::Skip(1) {
            let mut numbers = std::mem::take(&mut self.numbers);
            numbers.clear();
            numbers.extend(values);
            self.put_numbers(step, &numbers);
            self.numbers = numbers;
        }
    }

    /// Adds a column of texts. An empty text is no value, and a text that is not plain makes its
    /// row odd.
    pub fn texts(&mut self, column: usize, values: impl Iterator<Item = &'a [u8]>) {
        let mut texts = std::mem::take(&mut self.texts);
        texts.clear();
        texts.extend(values);
        self.put_texts(self.step(column), &texts);
        if self.is_quoting {
            self.put(texts.iter(), |_, text| !text.starts_with(b"\""));
        }
        self.texts = texts;
    }

    /// Adds a column of values of other types. `is_there` says which rows have a value; those rows
    /// are odd.
    pub fn others(&mut self, column: usize, is_there: impl Iterator<Item = bool>) {
        if self.step(column) != Step::Skip(1) {
            self.put(is_there, |_, is_there| !is_there);
        }
    }

    fn step(&self, column: usize) -> Step {
        self.steps.get(column).copied().unwrap_or(Step::Skip(1))
    }

    /// Adds a value to each record. Records with a value that is not plain become odd.
    #[inline(always)]
    fn put<T>(
        &mut self,
        values: impl Iterator<Item = T>,
        put: impl Fn(&mut Record<'a>, T) -> bool,
    ) {
        let records = self.records.iter_mut().zip(&mut self.odd);
        for ((record, odd), value) in records.zip(values) {
            *odd |= !put(record, value);
        }
    }

    fn put_numbers(&mut self, step: Step, numbers: &[Option<i64>]) {
        let numbers = numbers.iter().copied();
        match step {
            Step::SourcePort => self.put(numbers, |r, n| narrow(n, &mut r.source_port)),
            Step::DestinationPort => self.put(numbers, |r, n| narrow(n, &mut r.destination_port)),
            Step::Protocol => self.put(numbers, |r, n| narrow(n, &mut r.protocol)),
            Step::Packets => self.put(numbers, |r, n| narrow(n, &mut r.packets)),
            Step::Bytes => self.put(numbers, |r, n| narrow(n, &mut r.bytes)),
            Step::Start => self.put(numbers, |r, n| time(n, &mut r.start_ns)),
            Step::End => self.put(numbers, |r, n| time(n, &mut r.end_ns)),
            Step::Flags => self.put(numbers, |r, n| {
                let mut bits = None;
                let is_plain = narrow(n, &mut bits);
                r.flags = bits.map(ObservedFlags);
                is_plain
            }),
            Step::TrafficPath => self.put(numbers, |r, n| narrow(n, &mut r.traffic_path)),
            Step::Skip(_) => {}
            Step::Eni
            | Step::EniElse
            | Step::Source
            | Step::Destination
            | Step::PktSource
            | Step::PktDestination
            | Step::Action
            | Step::LogStatus
            | Step::Direction => self.put(numbers, |_, number| number.is_none()),
        }
    }

    fn put_texts(&mut self, step: Step, texts: &[&'a [u8]]) {
        let texts = texts.iter().copied();
        match step {
            Step::Skip(_) => self.put(texts, |_, text| is_plain(text)),
            Step::Eni => self.put(texts, |r, text| {
                if !is_dash(text) {
                    r.eni = text;
                }
                is_plain(text)
            }),
            Step::EniElse => self.put(texts, |r, text| {
                if !is_dash(text) && r.eni.is_empty() {
                    r.eni = text;
                }
                is_plain(text)
            }),
            Step::Source => self.put(texts, |r, t| address(t, &mut r.source)),
            Step::Destination => self.put(texts, |r, t| address(t, &mut r.destination)),
            Step::PktSource => self.put(texts, |r, t| address(t, &mut r.pkt_source)),
            Step::PktDestination => self.put(texts, |r, t| address(t, &mut r.pkt_destination)),
            Step::SourcePort => self.put(texts, |r, t| whole(t, grammar::port, &mut r.source_port)),
            Step::DestinationPort => {
                self.put(texts, |r, t| {
                    whole(t, grammar::port, &mut r.destination_port)
                });
            }
            Step::Protocol => self.put(texts, |r, t| whole(t, grammar::byte, &mut r.protocol)),
            Step::Packets => self.put(texts, |r, t| whole(t, leaf::number, &mut r.packets)),
            Step::Bytes => self.put(texts, |r, t| whole(t, leaf::number, &mut r.bytes)),
            Step::Start => self.put(texts, |r, t| whole(t, grammar::time, &mut r.start_ns)),
            Step::End => self.put(texts, |r, t| whole(t, grammar::time, &mut r.end_ns)),
            Step::Action => self.put(texts, |r, t| whole(t, grammar::action, &mut r.action)),
            Step::LogStatus => self.put(texts, |r, t| {
                r.log_status = LogStatus::Ok;
                whole(t, grammar::log_status, &mut r.log_status)
            }),
            Step::Flags => self.put(texts, |r, t| whole(t, grammar::flags, &mut r.flags)),
            Step::Direction => {
                self.put(texts, |r, t| whole(t, grammar::direction, &mut r.direction))
            }
            Step::TrafficPath => {
                self.put(texts, |r, t| whole(t, grammar::byte, &mut r.traffic_path));
            }
        }
    }
}

#[inline(always)]
fn narrow<T: TryFrom<i64>>(number: Option<i64>, place: &mut Option<T>) -> bool {
    *place = number.and_then(|number| T::try_from(number).ok());
    place.is_some() || number.is_none()
}

#[inline(always)]
fn time(number: Option<i64>, place: &mut Option<i64>) -> bool {
    let value = number.map(|number| u64::try_from(number).ok().and_then(instant::from_epoch));
    *place = value.flatten();
    place.is_some() || number.is_none()
}

#[inline(always)]
fn address(text: &[u8], place: &mut Option<IpAddr>) -> bool {
    *place = if is_dash(text) {
        None
    } else {
        address::whole(text)
    };
    place.is_some() || is_dash(text)
}

/// Parses a text that must be exactly one value.
#[inline(always)]
fn whole<'a, T>(text: &'a [u8], leaf: impl Fn(&'a [u8]) -> Leaf<'a, T>, place: &mut T) -> bool {
    match leaf(text) {
        _ if text.is_empty() => true,
        Ok(([], value)) => {
            *place = value;
            true
        }
        _ => false,
    }
}

/// Whether a cell read by the grammar would hold no value.
#[inline(always)]
fn is_dash(text: &[u8]) -> bool {
    matches!(text, b"" | b"-")
}

/// Whether a text is a valid cell unchanged, without blanks, control characters or anything beyond
/// ASCII.
#[inline(always)]
fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<8>() else {
        return text.iter().all(u8::is_ascii_graphic);
    };
    let whole = text
        .chunks_exact(8)
        .all(|chunk| chunk.first_chunk().is_some_and(are_graphic));
    whole && are_graphic(last)
}

/// Whether eight bytes are graphic ASCII characters.
#[inline(always)]
fn are_graphic(chunk: &[u8; 8]) -> bool {
    let word = u64::from_le_bytes(*chunk);
    // Without high bits, no lane carries into the next one. The bytes must be above 0x20 and below
    // 0x7f.
    let low = word & !HIGH_BITS;
    let above = low.wrapping_add(0x5f * LANES);
    let below = !low.wrapping_add(LANES);
    (above & below & !word & HIGH_BITS) == HIGH_BITS
}

/// The rows of a table, read column by column.
pub struct ColumnRows<'a> {
    columns: &'a dyn Columns,
    layout: Arc<Layout>,
    filling: Filling<'a>,
    /// The range of rows that the records were filled from.
    filled: Range<usize>,
    /// The next row.
    at: usize,
    /// Odd rows as lines, and how many bytes of them have been read.
    lines: Vec<u8>,
    lines_at: usize,
}

impl<'a> ColumnRows<'a> {
    /// Returns the rows of `columns`, which have the columns of `layout`.
    pub fn new(columns: &'a dyn Columns, layout: Arc<Layout>) -> Self {
        Self {
            columns,
            filling: Filling::new(&layout),
            layout,
            filled: 0..0,
            at: 0,
            lines: Vec::new(),
            lines_at: 0,
        }
    }

    /// Returns the number of rows.
    pub fn count(&self) -> usize {
        self.columns.row_count()
    }

    /// Reads the line of an odd row, and moves to the row after it.
    #[inline(never)]
    fn read_odd(&mut self) -> Option<(Row<'_>, &Arc<Layout>)> {
        if self.lines_at == self.lines.len() {
            self.lines.clear();
            self.lines_at = 0;
            let begin = self.filled.start;
            let mut odd = (self.at..self.filled.end).filter(|row| self.filling.odd[row - begin]);
            self.columns.write_lines(&mut odd, &mut self.lines);
        }
        self.at += 1;
        let rest = &self.lines[self.lines_at..];
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |len| len + 1);
        self.lines_at += len;
        let mut rows = Rows::new(&rest[..len], Arc::clone(&self.layout));
        let (_, row) = rows.next()?;
        if !Arc::ptr_eq(rows.layout(), &self.layout) {
            // The rows after it have another column order, in which no column has been checked.
            self.layout = Arc::clone(rows.layout());
            self.filling.is_odd = true;

            self.filled.end = self.at;
        }
        Some((row, &self.layout))
    }
}

impl super::plain::PlainSource for ColumnRows<'_> {}

impl RowSource for ColumnRows<'_> {
    #[inline]
    fn next_row(&mut self) -> Option<(Row<'_>, &Arc<Layout>)> {
        if self.at == self.filled.end {
            let end = self.columns.row_count().min(self.at + ROWS_AT_A_TIME);
            if self.at == end {
                return None;
            }
            self.filled = self.at..end;
            self.filling.fill(self.columns, self.filled.clone());
            self.lines_at = self.lines.len();
        }
        let index = self.at - self.filled.start;
        if self.filling.odd[index] {
            return self.read_odd();
        }
        self.at += 1;
        Some((row(self.filling.records[index]), &self.layout))
    }

    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }
}

/// Number of records filled together. With their columns, they stay in the processor's cache.
const ROWS_AT_A_TIME: usize = 512;
