//! The option `--shard`: which part of the work a run does, if several runs share an archive.

use clap::Args;
use flow2pcap::flow::Shard;

#[derive(Debug, Args)]
pub(crate) struct ShardArgs {
    /// Do only this part of the work, such as 2/16, so that several runs can share the archive
    ///
    /// Connections are divided by a hash of the addresses, ports and protocol of their packets, and every run
    /// reads all inputs. inspect, and metrics of records as they were logged, divide files instead: each run
    /// lists all inputs and reads its own. `flow2pcap merge` puts the results together.
    #[arg(
        long,
        value_name = "I/N",
        default_value = "1/1",
        hide_default_value = true
    )]
    pub(crate) shard: Shard,
}
