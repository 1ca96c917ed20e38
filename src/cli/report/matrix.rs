//! Which subnet sends to which: a square of sums, darker where more was sent.
//!
//! The subnets that send and receive most have a row and a column each, all others share the last.

use std::collections::BTreeMap;

use flow2pcap::metrics::{Series, Table};

use super::rows::{TableCell, measure, number};
use crate::cli::page::name;

/// Subnets that have a row and a column of their own.
const SUBNETS_MAX: usize = 12;

/// What the others are called.
const OTHERS: &str = "others";

/// Shades from nothing to the largest sum; the page's style has a class for each.
const SHADES: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "s5"];

/// A matrix of the page.
pub(super) struct Matrix {
    /// What is added up.
    pub(super) measure: &'static str,
    /// The subnets, in the order of the columns.
    pub(super) subnets: Vec<String>,
    /// A row for each subnet that sends.
    pub(super) rows: Vec<MatrixRow>,
    /// Pairs of subnets of which the table knows only the sum.
    pub(super) folded: u64,
    /// That sum.
    pub(super) rest: TableCell,
}

/// What one subnet sends.
pub(super) struct MatrixRow {
    /// The sender.
    pub(super) from: String,
    /// A cell with its shade for every subnet that receives.
    pub(super) cells: Vec<(TableCell, &'static str)>,
}

impl Matrix {
    /// The matrix of a table by source and destination subnet; none if nothing was sent.
    pub(super) fn of(table: &Table) -> Option<Self> {
        let measure = measure(table);
        let sum = |series: &Series| series.total.get(measure);
        let (named, others): (Vec<_>, Vec<_>) =
            table.series.iter().partition(|series| !series.is_other);
        let pairs = named.iter().filter_map(|series| match &series.labels[..] {
            [from, to] if sum(series) > 0 => Some((&**from, &**to, sum(series))),
            _ => None,
        });
        let subnets = largest(pairs.clone());
        let at = |name: &str| subnets.iter().position(|s| s == name);
        let last = subnets.len().checked_sub(1)?;
        let mut sums = vec![vec![0_u128; subnets.len()]; subnets.len()];
        for (from, to, sum) in pairs {
            sums[at(from).unwrap_or(last)][at(to).unwrap_or(last)] += sum;
        }
        let largest = sums.iter().flatten().max().copied().unwrap_or(0);
        let rows = subnets.iter().zip(sums).map(|(from, sums)| MatrixRow {
            from: name(from),
            cells: sums
                .into_iter()
                .map(|sum| (number(sum), shade(sum, largest)))
                .collect(),
        });
        Some(Self {
            measure: measure.name(),
            rows: rows.collect(),
            subnets: subnets.iter().map(|subnet| name(subnet)).collect(),
            folded: table.folded,
            rest: number(others.into_iter().map(sum).sum()),
        })
    }
}

/// The subnets that send and receive most, in order of their names, and `others` if there are more.
fn largest<'t>(pairs: impl Iterator<Item = (&'t str, &'t str, u128)>) -> Vec<String> {
    let mut totals: BTreeMap<&str, u128> = BTreeMap::new();
    for (from, to, sum) in pairs {
        *totals.entry(from).or_default() += sum;
        *totals.entry(to).or_default() += sum;
    }
    let mut by_total: Vec<_> = totals.into_iter().collect();
    by_total.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let has_others = by_total.len() > SUBNETS_MAX;
    by_total.truncate(SUBNETS_MAX);
    let mut names: Vec<String> = by_total
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    names.sort();
    names.extend(has_others.then(|| OTHERS.to_owned()));
    names
}

/// The shade of a sum beside the largest one: each is of ten times as much as the one before, for
/// what matters in an incident is seldom large.
fn shade(sum: u128, largest: u128) -> &'static str {
    if sum == 0 {
        return SHADES[0];
    }
    let below = (largest / sum).checked_ilog10().unwrap_or(0) as usize;
    SHADES[(SHADES.len() - 1).saturating_sub(below).max(1)]
}

#[cfg(test)]
mod tests {
    use flow2pcap::metrics::{Counts, Dimension, Measure, Question};

    use super::*;

    fn table(pairs: &[(&str, &str, u128)]) -> Table {
        let series = pairs.iter().map(|(from, to, bytes)| Series {
            labels: vec![(*from).to_owned(), (*to).to_owned()],
            is_other: false,
            total: Counts {
                bytes: *bytes,
                ..Counts::default()
            },
            points: Vec::new(),
        });
        let by = vec![Dimension::SourceSubnet, Dimension::DestinationSubnet];
        Table {
            question: Question::of(by, vec![Measure::Bytes]),
            series: series.collect(),
            folded: 0,
            is_cut: false,
            is_full: false,
        }
    }

    fn sums_by_name(matrix: &Matrix) -> Vec<(String, Vec<u128>)> {
        let rows = matrix.rows.iter();
        let sums = |row: &MatrixRow| {
            row.cells
                .iter()
                .filter_map(|(cell, _)| cell.number)
                .collect()
        };
        rows.map(|row| (row.from.clone(), sums(row))).collect()
    }

    #[test]
    fn rows_send_and_columns_receive() {
        let table = table(&[("b", "a", 1_000), ("a", "a", 999), ("internet", "b", 1)]);
        let matrix = Matrix::of(&table).unwrap();
        assert_eq!(matrix.subnets, ["a", "b", "internet"]);
        let expected = [
            ("a".to_owned(), vec![999, 0, 0]),
            ("b".to_owned(), vec![1_000, 0, 0]),
            ("internet".to_owned(), vec![0, 1, 0]),
        ];
        assert_eq!(sums_by_name(&matrix), expected);
        let shades: Vec<_> = matrix.rows.iter().map(|row| row.cells[0].1).collect();
        assert_eq!(
            (shades, matrix.rows[2].cells[1].1),
            (vec!["s5", "s5", "s0"], "s2")
        );
    }

    #[test]
    fn small_subnets_share_the_last_row_and_column_and_no_sum_is_lost() {
        let names: Vec<String> = (0..20).map(|n| format!("subnet-{n:02}")).collect();
        let pairs = names
            .iter()
            .zip(1..)
            .map(|(name, n)| (&**name, "subnet-19", n));
        let matrix = Matrix::of(&table(&pairs.collect::<Vec<_>>())).unwrap();
        assert_eq!(matrix.subnets.len(), SUBNETS_MAX + 1);
        assert_eq!(matrix.subnets.last().map(|name| &**name), Some(OTHERS));
        let sums: u128 = sums_by_name(&matrix)
            .iter()
            .flat_map(|(_, sums)| sums)
            .sum();
        assert_eq!(sums, (1..=20).sum());
    }

    #[test]
    fn nothing_sent_is_no_matrix() {
        assert!(Matrix::of(&table(&[])).is_none());
        assert!(Matrix::of(&table(&[("a", "b", 0)])).is_none());
    }
}
