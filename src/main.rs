//! The process edge: arguments in, exit code out.
//!
//! 0 done; 1 done, but `--strict` found records that do not parse; 2 failed.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("flow2pcap: {error:#}");
            ExitCode::from(2)
        }
    }
}
