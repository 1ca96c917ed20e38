//! Nothing that happens to an output makes it lie: full disks, closed pipes, refused places, and names
//! that are taken while the run goes on. Every fault is a real one.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::support::{file, names_in, testdata};
use tempfile::TempDir;
use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flow2pcap");

/// Runs a line of the shell, in which `$0` is the program and `$1` and on are `arguments`.
fn shell(line: &str, arguments: &[&Path]) -> Output {
    let mut bash = Command::new("bash");
    bash.args(["-c", line, PROGRAM]).args(arguments);
    bash.stdin(Stdio::null()).output().unwrap()
}

/// Asserts that a run failed with one line that has all of `said`, and returns that.
#[track_caller]
fn assert_failed(run: &Output, said: &[&str]) -> String {
    let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(2), "{:?}: {stderr}", run.status);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in said {
        assert!(stderr.contains(word), "{word} is not in {stderr}");
    }
    stderr
}

/// Says, past the harness, which hides what passing tests print, that a test was left out.
fn left_out(what: &str, test: &str) {
    // Nothing is lost if stderr is closed.
    let _ = writeln!(std::io::stderr(), "left out, for want of {what}: {test}");
}

/// Some megabytes of records.
fn large_log(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("large.log");
    let settings = Settings::new(Version::V5, 3);
    generate(settings, Goal::Lines(60_000), Shape::OneFile, false, &path).unwrap();
    path
}

