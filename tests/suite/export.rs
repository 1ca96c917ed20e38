//! What `export` writes says what the text says, in whatever form and from whatever files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::sums::sums as sums_of_metrics;
use crate::support::{Run, assert_one_error, file, flow2pcap, testdata};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, RecordBatch};
use flow2pcap::pipeline::{Export, LakeFormat, Meter, Request, export};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;
use tempfile::TempDir;
use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

/// Runs `export` to `output`.
fn run_export(inputs: &[PathBuf], output: &Path, options: &[&str]) -> Run {
    let mut command = flow2pcap();
    command.arg("export").arg("--json").args(inputs);
    let ended = command.arg("--output").arg(output).args(options).output();
    let ended = ended.unwrap();
    Run {
        code: ended.status.code().unwrap(),
        stdout: ended.stdout,
        stderr: String::from_utf8(ended.stderr).unwrap(),
    }
}

/// An exported folder, which goes away with this, and its summary.
struct Exported {
    home: TempDir,
    summary: Value,
}

#[track_caller]
fn exported(inputs: &[PathBuf], options: &[&str]) -> Exported {
    let home = tempfile::tempdir().unwrap();
    let run = run_export(inputs, &home.path().join("lake"), options);
    assert_eq!(run.code, 0, "{}", run.stderr);
    Exported {
        home,
        summary: serde_json::from_slice(&run.stdout).unwrap(),
    }
}

impl Exported {
    fn lake(&self) -> PathBuf {
        self.home.path().join("lake")
    }

    /// All files by their path in the folder.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let lake = self.lake();
        let paths = testkit::flow_log::files_below(&lake).into_iter();
        let named = paths.map(|path| {
            let name = path.strip_prefix(&lake).unwrap().to_str().unwrap();
            (name.replace('\\', "/"), fs::read(&path).unwrap())
        });
        named.collect()
    }

    /// The names of the files with rows of logs.
    fn parts(&self) -> Vec<String> {
        let names = self.files().into_keys();
        let names = names.filter(|name| name.contains("/part-"));
        let is_derived =
            |name: &str| name.starts_with("connections/") || name.starts_with("findings/");
        names.filter(|name| !is_derived(name)).collect()
    }

    /// The rows of a table, file by file.
    fn table(&self, name: &str) -> Vec<RecordBatch> {
        let files = self.files().into_iter();
        let files = files.filter(|(path, _)| path.starts_with(&format!("{name}/")));
        files.flat_map(|(_, bytes)| rows(bytes)).collect()
    }

    /// The rows of the flow logs, file by file.
    fn batches(&self) -> Vec<RecordBatch> {
        self.table("vpc_flow_logs")
    }
}

fn rows(bytes: Vec<u8>) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

fn numbers(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column = batch.column_by_name(name).unwrap();
    column.as_primitive::<Int64Type>().iter().collect()
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap();
    let texts = column.as_string::<i32>().iter();
    texts.map(|text| text.map(str::to_owned)).collect()
}

/// Rows, packets and bytes by action.
type Sums = BTreeMap<Option<String>, (u64, i64, i64)>;

fn sums(batches: &[RecordBatch]) -> Sums {
    let mut sums = Sums::new();
    for batch in batches {
        let counts = numbers(batch, "packets").into_iter();
        let counts = counts.zip(numbers(batch, "bytes"));
        for (action, (packets, bytes)) in texts(batch, "action").into_iter().zip(counts) {
            let of = sums.entry(action).or_default();
            of.0 += 1;
            of.1 += packets.unwrap_or(0);
            of.2 += bytes.unwrap_or(0);
        }
    }
    sums
}

/// The same sums, made from text with a header line.
fn sums_of_text(paths: &[PathBuf]) -> Sums {
    let mut sums = Sums::new();
    for path in paths
        .iter()
        .flat_map(|path| testkit::flow_log::files_below(path))
    {
        let text = testkit::flow_log::text(&path);
        let names: Vec<&str> = text.lines().next().unwrap().split(' ').collect();
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(' ').collect();
            let cell = |name: &str| cells[names.iter().position(|n| *n == name).unwrap()];
            let of = sums.entry(Some(cell("action").to_owned())).or_default();
            of.0 += 1;
            of.1 += cell("packets").parse().unwrap_or(0);
            of.2 += cell("bytes").parse().unwrap_or(0);
        }
    }
    sums
}

