//! `flow2pcap inspect`: shows what is in an archive, without converting it.

mod text;

use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::pipeline::{self, Request};
use flow2pcap::survey::Survey;

use self::text::SurveyText;
use super::advice::refusal;
use super::narrowing::Narrowing;
use super::page::json_or_page;
use super::partial::PartialArgs;
use super::reading::{ReadingArgs, give, note_silence};
use super::room::temp_dir;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap inspect AWSLogs/
      Show what is in a folder that `aws s3 sync` filled.

  flow2pcap inspect AWSLogs/ --from 2026-03-14T02:00 --to 2026-03-14T03:00 --eni eni-0a1b
      Estimate the capture of one hour at one ENI.

  flow2pcap inspect export/ --format '${srcaddr} ${dstaddr} ${srcport} ${dstport} ${action}'
      Check a column order and see which fields it lacks.

  flow2pcap inspect export/ --format default --format '${srcaddr} ${dstaddr} ${packets} ${start}'
      Read lines of two column orders: each line has the one with its number of columns.

  flow2pcap inspect AWSLogs/ --shard 1/2 --partial part-1.json
  flow2pcap inspect AWSLogs/ --shard 2/2 --partial part-2.json
  flow2pcap merge part-*.json
      Share the work of `flow2pcap inspect AWSLogs/` between two machines, for the same answer.

  flow2pcap inspect AWSLogs/ --json | jq '.estimates[] | {detail, packets, file_bytes}'
      Print the estimates for scripts.

inspect counts every record as it was logged. convert finds records that were delivered twice and
packets that several ENIs logged, and writes them once.

Exit status:
  0    success
  1    success, but --strict found a record that cannot be parsed or a damaged file
  2    error
  3    nothing matches the filter";

/// Show what is in flow logs, without converting them
///
/// Shows the files and their formats, the columns and which useful ones are missing, the time range
/// and its gaps, the records by action, protocol and ENI, and the size that a capture would have.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    partial: PartialArgs,

    // Last: in the help, all options that follow would come under its heading.
    #[command(flatten)]
    narrowing: Narrowing,
}

/// Inspects the inputs and prints what they hold.
///
/// # Errors
/// Fails if inputs cannot be read or hold no flow log.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let request = Request::new(args.reading.inputs()?)
        .format(args.reading.layout())
        .filter(args.narrowing.filter()?)
        .temp_dir(temp_dir());
    if let Some(file) = args.partial.file(args.json.then_some("--json"))? {
        let reading = (&args.reading, &request.inputs[..]);
        return args
            .partial
            .write(file, reading, streams, |shard, output, meter| {
                pipeline::inspect_partial(&request, shard, output, meter)
            });
    }
    let survey = args
        .reading
        .run(streams, |meter| pipeline::inspect(&request, meter))??;
    print(&survey, (args.json, args.reading.quiet), streams)?;
    if args.reading.is_strict() && survey.events.skipped() > 0 {
        return Ok(ExitCode::FAILURE);
    }
    Ok(args.reading.exit_code(&survey.records, &survey.input))
}

/// Prints a survey.
///
/// # Errors
/// Standard output cannot be written, or no record can be used.
pub(crate) fn print(
    survey: &Survey,
    (json, quiet): (bool, bool),
    streams: &mut Streams<'_>,
) -> anyhow::Result<()> {
    let page = streams.out_page();
    let text = json_or_page(survey, json, page, |survey, page| SurveyText {
        survey,
        page,
    })?;
    let records = &survey.records;
    note_silence(quiet, streams, records);
    give(streams, &text)?;
    let taken = records.used + records.filtered;
    let silent = records.no_data + records.skip_data;
    if taken == 0 && records.skipped.total() > silent {
        return Err(refusal(
            "no record can be used",
            "see the skipped lines and the missing fields; if the columns are wrong, give their order \
             with --format",
        ));
    }
    Ok(())
}
