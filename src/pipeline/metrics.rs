//! Sums over time, from an archive that is read for them.
//!
//! If one record is enough to count it, it is counted as soon as it is read, block by block, as by
//! `inspect`. If the other records are needed (for its connection, or its ENI's VPC), it is counted
//! after everything is read, by conversation, as by `convert`. In both cases the sums go to one
//! [`Store`] and are collected from there by series. Events of other logs are counted in the same
//! reading, by [`event_sums`].

pub(crate) mod event_sums;
pub(super) mod part;
mod store;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use self::event_sums::{EventSums, EventWish, SumsEvents};
use self::store::Store;
use crate::connection::{Detail, Outcome, judge};
use crate::error::{ErrorKind, Result};
use crate::filter::Span;
use crate::flow::{Addresses, Candidate, Enis, Vantage, Viewed, Way};
use crate::metrics::{Dimension, Every, PacketFacts, Question, Subject, Subnets, Table, Tally};
use crate::pipeline::diagnose::ExaminedConversations;
use crate::pipeline::ladder::Examples;
use crate::pipeline::reading::Observations;
use crate::pipeline::run::{Contents, EventsRead, Request, Run, with_names};
use crate::pipeline::settling::conversations::{self, Complete, Conversations};
use crate::pipeline::settling::selection::Selection;
use crate::pipeline::settling::settle::{SettleCounts, Settling};
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::{Archive, FoundEvent, Meter, Phase};
use crate::summary::{Input, Records};
use crate::survey::EventLogs;

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
    /// Whether a question is about packets.
    pub is_of_packets: bool,
    /// Files and their bytes.
    pub input: Input,
    /// The account of every line; counted records are `used`. If no question is about packets, all
    /// records are `filtered`.
    pub records: Records,
    /// The events of other logs, if a question is about events.
    pub events: EventLogs,
    /// Bytes written to temporary files because memory was full.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

impl Metrics {
    /// Returns what is asked, so that two requests are compared.
    pub(super) fn said(&self) -> String {
        let (every, once) = (self.every.seconds(), self.once);
        format!("{:?} every {every} s, once {once}", self.questions)
    }

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
    pub(super) fn is_known_late(&self) -> bool {
        let mut by = self.by();
        self.is_once() || by.any(|dimension| Dimension::is_known_late(*dimension))
    }

    fn is_of_subnets(&self) -> bool {
        let mut by = self.by();
        by.any(|dimension| Dimension::is_of_subnets(*dimension))
    }

    /// The dimensions of questions about packets.
    fn by(&self) -> impl Iterator<Item = &Dimension> {
        let questions = self.questions.iter();
        let of_packets = questions.filter(|question| question.subject() == Subject::Packets);
        of_packets.flat_map(|question| &question.by)
    }

    /// What the questions are about.
    fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.questions.iter().map(Question::subject)
    }

    fn is_of_packets(&self) -> bool {
        self.subjects().any(|subject| subject == Subject::Packets)
    }

    fn is_of_events(&self) -> bool {
        self.subjects().any(|subject| subject != Subject::Packets)
    }

    /// Lists the files that the questions need.
    pub(super) fn archive(&self) -> Result<Archive> {
        let events = match (self.is_of_events(), self.is_of_packets()) {
            (false, _) => return self.request.archive(),
            (true, true) => EventsRead::BesideRecords,
            (true, false) => EventsRead::Alone,
        };
        self.request.builder_with(events).open()
    }

    /// Checks that there are events to count, where no question is about packets.
    ///
    /// # Errors
    /// There are none, or the filter keeps none of them.
    fn check_events(&self, events: &EventLogs) -> Result<()> {
        if self.is_of_packets() {
            return Ok(());
        }
        let is_asked = |kind| self.subjects().any(|subject| subject.is_in(kind));
        let logs = events.iter().filter(|(kind, _)| is_asked(*kind));
        let logs = logs.map(|(_, log)| (log.events, log.events + log.filtered));
        let (kept, read) = logs.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1));
        let first = self.subjects().next().unwrap_or(Subject::Packets);
        match (kept, read) {
            (0, 0) => Err(ErrorKind::NoEvents { logs: first.logs() }.into()),
            (0, read) => {
                let [one, several] = first.title();
                let what = if read == 1 { one } else { several };
                Err(ErrorKind::NoEventKept { read, what }.into())
            }
            _ => Ok(()),
        }
    }
}

/// Answers questions about an archive.
///
/// Runs on rayon's current thread pool. Reads everything once, or twice if the requested time range
/// counts from the newest record and records are counted one by one.
///
/// # Errors
/// An input cannot be read or its column order is unknown, there is no flow log or record at all, or no
/// event if all questions are about events, nothing matches the filter, there are too many time buckets,
/// or there is no space for temporary files.
pub fn metrics(asked: &Metrics, meter: &Meter) -> Result<Answers> {
    with_names(&asked.request, |request| {
        let mut asked = asked.clone();
        asked.request = request.clone();
        measure_archive(&asked, &asked.archive()?, meter)
    })
}

