//! Tables tell what the same records do as text, whoever wrote them and however.

use std::sync::Arc;

use crate::support::tables::{
    Table, Values, aws, aws_with_dashes, categories, footer, pandas, spoil, texts, untold,
};
use crate::support::wrapping::{check, convert_bytes, gzip, told};
use crate::support::{convert, file, flow2pcap, run, testdata};
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, ListArray, StringArray, TimestampMicrosecondArray};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArrayType, DataType, Int32Type, Int96, Int96Type};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

const V5: &str = "v5_fifty.log";

fn delivered() -> Table {
    let gzip = Compression::GZIP(GzipLevel::default());
    Table::of(V5, aws).compressed_by(gzip)
}

#[test]
fn as_aws_delivers_it() {
    let converted = check(delivered().bytes());
    assert_eq!(converted.summary()["input"]["layouts"]["column names"], 1);
    check(Table::of(V5, aws_with_dashes).bytes());
    for compression in [Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())] {
        check(Table::of(V5, aws).compressed_by(compression).bytes());
    }
}

#[test]
fn as_other_tools_write_it_again() {
    for typed in [pandas, categories, untold, texts] {
        let table = || Table::of(V5, typed).compressed_by(Compression::SNAPPY);
        check(table().bytes());
        check(table().named(|name| name.replace('_', "-")).bytes());
        check(table().in_groups_of(7).bytes());
    }
}

#[test]
fn columns_beside_those_of_a_flow_log_do_no_harm() {
    let rows = 50;
    let days: ArrayRef = Arc::new(StringArray::from(vec!["2026/03/14"; rows]));
    let index: ArrayRef = Arc::new(Int64Array::from_iter_values(0..50));
    let tags = (0..rows).map(|_| Some([Some(1)]));
    let tags: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(tags));
    let table = delivered().and("partition_0", days);
    let table = table.and("__index_level_0__", index).and("tags", tags);
    check(table.bytes());
}

#[test]
fn all_fields_that_text_tells_are_told() {
    for name in ["v11_all_fields.log", "tgw_default.log", "v2_default.log"] {
        let plain = convert(&[testdata(name)], &[]);
        let table = convert_bytes(Table::of(name, texts).bytes());
        assert_eq!(told(&table), told(&plain), "{name}");
        // Names that an archive does not have may be excluded only.
        let filter = "not vpc vpc-0f1e2d3c4b5a69788 or not subnet subnet-1 or not region eu-central-1 \
                      or not account 111122223333 or not instance i-1 or not eni eni-1";
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "x", Table::of(name, texts).bytes());
        let narrowed = |path| convert(&[path], &["--filter", filter]);
        assert_eq!(
            told(&narrowed(path)),
            told(&narrowed(testdata(name))),
            "{name}"
        );
    }
}

#[test]
fn table_is_found_by_content_where_aws_puts_it_and_in_what_it_comes() {
    let plain = convert(&[testdata(V5)], &[]);
    let folder = tempfile::tempdir().unwrap();
    let bytes = delivered().bytes();
    let hive = "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/\
                aws-region=eu-central-1/year=2026/month=03/day=14/hour=08/\
                111122223333_vpcflowlogs_eu-central-1_fl-0a_20260314T0800Z_3f9a1c2e.log.parquet";
    file(&folder, hive, &bytes);
    let options = ["--account", "111122223333", "--from", "2026-03-14T08:00"];
    let converted = convert(&[folder.path()], &options);
    assert_eq!(told(&converted), told(&plain));
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, "a.log", &bytes[..]).unwrap();
    for packed in [gzip(&bytes), tar.into_inner().unwrap()] {
        check(packed);
    }
    let piped = folder.path().join("o.pcapng");
    let mut command = flow2pcap();
    command.args(["convert", "-", "-o"]).arg(&piped);
    assert_eq!(run(command.write_stdin(bytes)).code, 0);
}

#[test]
fn row_of_the_table_is_the_line_of_the_record() {
    let converted = convert_bytes(delivered().in_groups_of(5).bytes());
    let comments = converted.capture().packets.into_iter();
    let comments: Vec<String> = comments.flat_map(|packet| packet.comments).collect();
    assert!(
        comments.iter().any(|c| c.ends_with(" record=x:2")),
        "{comments:?}"
    );
    assert!(
        comments.iter().any(|c| c.ends_with(" record=x:12")),
        "{comments:?}"
    );
}

#[test]
fn value_that_makes_no_sense_costs_its_row_alone() {
    let bytes = |name: &str, values: &Values<'_>| match name {
        "srcport" => {
            let mut values = values.clone();
            values[11] = Some("many");
            texts(name, &values)
        }
        _ => aws(name, values),
    };
    let converted = convert_bytes(Table::of(V5, bytes).in_groups_of(5).bytes());
    assert_eq!(converted.skipped(), 1);
    let skipped = converted.summary()["records"]["skipped"].to_string();
    assert!(skipped.contains("x:12"), "{skipped}");
    assert!(skipped.contains("many"), "{skipped}");
}

