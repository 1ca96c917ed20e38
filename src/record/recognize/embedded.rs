//! Finds records of well-known orders inside other text.
//!
//! Syslog and command-line tools put words before a record, queries put quotes around it, and some
//! answers join several records on one line. The finder does not know these tools. It looks for a
//! run of words that can only be a record: as many as a well-known order has columns, each one a
//! value of its column, with a version first, an interface, and the times and addresses that every
//! record of its kind has. Anything less is not taken for a record, so a text without records has
//! none here.

use std::ops::Range;

use super::order::{ORDERS, Order, fits};
use super::suggestion::is_recent;
use crate::record::{
    Field, Layout,
    cells::{LineCells, Separator, is_absent},
};

/// The number of words of the shortest record that is found: the default format.
pub const EMBEDDED_WORDS_MIN: usize = 14;

/// Characters that may touch the first word of a record.
const BEFORE: &[u8] = b"\"'`([{<,;|=:>\\";
/// Characters that may touch the last word of a record.
const AFTER: &[u8] = b"\"'`)]}>,;|<\\";

/// Returns the records of well-known orders in `text`, from left to right.
///
/// Each is the text of one record, without the text around it. Between its columns are blanks or
/// tabs.
pub fn embedded_records(text: &[u8]) -> Vec<&[u8]> {
    let words: Vec<Range<usize>> = words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at + EMBEDDED_WORDS_MIN <= words.len() {
        match record_at(text, &words[at..]) {
            Some((record, taken)) => {
                found.push(&text[record]);
                at += taken;
            }
            None => at += 1,
        }
    }
    found
}

/// Whether most of the first lines of a file hold a record of a well-known order.
pub fn holds_embedded(head: &[u8]) -> bool {
    let lines = super::sample(head);
    let holding = lines
        .iter()
        .filter(|line| !embedded_records(line).is_empty());
    let count = holding.count();
    count > 0 && count * 2 >= lines.len()
}

/// Returns the well-known order that `line`, a record and nothing else, certainly has.
pub(crate) fn certain_order(line: &[u8], separator: Separator) -> Option<&'static Order> {
    let cells: Vec<_> = LineCells::new(line, separator)
        .map(|cell| cell.text)
        .take(COLUMNS_MAX + 1)
        .collect();
    ORDERS.iter().find(|order| is_certain(order, &cells))
}

/// More columns than any well-known order has.
const COLUMNS_MAX: usize = 64;

/// Returns the name of the well-known order with the columns of `layout`, if there is one.
pub fn order_name(layout: &Layout) -> Option<&'static str> {
    let order = ORDERS.iter().find(|order| order.has_columns(layout));
    order.map(Order::name)
}

/// Returns the ranges of the words in `text`.
fn words(text: &[u8]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(|b| !b.is_ascii_whitespace()) {
        let start = at + start;
        let len = text[start..].iter().position(u8::is_ascii_whitespace);
        at = len.map_or(text.len(), |len| start + len);
        words.push(start..at);
    }
    words
}

/// Returns the range of the record that begins in the first of `words`, and the number of its
/// words. A longer order is tried before a shorter one, whose columns it may begin with.
fn record_at(text: &[u8], words: &[Range<usize>]) -> Option<(Range<usize>, usize)> {
    let first = without_text_before(text, words.first()?.clone());
    if !fits(Field::Version, &text[first.clone()]) || is_absent(&text[first.clone()]) {
        return None;
    }
    let orders = ORDERS.iter().filter(|order| order.len() <= words.len());
    let mut longest: Option<(Range<usize>, usize)> = None;
    for order in orders {
        let len = order.len();
        if longest.as_ref().is_some_and(|(_, taken)| *taken >= len) {
            continue;
        }
        let last = without_text_after(text, words[len - 1].clone());
        let mut cells: Vec<&[u8]> = words[..len].iter().map(|w| &text[w.clone()]).collect();
        cells[0] = &text[first.clone()];
        cells[len - 1] = &text[last.clone()];
        if is_certain(order, &cells) {
            longest = Some((first.start..last.end, len));
        }
    }
    longest
}

/// Returns the word without a quote, bracket or label that touches its front.
fn without_text_before(text: &[u8], word: Range<usize>) -> Range<usize> {
    let letters = &text[word.clone()];
    let before = letters.iter().rposition(|byte| BEFORE.contains(byte));
    word.start + before.map_or(0, |index| index + 1)..word.end
}

/// Returns the word without a quote, bracket or other cells that touch its end.
fn without_text_after(text: &[u8], word: Range<usize>) -> Range<usize> {
    let letters = &text[word.clone()];
    let after = letters.iter().position(|byte| AFTER.contains(byte));
    word.start..after.map_or(word.end, |index| word.start + index)
}

/// Whether `cells` can only be a record in this order.
fn is_certain(order: &Order, cells: &[&[u8]]) -> bool {
    if cells.len() != order.len() {
        return false;
    }
    let get = |field| {
        let index = order.fields().iter().position(|other| *other == field);
        index.map(|index| cells[index])
    };
    let is_present = |field| get(field).is_some_and(|text| !is_absent(text));
    let is_time = |field| get(field).is_some_and(is_recent);
    let is_named = is_present(Field::InterfaceId) || is_present(Field::TgwAttachmentId);
    let has_account = get(Field::AccountId).is_some_and(is_account);
    let is_flow = is_present(Field::SrcAddr) && is_present(Field::DstAddr);
    let is_silent = get(Field::LogStatus)
        .is_some_and(|text| text == b"NODATA".as_slice() || text == b"SKIPDATA".as_slice());
    is_present(Field::Version)
        && is_present(Field::LogStatus)
        && has_account
        && is_named
        && is_time(Field::Start)
        && is_time(Field::End)
        && (is_flow || is_silent)
        && order.holds(cells)
}

