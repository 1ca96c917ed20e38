//! The prompt: queries that are typed one after the other, with a history.

use std::path::PathBuf;
use std::process::ExitCode;

use flow2pcap::sql::{Engine, NamedQuery, QueryForm};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::destination::RowDestination;
use super::{list, session};
use crate::cli::message::Message;
use crate::cli::page::Page;

const HELP: &str = "\
A query ends with ; and may have several lines. The name of a query runs it.
  \\d   the tables          \\l   the queries that have names
  \\q   or Ctrl-D: quit     DESCRIBE table;   its columns
";

/// Asks for queries until the user quits.
///
/// # Errors
/// Fails if the terminal cannot be read.
pub(super) fn run(engine: &Engine) -> anyhow::Result<ExitCode> {
    let mut editor = DefaultEditor::new()?;
    let history = history_path();
    if let Some(path) = &history {
        // The first time there is none.
        let _ = editor.load_history(path);
    }
    eprintln!("Type a query that ends with ; or \\? for help.");
    let mut typed = String::new();
    loop {
        let prompt = if typed.is_empty() {
            "flow2pcap> "
        } else {
            "       ... "
        };
        match editor.readline(prompt) {
            Ok(line) => {
                typed.push_str(&line);
                typed.push('\n');
            }
            // Ctrl-C leaves the query, not the prompt.
            Err(ReadlineError::Interrupted) => {
                typed.clear();
                continue;
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        }
        let word = typed.trim().trim_end_matches(';').trim();
        let is_command = word.starts_with('\\') || NamedQuery::find(word).is_some();
        if word.is_empty() || !(is_command || typed.trim_end().ends_with(';')) {
            if word.is_empty() {
                typed.clear();
            }
            continue;
        }
        let _ = editor.add_history_entry(typed.trim());
        if let Some(path) = &history {
            let _ = editor.save_history(path);
        }
        if word == "\\q" {
            break;
        }
        handle(engine, word, &typed);
        typed.clear();
    }
    Ok(ExitCode::SUCCESS)
}

fn handle(engine: &Engine, word: &str, typed: &str) {
    match word {
        "\\d" => {
            for table in engine.tables() {
                println!("{table}");
            }
        }
        "\\l" => print!("{}", list::text(Page::PLAIN)),
        word if word.starts_with('\\') => eprint!("{HELP}"),
        word => {
            let sql = NamedQuery::find(word).map_or(typed, |query| query.sql);
            if session::is_empty(sql).unwrap_or(false) {
                return;
            }
            let mut out = RowDestination::stdout(true);
            match session::answer(engine, sql, QueryForm::Table, &mut out) {
                Ok(outcome) => {
                    for note in &outcome.notes {
                        eprint!("{}", Message::warning(note.as_str()).on(Page::PLAIN));
                    }
                }
                Err(error) => eprint!("{}", session::message(&error).on(Page::PLAIN)),
            }
        }
    }
}

/// Returns the file of the history, in the user's folder for states.
fn history_path() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = match (of("XDG_STATE_HOME"), of("LOCALAPPDATA"), of("HOME")) {
        (Some(folder), ..) | (None, Some(folder), _) => PathBuf::from(folder),
        (None, None, Some(home)) => PathBuf::from(home).join(".local/state"),
        _ => return None,
    };
    let folder = folder.join("flow2pcap");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("query_history"))
}