#[test]
fn column_that_is_not_needed_is_not_read() {
    let mut bytes = Table::of(V5, aws).bytes();
    for column in ["version", "sublocation_type", "sublocation_id"] {
        spoil(&mut bytes, 0, column);
    }
    check(bytes);
}

#[test]
fn chunk_that_is_compressed_otherwise_is_named_with_what_to_do() {
    let mut bytes = Table::of(V5, aws).bytes();
    let footer = footer(&bytes);
    let column = footer.row_group(0).column(3);
    assert_eq!(column.column_path().string(), "srcaddr");
    // In the footer, the codec follows the name in its list.
    let name_at = find_last(&bytes, b"\x18\x07srcaddr\x15") + 10;
    assert_eq!(bytes[name_at], 0);
    bytes[name_at] = 14; // LZ4_RAW, zigzag
    let message = refusal(&bytes);
    let expected = "0 of 50 rows: compressed with LZ4_RAW; rewrite it with SNAPPY, GZIP or ZSTD";
    assert!(message.contains(expected), "{message}");
}

fn find_last(bytes: &[u8], pattern: &[u8]) -> usize {
    let mut windows = bytes.windows(pattern.len());
    windows.rposition(|window| window == pattern).unwrap()
}

#[test]
fn row_group_that_does_not_decode_costs_no_other() {
    let mut bytes = Table::of(V5, aws).in_groups_of(7).bytes();
    spoil(&mut bytes, 1, "srcaddr");
    let converted = convert_bytes(bytes);
    assert_eq!(converted.count("/records/lines"), 43);
    let damaged = &converted.summary()["input"]["damaged"]["damaged"];
    let found = damaged["examples"][0]["found"].as_str().unwrap();
    assert!(
        found.contains("row group 2 ends after 0 of 7 rows"),
        "{found}"
    );
}

/// What a run says that has this file alone.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "x.parquet", bytes);
    let mut command = flow2pcap();
    command.arg("convert").arg(path).arg("-o");
    let run = run(command.arg(folder.path().join("o.pcapng")));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run.stderr
}

#[test]
fn table_without_a_true_footer_is_damaged() {
    let bytes = delivered().bytes();
    let len = bytes.len();
    let message = refusal(&bytes[..len - 100]);
    assert!(
        message.contains("no row of the table can be read"),
        "{message}"
    );
    for footer_len in [u32::MAX, i32::MAX as u32, u32::try_from(len).unwrap(), 0, 9] {
        let mut lying = bytes.clone();
        lying[len - 8..len - 4].copy_from_slice(&footer_len.to_le_bytes());
        let message = refusal(&lying);
        assert!(
            message.contains("no row of the table can be read"),
            "{message}"
        );
    }
    let both = [&bytes[..len - 100], &bytes[..]];
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| file(&folder, name, both[usize::from(name == "b")]));
    let converted = convert(&paths, &[]);
    assert_eq!(converted.count("/input/damaged/damaged/count"), 1);
    assert_eq!(told(&converted), told(&convert(&[testdata(V5)], &[])));
}

#[test]
fn table_of_something_else_is_left_out_by_its_kind() {
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let bytes = Table::with_columns(vec![("name".into(), names)]).bytes();
    let message = refusal(&bytes);
    assert!(
        message.contains("Parquet that is not a flow log"),
        "{message}"
    );
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "x", bytes), testdata(V5)], &[]);
    let left_out = &converted.summary()["input"]["left_out"];
    assert_eq!(left_out["Parquet that is not a flow log"]["count"], 1);
}

/// Twelve row groups, each of one record in an hour of its own, whose times stand there as `times` has them.
fn half_a_day(times: fn(Vec<i64>) -> ArrayRef) -> Vec<u8> {
    let hours: Vec<i64> = (0..12).map(|hour| 1_773_446_400 + hour * 3_600).collect();
    let values = [
        ("srcaddr", "10.0.0.1"),
        ("dstaddr", "10.0.0.2"),
        ("srcport", "40000"),
        ("dstport", "443"),
        ("protocol", "6"),
        ("packets", "5"),
        ("bytes", "300"),
    ];
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (name, value) in values {
        columns.push((name.into(), texts(name, &vec![Some(value); hours.len()])));
    }
    columns.push(("start".into(), times(hours.clone())));
    let ends = hours.iter().map(|hour| hour + 59).collect();
    columns.push(("end".into(), times(ends)));
    Table::with_columns(columns).in_groups_of(1).bytes()
}

fn seconds(times: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(times))
}

fn milliseconds(times: Vec<i64>) -> ArrayRef {
    seconds(times.iter().map(|s| s * 1_000).collect())
}

