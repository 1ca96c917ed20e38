//! Clocks, counters and crowds at the end of what they can be: converted, or refused with what helps.
//!
//! `FLOW2PCAP_CROWD` is how many records a crowd has; what takes more memory than the test of a
//! few lets it take is converted in pieces, or refused, for the same reasons as a crowd of millions.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Converted, convert, flow2pcap, names_in, run};
use tempfile::TempDir;
use testkit::flow_log;
use testkit::pcapng::packet;

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
                      packets bytes start end action log-status tcp-flags\n";

/// How many records a crowd has.
fn crowd() -> usize {
    std::env::var("FLOW2PCAP_CROWD").map_or(40_000, |crowd| crowd.parse().unwrap())
}

/// A log of these lines, in a folder.
fn log(folder: &TempDir, lines: impl Iterator<Item = String>) -> PathBuf {
    let path = folder.path().join("in.log");
    let mut text = HEADER.to_owned();
    lines.for_each(|line| writeln!(text, "{line}").unwrap());
    fs::write(&path, text).unwrap();
    path
}

/// Asserts that the packets add up to the records of the log. Neither is printed: a crowd is large.
#[track_caller]
fn assert_sums(converted: &Converted, log: &Path) {
    let expected = flow_log::sums(&flow_log::records(&flow_log::text(log)));
    assert!(packet::sums(&converted.capture()) == expected);
}

/// One record of a connection from that port, with these packets, bytes, start and end.
fn record(port: u16, counted: &str) -> String {
    let [packets, bytes, start, end]: [&str; 4] =
        counted.split(' ').collect::<Vec<_>>().try_into().unwrap();
    format!(
        "2 111122223333 eni-1 10.0.0.1 10.0.0.2 {port} 443 6 {packets} {bytes} {start} {end} ACCEPT OK 2"
    )
}

#[test]
fn times_from_1970_to_2262_are_told_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    // The last day that nanoseconds in 64 bits reach is not told, since packets take time.
    let starts = ["0", "1773454500", "4102444800", "9223285636"];
    let told = (1_u16..).zip(starts);
    let lines = told.map(|(port, start)| record(port, &format!("2 120 {start} {start}")));
    let beyond = [
        record(9, "2 120 9223372036 9223372036"),
        record(10, "2 120 18446744073709551615 18446744073709551615"),
    ];
    let path = log(&folder, lines.chain(beyond));
    let converted = convert(&[&path], &[]);
    converted.assert_lines_add_up();
    assert_eq!(
        (converted.count("/records/used"), converted.skipped()),
        (4, 2)
    );
    let capture = converted.capture();
    let found = capture
        .packets
        .iter()
        .map(|packet| packet.time_ns / 1_000_000_000);
    let mut seconds: Vec<String> = found.map(|second| second.to_string()).collect();
    seconds.dedup();
    assert_eq!(seconds, starts);
    let span = [0, 9_223_285_636_000_000_000_i64];
    assert_eq!(converted.summary()["span_ns"], serde_json::json!(span));
}

#[test]
fn interval_that_ends_before_it_starts_is_put_right_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(
        &folder,
        [record(1, "2 120 1773454560 1773454500")].into_iter(),
    );
    let converted = convert(&[&path], &[]);
    assert_eq!(converted.count("/packets/written"), 2);
    assert_eq!(
        converted.count("/records/assumed/repaired_time"),
        1,
        "{}",
        converted.summary()
    );
}

#[test]
fn counters_at_their_end_lose_what_no_interface_carries_and_say_how_much() {
    let folder = tempfile::tempdir().unwrap();
    let (most, beyond) = ("18446744073709551615", "18446744073709551616");
    let counters = [
        format!("{most} {most}"),
        format!("1 {most}"),
        format!("{most} 0"),
        format!("{beyond} 1"),
        "0 0".to_owned(),
    ];
    let lines = (1..).zip(counters);
    let lines =
        lines.map(|(port, counted)| record(port, &format!("{counted} 1773454500 1773454560")));
    let path = log(&folder, lines);
    for detail in ["compact", "control"] {
        let converted = convert(&[&path], &["--detail", detail]);
        converted.assert_lines_add_up();
        assert_eq!(converted.skipped(), 1, "one counter has 65 bits");
        let packets = &converted.summary()["packets"];
        // Beyond 64 bits a JSON reader keeps only about 16 digits.
        let sum = |name: &str| packets[name].as_f64().unwrap();
        let most = 2.0_f64.powi(64);
        assert!((sum("bytes_logged") / most - 2.0).abs() < 1e-6, "{packets}");
        assert!(
            sum("bytes_written") < sum("bytes_logged"),
            "and the summary says so"
        );
    }
}

/// A log of connections that all begin in one second, each from another port and address.
fn one_second(folder: &TempDir) -> PathBuf {
    let lines = (0..crowd()).map(|i| {
        let (host, port) = (i / 50_000, i % 50_000 + 1024);
        format!(
            "2 111122223333 eni-1 10.1.{}.{} 10.0.0.2 {port} 443 6 5 700 1773454500 1773454500 ACCEPT OK 3",
            host / 250,
            host % 250,
        )
    });
    log(folder, lines)
}

#[test]
fn crowd_of_one_second_is_written_in_pieces_and_comes_out_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = one_second(&folder);
    let roomy = convert(&[&path], &["--memory", "8GiB"]);
    let cramped = convert(&[&path], &["--memory", "16MiB"]);
    assert!(roomy.bytes() == cramped.bytes());
    assert_sums(&cramped, &path);
}

