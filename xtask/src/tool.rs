//! Programs that the tasks run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// The top of the repository.
pub(crate) fn top() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Cargo, run at the top of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(top());
    command
}

/// The compiler that cargo uses.
pub(crate) fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Runs `command` and returns its standard output.
///
/// # Errors
/// A program that does not start or fails, and output that is not text.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let name = PathBuf::from(command.get_program());
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", name.display()))?;
    let arguments: Vec<&OsStr> = command.get_args().collect();
    anyhow::ensure!(
        output.status.success(),
        "{} {arguments:?} failed, {}: {}",
        name.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).with_context(|| {
        format!(
            "{} {arguments:?} printed bytes that are not text",
            name.display()
        )
    })
}
