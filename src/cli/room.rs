//! How much memory a run may use, and where the rest goes.

use std::path::PathBuf;

use clap::Args;
use flow2pcap::printable::shown;

use super::reading::temp_dir;
use super::size;

/// The least memory that makes sense.
const MEMORY_MIN: u64 = 16 << 20;

#[derive(Debug, Args)]
pub(crate) struct Room {
    /// Memory to use, about, whatever the size of the archive: 256MiB, 4GiB
    ///
    /// What has no room goes to temporary files, which costs time and room on the disk: half of the
    /// archive's text, and the packets of long connections; the summary says how much. Mapped
    /// files do not count.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_memory)]
    pub(crate) memory: u64,

    /// Where temporary files go [default: TMPDIR, or /var/tmp where there is none]
    #[arg(long, value_name = "FOLDER")]
    temp_dir: Option<PathBuf>,
}

impl Room {
    /// Where temporary files go.
    ///
    /// # Errors
    /// What was typed is no folder.
    pub(crate) fn temp_dir(&self) -> anyhow::Result<PathBuf> {
        let Some(folder) = &self.temp_dir else {
            return Ok(temp_dir());
        };
        anyhow::ensure!(
            folder.is_dir(),
            "{} is no folder; --temp-dir names one that is there",
            shown(folder)
        );
        Ok(folder.clone())
    }
}

fn parse_memory(text: &str) -> Result<u64, String> {
    match size::parse(text)? {
        size if size >= MEMORY_MIN => Ok(size),
        _ => Err("less than 16MiB does not hold what one thread works on".into()),
    }
}
