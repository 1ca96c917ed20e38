//! Tests of whole lines and blocks of lines: records, headers, columns by name.

use std::sync::Arc;

use super::*;

mod faults;
mod properties;
mod quirks;

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
    packets bytes start end action log-status";
const LINE: &str = "2 123456789010 eni-1235b8ca 172.31.16.139 203.0.113.12 49761 3389 6 20 4249 \
    1418530010 1418530070 REJECT OK";

fn layout(format: &str) -> Arc<Layout> {
    Arc::new(Layout::from_format(format).unwrap())
}

fn rows<'a>(layout: &Arc<Layout>, block: &'a str) -> Vec<Row<'a>> {
    Rows::new(block.as_bytes(), Arc::clone(layout))
        .map(|(_, row)| row)
        .collect()
}

/// Returns the only record of `line` under `format`.
#[track_caller]
fn record<'a>(format: &str, line: &'a str) -> Record<'a> {
    match rows(&layout(format), line)[..] {
        [Row::Record(record) | Row::NoData(record) | Row::SkipData(record)] => record,
        ref other => panic!("{line:?}: {other:?}"),
    }
}

/// Returns the only fault of `line` under `format` as text.
#[track_caller]
fn fault(format: &str, line: &str) -> String {
    match rows(&layout(format), line)[..] {
        [Row::Fault(fault)] => fault.to_string(),
        ref other => panic!("{line:?}: {other:?}"),
    }
}

/// Asserts that `line` under `format` reads like [`LINE`] under the default format.
#[track_caller]
fn reads_like_line(format: &str, line: &str) {
    let expected = record("default", LINE);
    let found = record(format, line);
    let bare = |record| Record {
        text: RecordText::default(),
        ..record
    };
    assert_eq!(bare(found), bare(expected), "{line:?}");
}

#[test]
fn default_record_is_read_completely() {
    let record = record("default", LINE);
    assert_eq!(record.text, RecordText::Line(LINE.as_bytes()));
    assert_eq!(record.eni, b"eni-1235b8ca");
    assert_eq!(record.source, "172.31.16.139".parse().ok());
    assert_eq!(record.destination, "203.0.113.12".parse().ok());
    assert_eq!(
        (record.source_port, record.destination_port),
        (Some(49_761), Some(3_389))
    );
    assert_eq!(
        (record.protocol, record.packets, record.bytes),
        (Some(6), Some(20), Some(4_249))
    );
    assert_eq!(record.start_ns, Some(1_418_530_010_000_000_000));
    assert_eq!(record.end_ns, Some(1_418_530_070_000_000_000));
    assert_eq!(
        (record.action, record.log_status),
        (Some(Action::Reject), LogStatus::Ok)
    );
    assert_eq!(
        (record.flags, record.direction, record.traffic_path),
        (None, None, None)
    );
}

#[test]
fn later_columns_are_read() {
    let record = record(
        "tcp-flags flow-direction traffic-path pkt-srcaddr pkt-dstaddr",
        "19 egress 8 10.0.0.1 10.0.0.2",
    );
    assert_eq!(record.flags, Some(ObservedFlags(19)));
    assert_eq!(
        (record.direction, record.traffic_path),
        (Some(Direction::Egress), Some(8))
    );
    assert_eq!(record.pkt_source, "10.0.0.1".parse().ok());
    assert_eq!(record.pkt_destination, "10.0.0.2".parse().ok());
}

#[test]
fn fields_without_a_struct_member_are_found_by_name() {
    let layout = Layout::from_header(b"srcaddr,dstaddr,vpc_id,instance_id,dt").unwrap();
    let line = "10.0.0.1,10.0.0.2,vpc-1,-,2024-05-01";
    let Row::Record(record) = rows(&Arc::new(layout.clone()), line)[0] else {
        panic!("no record");
    };
    assert_eq!(record.get(&layout, Field::VpcId), Some(&b"vpc-1"[..]));
    assert_eq!(record.get(&layout, Field::InstanceId), None);
    assert_eq!(record.get(&layout, Field::Region), None);
    assert_eq!(record.get_by_name(&layout, "dt"), Some(&b"2024-05-01"[..]));
}

#[test]
fn repeated_header_is_not_a_record() {
    let block = format!("{HEADER}\n{LINE}\n{HEADER}\n{LINE}\n");
    let kinds = rows(&layout("default"), &block);
    assert!(matches!(
        kinds[..],
        [Row::Header, Row::Record(_), Row::Header, Row::Record(_)]
    ));
}

#[test]
fn header_with_another_order_applies_from_there_on() {
    let block = format!("{LINE}\ndstaddr srcaddr\n203.0.113.12 172.31.16.139\n");
    let mut rows = Rows::new(block.as_bytes(), layout("default"));
    assert!(matches!(rows.next(), Some((0, Row::Record(_)))));
    assert!(matches!(rows.next(), Some((_, Row::Header))));
    let Some((_, Row::Record(record))) = rows.next() else {
        panic!("no record");
    };
    assert_eq!(record.source, "172.31.16.139".parse().ok());
    assert_eq!(*rows.layout_at_end(), *layout("dstaddr srcaddr"));
}

#[test]
fn header_under_a_layout_of_text_columns_is_not_a_record() {
    let block = "vpc-id interface-id\nvpc-1 eni-1\n";
    let rows = rows(&layout("vpc-id interface-id"), block);
    assert!(
        matches!(rows[..], [Row::Header, Row::Record(_)]),
        "{rows:?}"
    );
}

#[test]
fn header_returned_as_a_row_by_a_query_is_not_a_record() {
    let table = Layout::from_header(b"srcaddr,dstaddr,packets,dt").unwrap();
    let rows = rows(&Arc::new(table), "srcaddr,dstaddr,packets,2024-05-01\n");
    assert!(matches!(rows[..], [Row::Header]), "{rows:?}");
}
