//! Conditions of a query that spare files and rows before they become columns.
//!
//! A condition on the extra columns is compared with what a file's path says: a file whose path says
//! that none of its rows matches is not opened. A condition on numbers, addresses and words of flow
//! logs is compared with each record. Whatever is not understood here spares nothing.

use std::cmp::Ordering;
use std::net::IpAddr;

use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use jiff::civil::Date;

use super::extra::{ExtraColumn, FlowTimes};
use crate::archive::s3_path;
use crate::read::Found;
use crate::record::{Field, PlainKind, PlainLine};
use crate::table::{FileFacts, LogTable, record_number};
use crate::time::SECOND_NS;

/// The conditions of one scan, all of which must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Pushdown {
    of_files: Vec<Expr>,
    of_records: Vec<RecordTest>,
}

/// A test of one record. It passes every record that the condition passes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RecordTest {
    /// The number of a field compares so with any of these.
    Number(Field, Operator, Vec<i64>),
    Address(Field, Vec<IpAddr>),
    Word(Field, Vec<String>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// Seconds from the start of a record to the end of the slot in which it was delivered, at most: the
/// longest interval of an ENI and the delay of the delivery.
const DELIVERY_S: i64 = 3_600;

impl Pushdown {
    /// Returns what these conditions spare.
    pub(super) fn of(table: LogTable, times: FlowTimes, filters: &[Expr]) -> Self {
        let mut pushdown = Self::default();
        for filter in filters {
            if table == LogTable::VpcFlowLogs
                && let Some(test) = RecordTest::of(filter, times)
            {
                pushdown.of_records.push(test);
            }
            if is_of_files(filter) {
                pushdown.of_files.push(filter.clone());
            }
        }
        pushdown
    }

    /// Whether they spare nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.of_files.is_empty() && self.of_records.is_empty()
    }

    /// Whether a file may have rows that match.
    pub(super) fn may_have(&self, path: &str, facts: &FileFacts) -> bool {
        let may = self.of_files.iter().all(|filter| may_match(filter, facts));
        let filed_s = s3_path::parse(path).and_then(|path| path.filed_s);
        may && filed_s.is_none_or(|slot| self.of_records.iter().all(|test| test.may_be_in(slot)))
    }

    /// Whether a record may match.
    #[inline(always)]
    pub(super) fn passes(&self, record: &impl TestedRecord) -> bool {
        self.of_records.iter().all(|test| test.passes(record))
    }

    /// Returns the fields that [`passes`](Self::passes) uses.
    pub(super) fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        self.of_records
            .iter()
            .for_each(|test| test.add_fields(&mut fields));
        fields
    }
}

