//! What a footer says of the file as a whole, held against how long the file is.
//!
//! A run of equal values takes a few bytes however long it is, so a file of a kilobyte can say that
//! it has rows for hours. A row costs time, so there has to be a bound to how many a byte can bring.
//! Columns cannot share their bytes, or a few pages could be decompressed for every row group anew.

use parquet::file::metadata::ParquetMetaData;

use super::TableError;

/// Rows for each byte of a file.
///
/// Flow logs take several bytes a row, however they are compressed. Only one record that is repeated
/// again and again has many rows a byte. With the 14 default fields and row groups of 2^20 rows,
/// `PyArrow` 15 writes at most 375 of them a byte, `DuckDB` 367, and `PyArrow` 26 39. One row group of
/// 2^22 has 1,088 and is refused; no log of real traffic is like that.
const ROWS_PER_BYTE: u64 = 512;

/// Refuses a file of so many bytes that cannot hold what its footer says.
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
            "it says that it has {rows} rows, but {len} bytes cannot hold more than \
             {ROWS_PER_BYTE} each"
        )));
    }
    if columns_len > len {
        return Err(TableError(format!(
            "it says that its columns take {columns_len} bytes, but the file has {len}"
        )));
    }
    Ok(())
}

fn count(number: i64) -> Result<u64, TableError> {
    let error = |_| {
        TableError(format!(
            "it says that it has {number} rows or bytes of something"
        ))
    };
    u64::try_from(number).map_err(error)
}
