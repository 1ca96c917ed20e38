//! Conversion of an archive into a capture.
//!
//! ```text
//! read     files -> records           by file, and by block within a file
//! settle   records -> episodes        by conversation
//! write    episodes -> the capture    by slice of time
//! ```
//!
//! How many packets a record becomes is decided between the last two ([`mod@planned`]).
//!
//! An episode is a group of connections of one conversation that are so close in time that they are
//! rebuilt one after another. The episodes of a time slice are rebuilt ([`task`]), encoded as
//! frames ([`framer`], [`frames`]); frames of events ([`event_frames`]) wait for their slice from the
//! beginning. They are sorted ([`rebuilt`], [`ordering`]) and written ([`mod@write`],
//! [`capture_writer`]).

mod address_naming;
mod capture_writer;
mod event_frames;
mod event_stages;
mod framer;
mod frames;
mod memory_shares;
mod ordering;
mod planned;
mod pool;
mod rebuilt;
mod section;
mod settled_archive;
mod split;
mod task;
mod write;

pub(crate) use self::event_frames::EVENT_INTERFACE;
pub use self::planned::{Announce, PlannedCapture};
pub use self::split::Split;

use std::collections::BTreeMap;
use std::path::PathBuf;

use self::address_naming::AddressNaming;
use self::capture_writer::PendingOutput;
use self::event_stages::{EventStage, JoinedStage};
use self::framer::Framer;
use self::memory_shares::MemoryShares;
use self::planned::planned;
use self::pool::Pool;
use self::section::section;
use self::settled_archive::{SettledArchive, ToSettle, check_shard};
use self::task::TaskContext;
use self::write::Writer;
use crate::capture::{Encoder, Format, LinkType, Section};
use crate::connection::Detail;
use crate::error::{Error, ErrorKind, Result};
use crate::flow::{Addresses, Enis, Shard, Vantage};
use crate::pipeline::events::EventWishes;
use crate::pipeline::facts::{Facts, Surveyed};
use crate::pipeline::run::{EventsRead, Request, Run, with_names};
use crate::pipeline::settling::packet_budget::DetailChoice;
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::printable::{cut, printable};
use crate::read::{Archive, Meter, Phase};
use crate::summary::{EventSummary, Summary};
use crate::survey::EventLogs;

/// The archive to convert, and the options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Convert {
    /// The archive to read, and the filter.
    pub request: Request,
    /// Path of the capture, or `-` for standard output.
    pub output: PathBuf,
    /// Whether a file that has this name when the capture is complete stays, and is an error. Parts of a split
    /// capture replace such files.
    pub keeps_existing: bool,
    /// How to split the output into several captures named after `output`, if at all.
    pub split: Option<Split>,
    /// How many packets are written for each record.
    pub detail: DetailChoice,
    /// Which ENI's records are used for a conversation.
    pub vantage: VantageChoice,
    /// Which addresses the packets get.
    pub addresses: Addresses,
    /// The link-layer header of frames.
    pub link: LinkType,
    /// Whether all ENIs share one interface block.
    pub single_interface: bool,
    /// Which packets get a comment.
    pub comments: Comments,
    /// What becomes of the events of other AWS logs.
    pub events: EventsChoice,
    /// The finding of the archive's diagnosis, counted from 1, whose connections alone are converted.
    pub finding: Option<u64>,
    /// The most packets to write; beyond that there is no capture, but suggested filters.
    pub max_packets: Option<u64>,
    /// The conversations that are written, if several runs share the archive.
    pub shard: Shard,
    /// What all of these runs together know. Without it, a run knows what its own conversations show.
    pub facts: Option<Facts>,
}

impl Convert {
    /// Creates a conversion of `request` with the default options.
    pub fn new(request: Request, output: PathBuf) -> Self {
        Self {
            request,
            output,
            keeps_existing: false,
            split: None,
            detail: DetailChoice::default(),
            vantage: VantageChoice::default(),
            addresses: Addresses::default(),
            link: LinkType::default(),
            single_interface: false,
            comments: Comments::default(),
            events: EventsChoice::default(),
            finding: None,
            max_packets: None,
            shard: Shard::WHOLE,
            facts: None,
        }
    }
}

/// Which ENI's records to use for a conversation, as given by the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VantageChoice {
    /// The ENI that logged most of the conversation.
    #[default]
    Auto,
    /// The records of every ENI.
    All,
    /// The ENI with this name, if it logged the conversation.
    Eni(String),
}

/// Which packets get a comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comments {
    /// No packet.
    None,
    /// The first packet of each record, and all rejected packets.
    #[default]
    Record,
    /// All packets.
    All,
}

