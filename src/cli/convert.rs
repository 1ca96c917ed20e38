//! `flow2pcap convert`: flow logs in, a capture out.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};
use flow2pcap::capture::LinkType;
use flow2pcap::connection::{Detail, PER_RECORD_MAX};
use flow2pcap::error::ErrorKind;
use flow2pcap::flow::Addresses;
use flow2pcap::pipeline::{self, Comments, Convert, Split, VantageChoice};
use flow2pcap::printable::shown;
use flow2pcap::summary::WIRESHARK_PACKETS;

use crate::cli::narrowing::{Keeping, Narrowing};
use crate::cli::page::json;
use crate::cli::reading::ReadingArgs;
use crate::cli::room::{RoomArgs, parse_size};
use crate::cli::streams::Streams;
use crate::cli::summary;

const EXAMPLES: &str = "\
Examples:
  flow2pcap convert AWSLogs/ -o incident.pcapng
      Everything under a folder as `aws s3 sync` left it.

  flow2pcap convert vpcflow.log.gz -o - | wireshark -k -i -
      Straight into Wireshark; the summary goes to stderr.

  flow2pcap convert export/ -o out.pcapng \\
      --format '${pkt-srcaddr} ${srcaddr} ${srcport} ${pkt-dstaddr} ${dstaddr} ${dstport} ${tcp-flags} ${action}'
      Logs without a header line, in an order of your own.

  zcat *.gz | flow2pcap convert - -o out.pcapng.zst --detail exact
      Every logged packet, compressed as it is written.

  flow2pcap convert AWSLogs/ -o out.pcapng --from 2026-03-14T02:00 --to 2026-03-14T03:00 --eni eni-0a1b
      An hour at one ENI; files of other hours are not opened.

  flow2pcap convert AWSLogs/ -o out.pcapng --from -2h --filter 'port 443 and (reject or flags rst)'
      What was rejected or reset on port 443 in the last two hours that the archive has.

  flow2pcap convert AWSLogs/ -o out.pcapng --split hour
      One capture an hour, and out.csv with what is in each.

In Wireshark:
  frame.comment contains \"action=REJECT\"     what security groups and network ACLs stopped
  tcp.analysis.retransmission                SYNs that nobody answered
  frame.interface_name == \"eni-0a1b2c3d4e5f60718\"

Exit status: 0 done; 1 done, but --strict found records that do not parse or a damaged file; 2 failed, and no output;
3 nothing matches the filter, and no output; 130 and 143 ended by SIGINT and SIGTERM.";

