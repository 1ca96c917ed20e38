//! Messages of a run that is not over yet: they are printed at once, above its progress.

use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

use super::message::Message;
use super::page::Page;
use super::streams::{self, Streams};

/// Where messages go while the streams of a run are lent to it.
pub(crate) struct Notices {
    page: Page,
    is_process: bool,
    /// The messages of a run in a test, which prints them when it is over.
    kept: Mutex<String>,
}

impl Notices {
    /// Makes the notices of a run with these streams.
    pub(crate) fn on(streams: &Streams<'_>) -> Self {
        Self {
            page: streams.err_page(),
            is_process: streams.is_process(),
            kept: Mutex::default(),
        }
    }

    /// Prints a message to standard error. Write errors are ignored.
    pub(crate) fn report(&self, message: &Message, progress: &ProgressBar) {
        let text = message.on(self.page).to_string();
        if self.is_process {
            progress.suspend(|| streams::print_err_of_process(&text));
        } else {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_str(&text);
        }
    }

    /// Returns the messages that are not printed yet.
    pub(crate) fn kept(self) -> String {
        self.kept
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