/// What becomes of the events of other AWS logs: load balancers, CloudTrail, DNS and others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventsChoice {
    /// Their files are left out.
    None,
    /// The packet nearest in time says what happened, if exactly one connection fits.
    #[default]
    Comments,
    /// They also become frames of their own.
    Frames,
}

/// Converts an archive.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input cannot be read or its column order is unknown, there is no record, nothing matches the
/// filter, or the output cannot be written. No
/// output is left then.
pub fn convert(convert: &Convert, meter: &Meter) -> Result<Summary> {
    convert_announced(convert, meter, &|_| {})
}

/// Converts an archive, and calls `announce` once it is known what the capture will be, before anything is
/// written.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// The same as for [`convert`].
pub fn convert_announced(
    convert: &Convert,
    meter: &Meter,
    announce: Announce<'_>,
) -> Result<Summary> {
    with_names(&convert.request, |request| {
        let mut convert = convert.clone();
        convert.request = request.clone();
        convert_named(&convert, meter, announce)
    })
}

/// Opens the archive, with its configuration and its events where these are needed.
fn archive_of(convert: &Convert, wishes: EventWishes) -> Result<Archive> {
    let request = &convert.request;
    // The findings are those of a diagnosis of the same files.
    let context = convert.finding.is_some() || !request.context.is_empty();
    let events = match (wishes.any(), wishes.frames) {
        (false, _) => EventsRead::LeftOut,
        (true, false) => EventsRead::BesideRecords,
        (true, true) => EventsRead::Alone,
    };
    let builder = request.builder_with(events);
    match context {
        true => builder.context(&request.context).open(),
        false => builder.open(),
    }
}

/// Returns what a conversion wants of events.
///
/// # Errors
/// The capture cannot have the frames of events.
fn wishes(convert: &Convert, format: Format) -> Result<EventWishes> {
    let frames = convert.events == EventsChoice::Frames;
    let refused = match format {
        Format::Pcap => Some("classic pcap has one link type, and frames of events need another"),
        Format::Pcapng if convert.single_interface => {
            Some("a capture with one interface has no room for the interfaces of events")
        }
        Format::Pcapng if matches!(convert.split, Some(Split::Eni | Split::Connections(_))) => {
            Some(
                "frames of events belong to no ENI and no connection, by which the capture is split",
            )
        }
        Format::Pcapng => None,
    };
    match refused.filter(|_| frames) {
        Some(reason) => Err(Error::usage(reason)),
        None => Ok(EventWishes {
            comments: convert.events != EventsChoice::None
                && convert.comments != Comments::None
                && format == Format::Pcapng,
            frames,
        }),
    }
}

/// Opens the archive and prepares the output.
///
/// # Errors
/// The options contradict each other, an input is missing, or the output would replace an input.
fn opened(convert: &Convert) -> Result<(EventWishes, Archive, Encoder, PendingOutput)> {
    let format = Format::of(&convert.output)?;
    let wishes = wishes(convert, format)?;
    let archive = archive_of(convert, wishes)?;
    let pending = PendingOutput::of(convert, archive.paths())?;
    Ok((wishes, archive, Encoder::new(format, convert.link), pending))
}

fn convert_named(convert: &Convert, meter: &Meter, announce: Announce<'_>) -> Result<Summary> {
    let request = &convert.request;
    check_shard(convert)?;
    let (wishes, archive, encoder, pending) = opened(convert)?;
    let run = Run::new(&archive, meter).of_shard(convert.shard);
    let folder = SpillFolder::new(&request.temp_dir);
    let choice = convert.detail.at_most(convert.max_packets);
    let of_all = convert.facts.as_ref().map(|facts| &facts.packets);
    let to_settle = ToSettle {
        convert,
        wishes,
        run: &run,
        choice: of_all.map_or(choice, |all| choice.for_packets(all).into()),
        keeps_episodes: true,
    };
    let settled = to_settle.settle(&folder)?;
    settled.check_kept(convert)?;
    let SettledArchive {
        mut read,
        naming,
        slices,
        episodes,
        events,
        settled,
        selection,
    } = settled;
    let enis = &read.enis;
    let (detail, planned) = planned(choice, convert.max_packets, &settled, of_all, enis)?;
    announce(&planned);
    let (section, mut events) = named_section(convert, enis, naming, events);
    let mut capture = pending.open(encoder, section, enis)?;
    let framer = Framer {
        encoder,
        names: &read.account.source_names(archive.files()),
        losses: &read.losses,
        enis: &framer::eni_names(enis),
        reasons: &framer::reason_names(enis),
        comments: convert.comments,
        single_interface: convert.single_interface || convert.split == Some(Split::Eni),
    };
    let waiting = Buckets::new(slices.count(), request.held_max(), &folder);
    meter.begin(
        Phase::Writing,
        planned.packets / u64::from(convert.shard.of()),
    );
    if let Some(events) = &mut events {
        events.put_frames(&framer, &slices, &waiting, convert.shard.is_first())?;
    }
    let tasks = tasks(convert, detail, &slices, &waiting, framer, events.as_ref());
    let writer = Writer::new(&episodes, meter, tasks);
    let written = writer.write(&mut capture)?;
    settled.add_to(&mut read.records);
    let events = account_of(events.as_ref(), &read.account.events)?;
    Ok(Summary {
        input: read.input,
        records: read.records,
        span_ns: settled.span_ns,
        enis: enis.iter().len() as u64,
        connections: written.connections,
        packets: written.packets,
        detail: planned.detail,
        suggested_filters: planned.suggested_filters,
        requested_ns: selection.and_then(|selection| selection.requested_ns()),
        events,
        output: capture.finish(convert)?,
        spilled_bytes: folder.spilled(),
        elapsed_ms: run.elapsed_ms(),
    })
}

