//! Counts records, and packets that were rejected, by protocol, in any archive of flow logs.
//!
//! The question that a SQL engine is asked of the same text in `benches/compare`.
//!
//! ```sh
//! cargo run --release --example aggregate -- archive.log more.parquet folder/
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use flow2pcap::flow::Unusable;
use flow2pcap::read::{Archive, Found, Sink};
use flow2pcap::record::{Action, Field};

/// Records and rejected packets, by IANA number; records that have none are not counted.
struct ByProtocol;

impl Sink for ByProtocol {
    type Part = BTreeMap<u8, [u64; 2]>;

    fn fields(&self) -> Option<&[Field]> {
        Some(&[Field::Protocol, Field::Packets, Field::Action])
    }

    fn record(&self, counts: &mut Self::Part, found: &Found<'_>) -> Result<(), Unusable> {
        let record = found.record;
        let protocol = record.protocol.ok_or(Unusable::NoProtocol)?;
        let [records, rejected] = counts.entry(protocol).or_default();
        *records += 1;
        if record.action == Some(Action::Reject) {
            *rejected += record.packets.unwrap_or(0);
        }
        Ok(())
    }

    fn append(&self, counts: &mut Self::Part, later: Self::Part) {
        for (protocol, [records, rejected]) in later {
            let sums = counts.entry(protocol).or_default();
            sums[0] += records;
            sums[1] += rejected;
        }
    }
}

fn main() -> anyhow::Result<()> {
    let inputs: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (_, counts) = Archive::open(&inputs)?.read(&ByProtocol)?;
    for (protocol, [records, rejected_packets]) in counts {
        println!("{protocol} {records} {rejected_packets}");
    }
    Ok(())
}
