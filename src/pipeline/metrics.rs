//! Sums over time, from an archive that is read for them.
//!
//! If one record is enough to count it, it is counted as soon as it is read, block by block, as by
//! `inspect`. If the other records are needed (for its connection, or its ENI's VPC), it is counted
//! after everything is read, by conversation, as by `convert`. In both cases the sums go to one
//! [`Store`] and are collected from there by series.

mod store;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use self::store::Store;
use crate::connection::{ConnectionInfo, Detail, Segment, rebuild};
use crate::error::Result;
use crate::filter::Span;
use crate::flow::{Addresses, Candidate, Enis, Vantage, Viewed};
use crate::metrics::{Dimension, Every, PacketFacts, Question, Subnets, Table, Tally};
use crate::pipeline::ladder::Examples;
use crate::pipeline::reading::Observations;
use crate::pipeline::run::{Contents, Request, Run, with_names};
use crate::pipeline::settling::conversations::{self, Conversations};
use crate::pipeline::settling::selection::Selection;
use crate::pipeline::settling::settle::{SettleCounts, Settling};
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::{Archive, Meter, Phase};
use crate::summary::{Input, Records};

/// The archive to read, and the questions about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// The archive, and the filter. It selects single records, or connections with a matching
    /// record if packets count once.
    pub request: Request,
    /// Length of a time bucket.
    pub every: Every,
    /// The questions to answer.
    pub questions: Vec<Question>,
    /// Whether each packet counts once, as in a capture, without duplicate deliveries and repeated
    /// views of other ENIs. This is always so if a question is about connections.
    pub once: bool,
}

/// The answers, and the account of the run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answers {
    /// One table for each question.
    pub tables: Vec<Table>,
    /// Whether each packet counts once.
    pub is_once: bool,
    /// Files and their bytes.
    pub input: Input,
    /// The account of every line; counted records are `used`.
    pub records: Records,
    /// Bytes written to temporary files because memory was full.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

impl Metrics {
    /// Creates a request for `questions` about an archive, with time buckets of length `every`;
    /// packets count as they were logged.
    pub fn new(request: Request, every: Every, questions: Vec<Question>) -> Self {
        Self {
            request,
            every,
            questions,
            once: false,
        }
    }

    /// Sets whether each packet counts once.
    #[must_use]
    pub fn once(mut self, once: bool) -> Self {
        self.once = once;
        self
    }

    fn is_once(&self) -> bool {
        self.once || self.is_of_connections()
    }

    fn is_of_connections(&self) -> bool {
        self.questions.iter().any(Question::is_of_connections)
    }

    /// Whether records can be counted only after everything is read.
    fn is_known_late(&self) -> bool {
        let mut by = self.questions.iter().flat_map(|question| &question.by);
        self.is_once() || by.any(|dimension| Dimension::is_known_late(*dimension))
    }

    fn is_of_subnets(&self) -> bool {
        let mut by = self.questions.iter().flat_map(|question| &question.by);
        by.any(|dimension| Dimension::is_of_subnets(*dimension))
    }
}

/// Answers questions about an archive.
///
/// Runs on rayon's current thread pool. Reads everything once, or twice if the requested time range
/// counts from the newest record and records are counted one by one.
///
/// # Errors
/// An input cannot be read or its column order is unknown, there is no flow log or record at all, nothing
/// matches the filter, there are
/// too many time buckets, or there is no space for temporary files.
pub fn metrics(asked: &Metrics, meter: &Meter) -> Result<Answers> {
    with_names(&asked.request, |request| {
        let mut asked = asked.clone();
        asked.request = request.clone();
        measure_archive(&asked, &request.archive()?, meter, None)
    })
}

/// Answers questions about an open archive. If each packet counts once, `examples` sees every
/// connection.
pub(super) fn measure_archive(
    asked: &Metrics,
    archive: &Archive,
    meter: &Meter,
    examples: Option<&Examples>,
) -> Result<Answers> {
    let run = Run::new(archive, meter);
    let request = &asked.request;
    let folder = SpillFolder::new(&request.temp_dir);
    let held_max = request.held_max();
    let store = Store::new(asked.every, &asked.questions, held_max, &folder);
    let read = if asked.is_known_late() {
        let conversations = Conversations::new(held_max, &folder, Detail::Control);
        count_when_all_are_read(asked, &run, &store, conversations, examples)?
    } else {
        let selection = request.selection(archive.newest_ns(meter)?);
        count_while_reading(&run, &store, selection)?
    };
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    read.check_kept(request, read.records.used)?;
    meter.begin(Phase::Sorting, 0);
    Ok(Answers {
        tables: store.tables()?,
        is_once: asked.is_once(),
        input: read.input,
        records: read.records,
        spilled_bytes: folder.spilled(),
        elapsed_ms: run.elapsed_ms(),
    })
}

/// Counts records block by block.
fn count_while_reading(
    run: &Run<'_>,
    store: &Store<'_>,
    selection: Option<Selection>,
) -> Result<Contents> {
    let logged = Logged {
        store,
        span: selection.map(|selection| selection.span),
        counted: AtomicU64::new(0),
        filtered: AtomicU64::new(0),
    };
    let mut read = run.read(Addresses::Packet, &logged)?;
    read.records.used = logged.counted.into_inner();
    read.records.filtered = logged.filtered.into_inner();
    Ok(read)
}

