//! Compares what a footer claims about the file with the length of the file.
//!
//! A series of equal values takes a few bytes whatever its length, so a file of a kilobyte can
//! claim to have rows for hours of work. Each row costs time, so the number of rows per byte must
//! be limited. Columns cannot share their bytes, or a few pages could be decompressed again for
//! every row group.

use parquet::file::metadata::ParquetMetaData;

use super::TableError;

/// Maximum number of rows per byte of a file.
///
/// Flow logs take several bytes per row, however they are compressed. Only one record that is
/// repeated again and again has many rows per byte. With the 14 default fields and row groups of
/// 2^20 rows, `PyArrow` 15 writes at most 375 rows per byte, `DuckDB` 367, and `PyArrow` 26 39. One
/// row group of 2^22 rows has 1,088 and is refused. No log of real traffic is like that.
const ROWS_PER_BYTE: u64 = 512;

/// Refuses a file of `len` bytes that cannot hold what its footer claims.
pub(super) fn check(metadata: &ParquetMetaData, len: u64) -> Result<(), TableError> {
    let (mut rows, mut columns_len) = (0_u64, 0_u64);
    for group in metadata.row_groups() {
        rows = rows.saturating_add(count(group.num_rows())?);
        for column in group.columns() {
            columns_len = columns_len.saturating_add(count(column.compressed_size())?);
        }
    }
    if rows > len.saturating_mul(ROWS_PER_BYTE) {
        return Err(TableError(format!(
            "its footer claims {rows} rows, but a file of {len} bytes holds at most \
             {ROWS_PER_BYTE} per byte"
        )));
    }
    if columns_len > len {
        return Err(TableError(format!(
            "its footer claims {columns_len} bytes for its columns, but the file has {len}"
        )));
    }
    Ok(())
}

fn count(number: i64) -> Result<u64, TableError> {
    let error = |_| TableError(format!("its footer has a negative count: {number}"));
    u64::try_from(number).map_err(error)
}
