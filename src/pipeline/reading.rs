//! The sink of all subcommands: it turns records into observations.
//!
//! Observations are passed on block by block to the place where a subcommand stores or counts them.
//! Other facts from the records (the ENIs, the assumptions made) are joined in order.

use std::sync::Arc;

use crate::error::Result;
use crate::flow::{
    AddressNames, Addresses, Candidate, ECS, Eni, EniIndex, Enis, Losses, Observation, Place,
    ReasonIndex, Shard, TagSet, TagsIndex, Unusable, Verdict, observe, reject_reason,
};
use crate::pipeline::diagnose::Coverage;
use crate::pipeline::event_counts::EventCounts;
use crate::pipeline::events::{CollectsEvents, EventBatch};
use crate::pipeline::kept_events::KeptEvents;
use crate::pipeline::metrics::event_sums::{SummedEvents, SumsEvents};
use crate::pipeline::name_columns::{NameColumns, SERVICES};
use crate::read::{Found, FoundEvent, Sink};
use crate::record::{ByteUnit, Direction, Field, Layout, LogStatus, Record, TAGS, tag_value};
use crate::summary::{AssumedCounts, UnloggedCounts};
use crate::time::joined;

/// Records whose losses are kept for packet comments: 12 MiB of them. All losses are counted.
const LOSSES_MAX: usize = 1 << 18;

/// The destination of observations.
pub(crate) trait Observations: Sync {
    /// Adds observations; their line numbers count from line `base` of their file, and their ENIs
    /// are numbered as in `enis`.
    ///
    /// # Errors
    /// There is no space for them.
    fn take_in(&self, observations: Vec<Candidate>, base: u64, enis: &Enis) -> Result<()>;

    /// Returns where events are collected; without one they are counted.
    fn events(&self) -> Option<&dyn CollectsEvents> {
        None
    }

    /// Whether an event is wanted; the others are counted as filtered.
    fn wants(&self, found: &FoundEvent<'_>) -> bool {
        found.matches == Some(true)
    }

    /// Whether events are kept, and not only counted.
    fn keeps_events(&self) -> bool {
        false
    }

    /// Whether the names are kept that records give addresses.
    fn names_addresses(&self) -> bool {
        false
    }

    /// Returns where events are summed up, if they are.
    fn event_sums(&self) -> Option<&dyn SumsEvents> {
        None
    }
}

/// Turns records into observations.
pub(crate) struct Observing<'a> {
    /// Which addresses the packets get.
    pub addresses: Addresses,
    /// The conversations whose records are passed on. What all records together show is learned from the
    /// others too.
    pub shard: Shard,
    /// Destination of the observations. Not a type parameter, because the parser would then be
    /// compiled once for each subcommand.
    pub to: &'a dyn Observations,
}

/// Facts from records, without their observations.
#[derive(Default)]
pub(crate) struct Observed {
    observations: Vec<Candidate>,
    /// The ENIs that wrote the records, numbered in order of appearance.
    pub enis: Enis,
    /// Packets lost by Transit Gateways, from the first records with losses, in order of place.
    pub losses: Vec<(Place, Losses)>,
    /// Sum of all losses.
    pub lost: Losses,
    /// Assumptions that were necessary.
    pub assumed: AssumedCounts,
    /// Values that records did not have.
    pub unlogged: UnloggedCounts,
    /// Records of conversations in other shards.
    pub other_shard: u64,
    /// Earliest start and latest end of all records, nanoseconds since the Unix epoch.
    pub span_ns: Option<(i64, i64)>,
    /// Events of other logs, if they are counted.
    pub events: EventCounts,
    /// The events that a diagnosis needs.
    pub kept_events: KeptEvents,
    /// The same, if they are collected.
    batch: EventBatch,
    /// The sums over events of one block, if they are summed up.
    summed: SummedEvents,
    /// The names that records give addresses, if they are kept.
    pub names: AddressNames,
    /// Intervals without traffic, from NODATA records.
    pub quiet: Coverage,
    /// What only few layouts have, for the latest one.
    extras: Option<Extras>,
    tags: LatestTags,
}

/// What the records of few layouts have.
struct Extras {
    layout: Arc<Layout>,
    /// Whether they have any of these.
    any: bool,
    /// Whether they count lost packets.
    losses: bool,
    /// The column of the round trip time.
    rtt: Option<usize>,
    /// Whether they have tags.
    tags: bool,
    /// The columns with their ECS task, in the order of [`ECS`].
    ecs: Option<[Option<usize>; ECS.len()]>,
    /// The columns with names of addresses, if these are kept.
    names: NameColumns,
}

