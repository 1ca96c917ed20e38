//! How far a long run has come, on a terminal and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use flow2pcap::pipeline::Meter;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// How often the line is drawn again.
const PERIOD: Duration = Duration::from_millis(100);

/// Runs shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(400);

/// A line on stderr that is redrawn until it is stopped.
pub(crate) struct ProgressLine {
    drawing: Option<(JoinHandle<()>, Arc<AtomicBool>)>,
    bar: ProgressBar,
}

impl ProgressLine {
    /// Begins to show `meter`, if `shown`.
    pub(crate) fn start(meter: &Arc<Meter>, shown: bool) -> Self {
        if !shown {
            let bar = ProgressBar::hidden();
            return Self { drawing: None, bar };
        }
        let (meter, stop) = (Arc::clone(meter), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let bar = ProgressBar::no_length();
        let drawn = bar.clone();
        let drawer = std::thread::Builder::new();
        // Nobody misses the line where the system gives no thread.
        let thread = drawer.spawn(move || draw(&meter, &stopped, &drawn)).ok();
        Self {
            drawing: thread.map(|thread| (thread, stop)),
            bar,
        }
    }

    /// What is drawn.
    pub(crate) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Clears the line.
    pub(crate) fn stop(self) {
        if let Some((thread, stop)) = self.drawing {
            stop.store(true, Relaxed);
            thread.thread().unpark();
            // A thread that only draws has nothing to report.
            let _ = thread.join();
        }
    }
}

fn draw(meter: &Meter, stopped: &AtomicBool, bar: &ProgressBar) {
    std::thread::park_timeout(PATIENCE);
    let style = "{spinner} {msg}  {bytes}/{total_bytes}  {binary_bytes_per_sec}  {elapsed}";
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    while !stopped.load(Relaxed) {
        bar.set_length(meter.bytes_total.load(Relaxed));
        bar.set_position(meter.bytes.load(Relaxed));
        bar.set_message(message(meter));
        bar.tick();
        std::thread::park_timeout(PERIOD);
    }
    bar.finish_and_clear();
}

fn message(meter: &Meter) -> String {
    let load = |count: &AtomicU64| HumanCount(count.load(Relaxed));
    let read = format!(
        "{} of {} files, {} records",
        load(&meter.files),
        load(&meter.files_total),
        load(&meter.records)
    );
    match meter.packets.load(Relaxed) {
        0 => format!("reading {read}"),
        packets => format!("read {read}; writing, {} packets", HumanCount(packets)),
    }
}
