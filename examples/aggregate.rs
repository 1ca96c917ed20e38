//! Counts records, and packets that were rejected, by protocol, through the parse path alone.
//!
//! The question that a SQL engine is asked of the same text in `benches/compare`.
//!
//! ```sh
//! cargo run --release --example aggregate -- archive.log
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use flow2pcap::archive::{self, Block, Content, Opened};
use flow2pcap::record::{Action, Field, Layout, Row, Rows, recognise};
use rayon::prelude::*;

/// Records, and packets of those that were rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    records: u64,
    rejected_packets: u64,
}

/// By IANA number; records that have none are not counted.
type ByProtocol = [Counts; 256];

fn main() -> anyhow::Result<()> {
    let inputs: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    anyhow::ensure!(
        !inputs.is_empty(),
        "name the files or folders to be counted"
    );
    let files = archive::walk(&inputs)?.files;
    let counted: anyhow::Result<Vec<ByProtocol>> = files.par_iter().map(count_file).collect();
    let all = counted?.into_iter().fold([Counts::default(); 256], joined);
    let seen: BTreeMap<usize, Counts> = all.into_iter().enumerate().collect();
    for (protocol, counts) in seen.iter().filter(|(_, counts)| counts.records > 0) {
        println!("{protocol} {} {}", counts.records, counts.rejected_packets);
    }
    Ok(())
}

fn count_file(file: &archive::File) -> anyhow::Result<ByProtocol> {
    let Opened::Content(mut content) = archive::open(file)? else {
        return Ok([Counts::default(); 256]);
    };
    let Ok(recognised) = recognise(content.head(64 << 10), None) else {
        anyhow::bail!("{}: no flow log", file.name);
    };
    let needed = [Field::Protocol, Field::Packets, Field::Action];
    let layout = Arc::new(recognised.layout.reading(&needed));
    match content {
        Content::Mapped(mapping) => {
            let blocks: Vec<Block<'_>> = mapping.blocks(BLOCK_LEN).collect();
            let counted = blocks.par_iter().map(|block| count(block, &layout));
            Ok(counted.reduce(|| [Counts::default(); 256], joined))
        }
        Content::Stream(stream) => {
            let mut all = [Counts::default(); 256];
            stream.for_each_block(BLOCK_LEN, |block| {
                all = joined(all, count(&block, &layout));
                Ok(())
            })?;
            Ok(all)
        }
    }
}

fn count(block: &Block<'_>, layout: &Arc<Layout>) -> ByProtocol {
    let mut counts = [Counts::default(); 256];
    for (_, row) in Rows::new(block.bytes, Arc::clone(layout)) {
        let Row::Record(record) = row else { continue };
        let Some(protocol) = record.protocol else {
            continue;
        };
        let counts = &mut counts[usize::from(protocol)];
        counts.records += 1;
        if record.action == Some(Action::Reject) {
            counts.rejected_packets += record.packets.unwrap_or(0);
        }
    }
    counts
}

fn joined(mut all: ByProtocol, more: ByProtocol) -> ByProtocol {
    for (counts, more) in all.iter_mut().zip(more) {
        counts.records += more.records;
        counts.rejected_packets += more.rejected_packets;
    }
    all
}

/// As the converter cuts.
const BLOCK_LEN: usize = 1 << 20;
