//! Small files that ask for very much: of memory, or of time. Each is refused, and costs no other.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, StringArray, new_null_array};
use arrow_schema::DataType;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData};

use crate::support::tables::{Table, aws, footer};
use crate::support::wrapping::convert_bytes;
use crate::support::{file, testdata};

/// KiB of address space that a run may have: half is what the program takes itself, and 64 MiB are left.
const SPACE_KIB: u32 = 128 << 10;

/// No bomb may take longer, however busy the machine is.
const TIME_MAX: Duration = Duration::from_secs(60);

const RECORD: &str =
    "2 111122223333 eni-1 10.0.0.1 10.0.0.2 1000 443 6 1 60 1600000000 1600000001 ACCEPT OK\n";

/// What a run said that had little memory, and whether it wrote a capture.
#[track_caller]
fn convert_in_little_space(inputs: &[&Path]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let limited = format!("ulimit -v {SPACE_KIB}; exec \"$0\" \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_flow2pcap")])
        .args(["convert", "--threads", "1", "-o"])
        .arg(folder.path().join("o.pcapng"))
        .args(inputs)
        .output()
        .unwrap();
    assert!(begun.elapsed() < TIME_MAX, "{:?}", begun.elapsed());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("panicked"), "{text}");
    (text, output.status.code())
}

/// Asserts that a file is refused with these words, and that a good one beside it is read.
#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let bomb = file(&folder, "bomb", bytes);
    let (text, code) = convert_in_little_space(&[&bomb]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains(expected), "{text}");
    let good = file(&folder, "good.log", RECORD);
    let (text, code) = convert_in_little_space(&[&bomb, &good]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(expected) && text.contains("1 told"), "{text}");
}

/// A tar archive whose first member says something of the second, in `len` equal bytes; compressed.
fn tar_bomb(folder: &tempfile::TempDir, kind: u8, byte: u8, len: usize) -> PathBuf {
    let header = |name: &str, kind: u8, len: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(len as u64);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let path = folder.path().join("bomb.tar.zst");
    let mut archive = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    archive.write_all(&header("x", kind, len)).unwrap();
    for chunk in vec![byte; len].chunks(1 << 20) {
        archive.write_all(chunk).unwrap();
    }
    for name in ["a.log", "b.log"] {
        let record = RECORD.replace("eni-1", &format!("eni-{name}"));
        archive
            .write_all(&header(name, b'0', record.len()))
            .unwrap();
        archive.write_all(record.as_bytes()).unwrap();
        archive.write_all(&vec![0; 512 - record.len()]).unwrap();
    }
    archive.write_all(&[0; 1024]).unwrap();
    archive.finish().unwrap();
    path
}

