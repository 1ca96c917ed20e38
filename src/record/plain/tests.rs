//! Tests of plain lines.

use super::super::{RowSource as _, Rows};
use super::*;

const FORMAT: &str = "interface-id srcaddr dstaddr dstport bytes start end log-status";
const LINE: &str = "eni-1 10.0.0.1 10.0.0.2 443 5200 1710382504 1710382560 OK";

fn rows(text: &str) -> Rows<'_> {
    Rows::new(
        text.as_bytes(),
        Arc::new(Layout::from_format(FORMAT).unwrap()),
    )
}

/// Lines to follow another one.
fn after() -> String {
    format!("{LINE}\n").repeat(3)
}

/// Whether the first line of some is plain.
fn is_plain(line: &str) -> bool {
    let text = format!("{line}\n{}", after());
    rows(&text).plain_lines().is_some()
}

#[test]
fn lines_of_as_many_words_as_columns_are_plain() {
    assert!(is_plain(LINE));
    for line in [
        "",
        " ",
        "eni-1",
        &LINE[..LINE.len() - 3],
        &format!("{LINE} x"),
        &format!("{LINE} "),
        &format!(" {LINE}"),
        &format!("{LINE}\r"),
        &LINE.replace(' ', "\t"),
        &LINE.replace(" 443 ", "  "),
        &LINE.replace("eni-1", "\u{e9}ni-1"),
        &LINE.replace("eni-1", "eni-1\u{0}"),
    ] {
        assert!(!is_plain(line), "{line:?}");
    }
}

#[test]
fn a_line_may_end_at_any_byte_of_eight() {
    for len in 1..40 {
        let eni = "e".repeat(len);
        let line = LINE.replace("eni-1", &eni);
        let text = format!("{line}\n{}", after());
        let mut rows = rows(&text);
        let plain = rows.plain_lines().unwrap().line(0);
        let words: Vec<&[u8]> = (0..8).map(|at| plain.word(at)).collect();
        let expected: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        assert_eq!(words, expected);
        rows.take_plain(1);
        assert_eq!(rows.plain_lines().unwrap().count(), 2);
        // The end of the block is too near to the last line.
        (0..2).for_each(|_| assert!(rows.next_row().is_some()));
        assert!(rows.plain_lines().is_none());
        assert!(rows.next_row().is_some());
        assert!(rows.next_row().is_none());
    }
}

#[test]
fn each_line_of_several_can_be_had_alone() {
    let other = LINE.replace("eni-1", "eni-22").replace("OK", "NODATA");
    let text = format!("{LINE}\n{other}\n{}", after());
    let mut rows = rows(&text);
    let lines = rows.plain_lines().unwrap();
    // The end of the block is too near to the last line.
    assert_eq!(lines.count(), 4);
    assert_eq!(lines.log_status(), None);
    let only: Vec<PlainLines<'_>> = (0..4).map(|index| lines.only(index)).collect();
    assert!(only.iter().all(|lines| lines.count() == 1));
    let words: Vec<&[u8]> = only.iter().map(|lines| lines.line(0).word(0)).collect();
    assert_eq!(words, [&b"eni-1"[..], b"eni-22", b"eni-1", b"eni-1"]);
    let statuses: Vec<_> = only.iter().map(PlainLines::log_status).collect();
    let (flow, silence) = (Some(LogStatus::Ok), Some(LogStatus::NoData));
    assert_eq!(statuses, [flow, silence, flow, flow]);
}

#[test]
fn numbers_are_plain_up_to_the_most_that_their_field_can_be() {
    let read = |field: Field, word: &str| {
        let at = FORMAT
            .split(' ')
            .position(|name| name == field.name())
            .unwrap();
        let words = LINE.split(' ').enumerate();
        let words = words.map(|(index, old)| if index == at { word } else { old });
        let text = words.collect::<Vec<_>>().join(" ") + "\n" + &after();
        let mut rows = rows(&text);
        let line = rows.plain_lines().unwrap().line(0);
        line.number(at, PlainKind::of(field))
    };
    assert_eq!(read(Field::DstPort, "65535"), Ok(Some(65_535)));
    assert_eq!(read(Field::DstPort, "65536"), Err(NotPlain));
    assert_eq!(read(Field::DstPort, "-"), Ok(None));
    assert_eq!(read(Field::DstPort, "-1"), Err(NotPlain));
    assert_eq!(read(Field::DstPort, "44x"), Err(NotPlain));
    assert_eq!(
        read(Field::Bytes, "18446744073709551615"),
        Ok(Some(i64::MAX))
    );
    assert_eq!(read(Field::Bytes, "18446744073709551616"), Err(NotPlain));
    assert_eq!(read(Field::Start, "1710382504999"), Ok(Some(1_710_382_504)));
    assert_eq!(read(Field::Start, "1710382504"), Ok(Some(1_710_382_504)));
}

#[test]
fn interval_of_a_checked_line_is_known_in_any_unit() {
    let interval = |start: &str, end: &str| {
        let line = LINE.replace("1710382504", start).replace("1710382560", end);
        let text = format!("{line}\n{}", after());
        let mut rows = rows(&text);
        let line = rows.plain_lines().unwrap().line(0);
        let checked = line.check(&mut RecentAddresses::default());
        assert_eq!(checked.is_ok(), line.interval().is_ok(), "{start} {end}");
        line.interval().ok().flatten()
    };
    let seconds = interval("1710382504", "1710382560");
    assert!(seconds.is_some());
    for zeros in [3, 6, 9] {
        let unit = |time: &str| format!("{time}{}", "0".repeat(zeros));
        let finer = interval(&unit("1710382504"), &unit("1710382560"));
        assert_eq!(
            finer.map(|finer| finer.start_ns),
            seconds.as_ref().map(|seconds| seconds.start_ns)
        );
    }
    assert_eq!(interval("-", "-"), None);
    assert_eq!(interval("99999999999999999999", "1710382560"), None);
    assert_eq!(interval("17103825040000000x0", "1710382560"), None);
}

#[test]
fn ends_of_two_families_are_not_plain() {
    let is_record = |line: &str| {
        let text = format!("{line}\n{}", after());
        let mut rows = rows(&text);
        let line = rows.plain_lines().unwrap().line(0);
        line.check(&mut RecentAddresses::default()).is_ok()
    };
    assert!(is_record(LINE));
    assert!(is_record(&LINE.replace("10.0.0.1", "-")));
    assert!(!is_record(&LINE.replace("10.0.0.1", "fd00::1")));
    assert!(is_record(
        &LINE
            .replace("10.0.0.1", "fd00::1")
            .replace("10.0.0.2", "::1")
    ));
    assert!(!is_record(&LINE.replace("10.0.0.1", "10.0.0.256")));
}

#[test]
fn blocks_of_other_lines_are_not_tried_on_and_on() {
    let text = format!("{}\n", LINE.replace(' ', "\t")).repeat(200) + &after();
    let mut rows = rows(&text);
    let mut plain = 0;
    loop {
        plain += usize::from(rows.plain_lines().is_some());
        if rows.next_row().is_none() {
            break;
        }
    }
    assert_eq!(plain, 0);
}
