//! What is asked: which SQL, from where, about which inputs.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flow2pcap::printable::{printable, shown};
use flow2pcap::sql::{NamedQuery, named_queries};

use super::Args;
use crate::cli::advice::refusal;

/// The largest file of SQL that is read.
const SQL_MAX: u64 = 16 << 20;

/// A question about inputs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) source: SqlSource,
    pub(super) inputs: Vec<PathBuf>,
}

/// Where the SQL is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SqlSource {
    /// This text.
    Text(String),
    /// Typed at a prompt.
    Prompt,
}

impl Asked {
    /// Finds out what is asked.
    ///
    /// # Errors
    /// The first word is neither SQL nor a name nor an input, or the file cannot be read.
    pub(super) fn of(args: &Args) -> anyhow::Result<Self> {
        let typed = args.query.iter().map(PathBuf::from);
        let inputs = args.reading.inputs()?;
        let all: Vec<PathBuf> = typed.chain(inputs.iter().cloned()).collect();
        if let Some(file) = &args.file {
            let text = match file.as_os_str() == "-" {
                true => from_stdin(args, &all)?,
                false => from_file(file)?,
            };
            return Self::with(SqlSource::Text(text), all);
        }
        let first = args.query.as_deref().unwrap_or_default();
        if let Some(query) = NamedQuery::find(first)
            && !Path::new(first).exists()
        {
            return Self::with(SqlSource::Text(query.sql.to_owned()), inputs);
        }
        if is_sql(first) {
            return Self::with(SqlSource::Text(first.to_owned()), inputs);
        }
        if !first.is_empty() && first != "-" && !Path::new(first).exists() {
            return Err(unknown(first));
        }
        if std::io::stdin().is_terminal() {
            return Self::with(SqlSource::Prompt, all);
        }
        let text = from_stdin(args, &all)?;
        Self::with(SqlSource::Text(text), all)
    }

    fn with(source: SqlSource, inputs: Vec<PathBuf>) -> anyhow::Result<Self> {
        if inputs.is_empty() {
            return Err(refusal(
                "there is no input",
                "name files or folders after the query, as in `flow2pcap query top-talkers AWSLogs/`",
            ));
        }
        Ok(Self { source, inputs })
    }
}

/// Whether the first word is SQL. Paths rarely have white space, and SQL that has none is a name.
fn is_sql(text: &str) -> bool {
    text.trim()
        .contains(|c: char| c.is_whitespace() || c == ';')
        && !Path::new(text).exists()
}

fn unknown(word: &str) -> anyhow::Error {
    let folded = |name: &str| name.to_lowercase().replace('_', "-");
    let wanted = folded(word);
    let names = named_queries().iter().map(|query| query.name);
    let mut alike = names.filter(|name| {
        let shared = |front: &str| wanted.starts_with(front) || name.starts_with(&wanted);
        shared(name)
            || wanted
                .split('-')
                .any(|part| part.len() > 3 && name.contains(part))
    });
    let tip = match alike.next() {
        Some(name) => format!("did you mean {name}? `flow2pcap query --list` lists all names"),
        None => "`flow2pcap query --list` lists the names; SQL is one word in quotes".to_owned(),
    };
    refusal(
        format!(
            "{} is not SQL, not the name of a query, and not a file",
            printable(word)
        ),
        tip,
    )
}

fn from_file(file: &Path) -> anyhow::Result<String> {
    let what = || format!("cannot read {}", shown(file));
    let opened = std::fs::File::open(file).with_context(what)?;
    let mut text = String::new();
    opened
        .take(SQL_MAX)
        .read_to_string(&mut text)
        .with_context(what)?;
    Ok(text)
}

fn from_stdin(args: &Args, inputs: &[PathBuf]) -> anyhow::Result<String> {
    if inputs.iter().any(|input| input.as_os_str() == "-") {
        return Err(refusal(
            "standard input is the input, so the SQL cannot come from there",
            "type the SQL as the first word, or use --file",
        ));
    }
    if args.reading.typed_inputs().list == Some(Path::new("-")) {
        return Err(refusal(
            "standard input is the list of paths, so the SQL cannot come from there",
            "type the SQL as the first word, or use --file",
        ));
    }
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(SQL_MAX)
        .read_to_string(&mut text);
    read.context("cannot read SQL from standard input")?;
    Ok(text)
}
