//! The only file that knows every stage: files in, a capture out.
//!
//! ```text
//! read    files -> observations       by file, and by block within a file
//! tell    observations -> episodes    by conversation
//! write   episodes -> the capture     by batch, in order of time
//! ```
//!
//! # Invariants
//! * The same input gives the same octets, whatever the number of threads and
//!   the order in which the inputs are named.
//! * Every line has one fate in the [`Summary`].

mod block;
mod frames;
mod read;
mod tell;
mod write;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::archive::{self, File, Walk};
use crate::capture::{Encoder, Format, Interface, LinkType, Output, Section};
use crate::connection::Detail;
use crate::error::{Error, Result};
use crate::flow::{Addresses, Eni, Enis, Observation, Vantage};
use crate::pipeline::frames::Framer;
use crate::pipeline::read::FileYield;
use crate::pipeline::tell::{Told, tell};
use crate::record::Layout;
use crate::summary::{Example, Input, OutputFile, Records, Summary};

/// What is to be converted, and how.
#[derive(Clone, Debug)]
pub struct Convert {
    /// Files, folders, or `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// The capture, or `-` for standard output.
    pub output: PathBuf,
    /// The column order of files that do not tell it.
    pub format: Option<Layout>,
    /// How much becomes packets.
    pub detail: Detail,
    /// Whose view of a conversation is told.
    pub vantage: VantageChoice,
    /// Which addresses packets get.
    pub addresses: Addresses,
    /// What frames begin with.
    pub link: LinkType,
    /// Whether all ENIs share one interface block.
    pub single_interface: bool,
    /// Which packets get a comment.
    pub comments: Comments,
}

/// Whose view of a conversation is told, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VantageChoice {
    /// The view that saw most of it.
    #[default]
    Auto,
    /// Every view.
    All,
    /// The ENI of this name, where it saw the conversation.
    Eni(String),
}

/// Which packets get a comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comments {
    /// None.
    None,
    /// The first of each record, and all that were rejected.
    #[default]
    Record,
    /// All.
    All,
}

/// How far a run has come; another thread may look at it while it goes on.
#[derive(Debug, Default)]
pub struct Meter {
    /// Files to be read.
    pub files_total: AtomicU64,
    /// Octets to be read; 0 if unknown.
    pub bytes_total: AtomicU64,
    /// Files read.
    pub files: AtomicU64,
    /// Octets read.
    pub bytes: AtomicU64,
    /// Lines read.
    pub records: AtomicU64,
    /// Packets written.
    pub packets: AtomicU64,
}

