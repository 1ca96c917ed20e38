//! An estimate of how many different sources there are, in little memory.
//!
//! The lowest hashes of all sources are kept (a KMV sketch, Bar-Yossef et al. 2002). Their density
//! gives the number. The estimate does not depend on the order in which sources are added.

use std::collections::BTreeSet;
use std::hash::BuildHasher as _;
use std::net::IpAddr;

use foldhash::fast::FixedState;

/// The most hashes kept; the estimate is off by about an eighth.
const KEPT_MAX: usize = 64;

/// The number of different sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DistinctSources {
    lowest: BTreeSet<u64>,
}

impl DistinctSources {
    /// One source.
    pub(super) fn of(source: IpAddr) -> Self {
        Self {
            lowest: BTreeSet::from([FixedState::with_seed(0).hash_one(source)]),
        }
    }

    /// Adds one source.
    pub(super) fn insert(&mut self, source: IpAddr) {
        self.lowest
            .insert(FixedState::with_seed(0).hash_one(source));
        if self.lowest.len() > KEPT_MAX {
            self.lowest.pop_last();
        }
    }

    /// Adds other sources.
    pub(super) fn add(&mut self, more: &Self) {
        self.lowest.extend(&more.lowest);
        while self.lowest.len() > KEPT_MAX {
            self.lowest.pop_last();
        }
    }

    /// Whether a source is certainly in both. Of very many sources, only those that both keep are
    /// compared.
    pub(super) fn meet(&self, other: &Self) -> bool {
        !self.lowest.is_disjoint(&other.lowest)
    }

    /// Returns the number: exact below 64, and an estimate above.
    pub(super) fn count(&self) -> u64 {
        match self.lowest.last() {
            Some(last) if self.lowest.len() == KEPT_MAX => {
                let kept = KEPT_MAX as u128 - 1;
                u64::try_from((kept << 64) / u128::from(*last).max(1)).unwrap_or(u64::MAX)
            }
            _ => self.lowest.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn sources(range: std::ops::Range<u32>) -> DistinctSources {
        let mut all = DistinctSources::default();
        for number in range {
            let source = Ipv4Addr::from_bits(0xC633_0000 + number);
            all.add(&DistinctSources::of(source.into()));
        }
        all
    }

    #[test]
    fn few_sources_are_counted_exactly() {
        let mut all = sources(0..40);
        all.add(&sources(20..60));
        assert_eq!(all.count(), 60);
    }

    #[test]
    fn same_source_is_found_again() {
        assert!(sources(0..10).meet(&sources(9..20)));
        assert!(!sources(0..10).meet(&sources(10..20)));
    }

    #[test]
    fn many_sources_are_estimated() {
        let count = sources(0..10_000).count();
        assert!((6_000..16_000).contains(&count), "{count}");
    }
}
