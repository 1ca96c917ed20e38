//! One run of `query`: opens the tables, runs statements, and writes their rows.

use std::process::ExitCode;

use anyhow::Context as _;
use flow2pcap::error::ErrorKind;
use flow2pcap::output::Output;
use flow2pcap::pipeline::Request;
use flow2pcap::record::Layout;
use flow2pcap::sql::{
    Engine, EngineRoom, Parameters, QueryFault, QueryForm, RowWriter, StatementKind, Unread,
    statements,
};

use super::Args;
use super::asked::{Asked, SqlSource};
use super::destination::RowDestination;
use super::explained::explained;
use super::form::QueryFormat;
use super::{list, prompt};
use crate::cli::advice::refusal;
use crate::cli::message::Message;
use crate::cli::nothing_kept::NOTHING_KEPT;
use crate::cli::page::count;
use crate::cli::streams::Streams;

/// What a run did.
#[derive(Default)]
pub(super) struct QueryOutcome {
    /// Rows of all results.
    pub(super) rows: u64,
    /// Results, each of one statement.
    pub(super) results: u64,
    /// Notes about statements that did nothing, and lines that are not rows.
    pub(super) notes: Vec<String>,
}

/// Runs the subcommand.
///
/// # Errors
/// Fails if the query or the inputs cannot be read, or if the output cannot be written.
pub(super) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    if args.list {
        let text = list::text(streams.out_page());
        streams
            .print_out(&text)
            .context("cannot write to standard output")?;
        return Ok(ExitCode::SUCCESS);
    }
    let form = form(args, streams)?;
    let asked = Asked::of(args)?;
    let request = request(args, &asked)?;
    let room = EngineRoom {
        threads: args.reading.threads(),
        memory: args.room.memory,
        temp_dir: args.room.temp_dir()?,
    };
    let parameters: Parameters = args.set.iter().cloned().collect();
    let SqlSource::Text(sql) = &asked.source else {
        // Progress would be drawn over what is typed.
        return args.reading.run_showing(false, streams, |meter, _| {
            let engine = Engine::open(&request, &room, parameters, meter).map_err(explained)?;
            prompt::run(&engine)
        })?;
    };
    // Before the inputs are looked at: what is wrong with the SQL can be said at once.
    statements(sql).map_err(explained)?;
    let mut out = destination(args, &asked, streams)?;
    let is_shown = !args.reading.quiet && streams.can_redraw_err();
    let made = args.reading.run_showing(is_shown, streams, |meter, bar| {
        let engine = Engine::open(&request, &room, parameters, meter).map_err(explained)?;
        out.clear_before_writing(bar);
        answer(&engine, sql, form, &mut out)
    })?;
    let outcome = match made {
        Err(error) if is_reader_gone(&error) => return Ok(ExitCode::SUCCESS),
        made => made?,
    };
    let kept = out.finish()?;
    streams
        .print_out(&String::from_utf8_lossy(&kept))
        .context("cannot write to standard output")?;
    if !args.reading.quiet {
        for note in &outcome.notes {
            streams.report(&Message::warning(note.as_str()));
        }
    }
    Ok(match (outcome.results, outcome.rows) {
        (1.., 0) => ExitCode::from(NOTHING_KEPT),
        _ => ExitCode::SUCCESS,
    })
}

