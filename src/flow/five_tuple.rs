//! Order-free naming of a conversation between two endpoints.
//!
//! A record names a *source* and a *destination*. The two directions of one
//! conversation must meet, so a directed [`FiveTuple`] maps to a
//! [`ConnectionKey`] whose endpoints are sorted, and to the [`Way`] in which
//! the record's packets went between them.
//!
//! # Invariants
//! * A five-tuple and its reverse have the same key and opposite ways.
//! * The key says nothing about who opened the connection.

use std::net::IpAddr;

/// IANA protocol number of ICMP.
pub const ICMP: u8 = 1;
/// IANA protocol number of TCP.
pub const TCP: u8 = 6;
/// IANA protocol number of UDP.
pub const UDP: u8 = 17;

/// An address and a port in host order; port 0 where the protocol has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port, 0 where the protocol has none.
    pub port: u16,
}

/// Source, destination and protocol of one record's packets; directed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// Who sent the packets.
    pub source: Endpoint,
    /// To whom they were sent.
    pub destination: Endpoint,
    /// IANA protocol number.
    pub protocol: u8,
}

/// Both directions of a conversation: the endpoints are sorted, which implies no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionKey {
    /// The endpoint that sorts first.
    pub low: Endpoint,
    /// The other endpoint.
    pub high: Endpoint,
    /// IANA protocol number.
    pub protocol: u8,
}

/// In which of its two directions a conversation's packets went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From [`ConnectionKey::low`] to [`ConnectionKey::high`].
    Up,
    /// From [`ConnectionKey::high`] to [`ConnectionKey::low`].
    Down,
}

impl Way {
    /// Both ways, for iteration.
    pub const BOTH: [Self; 2] = [Self::Up, Self::Down];

    /// The opposite way.
    pub fn reverse(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    /// 0 for [`Way::Up`], 1 for [`Way::Down`]: the place in an array of two.
    pub fn index(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }
}

impl FiveTuple {
    /// The key shared with the opposite direction, and the way of this one.
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
    /// The directed five-tuple of the packets that went `way`.
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

    /// The endpoint that sends the packets which go `way`.
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
    fn key_of_both_directions_is_one() {
        let there = tuple("10.0.0.1", 40000, "10.0.0.2", 443);
        let back = tuple("10.0.0.2", 443, "10.0.0.1", 40000);
        let ((key, up), (same, down)) = (there.key(), back.key());
        assert_eq!((key, up), (same, down.reverse()));
        assert_eq!(key.five_tuple(up), there);
        assert_eq!(key.five_tuple(down), back);
    }

    #[test]
    fn key_of_one_address_sorts_by_port() {
        let (key, way) = tuple("10.0.0.1", 5000, "10.0.0.1", 80).key();
        assert_eq!((key.low.port, key.high.port, way), (80, 5000, Way::Down));
    }

    #[test]
    fn key_of_equal_endpoints_goes_up() {
        assert_eq!(tuple("10.0.0.1", 1, "10.0.0.1", 1).key().1, Way::Up);
    }
}
