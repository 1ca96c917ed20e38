//! What must hold of every text that the command line prints, whatever was read and typed.
//!
//! The whole command line runs in this process (`flow2pcap::cli`), since what matters is what comes
//! out of the streams: a check of each writer by itself would miss the one that somebody forgets.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use flow2pcap::cli::{Streams, run};

use crate::pcapng;

/// Columns whose values are text. All of them take the values of an input in turn.
const TEXTS: [&str; 22] = [
    "interface-id",
    "account-id",
    "vpc-id",
    "subnet-id",
    "instance-id",
    "region",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "reject-reason",
    "traffic-path",
    "ecs-cluster-name",
    "ecs-cluster-arn",
    "ecs-task-id",
    "ecs-service-name",
    "interface-type",
    "resource-type",
    "tgw-id",
    "tgw-attachment-id",
    "type",
];

/// Runs one subcommand on one input and looks at what it prints.
///
/// The first byte chooses the subcommand, the second how the input is made. The next line is the
/// name of the file, the one after it an argument, and the rest a text, or values of columns.
pub fn printed(bytes: &[u8]) {
    let [choice, kind, rest @ ..] = bytes else {
        return;
    };
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (name, argument, values) = (line(), line(), line());
    let text = match kind % 4 {
        0 => values.to_vec(),
        1 => as_json(values),
        2 => as_lines(values, "SKIPDATA"),
        _ => as_lines(values, "OK"),
    };
    check(*choice, name, &String::from_utf8_lossy(argument), &text);
}

/// Runs the subcommand that `choice` stands for on a file of that name.
///
/// # Panics
/// A text that it prints has something in it that a reader cannot see, or is not what it should be.
pub fn check(choice: u8, name: &[u8], argument: &str, text: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join(file_name(name));
    fs::write(&input, text).expect("room for a log");
    let ran = Ran::of(choice, &input, folder.path(), argument);
    for text in [&ran.out, &ran.err] {
        visible(text);
    }
    let is_json = ran
        .words
        .iter()
        .any(|word| word == "--json" || word == "json");
    if is_json && !ran.out.is_empty() {
        serde_json::from_str::<serde_json::Value>(&ran.out).expect("JSON");
    }
    if ran.words.iter().any(|word| word == "cloudwatch") {
        for line in ran.out.lines() {
            serde_json::from_str::<serde_json::Value>(line).expect("a request a line");
        }
    }
    if ran.words.iter().any(|word| word == "openmetrics") {
        told_once(&ran.out);
    }
    if ran.words.iter().any(|word| word == "csv") {
        rows(&ran.out);
    }
    let page = folder.path().join("out.html");
    if page.exists() {
        visible(&fs::read_to_string(page).expect("a page is UTF-8"));
    }
    let capture = folder.path().join("out.pcapng");
    if capture.exists() {
        let capture = pcapng::read(&fs::read(capture).expect("what was just written"));
        let comments = capture.packets.iter().flat_map(|packet| &packet.comments);
        let interfaces = capture.interfaces.iter();
        let named = interfaces.flat_map(|interface| [&interface.name, &interface.description]);
        comments.chain(named).for_each(|text| {
            assert!(!text.contains('\n'));
            visible(text);
        });
    }
}

/// A run of the command line: what was typed and what came out.
struct Ran {
    words: Vec<String>,
    out: String,
    err: String,
}

impl Ran {
    fn of(choice: u8, input: &Path, folder: &Path, argument: &str) -> Self {
        let capture = folder.join("out.pcapng");
        let page = folder.join("out.html");
        let [capture, page] = [&capture, &page].map(|path| path.to_str().expect("UTF-8"));
        let metrics = |form| vec!["metrics", "--by", "eni,vpc,subnet", "--format", form];
        let words = match choice % 16 {
            0 => vec!["convert", "-o", capture],
            1 => vec!["convert", "--json", "-o", capture, "--comments", "all"],
            2 => vec!["convert", "--max-packets", "1", "-o", capture],
            3 => vec!["inspect"],
            4 => vec!["inspect", "--json"],
            5 => vec!["diagnose"],
            6 => vec!["diagnose", "--json"],
            7 => metrics("table"),
            8 => metrics("csv"),
            9 => metrics("json"),
            10 => [&metrics("openmetrics")[..], &["--top", "1"]].concat(),
            11 => metrics("cloudwatch"),
            12 => vec!["report", "-o", page],
            13 => vec!["inspect", "--filter", argument],
            14 => vec![
                "convert",
                "-o",
                capture,
                "--vantage",
                argument,
                "--eni",
                argument,
            ],
            _ => vec!["setup", "vpc-0c5e8a7d2b914f630", "--destination", argument],
        };
        let mut typed: Vec<OsString> = words.iter().map(OsString::from).collect();
        typed.insert(0, "flow2pcap".into());
        if words[0] != "setup" {
            typed.extend(["--threads".into(), "1".into(), input.into()]);
        }
        let (mut out, mut err) = (Vec::new(), Vec::new());
        // The status says nothing: most of what is typed here is refused.
        let _ = run(typed, &mut Streams::to(&mut out, &mut err));
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            words: words.into_iter().map(str::to_owned).collect(),
            out: text(out),
            err: text(err),
        }
    }
}

