//! Lines whose tags contain blanks: which are read, and which values are left out.

use std::sync::Arc;

use super::super::{Field, Row, Rows, tag_value};
use super::*;

const NETWORK: &str = "version interface-id srcaddr dstaddr srcport dstport protocol packets bytes \
                       start end action log-status";

const VALUES: &str =
    "11 eni-0aaa0000000000001 10.0.1.5 10.0.2.9 41000 5432 6 3 180 1714564800 1714564830 REJECT OK";

/// Reads one line of these columns, and returns the tags in their order.
fn tags(columns: &str, line: &str) -> Option<Vec<String>> {
    let layout = Arc::new(Layout::from_header(columns.as_bytes()).unwrap());
    let mut rows = Rows::new(line.as_bytes(), layout);
    let (_, Row::Record(record)) = rows.next()? else {
        return None;
    };
    let layout = rows.layout();
    assert_eq!(record.source, Some("10.0.1.5".parse().unwrap()), "{line}");
    assert_eq!((record.packets, record.bytes), (Some(3), Some(180)));
    assert_eq!(
        (record.destination_port, record.protocol),
        (Some(5432), Some(6))
    );
    assert_eq!(
        (record.start_ns, record.end_ns),
        (
            Some(1_714_564_800_000_000_000),
            Some(1_714_564_830_000_000_000)
        )
    );
    assert_eq!(record.get(layout, Field::LogStatus), Some(&b"OK"[..]));
    let tags = layout.columns().iter().filter_map(|column| match column {
        Column::Known(field) if field.is_tag() => Some(*field),
        _ => None,
    });
    let value = |field| {
        record
            .get(layout, field)
            .map_or_else(|| "?".into(), tag_value)
    };
    let all: Vec<Field> = tags.clone().collect();
    let one_by_one: Vec<String> = tags.map(|field| value(field).into_owned()).collect();
    let found = record
        .fields(layout, &all)
        .map(|(_, text)| tag_value(text).into_owned());
    let known = one_by_one.iter().filter(|value| *value != "?").cloned();
    assert!(found.eq(known), "both ways to look up fields agree");
    Some(one_by_one)
}

#[track_caller]
fn check(columns: &str, line: &str, expected: &[&str]) {
    let found = tags(columns, line).unwrap_or_else(|| panic!("not a record: {line}"));
    assert_eq!(found, expected, "{line}");
}

#[test]
fn quoted_tag_is_one_value() {
    let columns = format!("{NETWORK} instance-tag interface-tag");
    check(
        &columns,
        &format!("{VALUES} web-1 prod"),
        &["web-1", "prod"],
    );
    check(
        &columns,
        &format!("{VALUES} \"web server 1\" prod"),
        &["web server 1", "prod"],
    );
    check(
        &columns,
        &format!("{VALUES} \"web-1\" \"\""),
        &["web-1", "?"],
    );
    check(
        &columns,
        &format!("{VALUES} web%20server%201 -"),
        &["web server 1", "?"],
    );
}

#[test]
fn words_of_the_only_tag_are_its_value() {
    let line = format!("{VALUES} web server 1");
    check(&format!("{NETWORK} instance-tag"), &line, &["web server 1"]);
    let line = format!("web server 1 {VALUES}");
    check(&format!("instance-tag {NETWORK}"), &line, &["web server 1"]);
    let columns = NETWORK.replace(" srcaddr", " asg-tag vpc-id srcaddr");
    let line = VALUES.replace(" 10.0.1.5", "  web  asg vpc-1 10.0.1.5");
    check(&columns, &line, &["web  asg"]);
}

#[test]
fn tags_next_to_each_other_share_no_words_by_guess() {
    let columns = format!("{NETWORK} instance-tag instance-tag-2 interface-tag asg-tag");
    let line = format!("{VALUES} web server 1 prod - web-asg");
    check(&columns, &line, &["?", "?", "?", "?"]);
    let columns = format!("asg-tag {columns}").replace(" asg-tag", "");
    check(
        &columns,
        &format!("web-asg {line}"),
        &["web-asg", "?", "?", "?"],
    );
}

#[test]
fn surplus_on_both_sides_of_addresses_has_one_place() {
    let columns = format!("asg-tag {NETWORK} instance-tag");
    let line = format!("web asg {VALUES} web server 1");
    check(&columns, &line, &["web asg", "web server 1"]);
}

#[test]
fn surplus_around_a_column_of_any_text_is_not_divided() {
    let columns = format!("{NETWORK} instance-tag ecs-service-name asg-tag");
    let line = format!("{VALUES} web server 1 shop web-asg");
    check(&columns, &line, &["?", "?"]);
    let columns = format!("{NETWORK} instance-tag subnet-id asg-tag");
    let line = format!("{VALUES} web server 1 subnet-1 web-asg");
    check(&columns, &line, &["web server 1", "web-asg"]);
}

#[test]
fn surplus_that_is_not_of_a_tag_is_a_fault() {
    let plain = format!("{VALUES} more words");
    assert_eq!(tags(NETWORK, &plain), None);
    let columns = format!("{NETWORK} instance-tag");
    for line in [
        format!("more {VALUES} web-1"),
        VALUES.replace("OK", "OK OK x"),
        VALUES.replace(" 5432", " 54 32") + " web-1",
        VALUES.replace("eni-", "web server eni-") + " a",
    ] {
        let faulty = match tags(&columns, &line) {
            None => true,
            // Words after the last column can only be of the tag.
            Some(found) => found == ["OK x"],
        };
        assert!(faulty, "{line}");
    }
}

#[test]
fn ways_to_divide_a_surplus_are_bounded() {
    assert_eq!(splits(1, u16::MAX).map(|all| all.len()), Some(1));
    assert_eq!(splits(2, 2).unwrap(), [[0, 2, 0], [1, 1, 0], [2, 0, 0]]);
    assert_eq!(splits(3, 2).unwrap().len(), 6);
    assert!(splits(2, 300).is_none() && splits(3, 100).is_none());
}
