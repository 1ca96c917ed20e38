//! Sums over time, of an archive that is read for them.
//!
//! What a record says can be counted as soon as it is read, block by block, like an inspection.
//! What it says only together with others (its connection, its ENI's VPC) is counted when all
//! are read, by conversation, like a conversion. Either way what is counted goes to one
//! [`Store`] and is collected from there by series.

mod store;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use rayon::prelude::*;

use self::store::Store;
use crate::archive::{self, File, Walk};
use crate::connection::{Detail, Segment, Story, rebuild};
use crate::error::Result;
use crate::filter::Span;
use crate::flow::{Enis, Observation, Vantage};
use crate::metrics::{Dimension, Every, PacketFacts, Question, Subnets, Table, Tally};
use crate::pipeline::conversations::{self, Conversations};
use crate::pipeline::gathered::Gathered;
use crate::pipeline::inspect::newest;
use crate::pipeline::narrow::Narrow;
use crate::pipeline::read::{Files, Sink, Source};
use crate::pipeline::spill::SpillFolder;
use crate::pipeline::tell::{Settling, Told};
use crate::pipeline::{Meter, Request};
use crate::summary::{Input, Records};

/// What is asked of which archive.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Which archive; of it single records are wanted, or the connections in which one of them
    /// matches if packets count once.
    pub request: Request,
    /// How long a bucket of time is.
    pub every: Every,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Whether each packet counts once, as in a capture: not what was delivered twice, and not at
    /// each ENI that saw it. So it is whenever a question is about connections.
    pub once: bool,
}

/// The answers, and the account of what was read for them.
#[derive(Clone, Debug)]
pub struct Answers {
    /// One for each question.
    pub tables: Vec<Table>,
    /// Whether each packet counts once.
    pub is_once: bool,
    /// Files and their octets.
    pub input: Input,
    /// The fate of every line; what is counted is told.
    pub records: Records,
    /// Octets that went to temporary files, because memory was short.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

impl Metrics {
    fn is_once(&self) -> bool {
        self.once || self.is_of_connections()
    }

    fn is_of_connections(&self) -> bool {
        self.questions.iter().any(Question::is_of_connections)
    }

    /// Whether records can be counted only when all are read.
    fn is_known_late(&self) -> bool {
        let mut by = self.questions.iter().flat_map(|question| &question.by);
        self.is_once() || by.any(|dimension| Dimension::is_known_late(*dimension))
    }

