//! The progress of a long run, drawn on a terminal and nowhere else.
//!
//! Every phase has a line of its own: its name, a bar, how much is done, the rate of this phase and
//! the time that is left. The line is made to fit the terminal, so it never wraps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flow2pcap::pipeline::{Meter, Phase};
use flow2pcap::printable::number::grouped;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::page::count;
use super::terminal;

/// How often the line is drawn again.
const PERIOD: Duration = Duration::from_millis(100);

/// Runs shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(400);

/// A rate is shown after this time; before that it says little.
const RATE_AFTER: Duration = Duration::from_millis(500);

/// Columns of the terminal if they are unknown.
const COLUMNS: usize = 80;

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
        // A run without its progress line is still good, so a system that starts no thread is ignored.
        let thread = drawer.spawn(move || draw(&meter, &stopped, &drawn)).ok();
        Self {
            drawing: thread.map(|thread| (thread, stop)),
            bar,
        }
    }

    /// Returns the bar, to suspend it.
    pub(crate) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Clears the line.
    pub(crate) fn stop(self) {
        if let Some((thread, stop)) = self.drawing {
            stop.store(true, Relaxed);
            thread.thread().unpark();
            // A thread that only draws returns nothing.
            let _ = thread.join();
        }
    }
}

fn draw(meter: &Meter, stopped: &AtomicBool, bar: &ProgressBar) {
    let mut phase = (meter.phase(), Instant::now());
    std::thread::park_timeout(PATIENCE);
    let style = ProgressStyle::with_template("{msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    while !stopped.load(Relaxed) {
        let view = View::of(meter);
        if view.phase != phase.0 {
            phase = (view.phase, Instant::now());
        }
        // The last column stays free: some terminals wrap when it is written.
        let columns = terminal::err_columns().unwrap_or(COLUMNS);
        bar.set_message(view.line(phase.1.elapsed(), columns.saturating_sub(1)));
        bar.tick();
        std::thread::park_timeout(PERIOD);
    }
    bar.finish_and_clear();
}

/// What a meter shows at one moment.
#[derive(Clone, Copy, Debug)]
struct View {
    phase: Phase,
    done: u64,
    /// 0 if unknown.
    total: u64,
    files: u64,
    files_total: u64,
    records: u64,
}

impl View {
    fn of(meter: &Meter) -> Self {
        let total = meter.total();
        let done = meter.done();
        Self {
            phase: meter.phase(),
            // The total of packets is an estimate.
            done: if total > 0 { done.min(total) } else { done },
            total,
            files: meter.files.load(Relaxed),
            files_total: meter.files_total.load(Relaxed),
            records: meter.records.load(Relaxed),
        }
    }

    /// Formats the line in at most `columns`, after `elapsed` in this phase. What does not fit is left
    /// out: first the details, then the bar.
    fn line(&self, elapsed: Duration, columns: usize) -> String {
        let name = name(self.phase);
        let variants = self.variants(elapsed);
        if self.total == 0 {
            let mut lines = variants.iter().map(|text| format!("{name}  {text}"));
            let line = lines.find(|line| line.chars().count() <= columns);
            return line.unwrap_or_else(|| name.chars().take(columns).collect());
        }
        let rooms = variants.iter().map(|text| {
            let used = name.chars().count() + text.chars().count() + " [] ".len();
            (columns.saturating_sub(used), text)
        });
        let mut fitting = rooms.filter(|(room, _)| *room >= BAR_MIN);
        match fitting.next() {
            Some((room, text)) => format!("{name} [{}] {text}", self.bar(room.min(BAR_MAX))),
            None => {
                let line = format!("{name} {}", self.percent());
                line.chars().take(columns).collect()
            }
        }
    }

