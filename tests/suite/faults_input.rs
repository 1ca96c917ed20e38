//! Whatever an input does while it is read, the run goes on: no signal, no hang, and what was whole
//! is used. The faults are made for real, with what Linux has.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::tables::{Table, aws};
use crate::support::wrapping::gzip;
use crate::support::{file, testdata};
use serde_json::Value;
use tempfile::TempDir;

/// A log of so many records.
fn log(records: usize) -> String {
    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
                  bytes start end action log-status\n";
    let line = |number: usize| {
        let (host, port, second) = (
            number / 40_000,
            number % 40_000,
            1_700_000_000 + number / 100,
        );
        format!(
            "2 111122223333 eni-0a1b2c3d4e5f60718 10.0.0.1 10.0.1.{host} {port} 443 6 3 180 \
             {second} {second} ACCEPT OK\n"
        )
    };
    header.to_owned() + &(0..records).map(line).collect::<String>()
}

fn lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// `inspect --json` on one thread, which reads its inputs one after the other.
fn inspect<P: AsRef<OsStr>>(inputs: &[P]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flow2pcap"));
    command.args(["inspect", "--json", "--threads", "1"]);
    command.args(inputs);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The survey of a run that ended well.
#[track_caller]
fn survey(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{:?} {stderr}",
        output.status
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(survey: &Value, pointer: &str) -> u64 {
    survey
        .pointer(pointer)
        .map_or(0, |count| count.as_u64().unwrap())
}

/// What is said of the first damaged file.
fn damage(survey: &Value) -> Option<&str> {
    survey
        .pointer("/input/damaged/damaged/examples/0/found")?
        .as_str()
}

/// The reasons for which files were left out.
fn left_out(survey: &Value) -> Vec<&String> {
    survey["input"]["left_out"]
        .as_object()
        .unwrap()
        .keys()
        .collect()
}

fn truncate(path: &Path, len: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(len).unwrap();
}

/// Numbers that look random, the same in each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[test]
fn file_that_shrinks_at_any_moment_costs_its_own_rest() {
    let folder = tempfile::tempdir().unwrap();
    let text = log(60_000);
    let other = file(&folder, "other.log", log(9));
    let path = folder.path().join("cut.log");
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for round in 0..40 {
        fs::write(&path, &text).unwrap();
        let mut run = inspect(&[&path, &other]);
        run.arg("--strict");
        if round % 2 == 0 {
            run = Command::new(env!("CARGO_BIN_EXE_flow2pcap"));
            run.args(["convert", "--json", "--detail", "control", "--strict", "-o"]);
            run.args([&folder.path().join("out.pcapng"), &path, &other]);
            run.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let run = run.spawn().unwrap();
        sleep(Duration::from_millis(numbers.below(200)));
        let kept_len = match round % 3 {
            0 => numbers.below(text.len() as u64 / 4096) * 4096,
            _ => numbers.below(text.len() as u64),
        };
        truncate(&path, kept_len);
        let output = run.wait_with_output().unwrap();
        let code = output.status.code().expect("not ended by a signal");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let read = count(&summary, "/records/lines") - 10;
        let whole = lines(&text.as_bytes()[..usize::try_from(kept_len).unwrap()]);
        match damage(&summary) {
            Some(found) => {
                let told = format!("{kept_len} of {} bytes remain", text.len());
                assert!(found.ends_with(&told), "{found}");
                assert_eq!((code, read), (1, whole));
                assert_eq!(summary["records"]["skipped"].as_object().unwrap().len(), 0);
            }
            // All was read before; or it was cut before it was opened, maybe in a line.
            None => assert!(
                read == lines(text.as_bytes()) || read - whole <= 1,
                "{read} {whole}"
            ),
        }
    }
}

#[test]
fn file_that_is_replaced_or_grows_or_is_written_over_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let text = log(60_000);
    let (path, other) = (folder.path().join("a.log"), folder.path().join("b"));
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for round in 0..12 {
        fs::write(&path, &text).unwrap();
        fs::write(&other, "short\n").unwrap();
        let run = inspect(&[&path]).spawn().unwrap();
        sleep(Duration::from_millis(20 + numbers.below(100)));
        match round % 3 {
            0 => fs::rename(&other, &path).unwrap(),
            1 => truncate(&path, 2 * text.len() as u64),
            _ => {
                let mut file = fs::File::options().write(true).open(&path).unwrap();
                file.write_all(&vec![b'7'; text.len()]).unwrap();
            }
        }
        let output = run.wait_with_output().unwrap();
        // Written over before its head was read, it is no log: a message, and no crash.
        assert!(
            matches!(output.status.code(), Some(0 | 2)),
            "{:?}",
            output.status
        );
        if round % 3 < 2 && output.status.success() {
            let survey = survey(&output);
            assert!(damage(&survey).is_none());
            assert!(count(&survey, "/records/lines") >= 60_001);
        }
    }
}

/// A pipe in a folder of its own.
fn pipe(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    path
}

#[test]
fn file_that_is_cut_after_it_was_listed_is_used_as_far_as_it_goes() {
    let text = log(9_000);
    let table = Table::of("v5_fifty.log", aws).in_groups_of(7).bytes();
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let (half, end) = (packed.len() / 2, gzip(&text).len() - 9);
    let cut_short = Some("cut short after ");
    let no_row = Some("no row of the table can be read: ");
    for (bytes, kept_len, expected_lines, found) in [
        (text.clone().into_bytes(), 3, 0, Some("3 of ")),
        (text.clone().into_bytes(), 400_000, 3_000, None),
        (gzip(&text), 20, 0, cut_short),
        (gzip(&text), end, 8_000, cut_short),
        (packed, half, 1, cut_short),
        (table.clone(), table.len() - 9, 0, no_row),
        (table, 4, 0, no_row),
    ] {
        let folder = tempfile::tempdir().unwrap();
        // The run waits here until the other file is cut.
        let gate = pipe(&folder, "a");
        let path = file(&folder, "b", bytes);
        let run = inspect(&[&gate, &path]).spawn().unwrap();
        let mut opened = fs::File::options().write(true).open(&gate).unwrap();
        truncate(&path, u64::try_from(kept_len).unwrap());
        opened.write_all(log(9).as_bytes()).unwrap();
        drop(opened);
        let survey = survey(&run.wait_with_output().unwrap());
        let read = count(&survey, "/records/lines") - 10;
        assert!((expected_lines..=9_001).contains(&read), "{read} {survey}");
        let said = damage(&survey);
        assert_eq!(said.is_some(), found.is_some(), "{survey}");
        assert!(said.unwrap_or("").contains(found.unwrap_or("")), "{said:?}");
        assert!(left_out(&survey).is_empty());
    }
}

#[test]
fn folder_of_oddities_is_read_for_its_logs_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    file(&folder, "a/1.log", log(9));
    fs::write(folder.path().join(OsStr::from_bytes(b"\xff\n.log")), log(5)).unwrap();
    std::os::unix::fs::symlink("..", folder.path().join("a/around")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero")).unwrap();
    pipe(&folder, "pipe");
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    let survey = survey(&inspect(&[folder.path()]).output().unwrap());
    assert_eq!(count(&survey, "/records/lines"), 16);
    let expected = [
        "link to a folder that contains it",
        "not a regular file; name it directly to read it",
    ];
    assert_eq!(left_out(&survey), expected);
    let special = "/input/left_out/not a regular file; name it directly to read it/count";
    assert_eq!(count(&survey, special), 3);
    assert!(damage(&survey).is_none());
}

#[test]
fn file_that_opens_and_cannot_be_read_is_damaged_and_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.log", log(9));
    let memory = PathBuf::from("/proc/self/mem");
    let survey = survey(&inspect(&[memory, path]).output().unwrap());
    assert_eq!(count(&survey, "/records/lines"), 10);
    let found = "unreadable after 0 bytes of text: ";
    assert!(damage(&survey).unwrap().starts_with(found), "{survey}");
}

#[test]
fn pipe_that_is_typed_is_read_like_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = pipe(&folder, "pipe");
    let run = inspect(&[&path]).spawn().unwrap();
    fs::write(&path, log(9)).unwrap();
    let survey = survey(&run.wait_with_output().unwrap());
    assert_eq!(count(&survey, "/records/lines"), 10);
}