fn timestamps(times: Vec<i64>) -> ArrayRef {
    let us = times.iter().map(|s| s * 1_000_000);
    Arc::new(TimestampMicrosecondArray::from_iter_values(us))
}

fn digits(times: Vec<i64>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(
        times.iter().map(i64::to_string),
    ))
}

/// What is read of [`half_a_day`] where this is asked for: row groups left out, and lines.
fn read_of(times: fn(Vec<i64>) -> ArrayRef, options: &[&str]) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "x", half_a_day(times));
    let converted = convert(&[path], options);
    converted.assert_lines_add_up();
    assert_eq!(
        converted.count("/input/row_groups_pruned"),
        converted.count("/input/rows_pruned")
    );
    (
        converted.count("/input/row_groups_pruned"),
        converted.count("/records/lines"),
    )
}

#[test]
fn row_groups_are_ruled_out_by_their_statistics() {
    let hour = ["--from", "2026-03-14T02:00", "--to", "2026-03-14T03:00"];
    for times in [seconds, milliseconds, timestamps] {
        // 03:00 is the first instant behind, but within the margin.
        assert_eq!(read_of(times, &hour), (10, 2));
    }
    assert_eq!(read_of(digits, &hour), (0, 12));
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "x", half_a_day(seconds));
    for (from, to, read) in [
        // As files are: 10 minutes for clocks each way, 10 for the longest interval before.
        (
            "2026-03-14T02:10:59",
            "2026-03-14T02:40:00",
            "1 record was read",
        ),
        (
            "2026-03-14T02:11:00",
            "2026-03-14T02:40:01",
            "1 record was read",
        ),
        (
            "2026-03-14T02:10:59",
            "2026-03-14T02:40:01",
            "2 records were read",
        ),
    ] {
        // No record is of that time: what is read is within the margin.
        let mut command = flow2pcap();
        command.arg("inspect").arg(&path);
        let run = run(command.args(["--from", from, "--to", to]));
        assert_eq!(run.code, 3, "{from} {to}");
        assert!(run.stderr.contains(read), "{from} {to}: {}", run.stderr);
    }
    assert_eq!(read_of(seconds, &[]), (0, 12));
    assert_eq!(read_of(seconds, &["--from", "-2h"]), (0, 12));
}

#[test]
fn rows_are_numbered_past_row_groups_that_are_ruled_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "x", half_a_day(seconds));
    let converted = convert(&[&path], &["--from", "2026-03-14T11:00"]);
    let packets = converted.capture().packets;
    let comments: Vec<&String> = packets.iter().flat_map(|packet| &packet.comments).collect();
    assert!(
        comments.iter().all(|c| c.contains(" record=x:12")),
        "{comments:?}"
    );
    let mut command = flow2pcap();
    command
        .arg("convert")
        .arg(&path)
        .args(["--from", "2026-03-14T11:00", "-o"]);
    let text = run(command.arg(folder.path().join("o.pcapng"))).stderr;
    let expected = "11 row groups, 11 rows, not read: by their statistics";
    assert!(text.contains(expected), "{text}");
    let mut command = flow2pcap();
    command
        .arg("convert")
        .arg(&path)
        .args(["--from", "2027-01-01", "-o"]);
    let run = run(command.arg(folder.path().join("p.pcapng")));
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.contains("none of 12 row groups"),
        "{}",
        run.stderr
    );
}

/// One record whose times are INT96, which Spark writes still: nanoseconds of a Julian day, then the day.
#[test]
fn times_of_96_bits_as_spark_writes_them() {
    let schema = "message log {
        required int96 start; required int96 end;
        required binary srcaddr (utf8); required binary dstaddr (utf8);
        required int32 srcport; required int32 dstport; required int32 protocol;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let properties = Arc::default();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    // 2026-03-14 is the Julian day 2461114.
    let nanoseconds = 8_u64 * 3_600 * 1_000_000_000;
    let [low, high] =
        [nanoseconds & 0xffff_ffff, nanoseconds >> 32].map(|half| u32::try_from(half).unwrap());
    for _ in 0..2 {
        let mut time = Int96::new();
        time.set_data(low, high, 2_461_114);
        write_one::<Int96Type>(&mut group, time);
    }
    for address in ["10.0.0.1", "10.0.0.2"] {
        write_one::<ByteArrayType>(&mut group, address.into());
    }
    for number in [40_000, 443, 6] {
        write_one::<Int32Type>(&mut group, number);
    }
    group.close().unwrap();
    writer.close().unwrap();
    let eight = 1_773_475_200_000_000_000_i64;
    let converted = convert_bytes(bytes);
    assert_eq!(converted.summary()["span_ns"][0], eight);
    assert_eq!(converted.count("/records/used"), 1);
}

fn write_one<T: DataType>(group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>, value: T::T) {
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<T>()
        .write_batch(&[value], None, None)
        .unwrap();
    column.close().unwrap();
}