    /// Formats the numbers of the line, the longest text first.
    fn variants(&self, elapsed: Duration) -> Vec<String> {
        let rate = (elapsed >= RATE_AFTER && self.done > 0).then(|| {
            #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
            let done = self.done as f64;
            done / elapsed.as_secs_f64()
        });
        let speed = rate.map_or_else(String::new, |rate| {
            format!(", {}/s", self.amount(rounded(rate)))
        });
        if self.total == 0 {
            if self.done == 0 {
                return vec![String::new()];
            }
            let amount = self.amount(self.done);
            let records = count(self.records, "line");
            return vec![
                format!("{amount}, {records}{speed}"),
                format!("{amount}{speed}"),
                amount,
            ];
        }
        let percent = self.percent();
        let left = rate.filter(|_| self.done < self.total);
        let left = left.map(|rate| {
            #[expect(clippy::cast_precision_loss, reason = "nor the time that is left")]
            let rest = (self.total - self.done) as f64;
            duration(rounded((rest / rate).ceil()))
        });
        let left = left.map_or_else(String::new, |left| format!(", {left} left"));
        let total = self.amount(self.total);
        let done = match self.phase.reads_files() {
            true => self.amount(self.done),
            false => grouped(self.done).to_string(),
        };
        let mut variants = Vec::new();
        if self.phase.reads_files() && self.files_total > 1 {
            let (files, all) = (grouped(self.files), count(self.files_total, "file"));
            variants.push(format!(
                "{percent}  {files} of {all}, {done} of {total}{speed}{left}"
            ));
        }
        variants.extend([
            format!("{percent}  {done} of {total}{speed}{left}"),
            format!("{percent}{speed}{left}"),
            format!("{percent}{left}"),
            percent,
        ]);
        variants
    }

    fn percent(&self) -> String {
        let percent = u128::from(self.done) * 100 / u128::from(self.total.max(1));
        format!("{percent:>3}%")
    }

    fn bar(&self, columns: usize) -> String {
        let all = u128::from(self.total.max(1));
        let full = u128::from(self.done) * columns as u128 / all;
        let full = usize::try_from(full).unwrap_or(columns).min(columns);
        let rest = columns - full;
        let tip = if rest > 0 { ">" } else { "" };
        format!(
            "{}{tip}{}",
            "=".repeat(full),
            " ".repeat(rest.saturating_sub(1))
        )
    }

    /// Formats an amount in the unit of the phase.
    fn amount(&self, n: u64) -> String {
        match self.phase {
            Phase::Writing => count(n, "packet"),
            Phase::Storing => count(n, "row"),
            phase if phase.reads_files() => HumanBytes(n).to_string(),
            _ => count(n, "record"),
        }
    }
}

/// Columns of the shortest bar that shows anything, and of the longest.
const BAR_MIN: usize = 8;
const BAR_MAX: usize = 40;

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Listing => "listing files",
        Phase::FindingNewest => "finding the newest record",
        Phase::Reading => "reading",
        Phase::Grouping => "grouping",
        Phase::Diagnosing => "diagnosing",
        Phase::ReadingAgain => "reading again",
        Phase::Counting => "counting",
        Phase::Writing | Phase::Storing => "writing",
        Phase::Sorting => "sorting",
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and nothing here is negative"
)]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!(
            "{} h {:02} min",
            grouped(seconds / 3_600),
            seconds / 60 % 60
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: View = View {
        phase: Phase::Reading,
        done: 512 << 20,
        total: 2 << 30,
        files: 1_000,
        files_total: 4_000,
        records: 5_000_000,
    };

    #[test]
    fn line_fits_any_terminal() {
        let elapsed = Duration::from_secs(4);
        let at = |columns| READING.line(elapsed, columns);
        assert_eq!(
            at(120),
            "reading [========>                         ]  25%  1,000 of 4,000 files, \
             512.00 MiB of 2.00 GiB, 128.00 MiB/s, 12 s left"
        );
        assert_eq!(
            at(79),
            "reading [===>           ]  25%  512.00 MiB of 2.00 GiB, 128.00 MiB/s, 12 s left"
        );
        assert_eq!(at(39), "reading [===>         ]  25%, 12 s left");
        assert_eq!(at(10), "reading  2");
        for columns in 0..200 {
            for phase in [Phase::Listing, Phase::FindingNewest, Phase::Writing] {
                for total in [0, 2 << 30] {
                    let view = View {
                        phase,
                        total,
                        ..READING
                    };
                    assert!(view.line(elapsed, columns).chars().count() <= columns);
                }
            }
        }
    }

    #[test]
    fn phase_without_a_total_has_no_bar() {
        let view = View {
            total: 0,
            ..READING
        };
        assert_eq!(
            view.line(Duration::from_secs(4), 79),
            "reading  512.00 MiB, 5,000,000 lines, 128.00 MiB/s"
        );
        assert_eq!(view.line(Duration::from_secs(4), 20), "reading  512.00 MiB");
    }

    #[test]
    fn durations_have_the_units_that_matter() {
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(61), "1 min 01 s");
        assert_eq!(duration(7_500), "2 h 05 min");
    }
}
