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
//! into order ([`rebuilt`], [`ordering`]) and written ([`write`], [`capture_writer`]).

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

use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

use self::capture_writer::PendingOutput;
use self::framer::Framer;
use self::memory_shares::MemoryShares;
use self::pool::Pool;
use self::section::section;
use self::write::Writer;
use crate::archive::{self, Walk};
use crate::capture::{Encoder, Format, LinkType};
use crate::connection::Detail;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::flow::{Addresses, Enis, Vantage};
use crate::pipeline::run::HELD_SHARE;
use crate::pipeline::settling::conversations::Conversations;
use crate::pipeline::settling::selection::Selection;
use crate::pipeline::settling::settle::{Settler, Settling};
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::printable::{cut, printable};
use crate::read::Meter;
use crate::read::account::ReadAccount;
use crate::read::files::{Files, Source};
use crate::read::source_names::SourceNames;
use crate::record::Layout;
use crate::summary::Summary;

/// What is to be converted, and how.
#[derive(Clone, Debug)]
pub struct Convert {
    /// Files, folders, or `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// The capture, or `-` for standard output.
    pub output: PathBuf,
    /// What tells several captures apart that are to be written beside `output`, if any.
    pub split: Option<Split>,
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
    /// What is wanted of all that.
    pub filter: Filter,
    /// Packets beyond which there is no capture, but the filters that would make it smaller.
    pub max_packets: Option<u64>,
    /// Octets of memory to use, about; mapped files and the files' names not counted.
    pub memory: u64,
    /// Where temporary files go when that is not enough.
    pub temp_dir: PathBuf,
}

impl Convert {
    /// All of `inputs`, every packet of it, within 1 GiB of memory.
    pub fn new(inputs: Vec<PathBuf>, output: PathBuf) -> Self {
        Self {
            inputs,
            output,
            split: None,
            format: None,
            detail: Detail::Exact,
            vantage: VantageChoice::default(),
            addresses: Addresses::default(),
            link: LinkType::default(),
            single_interface: false,
            comments: Comments::default(),
            filter: Filter::default(),
            max_packets: None,
            memory: 1 << 30,
            temp_dir: std::env::temp_dir(),
        }
    }

    fn source<'a>(&'a self, wanted: Option<&'a Range<i64>>) -> Source<'a> {
        Source {
            format: self.format.as_ref(),
            addresses: self.addresses,
            filter: &self.filter,
            wanted,
            temp_dir: &self.temp_dir,
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
/// An input that cannot be read or whose column order cannot be told, and an
/// output that cannot be written. No output is left then.
pub fn convert(request: &Convert, meter: &Meter) -> Result<Summary> {
    let begun = Instant::now();
    let Walk { files, left_out } = archive::walk(&request.inputs)?;
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let sifted = request.filter.sift(files);
    let files = &sifted.files[..];
    meter.expect(files);
    let encoder = Encoder::new(Format::of(&request.output)?, request.link);
    let reserved = PendingOutput::of(request, &paths)?;

    let mut read = ReadAccount::beside(left_out, &sifted);
    let folder = SpillFolder::new(&request.temp_dir);
    let held_max = usize::try_from(request.memory / HELD_SHARE).unwrap_or(usize::MAX);
    let conversations = Conversations::new(held_max, &folder, request.detail);
    let source = request.source(sifted.wanted.as_ref());
    let enis = read.all(&Files::new(source, meter, &conversations), files)?;
    let vantage = vantage(&request.vantage, &enis)?;
    let (conversations, starts) = conversations.complete(&enis, request.memory);
    let room = MemoryShares::within(request.memory);
    let slices = Slices::within(request.memory, &starts);
    let buckets = || Buckets::new(slices.count(), held_max, &folder);
    let episodes = buckets();
    let narrow = Selection::of(&request.filter, read.newest_ns);
    let teller = Settler {
        settling: Settling::new(vantage, narrow, request.detail, request.memory),
        slices: &slices,
        episodes: &episodes,
    };
    let told = teller.tell(&conversations)?;
    drop(conversations);
    let narrower = told.busiest.narrower(&enis, request.max_packets)?;

    let mut outlet = reserved.open(encoder, section(&enis, request.single_interface), &enis)?;
    let names = framer::eni_names(&enis);
    let framer = Framer {
        encoder,
        places: &SourceNames::new(files, read.members, read.losses),
        enis: &names,
        comments: request.comments,
        single_interface: request.single_interface || request.split == Some(Split::Eni),
    };
    let writer = Writer {
        slices: &slices,
        episodes: &episodes,
        waiting: &buckets(),
        framer,
        detail: request.detail,
        split: request.split,
        meter,
        pool: Pool::new(room.frames),
        room,
    };
    let written = writer.write(&mut outlet)?;
    let output = outlet.finish(request)?;
    told.add_to(&mut read.records);
    debug_assert!(read.records.adds_up(), "{:?}", read.records);
    Ok(Summary {
        input: read.input,
        records: read.records,
        span_ns: told.span_ns,
        enis: enis.iter().len() as u64,
        connections: written.connections,
        packets: written.packets,
        narrower,
        asked_ns: narrow.and_then(|narrow| narrow.asked_ns()),
        output,
        spilled_bytes: folder.spilled(),
        elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
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
            let known: Vec<_> = enis.iter().take(8).map(|eni| named(&eni.name)).collect();
            Error::usage(format!(
                "no record of {}; the archive has {}",
                named(name),
                known.join(", ")
            ))
        }),
    }
}
