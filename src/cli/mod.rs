//! The command line: its arguments and its output, with one file for each subcommand.
//!
//! The binary is this module and a `main`. It is part of the library so that tests and the fuzz target
//! `printed` can check all printed text in their own process. Other programs should not use it.

mod account;
mod advice;
#[cfg(feature = "s3")]
mod bucket;
mod changes;
mod completions;
mod context;
mod convert;
mod convert_command;
mod diagnose;
mod export;
mod extcap;
mod findings;
mod inspect;
mod interrupt;
mod man;
mod mcp;
mod merge;
mod message;
mod metrics;
mod narrowing;
mod nothing_kept;
mod notices;
mod page;
mod partial;
mod path_list;
mod planned_capture;
mod progress;
mod query;
mod reading;
mod refused;
mod report;
mod room;
mod setup;
mod shard;
mod streams;
mod summary;
mod survey;
mod terminal;
mod view;
mod wireshark;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use self::interrupt::{are_last_words_said, claim_last_words};
pub use self::mcp::serve_bytes as serve_mcp;
pub use self::streams::Streams;

/// Turns AWS VPC Flow Logs back into packets that Wireshark opens.
#[derive(Debug, Parser)]
#[command(
    version,
    bin_name = "flow2pcap",
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    /// When to use color
    ///
    /// With auto, text has color on a terminal, unless NO_COLOR, CLICOLOR=0 or TERM=dumb is set, and
    /// elsewhere only if CLICOLOR_FORCE is set. Files written with -o never have color.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(Box<convert::Args>),
    Diagnose(Box<diagnose::Args>),
    Export(Box<export::Args>),
    Inspect(Box<inspect::Args>),
    Mcp(Box<mcp::Args>),
    Merge(Box<merge::Args>),
    Metrics(Box<metrics::Args>),
    Query(Box<query::Args>),
    Report(Box<report::Args>),
    Setup(Box<setup::Args>),
    Survey(Box<survey::Args>),
    Wireshark(Box<wireshark::Args>),
    Completions(Box<completions::Args>),
    Man(Box<man::Args>),
}

/// Runs the command line `typed`, whose first word is the name of the program; returns the exit
/// status.
pub fn run(typed: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_>) -> ExitCode {
    let typed: Vec<OsString> = typed.into_iter().collect();
    if extcap::is_call(&typed) {
        return extcap::run(&typed, streams);
    }
    // Messages about the arguments follow the choice too, and it is not parsed yet.
    streams.set_color(terminal::typed_color(&typed));
    let cli = match parse(&typed) {
        Ok(cli) => cli,
        Err(error) => return refused::explain(error, &typed, streams),
    };
    match dispatch(cli, streams) {
        Ok(status) => status,
        Err(error) => {
            let message = advice::message(&error);
            await_last_words(streams);
            streams.report(&message);
            ExitCode::from(nothing_kept::exit_status(&error))
        }
    }
}

/// Returns to the one thread that may say why the process ends.
fn await_last_words(streams: &Streams<'_>) {
    while streams.is_process() && !claim_last_words() {
        std::thread::park(); // until the other thread ends the process
    }
}

fn parse(typed: &[OsString]) -> Result<Cli, clap::Error> {
    let mut matches = Cli::command().try_get_matches_from(typed)?;
    Cli::from_arg_matches_mut(&mut matches)
}

fn dispatch(cli: Cli, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    streams.set_color(cli.color);
    if streams.is_process() {
        interrupt::outlive_size_limit()?;
    }
    match cli.command {
        Command::Convert(args) => convert::run(&args, streams),
        Command::Diagnose(args) => diagnose::run(&args, streams),
        Command::Export(args) => export::run(&args, streams),
        Command::Inspect(args) => inspect::run(&args, streams),
        Command::Mcp(args) => mcp::run(&args, streams),
        Command::Merge(args) => merge::run(&args, streams),
        Command::Metrics(args) => metrics::run(&args, streams),
        Command::Query(args) => query::run(&args, streams),
        Command::Report(args) => report::run(&args, streams),
        Command::Setup(args) => setup::run(&args, streams),
        Command::Survey(args) => survey::run(&args, streams),
        Command::Wireshark(args) => wireshark::run(&args, streams),
        Command::Completions(args) => completions::run(&args, Cli::command(), streams),
        Command::Man(args) => man::run(&args, Cli::command(), streams),
    }
}
