//! Storage for records, grouped by conversation, until all files are read.
//!
//! Only then are the final ENI numbers and the ENIs' own addresses known. So records are stored
//! with numbers in the order in which threads found the ENIs, and taken out with the numbers of the
//! capture.

use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashMap;

use crate::connection::Detail;
use crate::error::Result;
use crate::flow::{
    Candidate, EniIndex, Enis, ReasonIndex, RejectReason, TagsIndex, Verdict, WordList,
};
use crate::pipeline::reading::Observations;
use crate::pipeline::settling::packet_budget::{DetailChoice, PacketsByDetail};
use crate::pipeline::settling::time_slices::Starts;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::episode_codec;
use crate::pipeline::spilling::memory_limit::ConversationCost;
use crate::pipeline::spilling::record_codec::{EncodedRecord, unpack_candidate};
use crate::pipeline::spilling::temporary::SpillFolder;

/// Buckets, of which each thread settles one at a time.
pub(crate) const BUCKETS: usize = 256;

/// How often a bucket may be divided: each time by the next byte of the hash.
pub(crate) const LEVELS: u32 = 4;

/// Packets of a record up to which it does not matter where in its window they are.
const FEW_PACKETS: u64 = 31;

/// The part of the memory limit that one bucket may use when it is settled: decoding triples its
/// size, and every thread decodes one.
const SETTLED_SHARE: usize = 16;

/// Records on their way from files to conversations.
pub(crate) struct Conversations<'a> {
    buckets: Buckets<'a>,
    numbers: Mutex<NumberedWords>,
    totals: Mutex<Totals>,
    /// The detail with which the packets of [`Totals::starts`] are counted.
    detail: Detail,
    /// The number of packets within which a finer detail may be chosen.
    packets_budget: Option<u64>,
    /// Records that were taken in.
    records: AtomicU64,
}

/// The packets of all records, whether they are selected or not.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// By the second in which they are, as far as that matters: those of small records by the second in
    /// which these start.
    pub(crate) starts: Starts,
    /// By detail, if the detail is chosen later.
    pub(crate) packets: PacketsByDetail,
}

impl<'a> Conversations<'a> {
    /// Creates an empty storage; at most `held_max` bytes of records stay in memory.
    pub(crate) fn new(held_max: usize, folder: &'a SpillFolder, detail: Detail) -> Self {
        Self::for_choice(held_max, folder, detail.into())
    }

    /// Creates an empty storage for records of which the detail is chosen later.
    pub(crate) fn for_choice(
        held_max: usize,
        folder: &'a SpillFolder,
        choice: DetailChoice,
    ) -> Self {
        Self {
            buckets: Buckets::new(BUCKETS, held_max, folder),
            numbers: Mutex::default(),
            totals: Mutex::default(),
            detail: choice.coarsest(),
            packets_budget: choice.packets_budget(),
            records: AtomicU64::new(0),
        }
    }
}

impl Observations for Conversations<'_> {
    fn take_in(&self, records: Vec<Candidate>, base: u64, enis: &Enis) -> Result<()> {
        let numbers = self.numbers(enis);
        self.records.fetch_add(records.len() as u64, Relaxed);
        let Totals {
            mut starts,
            mut packets,
        } = Totals::default();
        // Many consecutive records begin in the same second.
        let mut run = (0, 0);
        for mut o in records {
            numbers.apply(&mut o);
            o.place.line += base;
            let most = self.detail.packets_max(o.packets);
            if most > FEW_PACKETS {
                starts.count_window((o.start_ns, o.until_ns()), most);
            } else if o.start_ns == run.0 {
                run.1 += most;
            } else {
                starts.count(run.0, run.1);
                run = (o.start_ns, most);
            }
            // A detail that was given needs no counts.
            if self.packets_budget.is_some() {
                packets.count(&o);
            }
            let encoded = EncodedRecord::of(&o.into());
            self.buckets.put(bucket(&o.key, 0), encoded.bytes())?;
        }
        starts.count(run.0, run.1);
        let mut all = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        all.starts.add(&starts);
        all.packets.add(packets);
        Ok(())
    }
}

