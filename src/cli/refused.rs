//! What is said of arguments that make no sense, and of those that ask for help.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use flow2pcap::printable::{is_printable, printable, printable_lines, shell};

use super::streams::Streams;

/// Prints what clap has to say, which repeats what was typed; returns the exit status.
pub(super) fn explain(mut error: Error, typed: &[OsString], streams: &mut Streams<'_>) -> ExitCode {
    let status = u8::try_from(error.exit_code()).unwrap_or(2);
    let all = |is: fn(&str) -> bool| typed.iter().all(|arg| arg.to_str().is_some_and(is));
    if !all(|arg| matches!(shell::word(arg), Some(Cow::Borrowed(_)))) {
        // "To pass '--x' as a value, use '-- --x'": clap quotes that for nobody.
        error.remove(ContextKind::Suggested);
    }
    suggest_subcommand(&mut error);
    if streams.is_process() && all(|arg| arg.chars().all(is_printable)) {
        // In color, where there is any. If nobody hears it, that is no other failure.
        let _ = error.print();
        return ExitCode::from(status);
    }
    let is_error = error.use_stderr();
    let text = without_escapes(error);
    if is_error {
        streams.tell(&text);
    } else {
        // Help that nobody reads is no failure either.
        let _ = streams.give(&text);
    }
    ExitCode::from(status)
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

/// The message without color: values first, so that their line feeds are escaped, then all of it.
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
            // Text of clap's own, with line feeds.
            _ => None,
        })
        .collect();
    for (kind, value) in context {
        error.insert(kind, value);
    }
    printable_lines(&error.render().to_string()).into_owned()
}
