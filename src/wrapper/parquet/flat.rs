//! Converts OCSF events in structs to the columns of a flow log.
//!
//! This does for all events at once what [`ocsf::row`] does for one: a member is null where the
//! struct around it is null, and values of the ENI come from the endpoint that it belongs to. If
//! the types do not allow that, the events are read one by one ([`super::events`]).

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, NullArray, RecordBatch, StringViewArray, StructArray,
};
use arrow_select::nullif::nullif;
use arrow_select::zip as choose;

use super::super::batch::{Batch, Gatherer};
use super::super::ocsf;
use super::cells::{self, ValueTexts};
use super::columns::{TableRows, longest};
use crate::archive::LINE_LEN_MAX;

/// Events by column.
pub(super) struct FlatEvents {
    /// One array for each of [`ocsf::NAMES`].
    arrays: Vec<ArrayRef>,
    /// The class of each event.
    classes: Vec<Option<i64>>,
}

impl FlatEvents {
    /// Returns the events of `rows`, or `None` if they have to be read one by one.
    pub(super) fn of(rows: &RecordBatch) -> Option<Self> {
        let longest: usize = rows.columns().iter().map(|array| longest_of(array)).sum();
        if longest > LINE_LEN_MAX {
            return None;
        }
        let events = EventRows { rows };
        let classes = events.wholes(&["class_uid"])?;
        let runs = classes.chunk_by(are_alike).count();
        if runs > RUNS_MAX {
            return None;
        }
        let arrays = ocsf::NAMES.iter().map(|name| events.column(name));
        let arrays = arrays.collect::<Option<_>>()?;
        Some(Self { arrays, classes })
    }

    /// Passes on the rows that are such events, and counts the events between them as lost.
    pub(super) fn batches(&self, lines: &mut Gatherer, mut deliver: impl FnMut(Batch)) {
        let mut at = 0;
        for run in self.classes.chunk_by(are_alike) {
            if is_used(&run[0]) {
                let arrays = self.arrays.iter().map(|array| array.slice(at, run.len()));
                if let Some(table) = TableRows::of(&arrays.collect::<Vec<_>>()) {
                    deliver(Batch::of_table(table));
                }
            } else {
                for class in run {
                    ocsf::lose(lines, *class);
                }
                lines.flush();
                std::iter::from_fn(|| lines.pop()).for_each(&mut deliver);
            }
            at += run.len();
        }
    }
}

/// Rows that are events.
struct EventRows<'a> {
    rows: &'a RecordBatch,
}