#[test]
fn crowd_of_enis_has_an_interface_each() {
    let folder = tempfile::tempdir().unwrap();
    let lines = (0..crowd()).map(|i| {
        format!("2 111122223333 eni-{i:017x} 10.{}.{}.{} 10.200.0.2 40000 443 6 1 60 1773454500 1773454501 ACCEPT OK 2",
            i >> 16 & 0xff, i >> 8 & 0xff, i & 0xff)
    });
    let path = log(&folder, lines);
    let converted = convert(&[&path], &["--memory", "16MiB"]);
    assert_eq!(converted.count("/enis"), crowd() as u64);
    assert_eq!(converted.capture().interfaces.len(), crowd());
}

/// One connection that sends an byte or two each second for that many records.
fn one_connection(folder: &TempDir) -> PathBuf {
    let lines = (0..crowd()).map(|i| {
        let (ends, ports, flags) = match i % 2 {
            0 => ("10.0.0.1 10.0.0.2", "40000 443", if i == 0 { 2 } else { 0 }),
            _ => (
                "10.0.0.2 10.0.0.1",
                "443 40000",
                if i == 1 { 18 } else { 0 },
            ),
        };
        let second = 1_773_454_500 + i / 2;
        format!("2 111122223333 eni-1 {ends} {ports} 6 5 700 {second} {second} ACCEPT OK {flags}")
    });
    log(folder, lines)
}

#[test]
fn connection_of_many_records_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = one_connection(&folder);
    let converted = convert(&[&path], &["--memory", "16GiB"]);
    assert_eq!(
        converted.count("/connections/by_outcome/open"),
        1,
        "{}",
        converted.summary()
    );
    assert_sums(&converted, &path);
}

#[test]
fn connection_beyond_the_memory_is_refused_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let path = one_connection(&folder);
    let to = tempfile::tempdir().unwrap();
    let convert = |memory: &str, to: &Path| {
        let mut command = flow2pcap();
        command
            .args(["convert", "--memory", memory, "-o"])
            .arg(to.join("out.pcapng"))
            .arg(&path);
        run(&mut command)
    };
    let refused = convert("16MiB", to.path());
    assert_eq!(refused.code, 2);
    assert!(names_in(to.path()).is_empty(), "no output behind an error");
    let (_, behind) = refused
        .stderr
        .split_once("--memory ")
        .expect("says how much it takes");
    let memory = behind.split_whitespace().next().unwrap();
    if crowd() <= 40_000 {
        assert_eq!(
            convert(memory, to.path()).code,
            0,
            "{memory} is not enough: {}",
            refused.stderr
        );
    }
}

/// Records of a few endpoints, each number of which is at one of its ends or near it.
fn numbers_at_their_ends(seed: u64) -> impl Iterator<Item = String> {
    let mut state = seed;
    // Knuth's linear congruential generator; its high bits are good enough.
    let mut any = move |of: &[&'static str]| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        of[usize::try_from(state >> 33).unwrap() % of.len()]
    };
    let counters = [
        "0",
        "1",
        "2",
        "4294967296",
        "307445734561825860",
        "461168601842738790",
        "9223372036854775808",
        "18446744073709551615",
    ];
    let bytes = [
        "0",
        "1",
        "120",
        "65536",
        "70368744177664",
        "18446744073709551615",
    ];
    let seconds = [
        "0",
        "1",
        "1773454500",
        "1773454560",
        "4102444800",
        "9223285635",
    ];
    // Few, for one that counts 2^64 bytes becomes 65,536 packets.
    (0..12).map(move |_| {
        let ends = any(&[
            "10.0.0.1 10.0.0.2",
            "10.0.0.2 10.0.0.1",
            "2001:db8::1 2001:db8::2",
        ]);
        let ports = any(&["40000 443", "443 40000", "0 0", "65535 53"]);
        let protocol = any(&["6", "6", "17", "1", "255"]);
        let (eni, flags) = (
            any(&["eni-1", "eni-2"]),
            any(&["0", "2", "18", "3", "7", "255"]),
        );
        let action = any(&["ACCEPT", "REJECT"]);
        format!(
            "2 111122223333 {eni} {ends} {ports} {protocol} {} {} {} {} {action} OK {flags}",
            any(&counters),
            any(&bytes),
            any(&seconds),
            any(&seconds)
        )
    })
}

#[test]
fn numbers_at_their_ends_end_no_subcommand() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..=4 {
        let path = log(&folder, numbers_at_their_ends(seed));
        let (capture, page) = (
            folder.path().join("out.pcapng"),
            folder.path().join("out.html"),
        );
        let (capture, page) = (capture.to_str().unwrap(), page.to_str().unwrap());
        for arguments in [
            &["convert", "--detail", "control", "-o", capture][..],
            &[
                "convert",
                "--detail",
                "compact",
                "--vantage",
                "all",
                "-o",
                capture,
            ],
            &["diagnose"],
            &["inspect"],
            &["metrics", "--by", "outcome,protocol"],
            &["metrics", "--every", "1h", "--by", "srcaddr", "--top", "2"],
            &["report", "-o", page],
        ] {
            // Overflow panics in the profile of the tests.
            let run = flow2pcap().args(arguments).arg(&path).output().unwrap();
            let said = String::from_utf8_lossy(&run.stderr);
            assert_eq!(run.status.code(), Some(0), "{arguments:?}, {seed}: {said}");
            assert!(!said.contains("panicked"), "{arguments:?}, {seed}: {said}");
        }
    }
}
