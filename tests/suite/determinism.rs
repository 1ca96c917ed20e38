//! The same input gives the same bytes, whatever the number of threads, the
//! order in which inputs are named, and the way the text is wrapped.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::support::{convert, convert_to, file, flow2pcap, names_in, parts_of, run, testdata};
use flow2pcap::connection::Detail;
use flow2pcap::pipeline::{self, Convert, Meter, Request, Split, VantageChoice};
use testkit::flow_log;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A log of many conversations over many blocks: the incident again and again, elsewhere in time.
fn long_log() -> String {
    let texts = flow_log::files_below(&testdata("incident"));
    let texts: Vec<String> = texts.iter().map(|path| flow_log::text(path)).collect();
    let mut log = texts[0].lines().next().unwrap().to_owned();
    for shift_s in (0..90_000).step_by(1000) {
        for line in texts.iter().flat_map(|text| text.lines()) {
            if line.contains("srcaddr") {
                continue;
            }
            let shifted = line.split(' ').map(|cell| match cell.parse::<u64>() {
                Ok(time_s) if cell.starts_with("17") && cell.len() == 10 => {
                    (time_s + shift_s).to_string()
                }
                _ => cell.to_owned(),
            });
            log.push('\n');
            log.push_str(&shifted.collect::<Vec<_>>().join(" "));
        }
    }
    log.push('\n');
    log
}

#[test]
fn threads_do_not_change_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let text = long_log();
    assert!(text.len() > 2 << 20, "several blocks: {}", text.len());
    let log = file(&folder, "long.log", text);
    for detail in ["exact", "compact", "control"] {
        let bytes = ["1", "2", "5"]
            .map(|threads| convert(&[&log], &["--detail", detail, "--threads", threads]).bytes());
        assert!(bytes[0] == bytes[1], "{detail}: 1 and 2 threads");
        assert!(bytes[0] == bytes[2], "{detail}: 1 and 5 threads");
    }
}

#[test]
fn memory_does_not_change_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let log = file(&folder, "long.log", long_log());
    for (detail, vantage) in [
        (Detail::Exact, VantageChoice::All),
        (Detail::Control, VantageChoice::Auto),
    ] {
        let with = |memory: u64| {
            let output = folder.path().join(format!("{memory}.pcapng"));
            let request = Request::new(vec![log.clone()])
                .memory(memory)
                .temp_dir(temporary.path().to_owned());
            let mut request = Convert::new(request, output);
            request.detail = detail.into();
            request.vantage = vantage.clone();
            let summary = pipeline::convert(&request, &Meter::default()).unwrap();
            (fs::read(request.output).unwrap(), summary.spilled_bytes)
        };
        let (bytes, spilled) = with(u64::MAX);
        assert_eq!(spilled, 0);
        for memory in [1 << 20, 0] {
            let (same, spilled) = with(memory);
            assert!(spilled > 100_000, "{detail:?} in {memory}: {spilled}");
            assert!(bytes == same, "{detail:?} in {memory}");
        }
    }
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

/// A log in which all connections begin in the same two seconds, as two ENIs log them.
fn crowded_log() -> String {
    let columns = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags";
    let mut log = format!("{columns}\n");
    for i in 0..1_500_u32 {
        let (a, b, start_s) = (i >> 8, i & 255, 1_600_000_000 + i / 1_000);
        for eni in ["eni-a", "eni-b"] {
            let line = format!(
                "{eni} 10.0.{a}.{b} 10.1.0.2 {} 443 6 20 2000 {start_s} {} ACCEPT 3\n",
                i + 1_000,
                start_s + 59
            );
            log.push_str(&line);
        }
    }
    log
}

/// All that a conversion leaves in a folder of its own, by name, and how much it put on the disk.
fn outputs(
    log: &Path,
    name: &str,
    split: Option<Split>,
    memory: u64,
) -> (Vec<(String, Vec<u8>)>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let request = Request::new(vec![log.to_owned()])
        .memory(memory)
        .temp_dir(temporary.path().to_owned());
    let mut request = Convert::new(request, folder.path().join(name));
    request.split = split;
    request.vantage = VantageChoice::All;
    request.detail = Detail::Exact.into();
    let summary = pipeline::convert(&request, &Meter::default()).unwrap();
    let names = names_in(folder.path()).into_iter();
    let files = names.map(|name| {
        let bytes = fs::read(folder.path().join(&name)).unwrap();
        (name, bytes)
    });
    (files.collect(), summary.spilled_bytes)
}

#[test]
fn memory_changes_no_format_and_no_part() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(&folder, "crowded.log", crowded_log());
    for (name, split) in [
        ("out.pcapng", None),
        ("out.pcap", None),
        ("out.pcapng.gz", None),
        ("out.pcapng.zst", Some(Split::Eni)),
        ("out.pcapng", Some(Split::Hour)),
        ("out.pcapng", Some(Split::Size(1 << 20))),
        ("out.pcapng", Some(Split::Connections(400))),
    ] {
        let (roomy, spilled) = outputs(&log, name, split, u64::MAX);
        assert_eq!(spilled, 0);
        // Many more runs than are merged at once, and one or two.
        for memory in [0, 64 << 20] {
            let (cramped, spilled) = outputs(&log, name, split, memory);
            assert!(spilled > 1 << 20, "{name} {split:?} in {memory}: {spilled}");
            assert!(roomy == cramped, "{name} {split:?} in {memory}");
        }
    }
}

