//! What a release holds. A script plays the program, so that nothing has to be built.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::*;

/// Prints what it is called with, and names a page on its own page.
const PROGRAM: &str =
    "#!/bin/sh\necho \"$*\"\n[ \"$*\" != man ] || echo 'flow2pcap\\-convert(1)'\n";

/// A release of the script, and the names and texts in its archive.
fn release() -> (TempDir, BTreeMap<String, String>) {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, PROGRAM).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let dist = Dist {
        skip_build: true,
        binary: Some(script),
        output: folder.path().join("dist"),
    };
    dist.run().unwrap();
    let bytes = fs::read(archive(&folder)).unwrap();
    let mut tar = tar::Archive::new(GzDecoder::new(&*bytes));
    let mut files = BTreeMap::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let (top, name) = name.split_once('/').unwrap();
        assert!(archive(&folder).ends_with(format!("{top}.tar.gz")));
        let is_program = name == "flow2pcap";
        assert_eq!(entry.header().mode().unwrap() & 0o111 != 0, is_program);
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name.to_owned(), text);
    }
    (folder, files)
}

/// The archive in the folder of a release.
fn archive(folder: &TempDir) -> PathBuf {
    let entries = fs::read_dir(folder.path().join("dist")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths
        .find(|path| path.to_str().unwrap().ends_with(".tar.gz"))
        .unwrap()
}

#[test]
fn release_holds_program_pages_completions_and_licenses() {
    let (_folder, files) = release();
    assert_eq!(files["flow2pcap"], PROGRAM);
    assert_eq!(files["man/flow2pcap-convert.1"], "man convert\n");
    assert!(files["man/flow2pcap.1"].starts_with("man\n"));
    for (shell, name) in COMPLETIONS {
        let completions = &files[&format!("completions/{name}")];
        assert_eq!(*completions, format!("completions {shell}\n"));
    }
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        assert!(files.contains_key(license), "{license}");
    }
    let notices = &files["THIRD-PARTY-LICENSES.txt"];
    for part in ["\nclap 4.", "\nzstd-sys ", "Permission is hereby granted"] {
        assert!(notices.contains(part), "{part}");
    }
    // Tests and build scripts use these crates, and the program does not.
    for part in ["\nproptest ", "\ncriterion ", "\ntestkit "] {
        assert!(!notices.contains(part), "{part}");
    }
}

#[test]
fn sums_fit_the_archive_and_a_second_run_gives_the_same_bytes() {
    let (first, _) = release();
    let (second, _) = release();
    let bytes = fs::read(archive(&first)).unwrap();
    assert!(bytes == fs::read(archive(&second)).unwrap());
    let sums = fs::read_to_string(first.path().join("dist/SHA256SUMS")).unwrap();
    let (sum, name) = sums.trim_end().split_once("  ").unwrap();
    assert!(archive(&first).ends_with(name));
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(sum, digest);
}

#[test]
fn program_that_does_not_run_is_no_release() {
    let folder = TempDir::new().unwrap();
    let dist = Dist {
        skip_build: true,
        binary: Some(folder.path().join("missing")),
        output: folder.path().join("dist"),
    };
    let error = format!("{:#}", dist.run().unwrap_err());
    assert!(error.contains("missing"), "{error}");
    assert!(!folder.path().join("dist/SHA256SUMS").exists());
}
