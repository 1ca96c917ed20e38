//! What the runs that share an archive must know of all of it, and a run that settles only a part of the
//! conversations cannot see: how many packets there are, which addresses are in them, and which connections
//! fit the events of other logs.
//!
//! ENIs, the names in records, losses and the newest instant are not here: each run reads all records and
//! learns them itself.
//!
//! Facts of several shards are added up. They say which inputs and which options they are of, so that they
//! are not used for others.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::pipeline::convert::Convert;
use crate::pipeline::events::EventFacts;
use crate::pipeline::merge::unpacked;
use crate::pipeline::provenance::{Provenance, named, options_of};
use crate::pipeline::settling::packet_budget::PacketsByDetail;
use crate::printable::number::grouped;
use crate::printable::{printable, shown};
use crate::summary::{Input, Records};
use crate::time::rfc3339;

/// The version of the format, in the first key of a file.
const VERSION: u32 = 1;

/// The longest file that is read, in bytes: the connections that fit events take about 360 bytes each.
const FILE_LEN_MAX: u64 = 512 << 20;

/// Facts of some shards of an archive, or of all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The version of the format.
    flow2pcap_facts: u32,
    #[serde(flatten)]
    provenance: Provenance,
    input: FactsInput,
    /// Records that are used.
    records: u64,
    /// Packets of the capture, by detail.
    pub(crate) packets: PacketsByDetail,
    /// The addresses in packets, of those that have a name.
    pub(crate) named_addresses: BTreeSet<IpAddr>,
    /// Which connections fit events, if events are read.
    pub(crate) events: Option<EventFacts>,
}

/// The facts of a shard, and the account of the run that gathered them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Surveyed {
    /// The facts.
    pub facts: Facts,
    /// Files and their bytes.
    pub input: Input,
    /// Lines and records.
    pub records: Records,
}

/// What was read. The same archive has the same numbers, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FactsInput {
    files: u64,
    lines: u64,
    /// The end of the newest record, nanoseconds since the Unix epoch.
    newest_ns: Option<i64>,
}

/// What a run has read, before facts are made of it or compared with it.
pub(crate) struct FactsRead<'a> {
    /// The conversion that the facts are for.
    pub convert: &'a Convert,
    /// Files that were read.
    pub files: u64,
    /// Their lines.
    pub lines: u64,
    /// The end of the newest record.
    pub newest_ns: Option<i64>,
}

impl FactsRead<'_> {
    fn input(&self) -> FactsInput {
        FactsInput {
            files: self.files,
            lines: self.lines,
            newest_ns: self.newest_ns,
        }
    }

    /// Returns the options on which facts depend, by name.
    fn options(&self) -> BTreeMap<String, String> {
        let convert = self.convert;
        let mut options = options_of(&convert.request);
        let contexts = convert.request.context.len();
        options.extend(named([
            ("view", format!("{:?}", convert.vantage)),
            ("addresses", format!("{:?}", convert.addresses)),
            ("events", format!("{:?}", convert.events)),
            ("finding", format!("{:?}", convert.finding)),
            ("number of context paths", contexts.to_string()),
        ]));
        options
    }
}

impl Facts {
    /// Makes the facts of the shard that was settled; `records` is how many are used.
    pub(crate) fn new(
        read: &FactsRead<'_>,
        records: u64,
        packets: PacketsByDetail,
        named_addresses: BTreeSet<IpAddr>,
        events: Option<EventFacts>,
    ) -> Self {
        Self {
            flow2pcap_facts: VERSION,
            provenance: Provenance::new(read.options(), read.convert.shard),
            input: read.input(),
            records,
            packets,
            named_addresses,
            events,
        }
    }

    /// Returns how many records the filter keeps.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Reads files of facts, which together must be of all shards of one archive.
    ///
    /// # Errors
    /// A file cannot be read, is not one of facts, or the files do not belong together.
    pub fn read_all(paths: &[PathBuf]) -> Result<Self> {
        let mut all: Option<(Self, &Path)> = None;
        for path in paths {
            let facts = Self::read(path)?;
            match &mut all {
                None => all = Some((facts, path)),
                Some((all, first)) => all.add(facts, path, first)?,
            }
        }
        let (mut all, _) = all.ok_or_else(|| Error::usage("no file of facts is given"))?;
        all.provenance.check_whole("facts")?;
        if let Some(events) = &mut all.events {
            events.bound();
        }
        Ok(all)
    }