/// A run that waits for records, and has its output reserved.
fn waiting(folder: &Path, arguments: &[&str]) -> Child {
    let run = Command::new(PROGRAM)
        .args(["convert", "-q", "-"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let before = std::time::Instant::now();
    while !names_in(folder).iter().any(|name| name.ends_with(".part")) {
        assert!(before.elapsed().as_secs() < 60, "nothing was reserved");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    run
}

/// Gives a run that waits its records, and waits for its end.
fn finished(mut run: Child) -> Output {
    let records = fs::read(testdata("v2_default.log")).unwrap();
    run.stdin.take().unwrap().write_all(&records).unwrap();
    run.wait_with_output().unwrap()
}

#[test]
fn file_that_may_not_grow_further_is_a_failure_that_leaves_nothing() {
    let out = tempfile::tempdir().unwrap();
    let incident = testdata("incident");
    let path = out.path().join("out.pcapng");
    for more in ["", "--split size=1GB"] {
        let line = format!("ulimit -f 8; exec \"$0\" convert -q \"$1\" -o \"$2\" {more}");
        let run = shell(&line, &[&incident, &path]);
        assert_failed(&run, &[".pcapng", "File too large", "ulimit -f", "-o"]);
        assert_eq!(names_in(out.path()), [""; 0], "{more}");
    }
}

#[test]
fn temporary_file_that_may_not_grow_further_is_a_failure_that_leaves_nothing() {
    let [input, out, temporary] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let log = large_log(&input);
    let run = shell(
        "ulimit -f 256; exec \"$0\" convert -q \"$1\" -o \"$2\" --temp-dir \"$3\" --memory 16MiB",
        &[&log, &out.path().join("out.pcapng"), temporary.path()],
    );
    let folder = temporary.path().to_str().unwrap();
    assert_failed(&run, &[folder, "File too large", "--temp-dir", "--memory"]);
    assert_eq!(names_in(out.path()), [""; 0]);
    assert_eq!(names_in(temporary.path()), [""; 0]);
}

#[test]
fn full_file_system_is_a_failure_that_leaves_nothing() {
    let input = tempfile::tempdir().unwrap();
    let (log, incident) = (large_log(&input), testdata("incident"));
    // A file system of its own, in a namespace of its own: it goes away with the shell.
    let mounted = "mkdir \"$1/m\" && mount -t tmpfs -o size=$3k tmpfs \"$1/m\"";
    let place = tempfile::tempdir().unwrap();
    let in_namespace = |line: &str, arguments: &[&Path]| {
        let line = format!("{mounted} || exit 99; {line}; status=$?; ls -A \"$1/m\"; exit $status");
        Command::new("unshare")
            .args(["-rm", "bash", "-c", &line, PROGRAM])
            .args(arguments)
            .output()
    };
    for (kib, log, more, said) in [
        ("16", &incident, "-o \"$1/m/out.pcapng\"", "out.pcapng"),
        (
            "16",
            &incident,
            "-o \"$1/m/out.pcapng\" --split hour",
            "out-2026",
        ),
        (
            "512",
            &log,
            "-o \"$1/out.pcapng\" --memory 16MiB --temp-dir \"$1/m\"",
            "--temp-dir",
        ),
    ] {
        let line = format!("\"$0\" convert -q \"$2\" {more}");
        let run = in_namespace(&line, &[place.path(), log, Path::new(kib)]);
        let mounted = |run: &Output| !matches!(run.status.code(), Some(1 | 99));
        let Some(run) = run.ok().filter(mounted) else {
            left_out(
                "a mount",
                "full_file_system_is_a_failure_that_leaves_nothing",
            );
            return;
        };
        assert_failed(&run, &[said, "No space left"]);
        assert_eq!(String::from_utf8_lossy(&run.stdout), "", "{more}");
        fs::remove_dir(place.path().join("m")).unwrap();
        assert_eq!(names_in(place.path()), [""; 0], "{more}");
    }
}

#[test]
fn reader_of_a_capture_that_leaves_ends_the_run_quietly() {
    let run = shell(
        "\"$0\" convert \"$1\" -o - | head -c 100 >/dev/null; echo ${PIPESTATUS[0]}",
        &[&testdata("incident")],
    );
    assert_eq!(String::from_utf8_lossy(&run.stdout), "0\n");
}

#[test]
fn reader_of_a_summary_that_leaves_costs_neither_output_nor_status() {
    let out = tempfile::tempdir().unwrap();
    let output = out.path().join("out.pcapng");
    // The pipe is closed before anything is written to it.
    for streams in ["--json -q > >(exec true)", "2> >(exec true)"] {
        let line = format!("sleep 0.2 | \"$0\" convert \"$1\" - -o \"$2\" {streams}");
        let line = format!("{line}; echo $?");
        let run = shell(&line, &[&testdata("incident"), &output]);
        assert_eq!(String::from_utf8_lossy(&run.stdout), "0\n", "{streams}");
        assert_eq!(String::from_utf8_lossy(&run.stderr), "", "{streams}");
        fs::remove_file(&output).unwrap();
    }
}

#[test]
fn summary_that_cannot_be_written_is_a_failure_that_says_the_output_is_whole() {
    let out = tempfile::tempdir().unwrap();
    let output = out.path().join("out.pcapng");
    let log = testdata("incident");
    let run = shell(
        "\"$0\" convert -q --json \"$1\" -o \"$2\" >/dev/full",
        &[&log, &output],
    );
    assert_failed(&run, &["out.pcapng is complete", "No space left"]);
    assert_eq!(names_in(out.path()), ["out.pcapng"]);
    let run = shell(
        "\"$0\" convert \"$1\" -o \"$2\" 2>/dev/full",
        &[&log, &output],
    );
    assert_eq!(run.status.code(), Some(0));
}

#[test]
fn place_that_takes_no_file_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(
        &folder,
        "log",
        fs::read(testdata("v2_default.log")).unwrap(),
    );
    let run = shell("\"$0\" convert \"$1\" -o /proc/out.pcapng", &[&log]);
    assert_failed(&run, &["/proc/out.pcapng", "choose another folder"]);
    let run = shell(
        "\"$0\" convert \"$1\" -o \"$2/no/out.pcapng\"",
        &[&log, folder.path()],
    );
    assert_failed(&run, &["does not exist", "mkdir -p"]);
    let run = shell("\"$0\" convert \"$1\" -o \"$2\"", &[&log, folder.path()]);
    assert_failed(&run, &["is a folder", "capture.pcapng"]);
    let run = shell(
        "chmod 555 \"$2\"; exec 3<\"$1\"; cd /; \
         [ -w \"$2\" ] && exec setpriv --reuid=65534 --clear-groups \"$0\" convert - -o \"$2/out.pcapng\" <&3; \
         exec \"$0\" convert - -o \"$2/out.pcapng\" <&3",
        &[&log, folder.path()],
    );
    if matches!(run.status.code(), Some(126 | 127)) {
        left_out("another user", "place_that_takes_no_file_is_refused");
    } else {
        assert_failed(
            &run,
            &["no new files can be created", "choose another folder"],
        );
    }
    assert_eq!(names_in(folder.path()), ["log"]);
}

#[test]
fn input_by_another_name_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read(testdata("v2_default.log")).unwrap();
    let log = file(&folder, "logs/a.pcapng", &text);
    std::os::unix::fs::symlink(&log, folder.path().join("soft.pcapng")).unwrap();
    fs::hard_link(&log, folder.path().join("hard.pcapng")).unwrap();
    for line in [
        "\"$0\" convert logs -o logs/a.pcapng",
        "\"$0\" convert logs -o soft.pcapng",
        "\"$0\" convert logs -o hard.pcapng",
        "\"$0\" convert logs/a.pcapng -o logs/../hard.pcapng",
        "\"$0\" convert - -o hard.pcapng <logs/a.pcapng",
        "\"$0\" convert logs -o - >>hard.pcapng",
    ] {
        let line = format!("cd \"$1\"; {line}");
        let run = shell(&line, &[folder.path()]);
        assert_failed(&run, &["also an input", "choose another name"]);
        assert_eq!(fs::read(&log).unwrap(), text, "{line}");
        let names = ["hard.pcapng", "logs", "soft.pcapng"];
        assert_eq!(names_in(folder.path()), names, "{line}");
    }
}

#[test]
fn older_and_longer_capture_in_shared_memory_is_replaced_as_a_whole() {
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
        left_out("/dev/shm", "older_and_longer_capture_in_shared_memory");
        return;
    };
    let output = file(&folder, "out.pcapng", vec![7; 1 << 20]);
    let converted = crate::support::convert(&[testdata("incident")], &[]);
    let run = shell(
        "\"$0\" convert -q \"$1\" -o \"$2\"",
        &[&testdata("incident"), &output],
    );
    assert_eq!(run.status.code(), Some(0));
    assert!(fs::read(&output).unwrap() == converted.bytes());
}

