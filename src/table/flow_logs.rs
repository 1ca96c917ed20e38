//! Flow log records as rows of `vpc_flow_logs`.
//!
//! The names and types are those of AWS's table for text logs, with the newer fields in AWS's order
//! after it: <https://docs.aws.amazon.com/athena/latest/ug/vpc-flow-logs-create-table-statement.html>.
//! `start` and `end` are Unix seconds. `-` is null in columns of numbers and remains `-` in columns of
//! text, as in Athena. A column that the format of a file does not have is null.
//!
//! A line is split once for all its columns, and only the columns of its layout cost anything.

use std::sync::{Arc, OnceLock};

use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type};
use arrow_array::{ArrayRef, NullArray, new_null_array};

use super::column::{ColumnType, TableColumn};
use super::numbers::NumberColumn;
use super::words::WordColumn;
use crate::read::Found;
use crate::record::{
    Column, Field, FieldKind, Layout, LogStatus, NotPlain, PlainKind, PlainLine, PlainLines,
};
use crate::time::SECOND_NS;

/// Returns the columns: one for each field, in the order of [`Field::ALL`].
pub(super) fn columns() -> &'static [TableColumn] {
    static COLUMNS: OnceLock<Vec<TableColumn>> = OnceLock::new();
    COLUMNS.get_or_init(|| Field::ALL.iter().map(|field| column(*field)).collect())
}

fn column(field: Field) -> TableColumn {
    let name: &'static str = match field.name().contains('-') {
        // Once for each field.
        true => Box::leak(field.name().replace('-', "_").into_boxed_str()),
        false => field.name(),
    };
    TableColumn::new(name, kind(field))
}

fn kind(field: Field) -> ColumnType {
    match field {
        Field::Version
        | Field::SrcPort
        | Field::DstPort
        | Field::TcpFlags
        | Field::TrafficPath
        | Field::EncryptionStatus => ColumnType::Int,
        _ if field.kind() == FieldKind::Number => ColumnType::BigInt,
        _ => ColumnType::Text,
    }
}

/// Some columns of records.
pub(super) struct FlowLogColumns {
    columns: Vec<FlowLogColumn>,
    rows: usize,
    expected_rows: usize,
    plan: Option<LayoutPlan>,
}

/// What to do with the records of one layout.
struct LayoutPlan {
    layout: Arc<Layout>,
    /// By column of the layout: the index of the column that has its text.
    texts: Vec<Option<usize>>,
    /// The columns with values that the record has in parsed form.
    parsed: Vec<usize>,
    /// The columns that only other layouts have.
    absent: Vec<usize>,
    /// The columns of a plain line that are in the table.
    plain: Vec<PlainColumn>,
    /// Those that are not, and must be plain too. `None` until there is a plain line.
    checks: Option<Vec<(usize, PlainKind)>>,
}

/// A column of a plain line.
struct PlainColumn {
    /// Its index in the line.
    at: usize,
    /// Its index in the table.
    column: usize,
    kind: PlainKind,
}

struct FlowLogColumn {
    field: Field,
    /// `None` as long as no record has the field.
    values: Option<FlowLogValues>,
}

enum FlowLogValues {
    Int(NumberColumn<Int32Type>),
    BigInt(NumberColumn<Int64Type>),
    Text(Box<WordColumn>),
}

impl FlowLogColumns {
    /// Creates empty columns with room for about this many rows.
    pub(super) fn new(columns: &[usize], rows: usize) -> Self {
        let columns = columns.iter().map(|index| FlowLogColumn {
            field: Field::ALL[*index],
            values: None,
        });
        Self {
            columns: columns.collect(),
            rows: 0,
            expected_rows: rows,
            plan: None,
        }
    }

    /// Adds a record as a row.
    pub(super) fn put(&mut self, found: &Found<'_>) {
        self.plan_for(found.layout);
        let Some(plan) = &self.plan else { return };
        for index in &plan.parsed {
            self.columns[*index].put_parsed(found);
        }
        let columns = &mut self.columns;
        found.record.each_text(&plan.layout, |index, text| {
            if let Some(column) = plan.texts[index] {
                columns[column].put_text(Some(text.unwrap_or(NOT_LOGGED)));
            }
        });
        for index in &plan.absent {
            columns[*index].put_text(None);
        }
        self.rows += 1;
    }