/// Converts flow logs to a capture
///
/// Reads AWS VPC and Transit Gateway flow logs (text, JSON or Parquet, whatever they are wrapped in),
/// rebuilds every connection from its records, and writes header-only packets: who sent the SYN, who
/// answered, who reset, and when.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where to: .pcapng or .pcap, with .gz or .zst behind it if wanted, or - for standard output
    ///
    /// Classic pcap keeps neither comments nor interface names.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Several captures beside OUT, and OUT.csv to choose by: eni, hour, size=256MB, connections=1000
    ///
    /// -o out.pcapng gives out-eni-0a1b.pcapng, out-2026-03-14T02.pcapng or out-00001.pcapng, each a
    /// capture of its own, and out.csv with each one's packets, bytes, times and connections. All
    /// of them together have the packets of the one capture, once each. By eni, a part has its own
    /// interface only. By size, a part ends behind the packet that reaches it, before compression.
    /// With connections, those stay whole; with hour and size, one may go on in the next part.
    #[arg(long, value_name = "BY", value_parser = parse_split)]
    split: Option<Split>,

    /// Only the connections of this finding of `flow2pcap diagnose` with the same inputs and filter
    ///
    /// Findings are numbered from 1 in the order in which diagnose prints them. The inputs are read
    /// twice, so standard input cannot be one of them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    finding: Option<u64>,

    /// How much becomes packets
    #[arg(long, value_enum, default_value_t = DetailChoice::Compact)]
    detail: DetailChoice,

    /// The most packets that compact makes of one record
    #[arg(long, value_name = "N", default_value_t = PER_RECORD_MAX, value_parser = clap::value_parser!(u64).range(4..))]
    max_per_record: u64,

    /// Whose view is told where several ENIs saw a connection: auto, all, or the name of an ENI
    ///
    /// With all, every packet appears once for each ENI that logged it, and Wireshark calls the
    /// second one a retransmission. Its analysis looks at all packets of a file, whatever the
    /// display filter: look at one frame.interface_name at a time, in a file of its own, with
    /// `tshark -r all.pcapng -Y 'frame.interface_name == "eni-..."' -w one.pcapng`
    /// or with --vantage eni-... in place of all.
    #[arg(long, value_name = "VIEW", default_value = "auto", value_parser = parse_vantage)]
    vantage: VantageChoice,

    /// Which addresses packets get: those in the packet (pkt-srcaddr) or the ENI's own (srcaddr)
    #[arg(long, value_enum, default_value_t = AddressChoice::Packet)]
    addresses: AddressChoice,

    /// What frames begin with: the IP header, so that lengths equal the log's, or Ethernet
    #[arg(long, value_enum, default_value_t = LinkChoice::Raw)]
    link: LinkChoice,

    /// One interface for all ENIs, as programs built on libpcap need it
    #[arg(long)]
    single_interface: bool,

    /// Which packets get a comment: the first of each record, all, or none
    #[arg(long, value_enum, default_value_t = CommentChoice::Record)]
    comments: CommentChoice,

    #[command(flatten)]
    room: RoomArgs,

    #[command(flatten)]
    reading: ReadingArgs,

    /// The summary as JSON on standard output
    #[arg(long)]
    json: bool,

    // Last, for what follows would stand below its heading in the help.
    #[command(flatten)]
    narrowing: Narrowing,

    #[command(flatten)]
    keeping: Keeping,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DetailChoice {
    /// At most --max-per-record packets a record; data merged into larger segments
    Compact,
    /// Every logged packet
    Exact,
    /// Handshake, teardown and one data segment a record
    Control,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AddressChoice {
    Packet,
    Interface,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LinkChoice {
    Raw,
    Ethernet,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CommentChoice {
    None,
    Record,
    All,
}

impl Args {
    fn request(&self) -> anyhow::Result<Convert> {
        let format = self.reading.format.as_ref();
        let mut request = self.reading.request(format, &self.room, &self.narrowing)?;
        request.filter.only_matching = self.keeping.only_matching;
        let mut convert = Convert::new(request, self.output.clone());
        convert.split = self.split;
        convert.detail = match self.detail {
            DetailChoice::Compact => Detail::Compact {
                per_record_max: self.max_per_record,
            },
            DetailChoice::Exact => Detail::Exact,
            DetailChoice::Control => Detail::Control,
        };
        convert.vantage = self.vantage.clone();
        convert.addresses = match self.addresses {
            AddressChoice::Packet => Addresses::Packet,
            AddressChoice::Interface => Addresses::Interface,
        };
        convert.link = match self.link {
            LinkChoice::Raw => LinkType::Raw,
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
        Ok(convert)
    }
}

/// Converts what was typed and tells how it went.
///
/// # Errors
/// Whatever leaves no output behind.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let to_stdout = args.output.as_os_str() == "-";
    anyhow::ensure!(
        !(args.json && to_stdout),
        "--json and -o - both want standard output; write the capture to a file"
    );
    anyhow::ensure!(
        args.finding.is_none() || matches!(args.addresses, AddressChoice::Packet),
        "--finding needs --addresses packet: a diagnosis looks at the addresses of the packets"
    );
    warn_of_size(args, streams);
    let request = args.request()?;
    let converted = args
        .reading
        .run(streams, |meter| pipeline::convert(&request, meter))?;
    let summary = match converted {
        Err(error) if to_stdout && matches!(error.kind(), ErrorKind::ReaderGone { .. }) => {
            // Whoever read the capture has seen enough.
            return Ok(ExitCode::SUCCESS);
        }
        converted => converted?,
    };
    args.reading.note_silence(streams, &summary.records);
    if !args.reading.quiet {
        let (summary, page) = (&summary, streams.err_page());
        streams.tell(&summary::SummaryText { summary, page }.to_string());
    }
    if args.json
        && let Err(error) = streams.give(&json(&summary)?)
    {
        let output = shown(&args.output);
        anyhow::bail!("{output} is whole, but its summary cannot be written: {error}");
    }
    Ok(args.reading.exit_code(&summary.records, &summary.input))
}

/// Says early what a large capture will be like.
fn warn_of_size(args: &Args, streams: &mut Streams<'_>) {
    let large = args.keeping.max_packets;
    if let Some(packets) =
        large.filter(|packets| *packets > WIRESHARK_PACKETS && !args.reading.quiet)
    {
        streams.tell(&format!(
            "flow2pcap: --max-packets {packets}: Wireshark is slow beyond about {WIRESHARK_PACKETS}\n"
        ));
    }
}

fn parse_vantage(text: &str) -> Result<VantageChoice, String> {
    Ok(match text {
        "auto" => VantageChoice::Auto,
        "all" => VantageChoice::All,
        name => VantageChoice::Eni(name.to_owned()),
    })
}

/// What `--split` takes.
///
/// # Errors
/// What was expected.
fn parse_split(text: &str) -> Result<Split, String> {
    let expected = || "eni, hour, size=SIZE (size=256MB) or connections=N".to_owned();
    match text.split_once('=') {
        None if text == "eni" => Ok(Split::Eni),
        None if text == "hour" => Ok(Split::Hour),
        Some(("size", size)) => match parse_size(size)? {
            0 => Err("a part cannot be empty; give a size such as size=256MB".into()),
            size => Ok(Split::Size(size)),
        },
        Some(("connections", count)) => match count.parse() {
            Ok(0) | Err(_) => Err("a number from 1, such as connections=1000".into()),
            Ok(count) => Ok(Split::Connections(count)),
        },
        _ => Err(expected()),
    }
}
