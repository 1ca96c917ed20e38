//! What is in an archive, added up while it is read.
//!
//! The reading is that of a conversion; the records go to a [`Census`], which
//! adds them up block by block and keeps none. Sums do not depend on the order
//! of the blocks, so the answer is the same on any number of threads.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::archive::{self, File, Walk, s3_path};
use crate::error::{Error, Result};
use crate::filter::{Bound, Filter, Span};
use crate::flow::{Addresses, Enis, Observation, RejectReason, Verdict};
use crate::names::protocol_keyword;
use crate::pipeline::Meter;
use crate::pipeline::forecast::Forecast;
use crate::pipeline::gathered::Gathered;
use crate::pipeline::narrow::Narrow;
use crate::pipeline::read::{Files, Sink, Source};
use crate::record::Layout;
use crate::survey::{EniTraffic, LoggedSums, Protocol, Survey, lacking};
use crate::time::joined;

/// ENIs that are named.
const ENIS_NAMED: usize = 10;

/// What is to be inspected.
#[derive(Clone, Debug)]
pub struct Inspect {
    /// Files, folders, or `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// The column order of files that do not tell it.
    pub format: Option<Layout>,
    /// What is wanted of them; records are looked at one by one.
    pub filter: Filter,
    /// Where a table goes that has to be whole before it can be read.
    pub temp_dir: PathBuf,
}

/// Tells what is in an archive.
///
/// Runs on rayon's current thread pool. Reads everything once, or twice if the time that is asked
/// for counts from the newest record.
///
/// # Errors
/// An input that cannot be read or whose column order cannot be told, no flow log at all, and a
/// time that counts from the newest record of standard input, which cannot be read twice.
pub fn inspect(request: &Inspect, meter: &Meter) -> Result<Survey> {
    let begun = Instant::now();
    let Walk { files, left_out } = archive::walk(&request.inputs)?;
    let sifted = request.filter.sift(files);
    let files = &sifted.files[..];
    meter.expect(files);
    let source = Source {
        format: request.format.as_ref(),
        addresses: Addresses::Packet,
        filter: &request.filter,
        wanted: sifted.wanted.as_ref(),
        temp_dir: &request.temp_dir,
    };
    let newest_ns = newest(source, files, sifted.newest_slot_ns)?;
    let narrow = Narrow::of(&request.filter, newest_ns);
    let census = Census {
        files,
        span: narrow.map(|narrow| narrow.span),
        tally: Mutex::default(),
    };
    let mut read = Gathered::beside(left_out, &sifted);
    let reader = Files::new(source, meter, &census);
    let reading = Instant::now();
    let enis = read.all(&reader, files)?;
    let read_in = reading.elapsed();
    let tally = census.into_tally();
    read.records.told = tally.logged.records;
    read.records.filtered = tally.filtered;
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    let members = read.members.iter().flatten().map(|(_, name)| &**name);
    let names = files.iter().map(|file| &*file.name).chain(members);
    let mut survey = Survey {
        lacking: lacking(&read.columns),
        columns: read.columns,
        estimates: tally
            .forecast
            .estimates(read.records.lines, enis.iter().len(), read_in),
        ..tally.survey(&enis)
    };
    survey.input = read.input;
    survey.records = read.records;
    survey.asked_ns = narrow.and_then(|narrow| narrow.asked_ns());
    for told in names.filter_map(s3_path::parse) {
        note(&mut survey.accounts, told.account);
        note(&mut survey.regions, told.region);
    }
    survey.elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(survey)
}

fn is_relative(filter: &Filter) -> bool {
    let bounds = [filter.from, filter.to];
    let mut bounds = bounds.iter().flatten();
    bounds.any(|bound| matches!(bound, Bound::BeforeNewest(_)))
}

/// When the newest record ends; none if nothing that is asked for counts from there. All files are
/// read to know it.
///
/// # Errors
/// Files that cannot be read, of which standard input cannot be read twice.
pub(super) fn newest(
    source: Source<'_>,
    files: &[File],
    newest_slot_ns: Option<i64>,
) -> Result<Option<i64>> {
    if !is_relative(source.filter) {
        return Ok(None);
    }
    if files.iter().any(File::is_stdin) {
        return Err(Error::usage(
            "a time before the newest record is known when all is read, and standard input cannot \
             be read twice; name the time, as in --from 2026-03-14T02:15"
                .to_owned(),
        ));
    }
    let mut newest_ns = newest_slot_ns;
    let meter = Meter::default();
    let reader = Files::new(source, &meter, &Nowhere);
    reader.read(files, |file| {
        newest_ns = newest_ns.max(file.block.newest_ns)
    })?;
    Ok(newest_ns)
}