#[test]
fn two_runs_to_one_output_end_and_leave_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    for (more, names) in [
        (&["-o", "out.pcapng"][..], &["out.pcapng"][..]),
        (
            &["-o", "out.pcapng", "--split", "connections=1000"],
            &["out-00001.pcapng", "out.csv", "out.pcapng"],
        ),
    ] {
        let first = waiting(folder.path(), more);
        let reserved = names_in(folder.path());
        let second = waiting(folder.path(), more);
        for name in reserved {
            assert!(folder.path().join(&name).exists(), "{name} was taken away");
        }
        for run in [first, second] {
            let run = finished(run);
            assert!(run.status.success(), "{run:?}");
        }
        assert_eq!(names_in(folder.path()), names);
        let whole = crate::support::convert(&[testdata("v2_default.log")], &["--comments", "none"]);
        let made = testkit::pcapng::read(&fs::read(folder.path().join(names[0])).unwrap());
        assert_eq!(made.packets.len(), whole.capture().packets.len());
    }
}

#[test]
fn name_that_is_taken_meanwhile_leaves_none_of_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    let older = file(&folder, "out-00001.pcapng", "of last week");
    let run = waiting(
        folder.path(),
        &["-o", "out.pcapng", "--split", "connections=1"],
    );
    // Nobody renames a file over a folder.
    fs::create_dir(folder.path().join("out.csv")).unwrap();
    assert_failed(&finished(run), &["out.csv", "rename"]);
    assert_eq!(names_in(folder.path()), ["out-00001.pcapng", "out.csv"]);
    assert_eq!(fs::read(older).unwrap(), b"of last week");
}

#[test]
fn what_a_killed_run_left_goes_with_the_next_and_what_another_writes_stays() {
    let folder = tempfile::tempdir().unwrap();
    for more in [
        &["-o", "out.pcapng"][..],
        &["-o", "out.pcapng", "--split", "hour"],
    ] {
        let mut killed = waiting(folder.path(), more);
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(names_in(folder.path()).len(), 1);
        let run = waiting(folder.path(), more);
        let names = names_in(folder.path());
        assert_eq!(names.len(), 1, "{names:?}");
        drop(finished(run));
        for name in names_in(folder.path()) {
            assert!(!name.ends_with(".part"), "{name}");
            fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}

#[test]
fn signals_that_the_starter_ignores_end_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut nohup = Command::new("nohup");
    nohup.arg(PROGRAM);
    nohup.args(["convert", "-q", "-", "-o", "out.pcapng"]);
    let mut run = nohup
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while names_in(folder.path()).is_empty() {
        assert!(run.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kill = Command::new("kill")
        .args(["-s", "HUP", &run.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert!(finished(run).status.success());
    assert_eq!(names_in(folder.path()), ["out.pcapng"]);
}
