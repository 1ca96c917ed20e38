//! The command line from outside: exit status, streams, help, and what is left
//! behind when a run fails.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use testkit::pcapng;

use crate::support::tshark::tshark;
use crate::support::{
    Run, assert_one_error, convert, convert_to, file, flow2pcap, names_in, run, testdata,
};

/// Runs `convert` with these arguments behind it.
fn convert_with(arguments: &[&str]) -> Run {
    run(flow2pcap().arg("convert").args(arguments))
}

fn path(name: &str) -> String {
    testdata(name).to_str().unwrap().to_owned()
}

#[test]
fn status_is_0_when_done_and_1_if_strict_finds_faults() {
    let out = tempfile::tempdir().unwrap();
    let output = out.path().join("out.pcapng");
    let output = output.to_str().unwrap();
    let (sound, broken) = (path("v2_default.log"), path("broken.log"));
    assert_eq!(convert_with(&[&sound, "-o", output]).code, 0);
    assert_eq!(convert_with(&[&sound, "-o", output, "--strict"]).code, 0);
    assert_eq!(convert_with(&[&broken, "-o", output]).code, 0);
    assert_eq!(convert_with(&[&broken, "-o", output, "--strict"]).code, 1);
    // What strict finds fault with is written all the same.
    assert_eq!(pcapng::read(&fs::read(output).unwrap()).packets.len(), 4);
}

#[test]
fn status_is_1_if_strict_finds_a_file_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let incident = testkit::flow_log::files_below(&testdata("incident"));
    let whole = fs::read(&incident[0]).unwrap();
    let cut = file(&folder, "cut.log.gz", &whole[..whole.len() / 2]);
    let converted = convert(&[&cut], &[]);
    assert_eq!(converted.count("/input/damaged/damaged/count"), 1);
    let strict = [cut.to_str().unwrap(), "-o", "-", "--strict", "--quiet"];
    assert_eq!(convert_with(&strict).code, 1);
}

#[test]
fn status_is_2_and_nothing_is_left_when_failing() {
    let folder = tempfile::tempdir().unwrap();
    let sound = path("v2_default.log");
    let unknown = path("not_a_flow_log/unknown_layout.log");
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (out, nowhere) = (at("out.pcapng"), at("missing/out.pcapng"));
    for arguments in [
        vec![],
        vec![&*sound],
        vec!["-o", &out],
        vec!["no/such/file.log", "-o", &out],
        vec![&*sound, "no/such/file.log", "-o", &out],
        vec![&*unknown, "-o", &out],
        vec![&*sound, &*unknown, "-o", &out],
        vec![&*sound, "-o", &nowhere],
        vec![&*sound, "-o", folder.path().to_str().unwrap()],
        vec![&*sound, "-o", &out, "--detail", "most"],
        vec![&*sound, "-o", &out, "--max-per-record", "0"],
        vec![&*sound, "-o", &out, "--threads", "0"],
        vec![&*sound, "-o", &out, "--format", "srcaddr srcaddr"],
        vec![&*sound, "-o", &out, "--format", "sorceaddr dstaddr"],
        vec![&*sound, "-o", &out, "--vantage", "eni-0123"],
        vec![&*sound, "-o", "-", "--json"],
        vec!["s3://bucket/AWSLogs", "-o", &out],
    ] {
        let run = convert_with(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.trim().is_empty(), "{arguments:?}");
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        assert!(run.stdout.is_empty(), "{arguments:?}");
        assert_eq!(names_in(folder.path()), [""; 0], "{arguments:?}");
    }
}

#[test]
fn failures_name_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    let out = out.to_str().unwrap();
    let sound = path("v2_default.log");
    let said = |more: &[&str]| convert_with(&[&["-o", out], more].concat()).stderr;
    assert!(said(&["no/such.log"]).contains("no/such.log"));
    assert!(said(&["s3://bucket/x"]).contains("aws s3 sync"));
    assert!(said(&[&sound, "--vantage", "eni-0123"]).contains("eni-0f6a2b9c4d1e83570"));
    assert!(said(&[&sound, "--format", "sorceaddr dstaddr"]).contains("srcaddr"));
}

#[test]
fn help_teaches_with_examples() {
    let short = run(flow2pcap().arg("--help"));
    assert_eq!(short.code, 0);
    assert!(String::from_utf8(short.stdout).unwrap().contains("convert"));
    let long = run(flow2pcap().args(["convert", "--help"]));
    let text = String::from_utf8(long.stdout).unwrap();
    assert_eq!(long.code, 0);
    for part in [
        "Examples:",
        "--detail",
        "--vantage",
        "Exit status",
        "--format '",
    ] {
        assert!(text.contains(part), "{part} is not in the help");
    }
    let version = run(flow2pcap().arg("--version"));
    let text = String::from_utf8(version.stdout).unwrap();
    assert_eq!(
        text.trim(),
        concat!("flow2pcap ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn nothing_typed_shows_help() {
    let run = run(&mut flow2pcap());
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("Usage:"));
}

#[test]
fn json_is_all_of_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    let sound = path("v2_default.log");
    let out = out.to_str().unwrap();
    let with = convert_with(&[&sound, "-o", out, "--json"]);
    let summary: serde_json::Value = serde_json::from_slice(&with.stdout).unwrap();
    assert_eq!(summary["packets"]["logged"], 161);
    assert_eq!(
        summary["output"]["file_bytes"],
        fs::metadata(out).unwrap().len()
    );
    let without = convert_with(&[&sound, "-o", out]);
    assert!(without.stdout.is_empty());
    assert!(without.stderr.contains("packets"));
}