impl<'a> Conversations<'a> {
    /// Returns the numbers used here for ENIs and words that are numbered differently in `enis`.
    fn numbers(&self, enis: &Enis) -> Renumbering {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let words = &enis.words;
        Renumbering {
            enis: numbers.enis.of(enis.names()),
            tags: numbers.tags.of(words.tags.iter()),
            reasons: numbers.reasons.of(words.reasons.iter()),
        }
    }

    /// Completes the storage when all files are read and `enis` is final; one conversation may use
    /// `memory` bytes.
    pub(crate) fn complete(self, enis: &Enis, memory: u64) -> (Complete<'a, '_>, Totals) {
        let numbers = self
            .numbers
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let word = |list: &WordList, text: &[u8]| list.find(text).expect("every word is known");
        let numbers = Renumbering {
            enis: numbers.enis.last(|name| {
                let index = enis.find(name);
                index.expect("every file's ENIs are known").0
            }),
            tags: numbers.tags.last(|text| word(&enis.words.tags, text)),
            reasons: numbers.reasons.last(|text| word(&enis.words.reasons, text)),
        };
        let complete = Complete {
            buckets: self.buckets,
            numbers,
            enis,
            memory,
            detail: self.detail,
            packets_budget: self.packets_budget,
            records: self.records.into_inner(),
        };
        (
            complete,
            self.totals
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

/// Texts and their numbers here.
#[derive(Default)]
struct NumberedTexts(HashMap<Vec<u8>, u32, RandomState>);

impl NumberedTexts {
    /// Returns the numbers of these texts; new ones get the next numbers.
    fn of<'t>(&mut self, texts: impl Iterator<Item = &'t [u8]>) -> Vec<u32> {
        let numbers = &mut self.0;
        let number = |text: &[u8]| {
            if let Some(number) = numbers.get(text) {
                return *number;
            }
            let number = u32::try_from(numbers.len()).expect("fewer than 2^32 texts");
            numbers.insert(text.to_vec(), number);
            number
        };
        texts.map(number).collect()
    }

    /// Returns the final number of each number.
    fn last(self, of: impl Fn(&[u8]) -> u32) -> Vec<u32> {
        let mut last = vec![0; self.0.len()];
        for (text, number) in self.0 {
            last[number as usize] = of(&text);
        }
        last
    }
}

/// The numbers used here for ENIs and for the words of records.
#[derive(Default)]
struct NumberedWords {
    enis: NumberedTexts,
    tags: NumberedTexts,
    reasons: NumberedTexts,
}

/// New numbers of ENIs and words, by their old numbers.
struct Renumbering {
    enis: Vec<u32>,
    tags: Vec<u32>,
    reasons: Vec<u32>,
}

impl Renumbering {
    fn apply(&self, o: &mut Candidate) {
        o.eni = EniIndex(self.enis[o.eni.0 as usize]);
        o.tags = TagsIndex(self.tags[o.tags.0 as usize]);
        if let Verdict::Reject(RejectReason::Other(reason)) = &mut o.verdict {
            *reason = ReasonIndex(self.reasons[reason.0 as usize]);
        }
    }
}

/// All records, by conversation.
pub(crate) struct Complete<'a, 'e> {
    buckets: Buckets<'a>,
    numbers: Renumbering,
    enis: &'e Enis,
    memory: u64,
    detail: Detail,
    packets_budget: Option<u64>,
    records: u64,
}

/// How the records of buckets are passed on.
#[derive(Clone, Copy, Debug)]
struct Taking<'b, 'a> {
    buckets: &'b Buckets<'a>,
    /// Whether the buckets are empty afterwards.
    empties: bool,
    /// Whether conversations may be left out in which no record matches the filter.
    only_matching: bool,
}

impl Taking<'_, '_> {
    /// Passes on the parts of a bucket.
    fn parts(self, bucket: usize, take_in: impl FnMut(Vec<u8>) -> Result<()>) -> Result<()> {
        if self.empties {
            self.buckets.drain(bucket, take_in)
        } else {
            self.buckets.copy(bucket, take_in)
        }
    }
}

impl<'a> Complete<'a, '_> {
    /// Returns the number of records.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Returns the number of buckets.
    pub(crate) fn count(&self) -> usize {
        self.buckets.count()
    }

    /// Takes the records of a bucket and passes them to `each`, as whole conversations in any
    /// order, with the direction that all records of their ENI together show.
    ///
    /// # Errors
    /// Temporary files cannot be read, a conversation needs more than the memory, or `each` fails.
    pub(crate) fn take(
        &self,
        bucket: usize,
        mut each: impl FnMut(&[Candidate]) -> Result<()>,
    ) -> Result<()> {
        let all = self.taking(true, false);
        self.take_level(all, bucket, 1, &mut |records, _| each(records))
    }

    /// Does the same without the conversations in which no record matches the filter, as far as they
    /// are known; `each` also gets the number of records that are left out.
    ///
    /// # Errors
    /// The same as for [`take`](Self::take).
    pub(crate) fn take_matching(
        &self,
        bucket: usize,
        mut each: impl FnMut(&[Candidate], u64) -> Result<()>,
    ) -> Result<()> {
        self.take_level(self.taking(true, true), bucket, 1, &mut each)
    }

    /// Passes on all records as [`take`](Self::take) does, and leaves them there for another time.
    ///
    /// # Errors
    /// The same as for [`take`](Self::take).
    pub(crate) fn look_at(
        &self,
        bucket: usize,
        mut each: impl FnMut(&[Candidate]) -> Result<()>,
    ) -> Result<()> {
        let all = self.taking(false, false);
        self.take_level(all, bucket, 1, &mut |records, _| each(records))
    }

    fn taking(&self, empties: bool, only_matching: bool) -> Taking<'_, 'a> {
        Taking {
            buckets: &self.buckets,
            empties,
            only_matching,
        }
    }

    /// Takes a bucket that was filled by the byte of the hash before `level`. A bucket that is too
    /// large to be settled at once is divided by the next byte first.
    fn take_level(
        &self,
        from: Taking<'_, '_>,
        bucket: usize,
        level: u32,
        each: &mut dyn FnMut(&[Candidate], u64) -> Result<()>,
    ) -> Result<()> {
        let settled_max = self.buckets.held_max() / SETTLED_SHARE;
        if from.buckets.len(bucket) <= settled_max {
            let mut parts = Vec::new();
            from.parts(bucket, |part| {
                parts.push(part);
                Ok(())
            })?;
            let (mut records, left_out) = match from.only_matching {
                true => episode_codec::matching_candidates(&parts),
                false => (episode_codec::candidates(&parts), 0),
            };
            records.iter_mut().for_each(|o| self.complete(o));
            return each(&records, left_out);
        }
        if level == LEVELS {
            return each(&self.one(from, bucket)?, 0);
        }
        let parts = Buckets::new(BUCKETS, settled_max, self.buckets.folder());
        from.parts(bucket, |part| {
            let mut rest = &part[..];
            let mut from = rest;
            while let Some(o) = unpack_candidate(&mut rest) {
                let bytes = &from[..from.len() - rest.len()];
                parts.put(self::bucket(&o.key, level), bytes)?;
                from = rest;
            }
            Ok(())
        })?;
        let parts = Taking {
            buckets: &parts,
            empties: true,
            ..from
        };
        (0..BUCKETS).try_for_each(|bucket| self.take_level(parts, bucket, level + 1, each))
    }

    /// Takes a bucket that cannot be divided: it is almost always one conversation.
    fn one(&self, from: Taking<'_, '_>, bucket: usize) -> Result<Vec<Candidate>> {
        let mut records = Vec::new();
        let mut cost = ConversationCost::default();
        from.parts(bucket, |part| {
            let mut rest = &part[..];
            while let Some(mut o) = unpack_candidate(&mut rest) {
                cost.count(&o, self.detail);
                self.complete(&mut o);
                if cost.is_within(self.memory) {
                    records.push(o);
                }
            }
            Ok(())
        })?;
        if let Some(o) = records.first() {
            cost.check(&o.key, self.memory, self.packets_budget)?;
        }
        Ok(records)
    }

    fn complete(&self, o: &mut Candidate) {
        self.numbers.apply(o);
        if o.leaving.is_none() {
            let tuple = o.key.five_tuple(o.way);
            let (source, destination) = (tuple.source.address, tuple.destination.address);
            o.leaving = self.enis.get(o.eni).leaves(source, destination);
        }
    }
}

/// Passes each conversation of these unordered records to `each`.
///
/// # Errors
/// `each` fails.
pub(crate) fn each(
    records: &[Candidate],
    mut each: impl FnMut(&mut Vec<Candidate>) -> Result<()>,
) -> Result<()> {
    let hashes = records.iter().map(|o| hash(&o.key));
    let mut order: Vec<(u64, u32)> = hashes.zip(0..).collect();
    order.sort_unstable();
    let mut conversation = Vec::new();
    for same_hash in order.chunk_by(|a, b| a.0 == b.0) {
        let key = records[same_hash[0].1 as usize].key;
        conversation.clear();
        conversation.extend(same_hash.iter().map(|(_, i)| records[*i as usize]));
        // Two keys may have the same hash.
        if conversation.iter().any(|o| o.key != key) {
            conversation.sort_unstable_by_key(|o| o.key);
            for same_key in conversation.chunk_by(|a, b| a.key == b.key) {
                each(&mut same_key.to_vec())?;
            }
        } else {
            each(&mut conversation)?;
        }
    }
    Ok(())
}

/// Returns a hash that is the same in every run.
fn hash(key: &(impl Hash + ?Sized)) -> u64 {
    FixedState::with_seed(0).hash_one(key)
}

/// Returns the bucket for the byte of a key's hash at this level, from the highest on.
pub(crate) fn bucket(key: &(impl Hash + ?Sized), level: u32) -> usize {
    (hash(key) >> (56 - 8 * level) & 0xff) as usize
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::flow::{Way, observation::tests::candidate};

    #[test]
    fn buckets_of_any_size_return_whole_conversations_with_final_numbers() {
        let temporary = tempfile::tempdir().unwrap();
        for (held_max, spills) in [(usize::MAX, false), (1 << 16, true), (0, true)] {
            let folder = SpillFolder::new(temporary.path());
            let conversations = Conversations::new(held_max, &folder, Detail::Exact);
            let mut enis = Enis::default();
            enis.enter(b"eni-b");
            let records = (0..20_000_u16).map(|i| {
                let mut o = candidate(Way::Up, 3, 180, i.into(), 99_999, 2);
                o.key.low.port = i % 5_000;
                o
            });
            conversations.take_in(records.collect(), 7, &enis).unwrap();
            enis.enter(b"eni-a");
            let enis = enis.sorted();
            let (complete, _) = conversations.complete(&enis, 0);
            let mut seen = vec![0; 5_000];
            for bucket in 0..complete.count() {
                let result = complete.take(bucket, |records| {
                    let mut here: HashMap<u16, u32, RandomState> = HashMap::default();
                    for o in records {
                        assert_eq!((o.eni, o.place.line), (EniIndex(1), 7));
                        *here.entry(o.key.low.port).or_default() += 1;
                    }
                    here.iter()
                        .for_each(|(port, count)| seen[usize::from(*port)] += count * 100 + 1);
                    Ok(())
                });
                result.unwrap();
            }
            assert!(
                seen.iter().all(|n| *n == 401),
                "four records, taken at once"
            );
            assert_eq!(folder.spilled() > 0, spills);
        }
    }

    #[test]
    fn unusable_folder_is_named_in_the_error() {
        let folder = SpillFolder::new(Path::new("/no/such/folder"));
        let conversations = Conversations::new(0, &folder, Detail::Exact);
        let records = vec![candidate(Way::Up, 3, 180, 0, 9, 2)];
        let mut enis = Enis::default();
        enis.enter(b"eni-a");
        let error = conversations.take_in(records, 0, &enis).unwrap_err();
        assert!(error.to_string().contains("/no/such/folder"));
    }
}
