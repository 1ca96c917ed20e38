//! What records say in words that are kept: the tags of the ENI at that time, and reasons for a
//! rejection that this version does not know.
//!
//! An observation has no strings, so it has the number of its words in a list. Lists are merged and
//! numbered like ENIs ([`Enis`](super::Enis)).

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::flow::{RejectReason, Verdict};
use crate::record::TAGS;

/// The tags of a record: the index in [`RecordWords::tags`]; 0 if it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagsIndex(pub u32);

/// A reason for a rejection: the index in [`RecordWords::reasons`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonIndex(pub u32);

/// The words of all records.
#[derive(Clone, Debug, Default)]
pub struct RecordWords {
    /// Sets of tags, see [`TagSet`].
    pub tags: WordList,
    /// Reasons for rejections.
    pub reasons: WordList,
}

/// Different texts, by number. Number 0 is the empty text.
#[derive(Clone, Debug)]
pub struct WordList {
    list: Vec<Arc<[u8]>>,
    by_text: HashMap<Arc<[u8]>, u32, RandomState>,
}

impl Default for WordList {
    fn default() -> Self {
        let mut words = Self {
            list: Vec::new(),
            by_text: HashMap::default(),
        };
        words.enter(b"");
        words
    }
}

impl WordList {
    /// Returns the number of a text, and adds the text if it is new.
    ///
    /// # Panics
    /// Panics above 2³² texts.
    pub fn enter(&mut self, text: &[u8]) -> u32 {
        if let Some(number) = self.by_text.get(text) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).expect("fewer than 2^32 texts");
        let text: Arc<[u8]> = text.into();
        self.list.push(Arc::clone(&text));
        self.by_text.insert(text, number);
        number
    }

    /// Returns the text with that number; the empty text if there is none.
    pub fn get(&self, number: u32) -> &[u8] {
        self.list.get(number as usize).map_or(b"", |text| text)
    }

    /// Returns the number of a text, if it is in the list.
    pub fn find(&self, text: &[u8]) -> Option<u32> {
        self.by_text.get(text).copied()
    }

    /// Returns all texts in order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.list.iter().map(|text| &**text)
    }

    /// Numbers the texts in their own order.
    fn sorted(self) -> Self {
        let mut order = self.list;
        order.sort_unstable();
        let mut sorted = Self::default();
        for text in order {
            sorted.enter(&text);
        }
        sorted
    }
}

impl RecordWords {
    /// Adds the words of other records.
    pub(super) fn merge(&mut self, other: &Self) {
        for (own, more) in [
            (&mut self.tags, &other.tags),
            (&mut self.reasons, &other.reasons),
        ] {
            more.iter().for_each(|text| _ = own.enter(text));
        }
    }

    /// Numbers the words in an order that does not depend on that of the records.
    pub(super) fn sorted(self) -> Self {
        Self {
            tags: self.tags.sorted(),
            reasons: self.reasons.sorted(),
        }
    }

    /// Returns the reason with that number as text.
    pub fn reason(&self, index: ReasonIndex) -> String {
        String::from_utf8_lossy(self.reasons.get(index.0)).into_owned()
    }

    /// Returns the reject reason as a record has it, empty if it has none.
    pub fn reject_reason(&self, verdict: Verdict) -> &[u8] {
        match verdict {
            Verdict::Reject(RejectReason::BlockPublicAccess) => b"BPA",
            Verdict::Reject(RejectReason::EncryptionControls) => b"EC",
            Verdict::Reject(RejectReason::NetworkFirewall) => b"network-firewall",
            Verdict::Reject(RejectReason::Other(reason)) => self.reasons.get(reason.0),
            Verdict::Reject(RejectReason::Unsaid) | Verdict::Accept => b"",
        }
    }

    /// Returns the tags with that number.
    pub fn tag_set(&self, index: TagsIndex) -> TagSet<'_> {
        TagSet(self.tags.get(index.0))
    }
}

/// The values of the tag columns of a record, as one text of a [`WordList`]: each value after its
/// length, in the order of [`TAGS`]; empty if there is no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagSet<'a>(&'a [u8]);