const COLUMNS: &str = "account-id region interface-id srcaddr dstaddr srcport dstport protocol packets bytes \
                       start end action log-status";

/// A log of these rows after the account and the region.
fn log(rows: &[&str]) -> String {
    let rows = rows.iter().map(|row| format!("{row}\n"));
    format!("{COLUMNS}\n{}", rows.collect::<String>())
}

/// A row at this second.
fn row_at(start_s: u64, port: u32) -> String {
    format!(
        "111122223333 eu-west-1 eni-1 10.0.0.1 10.0.0.2 {port} 443 6 2 120 {start_s} {} ACCEPT OK",
        start_s + 5
    )
}

/// 2026-03-15T00:00:00Z.
const MIDNIGHT_S: u64 = 1_773_532_800;

#[test]
fn rows_packets_and_bytes_are_those_of_the_text() {
    let bucket = testdata("bucket/AWSLogs/111122223333/vpcflowlogs");
    for paths in [vec![testdata("incident")], vec![bucket]] {
        let exported = exported(&paths, &[]);
        let sums = sums(&exported.batches());
        assert_eq!(sums, sums_of_text(&paths));
        let rows: u64 = sums.values().map(|(rows, ..)| rows).sum();
        assert_eq!(exported.summary["tables"]["vpc_flow_logs"]["rows"], rows);
    }
}

#[test]
fn silent_intervals_are_rows_and_a_dash_is_null_in_numbers_only() {
    let home = tempfile::tempdir().unwrap();
    let text = log(&[
        &row_at(MIDNIGHT_S, 40_000),
        "111122223333 eu-west-1 eni-1 - - - - - - - 1773532800 1773532860 - NODATA",
        "111122223333 eu-west-1 eni-1 - - - - - - - 1773532801 1773532860 - SKIPDATA",
    ]);
    let exported = exported(&[file(&home, "a.log", text)], &[]);
    let [batch] = &exported.batches()[..] else {
        panic!("one row group");
    };
    assert_eq!(batch.num_rows(), 3);
    let ok = |word: &str| Some(word.to_owned());
    assert_eq!(
        texts(batch, "log_status"),
        [ok("OK"), ok("NODATA"), ok("SKIPDATA")]
    );
    assert_eq!(texts(batch, "srcaddr"), [ok("10.0.0.1"), ok("-"), ok("-")]);
    assert_eq!(numbers(batch, "packets"), [Some(2), None, None]);
    assert_eq!(batch.column_by_name("dstport").unwrap().null_count(), 2);
    assert_eq!(exported.summary["records"]["no_data"], 1);
}

#[test]
fn table_has_the_fields_of_the_archive_in_the_order_of_aws() {
    let home = tempfile::tempdir().unwrap();
    let one = file(&home, "a.log", log(&[&row_at(MIDNIGHT_S, 1)]));
    // Another file has the columns in another order, and one more.
    let other = "tcp-flags start end bytes packets protocol dstport srcport dstaddr srcaddr\n\
                 2 1773532800 1773532805 60 1 6 443 2 10.0.0.2 10.0.0.1\n";
    let other = file(&home, "b.log", other);
    let exported = exported(&[one, other], &[]);
    let batches = exported.batches();
    let schema = batches[0].schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(
        names.join(" "),
        "account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end action \
         log_status tcp_flags"
    );
    assert!(batches.iter().all(|batch| batch.schema() == schema));
    // The second file gives neither account nor region.
    assert_eq!(
        exported.parts(),
        [
            "vpc_flow_logs/account=111122223333/region=eu-west-1/date=2026-03-15/part-0000.parquet",
            "vpc_flow_logs/account=unknown/region=unknown/date=2026-03-15/part-0000.parquet",
        ]
    );
}

