//! `flow2pcap wireshark`: the profile, the fields and the capture interface for Wireshark.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args as ClapArgs, Subcommand};
use flow2pcap::printable::{printable_lines, shown};
use flow2pcap::wireshark::{
    FileChange, FileContent, Folders, WiresharkFile, files, install, uninstall,
};

use super::advice::refusal;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap wireshark install
      Then: wireshark -C flow2pcap incident.pcapng

  tshark -r incident.pcapng -Y 'flowlog.action == \"REJECT\"'
      The fields are flowlog.action, .eni, .direction, .packets, .bytes, .flags, .reject_reason,
      .outcome, .role, .rejected_at, .file and .line.

  tshark -i flow2pcap -o extcap.flow2pcap.archive:/home/ada/AWSLogs -w incident.pcapng
      Capture from logs. In Wireshark, double-click flow2pcap in the list of interfaces.

  flow2pcap wireshark print
      Show the files, and where they go.

  flow2pcap wireshark uninstall

Captures need none of this. Files that you changed are never written or removed.";

/// Install a profile, fields and a capture interface in Wireshark
///
/// The profile flow2pcap has columns for the ENI, direction and verdict, colors and buttons for rejected,
/// unanswered and reset connections, and names from the capture. A Lua script gives all packets of a flow log
/// record the fields flowlog.*, so that they can be filtered and shown in columns. A link to this program lets
/// Wireshark capture from logs: flow2pcap is one of its interfaces, with a dialog for the folder, time and filter.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: WiresharkAction,

    /// Wireshark's personal configuration folder [default: ask tshark]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum WiresharkAction {
    /// Write the files
    Install,
    /// Remove the files
    Uninstall,
    /// Print the files
    Print,
}

/// Writes, removes or prints the files.
///
/// # Errors
/// Fails if Wireshark's folders are unknown, a file cannot be written or removed, or one was changed by its
/// user, and if standard output cannot be written.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let folders = args.dir.as_deref().map(Folders::below);
    let Some(folders) = folders.or_else(Folders::of_tshark) else {
        return Err(refusal(
            "tshark does not say where Wireshark's personal configuration is",
            "name that folder with --dir; in Wireshark, Help, About, Folders shows it",
        ));
    };
    let program = std::env::current_exe().context("cannot find the file of this program")?;
    let files = files(&folders, &program);
    let changes = match args.action {
        WiresharkAction::Install => install(&files)?,
        WiresharkAction::Uninstall => uninstall(&files)?,
        WiresharkAction::Print => return print(&files, streams),
    };
    for (file, change) in files.iter().zip(&changes) {
        let line = format!("{} {}\n", word(*change), shown(&file.path));
        streams
            .print_out(&line)
            .context("cannot write to standard output")?;
    }
    let mut each = files.iter().zip(&changes);
    if let Some((file, _)) = each.find(|(_, change)| **change == FileChange::Kept) {
        return Err(refusal(
            format!(
                "{} is not as flow2pcap wrote it, so it was kept",
                shown(&file.path)
            ),
            "move it away, and run the command again",
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn word(change: FileChange) -> &'static str {
    match change {
        FileChange::Written => "wrote    ",
        FileChange::Unchanged => "unchanged",
        FileChange::Removed => "removed  ",
        FileChange::Absent => "not there",
        FileChange::Rewritten | FileChange::Kept => "kept     ",
    }
}

fn print(files: &[WiresharkFile], streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    for file in files {
        let text = match &file.content {
            FileContent::Text(text) | FileContent::FirstText(text) => {
                printable_lines(text).into_owned()
            }
            FileContent::LinkTo(program) => format!("A link to {}\n", shown(program)),
        };
        let text = format!("==> {}\n{text}\n", shown(&file.path));
        streams
            .print_out(&text)
            .context("cannot write to standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}
