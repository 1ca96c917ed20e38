//! What was read and what became of it, in words: the part that every summary has.

use std::fmt::{self, Formatter};

use flow2pcap::summary::{Input, Records};
use indicatif::{HumanBytes, HumanCount};

use super::page::{Page, count, instant, name};

/// Gaps named one by one; the rest are counted.
pub(crate) const GAPS_SHOWN: u64 = 5;

/// Files that were read, not opened, left out, or read in part.
pub(crate) fn input(
    f: &mut Formatter<'_>,
    page: Page,
    input: &Input,
    columns: &str,
) -> fmt::Result {
    let files = count(input.files, "file");
    let text = format!("{files}, {}{columns}", HumanBytes(input.file_bytes));
    page.row(f, "input", &text)?;
    if input.pruned > 0 {
        let text = format!(
            "{}, {}, not opened: by their paths they hold nothing that was asked for",
            count(input.pruned, "file"),
            HumanBytes(input.pruned_file_bytes)
        );
        page.row(f, "", &text)?;
    }
    if input.row_groups_pruned > 0 {
        let text = format!(
            "{}, {}, not read: by their statistics they hold nothing that was asked for",
            count(input.row_groups_pruned, "row group"),
            count(input.rows_pruned, "row")
        );
        page.row(f, "", &text)?;
    }
    page.reasons(f, "left out", &input.left_out)?;
    page.reasons(f, "read in part", &input.damaged)
}

/// The time that was asked for, and that of the records.
pub(crate) fn times(
    f: &mut Formatter<'_>,
    page: Page,
    requested_ns: Option<(Option<i64>, Option<i64>)>,
    span_ns: Option<(i64, i64)>,
) -> fmt::Result {
    if let Some((from, to)) = requested_ns {
        let from = from.map_or_else(|| "the beginning".to_owned(), instant);
        let to = to.map_or_else(|| "the end".to_owned(), instant);
        page.row(f, "asked for", format!("{from} to {to}"))?;
    }
    if let Some((start, end)) = span_ns {
        let text = format!("{} to {}", instant(start), instant(end));
        page.row(f, "span", &text)?;
    }
    Ok(())
}

/// The fate of every line; `told` says it of those that are records and matter.
pub(crate) fn records(f: &mut Formatter<'_>, page: Page, r: &Records, told: &str) -> fmt::Result {
    let lines = count(r.lines, "line");
    let text = format!("{}{told}, of {lines}", HumanCount(r.used));
    page.row(f, "records", &text)?;
    let plural = |n: u64, one: &'static str, many: &'static str| if n == 1 { one } else { many };
    let fates = [
        (r.filtered, "do not match what was asked for"),
        (
            r.other_vantage,
            "tell of packets that another ENI's records tell",
        ),
        (r.duplicates, "delivered more than once"),
        (r.no_data, "NODATA"),
        (r.headers, plural(r.headers, "header line", "header lines")),
        (r.blank, plural(r.blank, "blank line", "blank lines")),
        (r.control, "CloudWatch control messages"),
    ];
    for (n, what) in fates.iter().filter(|(n, _)| *n > 0) {
        page.row(f, "", format!("{} {what}", HumanCount(*n)))?;
    }
    if r.missing_filter_field > 0 {
        let text = format!(
            "{} do not say what the filter asks for, so they do not match",
            HumanCount(r.missing_filter_field)
        );
        page.note(f, "", &text)?;
    }
    if r.used == 0 && r.filtered > 0 {
        page.note(f, "", "nothing matches, so there is nothing to tell")?;
    }
    page.reasons(f, "skipped", &r.skipped)?;
    let a = &r.assumed;
    let assumed = [
        (a.protocol, "have no protocol; tcp-flags and ports told it"),
        (a.packets, "count no packets: taken for one"),
        (a.bytes, "count no bytes: headers only"),
        (
            a.time,
            "have no interval: one instant or the slot in the file name is used",
        ),
        (
            a.repaired_time,
            "have an interval that cannot be true: put right",
        ),
    ];
    for (n, what) in assumed.iter().filter(|(n, _)| *n > 0) {
        page.row(f, "", format!("{} {what}", HumanCount(*n)))?;
    }
    losses(f, page, r)
}

/// Packets that Transit Gateways lost.
fn losses(f: &mut Formatter<'_>, page: Page, r: &Records) -> fmt::Result {
    let causes = r.lost.by_cause();
    let causes: Vec<String> = causes
        .map(|(cause, packets)| format!("{} {cause}", HumanCount(packets)))
        .collect();
    if causes.is_empty() {
        return Ok(());
    }
    let text = format!(
        "{} packets, as logged by Transit Gateways",
        causes.join(", ")
    );
    page.note(f, "lost", &text)
}

/// Where AWS dropped records.
pub(crate) fn gaps(f: &mut Formatter<'_>, page: Page, r: &Records) -> fmt::Result {
    if r.skip_data == 0 {
        return Ok(());
    }
    let text = format!(
        "{} SKIPDATA: AWS dropped records, and silence proves nothing there",
        r.skip_data
    );
    page.note(f, "gaps", &text)?;
    for gap in r.gaps.iter().zip(0..GAPS_SHOWN).map(|(gap, _)| gap) {
        let at = |ns: Option<i64>| ns.map_or_else(|| "?".to_owned(), instant);
        let text = format!(
            "  {} {} to {}",
            name(&gap.eni),
            at(gap.start_ns),
            at(gap.end_ns)
        );
        page.row(f, "", &text)?;
    }
    Ok(())
}