impl EventRows<'_> {
    /// Returns the values of one column of the flow log, or `None` if the types do not allow it.
    fn column(&self, name: &str) -> Option<ArrayRef> {
        let path: &[&str] = match name {
            "account-id" if self.at(&["cloud", "account_uid"]).is_none() => {
                &["cloud", "account", "uid"]
            }
            "account-id" => &["cloud", "account_uid"],
            "srcaddr" => &["src_endpoint", "ip"],
            "dstaddr" => &["dst_endpoint", "ip"],
            "srcport" => &["src_endpoint", "port"],
            "dstport" => &["dst_endpoint", "port"],
            "protocol" => &["connection_info", "protocol_num"],
            "packets" => &["traffic", "packets"],
            "bytes" => &["traffic", "bytes"],
            "start" => return Some(self.first(&ocsf::STARTS)),
            "end" => return Some(self.first(&ocsf::ENDS)),
            "tcp-flags" => &["connection_info", "tcp_flags"],
            "region" => &["cloud", "region"],
            "az-id" => &["cloud", "zone"],
            "interface-id" => return self.own("interface_uid"),
            "vpc-id" => return self.own("vpc_uid"),
            "subnet-id" => return self.own("subnet_uid"),
            "instance-id" => return self.own("instance_uid"),
            "action" => return self.action(),
            "log-status" => return Some(self.status()),
            _ => return self.direction(),
        };
        Some(self.at(path).unwrap_or_else(|| self.none()))
    }

    /// Returns the first of these columns that the table has.
    fn first(&self, names: &[&str]) -> ArrayRef {
        let mut columns = names.iter().filter_map(|name| self.at(&[name]));
        columns.next().unwrap_or_else(|| self.none())
    }

    fn none(&self) -> ArrayRef {
        Arc::new(NullArray::new(self.rows.num_rows()))
    }

    /// Returns the column at the end of a path, null where a struct on the path is null.
    fn at(&self, path: &[&str]) -> Option<ArrayRef> {
        let (first, members) = path.split_first()?;
        let mut array = Arc::clone(self.rows.column_by_name(first)?);
        for member in members {
            let structs: &StructArray = array.as_struct_opt()?;
            let inner = structs.column_by_name(member)?;
            array = if structs.null_count() == 0 {
                Arc::clone(inner)
            } else {
                let rows = 0..structs.len();
                let is_null: BooleanArray = rows.map(|row| Some(structs.is_null(row))).collect();
                nullif(inner, &is_null).ok()?
            };
        }
        Some(array)
    }

    /// Returns a value of the ENI, taken from the endpoint from which the event is seen.
    fn own(&self, member: &str) -> Option<ArrayRef> {
        let [source, destination] =
            [["src_endpoint", member], ["dst_endpoint", member]].map(|path| self.at(&path));
        let (Some(source), Some(destination)) = (&source, &destination) else {
            return Some(source.or(destination).unwrap_or_else(|| self.none()));
        };
        let is_null = |side: &str, row: usize| {
            let side = self.rows.column_by_name(side);
            side.is_some_and(|side| side.is_null(row))
        };
        let is_source = self
            .leaving()?
            .into_iter()
            .enumerate()
            .map(|(row, leaving)| {
                Some(match leaving {
                    Some(false) => is_null("dst_endpoint", row),
                    _ => !is_null("src_endpoint", row),
                })
            });
        let is_source: BooleanArray = is_source.collect();
        (source.data_type() == destination.data_type())
            .then(|| choose::zip(&is_source, source, destination).ok())?
    }

    fn leaving(&self) -> Option<Vec<Option<bool>>> {
        let directions = self.wholes(&["connection_info", "direction_id"])?;
        let directions = directions.into_iter();
        Some(
            directions
                .map(|id| id.map(|id| id == ocsf::LEAVING))
                .collect(),
        )
    }

    fn direction(&self) -> Option<ArrayRef> {
        let words = self.leaving()?.into_iter().map(ocsf::direction);
        Some(Arc::new(StringViewArray::from_iter_values(words)))
    }

    fn action(&self) -> Option<ArrayRef> {
        let actions = self.wholes(&["action_id"])?;
        let dispositions = self.wholes(&["disposition_id"])?;
        let decisive = actions.into_iter().zip(dispositions);
        let words = decisive.map(|(action, disposition)| ocsf::action(action.or(disposition)));
        Some(Arc::new(StringViewArray::from_iter_values(words)))
    }

    fn status(&self) -> ArrayRef {
        let count = self.rows.num_rows();
        let Some(codes) = self.at(&["status_code"]) else {
            return Arc::new(StringViewArray::from_iter_values((0..count).map(|_| "OK")));
        };
        let written = ValueTexts::of(&codes);
        let words = (0..count).map(|row| match cells::text(&codes, row) {
            Some(b"OK") => "OK",
            _ => {
                let mut text = Vec::new();
                cells::write(written.as_ref(), row, &mut text);
                ocsf::status(str::from_utf8(&text).ok())
            }
        });
        Arc::new(StringViewArray::from_iter_values(words))
    }

    /// Returns the whole numbers of a column of any type, with `None` for no value.
    fn wholes(&self, path: &[&str]) -> Option<Vec<Option<i64>>> {
        let Some(array) = self.at(path) else {
            return Some(vec![None; self.rows.num_rows()]);
        };
        if let Some(numbers) = array.as_primitive_opt::<Int32Type>() {
            return Some(numbers.iter().map(|number| number.map(i64::from)).collect());
        }
        if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
            return Some(numbers.iter().collect());
        }
        let written = ValueTexts::of(&array);
        let number = |row| {
            let mut text = Vec::new();
            cells::write(written.as_ref(), row, &mut text);
            str::from_utf8(&text).ok()?.parse().ok()
        };
        Some((0..array.len()).map(number).collect())
    }
}

/// Whether both are events to read, or neither is.
fn are_alike(class: &Option<i64>, other: &Option<i64>) -> bool {
    is_used(class) == is_used(other)
}

fn is_used(class: &Option<i64>) -> bool {
    *class == Some(ocsf::CLASS)
}

/// Returns an upper limit for the length in bytes of one row of a column as text.
fn longest_of(array: &dyn Array) -> usize {
    match array.as_struct_opt() {
        Some(structs) => structs
            .columns()
            .iter()
            .map(|member| longest_of(member))
            .sum(),
        None => longest(array),
    }
}

