//! A survey of an archive, summed up while it is read.
//!
//! The archive is read as by `convert`; the records go to a [`Census`], which adds them up block by
//! block and stores none. Sums do not depend on the order of the blocks, so the result is the same
//! for any number of threads.

mod estimate;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use self::estimate::Estimator;
use crate::archive::{File, s3_path};
use crate::error::Result;
use crate::filter::Span;
use crate::flow::{Addresses, Candidate, Enis, RejectReason, Verdict};
use crate::names::protocol_keyword;
use crate::pipeline::partial::{NameBytes, PartialWritten, StoredContents, StoredEnis};
use crate::pipeline::reading::Observations;
use crate::pipeline::run::{Contents, Request, Run, with_names};
use crate::read::{Archive, ArchiveChecks, FoundEvent, Meter};
use crate::summary::Records;
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
    let (read, inspected) = inspect_files(request, &run)?;
    survey(request, read, inspected)
}

/// Inspects one shard of the files of an archive, for a partial result. Nothing is checked that only all
/// shards together can show.
///
/// # Errors
/// Fails as [`inspect`] does if files cannot be read.
pub(super) fn inspect_part(
    request: &Request,
    archive: &Archive,
    meter: &Meter,
) -> Result<(InspectedPart, PartialWritten)> {
    let run = Run::new(archive, meter).of_part();
    let (mut read, inspected) = inspect_files(request, &run)?;
    inspected.count_into(&mut read.records);
    let written = PartialWritten::of(&read);
    let part = InspectedPart {
        enis: StoredEnis::of(&read.enis),
        read: StoredContents::of(read),
        inspected,
    };
    Ok((part, written))
}

/// Returns the survey of all parts together.
///
/// # Errors
/// Fails as [`inspect`] does if there was nothing to read, or nothing matches the filter.
pub(super) fn inspect_parts(
    request: &Request,
    checks: &ArchiveChecks,
    (parts, enis): (InspectedPart, Enis),
) -> Result<Survey> {
    let read = parts.read.complete(enis, Some(checks), &request.filter)?;
    survey(request, read, parts.inspected)
}

/// What is known of one part of an archive, or of several.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct InspectedPart {
    enis: StoredEnis,
    read: StoredContents,
    inspected: Inspected,
}

impl InspectedPart {
    /// Adds the next part; `enis` are those of the parts before.
    pub(super) fn append(&mut self, later: Self, enis: &mut Enis) {
        later.enis.add_to(enis);
        self.read.append(later.read);
        self.inspected.add(later.inspected);
    }

    /// Whether this can be what runs read.
    pub(super) fn is_possible(&self) -> bool {
        let sums = &self.inspected.sums;
        self.read.is_possible() && self.read.kept() == (sums.logged.records, sums.filtered)
    }
}

/// What is inspected. The rest is read for every subcommand.
#[derive(Default, Serialize, Deserialize)]
struct Inspected {
    sums: CensusSums,
    requested_ns: Option<(Option<i64>, Option<i64>)>,
    /// Accounts named in paths.
    accounts: BTreeSet<String>,
    /// Regions named in paths.
    regions: BTreeSet<String>,
    /// How long the lines took to read, without what a start takes; microseconds.
    reading_us: u64,
    elapsed_ms: u64,
}

impl Inspected {
    fn count_into(&self, records: &mut Records) {
        records.used = self.sums.logged.records;
        records.filtered = self.sums.filtered;
    }

    /// Adds what was inspected later. Times add up to what one machine would need.
    fn add(&mut self, later: Self) {
        self.sums.add(later.sums);
        self.requested_ns = self.requested_ns.or(later.requested_ns);
        self.accounts.extend(later.accounts);
        self.regions.extend(later.regions);
        self.reading_us = self.reading_us.saturating_add(later.reading_us);
        self.elapsed_ms = self.elapsed_ms.saturating_add(later.elapsed_ms);
    }
}

