//! The message and the exit status of a run whose filter keeps nothing.

use flow2pcap::error::{Error, ErrorKind, Unmatched, UnmatchedPart};
use indicatif::HumanCount;

use super::page::{count, instant};

/// The exit status of a run whose filter keeps nothing.
pub(super) const NOTHING_KEPT: u8 = 3;

/// The exit status of a run that failed.
const FAILED: u8 = 2;

/// The most conditions listed with their counts.
const PARTS_SHOWN: usize = 8;

/// Returns the exit status of a run that ends with this error.
pub(super) fn exit_status(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Error>().map(Error::kind) {
        Some(
            ErrorKind::NothingKept(_)
            | ErrorKind::NothingMatches { .. }
            | ErrorKind::NoEventKept { .. },
        ) => NOTHING_KEPT,
        _ => FAILED,
    }
}

/// Says which part of the filter excludes everything.
pub(super) fn worded(unmatched: &Unmatched) -> String {
    let conditions = || match unmatched.parts.len() {
        1 => "the filter",
        _ => "all of the filter",
    };
    if unmatched.matching > 0 {
        return outside_the_time(unmatched, conditions());
    }
    let why = match &unmatched.parts[..] {
        [] => outside_the_time(unmatched, "the filter"),
        [only] => format!(
            "no record matches {}; {} read{}",
            only.condition,
            records_were(unmatched.records),
            missing(only, unmatched.records),
        ),
        parts => several(parts, unmatched.records),
    };
    format!("{why}{}", span(unmatched))
}

/// Says that the conditions match but the time range does not.
fn outside_the_time(unmatched: &Unmatched, conditions: &str) -> String {
    let matching = match unmatched.parts.is_empty() {
        true => format!("{} read", records_were(unmatched.records)),
        false => format!(
            "{} {conditions} at other times",
            matches(unmatched.matching)
        ),
    };
    let wanted = match unmatched.requested_ns {
        Some((Some(from), Some(to))) => {
            format!("no record is from {} to {}", instant(from), instant(to))
        }
        Some((Some(from), None)) => format!("no record is from {} or later", instant(from)),
        Some((None, Some(to))) => format!("no record is before {}", instant(to)),
        _ => "no record is of that time".to_owned(),
    };
    format!("{wanted}; {matching}{}", span(unmatched))
}

fn several(parts: &[UnmatchedPart], records: u64) -> String {
    let excluding = parts.iter().filter(|part| part.alone == 0);
    let excluding: Vec<&UnmatchedPart> = excluding.take(PARTS_SHOWN).collect();
    if let [only] = excluding[..] {
        let rest = match only.others {
            0 => format!("{} read", records_were(records)),
            others => format!("{} the rest of the filter", matches(others)),
        };
        let condition = &only.condition;
        return format!(
            "no record matches {condition}; {rest}{}",
            missing(only, records)
        );
    }
    if !excluding.is_empty() {
        let lines = excluding.iter().map(|part| {
            let missing = missing(part, records);
            format!("\n  no record matches {}{missing}", part.condition)
        });
        let lines: String = lines.collect();
        return format!(
            "no record matches the filter; {} read{lines}",
            records_were(records)
        );
    }
    let lines = parts.iter().take(PARTS_SHOWN).map(|part| {
        let (alone, others) = (HumanCount(part.alone), HumanCount(part.others));
        format!(
            "\n  {}: {alone} match it, {others} match the rest of the filter",
            part.condition
        )
    });
    let lines: String = lines.collect();
    format!(
        "no record matches all conditions of the filter; of {}:{lines}",
        count(records, "record")
    )
}

/// Says that a condition cannot match because records lack its field, if that is the reason.
fn missing(part: &UnmatchedPart, records: u64) -> String {
    match part.missing {
        0 => String::new(),
        all if all == records => ", and none has the field for that condition".to_owned(),
        some => format!(
            ", of which {} lack the field for that condition",
            HumanCount(some)
        ),
    }
}

fn records_were(records: u64) -> String {
    let verb = if records == 1 { "was" } else { "were" };
    format!("{} {verb}", count(records, "record"))
}

fn matches(records: u64) -> String {
    let verb = if records == 1 { "matches" } else { "match" };
    format!("{} {verb}", count(records, "record"))
}

/// Formats the time range of the archive, if the filter has a time range.
fn span(unmatched: &Unmatched) -> String {
    match (unmatched.requested_ns, unmatched.span_ns) {
        (Some(_), Some((start, end))) => archive_span("the records that were read are", start, end),
        _ => String::new(),
    }
}

/// Formats the time range of an archive as a line to add to a message.
pub(super) fn archive_span(subject: &str, start: i64, end: i64) -> String {
    format!("\n  {subject} from {} to {}", instant(start), instant(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmatched(records: u64, parts: &[(&str, [u64; 3])]) -> Unmatched {
        let parts = parts.iter();
        Unmatched {
            records,
            parts: parts
                .map(|(condition, counts)| UnmatchedPart::new(condition, *counts))
                .collect(),
            ..Unmatched::default()
        }
    }

    #[track_caller]
    fn check(unmatched: &Unmatched, expected: &str) {
        assert_eq!(worded(unmatched), expected);
    }

    #[test]
    fn condition_that_excludes_everything_is_named_with_what_the_rest_keeps() {
        check(
            &unmatched(99, &[("port 9999", [0, 80, 0]), ("tcp", [80, 0, 0])]),
            "no record matches port 9999; 80 records match the rest of the filter",
        );
        check(
            &unmatched(1, &[("port 9999", [0, 1, 0])]),
            "no record matches port 9999; 1 record was read",
        );
        check(
            &unmatched(9, &[("flags syn", [0, 9, 9])]),
            "no record matches flags syn; 9 records were read, and none has the field for that condition",
        );
    }

    #[test]
    fn conditions_that_exclude_each_other_are_counted() {
        check(
            &unmatched(1_000, &[("reject", [5, 7, 0]), ("port 443", [7, 5, 0])]),
            "no record matches all conditions of the filter; of 1,000 records:\n  \
             reject: 5 match it, 7 match the rest of the filter\n  \
             port 443: 7 match it, 5 match the rest of the filter",
        );
        check(
            &unmatched(3, &[("port 1", [0, 0, 0]), ("port 2", [0, 0, 0])]),
            "no record matches the filter; 3 records were read\n  \
             no record matches port 1\n  no record matches port 2",
        );
    }

    #[test]
    fn time_that_excludes_everything_is_named_with_that_of_the_archive() {
        let mut time = unmatched(3, &[]);
        time.requested_ns = Some((Some(60_000_000_000), None));
        time.span_ns = Some((0, 59_000_000_000));
        time.matching = 3;
        let span =
            "\n  the records that were read are from 1970-01-01T00:00:00Z to 1970-01-01T00:00:59Z";
        check(
            &time,
            &format!("no record is from 1970-01-01T00:01:00Z or later; 3 records were read{span}"),
        );
        time.parts = unmatched(3, &[("tcp", [2, 0, 0])]).parts;
        time.matching = 2;
        check(
            &time,
            &format!(
                "no record is from 1970-01-01T00:01:00Z or later; \
                 2 records match the filter at other times{span}"
            ),
        );
    }
}