    /// Adds plain lines as rows, column by column.
    ///
    /// # Errors
    /// A column of one of them is not plain. No row is added.
    #[inline(always)]
    pub(super) fn put_plain_lines(&mut self, lines: &PlainLines<'_>) -> Result<(), NotPlain> {
        self.plan_for(lines.layout());
        let Some(plan) = &mut self.plan else {
            return Err(NotPlain);
        };
        let checks = plan.checks_of(lines.line(0).needs());
        let mut is_plain = lines.iter().all(|line| line.families_agree());
        for (at, kind) in checks {
            is_plain = is_plain && lines.iter().all(|line| line.is_spelled(*at, *kind));
        }
        for of in &plan.plain {
            is_plain = is_plain && self.columns[of.column].put_plain_lines(lines, of.at, of.kind);
        }
        if !is_plain {
            self.take_back();
            return Err(NotPlain);
        }
        for index in &plan.absent {
            (0..lines.count()).for_each(|_| self.columns[*index].put_text(None));
        }
        self.rows += lines.count();
        Ok(())
    }

    /// Makes the plan for records of a layout, unless it is that of the records before.
    #[inline(always)]
    fn plan_for(&mut self, layout: &Arc<Layout>) {
        let is_known = |plan: &LayoutPlan| Arc::ptr_eq(&plan.layout, layout);
        if !self.plan.as_ref().is_some_and(is_known) {
            self.plan = Some(self.plan(layout));
        }
    }

    /// Removes what was added of rows that were not put.
    #[cold]
    fn take_back(&mut self) {
        let values = self.columns.iter_mut();
        for values in values.filter_map(|column| column.values.as_mut()) {
            values.truncate(self.rows);
        }
    }

    /// Prepares for the records of a layout.
    fn plan(&mut self, layout: &Arc<Layout>) -> LayoutPlan {
        let (mut parsed, mut absent) = (Vec::new(), Vec::new());
        let mut texts = vec![None; layout.columns().len()];
        let mut plain = Vec::new();
        for (index, column) in self.columns.iter_mut().enumerate() {
            let at = layout.columns().iter();
            let at = at
                .enumerate()
                .find(|(_, known)| **known == Column::Known(column.field));
            if let Some((at, _)) = at {
                plain.push(PlainColumn {
                    at,
                    column: index,
                    kind: PlainKind::of(column.field),
                });
            }
            match at {
                Some(_) if is_parsed(column.field) => parsed.push(index),
                Some((at, _)) => texts[at] = Some(index),
                None if column.values.is_some() => absent.push(index),
                None => continue,
            }
            let (rows, expected) = (self.rows, self.expected_rows);
            let field = column.field;
            let values = || FlowLogValues::new(field, expected, rows);
            column.values.get_or_insert_with(values);
        }
        LayoutPlan {
            layout: Arc::clone(layout),
            texts,
            parsed,
            absent,
            plain,
            checks: None,
        }
    }

    /// Returns the columns. If dictionaries are wanted, text is in them, and a column that no record has
    /// is of the type of nulls.
    pub(super) fn finish(self, dictionaries: bool) -> Vec<ArrayRef> {
        let rows = self.rows;
        let columns = self.columns.into_iter();
        let columns = columns.map(|column| match column.values {
            Some(FlowLogValues::Int(values)) => Arc::new(values.finish()) as ArrayRef,
            Some(FlowLogValues::BigInt(values)) => Arc::new(values.finish()),
            Some(FlowLogValues::Text(words)) if dictionaries => words.into_dictionary(),
            Some(FlowLogValues::Text(words)) => words.into_views(),
            None if dictionaries => Arc::new(NullArray::new(rows)),
            None => new_null_array(&kind(column.field).arrow(), rows),
        });
        columns.collect()
    }
}

impl LayoutPlan {
    /// Returns those of the columns that must be plain which are not in the table.
    #[inline(always)]
    fn checks_of(&mut self, needs: &[(usize, PlainKind)]) -> &[(usize, PlainKind)] {
        let plain = &self.plain;
        self.checks.get_or_insert_with(|| {
            let is_in = |at| plain.iter().any(|of| of.at == at);
            let needs = needs.iter();
            needs.filter(|(at, _)| !is_in(*at)).copied().collect()
        })
    }
}

impl FlowLogColumn {
    #[inline]
    fn put_parsed(&mut self, found: &Found<'_>) {
        match &mut self.values {
            Some(FlowLogValues::Int(values)) => {
                let number = number(self.field, found);
                values.put(number.and_then(|number| i32::try_from(number).ok()));
            }
            Some(FlowLogValues::BigInt(values)) => values.put(number(self.field, found)),
            Some(FlowLogValues::Text(words)) => {
                words.put(Some(word(self.field, found).unwrap_or(NOT_LOGGED)));
            }
            None => {}
        }
    }

