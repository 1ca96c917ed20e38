//! A column of text while it is filled: each different word once, and a number for each row.
//!
//! Most columns of logs have few different words: identifiers, addresses, names. A small table of the
//! latest words finds most of them with the comparison of a few numbers.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use arrow_array::builder::{StringBuilder, make_view};
use arrow_array::types::{ArrowDictionaryKeyType, UInt8Type, UInt16Type};
use arrow_array::{ArrayRef, DictionaryArray, PrimitiveArray, StringViewArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// How many words are found at once, at first and at most. Powers of two: most columns have few words,
/// and clearing room for many takes as long as reading some hundred lines.
const RECENT: (usize, usize) = (1 << 5, 1 << 11);

/// The number of a row without a word, and of no word.
const NONE: u32 = u32::MAX;

/// A column of text.
pub(super) struct WordColumn {
    rows: Vec<u32>,
    nulls: usize,
    /// The words, one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    recent: Vec<RecentWord>,
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
            recent: vec![RecentWord::NONE; RECENT.0],
            numbers: HashTable::new(),
            state: FixedState::default(),
        }
    }

    /// Adds a row with this word, or with none. What is not UTF-8 in it is replaced.
    #[inline(always)]
    pub(super) fn put(&mut self, word: Option<&[u8]>) {
        let Some(word) = word else {
            self.nulls += 1;
            return self.rows.push(NONE);
        };
        let sample = WordSample::of(word);
        let number = self.recent_number(word, sample).unwrap_or_else(|| {
            let number = self.number(word);
            self.note_recent(sample, number);
            number
        });
        self.rows.push(number);
    }

    /// Adds a row with this ASCII word, if it is one of the column's or `is_valid` accepts it. Returns
    /// whether it did.
    #[inline(always)]
    pub(super) fn put_if(&mut self, word: &[u8], is_valid: impl FnOnce(&[u8]) -> bool) -> bool {
        let sample = WordSample::of(word);
        match self.recent_number(word, sample) {
            Some(number) => {
                self.rows.push(number);
                true
            }
            None => self.put_less_recent(word, sample, is_valid),
        }
    }

    /// Returns the number of a word that was found lately.
    #[inline(always)]
    fn recent_number(&self, word: &[u8], sample: WordSample) -> Option<u32> {
        let recent = self.recent.get(sample.slot(self.recent.len()))?;
        let is_same =
            recent.sample == sample && (sample.is_whole() || self.word(recent.number) == word);
        is_same.then_some(recent.number)
    }

    #[inline(never)]
    fn put_less_recent(
        &mut self,
        word: &[u8],
        sample: WordSample,
        is_valid: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        let hash = self.state.hash_one(word);
        let number = match self.known(hash, word) {
            Some(number) => number,
            None if is_valid(word) => self.add(hash, word),
            None => return false,
        };
        self.note_recent(sample, number);
        self.rows.push(number);
        true
    }

    fn note_recent(&mut self, sample: WordSample, number: u32) {
        let len = self.recent.len();
        if len < RECENT.1 && self.ends.len() * 2 > len {
            self.more_recent();
        }
        let slot = sample.slot(self.recent.len());
        self.recent[slot] = RecentWord { sample, number };
    }

    /// Makes room for four times as many recent words.
    #[cold]
    fn more_recent(&mut self) {
        let len = (self.recent.len() * 4).min(RECENT.1);
        let before = std::mem::replace(&mut self.recent, vec![RecentWord::NONE; len]);
        for word in before.into_iter().filter(|word| word.number != NONE) {
            self.recent[word.sample.slot(len)] = word;
        }
    }

    /// Removes the rows from this one on. Their words remain.
    pub(super) fn truncate(&mut self, rows: usize) {
        let removed = self.rows.drain(rows.min(self.rows.len())..);
        self.nulls -= removed.filter(|row| *row == NONE).count();
    }

    #[inline]
    fn word(&self, number: u32) -> &[u8] {
        word(&self.text, &self.ends, number)
    }

    #[inline(never)]
    fn number(&mut self, found: &[u8]) -> u32 {
        let found = String::from_utf8_lossy(found);
        let hash = self.state.hash_one(found.as_bytes());
        self.known(hash, found.as_bytes())
            .unwrap_or_else(|| self.add(hash, found.as_bytes()))
    }

    #[inline]
    fn known(&self, hash: u64, found: &[u8]) -> Option<u32> {
        let is_same = |number: &u32| self.word(*number) == found;
        self.numbers.find(hash, is_same).copied()
    }

    /// Adds a word that is new. It is UTF-8.
    fn add(&mut self, hash: u64, found: &[u8]) -> u32 {
        let (text, ends, state) = (&mut self.text, &mut self.ends, &self.state);
        // A block has fewer lines than that.
        let number = u32::try_from(ends.len()).unwrap_or(NONE);
        text.extend_from_slice(found);
        ends.push(text.len());
        let hash_of = |number: &u32| state.hash_one(word(text, ends, *number));
        self.numbers.insert_unique(hash, number, hash_of);
        number
    }

    /// Returns the words, and where each begins.
    fn words(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let ends = self.ends.iter();
        begins
            .zip(ends)
            .map(|(begin, end)| (begin, &self.text[begin..*end]))
    }

    /// Returns the column as a dictionary. Its keys have as few bits as there are words.
    pub(super) fn into_dictionary(self) -> ArrayRef {
        let mut words = StringBuilder::with_capacity(self.ends.len(), self.text.len());
        let texts = self.words().map(|(_, word)| String::from_utf8_lossy(word));
        texts.for_each(|text| words.append_value(text));
        let words: ArrayRef = Arc::new(words.finish());
        // The keys of nulls are any, and are not read.
        match words.len() {
            0..=0x100 => self.keyed::<UInt8Type>(words, |number| (number & 0xff) as u8),
            0x101..=0x1_0000 => self.keyed::<UInt16Type>(words, |number| (number & 0xffff) as u16),
            _ => Arc::new(DictionaryArray::new(self.numbers(), words)),
        }
    }

    fn keyed<K: ArrowDictionaryKeyType>(
        self,
        words: ArrayRef,
        key: impl Fn(u32) -> K::Native,
    ) -> ArrayRef {
        let nulls = self.null_buffer();
        let keys: Vec<K::Native> = self.rows.into_iter().map(key).collect();
        let keys = PrimitiveArray::<K>::new(keys.into(), nulls);
        Arc::new(DictionaryArray::new(keys, words))
    }

    /// Returns the column as views of its words.
    pub(super) fn into_views(mut self) -> ArrayRef {
        let view = |(begin, word)| {
            let begin = u32::try_from(begin).expect("a block has less than 4 GiB");
            make_view(word, 0, begin)
        };
        let views: Vec<u128> = self.words().map(view).collect();
        let text = Buffer::from_vec(std::mem::take(&mut self.text));
        let words = StringViewArray::try_new(views.into(), vec![text], None);
        let words = words.expect("views of words that are UTF-8");
        let views = arrow_select::take::take(&words, &self.numbers(), None);
        views.expect("numbers of words")
    }

    fn numbers(self) -> UInt32Array {
        let nulls = self.null_buffer();
        let mut rows = self.rows;
        if nulls.is_some() {
            let nulls = rows.iter_mut().filter(|row| **row == NONE);
            nulls.for_each(|row| *row = 0);
        }
        UInt32Array::new(rows.into(), nulls)
    }

    fn null_buffer(&self) -> Option<NullBuffer> {
        let is_word = |row: usize| self.rows[row] != NONE;
        let valid = || BooleanBuffer::collect_bool(self.rows.len(), is_word);
        (self.nulls > 0).then(|| NullBuffer::new(valid()))
    }
}

