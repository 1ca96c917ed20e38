//! Tests the category of each line of a block, and the joining of blocks.

use super::*;
use crate::flow::Unusable;
use crate::read::events::LinesOf;
use crate::record::Field;
use crate::wrapper::LostRecords;

const V2: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
                  packets bytes start end action log-status\n";
const WITH_VPC: &str = "interface-id vpc-id srcaddr dstaddr srcport dstport protocol packets bytes \
                        start end action log-status\n";

/// The source port of a record that the sink refuses.
const REFUSED: u16 = 7;

/// A sink that keeps the line of each record and whether it matches.
struct Note;

#[derive(Default, Debug, PartialEq)]
struct Noted {
    records: Vec<(u64, Option<bool>)>,
    silences: Vec<u64>,
}

impl Sink for Note {
    type Part = Noted;

    fn record(&self, part: &mut Noted, found: &Found<'_>) -> Result<(), Unusable> {
        if found.record.source_port == Some(REFUSED) {
            return Err(Unusable::NoTime);
        }
        part.records.push((found.place.line, found.matches));
        Ok(())
    }

    fn silence(&self, part: &mut Noted, found: &Found<'_>) {
        part.silences.push(found.place.line);
    }

    fn append(&self, part: &mut Noted, later: Noted) {
        part.records.extend(later.records);
        part.silences.extend(later.silences);
    }
}

/// Returns a record of the second version.
fn v2(port: u16) -> String {
    format!(
        "2 111122223333 eni-1 10.0.0.1 10.0.0.2 {port} 443 6 3 180 1700000000 1700000059 ACCEPT OK\n"
    )
}

fn silence(status: &str) -> String {
    format!("2 111122223333 eni-1 - - - - - - - 1700000000 1700000059 - {status}\n")
}

/// Returns a record with a VPC.
fn with_vpc(port: u16) -> String {
    format!("eni-1 vpc-1 10.0.0.1 10.0.0.2 {port} 443 6 3 180 1700000000 1700000059 ACCEPT OK\n")
}

fn read_after(overlong_count: u64, text: &str, filter: &Filter) -> BlockYield<Noted> {
    let watch = FilterWatch::new(filter.condition.as_ref());
    let reader = BlockReader {
        file: 0,
        filter,
        watch: &watch,
        path: None,
        balancer: None,
        sink: &Note,
    };
    let block = Block {
        bytes: text.as_bytes(),
        offset: 0,
        overlong_count,
        read_len: 0,
    };
    let layout = Arc::new(Layout::default_v2());
    reader.read(&block, &LinesOf::Records(layout))
}

fn read(text: &str) -> BlockYield<Noted> {
    read_after(0, text, &Filter::default())
}

/// Returns the counts of lines by category: records taken, headers, NODATA, SKIPDATA, blanks,
/// control messages.
fn fates<P>(read: &BlockYield<P>) -> [u64; 6] {
    let records = &read.records;
    [
        read.taken,
        records.headers,
        records.no_data,
        records.skip_data,
        records.blank,
        records.control,
    ]
}

/// Returns the count of each fault, and the lines of its examples.
fn faults<P>(read: &BlockYield<P>) -> Vec<(&'static str, u64, Vec<u64>)> {
    let faults = read.faults.iter().map(|(reason, faults)| {
        let lines = faults.first.iter().map(|(line, _)| *line).collect();
        (*reason, faults.count, lines)
    });
    faults.collect()
}

/// Asserts that every line was counted in exactly one category.
#[track_caller]
fn adds_up<P>(read: &BlockYield<P>) {
    let fated: u64 = fates(read).iter().sum();
    let faulty: u64 = read.faults.values().map(|faults| faults.count).sum();
    assert_eq!(fated + faulty, read.records.lines);
}

/// Returns the number of records under each order of columns, by the number of columns.
fn columns<P>(read: &BlockYield<P>) -> Vec<(usize, u64)> {
    let orders = read.columns.iter();
    orders
        .map(|order| (order.layout.columns().len(), order.records))
        .collect()
}

