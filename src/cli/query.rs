//! `flow2pcap query`: SQL over logs, as Athena runs it.
//!
//! The help is the same without the feature `sql`; only running a query needs it.

mod form;

#[cfg(feature = "sql")]
mod asked;
#[cfg(feature = "sql")]
mod destination;
#[cfg(feature = "sql")]
mod explained;
#[cfg(feature = "sql")]
mod list;
#[cfg(feature = "sql")]
mod prompt;
#[cfg(feature = "sql")]
mod session;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::record::Layout;

#[cfg(feature = "sql")]
pub(crate) use self::explained::explained;
use self::form::QueryFormat;
use super::narrowing::Narrowing;
use super::reading::{FormatOption as _, ReadingArgs};
use super::room::RoomArgs;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap query \"SELECT srcaddr, count(*) FROM vpc_flow_logs WHERE action = 'REJECT'
    GROUP BY srcaddr ORDER BY 2 DESC LIMIT 10\" AWSLogs/
      Show which addresses were rejected most. This is the SQL of Amazon Athena, with AWS's names of
      tables and columns.

  flow2pcap query --list
      List the queries that have names: the 16 of AWS's Athena integration, those of AWS's guides, and
      those for an incident.

  flow2pcap query top-talkers AWSLogs/
  flow2pcap query who-talked-to AWSLogs/ --set address=10.0.11.15
      Run a query by its name. --set gives a value that it needs.

  flow2pcap query server-errors-beside-rejects vpcflowlogs/ elasticloadbalancing/ --from -2h
      Show the 5xx answers of load balancers beside rejected packets, in the last two hours of the
      archive.

  flow2pcap query -f report.sql AWSLogs/ --format parquet -o report.parquet
      Run the SQL of a file, and write Parquet. CREATE EXTERNAL TABLE, ALTER TABLE ADD PARTITION and MSCK
      REPAIR TABLE may be in the file: they do nothing.

  flow2pcap query AWSLogs/
      Ask for queries at a prompt. A query ends with ; and \\q or Ctrl-D ends the prompt.

Tables: vpc_flow_logs, alb_access_logs, alb_connection_logs, nlb_tls_logs, elb_logs, cloudtrail_logs. Each
has the columns of AWS's table definition, the partitions date, day, year, month, hour, region and account,
and \"$path\", which is the file and the line. An empty table is one whose logs are not among the inputs.

Rows are those of Athena: a record without data (NODATA, SKIPDATA) is a row, and so is one that was
delivered twice. A column without a name is called _col0. Rows come in the order that the query asks for;
rows that sort alike come in order of their other columns.

CSV has nothing for NULL. A text that a spreadsheet would run as a formula (it begins with =, +, - or @)
is prefixed with '; numbers stay numbers.

Exit status:
  0    success
  2    error
  3    nothing matches the filter, or the result has no rows";

/// Query logs with the SQL of Amazon Athena
///
/// The first word is the SQL or the name of a query, the others are inputs. Without SQL, there is a prompt
/// at a terminal, and SQL is read from standard input elsewhere.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = EXAMPLES,
    override_usage = "flow2pcap query [OPTIONS] <SQL|NAME> <INPUT>...\n       \
                      flow2pcap query [OPTIONS] --file <FILE> <INPUT>...\n       \
                      flow2pcap query [OPTIONS] <INPUT>...\n       \
                      flow2pcap query --list"
)]
pub(crate) struct Args {
    /// SQL, or the name of a query from --list
    #[arg(value_name = "SQL")]
    query: Option<String>,

    #[command(flatten)]
    reading: ReadingArgs<QueryFormat>,

    /// Column order of files without a header line, if --format gives the output format; repeat it
    /// for several orders
    #[arg(long, value_name = "FORMAT", value_parser = Layout::parse)]
    columns: Vec<Layout>,

    /// Read the SQL from a file, or from standard input if it is -
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// List the queries that have names
    #[arg(long)]
    list: bool,

    /// A value for :NAME in the query; repeat it for several
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_value)]
    set: Vec<(String, String)>,

    /// Output file; its ending gives the format, if --format does not
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    room: RoomArgs,

    // Last: in the help, all options that follow would come under its heading.
    #[command(flatten)]
    narrowing: Narrowing,
}

fn parse_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, such as address=10.0.11.15".into()),
    }
}

/// Runs a query and prints its rows.
///
/// # Errors
/// Fails if the query or the inputs cannot be read, or if the program has no SQL.
#[cfg(feature = "sql")]
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    session::run(args, streams)
}

/// Says how to get a program with SQL.
///
/// # Errors
/// Always fails.
#[cfg(not(feature = "sql"))]
pub(crate) fn run(_: &Args, _: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    Err(super::advice::refusal(
        "this flow2pcap was built without SQL, which takes long to build",
        "build it with `cargo install flow2pcap --features sql`",
    ))
}
