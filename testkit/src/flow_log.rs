//! Flow logs read in the plainest way, to know what a capture has to add up to.
//!
//! Good for well-formed files with a header line and numbers in every record;
//! anything odd is the library's business, not this one's.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::pcapng::packet::{Sums, Tuple};

/// One record of status OK or none, its cells by the names of their columns.
#[derive(Clone, Debug)]
pub struct Record(HashMap<String, String>);

impl Record {
    /// The cell of column `name`, none if absent or `-`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let cell = self.0.get(name).map(String::as_str);
        cell.filter(|cell| *cell != "-")
    }

    /// The number in column `name`; 0 if absent.
    pub fn number(&self, name: &str) -> u64 {
        self.get(name).map_or(0, |cell| cell.parse().unwrap())
    }

    /// The five-tuple of its packets, and not of the ENI.
    pub fn tuple(&self) -> Tuple {
        let address = |packet, own| self.get(packet).or(self.get(own)).unwrap().parse().unwrap();
        let port = |name| u16::try_from(self.number(name)).unwrap();
        Tuple {
            source: (address("pkt-srcaddr", "srcaddr"), port("srcport")),
            destination: (address("pkt-dstaddr", "dstaddr"), port("dstport")),
            protocol: u8::try_from(self.number("protocol")).unwrap(),
        }
    }
}

/// The records of a text whose first line names the columns.
pub fn records(text: &str) -> Vec<Record> {
    let mut columns: Vec<&str> = Vec::new();
    let mut records = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split(' ').collect();
        if cells.contains(&"srcaddr") {
            columns = cells;
            continue;
        }
        let named = columns.iter().zip(&cells);
        let record = Record(
            named
                .map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned()))
                .collect(),
        );
        if matches!(record.get("log-status"), Some("OK") | None) {
            records.push(record);
        }
    }
    records
}

/// The text of a file, inflated if its name says so.
pub fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut decoder = flate2::read::MultiGzDecoder::new(&*bytes);
        decoder.read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

/// All files below a folder, sorted.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Packets and bytes of each directed five-tuple at each ENI.
pub fn sums(records: &[Record]) -> Sums {
    let mut sums = Sums::new();
    for record in records {
        let eni = record.get("interface-id").unwrap_or("").to_owned();
        let (packets, bytes) = sums.entry((eni, record.tuple())).or_default();
        *packets += record.number("packets");
        *bytes += u128::from(record.number("bytes"));
    }
    sums
}
