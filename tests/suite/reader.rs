//! The library's reader, as another program uses it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use flow2pcap::error::ErrorKind;
use flow2pcap::filter::{Bound, Filter};
use flow2pcap::flow::Unusable;
use flow2pcap::read::{Archive, ColumnBatch, ColumnBatches, Found, Sink};
use flow2pcap::record::Field;
use tempfile::TempDir;

use crate::support::tables::{self, Table};
use crate::support::wrapping::{gzip, records};
use crate::support::{file, flow2pcap, run, testdata};
use crate::{packs, security_lake};

/// An example, which every whole test run builds.
fn example(name: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_flow2pcap"));
    let examples = program.parent().unwrap().join("examples");
    Command::new(
        examples
            .join(name)
            .with_extension(std::env::consts::EXE_EXTENSION),
    )
}

/// One file of each form, all but the first few with the records of `testdata/v5_all_fields.log`.
fn one_of_each(folder: &TempDir) -> Vec<PathBuf> {
    let v5 = std::fs::read(testdata("v5_all_fields.log")).unwrap();
    let member = [("a/v5.log".to_owned(), v5.clone())];
    let table = Table::of("v5_all_fields.log", tables::aws).bytes();
    let mut files = vec![
        file(folder, "v5.log", &v5),
        file(folder, "v5.log.gz", gzip(&v5)),
        file(folder, "v5.log.zst", zstd::encode_all(&v5[..], 3).unwrap()),
        file(folder, "v5.zip", packs::zip(&member, true)),
        file(folder, "v5.tar", packs::tar(&member)),
        file(folder, "v5.tar.gz", gzip(packs::tar(&member))),
        file(folder, "v5.parquet", table),
        file(folder, "ocsf.parquet", security_lake::events()),
        testdata("cloudwatch_console.csv"),
        testdata("v2_headerless.log"),
    ];
    let wrapped = std::fs::read_dir(testdata("wrapped")).unwrap();
    files.extend(wrapped.map(|entry| entry.unwrap().path()));
    files
}

/// Records by protocol, as `inspect` counts them.
fn inspected(log: &Path) -> BTreeMap<u64, u64> {
    let survey = run(flow2pcap().args(["inspect", "-q", "--json"]).arg(log)).stdout;
    let survey: serde_json::Value = serde_json::from_slice(&survey).unwrap();
    let protocols = survey["protocols"].as_array().unwrap().iter();
    let protocol = |p: &serde_json::Value| {
        let records = p["logged"]["records"].as_u64().unwrap();
        (p["number"].as_u64().unwrap(), records)
    };
    protocols.map(protocol).collect()
}

#[test]
fn example_counts_the_records_of_one_file_of_each_form() {
    let folder = tempfile::tempdir().unwrap();
    for log in one_of_each(&folder) {
        let counted = run(example("aggregate").arg(&log));
        assert_eq!(counted.code, 0, "{}: {}", log.display(), counted.stderr);
        let text = String::from_utf8(counted.stdout).unwrap();
        let counted = text.lines().map(|line| {
            let numbers: Vec<u64> = line.split(' ').map(|n| n.parse().unwrap()).collect();
            (numbers[0], numbers[1])
        });
        let counted: BTreeMap<u64, u64> = counted.collect();
        assert!(!counted.is_empty(), "{}", log.display());
        assert_eq!(counted, inspected(&log), "{}", log.display());
    }
}

/// Keeps the source port of each record, in order, and what comes before each block.
struct Ports;

impl Sink for Ports {
    type Part = Vec<String>;

    fn record(&self, ports: &mut Vec<String>, found: &Found<'_>) -> Result<(), Unusable> {
        let port = found.get(Field::SrcPort).ok_or(Unusable::NoAddress)?;
        ports.push(String::from_utf8_lossy(port).into_owned());
        Ok(())
    }

    fn append(&self, ports: &mut Vec<String>, later: Vec<String>) {
        ports.extend(later);
    }
}

/// A log of `count` records, a minute apart, whose source ports are their numbers.
fn numbered(count: u32) -> String {
    let line = |n: u32| {
        let start = 1_700_000_000 + 60 * i64::from(n);
        let filler = "x".repeat(60);
        format!(
            "2 1 eni-{filler} 10.0.0.1 10.0.0.2 {n} 443 6 1 60 {start} {} ACCEPT OK\n",
            start + 59
        )
    };
    (0..count).map(line).collect()
}

#[test]
fn parts_are_joined_in_the_order_of_lines_and_files_for_any_threads() {
    let folder = tempfile::tempdir().unwrap();
    // Blocks are of 2 MiB: several in the first file.
    let logs = [
        file(&folder, "a.log", numbered(60_000)),
        file(&folder, "b.log.gz", gzip(numbered(3))),
        file(&folder, "c.log", numbered(2)),
    ];
    let expected = [60_000, 3, 2].into_iter().flat_map(|count| 0..count);
    let expected: Vec<String> = expected.map(|n: u32| n.to_string()).collect();
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let read = || Archive::open(&logs).unwrap().read(&Ports).unwrap();
        let (account, ports) = pool.build().unwrap().install(read);
        assert!(ports == expected, "{threads} threads");
        assert_eq!(account.records.lines, 60_005);
        assert!(account.records.adds_up());
    }
}

