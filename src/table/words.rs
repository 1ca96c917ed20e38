//! A column of text while it is filled: each different word once, and a number for each row.
//!
//! Most columns of logs have few different words: identifiers, addresses, names. A small table of the
//! latest words finds most of them with one comparison.

use std::borrow::Cow;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use arrow_array::builder::{StringBuilder, StringViewBuilder};
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, DictionaryArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// The number of words that are found at once, a power of two.
const RECENT: usize = 256;

/// The number of a row without a word, and of no word.
const NONE: u32 = u32::MAX;

/// A column of text.
pub(super) struct WordColumn {
    rows: Vec<u32>,
    nulls: usize,
    /// The words, one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    recent: [u32; RECENT],
    numbers: HashTable<u32>,
    state: FixedState,
}

impl WordColumn {
    /// Creates an empty column with room for about this many rows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self {
            rows: Vec::with_capacity(rows),
            nulls: 0,
            text: Vec::new(),
            ends: Vec::new(),
            recent: [NONE; RECENT],
            numbers: HashTable::new(),
            state: FixedState::default(),
        }
    }

    /// Creates a column of so many nulls.
    pub(super) fn nothing(rows: usize) -> Self {
        let mut words = Self::with_capacity(0);
        words.rows = vec![NONE; rows];
        words.nulls = rows;
        words
    }

    /// Adds a row with this word, or with none. What is not UTF-8 in it is replaced.
    #[inline]
    pub(super) fn put(&mut self, word: Option<&[u8]>) {
        let Some(word) = word else {
            self.nulls += 1;
            return self.rows.push(NONE);
        };
        let slot = slot(word);
        let recent = self.recent[slot];
        if recent != NONE && self.word(recent) == word {
            return self.rows.push(recent);
        }
        let number = self.number(word);
        self.recent[slot] = number;
        self.rows.push(number);
    }

    #[inline]
    fn word(&self, number: u32) -> &[u8] {
        word(&self.text, &self.ends, number)
    }

    #[inline(never)]
    fn number(&mut self, found: &[u8]) -> u32 {
        let found = match String::from_utf8_lossy(found) {
            Cow::Borrowed(_) => Cow::Borrowed(found),
            Cow::Owned(replaced) => Cow::Owned(replaced.into_bytes()),
        };
        let (text, ends, state) = (&mut self.text, &mut self.ends, &self.state);
        let hash = state.hash_one(&*found);
        let known = self
            .numbers
            .find(hash, |number| word(text, ends, *number) == &*found);
        if let Some(number) = known {
            return *number;
        }
        // A block has fewer lines than that.
        let number = u32::try_from(ends.len()).unwrap_or(NONE);
        text.extend_from_slice(&found);
        ends.push(text.len());
        let hash_of = |number: &u32| state.hash_one(word(text, ends, *number));
        self.numbers.insert_unique(hash, number, hash_of);
        number
    }

    /// Returns the words as text, which is UTF-8.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let numbers = 0..u32::try_from(self.ends.len()).unwrap_or(NONE);
        numbers.map(|number| std::str::from_utf8(self.word(number)).unwrap_or_default())
    }

    /// Returns the column as a dictionary.
    pub(super) fn into_dictionary(self) -> ArrayRef {
        let mut words = StringBuilder::with_capacity(self.ends.len(), self.text.len());
        self.texts().for_each(|text| words.append_value(text));
        let words = Arc::new(words.finish());
        Arc::new(DictionaryArray::<UInt32Type>::new(self.numbers(), words))
    }

    /// Returns the column as views of its words.
    pub(super) fn into_views(self) -> ArrayRef {
        let mut words = StringViewBuilder::with_capacity(self.ends.len());
        self.texts().for_each(|text| words.append_value(text));
        let views = arrow_select::take::take(&words.finish(), &self.numbers(), None);
        views.expect("numbers of words")
    }

    fn numbers(self) -> UInt32Array {
        let mut rows = self.rows;
        if self.nulls == 0 {
            return rows.into();
        }
        let valid = BooleanBuffer::collect_bool(rows.len(), |row| rows[row] != NONE);
        let nulls = rows.iter_mut().filter(|row| **row == NONE);
        nulls.for_each(|row| *row = 0);
        UInt32Array::new(rows.into(), Some(NullBuffer::new(valid)))
    }
}

#[inline]
fn word<'w>(text: &'w [u8], ends: &[usize], number: u32) -> &'w [u8] {
    let number = number as usize;
    let begin = number.checked_sub(1).map_or(0, |before| ends[before]);
    &text[begin..ends[number]]
}

/// Returns where a word is kept among the recent ones.
#[inline]
fn slot(word: &[u8]) -> usize {
    let last = match word.last_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => word
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    };
    let mixed = last.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ word.len() as u64;
    (mixed >> 56) as usize % RECENT
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;

    use super::*;

    #[test]
    fn both_forms_have_the_words_of_the_rows() {
        let long = "a name that is longer than twelve bytes";
        let rows = [Some("a"), None, Some(long), Some("a"), Some(""), Some(long)];
        let filled = || {
            let mut words = WordColumn::with_capacity(0);
            rows.iter()
                .for_each(|row| words.put(row.map(str::as_bytes)));
            words
        };
        let views = filled().into_views();
        assert_eq!(views.as_string_view().iter().collect::<Vec<_>>(), rows);
        let dictionary = filled().into_dictionary();
        let dictionary = dictionary.as_dictionary::<UInt32Type>();
        assert_eq!(dictionary.values().len(), 3);
        let texts = dictionary.downcast_dict::<arrow_array::StringArray>();
        assert_eq!(texts.unwrap().into_iter().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn what_is_not_utf8_is_replaced_and_still_one_word() {
        let mut words = WordColumn::with_capacity(0);
        for word in [&b"a\xff"[..], b"a\xff", "a\u{fffd}".as_bytes()] {
            words.put(Some(word));
        }
        assert_eq!(words.texts().collect::<Vec<_>>(), ["a\u{fffd}"]);
    }
}