/// Maximum number of runs of events of one kind in rows that are read by column. Each run is a
/// batch.
const RUNS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use arrow_schema::{DataType, Field, Schema};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::columns::tests::{ROWS, all, make, numbers, texts};
    use super::super::events;
    use super::*;
    use crate::record::{Layout, Rows};
    use crate::wrapper::BatchRows;

    /// Reads events by column and one by one, and checks that the rows and the lost events are
    /// equal.
    fn both(rows: &RecordBatch) -> Vec<String> {
        let layout = Arc::new(Layout::from_names(ocsf::NAMES).unwrap());
        let mut one_by_one = Vec::new();
        let mut lines = Gatherer::new(1 << 20);
        let mut at = 0;
        while at < rows.num_rows() {
            at += events::gather(&rows.slice(at, rows.num_rows() - at), &mut lines);
            lines.flush();
            while let Some(batch) = lines.pop() {
                one_by_one.extend(all(Rows::new(&batch.text, Arc::clone(&layout))));
                one_by_one.extend(batch.faults.iter().map(|lost| format!("{lost:?}")));
            }
        }
        let mut by_column = Vec::new();
        let flat = FlatEvents::of(rows).unwrap();
        flat.batches(&mut lines, |mut batch| {
            batch.layout = Some(Arc::clone(&layout));
            by_column.extend(match batch.rows().unwrap() {
                BatchRows::Lines(rows) => all(rows),
                BatchRows::Columns(rows) => all(rows),
            });
            by_column.extend(batch.faults.iter().map(|lost| format!("{lost:?}")));
        });
        assert_eq!(by_column, one_by_one);
        by_column
    }

    /// Returns a struct with these members, null in the rows where `is_valid` is false.
    fn structs(members: Vec<(&str, ArrayRef)>, is_valid: &[bool]) -> ArrayRef {
        let fields = members
            .iter()
            .map(|(name, array)| Arc::new(Field::new(*name, array.data_type().clone(), true)));
        let fields = fields.collect::<Vec<_>>().into();
        let arrays = members.iter().map(|(_, array)| Arc::clone(array)).collect();
        Arc::new(StructArray::new(
            fields,
            arrays,
            Some(is_valid.to_vec().into()),
        ))
    }

    fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let fields = columns.iter().map(|(name, array)| {
            let kind: &DataType = array.data_type();
            Field::new(*name, kind.clone(), true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(schema, arrays).unwrap()
    }

    fn codes(values: Vec<Option<i64>>) -> ArrayRef {
        make(18, &[], values)
    }

    fn code(of: &'static [i64]) -> impl Strategy<Value = ArrayRef> {
        let value = prop::option::weighted(0.8, select(of));
        prop::collection::vec(value, ROWS).prop_map(codes)
    }

    fn text() -> impl Strategy<Value = ArrayRef> {
        texts().prop_map(|texts| make(30, &texts, Vec::new()))
    }

    fn number() -> impl Strategy<Value = ArrayRef> {
        (numbers(), select(vec![18_u8, 0, 8, 13]))
            .prop_map(|(numbers, kind)| make(kind, &[], numbers))
    }

    fn endpoint() -> impl Strategy<Value = ArrayRef> {
        let valid = prop::collection::vec(prop::bool::weighted(0.8), ROWS);
        let addresses = prop::collection::vec(select(vec!["10.0.0.1", "10.0.9.9", "::1"]), ROWS);
        (
            addresses,
            code(&[22, 443, 70_000]),
            text(),
            text(),
            any::<bool>(),
            valid,
        )
            .prop_map(|(ip, port, eni, vpc, has_vpc, valid)| {
                let ip: ArrayRef = Arc::new(StringViewArray::from_iter_values(ip));
                let mut members = vec![("ip", ip), ("port", port), ("interface_uid", eni)];
                if has_vpc {
                    members.push(("vpc_uid", vpc));
                }
                structs(members, &valid)
            })
    }

    proptest! {
        #[test]
        fn events_by_column_equal_events_read_one_by_one(
            class in code(&[4001, 4001, 4001, 4001, 4002]),
            (source, destination) in (endpoint(), endpoint()),
            (direction, protocol, flags) in (code(&[1, 2, 2]), code(&[6, 17, 300]), number()),
            (packets, bytes, start, end) in (number(), number(), number(), number()),
            (account, region, status, action) in (text(), text(), text(), code(&[1, 2])),
            (valid, has_start) in (prop::collection::vec(prop::bool::weighted(0.9), ROWS), any::<bool>()),
        ) {
            let uid = structs(vec![("uid", account)], &valid);
            let cloud = vec![("account", uid), ("region", region)];
            let connection = vec![
                ("direction_id", direction), ("protocol_num", protocol), ("tcp_flags", flags),
            ];
            let counts = vec![("packets", packets), ("bytes", bytes)];
            let is_always = [true; ROWS];
            both(&table(vec![
                ("class_uid", class),
                ("cloud", structs(cloud, &is_always)),
                ("src_endpoint", source),
                ("dst_endpoint", destination),
                ("connection_info", structs(connection, &valid)),
                ("traffic", structs(counts, &is_always)),
                (if has_start { "start_time" } else { "time" }, start),
                ("end_time", end),
                ("status_code", status),
                (if has_start { "action_id" } else { "disposition_id" }, action),
            ]));
        }
    }
}
