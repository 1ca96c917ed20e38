//! Findings on the time line: a numbered bar from the first attempt to the last, in few rows.

use flow2pcap::diagnosis::Finding;
use jiff::Timestamp;

use super::timeline::Axis;

/// Width of the box with the number, as wide as two digits need.
pub(super) const NUMBER_WIDTH: f64 = 22.0;

/// Height of the row of one finding.
const ROW_HEIGHT: f64 = 19.0;

/// Room above the first row for a title.
const TOP: f64 = 24.0;

/// Rows of bars, at most.
const ROWS_MAX: usize = 16;

/// A finding on the time line.
pub(super) struct FindingMark {
    /// Its number.
    pub(super) number: usize,
    /// Where its row begins.
    pub(super) y: f64,
    /// Where its bar begins.
    pub(super) x: f64,
    /// How wide its bar is.
    pub(super) width: f64,
    /// Where its time begins and ends, which the bar may exceed to have room for the number.
    pub(super) lasts: (f64, f64),
}

/// Places findings on an axis that is drawn from `left` to `right`. Each is in the first row that
/// has room for it; those for which no row has room are left out.
pub(super) fn marks(
    findings: &[Finding],
    axis: Axis,
    (left, right): (f64, f64),
) -> Vec<FindingMark> {
    let span_s = axis.at_s(axis.stretches) - axis.begin_s;
    let x = |text: &str| {
        let at: Timestamp = text.parse().ok()?;
        let share = (at.as_second() - axis.begin_s) as f64 / span_s.max(1) as f64;
        Some(left + share.clamp(0.0, 1.0) * (right - left))
    };
    let mut ends: Vec<f64> = Vec::new();
    let mut marks = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let (Some(first), Some(last)) = (x(&finding.first), x(&finding.last)) else {
            continue;
        };
        let begin = first.min(right - NUMBER_WIDTH);
        let end = last.max(begin + NUMBER_WIDTH);
        let free = ends.iter().position(|taken| *taken + 4.0 <= begin);
        let row = match free {
            Some(row) => row,
            None if ends.len() < ROWS_MAX => {
                ends.push(f64::NEG_INFINITY);
                ends.len() - 1
            }
            None => continue,
        };
        ends[row] = end;
        marks.push(FindingMark {
            number: index + 1,
            y: TOP + row as f64 * ROW_HEIGHT,
            x: begin,
            width: end - begin,
            lasts: (first, last),
        });
    }
    marks
}

/// Where the rows end.
pub(super) fn bottom(marks: &[FindingMark]) -> f64 {
    let ends = marks.iter().map(|mark| mark.y + ROW_HEIGHT);
    ends.fold(0.0, f64::max)
}
