//! Whole outputs, compared with `tests/snapshots/`, `README.md` and `docs/`.
//!
//! Every `console` block in those files is a run of the program: the line after `$` is the command,
//! the rest is its output, `...` on its own line elides lines, and `[..]` elides text within a line.
//! After a change of wording, look at the difference and run
//! `TRYCMD=overwrite cargo test --test snapshots`.
//!
//! This is a program of its own because it changes its working directory: commands run in a
//! temporary folder that holds a link to `testdata`, so their outputs do not land in the repository.

#![cfg(unix)] // paths in outputs have slashes

use std::path::Path;

#[test]
fn outputs_are_those_of_the_snapshots_and_documents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::os::unix::fs::symlink(root.join("testdata"), folder.path().join("testdata"))
        .expect("a link to the test data");
    std::env::set_current_dir(folder.path()).expect("a working directory");
    let cases = trycmd::TestCases::new();
    cases
        .default_bin_path(env!("CARGO_BIN_EXE_flow2pcap"))
        .register_bin(
            "flow2pcap",
            Path::new(env!("CARGO_BIN_EXE_flow2pcap")).to_path_buf(),
        )
        .env("COLUMNS", "100")
        .env("TZ", "UTC")
        .env("NO_COLOR", "1");
    for pattern in [
        "tests/snapshots/*.md",
        "README.md",
        "docs/*.md",
        "docs/**/*.md",
    ] {
        cases.case(root.join(pattern));
    }
    cases.run();
}
