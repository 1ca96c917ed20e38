//! Archives larger than the memory they may have: the same capture, and nothing left behind.

use std::fs;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;

use crate::support::{convert, flow2pcap, names_in, run, testdata};
use tempfile::TempDir;
use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

/// Records of 120,000 lines take thrice what the least memory lets them have.
fn large_archive(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("large.log");
    let goal = Goal::Lines(120_000);
    generate(
        Settings::new(Version::V5, 3),
        goal,
        Shape::OneFile,
        false,
        &path,
    )
    .unwrap();
    path
}

#[test]
fn little_memory_gives_the_same_capture_and_says_what_it_cost() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let log = large_archive(&folder);
    let spill = temporary.path().to_str().unwrap();
    let control = ["--detail", "control", "--temp-dir", spill];
    let roomy = convert(&[&log], &control);
    let cramped = convert(&[&log], &[&control[..], &["--memory", "16MiB"]].concat());
    assert!(roomy.bytes() == cramped.bytes());
    assert_eq!(roomy.summary()["spilled_bytes"], 0);
    let spilled = cramped.summary()["spilled_bytes"].as_u64().unwrap();
    assert!((4 << 20..64 << 20).contains(&spilled), "{spilled}");
    assert!(names_in(temporary.path()).is_empty());
}

/// Sends a run a signal while it has temporary files; whether it was still there to get it.
#[cfg(target_os = "linux")]
fn interrupted(log: &Path, output: &Path, temporary: &Path, signal: &str) -> bool {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    // What runs the tests may have signals ignored, as a shell has SIGINT behind `&`, and a program keeps
    // that up: here it is to hear them all.
    let mut run = Command::new("env")
        .args(["--default-signal", env!("CARGO_BIN_EXE_flow2pcap")])
        .args(["convert", "-q", "--memory", "16MiB", "--detail", "control"])
        .arg("--temp-dir")
        .arg(temporary)
        .arg("-o")
        .arg(output)
        .arg(log)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = run.id().to_string();
    let open_files = Path::new("/proc").join(&id).join("fd");
    let spills = || {
        let links = fs::read_dir(&open_files).into_iter().flatten().flatten();
        let mut targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.any(|target| target.starts_with(temporary))
    };
    let begun = Instant::now();
    while !spills() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no spilling");
        std::thread::sleep(Duration::from_millis(1));
    }
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(sent.unwrap().success());
    !run.wait().unwrap().success()
}

#[cfg(target_os = "linux")]
#[test]
fn no_signal_leaves_a_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let log = large_archive(&folder);
    for signal in ["INT", "TERM", "KILL"] {
        let output = folder.path().join("out.pcapng");
        let try_once = |_: u32| {
            let _ = fs::remove_file(&output);
            interrupted(&log, &output, temporary.path(), signal)
        };
        // On a busy machine a run may end before its signal comes.
        assert!((0..20).any(try_once), "{signal}");
        assert!(names_in(temporary.path()).is_empty(), "{signal}");
        assert!(!output.exists(), "{signal}");
    }
}

#[test]
fn folder_for_temporary_files_that_is_not_there_is_refused_at_once() {
    let mut command = flow2pcap();
    command
        .args(["convert", "-o", "x.pcapng", "--temp-dir", "/no/such/folder"])
        .arg(testdata("v2_default.log"));
    let run = run(&mut command);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("/no/such/folder"), "{}", run.stderr);
}
