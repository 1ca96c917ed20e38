//! How signals and failures end a run: nothing half done is left, and one message says why.
//!
//! A SIGKILL cannot be handled; the next run removes what it leaves ([`Output`]).
//!
//! If memory or threads run out, several threads notice it at the same time. The first one prints the
//! message and ends the process.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use flow2pcap::output::{Left, Output};
use indicatif::ProgressBar;

use super::message::Message;
use super::page::Page;

/// Whether a thread has claimed the last words.
static ARE_SAID: AtomicBool = AtomicBool::new(false);

/// Whether a signal has come. Failures after it are caused by the removal of unfinished files.
static CAUGHT: AtomicBool = AtomicBool::new(false);

/// Lets SIGINT, SIGTERM and SIGHUP end the process. The message goes to `page` on stderr, after `bar`,
/// which is drawn there too, is cleared. Without a page, there is no message, and the end is a good one.
///
/// # Errors
/// Fails if the system accepts no handler or starts no thread.
pub(crate) fn watch(bar: ProgressBar, page: Option<Page>) -> anyhow::Result<()> {
    system::on_signal(move |signal| {
        CAUGHT.store(true, SeqCst);
        // First, because stderr may be a terminal that is stopped.
        let left = Output::abandon_all();
        let Some(page) = page else {
            std::process::exit(0)
        };
        // Nothing is drawn while the bar is suspended, and it never resumes.
        bar.suspend(|| {
            let message = Message::error(format!("interrupted; {}", words(left)));
            // A message that cannot be written changes nothing.
            let text = message.on(page).to_string();
            let _ = std::io::stderr().write_all(text.as_bytes());
            std::process::exit(128 + signal)
        })
    })
}

fn words(left: Left) -> &'static str {
    match left {
        Left::Nothing => "no output written",
        Left::Cut => "the output is incomplete",
        Left::Whole => "the output is complete",
    }
}

/// Returns the result of a run, unless a signal has come: then the thread that handles it ends the
/// process.
pub(crate) fn unless_caught<T>(result: T) -> T {
    while CAUGHT.load(SeqCst) {
        std::thread::park();
    }
    result
}

/// Whether the caller is the first of this process to ask. If not, another thread is ending it.
pub fn claim_last_words() -> bool {
    !ARE_SAID.swap(true, SeqCst)
}

/// Whether a thread has claimed the last words.
pub fn are_last_words_said() -> bool {
    ARE_SAID.load(SeqCst)
}

/// Makes a write beyond `ulimit -f` fail like one to a full disk. Otherwise it would kill the process.
///
/// # Errors
/// Fails if the system accepts no handler.
pub(crate) fn outlive_size_limit() -> std::io::Result<()> {
    system::outlive_size_limit()
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::sync::{Arc, atomic::AtomicBool};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    pub(super) fn on_signal(end: impl FnOnce(i32) + Send + 'static) -> anyhow::Result<()> {
        let ignored = ignored();
        let ending = [SIGHUP, SIGINT, SIGTERM];
        let heard = ending.into_iter().filter(|n| ignored >> (n - 1) & 1 == 0);
        let mut signals = Signals::new(heard)?;
        std::thread::Builder::new().spawn(move || {
            if let Some(signal) = signals.forever().next() {
                end(signal);
            }
        })?;
        Ok(())
    }

    /// Signals that the parent process set to be ignored, as `nohup` does: bit 0 is signal 1. No bit is
    /// set if the system does not report them (proc(5), "SigIgn").
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap_or(0))
    }

    pub(super) fn outlive_size_limit() -> io::Result<()> {
        // A signal that is handled does not kill. The write reports the failure.
        let heard = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, heard)?;
        Ok(())
    }
}

#[cfg(not(unix))]
mod system {
    /// The number of SIGINT, which Ctrl-C in a console corresponds to.
    const INTERRUPT: i32 = 2;

    pub(super) fn on_signal(end: impl FnOnce(i32) + Send + 'static) -> anyhow::Result<()> {
        let mut end = Some(end);
        ctrlc::set_handler(move || {
            if let Some(end) = end.take() {
                end(INTERRUPT);
            }
        })?;
        Ok(())
    }

    pub(super) fn outlive_size_limit() -> std::io::Result<()> {
        Ok(())
    }
}