impl<'a> TagSet<'a> {
    /// Writes the text of these values, which are in the order of [`TAGS`].
    pub fn encode(values: &[String; TAGS.len()], text: &mut Vec<u8>) {
        text.clear();
        if values.iter().all(String::is_empty) {
            return;
        }
        for value in values {
            let len = u32::try_from(value.len()).expect("lines have at most 1 MiB");
            text.extend_from_slice(&len.to_be_bytes());
            text.extend_from_slice(value.as_bytes());
        }
    }

    /// Returns the values in the order of [`TAGS`]; an empty text where there is none.
    pub fn values(self) -> [&'a str; TAGS.len()] {
        let mut rest = self.0;
        [(); TAGS.len()].map(|()| next_value(&mut rest).unwrap_or_default())
    }

    /// Returns the first value that there is; an empty text if there is none.
    pub fn first(self) -> &'a str {
        let values = self.values();
        let first = values.iter().find(|value| !value.is_empty());
        first.copied().unwrap_or_default()
    }
}

fn next_value<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (len, after) = rest.split_first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (value, after) = after.split_at_checked(len)?;
    *rest = after;
    std::str::from_utf8(value).ok()
}

/// The values that one column has in all records of an ENI, or of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueSeen {
    /// No record has a value.
    #[default]
    None,
    /// All records with a value have this one.
    One(String),
    /// There are several values.
    Several,
}

impl ValueSeen {
    /// Returns the value; an empty text if there is none, or more than one.
    pub fn only(&self) -> &str {
        match self {
            Self::One(value) => value,
            Self::None | Self::Several => "",
        }
    }

    /// Adds the value of another record; an empty text if it has none.
    pub(crate) fn meet(&mut self, value: &str) {
        match self {
            Self::None if !value.is_empty() => *self = Self::One(value.to_owned()),
            Self::One(known) if !value.is_empty() && known != value => *self = Self::Several,
            _ => {}
        }
    }

    /// Adds the values of other records.
    pub(super) fn join(&mut self, other: &Self) {
        match other {
            Self::None => {}
            Self::One(value) => self.meet(value),
            Self::Several => *self = Self::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_back_and_no_tags_have_number_0() {
        let mut words = RecordWords::default();
        let mut text = Vec::new();
        let mut values: [String; TAGS.len()] = Default::default();
        TagSet::encode(&values, &mut text);
        assert_eq!(words.tags.enter(&text), 0);
        (values[1], values[4]) = ("web server 1".into(), "ß".into());
        TagSet::encode(&values, &mut text);
        let index = TagsIndex(words.tags.enter(&text));
        assert_eq!(
            words.tag_set(index).values(),
            ["", "web server 1", "", "", "ß", ""]
        );
        assert_eq!(words.tag_set(index).first(), "web server 1");
        assert_eq!(words.tag_set(TagsIndex(0)).first(), "");
    }

    #[test]
    fn numbers_do_not_depend_on_the_order_of_records() {
        let list = |texts: [&[u8]; 3]| {
            let mut words = RecordWords::default();
            texts.iter().for_each(|text| _ = words.reasons.enter(text));
            let mut all = RecordWords::default();
            all.merge(&words);
            all.sorted()
        };
        let (there, back) = (list([b"x", b"a", b"m"]), list([b"m", b"x", b"a"]));
        assert!(there.reasons.iter().eq(back.reasons.iter()));
        assert_eq!(there.reasons.find(b"m"), Some(2));
        assert_eq!(there.reason(ReasonIndex(3)), "x");
    }

    #[test]
    fn changed_value_is_several() {
        let mut seen = ValueSeen::default();
        seen.meet("");
        assert_eq!(seen, ValueSeen::None);
        seen.meet("web-1");
        seen.meet("");
        assert_eq!(seen, ValueSeen::One("web-1".into()));
        seen.join(&ValueSeen::One("web-2".into()));
        assert_eq!(seen, ValueSeen::Several);
    }
}
