//! What is the matter in an archive: conversations are read and grouped as for a conversion, and
//! looked at with the records of all ENIs.
//!
//! What is found is decided in [`crate::diagnosis`]; this brings it the conversations, on all cores, and
//! tells it what the archive covers. Tallies add up to the same in any order.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use crate::archive::{self, Walk};
use crate::connection::Detail;
use crate::diagnosis::{AttemptCounts, Finding, Ground, Unseen, Visibility, attempts, findings};
use crate::error::Result;
use crate::flow::{Enis, Observation, Place, duplicates};
use crate::pipeline::conversations::{self, Complete, Conversations};
use crate::pipeline::covered::Covered;
use crate::pipeline::gathered::Gathered;
use crate::pipeline::narrow::Narrow;
use crate::pipeline::places::Places;
use crate::pipeline::read::{Files, Sink};
use crate::pipeline::spill::SpillFolder;
use crate::pipeline::{Meter, Request};
use crate::summary::{Input, Records};
use crate::time::joined;

/// What was found, and in what.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// What explains the trouble, the most important first.
    pub findings: Vec<Finding>,
    /// What the archive cannot show.
    pub unseen: Vec<Unseen>,
    /// Connection attempts, and conversations that are not TCP.
    pub attempts: u64,
    /// Attempts by what is the matter with them.
    pub symptoms: std::collections::BTreeMap<&'static str, u64>,
    /// Earliest start and latest end of the attempts looked at, nanoseconds since the epoch.
    pub span_ns: Option<(i64, i64)>,
    /// The time that was asked for, nanoseconds since the epoch; `null` where it has no end.
    pub asked_ns: Option<(Option<i64>, Option<i64>)>,
    /// ENIs that wrote the records.
    pub enis: u64,
    /// Files and their octets.
    pub input: Input,
    /// Lines and records; those of attempts that were looked at are `told`.
    pub records: Records,
    /// Octets that went to temporary files, because memory was short.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

/// Tells what is the matter in an archive. An attempt is looked at whole if one of its records
/// matches the filter.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input that cannot be read or whose column order cannot be told, no flow log at all, no room
/// for what memory does not hold, and a conversation that needs more than the memory.
pub fn diagnose(request: &Request, meter: &Meter) -> Result<Diagnosis> {
    walked(request, archive::walk(&request.inputs)?, meter)
}

/// The same of files that were found before.
pub(super) fn walked(request: &Request, walk: Walk, meter: &Meter) -> Result<Diagnosis> {
    let begun = Instant::now();
    let Walk { files, left_out } = walk;
    let sifted = request.filter.sift(files);
    let files = &sifted.files[..];
    meter.expect(files);
    let mut read = Gathered::beside(left_out, &sifted);
    let folder = SpillFolder::new(&request.temp_dir);
    let listening = Listening {
        conversations: Conversations::new(request.held_max(), &folder, Detail::Control),
        covered: Mutex::default(),
    };
    let source = request.source(sifted.wanted.as_ref());
    let enis = read.all(&Files::new(source, meter, &listening), files)?;
    let covered = listening.covered.into_inner();
    let covered = covered.unwrap_or_else(PoisonError::into_inner);
    let (conversations, _) = listening.conversations.complete(&enis, request.memory);
    let visibility = visibility(covered, &read, &enis);
    let narrow = Narrow::of(&request.filter, read.newest_ns);
    let looked = look(&conversations, narrow.as_ref(), &visibility, &enis)?;
    let places = Places::new(files, read.members, read.losses);
    let name = |place: Place| {
        let (file, line) = places.of(place);
        format!("{file}:{line}")
    };
    let ground = Ground {
        enis: &enis,
        name: &name,
    };
    read.records.told = looked.told;
    read.records.duplicates = looked.duplicates;
    read.records.filtered = looked.filtered;
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    Ok(Diagnosis {
        findings: findings(&looked.tally, &ground),
        unseen: visibility.unseen(&looked.tally, read.records.skip_data),
        attempts: looked.tally.attempts,
        symptoms: looked.tally.by_symptom().clone(),
        span_ns: looked.span_ns,
        asked_ns: narrow.and_then(|narrow| narrow.asked_ns()),
        enis: enis.iter().len() as u64,
        input: read.input,
        records: read.records,
        spilled_bytes: folder.spilled(),
        elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Passes records on to their conversations, and notes what time they cover.
struct Listening<'a> {
    conversations: Conversations<'a>,
    covered: Mutex<Covered>,
}

impl Sink for Listening<'_> {
    fn take_in(&self, records: Vec<Observation>, base: u64, enis: &Enis) -> Result<()> {
        let mut covered = Covered::default();
        records
            .iter()
            .for_each(|o| covered.meet(o.start_ns, o.end_ns));
        let mut all = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        all.add(covered);
        drop(all);
        self.conversations.take_in(records, base, enis)
    }
}

fn visibility(covered: Covered, read: &Gathered, enis: &Enis) -> Visibility {
    let mut visibility = Visibility::new(covered.span_ns, covered.holes(&read.quiet));
    for gap in &read.records.gaps {
        if let Some(eni) = enis.find(gap.eni.as_bytes()) {
            visibility.skip(eni, gap.start_ns, gap.end_ns);
        }
    }
    visibility
}

/// What became of the records.
#[derive(Default)]
struct Looked {
    tally: AttemptCounts,
    told: u64,
    duplicates: u64,
    filtered: u64,
    span_ns: Option<(i64, i64)>,
}

impl Looked {
    fn add(&mut self, other: Self) {
        self.tally.add(other.tally);
        self.told += other.told;
        self.duplicates += other.duplicates;
        self.filtered += other.filtered;
        self.span_ns = joined(self.span_ns, other.span_ns);
    }

    /// Counts the attempts of one conversation.
    fn look_at(
        &mut self,
        conversation: &mut Vec<Observation>,
        narrow: Option<&Narrow>,
        visibility: &Visibility,
        enis: &Enis,
    ) {
        if let Some(narrow) = narrow {
            let all = conversation.len();
            let _ = narrow.sift(conversation);
            self.filtered += (all - conversation.len()) as u64;
        }
        self.duplicates += duplicates::remove(conversation);
        for attempt in attempts(conversation) {
            if attempt.matched {
                self.told += attempt.records;
                let span_ns = (attempt.first_ns, attempt.last_ns);
                self.span_ns = joined(self.span_ns, Some(span_ns));
                self.tally.take_in(&attempt, visibility, enis);
            } else {
                self.filtered += attempt.records;
            }
        }
    }
}

/// Looks at all conversations.
fn look(
    conversations: &Complete<'_, '_>,
    narrow: Option<&Narrow>,
    visibility: &Visibility,
    enis: &Enis,
) -> Result<Looked> {
    // One sum for all threads, to which they add what is in memory at once: a sum for each of them would
    // hold the same paths over and over.
    let looked = Mutex::new(Looked::default());
    let buckets = (0..conversations.count()).into_par_iter();
    buckets.try_for_each(|bucket| {
        conversations.take(bucket, |records| {
            let mut part = Looked::default();
            conversations::each(records, |conversation| {
                part.look_at(conversation, narrow, visibility, enis);
                Ok(())
            })?;
            let mut looked = looked.lock().unwrap_or_else(PoisonError::into_inner);
            looked.add(part);
            Ok(())
        })
    })?;
    Ok(looked.into_inner().unwrap_or_else(PoisonError::into_inner))
}
