//! What a person reads: nothing from outside commands a terminal, hides, or forges a line.

use std::fs;

use proptest::prelude::*;
use testkit::checks::printing::{check, printed, visible};

use crate::support::{Run, convert_to, file, flow2pcap, run};

/// One of each kind of character that does more than show, with some that mean something to HTML,
/// JSON, CSV, a shell or a spreadsheet.
const HOSTILE: [&str; 40] = [
    "\0",
    "\u{7}",
    "\u{8}",
    "\t",
    "\n",
    "\r",
    "\x1b[31m",
    "\x1b]0;pwn\u{7}",
    "\u{7f}",
    "\u{85}",
    "\u{9b}2J",
    "\u{a0}",
    "\u{ad}",
    "\u{34f}",
    "\u{61c}",
    "\u{115f}",
    "\u{180e}",
    "\u{200b}",
    "\u{200d}",
    "\u{200f}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{2060}",
    "\u{2066}",
    "\u{2800}",
    "\u{3164}",
    "\u{fe0f}",
    "\u{feff}",
    "\u{fff9}",
    "\u{fffe}",
    "\u{e0041}",
    "\u{e0100}",
    "\u{1d173}",
    "=cmd|x",
    "\"'\\",
    "<script>",
    "$(id)`id`",
    ";=1",
    "other",
];

/// A value that holds some of them among letters.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(&HOSTILE[..]).prop_map(str::to_owned),
        "[a-z0-9=@+-]{1,3}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_subcommand_prints_text_that_can_be_seen(
        values in prop::collection::vec(hostile(), 1..30),
        name in hostile(),
        argument in hostile(),
        kind in 0..4_u8,
    ) {
        let line = |text: &str| text.replace('\n', "\u{b}");
        let values: Vec<String> = values.iter().map(|value| line(value)).collect();
        for choice in 0..16 {
            let head = format!("{}\n{}\n", line(&name), line(&argument));
            printed(&[&[choice, kind], head.as_bytes(), values.join("\n").as_bytes()].concat());
        }
    }
}

/// Columns of a record in text, in the order of [`record`].
pub(crate) const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
                      bytes start end action log-status tcp-flags\n";

/// A record of that ENI, a connection of its own for each port.
pub(crate) fn record(eni: &str, port: u16) -> String {
    format!("5 1 {eni} 10.0.0.9 10.0.0.5 {port} 5432 6 1 60 1700000000 1700000005 ACCEPT OK 2\n")
}

pub(crate) fn stdout(run: &Run) -> &str {
    std::str::from_utf8(&run.stdout).unwrap()
}

pub(crate) fn lines(run: &Run) -> Vec<String> {
    let text = format!("{}{}", stdout(run), run.stderr);
    visible(&text);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn names_of_files_forge_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let forged = "a\n             9 read in part: \u{1b}[31mforged";
    let text = format!("{HEADER}{}nonsense\n", record("eni-1", 1));
    let input = file(&folder, forged, text);
    let out = folder.path().join("b\nout.pcapng");
    for arguments in [
        vec!["convert", "-o", out.to_str().unwrap()],
        vec!["inspect"],
        vec!["diagnose"],
    ] {
        let ran = run(flow2pcap().args(&arguments).arg(&input));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let lines = lines(&ran);
        // One line of a reason, and one for its example.
        let found = lines.iter().filter(|line| line.contains("forged"));
        assert!(found.count() <= 1, "{lines:#?}");
        assert!(
            lines
                .iter()
                .all(|line| !line.trim_start().starts_with("9 read")),
            "{lines:#?}"
        );
    }
}

#[test]
fn members_of_archives_and_folders_are_named_in_sight() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "dir\u{202e}/x\u{1b}[2J\n.log";
    let mut tar = tar::Builder::new(Vec::new());
    let text = format!("{HEADER}{}broken line\n", record("eni-1", 1));
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    tar.append_data(&mut header, bad, text.as_bytes()).unwrap();
    file(
        &folder,
        "in/\u{9b}2J/a\u{200b}.tar",
        tar.into_inner().unwrap(),
    );
    for subcommand in ["inspect", "diagnose"] {
        let ran = run(flow2pcap().arg(subcommand).arg(folder.path().join("in")));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(lines(&ran).iter().any(|line| line.contains("skipped")));
    }
}

