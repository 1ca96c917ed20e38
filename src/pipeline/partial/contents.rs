//! What was read of a part of an archive, as it is in a file: the account of its lines, and the ENIs.
//!
//! Parts are added in the order of files, so that the first examples, orders of columns and gaps are those
//! of one run.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::filter::Filter;
use crate::flow::{AddressNames, Enis, ValueSeen};
use crate::pipeline::diagnose::Coverage;
use crate::pipeline::event_counts::EventCounts;
use crate::pipeline::kept_events::KeptEvents;
use crate::pipeline::partial::not_possible;
use crate::pipeline::run::Contents;
use crate::read::{Account, ArchiveChecks};
use crate::record::TAGS;
use crate::time::joined;

/// What was read of one part, or of several.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StoredContents {
    account: Account,
    counted: EventCounts,
    /// Earliest start and latest end of all records, nanoseconds since the Unix epoch.
    span_ns: Option<(i64, i64)>,
}

/// The ENIs of a part. Only what an inspection shows is kept.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoredEnis(Vec<StoredEni>);

#[derive(Serialize, Deserialize)]
struct StoredEni {
    name: NameBytes,
    instance: String,
    subnet: String,
    vpc: String,
    account: String,
    tags: [ValueSeen; TAGS.len()],
}

/// A name as it is in records, which need not be UTF-8.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum NameBytes {
    /// One that is UTF-8.
    Text(String),
    /// Any other.
    Bytes(Vec<u8>),
}

impl NameBytes {
    /// Keeps a name.
    pub(crate) fn of(name: Vec<u8>) -> Self {
        String::from_utf8(name).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }

    /// Returns the name.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl StoredContents {
    /// Keeps what was read.
    pub(crate) fn of(read: Contents) -> Self {
        let mut account = read.account;
        account.input = read.input;
        account.records = read.records;
        Self {
            account,
            counted: read.counted,
            span_ns: read.span_ns,
        }
    }

    /// Keeps only what a run counted of the records of its own connections. The rest of what it read is the
    /// same in all runs, and one of them has it.
    pub(crate) fn without_shared(mut self) -> Self {
        let records = std::mem::take(&mut self.account.records);
        let mut own = Self::default();
        own.account.records.used = records.used;
        own.account.records.duplicates = records.duplicates;
        own.account.records.other_vantage = records.other_vantage;
        own.account.records.filtered = records.filtered;
        own.account.records.lost = records.lost;
        own.account.records.assumed = records.assumed;
        own
    }

    /// Returns the same, without the records that other runs count.
    pub(crate) fn without_other_shards(mut self) -> Self {
        self.account.records.other_shard = 0;
        self
    }

    /// Adds the next part.
    pub(crate) fn append(&mut self, later: Self) {
        self.account.append_account(later.account);
        self.counted.append(later.counted);
        self.span_ns = joined(self.span_ns, later.span_ns);
    }

    /// Whether each line of all parts is counted once. Otherwise a file is not what a run wrote.
    pub(crate) fn is_possible(&self) -> bool {
        self.account.is_possible()
    }

    /// Returns how many records were used, and how many do not match the filter.
    pub(crate) fn kept(&self) -> (u64, u64) {
        let records = &self.account.records;
        (records.used, records.filtered)
    }

    /// Returns what one run would have read. Without `checks` each run has checked it.
    ///
    /// # Errors
    /// There was nothing to read, a name in the filter is not one of the archive, or the events do not add
    /// up.
    pub(crate) fn complete(
        self,
        enis: Enis,
        checks: Option<&ArchiveChecks>,
        filter: &Filter,
    ) -> Result<Contents> {
        let mut account = self.account;
        if let Some(checks) = checks {
            checks.check(&account, filter.condition.as_ref())?;
        }
        account.events.add(self.counted.into_logs());
        if !account.events.adds_up() {
            return Err(not_possible());
        }
        let taken = account.taken();
        let newest_ns = self.span_ns.map(|(_, end)| end);
        Ok(Contents {
            input: std::mem::take(&mut account.input),
            records: std::mem::take(&mut account.records),
            newest_ns: account.pruned_newest_ns.max(newest_ns),
            taken,
            span_ns: self.span_ns,
            account,
            counted: EventCounts::default(),
            enis,
            names: AddressNames::default(),
            losses: Vec::new(),
            quiet: Coverage::default(),
            kept_events: KeptEvents::default(),
        })
    }
}

impl StoredEnis {
    /// Keeps ENIs.
    pub(crate) fn of(enis: &Enis) -> Self {
        let all = enis.names().zip(enis.iter());
        let all = all.map(|(name, eni)| StoredEni {
            name: NameBytes::of(name.to_vec()),
            instance: eni.instance.clone(),
            subnet: eni.subnet.clone(),
            vpc: eni.vpc.clone(),
            account: eni.account.clone(),
            tags: eni.tags.clone(),
        });
        Self(all.collect())
    }

    /// Adds them to those of the parts before.
    pub(crate) fn add_to(self, all: &mut Enis) {
        let mut own = Enis::default();
        for stored in self.0 {
            let index = own.enter(&stored.name.into_bytes());
            let eni = own.get_mut(index);
            eni.instance = stored.instance;
            eni.subnet = stored.subnet;
            eni.vpc = stored.vpc;
            eni.account = stored.account;
            eni.tags = stored.tags;
        }
        all.merge(&own);
    }
}
