//! Unwrapped records in batches: lines of text, or rows of a table.
//!
//! The record stage reads lines under one column order at a time, and numbers them. So records are
//! collected into batches: first lines of one kind, then whatever followed them that is not a line.
//! Each of these counts as one, so that the number of a line is the number of the record in its
//! file.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use super::byte_counts::{ByteCount, ip_count};
use super::json::{Json, JsonNumber};
use super::parquet::TableRows;
use crate::record::{ByteUnit, ColumnRows, Field, Layout, Rows, tag_cell, unbroken};

/// Lines of text or rows of a table, and the items after them.
#[derive(Debug, Default)]
pub struct Batch {
    /// The column order of the first row, or `None` if unknown.
    pub layout: Option<Arc<Layout>>,
    /// The kind of the lines.
    pub lines: Lines,
    /// What the `bytes` of the lines counted, if that is not IP packets.
    pub bytes: ByteCount,
    /// The lines, each with its line end.
    pub text: Vec<u8>,
    /// Rows of a table, used instead of lines.
    pub table: Option<TableRows>,
    /// Records after the lines that could not be unwrapped.
    pub faults: Vec<LostRecords>,
    /// Number of AWS control messages after the lines. Each counts as one record.
    pub control_count: u64,
    /// Number of table rows without any value, after the lines. Each counts as one record.
    pub blank_count: u64,
    /// Lines with nothing to read, after the lines.
    pub blank_line_count: u64,
    /// Values that may hold records of other logs, if they are kept. They are counted apart from the
    /// lines.
    pub values: Vec<KeptValue>,
}

/// A value of a file whose values are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum KeptValue {
    /// The text of a value that is JSON.
    Text(Vec<u8>),
    /// The kind of problem of a value that is not, and what was found.
    Broken(&'static str, String),
}

/// The kind of the lines in a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Lines {
    /// Records as they were logged.
    #[default]
    Plain,
    /// Records as they were logged, each preceded by the time of its event.
    Timed,
    /// Values of these columns, separated by blanks, with `-` for no value. `bytes` were counted in
    /// this unit, and are converted to IP packets.
    Columns(Arc<[String]>, ByteUnit),
}

impl Lines {
    /// Whether lines are of the same kind. Nearly always, the columns are the same ones.
    fn are_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Columns(own, unit), Self::Columns(names, other)) if unit == other => {
                Arc::ptr_eq(own, names) || own == names
            }
            _ => self == other,
        }
    }
}

/// Consecutive wrapped records that are lost.
#[derive(Clone, Debug, PartialEq)]
pub struct LostRecords {
    /// Number of lost records. `found` describes the first of them.
    pub count: u64,
    /// The kind of problem, in the same words for all records of that kind.
    pub kind: &'static str,
    /// What was found, and what was expected.
    pub found: String,
}

impl LostRecords {
    /// Returns a lost row of a table whose line would be too long.
    pub(super) fn long_row() -> Self {
        Self {
            count: 1,
            kind: "row of more than 1 MiB",
            found: "expected at most 1 MiB in the columns that are read".into(),
        }
    }
}

/// Returns the beginning of `text`, quoted and escaped, to show what was found instead of a record.
pub(super) fn excerpt(text: &[u8]) -> String {
    let front = &text[..text.len().min(EXCERPT_LEN)];
    let dots = if front.len() < text.len() { "…" } else { "" };
    format!("{:?}{dots}", String::from_utf8_lossy(front))
}

const EXCERPT_LEN: usize = 60;

/// A record as named values. A missing value is `None`.
pub(super) type NamedValues<'a> = Vec<(&'static str, Option<Json<'a>>)>;

/// Returns the values of a record with blanks between them, and `-` for no value.
#[cfg(test)]
pub(super) fn joined(row: &NamedValues<'_>) -> String {
    let cells = row.iter().map(|(_, value)| match value {
        Some(Json::Text(text)) if !text.is_empty() => text.to_string(),
        Some(Json::Number(number)) => number.to_string(),
        _ => "-".to_owned(),
    });
    cells.collect::<Vec<_>>().join(" ")
}

/// Returns the value at the first of `paths` that exists in `value`.
pub(super) fn cell<'a>(value: &Json<'a>, paths: &[[&str; 2]]) -> Option<Json<'a>> {
    paths.iter().find_map(|path| value.at(path)).cloned()
}

