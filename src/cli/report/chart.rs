//! A picture of sums over time: bars in panels that share one time axis, each with a scale of its own.
//!
//! What is rare is as visible as what is frequent, because the two are in different panels. The
//! template draws; here is where everything goes. Colors are classes of the page's style, so that
//! one picture serves light, dark and paper.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::timeline::{Axis, PictureLayer};
use crate::cli::page::wide;

pub(super) const WIDTH: f64 = 960.0;

/// Where the time axis begins and ends.
pub(super) const PLOT: (f64, f64) = (64.0, 944.0);

/// Room above a panel for its title.
const TITLE_HEIGHT: f64 = 30.0;

/// Room below the panels for times and dates.
const TIMES_HEIGHT: f64 = 58.0;

/// Times written below a picture, at most.
const TICKS_MAX: i64 = 10;

/// Distances between times that people count in, seconds.
const TICKS_S: [i64; 20] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    DAY_S, 172_800, 604_800,
];

const DAY_S: i64 = 86_400;

/// What one panel shows.
pub(super) struct PanelContent<'a> {
    /// What it counts, with its unit.
    pub(super) title: String,
    /// Its height.
    pub(super) height: f64,
    /// What is stacked, the first at the bottom.
    pub(super) layers: Vec<&'a PictureLayer>,
    /// Whether it has room for marks, and neither bars nor a scale.
    pub(super) is_lane: bool,
}

/// A picture.
pub(super) struct Chart {
    /// Its height, for a width of [`WIDTH`].
    pub(super) height: f64,
    /// The panels, from the top.
    pub(super) panels: Vec<ChartPanel>,
    /// Where the time axis is.
    pub(super) bottom: f64,
    /// The times below it.
    pub(super) ticks: Vec<TimeTick>,
    /// Each stretch of time with its numbers.
    pub(super) columns: Vec<ChartColumn>,
    /// Where the columns begin.
    pub(super) top: f64,
}

