//! `flow2pcap report`: writes the diagnosis and its charts as one HTML page.

mod chart;
mod ladder;
mod logged_changes;
mod marks;
mod matrix;
mod page;
mod pictures;
mod pieces;
mod rows;
mod shown;
mod timeline;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::error::ErrorKind;
use flow2pcap::pipeline::{self, Report};
use flow2pcap::printable::{printable, shown};

use super::advice::refusal;
use super::context::ContextArgs;
use super::narrowing::Narrowing;
use super::page::PrintedLine;
use super::reading::ReadingArgs;
use super::room::RoomArgs;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap report AWSLogs/ -o report.html
      Write one page that explains the incident: to open, print or send.

  flow2pcap report AWSLogs/ -o report.html --from 2026-03-14T02:00 --to 2026-03-14T03:00
      The same for one hour. The shorter the time, the finer the pictures: from one second to one day,
      but no finer than the intervals of the records.

  flow2pcap report vpcflowlogs/ CloudTrail/ elasticloadbalancing/ -o report.html
      Also name who changed a rule, and the errors of load balancers that a finding explains.

  flow2pcap report AWSLogs/ -o - --host 10.0.11.15 | ssh web 'cat >report.html'
      Write the page to standard output.

On the page: a table of all findings; a time line of rejected packets, 5xx answers of load balancers and
changes, each with who made it, if load balancer logs or CloudTrail are among the inputs; accepted and
rejected packets, rejected packets by protocol and outcomes of connections over time; each finding with a drawing of one of its connections, its display
filter for Wireshark (as in diagnose), the convert command that makes a capture of it, and links to
the AWS console; which addresses send most, which are rejected, on which ports, and how much subnets
send to each other; what the archive cannot show, and how it was read.

Each packet counts once, as convert writes it and as metrics --once counts it. The page asks no server
for anything and needs no scripts; with them its tables sort, and its filters and commands copy. To
have a PDF, print the page from a browser. Names in it are those of the archive: consider who gets it.

The archive is read once. Logs of load balancers are read again if they have errors, so these cannot come from
standard input then.

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
    context: ContextArgs,

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
    if args.output.is_dir() {
        return Err(refusal(
            format!("{} is a folder", shown(&args.output)),
            format!(
                "name a file in it, such as {}",
                shown(&args.output.join("report.html"))
            ),
        ));
    }
    if let Some(extension) = foreign_extension(&args.output) {
        return Err(refusal(
            format!(
                "{} ends in .{}, but report writes HTML",
                shown(&args.output),
                printable(&extension)
            ),
            "name the page .html; to get a PDF, print the page from a browser",
        ));
    }
    let format = args.reading.layout();
    let format = format.as_ref();
    let request = args.reading.request(format, &args.room, &args.narrowing)?;
    let request = request.context(args.context.paths.clone());
    let request = Report::new(request, args.output.clone());
    let (reported, mut output) = args
        .reading
        .run(streams, |meter| pipeline::report(&request, meter))??;
    let typed = page::Typed {
        inputs: args.reading.typed_inputs(),
        format,
        context: &args.context,
        narrowing: &args.narrowing,
    };
    let html = page::html(&reported, &typed)?;
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
        let page = streams.err_page();
        let text = PrintedLine::whole(path.to_string());
        let text = text.and(format!(", {findings}; open it in a browser"));
        let row = fmt::from_fn(|f| page.row(f, "output", text.clone())).to_string();
        streams.print_err(&row);
    }
    if args.reading.is_strict() && diagnosis.events.skipped() > 0 {
        return Ok(ExitCode::FAILURE);
    }
    Ok(args.reading.exit_code(&diagnosis.records, &diagnosis.input))
}

/// Returns the extension of an output that no browser takes for a page. What has none, such as a
/// named pipe, is no file of another kind.
fn foreign_extension(output: &Path) -> Option<String> {
    let extension = |path: &Path| Some(path.extension()?.to_string_lossy().into_owned());
    let is = |found: &str, known: &[&str]| known.iter().any(|k| found.eq_ignore_ascii_case(k));
    let outer = extension(output)?;
    let found = if is(&outer, &["gz", "zst"]) {
        extension(Path::new(output.file_stem()?)).unwrap_or(outer)
    } else {
        outer
    };
    (!is(&found, &["html", "htm"])).then_some(found)
}
