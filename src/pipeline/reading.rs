//! The sink of all subcommands: it makes observations of records.
//!
//! Observations go on block by block, to wherever a subcommand keeps or counts them. What is
//! learned beside them (which ENIs there are, what had to be assumed) is joined in order.

use std::sync::Arc;

use crate::error::Result;
use crate::flow::{
    Addresses, Candidate, Eni, Enis, Losses, Place, Unusable, Verdict, observe, reject_reason,
};
use crate::pipeline::diagnose::Coverage;
use crate::read::{Found, Sink};
use crate::record::{Direction, Field, Layout, LogStatus, Record};
use crate::summary::AssumedCounts;
use crate::time::joined;

/// Records whose losses are kept for their comments: 12 MiB of them. All are counted.
const LOSSES_MAX: usize = 1 << 18;

/// Where observations go.
pub(crate) trait Observations: Sync {
    /// Takes in observations whose lines count from after line `base` of their file
    /// and whose ENIs are numbered as in `enis`.
    ///
    /// # Errors
    /// There is no room for them.
    fn take_in(&self, observations: Vec<Candidate>, base: u64, enis: &Enis) -> Result<()>;
}

/// Makes observations of records.
pub(crate) struct Observing<'a> {
    /// Which addresses packets get.
    pub addresses: Addresses,
    /// Where the observations go. Not a type parameter: the parser would be compiled once for
    /// each subcommand.
    pub to: &'a dyn Observations,
}

/// What was learned from records, beside their observations.
#[derive(Default)]
pub(crate) struct Observed {
    observations: Vec<Candidate>,
    /// The ENIs that wrote them, numbered as they were met.
    pub enis: Enis,
    /// What Transit Gateways lost, of the first records that say, in order of place.
    pub losses: Vec<(Place, Losses)>,
    /// The sum of what they lost.
    pub lost: Losses,
    /// What had to be assumed.
    pub assumed: AssumedCounts,
    /// Earliest start and latest end of all records, nanoseconds since the Unix epoch.
    pub span_ns: Option<(i64, i64)>,
    /// When ENIs saw no traffic, by their NODATA records.
    pub quiet: Coverage,
    /// Whether records of the layout met last count losses.
    counts_losses: Option<(Arc<Layout>, bool)>,
}

impl Sink for Observing<'_> {
    type Part = Observed;

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
            o.verdict = Verdict::Reject(reject_reason(text));
        }
        let matched = found.matches == Some(true);
        part.span_ns = joined(part.span_ns, Some((o.start_ns, o.end_ns)));
        part.assumed.count(assumed);
        part.observations.push(Candidate {
            observation: o,
            matched,
        });
        if part.counts_losses(found.layout) && matched {
            part.note_losses(found);
        }
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

    fn complete(&self, part: &mut Observed, base: u64) -> Result<()> {
        let losses = part.losses.iter_mut();
        losses.for_each(|(place, _)| place.line += base);
        let observations = std::mem::take(&mut part.observations);
        self.to.take_in(observations, base, &part.enis)
    }

    fn append(&self, part: &mut Observed, later: Observed) {
        part.enis.merge(&later.enis);
        let room = LOSSES_MAX.saturating_sub(part.losses.len());
        part.losses.extend(later.losses.into_iter().take(room));
        part.lost.add(&later.lost);
        part.assumed.add(later.assumed);
        part.span_ns = joined(part.span_ns, later.span_ns);
        part.quiet.add(later.quiet);
    }
}

impl Observed {
    #[inline]
    fn counts_losses(&mut self, layout: &Arc<Layout>) -> bool {
        match &self.counts_losses {
            Some((known, counts)) if Arc::ptr_eq(known, layout) => *counts,
            _ => {
                let counts = Losses::are_in(layout);
                self.counts_losses = Some((Arc::clone(layout), counts));
                counts
            }
        }
    }

    fn note_losses(&mut self, found: &Found<'_>) {
        if let Some(losses) = Losses::of(found.record, found.layout) {
            self.lost.add(&losses);
            self.losses.push((found.place, losses));
        }
    }
}

/// The fields of which [`learn`] keeps something.
const FACTS: [Field; 6] = [
    Field::InstanceId,
    Field::SubnetId,
    Field::VpcId,
    Field::AzId,
    Field::AccountId,
    Field::InterfaceType,
];

/// Keeps what a record says of the ENI that wrote it.
fn learn(eni: &mut Eni, record: &Record<'_>, layout: &Layout) {
    for (field, found) in record.fields(layout, &FACTS) {
        let fact = match field {
            Field::InstanceId => &mut eni.instance,
            Field::SubnetId => &mut eni.subnet,
            Field::VpcId => &mut eni.vpc,
            Field::AzId => &mut eni.zone,
            Field::AccountId => &mut eni.account,
            Field::InterfaceType => &mut eni.kind,
            _ => continue,
        };
        *fact = String::from_utf8_lossy(found).into_owned();
    }
}
