//! Values of chosen rows, collected from the batches in which they wait.
//!
//! Text becomes numbers of words in the order in which the words first appear, so that the result does
//! not depend on how the rows were divided into batches.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use arrow_select::interleave::interleave;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::stored::{StoredRows, is_integer, is_text, words};

/// A row of one of several batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowAt {
    /// The index of the batch.
    pub batch: u32,
    /// The index of the row in it.
    pub row: u32,
}

/// The values of one column.
pub(super) enum Gathered<'b> {
    /// Text: for each row the number of its word, from 1, or 0 for null.
    Text {
        /// The numbers.
        numbers: Vec<u32>,
        /// The words in order of appearance.
        words: Vec<&'b str>,
    },
    /// Integers of 32 or 64 bits.
    Integers {
        /// The values, 0 for null.
        values: Vec<i64>,
        /// For each row whether it has a value; empty if all have.
        present: Vec<bool>,
    },
    /// Anything else, as in the table.
    Other(ArrayRef),
}

/// Rows to collect, by batch: rows of one instant come from many batches, and each batch is read from
/// front to back.
pub(super) struct ChosenRows<'b> {
    batches: &'b [Arc<StoredRows>],
    /// For each batch with chosen rows: its index, and its rows with their places in the result.
    by_batch: Vec<(usize, Vec<ChosenRow>)>,
    len: usize,
}

/// A row of a batch, and its place in the result.
struct ChosenRow {
    row: u32,
    place: u32,
}

impl<'b> ChosenRows<'b> {
    /// Chooses rows of `batches`, in this order.
    pub(super) fn new(batches: &'b [Arc<StoredRows>], rows: &[RowAt]) -> Self {
        let mut by_batch: Vec<Vec<ChosenRow>> = Vec::new();
        by_batch.resize_with(batches.len(), Vec::new);
        for (place, at) in (0..).zip(rows) {
            let row = at.row;
            by_batch[at.batch as usize].push(ChosenRow { row, place });
        }
        let by_batch = by_batch.into_iter().enumerate();
        Self {
            batches,
            by_batch: by_batch.filter(|(_, rows)| !rows.is_empty()).collect(),
            len: rows.len(),
        }
    }

