//! Where the text of a run goes, and what those streams can show.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

use clap::ColorChoice;
use flow2pcap::blocking::Blocking;

use super::message::Message;
use super::page::Page;
use super::terminal;

/// Where text goes: to the streams of the process, or to a test that reads it.
///
/// A capture or a page that is sent to standard output does not go through here.
pub struct Streams<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// Whether these are the streams of the process, which then has signals and a terminal too.
    is_process: bool,
    color: ColorChoice,
    /// Whether a signal is a good end.
    is_stop_expected: bool,
}

impl<'a> Streams<'a> {
    /// Sends text to a test, without color and without waiting for signals.
    pub fn to(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self {
            out,
            err,
            is_process: false,
            color: ColorChoice::Never,
            is_stop_expected: false,
        }
    }

    /// Runs `work` with the streams of the process.
    pub fn with_process<T>(work: impl FnOnce(&mut Streams<'_>) -> T) -> T {
        work(&mut Streams {
            out: &mut Blocking(io::stdout()),
            err: &mut Blocking(io::stderr()),
            is_process: true,
            color: ColorChoice::Auto,
            is_stop_expected: false,
        })
    }

    /// Returns the standard output of the process, for a run that writes to it from several threads.
    pub(crate) fn out_of_process() -> impl Write + Send {
        Blocking(io::stdout())
    }

    /// Sets when the streams of the process have color.
    pub(crate) fn set_color(&mut self, color: ColorChoice) {
        if self.is_process {
            self.color = color;
        }
    }

    /// Whether the run has the process to itself, so that it may handle signals and draw on a terminal.
    pub(crate) fn is_process(&self) -> bool {
        self.is_process
    }

    /// Makes a signal a good end of the run, about which nothing is printed.
    pub(crate) fn expect_stop(&mut self) {
        self.is_stop_expected = true;
    }

    /// Whether a signal is a good end of the run.
    pub(crate) fn is_stop_expected(&self) -> bool {
        self.is_stop_expected
    }

    pub(crate) fn is_out_terminal(&self) -> bool {
        self.is_process && io::stdout().is_terminal()
    }

    /// Whether progress can be drawn on standard error.
    pub(crate) fn can_redraw_err(&self) -> bool {
        self.is_process && terminal::can_redraw()
    }

    /// A page for standard output.
    pub(crate) fn out_page(&self) -> Page {
        if !self.is_process {
            return Page::PLAIN;
        }
        Page {
            color: terminal::is_colored(self.color, &io::stdout()),
            width: terminal::out_width(),
        }
    }

    /// A page for standard error.
    pub(crate) fn err_page(&self) -> Page {
        if !self.is_process {
            return Page::PLAIN;
        }
        Page {
            color: terminal::is_colored(self.color, &io::stderr()),
            width: terminal::err_width(),
        }
    }

    /// Writes an error or a warning to standard error.
    pub(crate) fn report(&mut self, message: &Message) {
        let text = message.on(self.err_page()).to_string();
        self.print_err(&text);
    }

    /// Writes to standard error, ignoring write errors.
    pub(crate) fn print_err(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
    }

    /// Writes to standard output. A reader that closes it early, as `head` does, is not an error.
    ///
    /// # Errors
    /// Fails if standard output cannot be written for any other reason.
    pub(crate) fn print_out(&mut self, text: &str) -> io::Result<()> {
        let written = self.out.write_all(text.as_bytes());
        match written.and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
}

/// Writes to the standard error of the process while its [`Streams`] are lent to a run, ignoring write
/// errors.
pub(super) fn print_err_of_process(text: &str) {
    let _ = Blocking(io::stderr()).write_all(text.as_bytes());
}
