//! A survey of an archive, summed up while it is read.
//!
//! The archive is read as by `convert`; the records go to a [`Census`], which adds them up block by
//! block and stores none. Sums do not depend on the order of the blocks, so the result is the same
//! for any number of threads.

mod estimate;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use self::estimate::Estimator;
use crate::archive::{File, s3_path};
use crate::error::Result;
use crate::filter::Span;
use crate::flow::{Addresses, Candidate, Enis, RejectReason, Verdict};
use crate::names::protocol_keyword;
use crate::pipeline::reading::Observations;
use crate::pipeline::run::{Request, Run, with_names};
use crate::read::{FoundEvent, Meter};
use crate::survey::{EniTraffic, LoggedSums, Protocol, Survey, missing_fields};
use crate::time::joined;

/// The most ENIs that are listed.
const ENIS_NAMED: usize = 10;

/// Surveys an archive.
///
/// Runs on rayon's current thread pool. Reads everything once, or twice if the requested time range
/// counts from the newest record.
///
/// # Errors
/// An input cannot be read or its column order is unknown, there is no flow log at all, nothing
/// matches the filter, or the requested time range counts from the newest record of standard input,
/// which cannot be read twice. An archive whose records are all skipped is not an error here: the
/// survey says what they lack.
pub fn inspect(request: &Request, meter: &Meter) -> Result<Survey> {
    with_names(request, |request| inspect_named(request, meter))
}

fn inspect_named(request: &Request, meter: &Meter) -> Result<Survey> {
    let archive = request.archive_and_events()?;
    let run = Run::new(&archive, meter);
    let files = archive.files();
    let selection = request.selection(archive.newest_ns(meter)?);
    let census = Census {
        files,
        span: selection.map(|selection| selection.span),
        sums: Mutex::default(),
    };
    let reading = Instant::now();
    let mut read = run.survey(Addresses::Packet, &census)?;
    let enis = &read.enis;
    let read_in = reading.elapsed();
    let tally = census.into_sums();
    read.check_kept(request, tally.logged.records)?;
    read.records.used = tally.logged.records;
    read.records.filtered = tally.filtered;
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    let names = files.iter().map(|file| &*file.name);
    let events = std::mem::take(&mut read.account.events);
    let names = names.chain(read.account.member_names());
    let columns = &read.account.columns;
    let mut survey = Survey {
        missing_fields: missing_fields(columns),
        columns: columns.clone(),
        estimates: tally
            .forecast
            .estimates(read.records.lines, enis.iter().len(), read_in),
        ..tally.survey(enis)
    };
    survey.input = read.input;
    survey.records = read.records;
    survey.events = events;
    debug_assert!(survey.events.adds_up(), "{:?}", survey.events);
    survey.requested_ns = selection.and_then(|selection| selection.requested_ns());
    for name in names.filter_map(s3_path::parse) {
        note(&mut survey.accounts, name.account);
        note(&mut survey.regions, name.region);
    }
    survey.elapsed_ms = run.elapsed_ms();
    Ok(survey)
}

/// Adds up records.
struct Census<'a> {
    files: &'a [File],
    /// The requested time range; `None` for all.
    span: Option<Span>,
    sums: Mutex<CensusSums>,
}

impl Census<'_> {
    fn into_sums(self) -> CensusSums {
        let sums = self.sums.into_inner();
        sums.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observations for Census<'_> {
    fn take_in(&self, records: Vec<Candidate>, _: u64, enis: &Enis) -> Result<()> {
        let mut tally = CensusSums::default();
        let mut by_eni = vec![LoggedSums::default(); enis.iter().len()];
        for o in &records {
            let is_then = |span: &Span| span.overlaps(o.start_ns, o.until_ns());
            if !o.matched || !self.span.as_ref().is_none_or(is_then) {
                tally.filtered += 1;
                continue;
            }
            by_eni[o.eni.0 as usize].count(o.packets, o.bytes.unwrap_or(0));
            let file = &self.files[o.place.file as usize].name;
            tally.count(o, file, enis);
        }
        let named = enis
            .names()
            .zip(by_eni)
            .filter(|(_, sums)| sums.records > 0);
        tally.enis = named.map(|(name, sums)| (name.to_vec(), sums)).collect();
        let mut all = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        all.add(tally);
        Ok(())
    }

    fn wants(&self, found: &FoundEvent<'_>) -> bool {
        let instant_ns = found.event.instant_ns;
        let until_ns = instant_ns.saturating_add(1);
        let is_then = |span: &Span| span.overlaps(instant_ns, until_ns);
        found.matches == Some(true) && self.span.as_ref().is_none_or(is_then)
    }
}

