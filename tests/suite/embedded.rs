//! Records inside other text: after words, in quotes, in strings of any document, mixed in one file.

use flow2pcap::pipeline::{Meter, Request, inspect};
use proptest::prelude::*;
use serde_json::Value;

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

/// Names that documents of every kind have. No two of them are the two ends of a flow.
const NAMES: &[&str] = &[
    "message",
    "log",
    "src",
    "dst",
    "source",
    "srcaddr",
    "start",
    "end",
    "startTime",
    "addresses",
    "ids",
    "id",
    "ip",
    "port",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "action",
    "status",
    "eni",
    "interface",
    "account",
    "version",
    "events",
    "logEvents",
    "records",
    "flows",
    "values",
    "result",
    "_raw",
    "@timestamp",
    "timestamp",
    "time",
    "event",
    "original",
    "network",
    "flow.0",
    "properties",
    "category",
    "jsonPayload",
    "class_uid",
    "data",
];

/// Values that resemble those of flow logs. The name of an interface is not one of them.
fn any_cell() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..70_000_u32).prop_map(|n| n.to_string()),
        (1_400_000_000..1_800_000_000_u64).prop_map(|n| n.to_string()),
        (1_400_000_000_000..1_800_000_000_000_u64).prop_map(|n| n.to_string()),
        any::<[u8; 4]>().prop_map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}")),
        prop::sample::select(vec![
            "",
            "-",
            "2",
            "5",
            "6",
            "17",
            "443",
            "OK",
            "IPv4",
            "NODATA",
            "2001:db8::1",
            "vpc-0aa",
            "subnet-0aa",
            "i-0aa",
            "us-east-1",
            "use1-az1",
            "egress",
            "123456789012",
            "tcp",
            "true",
            "eth0",
            "allowed",
            "2024-05-01T12:01:00Z",
            "FlowLogFlowEvent",
            "10.0.0.1:443",
            "::1",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}".prop_map(|text| text.replace("eni-", "")),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    let separator = prop::sample::select(vec![" ", "\t", ",", ";", " | ", "\n"]);
    let words = prop::collection::vec(any_cell(), 0..40);
    prop_oneof![
        2 => any_cell(),
        1 => (words, separator).prop_map(|(words, separator)| words.join(separator)),
    ]
}

fn any_document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => any::<u16>().prop_map(Value::from),
        2 => (1_400_000_000..1_800_000_000_u64).prop_map(Value::from),
        1 => (0.0..2e9_f64).prop_map(Value::from),
        // A status of `NODATA` next to an interface and two times would be a record.
        6 => any_text().prop_map(|text| Value::from(text.replace("NODATA", "up"))),
    ];
    leaf.prop_recursive(4, 48, 8, |inner| {
        let name = prop::sample::select(NAMES);
        let members = prop::collection::vec((name, inner.clone()), 0..10);
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            3 => members.prop_map(|members| members.into_iter().collect()),
            // A document inside a string.
            1 => inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

thread_local! {
    /// Where this thread keeps its file, in place of that of the case before.
    static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap();
}

/// Asserts that there is no record of a flow or of silence in `text`.
fn assert_no_record(text: &str) -> Result<(), TestCaseError> {
    let path = FOLDER.with(|folder| file(folder, "in.txt", text));
    // A text that is refused has no record.
    if let Ok(survey) = inspect(&Request::new(vec![path]), &Meter::default()) {
        let records = &survey.records;
        let taken = records.used + records.no_data + records.skip_data;
        prop_assert_eq!(taken, 0, "{}", text);
    }
    Ok(())
}

proptest! {
    #[test]
    fn documents_without_records_have_none(
        documents in prop::collection::vec(any_document(), 1..4),
        separator in prop::sample::select(vec!["\n", "", ",\n"]),
        is_array: bool,
    ) {
        let documents: Vec<String> = documents.iter().map(Value::to_string).collect();
        let text = documents.join(separator);
        assert_no_record(&if is_array { format!("[{text}]") } else { text })?;
    }

    #[test]
    fn tables_without_records_have_none(
        names in prop::option::of(prop::collection::vec(prop::sample::select(NAMES), 1..30)),
        rows in prop::collection::vec(prop::collection::vec(any_cell(), 1..30), 1..8),
        as_wide_as_first: bool,
        quotes: bool,
        separator in prop::sample::select(vec![",", ";", "\t", " ", "|", " | "]),
    ) {
        let line = |cells: Vec<&str>| {
            let quoted = |cell: &str| if quotes { format!("{cell:?}") } else { cell.to_owned() };
            cells.into_iter().map(quoted).collect::<Vec<_>>().join(separator) + "\n"
        };
        let is_named = names.is_some();
        let width = names.as_ref().map_or(rows[0].len(), Vec::len);
        let mut text = names.map_or_else(String::new, line);
        for row in &rows {
            let cells = row.iter().map(String::as_str);
            // With the name of a status, `NODATA` would be a record.
            let cells = cells.filter(|cell| !is_named || *cell != "NODATA");
            let wide = if as_wide_as_first { width } else { row.len() };
            text += &line(cells.cycle().take(wide).collect());
        }
        assert_no_record(&text)?;
    }
}
