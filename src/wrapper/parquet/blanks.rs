//! Rows without any value: all columns that are read are null there.
//!
//! A run of nulls takes a few bytes however long it is. Such rows are no records, and all for the
//! same reason, so a long run of them is counted and never becomes lines.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};

/// Shorter runs become lines like other rows: to end a batch there would cost more.
const RUN_MIN: usize = 256;

/// How the rows from `at` on begin: with so many that have no value at all, or with so many others.
pub(super) enum RowRun {
    Blank(usize),
    Rows(usize),
}

/// The first rows of `rows` from `at` on that are of one kind.
pub(super) fn run(rows: &RecordBatch, at: usize) -> RowRun {
    let whole = RowRun::Rows(rows.num_rows() - at);
    // Columns without a null are by far the most common.
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

/// Whether each row certainly has a value.
fn is_full(array: &dyn Array) -> bool {
    match array.as_struct_opt() {
        Some(structs) if structs.null_count() == 0 => {
            structs.columns().iter().any(|member| is_full(member))
        }
        _ => array.null_count() == 0 && array.as_struct_opt().is_none(),
    }
}

/// Whether there is no value in a row, nor in any member of it.
fn is_absent(array: &dyn Array, row: usize) -> bool {
    array.is_null(row)
        || array.as_struct_opt().is_some_and(|structs| {
            let mut members = structs.columns().iter();
            members.all(|member| is_absent(member, row))
        })
}
