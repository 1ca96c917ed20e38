//! Limits of the system that a run meets: address space, threads, and streams that do not block. It
//! says what failed and what helps, in one error with status 2, or goes on where it can wait.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::{convert, names_in, testdata};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flow2pcap");

/// Kilobytes of address space between two runs.
const STEP: u64 = 1_000;

/// How often a run is repeated that the C library aborted.
const RETRIES: usize = 10;

/// Runs the program under a limit of the shell.
fn limited(limit: &str, arguments: &[&str]) -> Output {
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("{limit}; exec \"$0\" \"$@\""), PROGRAM]);
    bash.args(arguments).env_remove("RUST_BACKTRACE");
    bash.env("COLUMNS", "1000");
    bash.stdin(Stdio::null()).output().unwrap()
}

/// The least address space, in kilobytes, in which the program starts at all: below it, the system
/// does not find room for the program itself.
fn least_space() -> u64 {
    let starts = |space: &u64| {
        let run = limited(&format!("ulimit -v {space}"), &["--version"]);
        run.status.success()
    };
    (10_000..1_000_000).step_by(500).find(starts).unwrap()
}

/// Whether the run ended with one error, and tips at most after it, and with status 2.
fn is_one_error_and_status_2(run: &Output) -> bool {
    let stderr = String::from_utf8_lossy(&run.stderr);
    let mut lines = stderr.lines();
    let is_error = lines.next().is_some_and(|line| line.starts_with("error: "));
    let are_tips = lines.all(|line| line.is_empty() || line.starts_with("  tip: "));
    run.status.code() == Some(2) && is_error && are_tips
}

#[test]
fn too_little_address_space_is_one_error_and_status_2_for_every_subcommand() {
    let folder = tempfile::tempdir().unwrap();
    let least = least_space();
    let log = testdata("incident");
    let log = log.to_str().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, parts, page) = (path("a.pcapng"), path("b.pcapng.zst"), path("c.html"));
    for arguments in [
        &["convert", "-q", log, "-o", &whole][..],
        &["convert", "-q", log, "-o", &parts, "--split", "hour"],
        &["diagnose", "-q", log],
        &["inspect", "-q", log],
        &["metrics", "-q", log, "--by", "srcaddr"],
        &["report", "-q", log, "-o", &page],
    ] {
        let (mut refused, mut unlucky) = (0, Vec::new());
        for space in (least..).step_by(usize::try_from(STEP).unwrap()) {
            let limit = format!("ulimit -v {space}");
            let run = limited(&limit, arguments);
            if run.status.success() {
                break;
            }
            refused += 1;
            let said = String::from_utf8_lossy(&run.stderr);
            assert!(space < least + 200 * STEP, "{arguments:?}: {said}");
            if is_one_error_and_status_2(&run) {
                continue;
            }
            // A thread that begins when the last memory is gone may be refused by the C library,
            // which aborts the process before any code of the program runs in that thread. Which
            // thread takes the last memory depends on how they are scheduled, so the same limit
            // does not end each run so.
            let mut again = (0..RETRIES).map(|_| limited(&limit, arguments));
            let is_fine = again.any(|run| run.status.success() || is_one_error_and_status_2(&run));
            assert!(is_fine, "{arguments:?}, {space}: {said}");
            unlucky.push(said.into_owned());
        }
        assert!(refused > 0, "{arguments:?} needs nothing");
        assert!(unlucky.len() <= 2 + refused / 20, "{unlucky:?}");
        let names = names_in(folder.path());
        assert!(
            names.iter().all(|name| !name.ends_with(".part")),
            "{names:?}"
        );
    }
}

#[test]
fn threads_that_cannot_be_had_are_named_once_with_what_helps() {
    // Root may have as many as it likes.
    let line = "ulimit -u 1; [ \"$(id -u)\" != 0 ] && exec \"$0\" \"$@\"; \
                exec setpriv --reuid=65534 --clear-groups \"$0\" \"$@\"";
    let log = std::fs::read(testdata("v2_default.log")).unwrap();
    let mut run = Command::new("bash")
        .args(["-c", line, PROGRAM, "inspect", "-", "--threads", "3"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nobody may read it.
    let _ = run.stdin.take().unwrap().write_all(&log);
    let run = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    if !said.starts_with("error: cannot start") {
        let _ = writeln!(
            std::io::stderr(),
            "left out, for want of another user: {said}"
        );
        return;
    }
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot start 3 threads"), "{said}");
    assert!(
        said.contains("--threads 1") && said.contains("ulimit -u"),
        "{said}"
    );
    assert_eq!(said.matches("temporarily unavailable").count(), 1, "{said}");
}

/// A stream as whoever starts the program sees it, and the program's end of it, which does not block.
fn stream() -> (UnixStream, OwnedFd) {
    let (ours, its) = UnixStream::pair().unwrap();
    its.set_nonblocking(true).unwrap();
    (ours, its.into())
}

fn converting(output: &Path) -> Command {
    let mut run = Command::new(PROGRAM);
    run.args(["convert", "-q", "-", "--comments", "none", "-o"]);
    run.arg(output);
    run
}

#[test]
fn input_that_does_not_block_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcapng");
    let (mut ours, its) = stream();
    let mut run = converting(&output).stdin(its).spawn().unwrap();
    let log = std::fs::read(testdata("v2_default.log")).unwrap();
    for piece in log.chunks(log.len() / 3) {
        std::thread::sleep(Duration::from_millis(20));
        ours.write_all(piece).unwrap();
    }
    drop(ours);
    assert!(run.wait().unwrap().success());
    let whole = convert(&[testdata("v2_default.log")], &["--comments", "none"]);
    let made = testkit::pcapng::read(&std::fs::read(&output).unwrap());
    assert_eq!(made.packets.len(), whole.capture().packets.len());
}

#[test]
fn output_that_does_not_block_is_waited_for() {
    let log = testdata("incident");
    for arguments in [
        &["convert", "-q", "-o", "-", "--detail", "exact"][..],
        &["report", "-q", "-o", "-"],
        &[
            "metrics",
            "-q",
            "--by",
            "srcaddr,dstaddr,dstport",
            "--format",
            "json",
        ],
    ] {
        let made = |stdout: Stdio| {
            let mut run = Command::new(PROGRAM);
            run.args(arguments).arg(&log).stdout(stdout);
            run.stderr(Stdio::piped()).spawn().unwrap()
        };
        let expected = made(Stdio::piped()).wait_with_output().unwrap();
        let (mut ours, its) = stream();
        let run = made(its.into());
        // Long enough for a socket's buffer to fill, where there is enough to fill it.
        std::thread::sleep(Duration::from_millis(100));
        let mut read = Vec::new();
        ours.read_to_end(&mut read).unwrap();
        let run = run.wait_with_output().unwrap();
        assert!(run.status.success() && run.stderr.is_empty(), "{run:?}");
        let (read, expected) = (timeless(&read), timeless(&expected.stdout));
        assert!(read == expected, "{arguments:?}");
    }
}

/// Text without how long a run took, which no two runs share.
fn timeless(output: &[u8]) -> Vec<u8> {
    const KEY: &[u8] = b"\"elapsed_ms\":";
    let mut rest = output;
    let mut timeless = Vec::new();
    while let Some(at) = rest.windows(KEY.len()).position(|bytes| bytes == KEY) {
        let (before, after) = rest.split_at(at + KEY.len());
        timeless.extend_from_slice(before);
        rest = after.trim_ascii_start();
        while let [b'0'..=b'9', after @ ..] = rest {
            rest = after;
        }
    }
    timeless.extend_from_slice(rest);
    timeless
}