#[test]
fn record_at_midnight_is_in_the_folder_of_its_own_start() {
    let home = tempfile::tempdir().unwrap();
    let rows = [MIDNIGHT_S - 1, MIDNIGHT_S, MIDNIGHT_S + 3_600].map(|start_s| row_at(start_s, 1));
    let text = log(&rows.each_ref().map(String::as_str));
    let path = file(&home, "a.log", text);
    let account = "vpc_flow_logs/account=111122223333/region=eu-west-1";
    let days = exported(std::slice::from_ref(&path), &[]);
    assert_eq!(
        days.parts(),
        [14, 15].map(|day| { format!("{account}/date=2026-03-{day}/part-0000.parquet") })
    );
    let hours = exported(&[path], &["--layout", "aws"]);
    let folders = [
        "month=03/day=14/hour=23",
        "month=03/day=15/hour=00",
        "month=03/day=15/hour=01",
    ];
    assert_eq!(hours.parts(), folders.map(|folder| format!(
        "vpc_flow_logs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/\
         {folder}/part-0000.parquet"
    )));
    // There the column has another name than the folder, and stays.
    assert_eq!(
        texts(&hours.batches()[0], "region"),
        [Some("eu-west-1".to_owned())]
    );
}

#[test]
fn path_gives_what_rows_do_not_have() {
    let home = tempfile::tempdir().unwrap();
    let name = "111122223333_vpcflowlogs_us-east-1_fl-1_20260315T0000Z_1.log";
    let text =
        "srcaddr dstaddr packets bytes start end\n10.0.0.1 10.0.0.2 1 60 1773532800 1773532801\n";
    let exported = exported(&[file(&home, name, text)], &[]);
    assert_eq!(
        exported.parts(),
        ["vpc_flow_logs/account=111122223333/region=us-east-1/date=2026-03-15/part-0000.parquet"]
    );
}

#[test]
fn day_in_the_path_comes_before_that_of_the_row() {
    let home = tempfile::tempdir().unwrap();
    let name = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/03/16/a.log";
    let rows = [MIDNIGHT_S - 1, MIDNIGHT_S].map(|start_s| row_at(start_s, 1));
    let path = file(&home, name, log(&rows.each_ref().map(String::as_str)));
    let account = "vpc_flow_logs/account=111122223333/region=eu-west-1";
    let days = exported(std::slice::from_ref(&path), &[]);
    assert_eq!(
        days.parts(),
        [format!("{account}/date=2026-03-16/part-0000.parquet")]
    );
    // The path has no hour.
    let hours = exported(&[path], &["--layout", "aws"]);
    let folders = ["day=16/hour=00", "day=16/hour=23"];
    assert_eq!(hours.parts(), folders.map(|folder| format!(
        "vpc_flow_logs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/\
         month=03/{folder}/part-0000.parquet"
    )));
}

#[test]
fn folders_have_the_service_that_delivers_the_log() {
    let exported = exported(&[testdata("bucket")], &["--layout", "aws"]);
    let parts = exported.parts();
    for (table, service) in [
        ("vpc_flow_logs", "vpcflowlogs"),
        ("alb_access_logs", "elasticloadbalancing"),
        ("cloudtrail_logs", "CloudTrail"),
        ("r53_rlogs", "vpcdnsquerylogs"),
    ] {
        let of_table = parts.iter().filter(|name| name.starts_with(table));
        let of_table: Vec<_> = of_table.collect();
        assert!(!of_table.is_empty(), "{table}");
        let folder = format!("/aws-service={service}/");
        assert!(
            of_table.iter().all(|name| name.contains(&folder)),
            "{parts:?}"
        );
    }
}

#[test]
fn hostile_values_stay_in_their_folder() {
    let home = tempfile::tempdir().unwrap();
    let hostile = row_at(MIDNIGHT_S, 1)
        .replace("eu-west-1", "../../../x")
        .replace("111122223333", "/etc\u{1b}[31m");
    let exported = exported(&[file(&home, "a.log", log(&[&hostile]))], &[]);
    assert_eq!(
        exported.parts(),
        [
            "vpc_flow_logs/account=%2Fetc%1B%5B31m/region=..%2F..%2F..%2Fx/date=2026-03-15/part-0000.parquet"
        ]
    );
    assert_eq!(fs::read_dir(exported.home.path()).unwrap().count(), 1);
}

/// Records in no order of time, of several blocks and row groups.
fn long_log(rows: u64) -> String {
    let mut text = format!("{COLUMNS}\n");
    for row in 0..rows {
        let start_s = MIDNIGHT_S + row * 7_919 % 3_600;
        let line = row_at(start_s, u32::try_from(row % 60_000).unwrap());
        writeln!(text, "{line}").unwrap();
    }
    text
}

