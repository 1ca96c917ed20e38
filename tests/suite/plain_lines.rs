//! A line that is read as words is the same row, and counts the same, as one that is read as a record.

use std::sync::Mutex;

use arrow_array::Array as _;
use flow2pcap::error::Result;
use flow2pcap::flow::Unusable;
use flow2pcap::read::{Account, Archive, Found, Sink};
use flow2pcap::record::Field;
use flow2pcap::table::{LogTable, TableBatch, TablePart, TableScan, TableSink};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// A sink that takes records only.
struct OfRecords<S>(S);

impl<S: Sink<Part = TablePart>> Sink for OfRecords<S> {
    type Part = TablePart;

    fn fields(&self) -> Option<&[Field]> {
        self.0.fields()
    }

    fn begin(&self, records: usize) -> TablePart {
        self.0.begin(records)
    }

    fn record(&self, part: &mut TablePart, found: &Found<'_>) -> std::result::Result<(), Unusable> {
        self.0.record(part, found)
    }

    fn silence(&self, part: &mut TablePart, found: &Found<'_>) {
        self.0.silence(part, found);
    }

    fn complete(&self, part: &mut TablePart, base: u64) -> Result<()> {
        self.0.complete(part, base)
    }

    fn append(&self, part: &mut TablePart, later: TablePart) {
        self.0.append(part, later);
    }
}

/// The rows of a text, each with its line, and what was counted.
fn rows(text: &[u8], columns: &[usize], are_records: bool) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.log");
    std::fs::write(&path, text).unwrap();
    let scan = TableScan {
        table: LogTable::VpcFlowLogs,
        columns: columns.to_vec(),
    };
    let shown = Mutex::new(Vec::new());
    let sink = TableSink::new(vec![scan], |batch: TableBatch| {
        let rows = batch.lines.iter().zip(&batch.instants_ns).enumerate();
        let rows = rows.map(|(row, (line, instant))| {
            let cells = batch.rows.slice(row, 1);
            (*line, format!("{line} {instant:?} {:?}", cells.columns()))
        });
        shown.lock().unwrap().extend(rows);
        assert!(
            batch
                .rows
                .columns()
                .iter()
                .all(|column| column.len() == batch.lines.len())
        );
        Ok(())
    });
    let archive = Archive::open(&[path]).unwrap();
    let read = match are_records {
        true => archive.read(&OfRecords(sink)).map(|(account, _)| account),
        false => archive.read(&sink).map(|(account, _)| account),
    };
    let shown_account = |account: Account| format!("{:?} {:?}", account.records, account.columns);
    let account = read.map_or_else(|error| error.to_string(), shown_account);
    let mut shown = shown.into_inner().unwrap();
    shown.sort();
    // The path of the file is in messages.
    let account = account.replace(&folder.path().display().to_string(), "");
    (shown.into_iter().map(|(_, row)| row).collect(), account)
}

#[track_caller]
fn check(text: &[u8], columns: &[usize]) {
    let records = rows(text, columns, true);
    let words = rows(text, columns, false);
    assert_eq!(words, records, "{}", String::from_utf8_lossy(text));
}

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path";
const LINE: &str = "5 123456789012 eni-0a1b 10.0.1.5 203.0.113.7 49152 443 6 10 840 1710382504 1710382560 ACCEPT OK vpc-1 subnet-1 i-1 19 IPv4 10.0.1.5 203.0.113.7 us-east-1 use1-az1 - - - AMAZON egress 8";
/// The same columns, with the ports in the other order.
const SWAPPED: &str = "version account-id interface-id srcaddr dstaddr dstport srcport protocol packets bytes start end action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path";
const NO_DATA: &str = "5 123456789012 eni-0a1b - - - - - - - 1710382504 1710382560 - NODATA vpc-1 subnet-1 i-1 - - - - us-east-1 use1-az1 - - - - - -";
const SKIP_DATA: &str = "5 123456789012 eni-0a1b - - - - - - - 1710382504 1710382560 - SKIPDATA vpc-1 subnet-1 i-1 - - - - us-east-1 use1-az1 - - - - - -";

