//! Addresses that were read lately, found again by a comparison of a few numbers.
//!
//! Most lines have addresses of other lines. This only says that a word is an address; it holds no values.

/// The bits of an index among the words.
const BITS: u32 = 10;

/// Words that are known to be addresses. The latest ones replace older ones.
#[derive(Clone, Debug, Default)]
pub struct RecentAddresses {
    words: Vec<RecentAddress>,
}

/// The first and the last eight bytes of a word with eight to sixteen, and its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RecentAddress {
    first: u64,
    last: u64,
    len: u8,
}

impl RecentAddress {
    /// Returns the word, if it has as many bytes: an address of IPv4 with less is rare.
    #[inline(always)]
    fn of(word: &[u8]) -> Option<Self> {
        let (first, last) = (word.first_chunk::<8>()?, word.last_chunk::<8>()?);
        (word.len() <= 16).then_some(Self {
            first: u64::from_le_bytes(*first),
            last: u64::from_le_bytes(*last),
            len: u8::try_from(word.len()).ok()?,
        })
    }

    #[inline(always)]
    fn slot(&self) -> usize {
        let mixed = self.first.rotate_left(29) ^ self.last ^ u64::from(self.len);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS)) as usize
    }
}

impl RecentAddresses {
    /// Whether a word is an address: one that was seen lately, or one that `is_address` accepts.
    #[inline(always)]
    pub(super) fn has(&mut self, word: &[u8], is_address: impl FnOnce() -> bool) -> bool {
        let Some(recent) = RecentAddress::of(word) else {
            return is_address();
        };
        let slot = recent.slot();
        if self.words.get(slot) == Some(&recent) {
            return true;
        }
        let is_address = is_address();
        if is_address {
            self.words.resize(1 << BITS, RecentAddress::default());
            self.words[slot] = recent;
        }
        is_address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_were_addresses_are_seen() {
        let mut recent = RecentAddresses::default();
        let words = [
            "10.0.0.1",
            "10.0.0.10",
            "203.0.113.255",
            "10.0.0.1.10.0.0.1",
            "1.1.1.1",
        ];
        for word in words {
            assert!(!recent.has(word.as_bytes(), || false));
            assert!(recent.has(word.as_bytes(), || true));
            let is_kept = (8..=16).contains(&word.len());
            assert_eq!(recent.has(word.as_bytes(), || false), is_kept, "{word}");
        }
        assert!(!recent.has(b"10.0.0.2", || false));
    }
}