#[test]
fn row_groups_are_in_order_of_time_and_their_statistics_are_exact() {
    let home = tempfile::tempdir().unwrap();
    let rows = 150_000;
    let only = ["--table", "vpc_flow_logs"];
    let exported = exported(&[file(&home, "a.log", long_log(rows))], &only);
    let [name] = &exported.parts()[..] else {
        panic!("one file");
    };
    let bytes = bytes::Bytes::from(fs::read(exported.lake().join(name)).unwrap());
    let reader = SerializedFileReader::new(bytes.clone()).unwrap();
    let metadata = reader.metadata();
    assert_eq!(metadata.num_row_groups(), 2);
    let schema = metadata.file_metadata().schema_descr();
    let start = (0..schema.num_columns()).find(|index| schema.column(*index).name() == "start");
    let groups = metadata.row_groups().iter();
    let bounds = groups.map(|group| {
        let statistics = group.column(start.unwrap()).statistics().unwrap();
        let number = |bytes: Option<&[u8]>| i64::from_le_bytes(bytes.unwrap().try_into().unwrap());
        (
            number(statistics.min_bytes_opt()),
            number(statistics.max_bytes_opt()),
        )
    });
    let [(first, middle), (next, last)] = bounds.collect::<Vec<_>>()[..] else {
        panic!("two row groups");
    };
    let begin = i64::try_from(MIDNIGHT_S).unwrap();
    assert_eq!((first, last), (begin, begin + 3_599));
    assert!(middle <= next && first < middle && next < last);
    let starts: Vec<_> = rows_of(&bytes)
        .iter()
        .flat_map(|batch| numbers(batch, "start"))
        .collect();
    assert!(starts.is_sorted());
    assert_eq!(starts.len() as u64, rows);
}

fn rows_of(bytes: &bytes::Bytes) -> Vec<RecordBatch> {
    rows(bytes.to_vec())
}

#[test]
fn threads_and_order_of_inputs_do_not_change_the_bytes() {
    let home = tempfile::tempdir().unwrap();
    let one = file(&home, "a.log", long_log(20_000));
    let other = file(&home, "b.log", long_log(20_001));
    let flow_logs = ["--table", "vpc_flow_logs"];
    let archives: [(&[PathBuf], &[&str]); 2] = [
        (&[one, other, testdata("bucket")], &flow_logs),
        (&[testdata("incident"), testdata("bucket")], &[]),
    ];
    for (inputs, options) in archives {
        let first = exported(inputs, &[options, &["--threads", "1"]].concat()).files();
        assert!(first.contains_key("athena.sql") && first.contains_key("glue.json"));
        let mut reversed = inputs.to_vec();
        reversed.reverse();
        for threads in ["2", "4"] {
            let options = [options, &["--threads", threads]].concat();
            assert!(exported(&reversed, &options).files() == first, "{threads}");
        }
    }
}

