//! What was typed, and what it means; one file a subcommand.

mod account;
mod convert;
mod diagnose;
mod findings;
mod inspect;
mod interrupt;
mod metrics;
mod narrowing;
mod page;
mod progress;
mod reading;
mod report;
mod room;
mod setup;
mod size;
mod split;
mod summary;
mod survey;

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Turns archived AWS VPC Flow Logs back into packets that Wireshark opens.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
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
}

/// Does what was typed.
///
/// # Errors
/// Whatever makes the run end without its output.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    interrupt::outlive_size_limit()?;
    match cli.command {
        Command::Convert(args) => convert::run(&args),
        Command::Diagnose(args) => diagnose::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Metrics(args) => metrics::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Setup(args) => setup::run(&args),
    }
}

/// Writes to stderr. If nobody hears it, the run has not failed.
pub(crate) fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes to stdout. Whoever closes it, as `head` does, has seen enough.
///
/// # Errors
/// What else keeps it from being written.
pub(crate) fn give(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