#[inline]
fn word<'w>(text: &'w [u8], ends: &[usize], number: u32) -> &'w [u8] {
    let number = number as usize;
    let begin = number.checked_sub(1).map_or(0, |before| ends[before]);
    &text[begin..ends[number]]
}

/// A word that was found lately.
#[derive(Clone, Copy)]
struct RecentWord {
    sample: WordSample,
    number: u32,
}

impl RecentWord {
    /// No word: none is as long.
    const NONE: Self = Self {
        sample: WordSample {
            first: 0,
            second: 0,
            last: 0,
            len: u32::MAX,
        },
        number: NONE,
    };
}

/// The length and some bytes of a word: all of them if it has at most [`WordSample::WHOLE_LEN`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct WordSample {
    /// The first eight bytes, or a number that only this shorter word has.
    first: u64,
    /// The next eight, of a word with more than sixteen; else 0.
    second: u64,
    /// The last eight, of a word with at least eight; else 0.
    last: u64,
    len: u32,
}

impl WordSample {
    /// Identifiers such as `subnet-` with seventeen digits have 24 bytes.
    const WHOLE_LEN: u32 = 24;

    #[inline(always)]
    fn of(word: &[u8]) -> Self {
        let number = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let (first, second, last) = match (word.first_chunk::<8>(), word.last_chunk::<8>()) {
            (Some(first), Some(last)) => {
                let second = word.get(8..16).filter(|_| word.len() > 16);
                let second = second.and_then(|bytes| bytes.first_chunk::<8>());
                (number(first), second.map_or(0, number), number(last))
            }
            _ => (short_number(word), 0, 0),
        };
        Self {
            first,
            second,
            last,
            // The longest line has 1 MiB.
            len: u32::try_from(word.len()).unwrap_or(u32::MAX - 1),
        }
    }