/// Converts an archive.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input that cannot be read or whose column order cannot be told, and an
/// output that cannot be written. No output is left then.
pub fn convert(request: &Convert, meter: &Meter) -> Result<Summary> {
    let begun = Instant::now();
    let Walk { files, left_out } = archive::walk(&request.inputs)?;
    meter.files_total.store(files.len() as u64, Relaxed);
    meter
        .bytes_total
        .store(files.iter().map(|file| file.len).sum(), Relaxed);
    let format = Format::of(&request.output)?;
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let mut output = Output::create(&request.output, &paths)?;

    let mut read = Gathered::default();
    for entry in left_out {
        let place = || Example {
            place: entry.path.display().to_string(),
            found: String::new(),
        };
        read.input.left_out.count(&entry.reason.to_string(), place);
    }
    read::read_all(&files, request, meter)?
        .into_iter()
        .for_each(|file| read.append(file));
    let (enis, observations) = read.number_enis();
    if observations.is_empty() && read.records.lines == 0 {
        return Err(nothing_to_convert(&read.input));
    }
    let told = tell(observations, vantage(&request.vantage, &enis)?);

    let encoder = Encoder::new(format, request.link);
    output.write_all(&encoder.preamble(&section(&enis, request))?)?;
    let names = short_names(&files);
    let framer = Framer {
        encoder,
        observations: &told.observations,
        files: &names,
        enis: &enis,
        comments: request.comments,
        single_interface: request.single_interface,
    };
    let written = write::write_all(&told, request.detail, &framer, &mut output, meter)?;
    let bytes = output.finish()?;
    read.records.told = told.observations.len() as u64;
    read.records.duplicates = told.duplicates;
    read.records.told_elsewhere = told.told_elsewhere;
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    Ok(Summary {
        input: read.input,
        records: read.records,
        span_ns: span(&told),
        enis: enis.iter().len() as u64,
        connections: written.connections,
        packets: written.packets,
        output: OutputFile {
            path: request.output.display().to_string(),
            bytes,
        },
        elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// What all files held, joined in their order.
#[derive(Default)]
struct Gathered {
    input: Input,
    records: Records,
    enis: Enis,
    observations: Vec<Observation>,
}

impl Gathered {
    fn append(&mut self, file: FileYield) {
        self.input.add(file.input);
        let numbers = self.enis.merge(&file.block.enis);
        self.records.add(file.block.records);
        self.observations
            .extend(file.block.observations.into_iter().map(|mut o| {
                o.eni = numbers[o.eni.0 as usize];
                o
            }));
    }

    /// Hands out ENIs in order of their names, and the observations with their
    /// numbers and the direction that all records of the ENI together tell.
    fn number_enis(&mut self) -> (Enis, Vec<Observation>) {
        let (enis, numbers) = std::mem::take(&mut self.enis).sorted();
        let mut observations = std::mem::take(&mut self.observations);
        for o in &mut observations {
            o.eni = numbers[o.eni.0 as usize];
            if o.leaving.is_none() {
                let tuple = o.key.five_tuple(o.way);
                let (source, destination) = (tuple.source.address, tuple.destination.address);
                o.leaving = enis.get(o.eni).leaves(source, destination);
            }
        }
        (enis, observations)
    }
}

fn nothing_to_convert(input: &Input) -> Error {
    let reasons = input.left_out.0.iter().map(|(reason, r)| {
        let first = r.examples.first().map_or("", |e| &e.place);
        format!("\n  {} left out: {reason}, such as {first}", r.count)
    });
    Error::usage(format!(
        "no flow log among the inputs{}",
        reasons.collect::<String>()
    ))
}

fn vantage(choice: &VantageChoice, enis: &Enis) -> Result<Vantage> {
    match choice {
        VantageChoice::Auto => Ok(Vantage::Auto),
        VantageChoice::All => Ok(Vantage::All),
        VantageChoice::Eni(name) => enis.find(name).map(Vantage::Eni).ok_or_else(|| {
            let known: Vec<&str> = enis.iter().take(8).map(|eni| &*eni.name).collect();
            Error::usage(format!(
                "no record of {name}; the archive has {}",
                known.join(", ")
            ))
        }),
    }
}

/// What comments call each file: its own name where no other file has it, else its path.
///
/// AWS gives each file a name of its own, and the folders around it say nothing
/// that the name does not.
fn short_names(files: &[File]) -> Vec<String> {
    let own = |file: &'_ File| file.name.rsplit('/').next().unwrap_or_default().to_owned();
    let mut counts: HashMap<String, u32> = HashMap::new();
    for file in files {
        *counts.entry(own(file)).or_default() += 1;
    }
    let short = |file: &File| Some(own(file)).filter(|name| counts[name] == 1);
    files
        .iter()
        .map(|file| short(file).unwrap_or_else(|| file.name.clone()))
        .collect()
}

/// First and last instant of the records told.
fn span(told: &Told) -> Option<(i64, i64)> {
    let start = told.observations.iter().map(|o| o.start_ns).min()?;
    let end = told.observations.iter().map(|o| o.end_ns).max()?;
    Some((start, end))
}

fn section(enis: &Enis, request: &Convert) -> Section {
    let comment = "Synthesized from flow logs by flow2pcap, not captured. Addresses, ports, packet \
                   and byte counts, flags and whole seconds are from the log; sequence numbers, sizes \
                   of single packets and times within a second are invented.";
    let interfaces = if request.single_interface {
        let name = "all ENIs".to_owned();
        vec![Interface {
            name,
            description: "the ENI stands in the packet comments".into(),
            filter: None,
        }]
    } else {
        enis.iter().map(interface).collect()
    };
    let mut names: Vec<_> = enis
        .iter()
        .filter_map(|eni| {
            Some((
                eni.address?,
                if eni.instance.is_empty() {
                    &eni.name
                } else {
                    &eni.instance
                },
            ))
        })
        .map(|(address, name)| (address, name.clone()))
        .collect();
    names.sort();
    names.dedup_by_key(|(address, _)| *address);
    Section {
        comment: comment.into(),
        application: concat!("flow2pcap ", env!("CARGO_PKG_VERSION")).into(),
        interfaces,
        names,
    }
}

fn interface(eni: &Eni) -> Interface {
    let facts = [
        ("instance", &eni.instance),
        ("type", &eni.kind),
        ("subnet", &eni.subnet),
        ("vpc", &eni.vpc),
        ("zone", &eni.zone),
        ("account", &eni.account),
    ];
    let known = facts.iter().filter(|(_, fact)| !fact.is_empty());
    let words: Vec<String> = known.map(|(name, fact)| format!("{name}={fact}")).collect();
    Interface {
        name: eni.name.clone(),
        description: words.join(" "),
        filter: None,
    }
}
