//! Sums over time, of an archive that is read for them.
//!
//! What a record says can be counted as soon as it is read, block by block, like an inspection.
//! What it says only together with others (its connection, its ENI's VPC) is counted when all
//! are read, by conversation, like a conversion. Either way what is counted goes to one
//! [`Store`] and is collected from there by series.

mod store;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use self::store::Store;
use crate::connection::{Detail, Segment, Story, rebuild};
use crate::error::Result;
use crate::filter::Span;
use crate::flow::{Addresses, Candidate, Enis, Vantage, Viewed};
use crate::metrics::{Dimension, Every, PacketFacts, Question, Subnets, Table, Tally};
use crate::pipeline::reading::Observations;
use crate::pipeline::run::{Contents, Request, Run, with_names};
use crate::pipeline::settling::conversations::{self, Conversations};
use crate::pipeline::settling::selection::Selection;
use crate::pipeline::settling::settle::{SettleCounts, Settling};
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::{Archive, Meter};
use crate::summary::{Input, Records};

/// What is asked of which archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Answers {
    /// One for each question.
    pub tables: Vec<Table>,
    /// Whether each packet counts once.
    pub is_once: bool,
    /// Files and their bytes.
    pub input: Input,
    /// The fate of every line; what is counted is told.
    pub records: Records,
    /// Bytes that went to temporary files, because memory was short.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

impl Metrics {
    /// Asks `questions` of an archive, with a bucket for every `every`; packets count as they were
    /// logged.
    pub fn new(request: Request, every: Every, questions: Vec<Question>) -> Self {
        Self {
            request,
            every,
            questions,
            once: false,
        }
    }

    /// Counts each packet once.
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
/// An input that cannot be read or whose column order cannot be told, no flow log or record at all,
/// a filter that nothing matches, more buckets of time than there is room for, and no room for temporary files.
pub fn metrics(asked: &Metrics, meter: &Meter) -> Result<Answers> {
    with_names(&asked.request, |request| {
        let mut asked = asked.clone();
        asked.request = request.clone();
        measure_archive(&asked, &request.archive()?, meter)
    })
}

/// The same of an archive that is open.
pub(super) fn measure_archive(
    asked: &Metrics,
    archive: &Archive,
    meter: &Meter,
) -> Result<Answers> {
    let run = Run::new(archive, meter);
    let request = &asked.request;
    let folder = SpillFolder::new(&request.temp_dir);
    let held_max = request.held_max();
    let store = Store::new(asked.every, &asked.questions, held_max, &folder);
    let read = if asked.is_known_late() {
        let conversations = Conversations::new(held_max, &folder, Detail::Control);
        count_when_all_are_read(asked, &run, &store, conversations)?
    } else {
        let selection = request.selection(archive.newest_ns()?);
        count_while_reading(&run, &store, selection)?
    };
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    read.check_kept(request, read.records.used)?;
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
    };
    let is_once = asked.is_once();
    let buckets = (0..conversations.count()).into_par_iter();
    let counts = buckets.map(|bucket| -> Result<SettleCounts> {
        let (mut tally, mut counts) = (store.tally(), SettleCounts::default());
        conversations.take(bucket, |records| {
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

/// Whether a record is what was asked for.
fn is_wanted(o: &Candidate, span: Option<&Span>) -> bool {
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
    /// Whether connections are counted, or their outcomes asked for.
    is_of_connections: bool,
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

    /// Counts the connections of these records, which are in any order, each packet once.
    fn count_once(
        &self,
        records: &[Candidate],
        tally: &mut Tally<'_>,
        counts: &mut SettleCounts,
    ) -> Result<()> {
        let mut segments = Vec::new();
        conversations::each(records, |conversation| {
            self.settling
                .settle(conversation, counts, |view, connections| {
                    for connection in connections {
                        self.count_connection(&view[connection.clone()], tally, &mut segments);
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

    fn facts<'f>(&'f self, o: &'f Viewed, story: Option<&Story>) -> PacketFacts<'f> {
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
fn opening(records: &[Viewed], story: &Story) -> Viewed {
    let initiator = story.role.initiator;
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
