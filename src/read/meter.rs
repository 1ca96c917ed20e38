//! Progress of a run, for another thread to show, and the wish of that thread that the run ends.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::archive::File;
use crate::error::{ErrorKind, Result};

/// A phase of a run, in the order in which phases come. Few runs have all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Input files are listed; how many there are is unknown.
    #[default]
    Listing,
    /// Files are read to find the newest record, from which the filter's time counts. In bytes.
    FindingNewest,
    /// Files are read. In bytes.
    Reading,
    /// Records are grouped into connections. In records.
    Grouping,
    /// Connection attempts are examined. In records.
    Diagnosing,
    /// Files are read for the second time. In bytes.
    ReadingAgain,
    /// Records of whole conversations are counted. In records.
    Counting,
    /// Packets are rebuilt and written. In packets.
    Writing,
    /// Sums are put in order; how many there are is unknown.
    Sorting,
    /// Rows of tables are written. In rows.
    Storing,
}

impl Phase {
    const ALL: [Self; 10] = [
        Self::Listing,
        Self::FindingNewest,
        Self::Reading,
        Self::Grouping,
        Self::Diagnosing,
        Self::ReadingAgain,
        Self::Counting,
        Self::Writing,
        Self::Sorting,
        Self::Storing,
    ];

    /// Whether files are read in this phase, so that its progress is in bytes.
    pub fn reads_files(self) -> bool {
        matches!(
            self,
            Self::FindingNewest | Self::Reading | Self::ReadingAgain
        )
    }
}

/// The progress of a run. Another thread may look at it during the run.
#[derive(Debug, Default)]
pub struct Meter {
    /// Number of files to read.
    pub files_total: AtomicU64,
    /// Number of bytes to read, or 0 if unknown.
    pub bytes_total: AtomicU64,
    /// Number of files read.
    pub files: AtomicU64,
    /// Number of bytes read.
    pub bytes: AtomicU64,
    /// Number of lines read.
    pub records: AtomicU64,
    /// Number of packets written.
    pub packets: AtomicU64,
    /// The index of the phase in [`Phase::ALL`].
    phase: AtomicU8,
    /// Records or packets that the phase has finished.
    done: AtomicU64,
    /// Records or packets of the phase; 0 if unknown.
    total: AtomicU64,
    /// Whether another thread wants the run to end.
    is_stopped: AtomicBool,
    /// When the run ends if it is not complete.
    deadline: Option<Instant>,
}

impl Meter {
    /// Creates a meter of a run that fails with [`ErrorKind::Late`] soon after `deadline`.
    pub fn until(deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..Self::default()
        }
    }

    /// Lets the run fail with [`ErrorKind::Stopped`] soon, from any thread.
    pub fn stop(&self) {
        self.is_stopped.store(true, Relaxed);
    }

    /// Called between two pieces of work, each of which takes a fraction of a second; also by who makes something of
    /// the result.
    ///
    /// # Errors
    /// The run is to end: [`ErrorKind::Stopped`] or [`ErrorKind::Late`].
    pub fn check(&self) -> Result<()> {
        if self.is_stopped.load(Relaxed) {
            return Err(ErrorKind::Stopped.into());
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(ErrorKind::Late.into()),
            _ => Ok(()),
        }
    }

    /// Returns the present phase.
    pub fn phase(&self) -> Phase {
        let index = usize::from(self.phase.load(Relaxed));
        Phase::ALL.get(index).copied().unwrap_or_default()
    }

    /// Returns how much of the present phase is done, in its unit.
    pub fn done(&self) -> u64 {
        let done = self.done.load(Relaxed);
        match self.phase() {
            phase if phase.reads_files() => self.bytes.load(Relaxed),
            // Each packet is rebuilt and then written, which takes about the same time.
            Phase::Writing => done.saturating_add(self.packets.load(Relaxed)) / 2,
            _ => done,
        }
    }

    /// Returns how much the present phase has to do, in its unit; 0 if that is unknown. The number of
    /// packets is an estimate.
    pub fn total(&self) -> u64 {
        match self.phase().reads_files() {
            true => self.bytes_total.load(Relaxed),
            false => self.total.load(Relaxed),
        }
    }

    /// Begins a phase that has `total` records or packets to work on; 0 if that is unknown.
    pub(crate) fn begin(&self, phase: Phase, total: u64) {
        self.done.store(0, Relaxed);
        self.total.store(total, Relaxed);
        let index = Phase::ALL.iter().position(|known| *known == phase);
        let index = index.and_then(|index| u8::try_from(index).ok());
        self.phase.store(index.unwrap_or_default(), Relaxed);
    }

    /// Counts records that the phase has finished, or packets that were rebuilt.
    pub(crate) fn add(&self, done: u64) {
        self.done.fetch_add(done, Relaxed);
    }

    /// Begins to read `files`, to find the newest record or for their contents.
    pub(crate) fn begin_reading(&self, files: &[File], is_for_newest: bool) {
        let bytes = files.iter().map(|file| file.len).sum();
        self.files_total.store(files.len() as u64, Relaxed);
        self.bytes_total.store(bytes, Relaxed);
        for done in [&self.files, &self.bytes, &self.records] {
            done.store(0, Relaxed);
        }
        let phase = match self.phase() {
            _ if is_for_newest => Phase::FindingNewest,
            before if before >= Phase::Reading => Phase::ReadingAgain,
            _ => Phase::Reading,
        };
        self.begin(phase, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_goes_on_until_it_is_stopped_or_late() {
        let meter = Meter::default();
        assert!(meter.check().is_ok());
        meter.stop();
        let stopped = meter.check().unwrap_err();
        assert!(matches!(stopped.kind(), ErrorKind::Stopped));
        let now = Instant::now();
        let later = Meter::until(now + std::time::Duration::from_secs(3600));
        assert!(later.check().is_ok());
        let late = Meter::until(now).check().unwrap_err();
        assert!(matches!(late.kind(), ErrorKind::Late));
    }

    #[test]
    fn phases_have_their_own_units() {
        let meter = Meter::default();
        assert_eq!(meter.phase(), Phase::Listing);
        meter.begin_reading(&[], false);
        meter.bytes.store(7, Relaxed);
        assert_eq!((meter.phase(), meter.done()), (Phase::Reading, 7));
        meter.begin(Phase::Writing, 10);
        meter.add(10);
        meter.packets.store(4, Relaxed);
        assert_eq!((meter.done(), meter.total()), (7, 10));
        meter.begin_reading(&[], false);
        assert_eq!((meter.phase(), meter.done()), (Phase::ReadingAgain, 0));
    }
}