#[test]
fn each_line_is_counted_in_one_category() {
    let too_few: (&str, u64, Vec<u64>) = ("wrong number of columns", 1, vec![1]);
    let none = Vec::new;
    let table = [
        ("record", v2(1), [1, 0, 0, 0, 0, 0], none()),
        (
            "record without end",
            v2(1).trim_end().into(),
            [1, 0, 0, 0, 0, 0],
            none(),
        ),
        (
            "record with CRLF",
            v2(1).replace('\n', "\r\n"),
            [1, 0, 0, 0, 0, 0],
            none(),
        ),
        ("header", V2.into(), [0, 1, 0, 0, 0, 0], none()),
        (
            "header of others",
            WITH_VPC.into(),
            [0, 1, 0, 0, 0, 0],
            none(),
        ),
        ("NODATA", silence("NODATA"), [0, 0, 1, 0, 0, 0], none()),
        ("SKIPDATA", silence("SKIPDATA"), [0, 0, 0, 1, 0, 0], none()),
        ("blank", "\n".into(), [0, 0, 0, 0, 1, 0], none()),
        ("comment", "# by hand\n".into(), [0, 0, 0, 0, 1, 0], none()),
        (
            "fault",
            "2 111122223333 eni-1\n".into(),
            [0; 6],
            vec![too_few],
        ),
        (
            "refused",
            v2(REFUSED),
            [0; 6],
            vec![("no time", 1, vec![1])],
        ),
        ("nothing", String::new(), [0; 6], none()),
    ];
    for (what, text, expected, faulty) in table {
        let read = read(&text);
        assert_eq!(fates(&read), expected, "{what}");
        assert_eq!(faults(&read), faulty, "{what}");
        assert_eq!(read.records.lines, u64::from(!text.is_empty()), "{what}");
        adds_up(&read);
    }
}

#[test]
fn lines_of_all_categories_in_one_block_add_up_with_their_line_numbers() {
    let text = [
        &v2(1),
        "\n",
        &silence("NODATA"),
        &v2(REFUSED),
        "2 111122223333 eni-1\n",
        &silence("SKIPDATA"),
        WITH_VPC,
        &with_vpc(1),
    ]
    .concat();
    let read = read(&text);
    assert_eq!(fates(&read), [2, 1, 1, 1, 1, 0]);
    let expected = [
        ("no time", 1, vec![4]),
        ("wrong number of columns", 1, vec![5]),
    ];
    assert_eq!(faults(&read), expected);
    assert_eq!(read.records.lines, 8);
    adds_up(&read);
    let noted = Noted {
        records: vec![(1, Some(true)), (8, Some(true))],
        silences: vec![3, 6],
    };
    assert_eq!(read.part, noted);
    assert_eq!(read.records.gaps_by_eni["eni-1"], 1);
}

#[test]
fn overlong_lines_before_a_block_belong_to_it_and_have_no_example() {
    let read = read_after(2, &[&v2(1), "x\n"].concat(), &Filter::default());
    assert_eq!(read.records.lines, 4);
    assert_eq!(read.part.records, [(3, Some(true))]);
    let expected = [
        ("line of more than 1 MiB", 2, vec![]),
        ("wrong number of columns", 1, vec![4]),
    ];
    assert_eq!(faults(&read), expected);
    adds_up(&read);
}

#[test]
fn examples_have_their_line_numbers_in_the_file_after_blocks_are_joined() {
    let mut whole = read(&[&v2(1), "x\n", &v2(REFUSED)].concat());
    whole.append(read(&v2(1).repeat(2)), &Note);
    whole.append(read_after(1, "x\n", &Filter::default()), &Note);
    whole.append(read("x\nx\n"), &Note);
    assert_eq!(whole.records.lines, 9);
    let expected = [
        ("line of more than 1 MiB", 1, vec![]),
        ("no time", 1, vec![3]),
        // The fourth one is counted, but only three examples are kept.
        ("wrong number of columns", 4, vec![2, 7, 8]),
    ];
    assert_eq!(faults(&whole), expected);
    adds_up(&whole);
    whole.name_faults("a.log", 100);
    let faults = &whole.records.skipped.0["wrong number of columns"];
    let places: Vec<&str> = faults.examples.iter().map(|e| &*e.place).collect();
    assert_eq!(
        (faults.count, places),
        (4, vec!["a.log:102", "a.log:107", "a.log:108"])
    );
}

