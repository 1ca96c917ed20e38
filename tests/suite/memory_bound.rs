//! How much memory a run takes at its peak, on archives that were made to need much.
//!
//! The peak is what the system says (`VmHWM`), with the program itself, so a bound has some slack. What is
//! also asked is that the bound costs nothing but time: the bytes are those of a run with room.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::file;

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes \
                      start end action log-status tcp-flags\n";

/// 2020-09-13, seconds since the epoch.
const BEGIN_S: u64 = 1_600_000_000;

/// What the runs below are allowed, and what they may take: the program and the stacks of its threads are
/// not a matter of `--memory`.
const ALLOWED: &str = "64MiB";
const PEAK_MAX: u64 = 88 << 20;

/// Records of 40 packets over a minute, each a connection; `start_s` says when each starts.
fn log(records: u64, start_s: impl Fn(u64) -> u64) -> String {
    let mut log = HEADER.to_owned();
    for i in 0..records {
        let start_s = BEGIN_S + start_s(i);
        let end_s = start_s + 59;
        let (a, b, port) = (i >> 8 & 255, i & 255, i % 60_000 + 1000);
        writeln!(
            log,
            "5 1 eni-1 10.0.{a}.{b} 10.1.{b}.2 {port} 443 6 40 4000 {start_s} {end_s} ACCEPT OK 3"
        )
        .unwrap();
    }
    log
}

/// Runs the program; returns the most bytes of memory that it had at once.
fn peak(arguments: &[&str]) -> u64 {
    let mut run = Command::new(env!("CARGO_BIN_EXE_flow2pcap"))
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = Path::new("/proc").join(run.id().to_string()).join("status");
    let mut peak = 0;
    loop {
        // The line is missing once the process has ended.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kib) = line.and_then(|line| line.trim().strip_suffix(" kB")) {
            peak = peak.max(kib.trim().parse::<u64>().unwrap() << 10);
        }
        if let Some(status) = run.try_wait().unwrap() {
            assert!(status.success(), "{arguments:?}: {status}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn convert(log: &Path, output: &Path, options: &[&str]) -> u64 {
    let [log, output] = [log, output].map(|path| path.to_str().unwrap());
    let arguments = ["convert", "-q", "-o", output, log];
    peak(&[&arguments[..], options].concat())
}

/// Whether two files hold the same, without having either in memory.
fn are_same(a: &Path, b: &Path) -> bool {
    let [mut a, mut b] = [a, b].map(|path| fs::File::open(path).unwrap());
    if a.metadata().unwrap().len() != b.metadata().unwrap().len() {
        return false;
    }
    let (mut x, mut y) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let len = a.read(&mut x).unwrap();
        b.read_exact(&mut y[..len]).unwrap();
        if len == 0 || x[..len] != y[..len] {
            return len == 0;
        }
    }
}

/// Converts `log` with room, and with little of it on one thread and on two.
fn is_bounded(log: &str) {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let log = file(&folder, "in.log", log);
    let output = |name: &str| -> PathBuf { folder.path().join(name) };
    let roomy = output("roomy.pcapng");
    let most = convert(&log, &roomy, &["--memory", "4GiB", "--threads", "2"]);
    assert!(most > 2 * PEAK_MAX, "too small to show anything: {most}");
    for threads in ["1", "2"] {
        let cramped = output("cramped.pcapng");
        let options = ["--memory", ALLOWED, "--threads", threads];
        let most = convert(&log, &cramped, &options);
        assert!(most < PEAK_MAX, "{most} bytes on {threads} threads");
        assert!(are_same(&roomy, &cramped), "on {threads} threads");
    }
}

#[test]
fn connections_that_all_begin_in_one_second_have_room() {
    is_bounded(&log(25_000, |_| 0));
}

#[test]
fn packets_after_the_last_start_have_room() {
    is_bounded(&log(25_000, |i| i / 1_000));
}

#[test]
fn diagnosis_of_any_number_of_hosts_has_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = HEADER.to_owned();
    for i in 0..150_000_u64 {
        let (a, b, c) = (i >> 16 & 255, i >> 8 & 255, i & 255);
        let (action, flags) = if i % 3 == 0 {
            ("REJECT", 2)
        } else {
            ("ACCEPT", 19)
        };
        let (port, start_s) = (i % 60_000 + 1000, BEGIN_S + i / 500);
        writeln!(
            log,
            "5 1 eni-1 10.{a}.{b}.{c} 10.200.0.1 {port} 443 6 4 400 {start_s} {start_s} {action} OK {flags}"
        )
        .unwrap();
    }
    let log = file(&folder, "in.log", log);
    let log = log.to_str().unwrap();
    let most = peak(&["diagnose", "-q", "--memory", ALLOWED, "--threads", "2", log]);
    // Paths that are kept take their room beside what `--memory` bounds.
    assert!(most < PEAK_MAX + (64 << 20), "{most}");
}