/// Answers questions about conversations that were stored for something else, each packet once, and
/// about the events of an archive, if there are questions about events and an archive. `examples` sees
/// every connection.
///
/// # Errors
/// Fails as [`metrics`] does.
pub(super) fn measure_conversations(
    asked: &Metrics,
    examined: &ExaminedConversations<'_, '_>,
    events: Option<&Archive>,
    meter: &Meter,
    examples: &Examples,
) -> Result<Vec<Table>> {
    let request = &asked.request;
    let folder = SpillFolder::new(&request.temp_dir);
    let store = Store::new(asked.every, &asked.questions, request.held_max(), &folder);
    if let Some(archive) = events {
        let sums = EventSums::new(&store, request.held_max(), &folder);
        let wish = EventWish {
            sums: Some(&sums),
            span: None,
            all: true,
        };
        count_while_reading(false, &Run::new(archive, meter), &store, wish)?;
        sums.complete()?;
    }
    let selection = request.selection(examined.newest_ns);
    let counter = ConversationCounter::new(asked, &store, examined.enis, selection, Some(examples));
    counter.count_all(&examined.conversations, meter)?;
    meter.begin(Phase::Sorting, 0);
    store.tables()
}

/// Answers questions about an open archive.
fn measure_archive(asked: &Metrics, archive: &Archive, meter: &Meter) -> Result<Answers> {
    let run = Run::new(archive, meter);
    let request = &asked.request;
    let folder = SpillFolder::new(&request.temp_dir);
    let held_max = request.held_max();
    let store = Store::new(asked.every, &asked.questions, held_max, &folder);
    let sums = EventSums::new(&store, held_max, &folder);
    let read = count_archive(asked, &run, &store, asked.is_of_events().then_some(&sums))?;
    sums.complete()?;
    meter.begin(Phase::Sorting, 0);
    let mut answers = answers(asked, read, store)?;
    answers.spilled_bytes = folder.spilled();
    answers.elapsed_ms = run.elapsed_ms();
    Ok(answers)
}

/// Counts what a run reads; events only if there are `sums` for them.
fn count_archive(
    asked: &Metrics,
    run: &Run<'_>,
    store: &Store<'_>,
    sums: Option<&EventSums<'_, '_>>,
) -> Result<Contents> {
    let request = &asked.request;
    let is_late = asked.is_known_late();
    let needs_span = !is_late || asked.is_of_events();
    let selection = match needs_span {
        true => request.selection(run.archive.newest_ns(run.meter)?),
        false => None,
    };
    let wish = EventWish {
        sums: sums.map(|sums| sums as &dyn SumsEvents),
        span: selection.map(|selection| selection.span),
        all: false,
    };
    if !is_late {
        return count_while_reading(asked.is_of_packets(), run, store, wish);
    }
    let conversations = Conversations::new(request.held_max(), store.folder(), Detail::Control);
    count_when_all_are_read(asked, run, store, (conversations, wish))
}

/// Returns the answers, when everything is counted.
fn answers(asked: &Metrics, mut read: Contents, store: Store<'_>) -> Result<Answers> {
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    let events = std::mem::take(&mut read.account.events);
    asked.check_events(&events)?;
    if asked.is_of_packets() {
        read.check_kept(&asked.request, read.records.used)?;
    }
    Ok(Answers {
        tables: store.tables()?,
        is_once: asked.is_once(),
        is_of_packets: asked.is_of_packets(),
        input: read.input,
        records: read.records,
        events,
        spilled_bytes: 0,
        elapsed_ms: 0,
    })
}

/// Counts events, and records if a question is about them, block by block.
fn count_while_reading(
    are_records_asked: bool,
    run: &Run<'_>,
    store: &Store<'_>,
    wish: EventWish<'_>,
) -> Result<Contents> {
    let logged = Logged {
        store,
        are_asked: are_records_asked,
        wish,
        counted: AtomicU64::new(0),
        filtered: AtomicU64::new(0),
    };
    let mut read = match are_records_asked {
        true => run.read(Addresses::Packet, &logged)?,
        false => run.survey(Addresses::Packet, &logged)?,
    };
    read.records.used = logged.counted.into_inner();
    read.records.filtered = logged.filtered.into_inner();
    Ok(read)
}

/// Counts events while they are read, and records by conversation.
fn count_when_all_are_read(
    asked: &Metrics,
    run: &Run<'_>,
    store: &Store<'_>,
    (conversations, wish): (Conversations<'_>, EventWish<'_>),
) -> Result<Contents> {
    let request = &asked.request;
    let storing = Storing {
        conversations: &conversations,
        wish,
    };
    let mut read = run.read(Addresses::Packet, &storing)?;
    let enis = &read.enis;
    let (conversations, _) = conversations.complete(enis, request.memory);
    let selection = request.selection(read.newest_ns);
    let counter = ConversationCounter::new(asked, store, enis, selection, None);
    let counts = counter.count_all(&conversations, run.meter)?;
    counts.add_to(&mut read.records);
    Ok(read)
}

