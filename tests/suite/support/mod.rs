//! What the tests share: running the program, and reading what it wrote.
//!
//! Captures are read in two ways. [`tshark`] is the judge of what a person will
//! see, where it is installed. [`testkit::pcapng`] is a reader of our own that forgives
//! nothing and is always there; it knows neither pcap-file nor the library.

pub(crate) mod attempts;
pub(crate) mod balanced;
pub(crate) mod browser;
pub(crate) mod exposition;
pub(crate) mod libpcap;
pub(crate) mod story;
pub(crate) mod sums;
pub(crate) mod tables;
pub(crate) mod tshark;
pub(crate) mod typed;
pub(crate) mod wrapping;

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use testkit::pcapng::{self, rules};

/// Column order of the logs that troubleshooters make; their files have no header.
pub(crate) const TROUBLESHOOTING: &str =
    "pkt-srcaddr srcaddr srcport pkt-dstaddr dstaddr dstport tcp-flags action";

/// A file or folder of `testdata/`.
pub(crate) fn testdata(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    assert!(path.exists(), "{} is not there", path.display());
    path
}

/// The program, to be given arguments.
pub(crate) fn flow2pcap() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flow2pcap"));
    command.timeout(std::time::Duration::from_secs(120));
    // Paths of temporary folders differ in length, so no expectation may depend on where lines wrap.
    command.env("COLUMNS", "1000");
    command
}

/// Asserts that `stderr` is one error, with nothing after it except tips.
#[track_caller]
pub(crate) fn assert_one_error(stderr: &str) {
    let (error, tips) = stderr.split_once('\n').unwrap_or((stderr, ""));
    assert!(error.starts_with("error: "), "{stderr}");
    let are_tips = tips.is_empty() || tips.starts_with("\n  tip: ");
    assert!(are_tips && !tips.contains("error:"), "{stderr}");
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit status.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: Vec<u8>,
    /// Standard error, as text.
    pub(crate) stderr: String,
}

/// Runs `command` to its end. What capture it wrote is read by [`pcapng`] and held to [`rules`].
pub(crate) fn run(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    if let Some(0 | 1) = output.status.code() {
        let arguments: Vec<&OsStr> = command.get_args().collect();
        let named = arguments.windows(2).find(|two| two[0] == "-o");
        match named.map(|two| Path::new(two[1])) {
            Some(path) if path == "-" => accept(&output.stdout),
            Some(path) if arguments.contains(&OsStr::new("--split")) => {
                parts_of(path)
                    .iter()
                    .for_each(|path| accept(&fs::read(path).unwrap()));
            }
            Some(path) => accept(&fs::read(path).unwrap()),
            None => {}
        }
    }
    Run {
        code: output.status.code().expect("not ended by a signal"),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The parts that its index names beside this path; the names have no commas.
pub(crate) fn parts_of(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (stem, _) = name.split_once(".pcap").unwrap();
    let index = fs::read_to_string(path.with_file_name(format!("{stem}.csv"))).unwrap();
    let rows = index.lines().skip(1);
    rows.map(|row| path.with_file_name(row.split(',').next().unwrap()))
        .collect()
}

/// What is in the file, unpacked if it is packed.
pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    unpack(&bytes)
}

/// Reads a pcapng, packed or not, as strictly as can be; classic pcap is no business of ours.
fn accept(bytes: &[u8]) {
    let unpacked = unpack(bytes);
    if unpacked[..4] != 0xa1b2_3c4d_u32.to_le_bytes() {
        rules::check(&pcapng::read(&unpacked));
    }
}

fn unpack(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [0x1f, 0x8b, ..] => {
            let mut unpacked = Vec::new();
            let mut decoder = flate2::read::MultiGzDecoder::new(bytes);
            decoder.read_to_end(&mut unpacked).unwrap();
            unpacked
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::decode_all(bytes).unwrap(),
        _ => bytes.to_vec(),
    }
}

/// A capture in a folder that goes away with it, and the summary of its making.
pub(crate) struct Converted {
    _folder: TempDir,
    path: PathBuf,
    summary: Value,
}

/// Runs `flow2pcap convert` on `inputs`, which must end with status 0.
pub(crate) fn convert<P: AsRef<Path>>(inputs: &[P], options: &[&str]) -> Converted {
    convert_to("out.pcapng", inputs, options)
}

/// Like [`convert`], to a file of this name.
pub(crate) fn convert_to<P: AsRef<Path>>(name: &str, inputs: &[P], options: &[&str]) -> Converted {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut command = flow2pcap();
    command.arg("convert").arg("--json").arg("-o").arg(&path);
    command.args(options);
    for input in inputs {
        command.arg(input.as_ref());
    }
    let run = run(&mut command);
    assert_eq!(run.code, 0, "{}", run.stderr);
    Converted {
        summary: serde_json::from_slice(&run.stdout).unwrap(),
        _folder: folder,
        path,
    }
}

impl Converted {
    /// The capture.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// What our own reader makes of it.
    pub(crate) fn capture(&self) -> pcapng::Capture {
        pcapng::read(&self.bytes())
    }

    /// The summary that `--json` gave.
    pub(crate) fn summary(&self) -> &Value {
        &self.summary
    }

    /// A count of the summary, by its JSON pointer; 0 where it is not there.
    pub(crate) fn count(&self, pointer: &str) -> u64 {
        self.summary
            .pointer(pointer)
            .map_or(0, |value| value.as_u64().unwrap())
    }

    /// Lines that are no record, over all reasons.
    pub(crate) fn skipped(&self) -> u64 {
        let reasons = self.summary["records"]["skipped"].as_object().unwrap();
        reasons
            .values()
            .map(|reason| reason["count"].as_u64().unwrap())
            .sum()
    }

    /// Asserts that every line of the input has one fate.
    #[track_caller]
    pub(crate) fn assert_lines_add_up(&self) {
        let fates = [
            "headers",
            "blank",
            "control",
            "used",
            "duplicates",
            "other_vantage",
            "other_shard",
            "filtered",
            "no_data",
            "skip_data",
        ];
        let named = fates.map(|fate| self.count(&format!("/records/{fate}")));
        let accounted: u64 = named.iter().sum::<u64>() + self.skipped();
        assert_eq!(
            self.count("/records/lines"),
            accounted,
            "{}",
            self.summary["records"]
        );
    }
}

/// A file with these bytes in a folder of its own.
pub(crate) fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// Names of the files in a folder, sorted.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
