//! The command line: arguments, help, and the text of every output; one file for each subcommand.
//!
//! The binary is this module and a `main`. It is part of the library so that tests and the fuzz target
//! `printed` reach every printed text without starting a process. It is not a public interface.

mod account;
mod advice;
mod completions;
mod convert;
mod convert_command;
mod diagnose;
mod findings;
mod inspect;
mod interrupt;
mod man;
mod metrics;
mod narrowing;
mod nothing_kept;
mod page;
mod progress;
mod reading;
mod refused;
mod report;
mod room;
mod setup;
mod streams;
mod summary;
mod survey;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use flow2pcap::printable::printable_lines;

pub use self::interrupt::{are_last_words_said, claim_last_words};
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
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(Box<convert::Args>),
    Diagnose(Box<diagnose::Args>),
    Inspect(Box<inspect::Args>),
    Metrics(Box<metrics::Args>),
    Report(Box<report::Args>),
    Setup(Box<setup::Args>),
    Completions(Box<completions::Args>),
    Man(Box<man::Args>),
}

/// Runs the command line `typed`, whose first word is the program's name, and returns the exit status.
pub fn run(typed: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_>) -> ExitCode {
    let typed: Vec<OsString> = typed.into_iter().collect();
    let cli = match Cli::try_parse_from(&typed) {
        Ok(cli) => cli,
        Err(error) => return refused::explain(error, &typed, streams),
    };
    match dispatch(cli, streams) {
        Ok(status) => status,
        Err(error) => {
            let why = format!("flow2pcap: {}\n", advice::message(&error));
            let why = printable_lines(&why);
            while streams.is_process() && !claim_last_words() {
                std::thread::park(); // until the other thread ends the process
            }
            streams.tell(&why);
            ExitCode::from(nothing_kept::exit_status(&error))
        }
    }
}

fn dispatch(cli: Cli, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    if streams.is_process() {
        interrupt::outlive_size_limit()?;
    }
    match cli.command {
        Command::Convert(args) => convert::run(&args, streams),
        Command::Diagnose(args) => diagnose::run(&args, streams),
        Command::Inspect(args) => inspect::run(&args, streams),
        Command::Metrics(args) => metrics::run(&args, streams),
        Command::Report(args) => report::run(&args, streams),
        Command::Setup(args) => setup::run(&args, streams),
        Command::Completions(args) => completions::run(&args, Cli::command(), streams),
        Command::Man(args) => man::run(&args, Cli::command(), streams),
    }
}