    /// Collects a column of this type.
    pub(super) fn gather(&self, column: usize, kind: &DataType) -> Gathered<'b> {
        if is_text(kind) {
            self.gather_text(column)
        } else if is_integer(kind) {
            self.gather_integers(column)
        } else {
            Gathered::Other(self.gather_other(column, kind))
        }
    }

    /// The column of each batch, and the rows of it.
    fn parts(&self, column: usize) -> impl Iterator<Item = (&'b ArrayRef, &[ChosenRow])> {
        let parts = self.by_batch.iter();
        parts.map(move |(batch, rows)| (&self.batches[*batch].columns[column], &rows[..]))
    }

    fn gather_other(&self, column: usize, kind: &DataType) -> ArrayRef {
        let mut at = vec![(0, 0); self.len];
        let mut arrays: Vec<&dyn Array> = Vec::new();
        for (array, rows) in self.parts(column) {
            for ChosenRow { row, place } in rows {
                at[*place as usize] = (arrays.len(), *row as usize);
            }
            arrays.push(&**array);
        }
        interleave(&arrays, &at).unwrap_or_else(|_| new_null_array(kind, self.len))
    }

    fn gather_text(&self, column: usize) -> Gathered<'b> {
        if let Some(word) = self.only_word(column) {
            return Gathered::Text {
                numbers: vec![1; self.len],
                words: vec![word],
            };
        }
        let mut all = GroupWords::default();
        let mut numbers = vec![0_u32; self.len];
        for (array, rows) in self.parts(column) {
            let Some(of_batch) = words(array) else {
                continue;
            };
            // The number of each word of the batch, or 0 as long as no row has it.
            let mut known = vec![0_u32; of_batch.len()];
            let mut number = |key: usize| {
                let number = &mut known[key];
                if *number == 0 {
                    *number = all.number(of_batch.value(key));
                }
                *number
            };
            let nulls = array.nulls();
            let numbers = &mut numbers;
            match array.data_type() {
                DataType::Dictionary(key, _) if **key == DataType::UInt8 => {
                    let keys = array.as_dictionary::<UInt8Type>().keys().values();
                    scatter(rows, nulls, numbers, |row| number(keys[row].into()));
                }
                DataType::Dictionary(key, _) if **key == DataType::UInt16 => {
                    let keys = array.as_dictionary::<UInt16Type>().keys().values();
                    scatter(rows, nulls, numbers, |row| number(keys[row].into()));
                }
                _ => {
                    let keys = array.as_dictionary::<UInt32Type>().keys().values();
                    scatter(rows, nulls, numbers, |row| number(keys[row] as usize));
                }
            }
        }
        let words = all.in_order_of(&mut numbers);
        Gathered::Text { numbers, words }
    }

    /// Returns the word of a column of text that has the same in every row, such as the account.
    fn only_word(&self, column: usize) -> Option<&'b str> {
        let mut only = None;
        for (array, _) in self.parts(column) {
            let of_batch =
                words(array).filter(|words| words.len() == 1 && array.null_count() == 0)?;
            let word = of_batch.value(0);
            if *only.get_or_insert(word) != word {
                return None;
            }
        }
        only
    }

    fn gather_integers(&self, column: usize) -> Gathered<'b> {
        let mut values = vec![0_i64; self.len];
        let parts = || self.parts(column);
        let has_nulls =
            |array: &ArrayRef| *array.data_type() == DataType::Null || array.null_count() > 0;
        // In a batch with nulls, rows are absent until one is found.
        let mut present = match parts().any(|(array, _)| has_nulls(array)) {
            true => vec![false; self.len],
            false => Vec::new(),
        };
        for (array, rows) in parts() {
            let nulls = array.nulls();
            let to = &mut values;
            match array.data_type() {
                DataType::UInt8 => {
                    let of = array.as_primitive::<UInt8Type>().values();
                    scatter(rows, nulls, to, |row| i64::from(of[row]));
                }
                DataType::UInt16 => {
                    let of = array.as_primitive::<UInt16Type>().values();
                    scatter(rows, nulls, to, |row| i64::from(of[row]));
                }
                DataType::UInt32 => {
                    let of = array.as_primitive::<UInt32Type>().values();
                    scatter(rows, nulls, to, |row| i64::from(of[row]));
                }
                DataType::Int32 => {
                    let of = array.as_primitive::<Int32Type>().values();
                    scatter(rows, nulls, to, |row| i64::from(of[row]));
                }
                DataType::Int64 => {
                    let of = array.as_primitive::<Int64Type>().values();
                    scatter(rows, nulls, to, |row| of[row]);
                }
                _ => continue,
            }
            if !present.is_empty() {
                scatter(rows, nulls, &mut present, |_| true);
            }
        }
        if present.iter().all(|is_present| *is_present) {
            present.clear();
        }
        Gathered::Integers { values, present }
    }
}

/// Puts the values of rows at their places. Nulls are left out.
#[inline(always)]
fn scatter<T>(
    rows: &[ChosenRow],
    nulls: Option<&NullBuffer>,
    to: &mut [T],
    mut value: impl FnMut(usize) -> T,
) {
    let mut put = |chosen: &ChosenRow| {
        to[chosen.place as usize] = value(chosen.row as usize);
    };
    match nulls {
        None => rows.iter().for_each(put),
        Some(nulls) => {
            let rows = rows.iter();
            rows.filter(|chosen| nulls.is_valid(chosen.row as usize))
                .for_each(&mut put);
        }
    }
}

/// The different words of a column.
#[derive(Default)]
struct GroupWords<'b> {
    words: Vec<&'b str>,
    numbers: HashMap<&'b str, u32, RandomState>,
}

impl<'b> GroupWords<'b> {
    fn number(&mut self, word: &'b str) -> u32 {
        let words = &mut self.words;
        *self.numbers.entry(word).or_insert_with(|| {
            words.push(word);
            // There are no more words than rows, which have 32 bits.
            u32::try_from(words.len()).unwrap_or(0)
        })
    }

    /// Numbers the words as they appear in the rows, and returns them in that order.
    fn in_order_of(self, numbers: &mut [u32]) -> Vec<&'b str> {
        let mut words = Vec::with_capacity(self.words.len());
        let mut renumbered = vec![0_u32; self.words.len() + 1];
        for number in numbers.iter_mut().filter(|number| **number != 0) {
            let new = &mut renumbered[*number as usize];
            if *new == 0 {
                words.push(self.words[*number as usize - 1]);
                *new = u32::try_from(words.len()).unwrap_or(0);
            }
            *number = *new;
        }
        words
    }
}