impl Sink for Observing<'_> {
    type Part = Observed;

    fn looked_up(&self) -> &[Field] {
        match self.to.names_addresses() {
            true => &LOOKED_UP,
            false => &[],
        }
    }

    fn begin(&self, records: usize) -> Observed {
        Observed {
            observations: Vec::with_capacity(records),
            ..Observed::default()
        }
    }

    #[inline]
    fn record(&self, part: &mut Observed, found: &Found<'_>) -> Result<(), Unusable> {
        let record = found.record;
        let known_count = part.enis.iter().len();
        let index = part.enis.enter(record.eni);
        let (mut o, assumed) = observe(record, self.addresses, index, found.place)?;
        let eni = part.enis.get_mut(index);
        if index.0 as usize == known_count {
            learn(eni, record, found.layout);
        }
        if let (Some(source), Some(destination)) = (record.source, record.destination) {
            eni.shared.meet(source, destination);
        }
        if record.direction == Some(Direction::Egress)
            && let Some(source) = record.source
        {
            eni.has(source);
        }
        if o.verdict.is_reject()
            && let Some(text) = found.get(Field::RejectReason)
        {
            let reasons = &mut part.enis.words.reasons;
            let number = |text: &[u8]| ReasonIndex(reasons.enter(text));
            o.verdict = Verdict::Reject(reject_reason(text, number));
        }
        let matched = found.matches == Some(true);
        let is_elsewhere = !self.shard.has(&o.key);
        if part.has_extras(found.layout, self.to) {
            part.note_extras(found, &mut o, matched, is_elsewhere);
        }
        part.span_ns = joined(part.span_ns, Some((o.start_ns, o.end_ns)));
        if is_elsewhere {
            part.other_shard += 1;
            return Ok(());
        }
        part.assumed.count(assumed);
        part.unlogged.action += u64::from(record.action.is_none());
        part.unlogged.direction += u64::from(record.direction.is_none());
        part.observations.push(Candidate {
            observation: o,
            matched,
        });
        Ok(())
    }

    fn silence(&self, part: &mut Observed, found: &Found<'_>) {
        let times = (found.record.start_ns, found.record.end_ns);
        if let (LogStatus::NoData, (Some(start_ns), Some(end_ns))) =
            (found.record.log_status, times)
        {
            part.quiet.meet(start_ns, end_ns);
        }
    }

    fn event(&self, part: &mut Observed, found: &FoundEvent<'_>) {
        if let Some(collector) = self.to.events() {
            return collector.keep(&mut part.batch, found);
        }
        let is_wanted = self.to.wants(found);
        part.events.count(found.event, is_wanted);
        if let Some(sums) = self.to.event_sums() {
            sums.count(&mut part.summed, found, is_wanted);
        }
        if self.to.keeps_events() {
            part.kept_events.add(found.event, found.place);
        }
    }

    fn complete(&self, part: &mut Observed, base: u64) -> Result<()> {
        let losses = part.losses.iter_mut();
        losses.for_each(|(place, _)| place.line += base);
        part.kept_events.shift(base);
        let batch = std::mem::take(&mut part.batch);
        if let Some(collector) = self.to.events().filter(|_| !batch.is_empty()) {
            collector.take_in(batch, base)?;
        }
        if let Some(sums) = self.to.event_sums() {
            sums.take_in(std::mem::take(&mut part.summed), base)?;
        }
        let observations = std::mem::take(&mut part.observations);
        self.to.take_in(observations, base, &part.enis)
    }

    fn append(&self, part: &mut Observed, later: Observed) {
        part.enis.merge(&later.enis);
        let room = LOSSES_MAX.saturating_sub(part.losses.len());
        part.losses.extend(later.losses.into_iter().take(room));
        part.names.append(later.names);
        part.lost.add(&later.lost);
        part.assumed.add(later.assumed);
        part.unlogged.add(later.unlogged);
        part.other_shard += later.other_shard;
        part.span_ns = joined(part.span_ns, later.span_ns);
        part.quiet.add(later.quiet);
        part.events.append(later.events);
        part.kept_events.append(later.kept_events);
    }
}

impl Observed {
    #[inline]
    fn has_extras(&mut self, layout: &Arc<Layout>, to: &dyn Observations) -> bool {
        match &self.extras {
            Some(extras) if Arc::ptr_eq(&extras.layout, layout) => extras.any,
            _ => {
                let extras = Extras::of(layout, to.names_addresses());
                let any = extras.any;
                self.extras = Some(extras);
                any
            }
        }
    }