#[test]
fn records_are_counted_by_their_columns_and_refused_records_are_not() {
    let text = [
        &v2(1),
        &silence("NODATA"),
        &v2(REFUSED),
        "x\n",
        WITH_VPC,
        &with_vpc(1),
        &with_vpc(REFUSED),
        &with_vpc(2),
        V2,
        &silence("SKIPDATA"),
    ]
    .concat();
    let mut whole = read(&text);
    assert_eq!(columns(&whole), [(14, 3), (13, 2)]);
    // A header without records after it is not counted.
    whole.append(read(&[&v2(1), WITH_VPC].concat()), &Note);
    assert_eq!(columns(&whole), [(14, 4), (13, 2)]);
    assert_eq!(columns(&read(WITH_VPC)), []);
}

#[test]
fn layout_at_the_end_is_from_the_last_header() {
    let vpc_is_there = |read: &BlockYield<Noted>| {
        let layout = read.layout_at_end.as_ref().unwrap();
        layout.index_of(Field::VpcId).is_some()
    };
    let mut whole = read(&v2(1));
    assert!(!vpc_is_there(&whole));
    whole.append(read(&[&v2(1), WITH_VPC, &with_vpc(1)].concat()), &Note);
    assert!(vpc_is_there(&whole));
    whole.append(read(&[WITH_VPC, V2].concat()), &Note);
    assert!(!vpc_is_there(&whole));
}

#[test]
fn records_without_the_filter_field_that_the_sink_accepts_are_undecided() {
    let filter = Filter {
        condition: Some("vpc vpc-1".parse().unwrap()),
        ..Filter::default()
    };
    let text = [
        &v2(1),
        &v2(REFUSED),
        &silence("NODATA"),
        &v2(2),
        WITH_VPC,
        &with_vpc(1),
        &with_vpc(REFUSED),
    ]
    .concat();
    let mut whole = read_after(0, &text, &filter);
    assert_eq!(whole.records.missing_filter_field, 2);
    assert_eq!(whole.part.records, [(1, None), (4, None), (6, Some(true))]);
    whole.append(read_after(0, &v2(1), &filter), &Note);
    assert_eq!(whole.records.missing_filter_field, 3);
    // Without a filter, every record matches.
    assert_eq!(read(&text).records.missing_filter_field, 0);
}

/// Returns a batch of two lines, then three lost records, two control messages, and two empty rows.
fn batch(layout: Option<Arc<Layout>>) -> Batch {
    Batch {
        layout,
        text: [&v2(1)[..], "\n"].concat().into_bytes(),
        faults: vec![LostRecords {
            count: 3,
            kind: "torn",
            found: "half".into(),
        }],
        control_count: 2,
        blank_count: 2,
        ..Batch::default()
    }
}

#[test]
fn each_record_that_cannot_be_unwrapped_is_a_line_after_the_others() {
    let filter = Filter::default();
    let reader = BlockReader {
        file: 0,
        filter: &filter,
        watch: &FilterWatch::default(),
        path: None,
        balancer: None,
        sink: &Note,
    };
    let layout = Arc::new(Layout::default_v2());
    let read = reader.read_batch(&batch(Some(layout))).unwrap();
    assert_eq!(read.records.lines, 9);
    assert_eq!(fates(&read), [1, 0, 0, 0, 1, 2]);
    let expected = [("row without a value", 2, vec![8]), ("torn", 3, vec![3])];
    assert_eq!(faults(&read), expected);
    adds_up(&read);
    assert!(reader.read_batch(&batch(None)).is_none());
}

#[test]
fn lines_of_unknown_columns_are_faults_unless_they_are_blank() {
    let read = BlockYield::<Noted>::of_unknown_columns(&batch(None));
    assert_eq!(read.records.lines, 9);
    assert_eq!(fates(&read), [0, 0, 0, 0, 1, 2]);
    let expected = [
        ("row without a value", 2, vec![8]),
        ("torn", 3, vec![3]),
        ("unknown columns", 1, vec![1]),
    ];
    assert_eq!(faults(&read), expected);
    adds_up(&read);
    assert_eq!(read.part, Noted::default());
}
