//! `flow2pcap convert`: reads flow logs and writes a capture.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};
use flow2pcap::capture::LinkType;
use flow2pcap::connection::{Detail, PER_RECORD_MAX};
use flow2pcap::error::ErrorKind;
use flow2pcap::pipeline::{self, Comments, Convert, DetailChoice, Facts, Split};
use flow2pcap::printable::number::grouped;
use flow2pcap::printable::shown;
use flow2pcap::summary::WIRESHARK_PACKETS;

use crate::cli::advice::refusal;
use crate::cli::context::ContextArgs;
use crate::cli::message::Message;
use crate::cli::narrowing::{Keeping, Narrowing};
use crate::cli::notices::Notices;
use crate::cli::page::json;
use crate::cli::planned_capture;
use crate::cli::reading::ReadingArgs;
use crate::cli::room::{RoomArgs, parse_packets, parse_size};
use crate::cli::shard::ShardArgs;
use crate::cli::streams::Streams;
use crate::cli::summary;
use crate::cli::survey::check_finding;
use crate::cli::view::ViewArgs;

const EXAMPLES: &str = "\
Examples:
  flow2pcap convert AWSLogs/ -o incident.pcapng
      Convert everything in a folder that `aws s3 sync` filled.

  flow2pcap convert vpcflow.log.gz -o - | wireshark -k -i -
      Pipe the capture into Wireshark; the summary goes to stderr.

  flow2pcap convert export/ -o out.pcapng \\
      --format '${pkt-srcaddr} ${srcaddr} ${srcport} ${pkt-dstaddr} ${dstaddr} ${dstport} ${tcp-flags} ${action}'
      Read logs without a header line, in a custom column order.

  zcat *.gz | flow2pcap convert - -o out.pcapng.zst --detail exact
      Write every logged packet, compressed.

  flow2pcap convert AWSLogs/ -o out.pcapng --from 2026-03-14T02:00 --to 2026-03-14T03:00 --eni eni-0a1b
      Convert one hour at one ENI; files of other hours are not opened.

  flow2pcap convert AWSLogs/ -o out.pcapng --from -2h --filter 'port 443 and (reject or flags rst)'
      Convert connections on port 443 that were rejected or reset, in the last two hours of the archive.

  flow2pcap convert AWSLogs/ -o out.pcapng --packets 200k
      Merge packets until the capture has at most about 200,000.

  flow2pcap convert AWSLogs/ -o out.pcapng --split hour
      Write one capture per hour, and out.csv with an index of them.

  flow2pcap convert AWSLogs/ -o out.pcapng --context aws-context
      With load balancer logs and CloudTrail in the folder: requests and changes are named at their
      packets.

  flow2pcap convert AWSLogs/ -o out.pcapng --events frames
      Add requests, DNS queries and API calls of other logs in the folder, between the packets.

  flow2pcap convert AWSLogs/ -o shard-2.pcapng --facts facts.json --shard 2/4
      Write a quarter of the connections; `flow2pcap survey` wrote the facts, `flow2pcap merge` merges.

In Wireshark:
  frame.comment contains \"action=REJECT\"     packets that a security group or network ACL rejected
  tcp.analysis.retransmission                SYNs sent again because nothing answered
  frame.interface_name == \"eni-0a1b2c3d4e5f60718\"     packets logged at this ENI
  frame.comment contains \"alb=502\"          packets of requests that a load balancer answered so
  http.response.code == 502                  the same requests, with --events frames

Exit status:
  0    success
  1    success, but --strict found a record that cannot be parsed or a damaged file
  2    error; no output was written
  130  interrupted by SIGINT (143: SIGTERM)
  3    nothing matches the filter; no output was written";