/// Runs all statements of a text.
///
/// # Errors
/// Fails at the first statement that cannot be run.
pub(super) fn answer(
    engine: &Engine,
    sql: &str,
    form: QueryForm,
    out: &mut RowDestination,
) -> anyhow::Result<QueryOutcome> {
    let all = statements(sql).map_err(explained)?;
    let results = all
        .iter()
        .filter(|statement| *statement.kind() == StatementKind::Rows);
    if results.count() > 1 && !form.holds_several() {
        return Err(refusal(
            "this format holds the rows of one SELECT, and there are several",
            "choose another --format, or run one SELECT",
        ));
    }
    let mut outcome = QueryOutcome::default();
    for statement in &all {
        if let StatementKind::NotNeeded { note, .. } = statement.kind() {
            outcome.notes.push(note.clone());
        }
        let is_rows = *statement.kind() == StatementKind::Rows;
        if is_rows && outcome.results > 0 && form != QueryForm::Jsonl {
            out.write(b"\n")?;
        }
        let mut take = |bytes: &[u8]| out.write(bytes);
        let mut writer = RowWriter::new(form, &mut take);
        engine.run(statement, &mut writer).map_err(explained)?;
        outcome.rows += writer.count();
        outcome.results += u64::from(is_rows);
    }
    outcome.notes.extend(note_of(engine.unread()));
    Ok(outcome)
}

/// Returns a warning about what is missing from the tables.
fn note_of(unread: Unread) -> Option<String> {
    (unread != Unread::default()).then(|| {
        format!(
            "{} that could not be parsed and the unreadable part of {} are not rows; run `inspect` for details",
            count(unread.lines, "line"),
            count(unread.files, "damaged file"),
        )
    })
}

fn request(args: &Args, asked: &Asked) -> anyhow::Result<Request> {
    let typed = args.reading.format.iter();
    let orders = typed.filter_map(|choice| match choice {
        QueryFormat::Columns(layout) => Some(layout),
        QueryFormat::As(_) => None,
    });
    let orders = orders.chain(&args.columns).cloned().collect();
    Ok(Request::new(asked.inputs.clone())
        .format(Layout::any_of(orders))
        .filter(args.narrowing.filter()?)
        .memory(args.room.memory)
        .temp_dir(args.room.temp_dir()?))
}

fn form(args: &Args, streams: &Streams<'_>) -> anyhow::Result<QueryForm> {
    let typed = args.reading.format.iter();
    let mut forms = typed.filter_map(|choice| match choice {
        QueryFormat::As(name) => QueryForm::named(name),
        QueryFormat::Columns(_) => None,
    });
    let first = forms.next();
    anyhow::ensure!(
        forms.all(|form| Some(form) == first),
        "--format names two output formats; leave one of them out"
    );
    let output = args
        .output
        .as_deref()
        .filter(|path| path.as_os_str() != "-");
    let ending = output
        .and_then(|path| path.extension())
        .and_then(|ending| ending.to_str());
    let default = match (output, streams.is_out_terminal()) {
        (None, true) => QueryForm::Table,
        _ => QueryForm::Csv,
    };
    let form = first
        .or_else(|| QueryForm::named(ending?))
        .unwrap_or(default);
    if form == QueryForm::Parquet && output.is_none() {
        return Err(refusal(
            "Parquet is not text, so it needs a file",
            "name one with -o, as in -o rows.parquet",
        ));
    }
    Ok(form)
}

fn destination(
    args: &Args,
    asked: &Asked,
    streams: &Streams<'_>,
) -> anyhow::Result<RowDestination> {
    Ok(match &args.output {
        Some(path) if path.as_os_str() != "-" => {
            RowDestination::File(Box::new(Output::create(path, "rows.csv", &asked.inputs)?))
        }
        _ if streams.is_process() => RowDestination::stdout(streams.is_out_terminal()),
        _ => RowDestination::Memory(Vec::new()),
    })
}

/// Whether the reader of the output closed it, as `head` does: it has what it wants.
fn is_reader_gone(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<flow2pcap::error::Error>();
    failure.is_some_and(|failure| matches!(failure.kind(), ErrorKind::ReaderGone { .. }))
}

/// Makes the message of a failure at the prompt, which goes on.
pub(super) fn message(error: &anyhow::Error) -> Message {
    crate::cli::advice::message(error)
}

/// Whether a text has no statement.
pub(super) fn is_empty(sql: &str) -> Result<bool, QueryFault> {
    Ok(statements(sql)?.is_empty())
}
