//! Frames on their way into one order of time.
//!
//! A frame is encoded as soon as its connection is rebuilt, so that records and
//! segments can go. From then on it is a run of octets and a [`Key`]. The order
//! of frames is that of time, then episode, then place in the episode: the same
//! for any number of threads and any memory.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::pipeline::tag::{Cut, Tag};

/// Frames that are put in order and copied in one task.
const TASK_FRAMES: usize = 1 << 12;

/// Frames for which room is made at once.
const FRAMES_MIN: usize = 1 << 10;

/// Frames in a stretch of time that is sorted by itself, about.
const STRETCH_FRAMES: usize = 8;

/// What sets one frame before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Nanoseconds since the epoch.
    pub time_ns: i64,
    /// Number of its episode, in order of their starts.
    pub episode: u64,
    /// Its place in the episode.
    pub place: u32,
}

/// A frame among the octets of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: Key,
    len: u32,
    tag: Tag,
    /// Which run of octets, and where in it: 20 and 44 bits.
    at: u64,
}

/// Bits of [`Entry::at`] that say where in a run.
const OFFSET_BITS: u32 = 44;

/// Octets in front of a frame that waits for a later slice: its key, its length and its tag.
const HEAD_LEN: usize = 28;

/// Frames in order.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    /// The octets of all of them.
    pub octets: Vec<u8>,
    /// Where one ends and what it is, if that was asked for.
    pub cuts: Vec<Cut>,
}

/// Buffers to be used again: the system has to clear every page that it hands
/// out anew, which costs more than what is then done with it.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    fn take(&self) -> Vec<u8> {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.pop().unwrap_or_default()
    }

    /// Gives buffers back, whatever is in them.
    pub(super) fn give_back(&self, given: impl IntoIterator<Item = Vec<u8>>) {
        let given = given.into_iter().map(|mut buffer| {
            buffer.clear();
            buffer
        });
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.extend(given);
    }
}

/// Frames in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Frames {
    octets: Vec<u8>,
    keys: Vec<(Key, u32, Tag)>,
}

impl Frames {
    /// None yet.
    pub(super) fn new(pool: &Pool) -> Self {
        Self {
            octets: pool.take(),
            keys: Vec::with_capacity(FRAMES_MIN),
        }
    }

    /// Gives the room back that is not needed, where most frames wait for later slices.
    pub(super) fn complete(mut self) -> Self {
        if self.keys.len() < FRAMES_MIN / 4 {
            self.keys.shrink_to_fit();
        }
        self
    }

    /// Adds the frame that `encode` appends.
    pub(super) fn push(&mut self, key: Key, tag: Tag, encode: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.octets.len();
        encode(&mut self.octets);
        let len = u32::try_from(self.octets.len() - begin).expect("a frame is small");
        self.keys.push((key, len, tag));
    }
}

/// Appends a frame that waits for a later slice.
pub(super) fn put_waiting(
    key: Key,
    tag: Tag,
    encode: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    out.extend_from_slice(&[0; HEAD_LEN]);
    encode(out);
    let len = u32::try_from(out.len() - begin - HEAD_LEN).expect("a frame is small");
    let head = &mut out[begin..begin + HEAD_LEN];
    head[..8].copy_from_slice(&key.time_ns.to_le_bytes());
    head[8..16].copy_from_slice(&key.episode.to_le_bytes());
    head[16..20].copy_from_slice(&key.place.to_le_bytes());
    head[20..24].copy_from_slice(&len.to_le_bytes());
    head[24..].copy_from_slice(&tag.to_octets());
}

/// All frames of a slice, to be brought in order.
#[derive(Debug, Default)]
pub(super) struct Slice {
    runs: Vec<Vec<u8>>,
    /// How many of `runs` are of the pool: the first ones.
    pooled: usize,
    entries: Vec<Entry>,
    /// The entries by time.
    spread: Vec<Entry>,
}

impl Slice {
    /// Adds frames as they were made.
    pub(super) fn add(&mut self, frames: Frames) {
        let mut at = (self.runs.len() as u64) << OFFSET_BITS;
        self.entries
            .extend(frames.keys.into_iter().map(|(key, len, tag)| {
                let entry = Entry { key, len, tag, at };
                at += u64::from(len);
                entry
            }));
        self.runs.push(frames.octets);
        self.pooled = self.runs.len();
    }

