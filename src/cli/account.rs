//! What was read and how it was counted: the part that every summary has.

use std::fmt::{self, Formatter};

#[cfg(feature = "s3")]
use flow2pcap::bucket::{BucketTraffic, traffic};
use flow2pcap::printable::number::grouped;
use flow2pcap::summary::{Input, Records};
use flow2pcap::survey::EventLogs;
use indicatif::HumanBytes;

use super::page::{Page, PrintedLine, count, instant, name};

/// Gaps that are listed; the rest are counted.
pub(crate) const GAPS_SHOWN: u64 = 5;

/// Writes the files that were read, not opened, left out, or read in part.
pub(crate) fn input(
    f: &mut Formatter<'_>,
    page: Page,
    input: &Input,
    columns: &str,
) -> fmt::Result {
    let files = count(input.files, "file");
    let text = format!("{files}, {}{columns}", HumanBytes(input.file_bytes));
    // An archive may have no flow log, only logs that are read as events.
    if input.files > 0 {
        page.row(f, "input", &text)?;
    }
    #[cfg(feature = "s3")]
    bucket(f, page)?;
    if input.pruned > 0 {
        let text = format!(
            "{}, {}, not opened: by their paths they cannot match the filter",
            count(input.pruned, "file"),
            HumanBytes(input.pruned_file_bytes)
        );
        page.row(f, "", &text)?;
    }
    if input.row_groups_pruned > 0 {
        let text = format!(
            "{}, {}, not read: by their statistics they cannot match the filter",
            count(input.row_groups_pruned, "row group"),
            count(input.rows_pruned, "row")
        );
        page.row(f, "", &text)?;
    }
    page.reasons(f, "left out", &input.left_out)?;
    page.reasons(f, "read in part", &input.damaged)
}

/// Writes what the run asked of buckets.
#[cfg(feature = "s3")]
fn bucket(f: &mut Formatter<'_>, page: Page) -> fmt::Result {
    let BucketTraffic { requests, bytes } = traffic();
    if requests == 0 {
        return Ok(());
    }
    let text = format!(
        "{}, {} received",
        count(requests, "request"),
        HumanBytes(bytes)
    );
    page.row(f, "bucket", text)
}

/// Writes the time range of the filter, and that of the records.
pub(crate) fn times(
    f: &mut Formatter<'_>,
    page: Page,
    requested_ns: Option<(Option<i64>, Option<i64>)>,
    span_ns: Option<(i64, i64)>,
) -> fmt::Result {
    if let Some((from, to)) = requested_ns {
        let from = from.map_or_else(|| "the beginning".to_owned(), instant);
        let to = to.map_or_else(|| "the end".to_owned(), instant);
        page.row(f, "requested", format!("{from} to {to}"))?;
    }
    if let Some((start, end)) = span_ns {
        let text = format!("{} to {}", instant(start), instant(end));
        page.row(f, "span", &text)?;
    }
    Ok(())
}

/// Writes how every line was counted; `verb` is what was done with the records that match, such as
/// "used".
pub(crate) fn records(f: &mut Formatter<'_>, page: Page, r: &Records, verb: &str) -> fmt::Result {
    let lines = count(r.lines, "line");
    let text = format!("{} of {lines} {verb}", grouped(r.used));
    page.row(f, "records", &text)?;
    let plural = |n: u64, one: &'static str, many: &'static str| if n == 1 { one } else { many };
    let categories = [
        (
            r.filtered,
            plural(
                r.filtered,
                "does not match the filter",
                "do not match the filter",
            ),
        ),
        (r.other_vantage, "already logged at another ENI"),
        (r.duplicates, "delivered more than once"),
        (r.other_shard, "in other shards"),
        (r.no_data, "NODATA"),
        (r.headers, plural(r.headers, "header line", "header lines")),
        (r.blank, plural(r.blank, "blank line", "blank lines")),
        (
            r.control,
            plural(
                r.control,
                "CloudWatch control message",
                "CloudWatch control messages",
            ),
        ),
    ];
    for (n, text) in categories.iter().filter(|(n, _)| *n > 0) {
        page.row(f, "", format!("{} {text}", grouped(*n)))?;
    }
    if r.missing_filter_field > 0 {
        let text = format!(
            "{} without a field that the filter needs, so {} not match",
            count(r.missing_filter_field, "record"),
            plural(r.missing_filter_field, "it does", "they do")
        );
        page.note(f, "", &text)?;
    }
    if r.unclear_tags > 0 {
        let text = format!(
            "{} {} tags with blanks and no quotes; it is not clear which words belong to which tag, so the tags \
             are left out",
            count(r.unclear_tags, "record"),
            plural(r.unclear_tags, "has", "have"),
        );
        page.note(f, "", &text)?;
    }
    if r.used == 0 && r.filtered > 0 {
        page.note(f, "", "no record matches the filter")?;
    }
    page.reasons(f, "skipped", &r.skipped)?;
    assumptions(f, page, r)?;
    byte_units(f, page, r)?;
    losses(f, page, r)
}

