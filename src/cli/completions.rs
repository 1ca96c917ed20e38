//! `flow2pcap completions`: subcommands and options at the touch of the Tab key.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args as ClapArgs, Command};
use clap_complete::Shell;

use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap completions bash >~/.local/share/bash-completion/completions/flow2pcap
      For bash, with the package bash-completion.

  mkdir -p ~/.zfunc && flow2pcap completions zsh >~/.zfunc/_flow2pcap
      For zsh, with `fpath+=~/.zfunc` before compinit in ~/.zshrc.

  flow2pcap completions fish >~/.config/fish/completions/flow2pcap.fish
      For fish.

  flow2pcap completions elvish >>~/.config/elvish/rc.elv
      For elvish.

  flow2pcap completions powershell >>$PROFILE
      For PowerShell.

The folder has to exist. Open a new shell to use the file.";

/// Print a completion file for a shell
///
/// Put it where the shell looks for completions. Then the Tab key completes the subcommands of
/// flow2pcap, their options, and the values of options that have a fixed list.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell to complete in
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the completions of `program` for the shell.
///
/// # Errors
/// A standard output that cannot be written.
pub(crate) fn run(
    args: &Args,
    mut program: Command,
    streams: &mut Streams<'_>,
) -> anyhow::Result<ExitCode> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, name, &mut script);
    let script = String::from_utf8(script).context("the completions are not text")?;
    streams
        .print_out(&script)
        .context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