/// The sums over records.
struct CensusSums {
    logged: LoggedSums,
    /// Records that do not match the filter.
    filtered: u64,
    verdicts: HashMap<Cow<'static, str>, LoggedSums, RandomState>,
    /// Records by IANA protocol number.
    protocols: Box<[LoggedSums]>,
    enis: HashMap<Vec<u8>, LoggedSums, RandomState>,
    span_ns: Option<(i64, i64)>,
    forecast: Estimator,
}

impl Default for CensusSums {
    fn default() -> Self {
        Self {
            logged: LoggedSums::default(),
            filtered: 0,
            verdicts: HashMap::default(),
            protocols: vec![LoggedSums::default(); 256].into(),
            enis: HashMap::default(),
            span_ns: None,
            forecast: Estimator::default(),
        }
    }
}

impl CensusSums {
    /// Counts everything of a record except for its ENI.
    fn count(&mut self, o: &Candidate, file: &str, enis: &Enis) {
        let bytes = o.bytes.unwrap_or(0);
        self.logged.count(o.packets, bytes);
        let verdict = self.verdicts.entry(verdict(o.verdict, enis)).or_default();
        verdict.count(o.packets, bytes);
        self.protocols[usize::from(o.key.protocol)].count(o.packets, bytes);
        self.span_ns = joined(self.span_ns, Some((o.start_ns, o.end_ns)));
        self.forecast.count(o, file, &enis.get(o.eni).name);
    }

    fn add(&mut self, other: Self) {
        self.logged.add(&other.logged);
        self.filtered += other.filtered;
        for (name, sums) in other.verdicts {
            self.verdicts.entry(name).or_default().add(&sums);
        }
        for (mine, theirs) in self.protocols.iter_mut().zip(&other.protocols) {
            mine.add(theirs);
        }
        for (name, sums) in other.enis {
            self.enis.entry(name).or_default().add(&sums);
        }
        self.span_ns = joined(self.span_ns, other.span_ns);
        self.forecast.add(&other.forecast);
    }

    /// Returns the survey of an archive with these ENIs.
    fn survey(self, enis: &Enis) -> Survey {
        let numbered = (0..=u8::MAX).zip(&self.protocols);
        let seen = numbered.filter(|(_, sums)| sums.records > 0);
        let named = seen.map(|(number, sums)| Protocol {
            number,
            name: protocol_keyword(number),
            logged: *sums,
        });
        let mut protocols: Vec<Protocol> = named.collect();
        protocols.sort_by_key(|protocol| Reverse(protocol.logged.packets));
        let mut busiest: Vec<(Vec<u8>, LoggedSums)> = self.enis.into_iter().collect();
        busiest.sort_by(|(a, x), (b, y)| y.packets.cmp(&x.packets).then_with(|| a.cmp(b)));
        busiest.truncate(ENIS_NAMED);
        let mut survey = Survey {
            span_ns: self.span_ns,
            logged: self.logged,
            actions: self.verdicts.into_iter().collect(),
            protocols,
            enis: enis.iter().len() as u64,
            ..Survey::default()
        };
        let named = busiest
            .iter()
            .filter_map(|(name, sums)| traffic(enis, name, *sums));
        survey.busiest_enis = named.collect();
        let accounts = enis.iter().map(|eni| &eni.account);
        accounts.for_each(|account| note(&mut survey.accounts, account));
        survey
    }
}

fn traffic(enis: &Enis, name: &[u8], logged: LoggedSums) -> Option<EniTraffic> {
    let eni = enis.get(enis.find(name)?);
    Some(EniTraffic {
        name: eni.name.clone(),
        instance: eni.instance.clone(),
        tag: eni.tag().to_owned(),
        subnet: eni.subnet.clone(),
        vpc: eni.vpc.clone(),
        account: eni.account.clone(),
        logged,
    })
}

/// Adds a name unless it is empty.
fn note(names: &mut std::collections::BTreeSet<String>, name: &str) {
    if !name.is_empty() && !names.contains(name) {
        names.insert(name.to_owned());
    }
}

/// Names the `action`, with the reject reason if the record has one.
fn verdict(verdict: Verdict, enis: &Enis) -> Cow<'static, str> {
    match verdict {
        Verdict::Accept => "ACCEPT".into(),
        Verdict::Reject(RejectReason::Unsaid) => "REJECT".into(),
        Verdict::Reject(RejectReason::BlockPublicAccess) => "REJECT, reason BPA".into(),
        Verdict::Reject(RejectReason::EncryptionControls) => "REJECT, reason EC".into(),
        Verdict::Reject(RejectReason::NetworkFirewall) => "REJECT, Network Firewall".into(),
        Verdict::Reject(RejectReason::Other(reason)) => {
            format!("REJECT, reason {}", enis.words.reason(reason)).into()
        }
    }
}
