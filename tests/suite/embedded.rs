//! Records inside other text: after words, in quotes, in strings of any document, mixed in one file.

use crate::support::{Converted, convert, file};

const EGRESS: &str = "2 123456789010 eni-0a1b2c3d4e5f60718 10.0.1.5 203.0.113.9 41000 443 6 10 1500 \
                      1714564800 1714564830 ACCEPT OK";
const INGRESS: &str = "2 123456789010 eni-0a1b2c3d4e5f60718 203.0.113.9 10.0.1.5 443 41000 6 9 5200 \
                       1714564800 1714564830 ACCEPT OK";
const SILENT: &str = "2 123456789010 eni-0a1b2c3d4e5f60718 - - - - - - - 1714564860 1714564890 - \
                      NODATA";
/// Another flow log: version 5.
const OTHER: &str = "5 123456789010 eni-0f0e0d0c0b0a09080 10.0.1.6 203.0.113.9 41001 443 6 2 104 \
                     1714564800 1714564830 ACCEPT OK vpc-0aa subnet-0aa i-0aa 2 IPv4 10.0.1.6 \
                     203.0.113.9 us-east-1 use1-az1 - - - - egress 8";

fn converted(text: &str) -> Converted {
    let folder = tempfile::tempdir().unwrap();
    convert(&[file(&folder, "in.txt", text)], &["--detail", "exact"])
}

/// Converts `text` and checks that it has the three records, whatever is around them.
#[track_caller]
fn check(text: &str) {
    let converted = converted(text);
    converted.assert_lines_add_up();
    let counts = [
        "/packets/written",
        "/packets/bytes_written",
        "/records/no_data",
    ];
    assert_eq!(
        counts.map(|path| converted.count(path)),
        [19, 6_700, 1],
        "{text}"
    );
}

/// The three records, each as `dress` puts it into a line.
fn lines(dress: impl Fn(&str) -> String) -> String {
    [EGRESS, INGRESS, SILENT]
        .map(|record| dress(record) + "\n")
        .concat()
}

#[test]
fn words_before_records_are_passed_over() {
    check(&lines(|record| {
        format!("/vpc/flow eni-0a1b2c3d4e5f60718-all {record}")
    }));
    check(&lines(|record| {
        format!("<134>1 2024-05-01T12:01:00Z host vpcflow - - - {record}")
    }));
    check(&lines(|record| {
        format!("May  1 12:01:00 host vpcflow[12]: {record}")
    }));
    check(&lines(|record| format!("1714564860000\t{record}")));
    check(&lines(|record| {
        format!("2024-05-01T12:01:00Z {{job=\"vpc\"}} {record}")
    }));
    check(&lines(|record| format!("\"{record}\"")));
}

#[test]
fn records_joined_on_one_line_are_read_one_by_one() {
    check(&format!("{EGRESS}\t{INGRESS}\t{SILENT}\n"));
}

#[test]
fn cell_of_any_csv_and_string_of_any_document_may_be_a_record() {
    let rows = lines(|record| format!("\"{record}\",\"2024-05-01T12:01:00.000+0000\",\"h\""));
    check(&format!("\"_raw\",\"_time\",\"host\"\n{rows}"));
    check(&lines(|record| {
        format!("{{\"preview\":false,\"result\":{{\"_raw\":\"{record}\"}}}}")
    }));
    let pairs = [EGRESS, INGRESS, SILENT].map(|record| format!("[1714564860000,\"{record}\"]"));
    check(&format!("[{}]", pairs.join(",\n")));
    check(&format!(
        "{{\"data\":{{\"result\":[{{\"values\":[{}]}}]}}}}",
        pairs.join(",")
    ));
}

#[test]
fn two_flow_logs_without_a_header_are_read_each_in_its_own_order() {
    let text =
        format!("{EGRESS}\n{OTHER}\n{INGRESS}\n{OTHER}\n{SILENT}\n").replacen("41001", "41002", 1);
    let converted = converted(&text);
    converted.assert_lines_add_up();
    assert_eq!(converted.count("/packets/written"), 10 + 9 + 2 + 2);
    assert_eq!(converted.count("/records/no_data"), 1);
}

#[test]
fn order_that_changes_midway_costs_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let header = "srcaddr dstaddr srcport dstport protocol packets bytes start end\n";
    let own = "10.0.0.1 10.0.0.2 1 2 17 3 300 1714564800 1714564830\n";
    let text = [
        header,
        own,
        OTHER,
        "\n",
        own.replace(" 1 2 ", " 3 4 ").as_str(),
    ]
    .concat();
    let path = file(&folder, "in.log", text);
    let converted = convert(&[path], &["--detail", "exact"]);
    assert_eq!(converted.count("/packets/written"), 3 + 2 + 3);
}

#[test]
fn torn_record_before_the_first_whole_one_is_skipped_and_counted() {
    let torn = EGRESS.replace("41000", "x");
    let text = ["title\n", &lines(|record| format!("host {record}"))].concat();
    let converted = converted(&format!("host {torn}\n{text}"));
    converted.assert_lines_add_up();
    assert_eq!(converted.count("/records/blank"), 1, "the title");
    let skipped = converted.count("/records/skipped/line without a record/count");
    assert_eq!((skipped, converted.count("/packets/written")), (1, 19));
}