    fn read(path: &Path) -> Result<Self> {
        let file = unpacked(path).map_err(|error| Error::io("open", path, error))?;
        let text = BufReader::new(file.take(FILE_LEN_MAX));
        let parsed: std::result::Result<Self, serde_json::Error> = serde_json::from_reader(text);
        let facts = parsed.map_err(|error| match error.io_error_kind() {
            Some(kind) => Error::io("read", path, kind.into()),
            None => Error::usage(format!(
                "{} is not a file of facts: {}",
                shown(path),
                printable(&error.to_string())
            )),
        })?;
        let fault = match facts.flow2pcap_facts {
            VERSION => facts.provenance.fault(),
            other => Some(format!("has format {other}, not {VERSION}")),
        };
        match fault {
            None => Ok(facts),
            Some(fault) => Err(Error::usage(format!("{} {fault}", shown(path)))),
        }
    }

    /// Adds the facts of other shards.
    ///
    /// # Errors
    /// They are of other inputs or options, of another number of shards, or of a shard that is known.
    fn add(&mut self, other: Self, path: &Path, first: &Path) -> Result<()> {
        if self.input != other.input {
            let (read, ours) = (other.input.said(), self.input.said());
            let (path, first) = (shown(path), shown(first));
            return Err(Error::usage(format!(
                "{path} is of {read}, and {first} of {ours}"
            )));
        }
        self.provenance.add(&other.provenance, path, first)?;
        self.records = self.records.saturating_add(other.records);
        self.packets.add(other.packets);
        self.named_addresses.extend(other.named_addresses);
        if let (Some(events), Some(more)) = (&mut self.events, other.events) {
            events.add(more);
        }
        Ok(())
    }

    /// Whether the facts are of what was read, with the same options.
    ///
    /// # Errors
    /// They are not.
    pub(crate) fn check(&self, read: &FactsRead<'_>) -> Result<()> {
        let input = read.input();
        if self.input != input {
            let (facts, read) = (self.input.said(), input.said());
            return Err(Error::usage(format!(
                "the facts are of other inputs: of {facts}, and these are {read}"
            )));
        }
        if let Some(differing) = self.provenance.differing(&read.options()) {
            return Err(Error::usage(format!(
                "the facts were made with other options than these: {differing}"
            )));
        }
        Ok(())
    }
}

impl FactsInput {
    fn said(&self) -> String {
        let newest = self.newest_ns.map_or_else(
            || "without records".to_owned(),
            |newest_ns| format!("with a newest record of {}", rfc3339(newest_ns)),
        );
        let (files, lines) = (grouped(self.files), grouped(self.lines));
        let file = if self.files == 1 { "file" } else { "files" };
        format!("{lines} lines in {files} {file}, {newest}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::Shard;
    use crate::pipeline::run::Request;

    /// The facts of one of two shards, as text.
    fn text(number: u32) -> String {
        let mut convert = Convert::new(Request::new(Vec::new()), "-".into());
        convert.shard = Shard::new(number, 2).unwrap();
        let read = FactsRead {
            convert: &convert,
            files: 1,
            lines: 5,
            newest_ns: Some(7),
        };
        let address = "10.0.0.1".parse().unwrap();
        let events = Some(EventFacts::default());
        let facts = Facts::new(
            &read,
            3,
            PacketsByDetail::default(),
            [address].into(),
            events,
        );
        serde_json::to_string(&facts).unwrap()
    }

    fn read(texts: &[&[u8]]) -> Result<Facts> {
        let folder = tempfile::tempdir().unwrap();
        let paths = texts.iter().enumerate().map(|(number, text)| {
            let path = folder.path().join(format!("{number}.json"));
            std::fs::write(&path, text).unwrap();
            path
        });
        Facts::read_all(&paths.collect::<Vec<_>>())
    }

    #[test]
    fn facts_of_all_shards_add_up() {
        let [one, two] = [text(1), text(2)];
        for texts in [[&one, &two], [&two, &one]] {
            let all = read(&texts.map(|text| text.as_bytes())).unwrap();
            assert_eq!((all.records(), all.named_addresses.len()), (6, 1));
        }
        assert!(read(&[one.as_bytes()]).is_err());
        assert!(read(&[]).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(at in 0_usize..600, with: u8) {
            let mut one = text(1).into_bytes();
            if let Some(byte) = one.get_mut(at) {
                *byte = with;
            }
            let _ = read(&[&one, text(2).as_bytes()]);
        }
    }
}
