//! The examination of all conversations, on all cores: which attempts there are, and which of them match.

use std::sync::Mutex;

use rayon::prelude::*;

use super::{inner, locked};
use crate::diagnosis::{AttemptCounts, FindingEvidence, Visibility, attempts};
use crate::error::Result;
use crate::flow::{Candidate, Enis, duplicates};
use crate::pipeline::settling::conversations::{self, Complete};
use crate::pipeline::settling::selection::Selection;
use crate::pipeline::settling::settle::SettleCounts;
use crate::read::{Meter, Phase};
use crate::time::joined;

/// The attempts of all conversations.
#[derive(Default)]
pub(super) struct Looked {
    /// The attempts that match the filter.
    pub(super) tally: AttemptCounts,
    /// All attempts of the requested time; empty without a filter.
    pub(super) all: AttemptCounts,
    /// How the records were used.
    pub(super) counts: SettleCounts,
    /// Whether each ENI logged one of the matching attempts.
    pub(super) is_involved: Vec<bool>,
}

impl Looked {
    /// Returns what findings are made from. Without a selection the attempts that match are all there are.
    pub(super) fn evidence(&self, is_selected: bool) -> FindingEvidence<'_> {
        FindingEvidence {
            shown: &self.tally,
            all: is_selected.then_some(&self.all),
        }
    }

    /// Creates an empty sum for a part that is to be added to this one.
    fn for_part(&self) -> Self {
        Self {
            tally: self.tally.for_part(),
            all: self.all.for_part(),
            counts: SettleCounts::default(),
            is_involved: vec![false; self.is_involved.len()],
        }
    }

    fn add(&mut self, more: Self) {
        self.tally.add(more.tally);
        self.all.add(more.all);
        self.counts = std::mem::take(&mut self.counts).add(more.counts);
        for (known, more) in self.is_involved.iter_mut().zip(more.is_involved) {
            *known |= more;
        }
    }
}

/// One sum for all threads, and the parts that they have not added to it yet. A whole sum for each of them
/// would hold the same paths over and over; and a part for each bucket would have most paths new.
struct Sums {
    whole: Mutex<Looked>,
    /// Those that no thread has at hand.
    parts: Mutex<Vec<Looked>>,
}

impl Sums {
    /// Takes a part to add attempts to.
    fn take_part(&self) -> Looked {
        let known = locked(&self.parts).pop();
        known.unwrap_or_else(|| locked(&self.whole).for_part())
    }

    /// Gives a part back, or adds it to the whole if it has become large.
    fn give_back(&self, part: Looked) {
        if part.tally.paths_len() + part.all.paths_len() < PART_PATHS {
            locked(&self.parts).push(part);
        } else {
            locked(&self.whole).add(part);
        }
    }

    /// Returns the whole.
    fn complete(self) -> Looked {
        let mut whole = inner(self.whole);
        inner(self.parts)
            .into_iter()
            .for_each(|part| whole.add(part));
        whole
    }
}

/// The paths of a part from which on it is added to the whole.
const PART_PATHS: usize = 1 << 12;

/// How conversations are examined.
#[derive(Clone, Copy)]
pub(super) struct Looking<'a> {
    selection: Option<&'a Selection>,
    visibility: &'a Visibility,
    enis: &'a Enis,
    /// Whether the conversations are needed once more.
    keeps: bool,
}

impl<'a> Looking<'a> {
    pub(super) fn new(
        selection: Option<&'a Selection>,
        visibility: &'a Visibility,
        enis: &'a Enis,
        keeps: bool,
    ) -> Self {
        Self {
            selection,
            visibility,
            enis,
            keeps,
        }
    }

    /// Examines all conversations.
    ///
    /// # Errors
    /// Temporary files cannot be read, or a conversation needs more than the memory.
    pub(super) fn look(&self, conversations: &Complete<'_, '_>, meter: &Meter) -> Result<Looked> {
        meter.begin(Phase::Diagnosing, conversations.records());
        let whole = Looked {
            is_involved: vec![false; self.enis.iter().len()],
            ..Looked::default()
        };
        let sums = Sums {
            whole: Mutex::new(whole),
            parts: Mutex::default(),
        };
        let buckets = (0..conversations.count()).into_par_iter();
        buckets.try_for_each(|bucket| {
            meter.check()?;
            let examine = |records: &[Candidate]| {
                sums.give_back(self.examine(records, sums.take_part())?);
                meter.add(records.len() as u64);
                Ok(())
            };
            match self.keeps {
                true => conversations.look_at(bucket, examine),
                false => conversations.take(bucket, examine),
            }
        })?;
        Ok(sums.complete())
    }

    /// Adds the attempts of these unordered records.
    fn examine(&self, records: &[Candidate], mut looked: Looked) -> Result<Looked> {
        let (visibility, enis) = (self.visibility, self.enis);
        conversations::each(records, |conversation| {
            let is_kept = keep_selected(conversation, self.selection, &mut looked.counts);
            for attempt in attempts(conversation) {
                let span_ns = (attempt.first_ns, attempt.last_ns);
                let is_timely = |selection: &Selection| {
                    selection.span.overlaps(attempt.first_ns, attempt.last_ns)
                };
                if self.selection.is_some_and(is_timely) {
                    looked.all.take_in(&attempt, visibility, enis);
                }
                if attempt.matched {
                    looked.counts.records += attempt.records;
                    looked.counts.span_ns = joined(looked.counts.span_ns, Some(span_ns));
                    looked.tally.take_in(&attempt, visibility, enis);
                    let involved = attempt.views.iter();
                    involved.for_each(|view| looked.is_involved[view.eni.0 as usize] = true);
                } else if is_kept {
                    looked.counts.filtered += attempt.records;
                }
            }
            Ok(())
        })?;
        Ok(looked)
    }
}

/// Notes which records of a conversation match, and drops duplicates. Returns whether any record
/// matches; if none does, all are counted as filtered.
fn keep_selected(
    conversation: &mut Vec<Candidate>,
    selection: Option<&Selection>,
    counts: &mut SettleCounts,
) -> bool {
    let is_kept = selection.is_none_or(|selection| selection.mark(conversation));
    if !is_kept {
        counts.filtered += conversation.len() as u64;
    }
    let duplicates = duplicates::remove(conversation);
    if is_kept {
        counts.duplicates += duplicates;
    }
    is_kept
}
