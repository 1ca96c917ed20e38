//! The program as a capture interface of Wireshark, as tshark runs it.

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use flow2pcap::cli::Streams;
use proptest::prelude::*;
use tempfile::TempDir;
use testkit::archive::{Goal, Shape, generate};
use testkit::checks::printing::visible;
use testkit::pcapng;
use testkit::traffic::{Settings, Version};

use crate::support::tshark::tshark;
use crate::support::{convert, flow2pcap, names_in, run, testdata};

/// A user who has installed the interface, and the folder where Wireshark and the program put temporary files.
struct User {
    home: TempDir,
    temporary: TempDir,
}

impl User {
    fn new() -> Self {
        let [home, temporary] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let run = run(flow2pcap()
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .args(["wireshark", "install"]));
        assert_eq!((run.code, &*run.stderr), (0, ""));
        Self { home, temporary }
    }

    fn tshark(&self, options: &[&str]) -> Command {
        let mut command = Command::new("tshark");
        command
            .env("HOME", self.home.path())
            .env("TMPDIR", self.temporary.path())
            .env_remove("XDG_CONFIG_HOME")
            .args(options);
        command
    }

    /// Captures from an archive with more values of the dialog.
    fn capture(&self, archive: &Path, values: &[&str], options: &[&str]) -> Command {
        let mut command = self.tshark(&["-q", "-i", "flow2pcap"]);
        let archive = format!("archive:{}", archive.display());
        for value in [&[&*archive], values].concat() {
            command.args(["-o", &format!("extcap.flow2pcap.{value}")]);
        }
        command.args(options).arg("-w").arg(self.capture_path());
        command
    }

    fn capture_path(&self) -> PathBuf {
        self.home.path().join("out.pcapng")
    }

    fn captured(&self) -> pcapng::Capture {
        pcapng::read(&fs::read(self.capture_path()).unwrap())
    }

