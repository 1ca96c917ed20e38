//! Names a conversation between two endpoints, independent of direction.
//!
//! A record names a *source* and a *destination*. Both directions of one conversation must have the
//! same key, so a directed [`FiveTuple`] maps to a [`ConnectionKey`] with sorted endpoints, and to
//! the [`Way`] in which the record's packets went between them.
//!
//! # Invariants
//! * A five-tuple and its reverse have the same key and opposite directions.
//! * The key does not say who opened the connection.

use std::net::IpAddr;

/// IANA protocol number of ICMP.
pub const ICMP: u8 = 1;
/// IANA protocol number of TCP.
pub const TCP: u8 = 6;
/// IANA protocol number of UDP.
pub const UDP: u8 = 17;

/// An address and a port; the port is 0 where the protocol has none.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port, 0 where the protocol has none.
    pub port: u16,
}

/// Source, destination and protocol of one record's packets; directed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// The sender of the packets.
    pub source: Endpoint,
    /// The receiver of the packets.
    pub destination: Endpoint,
    /// IANA protocol number.
    pub protocol: u8,
}

/// Both directions of a conversation: the endpoints are sorted, which implies no role.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ConnectionKey {
    /// The endpoint that sorts first.
    pub low: Endpoint,
    /// The other endpoint.
    pub high: Endpoint,
    /// IANA protocol number.
    pub protocol: u8,
}

/// The direction of a conversation's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From [`ConnectionKey::low`] to [`ConnectionKey::high`].
    Up,
    /// From [`ConnectionKey::high`] to [`ConnectionKey::low`].
    Down,
}

impl Way {
    /// Both directions, for iteration.
    pub const BOTH: [Self; 2] = [Self::Up, Self::Down];

    /// Returns the opposite direction.
    pub fn reverse(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    /// Returns 0 for [`Way::Up`] and 1 for [`Way::Down`], as an index into an array of two.
    pub fn index(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }
}

impl FiveTuple {
    /// Returns the key shared with the opposite direction, and the direction of this five-tuple.
    pub fn key(&self) -> (ConnectionKey, Way) {
        let protocol = self.protocol;
        if self.source <= self.destination {
            (
                ConnectionKey {
                    low: self.source,
                    high: self.destination,
                    protocol,
                },
                Way::Up,
            )
        } else {
            (
                ConnectionKey {
                    low: self.destination,
                    high: self.source,
                    protocol,
                },
                Way::Down,
            )
        }
    }
}

impl ConnectionKey {
    /// Returns the directed five-tuple of the packets in direction `way`.
    pub fn five_tuple(&self, way: Way) -> FiveTuple {
        let (source, destination) = match way {
            Way::Up => (self.low, self.high),
            Way::Down => (self.high, self.low),
        };
        FiveTuple {
            source,
            destination,
            protocol: self.protocol,
        }
    }

    /// Returns the endpoint that sends the packets in direction `way`.
    pub fn sender(&self, way: Way) -> Endpoint {
        self.five_tuple(way).source
    }

    /// Whether both ends are IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.low.address.is_ipv6()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(
        source: &str,
        source_port: u16,
        destination: &str,
        destination_port: u16,
    ) -> FiveTuple {
        FiveTuple {
            source: Endpoint {
                address: source.parse().unwrap(),
                port: source_port,
            },
            destination: Endpoint {
                address: destination.parse().unwrap(),
                port: destination_port,
            },
            protocol: TCP,
        }
    }

    #[test]
    fn both_directions_have_the_same_key() {
        let there = tuple("10.0.0.1", 40000, "10.0.0.2", 443);
        let back = tuple("10.0.0.2", 443, "10.0.0.1", 40000);
        let ((key, up), (same, down)) = (there.key(), back.key());
        assert_eq!((key, up), (same, down.reverse()));
        assert_eq!(key.five_tuple(up), there);
        assert_eq!(key.five_tuple(down), back);
    }

    #[test]
    fn key_of_one_address_is_sorted_by_port() {
        let (key, way) = tuple("10.0.0.1", 5000, "10.0.0.1", 80).key();
        assert_eq!((key.low.port, key.high.port, way), (80, 5000, Way::Down));
    }

    #[test]
    fn equal_endpoints_have_direction_up() {
        assert_eq!(tuple("10.0.0.1", 1, "10.0.0.1", 1).key().1, Way::Up);
    }
}
