//! How much memory a run may use, and where temporary files go.

use std::path::PathBuf;

use clap::Args;
use flow2pcap::printable::shown;

use super::advice::refusal;

/// The least memory that a run can work with.
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
    /// Returns the folder of temporary files.
    ///
    /// # Errors
    /// Fails if the folder does not exist.
    pub(crate) fn temp_dir(&self) -> anyhow::Result<PathBuf> {
        let Some(folder) = &self.temp_dir else {
            return Ok(temp_dir());
        };
        if !folder.is_dir() {
            return Err(refusal(
                format!("{} is not a folder", shown(folder)),
                "give --temp-dir a folder that exists",
            ));
        }
        Ok(folder.clone())
    }
}

fn parse_memory(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        size if size >= MEMORY_MIN => Ok(size),
        _ => Err("at least 16MiB, which one thread needs".into()),
    }
}

/// Parses a size such as `512MiB`, `256MB` or `4g`. Units are powers of 1024, with or without an i.
///
/// # Errors
/// Says what was expected.
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
    size.ok_or_else(|| "too many bytes".into())
}

/// Parses a number of packets such as `1000000`, `500k` or `2M`.
///
/// # Errors
/// Returns a message that says what was expected.
pub(crate) fn parse_packets(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1_000),
        None => match text.strip_suffix(['m', 'M']) {
            Some(number) => (number, 1_000_000),
            None => (text, 1),
        },
    };
    let count = number.parse().ok().filter(|count| *count > 0);
    let count = count.and_then(|count: u64| count.checked_mul(factor));
    count.ok_or_else(|| "expected a number greater than 0, such as 1000000, 500k or 2M".into())
}

/// Returns the default folder of temporary files. It is not `/tmp`, which is in memory on many systems.
pub(crate) fn temp_dir() -> PathBuf {
    let lasting = PathBuf::from("/var/tmp");
    match std::env::var_os("TMPDIR") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ if lasting.is_dir() => lasting,
        _ => std::env::temp_dir(),
    }
}