/// Collects lines into batches.
pub(super) struct Gatherer {
    done: VecDeque<Batch>,
    open: Batch,
    columns: KeysMet,
    /// Bytes in the values kept in the current batch.
    values_len: usize,
    target_len: usize,
}

/// The columns found so far. Columns are only ever added, so a record without some of them keeps
/// the same column order.
#[derive(Default)]
struct KeysMet {
    names: Vec<String>,
    index_of: HashMap<String, usize>,
    /// The column after the latest one: most records name the same columns in the same order.
    next: usize,
    /// Whether each column holds the value of a tag.
    are_tags: Vec<bool>,
    /// The value of each column in the current row. Empty for no value.
    cells: Vec<String>,
    shared: Option<Arc<[String]>>,
}

impl Gatherer {
    /// Creates a collector for batches of about `target_len` bytes.
    pub(super) fn new(target_len: usize) -> Self {
        Self {
            done: VecDeque::new(),
            open: Batch::default(),
            columns: KeysMet::default(),
            values_len: 0,
            target_len,
        }
    }

    pub(super) fn set_target_len(&mut self, target_len: usize) {
        self.target_len = target_len;
    }

    /// Returns a complete batch, if there is one.
    pub(super) fn pop(&mut self) -> Option<Batch> {
        self.done.pop_front()
    }

    /// Whether a batch is complete, or the current one holds enough.
    pub(super) fn is_full(&self) -> bool {
        !self.done.is_empty() || self.open.text.len() >= self.target_len
    }

    /// Completes the current batch.
    pub(super) fn flush(&mut self) {
        let batch = std::mem::take(&mut self.open);
        self.values_len = 0;
        if !batch.is_empty() {
            self.done.push_back(batch);
        }
    }

    /// Adds a record as it was logged, optionally with the time of its event.
    pub(super) fn message(&mut self, time_ms: Option<i64>, message: &str) {
        let time = time_ms.and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
        let lines = if time.is_some() {
            Lines::Timed
        } else {
            Lines::Plain
        };
        self.begin_line(&lines);
        for line in message.trim_end_matches(['\r', '\n']).split('\n') {
            if let Some(time) = time {
                self.open
                    .text
                    .extend_from_slice(time.to_string().as_bytes());
                self.open.text.push(b' ');
            }
            self.open.text.extend_from_slice(line.as_bytes());
            self.open.text.push(b'\n');
        }
    }

    /// Adds a record of named values. Names that hold objects or several values are skipped.
    pub(super) fn row<'v>(&mut self, members: impl Iterator<Item = (&'v str, &'v Json<'v>)>) {
        self.row_counted_in(ByteUnit::IpPacket, members);
    }

    fn row_counted_in<'v>(
        &mut self,
        unit: ByteUnit,
        members: impl Iterator<Item = (&'v str, &'v Json<'v>)>,
    ) {
        let members = members.map(|(name, value)| (name, value.sole()));
        for (name, value) in members.filter(|(_, value)| value.is_scalar()) {
            self.columns.enter(name, value);
        }
        if self.columns.names.is_empty() {
            return self.fault("JSON without a value", || "expected a record".into());
        }
        let names = self.columns.shared();
        self.begin_line(&Lines::Columns(names, unit));
        self.columns.write(&mut self.open.text);
    }

    /// Adds a record whose values were found under other names.
    pub(super) fn named(&mut self, row: &NamedValues<'_>) {
        let cells = row.iter();
        self.row(cells.map(|(name, value)| (*name, value.as_ref().unwrap_or(&Json::Null))));
    }

    /// Adds a record whose values were found under other names, and whose `bytes` were counted in
    /// `unit`. They are converted to IP packets.
    ///
    /// A count that is impossible in that unit is left as it is.
    pub(super) fn named_in(&mut self, unit: ByteUnit, row: &NamedValues<'_>) {
        let (unit, count) = match ip_count(unit, row) {
            Ok(count) => (unit, count),
            Err(_) => (ByteUnit::IpPacket, None),
        };
        let converted = count.map(|count| Json::Number(JsonNumber::Unsigned(count.ip)));
        let cells = row.iter().map(|(name, value)| match &converted {
            Some(bytes) if *name == "bytes" => (*name, bytes),
            _ => (*name, value.as_ref().unwrap_or(&Json::Null)),
        });
        self.row_counted_in(unit, cells);
        if let (true, Some(count)) = (unit != ByteUnit::IpPacket, count) {
            self.open.bytes.add(count);
        }
    }

    /// Adds a lost record. For a series of the same kind, only the first few are described.
    pub(super) fn fault(&mut self, kind: &'static str, found: impl FnOnce() -> String) {
        if self.open.blank_line_count > 0 {
            self.flush(); // the blank lines come before the fault
        }
        let faults = &mut self.open.faults;
        let alike = faults.iter().rev().take_while(|fault| fault.kind == kind);
        let are_enough = alike.take(EXAMPLES_MAX).count() == EXAMPLES_MAX;
        match faults.last_mut().filter(|_| are_enough) {
            Some(last) => last.count += 1,
            None => faults.push(LostRecords {
                count: 1,
                kind,
                found: found(),
            }),
        }
        if faults.len() >= FAULTS_MAX || faults.last().is_some_and(|last| last.count >= ALIKE_MAX) {
            self.flush();
        }
    }

    /// Keeps a value.
    pub(super) fn keep(&mut self, value: KeptValue) {
        self.values_len += match &value {
            KeptValue::Text(text) => text.len(),
            KeptValue::Broken(_, found) => found.len(),
        };
        self.open.values.push(value);
        if self.values_len >= self.target_len || self.open.values.len() >= FAULTS_MAX {
            self.flush();
        }
    }

    /// Counts a line with nothing to read.
    pub(super) fn blank(&mut self) {
        self.open.blank_line_count += 1;
    }

    /// Adds a control message.
    pub(super) fn control(&mut self) {
        self.open.control_count += 1;
    }

    fn begin_line(&mut self, lines: &Lines) {
        let open = &self.open;
        let has_ended =
            !open.faults.is_empty() || open.control_count > 0 || open.blank_line_count > 0;
        if has_ended || open.text.len() >= self.target_len || !open.lines.are_like(lines) {
            self.flush();
        }
        if self.open.text.is_empty() {
            self.open.lines = lines.clone();
        }
    }
}

