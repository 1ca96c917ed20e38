//! Which of some addresses occur in what is kept.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use foldhash::fast::RandomState;

use crate::flow::ConnectionKey;

/// Addresses that are looked for, and whether each was found.
#[derive(Debug, Default)]
pub(crate) struct SeenAddresses(HashMap<IpAddr, AtomicBool, RandomState>);

impl SeenAddresses {
    /// Looks for these addresses.
    pub(crate) fn of(addresses: impl Iterator<Item = IpAddr>) -> Self {
        Self(addresses.map(|address| (address, false.into())).collect())
    }

    /// Notes both addresses of a connection that is kept.
    pub(crate) fn meet(&self, key: &ConnectionKey) {
        if self.0.is_empty() {
            return;
        }
        for address in [key.low.address, key.high.address] {
            if let Some(seen) = self.0.get(&address) {
                seen.store(true, Relaxed);
            }
        }
    }

    /// Returns the addresses that were found.
    pub(crate) fn found(&self) -> impl Iterator<Item = IpAddr> {
        let found = self.0.iter().filter(|(_, seen)| seen.load(Relaxed));
        found.map(|(address, _)| *address)
    }

    /// Makes these the only addresses that were found.
    pub(crate) fn replace(&self, found: &BTreeSet<IpAddr>) {
        for (address, seen) in &self.0 {
            seen.store(found.contains(address), Relaxed);
        }
    }

    /// Whether an address was found.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.get(&address).is_some_and(|seen| seen.load(Relaxed))
    }
}
