//! Which address is the ENI's own, where no record has `flow-direction`.
//!
//! Every packet that an ENI logs came from its address or went to it, so the
//! address that all its records share is its own. An ENI that talked to one
//! peer shares both; then the private one is its own, where only one is. An ENI
//! with several addresses in use shares none, and nothing is claimed of it.

use std::net::IpAddr;

/// The addresses that all records of one ENI share, by family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedAddresses {
    v4: Candidates,
    v6: Candidates,
}

/// At most two addresses; any at all before the first record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Candidates {
    #[default]
    Any,
    These([Option<IpAddr>; 2]),
}

impl SharedAddresses {
    /// Takes in the two addresses of a record.
    pub fn meet(&mut self, source: IpAddr, destination: IpAddr) {
        let candidates = if source.is_ipv4() {
            &mut self.v4
        } else {
            &mut self.v6
        };
        candidates.keep([Some(source), Some(destination)]);
    }

    /// Takes in what other records of the same ENI share.
    pub fn meet_all(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.v4, other.v4), (&mut self.v6, other.v6)] {
            if let Candidates::These(addresses) = theirs {
                mine.keep(addresses);
            }
        }
    }

    /// The addresses that are the ENI's own, at most one of each family.
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

/// Whether an address is one of private networks: RFC 1918, RFC 6598 (as VPCs use it), RFC 4193.
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
        let told: Vec<_> = records
            .iter()
            .map(of)
            .map(|(s, d)| shared.leaves(s, d))
            .collect();
        assert_eq!(told, expected);
        let parts: Vec<_> = records
            .iter()
            .map(of)
            .map(|(s, d)| split.leaves(s, d))
            .collect();
        assert_eq!(parts, expected, "in another order, record by record");
    }

    #[test]
    fn address_in_all_records_is_the_enis() {
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
    fn one_peer_on_the_internet_leaves_the_private_address() {
        check(
            &[("203.0.113.9", "100.64.0.5"), ("100.64.0.5", "203.0.113.9")],
            &[Some(false), Some(true)],
        );
    }

    #[test]
    fn one_private_peer_tells_nothing() {
        check(&[("10.0.0.5", "10.0.1.1")], &[None]);
    }

    #[test]
    fn several_addresses_in_use_tell_nothing() {
        check(
            &[("10.0.0.5", "10.0.1.1"), ("10.0.0.6", "10.0.1.2")],
            &[None, None],
        );
    }
}
