//! `flow2pcap diagnose`: what is the matter in an archive.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::pipeline;

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
      Why does it not work? Security group, network ACL, route, nothing listening, or none of them.

  flow2pcap diagnose AWSLogs/ --from 2026-03-14T02:15 --host 10.0.11.15
      The same for one host since something changed. Whole connections are looked at.

  flow2pcap diagnose AWSLogs/ --json | jq -r '.findings[] | [.certainty, .cause, .title] | @tsv'
      One line a finding, for scripts.

  flow2pcap convert AWSLogs/ -o incident.pcapng
      Then paste a finding's display filter into Wireshark to see its packets.

Each finding says how sure it is. Proved: the records leave no other explanation. Likely: what passes
beside it speaks for it. Possible: it may be so, or harmless. What is possible only comes last.
Records of more ENIs tell more: one ENI's ACCEPT says nothing of what the next one does.

Exit status: 0 done, whatever was found; 1 done, but --strict found records that do not parse or a
damaged file; 2 failed; 3 nothing matches the filter.";

/// Tells what is the matter, with the records that prove it
///
/// Looks at every connection attempt as all ENIs logged it, and says what blocks, drops, refuses or
/// cuts it, how sure that is, where to look in AWS, what speaks against it, and which display filter
/// shows it in Wireshark. Before that it says what the archive cannot show.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,

    /// The same as JSON
    #[arg(long)]
    json: bool,

    /// Write to this file instead of standard output; compressed where its name ends in .gz or .zst
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    room: RoomArgs,

    // Last, for what follows would stand below its heading in the help.
    #[command(flatten)]
    narrowing: Narrowing,
}

/// Diagnoses what was typed and tells what is the matter.
///
/// # Errors
/// Inputs that cannot be read, or hold no flow log.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let format = args.reading.format.as_ref();
    let request = args.reading.request(format, &args.room, &args.narrowing)?;
    let output = args.output.as_deref();
    let output = output.filter(|output| *output != Path::new("-"));
    let (diagnosis, file) = args.reading.run(streams, |meter| match output {
        Some(output) => pipeline::diagnose_to(&request, output, meter)
            .map(|(diagnosis, file)| (diagnosis, Some(file))),
        None => pipeline::diagnose(&request, meter).map(|diagnosis| (diagnosis, None)),
    })??;
    let convert = |finding| {
        let inputs = &args.reading.inputs;
        convert_command(inputs, format, &args.narrowing, finding)
    };
    let page = match file {
        Some(_) => Page { color: false },
        None => streams.out_page(),
    };
    let told = json_or_page(&diagnosis, args.json, page, |diagnosis, page| {
        DiagnosisText {
            diagnosis,
            page,
            convert: &convert,
        }
    })?;
    let (records, input) = (&diagnosis.records, &diagnosis.input);
    args.reading.note_silence(streams, records);
    let Some(mut file) = file else {
        return args.reading.give(streams, &told, records, input);
    };
    file.write_all(told.as_bytes())?;
    file.finish()?;
    Ok(args.reading.exit_code(records, input))
}