/// Reads the files of a run.
fn inspect_files(request: &Request, run: &Run<'_>) -> Result<(Contents, Inspected)> {
    let archive = run.archive;
    let files = archive.files();
    let selection = request.selection(archive.newest_ns(run.meter)?);
    let census = Census {
        files,
        span: selection.map(|selection| selection.span),
        sums: Mutex::default(),
    };
    let reading = Instant::now();
    let read = run.survey(Addresses::Packet, &census)?;
    let mut inspected = Inspected {
        reading_us: estimate::reading_us(reading.elapsed()),
        sums: census.into_sums(),
        requested_ns: selection.and_then(|selection| selection.requested_ns()),
        ..Inspected::default()
    };
    let names = files.iter().map(|file| &*file.name);
    let names = names.chain(read.account.member_names());
    for name in names.filter_map(s3_path::parse) {
        note(&mut inspected.accounts, name.account);
        note(&mut inspected.regions, name.region);
    }
    inspected.elapsed_ms = run.elapsed_ms();
    Ok((read, inspected))
}

/// Returns the survey of an archive that was read.
fn survey(request: &Request, mut read: Contents, inspected: Inspected) -> Result<Survey> {
    read.check_kept(request, inspected.sums.logged.records)?;
    inspected.count_into(&mut read.records);
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    let enis = &read.enis;
    let (reading_us, columns) = (inspected.reading_us, &read.account.columns);
    let forecast = &inspected.sums.forecast;
    let mut survey = Survey {
        missing_fields: missing_fields(columns),
        columns: columns.clone(),
        estimates: forecast.estimates(read.records.lines, enis.iter().len(), reading_us),
        ..inspected.sums.survey(enis)
    };
    survey.input = read.input;
    survey.records = read.records;
    survey.events = std::mem::take(&mut read.account.events);
    debug_assert!(survey.events.adds_up(), "{:?}", survey.events);
    survey.requested_ns = inspected.requested_ns;
    survey.accounts.extend(inspected.accounts);
    survey.regions.extend(inspected.regions);
    survey.elapsed_ms = inspected.elapsed_ms;
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
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "StoredSums", into = "StoredSums")]
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

/// The same in a file.
#[derive(Serialize, Deserialize)]
struct StoredSums {
    logged: LoggedSums,
    filtered: u64,
    verdicts: BTreeMap<String, LoggedSums>,
    protocols: BTreeMap<u8, LoggedSums>,
    enis: Vec<(NameBytes, LoggedSums)>,
    span_ns: Option<(i64, i64)>,
    forecast: Estimator,
}

impl From<CensusSums> for StoredSums {
    fn from(sums: CensusSums) -> Self {
        let verdicts = sums.verdicts.into_iter();
        let protocols = (0..=u8::MAX).zip(sums.protocols);
        let mut enis: Vec<_> = sums.enis.into_iter().collect();
        // The same records give the same file.
        enis.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let enis = enis.into_iter();
        Self {
            logged: sums.logged,
            filtered: sums.filtered,
            verdicts: verdicts
                .map(|(name, sums)| (name.into_owned(), sums))
                .collect(),
            protocols: protocols.filter(|(_, sums)| sums.records > 0).collect(),
            enis: enis
                .map(|(name, sums)| (NameBytes::of(name), sums))
                .collect(),
            span_ns: sums.span_ns,
            forecast: sums.forecast,
        }
    }
}

impl From<StoredSums> for CensusSums {
    fn from(stored: StoredSums) -> Self {
        let verdicts = stored.verdicts.into_iter();
        let enis = stored.enis.into_iter();
        let mut sums = Self {
            logged: stored.logged,
            filtered: stored.filtered,
            verdicts: verdicts.map(|(name, sums)| (name.into(), sums)).collect(),
            enis: enis.map(|(name, sums)| (name.into_bytes(), sums)).collect(),
            span_ns: stored.span_ns,
            forecast: stored.forecast,
            ..Self::default()
        };
        for (number, of_protocol) in stored.protocols {
            sums.protocols[usize::from(number)] = of_protocol;
        }
        sums
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
        self.filtered = self.filtered.saturating_add(other.filtered);
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
fn note(names: &mut BTreeSet<String>, name: &str) {
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
