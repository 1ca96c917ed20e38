//! What a stream can show: whether in color, and how wide. Both are decided here and nowhere else.
//!
//! `--color` decides first. With `auto` the environment does, by the usual conventions: `NO_COLOR`,
//! `CLICOLOR_FORCE`, `CLICOLOR` and `TERM` (see [`anstream`]), and a stream that is not a terminal
//! has no color.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use anstream::AutoStream;
use anstream::stream::RawStream;
use clap::{ColorChoice, ValueEnum as _};

/// Columns of text on a wide terminal; longer lines are hard to read.
pub(crate) const WIDTH_MAX: usize = 100;

/// Columns of the narrowest terminal that text is wrapped for.
const WIDTH_MIN: usize = 40;

/// The option that chooses the color.
const OPTION: &str = "--color";

/// Finds the value of `--color` in the arguments, before they are parsed.
///
/// Messages about arguments that do not parse need the choice too. The last valid value counts, and
/// nothing after `--` does. Parsing decides later whether the arguments are right.
pub(crate) fn typed_color(typed: &[OsString]) -> ColorChoice {
    let words = typed.iter().skip(1).map(|word| word.to_str());
    let words: Vec<Option<&str>> = words.take_while(|word| *word != Some("--")).collect();
    let values = words.iter().enumerate().filter_map(|(index, word)| {
        match word.as_ref()?.strip_prefix(OPTION)? {
            "" => *words.get(index + 1)?,
            joined => joined.strip_prefix('='),
        }
    });
    let mut choices = values.filter_map(|value| ColorChoice::from_str(value, false).ok());
    choices.next_back().unwrap_or(ColorChoice::Auto)
}

/// Whether text on `stream` has color.
pub(crate) fn is_colored(choice: ColorChoice, stream: &impl RawStream) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => AutoStream::choice(stream) != anstream::ColorChoice::Never,
    }
}

/// Columns that text on standard output has.
pub(crate) fn out_width() -> usize {
    width(
        io::stdout()
            .is_terminal()
            .then(|| columns_of(io::stdout()))
            .flatten(),
    )
}

/// Columns that text on standard error has.
pub(crate) fn err_width() -> usize {
    width(io::stderr().is_terminal().then(err_columns).flatten())
}

/// Columns of the terminal on standard error.
#[cfg(any(unix, windows))]
pub(crate) fn err_columns() -> Option<usize> {
    columns_of(io::stderr())
}

#[cfg(unix)]
fn columns_of(stream: impl std::os::fd::AsFd) -> Option<usize> {
    terminal_size::terminal_size_of(stream).map(|(width, _)| width.0.into())
}

#[cfg(windows)]
fn columns_of(stream: impl std::os::windows::io::AsHandle) -> Option<usize> {
    terminal_size::terminal_size_of(stream).map(|(width, _)| width.0.into())
}

/// Columns of text: those of the terminal up to [`WIDTH_MAX`], else the number in `COLUMNS`.
fn width(terminal: Option<usize>) -> usize {
    if let Some(columns) = terminal.filter(|columns| *columns > 0) {
        return columns.clamp(WIDTH_MIN, WIDTH_MAX);
    }
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|columns| columns.parse().ok());
    columns.map_or(WIDTH_MAX, |columns: usize| columns.max(WIDTH_MIN))
}

/// Whether lines can be drawn over on standard error.
pub(crate) fn can_redraw() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &str) -> ColorChoice {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        typed_color(&words)
    }

    #[test]
    fn color_is_found_before_and_after_the_subcommand() {
        use ColorChoice::{Always, Auto, Never};
        for (words, expected) in [
            ("flow2pcap inspect x", Auto),
            ("flow2pcap --color always inspect x", Always),
            ("flow2pcap inspect x --color=never", Never),
            ("flow2pcap inspect --color always --color never", Never),
            ("flow2pcap inspect -- --color always", Auto),
            ("flow2pcap inspect --color", Auto),
            ("flow2pcap inspect --color=red --colors always", Auto),
        ] {
            assert_eq!(typed(words), expected, "{words}");
        }
    }
}
