//! `flow2pcap merge`: one capture of those that runs with `--shard` wrote.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::error::ErrorKind;
use flow2pcap::pipeline;
use flow2pcap::printable::shown;
use indicatif::{HumanBytes, ProgressBar};

use super::interrupt;
use super::page::{PrintedLine, count, json};
use super::reading::no_signals;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap merge shard-*.pcapng -o all.pcapng
      Merge the captures of all shards of one run: the bytes of the run without --shard.

  flow2pcap merge shard-*/out-2026-03-14T02.pcapng -o 2026-03-14T02.pcapng
      Merge one hour of shards that were written with --split hour.

  flow2pcap merge shard-*.pcapng.zst -o - | wireshark -k -i -

The captures must be of one version of flow2pcap, of the same inputs and options, and written with the same
--facts. Wireshark's mergecap merges them too, into a file with the same packets.

Exit status:
  0    success
  2    error; no output was written
  130  interrupted by SIGINT (143: SIGTERM)";

/// Merge the captures of runs that shared an archive
///
/// Puts the packets of captures that `convert --shard` wrote in order. Together with --facts, the result is, byte
/// for byte, what one run would have written. Any number of packets needs the same memory.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Captures of different shards, plain or compressed
    #[arg(required = true, value_name = "SHARD")]
    captures: Vec<PathBuf>,

    /// Output file: .pcapng, optionally with .gz or .zst; - for standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Print what was merged as JSON on standard output
    #[arg(long)]
    json: bool,

    /// Print only errors on standard error
    #[arg(short, long)]
    quiet: bool,
}

/// Merges captures.
///
/// # Errors
/// Fails if a capture cannot be read or is not one of these shards, or the output cannot be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let to_stdout = args.output.as_os_str() == "-";
    if args.json && to_stdout {
        return Err(super::advice::refusal(
            "--json and -o - both write to standard output",
            "write the capture to a file",
        ));
    }
    if streams.is_process() {
        let page = Some(streams.err_page());
        interrupt::watch(ProgressBar::hidden(), page).map_err(no_signals)?;
    }
    let merged = interrupt::unless_caught(pipeline::merge(&args.captures, &args.output));
    let merged = match merged {
        Err(error) if to_stdout && matches!(error.kind(), ErrorKind::ReaderGone { .. }) => {
            // The reader of the capture closed it early, which is not an error.
            return Ok(ExitCode::SUCCESS);
        }
        merged => merged?,
    };
    if !args.quiet {
        let page = streams.err_page();
        let text = PrintedLine::whole(shown(&args.output).to_string());
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
