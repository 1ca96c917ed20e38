//! Records taken out of their wrapping: lines of text, or rows of a table.
//!
//! The record stage reads lines under one order of columns at a time, and
//! numbers them. So records are gathered into batches: lines of one kind, then
//! what came behind them and is no line. Each of both counts one, which makes
//! the number of a line the number of the record in its file.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use super::json::Json;
use super::parquet::TableRows;
use crate::record::{ColumnRows, Layout, Rows, unbroken};

/// Lines of text or rows of a table, and what came after them.
#[derive(Debug, Default)]
pub struct Batch {
    /// The column order of the first row; none if it is not known.
    pub layout: Option<Arc<Layout>>,
    /// What the lines are.
    pub lines: Lines,
    /// The lines, each with its end.
    pub text: Vec<u8>,
    /// Rows of a table, in place of lines.
    pub table: Option<TableRows>,
    /// What could not be taken out of its wrapping, after the lines.
    pub faults: Vec<LostRecords>,
    /// Control messages of AWS, behind the lines; each stands for one record.
    pub control_count: u64,
    /// Rows of a table without any value, after the lines; each stands for one record.
    pub blank_count: u64,
}

/// What the lines of a batch are.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Lines {
    /// Records as they were logged.
    #[default]
    Plain,
    /// The same, with the event's time in front.
    Timed,
    /// Values of these columns, with a blank between them and `-` for none.
    Columns(Arc<[String]>),
}

/// Wrapped records that are lost, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct LostRecords {
    /// How many; `found` is of the first of them.
    pub count: u64,
    /// What is wrong, in the same words for all of its kind.
    pub kind: &'static str,
    /// What was found, and what was expected.
    pub found: String,
}

impl LostRecords {
    /// A row of a table that is longer than a line may be.
    pub(super) fn long_row() -> Self {
        Self {
            count: 1,
            kind: "row of more than 1 MiB",
            found: "expected at most 1 MiB in the columns that are read".into(),
        }
    }
}

/// What was found in place of a record: the front of `text`, quoted and escaped.
pub(super) fn excerpt(text: &[u8]) -> String {
    let front = &text[..text.len().min(EXCERPT_LEN)];
    let dots = if front.len() < text.len() { "…" } else { "" };
    format!("{:?}{dots}", String::from_utf8_lossy(front))
}

const EXCERPT_LEN: usize = 60;

/// A record as named values; those that are absent are none.
pub(super) type NamedValues<'a> = Vec<(&'static str, Option<Json<'a>>)>;

/// The first of these paths in `value` that leads to something.
pub(super) fn cell<'a>(value: &Json<'a>, paths: &[[&str; 2]]) -> Option<Json<'a>> {
    paths.iter().find_map(|path| value.at(path)).cloned()
}

/// Gathers lines into batches.
pub(super) struct Gatherer {
    done: VecDeque<Batch>,
    open: Batch,
    columns: KeysMet,
    target_len: usize,
}

/// The columns met so far. They are only ever added to, so that a record that
/// lacks some reads as before.
#[derive(Default)]
struct KeysMet {
    names: Vec<String>,
    index_of: HashMap<String, usize>,
    /// The value of each in the row at hand; empty for none.
    cells: Vec<String>,
    shared: Option<Arc<[String]>>,
}

impl Gatherer {
    /// Makes batches of about `target_len` bytes.
    pub(super) fn new(target_len: usize) -> Self {
        Self {
            done: VecDeque::new(),
            open: Batch::default(),
            columns: KeysMet::default(),
            target_len,
        }
    }

    pub(super) fn set_target_len(&mut self, target_len: usize) {
        self.target_len = target_len;
    }

    /// A batch that is complete.
    pub(super) fn pop(&mut self) -> Option<Batch> {
        self.done.pop_front()
    }

    /// Whether a batch is complete, or one that holds enough is at hand.
    pub(super) fn is_full(&self) -> bool {
        !self.done.is_empty() || self.open.text.len() >= self.target_len
    }

    /// Completes the batch at hand.
    pub(super) fn flush(&mut self) {
        let batch = std::mem::take(&mut self.open);
        if !batch.is_empty() {
            self.done.push_back(batch);
        }
    }

    /// Takes in a record as it was logged, perhaps with the time of its event.
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

