//! Whole command lines that must succeed, or fail with one error.

use std::path::{Path, PathBuf};

use super::{Run, assert_one_error, flow2pcap, run};

/// Runs the program, which must succeed.
#[track_caller]
pub(crate) fn done(arguments: &[&str], inputs: &[PathBuf]) -> Run {
    let run = run(flow2pcap().args(arguments).args(inputs));
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
    run
}

/// Runs the program, which must fail with one error.
#[track_caller]
pub(crate) fn error(arguments: &[&str], inputs: &[PathBuf]) -> String {
    let run = run(flow2pcap().args(arguments).args(inputs));
    assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
    assert_one_error(&run.stderr);
    run.stderr
}

/// A path as it is typed.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