impl Gathered<'_> {
    /// Returns the values as an array of the type of the table, with text as `Utf8`.
    pub(super) fn into_array(self, kind: &DataType) -> ArrayRef {
        match self {
            Self::Text { numbers, words } => {
                let mut texts = StringBuilder::with_capacity(numbers.len(), 0);
                for number in numbers {
                    let index = (number as usize).checked_sub(1);
                    texts.append_option(index.map(|index| words[index]));
                }
                Arc::new(texts.finish())
            }
            Self::Integers { values, present } => {
                let is_present = |row: usize| present.get(row).copied().unwrap_or(true);
                if *kind == DataType::Int32 {
                    let mut integers = Int32Builder::with_capacity(values.len());
                    for (row, value) in values.into_iter().enumerate() {
                        let value = i32::try_from(value).ok();
                        integers.append_option(value.filter(|_| is_present(row)));
                    }
                    return Arc::new(integers.finish());
                }
                let mut integers = Int64Builder::with_capacity(values.len());
                for (row, value) in values.into_iter().enumerate() {
                    integers.append_option(Some(value).filter(|_| is_present(row)));
                }
                Arc::new(integers.finish())
            }
            Self::Other(array) => array,
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray};

    use super::*;
    use crate::pipeline::export::order::RowOrder;

    fn batch(texts: Vec<Option<&str>>, numbers: Vec<Option<i64>>) -> Arc<StoredRows> {
        let order = RowOrder {
            instants_ns: vec![0; texts.len()],
            files: vec![0; texts.len()],
            lines: vec![0; texts.len()],
        };
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
        Arc::new(StoredRows::new(&[texts, numbers], order))
    }

    #[test]
    fn a_word_that_all_rows_have_is_the_only_one() {
        let numbers = || vec![None, None];
        let same = batch(vec![Some("a"), Some("a")], numbers());
        let with_null = batch(vec![Some("a"), None], numbers());
        let other = batch(vec![Some("b"), Some("b")], numbers());
        let gathered = |batches: &[Arc<StoredRows>]| {
            let rows = [(0, 1), (1, 0), (1, 1)].map(|(batch, row)| RowAt { batch, row });
            match ChosenRows::new(batches, &rows).gather(0, &DataType::Utf8) {
                Gathered::Text { numbers, words } => (
                    numbers,
                    words.iter().map(|word| (*word).to_owned()).collect(),
                ),
                _ => panic!("text"),
            }
        };
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let (a, b) = (&same, &with_null);
        assert_eq!(
            gathered(&[Arc::clone(a), Arc::clone(a)]),
            (vec![1, 1, 1], words(&["a"]))
        );
        assert_eq!(
            gathered(&[Arc::clone(a), Arc::clone(b)]),
            (vec![1, 1, 0], words(&["a"]))
        );
        assert_eq!(
            gathered(&[Arc::clone(a), other]),
            (vec![1, 2, 2], words(&["a", "b"]))
        );
    }

    #[test]
    fn words_are_numbered_as_they_appear_whatever_the_batches_are() {
        let batches = [
            batch(vec![Some("unused"), Some("b")], vec![Some(1), Some(-1)]),
            batch(vec![None, None], vec![None, None]),
            batch(vec![Some("a"), Some("b")], vec![Some(1 << 40), None]),
        ];
        let at = [(2, 0), (0, 1), (1, 1), (2, 1)];
        let rows = at.map(|(batch, row)| RowAt { batch, row });
        let chosen = ChosenRows::new(&batches, &rows);
        let Gathered::Text { numbers, words } = chosen.gather(0, &DataType::Utf8) else {
            panic!("text");
        };
        assert_eq!(
            (&numbers[..], &words[..]),
            (&[1, 2, 0, 2][..], &["a", "b"][..])
        );
        let Gathered::Integers { values, present } = chosen.gather(1, &DataType::Int64) else {
            panic!("integers");
        };
        assert_eq!(values, [1 << 40, -1, 0, 0]);
        assert_eq!(present, [true, true, false, false]);
    }
}