    /// Adds frames that waited, once all others are there.
    pub(super) fn add_waiting(&mut self, part: Vec<u8>) {
        let run = (self.runs.len() as u64) << OFFSET_BITS;
        let mut rest = &part[..];
        while let Some((head, behind)) = rest.split_first_chunk::<HEAD_LEN>() {
            let half = |i: usize| u32::from_le_bytes(head[i..i + 4].try_into().expect("4 octets"));
            let word = |i: usize| u64::from_le_bytes(head[i..i + 8].try_into().expect("8 octets"));
            let key = Key {
                time_ns: word(0).cast_signed(),
                episode: word(8),
                place: half(16),
            };
            let (len, tag) = (half(20), Tag::of_octets(half(24).to_le_bytes()));
            let at = run | (part.len() - behind.len()) as u64;
            self.entries.push(Entry { key, len, tag, at });
            rest = &behind[len as usize..];
        }
        self.runs.push(part);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the octets of all frames out, in order, in parts, and says what each frame is if
    /// `cut` asks for it; gives those parts back besides in which frames had waited.
    pub(super) fn in_order(&mut self, pool: &Pool, cut: bool) -> (Vec<Ordered>, Vec<Vec<u8>>) {
        let ends = self.spread_by_time();
        let mut rest = &mut self.spread[..];
        let mut tasks = Vec::new();
        let (mut begin, mut first) = (0, 0);
        for (i, end) in ends.iter().enumerate() {
            if end - begin >= TASK_FRAMES || i + 1 == ends.len() {
                let (task, behind) = rest.split_at_mut(end - begin);
                tasks.push((task, begin, &ends[first..=i]));
                (rest, begin, first) = (behind, *end, i + 1);
            }
        }
        let runs = &self.runs;
        let gathered = tasks.into_par_iter().map(|(task, begin, ends)| {
            sort_stretches(task, begin, ends);
            let cuts = if cut { cuts(task) } else { Vec::new() };
            let octets = gather(task, runs, pool.take());
            Ordered { octets, cuts }
        });
        let gathered = gathered.collect();
        let waited = self.runs.split_off(std::mem::take(&mut self.pooled));
        pool.give_back(self.runs.drain(..));
        self.entries.clear();
        (gathered, waited)
    }

    /// Groups entries by equal stretches of time, so many that each holds but a
    /// few, and says where each ends.
    ///
    /// To sort many short stretches takes a quarter of the time of sorting all at once.
    fn spread_by_time(&mut self) -> Vec<usize> {
        let entries = &self.entries;
        let times = entries.iter().map(|e| e.key.time_ns);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
            self.spread.clear();
            return Vec::new();
        };
        let stretches = entries.len() / STRETCH_FRAMES + 1;
        let stretch = Stretches::new(first, last, stretches);
        let mut next = vec![0_usize; stretches + 1];
        entries.iter().for_each(|e| next[stretch.of(e) + 1] += 1);
        for i in 0..stretches {
            next[i + 1] += next[i];
        }
        // Every entry is written again below.
        self.spread.resize(entries.len(), entries[0]);
        for e in entries {
            let place = &mut next[stretch.of(e)];
            self.spread[*place] = *e;
            *place += 1;
        }
        // Each now stands where its stretch ends.
        next.truncate(stretches);
        next
    }
}

/// Sorts each of the stretches that `entries` consist of; `ends` count from `begin` before them.
fn sort_stretches(mut entries: &mut [Entry], mut begin: usize, ends: &[usize]) {
    for end in ends {
        let (stretch, behind) = entries.split_at_mut(end - begin);
        stretch.sort_unstable();
        (entries, begin) = (behind, *end);
    }
}

/// Equal stretches of a span of time.
struct Stretches {
    first_ns: i64,
    last: usize,
    /// Stretches a nanosecond, in 2⁻⁶³: a multiplication in place of a division for each entry.
    scale: u64,
}