#[test]
fn memory_does_not_change_the_bytes() {
    let home = tempfile::tempdir().unwrap();
    let inputs = vec![file(&home, "a.log", long_log(40_000)), testdata("incident")];
    let temporary = tempfile::tempdir().unwrap();
    for format in [LakeFormat::Parquet, LakeFormat::Csv] {
        let with = |memory: u64| {
            let home = tempfile::tempdir().unwrap();
            let request = Request::new(inputs.clone()).memory(memory);
            let request = request.temp_dir(temporary.path().to_owned());
            let mut request = Export::new(request, home.path().join("lake"));
            request.format = format;
            request.tables = vec!["vpc_flow_logs".to_owned()];
            let summary = export(&request, &Meter::default()).unwrap();
            let summary = serde_json::to_value(summary).unwrap();
            let files = Exported {
                home,
                summary: summary.clone(),
            }
            .files();
            (files, summary["spilled_bytes"].as_u64().unwrap())
        };
        let (files, spilled) = with(1 << 30);
        assert_eq!(spilled, 0);
        for memory in [0, 2 << 20] {
            let (same, spilled) = with(memory);
            assert!(spilled > 100_000, "{memory}: {spilled}");
            assert!(same == files, "{memory}");
        }
    }
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn standard_input_is_exported_like_a_file() {
    let text = long_log(100);
    let home = tempfile::tempdir().unwrap();
    let options = ["--table", "vpc_flow_logs"];
    let by_file = exported(&[file(&home, "a.log", text.clone())], &options);
    let lake = home.path().join("lake");
    let mut command = flow2pcap();
    command.args(["export", "-", "-q", "--output"]).arg(&lake);
    command.write_stdin(text).assert().success();
    let by_stdin = Exported {
        home,
        summary: Value::Null,
    };
    assert_eq!(by_stdin.files(), by_file.files());
}

#[test]
fn other_formats_have_the_same_rows() {
    let home = tempfile::tempdir().unwrap();
    let name = "=cmd|x";
    let row = row_at(MIDNIGHT_S, 1).replace("eni-1", name);
    let silent = "111122223333 eu-west-1 eni-1 - - - - - - - 1773532800 1773532860 - NODATA";
    let path = file(&home, "a.log", log(&[&row, silent]));
    let part = |options: &[&str]| {
        let exported = exported(std::slice::from_ref(&path), options);
        let [name] = &exported.parts()[..] else {
            panic!("one file");
        };
        (name.clone(), exported.files().remove(name).unwrap())
    };
    let (name_of_csv, csv) = part(&["--format", "csv"]);
    assert!(name_of_csv.ends_with("/part-0000.csv"));
    let csv = String::from_utf8(csv).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[1],
        "111122223333,'=cmd|x,10.0.0.1,10.0.0.2,1,443,6,2,120,1773532800,1773532805,ACCEPT,OK"
    );
    assert_eq!(
        lines[2],
        "111122223333,eni-1,-,-,,,,,,1773532800,1773532860,-,NODATA"
    );
    let (name_of_json, json) = part(&["--format", "jsonl", "--compression", "zstd"]);
    assert!(name_of_json.ends_with("/part-0000.jsonl.zst"));
    let json = String::from_utf8(zstd::decode_all(&json[..]).unwrap()).unwrap();
    let documents = json
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let documents: Vec<Value> = documents.collect();
    assert_eq!(documents[0]["interface_id"], name);
    assert_eq!(
        (&documents[0]["packets"], &documents[1]["packets"]),
        (&2.into(), &Value::Null)
    );
    let (name_of_arrow, arrow) = part(&["--format", "arrow"]);
    assert!(name_of_arrow.ends_with("/part-0000.arrow"));
    assert!(arrow.starts_with(b"ARROW1") && arrow.ends_with(b"ARROW1"));
}

