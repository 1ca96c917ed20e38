//! `flow2pcap report`: writes the diagnosis and its charts as one HTML page.

mod chart;
mod matrix;
mod page;
mod rows;
mod timeline;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::error::ErrorKind;
use flow2pcap::pipeline::{self, Report};
use flow2pcap::printable::shown;

use super::narrowing::Narrowing;
use super::reading::ReadingArgs;
use super::room::RoomArgs;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap report AWSLogs/ -o report.html
      Write one page that explains the incident: to open, print or send.

  flow2pcap report AWSLogs/ -o report.html --from 2026-03-14T02:00 --to 2026-03-14T03:00
      Report one hour. Shorter time ranges get finer charts.

  flow2pcap report AWSLogs/ -o - --host 10.0.11.15 | ssh web 'cat >report.html'
      Write the page to standard output.

The page has the findings of diagnose, with their display filters for Wireshark; charts of accepted and
rejected packets, rejected packets by protocol, and outcomes of connections; tables of the busiest
and the most rejected hosts, ports and subnets; what the archive cannot show; and how it was read.

Each packet counts once, as in convert and metrics --once. The page loads nothing from any server and
works without scripts; with scripts, tables sort and filters copy. It contains addresses and names
from the archive: consider who receives it.

The archive is read twice, so standard input cannot be an INPUT.

Exit status:
  0    success, with or without findings
  1    success, but --strict found a record that cannot be parsed or a damaged file
  2    error; no page was written
  3    nothing matches the filter; no page was written";

/// Write the diagnosis as one HTML page with charts
///
/// The page is one HTML file that opens offline: findings first, then charts and tables of accepted
/// and rejected traffic, then what the archive cannot show.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,

    /// Output file, or - for standard output; compressed if its name ends in .gz or .zst
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    room: RoomArgs,

    // Last: in the help, all options that follow would come under its heading.
    #[command(flatten)]
    narrowing: Narrowing,
}

/// Writes the page.
///
/// # Errors
/// Fails if inputs cannot be read or hold no flow log, or if the output cannot be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let to_stdout = args.output.as_os_str() == "-";
    anyhow::ensure!(
        !args.output.is_dir(),
        "{} is a folder; name a file in it, such as {}",
        shown(&args.output),
        shown(&args.output.join("report.html"))
    );
    let format = args.reading.format.as_ref();
    let request = args.reading.request(format, &args.room, &args.narrowing)?;
    let request = Report::new(request, args.output.clone());
    let (reported, mut output) = args
        .reading
        .run(streams, |meter| pipeline::report(&request, meter))??;
    let html = page::html(&reported)?;
    let written = output
        .write_all(html.as_bytes())
        .and_then(|()| output.finish());
    match written {
        // The reader of the pipe closed it: it has what it wants.
        Err(error) if to_stdout && matches!(error.kind(), ErrorKind::ReaderGone { .. }) => {
            return Ok(ExitCode::SUCCESS);
        }
        written => written?,
    };
    let diagnosis = &reported.diagnosis;
    args.reading.note_silence(streams, &diagnosis.records);
    if !args.reading.quiet && !to_stdout {
        let findings = super::page::count(diagnosis.findings.len() as u64, "finding");
        let path = shown(&args.output);
        streams.tell(&format!(
            "flow2pcap: {path}: {findings}; open it in a browser\n"
        ));
    }
    Ok(args.reading.exit_code(&diagnosis.records, &diagnosis.input))
}
