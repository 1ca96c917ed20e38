//! What a file of one of several runs says of itself, so that only files that belong together are added up:
//! the program, the options, and the shard.
//!
//! Facts ([`super::facts`]) and partial results ([`super::partial`]) have it. What was read is compared by
//! each of them, because they know different things of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::flow::Shard;
use crate::pipeline::run::Request;
use crate::printable::{printable, shown};

/// The program, the options and the shards of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Provenance {
    /// The version of the program, because others may count or rebuild in another way.
    program: String,
    /// The options on which the contents depend, by name.
    options: BTreeMap<String, String>,
    shards: KnownShards,
}

/// The shards that are in a file, or in several that were added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownShards {
    of: u32,
    /// From 1.
    numbers: BTreeSet<u32>,
}

impl Provenance {
    /// Makes that of a run which did this shard.
    pub(super) fn new(options: BTreeMap<String, String>, shard: Shard) -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            options,
            shards: KnownShards {
                of: shard.of(),
                numbers: [shard.number()].into(),
            },
        }
    }

    /// Returns what is wrong with it, as the end of a sentence; `None` if nothing is.
    pub(super) fn fault(&self) -> Option<String> {
        let own = env!("CARGO_PKG_VERSION");
        if self.program != own {
            let program = printable(&self.program);
            return Some(format!(
                "is from flow2pcap {program}, and this is {own}: use one version for all runs"
            ));
        }
        (!self.shards.are_possible()).then(|| "names shards that do not exist".to_owned())
    }

    /// Returns its only shard; `None` if it has several.
    pub(super) fn shard(&self) -> Option<Shard> {
        let mut numbers = self.shards.numbers.iter();
        match (numbers.next(), numbers.next()) {
            (Some(number), None) => Shard::new(*number, self.shards.of),
            _ => None,
        }
    }

    /// Adds the shards of the file `path`, where the others are of `first` and later files.
    ///
    /// # Errors
    /// It has other options, another number of shards, or a shard that is known.
    pub(super) fn add(&mut self, other: &Self, path: &Path, first: &Path) -> Result<()> {
        let (path, first) = (shown(path), shown(first));
        let known = self.shards.numbers.intersection(&other.shards.numbers);
        let known: Option<u32> = known.copied().next();
        let fault = match known {
            _ if self.options != other.options => {
                let differing = differing(&self.options, &other.options).unwrap_or_default();
                format!("{path} and {first} were made with different options: {differing}")
            }
            _ if self.shards.of != other.shards.of => format!(
                "{path} is of one of {} shards, and {first} of one of {}",
                other.shards.of, self.shards.of
            ),
            Some(number) => format!(
                "{path} has shard {number}/{} again, which {first} or a later file has too",
                self.shards.of
            ),
            None => {
                self.shards.numbers.extend(&other.shards.numbers);
                return Ok(());
            }
        };
        Err(Error::usage(fault))
    }

    /// Whether it has all shards; `what` are the contents, in the plural.
    ///
    /// # Errors
    /// One is missing.
    pub(super) fn check_whole(&self, what: &str) -> Result<()> {
        let of = self.shards.of;
        let mut missing = (1..=of).filter(|number| !self.shards.numbers.contains(number));
        missing.next().map_or(Ok(()), |first| {
            Err(Error::usage(format!(
                "the {what} are of {} of {of} shards: those of shard {first}/{of} are missing",
                self.shards.numbers.len(),
            )))
        })
    }

    /// Names the options that differ from these; `None` if none does.
    pub(super) fn differing(&self, options: &BTreeMap<String, String>) -> Option<String> {
        differing(&self.options, options)
    }
}

/// Returns the options of a request on which what is counted depends, by name.
pub(super) fn options_of(request: &Request) -> BTreeMap<String, String> {
    let Filter {
        condition,
        from,
        to,
        only_matching,
    } = &request.filter;
    let condition = condition.as_ref();
    let filter = condition.map_or_else(|| "all".into(), ToString::to_string);
    named([
        ("filter", filter),
        ("start of the time range", format!("{from:?}")),
        ("end of the time range", format!("{to:?}")),
        ("only matching records", only_matching.to_string()),
    ])
}

/// Returns options by name.
pub(super) fn named<const N: usize>(options: [(&str, String); N]) -> BTreeMap<String, String> {
    let options = options.into_iter();
    options
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Names the options that differ, if any do.
fn differing(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) -> Option<String> {
    let all = ours.keys().chain(theirs.keys());
    let all = all.filter(|name| ours.get(*name) != theirs.get(*name));
    let all: BTreeSet<&String> = all.collect();
    let named: Vec<_> = all.into_iter().map(|name| printable(name)).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

impl KnownShards {
    fn are_possible(&self) -> bool {
        let exists = |number: &u32| Shard::new(*number, self.of).is_some();
        !self.numbers.is_empty() && self.numbers.iter().all(exists)
    }
}
