//! `flow2pcap export`: writes the logs as tables in a folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, ValueEnum};
use flow2pcap::pipeline::{self, Export, Exported, LakeCompression, LakeFormat, LakeLayout};
use flow2pcap::printable::shown;
use flow2pcap::record::Layout;
use indicatif::HumanBytes;

use super::account;
use super::advice::refusal;
use super::narrowing::Narrowing;
use super::page::{self, Page, PrintedLine, count};
use super::reading::{FormatOption, ReadingArgs};
use super::room::RoomArgs;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap export AWSLogs/ -o lake/
      Write all flow logs, load balancer logs and CloudTrail below AWSLogs/ as Parquet: one folder for
      each table, and in it one for each account, region and day. Then, with DuckDB:
        SELECT action, sum(bytes) FROM read_parquet('lake/vpc_flow_logs/**/*.parquet') GROUP BY 1;

  flow2pcap export AWSLogs/ -o lake/ && aws s3 sync lake/ s3://BUCKET/PREFIX/
      Query the same folder with Athena. lake/athena.sql has the table definitions: replace BUCKET and
      PREFIX in it, and run it once. New days need no further command.

  flow2pcap export AWSLogs/ -o lake/ --layout aws
      Name the folders as AWS does in Hive-compatible deliveries, with one folder for each hour.

  flow2pcap export AWSLogs/ -o rejected/ --format csv --filter 'reject and tcp' --from -2h
      Write the rejected TCP records of the last two hours as CSV. A text that a spreadsheet would run
      as a formula is prefixed with '.

  flow2pcap export AWSLogs/ -o lake/ --table connections,alb_access_logs
      Write only these tables.

  aws s3 cp s3://BUCKET/flows.log.gz - | flow2pcap export - -o lake/
      Read standard input. It can be read only once, so connections and findings are left out.

Tables and their columns have the names, the order and the types that AWS's guides give them for
Athena: vpc_flow_logs, alb_access_logs, alb_connection_logs, nlb_tls_logs, elb_logs, cloudtrail_logs,
r53_rlogs (DNS queries) and waf_logs.
Flow logs have a column for each field that the archive has. A value that a log does not have is null.
NODATA and SKIPDATA records are rows, as in Athena.

Two more tables are made from flow logs. connections has a row for each connection: its ends, who opened
it, its outcome, and packets and bytes each way, each packet counted once. findings has those of diagnose.
Each of the two reads the archive once more. A table without rows is not written.

The narrowing options select records, which are rows if they match. A connection is a row, whole, if one of
its records matches.

The account, the region, the date and the hour of a row are those in the path of its file, as in Athena,
else those of the row itself, else unknown. The time of a row is the start of a record, in UTC. Where a table has a
column of the same name as a folder (region), the folder has its values and the files do not.

Rows are in order of time, and files have about 128 MB. The same input gives the same bytes. The folder
appears when it is complete: a run that fails leaves nothing.

Exit status:
  0    success
  1    success, but --strict found a record that cannot be parsed or a damaged file
  2    error; no folder was written
  3    nothing matches the filter; no folder was written";

/// Write the logs as tables for Athena, DuckDB, Spark and pandas
///
/// Flow logs, load balancer logs, CloudTrail, DNS queries and WAF logs become Parquet, CSV, JSON lines or
/// Arrow files, in folders by account, region and date, with table definitions for Athena and AWS Glue.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs<LakeFormatChoice>,

    /// Folder to create; it must not exist, or be empty
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,

    /// Column order of files without a header line, if --format gives the output format; repeat it
    /// for several orders
    #[arg(long, value_name = "FORMAT", value_parser = Layout::parse)]
    columns: Vec<Layout>,

    /// Compression of the files [default: zstd for Parquet, else none]
    ///
    /// Parquet can have all of these, CSV and JSON lines none, gzip and zstd.
    #[arg(long, value_name = "NAME", value_enum)]
    compression: Option<CompressionChoice>,

    /// Tables to write, separated by commas [default: all that the archive has]
    ///
    /// connections and findings each read the archive once more.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = PossibleValuesParser::new(Export::table_names()))]
    table: Vec<String>,

    /// Names of the folders
    #[arg(long, value_name = "NAME", value_enum, default_value_t = LayoutChoice::Hive)]
    layout: LayoutChoice,

    /// Print the summary as JSON on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    room: RoomArgs,

    // Last: in the help, all options that follow would come under its heading.
    #[command(flatten)]
    narrowing: Narrowing,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CompressionChoice {
    Zstd,
    Snappy,
    Gzip,
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LayoutChoice {
    /// account=/region=/date=
    Hive,
    /// aws-account-id=/aws-service=/aws-region=/year=/month=/day=/hour=
    Aws,
}

/// The value of `--format`: an output format, or a column order. No field of a flow log has the name
/// of a format.
#[derive(Clone, Debug)]
enum LakeFormatChoice {
    As(LakeFormat),
    Columns(Layout),
}

impl FormatOption for LakeFormatChoice {
    const HELP: &str = "Output format: parquet, csv, jsonl or arrow (IPC files) [default: parquet]; or the \
        column order of files without a header line: '${srcaddr} ${dstaddr}', 'srcaddr dstaddr', or \
        default; repeat it for several orders";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::As(match text {
            "parquet" => LakeFormat::Parquet,
            "csv" => LakeFormat::Csv,
            "jsonl" => LakeFormat::JsonLines,
            "arrow" => LakeFormat::Arrow,
            columns => {
                return Layout::parse(columns).map(Self::Columns).map_err(|error| {
                    format!("not parquet, csv, jsonl or arrow, and not a column order: {error}")
                });
            }
        }))
    }
}

