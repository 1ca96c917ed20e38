//! `flow2pcap report`: one page to read and to send.

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
      What happened, for everyone who was not there? One page to open, to print and to mail.

  flow2pcap report AWSLogs/ -o report.html --from 2026-03-14T02:00 --to 2026-03-14T03:00
      The same of one hour. The shorter the time, the finer the pictures: a minute, a quarter of an
      hour, an hour, six hours, a day.

  flow2pcap report AWSLogs/ -o - --host 10.0.11.15 | ssh web 'cat >report.html'
      The page on standard output.

On the page: what is the matter, each finding with its display filter for Wireshark (as in diagnose);
accepted and rejected packets, rejected packets by protocol and outcomes of connections over time;
who talks most, who is rejected, on which ports, and which subnets talk; what the archive cannot
show, and how it was read.

Each packet counts once, as convert writes it and as metrics --once counts it. The page asks no server
for anything and needs no scripts; with them its tables sort and its filters copy. Names in it are
those of the archive: mind to whom you send it.

The archive is read twice, so standard input is no INPUT here.

Exit status: 0 done, whatever was found; 1 done, but --strict found records that do not parse or a
damaged file; 2 failed, and no page; 3 nothing matches the filter, and no page.";

/// Writes one page that says what is the matter, with pictures
///
/// An HTML file that opens anywhere, without a network: findings first, then pictures and tables of
/// what passed and what did not, then what the archive cannot show.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,

    /// The page, or - for standard output; compressed where its name ends in .gz or .zst
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    room: RoomArgs,

    // Last, for what follows would stand below its heading in the help.
    #[command(flatten)]
    narrowing: Narrowing,
}

/// Writes the page of what was typed.
///
/// # Errors
/// Inputs that cannot be read or hold no flow log, and an output that cannot be written.
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
        // Whoever read the page has seen enough.
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
