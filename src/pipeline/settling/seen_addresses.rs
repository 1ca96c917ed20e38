//! Which of some addresses occur in what is kept.

use std::collections::HashMap;
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

    /// Whether an address was found.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.get(&address).is_some_and(|seen| seen.load(Relaxed))
    }
}