    /// Takes in a record of named values; names that hold more than a value are passed over.
    pub(super) fn row<'v>(&mut self, members: impl Iterator<Item = (&'v str, &'v Json<'v>)>) {
        for (name, value) in members.filter(|(_, value)| value.is_scalar()) {
            self.columns.enter(name, value);
        }
        if self.columns.names.is_empty() {
            return self.fault("JSON without a value", || "expected a record".into());
        }
        let names = self.columns.shared();
        self.begin_line(&Lines::Columns(names));
        self.columns.write(&mut self.open.text);
    }

    /// Takes in a record of values that were found under the names of others.
    pub(super) fn named(&mut self, row: &NamedValues<'_>) {
        let cells = row.iter();
        self.row(cells.map(|(name, value)| (*name, value.as_ref().unwrap_or(&Json::Null))));
    }

    /// Takes in a record that is lost. Of many alike in a row, only the first are put into words.
    pub(super) fn fault(&mut self, kind: &'static str, found: impl FnOnce() -> String) {
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

    /// Takes in a control message.
    pub(super) fn control(&mut self) {
        self.open.control_count += 1;
    }

    fn begin_line(&mut self, lines: &Lines) {
        let open = &self.open;
        let is_behind = !open.faults.is_empty() || open.control_count > 0;
        if is_behind || open.text.len() >= self.target_len || open.lines != *lines {
            self.flush();
        }
        if self.open.text.is_empty() {
            self.open.lines = lines.clone();
        }
    }
}

/// The rows of a batch, one after the other.
pub enum BatchRows<'a> {
    /// Those of lines.
    Lines(Rows<'a>),
    /// Those of a table.
    Columns(ColumnRows<'a>),
}

impl Batch {
    /// The rows, but for those that are lost; none if their column order is not known.
    pub fn rows(&self) -> Option<BatchRows<'_>> {
        let layout = Arc::clone(self.layout.as_ref()?);
        Some(match &self.table {
            Some(table) => BatchRows::Columns(ColumnRows::new(table, layout)),
            None => BatchRows::Lines(Rows::new(&self.text, layout)),
        })
    }

    pub(super) fn of_table(table: TableRows) -> Self {
        Self {
            table: Some(table),
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.faults.is_empty() && self.control_count == 0
    }
}

impl KeysMet {
    fn enter(&mut self, name: &str, value: &Json<'_>) {
        let index = match self.index_of.get(name) {
            Some(&index) => index,
            None if self.names.len() == COLUMNS_MAX || name.len() > NAME_LEN_MAX => return,
            None => {
                self.index_of.insert(name.to_owned(), self.names.len());
                self.names.push(name.to_owned());
                self.cells.push(String::new());
                self.shared = None;
                self.names.len() - 1
            }
        };
        let cell = &mut self.cells[index];
        cell.clear();
        match value {
            Json::Bool(value) => cell.push_str(if *value { "true" } else { "false" }),
            Json::Number(number) => {
                let _ = write!(cell, "{number}"); // a String takes anything
            }
            Json::Text(text) => cell.extend(text.trim().chars().map(unbroken)),
            Json::Null | Json::Array(_) | Json::Object(_) => {}
        }
    }

    fn shared(&mut self) -> Arc<[String]> {
        let names = &self.names;
        Arc::clone(self.shared.get_or_insert_with(|| names.as_slice().into()))
    }

    /// Writes the row at hand, and forgets it.
    fn write(&mut self, text: &mut Vec<u8>) {
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

/// More names than any log has; those of further columns are passed over.
const COLUMNS_MAX: usize = 512;

/// Longer names are of no field.
const NAME_LEN_MAX: usize = 256;

/// Faults that wait for the end of their batch.
const FAULTS_MAX: usize = 1024;

/// Faults alike, one after the other, that are put into words. A summary has no room for more.
const EXAMPLES_MAX: usize = 3;

/// Lost records of one fault: whoever reads batches wants to know how far the file is read.
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
    fn rows_in_any_order_stand_under_the_same_columns() {
        let mut gatherer = Gatherer::new(1000);
        row(&mut gatherer, r#"{"a":"1","b":2,"nested":{"x":1}}"#);
        row(&mut gatherer, r#"{"b":null,"a":""}"#);
        row(&mut gatherer, r#"{"b":" x y\n","a":true}"#);
        let [batch] = &batches(&mut gatherer)[..] else {
            panic!("one batch")
        };
        assert_eq!(batch.lines, Lines::Columns(["a".into(), "b".into()].into()));
        assert_eq!(text(batch), "1 2\n- -\ntrue x_y\n");
    }

    #[test]
    fn column_that_is_new_begins_a_batch() {
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
    fn messages_keep_their_time_in_front() {
        let mut gatherer = Gatherer::new(1000);
        gatherer.message(Some(1_714_564_803_000), "2 OK\n");
        gatherer.message(None, "3 OK");
        let batches = batches(&mut gatherer);
        assert_eq!(batches[0].lines, Lines::Timed);
        assert_eq!(text(&batches[0]), "2024-05-01T12:00:03Z 2 OK\n");
        assert_eq!(text(&batches[1]), "3 OK\n");
    }

    #[test]
    fn faults_alike_are_counted_and_the_first_put_into_words() {
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
    fn what_is_no_line_stands_behind_the_lines_before_it() {
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
