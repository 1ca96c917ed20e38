//! What must hold of the files of runs that share an archive, whoever wrote them: captures of shards, facts,
//! and partial results.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flow2pcap::cli::{Streams, run};
use flow2pcap::pipeline::Facts;

use super::printing::visible;

/// What is between two files of an input.
const NEXT_FILE: &[u8] = b"\n--next-file--\n";

/// The most files that are read together.
const FILES_MAX: usize = 4;

/// Where a seed has the version of the program, so that a new version does not make all seeds alike.
const VERSION: &[u8] = b"@VERSION@";

/// Files are merged or refused with a message that can be seen, and what was merged is whole.
///
/// The first byte chooses how the files are read; they are separated by `--next-file--` on a line of its own.
///
/// # Panics
/// An error has no message, a message or an answer cannot be seen, or a capture is longer or shorter than the
/// run says.
pub fn merged(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<PathBuf> = files(rest)
        .into_iter()
        .enumerate()
        .map(|(number, file)| {
            let path = folder.path().join(format!("{number}.part"));
            fs::write(&path, file).expect("room for it");
            path
        })
        .collect();
    match choice % 4 {
        0 => captures(&paths, folder.path()),
        1 => {
            if let Err(error) = Facts::read_all(&paths) {
                let message = error.to_string();
                assert!(!message.is_empty());
                visible(&message);
            }
        }
        2 => answer(&paths, &["merge"]),
        _ => answer(&paths, &["merge", "--json"]),
    }
}

fn files(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let mut rest = bytes;
    while let Some(at) = found(rest, NEXT_FILE).filter(|_| files.len() + 1 < FILES_MAX) {
        files.push(with_version(&rest[..at]));
        rest = &rest[at + NEXT_FILE.len()..];
    }
    files.push(with_version(rest));
    files
}

fn found(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

/// Puts the version of the program where a seed has a place for it.
fn with_version(bytes: &[u8]) -> Vec<u8> {
    static OWN: OnceLock<String> = OnceLock::new();
    let own = OWN.get_or_init(|| {
        let (said, _) = typed(&["--version"], &[]);
        said.trim()
            .rsplit(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    });
    match found(bytes, VERSION) {
        Some(at) => [&bytes[..at], own.as_bytes(), &bytes[at + VERSION.len()..]].concat(),
        None => bytes.to_vec(),
    }
}

/// Runs the program on these files; returns what it printed and its messages.
fn typed(words: &[&str], paths: &[PathBuf]) -> (String, String) {
    let words = ["flow2pcap"].iter().chain(words).map(Into::into);
    let typed = words.chain(paths.iter().map(Into::into));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    // The status says nothing: most files are refused.
    let _ = run(typed, &mut Streams::to(&mut out, &mut err));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(out), text(err))
}

fn captures(paths: &[PathBuf], folder: &Path) {
    let output = folder.join("out.pcapng");
    let merged = flow2pcap::pipeline::merge(paths, &output);
    match merged {
        Ok(merged) => {
            let len = fs::metadata(&output).expect("it was written").len();
            assert_eq!(merged.file_bytes, len);
        }
        Err(error) => {
            assert!(!output.exists());
            let message = error.to_string();
            assert!(!message.is_empty());
            visible(&message);
        }
    }
}

fn answer(paths: &[PathBuf], words: &[&str]) {
    let (out, err) = typed(words, paths);
    visible(&out);
    visible(&err);
    assert!(!out.is_empty() || err.contains("error: "), "{err}");
    if words.contains(&"--json") && !out.is_empty() {
        serde_json::from_str::<serde_json::Value>(&out).expect("JSON");
    }
}