/// The rows of a batch, in order.
pub enum BatchRows<'a> {
    /// Rows that are lines.
    Lines(Rows<'a>),
    /// Rows of a table.
    Columns(ColumnRows<'a>),
}

impl Batch {
    /// Returns the rows without the lost ones, or `None` if their column order is unknown.
    pub fn rows(&self) -> Option<BatchRows<'_>> {
        let layout = Arc::clone(self.layout.as_ref()?);
        Some(match &self.table {
            Some(table) => BatchRows::Columns(ColumnRows::new(table, layout)),
            None => BatchRows::Lines(Rows::new(&self.text, layout)),
        })
    }

    /// Returns what the `bytes` of the lines counted before they were converted.
    pub fn byte_unit(&self) -> ByteUnit {
        match &self.lines {
            Lines::Columns(_, unit) => *unit,
            Lines::Plain | Lines::Timed => ByteUnit::IpPacket,
        }
    }

    pub(super) fn of_table(table: TableRows) -> Self {
        Self {
            table: Some(table),
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty()
            && self.faults.is_empty()
            && self.control_count == 0
            && self.blank_line_count == 0
            && self.values.is_empty()
    }
}

impl KeysMet {
    fn enter(&mut self, name: &str, value: &Json<'_>) {
        let expected = self.names.get(self.next).filter(|next| *next == name);
        let known = match expected {
            Some(_) => Some(self.next),
            None => self.index_of.get(name).copied(),
        };
        let index = match known {
            Some(index) => index,
            None if self.names.len() == COLUMNS_MAX || name.len() > NAME_LEN_MAX => return,
            None => {
                self.index_of.insert(name.to_owned(), self.names.len());
                self.names.push(name.to_owned());
                let field = Field::from_name(name.as_bytes());
                self.are_tags.push(field.is_some_and(Field::is_tag));
                self.cells.push(String::new());
                self.shared = None;
                self.names.len() - 1
            }
        };
        self.next = index + 1;
        let cell = &mut self.cells[index];
        cell.clear();
        match value {
            Json::Bool(value) => cell.push_str(if *value { "true" } else { "false" }),
            Json::Number(JsonNumber::Unsigned(number)) => {
                cell.push_str(itoa::Buffer::new().format(*number));
            }
            Json::Number(number) => {
                let _ = write!(cell, "{number}"); // a String takes anything
            }
            Json::Text(text) if self.are_tags[index] => cell.push_str(&tag_cell(text)),
            Json::Text(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                cell.push_str(text);
            }
            Json::Text(text) => cell.extend(text.trim().chars().map(unbroken)),
            Json::Null | Json::Array(_) | Json::Object(_) => {}
        }
    }

    fn shared(&mut self) -> Arc<[String]> {
        let names = &self.names;
        Arc::clone(self.shared.get_or_insert_with(|| names.as_slice().into()))
    }

    /// Writes the current row and clears it.
    fn write(&mut self, text: &mut Vec<u8>) {
        self.next = 0;
        for cell in &mut self.cells {
            text.extend_from_slice(if cell.is_empty() {
                b"-"
            } else {
                cell.as_bytes()
            });
            text.push(b' ');
            cell.clear();
        }
        text.pop();
        text.push(b'\n');
    }
}

/// Maximum number of columns, more than any log has. Further columns are ignored.
const COLUMNS_MAX: usize = 512;

/// Longest name of a column in bytes. No field has a longer name.
const NAME_LEN_MAX: usize = 256;

/// Maximum number of faults collected before their batch ends.
const FAULTS_MAX: usize = 1024;

/// Maximum number of consecutive faults of one kind that are described. A summary shows no more.
const EXAMPLES_MAX: usize = 3;

/// Maximum number of lost records in one fault, so that batches still show the progress through the
/// file.
const ALIKE_MAX: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(gatherer: &mut Gatherer) -> Vec<Batch> {
        gatherer.flush();
        std::iter::from_fn(|| gatherer.pop()).collect()
    }

    fn row(gatherer: &mut Gatherer, text: &str) {
        let value = Json::parse(text.as_bytes()).unwrap();
        let members = value.members().unwrap().iter();
        gatherer.row(members.map(|(name, value)| (&**name, value)));
    }

    fn text(batch: &Batch) -> &str {
        std::str::from_utf8(&batch.text).unwrap()
    }

    #[test]
    fn rows_with_keys_in_any_order_have_the_same_columns() {
        let mut gatherer = Gatherer::new(1000);
        row(&mut gatherer, r#"{"a":"1","b":2,"nested":{"x":1}}"#);
        row(&mut gatherer, r#"{"b":null,"a":""}"#);
        row(&mut gatherer, r#"{"b":" x y\n","a":true}"#);
        let [batch] = &batches(&mut gatherer)[..] else {
            panic!("one batch")
        };
        assert_eq!(
            batch.lines,
            Lines::Columns(["a".into(), "b".into()].into(), ByteUnit::IpPacket)
        );
        assert_eq!(text(batch), "1 2\n- -\ntrue x_y\n");
    }

    #[test]
    fn new_column_begins_a_batch() {
        let mut gatherer = Gatherer::new(1000);
        row(&mut gatherer, r#"{"a":1}"#);
        row(&mut gatherer, r#"{"b":2}"#);
        let batches = batches(&mut gatherer);
        assert_eq!(
            batches.iter().map(text).collect::<Vec<_>>(),
            ["1\n", "- 2\n"]
        );
    }

    #[test]
    fn messages_keep_the_time_before_them() {
        let mut gatherer = Gatherer::new(1000);
        gatherer.message(Some(1_714_564_803_000), "2 OK\n");
        gatherer.message(None, "3 OK");
        let batches = batches(&mut gatherer);
        assert_eq!(batches[0].lines, Lines::Timed);
        assert_eq!(text(&batches[0]), "2024-05-01T12:00:03Z 2 OK\n");
        assert_eq!(text(&batches[1]), "3 OK\n");
    }

    #[test]
    fn faults_of_one_kind_are_counted_and_the_first_are_described() {
        let mut gatherer = Gatherer::new(1000);
        for number in 0..5 {
            gatherer.fault("torn", || number.to_string());
        }
        gatherer.fault("too long", || "x".into());
        gatherer.fault("torn", || "y".into());
        let batch = batches(&mut gatherer).remove(0);
        let faults = batch
            .faults
            .iter()
            .map(|fault| (fault.count, &*fault.found));
        let expected = [(1, "0"), (1, "1"), (3, "2"), (1, "x"), (1, "y")];
        assert_eq!(faults.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn items_that_are_not_lines_follow_the_lines_before_them() {
        let mut gatherer = Gatherer::new(1000);
        gatherer.message(None, "1");
        gatherer.fault("torn", || "x".into());
        gatherer.control();
        gatherer.message(None, "4");
        let batches = batches(&mut gatherer);
        assert_eq!((text(&batches[0]), batches[0].faults.len()), ("1\n", 1));
        assert_eq!(batches[0].control_count, 1);
        assert_eq!((text(&batches[1]), batches[1].faults.len()), ("4\n", 0));
    }
}
