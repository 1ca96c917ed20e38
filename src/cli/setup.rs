//! `flow2pcap setup`: how to create a flow log that converts well. Calls nothing.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args as ClapArgs, ValueEnum};
use flow2pcap::setup::{AccountId, Destination, Partitions, Region, Resource, Setup};

use super::advice::refusal;
use super::page::foreign_json;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap setup vpc-0c5e8a7d2b914f630 --destination s3://my-logs/vpc >setup.sh
      Read it, then: bash setup.sh

  flow2pcap setup eni-0b8e13f64d7ac2951 --destination cloudwatch:/vpc/flow-logs | bash
      At once. It may be run again: what is there already is left as it is.

  flow2pcap setup tgw-0c5e8a7d2b914f630 --destination s3://my-logs --hive --per-hour \\
      --output cloudformation >setup.json
  aws cloudformation deploy --template-file setup.json --stack-name flow-log \\
      --capabilities CAPABILITY_IAM [--parameter-overrides CreateBucket=no]
      As a stack; the bucket may be there already.

What matters: tcp-flags (who opened, who refused), pkt-srcaddr and pkt-dstaddr (who spoke through a NAT
gateway), flow-direction, and intervals of 60 s. The default format of AWS has none of them.";

/// Prints how to create a flow log that converts well
///
/// A script for the AWS CLI, or a CloudFormation template, that logs all traffic of a resource with
/// the columns and the interval that convert makes most of. Nothing is called or changed until you
/// run what is printed.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whose traffic: eni-..., subnet-..., vpc-..., tgw-... or tgw-attach-...
    #[arg(value_name = "RESOURCE")]
    resource: Resource,

    /// Where records go: cloudwatch:GROUP, s3://BUCKET/FOLDER, or firehose:ARN
    ///
    /// Log groups and buckets are created if they are not there; a Firehose stream has to be.
    #[arg(short, long, value_name = "DESTINATION")]
    destination: Destination,

    /// What to print
    #[arg(long, value_enum, default_value_t = OutputChoice::Cli)]
    output: OutputChoice,

    /// The account it is for [default: that of the credentials with which it is run]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,

    /// The region it is for [default: that in which it is run]
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,

    /// Name folders in S3 as Hive and Athena want them: year=2026/month=03/day=14
    #[arg(long)]
    hive: bool,

    /// A folder for each hour in S3: --from and --to then need fewer of them
    #[arg(long)]
    per_hour: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputChoice {
    /// A script for bash that calls the AWS CLI
    Cli,
    /// A CloudFormation template, as JSON
    Cloudformation,
}

impl Args {
    fn setup(&self) -> anyhow::Result<Setup> {
        let mut destination = self.destination.clone();
        match &mut destination {
            Destination::S3 { partitions, .. } => {
                *partitions = Partitions {
                    hive: self.hive,
                    hourly: self.per_hour,
                };
            }
            _ if self.hive || self.per_hour => {
                return Err(refusal(
                    "--hive and --per-hour are only for folders in S3",
                    "use --destination s3://BUCKET/FOLDER",
                ));
            }
            _ => {}
        }
        Ok(Setup {
            resource: self.resource.clone(),
            destination,
            account: self.account.clone(),
            region: self.region.clone(),
        })
    }
}

/// Prints what was asked for.
///
/// # Errors
/// Options that do not go together, and a standard output that takes nothing.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let setup = args.setup()?;
    let text = match args.output {
        OutputChoice::Cli => setup.script(),
        OutputChoice::Cloudformation => foreign_json(&setup.template())?,
    };
    streams
        .print_out(&text)
        .context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