    /// Adds rows with a column of plain lines. Returns whether it is plain in all of them.
    fn put_plain_lines(&mut self, lines: &PlainLines<'_>, at: usize, kind: PlainKind) -> bool {
        let mut lines = lines.iter();
        match (&mut self.values, kind) {
            (Some(FlowLogValues::Text(words)), PlainKind::Text) => {
                lines.all(|line| words.put_if(line.text(at).unwrap_or(NOT_LOGGED), |_| true))
            }
            (Some(FlowLogValues::Text(words)), _) => {
                lines.all(|line| words.put_if(line.word(at), |word| kind.spells(word)))
            }
            (Some(FlowLogValues::BigInt(values)), kind) if kind != PlainKind::Text => {
                lines.all(|line| put_number(values, &line, at, kind, Some))
            }
            (Some(FlowLogValues::Int(values)), kind) if kind != PlainKind::Text => {
                let narrow = |number| i32::try_from(number).ok();
                lines.all(|line| put_number(values, &line, at, kind, narrow))
            }
            _ => {
                lines.for_each(|line| self.put_text(line.text(at)));
                true
            }
        }
    }

    #[inline(always)]
    fn put_text(&mut self, text: Option<&[u8]>) {
        match &mut self.values {
            Some(FlowLogValues::Text(words)) => words.put(text),
            Some(FlowLogValues::Int(values)) => values.put(text.and_then(parsed)),
            Some(FlowLogValues::BigInt(values)) => values.put(text.and_then(parsed)),
            None => {}
        }
    }
}

/// Adds the number of a plain line. Returns whether it is plain.
#[inline(always)]
fn put_number<T: ArrowPrimitiveType>(
    values: &mut NumberColumn<T>,
    line: &PlainLine<'_>,
    at: usize,
    kind: PlainKind,
    value: impl FnOnce(i64) -> Option<T::Native>,
) -> bool {
    let number = line.number(at, kind);
    values.put(number.unwrap_or_default().and_then(value));
    number.is_ok()
}

impl FlowLogValues {
    /// Creates a column that has so many nulls.
    fn new(field: Field, expected_rows: usize, nulls: usize) -> Self {
        match kind(field) {
            ColumnType::Int => {
                let mut values = NumberColumn::with_capacity(expected_rows);
                (0..nulls).for_each(|_| values.put(None));
                Self::Int(values)
            }
            ColumnType::BigInt => {
                let mut values = NumberColumn::with_capacity(expected_rows);
                (0..nulls).for_each(|_| values.put(None));
                Self::BigInt(values)
            }
            _ => {
                let mut words = WordColumn::with_capacity(expected_rows);
                (0..nulls).for_each(|_| words.put(None));
                Self::Text(Box::new(words))
            }
        }
    }

    /// Removes the rows from this one on.
    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Int(values) => values.truncate(rows),
            Self::BigInt(values) => values.truncate(rows),
            Self::Text(words) => words.truncate(rows),
        }
    }
}

/// What a record has in a text column that has no value. It is text, as in Athena.
const NOT_LOGGED: &[u8] = b"-";

/// Whether the record has the value in parsed form.
fn is_parsed(field: Field) -> bool {
    matches!(
        field,
        Field::SrcPort
            | Field::DstPort
            | Field::Protocol
            | Field::Packets
            | Field::Bytes
            | Field::Start
            | Field::End
            | Field::TcpFlags
            | Field::TrafficPath
            | Field::Action
            | Field::FlowDirection
            | Field::LogStatus
    )
}

/// Returns a number that a record has in parsed form, as its column has it; `None` for other fields.
#[inline]
pub(crate) fn number(field: Field, found: &Found<'_>) -> Option<i64> {
    let record = found.record;
    let saturated = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    match field {
        Field::SrcPort => record.source_port.map(i64::from),
        Field::DstPort => record.destination_port.map(i64::from),
        Field::Protocol => record.protocol.map(i64::from),
        Field::Packets => record.packets.map(saturated),
        Field::Bytes => record.bytes.map(saturated),
        Field::Start => record.start_ns.map(|ns| ns.div_euclid(SECOND_NS)),
        Field::End => record.end_ns.map(|ns| ns.div_euclid(SECOND_NS)),
        Field::TcpFlags => record.flags.map(|flags| i64::from(flags.0)),
        Field::TrafficPath => record.traffic_path.map(i64::from),
        _ => None,
    }
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Returns a word in AWS's spelling, whatever the log's spelling is.
fn word(field: Field, found: &Found<'_>) -> Option<&'static [u8]> {
    let record = found.record;
    let word = match field {
        Field::Action => record.action.map(|action| action.name()),
        Field::FlowDirection => record.direction.map(|direction| direction.name()),
        Field::LogStatus => Some(match record.log_status {
            LogStatus::Ok => "OK",
            LogStatus::NoData => "NODATA",
            LogStatus::SkipData => "SKIPDATA",
        }),
        _ => None,
    };
    word.map(str::as_bytes)
}
