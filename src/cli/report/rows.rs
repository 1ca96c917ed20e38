//! Tables of a page: sums with what they are of, which a reader may sort.

use flow2pcap::diagnosis::ErrorResponse;
use flow2pcap::metrics::{Measure, Table};

use super::timeline::{Axis, PictureLayer};
use crate::cli::page::{instant, name, wide};

/// A table of a page.
pub(super) struct PageTable {
    /// What it shows.
    pub(super) title: String,
    /// The column heads.
    pub(super) heads: Vec<TableHead>,
    /// The rows, each with a cell for every column.
    pub(super) rows: Vec<Vec<TableCell>>,
    /// The largest number of the last column that has a bar beside it; 0 for none.
    pub(super) bar_max: u128,
}

/// The head of a column.
pub(super) struct TableHead {
    /// What it is called.
    pub(super) name: String,
    /// Whether the column has numbers.
    pub(super) is_number: bool,
}

/// A cell: a text, or a number as a person reads it.
pub(super) struct TableCell {
    /// As it is read.
    pub(super) text: String,
    /// As it sorts.
    pub(super) number: Option<u128>,
    /// Whether a bar shows its size.
    pub(super) has_bar: bool,
}

impl PageTable {
    /// Makes a table of error responses of load balancers, and why they were given.
    pub(super) fn error_responses(groups: &[ErrorResponse]) -> Self {
        let row = |group: &ErrorResponse| {
            let target = group.target.map(|target| target.to_string());
            let finding = group.finding.map(|number| number.to_string());
            vec![
                number(group.count.into()),
                text(&name(&group.balancer)),
                number(group.status.into()),
                text(&target.unwrap_or_default()),
                text(&group.first),
                text(&group.last),
                text(&finding.unwrap_or_default()),
                text(&group.why),
            ]
        };
        let heads = [
            ("requests", true),
            ("load balancer", false),
            ("status", true),
            ("target", false),
            ("first", false),
            ("last", false),
            ("finding", false),
            ("why", false),
        ];
        Self {
            title: "Errors that load balancers answered with".to_owned(),
            heads: heads.map(|(name, is_number)| head(name, is_number)).into(),
            rows: groups.iter().map(row).collect(),
            bar_max: 0,
        }
    }
}

impl TableCell {
    /// A cell with a text.
    pub(super) fn text(cell: &str) -> Self {
        text(cell)
    }
}

fn head(name: &str, is_number: bool) -> TableHead {
    TableHead {
        name: name.to_owned(),
        is_number,
    }
}

fn text(text: &str) -> TableCell {
    TableCell {
        text: text.to_owned(),
        number: None,
        has_bar: false,
    }
}

pub(super) fn number(number: u128) -> TableCell {
    TableCell {
        text: wide(number),
        number: Some(number),
        has_bar: false,
    }
}

impl PageTable {
    /// A table of texts only.
    pub(super) fn of_texts(title: &str, heads: &[&str], rows: Vec<Vec<TableCell>>) -> Self {
        Self {
            title: title.to_owned(),
            heads: heads.iter().map(|name| head(name, false)).collect(),
            rows,
            bar_max: 0,
        }
    }

    /// The series of a table, the largest first, with their sums over the whole time.
    pub(super) fn largest(title: &str, names: &[&str], table: &Table) -> Self {
        let measures = &table.question.measures;
        let heads = names.iter().map(|name| head(name, false));
        let sums = measures.iter().map(|measure| head(measure.name(), true));
        let first = |total: &flow2pcap::metrics::Counts| {
            measures.first().map_or(0, |measure| total.get(*measure))
        };
        let named = table.series.iter().filter(|series| !series.is_other);
        let bar_max = named.map(|series| first(&series.total)).max().unwrap_or(0);
        // A connection may begin with a record that counts for another one: a sum of nothing.
        let named = table
            .series
            .iter()
            .filter(|series| first(&series.total) > 0);
        let rows = named.map(|series| {
            let labels: Vec<String> = if series.is_other {
                let mut labels = vec![String::new(); series.labels.len()];
                labels[0] = format!("{} others", wide(table.folded.into()));
                labels
            } else {
                series.labels.iter().map(|value| name(value)).collect()
            };
            let mut cells: Vec<TableCell> = labels.iter().map(|label| text(label)).collect();
            cells.extend(
                measures
                    .iter()
                    .map(|measure| number(series.total.get(*measure))),
            );
            if let Some(cell) = cells.get_mut(names.len()) {
                cell.has_bar = !series.is_other;
            }
            cells
        });
        Self {
            title: title.to_owned(),
            heads: heads.chain(sums).collect(),
            rows: rows.collect(),
            bar_max,
        }
    }

    /// What a picture shows, in numbers: a row for each stretch in which there was something.
    pub(super) fn stretches(title: &str, axis: Axis, layers: &[PictureLayer]) -> Self {
        let heads = layers.iter().map(|layer| head(&layer.name, true));
        let rows = (0..axis.stretches).map(|nth| {
            let begin = text(&instant(axis.at_s(nth).saturating_mul(1_000_000_000)));
            let sums = layers.iter().map(|layer| number(layer.sums[nth]));
            std::iter::once(begin).chain(sums).collect::<Vec<_>>()
        });
        let is_empty = |row: &Vec<TableCell>| row.iter().all(|cell| cell.number.unwrap_or(0) == 0);
        Self {
            title: title.to_owned(),
            heads: std::iter::once(head("start (UTC)", false))
                .chain(heads)
                .collect(),
            rows: rows.filter(|row| !is_empty(row)).collect(),
            bar_max: 0,
        }
    }
}

/// The measure that a table's question names first.
pub(super) fn measure(table: &Table) -> Measure {
    let first = table.question.measures.first();
    first.copied().unwrap_or(Measure::Packets)
}
