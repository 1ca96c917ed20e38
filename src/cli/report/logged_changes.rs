//! Changes on the time line: a mark for each, or for several that are too near to each other, with what
//! was changed and by whom; and the same as a table.

use std::collections::HashMap;

use flow2pcap::diagnosis::{ChangeCertainty, Finding, NamedChange};
use flow2pcap::pipeline::LoggedCall;
use flow2pcap::time::SECOND_NS;

use super::chart::x;
use super::rows::{PageTable, TableCell};
use super::timeline::Axis;
use crate::cli::page::{count, instant, name};

/// Changes that are nearer to each other have one mark: the width of a mark, with some room.
const APART: f64 = 15.0;

/// Changes that a mark names.
const NAMED_MAX: usize = 6;

/// Rows of the table.
const ROWS_MAX: usize = 100;

/// The changes of a time line.
pub(super) struct ChangesLane {
    /// The marks, from the left.
    pub(super) marks: Vec<ChangeMark>,
    /// Where their centers are.
    pub(super) y: f64,
    /// The changes of the marks.
    pub(super) table: PageTable,
    /// What is neither on the time line nor in the table; empty if nothing.
    pub(super) left_out: Vec<String>,
}

/// A mark for one change or several.
pub(super) struct ChangeMark {
    /// Where its center is.
    pub(super) x: f64,
    /// How many changes it is for, if there are several; `+` where the number has no room.
    pub(super) several: String,
    /// How surely the surest of them explains a finding, in a word that is a class of the page's style:
    /// `none` if it explains none, and `attempt` if nothing was changed.
    pub(super) class: &'static str,
    /// The finding that it explains.
    pub(super) finding: Option<usize>,
    /// When, who and what.
    pub(super) text: String,
}

/// A change, and the finding that it explains.
#[derive(Clone, Copy)]
struct ShownChange<'a> {
    call: &'a LoggedCall,
    explains: Option<(ChangeCertainty, usize)>,
}

impl ShownChange<'_> {
    /// Orders changes of one mark: first what explains most, then what changed something.
    fn rank(&self) -> (bool, Option<(ChangeCertainty, usize)>, bool) {
        (self.explains.is_none(), self.explains, self.call.is_attempt)
    }

    fn class(&self) -> &'static str {
        match self.explains {
            Some((ChangeCertainty::Proved, _)) => "proved",
            Some((ChangeCertainty::Likely, _)) => "likely",
            Some(_) => "possible",
            None if self.call.is_attempt => "attempt",
            None => "none",
        }
    }

    /// When, who and what, and how it is known: as one line.
    fn line(&self) -> String {
        let call = self.call;
        let source = match &*call.source {
            "" => String::new(),
            source => format!(" from {}", name(source)),
        };
        let finding = self
            .explains
            .map_or_else(String::new, |(_, number)| format!("; see finding {number}"));
        format!(
            "{}  {}{source}: {} ({}){finding}",
            instant(call.instant_ns),
            name(&call.caller),
            name(&call.what),
            name(&call.event),
        )
    }
}

/// Places changes, which are in order of time, on an axis, in the middle of a panel at `y`.
pub(super) fn lane(calls: &[LoggedCall], findings: &[Finding], axis: Axis, y: f64) -> ChangesLane {
    let explained = explained(findings);
    let is_shown = |call: &&LoggedCall| axis.holds(call.instant_ns.div_euclid(SECOND_NS));
    let shown = calls.iter().filter(is_shown).map(|call| ShownChange {
        call,
        explains: explained.get(&*call.record).copied(),
    });
    let shown: Vec<ShownChange<'_>> = shown.collect();
    let at = |change: &ShownChange<'_>| x(axis, change.call.instant_ns.div_euclid(SECOND_NS));
    let mut marks = Vec::new();
    let mut rest = &shown[..];
    while let Some(first) = rest.first() {
        let end_x = at(first) + APART;
        let (own, after) = rest.split_at(rest.partition_point(|change| at(change) < end_x));
        marks.push(mark(at(first), own));
        rest = after;
    }
    let mut left_out = Vec::new();
    if shown.len() < calls.len() {
        let outside = count((calls.len() - shown.len()) as u64, "change");
        left_out.push(format!("{outside} before or after this time"));
    }
    if let Some(more @ 1..) = shown.len().checked_sub(ROWS_MAX) {
        let more = count(more as u64, "change");
        left_out.push(format!(
            "{more} that the table has no row for; see diagnose --json and inspect"
        ));
    }
    ChangesLane {
        marks,
        y,
        table: table(&shown),
        left_out,
    }
}