/// Reads and settles an archive, or a shard of it, and returns what runs that share the archive must know
/// of all of it. Of the conversion, the options that change which packets there are must be the same as
/// in those runs; nothing is written to its output.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input cannot be read, there is no record, or the filter keeps nothing.
pub fn gather_facts(convert: &Convert, meter: &Meter) -> Result<Surveyed> {
    with_names(&convert.request, |request| {
        let mut convert = convert.clone();
        convert.request = request.clone();
        convert.facts = None;
        let wishes = wishes(&convert, Format::of(&convert.output)?)?;
        let archive = archive_of(&convert, wishes)?;
        let run = Run::new(&archive, meter).of_shard(convert.shard);
        let folder = SpillFolder::new(&convert.request.temp_dir);
        let to_settle = ToSettle {
            convert: &convert,
            wishes,
            run: &run,
            choice: DetailChoice::default(),
            keeps_episodes: false,
        };
        to_settle.settle(&folder)?.into_facts(&to_settle)
    })
}

/// Returns the section header of the capture with all names, and the events that are joined now.
fn named_section<'a>(
    convert: &Convert,
    enis: &Enis,
    mut naming: AddressNaming,
    events: Option<EventStage<'a>>,
) -> (Section, Option<JoinedStage<'a>>) {
    let facts = convert.facts.as_ref();
    if let Some(facts) = facts {
        naming.seen.replace(&facts.named_addresses);
    }
    let mut section = section(enis, naming.before_answers(), convert.single_interface);
    let of_all = facts.and_then(|facts| facts.events.clone());
    let events = events.map(|events| events.decide(&mut section, of_all));
    section.names.append(&mut naming.after_answers());
    (section, events)
}

/// Returns the account of events, of which there is none if they were not read.
fn account_of(
    events: Option<&JoinedStage<'_>>,
    logs: &EventLogs,
) -> Result<BTreeMap<&'static str, EventSummary>> {
    events.map_or_else(|| Ok(BTreeMap::new()), |events| events.account(logs))
}

/// Prepares the tasks that rebuild connections into frames.
fn tasks<'a>(
    convert: &Convert,
    detail: Detail,
    slices: &'a Slices,
    waiting: &'a Buckets<'a>,
    framer: Framer<'a>,
    events: Option<&'a JoinedStage<'a>>,
) -> TaskContext<'a> {
    let room = MemoryShares::within(convert.request.memory);
    TaskContext {
        slices,
        waiting,
        framer,
        detail,
        memory: convert
            .detail
            .packets_budget()
            .map(|_| convert.request.memory),
        split: convert.split,
        pool: Pool::new(room.frames),
        room,
        events: events.map(|events| &events.joins),
    }
}

/// Formats the name of an ENI for a message.
fn named(name: &str) -> String {
    cut(&printable(name), NAME_SHOWN).into_owned()
}

/// The longest name in a message, in characters.
const NAME_SHOWN: usize = 64;

fn vantage(choice: &VantageChoice, enis: &Enis) -> Result<Vantage> {
    match choice {
        VantageChoice::Auto => Ok(Vantage::Auto),
        VantageChoice::All => Ok(Vantage::All),
        VantageChoice::Eni(name) => enis.find(name.as_bytes()).map(Vantage::Eni).ok_or_else(|| {
            let known = enis.iter().take(ENIS_NAMED);
            ErrorKind::UnknownEni {
                name: named(name),
                known: known.map(|eni| named(&eni.name)).collect(),
            }
            .into()
        }),
    }
}

/// The most ENIs that a message names.
const ENIS_NAMED: usize = 8;