#[test]
fn quiet_is_silent_but_for_failures() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    let out = out.to_str().unwrap();
    let run = convert_with(&[&path("broken.log"), "-o", out, "--quiet"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.is_empty());
    let run = convert_with(&["no/such.log", "-o", out, "--quiet"]);
    assert!(run.code == 2 && !run.stderr.is_empty());
}

#[test]
fn dash_streams_the_same_bytes_to_stdout() {
    let sound = path("v5_all_fields.log");
    let run = convert_with(&[&sound, "-o", "-"]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("packets"), "the summary is on stderr");
    assert!(run.stdout == convert(&[sound], &[]).bytes());
}

#[test]
fn stream_opens_in_tshark() {
    let Some(_) = tshark() else { return };
    let mut writer = Command::new(env!("CARGO_BIN_EXE_flow2pcap"))
        .args(["convert", &path("v5_all_fields.log"), "-o", "-", "--quiet"])
        .args(["--detail", "exact"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let reader = Command::new("tshark")
        .args(["-n", "-r", "-", "-T", "fields", "-e", "frame.number"])
        .stdin(writer.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(writer.wait().unwrap().success());
    assert_eq!(reader.stdout.iter().filter(|o| **o == b'\n').count(), 132);
}

#[test]
fn endings_choose_format_and_compression() {
    let input = [testdata("incident")];
    let plain = convert(&input, &[]).bytes();
    let inflated = |name: &str| convert_to(name, &input, &[]).bytes();
    let mut text = Vec::new();
    let packed = inflated("out.pcapng.gz");
    let mut decoder = flate2::read::MultiGzDecoder::new(&*packed);
    decoder.read_to_end(&mut text).unwrap();
    assert!(text == plain, "gzip");
    assert!(
        zstd::decode_all(&*inflated("out.pcapng.zst")).unwrap() == plain,
        "zstd"
    );
    // The magic number of classic pcap with nanoseconds.
    assert_eq!(inflated("out.pcap")[..4], 0xa1b2_3c4d_u32.to_le_bytes());
}

#[test]
fn every_ending_has_the_same_frames_in_tshark() {
    let Some(tshark) = tshark() else { return };
    let input = [testdata("incident")];
    let fields = [
        "frame.time_epoch",
        "frame.len",
        "ip.id",
        "tcp.seq_raw",
        "tcp.flags",
    ];
    let listing = |name: &str| {
        let converted = convert_to(name, &input, &["--detail", "exact"]);
        tshark.fields(converted.path(), "", &fields)
    };
    let expected = listing("out.pcapng");
    assert_eq!(expected.len(), 316);
    for name in ["out.pcapng.gz", "out.pcapng.zst", "out.pcap", "out.pcap.gz"] {
        assert!(listing(name) == expected, "{name}");
    }
}

#[test]
fn output_over_an_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read(testdata("v2_default.log")).unwrap();
    let log = file(&folder, "flows.pcapng", &text);
    let log = log.to_str().unwrap();
    let run = convert_with(&[log, "-o", log]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("also an input"), "{}", run.stderr);
    assert_eq!(fs::read(log).unwrap(), text);
    assert_eq!(names_in(folder.path()), ["flows.pcapng"]);
}

#[test]
fn failing_leaves_an_earlier_capture_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = file(&folder, "out.pcapng", "of last week");
    let unknown = path("not_a_flow_log/unknown_layout.log");
    let run = convert_with(&[&unknown, "-o", out.to_str().unwrap()]);
    assert_eq!(run.code, 2);
    assert_eq!(fs::read(&out).unwrap(), b"of last week");
    assert_eq!(names_in(folder.path()), ["out.pcapng"]);
}

#[test]
fn done_replaces_an_earlier_capture() {
    let folder = tempfile::tempdir().unwrap();
    let out = file(&folder, "out.pcapng", "of last week");
    let sound = path("v2_default.log");
    assert_eq!(convert_with(&[&sound, "-o", out.to_str().unwrap()]).code, 0);
    assert!(fs::read(&out).unwrap() == convert(&[sound], &[]).bytes());
    assert_eq!(names_in(folder.path()), ["out.pcapng"]);
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_one_clear_error() {
    let run = convert_with(&[&path("v2_default.log"), "-o", "/dev/full", "--quiet"]);
    assert_eq!(run.code, 2);
    assert_one_error(&run.stderr);
    assert!(run.stderr.contains("/dev/full"), "{}", run.stderr);
    assert!(run.stderr.contains("space"), "{}", run.stderr);
}

#[test]
fn reader_that_has_seen_enough_is_no_failure() {
    let mut writer = Command::new(env!("CARGO_BIN_EXE_flow2pcap"))
        .args(["convert", &path("incident"), "-o", "-", "--detail", "exact"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(writer.stdout.take());
    let output = writer.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}
