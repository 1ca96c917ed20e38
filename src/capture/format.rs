//! The file format for a file name, and the names of the parts of a capture.

use std::{fs, path::Path};

use crate::error::{Error, Result};
use crate::output::{Compression, PartNames};
use crate::printable::shown;

/// The file format of the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// pcapng, with interfaces, comments, names and directions.
    #[default]
    Pcapng,
    /// Classic pcap with nanoseconds, for tools that read nothing else: packets and times, without
    /// interfaces, comments, names or directions.
    Pcap,
}

impl Format {
    /// Returns the format for the extension of `path`.
    ///
    /// A path that is not a regular file (`-`, a pipe, a device) may have any name and is pcapng
    /// unless its name has another known extension.
    ///
    /// # Errors
    /// Returns [`Usage`](crate::error::ErrorKind::Usage) if the extension is unknown; the message
    /// lists the known ones.
    pub fn of(path: &Path) -> Result<Self> {
        let (stem, _) = Compression::split(path);
        if stem.ends_with(".pcapng") {
            return Ok(Self::Pcapng);
        }
        if stem.ends_with(".pcap") {
            return Ok(Self::Pcap);
        }
        // A folder is accepted too: opening it gives the better error message.
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

/// An example name for a capture, used in messages.
pub const EXAMPLE: &str = "capture.pcapng";

/// Returns the names for the parts of a capture at `path`: for `out.pcapng`, these are
/// `out-NAME.pcapng` and the index `out.csv`.
///
/// # Errors
/// Returns [`Usage`](crate::error::ErrorKind::Usage) if `path` cannot have parts: it is standard
/// output, or its name does not end in `.pcapng` or `.pcap`.
pub fn part_names(path: &Path) -> Result<PartNames<'_>> {
    let name = path.file_name().and_then(|name| name.to_str());
    let end = name.and_then(|name| name.to_ascii_lowercase().rfind(".pcap"));
    let (Some(name), Some(end @ 1..)) = (name, end) else {
        return Err(Error::usage(format!(
            "several captures need a file name to be named after, which {} is not; give one \
             such as out.pcapng",
            shown(path)
        )));
    };
    let (stem, ending) = name.split_at(end);
    Ok(PartNames {
        whole: path,
        stem,
        ending,
        example: EXAMPLE,
    })
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
    fn extension_decides_the_format() {
        check("a/b.pcapng", Format::Pcapng, Compression::None);
        check("b.pcapng.gz", Format::Pcapng, Compression::Gzip);
        check("b.pcapng.zst", Format::Pcapng, Compression::Zstd);
        check("b.pcap", Format::Pcap, Compression::None);
        check("b.PCAP.GZ", Format::Pcap, Compression::Gzip);
        check("b.pcap.zst", Format::Pcap, Compression::Zstd);
    }

    #[test]
    fn pipes_and_devices_are_pcapng() {
        check("-", Format::Pcapng, Compression::None);
        check("/dev/null", Format::Pcapng, Compression::None);
    }

    #[test]
    fn error_for_an_unknown_extension_lists_the_known_ones() {
        for name in ["out.txt", "out", "out.gz", "pcapng", "out.pcapng.bz2"] {
            let message = Format::of(Path::new(name)).unwrap_err().to_string();
            assert!(
                message.contains(name) && message.contains(".pcapng"),
                "{message}"
            );
        }
    }

    #[test]
    fn parts_are_named_after_the_capture() {
        for (path, stem, ending) in [
            ("out.pcapng", "out", ".pcapng"),
            ("a/b/Out.PCAP.gz", "Out", ".PCAP.gz"),
            ("a.pcap.pcapng.zst", "a.pcap", ".pcapng.zst"),
        ] {
            let names = part_names(Path::new(path)).unwrap();
            assert_eq!((names.stem, names.ending), (stem, ending), "{path}");
            assert_eq!(names.whole, Path::new(path));
        }
    }

    #[test]
    fn path_that_cannot_have_parts_is_refused() {
        for name in ["-", "/dev/null", ".pcapng", "out.txt"] {
            let error = part_names(Path::new(name)).unwrap_err().to_string();
            assert!(error.contains("such as out.pcapng"), "{error}");
        }
    }
}
