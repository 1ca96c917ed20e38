//! The output of a conversion: one capture, or several with an index, and filters for a smaller one
//! if the capture is larger than Wireshark handles well.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::printable::{cell, exact, printable};

/// The output.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OutputFile {
    /// Its path, as given.
    pub path: String,
    /// Its size, compressed if it is; the sum of all parts if it has any.
    pub file_bytes: u64,
    /// Its parts, if it was split.
    pub parts: Option<OutputParts>,
}

impl OutputFile {
    /// Describes the capture at `path`, with a size of `file_bytes`.
    pub fn new(path: &Path, file_bytes: u64, parts: Option<OutputParts>) -> Self {
        Self {
            path: exact(path),
            file_bytes,
            parts,
        }
    }
}

/// The parts of a split capture.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OutputParts {
    /// Path of the index of the parts.
    pub index: String,
    /// The parts, by name.
    pub files: Vec<OutputPart>,
}

/// One part of a split capture.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OutputPart {
    /// Its path.
    pub path: String,
    /// Packets in it.
    pub packets: u64,
    /// Original bytes of these packets.
    pub bytes: u128,
    /// Size of the file, compressed if it is.
    pub file_bytes: u64,
    /// Time of the first packet, nanoseconds since the epoch.
    pub first_ns: Option<i64>,
    /// Time of the last packet, nanoseconds since the epoch.
    pub last_ns: Option<i64>,
    /// Connections, including conversations that are not TCP, whose first packet is in it.
    pub connections: u64,
}

impl OutputPart {
    /// Returns the index of the parts: CSV as in RFC 4180, with file names but no folders, so that
    /// the files can be moved together.
    pub fn table(parts: &[Self]) -> String {
        let mut table = String::from("file,packets,bytes,file_bytes,first,last,connections\n");
        for part in parts {
            let name = Path::new(&part.path).file_name().unwrap_or_default();
            let cells = [
                quoted(&exact(name)),
                part.packets.to_string(),
                part.bytes.to_string(),
                part.file_bytes.to_string(),
                instant(part.first_ns),
                instant(part.last_ns),
                part.connections.to_string(),
            ];
            table += &cells.join(",");
            table.push('\n');
        }
        table
    }
}

/// Formats a text as a one-line cell that no spreadsheet evaluates, in quotes if necessary.
fn quoted(text: &str) -> String {
    let text = printable(text);
    let text = cell::inert(&text);
    if text.contains(['"', ',']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}

/// Formats an instant as in RFC 3339, with a fraction only if it has one.
fn instant(ns: Option<i64>) -> String {
    let instant = ns.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok());
    instant.map_or_else(String::new, |instant| instant.to_string())
}

/// Approximate number of packets beyond which Wireshark becomes slow.
pub const WIRESHARK_PACKETS: u64 = 1_000_000;

/// A filter for fewer packets, for a capture that is larger than Wireshark handles well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FilterSuggestion {
    /// The filter, as an expression that [`crate::filter::Expression`] parses.
    pub filter: String,
    /// Approximate number of remaining packets.
    pub packets: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_names_files_and_times() {
        let part = OutputPart {
            path: "folder/a,b-\"1\".pcapng".into(),
            packets: 2,
            bytes: 120,
            file_bytes: 500,
            first_ns: Some(1_773_454_565_000_000_000),
            last_ns: Some(1_773_454_565_000_500_000),
            connections: 1,
        };
        assert_eq!(
            OutputPart::table(&[part]),
            "file,packets,bytes,file_bytes,first,last,connections\n\
             \"a,b-\"\"1\"\".pcapng\",2,120,500,2026-03-14T02:16:05Z,2026-03-14T02:16:05.0005Z,1\n"
        );
    }
}