/// Counts records by conversation.
fn count_when_all_are_read(
    asked: &Metrics,
    run: &Run<'_>,
    store: &Store<'_>,
    conversations: Conversations<'_>,
    examples: Option<&Examples>,
) -> Result<Contents> {
    let request = &asked.request;
    let mut read = run.read(Addresses::Packet, &conversations)?;
    let enis = &read.enis;
    let (conversations, _) = conversations.complete(enis, request.memory);
    let selection = request.selection(read.newest_ns);
    let counter = ConversationCounter {
        store,
        enis,
        subnets: asked.is_of_subnets().then(|| Subnets::of(enis)),
        settling: Settling::new(Vantage::Auto, selection, Detail::Control, request.memory),
        is_of_connections: asked.is_of_connections(),
        examples,
    };
    let is_once = asked.is_once();
    run.meter.begin(Phase::Counting, conversations.records());
    let buckets = (0..conversations.count()).into_par_iter();
    let counts = buckets.map(|bucket| -> Result<SettleCounts> {
        let (mut tally, mut counts) = (store.tally(), SettleCounts::default());
        conversations.take(bucket, |records| {
            run.meter.add(records.len() as u64);
            if is_once {
                counter.count_once(records, &mut tally, &mut counts)
            } else {
                counter.count_logged(records, &mut tally, &mut counts)
            }
        })?;
        store.put(&mut tally)?;
        Ok(counts)
    });
    let counts = counts.try_reduce(SettleCounts::default, |a, b| Ok(a.add(b)))?;
    counts.add_to(&mut read.records);
    Ok(read)
}

/// Whether a record matches the filter.
fn is_wanted(o: &Candidate, span: Option<&Span>) -> bool {
    o.matched && span.is_none_or(|span| span.overlaps(o.start_ns, o.until_ns()))
}

/// Counts records as they are read.
struct Logged<'a, 's> {
    store: &'a Store<'s>,
    /// The requested time range; `None` for all.
    span: Option<Span>,
    counted: AtomicU64,
    filtered: AtomicU64,
}

impl Observations for Logged<'_, '_> {
    fn take_in(&self, records: Vec<Candidate>, _: u64, enis: &Enis) -> Result<()> {
        let mut tally = self.store.tally();
        let mut counted = 0;
        for o in &records {
            if !is_wanted(o, self.span.as_ref()) {
                continue;
            }
            counted += 1;
            tally.count(&PacketFacts {
                observation: &Viewed::from(*o),
                eni: enis.get(o.eni),
                subnets: None,
                outcome: None,
                words: Some(&enis.words),
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
struct ConversationCounter<'a, 's> {
    store: &'a Store<'s>,
    enis: &'a Enis,
    subnets: Option<Subnets>,
    settling: Settling,
    /// Whether connections are counted, or outcomes are needed.
    is_of_connections: bool,
    /// What looks for examples among the connections, if anything does.
    examples: Option<&'a Examples>,
}

impl ConversationCounter<'_, '_> {
    /// Counts these records as they were logged.
    fn count_logged(
        &self,
        records: &[Candidate],
        tally: &mut Tally<'_>,
        counts: &mut SettleCounts,
    ) -> Result<()> {
        let span = self.settling.selection.map(|selection| selection.span);
        for o in records {
            if !is_wanted(o, span.as_ref()) {
                counts.filtered += 1;
                continue;
            }
            counts.records += 1;
            tally.count(&self.facts(&Viewed::from(*o), None));
            self.store.put_if_large(tally)?;
        }
        Ok(())
    }

    /// Counts the connections of these unordered records, each packet once.
    fn count_once(
        &self,
        records: &[Candidate],
        tally: &mut Tally<'_>,
        counts: &mut SettleCounts,
    ) -> Result<()> {
        let mut segments = Vec::new();
        conversations::each(records, |conversation| {
            let sought = self
                .examples
                .and_then(|examples| examples.sought(conversation));
            self.settling
                .settle(conversation, counts, |view, connections| {
                    for connection in connections {
                        let records = &view[connection.clone()];
                        self.count_connection(records, tally, &mut segments);
                        if let Some(sought) = &sought {
                            sought.look_at(records, self.enis);
                        }
                    }
                    self.store.put_if_large(tally)
                })
        })
    }

    fn count_connection(
        &self,
        records: &[Viewed],
        tally: &mut Tally<'_>,
        segments: &mut Vec<Segment>,
    ) {
        segments.clear();
        let info = self
            .is_of_connections
            .then(|| rebuild(records, self.settling.detail, segments));
        for o in records {
            tally.count(&self.facts(o, info.as_ref()));
        }
        if let Some(info) = &info {
            tally.count_connection(&self.facts(&opening(records, info), Some(info)));
        }
    }

    fn facts<'f>(&'f self, o: &'f Viewed, info: Option<&ConnectionInfo>) -> PacketFacts<'f> {
        PacketFacts {
            observation: o,
            eni: self.enis.get(o.eni),
            subnets: self.subnets.as_ref(),
            outcome: info.map(|info| info.outcome),
            words: Some(&self.enis.words),
        }
    }
}

/// Returns the record that represents a connection as a whole: its initiator's first record since
/// the connection's start, marked as rejected if any of its records is.
fn opening(records: &[Viewed], info: &ConnectionInfo) -> Viewed {
    let initiator = info.role.initiator;
    let own = records.iter().find(|o| o.way == initiator);
    let first = own.unwrap_or(&records[0]);
    let stopped = records.iter().find(|o| o.is_rejected()).unwrap_or(first);
    let starts = records.iter().map(|o| o.start_ns);
    let mut opening = *first;
    opening.way = initiator;
    opening.leaving = first
        .leaving
        .map(|leaving| leaving == (first.way == initiator));
    opening.verdict = stopped.verdict;
    opening.rejected_at = stopped.rejected_at;
    opening.start_ns = starts.min().unwrap_or(first.start_ns);
    opening
}
