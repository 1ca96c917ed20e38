//! `flow2pcap setup`: how to create a flow log that converts well. Calls nothing.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args as ClapArgs, ValueEnum};
use flow2pcap::setup::{
    AccountId, Destination, Partitions, Region, Resource, Setup, context_script,
};

use super::advice::refusal;
use super::page::foreign_json;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap setup vpc-0c5e8a7d2b914f630 --destination s3://my-logs/vpc >setup.sh
      Write a script. Read it, then run: bash setup.sh

  flow2pcap setup eni-0b8e13f64d7ac2951 --destination cloudwatch:/vpc/flow-logs | bash
      Run it at once. It can be run again: existing resources are not changed.

  flow2pcap setup tgw-0c5e8a7d2b914f630 --destination s3://my-logs --hive --per-hour \\
      --output cloudformation >setup.json
  aws cloudformation deploy --template-file setup.json --stack-name flow-log \\
      --capabilities CAPABILITY_IAM [--parameter-overrides CreateBucket=no]
      Create a CloudFormation stack; the bucket may exist already.

  flow2pcap setup --context >context.sh
      Write a script that fetches security groups, network ACLs and routes; it only reads. Then:
      bash context.sh aws-context; flow2pcap diagnose AWSLogs/ --context aws-context

The fields that matter most: tcp-flags (who opened and who refused a connection), pkt-srcaddr and
pkt-dstaddr (the hosts behind a NAT gateway), flow-direction, and an aggregation interval of 60 s. The
default format of AWS has none of them.";

/// Print a script that creates a flow log with all useful fields
///
/// The script for the AWS CLI, or CloudFormation template, logs all traffic of a resource with the
/// fields and the aggregation interval that give the best capture. Nothing is changed until you run
/// it.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Resource to log: eni-..., subnet-..., vpc-..., tgw-... or tgw-attach-...
    #[arg(value_name = "RESOURCE", required_unless_present = "context")]
    resource: Option<Resource>,

    /// Destination of the records: cloudwatch:GROUP, s3://BUCKET/FOLDER, or firehose:ARN
    ///
    /// A log group or bucket is created if it does not exist; a Firehose stream must exist.
    #[arg(
        short,
        long,
        value_name = "DESTINATION",
        required_unless_present = "context"
    )]
    destination: Option<Destination>,

    /// Print instead the commands that fetch the configuration for diagnose --context
    ///
    /// A script of read-only AWS CLI commands: security groups, network ACLs, routes, interfaces and
    /// what belongs to them, as JSON files in a folder.
    #[arg(long, conflicts_with_all = ["resource", "destination", "output", "hive", "per_hour"])]
    context: bool,

    /// What to print
    #[arg(long, value_enum, default_value_t = OutputChoice::Cli)]
    output: OutputChoice,

    /// AWS account [default: the account of the credentials that run the script]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,

    /// AWS region [default: the region in which the script runs]
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,

    /// Use Hive-compatible prefixes in S3, as Athena expects: year=2026/month=03/day=14
    #[arg(long)]
    hive: bool,

    /// Use one prefix per hour in S3, so that --from and --to read fewer files
    #[arg(long)]
    per_hour: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputChoice {
    /// A bash script that calls the AWS CLI
    Cli,
    /// A CloudFormation template, as JSON
    Cloudformation,
}

impl Args {
    fn setup(&self) -> anyhow::Result<Setup> {
        let (Some(resource), Some(destination)) = (&self.resource, &self.destination) else {
            return Err(refusal(
                "a flow log needs a resource and a destination",
                "name both, or use --context",
            ));
        };
        let mut destination = destination.clone();
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
            resource: resource.clone(),
            destination,
            account: self.account.clone(),
            region: self.region.clone(),
        })
    }
}

/// Prints the script or template.
///
/// # Errors
/// Fails if options contradict each other or standard output cannot be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let text = match (args.context, args.output) {
        (true, _) => context_script(args.account.as_ref(), args.region.as_ref()),
        (false, OutputChoice::Cli) => args.setup()?.script(),
        (false, OutputChoice::Cloudformation) => foreign_json(&args.setup()?.template())?,
    };
    streams
        .print_out(&text)
        .context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
