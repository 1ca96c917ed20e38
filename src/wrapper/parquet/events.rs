//! Converts rows that are OCSF events to JSON values of the same events.
//!
//! Structs become objects, so that one table of paths ([`ocsf`]) serves both formats.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};

use super::super::batch::{Gatherer, LostRecords};
use super::super::json::Json;
use super::super::ocsf;
use super::cells::ValueTexts;
use crate::archive::LINE_LEN_MAX;

/// A column whose members may also be columns.
enum EventColumn<'a> {
    Values(ValueTexts<'a>),
    Structs(&'a StructArray, Vec<(&'a str, Self)>),
}

/// Reads rows until there are enough of them. Returns how many rows were read.
pub(super) fn gather(rows: &RecordBatch, lines: &mut Gatherer) -> usize {
    let fields = rows.schema_ref().fields();
    let names = fields.iter().map(|field| field.name().as_str());
    let columns = members(names.zip(rows.columns()));
    for row in 0..rows.num_rows() {
        add(&columns, row, lines);
        if lines.is_full() {
            return row + 1;
        }
    }
    rows.num_rows()
}

fn add(columns: &[(&str, EventColumn<'_>)], row: usize, lines: &mut Gatherer) {
    let mut len = 0;
    let event = object(columns, row, &mut len);
    if len > LINE_LEN_MAX {
        let LostRecords { kind, found, .. } = LostRecords::long_row();
        lines.fault(kind, || found);
    } else if ocsf::is_event(&event) {
        lines.named(&ocsf::row(&event));
    } else {
        ocsf::lose(lines, event.get("class_uid").and_then(Json::whole));
    }
}

fn members<'a>(
    columns: impl Iterator<Item = (&'a str, &'a ArrayRef)>,
) -> Vec<(&'a str, EventColumn<'a>)> {
    let columns = columns.filter_map(|(name, array)| Some((name, EventColumn::of(array)?)));
    columns.collect()
}

impl<'a> EventColumn<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        let Some(structs) = array.as_struct_opt() else {
            return ValueTexts::of(array).map(Self::Values);
        };
        let names = structs.column_names().into_iter();
        Some(Self::Structs(
            structs,
            members(names.zip(structs.columns())),
        ))
    }

    fn value(&self, row: usize, len: &mut usize) -> Json<'_> {
        match self {
            Self::Structs(structs, members) if structs.is_valid(row) => object(members, row, len),
            Self::Structs(..) => Json::Null,
            Self::Values(cells) => {
                let mut text = Vec::new();
                cells.write(row, &mut text);
                *len += text.len();
                match String::from_utf8(text) {
                    Ok(text) if !text.is_empty() => Json::Text(text.into()),
                    _ => Json::Null,
                }
            }
        }
    }
}

fn object<'a>(members: &'a [(&str, EventColumn<'_>)], row: usize, len: &mut usize) -> Json<'a> {
    let members = members.iter();
    let members = members.map(|(name, column)| ((*name).into(), column.value(row, len)));
    Json::Object(members.collect())
}
