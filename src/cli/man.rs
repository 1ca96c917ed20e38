//! `flow2pcap man`: the manual page of the program or of a subcommand, from the text of the help.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args as ClapArgs, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use flow2pcap::printable::shown;

use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap man convert | man -l -
      Shows the page of convert.

  mkdir -p ~/.local/share/man/man1
  flow2pcap man >~/.local/share/man/man1/flow2pcap.1
  flow2pcap man convert >~/.local/share/man/man1/flow2pcap-convert.1
      Installs pages: `man flow2pcap` and `man flow2pcap-convert` then open them.";

/// Print a man page (roff)
///
/// The page has the text of --help, and its examples.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The subcommand that the page is about [default: the whole program]
    #[arg(value_name = "SUBCOMMAND")]
    subcommand: Option<String>,
}

/// Prints the page of `program`, or of its subcommand that `args` names.
///
/// # Errors
/// Fails if there is no such subcommand or standard output cannot be written.
pub(crate) fn run(
    args: &Args,
    program: Command,
    streams: &mut Streams<'_>,
) -> anyhow::Result<ExitCode> {
    let page = page(program, args.subcommand.as_deref())?;
    streams
        .print_out(&page)
        .context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}

fn page(program: Command, subcommand: Option<&str>) -> anyhow::Result<String> {
    // Otherwise the page lists flow2pcap-help(1), and no such page exists.
    let mut program = program
        .disable_help_subcommand(true)
        .subcommand_value_name("subcommand");
    program.build();
    let version = program.get_version().unwrap_or_default();
    let source = format!("{} {version}", program.get_name());
    let command = match subcommand {
        None => program.clone(),
        Some(name) => program
            .find_subcommand(name)
            .cloned()
            .with_context(|| unknown(&program, name))?,
    };
    let after = command.get_after_help().map(ToString::to_string);
    // clap_mangen joins the lines of the examples, so they are left to `sections`.
    let command = command.after_help(None::<&str>);
    let mut page = Vec::new();
    Man::new(command)
        .date("\"\"") // without quotes an empty date is lost, and what follows moves into its place
        .source(source)
        .manual("flow2pcap manual")
        .render(&mut page)?;
    let mut page = String::from_utf8(page).context("the manual page is not text")?;
    let mut end = Roff::new();
    sections(&mut end, &after.unwrap_or_default());
    if subcommand.is_some() {
        end.control("SH", ["SEE ALSO"]);
        end.text([roman(format!("{}(1)", program.get_name()))]);
    }
    let end = end.render();
    // Both begin with the same definitions, and one is enough.
    let definitions = Roff::new().render();
    page.push_str(end.strip_prefix(&definitions).unwrap_or(&end));
    Ok(page)
}

fn unknown(program: &Command, name: &str) -> String {
    let names: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
    format!(
        "{} is not a subcommand; choose one of {}, or none for the page of the program",
        shown(name),
        names.join(", ")
    )
}

/// Adds the text that follows the options in the help.
///
/// A paragraph that begins with a few words and a colon, such as "Examples:", begins a section.
/// Lines of paragraphs that have indented ones keep their ends.
fn sections(roff: &mut Roff, text: &str) {
    for paragraph in text.split("\n\n") {
        let mut body = paragraph;
        match heading(paragraph) {
            Some((name, rest)) => {
                roff.control("SH", [name.to_uppercase().as_str()]);
                body = rest;
            }
            None => {
                roff.control("PP", []);
            }
        }
        let is_verbatim = body.lines().any(|line| line.starts_with(' '));
        if is_verbatim {
            roff.control("nf", []);
        }
        for line in body.lines() {
            roff.text([roman(line)]);
        }
        if is_verbatim {
            roff.control("fi", []);
        }
    }
}

/// The heading of a paragraph, and the rest.
fn heading(paragraph: &str) -> Option<(&str, &str)> {
    let (name, rest) = paragraph.split_once(':')?;
    let is_words = |c: char| c.is_ascii_alphabetic() || c == ' ';
    let is_heading = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(is_words)
        && name.split(' ').count() <= 3;
    is_heading.then(|| (name, rest.strip_prefix([' ', '\n']).unwrap_or(rest)))
}
