//! Encoded frames on their way into one order of time.
//!
//! A frame is encoded as soon as its connection is rebuilt, so that the memory of records and
//! segments can be released. From then on it is a run of bytes and a [`FrameKey`]. Frames are
//! ordered by time, then by a hash of their conversation, then by episode, then by position in the
//! episode: the same order for any number of threads and any memory. A merge of the captures of
//! several runs knows the first two from a frame alone, and conversations with the same hash are in the
//! same run.
//!
//! If the frames of a time slice fit in memory, they are sorted at once. Otherwise each run that
//! fits is sorted and written to a temporary file, and the runs are merged (`sorted_runs`).

use std::cmp::Ordering;

use crate::error::Result;
use crate::pipeline::convert::pool::Pool;
use crate::pipeline::spilling::sorted_runs::{RunHead, RunMerge};

/// Initial capacity, in frames.
const FRAMES_MIN: usize = 1 << 10;

/// The sort key of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameKey {
    /// Nanoseconds since the epoch.
    pub time_ns: i64,
    /// [`ConnectionKey::shard_hash`](crate::flow::ConnectionKey::shard_hash) of its conversation. That of
    /// events is the highest.
    pub conversation: u64,
    /// Number of its episode, in order of start. Those of events are higher than those of packets.
    pub episode: u64,
    /// Its position in the episode.
    pub place: u32,
}

// The derived order compares field by field with three results each; nearly always the time decides.
impl Ord for FrameKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.time_ns != other.time_ns {
            return self.time_ns.cmp(&other.time_ns);
        }
        let rest = |key: &Self| (key.conversation, key.episode, key.place);
        rest(self).cmp(&rest(other))
    }
}

impl PartialOrd for FrameKey {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Bytes before a frame that waits for a later slice: its key, its length and its tag.
pub(crate) const HEAD_LEN: usize = 36;

/// Approximate size of the frames that are merged before they are written.
const MERGED_LEN: usize = 256 << 10;

/// The part of a split capture to which a frame belongs.
///
/// The four bytes use existing padding, so a capture with one part has no cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartTag(u32);

impl PartTag {
    /// The bit that marks the first frame of a connection.
    const BEGINS: u32 = 1 << 31;

    /// Tag of an exported PDU, which has no link header. Captures with events are not split by ENI or
    /// connection, so their frames have no other tag.
    pub(crate) const PDU: Self = Self(u32::MAX >> 1);

    /// Tag of a frame in part `number`, which is an ENI or a connection.
    pub(crate) fn new(number: u32, begins: bool) -> Self {
        let begins = if begins { Self::BEGINS } else { 0 };
        Self(number & !Self::BEGINS | begins)
    }

    /// Returns the part number.
    pub(crate) fn number(self) -> u32 {
        self.0 & !Self::BEGINS
    }

    /// Whether the frame is the first of a connection.
    pub(crate) fn begins(self) -> bool {
        self.0 & Self::BEGINS != 0
    }

    /// Returns the bytes before a waiting frame.
    pub(crate) fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// Reads the result of [`to_bytes`](Self::to_bytes).
    pub(crate) fn of_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }
}

/// The end of one of several consecutive frames, with its key and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameEnd {
    pub len: u32,
    pub tag: PartTag,
    pub time_ns: i64,
}

/// The header before a frame that waits for a later slice, or is in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameHead {
    pub key: FrameKey,
    /// Length of the frame in bytes.
    pub len: u32,
    pub tag: PartTag,
}

impl FrameHead {
    /// Returns the bytes before its frame.
    pub(crate) fn bytes(self) -> [u8; HEAD_LEN] {
        let mut bytes = [0; HEAD_LEN];
        bytes[..8].copy_from_slice(&self.key.time_ns.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.key.conversation.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.key.episode.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.key.place.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.len.to_le_bytes());
        bytes[32..].copy_from_slice(&self.tag.to_bytes());
        bytes
    }

