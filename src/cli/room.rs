//! The options for memory and temporary files.

use std::path::PathBuf;

use clap::Args;
use flow2pcap::printable::shown;

/// The smallest value of `--memory`.
const MEMORY_MIN: u64 = 16 << 20;

#[derive(Debug, Args)]
pub(crate) struct RoomArgs {
    /// Approximate memory to use, whatever the size of the archive: 256MiB, 4GiB
    ///
    /// Data beyond this goes to temporary files, which costs time and disk space: about half the size
    /// of the archive's text, and the packets of long connections. The summary says how much.
    /// Memory-mapped input files are not included.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_memory)]
    pub(crate) memory: u64,

    /// Directory for temporary files [default: TMPDIR, or /var/tmp if unset]
    #[arg(long, value_name = "FOLDER")]
    temp_dir: Option<PathBuf>,
}

impl RoomArgs {
    /// Returns the directory for temporary files.
    ///
    /// # Errors
    /// Fails if the given path is not a directory.
    pub(crate) fn temp_dir(&self) -> anyhow::Result<PathBuf> {
        let Some(folder) = &self.temp_dir else {
            return Ok(temp_dir());
        };
        anyhow::ensure!(
            folder.is_dir(),
            "{} is not a directory; give --temp-dir one that exists",
            shown(folder)
        );
        Ok(folder.clone())
    }
}

fn parse_memory(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        size if size >= MEMORY_MIN => Ok(size),
        _ => Err("the minimum is 16MiB, the working memory of one thread".into()),
    }
}

/// Parses a size such as `512MiB`, `256MB` or `4g`. All units are powers of 1024, with or without
/// the `i`, as memory is sold.
///
/// # Errors
/// Returns a message that says what was expected.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "kib" | "kb" | "k" => 10,
        "mib" | "mb" | "m" => 20,
        "gib" | "gb" | "g" => 30,
        "tib" | "tb" | "t" => 40,
        _ => return Err("expected a number and KiB, MiB, GiB or TiB, such as 512MiB".into()),
    };
    let size = number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(1 << shift));
    size.ok_or_else(|| "the size is too large".into())
}

/// Returns the default directory for temporary files. It is not `/tmp`, which is in memory on many
/// systems.
pub(crate) fn temp_dir() -> PathBuf {
    let lasting = PathBuf::from("/var/tmp");
    match std::env::var_os("TMPDIR") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ if lasting.is_dir() => lasting,
        _ => std::env::temp_dir(),
    }
}