/// Asserts that a reader sees every character, and that a terminal only draws them.
///
/// Written from Unicode's list of what has no shape of its own, and not with the library's own idea
/// of it.
pub fn visible(text: &str) {
    let hidden = |c: char| {
        matches!(c,
            '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' // controls
            | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
    };
    if let Some(found) = text.chars().find(|c| hidden(*c)) {
        panic!("{} in {text:?}", found.escape_unicode());
    }
}

/// Asserts that no series has two values at one time.
fn told_once(exposition: &str) {
    let mut seen = HashSet::new();
    for line in exposition.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.rsplitn(3, ' ');
        let at = words.next();
        let series = words.nth(1).expect("a series, its value and its time");
        assert!(seen.insert((series, at)), "{line} stands twice");
    }
}

/// Asserts that every row has the cells of the first, and that none is a formula.
fn rows(csv: &str) {
    let mut reader = csv::ReaderBuilder::new().from_reader(csv.as_bytes());
    for row in reader.records() {
        let row = row.expect("as many cells in each row");
        for cell in row.iter().flat_map(|cell| cell.split(';')) {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{cell}"
            );
        }
    }
}

/// A name that a file may have.
#[cfg(unix)]
fn file_name(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;

    let bytes = bytes.iter().filter(|byte| !b"/\0".contains(byte));
    let name: Vec<u8> = bytes.copied().take(100).collect();
    let is_taken = ["", ".", "..", "out.pcapng", "out.html"].map(str::as_bytes);
    if is_taken.contains(&&name[..]) {
        return "in.log".into();
    }
    OsString::from_vec(name).into()
}

#[cfg(not(unix))]
fn file_name(_: &[u8]) -> PathBuf {
    "in.log".into()
}

/// Records as JSON, whose texts are these values, with the last of them for a key too.
fn as_json(values: &[u8]) -> Vec<u8> {
    let values: Vec<_> = values.split(|byte| *byte == b'\n').take(32).collect();
    let mut turn = values
        .iter()
        .map(|value| String::from_utf8_lossy(value))
        .cycle();
    let mut text = Vec::new();
    for port in 0..4_u16 {
        let mut record = serde_json::json!({
            "version": 5, "srcaddr": "10.0.0.9", "dstaddr": "10.0.0.5", "srcport": 2000 + port,
            "dstport": 5432, "protocol": 6, "packets": 2, "bytes": 120, "start": 1_700_000_000,
            "end": 1_700_000_005, "action": "REJECT", "log-status": "OK", "tcp-flags": 2,
        });
        for column in TEXTS {
            record[column] = turn.next().unwrap_or_default().into();
        }
        let key = turn.next().unwrap_or_default();
        record[&*key] = "x".into();
        text.extend_from_slice(record.to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

/// Records as text, with the bytes of these values that a column may have.
fn as_lines(values: &[u8], status: &str) -> Vec<u8> {
    let word = |value: &[u8]| -> Vec<u8> {
        let bytes = value
            .iter()
            .filter(|byte| !b" \t\r\n\x0b\x0c".contains(byte));
        let word: Vec<u8> = bytes.copied().collect();
        if word.is_empty() { b"-".to_vec() } else { word }
    };
    let words: BTreeSet<_> = values
        .split(|byte| *byte == b'\n')
        .take(32)
        .map(word)
        .collect();
    let mut turn = words.iter().cycle();
    let numbers = "srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags \
                   flow-direction log-status";
    let mut text = format!("{} {numbers}\n", TEXTS.join(" ")).into_bytes();
    for port in 0..8_u16 {
        for _ in TEXTS {
            text.extend_from_slice(turn.next().map_or(b"-", |word| &word[..]));
            text.push(b' ');
        }
        let (port, action) = (2000 + port / 2, ["ACCEPT", "REJECT"][usize::from(port % 2)]);
        let record = if status == "OK" {
            format!(
                "10.0.0.9 10.0.0.5 {port} 5432 6 2 120 1700000000 1700000005 {action} 2 ingress OK\n"
            )
        } else {
            format!("- - - - - - - 1700000000 1700000005 - - - {status}\n")
        };
        text.extend_from_slice(record.as_bytes());
    }
    text
}