#[test]
fn records_that_do_not_match_are_counted_and_not_handed_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(&folder, "a.log", numbered(100));
    let filter = |condition: &str, from: Option<&str>| Filter {
        condition: Some(condition.parse().unwrap()),
        from: from.map(|from| from.parse::<Bound>().unwrap()),
        ..Filter::default()
    };
    let read = |filter: Filter| {
        let archive = Archive::builder(std::slice::from_ref(&log)).filter(filter);
        archive.open().unwrap().read(&Ports).unwrap()
    };
    let (account, ports) = read(filter("port 7 or port 8", None));
    assert_eq!(ports, ["7", "8"]);
    assert_eq!((account.records.used, account.records.filtered), (2, 98));
    // Ten minutes before the newest record ends is the second in which that of minute 89 does.
    let (account, ports) = read(filter("tcp", Some("-10m")));
    assert_eq!(ports.first().map(String::as_str), Some("89"));
    assert!(account.records.adds_up(), "{:?}", account.records);
    assert_eq!(account.records.used, ports.len() as u64);
}

#[test]
fn record_that_a_sink_cannot_use_is_skipped_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (_, lines) = records("v2_default.log");
    let portless = "2 1 eni-1 10.0.0.1 10.0.0.2 - - 1 1 60 1700000000 1700000059 ACCEPT OK";
    let log = file(
        &folder,
        "a.log",
        format!("{}\n{portless}\nnonsense\n", lines[0]),
    );
    let (account, ports) = Archive::open(&[log]).unwrap().read(&Ports).unwrap();
    assert_eq!(ports.len(), 1);
    assert_eq!(account.records.skipped.total(), 2);
    assert_eq!(account.records.skipped.0["no address"].count, 1);
    assert!(account.records.adds_up());
}

#[test]
fn what_is_no_flow_log_is_an_error_that_lists_what_was_left_out() {
    let input = testdata("not_a_flow_log/cloudtrail.json");
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(input, folder.path().join("trail.json")).unwrap();
    let archive = Archive::open(&[folder.path().to_owned()]).unwrap();
    let error = archive.read(&Ports).unwrap_err();
    let ErrorKind::NoFlowLog { left_out, damaged } = error.kind() else {
        panic!("{error}");
    };
    assert_eq!((left_out.len(), damaged.len()), (1, 0));
    assert!(left_out[0].example.ends_with("trail.json"), "{left_out:?}");
}

/// What a batch holds, row by row, as AWS would write it; `-` for null.
fn cells(batch: &arrow_array::RecordBatch) -> Vec<Vec<String>> {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{TimestampNanosecondType, UInt64Type};
    let cell = |column: &arrow_array::ArrayRef, row: usize| {
        if column.is_null(row) {
            "-".to_owned()
        } else if let Some(texts) = column.as_string_opt::<i32>() {
            texts.value(row).to_owned()
        } else if let Some(numbers) = column.as_primitive_opt::<UInt64Type>() {
            numbers.value(row).to_string()
        } else {
            let times = column.as_primitive::<TimestampNanosecondType>();
            (times.value(row) / 1_000_000_000).to_string()
        }
    };
    let rows = 0..batch.num_rows();
    rows.map(|row| {
        batch
            .columns()
            .iter()
            .map(|column| cell(column, row))
            .collect()
    })
    .collect()
}

/// The records of `log` by these fields, in order.
fn by_columns(log: &Path, fields: &[Field]) -> Vec<Vec<String>> {
    let taken = std::sync::Mutex::new(BTreeMap::new());
    let batches = ColumnBatches::new(fields, |batch: ColumnBatch| {
        let place = (batch.file, batch.lines_before);
        let again = taken.lock().unwrap().insert(place, cells(&batch.records));
        assert!(again.is_none(), "two batches at {place:?}");
        Ok(())
    });
    let archive = Archive::open(&[log.to_owned()]).unwrap();
    let (account, _) = archive.read(&batches).unwrap();
    let rows: Vec<Vec<String>> = taken
        .into_inner()
        .unwrap()
        .into_values()
        .flatten()
        .collect();
    let records = &account.records;
    let logged = records.used + records.no_data + records.skip_data;
    assert_eq!(rows.len() as u64, logged, "{}", log.display());
    assert!(logged > 0, "{records:?}");
    rows
}

#[test]
fn columns_hold_what_the_lines_do_whatever_they_come_in() {
    let folder = tempfile::tempdir().unwrap();
    let (names, lines) = records("v5_all_fields.log");
    let fields: Vec<Field> = names
        .iter()
        .filter_map(|name| Field::from_name(name.as_bytes()))
        .collect();
    assert_eq!(fields.len(), 29);
    let expected: Vec<Vec<String>> = lines
        .iter()
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect();
    for log in one_of_each(&folder).iter().take(7) {
        assert_eq!(by_columns(log, &fields), expected, "{}", log.display());
    }
    for log in one_of_each(&folder).iter().skip(7) {
        let rows = by_columns(log, &[Field::SrcAddr, Field::Bytes, Field::LogStatus]);
        let flows = rows.iter().filter(|row| row[2] == "OK");
        assert!(flows.clone().count() > 0, "{} {rows:?}", log.display());
        assert!(
            flows.clone().all(|row| row[0] != "-"),
            "{} {rows:?}",
            log.display()
        );
    }
}
