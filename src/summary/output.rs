//! What was written: one capture, or several and an index of them; and what would make it smaller
//! where it is larger than Wireshark likes.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::printable::{cell, exact, printable};

/// What was written.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OutputFile {
    /// Its path, as typed.
    pub path: String,
    /// Its size, compressed where it is; of all its parts if it has any.
    pub file_bytes: u64,
    /// Its parts, where there was to be more than one file.
    pub parts: Option<OutputParts>,
}

impl OutputFile {
    /// The capture at `path`, of `file_bytes` bytes.
    pub fn new(path: &Path, file_bytes: u64, parts: Option<OutputParts>) -> Self {
        Self {
            path: exact(path),
            file_bytes,
            parts,
        }
    }
}

/// Several captures beside each other.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OutputParts {
    /// The path of the table of them.
    pub index: String,
    /// Each of them, by name.
    pub files: Vec<OutputPart>,
}

/// One of them.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OutputPart {
    /// Its path.
    pub path: String,
    /// Packets in it.
    pub packets: u64,
    /// Bytes that these had.
    pub bytes: u128,
    /// Bytes of the file, compressed where it is.
    pub file_bytes: u64,
    /// Time of the first packet, nanoseconds since the epoch.
    pub first_ns: Option<i64>,
    /// Time of the last.
    pub last_ns: Option<i64>,
    /// Connections, and conversations that are not TCP, whose first packet is in it.
    pub connections: u64,
}

impl OutputPart {
    /// The table of parts that stands beside them: CSV as in RFC 4180, with names of files
    /// and no folders, since it is moved with them.
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

/// A text as a cell on one line that no spreadsheet runs, in quotes where it needs them.
fn quoted(text: &str) -> String {
    let text = printable(text);
    let text = cell::inert(&text);
    if text.contains(['"', ',']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}

/// An instant as RFC 3339 has it, with what it has of a fraction.
fn instant(ns: Option<i64>) -> String {
    let instant = ns.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok());
    instant.map_or_else(String::new, |instant| instant.to_string())
}

/// Packets beyond which Wireshark becomes slow, about.
pub const WIRESHARK_PACKETS: u64 = 1_000_000;

/// A filter that leaves fewer packets, for a capture that is larger than Wireshark likes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FilterSuggestion {
    /// What it asks for, as an expression that [`crate::filter::Expression`] reads.
    pub filter: String,
    /// Packets that it leaves, about.
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