/// Forgets all records.
struct Nowhere;

impl Sink for Nowhere {
    fn take_in(&self, _: Vec<Observation>, _: u64, _: &Enis) -> Result<()> {
        Ok(())
    }
}

/// Adds up records.
struct Census<'a> {
    files: &'a [File],
    /// The time that is wanted; all of it if none.
    span: Option<Span>,
    tally: Mutex<Tally>,
}

impl Census<'_> {
    fn into_tally(self) -> Tally {
        let tally = self.tally.into_inner();
        tally.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Census<'_> {
    fn take_in(&self, records: Vec<Observation>, _: u64, enis: &Enis) -> Result<()> {
        let mut tally = Tally::default();
        let mut by_eni = vec![LoggedSums::default(); enis.iter().len()];
        for o in &records {
            let is_then = |span: &Span| span.overlaps(o.start_ns, o.until_ns());
            if !o.matched || !self.span.as_ref().is_none_or(is_then) {
                tally.filtered += 1;
                continue;
            }
            by_eni[o.eni.0 as usize].count(o.packets, o.bytes.unwrap_or(0));
            let file = &self.files[o.place.file as usize].name;
            tally.count(o, file, &enis.get(o.eni).name);
        }
        let named = enis
            .names()
            .zip(by_eni)
            .filter(|(_, sums)| sums.records > 0);
        tally.enis = named.map(|(name, sums)| (name.to_vec(), sums)).collect();
        let mut all = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        all.add(tally);
        Ok(())
    }
}

/// What records add up to.
struct Tally {
    logged: LoggedSums,
    /// Records that are not what was asked for.
    filtered: u64,
    verdicts: HashMap<&'static str, LoggedSums, RandomState>,
    /// By number.
    protocols: Box<[LoggedSums]>,
    enis: HashMap<Vec<u8>, LoggedSums, RandomState>,
    span_ns: Option<(i64, i64)>,
    forecast: Forecast,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            logged: LoggedSums::default(),
            filtered: 0,
            verdicts: HashMap::default(),
            protocols: vec![LoggedSums::default(); 256].into(),
            enis: HashMap::default(),
            span_ns: None,
            forecast: Forecast::default(),
        }
    }
}

impl Tally {
    /// Counts all of a record but its ENI's share.
    fn count(&mut self, o: &Observation, file: &str, eni: &str) {
        let bytes = o.bytes.unwrap_or(0);
        self.logged.count(o.packets, bytes);
        let verdict = self.verdicts.entry(verdict(o.verdict)).or_default();
        verdict.count(o.packets, bytes);
        self.protocols[usize::from(o.key.protocol)].count(o.packets, bytes);
        self.span_ns = joined(self.span_ns, Some((o.start_ns, o.end_ns)));
        self.forecast.count(o, file, eni);
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

    /// What this tells of an archive with these ENIs.
    fn survey(self, enis: &Enis) -> Survey {
        let numbered = (0..=u8::MAX).zip(&self.protocols);
        let met = numbered.filter(|(_, sums)| sums.records > 0);
        let named = met.map(|(number, sums)| Protocol {
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
        subnet: eni.subnet.clone(),
        vpc: eni.vpc.clone(),
        account: eni.account.clone(),
        logged,
    })
}

/// Adds a name that is one.
fn note(names: &mut std::collections::BTreeSet<String>, name: &str) {
    if !name.is_empty() && !names.contains(name) {
        names.insert(name.to_owned());
    }
}

/// `action`, and why if the record says.
fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "ACCEPT",
        Verdict::Reject(RejectReason::Unsaid) => "REJECT",
        Verdict::Reject(RejectReason::BlockPublicAccess) => "REJECT, reason BPA",
        Verdict::Reject(RejectReason::EncryptionControls) => "REJECT, reason EC",
        Verdict::Reject(RejectReason::Other) => "REJECT, other reason",
    }
}
