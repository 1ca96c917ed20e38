//! Where rows go: to standard output, to a file that appears whole or not at all, or to a test.

use std::io::{self, ErrorKind as IoKind, Write as _};
use std::path::Path;

use flow2pcap::blocking::Blocking;
use flow2pcap::error::{Error, ErrorKind};
use flow2pcap::output::Output;

/// Where rows go.
pub(super) enum RowDestination {
    Stdout(Blocking<io::Stdout>),
    File(Box<Output>),
    Memory(Vec<u8>),
}

impl RowDestination {
    /// Returns the standard output of the process.
    pub(super) fn stdout() -> Self {
        Self::Stdout(Blocking(io::stdout()))
    }

    /// Writes some bytes.
    ///
    /// # Errors
    /// Fails if they cannot be written.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Stdout(out) => {
                let written = out.write_all(bytes).and_then(|()| out.flush());
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
            Self::Stdout(_) => Ok(Vec::new()),
            Self::File(output) => output.finish().map(|_| Vec::new()),
            Self::Memory(kept) => Ok(kept),
        }
    }
}