/// Whether a record matches the filter.
fn is_wanted(o: &Candidate, span: Option<&Span>) -> bool {
    o.matched && span.is_none_or(|span| span.overlaps(o.start_ns, o.until_ns()))
}

/// Passes records on to their conversations.
struct Storing<'a, 's> {
    conversations: &'a Conversations<'s>,
    wish: EventWish<'a>,
}

impl Observations for Storing<'_, '_> {
    fn take_in(&self, records: Vec<Candidate>, base: u64, enis: &Enis) -> Result<()> {
        self.conversations.take_in(records, base, enis)
    }

    fn wants(&self, found: &FoundEvent<'_>) -> bool {
        self.wish.wants(found)
    }

    fn event_sums(&self) -> Option<&dyn SumsEvents> {
        self.wish.sums
    }
}

/// Counts records as they are read.
struct Logged<'a, 's> {
    store: &'a Store<'s>,
    /// Whether a question is about records.
    are_asked: bool,
    /// The events to count, and the requested time range of both.
    wish: EventWish<'a>,
    counted: AtomicU64,
    filtered: AtomicU64,
}

impl Observations for Logged<'_, '_> {
    fn take_in(&self, records: Vec<Candidate>, _: u64, enis: &Enis) -> Result<()> {
        let mut tally = self.store.tally();
        let mut counted = 0;
        for o in &records {
            if !self.are_asked || !is_wanted(o, self.wish.span.as_ref()) {
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

    fn wants(&self, found: &FoundEvent<'_>) -> bool {
        self.wish.wants(found)
    }

    fn event_sums(&self) -> Option<&dyn SumsEvents> {
        self.wish.sums
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
    /// Whether each packet counts once.
    is_once: bool,
    /// What looks for examples among the connections, if anything does.
    examples: Option<&'a Examples>,
}

impl<'a, 's> ConversationCounter<'a, 's> {
    fn new(
        asked: &Metrics,
        store: &'a Store<'s>,
        enis: &'a Enis,
        selection: Option<Selection>,
        examples: Option<&'a Examples>,
    ) -> Self {
        let memory = asked.request.memory;
        Self {
            store,
            enis,
            subnets: asked.is_of_subnets().then(|| Subnets::of(enis)),
            settling: Settling::new(Vantage::Auto, selection, Detail::Control, memory),
            is_of_connections: asked.is_of_connections(),
            is_once: asked.is_once(),
            examples,
        }
    }

    /// Counts all conversations.
    fn count_all(&self, conversations: &Complete<'_, '_>, meter: &Meter) -> Result<SettleCounts> {
        meter.begin(Phase::Counting, conversations.records());
        let buckets = (0..conversations.count()).into_par_iter();
        let counts = buckets.map(|bucket| -> Result<SettleCounts> {
            meter.check()?;
            let (mut tally, mut counts) = (self.store.tally(), SettleCounts::default());
            conversations.take(bucket, |records| {
                meter.add(records.len() as u64);
                if self.is_once {
                    self.count_once(records, &mut tally, &mut counts)
                } else {
                    self.count_logged(records, &mut tally, &mut counts)
                }
            })?;
            self.store.put(&mut tally)?;
            Ok(counts)
        });
        counts.try_reduce(SettleCounts::default, |a, b| Ok(a.add(b)))
    }

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
        conversations::each(records, |conversation| {
            let sought = self
                .examples
                .and_then(|examples| examples.sought(conversation));
            self.settling
                .settle(conversation, counts, |view, connections| {
                    for connection in connections {
                        let records = &view[connection.clone()];
                        self.count_connection(records, tally);
                        if let Some(sought) = &sought {
                            sought.look_at(records, self.enis);
                        }
                    }
                    self.store.put_if_large(tally)
                })
        })
    }

    fn count_connection(&self, records: &[Viewed], tally: &mut Tally<'_>) {
        let judged = self.is_of_connections.then(|| judge(records));
        let outcome = judged.map(|(_, outcome)| outcome);
        for o in records {
            tally.count(&self.facts(o, outcome));
        }
        if let Some((role, _)) = judged {
            tally.count_connection(&self.facts(&opening(records, role.initiator), outcome));
        }
    }

    fn facts<'f>(&'f self, o: &'f Viewed, outcome: Option<Outcome>) -> PacketFacts<'f> {
        PacketFacts {
            observation: o,
            eni: self.enis.get(o.eni),
            subnets: self.subnets.as_ref(),
            outcome,
            words: Some(&self.enis.words),
        }
    }
}

/// Returns the record that represents a connection as a whole: its initiator's first record since
/// the connection's start, marked as rejected if any of its records is.
fn opening(records: &[Viewed], initiator: Way) -> Viewed {
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
