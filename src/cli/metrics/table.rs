//! Sums as a table for a person: the totals first, then one row for each time bucket.

use std::fmt;

use flow2pcap::metrics::{Counts, Every, Series, Subject, Table};
use flow2pcap::pipeline::Answers;
use flow2pcap::printable::label;
use flow2pcap::survey::EventLog;

use super::form::names;
use crate::cli::page::{BOLD, Page, count, instant, name, wide};

/// The start of rows that are totals.
const TOTAL: &str = "total";

/// Formats all tables, and how they were counted.
pub(super) fn text(answers: &Answers, every: Every, page: Page) -> String {
    let mut out = String::new();
    for table in &answers.tables {
        out += &page.paint(BOLD, &title(table, every)).to_string();
        out.push('\n');
        out += &rows(table);
        out.push('\n');
    }
    let subjects = answers.tables.iter().map(|table| table.question.subject());
    let subjects: Vec<Subject> = subjects.collect();
    let logs = answers.events.iter();
    let logs = logs.filter(|(kind, _)| subjects.iter().any(|subject| subject.is_in(*kind)));
    let notes = logs.map(|(kind, log)| counted(kind.title(), log));
    let of_packets = answers.is_of_packets.then(|| packets_note(answers));
    for note in notes.chain(of_packets) {
        out += &fmt::from_fn(|f| page.hanging(f, note.as_str().into(), 0)).to_string();
    }
    out
}

/// Says how many events of a log were counted.
fn counted([one, several]: [&str; 2], log: &EventLog) -> String {
    let mut note = format!(
        "{} read",
        counted_as(log.events + log.filtered, one, several)
    );
    if log.filtered > 0 {
        note += &format!(
            ", of which {} do not match the filter",
            wide(log.filtered.into())
        );
    }
    if log.duplicates > 0 {
        let again = count(log.duplicates, "event");
        note += &format!("; {again} delivered again, which counts once");
    }
    note
}

fn counted_as(n: u64, one: &str, several: &str) -> String {
    format!("{} {}", wide(n.into()), if n == 1 { one } else { several })
}

/// Says how records were counted.
fn packets_note(answers: &Answers) -> String {
    let records = count(answers.records.used, "record");
    if answers.is_once {
        let (again, elsewhere) = (answers.records.duplicates, answers.records.other_vantage);
        format!(
            "{records}, with each packet counted once: {} delivered twice and {} already logged at \
             another ENI are not counted",
            count(again, "record"),
            count(elsewhere, "record"),
        )
    } else {
        format!(
            "{records} as logged: a packet that two ENIs logged counts twice (use --once to count it \
             once)"
        )
    }
}

fn title(table: &Table, every: Every) -> String {
    let question = &table.question;
    let measures = question.measures.iter();
    let metrics: Vec<&str> = measures.map(|measure| question.metric(*measure)).collect();
    let by: Vec<&str> = names(table).collect();
    let by = if by.is_empty() {
        String::new()
    } else {
        format!(", by {}", by.join(", "))
    };
    format!("{} every {every}{by}", metrics.join(", "))
}

fn rows(table: &Table) -> String {
    if table.series.is_empty() {
        return "none\n".to_owned();
    }
    let measures = table.question.measures.iter();
    let header = std::iter::once("start".to_owned())
        .chain(names(table).map(str::to_owned))
        .chain(measures.map(|measure| measure.metric().to_owned()));
    let mut rows: Vec<Vec<String>> = vec![header.collect()];
    let series = table.series.iter();
    rows.extend(series.map(|series| row(table, TOTAL.to_owned(), series, &series.total)));
    let points = table.by_time();
    rows.extend(points.map(|(at_ns, series, counts)| row(table, instant(at_ns), series, counts)));
    aligned(&rows, 1 + table.question.by.len())
}

fn row(table: &Table, start: String, series: &Series, counts: &Counts) -> Vec<String> {
    let measures = table.question.measures.iter();
    let none = || "-".to_owned();
    let sums = measures.map(|measure| counts.value(*measure).map_or_else(none, wide));
    let labels = series.labels.iter().map(|value| name(&label(value)));
    std::iter::once(start).chain(labels).chain(sums).collect()
}

/// Aligns rows of the same number of cells: the first `left` cells to the left, and the others, which are
/// numbers, to the right.
fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let len = |cell: &String| cell.chars().count();
    let mut widths: Vec<usize> = rows.first().map_or_else(Vec::new, |row| vec![0; row.len()]);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = len(cell).max(*width);
        }
    }
    let mut out = String::new();
    for row in rows {
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = if i == 0 { "" } else { "  " };
            let padded = if i < left {
                format!("{gap}{cell:width$}")
            } else {
                format!("{gap}{cell:>width$}")
            };
            out += &padded;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_right_and_names_left() {
        let rows = [["a", "b", "n"], ["long", "x", "1,000"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows, 2), "a     b      n\nlong  x  1,000\n");
    }

    #[test]
    fn names_are_cut_before_they_set_a_width() {
        let long = name(&"e".repeat(70_000));
        let rows = [[long, "1".to_owned()], ["b".to_owned(), "2".to_owned()]];
        let text = aligned(&rows.map(Vec::from), 1);
        assert!(
            text.lines().all(|line| line.chars().count() < 300),
            "{text}"
        );
    }
}
