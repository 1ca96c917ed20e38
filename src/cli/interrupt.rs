//! What a signal does to a run: it ends, leaves nothing half done, and says what there is. And who
//! says why a run fails: one thread, once.
//!
//! Nobody hears of SIGKILL; what it leaves is removed by the next run ([`Output`]).
//!
//! Where memory or threads run out, several threads notice it at the same time. The first one says
//! why the process ends, and ends it.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use flow2pcap::output::{Left, Output};
use indicatif::ProgressBar;

/// Whether a thread has claimed the last words.
static ARE_SAID: AtomicBool = AtomicBool::new(false);

/// Whether a signal has come. What fails behind that fails for want of what was removed.
static CAUGHT: AtomicBool = AtomicBool::new(false);

/// Lets SIGINT, SIGTERM and SIGHUP end the process, and clear `bar`, which is drawn on stderr.
///
/// # Errors
/// The system takes no handler, or gives no thread.
pub(crate) fn watch(bar: ProgressBar) -> anyhow::Result<()> {
    system::on_signal(move |signal| {
        CAUGHT.store(true, SeqCst);
        // First, for stderr may be a terminal that is stopped.
        let left = Output::abandon_all();
        // Nothing is drawn any more while the bar is suspended, and that is for good.
        bar.suspend(|| {
            // If nobody hears it, that changes nothing.
            let _ = writeln!(std::io::stderr(), "flow2pcap: interrupted, {}", words(left));
            std::process::exit(128 + signal)
        })
    })
}

fn words(left: Left) -> &'static str {
    match left {
        Left::Nothing => "no output written",
        Left::Cut => "what was written is not whole",
        Left::Whole => "but the output is whole",
    }
}

/// Gives what was made of a run back, unless a signal has come: then the thread that heard of it
/// has the last word.
pub(crate) fn unless_caught<T>(made: T) -> T {
    while CAUGHT.load(SeqCst) {
        std::thread::park();
    }
    made
}

/// Whether the caller is the first to ask, in this process. If not, another thread is ending it.
pub fn claim_last_words() -> bool {
    !ARE_SAID.swap(true, SeqCst)
}

/// Whether a thread has claimed them.
pub fn are_last_words_said() -> bool {
    ARE_SAID.load(SeqCst)
}

/// Lets a write beyond `ulimit -f` fail like one to a full disk, where it would kill the process.
///
/// # Errors
/// The system takes no handler.
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

    /// Signals that whoever started the process has it ignore, as `nohup` does, by bit: 0 is
    /// signal 1. None where the system does not tell (proc(5), "SigIgn").
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap_or(0))
    }

    pub(super) fn outlive_size_limit() -> io::Result<()> {
        // Being handled, it does not kill. That it came shows in what the write returns.
        let heard = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, heard)?;
        Ok(())
    }
}

#[cfg(not(unix))]
mod system {
    /// SIGINT, by which a console's Ctrl-C goes there.
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