impl RecordTest {
    fn of(filter: &Expr, times: FlowTimes) -> Option<Self> {
        match filter {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::And,
                right,
            }) => {
                let sides = [Self::of(left, times), Self::of(right, times)];
                let known: Vec<Self> = sides.into_iter().flatten().collect();
                (!known.is_empty()).then_some(Self::All(known))
            }
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Or,
                right,
            }) => Some(Self::of(left, times)?.or(Self::of(right, times)?)),
            Expr::BinaryExpr(binary) => {
                let (name, op, value) = comparison(binary)?;
                Self::compared(field(name)?, op, &[value], times)
            }
            Expr::Between(Between {
                expr,
                negated: false,
                low,
                high,
            }) => {
                let field = field(column(expr)?)?;
                let low = Self::compared(field, Operator::GtEq, &[literal(low)?], times)?;
                let high = Self::compared(field, Operator::LtEq, &[literal(high)?], times)?;
                Some(Self::All(vec![low, high]))
            }
            Expr::InList(list) if !list.negated => {
                let values: Option<Vec<_>> = list.list.iter().map(literal).collect();
                Self::compared(field(column(&list.expr)?)?, Operator::Eq, &values?, times)
            }
            _ => None,
        }
    }

    /// Returns the test that this one or another passes. A field that is compared with several values, as the
    /// engine writes a short IN, is read once.
    fn or(self, other: Self) -> Self {
        let mut any = match self {
            Self::Any(tests) => tests,
            test => vec![test],
        };
        let others = match other {
            Self::Any(tests) => tests,
            test => vec![test],
        };
        for test in others {
            let same = any.iter_mut().find_map(|known| match (known, &test) {
                (Self::Number(of, op, values), Self::Number(field, by, _)) => {
                    ((*of, *op) == (*field, *by)).then_some(values)
                }
                _ => None,
            });
            match (same, test) {
                (Some(values), Self::Number(_, _, more)) => values.extend(more),
                (_, test) => any.push(test),
            }
        }
        match any.len() {
            1 => any.remove(0),
            _ => Self::Any(any),
        }
    }

    /// Returns the test that a field compares so with one of these values.
    fn compared(
        field: Field,
        op: Operator,
        values: &[&ScalarValue],
        times: FlowTimes,
    ) -> Option<Self> {
        if is_number(field) {
            let seconds =
                times == FlowTimes::Timestamps && matches!(field, Field::Start | Field::End);
            let number = |value: &&ScalarValue| match seconds {
                true => seconds_of(value),
                false => whole_number(value),
            };
            let numbers: Option<Vec<i64>> = values.iter().map(number).collect();
            // Where times are cut to seconds, the second itself may match.
            let op = match op {
                Operator::Gt if seconds => Operator::GtEq,
                op => op,
            };
            return Some(Self::Number(field, op, numbers?));
        }
        let words: Option<Vec<&str>> = values
            .iter()
            .map(|value| value.try_as_str().flatten())
            .collect();
        // In a record, `-` is the same as a column that its format does not have.
        let words = words.filter(|words| op == Operator::Eq && !words.contains(&"-"))?;
        match field {
            Field::SrcAddr | Field::DstAddr | Field::PktSrcAddr | Field::PktDstAddr => {
                let addresses = words.iter().map(|word| word.parse().ok());
                Some(Self::Address(field, addresses.collect::<Option<_>>()?))
            }
            Field::Action | Field::InterfaceId => {
                let words = words.into_iter().map(str::to_owned);
                Some(Self::Word(field, words.collect()))
            }
            _ => None,
        }
    }

    fn passes(&self, record: &impl TestedRecord) -> bool {
        match self {
            Self::Number(field, op, values) => record.number(*field).is_some_and(|number| {
                let mut any = values.iter();
                match op {
                    Operator::Eq => any.any(|value| number == *value),
                    op => any.any(|value| compares(number.cmp(value), *op)),
                }
            }),
            Self::Address(field, addresses) => record
                .address(*field)
                .is_some_and(|address| addresses.contains(&address)),
            Self::Word(field, words) => record
                .word(*field)
                .is_some_and(|found| words.iter().any(|word| word.as_bytes() == found)),
            Self::All(tests) => tests.iter().all(|test| test.passes(record)),
            Self::Any(tests) => tests.iter().any(|test| test.passes(record)),
        }
    }

    /// Whether a record that ends in this range of Unix seconds may pass.
    fn may_be_in(&self, (from_s, to_s): (i64, i64)) -> bool {
        match self {
            Self::Number(Field::Start | Field::End, op, values) => values.iter().any(|value| {
                // It starts before it ends.
                let is_late_enough = to_s.saturating_add(DELIVERY_S) > *value;
                let is_early_enough = from_s.saturating_sub(DELIVERY_S) <= *value;
                match op {
                    Operator::Gt | Operator::GtEq => is_late_enough,
                    Operator::Lt | Operator::LtEq => is_early_enough,
                    Operator::Eq => is_late_enough && is_early_enough,
                    _ => true,
                }
            }),
            Self::All(tests) => tests.iter().all(|test| test.may_be_in((from_s, to_s))),
            Self::Any(tests) => tests.iter().any(|test| test.may_be_in((from_s, to_s))),
            _ => true,
        }
    }

    fn add_fields(&self, fields: &mut Vec<Field>) {
        match self {
            Self::Number(field, ..) | Self::Address(field, _) | Self::Word(field, _) => {
                fields.push(*field);
            }
            Self::All(tests) | Self::Any(tests) => {
                tests.iter().for_each(|test| test.add_fields(fields));
            }
        }
    }
}

/// Returns the field that a table calls `name`.
fn field(name: &str) -> Option<Field> {
    Field::ALL
        .iter()
        .copied()
        .find(|field| field.name().replace('-', "_") == name)
}

fn is_number(field: Field) -> bool {
    matches!(
        field,
        Field::SrcPort
            | Field::DstPort
            | Field::Protocol
            | Field::Packets
            | Field::Bytes
            | Field::TcpFlags
            | Field::Start
            | Field::End
    )
}

/// What tests compare.
pub(super) trait TestedRecord {
    /// Returns the number of a field, as its column has it.
    fn number(&self, field: Field) -> Option<i64>;
    /// Returns the address of a field.
    fn address(&self, field: Field) -> Option<IpAddr>;
    /// Returns the action or the ENI.
    fn word(&self, field: Field) -> Option<&[u8]>;
}

impl TestedRecord for Found<'_> {
    fn number(&self, field: Field) -> Option<i64> {
        record_number(field, self)
    }

    fn address(&self, field: Field) -> Option<IpAddr> {
        match field {
            Field::SrcAddr => self.record.source,
            Field::DstAddr => self.record.destination,
            Field::PktSrcAddr => self.record.pkt_source,
            _ => self.record.pkt_destination,
        }
    }

    fn word(&self, field: Field) -> Option<&[u8]> {
        match field {
            Field::Action => self.record.action.map(|action| action.name().as_bytes()),
            _ => Some(self.record.eni),
        }
    }
}

/// A column that is not plain passes nothing: the line is then read as a record.
impl TestedRecord for PlainLine<'_> {
    #[inline(always)]
    fn number(&self, field: Field) -> Option<i64> {
        let number = self.number(self.index_of(field)?, PlainKind::of(field));
        number.ok().flatten()
    }

    #[inline(always)]
    fn address(&self, field: Field) -> Option<IpAddr> {
        self.address(self.index_of(field)?)
    }

    #[inline(always)]
    fn word(&self, field: Field) -> Option<&[u8]> {
        Some(self.word(self.index_of(field)?))
    }
}

