//! Counts rows without any value, in which all columns that are read are null.
//!
//! A series of nulls takes a few bytes whatever its length. Such rows are not records, all for the
//! same reason, so a long series of them is only counted and never becomes lines.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};

/// Minimum length of a series that is counted. Shorter ones become lines like other rows, because
/// ending a batch there would cost more.
const RUN_MIN: usize = 256;

/// The kind and the length of the first series of rows: rows without a value, or other rows.
pub(super) enum RowRun {
    Blank(usize),
    Rows(usize),
}

/// Returns the first series of rows of one kind in `rows` from `at` on.
pub(super) fn run(rows: &RecordBatch, at: usize) -> RowRun {
    let whole = RowRun::Rows(rows.num_rows() - at);
    // Columns without a null are by far the most common case.
    if rows.columns().iter().any(|column| is_full(column)) {
        return whole;
    }
    let is_blank = |row: &usize| rows.columns().iter().all(|column| is_absent(column, *row));
    let mut begin = at;
    while begin < rows.num_rows() {
        let len = (begin..rows.num_rows()).take_while(is_blank).count();
        let is_long = len >= RUN_MIN;
        match begin - at {
            0 if is_long => return RowRun::Blank(len),
            before if is_long => return RowRun::Rows(before),
            _ => begin += len + 1,
        }
    }
    whole
}

/// Whether each row is certain to have a value.
fn is_full(array: &dyn Array) -> bool {
    match array.as_struct_opt() {
        Some(structs) if structs.null_count() == 0 => {
            structs.columns().iter().any(|member| is_full(member))
        }
        _ => array.null_count() == 0 && array.as_struct_opt().is_none(),
    }
}

/// Whether a row has no value, neither itself nor in any of its members.
fn is_absent(array: &dyn Array, row: usize) -> bool {
    array.is_null(row)
        || array.as_struct_opt().is_some_and(|structs| {
            let mut members = structs.columns().iter();
            members.all(|member| is_absent(member, row))
        })
}