#[test]
fn errors_repeat_what_was_typed_in_sight() {
    let bad = "no\u{1b}[31m\nsuch\u{202e}";
    for arguments in [
        vec!["inspect", bad],
        vec!["convert", bad, "-o", "out.pcapng"],
        vec!["convert", "-", "-o", bad],
        vec![bad],
        vec!["inspect", "-", "--filter", bad],
        vec!["inspect", "-", "--eni", "a b\u{1b}"],
        vec!["inspect", "-", "--format", bad],
        vec!["inspect", "-", &format!("--{bad}")],
        vec!["inspect", "-", "--from", bad],
        vec!["metrics", "-", "--by", bad],
        vec!["metrics", "-", "--every", bad],
        vec!["setup", bad, "--destination", "s3://logs"],
        vec!["setup", "vpc-0c5e8a7d2b914f630", "--destination", bad],
        vec!["report", "-", "-o", "/"],
        vec!["diagnose", "-", "--temp-dir", bad],
    ] {
        let ran = run(flow2pcap().args(&arguments));
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(
            lines(&ran).iter().all(|line| !line.starts_with("such")),
            "{}",
            ran.stderr
        );
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_are_told_apart() {
    use std::os::unix::ffi::OsStrExt as _;

    let name = std::ffi::OsStr::from_bytes(b"no\xff\x1bsuch.log");
    let ran = run(flow2pcap().arg("inspect").arg(name));
    assert!(
        ran.stderr.contains("no\\xff\\u{1b}such.log"),
        "{}",
        ran.stderr
    );
}

#[test]
fn name_of_any_length_is_cut_for_a_person_and_whole_for_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let long = "e".repeat(70_000);
    let input = file(&folder, "in.log", format!("{HEADER}{}", record(&long, 1)));
    let ran = |arguments: &[&str]| {
        let ran = run(flow2pcap().args(arguments).arg(&input));
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        stdout(&ran).to_owned()
    };
    for arguments in [
        &["inspect"][..],
        &["diagnose"],
        &["metrics", "--by", "eni", "--format", "table"],
    ] {
        let text = ran(arguments);
        assert!(text.lines().all(|line| line.len() < 1_000), "{arguments:?}");
    }
    assert!(ran(&["metrics", "--by", "eni", "--format", "csv"]).contains(&long));
    assert!(ran(&["metrics", "--by", "eni", "--format", "json"]).contains(&long));
    assert!(ran(&["inspect", "--json"]).contains(&long));
}

#[test]
fn index_of_parts_holds_no_formula() {
    let folder = tempfile::tempdir().unwrap();
    let input = file(&folder, "in.log", format!("{HEADER}{}", record("eni-1", 1)));
    let out = folder.path().join("=1+1.pcapng");
    let mut command = flow2pcap();
    command
        .args(["convert", "--split", "hour", "-o"])
        .arg(&out)
        .arg(input);
    assert!(command.output().unwrap().status.success());
    let index = fs::read_to_string(folder.path().join("=1+1.csv")).unwrap();
    assert!(
        index.lines().nth(1).unwrap().starts_with("'=1+1-"),
        "{index}"
    );
}

#[test]
fn interfaces_and_comments_of_a_capture_are_in_sight() {
    let folder = tempfile::tempdir().unwrap();
    let name = "eni\u{202e}\u{1b}[2J";
    let input = file(&folder, "in.log", format!("{HEADER}{}", record(name, 1)));
    let capture = convert_to("out.pcapng", &[input], &[]).capture();
    assert_eq!(capture.interfaces[0].name, "eni\\u{202e}\\u{1b}[2J");
    assert_eq!(
        capture.packets[0].word("eni"),
        Some("eni\\u{202e}\\u{1b}[2J")
    );
}

#[test]
fn what_a_record_says_is_checked_in_every_column() {
    // Each subcommand once, with a value that has everything.
    let value = HOSTILE.concat().replace(['\n', ' '], "");
    for choice in 0..16 {
        check(choice, b"in.log", &value, value.as_bytes());
        for kind in 1..4 {
            let input = format!("in.log\n{value}\n{value}");
            printed(&[&[choice, kind], input.as_bytes()].concat());
        }
    }
}

#[test]
fn what_is_called_like_the_rest_stays_apart_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let records: String = [
        "other",
        "other",
        "other",
        "eni-1",
        "eni-1",
        "eni-2",
        "\"other\"",
        "a\x1bb",
    ]
    .iter()
    .zip(1..)
    .map(|(eni, port)| record(eni, port))
    .collect();
    let input = file(&folder, "in.log", format!("{HEADER}{records}"));
    let metrics = |form: &str| {
        let arguments = ["metrics", "--by", "eni", "--top", "2", "--format", form];
        let ran = run(flow2pcap().args(arguments).arg(&input));
        stdout(&ran).to_owned()
    };
    let families = crate::support::exposition::read(&metrics("openmetrics"));
    let samples = families[0].samples.iter();
    let told: Vec<_> = samples
        .map(|sample| (&*sample.labels["eni"], sample.value))
        .collect();
    assert_eq!(told, [("\"other\"", 3.0), ("eni-1", 2.0), ("other", 3.0)]);
    let csv = metrics("csv");
    for row in ["packets,\"\"\"other\"\"\",3\n", "packets,other,3\n"] {
        assert_eq!(csv.matches(row).count(), 1, "{csv}");
    }
    let json: serde_json::Value = serde_json::from_str(&metrics("json")).unwrap();
    let series = json["tables"][0]["series"].as_array().unwrap();
    let told = series.iter().map(|one| {
        (
            one["labels"]["eni"].as_str().unwrap(),
            one["other"].as_bool().unwrap(),
        )
    });
    assert_eq!(
        Vec::from_iter(told),
        [("\"other\"", false), ("eni-1", false), ("other", true)]
    );
}
