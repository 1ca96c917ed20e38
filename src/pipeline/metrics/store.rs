//! Storage for cells, grouped by series, until all packets are counted.
//!
//! Each thread counts separately and adds its cells here, so a cell comes in many parts, from all
//! threads. The size of a series is known only when all its parts are there. A bucket is collected
//! at once only if it fits in memory; otherwise it is divided first, in the same way as
//! conversations.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::metrics::ranking::TooManyBuckets;
use crate::metrics::tally::{add_cell, begin_ns, question, series};
use crate::metrics::{
    CELLS_MAX, CellMap, Counts, Every, Point, Question, Ranking, SeriesCell, Table, Tally,
};
use crate::pipeline::settling::conversations::{BUCKETS, LEVELS, bucket};
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::time::joined;

/// Number of cells at which a tally is emptied.
const TALLY_MAX: usize = 1 << 16;

/// The most bytes of cells collected at once; this many hold fewer than [`CELLS_MAX`] cells.
const COLLECTED_MAX: usize = 16 << 20;

/// The part of the memory limit that is collected at once, if that is less.
const COLLECTED_SHARE: usize = 16;

/// Cells on their way from the counting threads to the answers.
pub(crate) struct Store<'a> {
    every: Every,
    questions: &'a [Question],
    cells: Buckets<'a>,
    span_ns: Mutex<Option<(i64, i64)>>,
}

impl<'a> Store<'a> {
    /// Creates an empty store; about `held_max` bytes stay in memory.
    pub(crate) fn new(
        every: Every,
        questions: &'a [Question],
        held_max: usize,
        folder: &'a SpillFolder,
    ) -> Self {
        Self {
            every,
            questions,
            cells: Buckets::new(BUCKETS, held_max, folder),
            span_ns: Mutex::default(),
        }
    }

    /// Creates a tally for the questions of this store.
    pub(crate) fn tally(&self) -> Tally<'a> {
        Tally::new(self.every, self.questions)
    }

    /// Adds the cells of a tally, if there are many.
    ///
    /// # Errors
    /// There is no space for them.
    pub(crate) fn put_if_large(&self, tally: &mut Tally<'_>) -> Result<()> {
        if tally.len() < TALLY_MAX {
            return Ok(());
        }
        self.put(tally)
    }

    /// Adds the cells of a tally.
    ///
    /// # Errors
    /// There is no space for them.
    pub(crate) fn put(&self, tally: &mut Tally<'_>) -> Result<()> {
        self.put_cells(tally.take_cells(), tally.span_ns())
    }

    /// Returns the length of a time bucket.
    pub(crate) fn every(&self) -> Every {
        self.every
    }

    /// Returns the questions.
    pub(crate) fn questions(&self) -> &'a [Question] {
        self.questions
    }

    /// Adds cells, and the time buckets in which something was counted.
    ///
    /// # Errors
    /// There is no space for them.
    pub(crate) fn put_cells(&self, cells: CellMap, span_ns: Option<(i64, i64)>) -> Result<()> {
        let mut bytes = Vec::new();
        for (key, counts) in cells {
            bytes.clear();
            SeriesCell { key: &key, counts }.put(&mut bytes);
            self.cells.put(bucket(series(&key), 0), &bytes)?;
        }
        let mut known_ns = lock(&self.span_ns);
        *known_ns = joined(*known_ns, span_ns);
        Ok(())
    }

    /// Returns the folder for what does not fit in memory.
    pub(crate) fn folder(&self) -> &'a SpillFolder {
        self.cells.folder()
    }

    /// Returns the start of the first and of the last bucket in which anything was counted.
    pub(crate) fn span_ns(&self) -> Option<(i64, i64)> {
        *lock(&self.span_ns)
    }

    /// Returns the answers, in the order of the questions.
    ///
    /// # Errors
    /// Temporary files cannot be read, or there are too many time buckets.
    pub(crate) fn tables(self) -> Result<Vec<Table>> {
        let rankings = self.questions.iter();
        let rankings =
            rankings.map(|question| Mutex::new(Ranking::new(question, question.cells_max())));
        let rankings: Vec<Mutex<Ranking<'_>>> = rankings.collect();
        let buckets = (0..BUCKETS).into_par_iter();
        buckets.try_for_each(|bucket| {
            self.collect(&self.cells, bucket, 1, &|cells| rank(cells, &rankings))
        })?;
        let span_ns = self.span_ns();
        let rankings = rankings.into_iter().map(|ranking| {
            let ranking = ranking.into_inner().unwrap_or_else(PoisonError::into_inner);
            ranking.table(self.every, span_ns)
        });
        Ok(rankings.collect())
    }

    /// Passes on each cell once, in an order that is the same for the same cells.
    ///
    /// # Errors
    /// Temporary files cannot be read, or `take_in` fails.
    pub(crate) fn each_cell(
        &self,
        take_in: impl FnMut(&[u8], Counts) -> Result<()> + Send,
    ) -> Result<()> {
        let take_in = Mutex::new(take_in);
        (0..BUCKETS).try_for_each(|bucket| {
            self.collect(&self.cells, bucket, 1, &|cells| {
                let mut take_in = lock(&take_in);
                let mut cells = sorted(cells).into_iter();
                cells.try_for_each(|(key, counts)| take_in(&key, counts))
            })
        })
    }

    /// Collects a bucket that was filled by the byte of the hash before `level`.
    fn collect(
        &self,
        cells: &Buckets<'_>,
        from: usize,
        level: u32,
        take_in: &(dyn Fn(CellMap) -> Result<()> + Sync),
    ) -> Result<()> {
        let collected_max = COLLECTED_MAX.min(self.cells.held_max() / COLLECTED_SHARE);
        if cells.len(from) > collected_max && level < LEVELS {
            let parts = Buckets::new(BUCKETS, collected_max, self.cells.folder());
            let mut bytes = Vec::new();
            for_each_cell(cells, from, |cell| {
                bytes.clear();
                cell.put(&mut bytes);
                parts.put(bucket(series(cell.key), level), &bytes)
            })?;
            return (0..BUCKETS).try_for_each(|b| self.collect(&parts, b, level + 1, take_in));
        }
        let mut collected = CellMap::default();
        for_each_cell(cells, from, |cell| {
            add_cell(&mut collected, cell.key, &cell.counts);
            if collected.len() > CELLS_MAX {
                // With this many cells under one hash, they belong to one series.
                return Err(too_many(TooManyBuckets));
            }
            Ok(())
        })?;
        take_in(collected)
    }
}