/// Returns the name of a column, whatever type it is compared as.
fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        Expr::Cast(cast) => column(&cast.expr),
        Expr::TryCast(cast) => column(&cast.expr),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// Returns a comparison with the column on its left.
fn comparison(binary: &BinaryExpr) -> Option<(&str, Operator, &ScalarValue)> {
    let op = binary.op;
    let is_known = matches!(
        op,
        Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
    );
    if !is_known {
        return None;
    }
    if let (Some(name), Some(value)) = (column(&binary.left), literal(&binary.right)) {
        return Some((name, op, value));
    }
    let (name, value) = (column(&binary.right)?, literal(&binary.left)?);
    Some((name, op.swap()?, value))
}

fn compares(order: Ordering, op: Operator) -> bool {
    match op {
        Operator::Eq => order.is_eq(),
        Operator::Lt => order.is_lt(),
        Operator::LtEq => order.is_le(),
        Operator::Gt => order.is_gt(),
        Operator::GtEq => order.is_ge(),
        _ => true,
    }
}

fn whole_number(value: &ScalarValue) -> Option<i64> {
    Some(match value {
        ScalarValue::Int8(value) => i64::from((*value)?),
        ScalarValue::Int16(value) => i64::from((*value)?),
        ScalarValue::Int32(value) => i64::from((*value)?),
        ScalarValue::Int64(value) => (*value)?,
        ScalarValue::UInt8(value) => i64::from((*value)?),
        ScalarValue::UInt16(value) => i64::from((*value)?),
        ScalarValue::UInt32(value) => i64::from((*value)?),
        _ => return None,
    })
}

/// Returns the second of an instant, since the Unix epoch.
fn seconds_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampSecond(value, _) => *value,
        ScalarValue::TimestampMillisecond(value, _) => Some((*value)?.div_euclid(1_000)),
        ScalarValue::TimestampMicrosecond(value, _) => Some((*value)?.div_euclid(1_000_000)),
        ScalarValue::TimestampNanosecond(value, _) => Some((*value)?.div_euclid(SECOND_NS)),
        _ => None,
    }
}

/// Whether a condition says anything about files.
fn is_of_files(filter: &Expr) -> bool {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => is_of_files(left) || is_of_files(right),
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => is_of_files(left) && is_of_files(right),
        Expr::BinaryExpr(binary) => comparison(binary).is_some_and(|(name, ..)| is_fact(name)),
        Expr::Between(between) => !between.negated && column(&between.expr).is_some_and(is_fact),
        Expr::InList(list) => !list.negated && column(&list.expr).is_some_and(is_fact),
        _ => false,
    }
}

fn is_fact(name: &str) -> bool {
    let facts = ExtraColumn::ALL
        .into_iter()
        .filter(|extra| *extra != ExtraColumn::Path);
    facts.into_iter().any(|extra| extra.name() == name)
}

/// Whether a condition may hold for rows of a file with these facts.
fn may_match(filter: &Expr, facts: &FileFacts) -> bool {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => may_match(left, facts) && may_match(right, facts),
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => may_match(left, facts) || may_match(right, facts),
        Expr::BinaryExpr(binary) => {
            comparison(binary).is_none_or(|(name, op, value)| may_compare(name, op, value, facts))
        }
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => {
            let may = |op, bound: &Expr| match (column(expr), literal(bound)) {
                (Some(name), Some(value)) => may_compare(name, op, value, facts),
                _ => true,
            };
            may(Operator::GtEq, low) && may(Operator::LtEq, high)
        }
        Expr::InList(list) if !list.negated => column(&list.expr).is_none_or(|name| {
            let mut values = list.list.iter();
            values.any(|value| {
                literal(value).is_none_or(|value| may_compare(name, Operator::Eq, value, facts))
            })
        }),
        _ => true,
    }
}

/// Whether what the path says of a column compares so with a value, if it says anything.
fn may_compare(name: &str, op: Operator, value: &ScalarValue, facts: &FileFacts) -> bool {
    if let (ScalarValue::Date32(Some(days)), "date") = (value, name) {
        let epoch = Date::constant(1970, 1, 1);
        return facts
            .date
            .is_none_or(|date| compares((date - epoch).get_days().cmp(days), op));
    }
    let Some(text) = value.try_as_str().flatten() else {
        return true;
    };
    let fact = match name {
        "date" => facts.date.map(|date| date.to_string()),
        "day" => facts.date.map(|date| date.strftime("%Y/%m/%d").to_string()),
        "year" => facts.date.map(|date| date.strftime("%Y").to_string()),
        "month" => facts.date.map(|date| date.strftime("%m").to_string()),
        "hour" => facts.hour.map(|hour| format!("{hour:02}")),
        "region" => facts.region.clone(),
        "account" => facts.account.clone(),
        _ => None,
    };
    fact.is_none_or(|fact| compares(fact.as_str().cmp(text), op))
}
