//! Lines that are not records, each with its fault, and values next to a record.

use super::*;

#[test]
fn mixed_families_are_a_fault() {
    assert_eq!(
        fault("srcaddr dstaddr", "10.0.0.1 2a02:cf40::"),
        "found IPv4 and IPv6 addresses, expected one family: \"10.0.0.1 2a02:cf40::\""
    );
}

#[test]
fn mixed_families_at_a_translating_gateway_are_not_a_fault() {
    let format = "srcaddr dstaddr pkt-srcaddr pkt-dstaddr";
    let record = record(format, "2001:db8::1 10.0.0.1 2001:db8::1 64:ff9b::1");
    assert_eq!(record.pkt_destination, "64:ff9b::1".parse().ok());
}

#[test]
fn masked_address_is_a_fault() {
    let line = LINE.replace("203.0.113.12", "12.34.178.90.32");
    let words = "column 5 (dstaddr): found \"12.34.178.90.32\", expected an IPv4 or IPv6 address";
    assert_eq!(fault("default", &line), words);
}

#[test]
fn truncated_line_is_a_fault() {
    let block = format!("{LINE}\n{}", &LINE[..60]);
    let rows = rows(&layout("default"), &block);
    let [Row::Record(_), Row::Fault(fault)] = rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(
        fault.kind(),
        FaultKind::WrongColumnCount {
            found: 6,
            expected: 14
        }
    );
}

#[test]
fn more_columns_than_in_the_layout_are_a_fault() {
    let words = fault("default", &format!("{LINE} extra"));
    assert!(
        words.starts_with("found 15 columns, expected 14: \"2 1234"),
        "{words}"
    );
    assert!(words.ends_with("…\"") && words.len() < 120, "{words}");
}

#[test]
fn comment_after_a_record_is_skipped() {
    reads_like_line(
        "default",
        &format!("{LINE} #Traffic from the subnet to its gateway"),
    );
}

#[test]
fn csv_with_header_and_empty_values_is_read() {
    let header = "Version,Account_id,Interface_id,Srcaddr,Dstaddr,Srcport,Dstport,Protocol,\
        Packets,Bytes,Start,End,Action,Log_status,Tcp_flags";
    let csv = Arc::new(Layout::from_header(header.as_bytes()).unwrap());
    let expected = record("default", LINE);
    for line in [
        format!("{},", LINE.replace(' ', ",")),
        format!("\"{}\",\"\"", LINE.replace(' ', "\",\"")),
    ] {
        let rows = rows(&csv, &line);
        let [Row::Record(record)] = rows[..] else {
            panic!("{rows:?}");
        };
        assert_eq!(
            Record {
                text: expected.text,
                ..record
            },
            expected
        );
    }
    let rows = rows(&csv, "\"2,3");
    assert!(matches!(rows[..], [Row::Fault(_)]));
}

#[test]
fn port_above_65535_is_a_fault() {
    let words = "column 6 (srcport): found \"65536\", expected 0 to 65535";
    assert_eq!(fault("default", &LINE.replace("49761", "65536")), words);
}

#[test]
fn number_above_64_bits_is_a_fault() {
    let words = fault("default", &LINE.replace("4249", "18446744073709551616"));
    assert_eq!(
        words,
        "column 10 (bytes): found \"18446744073709551616\", expected 0 to 18446744073709551615"
    );
    let largest = LINE.replace("4249", "18446744073709551615");
    assert_eq!(record("default", &largest).bytes, Some(u64::MAX));
}

#[test]
fn unknown_words_are_faults() {
    for (from, to, words) in [
        (
            "REJECT",
            "DROP",
            "column 13 (action): found \"DROP\", expected ACCEPT or REJECT",
        ),
        (
            "OK",
            "NODA",
            "column 14 (log-status): found \"NODA\", expected OK, NODATA or SKIPDATA",
        ),
        (
            "1418530010",
            "noon",
            "column 11 (start): found \"noon\", expected a Unix time",
        ),
        (
            "4249",
            "4.5",
            "column 10 (bytes): found \"4.5\", expected a whole number",
        ),
    ] {
        assert_eq!(fault("default", &LINE.replace(from, to)), words);
    }
}

#[test]
fn fault_points_at_the_wrong_text() {
    let line = format!("2018-09-22T20:28:14.000Z {}", LINE.replace("3389", "eni-1"));
    let timed = layout("default").as_ref().clone().with_prefix(Prefix::Time);
    let rows = rows(&Arc::new(timed), &line);
    let [Row::Fault(fault)] = rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(&fault.line()[fault.range()], b"eni-1");
    assert_eq!(
        (fault.column_index(), fault.field()),
        (Some(6), Some(Field::DstPort))
    );
}

#[test]
fn time_before_the_record_is_kept() {
    let timed = Arc::new(Layout::default_v2().with_prefix(Prefix::Time));
    let streamed = Arc::new(Layout::default_v2().with_prefix(Prefix::TimeAndStream));
    for (layout, front) in [(timed, ""), (streamed, "eni-1235b8ca-all ")] {
        let line = format!("2014-12-14T04:06:50.000Z {front}{LINE}");
        let rows = rows(&layout, &line);
        let [Row::Record(record)] = rows[..] else {
            panic!("{rows:?}");
        };
        assert_eq!(record.line_time_ns, record.start_ns);
        assert_eq!(record.text, RecordText::Line(LINE.as_bytes()));
    }
}

#[test]
fn transit_gateway_attachment_is_the_eni() {
    let format = "tgw-id tgw-attachment-id srcaddr dstaddr";
    let record = record(format, "tgw-1 tgw-attach-1 10.0.0.1 10.0.1.1");
    assert_eq!((record.eni, record.action), (&b"tgw-attach-1"[..], None));
}

#[test]
fn regional_nat_gateway_is_the_eni_if_there_is_no_interface() {
    for (format, line, eni) in [
        (
            "interface-id resource-id srcaddr",
            "- nat-1 10.0.0.1",
            "nat-1",
        ),
        (
            "interface-id resource-id srcaddr",
            "eni-1 nat-1 10.0.0.1",
            "eni-1",
        ),
        (
            "resource-id interface-id srcaddr",
            "nat-1 eni-1 10.0.0.1",
            "eni-1",
        ),
        (
            "resource-id interface-id srcaddr",
            "nat-1 - 10.0.0.1",
            "nat-1",
        ),
    ] {
        assert_eq!(record(format, line).eni, eni.as_bytes(), "{format}: {line}");
    }
}