/// Makes the mark of changes, of which there is at least one.
fn mark(x: f64, own: &[ShownChange<'_>]) -> ChangeMark {
    let mut named: Vec<ShownChange<'_>> = own.to_vec();
    named.sort_by_key(ShownChange::rank);
    let surest = named[0];
    named.truncate(NAMED_MAX);
    named.sort_by_key(|change| change.call.instant_ns);
    let mut lines: Vec<String> = named.iter().map(ShownChange::line).collect();
    if let Some(more @ 1..) = own.len().checked_sub(named.len()) {
        lines.push(format!("and {}", count(more as u64, "other change")));
    }
    ChangeMark {
        x,
        several: match own.len() {
            1 => String::new(),
            several @ ..100 => several.to_string(),
            _ => "+".to_owned(),
        },
        class: surest.class(),
        finding: surest.explains.map(|(_, number)| number),
        text: lines.join("\n"),
    }
}

/// Returns how surely changes explain a finding, and its number, by the record of the change. What was
/// only made at the same time explains nothing.
fn explained(findings: &[Finding]) -> HashMap<&str, (ChangeCertainty, usize)> {
    let mut explained: HashMap<&str, (ChangeCertainty, usize)> = HashMap::new();
    for (finding, number) in findings.iter().zip(1..) {
        let searches = [&finding.changes.since, &finding.changes.until];
        let changes = searches
            .into_iter()
            .flatten()
            .flat_map(|search| &search.changes);
        let explains = |change: &&NamedChange| change.certainty != ChangeCertainty::SameTime;
        for change in changes.filter(explains) {
            let found = (change.certainty, number);
            let known = explained.entry(&change.record).or_insert(found);
            *known = found.min(*known);
        }
    }
    explained
}

/// Makes the table of the changes on the time line.
fn table(shown: &[ShownChange<'_>]) -> PageTable {
    let mut listed: Vec<&ShownChange<'_>> = shown.iter().collect();
    listed.sort_by_key(|change| change.rank());
    listed.truncate(ROWS_MAX);
    listed.sort_by_key(|change| change.call.instant_ns);
    let rows = listed.into_iter().map(|change| {
        let call = change.call;
        let finding = change.explains.map(|(_, number)| number.to_string());
        [
            instant(call.instant_ns),
            name(&call.caller),
            name(&call.source),
            name(&call.what),
            name(&call.event),
            finding.unwrap_or_default(),
            name(&call.record),
        ]
        .map(|cell| TableCell::text(&cell))
        .into()
    });
    let heads = [
        "time (UTC)",
        "who",
        "from",
        "what",
        "event",
        "finding",
        "record",
    ];
    PageTable::of_texts("Changes", &heads, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Axis = Axis {
        begin_s: 1_773_453_600,
        step_s: 60,
        stretches: 60,
    };

    fn call(second: i64, is_attempt: bool) -> LoggedCall {
        let at_ns = (HOUR.begin_s + second) * SECOND_NS;
        LoggedCall::new(at_ns, is_attempt, format!("trail.json:{second}"))
    }

    fn lanes(calls: &[LoggedCall]) -> ChangesLane {
        lane(calls, &[], HOUR, 9.0)
    }

    #[test]
    fn changes_near_each_other_have_one_mark_that_names_the_first_few() {
        let calls: Vec<LoggedCall> = (0..9).map(|second| call(second, second > 0)).collect();
        let lane = lanes(&[&calls[..], &[call(1_800, true)]].concat());
        let marks: Vec<_> = lane.marks.iter().map(|m| (&*m.several, m.class)).collect();
        assert_eq!(marks, [("9", "none"), ("", "attempt")]);
        let text = &lane.marks[0].text;
        assert_eq!(text.lines().count(), NAMED_MAX + 1, "{text}");
        assert!(text.ends_with("\nand 3 other changes"), "{text}");
        assert!(text.starts_with("2026-03-14T02:00:00Z"), "{text}");
    }

    #[test]
    fn many_changes_have_few_marks_and_rows_and_none_is_uncounted() {
        let calls: Vec<LoggedCall> = (-9..3_591).map(|second| call(second, false)).collect();
        let lane = lanes(&calls);
        assert!(lane.marks.len() <= 60, "{}", lane.marks.len());
        let several = lane.marks.iter().map(|mark| mark.several.parse::<usize>());
        let marked: usize = several.map(|several| several.unwrap_or(1)).sum();
        assert_eq!(marked, 3_591);
        assert_eq!(lane.table.rows.len(), ROWS_MAX);
        assert_eq!(lane.left_out.len(), 2);
        assert_eq!(lane.left_out[0], "9 changes before or after this time");
        assert!(
            lane.left_out[1].starts_with("3,491 changes that"),
            "{:?}",
            lane.left_out
        );
        assert!(
            lane.marks
                .windows(2)
                .all(|two| two[1].x - two[0].x >= APART)
        );
    }
}
