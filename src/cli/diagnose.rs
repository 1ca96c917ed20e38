//! `flow2pcap diagnose`: finds connectivity problems in an archive.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::pipeline;

use super::context::ContextArgs;
use super::convert_command::convert_command;
use super::findings::DiagnosisText;
use super::narrowing::Narrowing;
use super::page::{Page, json_or_page};
use super::reading::ReadingArgs;
use super::room::RoomArgs;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap diagnose AWSLogs/
      Find what breaks connections: a security group, a network ACL, a route, a service that is down.

  flow2pcap diagnose AWSLogs/ --from 2026-03-14T02:15 --host 10.0.11.15
      Diagnose one host since a point in time. Whole connections are used.

  flow2pcap diagnose AWSLogs/ --json | jq -r '.findings[] | [.certainty, .cause, .title] | @tsv'
      Print one line for each finding, for scripts.

  flow2pcap diagnose vpcflowlogs/ CloudTrail/ elasticloadbalancing/ --context aws-context
      Name the API call that caused a finding, and the 502 and 504 that the finding explains.

  flow2pcap convert AWSLogs/ -o incident.pcapng
      Then paste the display filter of a finding into Wireshark to see its packets.

Each finding has a certainty. Proved: the records leave no other explanation. Likely: comparable
traffic that passes supports it. Possible: it may be harmless; these findings come last.
More ENIs give better findings: ACCEPT at one ENI does not show what the next ENI did.

Exit status:
  0    success, with or without findings
  1    success, but --strict found a record that cannot be parsed or a damaged file
  2    error
  3    nothing matches the filter";

/// Diagnose connectivity problems and show the supporting records
///
/// Compares what all ENIs logged of every connection attempt, and reports what blocks, drops, refuses
/// or resets connections: how certain that is, where to look in AWS, what contradicts it, and the
/// display filter that shows it in Wireshark. It begins with what the archive cannot show.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Write to this file instead of standard output; compressed where its name ends in .gz or .zst
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    context: ContextArgs,

    #[command(flatten)]
    room: RoomArgs,

    // Last: in the help, all options that follow would come under its heading.
    #[command(flatten)]
    narrowing: Narrowing,
}

/// Runs the diagnosis and prints the findings.
///
/// # Errors
/// Fails if inputs cannot be read or hold no flow log, or if the output cannot be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let format = args.reading.layout();
    let format = format.as_ref();
    let request = args.reading.request(format, &args.room, &args.narrowing)?;
    let request = request.context(args.context.paths.clone());
    let output = args.output.as_deref();
    let output = output.filter(|output| *output != Path::new("-"));
    let (diagnosis, file) = args.reading.run(streams, |meter| match output {
        Some(output) => pipeline::diagnose_to(&request, output, meter)
            .map(|(diagnosis, file)| (diagnosis, Some(file))),
        None => pipeline::diagnose(&request, meter).map(|diagnosis| (diagnosis, None)),
    })??;
    let convert = |finding| {
        let inputs = args.reading.typed_inputs();
        convert_command(inputs, format, &args.context, &args.narrowing, finding)
    };
    let page = match file {
        Some(_) => Page::PLAIN,
        None => streams.out_page(),
    };
    let text = json_or_page(&diagnosis, args.json, page, |diagnosis, page| {
        DiagnosisText {
            diagnosis,
            page,
            convert: &convert,
        }
    })?;
    let (records, input) = (&diagnosis.records, &diagnosis.input);
    args.reading.note_silence(streams, records);
    let status = match file {
        None => args.reading.give(streams, &text, records, input)?,
        Some(mut file) => {
            file.write_all(text.as_bytes())?;
            file.finish()?;
            args.reading.exit_code(records, input)
        }
    };
    if args.reading.is_strict() && diagnosis.events.skipped() > 0 {
        return Ok(ExitCode::FAILURE);
    }
    Ok(status)
}
