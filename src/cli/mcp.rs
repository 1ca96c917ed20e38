//! `flow2pcap mcp`: a server of the Model Context Protocol on standard input and output, so that an
//! assistant can look at flow logs.
//!
//! ```text
//! lines     bytes -> lines          server     messages -> answers     arguments  JSON -> options
//! message   lines -> messages       calls      one call at a time      roots      paths -> inputs
//! replies   answers -> lines        tools      calls -> facts          paging     facts -> pages
//! ```
//!
//! The protocol over lines is small: four methods, of which a model uses one. The official crate
//! (`rmcp`) does more than that, and needs tokio, macros and a schema generator, whose build would
//! have to be a feature of its own. So the messages are read here with serde_json, which is there
//! anyway, and every build has the server.
//!
//! # Invariants
//! * Nothing outside of the roots is read. Nothing is written, except captures in the one folder that
//!   was given for them, and temporary files. The network is not used.
//! * Standard output has only messages of the protocol, each on one line.
//! * Nothing grows with what a client sends: lines, waiting calls, answers and the time of a call are
//!   bounded, and so is memory, as in every other subcommand.

mod arguments;
mod calls;
mod capture;
mod changes;
mod diagnose;
mod explain;
mod facts;
mod inspect;
mod lines;
mod message;
mod metrics;
mod paging;
#[cfg(feature = "sql")]
mod query;
mod replies;
mod roots;
mod server;
mod tools;

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args as ClapArgs, Command, FromArgMatches as _};
use flow2pcap::blocking::Blocking;
use flow2pcap::printable::shown;
use flow2pcap::record::Layout;
use indicatif::ProgressBar;

use self::replies::ClientOutput;
use self::roots::ReadableRoots;
use self::server::McpServer;
use self::tools::{Toolbox, Workplace};
use super::advice::refusal;
use super::interrupt;
use super::reading::{FormatOption as _, pool};
use super::room::RoomArgs;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap mcp AWSLogs/
      Serve a folder of logs, to be started by a client such as Claude Code, Claude Desktop, VS Code or
      Cursor. It reads messages from standard input until that ends.

  claude mcp add flow-logs -- flow2pcap mcp /data/AWSLogs
      Add the server to Claude Code. docs/mcp.md has the settings of other clients.

  flow2pcap mcp AWSLogs/ --write captures/
      Let the client also write captures, each as a new file in this folder.

  flow2pcap mcp AWSLogs/ --memory 512MiB --time-limit 30
      Give each call less memory, and half a minute.

The tools are inspect, diagnose, explain_connection, metrics, changes, query (if this program was built
with SQL) and capture (with --write). Their arguments are the options of the subcommands. Paths in calls
are within ROOT; links that lead out of it are not followed. Each answer has less than 20 kB.

Exit status:
  0    the input ended
  2    error";

/// Serve flow logs to an assistant, by the Model Context Protocol
///
/// Reads messages from standard input and answers on standard output. Its tools inspect, diagnose, sum and explain the logs in ROOT. Every value in an answer is
/// labeled: observed, deduced or invented. Only ROOT is read, and nothing is written without --write.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files and folders (read recursively) that the client may read
    #[arg(required = true, value_name = "ROOT")]
    roots: Vec<PathBuf>,

    /// Existing folder in which the client may write captures; existing files are not replaced
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,

    /// Seconds that a call may take, with decimals
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = time_limit)]
    time_limit: Duration,

    #[arg(long, value_name = "FORMAT", help = Layout::HELP, value_parser = Layout::parse)]
    format: Vec<Layout>,

    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,

    #[command(flatten)]
    room: RoomArgs,
}

/// Serves until standard input ends.
///
/// # Errors
/// Fails if a root is missing, the folder for captures cannot be used, or standard input cannot be read.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let tools = args.toolbox()?;
    if !streams.is_process() {
        // A test that reads the text has no client.
        let mut out = Vec::new();
        serve(&tools, &mut io::empty(), &mut out)?;
        streams.print_out(&String::from_utf8_lossy(&out))?;
        return Ok(ExitCode::SUCCESS);
    }
    interrupt::watch(ProgressBar::hidden(), None).context("cannot listen for signals")?;
    let mut input = BufReader::new(Blocking(io::stdin()));
    serve(&tools, &mut input, &mut Streams::out_of_process())?;
    Ok(ExitCode::SUCCESS)
}

/// Parses a positive number of seconds.
fn time_limit(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|limit| !limit.is_zero())
        .ok_or_else(|| "expected a number of seconds above 0, such as 30 or 0.5".to_owned())
}

/// Serves one client until the input ends.
///
/// # Errors
/// The input cannot be read.
fn serve(
    tools: &Toolbox,
    input: &mut dyn BufRead,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let server = McpServer::new(tools, ClientOutput::new(out));
    server.serve(input).context("cannot read standard input")
}

/// Serves one client with the logs of `root`, in this process, and returns what it would read: for
/// tests and the fuzz target `mcp_lines`.
///
/// # Panics
/// Panics if `root` is missing.
pub fn serve_bytes(root: PathBuf, input: &[u8]) -> Vec<u8> {
    let command = Args::augment_args(Command::new("mcp").no_binary_name(true));
    let typed = ["--threads=1".into(), "--".into(), root.into_os_string()];
    let matches = command.try_get_matches_from(typed);
    let args = matches.and_then(|matches| Args::from_arg_matches(&matches));
    let args = args.expect("arguments that fit");
    let tools = args.toolbox().expect("a root that exists");
    let (mut input, mut out) = (input, Vec::new());
    serve(&tools, &mut input, &mut out).expect("bytes can be read");
    out
}

impl Args {
    fn toolbox(&self) -> anyhow::Result<Toolbox> {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.map_or_else(available, usize::from);
        Ok(Toolbox::new(Workplace {
            roots: ReadableRoots::new(&self.roots)?,
            write: self.write_folder()?,
            format: Layout::any_of(self.format.clone()),
            memory: self.room.memory,
            temp_dir: self.room.temp_dir()?,
            time_limit: self.time_limit,
            pool: pool(threads)?,
        }))
    }

    /// Returns the canonical path of the folder for captures.
    fn write_folder(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(folder) = &self.write else {
            return Ok(None);
        };
        match std::fs::canonicalize(folder) {
            Ok(real) if real.is_dir() => Ok(Some(real)),
            _ => Err(refusal(
                format!("{} is not a folder", shown(folder)),
                "give --write a folder that exists",
            )),
        }
    }
}
