//! Messages about arguments that do not parse, and requests for help.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use flow2pcap::printable::{is_printable, printable, printable_lines, shell};

use super::streams::Streams;

/// Prints clap's message, which may repeat arguments; returns the exit status.
pub(super) fn explain(mut error: Error, typed: &[OsString], streams: &mut Streams<'_>) -> ExitCode {
    let status = u8::try_from(error.exit_code()).unwrap_or(2);
    let all = |is: fn(&str) -> bool| typed.iter().all(|arg| arg.to_str().is_some_and(is));
    if !all(|arg| matches!(shell::word(arg), Some(Cow::Borrowed(_)))) {
        // "To pass '--x' as a value, use '-- --x'": clap does not quote that for a shell.
        error.remove(ContextKind::Suggested);
    }
    suggest_subcommand(&mut error);
    let is_error = error.use_stderr();
    let page = if is_error {
        streams.err_page()
    } else {
        streams.out_page()
    };
    let text = if page.color && all(|arg| arg.chars().all(is_printable)) {
        error.render().ansi().to_string()
    } else {
        without_escapes(error)
    };
    if is_error {
        streams.print_err(&text);
    } else {
        // Help that cannot be written is not a failure.
        let _ = streams.print_out(&text);
    }
    ExitCode::from(status)
}

/// Returns what is wrong, without its label, the usage and tips.
pub(super) fn in_few_words(error: Error) -> String {
    let text = without_escapes(error);
    let text = text.split("\n\n").next().unwrap_or_default();
    text.strip_prefix("error: ")
        .unwrap_or(text)
        .trim_end()
        .to_owned()
}

/// Names the command that was probably meant where a path is in the place of a subcommand.
fn suggest_subcommand(error: &mut Error) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    if error.kind() != ErrorKind::InvalidSubcommand || !Path::new(typed).exists() {
        return;
    }
    if let Some(path) = shell::path(typed) {
        let tip = format!("to convert it, type: flow2pcap convert {path} -o out.pcapng");
        let tips = ContextValue::StyledStrs(vec![tip.into()]);
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, tips);
    }
}

/// Renders the message without color. Values are escaped first, including their line feeds, and then the rest.
fn without_escapes(mut error: Error) -> String {
    let line = |text: &String| printable(text).into_owned();
    let context: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, ContextValue::String(line(text)))),
            ContextValue::Strings(texts) => {
                let texts = texts.iter().map(line);
                Some((kind, ContextValue::Strings(texts.collect())))
            }
            // Clap's own text, which has line feeds.
            _ => None,
        })
        .collect();
    for (kind, value) in context {
        error.insert(kind, value);
    }
    printable_lines(&error.render().to_string()).into_owned()
}
