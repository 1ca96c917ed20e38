//! `flow2pcap merge`: what runs that shared an archive wrote, put together: their captures into one, or their
//! partial results into the answer.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::error::ErrorKind;
use flow2pcap::pipeline::{self, MergedAnswer, Meter};
use flow2pcap::printable::shown;
use indicatif::{HumanBytes, ProgressBar};

use super::advice::refusal;
use super::metrics::{Form, MetricsPrinted, form};
use super::page::{PrintedLine, count, json};
use super::reading::no_signals;
use super::room::RoomArgs;
use super::streams::Streams;
use super::{inspect, interrupt};

const EXAMPLES: &str = "\
Examples:
  flow2pcap merge shard-*.pcapng -o all.pcapng
      Merge the captures of all shards of one run: the bytes of the run without --shard.

  flow2pcap merge shard-*/out-2026-03-14T02.pcapng -o 2026-03-14T02.pcapng
      Merge one hour of shards that were written with --split hour.

  flow2pcap merge shard-*.pcapng.zst -o - | wireshark -k -i -

  flow2pcap merge part-*.json
      Print the answer of the `flow2pcap inspect` or `flow2pcap metrics` whose parts were written with
      --shard and --partial.

  flow2pcap merge part-*.json --format openmetrics >metrics.txt
      Print sums in another form.

The captures must be of one version of flow2pcap, of the same inputs and options, and written with the same
--facts. Wireshark's mergecap merges them too, into a file with the same packets. Partial results must be of
one version, of the same inputs and options, and all there.

Exit status:
  0    success
  2    error; no output was written
  3    nothing matches the filter
  130  interrupted by SIGINT (143: SIGTERM)";

/// Merge what runs that shared an archive wrote
///
/// Captures that `convert --shard` wrote become one capture: their packets are put in order. Together with
/// --facts, the result is, byte for byte, what one run would have written. Any number of packets needs the
/// same memory.
///
/// Partial results that `inspect --partial` or `metrics --partial` wrote become the answer: it is printed as
/// one run would print it. Times that runs took are added up.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Captures or partial results of different shards, plain or compressed
    #[arg(required = true, value_name = "SHARD")]
    shards: Vec<PathBuf>,

    /// Output file for captures: .pcapng, optionally with .gz or .zst; - for standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    /// Print the answer, or what was merged, as JSON on standard output
    #[arg(long)]
    json: bool,

    /// Output format of sums: table, csv, json, openmetrics or cloudwatch [default: table on a
    /// terminal, else csv]
    #[arg(long, value_name = "FORMAT", value_parser = Form::parse)]
    format: Option<Form>,

    /// CloudWatch namespace
    #[arg(long, value_name = "NAME", default_value = "flow2pcap")]
    namespace: String,

    /// Print only errors on standard error
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    room: RoomArgs,
}

/// Merges captures or partial results.
///
/// # Errors
/// Fails if a file cannot be read or is not one of these shards, or the output cannot be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let is_partial = args.shards.first().map(|path| pipeline::is_partial(path));
    if is_partial.transpose()? == Some(true) {
        return print_answer(args, streams);
    }
    let Some(output) = &args.output else {
        return Err(refusal(
            "captures are merged into a file, and none is given",
            "name it with -o, such as -o all.pcapng, or -o - for standard output",
        ));
    };
    if args.format.is_some() {
        return Err(refusal(
            "--format is a form of sums, and captures have none",
            "leave it out",
        ));
    }
    merge_captures(args, output, streams)
}

fn merge_captures(
    args: &Args,
    output: &Path,
    streams: &mut Streams<'_>,
) -> anyhow::Result<ExitCode> {
    let to_stdout = output.as_os_str() == "-";
    if args.json && to_stdout {
        return Err(refusal(
            "--json and -o - both write to standard output",
            "write the capture to a file",
        ));
    }
    heed_signals(streams)?;
    let merged = interrupt::unless_caught(pipeline::merge(&args.shards, output));
    let merged = match merged {
        Err(error) if to_stdout && matches!(error.kind(), ErrorKind::ReaderGone { .. }) => {
            // The reader of the capture closed it early, which is not an error.
            return Ok(ExitCode::SUCCESS);
        }
        merged => merged?,
    };
    if !args.quiet {
        let page = streams.err_page();
        let text = PrintedLine::whole(shown(output).to_string());
        let text = text.and(format!(
            ", {}, {} of {}",
            HumanBytes(merged.file_bytes),
            count(merged.packets, "packet"),
            count(merged.captures, "capture"),
        ));
        let row = std::fmt::from_fn(|f| page.row(f, "output", text.clone())).to_string();
        streams.print_err(&row);
    }
    if args.json {
        streams.print_out(&json(&merged)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds up partial results and prints the answer.
fn print_answer(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    if args.output.is_some() {
        return Err(refusal(
            "-o is for a capture, and the answer of partial results is printed",
            "leave it out, and redirect standard output",
        ));
    }
    if args.json && args.format.is_some_and(|form| form != Form::Json) {
        return Err(refusal(
            "--json is --format json, and --format asks for another form",
            "leave one of them out",
        ));
    }
    heed_signals(streams)?;
    let temp_dir = args.room.temp_dir()?;
    let meter = Meter::default();
    let merged = pipeline::merge_partials(&args.shards, args.room.memory, &temp_dir, &meter);
    match interrupt::unless_caught(merged)? {
        MergedAnswer::Inspect(survey) => {
            if args.format.is_some_and(|form| form != Form::Json) {
                return Err(refusal(
                    "--format is a form of sums, and these are parts of an inspection",
                    "leave it out, or use --json",
                ));
            }
            let json = args.json || args.format.is_some();
            inspect::print(&survey, (json, args.quiet), streams)?;
        }
        MergedAnswer::Metrics(answers, every) => {
            let printed = MetricsPrinted {
                form: form(args.json, args.format, streams),
                namespace: &args.namespace,
                quiet: args.quiet,
            };
            printed.print(&answers, every, streams)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets signals end the run.
fn heed_signals(streams: &Streams<'_>) -> anyhow::Result<()> {
    if streams.is_process() {
        let page = Some(streams.err_page());
        interrupt::watch(ProgressBar::hidden(), page).map_err(no_signals)?;
    }
    Ok(())
}
