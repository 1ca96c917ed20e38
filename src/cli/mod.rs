//! What was typed, and what it means; one file a subcommand.

mod account;
mod convert;
mod inspect;
mod narrowing;
mod page;
mod progress;
mod setup;
mod size;
mod split;
mod summary;
mod survey;

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
    Inspect(Box<inspect::Args>),
    Setup(Box<setup::Args>),
}

/// Does what was typed.
///
/// # Errors
/// Whatever makes the run end without its output.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Convert(args) => convert::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Setup(args) => setup::run(&args),
    }
}
