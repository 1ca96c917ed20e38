//! Where the text of a run goes, and whether a person watches there.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

use flow2pcap::blocking::Blocking;

use super::page::Page;

/// Where text goes: to the streams of the process, or to a test that reads it.
///
/// A capture or a page that is sent to standard output does not go through here.
pub struct Streams<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// Whether these are the streams of the process, which then has signals and a terminal too.
    is_process: bool,
}

impl<'a> Streams<'a> {
    /// Text that a test reads: nothing of it is in color, and no signal is waited for.
    pub fn to(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self {
            out,
            err,
            is_process: false,
        }
    }

    /// Runs `work` with the streams of the process.
    pub fn with_process<T>(work: impl FnOnce(&mut Streams<'_>) -> T) -> T {
        work(&mut Streams {
            out: &mut Blocking(io::stdout()),
            err: &mut Blocking(io::stderr()),
            is_process: true,
        })
    }

    /// Whether the process is to itself: it may take signals and draw on a terminal.
    pub(crate) fn is_process(&self) -> bool {
        self.is_process
    }

    pub(crate) fn is_out_terminal(&self) -> bool {
        self.is_process && io::stdout().is_terminal()
    }

    pub(crate) fn is_err_terminal(&self) -> bool {
        self.is_process && io::stderr().is_terminal()
    }

    /// A page for standard output.
    pub(crate) fn out_page(&self) -> Page {
        Page {
            color: self.is_out_terminal(),
        }
    }

    /// A page for standard error.
    pub(crate) fn err_page(&self) -> Page {
        Page {
            color: self.is_err_terminal(),
        }
    }

    /// Writes to standard error. If nobody hears it, the run has not failed.
    pub(crate) fn tell(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
    }

    /// Writes to standard output. Whoever closes it, as `head` does, has seen enough.
    ///
    /// # Errors
    /// What else keeps it from being written.
    pub(crate) fn give(&mut self, text: &str) -> io::Result<()> {
        let written = self.out.write_all(text.as_bytes());
        match written.and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
}