/// A panel.
pub(super) struct ChartPanel {
    /// What it counts, with its unit.
    pub(super) title: String,
    /// Where its title is written.
    pub(super) title_y: f64,
    /// The lines of its scale, and the numbers beside them.
    pub(super) grid: Vec<(f64, String)>,
    /// The bars: a class, and a path with all bars of one layer.
    pub(super) bars: Vec<(&'static str, String)>,
}

/// A time below a picture.
pub(super) struct TimeTick {
    /// Where it is.
    pub(super) x: f64,
    /// The time, or the date where full days are marked.
    pub(super) time: String,
    /// The date, where it is another than that of the time before.
    pub(super) date: Option<String>,
}

/// A stretch of time.
pub(super) struct ChartColumn {
    /// Where it begins.
    pub(super) x: f64,
    /// How wide it is.
    pub(super) width: f64,
    /// When it is, and what each layer has in it.
    pub(super) text: String,
}

/// Draws panels below one another, from `top` on. All sums have that unit; it is empty if their names
/// say it.
pub(super) fn chart(axis: Axis, unit: &str, contents: &[PanelContent<'_>], top: f64) -> Chart {
    let mut panels = Vec::new();
    let mut y = top;
    for content in contents {
        panels.push(panel(axis, content, y));
        y += TITLE_HEIGHT + content.height;
    }
    let layers = contents.iter().flat_map(|content| &content.layers);
    let layers: Vec<&PictureLayer> = layers.copied().collect();
    Chart {
        height: y + TIMES_HEIGHT,
        panels,
        bottom: y,
        ticks: ticks(axis),
        columns: (0..axis.stretches)
            .map(|nth| column(axis, nth, unit, &layers))
            .collect(),
        top,
    }
}

/// Where an instant is on the time axis.
pub(super) fn x(axis: Axis, at_s: i64) -> f64 {
    let span_s = (axis.at_s(axis.stretches) - axis.begin_s).max(1);
    PLOT.0 + (at_s - axis.begin_s) as f64 / span_s as f64 * (PLOT.1 - PLOT.0)
}

fn panel(axis: Axis, content: &PanelContent<'_>, top: f64) -> ChartPanel {
    let stacked = (0..axis.stretches).map(|nth| {
        let sums = content.layers.iter().map(|layer| layer.sums[nth]);
        sums.fold(0, u128::saturating_add)
    });
    let (step, lines) = scale(stacked.max().unwrap_or(0));
    let bottom = top + TITLE_HEIGHT + content.height;
    let (title, title_y) = (content.title.clone(), top + TITLE_HEIGHT - 7.0);
    if content.is_lane {
        return ChartPanel {
            title,
            title_y,
            grid: Vec::new(),
            bars: Vec::new(),
        };
    }
    let highest = step as f64 * lines as f64;
    let y = |sum: u128| bottom - sum as f64 / highest * content.height;
    let grid = (0..=lines).map(|line| step.saturating_mul(line.into()));
    let mut below = vec![0_u128; axis.stretches];
    let bars = content.layers.iter().map(|layer| {
        let mut path = String::new();
        for (nth, sum) in layer.sums.iter().enumerate().filter(|(_, sum)| **sum > 0) {
            let from = below[nth];
            below[nth] = from.saturating_add(*sum);
            let (left, right) = (x(axis, axis.at_s(nth)), x(axis, axis.at_s(nth + 1)));
            // A bar that is there is seen, however small it is beside the others.
            let height = (y(from) - y(below[nth])).max(1.0);
            let width = (right - left - 0.6).max(0.8);
            let _ = write!(
                path,
                "M{left:.1} {:.1}v-{height:.1}h{width:.1}v{height:.1}z",
                y(from)
            );
        }
        (layer.class, path)
    });
    ChartPanel {
        title,
        title_y,
        bars: bars.collect(),
        grid: grid.map(|sum| (y(sum), short(sum as f64))).collect(),
    }
}

/// Returns a step of 1, 2 or 5 times a power of ten, and how many steps reach up to the highest sum:
/// three or four where sums are large enough.
fn scale(highest: u128) -> (u128, u8) {
    let least = highest.div_ceil(4).max(1);
    let mut step = 1_u128;
    let mut factors = [2, 5].into_iter().cycle();
    let mut decade = 1_u128;
    while step < least {
        let factor = factors.next().unwrap_or(2);
        if step == decade.saturating_mul(5) {
            decade = decade.saturating_mul(10);
            step = decade;
            factors = [2, 5].into_iter().cycle();
        } else {
            step = decade.saturating_mul(factor);
        }
    }
    let lines = highest.div_ceil(step).clamp(1, 4);
    (step, u8::try_from(lines).unwrap_or(4))
}

fn column(axis: Axis, nth: usize, unit: &str, layers: &[&PictureLayer]) -> ChartColumn {
    let (from_s, to_s) = (axis.at_s(nth), axis.at_s(nth + 1));
    let mut text = format!("{} to {} UTC", strftime(from_s, "%Y-%m-%d %H:%M:%S"), {
        let is_same_day = from_s.div_euclid(DAY_S) == to_s.div_euclid(DAY_S);
        strftime(
            to_s,
            if is_same_day {
                "%H:%M:%S"
            } else {
                "%Y-%m-%d %H:%M:%S"
            },
        )
    });
    for layer in layers.iter().filter(|layer| layer.sums[nth] > 0) {
        let _ = write!(text, "\n{}: {}", layer.name, wide(layer.sums[nth]));
        if !unit.is_empty() {
            let _ = write!(text, " {unit}");
        }
    }
    let left = x(axis, from_s);
    ChartColumn {
        x: left,
        width: x(axis, to_s) - left,
        text,
    }
}

/// The times that are written below: full seconds, minutes, hours, days.
fn ticks(axis: Axis) -> Vec<TimeTick> {
    let end_s = axis.at_s(axis.stretches);
    let mut last_date = String::new();
    let (tick_s, times) = tick_times(axis.begin_s, end_s);
    let tick = |at_s: i64| {
        let date = strftime(at_s, "%Y-%m-%d");
        let is_new = date != last_date;
        last_date.clone_from(&date);
        let form = if tick_s < 60 { "%H:%M:%S" } else { "%H:%M" };
        let (time, date) = if tick_s >= DAY_S {
            (date, None)
        } else {
            (strftime(at_s, form), is_new.then_some(date))
        };
        TimeTick {
            x: x(axis, at_s),
            time,
            date,
        }
    };
    times.into_iter().map(tick).collect()
}

/// How far times below a picture are apart, and when they are, seconds since the Unix epoch.
fn tick_times(begin_s: i64, end_s: i64) -> (i64, Vec<i64>) {
    let fits = |tick: &&i64| (end_s - begin_s) / **tick < TICKS_MAX;
    let mut tick_s = TICKS_S.iter().find(fits).copied().unwrap_or(604_800);
    while (end_s - begin_s) / tick_s >= TICKS_MAX {
        tick_s *= 2;
    }
    let first = begin_s + (tick_s - begin_s.rem_euclid(tick_s)) % tick_s;
    let times = std::iter::successors(Some(first), |at_s| at_s.checked_add(tick_s));
    (tick_s, times.take_while(|at_s| *at_s < end_s).collect())
}

/// A time in UTC.
pub(super) fn strftime(at_s: i64, form: &str) -> String {
    Timestamp::from_second(at_s)
        .map_or_else(|_| at_s.to_string(), |at| at.strftime(form).to_string())
}

/// A sum with three digits at most.
fn short(sum: f64) -> String {
    let units = [
        (1e18, "E"),
        (1e15, "P"),
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
    ];
    let (size, unit) = units
        .into_iter()
        .find(|(size, _)| sum >= *size)
        .unwrap_or((1.0, ""));
    let mut text = String::new();
    let digits = if (sum / size).fract() < 0.05 { 0 } else { 1 };
    let _ = write!(text, "{:.digits$}{unit}", sum / size);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Axis = Axis {
        begin_s: 1_773_446_400, // 2026-03-14
        step_s: 3_600,
        stretches: 24,
    };

    fn layer(class: &'static str, sums: Vec<u128>) -> PictureLayer {
        PictureLayer {
            name: class.to_owned(),
            class,
            is_failure: class == "bad",
            sums,
        }
    }

    fn content(layer: &PictureLayer) -> PanelContent<'_> {
        PanelContent {
            title: String::new(),
            height: 100.0,
            layers: vec![layer],
            is_lane: false,
        }
    }

    #[test]
    fn rare_is_as_tall_as_frequent_in_a_panel_of_its_own() {
        let (good, mut bad) = (layer("good", vec![4_000; 24]), layer("bad", vec![0; 24]));
        bad.sums[3] = 4;
        let chart = chart(DAY, "packets", &[content(&good), content(&bad)], 0.0);
        let [good, bad] = &chart.panels[..] else {
            panic!("two panels")
        };
        assert_eq!(good.bars[0].1.matches("v-100.0").count(), 24);
        assert_eq!(bad.bars[0].1.matches("v-100.0").count(), 1);
        assert_eq!(chart.columns.len(), 24);
        let text = "2026-03-14 03:00:00 to 04:00:00 UTC\ngood: 4,000 packets\nbad: 4 packets";
        assert_eq!(chart.columns[3].text, text);
    }

    #[test]
    fn times_below_are_full_hours_of_which_there_are_few() {
        let begin_s = DAY.begin_s - 600;
        let (_, found) = tick_times(begin_s, begin_s + 86_400);
        let words: Vec<String> = found.iter().map(|at_s| strftime(*at_s, "%H:%M")).collect();
        assert_eq!(words[..3], ["00:00", "03:00", "06:00"]);
        assert!(tick_times(0, 400 * 7 * DAY_S).1.len() <= 11);
        let dates: Vec<Option<String>> = ticks(DAY).into_iter().map(|tick| tick.date).collect();
        assert_eq!(dates[0].as_deref(), Some("2026-03-14"));
        assert!(dates[1..].iter().all(Option::is_none));
    }

    #[test]
    fn sums_beside_are_short() {
        let sums = [0.0, 7.0, 1_500.0, 20_000.0, 3e9];
        assert_eq!(sums.map(short), ["0", "7", "1.5k", "20k", "3G"]);
    }

    #[test]
    fn scales_have_round_steps_up_to_the_highest() {
        let scales = [0, 1, 4, 5, 9, 40, 41, 1_000, 999_999].map(scale);
        let expected = [
            (1, 1),
            (1, 1),
            (1, 4),
            (2, 3),
            (5, 2),
            (10, 4),
            (20, 3),
            (500, 2),
            (500_000, 2),
        ];
        assert_eq!(scales, expected);
        let (step, lines) = scale(u128::MAX);
        assert!(step.saturating_mul(lines.into()) > u128::MAX / 2);
    }
}
