//! Lines of several given formats, with and without a header.

use super::*;
use crate::record::{Evidence, FaultKind, Field, Row, Rows, recognize};

const FOUR: &str = "srcaddr dstaddr packets bytes";
const PORTS: &str = "srcaddr dstaddr srcport dstport";
const SIX: &str = "interface-id srcaddr dstaddr srcport dstport action";

fn formats(texts: &[&str]) -> Layout {
    let layouts = texts.iter().map(|text| Layout::from_format(text).unwrap());
    Layout::any_of(layouts.collect()).unwrap()
}

/// Reads `text` with `formats` and writes one word for each line: the number of columns of the
/// format it was read with, with `p` if it has ports; `h` for a header, `?` for several formats, `x`
/// for another fault.
#[track_caller]
fn check(given: &[&str], text: &str, expected: &str) {
    let found = recognize(text.as_bytes(), Some(&formats(given))).unwrap();
    let mut rows = Rows::new(text.as_bytes(), Arc::new(found.layout));
    let mut words = Vec::new();
    while let Some((_, row)) = rows.next() {
        let has_ports = rows.layout().index_of(Field::SrcPort).is_some();
        let ports = if has_ports { "p" } else { "" };
        words.push(match row {
            Row::Record(_) | Row::NoData(_) | Row::SkipData(_) => {
                format!("{}{ports}", rows.layout().columns().len())
            }
            Row::Header => "h".to_owned(),
            Row::Blank => "b".to_owned(),
            Row::Fault(fault) if fault.kind() == FaultKind::SeveralFormats => "?".to_owned(),
            Row::Fault(_) => "x".to_owned(),
        });
    }
    assert_eq!(words.join(" "), expected);
}

#[test]
fn each_line_is_read_with_the_format_that_has_its_number_of_columns() {
    let text = "10.0.0.1 10.0.0.2 3 400\neni-0a 10.0.0.1 10.0.0.2 40000 443 ACCEPT\n\
                10.0.0.1 10.0.0.2\n10.0.0.1 10.0.0.2 3 400\n";
    check(&[FOUR, SIX], text, "4 6p x 4");
    check(&[SIX, FOUR], text, "4 6p x 4");
}

#[test]
fn repeated_format_is_one_format() {
    assert_eq!(formats(&[FOUR, FOUR]), formats(&[FOUR]));
    check(&[FOUR, FOUR], "10.0.0.1 10.0.0.2 3 400\n", "4");
}

#[test]
fn values_decide_between_formats_with_as_many_columns() {
    let text = "10.0.0.1 10.0.0.2 70000 80000\n10.0.0.1 10.0.0.2 40000 443\n";
    check(&[FOUR, PORTS], text, "4 ?");
    check(&[PORTS, FOUR], text, "4 ?");
    let swapped = "srcaddr bytes packets dstaddr";
    let text = "10.0.0.1 10.0.0.2 3 400\n10.0.0.1 400 3 10.0.0.2\nx 400 3 10.0.0.2\n";
    check(&[FOUR, swapped], text, "4 4 x");
}

#[test]
fn value_that_a_column_cannot_have_decides_even_if_the_column_is_not_read() {
    let subnet = "subnet-id srcaddr dstaddr bytes";
    let vpc = "vpc-id srcaddr dstaddr bytes";
    let text = "vpc-0a 10.0.0.1 10.0.0.2 40\nsubnet-0a 10.0.0.1 10.0.0.2 40\n";
    let found = recognize(text.as_bytes(), Some(&formats(&[subnet, vpc]))).unwrap();
    let mut rows = Rows::new(text.as_bytes(), Arc::new(found.layout));
    for expected in [Field::VpcId, Field::SubnetId] {
        rows.next();
        assert_eq!(rows.layout().index_of(expected), Some(0));
    }
}

#[test]
fn line_that_reads_the_same_in_both_formats_needs_no_decision() {
    let text = "10.0.0.1 10.0.0.2 - -\n10.0.0.1 10.0.0.2 70000 1\n";
    let found = recognize(text.as_bytes(), Some(&formats(&[FOUR, PORTS]))).unwrap();
    assert_eq!(found.evidence, Evidence::Given);
    check(&[FOUR, PORTS], text, "4 4");
}

#[test]
fn lines_of_which_none_decides_are_refused_with_both_formats() {
    let text = b"10.0.0.1 10.0.0.2 3 400\n10.0.0.1 10.0.0.2 5 600\n";
    let refused = recognize(text, Some(&formats(&[FOUR, SIX, PORTS]))).unwrap_err();
    assert!(refused.is_ambiguous());
    let message = refused.to_string();
    assert!(message.contains("${srcport} ${dstport}") && message.contains("${packets} ${bytes}"));
    assert!(message.contains("10.0.0.1 10.0.0.2 3 400"), "{message}");
}

#[test]
fn header_wins_over_formats_with_as_many_columns() {
    let text = "srcaddr dstaddr srcport dstport\n10.0.0.1 10.0.0.2 3 400\n\
                10.0.0.1 10.0.0.2 70000 400\neni-0a 10.0.0.1 10.0.0.2 40000 443 ACCEPT\n";
    check(&[FOUR, SIX], text, "h 4p x 6p");
    let later =
        "10.0.0.1 10.0.0.2 3 400\nsrcaddr dstaddr srcport dstport\n10.0.0.1 10.0.0.2 3 400\n";
    check(&[FOUR, SIX], later, "4 h 4p");
}

#[test]
fn lines_of_formats_may_follow_those_of_a_well_known_order() {
    let v2 = "2 123456789010 eni-1235b8ca 10.0.0.1 10.0.0.2 40000 443 6 20 4249 1418530010 1418530070 \
              REJECT OK\n";
    check(&[FOUR], &format!("{v2}10.0.0.1 10.0.0.2 3 400\n"), "14p 4");
    let many = format!("{}10.0.0.1 10.0.0.2 3 400\n", v2.repeat(40));
    check(&[FOUR], &many, &format!("{}4", "14p ".repeat(40)));
}

#[test]
fn formats_have_the_separator_and_the_prefix_of_the_file() {
    let text = "2018-09-22T20:28:14.000Z 10.0.0.1 10.0.0.2 3 400\n\
                2018-09-22T20:28:14.000Z eni-0a 10.0.0.1 10.0.0.2 40000 443 ACCEPT\n";
    check(&[SIX, FOUR], text, "4 6p");
    let text = "10.0.0.1;10.0.0.2;3;400\neni-0a;10.0.0.1;10.0.0.2;40000;443;ACCEPT\n";
    check(&[SIX, FOUR], text, "4 6p");
}
