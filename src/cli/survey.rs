//! `flow2pcap survey`: the first of two passes of runs that share an archive.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::output::Output;
use flow2pcap::pipeline::{self, Convert};
use flow2pcap::printable::shown;

use super::advice::refusal;
use super::context::ContextArgs;
use super::narrowing::Narrowing;
use super::page::{PrintedLine, count, json};
use super::reading::ReadingArgs;
use super::room::RoomArgs;
use super::shard::ShardArgs;
use super::streams::Streams;
use super::view::ViewArgs;

const EXAMPLES: &str = "\
Examples:
  flow2pcap survey AWSLogs/ --facts facts.json
  flow2pcap convert AWSLogs/ --facts facts.json --shard 1/4 -o shard-1.pcapng
  flow2pcap convert AWSLogs/ --facts facts.json --shard 2/4 -o shard-2.pcapng
      and so on, on any machine; then:
  flow2pcap merge shard-*.pcapng -o all.pcapng
      Share the work of `flow2pcap convert AWSLogs/ -o all.pcapng`, for the same bytes.

  flow2pcap survey --paths-from objects.txt --shard 3/16 --facts facts-03.json
  flow2pcap convert --paths-from objects.txt --facts facts-01.json --facts facts-02.json ...
      Share the survey too; convert needs the facts of all shards.

Filters, --vantage, --addresses, --events, --context and --finding must be the same for survey and
convert.

Exit status:
  0    success
  1    success, but --strict found a record that cannot be parsed or a damaged file
  2    error; no output was written
  3    nothing matches the filter; no output was written";

/// Survey flow logs, so that several runs of convert can share them
///
/// Writes what a run must know of the whole archive and cannot see in its own part of the connections: how many
/// packets there are, so that --detail auto chooses the same; which addresses are in them; and which connections
/// fit the events of other logs. Everything is read and grouped, and no packet is written.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Output file for the facts, JSON; - for standard output
    #[arg(long, value_name = "FILE")]
    facts: PathBuf,

    #[command(flatten)]
    shard: ShardArgs,

    /// Only the connections of this finding of `flow2pcap diagnose` with the same inputs and filter
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    finding: Option<u64>,

    #[command(flatten)]
    view: ViewArgs,

    #[command(flatten)]
    context: ContextArgs,

    #[command(flatten)]
    room: RoomArgs,

    #[command(flatten)]
    reading: ReadingArgs,

    // Last: in the help, all options that follow would come under its heading.
    #[command(flatten)]
    narrowing: Narrowing,

    /// Use matching records only, not the whole connections they belong to
    #[arg(long, help_heading = "Filters")]
    only_matching: bool,
}

/// Surveys an archive and writes its facts.
///
/// # Errors
/// Fails if inputs cannot be read or hold no flow log, or the facts cannot be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    check_finding(args.finding, &args.view)?;
    let format = args.reading.layout();
    let request = args
        .reading
        .request(format.as_ref(), &args.room, &args.narrowing)?;
    let mut request = request.context(args.context.paths.clone());
    request.filter.only_matching = args.only_matching;
    // The output is not written; its name says that events may have comments.
    let mut convert = Convert::new(request, Path::new("-").to_owned());
    args.view.apply_to(&mut convert);
    convert.finding = args.finding;
    convert.shard = args.shard.shard;
    let mut output = Output::create(&args.facts, "facts.json", &convert.request.inputs)?;
    let surveyed = args
        .reading
        .run(streams, |meter| pipeline::gather_facts(&convert, meter))??;
    output.write_all(json(&surveyed.facts)?.as_bytes())?;
    output.finish()?;
    args.reading.note_silence(streams, &surveyed.records);
    if !args.reading.quiet {
        let page = streams.err_page();
        let text = PrintedLine::whole(shown(&args.facts).to_string());
        let records = count(surveyed.facts.records(), "record");
        let shard = match args.shard.shard.of() {
            1 => String::new(),
            of => format!(", shard {}/{of}", args.shard.shard.number()),
        };
        let text = text.and(format!(", {records} used{shard}"));
        let row = std::fmt::from_fn(|f| page.row(f, "facts", text.clone())).to_string();
        streams.print_err(&row);
    }
    Ok(args.reading.exit_code(&surveyed.records, &surveyed.input))
}

/// Whether a finding can be converted with these options.
///
/// # Errors
/// The packets would have other addresses than the finding.
pub(super) fn check_finding(finding: Option<u64>, view: &ViewArgs) -> anyhow::Result<()> {
    match finding.is_some() && !view.has_packet_addresses() {
        true => Err(refusal(
            "--finding needs --addresses packet",
            "leave out --addresses: a diagnosis uses the addresses of the packets",
        )),
        false => Ok(()),
    }
}
