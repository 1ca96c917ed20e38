//! Which file format and which compression a file's name asks for.

use std::{fs, path::Path};

use crate::error::{Error, Result};
use crate::printable::shown;

/// The file format of the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// pcapng, with interfaces, comments, names and directions.
    #[default]
    Pcapng,
    /// Classic pcap with nanoseconds, for tools that read nothing else: packets
    /// and times, no interfaces, comments, names or directions.
    Pcap,
}

impl Format {
    /// The format that the ending of `path` asks for.
    ///
    /// A path that is no regular file (`-`, a pipe, a device) may have any name
    /// and is pcapng unless the name says otherwise.
    ///
    /// # Errors
    /// [`Usage`](crate::error::ErrorKind::Usage) if the ending says nothing; the
    /// message lists those that do.
    pub fn of(path: &Path) -> Result<Self> {
        let (stem, _) = uncompressed(path);
        if stem.ends_with(".pcapng") {
            return Ok(Self::Pcapng);
        }
        if stem.ends_with(".pcap") {
            return Ok(Self::Pcap);
        }
        // A folder passes too: opening it gives the better message.
        let is_special = fs::metadata(path).is_ok_and(|found| !found.is_file());
        if path == Path::new("-") || is_special {
            return Ok(Self::Pcapng);
        }
        Err(Error::usage(format!(
            "the ending of {} names no format; use .pcapng, or .pcap for older tools, \
             and .gz or .zst after it to compress",
            shown(path)
        )))
    }
}

/// How the file is compressed. Wireshark opens all three directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip (`.gz`).
    Gzip,
    /// Zstandard (`.zst`).
    Zstd,
}

impl Compression {
    /// The compression that the ending of `path` asks for.
    pub fn of(path: &Path) -> Self {
        uncompressed(path).1
    }
}

/// The name in lower case without the ending of its compression, and that.
fn uncompressed(path: &Path) -> (String, Compression) {
    let name = path.file_name().unwrap_or_default();
    let mut stem = name.to_string_lossy().to_ascii_lowercase();
    for (ending, compression) in [(".gz", Compression::Gzip), (".zst", Compression::Zstd)] {
        if stem.ends_with(ending) {
            stem.truncate(stem.len() - ending.len());
            return (stem, compression);
        }
    }
    (stem, Compression::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, format: Format, compression: Compression) {
        assert_eq!(Format::of(Path::new(path)).unwrap(), format);
        assert_eq!(Compression::of(Path::new(path)), compression);
    }

    #[test]
    fn ending_decides() {
        check("a/b.pcapng", Format::Pcapng, Compression::None);
        check("b.pcapng.gz", Format::Pcapng, Compression::Gzip);
        check("b.pcapng.zst", Format::Pcapng, Compression::Zstd);
        check("b.pcap", Format::Pcap, Compression::None);
        check("b.PCAP.GZ", Format::Pcap, Compression::Gzip);
        check("b.pcap.zst", Format::Pcap, Compression::Zstd);
    }

    #[test]
    fn pipe_and_device_are_pcapng() {
        check("-", Format::Pcapng, Compression::None);
        check("/dev/null", Format::Pcapng, Compression::None);
    }

    #[test]
    fn unknown_ending_is_error_that_lists_the_known() {
        for name in ["out.txt", "out", "out.gz", "pcapng", "out.pcapng.bz2"] {
            let message = Format::of(Path::new(name)).unwrap_err().to_string();
            assert!(
                message.contains(name) && message.contains(".pcapng"),
                "{message}"
            );
        }
    }
}