#[test]
fn input_without_end_or_reader_is_refused_at_once_if_typed() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _socket = UnixListener::bind(&socket).unwrap();
    let zero = Path::new("/dev/zero");
    for (path, found) in [
        (zero, "not text, such as /dev/zero"),
        (&socket, "cannot read "),
    ] {
        // In so little memory that an endless file could not be kept.
        let run = Command::new("sh")
            .args(["-c", "ulimit -v 4000000; ulimit -t 20; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_flow2pcap"))
            .args(["convert", "--threads", "1", "-o"])
            .arg(folder.path().join("out.pcapng"))
            .arg(path)
            .output()
            .unwrap();
        let stderr = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(found), "{stderr}");
    }
    assert!(!folder.path().join("out.pcapng").exists());
}

#[test]
fn file_without_permission_is_left_out_if_found_and_refused_if_typed() {
    let folder = tempfile::tempdir().unwrap();
    file(&folder, "a.log", log(9));
    let locked = file(&folder, "b.log", log(9));
    let permissions = std::os::unix::fs::PermissionsExt::from_mode;
    fs::set_permissions(&locked, permissions(0o000)).unwrap();
    fs::set_permissions(folder.path(), permissions(0o755)).unwrap();
    // Permissions do not bind the administrator, so this one runs as somebody else.
    let is_bound = fs::File::open(&locked).is_err();
    let as_other = |input: &Path| {
        let mut command = match is_bound {
            true => Command::new("env"),
            false => Command::new("setpriv"),
        };
        if !is_bound {
            command.args(["--reuid", "65534", "--clear-groups"]);
        }
        let program = env!("CARGO_BIN_EXE_flow2pcap");
        command
            .args([program, "inspect", "--json"])
            .arg(input)
            .output()
            .unwrap()
    };
    let survey = survey(&as_other(folder.path()));
    assert_eq!(count(&survey, "/records/lines"), 10);
    assert!(left_out(&survey)[0].starts_with("unreadable: Permission denied"));
    let refused = as_other(&locked);
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr.contains("cannot read ") && stderr.contains("Permission denied"),
        "{stderr}"
    );
}

#[test]
fn archives_that_break_off_give_what_stands_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = testdata("v5_fifty.log");
    let mut tar = tar::Builder::new(Vec::new());
    for name in ["1.log", "2.log"] {
        tar.append_path_with_name(&path, name).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let text = fs::read(&path).unwrap();
    file(
        &folder,
        "a.tar",
        &tar[..1024 + text.len().next_multiple_of(512) + 600],
    );
    file(&folder, "b.zip", b"PK\x03\x04 and no table of contents");
    let survey = survey(&inspect(&[folder.path()]).output().unwrap());
    assert!(count(&survey, "/records/lines") > lines(&text));
    assert!(damage(&survey).unwrap().starts_with("cut short after "));
    assert!(left_out(&survey)[0].starts_with("unreadable: zip archive: "));
}