impl Args {
    fn request(&self) -> anyhow::Result<Export> {
        let choices = self.reading.format.iter();
        let orders = choices.clone().filter_map(|choice| match choice {
            LakeFormatChoice::Columns(layout) => Some(layout),
            LakeFormatChoice::As(_) => None,
        });
        let layout = Layout::any_of(orders.chain(&self.columns).cloned().collect());
        let request = self
            .reading
            .request(layout.as_ref(), &self.room, &self.narrowing)?;
        let mut export = Export::new(request, self.output.clone());
        let mut formats = choices.filter_map(|choice| match choice {
            LakeFormatChoice::As(format) => Some(*format),
            LakeFormatChoice::Columns(_) => None,
        });
        if let Some(format) = formats.next() {
            export.format = format;
        }
        if formats.any(|format| format != export.format) {
            return Err(refusal(
                "--format names two output formats",
                "leave one of them out",
            ));
        }
        export.layout = match self.layout {
            LayoutChoice::Hive => LakeLayout::Hive,
            LayoutChoice::Aws => LakeLayout::Aws,
        };
        export.compression = self.compression.map(|choice| match choice {
            CompressionChoice::Zstd => LakeCompression::Zstd,
            CompressionChoice::Snappy => LakeCompression::Snappy,
            CompressionChoice::Gzip => LakeCompression::Gzip,
            CompressionChoice::None => LakeCompression::None,
        });
        export.tables.clone_from(&self.table);
        Ok(export)
    }
}

/// Exports an archive and prints the summary.
///
/// # Errors
/// Fails if the folder cannot be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    if args.output.as_os_str() == "-" {
        return Err(refusal(
            "-o - is standard output, and a table is a folder",
            "name a folder, such as lake",
        ));
    }
    let request = args.request()?;
    let exported = args
        .reading
        .run(streams, |meter| pipeline::export(&request, meter))??;
    args.reading.note_silence(streams, &exported.records);
    if !args.reading.quiet {
        let text = ExportedText {
            exported: &exported,
            output: &args.output,
            page: streams.err_page(),
        };
        streams.print_err(&text.to_string());
    }
    if args.json
        && let Err(error) = streams.print_out(&page::json(&exported)?)
    {
        let output = shown(&args.output);
        anyhow::bail!("{output} is complete, but its summary cannot be written: {error}");
    }
    if args.reading.is_strict() && exported.events.skipped() > 0 {
        return Ok(ExitCode::FAILURE);
    }
    Ok(args.reading.exit_code(&exported.records, &exported.input))
}

/// The summary of an export as a person reads it.
struct ExportedText<'a> {
    exported: &'a Exported,
    output: &'a Path,
    page: Page,
}

impl fmt::Display for ExportedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (exported, page) = (self.exported, self.page);
        account::input(f, page, &exported.input, "")?;
        if exported.records.lines > 0 {
            account::records(f, page, &exported.records, "exported")?;
            account::gaps(f, page, &exported.records)?;
        }
        account::events(f, page, &exported.events)?;
        for (index, (name, table)) in exported.tables.iter().enumerate() {
            let title = if index == 0 { "tables" } else { "" };
            let text = format!(
                "{name}: {} in {}, {}",
                count(table.rows, "row"),
                count(table.files, "file"),
                HumanBytes(table.bytes)
            );
            page.row(f, title, text)?;
        }
        for (index, (name, why)) in exported.left_out.iter().enumerate() {
            let title = if index == 0 { "left out" } else { "" };
            page.row(f, title, format!("{name}: {why}"))?;
        }
        if exported.spilled_bytes > 0 {
            let text = format!(
                "{} went to temporary files; a larger --memory makes the run faster",
                HumanBytes(exported.spilled_bytes)
            );
            page.row(f, "memory", &text)?;
        }
        let seconds = f64::from(u32::try_from(exported.elapsed_ms).unwrap_or(u32::MAX)) / 1000.0;
        let files: u64 = exported.tables.values().map(|table| table.files).sum();
        let output = PrintedLine::whole(shown(self.output).to_string());
        let text = output.and(format!(
            ", {} in {} and table definitions, in {seconds:.2} s",
            count(files, "file"),
            count(exported.tables.len() as u64, "table"),
        ));
        page.row(f, "output", text)
    }
}
