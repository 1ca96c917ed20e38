//! Where rows go: to standard output, to a file that appears whole or not at all, or to a test.

use std::io::{self, ErrorKind as IoKind, Write as _};
use std::path::Path;

use flow2pcap::blocking::Blocking;
use flow2pcap::error::{Error, ErrorKind};
use flow2pcap::output::Output;
use indicatif::ProgressBar;

/// Where rows go.
pub(super) enum RowDestination {
    Stdout {
        out: Blocking<io::Stdout>,
        is_terminal: bool,
        /// What is drawn on the terminal meanwhile.
        bar: ProgressBar,
    },
    File(Box<Output>),
    Memory(Vec<u8>),
}

impl RowDestination {
    /// Returns the standard output of the process.
    pub(super) fn stdout(is_terminal: bool) -> Self {
        Self::Stdout {
            out: Blocking(io::stdout()),
            is_terminal,
            bar: ProgressBar::hidden(),
        }
    }

    /// Clears what `drawn` draws before each write to a terminal.
    pub(super) fn clear_before_writing(&mut self, drawn: &ProgressBar) {
        if let Self::Stdout { bar, .. } = self {
            *bar = drawn.clone();
        }
    }

    /// Writes some bytes.
    ///
    /// # Errors
    /// Fails if they cannot be written.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Stdout {
                out,
                is_terminal,
                bar,
            } => {
                let mut write = || out.write_all(bytes).and_then(|()| out.flush());
                let written = match is_terminal {
                    true => bar.suspend(write),
                    false => write(),
                };
                written.map_err(|error| match error.kind() {
                    IoKind::BrokenPipe => Error::from(ErrorKind::ReaderGone {
                        path: "standard output".into(),
                    }),
                    _ => Error::write(Path::new("standard output"), error),
                })
            }
            Self::File(output) => output.write_all(bytes),
            Self::Memory(kept) => {
                kept.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Completes a file.
    ///
    /// # Errors
    /// Fails if it cannot be completed.
    pub(super) fn finish(self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Stdout { .. } => Ok(Vec::new()),
            Self::File(output) => output.finish().map(|_| Vec::new()),
            Self::Memory(kept) => Ok(kept),
        }
    }
}
