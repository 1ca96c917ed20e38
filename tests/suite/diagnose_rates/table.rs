//! What became of each fault, for a person who mends the diagnosis.

use std::collections::BTreeMap;
use std::fmt;

use testkit::vpc::{Fault, Planted};

use super::{Finding, is_right};

/// Counts of the seeds of a fault.
#[derive(Default)]
struct Row {
    /// The first finding has the most exact cause.
    exact: u64,
    /// It has another one that is accepted.
    other: u64,
    /// The seeds with a wrong cause, by that cause.
    wrong: BTreeMap<String, Vec<u64>>,
}

/// A row for each fault.
#[derive(Default)]
pub(super) struct Table {
    rows: BTreeMap<String, (Option<Fault>, Row)>,
}

impl Table {
    pub(super) fn add(&mut self, seed: u64, planted: &Planted, first: Option<&Finding>) {
        let (fault, row) = self.rows.entry(format!("{:?}", planted.fault)).or_default();
        *fault = Some(planted.fault);
        match first {
            Some(first) if first.cause == planted.causes[0] => row.exact += 1,
            Some(first) if is_right(planted, first) => row.other += 1,
            _ => {
                let said = first.map_or("nothing".to_owned(), |first| {
                    format!("{} {}", first.certainty, first.cause)
                });
                row.wrong.entry(said).or_default().push(seed);
            }
        }
    }

    /// How many seeds of these faults are wrong, and how many there are.
    pub(super) fn wrong_of(&self, fits: impl Fn(Fault) -> bool) -> (u64, u64) {
        let rows = self.rows.values();
        let rows = rows.filter(|(fault, _)| fault.is_some_and(&fits));
        rows.fold((0, 0), |(wrong, count), (_, row)| {
            let own = row.wrong.values().map(|seeds| seeds.len() as u64);
            let own = own.sum::<u64>();
            (wrong + own, count + own + row.exact + row.other)
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:20} exact other wrong", "fault")?;
        for (name, (_, row)) in &self.rows {
            let wrong: usize = row.wrong.values().map(Vec::len).sum();
            write!(f, "{name:20} {:5} {:5} {wrong:5}", row.exact, row.other)?;
            for (said, seeds) in &row.wrong {
                write!(f, "  {said}: {seeds:?}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
