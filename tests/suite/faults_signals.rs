//! Signals at any moment of a large conversion: afterwards the output is whole, or as it was before.
//!
//! `FLOW2PCAP_KILLS` is how often each test tries; the moments follow from a seed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::names_in;
use tempfile::TempDir;
use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

/// Names and what each file holds.
type Files = BTreeMap<String, Vec<u8>>;

/// A conversion that goes to the disk, and the folders it writes to.
struct Conversion {
    log: PathBuf,
    out: TempDir,
    temporary: TempDir,
    more: &'static [&'static str],
    _input: TempDir,
}

impl Conversion {
    fn new(more: &'static [&'static str]) -> Self {
        let [input, out, temporary] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let log = input.path().join("large.log");
        let settings = Settings::new(Version::V5, 3);
        generate(settings, Goal::Lines(40_000), Shape::OneFile, false, &log).unwrap();
        Self {
            log,
            out,
            temporary,
            more,
            _input: input,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flow2pcap"));
        command
            .args(["convert", "-q", "--memory", "16MiB", "--detail", "control"])
            .args(self.more)
            .arg("--temp-dir")
            .arg(self.temporary.path())
            .arg("-o")
            .arg(self.out.path().join("out.pcapng"))
            .arg(&self.log)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Runs to the end, which must be a good one.
    fn run(&self) -> Files {
        let run = self.command().output().unwrap();
        assert!(run.status.success(), "{run:?}");
        files_in(self.out.path())
    }

    /// Sends a signal so long after the start.
    fn run_until(&self, moment: Duration, signal: &str) -> Output {
        let run = self.command().spawn().unwrap();
        std::thread::sleep(moment);
        // It may have ended, and keeps its number until it is waited for.
        let id = run.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(kill.unwrap().success());
        run.wait_with_output().unwrap()
    }
}

fn files_in(folder: &Path) -> Files {
    let names = names_in(folder).into_iter();
    names
        .map(|name| {
            let bytes = fs::read(folder.join(&name)).unwrap();
            (name, bytes)
        })
        .collect()
}

/// Numbers that look random, the same every time (Knuth's MMIX constants).
fn next(seed: &mut u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// Interrupts runs where there is an older output and where there is none.
fn interrupt_often(conversion: &Conversion) {
    use std::os::unix::process::ExitStatusExt as _;

    let begun = Instant::now();
    let whole = conversion.run();
    let lasted = u64::try_from(begun.elapsed().as_millis()).unwrap();
    let kills = std::env::var("FLOW2PCAP_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let mut seed = 7;
    for kill in 0..kills {
        let (signal, code) = [("INT", 130), ("TERM", 143), ("KILL", 0)][kill % 3];
        let older = if kill % 2 == 0 { "of last week" } else { "" };
        for name in names_in(conversion.out.path()) {
            fs::remove_file(conversion.out.path().join(name)).unwrap();
        }
        for name in whole.keys().filter(|_| !older.is_empty()) {
            fs::write(conversion.out.path().join(name), older).unwrap();
        }
        let before = files_in(conversion.out.path());
        let moment = Duration::from_millis(next(&mut seed) % (lasted + lasted / 8));
        let run = conversion.run_until(moment, signal);
        let said = String::from_utf8(run.stderr).unwrap();
        let mut left = files_in(conversion.out.path());
        let what = format!("{signal} at {moment:?} of {lasted} ms: {said}");
        assert_eq!(names_in(conversion.temporary.path()), [""; 0], "{what}");
        if signal == "KILL" {
            left.retain(|name, _| !name.ends_with(".part"));
        }
        assert!(left == before || left == whole, "{what}: {:?}", left.keys());
        match run.status.code() {
            Some(0) => assert!(left == whole, "{what}"),
            Some(status) => {
                assert_eq!(status, code, "{what}");
                assert_eq!(said.contains("no output written"), left == before, "{what}");
                assert_eq!(said.contains("output is complete"), left == whole, "{what}");
            }
            // Before anything listens to it, a signal ends the process by itself.
            None => assert!(left == before || run.status.signal() == Some(9), "{what}"),
        }
    }
    // The next run leaves nothing of those before.
    let whole_names: Vec<&String> = whole.keys().collect();
    assert_eq!(conversion.run().keys().collect::<Vec<_>>(), whole_names);
}

#[test]
fn capture_is_whole_or_not_there_whenever_a_signal_comes() {
    interrupt_often(&Conversion::new(&[]));
}

#[test]
fn parts_are_all_there_or_none_whenever_a_signal_comes() {
    interrupt_often(&Conversion::new(&["--split", "connections=2000"]));
}

#[test]
fn terminal_has_its_line_back_after_an_interrupt() {
    let conversion = Conversion::new(&[]);
    let out = conversion.out.path().join("out.pcapng");
    // script(1) gives the program a terminal. It waits for more records, so the progress line is drawn.
    let line = format!(
        "(cat '{}'; sleep 4) | timeout --foreground -s INT 2 '{}' convert - -o '{}'",
        conversion.log.display(),
        env!("CARGO_BIN_EXE_flow2pcap"),
        out.display()
    );
    let typed = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .envs([("NO_COLOR", "1"), ("TERM", "xterm")])
        .stdin(Stdio::null())
        .output();
    let Ok(typed) = typed else {
        use std::io::Write as _;
        // Nothing is lost if stderr is closed.
        let _ = writeln!(
            std::io::stderr(),
            "left out, for want of script(1): terminal_has_its_line"
        );
        return;
    };
    let seen = String::from_utf8_lossy(&typed.stdout);
    let (drawn, end) = seen.split_once("error: interrupted").unwrap();
    assert!(drawn.contains("reading"), "{seen:?}");
    // What was drawn is cleared, the message begins a line, and nothing is drawn behind it.
    assert!(
        drawn.ends_with("\r\u{1b}[2K") || drawn.ends_with("\u{1b}[2K"),
        "{seen:?}"
    );
    assert!(!end.contains("reading"), "{seen:?}");
    assert!(
        !seen.contains("\u{1b}[?25l") || end.contains("\u{1b}[?25h"),
        "{seen:?}"
    );
}