impl Stretches {
    fn new(first_ns: i64, last_ns: i64, count: usize) -> Self {
        let span = u128::from(last_ns.abs_diff(first_ns)) + 1;
        Self {
            first_ns,
            last: count - 1,
            scale: u64::try_from(((count as u128) << 63) / span).unwrap_or(u64::MAX),
        }
    }

    fn of(&self, e: &Entry) -> usize {
        let since = u128::from(e.key.time_ns.abs_diff(self.first_ns));
        let index = (since * u128::from(self.scale)) >> 63;
        usize::try_from(index).map_or(self.last, |index| index.min(self.last))
    }
}

/// Copies the octets of sorted entries.
fn gather(entries: &[Entry], runs: &[Vec<u8>], mut out: Vec<u8>) -> Vec<u8> {
    out.reserve(entries.iter().map(|e| e.len as usize).sum());
    for e in entries {
        let run = &runs[(e.at >> OFFSET_BITS) as usize];
        let offset = (e.at & ((1 << OFFSET_BITS) - 1)) as usize;
        out.extend_from_slice(&run[offset..offset + e.len as usize]);
    }
    out
}

/// What sorted entries are, one by one.
fn cuts(entries: &[Entry]) -> Vec<Cut> {
    let cut = |e: &Entry| Cut {
        len: e.len,
        tag: e.tag,
        time_ns: e.key.time_ns,
    };
    entries.iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(time_ns: i64, episode: u64, place: u32) -> Key {
        Key {
            time_ns,
            episode,
            place,
        }
    }

    fn concat(ordered: &[Ordered]) -> Vec<u8> {
        ordered
            .iter()
            .flat_map(|part| part.octets.clone())
            .collect()
    }

    #[test]
    fn frames_come_in_order_of_time_episode_and_place() {
        let mut made = Frames::default();
        let mut waiting = Vec::new();
        let mut expected = Vec::new();
        for i in 0..50_000_u64 {
            // Bursts and silence, and many frames at one instant.
            let time_ns = (i * i % 9_973).pow(3).cast_signed() - 500;
            let key = key(time_ns, i % 7, (i % 65_536) as u32);
            let octets = i.to_le_bytes();
            let tag = Tag::new((i % 1_000) as u32, i % 5 == 0);
            expected.push((key, octets, tag));
            if i % 3 == 0 {
                put_waiting(key, tag, |out| out.extend_from_slice(&octets), &mut waiting);
            } else {
                made.push(key, tag, |out| out.extend_from_slice(&octets));
            }
        }
        let mut slice = Slice::default();
        slice.add(made);
        slice.add_waiting(waiting);
        assert_eq!(slice.len(), 50_000);
        expected.sort_unstable();
        let octets: Vec<u8> = expected.iter().flat_map(|(_, octets, _)| *octets).collect();
        let (ordered, _) = slice.in_order(&Pool::default(), true);
        assert!(concat(&ordered) == octets);
        let cuts = ordered.iter().flat_map(|part| &part.cuts);
        assert!(
            cuts.eq(&expected
                .iter()
                .map(|(key, _, tag)| Cut {
                    len: 8,
                    tag: *tag,
                    time_ns: key.time_ns,
                })
                .collect::<Vec<_>>())
        );
    }

    #[test]
    fn frames_at_one_instant_or_none_are_in_order_too() {
        assert!(
            Slice::default()
                .in_order(&Pool::default(), false)
                .0
                .is_empty()
        );
        let mut made = Frames::default();
        for place in (0..9_000).rev() {
            made.push(key(i64::MAX, 0, place), Tag::default(), |out| {
                out.extend_from_slice(&place.to_le_bytes())
            });
        }
        made.push(key(i64::MIN, 0, 0), Tag::default(), |out| out.push(77));
        let mut slice = Slice::default();
        slice.add(made);
        let (ordered, _) = slice.in_order(&Pool::default(), false);
        assert!(ordered.iter().all(|part| part.cuts.is_empty()));
        let octets = concat(&ordered);
        assert_eq!(
            (octets[0], &octets[1..9]),
            (77, &[0, 0, 0, 0, 1, 0, 0, 0][..])
        );
    }
}
