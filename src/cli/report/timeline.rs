//! Sums over time, brought to one axis that has few enough stretches to be drawn.

use flow2pcap::metrics::{Measure, Table};
use flow2pcap::time::SECOND_NS;

/// Stretches that are drawn; where there are more, as over many years, neighbors are joined.
const DRAWN_MAX: i64 = 120;

/// The time that all pictures of a page show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// When the first stretch begins, seconds since the Unix epoch.
    pub(super) begin_s: i64,
    /// How long a stretch is, seconds.
    pub(super) step_s: i64,
    /// How many there are.
    pub(super) stretches: usize,
}

impl Axis {
    /// An axis of stretches that are no shorter than this, and that holds all points of a table;
    /// none if it has none.
    pub(super) fn of(table: &Table, shortest_s: i64) -> Option<Self> {
        let points = table.series.iter().flat_map(|series| &series.points);
        let begins_s = points.map(|point| point.begin_ns / SECOND_NS);
        let (first, last) = (begins_s.clone().min()?, begins_s.max()?);
        let mut step_s = shortest_s;
        while last.div_euclid(step_s) - first.div_euclid(step_s) >= DRAWN_MAX {
            step_s *= 2;
        }
        let begin_s = first - first.rem_euclid(step_s);
        let stretches = usize::try_from((last - begin_s) / step_s).unwrap_or(0) + 1;
        Some(Self {
            begin_s,
            step_s,
            stretches,
        })
    }

    /// When the nth stretch begins, seconds since the Unix epoch.
    pub(super) fn at_s(self, nth: usize) -> i64 {
        self.begin_s + self.step_s * i64::try_from(nth).unwrap_or(0)
    }

    /// How many of these instants, nanoseconds since the Unix epoch, are in each stretch.
    pub(super) fn counted(self, instants_ns: impl Iterator<Item = i64>) -> Vec<u128> {
        let mut sums = vec![0; self.stretches];
        for instant_ns in instants_ns {
            if let Some(nth) = self.nth(instant_ns.div_euclid(SECOND_NS)) {
                sums[nth] += 1;
            }
        }
        sums
    }

    /// Whether a second since the Unix epoch is on it.
    pub(super) fn holds(self, at_s: i64) -> bool {
        self.nth(at_s).is_some()
    }

    fn nth(self, at_s: i64) -> Option<usize> {
        let nth = usize::try_from((at_s - self.begin_s).div_euclid(self.step_s)).ok()?;
        (nth < self.stretches).then_some(nth)
    }
}

/// One series, stretch by stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PictureLayer {
    /// What it is called.
    pub(super) name: String,
    /// Its color, as the page's style names it.
    pub(super) class: &'static str,
    /// Whether it counts what failed.
    pub(super) is_failure: bool,
    /// Its sums.
    pub(super) sums: Vec<u128>,
}

/// Colors for what has none of its own.
const PALETTE: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

/// The series of a table on this axis.
pub(super) fn layers(table: &Table, measure: Measure, axis: Axis) -> Vec<PictureLayer> {
    let mut free = PALETTE.iter().cycle();
    let series = table.series.iter();
    let mut layers: Vec<PictureLayer> = series
        .map(|series| {
            let mut sums = vec![0; axis.stretches];
            for point in &series.points {
                if let Some(nth) = axis.nth(point.begin_ns / SECOND_NS) {
                    sums[nth] += point.counts.get(measure);
                }
            }
            let name = series.labels.join(" ");
            let own = own_class(&name);
            let class = own.unwrap_or_else(|| free.next().copied().unwrap_or(PALETTE[0]));
            PictureLayer {
                is_failure: is_failure(&name),
                name,
                class,
                sums,
            }
        })
        .collect();
    // Successful traffic is the lowest layer.
    layers.sort_by_key(|layer| layer.class != "good");
    layers
}

/// The color class of series that mean the same in all charts.
fn own_class(name: &str) -> Option<&'static str> {
    match name {
        "ACCEPT" | "complete" => Some("good"),
        "REJECT" | "rejected" => Some("bad"),
        _ => None,
    }
}

/// Whether a series counts what failed.
fn is_failure(name: &str) -> bool {
    let failures = [
        "REJECT",
        "rejected",
        "refused",
        "reset",
        "half-open",
        "unanswered",
    ];
    failures.contains(&name)
}

#[cfg(test)]
mod tests {
    use flow2pcap::metrics::{Counts, Dimension, Point, Question, Series};

    use super::*;

    fn series(label: &str, begins_s: &[i64]) -> Series {
        let counts = Counts {
            packets: 1,
            ..Counts::default()
        };
        let points = begins_s.iter().map(|begin_s| Point {
            begin_ns: begin_s * SECOND_NS,
            counts: counts.clone(),
        });
        Series {
            labels: vec![label.to_owned()],
            is_other: false,
            total: counts.clone(),
            points: points.collect(),
        }
    }

    fn table(series: Vec<Series>) -> Table {
        Table {
            question: Question::of(vec![Dimension::Action], vec![Measure::Packets]),
            series,
            folded: 0,
            is_cut: false,
            is_full: false,
        }
    }

    #[test]
    fn stretches_are_joined_where_longer_ones_are_asked_for_and_no_sum_is_lost() {
        let table = table(vec![
            series("REJECT", &[60, 120, 900]),
            series("ACCEPT", &[60]),
        ]);
        let axis = Axis::of(&table, 900).unwrap();
        assert_eq!((axis.begin_s, axis.stretches), (0, 2));
        let layers = layers(&table, Measure::Packets, axis);
        let found: Vec<_> = layers.iter().map(|l| (l.class, &l.sums[..])).collect();
        assert_eq!(found, [("good", &[1, 0][..]), ("bad", &[2, 1])]);
    }

    #[test]
    fn no_archive_has_more_stretches_than_can_be_drawn() {
        let table = table(vec![series("ACCEPT", &[-86_400, 99_999 * 86_400])]);
        let axis = Axis::of(&table, 86_400).unwrap();
        assert!(axis.stretches <= 121, "{axis:?}");
        let sums: u128 = layers(&table, Measure::Packets, axis)[0].sums.iter().sum();
        assert_eq!(sums, 2);
        assert_eq!(Axis::of(&self::table(Vec::new()), 60), None);
    }
}