#[test]
fn filters_and_times_narrow_the_rows() {
    let home = tempfile::tempdir().unwrap();
    let path = file(&home, "a.log", long_log(1_000));
    let all = exported(std::slice::from_ref(&path), &[]);
    let some = exported(
        std::slice::from_ref(&path),
        &["--from", "2026-03-15T00:30", "--filter", "src port 8"],
    );
    let count = |of: &Exported, name: &str| of.summary["records"][name].as_u64().unwrap();
    assert_eq!((count(&all, "used"), count(&all, "filtered")), (1_000, 0));
    let used = count(&some, "used");
    assert!(used < 5 && used + count(&some, "filtered") == 1_000);
    let lake = home.path().join("nothing");
    let run = run_export(&[path], &lake, &["--port", "60001"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_one_error(&run.stderr);
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        1,
        "nothing is left"
    );
}

#[test]
fn folder_with_files_is_refused_and_stays() {
    let home = tempfile::tempdir().unwrap();
    let lake = home.path().join("lake");
    fs::create_dir(&lake).unwrap();
    fs::write(lake.join("mine"), "mine").unwrap();
    let run = run_export(&[testdata("incident")], &lake, &[]);
    assert_eq!(run.code, 2);
    assert_one_error(&run.stderr);
    assert!(
        run.stderr.contains("is not empty; name another one"),
        "{}",
        run.stderr
    );
    assert_eq!(fs::read_dir(&lake).unwrap().count(), 1);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn output_inside_an_input_is_refused() {
    let home = tempfile::tempdir().unwrap();
    file(&home, "a.log", log(&[&row_at(MIDNIGHT_S, 1)]));
    let inside = home.path().join("lake");
    let run = run_export(&[home.path().to_owned()], &inside, &[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("inside the input"), "{}", run.stderr);
    assert!(!inside.exists());
}

#[test]
fn impossible_compression_is_refused_with_those_that_are_possible() {
    let home = tempfile::tempdir().unwrap();
    let lake = home.path().join("lake");
    let options = ["--format", "csv", "--compression", "snappy"];
    let run = run_export(&[testdata("incident")], &lake, &options);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("choose none or gzip or zstd"),
        "{}",
        run.stderr
    );
}

#[test]
fn definitions_name_all_columns_and_folders() {
    let exported = exported(&[testdata("incident")], &[]);
    let files = exported.files();
    let sql = String::from_utf8(files["athena.sql"].clone()).unwrap();
    let part = &exported.parts()[0];
    let account = part
        .split("account=")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    for expected in [
        "CREATE EXTERNAL TABLE IF NOT EXISTS `vpc_flow_logs` (",
        "  `end` bigint,",
        "PARTITIONED BY (`account` string, `region` string, `date` date)",
        &format!("'projection.account.values' = '{account}'"),
        "'storage.location.template' = 's3://BUCKET/PREFIX/vpc_flow_logs/account=${account}/region=${region}/\
         date=${date}/'",
    ] {
        assert!(sql.contains(expected), "{expected}\n{sql}");
    }
    let glue: Value = serde_json::from_slice(&files["glue.json"]).unwrap();
    let columns = glue[0]["StorageDescriptor"]["Columns"].as_array().unwrap();
    let batch = &exported.batches()[0];
    let names: Vec<&str> = columns
        .iter()
        .map(|column| column["Name"].as_str().unwrap())
        .collect();
    let schema = batch.schema();
    let written: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, written);
    for column in &written {
        assert!(sql.contains(&format!("  `{column}` ")), "{column}");
    }
    assert_eq!(glue[0]["PartitionKeys"][2]["Type"], "date");
}

/// Packets, bytes and records of all connections in a lake.
fn connection_sums(exported: &Exported) -> BTreeMap<String, u128> {
    let batches = exported.table("connections");
    let sum = |names: &[&str]| {
        let all = batches
            .iter()
            .flat_map(|batch| names.iter().flat_map(|name| numbers(batch, name)));
        all.flatten().map(|n| u128::try_from(n).unwrap()).sum()
    };
    BTreeMap::from([
        (
            "packets".to_owned(),
            sum(&["initiator_packets", "responder_packets"]),
        ),
        (
            "bytes".to_owned(),
            sum(&["initiator_bytes", "responder_bytes"]),
        ),
        ("records".to_owned(), sum(&["records"])),
    ])
}

/// The same sums, as `metrics` prints them.
fn metrics_sums(inputs: &[PathBuf], options: &[&str]) -> BTreeMap<String, u128> {
    let measures = ["--once", "--measure", "packets,bytes,records"];
    let mut found = BTreeMap::new();
    for ((labels, _), value) in sums_of_metrics(inputs, &[&measures, options].concat()) {
        *found.entry(labels.last().unwrap().clone()).or_default() += value;
    }
    found
}

#[test]
fn connections_add_up_to_what_metrics_counts_once() {
    for input in [testdata("incident"), testdata("bucket")] {
        let inputs = [input];
        for options in [&[][..], &["--filter", "tcp", "--from", "-1h"]] {
            let exported = exported(&inputs, options);
            let found = connection_sums(&exported);
            assert!(found["packets"] > 0);
            assert_eq!(
                found,
                metrics_sums(&inputs, options),
                "{inputs:?} {options:?}"
            );
        }
    }
}

#[test]
fn connections_are_in_the_folder_of_their_first_second() {
    let home = tempfile::tempdir().unwrap();
    let rows = [MIDNIGHT_S - 1, MIDNIGHT_S].map(|start_s| {
        let port = u32::try_from(start_s % 1_000).unwrap() + 40_000;
        row_at(start_s, port).replace("eu-west-1", "../x")
    });
    let text = log(&rows.each_ref().map(String::as_str));
    let exported = exported(&[file(&home, "a.log", text)], &["--table", "connections"]);
    let names = exported.files().into_keys();
    let names: Vec<String> = names.filter(|name| name.contains("/part-")).collect();
    assert_eq!(
        names,
        [14, 15].map(|day| format!(
            "connections/account=111122223333/region=..%2Fx/date=2026-03-{day}/part-0000.parquet"
        ))
    );
    assert_eq!(exported.summary["tables"].as_object().unwrap().len(), 1);
    assert_eq!(exported.summary["records"]["used"], 2);
}

#[test]
fn findings_are_those_of_diagnose_in_their_order() {
    let input = testdata("incident");
    let exported = exported(std::slice::from_ref(&input), &[]);
    let ended = flow2pcap()
        .args(["diagnose", "--json"])
        .arg(&input)
        .output();
    let diagnosis: Value = serde_json::from_slice(&ended.unwrap().stdout).unwrap();
    let titles = diagnosis["findings"].as_array().unwrap().iter();
    let titles: Vec<_> = titles
        .map(|finding| finding["title"].as_str().map(str::to_owned))
        .collect();
    assert!(titles.len() > 1);
    let [batch] = &exported.table("findings")[..] else {
        panic!("one row group");
    };
    assert_eq!(texts(batch, "title"), titles);
    let order: Vec<_> = (1..).take(titles.len()).map(Some).collect();
    assert_eq!(numbers(batch, "number"), order);
    let files = exported.files();
    for name in ["athena.sql", "glue.json", "README.txt"] {
        let text = String::from_utf8(files[name].clone()).unwrap();
        for table in ["connections", "findings"] {
            assert!(text.contains(table), "{name}: {table}");
        }
    }
}

#[test]
fn connections_of_small_memory_have_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("generated");
    let settings = Settings {
        enis: 40,
        ..Settings::new(Version::V5, 7)
    };
    generate(settings, Goal::Lines(30_000), Shape::Tree, false, &input).unwrap();
    let with = |threads: usize, memory: u64| {
        let home = tempfile::tempdir().unwrap();
        let request = Request::new(vec![input.clone()]).memory(memory);
        let mut request = Export::new(request, home.path().join("lake"));
        request.tables = vec!["connections".to_owned(), "findings".to_owned()];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let made = pool.build().unwrap();
        let summary = made.install(|| export(&request, &Meter::default()));
        let summary = serde_json::to_value(summary.unwrap()).unwrap();
        assert_eq!(summary["spilled_bytes"] != 0, memory < 1 << 30);
        let files = Exported { home, summary }.files();
        assert!(files.keys().any(|name| name.starts_with("connections/")));
        files
    };
    let first = with(1, 1 << 30);
    for (threads, memory) in [(4, 1 << 30), (2, 1 << 21)] {
        assert!(with(threads, memory) == first, "{threads} {memory}");
    }
}

