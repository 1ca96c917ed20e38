//! Reads a file in memory with several threads.
//!
//! It is cut at line ends, and its blocks are read in parallel, a group of consecutive blocks at a
//! time. After each group, the file is checked for damage. If it has shrunk, the whole lines before
//! its new end are used and nothing after it.

use rayon::prelude::*;

use crate::archive::{Block, Damage, Mapping};
use crate::error::Result;
use crate::read::block::{BlockReader, BlockYield};
use crate::read::events::LinesOf;
use crate::read::files::{BLOCK_LEN, Files};
use crate::read::sink::Sink;

/// Number of blocks per thread of a mapped file that are read in parallel.
const BLOCKS_A_THREAD: usize = 3;

/// Reads a file of such lines. Also returns the damage if the file was not
/// read completely.
pub(crate) fn read_mapped<S: Sink>(
    files: &Files<'_, S>,
    mapping: &Mapping,
    reader: &BlockReader<'_, S>,
    mut lines: LinesOf,
) -> Result<(BlockYield<S::Part>, Option<Damage>)> {
    let run_len = BLOCKS_A_THREAD * rayon::current_num_threads();
    let mut blocks = mapping.blocks(BLOCK_LEN);
    let mut whole = BlockYield::default();
    let mut end = 0;
    loop {
        let mut run: Vec<Block<'_>> = blocks.by_ref().take(run_len).collect();
        let mut yields = read_run(files, &run, reader, &lines);
        let mut damage = None;
        files.meter.check()?;
        // Text that was after the end of the file when it was read is not part of the file. Reading
        // the text before the end again is rare and quick. The file may shrink further meanwhile.
        while let Some(found) = damage_within(mapping, &run) {
            run = run
                .iter()
                .map_while(|block| block.before(found.text_offset))
                .collect();
            yields = read_run(files, &run, reader, &lines);
            damage = Some(found);
        }
        end = run.last().map_or(end, Block::end);
        let is_last = run.is_empty() || damage.is_some();
        let mut bases = Vec::with_capacity(run.len());
        let mut base = whole.lines();
        for read in &yields {
            bases.push(base);
            base += read.lines();
        }
        if let Some(last) = yields.last() {
            lines = last.lines_after().unwrap_or(lines);
        }
        let kept = yields.par_iter_mut().zip(bases);
        kept.try_for_each(|(read, base)| files.complete(read, base))?;
        yields
            .into_iter()
            .for_each(|read| whole.append(read, files.sink));
        if is_last {
            let damage = damage.map(|damage| Damage {
                text_offset: end,
                ..damage
            });
            return Ok((whole, damage));
        }
    }
}

/// Reads consecutive blocks, the first of which has such lines.
fn read_run<S: Sink>(
    files: &Files<'_, S>,
    run: &[Block<'_>],
    reader: &BlockReader<'_, S>,
    lines: &LinesOf,
) -> Vec<BlockYield<S::Part>> {
    let read_block = |block: &Block<'_>| {
        let read = reader.read(block, lines);
        files.count(block.bytes.len() as u64, &read);
        read
    };
    let mut yields: Vec<BlockYield<S::Part>> = run.par_iter().map(read_block).collect();
    // A header in the middle of a file changes the column order of the blocks after it.
    let mut now = lines.clone();
    for (block, read) in run.iter().zip(&mut yields) {
        if now != *lines {
            *read = reader.read(block, &now);
        }
        now = read.lines_after().unwrap_or(now);
    }
    yields
}

/// Returns the damage to a file since it was mapped, if it affects these blocks.
fn damage_within(mapping: &Mapping, run: &[Block<'_>]) -> Option<Damage> {
    let end = run.last()?.end();
    mapping.damage().filter(|damage| damage.text_offset < end)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