    /// Whether two words with this sample are the same.
    #[inline(always)]
    fn is_whole(&self) -> bool {
        self.len <= Self::WHOLE_LEN
    }

    /// Returns where a word is kept among so many recent ones, a power of two below 2^32.
    #[inline(always)]
    fn slot(&self, recent: usize) -> usize {
        let mixed = self.first.rotate_left(29) ^ self.last ^ u64::from(self.len);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (recent - 1)
    }
}

/// Returns the bytes of a word with less than eight as a number. Bytes may be in it twice.
#[inline(always)]
fn short_number(word: &[u8]) -> u64 {
    match (word.first_chunk::<4>(), word.last_chunk::<4>(), word) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        (.., [a, .., b]) => {
            let middle = word[word.len() / 2];
            u64::from(*a) << 16 | u64::from(middle) << 8 | u64::from(*b)
        }
        (.., [a]) => u64::from(*a),
        (.., []) => 0,
    }
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
        let dictionary = dictionary.as_dictionary::<UInt8Type>();
        assert_eq!(dictionary.values().len(), 3);
        let texts = dictionary.downcast_dict::<arrow_array::StringArray>();
        assert_eq!(texts.unwrap().into_iter().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn words_of_any_length_that_differ_in_one_byte_are_different() {
        for len in 0..40 {
            let words: Vec<Vec<u8>> = (0..=len)
                .map(|changed| (0..len).map(|at| b'a' + u8::from(at == changed)).collect())
                .collect();
            let mut column = WordColumn::with_capacity(0);
            for _ in 0..2 {
                words.iter().for_each(|word| column.put(Some(word)));
            }
            let count = u32::try_from(words.len()).unwrap();
            assert_eq!(column.rows[..words.len()], column.rows[words.len()..]);
            assert_eq!(column.rows[..words.len()], (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn many_words_keep_their_numbers_as_room_for_them_grows() {
        let words: Vec<String> = (0..5_000).map(|word| format!("word {word}")).collect();
        let mut column = WordColumn::with_capacity(0);
        for _ in 0..2 {
            words
                .iter()
                .for_each(|word| column.put(Some(word.as_bytes())));
        }
        assert_eq!(column.rows, (0..5_000).chain(0..5_000).collect::<Vec<_>>());
        assert_eq!(column.recent.len(), RECENT.1);
    }

    #[test]
    fn what_is_not_utf8_is_replaced_and_still_one_word() {
        let mut words = WordColumn::with_capacity(0);
        for word in [&b"a\xff"[..], b"a\xff", "a\u{fffd}".as_bytes()] {
            words.put(Some(word));
        }
        let all: Vec<_> = words.words().collect();
        assert_eq!(all, [(0, "a\u{fffd}".as_bytes())]);
    }
}
