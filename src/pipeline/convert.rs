//! An archive into a capture.
//!
//! ```text
//! read     files -> records           by file, and by block within a file
//! settle   records -> episodes        by conversation
//! write    episodes -> the capture    by slice of time
//! ```
//!
//! Episodes are connections of one conversation so close that they are rebuilt in a row. What a
//! slice of time holds is rebuilt ([`task`]), put into frames ([`framer`], [`frames`]), brought
//! into order ([`rebuilt`], [`ordering`]) and written ([`mod@write`], [`capture_writer`]).

mod capture_writer;
mod framer;
mod frames;
mod memory_shares;
mod ordering;
mod pool;
mod rebuilt;
mod section;
mod split;
mod task;
mod write;

pub use self::split::Split;

use std::path::PathBuf;

use self::capture_writer::PendingOutput;
use self::framer::Framer;
use self::memory_shares::MemoryShares;
use self::pool::Pool;
use self::section::section;
use self::task::TaskContext;
use self::write::Writer;
use crate::capture::{Encoder, Format, LinkType};
use crate::connection::Detail;
use crate::error::{ErrorKind, Result};
use crate::flow::{Addresses, Enis, Vantage};
use crate::pipeline::diagnose::finding_records;
use crate::pipeline::run::{Request, Run, with_names};
use crate::pipeline::settling::conversations::Conversations;
use crate::pipeline::settling::finding_records::FindingMarker;
use crate::pipeline::settling::settle::{Settler, Settling};
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::printable::{cut, printable};
use crate::read::Meter;
use crate::summary::Summary;

/// What is to be converted, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Convert {
    /// Which archive, and what is wanted of it.
    pub request: Request,
    /// The capture, or `-` for standard output.
    pub output: PathBuf,
    /// By what several captures are divided that are to be written beside `output`, if any.
    pub split: Option<Split>,
    /// How much becomes packets.
    pub detail: Detail,
    /// Whose view of a conversation is used.
    pub vantage: VantageChoice,
    /// Which addresses packets get.
    pub addresses: Addresses,
    /// What frames begin with.
    pub link: LinkType,
    /// Whether all ENIs share one interface block.
    pub single_interface: bool,
    /// Which packets get a comment.
    pub comments: Comments,
    /// The finding of the archive's diagnosis, counted from 1, whose connections alone are converted.
    pub finding: Option<u64>,
    /// Packets beyond which there is no capture, but the filters that would make it smaller.
    pub max_packets: Option<u64>,
}

impl Convert {
    /// What `request` asks for, in the default detail.
    pub fn new(request: Request, output: PathBuf) -> Self {
        Self {
            request,
            output,
            split: None,
            detail: Detail::default(),
            vantage: VantageChoice::default(),
            addresses: Addresses::default(),
            link: LinkType::default(),
            single_interface: false,
            comments: Comments::default(),
            finding: None,
            max_packets: None,
        }
    }
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

/// Converts an archive.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input that cannot be read or whose column order cannot be told, no flow log or record at all, a
/// filter that nothing matches, and an output that cannot be written. No output is left then.
pub fn convert(convert: &Convert, meter: &Meter) -> Result<Summary> {
    with_names(&convert.request, |request| {
        let mut convert = convert.clone();
        convert.request = request.clone();
        convert_named(&convert, meter)
    })
}

fn convert_named(convert: &Convert, meter: &Meter) -> Result<Summary> {
    let request = &convert.request;
    let archive = request.archive()?;
    let run = Run::new(&archive, meter);
    let encoder = Encoder::new(Format::of(&convert.output)?, convert.link);
    let pending = PendingOutput::of(convert, archive.paths())?;

    let finding = finding_records(convert.finding, request, &archive, meter)?;
    let folder = SpillFolder::new(&request.temp_dir);
    let conversations = Conversations::new(request.held_max(), &folder, convert.detail);
    let mut read = run.read(convert.addresses, &conversations)?;
    let enis = &read.enis;
    let vantage = vantage(&convert.vantage, enis)?;
    let (conversations, starts) = conversations.complete(enis, request.memory);
    let room = MemoryShares::within(request.memory);
    let slices = Slices::within(request.memory, &starts);
    let buckets = || Buckets::new(slices.count(), request.held_max(), &folder);
    let episodes = buckets();
    let selection = request.selection(read.newest_ns);
    let finding = finding.as_ref().map(|finding| FindingMarker {
        finding,
        selection,
        enis,
    });
    let kept = selection.or_else(|| finding.as_ref().map(FindingMarker::keeps));
    let settler = Settler {
        settling: Settling::new(vantage, kept, convert.detail, request.memory),
        finding,
        slices: &slices,
        episodes: &episodes,
    };
    let settled = settler.settle(&conversations)?;
    drop(conversations);
    read.check_kept(request, settled.records)?;
    let suggested_filters = settled.by_filter.suggest(enis, convert.max_packets)?;

    let mut capture = pending.open(encoder, section(enis, convert.single_interface), enis)?;
    let names = framer::eni_names(enis);
    let framer = Framer {
        encoder,
        names: &read.account.source_names(archive.files()),
        losses: &read.losses,
        enis: &names,
        comments: convert.comments,
        single_interface: convert.single_interface || convert.split == Some(Split::Eni),
    };
    let writer = Writer {
        episodes: &episodes,
        meter,
        tasks: TaskContext {
            slices: &slices,
            waiting: &buckets(),
            framer,
            detail: convert.detail,
            split: convert.split,
            pool: Pool::new(room.frames),
            room,
        },
    };
    let written = writer.write(&mut capture)?;
    let output = capture.finish(convert)?;
    settled.add_to(&mut read.records);
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    Ok(Summary {
        input: read.input,
        records: read.records,
        span_ns: settled.span_ns,
        enis: enis.iter().len() as u64,
        connections: written.connections,
        packets: written.packets,
        suggested_filters,
        requested_ns: selection.and_then(|selection| selection.requested_ns()),
        output,
        spilled_bytes: folder.spilled(),
        elapsed_ms: run.elapsed_ms(),
    })
}

/// The name of an ENI in a message.
fn named(name: &str) -> String {
    cut(&printable(name), NAME_SHOWN).into_owned()
}

/// Characters of it that a message has room for.
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

/// ENIs that a message names.
const ENIS_NAMED: usize = 8;
