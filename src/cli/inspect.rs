//! `flow2pcap inspect`: what is in an archive, without converting it.

use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::pipeline::{self, Request};

use super::narrowing::Narrowing;
use super::page::json_or_page;
use super::reading::ReadingArgs;
use super::room::temp_dir;
use super::streams::Streams;
use super::survey::SurveyText;

const EXAMPLES: &str = "\
Examples:
  flow2pcap inspect AWSLogs/
      What is in a folder as `aws s3 sync` left it.

  flow2pcap inspect AWSLogs/ --from 2026-03-14T02:00 --to 2026-03-14T03:00 --eni eni-0a1b
      What an hour at one ENI would come to, before it is converted.

  flow2pcap inspect export/ --format '${srcaddr} ${dstaddr} ${srcport} ${dstport} ${action}'
      Whether a column order fits, and what is missing from it.

  flow2pcap inspect AWSLogs/ --json | jq '.estimates[] | {detail, packets, bytes}'
      For scripts.

Records are added up as they were logged. A conversion finds those that were delivered twice, and
packets that several ENIs logged, and writes them once; here they count each time.

Exit status: 0 done; 1 done, but --strict found records that do not parse or a damaged file; 2 failed;
3 nothing matches the filter.";

/// Tells what is in flow logs, without converting them
///
/// Files and what they are wrapped in, columns and what is missing, time and gaps, records by
/// action, protocol and ENI, and how large a capture of it would be.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,

    /// The same as JSON
    #[arg(long)]
    json: bool,

    // Last, for what follows would stand below its heading in the help.
    #[command(flatten)]
    narrowing: Narrowing,
}

/// Inspects what was typed and tells what it is.
///
/// # Errors
/// Inputs that cannot be read, or hold no flow log.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let request = Request::new(args.reading.inputs.clone())
        .format(args.reading.format.clone())
        .filter(args.narrowing.filter()?)
        .temp_dir(temp_dir());
    let survey = args
        .reading
        .run(streams, |meter| pipeline::inspect(&request, meter))??;
    let page = streams.out_page();
    let told = json_or_page(&survey, args.json, page, |survey, page| SurveyText {
        survey,
        page,
    })?;
    args.reading.note_silence(streams, &survey.records);
    args.reading
        .give(streams, &told, &survey.records, &survey.input)
}
