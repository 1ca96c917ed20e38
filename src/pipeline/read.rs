//! From files to observations, on all cores.
//!
//! A mapped file is cut at line ends and its blocks are read side by side; what
//! is compressed is inflated front to back, but several files at a time. Each
//! block is read on its own and numbered from its own first line; the places
//! are put right when the blocks are joined in order, so that nothing depends
//! on which thread came first.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use crate::archive::{self, Block, Content, Damage, File, LeftOutReason, Mapping, Opened, Stream};
use crate::error::{Error, Result};
use crate::pipeline::block::{BlockYield, Reader};
use crate::pipeline::{Convert, Meter};
use crate::record::{Evidence, Foreign, Layout, Unrecognised, recognise};
use crate::summary::{Example, Input};

/// Octets of a block: large enough to be worth a task, small enough to share out.
const BLOCK_LEN: usize = 1 << 20;

/// Octets in which a file's column order must show.
const HEAD_LEN: usize = 64 << 10;

/// What a file held.
#[derive(Default)]
pub(super) struct FileYield {
    pub block: BlockYield,
    pub input: Input,
}

/// Reads all files; what each held comes in the order of `files`.
///
/// # Errors
/// A file that cannot be read or whose column order cannot be told.
pub(super) fn read_all(files: &[File], request: &Convert, meter: &Meter) -> Result<Vec<FileYield>> {
    let read = files.par_iter().enumerate().map(|(index, file)| {
        let index = u32::try_from(index).map_err(|_| Error::usage("more than 2^32 input files"))?;
        let read = read_file(index, file, request, meter);
        meter.files.fetch_add(1, Relaxed);
        read
    });
    read.collect()
}

fn read_file(index: u32, file: &File, request: &Convert, meter: &Meter) -> Result<FileYield> {
    let mut content = match archive::open(file)? {
        Opened::Content(content) => content,
        Opened::LeftOut(reason) => return left_out(file, &reason),
    };
    let recognised = match recognise(content.head(HEAD_LEN), request.format.as_ref()) {
        Ok(recognised) => recognised,
        Err(unrecognised) => return foreign(file, &unrecognised),
    };
    let mut yielded = FileYield::default();
    yielded.input.files = 1;
    yielded.input.bytes = file.len;
    let told_by = match recognised.evidence {
        Evidence::Header => "header line",
        Evidence::Given => "--format",
        Evidence::Order(name) => name,
    };
    yielded.input.layouts.insert(told_by.to_owned(), 1);
    let reader = Reader {
        file: index,
        addresses: request.addresses,
    };
    let layout = Arc::new(recognised.layout);
    yielded.block = match content {
        Content::Mapped(mapping) => read_mapped(&mapping, &reader, &layout, meter),
        Content::Stream(stream) => {
            let (block, read_len, damage) = read_stream(stream, &reader, layout, meter)?;
            // Pipes have no length of their own.
            yielded.input.bytes = yielded.input.bytes.max(read_len);
            if let Some(damage) = damage {
                note_damage(&mut yielded.input, file, &damage);
            }
            block
        }
    };
    yielded.block.name_faults(&file.name);
    Ok(yielded)
}

/// Decides about a file that is no flow log, or not known to be one.
///
/// Load balancer logs and the like lie in the same folders and are left out. A
/// file that looks like records in an unknown order may be the very one that is
/// looked for: it ends the run, with the `--format` to give.
fn foreign(file: &File, unrecognised: &Unrecognised) -> Result<FileYield> {
    let has_addresses = |suggestion: &str| suggestion.contains("srcaddr");
    match unrecognised.foreign() {
        Foreign::Other if file.is_typed || unrecognised.suggestion().is_some_and(has_addresses) => {
            Err(Error::usage(format!("{}: {unrecognised}", file.name)))
        }
        Foreign::Other => foreign_file(file, "text that is no flow log"),
        known => foreign_file(file, &known.to_string()),
    }
}

fn left_out(file: &File, reason: &LeftOutReason) -> Result<FileYield> {
    foreign_file(file, &reason.to_string())
}

fn foreign_file(file: &File, reason: &str) -> Result<FileYield> {
    let mut yielded = FileYield::default();
    let place = || Example {
        place: file.name.clone(),
        found: String::new(),
    };
    yielded.input.left_out.count(reason, place);
    Ok(yielded)
}

fn note_damage(input: &mut Input, file: &File, damage: &Damage) {
    let example = || Example {
        place: file.name.clone(),
        found: damage.to_string(),
    };
    input.damaged.count("damaged", example);
}

fn read_mapped(
    mapping: &Mapping,
    reader: &Reader,
    layout: &Arc<Layout>,
    meter: &Meter,
) -> BlockYield {
    let blocks: Vec<Block<'_>> = mapping.blocks(BLOCK_LEN).collect();
    let mut yields: Vec<BlockYield> = blocks
        .par_iter()
        .map(|block| {
            let read = reader.read(block, Arc::clone(layout));
            meter.bytes.fetch_add(block.bytes.len() as u64, Relaxed);
            meter.records.fetch_add(read.records.lines, Relaxed);
            read
        })
        .collect();
    // A header in the middle of a file changes the column order of the blocks behind it.
    let mut in_force = Arc::clone(layout);
    for (block, read) in blocks.iter().zip(&mut yields) {
        if *in_force != **layout {
            *read = reader.read(block, Arc::clone(&in_force));
        }
        in_force = read.layout_at_end.clone().unwrap_or(in_force);
    }
    let mut whole = BlockYield::default();
    yields.into_iter().for_each(|read| whole.append(read));
    whole
}

fn read_stream(
    stream: Stream,
    reader: &Reader,
    mut layout: Arc<Layout>,
    meter: &Meter,
) -> Result<(BlockYield, u64, Option<Damage>)> {
    let mut whole = BlockYield::default();
    let mut read_len = 0;
    let damage = stream.for_each_block(BLOCK_LEN, |block| {
        let read = reader.read(&block, Arc::clone(&layout));
        meter.bytes.fetch_add(block.read_len - read_len, Relaxed);
        meter.records.fetch_add(read.records.lines, Relaxed);
        read_len = block.read_len;
        layout = read
            .layout_at_end
            .clone()
            .unwrap_or_else(|| Arc::clone(&layout));
        whole.append(read);
        Ok(())
    })?;
    Ok((whole, read_len, damage))
}