/// Whether `text` is an account ID, or what AWS writes if there is none.
fn is_account(text: &[u8]) -> bool {
    let is_number = text.len() == 12 && text.iter().all(u8::is_ascii_digit);
    is_number || text == b"unknown".as_slice() || is_absent(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FLOW: &str = "2 123456789010 eni-1235b8ca 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
                        1418530010 1418530070 ACCEPT OK";
    const SILENT: &str = "2 123456789010 eni-1235b8ca - - - - - - - 1431280876 1431280934 - NODATA";

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = embedded_records(text.as_bytes());
        let found: Vec<&str> = found
            .iter()
            .map(|record| std::str::from_utf8(record).unwrap())
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn record_is_found_after_any_words() {
        for before in [
            "",
            "/vpc/flow eni-1235b8ca-all ",
            "<134>1 2024-05-01T12:01:00Z host vpcflow - - - ",
            "May  1 12:01:00 host vpcflow[12]: ",
            "2024-05-01T12:01:00Z {job=\"vpc\"} ",
            "1714564860000\t",
            "\"",
            "2 2 2 ",
            "message=\"",
        ] {
            check(&format!("{before}{FLOW}"), &[FLOW]);
            check(&format!("{before}{SILENT}\" more"), &[SILENT]);
        }
    }

    #[test]
    fn records_joined_on_one_line_are_all_found() {
        check(&format!("{FLOW}\t{SILENT}\t{FLOW}"), &[FLOW, SILENT, FLOW]);
        check(&format!("[\"{FLOW}\",\"x\"] {FLOW}"), &[FLOW, FLOW]);
    }

    #[test]
    fn longer_order_is_one_record() {
        let longer = format!(
            "{FLOW} vpc-0c5e subnet-01f3 i-0d94 3 IPv4 172.31.16.139 172.31.16.21 use1 use1-az4 - \
             - - - egress 8"
        );
        let longer = longer.replace(" use1 ", " us-east-1 ");
        check(&format!("host {longer}"), &[&longer]);
    }

    #[test]
    fn text_that_only_resembles_a_record_is_none() {
        for text in [
            FLOW.replace("eni-1235b8ca", "eth0"),
            FLOW.replace("1418530010", "12"),
            FLOW.replace("ACCEPT", "MAYBE"),
            FLOW.replace("123456789010", "1234"),
            FLOW.replace("172.31.16.139", "-"),
            FLOW.replace(" OK", " -"),
            FLOW.replacen("2 ", "1 ", 1),
            SILENT.replace("NODATA", "OK"),
            "2 ".repeat(100),
            "- ".repeat(100),
        ] {
            check(&text, &[]);
        }
    }

    /// Words that logs of every kind have, none of which is the name of an interface.
    fn any_word() -> impl Strategy<Value = String> {
        prop_oneof![
            (0..100_000_u64).prop_map(|n| n.to_string()),
            (1_400_000_000..1_800_000_000_u64).prop_map(|n| n.to_string()),
            any::<[u8; 4]>().prop_map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}")),
            prop::sample::select(vec![
                "-",
                "2",
                "5",
                "6",
                "ACCEPT",
                "REJECT",
                "OK",
                "NODATA",
                "IPv4",
                "vpc-0c5e",
                "GET",
                "subnet-01f3",
                "i-0d94",
                "us-east-1",
                "123456789010",
                "\"-\"",
                "{",
                "}",
                "[",
                "]",
                "https",
                "2024-05-01T12:01:00Z",
                "\\\"",
                "eth0",
                "TCP_MISS/200",
                "=",
                "host:",
            ])
            .prop_map(str::to_owned),
            "[ -~]{0,12}".prop_map(|text| text.replace("eni-", "")),
        ]
    }

    proptest! {
        #[test]
        fn text_without_an_interface_has_no_record(words in prop::collection::vec(any_word(), 0..80)) {
            for separator in [" ", "\t", ",", "\",\"", " | ", "\n"] {
                let text = words.join(separator);
                prop_assert!(embedded_records(text.as_bytes()).is_empty(), "{}", text);
                prop_assert!(!holds_embedded(text.as_bytes()));
            }
        }

        #[test]
        fn record_without_one_of_its_columns_is_none(
            before in prop::collection::vec(any_word(), 0..4),
            column in 1..14_usize, // a word before it may be the version
            is_silent: bool,
        ) {
            let record = if is_silent { SILENT } else { FLOW };
            let mut cells: Vec<&str> = record.split_whitespace().collect();
            cells.remove(column);
            let text = [before.join(" "), cells.join(" ")].join(" ");
            prop_assert!(embedded_records(text.as_bytes()).is_empty(), "{}", text);
        }

        #[test]
        fn record_is_found_after_and_before_any_words(
            before in prop::collection::vec(any_word(), 0..20),
            after in prop::collection::vec(any_word(), 0..20),
        ) {
            let text = format!("{} {FLOW} \n{}", before.join(" "), after.join(" "));
            let found = embedded_records(text.lines().next().unwrap().as_bytes());
            prop_assert_eq!(found, [FLOW.as_bytes()]);
        }
    }
}