    #[inline(never)]
    fn note_extras(
        &mut self,
        found: &Found<'_>,
        o: &mut Observation,
        matched: bool,
        is_elsewhere: bool,
    ) {
        let Some(extras) = &self.extras else { return };
        if extras.tags {
            o.tags = self.tags.of(found, o.eni, &mut self.enis);
        }
        for (slot, column) in extras.ecs.iter().flatten().enumerate() {
            let text = column.and_then(|column| found.record.get_at(found.layout, column));
            let seen = &mut self.enis.get_mut(o.eni).ecs[slot];
            seen.meet(&String::from_utf8_lossy(text.unwrap_or_default()));
        }
        o.byte_unit = found.layout.byte_unit();
        o.rtt_ms = extras.rtt.and_then(|column| rtt_ms(found, column));
        if extras.losses
            && matched
            && let Some(losses) = Losses::of(found.record, found.layout)
        {
            if !is_elsewhere {
                self.lost.add(&losses);
            }
            // Which of many are kept is the same in all shards.
            self.losses.push((found.place, losses));
        }
        if matched {
            extras.names.note(found, &mut self.names);
        }
    }
}

/// The tags of each ENI's latest record: most records of an ENI have the same.
#[derive(Default)]
struct LatestTags {
    /// The layout of the records.
    layout: Option<Arc<Layout>>,
    /// By ENI: the text of the columns, and the tags in it.
    by_eni: Vec<Option<(Vec<u8>, TagsIndex)>>,
    text: Vec<u8>,
}

impl LatestTags {
    /// Returns the tags of a record of the ENI with that index.
    fn of(&mut self, found: &Found<'_>, eni: EniIndex, enis: &mut Enis) -> TagsIndex {
        let is_same = |known: &Arc<Layout>| Arc::ptr_eq(known, found.layout);
        if !self.layout.as_ref().is_some_and(is_same) {
            self.layout = Some(Arc::clone(found.layout));
            self.by_eni.clear();
        }
        let at = eni.0 as usize;
        let written = found.record.tags_text(found.layout);
        if let (Some(written), Some(Some((known, tags)))) = (written, self.by_eni.get(at))
            && known == written
        {
            return *tags;
        }
        let mut values: [String; TAGS.len()] = Default::default();
        for (field, text) in found.record.fields(found.layout, &TAGS) {
            if let Some(slot) = TAGS.iter().position(|tag| *tag == field) {
                values[slot] = tag_value(text).into_owned();
            }
        }
        TagSet::encode(&values, &mut self.text);
        let tags = TagsIndex(enis.words.tags.enter(&self.text));
        enis.get_mut(eni).meet_tags(&values);
        if let Some(written) = written {
            self.by_eni.resize(self.by_eni.len().max(at + 1), None);
            self.by_eni[at] = Some((written.to_vec(), tags));
        }
        tags
    }
}

impl Extras {
    fn of(layout: &Arc<Layout>, names_addresses: bool) -> Self {
        let names = match names_addresses {
            true => NameColumns::of(layout),
            false => NameColumns::default(),
        };
        let losses = Losses::are_in(layout);
        let rtt = layout.index_of_name(RTT);
        let tags = layout.has_tags();
        let ecs = ECS.map(|field| layout.index_of(field));
        let ecs = (names_addresses && ecs.iter().any(Option::is_some)).then_some(ecs);
        let is_converted = layout.byte_unit() != ByteUnit::IpPacket;
        Self {
            layout: Arc::clone(layout),
            any: losses
                || rtt.is_some()
                || tags
                || ecs.is_some()
                || is_converted
                || !names.is_empty(),
            losses,
            rtt,
            tags,
            ecs,
            names,
        }
    }
}

/// Returns the round trip time in a column; a longer one than 16 bits hold is none.
fn rtt_ms(found: &Found<'_>, column: usize) -> Option<u16> {
    let text = found.record.get_at(found.layout, column)?;
    str::from_utf8(text).ok()?.parse().ok()
}

/// The name of the column with the round trip time in milliseconds.
const RTT: &str = "rtt-msec";

/// The fields with names of addresses.
const LOOKED_UP: [Field; SERVICES.len() + ECS.len()] =
    [SERVICES[0], SERVICES[1], ECS[0], ECS[1], ECS[2]];

/// The fields that [`learn`] uses.
const FACTS: [Field; 8] = [
    Field::InstanceId,
    Field::SubnetId,
    Field::VpcId,
    Field::AzId,
    Field::AccountId,
    Field::Region,
    Field::InterfaceType,
    Field::ResourceId,
];

/// Stores what a record says about the ENI that wrote it.
fn learn(eni: &mut Eni, record: &Record<'_>, layout: &Layout) {
    for (field, found) in record.fields(layout, &FACTS) {
        let fact = match field {
            Field::InstanceId => &mut eni.instance,
            Field::SubnetId => &mut eni.subnet,
            Field::VpcId => &mut eni.vpc,
            Field::AzId => &mut eni.zone,
            Field::AccountId => &mut eni.account,
            Field::Region => &mut eni.region,
            Field::InterfaceType => &mut eni.kind,
            Field::ResourceId => &mut eni.resource,
            _ => continue,
        };
        *fact = String::from_utf8_lossy(found).into_owned();
    }
}