/// What a column may have instead of its word.
const WORDS: [&str; 32] = [
    "-",
    "",
    " ",
    "null",
    "NaN",
    "0",
    "7",
    "00000080",
    "65536",
    "256",
    "99999999",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "1e3",
    "1710382504000",
    "1710382504123456789",
    "2024-03-14T02:15:04Z",
    "10.0.1.999",
    "10.0.1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "reject",
    "REJECT",
    "OKAY",
    "INGRESS",
    "NODATA",
    "SKIPDATA",
    "é",
    "\t",
    "x\r",
    "a name that has blanks",
];

/// Whole lines that are none of records.
const OTHER_LINES: [&str; 8] = [
    "",
    "# a comment",
    "2 123456789012 eni-0a1b 10.0.1.5 203.0.113.7 49152 443 6 10 840 1710382504 1710382560 ACCEPT OK",
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
    HEADER,
    SWAPPED,
    NO_DATA,
    SKIP_DATA,
];

fn line() -> impl Strategy<Value = String> {
    let changes = prop::collection::vec((0..29_usize, select(&WORDS[..])), 0..3);
    let end = select(&["\n", "\n", "\n", "\n", "\r\n", " \n"][..]);
    let of_record = (changes, end).prop_map(|(changes, end)| {
        let mut words: Vec<&str> = LINE.split(' ').collect();
        changes.into_iter().for_each(|(at, word)| words[at] = word);
        words.join(" ") + end
    });
    let other = select(&OTHER_LINES[..]).prop_map(|line| format!("{line}\n"));
    prop_oneof![4 => of_record, 1 => other]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_and_records_are_the_same_rows(
        has_header: bool,
        lines in prop::collection::vec(line(), 1..40),
        cut in 0..20_usize,
        columns in subsequence((0..Field::ALL.len()).collect::<Vec<_>>(), 0..Field::ALL.len()),
    ) {
        let header = if has_header { HEADER } else { LINE };
        let mut text = format!("{header}\n{}", lines.concat());
        // The last line of a file may end anywhere.
        (0..cut.min(text.len())).for_each(|_| { text.pop(); });
        check(text.as_bytes(), &columns);
    }
}

#[test]
fn words_and_records_of_every_version_are_the_same_rows() {
    let all: Vec<usize> = (0..Field::ALL.len()).collect();
    for name in [
        "v2_default.log",
        "v2_headerless.log",
        "v5_all_fields.log",
        "v5_fifty.log",
        "v11_all_fields.log",
        "tgw_default.log",
        "custom_underscore.log",
        "two_formats.log",
        "broken.log",
        "seed_two_lines.log",
    ] {
        let text = std::fs::read(crate::support::testdata(name)).unwrap();
        check(&text, &all);
        for column in &all {
            check(&text, &[*column]);
        }
    }
}

#[test]
fn header_among_plain_lines_changes_the_columns_of_the_lines_after_it() {
    let some = format!("{LINE}\n").repeat(40);
    let text = format!("{HEADER}\n{some}{SWAPPED}\n{some}");
    let of_port = |field: Field| {
        let column = Field::ALL.iter().position(|known| *known == field).unwrap();
        check(text.as_bytes(), &[column]);
        let (rows, _) = rows(text.as_bytes(), &[column], false);
        let count = |port: &str| rows.iter().filter(|row| row.contains(port)).count();
        [count("49152"), count("443")]
    };
    assert_eq!(of_port(Field::SrcPort), [40, 40]);
    assert_eq!(of_port(Field::DstPort), [40, 40]);
}

#[test]
fn files_without_any_plain_line_are_read_as_records() {
    let lines = [
        LINE.replace(' ', "\t"),
        format!("{LINE}\r"),
        LINE.replace("10.0.1.5", "fd00::1"),
    ];
    for line in lines {
        let text = format!("{HEADER}\n{}", format!("{line}\n").repeat(500));
        check(text.as_bytes(), &[3, 4, 9]);
    }
}