/// Convert flow logs to a packet capture
///
/// Reads AWS VPC and Transit Gateway flow logs (text, JSON or Parquet, compressed or in archives),
/// rebuilds every connection from its records, and writes packets without payload: who sent the SYN,
/// who answered, who reset the connection, and when.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Output file: .pcapng or .pcap, optionally with .gz or .zst; - for standard output
    ///
    /// The .pcap format has no comments and no interface names.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Write several captures and a CSV index of them: eni, hour, size=256MB, connections=1000
    ///
    /// With -o out.pcapng the captures are out-eni-0a1b.pcapng, out-2026-03-14T02.pcapng or
    /// out-00001.pcapng, and out.csv lists the packets, bytes, times and connections of each. Together
    /// they have the same packets as one capture, each once. With eni, a capture has only the
    /// interface of that ENI. With size, a capture ends after the packet that reaches the size,
    /// before compression. With connections, every connection stays in one capture; with hour and
    /// size, it may continue in the next.
    #[arg(long, value_name = "BY", value_parser = parse_split)]
    split: Option<Split>,

    /// Only the connections of this finding of `flow2pcap diagnose` with the same inputs and filter
    ///
    /// Findings are numbered from 1 in the order in which diagnose prints them. The inputs are read
    /// twice, so standard input cannot be one of them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    finding: Option<u64>,

    /// How many of the logged packets to write [default: auto, or compact with --max-per-record]
    ///
    /// SYN, FIN and RST stay as far as possible. What is merged keeps its bytes, in larger segments.
    #[arg(long, value_enum)]
    detail: Option<DetailName>,

    /// Number of packets that --detail auto stays within, such as 500k or 2M [default: 1M]
    #[arg(long, value_name = "N", value_parser = parse_packets)]
    packets: Option<u64>,

    /// Maximum number of packets per record with --detail compact [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(4..))]
    max_per_record: Option<u64>,

    #[command(flatten)]
    view: ViewArgs,

    /// Link layer of the frames: raw IP, with the lengths of the log, or an invented Ethernet header
    #[arg(long, value_enum, default_value_t = LinkChoice::Raw)]
    link: LinkChoice,

    /// Put all ENIs on one interface; the comments name the ENI
    #[arg(long)]
    single_interface: bool,

    /// Which packets get a comment: the first packet of each record, all packets, or none
    #[arg(long, value_enum, default_value_t = CommentChoice::Record)]
    comments: CommentChoice,

    #[command(flatten)]
    shard: ShardArgs,

    /// File with facts of the whole archive, which `flow2pcap survey` wrote; repeat it for those of several shards
    ///
    /// Without them, a shard chooses --detail auto by its own packets, and joins events with its own
    /// connections.
    #[arg(long, value_name = "FILE")]
    facts: Vec<PathBuf>,

    #[command(flatten)]
    context: ContextArgs,

    #[command(flatten)]
    room: RoomArgs,

    #[command(flatten)]
    reading: ReadingArgs,

    /// Print the summary as JSON on standard output
    #[arg(long)]
    json: bool,

    // Last: in the help, all options that follow would come under its heading.
    #[command(flatten)]
    narrowing: Narrowing,

    #[command(flatten)]
    keeping: Keeping,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DetailName {
    /// Every logged packet up to a million in all, or as many as --packets says; beyond that, the finest of
    /// compact with 64, 32, 16, 8 or 4 per record and control that stays within it
    Auto,
    /// At most --max-per-record packets for each record; data is merged into larger segments
    Compact,
    /// Every logged packet
    Exact,
    /// Handshake, teardown, and one data segment for each record
    Control,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LinkChoice {
    /// No link header; several interfaces have link type 12, which Wireshark and libpcap both read
    Raw,
    /// No link header; the registered link type 101, of which libpcap reads only one interface
    Raw101,
    /// An Ethernet header of 14 bytes with invented addresses
    Ethernet,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CommentChoice {
    None,
    Record,
    All,
}

impl Args {
    /// Returns the detail.
    ///
    /// # Errors
    /// Two options contradict each other.
    fn detail(&self) -> anyhow::Result<DetailChoice> {
        let name = match (self.detail, self.max_per_record) {
            (Some(name), _) => name,
            (None, Some(_)) => DetailName::Compact,
            (None, None) => DetailName::Auto,
        };
        if let (false, Some(_)) = (matches!(name, DetailName::Compact), self.max_per_record) {
            return Err(refusal(
                "--max-per-record is for --detail compact",
                "leave out one of the two; --packets says how many packets --detail auto stays within",
            ));
        }
        if let (false, Some(_)) = (matches!(name, DetailName::Auto), self.packets) {
            return Err(refusal(
                "--packets is for --detail auto",
                "leave out --packets; --max-packets refuses to write more",
            ));
        }
        Ok(match name {
            DetailName::Auto => DetailChoice::Auto {
                packets: self.packets.unwrap_or(WIRESHARK_PACKETS),
            },
            DetailName::Compact => DetailChoice::Fixed(Detail::Compact {
                per_record_max: self.max_per_record.unwrap_or(PER_RECORD_MAX),
            }),
            DetailName::Exact => DetailChoice::Fixed(Detail::Exact),
            DetailName::Control => DetailChoice::Fixed(Detail::Control),
        })
    }

    /// Returns the conversion.
    ///
    /// # Errors
    /// Options contradict each other.
    pub(crate) fn request(&self) -> anyhow::Result<Convert> {
        let format = self.reading.layout();
        let format = format.as_ref();
        let request = self.reading.request(format, &self.room, &self.narrowing)?;
        let mut request = request.context(self.context.paths.clone());
        request.filter.only_matching = self.keeping.only_matching;
        let mut convert = Convert::new(request, self.output.clone());
        convert.split = self.split;
        convert.detail = self.detail()?;
        self.view.apply_to(&mut convert);
        convert.link = match self.link {
            LinkChoice::Raw => LinkType::Raw,
            LinkChoice::Raw101 => LinkType::Raw101,
            LinkChoice::Ethernet => LinkType::Ethernet,
        };
        convert.single_interface = self.single_interface;
        convert.comments = match self.comments {
            CommentChoice::None => Comments::None,
            CommentChoice::Record => Comments::Record,
            CommentChoice::All => Comments::All,
        };
        convert.finding = self.finding;
        convert.max_packets = self.keeping.max_packets;
        convert.shard = self.shard.shard;
        if !self.facts.is_empty() {
            convert.facts = Some(Facts::read_all(&self.facts)?);
        }
        Ok(convert)
    }
}

/// Converts an archive and prints the summary.
///
/// # Errors
/// Fails if no capture can be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let to_stdout = args.output.as_os_str() == "-";
    if args.json && to_stdout {
        return Err(refusal(
            "--json and -o - both write to standard output",
            "write the capture to a file",
        ));
    }
    check_finding(args.finding, &args.view)?;
    warn_of_size(args, streams);
    let request = args.request()?;
    let is_shown = !args.reading.quiet && streams.can_redraw_err();
    let notices = Notices::on(streams);
    let converted = args
        .reading
        .run_showing(is_shown, streams, |meter, progress| {
            pipeline::convert_announced(&request, meter, &|planned| {
                let messages = planned_capture::messages(planned);
                if !args.reading.quiet {
                    messages
                        .iter()
                        .for_each(|message| notices.report(message, progress));
                }
            })
        })?;
    streams.print_err(&notices.kept());
    let summary = match converted {
        Err(error) if to_stdout && matches!(error.kind(), ErrorKind::ReaderGone { .. }) => {
            // The reader of the capture closed it early, which is not an error.
            return Ok(ExitCode::SUCCESS);
        }
        converted => converted?,
    };
    args.reading.note_silence(streams, &summary.records);
    if !args.reading.quiet {
        let (summary, page) = (&summary, streams.err_page());
        streams.print_err(&summary::SummaryText { summary, page }.to_string());
    }
    if args.json
        && let Err(error) = streams.print_out(&json(&summary)?)
    {
        let output = shown(&args.output);
        anyhow::bail!("{output} is complete, but its summary cannot be written: {error}");
    }
    if args.reading.is_strict() && summary.events.values().any(|log| log.skipped.total() > 0) {
        return Ok(ExitCode::FAILURE);
    }
    Ok(args.reading.exit_code(&summary.records, &summary.input))
}

/// Warns early that a large capture makes Wireshark slow.
fn warn_of_size(args: &Args, streams: &mut Streams<'_>) {
    let large = args.keeping.max_packets;
    if let Some(packets) =
        large.filter(|packets| *packets > WIRESHARK_PACKETS && !args.reading.quiet)
    {
        streams.report(&Message::warning(format!(
            "Wireshark is slow with more than about {} packets, and --max-packets is {}",
            grouped(WIRESHARK_PACKETS),
            grouped(packets)
        )));
    }
}

/// Parses the value of `--split`.
///
/// # Errors
/// Returns a message that says what was expected.
fn parse_split(text: &str) -> Result<Split, String> {
    let expected = || "expected eni, hour, size=SIZE (size=256MB) or connections=N".to_owned();
    match text.split_once('=') {
        None if text == "eni" => Ok(Split::Eni),
        None if text == "hour" => Ok(Split::Hour),
        Some(("size", size)) => match parse_size(size)? {
            0 => Err("the size must be greater than 0, such as size=256MB".into()),
            size => Ok(Split::Size(size)),
        },
        Some(("connections", count)) => match count.parse() {
            Ok(0) | Err(_) => {
                Err("expected a number greater than 0, such as connections=1000".into())
            }
            Ok(count) => Ok(Split::Connections(count)),
        },
        _ => Err(expected()),
    }
}