fn for_each_cell(
    cells: &Buckets<'_>,
    bucket: usize,
    mut take_in: impl FnMut(SeriesCell<'_>) -> Result<()>,
) -> Result<()> {
    cells.drain(bucket, |part| {
        let mut rest = &part[..];
        while let Some(cell) = SeriesCell::take(&mut rest) {
            take_in(cell)?;
        }
        Ok(())
    })
}

/// Passes whole series to the rankings of their questions.
fn rank(cells: CellMap, rankings: &[Mutex<Ranking<'_>>]) -> Result<()> {
    for cells in sorted(cells).chunk_by(|a, b| series(&a.0) == series(&b.0)) {
        let points = cells.iter().map(|(key, counts)| Point {
            begin_ns: begin_ns(key),
            counts: counts.clone(),
        });
        let series = series(&cells[0].0);
        let mut ranking = lock(&rankings[question(series)]);
        ranking.offer(series, points.collect()).map_err(too_many)?;
    }
    Ok(())
}

/// Returns cells in order of their keys.
fn sorted(cells: CellMap) -> Vec<(Box<[u8]>, Counts)> {
    let mut cells: Vec<_> = cells.into_iter().collect();
    cells.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    cells
}

fn too_many(_: TooManyBuckets) -> Error {
    ErrorKind::TooManyBuckets { limit: CELLS_MAX }.into()
}

/// A panic cannot leave the value incomplete.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Eni;
    use crate::flow::Way;
    use crate::flow::observation::tests::viewed;
    use crate::metrics::{Dimension, Measure, PacketFacts};

    /// Returns the table of packets by source, for `sources` sources in three time buckets.
    fn answer(sources: u32, held_max: usize, backwards: bool) -> (Table, u64) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let by = vec![Dimension::SourceAddress];
        let questions = [Question {
            top: Some(10),
            ..Question::of(by, vec![Measure::Packets])
        }];
        let store = Store::new(Every::default(), &questions, held_max, &folder);
        let mut tally = store.tally();
        for i in 0..3 * sources {
            let i = if backwards { 3 * sources - 1 - i } else { i };
            let mut o = viewed(Way::Up, 1 + u64::from(i % sources % 97), 40, 0, 0, 2);
            o.key.low.address = std::net::Ipv4Addr::from(i % sources).into();
            o.start_ns = i64::from(i % 3) * Every::default().ns();
            o.end_ns = o.start_ns;
            tally.count(&PacketFacts {
                observation: &o,
                eni: &Eni::default(),
                subnets: None,
                outcome: None,
                words: None,
            });
            if tally.len() == 1000 {
                store.put(&mut tally).unwrap();
            }
        }
        store.put(&mut tally).unwrap();
        let mut tables = store.tables().unwrap();
        (tables.remove(0), folder.spilled())
    }

    #[test]
    fn result_does_not_depend_on_memory_or_order() {
        let (table, spilled) = answer(20_000, usize::MAX, false);
        assert_eq!((spilled, table.folded), (0, 19_990));
        let packets: u128 = (0..20_000).map(|i| 3 * (1 + i % 97)).sum();
        assert_eq!(
            table.series.iter().map(|s| s.total.packets).sum::<u128>(),
            packets
        );
        assert_eq!(table.series[0].labels, ["0.0.0.96"]);
        assert_eq!(table.series[0].total.packets, 3 * 97);
        for (held_max, backwards) in [(1 << 20, true), (0, false)] {
            let (same, spilled) = answer(20_000, held_max, backwards);
            assert!(spilled > 0);
            assert!(same == table, "in {held_max}");
        }
    }
}