    fn cut(&self) -> FrameEnd {
        FrameEnd {
            len: self.len,
            tag: self.tag,
            time_ns: self.key.time_ns,
        }
    }
}

impl RunHead for FrameHead {
    const LEN_MAX: usize = HEAD_LEN;

    fn read(bytes: &[u8]) -> Self {
        // An array, whose offsets need no check.
        let bytes = bytes.first_chunk::<HEAD_LEN>().expect("a whole head");
        let half = |i: usize| u32::from_le_bytes(bytes[i..i + 4].try_into().expect("4 bytes"));
        let word = |i: usize| u64::from_le_bytes(bytes[i..i + 8].try_into().expect("8 bytes"));
        Self {
            key: FrameKey {
                time_ns: word(0).cast_signed(),
                conversation: word(8),
                episode: word(16),
                place: half(24),
            },
            len: half(28),
            tag: PartTag::of_bytes(half(32).to_le_bytes()),
        }
    }

    fn item_len(&self) -> usize {
        HEAD_LEN + self.len as usize
    }
}

/// Frames in order of time.
#[derive(Debug, Default)]
pub(crate) struct Ordered {
    /// The bytes of all of them.
    pub bytes: Vec<u8>,
    /// The end of each frame, if requested.
    pub cuts: Vec<FrameEnd>,
}

impl Ordered {
    /// Reads the next frames of a merge, about [`MERGED_LEN`] bytes, and returns how many there
    /// are; keeps the end of each frame if `cut` is set.
    ///
    /// # Errors
    /// The runs cannot be read.
    pub(crate) fn refill(&mut self, merge: &mut RunMerge<'_, FrameHead>, cut: bool) -> Result<u64> {
        self.bytes.clear();
        self.cuts.clear();
        let mut count = 0;
        while self.bytes.len() < MERGED_LEN
            && let Some(head) = merge.next(HEAD_LEN, &mut self.bytes)?
        {
            count += 1;
            if cut {
                self.cuts.push(head.cut());
            }
        }
        Ok(count)
    }
}

/// Frames in the order in which they were encoded.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The bytes of all frames, concatenated.
    pub bytes: Vec<u8>,
    /// Key, length and tag of each frame.
    pub keys: Vec<(FrameKey, u32, PartTag)>,
}

impl Frames {
    /// Creates an empty list.
    pub(crate) fn new(pool: &Pool) -> Self {
        Self {
            bytes: pool.take(),
            keys: Vec::with_capacity(FRAMES_MIN),
        }
    }

    /// Returns the total length in bytes, including a header for each frame.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + HEAD_LEN * self.keys.len()
    }

    /// Releases unused memory, since most frames may wait for later slices.
    pub(crate) fn complete(mut self) -> Self {
        if self.keys.len() < FRAMES_MIN / 4 {
            self.keys.shrink_to_fit();
        }
        self
    }

    /// Adds a frame that `encode` appends.
    pub(crate) fn push(&mut self, key: FrameKey, tag: PartTag, encode: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.bytes.len();
        encode(&mut self.bytes);
        let len = u32::try_from(self.bytes.len() - begin).expect("a frame is small");
        self.keys.push((key, len, tag));
    }
}

/// Appends a frame that waits for a later slice.
pub(crate) fn put_waiting(
    key: FrameKey,
    tag: PartTag,
    encode: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    out.extend_from_slice(&[0; HEAD_LEN]);
    encode(out);
    let len = u32::try_from(out.len() - begin - HEAD_LEN).expect("a frame is small");
    let head = FrameHead { key, len, tag };
    out[begin..begin + HEAD_LEN].copy_from_slice(&head.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_keeps_its_number_and_its_mark() {
        for (number, begins) in [(0, false), (0, true), (7, true), (u32::MAX >> 1, false)] {
            let tag = PartTag::of_bytes(PartTag::new(number, begins).to_bytes());
            assert_eq!((tag.number(), tag.begins()), (number, begins));
        }
    }
}