    /// Asserts that no process reads the archive and no temporary file is left, within ten seconds.
    #[track_caller]
    fn assert_nothing_left(&self, archive: &Path) {
        let begun = Instant::now();
        loop {
            let left = (running_with(archive), names_in(self.temporary.path()));
            if left == (Vec::new(), Vec::new()) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{left:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The command lines of extcaps that were started with this archive.
fn running_with(archive: &Path) -> Vec<String> {
    let archive = archive.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines
        .filter(|line| line.contains("--capture ") && line.contains(archive))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An archive whose conversion takes a while, and its folder.
fn large() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("large.log");
    let settings = Settings::new(Version::V5, 3);
    generate(settings, Goal::Lines(40_000), Shape::OneFile, false, &log).unwrap();
    (folder, log)
}

/// A capture into a pipe of its own, without Wireshark.
fn capture_into_pipe(folder: &Path, archive: &Path) -> (PathBuf, Child) {
    let pipe = folder.join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let child = Command::new(env!("CARGO_BIN_EXE_flow2pcap"))
        .args(["--capture", "--extcap-interface", "flow2pcap", "--fifo"])
        .arg(&pipe)
        .arg("--archive")
        .arg(archive)
        .env("TMPDIR", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (pipe, child)
}

/// A reader of the pipe that does not wait for ever where nobody writes.
struct PipeReader(Child);

impl PipeReader {
    fn of(pipe: &Path) -> Self {
        let mut command = Command::new("timeout");
        command.args(["60", "cat"]).arg(pipe).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn read_some(&mut self) {
        let mut some = [0; 100];
        self.0
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut some)
            .unwrap();
    }

    fn read_all(self) -> Vec<u8> {
        self.0.wait_with_output().unwrap().stdout
    }

    /// Closes the pipe.
    fn end(mut self) {
        drop(self.0.stdout.take());
        self.0.wait().unwrap();
    }
}

#[track_caller]
fn assert_silent_success(output: &Output) {
    let printed = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        (output.status.code(), printed),
        (Some(0), (String::new(), String::new()))
    );
}

#[test]
fn interface_is_in_the_list_and_not_in_the_help() {
    let help = run(flow2pcap().arg("--help"));
    assert!(!text(&help.stdout).contains("extcap"));
    if tshark().is_none() {
        return;
    }
    let listed = User::new().tshark(&["-D"]).output().unwrap();
    let listed = text(&listed.stdout);
    let lines = listed.lines();
    let found = lines.filter(|line| line.ends_with(". flow2pcap (AWS VPC flow logs)"));
    assert_eq!(found.count(), 1, "{listed}");
}

#[test]
fn packets_are_those_of_convert() {
    if tshark().is_none() {
        return;
    }
    let user = User::new();
    let archive = testdata("incident");
    for (values, window, options) in [
        (&[][..], &[][..], &[][..]),
        (
            &[
                "from:-10m",
                "to:-1m",
                "filter:tcp or udp",
                "detail:exact",
                "vantage:all",
            ],
            &["-f", "reject or flags rst"],
            &[
                "--from=-10m",
                "--to=-1m",
                "--filter=(tcp or udp) and (reject or flags rst)",
                "--detail=exact",
                "--vantage=all",
            ],
        ),
    ] {
        let output = user.capture(&archive, values, window).output().unwrap();
        let expected = convert(&[&archive], options).capture();
        let captured = user.captured();
        assert_eq!(
            captured.packets,
            expected.packets,
            "{}",
            text(&output.stderr)
        );
        assert_eq!(captured.interfaces, expected.interfaces);
        assert!(
            !text(&output.stderr).contains("rror"),
            "{}",
            text(&output.stderr)
        );
        user.assert_nothing_left(&archive);
    }
}

#[test]
fn failures_reach_wireshark_in_few_words() {
    if tshark().is_none() {
        return;
    }
    let user = User::new();
    let incident = testdata("incident");
    let missing = user.home.path().join("no such folder; $(id)");
    for (archive, values, window, reason) in [
        (
            &missing,
            &[][..],
            &[][..],
            "no such folder; $(id): No such file or directory",
        ),
        (
            &incident,
            &["from:yesterday"],
            &[],
            "invalid value 'yesterday' for '--from <TIME>': expected",
        ),
        (
            &incident,
            &["detail:most"],
            &[],
            "invalid value 'most' for '--detail <DETAIL>'",
        ),
        (
            &incident,
            &["filter:port 9999"],
            &[],
            "no record matches port 9999; 80 records were read",
        ),
        (&incident, &["vantage:eni-1"], &[], "eni-1"),
        (
            &incident,
            &[],
            &["-f", "prot 443"],
            "the capture filter is not one: ",
        ),
    ] {
        let output = user.capture(archive, values, window).output().unwrap();
        let stderr = text(&output.stderr);
        let errors = stderr.matches("Error by extcap pipe: ").count();
        assert!(errors == 1 && stderr.contains(reason), "{reason}: {stderr}");
        assert!(
            !stderr.contains("tip:") && !stderr.contains('\x1b'),
            "{stderr}"
        );
        user.assert_nothing_left(archive);
    }
}

#[test]
fn archive_that_is_not_chosen_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, child) = capture_into_pipe(folder.path(), Path::new(""));
    let sent = PipeReader::of(&pipe).read_all();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "no archive is chosen; name the folder of the flow logs in the options of the interface flow2pcap\n"
    );
    // One section header and nothing else (pcapng, section 4.1): a capture without packets.
    assert_eq!(sent[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    assert_eq!(sent[4..8], u32::try_from(sent.len()).unwrap().to_le_bytes());
}

#[test]
fn tshark_that_has_enough_leaves_nothing() {
    if tshark().is_none() {
        return;
    }
    let user = User::new();
    let (_folder, log) = large();
    let output = user.capture(&log, &[], &["-c", "5"]).output().unwrap();
    assert_eq!(user.captured().packets.len(), 5, "{}", text(&output.stderr));
    assert!(
        !text(&output.stderr).contains("rror"),
        "{}",
        text(&output.stderr)
    );
    user.assert_nothing_left(&log);
}

#[test]
fn tshark_that_is_interrupted_leaves_nothing() {
    if tshark().is_none() {
        return;
    }
    let user = User::new();
    let (_folder, log) = large();
    let mut command = user.capture(&log, &[], &[]);
    // As Ctrl-C does, the signal goes to all of them.
    let child = command
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    while running_with(&log).is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let group = format!("-{}", child.id());
    let kill = Command::new("kill")
        .args(["-s", "INT", "--", &group])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(
        !text(&output.stderr).contains("extcap pipe"),
        "{}",
        text(&output.stderr)
    );
    user.assert_nothing_left(&log);
}

#[test]
fn signal_is_a_good_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_folder, log) = large();
    let (pipe, child) = capture_into_pipe(folder.path(), &log);
    let mut reader = PipeReader::of(&pipe);
    reader.read_some();
    let id = child.id().to_string();
    let kill = Command::new("kill").args(["-s", "TERM", &id]).status();
    assert!(kill.unwrap().success());
    assert_silent_success(&child.wait_with_output().unwrap());
    assert_eq!(names_in(folder.path()), ["pipe"]);
}

#[test]
fn pipe_without_a_reader_is_a_good_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_folder, log) = large();
    let (pipe, child) = capture_into_pipe(folder.path(), &log);
    let mut reader = PipeReader::of(&pipe);
    reader.read_some();
    reader.end();
    assert_silent_success(&child.wait_with_output().unwrap());
    assert_eq!(names_in(folder.path()), ["pipe"]);
}

#[test]
fn pipe_that_was_removed_does_not_become_a_file() {
    let folder = tempfile::tempdir().unwrap();
    // More than a pipe holds, so that it has not ended before the pipe is removed.
    let (_folder, log) = large();
    let (pipe, child) = capture_into_pipe(folder.path(), &log);
    let reader = PipeReader::of(&pipe);
    // Open at both ends: the program has begun to read.
    while fs::read_dir(format!("/proc/{}/fd", child.id()))
        .unwrap()
        .flatten()
        .all(|fd| fs::read_link(fd.path()).is_ok_and(|to| to != pipe))
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    fs::remove_file(&pipe).unwrap();
    let sent = reader.read_all();
    assert_silent_success(&child.wait_with_output().unwrap());
    assert!(pcapng::read(&sent).packets.len() > 10_000);
    assert_eq!(names_in(folder.path()), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_words_have_an_answer_that_can_be_seen(
        first in prop_oneof!["--capture", "--extcap-[a-z]{0,9}", Just("--extcap-config".to_owned())],
        more in prop::collection::vec(
            prop_oneof![
                Just("--extcap-interface".to_owned()), Just("flow2pcap".to_owned()), Just("--filter".to_owned()),
                Just("--extcap-capture-filter".to_owned()), Just("--fifo".to_owned()), Just("/no/such".to_owned()),
                any::<String>(),
            ],
            0..6,
        ),
    ) {
        let words = ["flow2pcap".to_owned(), first].into_iter().chain(more).map(OsString::from);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let _ = flow2pcap::cli::run(words, &mut Streams::to(&mut out, &mut err));
        for bytes in [out, err] {
            visible(&String::from_utf8(bytes).unwrap());
        }
    }
}
