//! Determines which address is the ENI's own if no record has `flow-direction`.
//!
//! Every packet that an ENI logs was sent from its address or to it, so the address in all of its
//! records is its own. For an ENI that talked to one peer, both addresses are in all records; the
//! private one is then its own, if only one is private. An ENI with several addresses in use has no
//! common address, and nothing is assumed about it.

use std::net::IpAddr;

/// The addresses that all records of one ENI have in common, per address family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedAddresses {
    v4: Candidates,
    v6: Candidates,
}

/// At most two addresses; any address before the first record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Candidates {
    #[default]
    Any,
    These([Option<IpAddr>; 2]),
}

impl SharedAddresses {
    /// Adds the two addresses of a record.
    pub fn meet(&mut self, source: IpAddr, destination: IpAddr) {
        let candidates = if source.is_ipv4() {
            &mut self.v4
        } else {
            &mut self.v6
        };
        candidates.keep([Some(source), Some(destination)]);
    }

    /// Adds the common addresses of other records of the same ENI.
    pub fn meet_all(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.v4, other.v4), (&mut self.v6, other.v6)] {
            if let Candidates::These(addresses) = theirs {
                mine.keep(addresses);
            }
        }
    }

    /// Returns the ENI's own addresses, at most one per family.
    pub fn own(&self) -> impl Iterator<Item = IpAddr> {
        [self.v4, self.v6].into_iter().filter_map(Candidates::own)
    }

    /// Whether a packet between these addresses left the ENI, if that is known.
    pub fn leaves(&self, source: IpAddr, destination: IpAddr) -> Option<bool> {
        let candidates = if source.is_ipv4() { self.v4 } else { self.v6 };
        let own = candidates.own()?;
        match (own == source, own == destination) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }
}

impl Candidates {
    fn keep(&mut self, addresses: [Option<IpAddr>; 2]) {
        *self = match *self {
            Self::Any => Self::These(addresses),
            Self::These(known) => {
                Self::These(known.map(|address| address.filter(|a| addresses.contains(&Some(*a)))))
            }
        };
    }

    fn own(self) -> Option<IpAddr> {
        match self {
            Self::These([Some(a), Some(b)]) => match (is_private(a), is_private(b)) {
                (true, false) => Some(a),
                (false, true) => Some(b),
                _ => None,
            },
            Self::These([one, None] | [None, one]) => one,
            Self::Any => None,
        }
    }
}

/// Whether an address is in a private range: RFC 1918, RFC 6598 (as VPCs use it), RFC 4193.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || a == 100 && b & 0xc0 == 64
        }
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(records: &[(&str, &str)], expected: &[Option<bool>]) {
        let of = |(source, destination): &(&str, &str)| -> (IpAddr, IpAddr) {
            (source.parse().unwrap(), destination.parse().unwrap())
        };
        let mut shared = SharedAddresses::default();
        for (source, destination) in records.iter().map(of) {
            shared.meet(source, destination);
        }
        let mut split = SharedAddresses::default();
        for (source, destination) in records.iter().map(of).rev() {
            let mut one = SharedAddresses::default();
            one.meet(source, destination);
            split.meet_all(&one);
        }
        let own: Vec<_> = records
            .iter()
            .map(of)
            .map(|(s, d)| shared.leaves(s, d))
            .collect();
        assert_eq!(own, expected);
        let parts: Vec<_> = records
            .iter()
            .map(of)
            .map(|(s, d)| split.leaves(s, d))
            .collect();
        assert_eq!(parts, expected, "in another order, record by record");
    }

    #[test]
    fn address_in_all_records_belongs_to_the_eni() {
        check(
            &[
                ("10.0.0.5", "10.0.1.1"),
                ("10.0.1.2", "10.0.0.5"),
                ("fd00::5", "fd00::1"),
                ("fd00::2", "fd00::5"),
            ],
            &[Some(true), Some(false), Some(true), Some(false)],
        );
    }

    #[test]
    fn with_one_peer_on_the_internet_the_private_address_is_the_enis() {
        check(
            &[("203.0.113.9", "100.64.0.5"), ("100.64.0.5", "203.0.113.9")],
            &[Some(false), Some(true)],
        );
    }

    #[test]
    fn with_one_private_peer_the_own_address_is_unknown() {
        check(&[("10.0.0.5", "10.0.1.1")], &[None]);
    }

    #[test]
    fn with_several_addresses_in_use_the_own_address_is_unknown() {
        check(
            &[("10.0.0.5", "10.0.1.1"), ("10.0.0.6", "10.0.1.2")],
            &[None, None],
        );
    }
}
