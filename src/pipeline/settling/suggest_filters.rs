//! Counts where the packets are, to suggest filters when there are too many packets.
//!
//! Memory stays bounded for any number of hosts: each bucket of conversations passes on only its
//! busiest hosts. An important host has conversations in many buckets and is among the busiest in
//! most of them, so little of it is lost. The same records give the same result for any number of
//! threads, since buckets are cut by a fixed hash.

use std::cmp::Reverse;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::connection::Detail;
use crate::error::{ErrorKind, Result};
use crate::filter::{Expression, Name, Term};
use crate::flow::{EniIndex, Enis, Viewed};
use crate::printable::is_printable;
use crate::summary::FilterSuggestion;

/// Hosts that a bucket passes on.
const HOSTS_MAX: usize = 64;

/// The most hosts that the parts of a divided bucket may have together, since the number of parts
/// is unlimited.
const HOSTS_HELD: usize = 64 * HOSTS_MAX;

/// The number of suggestions.
const SUGGESTIONS: usize = 3;

type PacketsBy<K> = HashMap<K, u64, RandomState>;

/// Approximate numbers of packets by the properties that a filter can select.
#[derive(Clone, Debug, Default)]
pub(crate) struct PacketsByFilter {
    /// All packets.
    packets: u64,
    /// Packets of connections with a rejected record.
    rejected: u64,
    enis: PacketsBy<EniIndex>,
    hosts: PacketsBy<IpAddr>,
}

impl PacketsByFilter {
    /// Counts a connection that becomes so many packets.
    pub(crate) fn count(&mut self, connection: &[Viewed], packets: u64) {
        let Some(first) = connection.first() else {
            return;
        };
        let add = |sum: &mut u64| *sum = sum.saturating_add(packets);
        add(&mut self.packets);
        if connection.iter().any(|o| o.verdict.is_reject()) {
            add(&mut self.rejected);
        }
        add(self.enis.entry(first.eni).or_default());
        add(self.hosts.entry(first.key.low.address).or_default());
        if first.key.high.address != first.key.low.address {
            add(self.hosts.entry(first.key.high.address).or_default());
        }
    }

    /// Returns the approximate number of all packets.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    /// Drops all but the busiest hosts.
    pub(crate) fn prune(&mut self) {
        let mut hosts: Vec<(IpAddr, u64)> = std::mem::take(&mut self.hosts).into_iter().collect();
        hosts.sort_unstable_by_key(|(host, packets)| (u64::MAX - packets, *host));
        hosts.truncate(HOSTS_MAX);
        self.hosts = hosts.into_iter().collect();
    }

    /// Adds other counts.
    pub(crate) fn add(mut self, other: Self) -> Self {
        self.packets = self.packets.saturating_add(other.packets);
        self.rejected = self.rejected.saturating_add(other.rejected);
        for (eni, packets) in other.enis {
            let sum = self.enis.entry(eni).or_default();
            *sum = sum.saturating_add(packets);
        }
        for (host, packets) in other.hosts {
            let sum = self.hosts.entry(host).or_default();
            *sum = sum.saturating_add(packets);
        }
        self
    }

    /// Drops hosts if the parts of one bucket together have too many.
    pub(crate) fn bound(&mut self) {
        if self.hosts.len() > HOSTS_HELD {
            self.prune();
        }
    }

    /// Suggests filters, if there are more packets than are wanted. `detail` is the one with which they
    /// were counted.
    ///
    /// # Errors
    /// There are more than `limit`.
    pub(crate) fn suggest(
        &self,
        enis: &Enis,
        wanted: u64,
        limit: Option<u64>,
        detail: Detail,
    ) -> Result<Vec<FilterSuggestion>> {
        let Some(limit) = limit.filter(|limit| self.packets > *limit) else {
            return Ok(match self.packets <= wanted {
                true => Vec::new(),
                false => self.suggestions(enis, wanted),
            });
        };
        let suggestions = self.suggestions(enis, limit).into_iter();
        Err(ErrorKind::TooManyPackets {
            packets: self.packets,
            limit,
            is_coarsest: detail == Detail::Control,
            suggestions: suggestions.map(|s| (s.filter, s.packets)).collect(),
        }
        .into())
    }