#[test]
fn names_in_a_tar_archive_take_no_memory() {
    for (kind, byte, expected) in [
        (b'L', 0, "member name longer than 4096 bytes"),
        (b'L', b'n', "member name longer than 4096 bytes"),
        (b'x', b'a', "member header larger than 1 MiB"),
        (b'K', b'n', "2 files"),
        (b'g', b'a', "2 files"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = tar_bomb(&folder, kind, byte, 96 << 20);
        assert!(fs::metadata(&path).unwrap().len() < 64 << 10);
        let (text, code) = convert_in_little_space(&[&path]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

/// A file that is nothing but this footer.
fn with_footer(footer: &[u8]) -> Vec<u8> {
    let len = u32::try_from(footer.len()).unwrap().to_le_bytes();
    [b"PAR1", footer, &len, b"PAR1"].concat()
}

/// A schema of one column, up to the field after it.
const SCHEMA: &[u8] = &[
    0x15, 2, 0x19, 0x2c, 0x48, 1, b'r', 0x15, 2, 0, 0x15, 12, 0x25, 2, 0x18, 1, b'c', 0,
];

#[test]
fn footer_of_a_few_bytes_that_asks_for_all_memory_is_refused() {
    let most = [0xff, 0xff, 0xff, 0xff, 0x07];
    let invalid = "its footer is invalid";
    // Row groups, key-values and column orders without number; then elements of a schema.
    for field in [0x26, 0x36, 0x56] {
        let list = [0x16, 0, field - 0x0d, 0xfc];
        refused(
            &with_footer(&[SCHEMA, &list, &most, &[0, 0]].concat()),
            invalid,
        );
    }
    refused(
        &with_footer(&[&[0x15, 2, 0x19, 0xfc], &most[..]].concat()),
        invalid,
    );
    // Row groups that are there, of which each takes a hundred times more memory.
    let groups = [0x16, 0, 0x19, 0xfc, 0x80, 0x80, 0x40];
    let groups = [SCHEMA, &groups, &[0x36, 0, 0].repeat(1 << 20)].concat();
    refused(&with_footer(&groups), "more than 64 MiB of memory");
}

#[test]
fn groups_inside_each_other_are_refused_whatever_type_counts_them() {
    for whole in [4, 5, 6] {
        let group = [0x48, 1, b'g', 0x10 | whole, 2, 0];
        let front = [0x15, 2, 0x19, 0xfc, 0xa0, 0x9c, 0x01]; // 20,000 elements
        let footer = [&front, &group.repeat(20_000)[..]].concat();
        refused(&with_footer(&footer), "groups nested too deep");
    }
    // A check that gave up at the number of the version let the rest through.
    let padded = [&[0x15, 0x82, 0x80, 0x00][..], &SCHEMA[2..]].concat();
    refused(&with_footer(&padded), "a number longer than necessary");
}

/// A file whose footer was changed.
fn changed(bytes: &[u8], change: impl Fn(ParquetMetaData) -> ParquetMetaData) -> Vec<u8> {
    let metadata = change(footer(bytes));
    let tail = bytes.len() - 8;
    let (len, _) = bytes[tail..].split_first_chunk().unwrap();
    let mut changed = bytes[..tail - u32::from_le_bytes(*len) as usize].to_vec();
    ParquetMetaDataWriter::new(&mut changed, &metadata)
        .finish()
        .unwrap();
    changed
}

/// A file whose first row group says something else.
fn with_group(bytes: &[u8], change: impl Fn(RowGroupMetaData) -> RowGroupMetaData) -> Vec<u8> {
    changed(bytes, |metadata| {
        let group = change(metadata.row_group(0).clone());
        metadata.into_builder().set_row_groups(vec![group]).build()
    })
}

#[test]
fn file_of_more_rows_than_its_bytes_can_hold_is_refused() {
    let bytes = Table::of("v5_fifty.log", aws).bytes();
    for rows in [1 << 31, 1_000_000_000_000, i64::MAX] {
        let claiming = with_group(&bytes, |group| {
            group.into_builder().set_num_rows(rows).build().unwrap()
        });
        refused(&claiming, &format!("its footer claims {rows} rows, but"));
    }
    // Columns that share their bytes, so that each is decompressed for any number of row groups.
    let groups = changed(&bytes, |metadata| {
        let groups = vec![metadata.row_group(0).clone(); 20];
        metadata.into_builder().set_row_groups(groups).build()
    });
    refused(&groups, "its footer claims");
}

/// A table of so many rows in each column, which are nulls.
fn nulls(rows: usize) -> Table {
    let names = [
        "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end",
    ];
    let null = |name: &&str| {
        let kind = if name.ends_with("addr") {
            DataType::Utf8
        } else {
            DataType::Int64
        };
        ((*name).to_owned(), new_null_array(&kind, rows))
    };
    Table::with_columns(names.iter().map(null).collect()).in_groups_of(1 << 20)
}

#[test]
fn rows_without_any_value_are_counted_and_cost_no_line() {
    let begun = Instant::now();
    let converted = convert_bytes(Table::of("v5_fifty.log", aws).bytes());
    let told = converted.count("/records/used");
    assert!(told > 0);
    let folder = tempfile::tempdir().unwrap();
    let good = file(&folder, "good.log", RECORD);
    let blank = file(&folder, "blank", nulls(1 << 19).bytes());
    let converted = crate::support::convert(&[blank, good], &[]);
    converted.assert_lines_add_up();
    let skipped = &converted.summary()["records"]["skipped"]["row without a value"];
    assert_eq!(skipped["count"], 1 << 19);
    assert_eq!(converted.count("/records/lines"), (1 << 19) + 1);
    assert!(begun.elapsed() < TIME_MAX, "{:?}", begun.elapsed());
}

/// A long run of nulls between rows that have values moves none of them.
#[test]
fn rows_beside_those_without_a_value_keep_their_numbers() {
    let at = [0, 1, 900, 901, 1_300, 5_000];
    let rows = 5_001;
    let values = |value: &'static str| {
        let values = (0..rows).map(|row| at.contains(&row).then_some(value));
        Arc::new(StringArray::from_iter(values)) as ArrayRef
    };
    let starts = (0..rows).map(|row| at.contains(&row).then_some(1_600_000_000 + row));
    let columns: Vec<(String, ArrayRef)> = vec![
        ("srcaddr".into(), values("10.0.0.1")),
        ("dstaddr".into(), values("10.0.0.2")),
        ("srcport".into(), values("1000")),
        ("dstport".into(), values("443")),
        ("protocol".into(), values("6")),
        ("packets".into(), values("1")),
        ("bytes".into(), values("60")),
        (
            "start".into(),
            Arc::new(Int64Array::from_iter(starts.clone())),
        ),
        ("end".into(), Arc::new(Int64Array::from_iter(starts))),
    ];
    let converted = convert_bytes(Table::with_columns(columns).in_groups_of(10_000).bytes());
    assert_eq!(converted.count("/records/lines"), 5_001);
    assert_eq!(converted.count("/records/used"), 6);
    let packets = converted.capture().packets;
    let places: Vec<&str> = packets
        .iter()
        .filter_map(|packet| packet.word("record"))
        .collect();
    for row in at {
        let place = format!("x:{}", row + 1);
        assert!(places.contains(&&*place), "{place} in {places:?}");
    }
}

/// One record again and again takes few bytes, and is a file like any.
#[test]
fn rows_that_are_all_alike_are_read() {
    const ROWS: usize = 100_000;
    let text = |value: &'static str| Arc::new(StringArray::from(vec![value; ROWS])) as ArrayRef;
    let number = |value: i64| Arc::new(Int64Array::from(vec![value; ROWS])) as ArrayRef;
    let columns = vec![
        ("srcaddr".into(), text("10.0.0.1")),
        ("dstaddr".into(), text("10.0.0.2")),
        ("srcport".into(), number(1_000)),
        ("dstport".into(), number(443)),
        ("protocol".into(), number(6)),
        ("packets".into(), number(1)),
        ("bytes".into(), number(60)),
        ("start".into(), number(1_600_000_000)),
        ("end".into(), number(1_600_000_000)),
    ];
    let bytes = Table::with_columns(columns).in_groups_of(1 << 20).bytes();
    assert!(bytes.len() < ROWS / 10, "{}", bytes.len());
    let converted = convert_bytes(bytes);
    assert_eq!(converted.count("/records/duplicates"), ROWS as u64 - 1);
    assert_eq!(converted.count("/records/used"), 1);
}

#[test]
fn frames_and_members_without_content_take_little_time() {
    let folder = tempfile::tempdir().unwrap();
    let good = testdata("v5_fifty.log");
    let frame = zstd::encode_all(&[][..], 1).unwrap();
    let bomb = file(&folder, "bomb", frame.repeat(1_000_000));
    let (text, code) = convert_in_little_space(&[&bomb, &good]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 left out: empty"), "{text}");
}