    fn is_of_subnets(&self) -> bool {
        let mut by = self.questions.iter().flat_map(|question| &question.by);
        by.any(|dimension| Dimension::is_of_subnets(*dimension))
    }
}

/// Answers questions of an archive.
///
/// Runs on rayon's current thread pool. Reads everything once, or twice if the time that is asked
/// for counts from the newest record and records are counted one by one.
///
/// # Errors
/// An input that cannot be read or whose column order cannot be told, no flow log at all, more
/// buckets of time than there is room for, and no room for temporary files.
pub fn metrics(asked: &Metrics, meter: &Meter) -> Result<Answers> {
    walked(asked, archive::walk(&asked.request.inputs)?, meter)
}

/// The same of files that were found before.
pub(super) fn walked(asked: &Metrics, walk: Walk, meter: &Meter) -> Result<Answers> {
    let begun = Instant::now();
    let request = &asked.request;
    let Walk { files, left_out } = walk;
    let sifted = request.filter.sift(files);
    meter.expect(&sifted.files);
    let mut read = Gathered::beside(left_out, &sifted);
    let folder = SpillFolder::new(&request.temp_dir);
    let held_max = request.held_max();
    let run = Run {
        asked,
        source: request.source(sifted.wanted.as_ref()),
        files: &sifted.files,
        meter,
        store: Store::new(asked.every, &asked.questions, held_max, &folder),
    };
    if asked.is_known_late() {
        let conversations = Conversations::new(held_max, &folder, Detail::Control);
        run.when_all_are_read(&mut read, conversations)?;
    } else {
        let newest_ns = newest(run.source, run.files, sifted.newest_slot_ns)?;
        run.while_reading(&mut read, Narrow::of(&request.filter, newest_ns))?;
    }
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    Ok(Answers {
        tables: run.store.tables()?,
        is_once: asked.is_once(),
        input: read.input,
        records: read.records,
        spilled_bytes: folder.spilled(),
        elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// One archive being asked.
struct Run<'a> {
    asked: &'a Metrics,
    source: Source<'a>,
    files: &'a [File],
    meter: &'a Meter,
    store: Store<'a>,
}

impl Run<'_> {
    /// Counts records block by block.
    fn while_reading(&self, read: &mut Gathered, narrow: Option<Narrow>) -> Result<()> {
        let logged = Logged {
            store: &self.store,
            span: narrow.map(|narrow| narrow.span),
            counted: AtomicU64::new(0),
            filtered: AtomicU64::new(0),
        };
        read.all(&Files::new(self.source, self.meter, &logged), self.files)?;
        read.records.told = logged.counted.into_inner();
        read.records.filtered = logged.filtered.into_inner();
        Ok(())
    }

    /// Counts records by conversation.
    fn when_all_are_read(
        &self,
        read: &mut Gathered,
        conversations: Conversations<'_>,
    ) -> Result<()> {
        let reader = Files::new(self.source, self.meter, &conversations);
        let enis = read.all(&reader, self.files)?;
        let (conversations, _) = conversations.complete(&enis, self.asked.request.memory);
        let narrow = Narrow::of(&self.asked.request.filter, read.newest_ns);
        let counter = Counter {
            store: &self.store,
            enis: &enis,
            subnets: self.asked.is_of_subnets().then(|| Subnets::of(&enis)),
            settling: Settling::new(
                Vantage::Auto,
                narrow,
                Detail::Control,
                self.asked.request.memory,
            ),
            is_of_connections: self.asked.is_of_connections(),
        };
        let is_once = self.asked.is_once();
        let buckets = (0..conversations.count()).into_par_iter();
        let told = buckets.map(|bucket| -> Result<Told> {
            let (mut tally, mut told) = (self.store.tally(), Told::default());
            conversations.take(bucket, |records| {
                if is_once {
                    counter.count_once(records, &mut tally, &mut told)
                } else {
                    counter.count_logged(records, &mut tally, &mut told)
                }
            })?;
            self.store.put(&mut tally)?;
            Ok(told)
        });
        let told = told.try_reduce(Told::default, |a, b| Ok(a.add(b)))?;
        told.add_to(&mut read.records);
        Ok(())
    }
}

/// Whether a record is what was asked for.
fn is_wanted(o: &Observation, span: Option<&Span>) -> bool {
    o.matched && span.is_none_or(|span| span.overlaps(o.start_ns, o.until_ns()))
}

/// Counts records as they are read.
struct Logged<'a, 's> {
    store: &'a Store<'s>,
    /// The time that is wanted; all of it if none.
    span: Option<Span>,
    counted: AtomicU64,
    filtered: AtomicU64,
}

impl Sink for Logged<'_, '_> {
    fn take_in(&self, records: Vec<Observation>, _: u64, enis: &Enis) -> Result<()> {
        let mut tally = self.store.tally();
        let mut counted = 0;
        for o in &records {
            if !is_wanted(o, self.span.as_ref()) {
                continue;
            }
            counted += 1;
            tally.count(&PacketFacts {
                observation: o,
                eni: enis.get(o.eni),
                subnets: None,
                outcome: None,
            });
            self.store.put_if_large(&mut tally)?;
        }
        self.counted.fetch_add(counted, Relaxed);
        let filtered = records.len() as u64 - counted;
        self.filtered.fetch_add(filtered, Relaxed);
        self.store.put(&mut tally)
    }
}

/// Counts records of whole conversations.
struct Counter<'a, 's> {
    store: &'a Store<'s>,
    enis: &'a Enis,
    subnets: Option<Subnets>,
    settling: Settling,
    /// Whether connections are counted, or their outcomes asked for.
    is_of_connections: bool,
}

impl Counter<'_, '_> {
    /// Counts these records as they were logged.
    fn count_logged(
        &self,
        records: &[Observation],
        tally: &mut Tally<'_>,
        told: &mut Told,
    ) -> Result<()> {
        let span = self.settling.narrow.map(|narrow| narrow.span);
        for o in records {
            if !is_wanted(o, span.as_ref()) {
                told.filtered += 1;
                continue;
            }
            told.records += 1;
            tally.count(&self.facts(o, None));
            self.store.put_if_large(tally)?;
        }
        Ok(())
    }

    /// Counts the connections of these records, which are in any order, each packet once.
    fn count_once(
        &self,
        records: &[Observation],
        tally: &mut Tally<'_>,
        told: &mut Told,
    ) -> Result<()> {
        let mut segments = Vec::new();
        conversations::each(records, |conversation| {
            self.settling
                .settle(conversation, told, |view, connections| {
                    for connection in connections {
                        self.count_connection(&view[connection.clone()], tally, &mut segments);
                    }
                    self.store.put_if_large(tally)
                })
        })
    }

    fn count_connection(
        &self,
        records: &[Observation],
        tally: &mut Tally<'_>,
        segments: &mut Vec<Segment>,
    ) {
        segments.clear();
        let story = self
            .is_of_connections
            .then(|| rebuild(records, self.settling.detail, segments));
        for o in records {
            tally.count(&self.facts(o, story.as_ref()));
        }
        if let Some(story) = &story {
            tally.count_connection(&self.facts(&opening(records, story), Some(story)));
        }
    }

    fn facts<'f>(&'f self, o: &'f Observation, story: Option<&Story>) -> PacketFacts<'f> {
        PacketFacts {
            observation: o,
            eni: self.enis.get(o.eni),
            subnets: self.subnets.as_ref(),
            outcome: story.map(|story| story.outcome),
        }
    }
}

/// What stands for a connection as a whole: its initiator's first record from the connection's
/// start on, and rejected if any of its records is.
fn opening(records: &[Observation], story: &Story) -> Observation {
    let initiator = story.role.initiator;
    let own = records.iter().find(|o| o.way == initiator);
    let first = own.unwrap_or(&records[0]);
    let stops = |o: &&Observation| o.verdict.is_reject() || o.rejected_at.is_some();
    let stopped = records.iter().find(stops).unwrap_or(first);
    let starts = records.iter().map(|o| o.start_ns);
    Observation {
        way: initiator,
        leaving: first
            .leaving
            .map(|leaving| leaving == (first.way == initiator)),
        verdict: stopped.verdict,
        rejected_at: stopped.rejected_at,
        start_ns: starts.min().unwrap_or(first.start_ns),
        ..*first
    }
}