    /// Returns the most useful filters for a capture of up to `wanted` packets: those that fit come
    /// first, largest first, then the others, smallest first.
    pub(crate) fn suggestions(&self, enis: &Enis, wanted: u64) -> Vec<FilterSuggestion> {
        let mut all = vec![("reject".to_owned(), self.rejected)];
        if let Some((eni, packets)) = largest(&self.enis) {
            let name = &enis.get(*eni).name;
            if is_word(name) {
                all.push((format!("eni {name}"), packets));
                all.push((format!("not eni {name}"), self.packets - packets));
            }
        }
        if let Some((host, packets)) = largest(&self.hosts) {
            all.push((format!("host {host}"), packets));
            let rest = self.packets.saturating_sub(packets);
            all.push((format!("not host {host}"), rest));
        }
        all.retain(|(_, packets)| *packets > 0 && *packets < self.packets);
        all.sort_by_key(|(filter, packets)| {
            let fits = *packets <= wanted;
            let order = if fits { u64::MAX - packets } else { *packets };
            (!fits, order, filter.clone())
        });
        all.truncate(SUGGESTIONS);
        let named = all.into_iter();
        named
            .map(|(filter, packets)| FilterSuggestion { filter, packets })
            .collect()
    }
}

/// Whether an ENI's name can be a word in a filter; a name that was not UTF-8 is not preserved.
fn is_word(name: &str) -> bool {
    let is_whole = |c: char| c != char::REPLACEMENT_CHARACTER && is_printable(c);
    let is_eni = match format!("eni {name}").parse() {
        Ok(Expression::Term(Term::Is(Name::Eni, read) | Term::Begins(Name::Eni, read))) => {
            read == name
        }
        _ => false,
    };
    name.chars().all(is_whole) && is_eni
}

/// Returns the entry with the largest sum; the first of several.
fn largest<K: Ord>(sums: &PacketsBy<K>) -> Option<(&K, u64)> {
    let most = sums
        .iter()
        .max_by_key(|(name, packets)| (**packets, Reverse(*name)));
    most.map(|(name, packets)| (name, *packets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::observation::tests::viewed;
    use crate::flow::{RejectReason, Verdict, Way};

    #[test]
    fn suggestions_that_fit_come_first_and_keep_most() {
        let mut enis = Enis::default();
        let (a, b) = (enis.enter(b"eni-a"), enis.enter(b"eni-b"));
        let mut by_filter = PacketsByFilter::default();
        for (eni, packets, rejected) in [(a, 800, false), (b, 150, false), (b, 50, true)] {
            let mut o = viewed(Way::Up, packets, 0, 10, 12, 2);
            o.eni = eni;
            if rejected {
                o.verdict = Verdict::Reject(RejectReason::Unsaid);
            }
            by_filter.count(&[o], o.packets);
        }
        let filters = |wanted| {
            let found = by_filter.suggestions(&enis, wanted).into_iter();
            found
                .map(|found| (found.filter, found.packets))
                .collect::<Vec<_>>()
        };
        let named = |all: &[(&str, u64)]| {
            let all = all.iter();
            all.map(|(filter, n)| ((*filter).to_owned(), *n))
                .collect::<Vec<_>>()
        };
        let (reject, rest, eni) = (("reject", 50), ("not eni eni-a", 200), ("eni eni-a", 800));
        assert_eq!(filters(300), named(&[rest, reject, eni]));
        assert_eq!(filters(900), named(&[eni, rest, reject]));
        assert_eq!(filters(10), named(&[reject, rest, eni]));
    }

    #[test]
    fn names_of_enis_are_suggested_only_if_they_are_one_word_in_a_filter() {
        assert!(is_word("eni-1';x;'") && is_word("-rf"));
        // A terminal or the filter grammar would interpret these differently.
        for name in ["a)or(b", "a|b", "", "a\x1b[31m", "a b", "a\u{fffd}"] {
            assert!(!is_word(name), "{name}");
        }
    }

    #[test]
    fn pruning_keeps_the_busiest_hosts() {
        let mut by_filter = PacketsByFilter::default();
        for host in 0..200_u8 {
            let mut o = viewed(Way::Up, u64::from(host) + 1, 0, 10, 12, 2);
            o.key.high.address = IpAddr::from([10, 9, 9, host]);
            by_filter.count(&[o], o.packets);
        }
        by_filter.prune();
        assert_eq!(by_filter.hosts.len(), HOSTS_MAX);
        assert!(by_filter.hosts.contains_key(&IpAddr::from([10, 9, 9, 199])));
        assert!(!by_filter.hosts.contains_key(&IpAddr::from([10, 9, 9, 9])));
        for part in 0..=200_u8 {
            let mut more = PacketsByFilter::default();
            for host in 0..64_u8 {
                let mut o = viewed(Way::Up, 1, 0, 10, 12, 2);
                o.key.high.address = IpAddr::from([10, 8, part, host]);
                more.count(&[o], o.packets);
            }
            by_filter = by_filter.add(more);
            by_filter.bound();
            assert!(
                by_filter.hosts.len() <= HOSTS_HELD,
                "{}",
                by_filter.hosts.len()
            );
        }
        assert!(by_filter.hosts.contains_key(&IpAddr::from([10, 9, 9, 199])));
    }
}