#[test]
fn standard_input_gives_the_tables_of_logs_and_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let of_stdin = |options: &[&str]| {
        let mut command = flow2pcap();
        command.args(["export", "-", "--json", "--output"]);
        command.arg(home.path().join("lake")).args(options);
        let ended = command.write_stdin(long_log(100)).output().unwrap();
        (
            ended.status.code(),
            ended.stdout,
            String::from_utf8(ended.stderr).unwrap(),
        )
    };
    let reason = "standard input can be read only once";
    let (code, _, said) = of_stdin(&["--table", "connections"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(reason), "{said}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    let (code, summary, said) = of_stdin(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("connections: {reason}")), "{said}");
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["left_out"]["findings"], reason);
    let tables = summary["tables"].as_object().unwrap().keys();
    assert_eq!(tables.collect::<Vec<_>>(), ["vpc_flow_logs"]);
}

#[test]
fn archive_without_flow_logs_has_no_connections() {
    let exported = exported(
        &[testdata("bucket/AWSLogs/111122223333/elasticloadbalancing")],
        &[],
    );
    let tables = exported.summary["tables"].as_object().unwrap().keys();
    assert!(tables.clone().any(|name| name == "alb_access_logs"));
    assert!(
        tables
            .clone()
            .all(|name| !["connections", "findings"].contains(&name.as_str()))
    );
    assert_eq!(exported.summary["left_out"], Value::Null);
}