/// Writes what was read of other AWS logs.
pub(crate) fn events(f: &mut Formatter<'_>, page: Page, logs: &EventLogs) -> fmt::Result {
    for (index, (kind, log)) in logs.iter().enumerate() {
        let name = if index == 0 { "events" } else { "" };
        let [one, many] = kind.title();
        let title = if log.events == 1 { one } else { many };
        let (events, files) = (grouped(log.events), count(log.files, "file"));
        let mut text = format!("{events} {title} in {files}");
        if let Some((first, last)) = log.span_ns {
            text += &format!(", {} to {}", instant(first), instant(last));
        }
        page.row(f, name, &text)?;
        let rest = [
            (log.filtered, "outside the filter"),
            (log.duplicates, "delivered more than once"),
            (log.blank, "blank or a comment"),
        ];
        for (n, text) in rest.iter().filter(|(n, _)| *n > 0) {
            page.row(f, "", format!("  {} {text}", grouped(*n)))?;
        }
        page.reasons(f, "skipped", &log.skipped)?;
    }
    Ok(())
}

/// Writes what had to be assumed of records.
fn assumptions(f: &mut Formatter<'_>, page: Page, r: &Records) -> fmt::Result {
    let a = &r.assumed;
    let assumed = [
        (
            a.protocol,
            "without a protocol: inferred from tcp-flags and ports",
        ),
        (a.packets, "without a packet count: counted as one packet"),
        (a.bytes, "without a byte count: headers only"),
        (
            a.time,
            "without an interval: the interval in the file name is used, or one instant",
        ),
        (a.repaired_time, "with an impossible interval: corrected"),
    ];
    for (n, text) in assumed.iter().filter(|(n, _)| *n > 0) {
        page.row(f, "", format!("{} {text}", grouped(*n)))?;
    }
    Ok(())
}

/// Writes which records count something else than IP packets, and what was added or subtracted.
fn byte_units(f: &mut Formatter<'_>, page: Page, r: &Records) -> fmt::Result {
    for (unit, bytes) in &r.byte_units {
        let added = bytes.bytes_ip.saturating_sub(bytes.bytes_logged);
        let removed = bytes.bytes_logged.saturating_sub(bytes.bytes_ip);
        let text = match &**unit {
            "payload" => format!(
                "whose bytes are payload only: {} bytes of headers added",
                grouped(added)
            ),
            _ => format!(
                "whose bytes are Ethernet frames: {} bytes of Ethernet headers subtracted",
                grouped(removed)
            ),
        };
        page.row(f, "", format!("{} {text}", grouped(bytes.records)))?;
    }
    Ok(())
}

/// Writes the packets that transit gateways dropped.
fn losses(f: &mut Formatter<'_>, page: Page, r: &Records) -> fmt::Result {
    let causes: Vec<(String, u64)> = r
        .lost
        .by_cause()
        .map(|(cause, packets)| (format!("{} {cause}", grouped(packets)), packets))
        .collect();
    let Some((_, last)) = causes.last() else {
        return Ok(());
    };
    let noun = if *last == 1 { "packet" } else { "packets" };
    let causes: Vec<&str> = causes.iter().map(|(text, _)| text.as_str()).collect();
    let text = format!(
        "{} {noun}, as logged by transit gateways",
        causes.join(", ")
    );
    page.note(f, "lost", &text)
}

/// Writes where AWS dropped records.
pub(crate) fn gaps(f: &mut Formatter<'_>, page: Page, r: &Records) -> fmt::Result {
    if r.skip_data == 0 {
        return Ok(());
    }
    let text = format!(
        "{} (SKIPDATA): AWS dropped records, so missing records there are not evidence",
        count(r.skip_data, "gap")
    );
    page.note(f, "gaps", &text)?;
    for gap in r.gaps.iter().zip(0..GAPS_SHOWN).map(|(gap, _)| gap) {
        let at = |ns: Option<i64>| ns.map_or_else(|| "?".to_owned(), instant);
        let times = format!(" {} to {}", at(gap.start_ns), at(gap.end_ns));
        let eni = PrintedLine::whole(name(&gap.eni));
        page.row(f, "", PrintedLine::from("  ").and(eni).and(times))?;
    }
    Ok(())
}
