//! A column of whole numbers while it is filled.

use arrow_array::PrimitiveArray;
use arrow_array::types::ArrowPrimitiveType;
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};

/// A column of whole numbers. Few of them are null.
pub(super) struct NumberColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    /// The rows without a number.
    nulls: Vec<usize>,
}

impl<T: ArrowPrimitiveType> NumberColumn<T> {
    /// Creates an empty column with room for about this many rows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self {
            values: Vec::with_capacity(rows),
            nulls: Vec::new(),
        }
    }

    /// Adds a row with this number, or with none.
    #[inline(always)]
    pub(super) fn put(&mut self, number: Option<T::Native>) {
        if number.is_none() {
            self.nulls.push(self.values.len());
        }
        self.values.push(number.unwrap_or_default());
    }

    /// Removes the rows from this one on.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        while self.nulls.last().is_some_and(|row| *row >= rows) {
            self.nulls.pop();
        }
    }

    /// Returns the column.
    pub(super) fn finish(self) -> PrimitiveArray<T> {
        let rows = self.values.len();
        let nulls = (!self.nulls.is_empty()).then(|| {
            let mut valid = BooleanBufferBuilder::new(rows);
            valid.append_n(rows, true);
            self.nulls.iter().for_each(|row| valid.set_bit(*row, false));
            NullBuffer::new(valid.finish())
        });
        PrimitiveArray::new(self.values.into(), nulls)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;

    use super::*;

    #[test]
    fn numbers_and_nulls_are_those_of_the_rows_that_remain() {
        let mut column = NumberColumn::<Int32Type>::with_capacity(0);
        let rows = [Some(1), None, Some(0), None];
        rows.into_iter().for_each(|row| column.put(row));
        column.truncate(3);
        assert_eq!(column.finish().iter().collect::<Vec<_>>(), rows[..3]);
    }
}
