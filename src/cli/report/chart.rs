//! A picture of sums over time: stacked bars, as SVG that takes its colors from the page.
//!
//! plotters draws, with colors that nobody sees: each stands for a class of the page's style, which
//! takes its place, so that one picture serves light, dark and paper. The page's policy allows no
//! color in any other way but as plain attributes.

use std::fmt::Write as _;

use jiff::Timestamp;
use plotters::coord::combinators::BindKeyPoints as _;
use plotters::prelude::*;

use super::timeline::{Axis, PictureLayer};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 260;

/// Times written below a picture, at most.
const TICKS_MAX: i64 = 12;

/// Distances between times that people count in, seconds.
const TICKS_S: [i64; 14] = [
    60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];

const DAY_S: i64 = 86_400;

/// What stands for a class until the picture is drawn.
const fn standing_for(index: u8) -> RGBColor {
    RGBColor(1, 2, index)
}

const TEXT: u8 = 255;
const LINE: u8 = 254;
const GRID: u8 = 253;

/// Draws the layers, the first at the bottom.
///
/// # Errors
/// None that is known of: nothing is written but to memory.
pub(super) fn svg(axis: Axis, layers: &[PictureLayer]) -> anyhow::Result<String> {
    let mut svg = String::new();
    draw(&mut svg, axis, layers)?;
    let classes = (0..=u8::MAX).zip(layers.iter().map(|layer| layer.class));
    let fixed = [(TEXT, "ink"), (LINE, "line"), (GRID, "grid")];
    for (index, class) in classes.chain(fixed) {
        let RGBColor(r, g, b) = standing_for(index);
        let color = format!("#{r:02X}{g:02X}{b:02X}");
        svg = svg
            .replace(&format!("fill=\"{color}\""), &format!("class=\"{class}\""))
            .replace(
                &format!("stroke=\"{color}\""),
                &format!("class=\"{class}\""),
            );
    }
    Ok(svg.replacen("<svg ", "<svg role=\"img\" ", 1))
}

fn draw(svg: &mut String, axis: Axis, layers: &[PictureLayer]) -> anyhow::Result<()> {
    let end_s = axis.at_s(axis.stretches);
    let stacked = (0..axis.stretches).map(|nth| layers.iter().map(|layer| layer.sums[nth]).sum());
    let highest: u128 = stacked.max().unwrap_or(0);
    let root = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    let times = (axis.begin_s..end_s).with_key_points(ticks(axis.begin_s, end_s));
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(64)
        .build_cartesian_2d(times, 0_f64..(highest.max(1) as f64 * 1.05))?;
    let text = ("sans-serif", 15).into_font().color(&standing_for(TEXT));
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(standing_for(GRID))
        .axis_style(standing_for(LINE))
        .label_style(text)
        .y_labels(5)
        .x_label_formatter(&|at_s| time(*at_s, end_s - axis.begin_s))
        .y_label_formatter(&|sum| short(*sum))
        .draw()?;
    let mut below = vec![0_u128; axis.stretches];
    for (index, layer) in (0..=u8::MAX).zip(layers) {
        let mut bars = Vec::new();
        for (nth, sum) in layer.sums.iter().enumerate().filter(|(_, sum)| **sum > 0) {
            let (from, to) = (below[nth] as f64, (below[nth] + sum) as f64);
            below[nth] += sum;
            let corners = [(axis.at_s(nth), from), (axis.at_s(nth + 1), to)];
            bars.push(Rectangle::new(corners, standing_for(index).filled()));
        }
        chart.draw_series(bars)?;
    }
    root.present()?;
    Ok(())
}

/// The times that are written below, seconds since the Unix epoch: full minutes, hours, days.
fn ticks(begin_s: i64, end_s: i64) -> Vec<i64> {
    let fits = |tick: &&i64| (end_s - begin_s) / **tick < TICKS_MAX;
    let mut tick_s = TICKS_S.iter().find(fits).copied().unwrap_or(604_800);
    while (end_s - begin_s) / tick_s >= TICKS_MAX {
        tick_s *= 2;
    }
    let first = begin_s + (tick_s - begin_s.rem_euclid(tick_s)) % tick_s;
    std::iter::successors(Some(first), |at_s| at_s.checked_add(tick_s))
        .take_while(|at_s| *at_s < end_s)
        .collect()
}

/// A time as it is written below a picture of so many seconds, in UTC.
fn time(at_s: i64, span_s: i64) -> String {
    let Ok(at) = Timestamp::from_second(at_s) else {
        return at_s.to_string();
    };
    let form = match at_s.rem_euclid(DAY_S) {
        _ if span_s > 400 * DAY_S => "%Y-%m-%d",
        0 => "%b %-d",
        _ => "%H:%M",
    };
    at.strftime(form).to_string()
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
            sums,
        }
    }

    #[test]
    fn bars_have_the_classes_of_their_layers_and_nothing_has_a_color() {
        let mut bad = vec![0; 24];
        bad[3] = 5;
        let svg = svg(DAY, &[layer("good", vec![9; 24]), layer("bad", bad)]).unwrap();
        assert_eq!(svg.matches("class=\"good\"").count(), 24);
        assert_eq!(svg.matches("class=\"bad\"").count(), 1);
        assert!(!svg.contains("\"#") && !svg.contains("style="), "{svg}");
    }

    #[test]
    fn times_below_are_full_hours_of_which_there_are_few() {
        let begin_s = DAY.begin_s - 600;
        let found = ticks(begin_s, begin_s + 86_400);
        let words = found.iter().map(|at_s| time(*at_s, 86_400));
        let words: Vec<String> = words.collect();
        assert_eq!(words[..3], ["Mar 14", "03:00", "06:00"]);
        assert!(ticks(0, 400 * 7 * DAY_S).len() <= 13);
    }

    #[test]
    fn sums_beside_are_short() {
        let sums = [0.0, 7.0, 1_500.0, 20_000.0, 3e9];
        assert_eq!(sums.map(short), ["0", "7", "1.5k", "20k", "3G"]);
    }
}
