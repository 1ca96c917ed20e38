//! A column of integers while it is filled.
//!
//! Nearly all rows have a value, so the rows without one are kept as a list.

use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};

/// A column of integers.
pub(super) struct NumberColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    /// The rows without a value, in order.
    absent: Vec<usize>,
}

impl<T: ArrowPrimitiveType> NumberColumn<T> {
    /// Creates a column of so many nulls, with room for about `rows` rows.
    pub(super) fn new(rows: usize, nulls: usize) -> Self {
        let mut values = Vec::with_capacity(rows.max(nulls));
        values.resize(nulls, T::Native::default());
        Self {
            values,
            absent: (0..nulls).collect(),
        }
    }

    /// Adds a row.
    #[inline(always)]
    pub(super) fn put(&mut self, value: Option<T::Native>) {
        if value.is_none() {
            self.absent.push(self.values.len());
        }
        self.values.push(value.unwrap_or_default());
    }

    /// Returns the column.
    pub(super) fn into_array(self) -> ArrayRef {
        let nulls = (!self.absent.is_empty()).then(|| {
            let mut valid = BooleanBufferBuilder::new(self.values.len());
            valid.append_n(self.values.len(), true);
            self.absent
                .iter()
                .for_each(|row| valid.set_bit(*row, false));
            NullBuffer::new(valid.finish())
        });
        Arc::new(PrimitiveArray::<T>::new(self.values.into(), nulls))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int32Type;

    use super::*;

    #[test]
    fn rows_have_the_values_that_were_put() {
        let mut column = NumberColumn::<Int32Type>::new(0, 2);
        let values = [Some(1), None, Some(i32::MIN), Some(0)];
        values.iter().for_each(|value| column.put(*value));
        let array = column.into_array();
        let found: Vec<Option<i32>> = array.as_primitive::<Int32Type>().iter().collect();
        assert_eq!(found[..2], [None, None]);
        assert_eq!(found[2..], values);
    }
}
