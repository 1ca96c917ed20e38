//! Writes the flow logs of a small VPC, with one fault in it or none, and says what it is.
//!
//! ```sh
//! cargo run --example scenario -- 17 -o scenario/
//! cargo run --example scenario -- 17 --fault IdleTimeout -o scenario/
//! cargo run --example scenario -- 17 --healthy --columns Default -o scenario/
//! cargo run --example scenario -- 17 --trail --context context/ -o scenario/
//! cargo run --example scenario -- 17 --trail --requests --queries -o scenario/
//! cargo run --example scenario -- 17 --fault Refused --at-targets -o scenario/
//! ```

use std::fmt::Debug;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Parser;
use testkit::vpc::{Choice, Fault, Scenario};

/// Writes the flow logs of a small VPC with a fault
#[derive(Debug, Parser)]
struct Args {
    /// Another seed gives another VPC
    seed: u64,

    /// The folder to write below
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,

    /// What goes wrong, in place of what the seed decides
    #[arg(long, value_parser = |name: &str| named(&Fault::ALL, name), conflicts_with = "healthy")]
    fault: Option<Fault>,

    /// Nothing goes wrong
    #[arg(long)]
    healthy: bool,

    /// Columns, in place of what the seed decides
    #[arg(long, value_parser = |name: &str| named(&Choice::ALL, name))]
    columns: Option<Choice>,

    /// Write CloudTrail beside the logs
    #[arg(long)]
    trail: bool,

    /// Let the load balancer write an access log beside the logs
    #[arg(long)]
    requests: bool,

    /// The same, and the fault is where it reaches its targets
    #[arg(long, requires = "fault")]
    at_targets: bool,

    /// Write the query log of the DNS server beside the logs
    #[arg(long)]
    queries: bool,

    /// The folder to write the configuration below
    #[arg(long, value_name = "FOLDER")]
    context: Option<PathBuf>,
}

/// The one that is written like this in the source.
fn named<T: Copy + Debug>(all: &[T], name: &str) -> Result<T, String> {
    let named = all.iter().find(|one| format!("{one:?}") == name);
    named.copied().ok_or(format!("one of {all:?}"))
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let fault = match (args.fault, args.healthy) {
        (_, true) => None,
        (Some(fault), false) => Some(fault),
        (None, false) => Some(Scenario::fault_of(args.seed)),
    };
    let (seed, columns) = (args.seed, args.columns);
    let scenario = match fault {
        Some(fault) if args.at_targets => Scenario::at_targets(seed, fault, columns),
        _ if args.requests => Scenario::with_requests(seed, fault, columns),
        _ => Scenario::new(seed, fault, columns),
    };
    scenario.write_to(&args.output)?;
    if args.trail {
        scenario.write_trail_to(&args.output)?;
    }
    if args.queries {
        scenario.write_queries_to(&args.output)?;
    }
    scenario.write_requests_to(&args.output)?;
    if let Some(context) = &args.context {
        scenario.write_context_to(context)?;
    }
    write!(io::stdout(), "{scenario}")?;
    Ok(())
}