#[test]
fn threads_do_not_change_the_summary() {
    let bytes = ["1", "2", "5"].map(|threads| {
        let converted = convert(&[testdata("broken.log")], &["--threads", threads]);
        let mut summary = converted.summary().clone();
        summary["elapsed_ms"] = 0.into();
        summary["output"]["path"] = "".into();
        summary
    });
    assert_eq!(bytes[0], bytes[1]);
    assert_eq!(bytes[0], bytes[2]);
}

#[test]
fn order_of_inputs_does_not_change_the_capture() {
    let mut files = flow_log::files_below(&testdata("incident"));
    files.push(testdata("v5_all_fields.log"));
    files.push(testdata("v2_default.log"));
    let expected = convert(&files, &[]).bytes();
    files.reverse();
    assert!(convert(&files, &[]).bytes() == expected, "reversed");
    files.rotate_left(3);
    assert!(convert(&files, &[]).bytes() == expected, "rotated");
}

#[test]
fn files_named_twice_count_once() {
    let once = [testdata("v2_default.log")];
    let twice = [testdata("v2_default.log"), testdata("v2_default.log")];
    assert!(convert(&once, &[]).bytes() == convert(&twice, &[]).bytes());
}

#[test]
fn copies_of_a_file_are_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read(testdata("v5_all_fields.log")).unwrap();
    let copies = ["a.log", "b.log"].map(|name| file(&folder, name, &text));
    let options = ["--comments", "none"];
    let (one, two) = (convert(&copies[..1], &options), convert(&copies, &options));
    assert!(one.bytes() == two.bytes());
    assert_eq!(two.count("/records/duplicates"), 19);
    two.assert_lines_add_up();
}

#[test]
fn folder_is_its_files() {
    let folder = testdata("incident");
    let files = flow_log::files_below(&folder);
    let options = ["--comments", "none"];
    let expected = convert(&[&folder], &options).bytes();
    assert!(convert(&files, &options).bytes() == expected);
}

#[test]
fn wrapping_does_not_change_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        fs::read(testdata("v5_all_fields.log")).unwrap(),
        fs::read(testdata("v2_headerless.log")).unwrap(),
        long_log().into_bytes(),
    ] {
        let middle = text.len() / 2;
        let members = [gzip(&text[..middle]), gzip(b""), gzip(&text[middle..])].concat();
        let wrapped = [
            file(&folder, "plain.log", &text),
            file(&folder, "one.log.gz", gzip(&text)),
            file(&folder, "many.log.gz", members),
            file(
                &folder,
                "zstd.log.zst",
                zstd::encode_all(&*text, 1).unwrap(),
            ),
            file(&folder, "named_wrong.log", gzip(&text)),
        ];
        let captures = wrapped.map(|path| convert(&[path], &["--comments", "none"]).bytes());
        for capture in &captures[1..] {
            assert!(*capture == captures[0]);
        }
    }
}

#[test]
fn standard_input_is_a_file() {
    let text = fs::read(testdata("v5_all_fields.log")).unwrap();
    let expected = convert(&[testdata("v5_all_fields.log")], &["--comments", "none"]).bytes();
    for text in [gzip(&text), text] {
        let arguments = ["convert", "-", "-o", "-", "--comments", "none", "--quiet"];
        let run = run(flow2pcap().args(arguments).write_stdin(text));
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout == expected);
    }
}

#[test]
fn threads_memory_and_order_do_not_change_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    let log = long_log();
    let (first, second) = log.split_at(log.len() / 2);
    let (first, end) = first.rsplit_once('\n').unwrap();
    let header = log.lines().next().unwrap();
    let a = file(&folder, "a.log", first);
    let b = file(&folder, "b.log", format!("{header}\n{end}{second}"));
    let contents = |inputs: [&PathBuf; 2], by: &str, options: &[&str]| {
        let options = [options, &["--split", by]].concat();
        let converted = convert_to("out.pcapng.zst", &inputs, &options);
        let parts = parts_of(converted.path()).into_iter().map(|part| {
            let name = part.file_name().unwrap().to_owned();
            (name, fs::read(part).unwrap())
        });
        parts.collect::<Vec<_>>()
    };
    for by in ["eni", "hour", "size=1mb", "connections=500"] {
        let parts = contents([&a, &b], by, &["--threads", "1"]);
        assert!(parts.len() > 2, "{by}");
        let others = contents([&b, &a], by, &["--threads", "5", "--memory", "16MiB"]);
        assert!(parts == others, "{by}");
    }
}
